//! The text being edited, its cursor, and whether it was pasted. Bounds its length. Knows no keys:
//! the editor gives the ranges.

use std::mem;
use std::ops::Range;

use super::MAX_LINE;
use super::motion::{Motion, settled};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// It has several lines, pasted ones among them, and began with no typed command: sent, it is a
    /// message, whatever it begins with.
    pub(super) is_pasted: bool,
}

/// The bytes that the line would have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) usize);

/// The text has at most [`MAX_LINE`] bytes; the cursor never stands within a grapheme cluster.
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

    pub(super) fn take(&mut self) -> Piece {
        self.cursor = 0;
        mem::take(&mut self.piece)
    }

    /// Replaces all of it; the cursor goes to the end.
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

    /// Inserts at the cursor, all of the text or nothing.
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

    /// Replaces a range by all of the text or not at all; the cursor goes behind it.
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

    /// Cuts between the cursor and `to`.
    pub(super) fn cut(&mut self, to: usize) -> String {
        let range = self.cursor.min(to)..self.cursor.max(to);
        self.cursor = range.start;
        let cut = self.piece.text.drain(range).collect();
        self.settle();
        cut
    }

    /// What was inserted or cut may have joined two clusters into one around the cursor.
    fn settle(&mut self) {
        self.go(self.cursor);
        // A single line is as good as typed.
        self.piece.is_pasted &= self.text().contains('\n');
    }
}
