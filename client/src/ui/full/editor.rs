//! The input line: what is typed, and what the keys of readline do to it. Pure: actions and
//! characters come in, what is to be done comes out; nothing is drawn here and no key is read.
//!
//! A paste of several lines is not put into the line before the person says so. What is longer than
//! a message can be is refused whole, never cut. The face asks it for rows and a cursor.

mod completion;
mod history;
mod layout;
mod line_buffer;
mod motion;

use std::mem;

use super::keymap::Action;
use crate::input::MAX_LINE;
use completion::Completion;
use history::History;
pub use layout::Layout;
use line_buffer::{LineBuffer, Piece, TooLong};
use motion::Motion;

/// What is to be done after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum EditOutcome {
    /// Nothing more.
    Done,
    /// The action is none of the line's, at this moment.
    Elsewhere,
    /// Nothing was changed: the line would have so many bytes, and [`MAX_LINE`] are the most.
    Full(usize),
    /// This was typed, or pasted and approved; the line is empty.
    Submitted(Submitted),
    /// The line was thrown away; the history has it, unless it may hold a secret.
    Cleared,
    /// There was nothing to throw away: the person wants to quit.
    Quit,
}

/// A message or a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// For [`crate::input::parse`].
    Line(String),
    /// For [`crate::input::parse_pasted`]: several lines of it were pasted.
    Paste(String),
}

/// A paste that the person is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// How many lines it has; at least two.
    pub lines: usize,
    /// How many bytes it has.
    pub bytes: usize,
}

/// What the last key was, as far as the next one goes on with it.
#[derive(Debug, Default)]
enum Last {
    #[default]
    Other,
    /// What is killed next joins what was killed.
    Kill,
    /// Moved between lines, from this column.
    Vertical(usize),
    Completion(Completion),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Editor {
    line: LineBuffer,
    history: History,
    last: Last,
    killed: Piece,
    /// Several pasted lines, which the person is asked about.
    asked: Option<String>,
}

impl Editor {
    /// What stands in the line.
    #[must_use]
    pub fn text(&self) -> &str {
        self.line.text()
    }

    /// Where in it the cursor stands, in bytes.
    #[must_use]
    pub const fn cursor(&self) -> usize {
        self.line.cursor()
    }

    /// Whether nothing stands in the line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// The paste that the person is asked about: Enter sends it, `e` puts it into the line, Esc
    /// forgets it.
    #[must_use]
    pub fn asking(&self) -> Option<Asking> {
        let pasted = without_end(self.asked.as_deref()?);
        Some(Asking {
            lines: pasted.matches('\n').count() + 1,
            bytes: pasted.len(),
        })
    }

    /// What the word before the cursor may become, if there are several candidates, and which of
    /// them stands there.
    #[must_use]
    pub fn candidates(&self) -> Option<(&[String], usize)> {
        match &self.last {
            Last::Completion(completion) => Some((&completion.candidates, completion.chosen)),
            _ => None,
        }
    }

    /// How it is drawn in rows of this width.
    #[must_use]
    pub fn layout(&self, width: usize) -> Layout {
        layout::lay_out(self.text(), self.cursor(), width)
    }

    /// Takes a character that was typed.
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

    /// Takes what was pasted: one line at once, several when the person says so. Its line ends
    /// become line feeds, and those at its end are dropped.
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
            self.asked = Some(whole);
            return EditOutcome::Done;
        }
        self.put(text)
    }

    /// Does what a key is bound to. `candidates` is asked what may stand in place of the word that
    /// ends at a byte of a text (see [`crate::completion::complete`]).
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
            // It leaves the candidates, which are open no more.
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
            // The question comes first.
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

/// Without the line ends behind it.
fn without_end(pasted: &str) -> &str {
    pasted.trim_end_matches('\n')
}

/// Where an action moves the cursor.
fn motion(action: Action, is_empty: bool) -> Option<Motion> {
    Some(match action {
        Action::Left => motion::left,
        Action::Right => motion::right,
        Action::WordLeft => motion::word_left,
        Action::WordRight => motion::word_right,
        Action::LineStart => motion::line_start,
        Action::LineEnd => motion::line_end,
        // Without a text they scroll.
        Action::ScrollTop if !is_empty => motion::line_start,
        Action::ScrollBottom if !is_empty => motion::line_end,
        _ => return None,
    })
}

/// How far an action cuts from the cursor, for it to be put back.
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
