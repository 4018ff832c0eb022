//! The input line, edited as by readline. Pure: actions and characters come in, what is to be done
//! comes out; nothing is drawn here and no key is read.
//!
//! A paste of several lines enters the line only when the person confirms it. What is longer than
//! a message can be is refused whole, never cut. The face asks for rows and a cursor.

mod completion;
mod history;
mod layout;
mod line_buffer;
mod motion;

use std::mem;

use chatbox_common::limits::MAX_TEXT;

use super::keymap::Action;
use crate::input::MAX_LINE;
use completion::Completion;
use history::History;
pub use layout::Layout;
use line_buffer::{LineBuffer, Piece, TooLong};
use motion::Motion;

#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum EditOutcome {
    Done,
    /// The action is not the line's in its present state: the face does it.
    Elsewhere,
    /// Nothing was changed: the line would have this many bytes, more than [`MAX_LINE`].
    Full(usize),
    /// To be sent or carried out; the line is empty.
    Submitted(Submitted),
    /// The line was emptied; the history has its text, unless it may hold a secret.
    Cleared,
    /// The line was empty already: the person wants to quit.
    Quit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// For [`crate::input::parse`].
    Line(String),
    /// For [`crate::input::parse_pasted`]: several pasted lines give no orders.
    Paste(String),
}

/// A paste that waits for the person's confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// At least two.
    pub lines: usize,
    pub bytes: usize,
}

/// What the last key did, where the next one may continue it.
#[derive(Debug, Default)]
enum Last {
    #[default]
    Other,
    /// The next kill joins what was killed.
    Kill,
    /// Moved between lines: the column that the first of these moves began in, which shorter lines
    /// on the way do not change.
    Vertical(usize),
    Completion(Completion),
}

#[derive(Debug, Default)]
pub struct Editor {
    line: LineBuffer,
    history: History,
    last: Last,
    killed: Piece,
    /// A paste of several lines that waits for the person's confirmation.
    asked: Option<String>,
}

impl Editor {
    #[must_use]
    pub fn text(&self) -> &str {
        self.line.text()
    }

    /// In bytes, always between two grapheme clusters.
    #[must_use]
    pub const fn cursor(&self) -> usize {
        self.line.cursor()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// The paste that waits: Enter sends it, `e` puts it into the line, Esc forgets it.
    #[must_use]
    pub fn asking(&self) -> Option<Asking> {
        let pasted = without_end(self.asked.as_deref()?);
        Some(Asking {
            lines: pasted.matches('\n').count() + 1,
            bytes: pasted.len(),
        })
    }

    /// The completions of the word before the cursor, if there are several, and which of them is in
    /// the line.
    #[must_use]
    pub fn candidates(&self) -> Option<(&[String], usize)> {
        match &self.last {
            Last::Completion(completion) => Some((&completion.candidates, completion.chosen)),
            _ => None,
        }
    }

    #[must_use]
    pub fn layout(&self, width: usize) -> Layout {
        layout::lay_out(self.text(), self.cursor(), width)
    }

    /// While a paste waits, `e` puts it into the line, and other characters are dropped.
    pub fn insert(&mut self, character: char) -> EditOutcome {
        self.last = Last::Other;
        if self.asked.is_none() {
            return self.put(character.encode_utf8(&mut [0; 4]));
        }
        if matches!(character, 'e' | 'E') {
            return self.put_asked();
        }
        EditOutcome::Done
    }

    /// One line enters at once, several wait for confirmation; a second paste joins the one that
    /// waits. CR LF and CR become line feeds, and those at the end are dropped.
    pub fn paste(&mut self, pasted: &str) -> EditOutcome {
        self.last = Last::Other;
        let unified = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let whole = format!("{}{unified}", self.asked.as_deref().unwrap_or_default());
        let text = without_end(&whole);
        let size = self.text().len() + text.len();
        if size > MAX_LINE {
            return EditOutcome::Full(size);
        }
        if text.contains('\n') {
            // Several lines are a text: what can't be one is not asked about.
            if size > MAX_TEXT {
                return EditOutcome::Full(size);
            }
            self.asked = Some(whole);
            return EditOutcome::Done;
        }
        self.put(text)
    }

    /// `candidates` gives the completions of the word that ends at a byte of a text (see
    /// [`crate::completion::complete`]).
    pub fn perform(
        &mut self,
        action: Action,
        candidates: impl FnOnce(&str, usize) -> Vec<String>,
    ) -> EditOutcome {
        if self.asked.is_some() {
            return self.answer(action);
        }
        let last = mem::take(&mut self.last);
        if let Some(motion) = motion(action, self.is_empty()) {
            self.line.go(self.line.reach(motion));
            return EditOutcome::Done;
        }
        if let Some(motion) = kill(action) {
            self.kill(motion, matches!(last, Last::Kill));
            return EditOutcome::Done;
        }
        match action {
            Action::Submit => return self.submit(),
            Action::Newline => return self.put("\n"),
            Action::Yank => {
                let Piece { text, is_pasted } = self.killed.clone();
                let is_pasted = is_pasted && text.contains('\n');
                return outcome(self.line.put(&text, is_pasted));
            }
            Action::Complete => return self.complete(last, false, candidates),
            Action::CompleteBack => return self.complete(last, true, candidates),
            Action::HistoryBack => self.vertical(&last, motion::above, History::back),
            Action::HistoryNext => self.vertical(&last, motion::below, History::next),
            Action::Interrupt | Action::EndOfInput if self.is_empty() => return EditOutcome::Quit,
            Action::Interrupt => {
                self.history.keep(&self.line.take());
                return EditOutcome::Cleared;
            }
            Action::Backspace => {
                self.line.cut(self.line.reach(motion::left));
            }
            Action::Delete | Action::EndOfInput => {
                self.line.cut(self.line.reach(motion::right));
            }
            // Taking `last` has closed the list of candidates.
            Action::Cancel if matches!(last, Last::Completion(_)) => {}
            _ => return EditOutcome::Elsewhere,
        }
        EditOutcome::Done
    }

    fn answer(&mut self, action: Action) -> EditOutcome {
        match action {
            Action::Submit => match self.put_asked() {
                EditOutcome::Done => self.submit(),
                refused => refused,
            },
            Action::Cancel | Action::Interrupt => {
                self.asked = None;
                EditOutcome::Done
            }
            // Nothing edits the line before the paste is confirmed or forgotten.
            _ if action.is_of_line() => EditOutcome::Done,
            _ => EditOutcome::Elsewhere,
        }
    }

    fn put_asked(&mut self) -> EditOutcome {
        let asked = self.asked.take().unwrap_or_default();
        outcome(self.line.put(without_end(&asked), true))
    }

    fn put(&mut self, text: &str) -> EditOutcome {
        outcome(self.line.put(text, false))
    }

    /// What was begun, or pasted and not confirmed, may be a secret: the history does not get it.
    /// True if there was anything.
    pub fn drop_line(&mut self) -> bool {
        let was_pasted = self.asked.take().is_some();
        let begun = self.line.take();
        // Edits of the lines before are of the same hand.
        self.history.keep(&Piece::default());
        was_pasted || !begun.text.is_empty()
    }

    pub fn forget(&mut self, line: &str) {
        self.history.forget(line);
    }

    fn submit(&mut self) -> EditOutcome {
        let piece = self.line.take();
        self.history.keep(&piece);
        EditOutcome::Submitted(if piece.is_pasted {
            Submitted::Paste(piece.text)
        } else {
            Submitted::Line(piece.text)
        })
    }

    fn kill(&mut self, motion: Motion, goes_on: bool) {
        let is_pasted = self.line.piece().is_pasted;
        let from = self.cursor();
        let to = self.line.reach(motion);
        let cut = self.line.cut(to);
        if cut.is_empty() {
            return;
        }
        self.last = Last::Kill;
        if !goes_on {
            self.killed = Piece::default();
        }
        self.killed.is_pasted |= is_pasted;
        let at = if to < from { 0 } else { self.killed.text.len() };
        self.killed.text.insert_str(at, &cut);
    }

    fn vertical(
        &mut self,
        last: &Last,
        line: fn(&str, usize, usize) -> Option<usize>,
        entry: fn(&mut History, &Piece) -> Option<Piece>,
    ) {
        let column = match last {
            Last::Vertical(column) => *column,
            _ => motion::column(self.text(), self.cursor()),
        };
        if let Some(to) = line(self.text(), self.cursor(), column) {
            self.line.go(to);
            self.last = Last::Vertical(column);
        } else if let Some(piece) = entry(&mut self.history, self.line.piece()) {
            self.line.set(piece);
        }
    }

    fn complete(
        &mut self,
        last: Last,
        is_back: bool,
        candidates: impl FnOnce(&str, usize) -> Vec<String>,
    ) -> EditOutcome {
        let (text, cursor) = (self.text(), self.cursor());
        let completion = match last {
            Last::Completion(going) => Some(going.turn(is_back)),
            _ => Completion::begin(text, cursor, candidates(text, cursor), is_back),
        };
        let Some(mut completion) = completion else {
            return EditOutcome::Done;
        };
        let (range, chosen) = completion.replacement();
        let put = self.line.replace(range, chosen);
        if put.is_ok() && completion.candidates.len() > 1 {
            completion.was_put();
            self.last = Last::Completion(completion);
        }
        outcome(put)
    }
}

fn outcome(put: Result<(), TooLong>) -> EditOutcome {
    put.map_or_else(
        |TooLong(size)| EditOutcome::Full(size),
        |()| EditOutcome::Done,
    )
}

fn without_end(pasted: &str) -> &str {
    pasted.trim_end_matches('\n')
}

fn motion(action: Action, is_empty: bool) -> Option<Motion> {
    Some(match action {
        Action::Left => motion::left,
        Action::Right => motion::right,
        Action::WordLeft => motion::word_left,
        Action::WordRight => motion::word_right,
        Action::LineStart => motion::line_start,
        Action::LineEnd => motion::line_end,
        // In an empty line they scroll.
        Action::ScrollTop if !is_empty => motion::line_start,
        Action::ScrollBottom if !is_empty => motion::line_end,
        _ => return None,
    })
}

fn kill(action: Action) -> Option<Motion> {
    Some(match action {
        Action::KillToEnd => motion::cut_end,
        Action::KillToStart => motion::cut_start,
        Action::RubOutWord => motion::blank_left,
        Action::KillWordLeft => motion::word_left,
        Action::KillWordRight => motion::word_right,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
