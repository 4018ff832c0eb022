//! Text in rows: where each ends. Words are kept whole where they fit into a row. A link is never
//! broken before the edge, and nothing is put between its rows, so that terminals recognise it.
//! Knows nothing of messages and rooms, and draws nothing; its texts are sanitized.

use std::ops::Range;

use crate::width::{Cluster, clusters};

/// Which of a cluster's widths counts.
type Measure = fn(&Cluster<'_>) -> usize;

/// The bytes of a text in each row: `first` columns are left in the first one, which may stay
/// empty, and the others have `rest`. For rows that are drawn cell by cell.
#[must_use]
pub fn wrap(text: &str, first: usize, rest: usize) -> Vec<Range<usize>> {
    rows(text, (first, rest), |cluster| cluster.width)
}

/// As [`wrap`], for rows that are written to a terminal as they are: none of them is wider than
/// its columns, whatever the terminal is like.
#[must_use]
pub fn wrap_for_any(text: &str, first: usize, rest: usize) -> Vec<Range<usize>> {
    rows(text, (first, rest), |cluster| cluster.most)
}

fn rows(text: &str, (first, rest): (usize, usize), measure: Measure) -> Vec<Range<usize>> {
    let mut filler = Filler {
        text,
        rows: Vec::new(),
        row: 0..0,
        used: 0,
        room: first,
        rest: rest.max(1),
        measure,
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

struct Filler<'t> {
    text: &'t str,
    rows: Vec<Range<usize>>,
    row: Range<usize>,
    /// In columns of `room`.
    used: usize,
    room: usize,
    /// The columns of the rows that follow.
    rest: usize,
    measure: Measure,
}

impl Filler<'_> {
    /// Words are parted by blanks alone: one that carries a mark is drawn.
    fn paragraph(&mut self, text: &str, offset: usize) {
        let (mut begin, mut gap) = (0, 0);
        let blanks = clusters(text).filter(|cluster| cluster.text == " ");
        let ends = blanks.map(|blank| (blank.at, blank.end()));
        for (at, next) in ends.chain([(text.len(), text.len())]) {
            if at > begin {
                let word = text.get(begin..at).unwrap_or_default();
                self.word(word, offset + begin, gap);
                gap = 0;
            }
            begin = next;
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
        for cluster in clusters(word).filter(stands_alone) {
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
        let wide = self.measured(word);
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
        } else if self.row.is_empty() {
            self.row = at..at;
        } else {
            self.used += gap;
        }
        for cluster in clusters(word) {
            let wide = (self.measure)(&cluster);
            if wide <= self.rest {
                self.add(at + cluster.at..at + cluster.end(), self.used + wide);
                continue;
            }
            for part in cluster.parts() {
                // What was parted may join again in its row.
                let end = at + part.end();
                let row = self.text.get(self.row.start..end).unwrap_or_default();
                self.add(at + part.at..end, self.measured(row));
            }
        }
    }

    fn measured(&self, text: &str) -> usize {
        clusters(text).map(|cluster| (self.measure)(&cluster)).sum()
    }

    /// Adds these bytes to the row, which then takes `used` columns, or begins the next with them.
    fn add(&mut self, bytes: Range<usize>, used: usize) {
        let can_turn = self.used > 0 || self.room < self.rest;
        self.used = if can_turn && used > self.room {
            self.turn(bytes.start);
            self.measured(self.text.get(bytes.clone()).unwrap_or_default())
        } else {
            used
        };
        self.row.end = bytes.end;
    }

    /// Ends the row; the next one begins with the byte `at`.
    fn turn(&mut self, at: usize) {
        self.rows.push(std::mem::replace(&mut self.row, at..at));
        self.used = 0;
        self.room = self.rest;
    }
}

/// Whether a row may end before and behind a cluster without a blank: ideographs and emoji, but not
/// Hangul, which is written with blanks.
fn stands_alone(cluster: &Cluster<'_>) -> bool {
    let first = cluster.text.chars().next();
    cluster.width > 1
        && !matches!(
            first,
            Some('\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7ff}')
        )
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

#[cfg(test)]
mod tests;
