//! Going through what a word may become. Knows nothing of what the words mean.

use std::ops::Range;

use crate::completion;

/// A word, and what may stand in its place: at least one candidate.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) candidates: Vec<String>,
    pub(super) chosen: usize,
    /// What stands there of it, in bytes of the text.
    range: Range<usize>,
}

impl Completion {
    /// For the word before the cursor; nothing if there are no candidates.
    pub(super) fn begin(
        text: &str,
        cursor: usize,
        candidates: Vec<String>,
        is_back: bool,
    ) -> Option<Self> {
        let last = candidates.len().checked_sub(1)?;
        let behind = text.get(cursor..).unwrap_or_default();
        // The blank that they end with may be there already.
        let is_there = behind.starts_with(' ') && candidates.iter().all(|one| one.ends_with(' '));
        Some(Self {
            range: completion::word(text, cursor).0..cursor + usize::from(is_there),
            chosen: if is_back { last } else { 0 },
            candidates,
        })
    }

    /// The next one, or the one before; round and round.
    pub(super) fn turn(mut self, is_back: bool) -> Self {
        let count = self.candidates.len();
        let step = if is_back { count - 1 } else { 1 };
        self.chosen = (self.chosen + step) % count;
        self
    }

    /// What to put where.
    pub(super) fn replacement(&self) -> (Range<usize>, &str) {
        let chosen = self.candidates.get(self.chosen);
        (self.range.clone(), chosen.map_or("", String::as_str))
    }

    /// It was put there.
    pub(super) fn was_put(&mut self) {
        let length = self.replacement().1.len();
        self.range.end = self.range.start + length;
    }
}
