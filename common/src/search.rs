//! What a word is for a search: the server's index is made of these words, a search asks for them,
//! and a client marks them in what was found.
//!
//! A word is a run of letters and digits. Case makes no difference, nor do accents and other marks
//! above and below letters, but for those that make Cyrillic letters of their own; what Unicode
//! calls compatible is the same (NFKC, but for the order of marks). What cannot be seen, such as
//! joiners and selectors, is passed over.
//!
//! Chinese, Japanese, Thai and others write no blanks between words, and Korean hangs endings on
//! them. So each character there (`is_unspaced`) is in the index with the one behind it, and a
//! search for several of them is one for neighbouring pairs. Elsewhere words are found whole, and
//! nothing finds a word by its beginning. What is written in other characters is another word:
//! traditional and simplified ones, hiragana and katakana.
//!
//! The threat: texts of peers, which must not make an index or a search dear. Words are cut, and
//! what a text may have of them is bounded.

use std::collections::HashSet;
use std::ops::Range;

use unicode_normalization::char::{
    canonical_combining_class, compose, decompose_compatible, is_combining_mark,
};

use crate::limits::{MAX_SEARCH_WORDS, MAX_TEXT};

/// Longer words are the same if they begin alike.
const MOST_LETTERS: usize = 128;
/// Texts have fewer words and pairs than bytes, but for signs that stand for several letters.
const MOST_TOKENS: usize = MAX_TEXT;

/// Scripts that are written without blanks between words, and Hangul, in blocks of Unicode's
/// `Blocks.txt`: those of line breaking classes ID, SA, H2, H3 and CJ (UAX #14) that have letters,
/// after compatible characters were replaced.
const UNSPACED: [(char, char); 17] = [
    // Thai, Lao.
    ('\u{e00}', '\u{eff}'),
    // Myanmar.
    ('\u{1000}', '\u{109f}'),
    // Hangul Jamo.
    ('\u{1100}', '\u{11ff}'),
    // Khmer.
    ('\u{1780}', '\u{17ff}'),
    // Tai Le, New Tai Lue.
    ('\u{1950}', '\u{19df}'),
    // Tai Tham.
    ('\u{1a20}', '\u{1aaf}'),
    // CJK radicals.
    ('\u{2e80}', '\u{2fdf}'),
    // CJK iteration mark, zero and numerals.
    ('\u{3005}', '\u{303c}'),
    // Hiragana, Katakana, Bopomofo, Kanbun, strokes.
    ('\u{3040}', '\u{31ff}'),
    // CJK extension A.
    ('\u{3400}', '\u{4dbf}'),
    // CJK, Yi.
    ('\u{4e00}', '\u{a4cf}'),
    // Hangul Jamo extended A.
    ('\u{a960}', '\u{a97f}'),
    // Myanmar extended A and B.
    ('\u{a9e0}', '\u{a9ff}'),
    ('\u{aa60}', '\u{aadf}'),
    // Hangul syllables, Jamo extended B.
    ('\u{ac00}', '\u{d7ff}'),
    // Kana supplements.
    ('\u{1aff0}', '\u{1b16f}'),
    // The planes of ideographs.
    ('\u{20000}', '\u{3fffd}'),
];

fn is_unspaced(c: char) -> bool {
    c >= '\u{e00}'
        && UNSPACED
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&c))
}

/// Joiners, selectors and other characters that take no place; they part nothing.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Marks without which a letter is the same: accents, vowel points of Hebrew and Arabic, frames.
/// Those of kana and of Indic and Thai letters have other classes.
fn is_dropped(mark: char, letter: char) -> bool {
    let is_frame = matches!(mark, '\u{20d0}'..='\u{20ff}');
    // Short i, yo, yi, short u.
    let is_cyrillic =
        matches!(letter, '\u{400}'..='\u{52f}') && matches!(mark, '\u{306}' | '\u{308}');
    is_frame || !is_cyrillic && matches!(canonical_combining_class(mark), 10..=36 | 200..)
}

/// A run of letters, all of scripts with blanks or all of scripts without.
#[derive(Debug, Default)]
struct Run {
    letters: Vec<char>,
    /// Where each letter stands in the text, in bytes.
    places: Vec<Range<usize>>,
    is_unspaced: bool,
}

impl Run {
    fn add(&mut self, c: char, place: &Range<usize>, take: &mut impl FnMut(&Self)) {
        if is_unseen(c) {
            self.widen(place);
        } else if is_combining_mark(c) {
            // Without a letter before it a mark is none of a word.
            if let Some(letter) = self.letters.last() {
                if is_dropped(c, *letter) {
                    self.widen(place);
                } else if !self.is_composed(c, place) {
                    self.push(c, place);
                }
            }
        } else if !c.is_alphanumeric() {
            self.end(take);
        } else if !self.is_composed(c, place) {
            let is_unspaced = is_unspaced(c);
            if self.is_unspaced != is_unspaced {
                self.end(take);
            }
            self.is_unspaced = is_unspaced;
            self.push(c, place);
        }
    }

    fn push(&mut self, letter: char, place: &Range<usize>) {
        self.letters.push(letter);
        self.places.push(place.clone());
    }

    /// Joins it with the letter before, where both are one.
    fn is_composed(&mut self, c: char, place: &Range<usize>) -> bool {
        let Some(letter) = self.letters.last_mut() else {
            return false;
        };
        let Some(joined) = compose(*letter, c) else {
            return false;
        };
        *letter = joined;
        self.widen(place);
        true
    }

    fn widen(&mut self, place: &Range<usize>) {
        if let Some(last) = self.places.last_mut() {
            last.end = place.end;
        }
    }

    fn end(&mut self, take: &mut impl FnMut(&Self)) {
        if !self.letters.is_empty() {
            take(self);
        }
        self.letters.clear();
        self.places.clear();
    }

    /// What is compared of a word; all of a run without blanks.
    fn compared(&self) -> &[char] {
        let most = if self.is_unspaced {
            usize::MAX
        } else {
            MOST_LETTERS
        };
        self.letters.get(..most).unwrap_or(&self.letters)
    }
}

fn read(text: &str, mut take: impl FnMut(&Run)) {
    let mut run = Run::default();
    for (at, c) in text.char_indices() {
        let place = at..at + c.len_utf8();
        if c.is_ascii() {
            run.add(c.to_ascii_lowercase(), &place, &mut take);
            continue;
        }
        decompose_compatible(c, |part| {
            for lower in part.to_lowercase() {
                // Sigma has another form at the end of a word, and only there.
                let lower = if lower == 'ς' { 'σ' } else { lower };
                run.add(lower, &place, &mut take);
            }
        });
    }
    run.end(&mut take);
}

/// The words of a text for the index, parted by blanks: a search for neighbours ([`Query::terms`])
/// finds what is written side by side, since behind each run without blanks stands its last
/// character alone. The other characters of such runs stand at the end, each once.
#[must_use]
pub fn index_text(text: &str) -> String {
    let mut tokens = String::with_capacity(text.len());
    let mut left = MOST_TOKENS;
    let (mut inner, mut alone) = (Vec::new(), HashSet::new());
    let mut push = |letters: &[char]| {
        if left > 0 {
            left -= 1;
            tokens.extend(letters);
            tokens.push(' ');
        }
    };
    read(text, |run| {
        if !run.is_unspaced {
            push(run.compared());
        } else if let Some((last, others)) = run.letters.split_last() {
            run.letters.windows(2).for_each(&mut push);
            push(&[*last]);
            alone.insert(*last);
            if inner.len() < MOST_TOKENS {
                inner.extend(others);
            }
        }
    });
    for letter in inner {
        if alone.insert(letter) {
            push(&[letter]);
        }
    }
    tokens.truncate(tokens.trim_end().len());
    tokens
}

/// The words that are searched for, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The letters of each, and whether it is written without blanks.
    sought: Vec<(Vec<char>, bool)>,
}

impl Query {
    /// Of what was typed. Words after one too many ([`MAX_SEARCH_WORDS`]) are left out, and letters
    /// of a very long one.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        let mut sought = Vec::new();
        read(typed, |run| {
            let letters = run.letters.iter().copied().take(MOST_LETTERS).collect();
            let word = (letters, run.is_unspaced);
            if sought.len() <= usize::from(MAX_SEARCH_WORDS) && !sought.contains(&word) {
                sought.push(word);
            }
        });
        Self { sought }
    }

    /// How many words there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.sought.len()
    }

    /// Whether nothing that was typed is a word.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sought.is_empty()
    }

    /// Each word as [`index_text`] has it: one, or several that must follow each other there,
    /// parted by blanks. They hold nothing but letters, digits, marks and these blanks.
    #[must_use]
    pub fn terms(&self) -> Vec<String> {
        let terms = self.sought.iter().map(|(letters, is_unspaced)| {
            if *is_unspaced && letters.len() > 1 {
                let pairs = letters.windows(2).map(String::from_iter);
                pairs.collect::<Vec<_>>().join(" ")
            } else {
                letters.iter().collect()
            }
        });
        terms.collect()
    }

    /// Where a text has these words, in bytes, in ascending order and without overlaps.
    #[must_use]
    pub fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> = Vec::new();
        read(text, |run| {
            for (letters, is_unspaced) in &self.sought {
                if *is_unspaced != run.is_unspaced {
                    continue;
                }
                let all = run.compared() == letters;
                if !is_unspaced && all {
                    places.extend(span(&run.places));
                } else if *is_unspaced {
                    let windows = run.letters.windows(letters.len());
                    let found = windows.zip(run.places.windows(letters.len()));
                    let found = found.filter(|(window, _)| window == letters);
                    places.extend(found.filter_map(|(_, places)| span(places)));
                }
            }
        });
        places.sort_by_key(|place| (place.start, place.end));
        places.dedup_by(|next, kept| {
            let overlaps = next.start < kept.end;
            if overlaps {
                kept.end = kept.end.max(next.end);
            }
            overlaps
        });
        places
    }
}

fn span(places: &[Range<usize>]) -> Option<Range<usize>> {
    Some(places.first()?.start..places.last()?.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(typed: &str) -> Vec<String> {
        Query::new(typed).terms()
    }

    /// What is marked of a text.
    fn found<'t>(typed: &str, text: &'t str) -> Vec<&'t str> {
        let places = Query::new(typed).places(text).into_iter();
        places.map(|place| &text[place]).collect()
    }

    #[test]
    fn what_is_between_words_is_dropped_and_case_and_accents_are_the_same() {
        for (text, words) in [
            ("Hello, WORLD!", "hello world"),
            ("Zoë e\u{301}te\u{301} Ça Vấn", "zoe ete ca van"),
            ("a-b \"c\" NEAR(d) body:e* ^f", "a b c near d body e f"),
            ("one one ONE", "one one one"),
            ("a\0b", "a b"),
            ("10.20.30.40:7878", "10 20 30 40 7878"),
            ("Мой НА Ёж и\u{301}", "мой на ёж и"),
            ("ΟΔΌΣ οδός", "οδοσ οδοσ"),
            ("İx Ｆｕｌｌ ﬁne ①", "ix full fine 1"),
            ("שָׁלוֹם مُحَمَّد آب", "שלום محمد اب"),
            ("हिन्दी", "हिन्दी"),
            ("so\u{ad}ft jo\u{200d}in 1\u{fe0f}\u{20e3}", "soft join 1"),
            ("", ""),
            (" \"*^:-()+{}\u{1f600} \u{301}", ""),
        ] {
            assert_eq!(index_text(text), words, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_without_blanks_is_in_the_index_in_pairs_and_alone() {
        for (text, words) in [
            ("東京都", "東京 京都 都 東 京"),
            ("日本disk語", "日本 本 disk 語 日"),
            ("서울에서", "서울 울에 에서 서 울 에"),
            // Decomposed, and of half width.
            ("\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}", "서울 울 서"),
            ("ﾊﾟﾘ か\u{3099}", "パリ リ が パ"),
            ("日，本。々", "日 本 々"),
            ("ที่นี่", "ที ี\u{e48} \u{e48}น นี ี\u{e48} \u{e48} ท ี น"),
            ("ខ្មែរ", "ខ\u{17d2} \u{17d2}ម មែ ែរ រ ខ \u{17d2} ម ែ"),
            ("葛\u{e0100}城", "葛城 城 葛"),
        ] {
            assert_eq!(index_text(text), words, "{text:?}");
        }
        assert_eq!(terms("東京都 disk 語"), ["東京 京都", "disk", "語"]);
        assert_eq!(terms("disk、Disk 東京 東京"), ["disk", "東京"]);
    }

    /// As FTS5 does it: the tokens of each term side by side.
    fn is_found(typed: &str, text: &str) -> bool {
        let index = format!(" {} ", index_text(text));
        let terms = terms(typed);
        !terms.is_empty()
            && terms
                .iter()
                .all(|term| index.contains(&format!(" {term} ")))
    }

    #[test]
    fn a_search_finds_what_is_side_by_side_and_marks_it() {
        for (typed, text, marked) in [
            ("東京", "昨日東京都へ", &["東京"][..]),
            ("京都 東京", "東京都", &["東京都"]),
            ("東京都", "東京、京都", &[]),
            ("東京都", "東京 京都", &[]),
            ("本語", "日本 語", &[]),
            ("語", "日本語、言語学", &["語", "語"]),
            ("disk", "ディスクdiskが", &["disk"]),
            ("ﾃﾞｨｽｸ", "ディスクdisk", &["ディスク"]),
            ("서울", "서울에서", &["서울"]),
            ("นี่", "ที่นี่", &["นี่"]),
            ("uber", "ÜBER über-all", &["ÜBER", "über"]),
            ("dis", "disk", &[]),
            ("ete", "e\u{301}te\u{301}!", &["e\u{301}te\u{301}"]),
            ("のの", "のののの", &["のののの"]),
            ("株式", "㍿", &["㍿"]),
        ] {
            assert_eq!(found(typed, text), marked, "{typed} in {text}");
            assert_eq!(is_found(typed, text), !marked.is_empty(), "{typed}");
        }
        assert_eq!(Query::new("a 東").places("x東a"), [1..4, 4..5]);
        assert!(Query::new("").places("a").is_empty());
    }

    /// Every text of up to so many of these signs.
    fn all_texts(most: usize) -> Vec<String> {
        const SIGNS: [&str; 8] = ["a", "東", "京", "ก", "\u{e48}", "\u{301}", "\u{200d}", "、"];
        let mut texts = vec![String::new()];
        let mut begin = 0;
        for _ in 0..most {
            let end = texts.len();
            for at in begin..end {
                let longer = SIGNS.map(|sign| format!("{}{sign}", texts[at]));
                texts.extend(longer);
            }
            begin = end;
        }
        texts
    }

    #[test]
    fn what_is_found_is_what_is_marked() {
        let texts = all_texts(4);
        assert_eq!(texts.len(), 4_681);
        for typed in all_texts(3) {
            let query = Query::new(&typed);
            assert_eq!(terms(&typed).len(), query.len());
            let word = |word| Query { sought: vec![word] };
            let words: Vec<_> = query.sought.iter().cloned().map(word).collect();
            for text in texts.iter().skip(typed.len() % 5).step_by(5) {
                let is_marked = |word: &Query| !word.places(text).is_empty();
                let are_all = !words.is_empty() && words.iter().all(is_marked);
                assert_eq!(is_found(&typed, text), are_all, "{typed:?} in {text:?}");
            }
        }
    }

    #[test]
    fn nothing_makes_an_index_or_a_search_dear() {
        let most = |text: &str| {
            let tokens = index_text(text);
            assert!(tokens.len() <= 16 * MAX_TEXT, "{}", tokens.len());
            tokens.split(' ').count()
        };
        let texts = [
            "㌖",
            "ﷺ",
            "的",
            "a ",
            "中 ",
            "ก\u{e48}",
            "\u{301}",
            "x",
            "각",
        ];
        for sign in texts {
            assert!(most(&sign.repeat(MAX_TEXT / sign.len())) <= MOST_TOKENS);
            let typed = sign.repeat(85);
            let terms = terms(&typed);
            assert!(terms.len() <= usize::from(MAX_SEARCH_WORDS) + 1);
            let pairs: usize = terms.iter().map(|term| term.split(' ').count()).sum();
            assert!(
                pairs <= MOST_LETTERS + usize::from(MAX_SEARCH_WORDS),
                "{sign}"
            );
        }
        let all = |first, last| (first..=last).collect::<String>();
        // Different characters: none is left out.
        let many = all('\u{4e00}', '\u{58a9}');
        assert_eq!(many.len(), 8190);
        assert_eq!(most(&many), 2 * 2730 - 1);
        let long = "x".repeat(MOST_LETTERS);
        assert_eq!(index_text(&format!("{long}y z")), format!("{long} z"));
        assert_eq!(found(&format!("{long}1"), &format!("{long}2")).len(), 1);
    }

    #[test]
    fn every_character_of_a_word_is_found_and_no_place_cuts_one() {
        // Ideographs of other planes differ in nothing.
        let all = (0..0x2_0000).chain(0x2_f800..0x2_fa20);
        for c in all.chain(0xe_0000..0xe_0200).filter_map(char::from_u32) {
            let (typed, text) = (c.to_string(), format!("x{c}y \u{301}{c}"));
            let words = terms(&typed);
            assert_eq!(is_found(&typed, &text), !words.is_empty(), "{c:?}");
            let again: Vec<_> = words
                .iter()
                .flat_map(|word| terms(&word.replace(' ', "")))
                .collect();
            let places = Query::new(&typed).places(&text);
            assert_eq!(places.is_empty(), words.is_empty(), "{c:?}");
            assert!(places.iter().all(|place| text.get(place.clone()).is_some()));
            if words.iter().all(|word| !word.contains(' ')) {
                assert_eq!(again, words, "{c:?}");
            }
        }
    }
}
