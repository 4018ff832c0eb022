//! A text that is being written, with its cursor. Knows no keys: whoever calls says from where to
//! where.

use std::mem;
use std::ops::Range;

use super::MAX_LINE;
use super::motion::{Motion, settled};

/// A text, and whether it was pasted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// It holds several pasted lines that no typed command stands before: it gives no orders.
    pub(super) is_pasted: bool,
}

/// It would be so many bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) usize);

/// See the module. The cursor never stands within a grapheme cluster.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    piece: Piece,
    cursor: usize,
}

impl LineBuffer {
    pub(super) fn text(&self) -> &str {
        &self.piece.text
    }

    pub(super) const fn piece(&self) -> &Piece {
        &self.piece
    }

    pub(super) const fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// Takes all of it.
    pub(super) fn take(&mut self) -> Piece {
        self.cursor = 0;
        mem::take(&mut self.piece)
    }

    /// Writes this instead, the cursor behind it.
    pub(super) fn set(&mut self, piece: Piece) {
        self.cursor = piece.text.len();
        self.piece = piece;
    }

    pub(super) fn go(&mut self, to: usize) {
        self.cursor = settled(self.text(), to);
    }

    pub(super) fn reach(&self, motion: Motion) -> usize {
        motion(self.text(), self.cursor)
    }

    /// Puts a text before the cursor. All of it or nothing.
    pub(super) fn put(&mut self, text: &str, is_pasted: bool) -> Result<(), TooLong> {
        let at = self.cursor;
        let is_command = self
            .text()
            .get(..at)
            .is_some_and(|before| before.starts_with('/'));
        self.replace(at..at, text)?;
        if is_pasted {
            self.piece.is_pasted |= !is_command;
        } else if at == 0 && text.starts_with('/') {
            self.piece.is_pasted = false;
        }
        self.settle();
        Ok(())
    }

    /// Puts a text in the place of another, and the cursor behind it. All of it or nothing.
    pub(super) fn replace(&mut self, range: Range<usize>, with: &str) -> Result<(), TooLong> {
        let size = self.text().len() - range.len() + with.len();
        if size > MAX_LINE {
            return Err(TooLong(size));
        }
        self.cursor = range.start + with.len();
        self.piece.text.replace_range(range, with);
        self.settle();
        Ok(())
    }

    /// Takes what stands between the cursor and another place.
    pub(super) fn cut(&mut self, to: usize) -> String {
        let range = self.cursor.min(to)..self.cursor.max(to);
        self.cursor = range.start;
        let cut = self.piece.text.drain(range).collect();
        self.settle();
        cut
    }

    /// What was written or taken may have joined what stood beside it.
    fn settle(&mut self) {
        self.go(self.cursor);
        // Of several lines none are left.
        self.piece.is_pasted &= self.text().contains('\n');
    }
}
