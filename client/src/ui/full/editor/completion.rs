//! Cycling through the candidates for a word. `crate::completion` finds them; nothing is known here
//! of what they mean.

use std::ops::Range;

use crate::completion;

/// Has at least one candidate.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) candidates: Vec<String>,
    pub(super) chosen: usize,
    /// The bytes of the text that the next candidate replaces.
    range: Range<usize>,
}

impl Completion {
    /// `None` without candidates.
    pub(super) fn begin(
        text: &str,
        cursor: usize,
        candidates: Vec<String>,
        is_back: bool,
    ) -> Option<Self> {
        let last = candidates.len().checked_sub(1)?;
        let behind = text.get(cursor..).unwrap_or_default();
        // The blank that candidates end with may stand behind the cursor: it is not doubled.
        let is_there = behind.starts_with(' ') && candidates.iter().all(|one| one.ends_with(' '));
        Some(Self {
            range: completion::word(text, cursor).0..cursor + usize::from(is_there),
            chosen: if is_back { last } else { 0 },
            candidates,
        })
    }

    pub(super) fn turn(mut self, is_back: bool) -> Self {
        let count = self.candidates.len();
        let step = if is_back { count - 1 } else { 1 };
        self.chosen = (self.chosen + step) % count;
        self
    }

    pub(super) fn replacement(&self) -> (Range<usize>, &str) {
        let chosen = self.candidates.get(self.chosen);
        (self.range.clone(), chosen.map_or("", String::as_str))
    }

    /// To be called when the replacement is in the text: the next one takes its place.
    pub(super) fn was_put(&mut self) {
        let length = self.replacement().1.len();
        self.range.end = self.range.start + length;
    }
}
