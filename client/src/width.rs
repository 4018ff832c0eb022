//! How many columns a terminal gives a text: the one place that says it, for all faces.
//!
//! Terminals differ: some join an emoji of several characters, and others draw them side by side;
//! each has another version of Unicode; some give two columns to what the standard calls
//! ambiguous. So a cluster has two widths, and neither is a guess about the terminal at hand. The
//! full screen keeps [`Cluster::width`] columns free, and moves the cursor and clears what it must
//! wherever terminals differ ([`is_sure`]). Where lines are written and no cursor is moved, a row
//! must fit by [`Cluster::most`]: a terminal that breaks a row itself begins the next one at the
//! first column, where a peer's text could pass for the line of somebody else.
//!
//! Knows no row and no style; its texts are sanitized.
#![allow(
    clippy::disallowed_methods,
    reason = "the one module that asks the tables"
)]

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Stands for a tab, whose columns would depend on where it stands.
pub const TAB: &str = "    ";
/// The most characters drawn as one: a family of four with skin tones takes eleven. A longer chain
/// would run over the lines below on terminals that draw the characters one by one.
pub const MAX_JOINED: usize = 12;
/// The most columns drawn as one: those of a couple with skin tones, side by side.
pub const MAX_WIDTH: usize = 12;

/// A grapheme cluster, or one character of a cluster that is too long or too wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster<'t> {
    /// In bytes of its text.
    pub at: usize,
    pub text: &'t str,
    /// The columns kept free for it: the most that a terminal of our day takes, but for characters
    /// of ambiguous width, which would part the letters of Greek and Cyrillic. 0 is not drawn.
    pub width: usize,
    /// The most columns that any terminal takes, also one that joins nothing; 0 for a control.
    pub most: usize,
}

impl<'t> Cluster<'t> {
    fn new(at: usize, text: &'t str) -> Self {
        let width = columns(text);
        Self {
            at,
            text,
            width,
            most: at_most(text).max(width),
        }
    }

    /// In bytes of its text.
    pub const fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// The characters of a cluster that is wider than a row.
    pub fn parts(self) -> impl Iterator<Item = Self> {
        characters(self.at, self.text)
    }
}

fn characters(at: usize, text: &str) -> impl Iterator<Item = Cluster<'_>> {
    text.char_indices().map(move |(offset, c)| {
        let part = text.get(offset..offset + c.len_utf8()).unwrap_or_default();
        Cluster {
            at: at + offset,
            text: part,
            // A mark or a joiner that stands alone would join what is drawn before it.
            width: alone(c),
            most: at_most(part),
        }
    })
}

pub fn clusters(text: &str) -> impl Iterator<Item = Cluster<'_>> {
    // Most texts are ASCII, where each character is a cluster.
    let (simple, other) = if text.is_ascii() {
        (text, "")
    } else {
        ("", text)
    };
    let simple = simple.bytes().enumerate().map(move |(at, byte)| {
        let width = usize::from(!byte.is_ascii_control());
        Cluster {
            at,
            text: simple.get(at..=at).unwrap_or_default(),
            width,
            most: width,
        }
    });
    let other = other.grapheme_indices(true).flat_map(|(at, text)| {
        let cluster = Cluster::new(at, text);
        let is_whole = text.chars().nth(MAX_JOINED).is_none() && cluster.width <= MAX_WIDTH;
        let (whole, parts) = if is_whole {
            (Some(cluster), "")
        } else {
            (None, text)
        };
        whole.into_iter().chain(characters(at, parts))
    });
    simple.chain(other)
}

/// The columns kept free for a text.
#[must_use]
pub fn width(text: &str) -> usize {
    clusters(text).map(|cluster| cluster.width).sum()
}

/// The most columns that any terminal takes for a text.
#[must_use]
pub fn most(text: &str) -> usize {
    clusters(text).map(|cluster| cluster.most).sum()
}

/// As much of a text as fits into `columns`; where that is not all, the last column is a `…`.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = clusters(text).take_while(|cluster| {
        used += cluster.width;
        used <= columns
    });
    let mut cut: String = fits.map(|cluster| cluster.text).collect();
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// Whether every terminal takes the columns that are kept free for a cluster, in one character:
/// ASCII, and the characters of East Asia that are as old as the terminals.
#[must_use]
pub fn is_sure(cluster: &str) -> bool {
    let mut characters = cluster.chars();
    let (Some(c), None) = (characters.next(), characters.next()) else {
        return false;
    };
    matches!(c, ' '..='~'
        // Punctuation and kana, ideographs, syllables of Hangul, full-width ASCII.
        | '\u{3001}'..='\u{3002}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}'
        | '\u{4e00}'..='\u{9fa5}' | '\u{ac00}'..='\u{d7a3}' | '\u{ff01}'..='\u{ff5e}')
}

/// The columns kept free for one cluster.
#[must_use]
pub fn columns(cluster: &str) -> usize {
    if cluster.is_empty() || cluster.contains(char::is_control) {
        return 0;
    }
    // Joined, or side by side. What has no width may hide nothing: it takes a column.
    let apart = cluster.chars().map(alone).sum::<usize>();
    cluster.width().max(apart).max(1)
}

/// Of a character that is joined to nothing, by terminals that give ambiguous ones one column.
fn alone(c: char) -> usize {
    match c {
        // Numbers in circles on squares, tones of Hangul, reading signs of Chinese.
        '\u{3248}'..='\u{324f}' | '\u{302e}'..='\u{302f}' | '\u{16ff0}'..='\u{16ff1}' => 2,
        c if is_spacing(c) => 1,
        c => c.width().unwrap_or(0),
    }
}

/// Vowel signs, viramas and others that `unicode-width` takes for parts of the letter before, and
/// terminals that go by the general category (Mc, Cf) give a column of their own.
const fn is_spacing(c: char) -> bool {
    matches!(c,
        // Arabic and Syriac signs before numbers.
        '\u{605}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        // Bengali, Oriya, Tamil, Kannada, Malayalam, Sinhala.
        | '\u{9be}' | '\u{9d7}' | '\u{b3e}' | '\u{b57}' | '\u{bbe}' | '\u{bd7}'
        | '\u{cc0}' | '\u{cc2}' | '\u{cc7}'..='\u{cc8}' | '\u{cca}'..='\u{ccb}'
        | '\u{cd5}'..='\u{cd6}' | '\u{d3e}' | '\u{d4e}' | '\u{d57}' | '\u{dcf}' | '\u{ddf}'
        // Tagalog and its kin, Balinese, Sundanese, Batak, Devanagari, Rejang, Javanese.
        | '\u{1715}' | '\u{1734}' | '\u{1b35}' | '\u{1b3b}' | '\u{1b3d}'
        | '\u{1b43}'..='\u{1b44}' | '\u{1baa}' | '\u{1bf2}'..='\u{1bf3}'
        | '\u{a8fa}' | '\u{a953}' | '\u{a9c0}'
        // Scripts beyond the first plane, and stems and flags of musical notes.
        | '\u{111c0}' | '\u{111c2}'..='\u{111c3}' | '\u{11235}' | '\u{1133e}' | '\u{1134d}'
        | '\u{11357}' | '\u{113b8}' | '\u{113c2}' | '\u{113c5}' | '\u{113c7}'..='\u{113c9}'
        | '\u{113cf}' | '\u{113d1}' | '\u{114b0}' | '\u{114bd}' | '\u{115af}' | '\u{116b6}'
        | '\u{11930}' | '\u{1193d}' | '\u{1193f}' | '\u{11941}' | '\u{11a84}'..='\u{11a89}'
        | '\u{11d46}' | '\u{11f02}' | '\u{11f41}' | '\u{1d165}'..='\u{1d166}'
        | '\u{1d16d}'..='\u{1d172}')
}

fn at_most(text: &str) -> usize {
    let each = text.chars().map(|c| match c {
        ' '..='~' => 1,
        c if c.is_control() => 0,
        // Symbols and pictures: wide in some fonts, and some are younger than a terminal's tables.
        '\u{2000}'..='\u{200a}'
        | '\u{2010}'..='\u{2027}'
        | '\u{2030}'..='\u{205e}'
        | '\u{2070}'..='\u{20cf}'
        | '\u{2100}'..='\u{2bff}'
        | '\u{1f000}'..='\u{1fbff}' => 2,
        c if is_ambiguous_letter(c) => 2,
        // Also a mark or a joiner, for terminals that join nothing.
        c => c.width_cjk().unwrap_or(0).max(alone(c)).max(1),
    });
    each.sum()
}

/// Letters of East Asian Width A (UAX #11), which `width_cjk` leaves out.
const fn is_ambiguous_letter(c: char) -> bool {
    matches!(c,
        '\u{a8}' | '\u{aa}' | '\u{b4}' | '\u{b8}' | '\u{ba}' | '\u{c6}' | '\u{d0}' | '\u{d8}'
        | '\u{de}'..='\u{e1}' | '\u{e6}' | '\u{e8}'..='\u{ea}' | '\u{ec}'..='\u{ed}' | '\u{f0}'
        | '\u{f2}'..='\u{f3}' | '\u{f8}'..='\u{fa}' | '\u{fc}' | '\u{fe}'
        | '\u{101}'..='\u{16b}' | '\u{1ce}'..='\u{1dc}' | '\u{251}' | '\u{261}'
        | '\u{2c4}'..='\u{2df}'
        // Greek, Cyrillic.
        | '\u{391}'..='\u{3c9}' | '\u{401}' | '\u{410}'..='\u{44f}' | '\u{451}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_takes_the_columns_of_the_widest_terminal() {
        for (cluster, columns, at_most) in [
            ("a", 1, 1),
            ("é", 1, 2),
            ("e\u{301}", 1, 2),
            ("ж", 1, 2),
            ("Ω", 1, 2),
            ("ש", 1, 1),
            ("’", 1, 2),
            ("─", 1, 2),
            ("界", 2, 2),
            ("한", 2, 2),
            ("ｶﾞ", 2, 2),
            ("㉈", 2, 2),
            ("㉏", 2, 2),
            ("䷀", 2, 2),
            ("❤", 1, 2),
            ("❤\u{fe0f}", 2, 3),
            ("1\u{fe0f}\u{20e3}", 2, 3),
            ("🇫🇷", 2, 4),
            ("👍🏽", 4, 4),
            ("👩\u{200d}👩\u{200d}👧\u{200d}👦", 8, 11),
            ("\u{1100}\u{1161}\u{11a8}", 2, 4),
            ("কা", 2, 2),
            ("கா", 2, 2),
            ("ក្ក", 2, 3),
            ("\u{17d8}", 3, 3),
            ("\u{1161}", 1, 1),
            ("\u{301}", 1, 1),
            ("\u{1f1eb}", 1, 2),
            ("", 0, 0),
            ("\t", 0, 0),
        ] {
            assert_eq!(width(cluster), columns, "{cluster:?}");
            assert_eq!(most(cluster), at_most, "{cluster:?}");
        }
    }

    #[test]
    fn no_table_gives_a_character_more_columns_than_are_kept() {
        for c in (0x20..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = c.to_string();
            let (kept, at_most) = (width(&text), most(&text));
            if c.is_control() {
                assert_eq!((kept, at_most), (0, 0), "{c:?}");
                continue;
            }
            assert!(kept >= text.width(), "{c:?}");
            assert!(at_most >= text.width_cjk().max(kept), "{c:?}");
            assert!(kept > 0, "{c:?}");
            if is_sure(&text) {
                assert_eq!((kept, at_most), (text.width(), text.width_cjk()), "{c:?}");
            }
        }
    }

    #[test]
    fn a_chain_that_no_script_needs_is_taken_apart() {
        for (link, columns) in [("👩\u{200d}", 2), ("\u{1100}", 2), ("क\u{94d}", 1)] {
            let chain = format!("{}x", link.repeat(500));
            assert_eq!(width(&chain), 500 * columns + 1, "{link:?}");
            let mut all = clusters(&chain);
            assert!(all.all(|cluster| cluster.width <= MAX_WIDTH
                && cluster.text.chars().count() <= MAX_JOINED
                && cluster.width <= cluster.most));
            assert!(most(&chain) >= width(&chain));
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(cut("lobby", 5), "lobby");
        assert_eq!(cut("lobby", 4), "lob…");
        assert_eq!(cut("世界", 3), "世…");
        assert_eq!(cut("世界", 2), "…");
        assert_eq!(cut("lobby", 0), "");
    }

    #[test]
    fn nothing_of_several_characters_is_sure_and_nothing_ambiguous() {
        for cluster in [
            "e\u{301}", "🇫🇷", "é", "─", "ж", "㉈", "❤", "\u{378}", "", "ab",
        ] {
            assert!(!is_sure(cluster), "{cluster:?}");
        }
        for cluster in ["a", " ", "漢", "か", "한", "！"] {
            assert!(is_sure(cluster), "{cluster:?}");
        }
    }
}
