//! The lines submitted before, oldest first, and the edits made to them since the last one. Lives
//! in memory only, and keeps no line that may hold a secret.

use std::collections::{BTreeMap, VecDeque};

use super::line_buffer::Piece;
use crate::input::may_hold_secret;

const MAX_ENTRIES: usize = 500;

#[derive(Debug, Default)]
pub(super) struct History {
    entries: VecDeque<Piece>,
    /// The entry in the line; `entries.len()` is the new line.
    at: usize,
    /// By place: entries edited since the last line was sent, and the unfinished new line.
    changed: BTreeMap<usize, Piece>,
}

impl History {
    /// Keeps a line that is not blank, is not the last one again, and can hold no secret: a secret
    /// would be shown again to a person who looks for another line.
    pub(super) fn keep(&mut self, piece: &Piece) {
        let is_new = !piece.text.trim().is_empty() && self.entries.back() != Some(piece);
        if is_new && !may_hold_secret(&piece.text) {
            self.entries.push_back(piece.clone());
            if self.entries.len() > MAX_ENTRIES {
                self.entries.pop_front();
            }
        }
        self.at = self.entries.len();
        self.changed.clear();
    }

    /// A text that was kept has turned out to be a secret.
    pub(super) fn forget(&mut self, text: &str) {
        self.entries.retain(|entry| entry.text != text);
        self.at = self.entries.len();
        self.changed.clear();
    }

    /// `current` is kept at its place, to be found there again.
    pub(super) fn back(&mut self, current: &Piece) -> Option<Piece> {
        let to = self.at.checked_sub(1)?;
        Some(self.go(to, current))
    }

    pub(super) fn next(&mut self, current: &Piece) -> Option<Piece> {
        let to = self.at + 1;
        (to <= self.entries.len()).then(|| self.go(to, current))
    }

    fn go(&mut self, to: usize, current: &Piece) -> Piece {
        if self.entries.get(self.at) == Some(current) {
            self.changed.remove(&self.at);
        } else {
            self.changed.insert(self.at, current.clone());
        }
        self.at = to;
        let found = self.changed.get(&to).or_else(|| self.entries.get(to));
        found.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Piece {
        Piece {
            text: text.to_owned(),
            is_pasted: false,
        }
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut history = History::default();
        for number in 0..MAX_ENTRIES + 10 {
            history.keep(&typed(&number.to_string()));
        }
        let mut current = typed("begun");
        let mut steps = 0;
        while let Some(before) = history.back(&current) {
            current = before;
            steps += 1;
        }
        assert_eq!((steps, current.text.as_str()), (MAX_ENTRIES, "10"));
        while let Some(after) = history.next(&current) {
            current = after;
        }
        assert_eq!(current, typed("begun"));
    }

    #[test]
    fn blanks_and_repetitions_are_not_kept() {
        let mut history = History::default();
        for text in ["a", "a", " ", "", "\n", "b", "a"] {
            history.keep(&typed(text));
        }
        let texts: Vec<&str> = history
            .entries
            .iter()
            .map(|entry| entry.text.as_str())
            .collect();
        assert_eq!(texts, ["a", "b", "a"]);
    }

    #[test]
    fn what_may_be_a_secret_is_not_kept_and_what_was_begun_goes_with_it() {
        let mut history = History::default();
        history.keep(&typed("hello"));
        history.back(&typed("/password old"));
        for text in ["/password old new", "/passwd old", " /password old\nnew"] {
            history.keep(&typed(text));
        }
        assert_eq!(history.back(&typed("")), Some(typed("hello")));
        assert_eq!(history.next(&typed("hello")), Some(typed("")));
        history.keep(&typed("/password"));
        assert_eq!(history.back(&typed("")), Some(typed("/password")));
    }
}
