//! Text in rows: what is drawn as one cluster, how many columns it takes, and where a row ends.
//!
//! Widths are those of `unicode-width`, which ratatui uses as well but for one exception (see
//! [`fill`]): what is measured here is what stands on the screen. Words are kept whole where they
//! fit into a row. A link is never broken before the edge, and nothing is put between its rows, so
//! that terminals recognise it. Knows nothing of messages and rooms; its texts are sanitized.

use std::num::NonZeroU16;
use std::ops::Range;

use ratatui::buffer::{Buffer, Cell, CellDiffOption, CellWidth};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

pub const TAB: &str = "    ";
/// The most characters drawn as one: a family of four with skin tones takes eleven. Some terminals
/// draw them one by one, and a longer chain would run over the lines below.
pub(super) const MAX_JOINED: usize = 12;
/// The most columns drawn as one; joined consonants of Indic scripts take three or four.
pub(super) const MAX_WIDTH: usize = 6;

/// A grapheme cluster, or one character of a cluster that is too long or too wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster<'t> {
    /// In bytes of its text.
    pub at: usize,
    pub text: &'t str,
    /// In columns; 0 is not drawn.
    pub width: usize,
}

impl Cluster<'_> {
    const fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// Whether a row may end before and behind it without a blank: ideographs and emoji, but not
    /// Hangul, which is written with blanks.
    fn stands_alone(&self) -> bool {
        let first = self.text.chars().next();
        self.width > 1
            && !matches!(
                first,
                Some('\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7ff}')
            )
    }
}

pub fn clusters(text: &str) -> impl Iterator<Item = Cluster<'_>> {
    // Most texts are ASCII, where each character is a cluster.
    let (simple, other) = if text.is_ascii() {
        (text, "")
    } else {
        ("", text)
    };
    let simple = simple.bytes().enumerate().map(move |(at, byte)| Cluster {
        at,
        text: simple.get(at..=at).unwrap_or_default(),
        width: usize::from(!byte.is_ascii_control()),
    });
    let other = other.grapheme_indices(true).flat_map(|(at, cluster)| {
        let is_whole =
            cluster.chars().nth(MAX_JOINED).is_none() && cell_width(cluster) <= MAX_WIDTH;
        let (whole, parts) = if is_whole {
            (Some((at, cluster)), "")
        } else {
            (None, cluster)
        };
        let parts = parts.char_indices().map(move |(offset, c)| {
            let part = parts.get(offset..offset + c.len_utf8());
            (at + offset, part.unwrap_or_default())
        });
        whole.into_iter().chain(parts).map(|(at, text)| Cluster {
            at,
            text,
            width: cell_width(text),
        })
    });
    simple.chain(other)
}

#[must_use]
pub fn width(text: &str) -> usize {
    clusters(text).map(|cluster| cluster.width).sum()
}

fn cell_width(cluster: &str) -> usize {
    if cluster.contains(char::is_control) {
        return 0;
    }
    cluster.width()
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

/// Draws up to the column `end`, exclusive; returns the column behind the text.
pub fn draw(buffer: &mut Buffer, (x, y): (u16, u16), text: &str, end: u16, style: Style) -> u16 {
    let mut x = x;
    let end = end.min(buffer.area.right());
    for cluster in clusters(text).filter(|cluster| cluster.width > 0) {
        let wide = u16::try_from(cluster.width).unwrap_or(u16::MAX);
        let next = x.saturating_add(wide);
        if next > end {
            break;
        }
        for column in x..next {
            if let Some(cell) = buffer.cell_mut((column, y)) {
                cell.reset();
                cell.set_style(style);
                if column == x {
                    fill(cell, cluster.text, wide);
                }
            }
        }
        x = next;
    }
    x
}

/// ratatui takes the half-width sound marks of Japanese for wider than they are, and would leave
/// out what stands behind them.
fn fill(cell: &mut Cell, cluster: &str, wide: u16) {
    cell.set_symbol(cluster);
    if cluster.cell_width() != wide
        && let Some(wide) = NonZeroU16::new(wide)
    {
        cell.set_diff_option(CellDiffOption::ForcedWidth(wide));
    }
}

/// The bytes of a text in each row: `first` columns are left in the first one, which may stay
/// empty, and the others have `rest`.
#[must_use]
pub fn wrap(text: &str, first: usize, rest: usize) -> Vec<Range<usize>> {
    let mut filler = Filler {
        rows: Vec::new(),
        row: 0..0,
        used: 0,
        room: first,
        rest: rest.max(1),
    };
    let mut at = 0;
    for paragraph in text.split('\n') {
        filler.row = at..at;
        filler.paragraph(paragraph, at);
        at += paragraph.len() + 1;
        filler.turn(at);
    }
    filler.rows
}

struct Filler {
    rows: Vec<Range<usize>>,
    row: Range<usize>,
    /// In columns of `room`.
    used: usize,
    room: usize,
    /// The columns of the rows that follow.
    rest: usize,
}

impl Filler {
    fn paragraph(&mut self, text: &str, offset: usize) {
        let (mut at, mut gap) = (offset, 0);
        for word in text.split(' ') {
            if !word.is_empty() {
                self.word(word, at, gap);
                gap = 0;
            }
            at += word.len() + 1;
            gap += 1;
        }
    }

    /// Places a word with `gap` blanks before it; a link in it goes as one piece.
    fn word(&mut self, word: &str, at: usize, gap: usize) {
        let link = link_at(word).unwrap_or(word.len());
        let (word, link) = word.split_at_checked(link).unwrap_or((word, ""));
        let mut gap = gap;
        let mut place = |bytes: Range<usize>| {
            if let Some(text) = word.get(bytes.clone()).filter(|text| !text.is_empty()) {
                self.place(text, at + bytes.start, std::mem::take(&mut gap), false);
            }
        };
        let mut begin = 0;
        for cluster in clusters(word).filter(Cluster::stands_alone) {
            place(begin..cluster.at);
            place(cluster.at..cluster.end());
            begin = cluster.end();
        }
        place(begin..word.len());
        if !link.is_empty() {
            self.place(link, at + word.len(), gap, true);
        }
    }

    fn place(&mut self, word: &str, at: usize, gap: usize, is_link: bool) {
        let wide = width(word);
        if self.used + gap + wide <= self.room {
            self.used += gap + wide;
            self.row.end = at + word.len();
            return;
        }
        // A word longer than a row begins in what is left of this one, a link in a row of its own.
        let goes_on = self.used > 0 || self.room < self.rest;
        let begins_here = !is_link && wide > self.rest && self.used + gap < self.room;
        if goes_on && !begins_here {
            self.turn(at);
        } else if self.used == 0 {
            self.row = at..at;
        } else {
            self.used += gap;
        }
        for cluster in clusters(word) {
            if self.used > 0 && self.used + cluster.width > self.room {
                self.turn(at + cluster.at);
            }
            self.used += cluster.width;
            self.row.end = at + cluster.end();
        }
    }

    /// Ends the row; the next one begins with the byte `at`.
    fn turn(&mut self, at: usize) {
        self.rows.push(std::mem::replace(&mut self.row, at..at));
        self.used = 0;
        self.room = self.rest;
    }
}

/// The offset of a link that begins in the word: brackets may stand before it.
fn link_at(word: &str) -> Option<usize> {
    let colon = word.find("://")?;
    let before = word.get(..colon)?;
    ["https", "http"].iter().find_map(|scheme| {
        let at = before.len().checked_sub(scheme.len())?;
        let is_it = before.get(at..)?.eq_ignore_ascii_case(scheme);
        is_it.then_some(at)
    })
}
