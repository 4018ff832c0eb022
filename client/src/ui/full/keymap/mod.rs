//! Which key does what. Pure: a key that was pressed becomes an [`Action`], which the input line or
//! the face carries out.
//!
//! One table holds every action with its name, its keys and its help, so that the help can't differ
//! from what happens. The configuration may give keys other actions, but can't take typing, sending
//! and leaving away from a person.

mod stroke;
mod table;

use ratatui::crossterm::event::KeyEvent;

use crate::input;
use crate::sanitize;
use crate::words::keys as words;
pub(super) use stroke::Stroke;
use table::{TABLE, find};

/// In the configuration, the name that leaves a key without an action.
const NOTHING: &str = "none";

/// The most characters of an unknown action's name that an error repeats.
const MAX_SHOWN: usize = 32;

/// What a key can do; the actions of the input line stand first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Submit,
    Newline,
    /// Completes a word, or goes to the next completion.
    Complete,
    CompleteBack,
    Left,
    Right,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    /// The line above in a text of several lines, else the history.
    HistoryBack,
    /// The line below in a text of several lines, else the history.
    HistoryNext,
    Backspace,
    Delete,
    KillToEnd,
    KillToStart,
    /// Kills back to the last blank.
    RubOutWord,
    /// Kills the letters and digits before the cursor.
    KillWordLeft,
    /// Kills the letters and digits behind the cursor.
    KillWordRight,
    /// Puts back what was killed.
    Yank,
    PageUp,
    PageDown,
    /// Scrolls to the beginning; with a text in the line, goes to the start of the line.
    ScrollTop,
    /// Scrolls to the end; with a text in the line, goes to the end of the line.
    ScrollBottom,
    /// Goes to a room by its place in the list, 1 to 9.
    Room(u8),
    NextRoom,
    PreviousRoom,
    /// Goes to the next room with unread messages, first those that name the reader.
    NextActivity,
    ToggleRooms,
    Search,
    /// Shows the messages alone, for copying.
    BareView,
    Redraw,
    Suspend,
    /// Closes a panel, a list of completions, a search or a question.
    Cancel,
    /// Empties the line; quits, if it is empty.
    Interrupt,
    /// Deletes a character; quits, if the line is empty.
    EndOfInput,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFault {
    /// Of the override, from 0.
    pub index: usize,
    /// Sanitized; says what to do.
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHelp {
    /// As it is named in the configuration.
    pub action: &'static str,
    /// As they are written in the configuration.
    pub keys: Vec<String>,
    pub help: &'static str,
}

#[derive(Debug, Clone)]
pub struct Keymap(Vec<(Stroke, Action)>);

impl Default for Keymap {
    fn default() -> Self {
        let bound = TABLE.iter().flat_map(|row| {
            let strokes = row.keys.iter().filter_map(|key| Stroke::parse(key).ok());
            strokes.map(|stroke| (stroke, row.action))
        });
        Self(bound.collect())
    }
}

impl Keymap {
    /// The default keys with overrides: each a key and an action's name, or `none`. Reports every
    /// fault, not the first alone.
    pub fn with(overrides: &[(String, String)]) -> Result<Self, Vec<KeyFault>> {
        let mut keymap = Self::default();
        let mut faults = Vec::new();
        let mut given: Vec<(usize, Stroke)> = Vec::new();
        for (index, (key, action)) in overrides.iter().enumerate() {
            let mut fault = |sentence| faults.push(KeyFault { index, sentence });
            let stroke = Stroke::parse(key).map_err(&mut fault);
            let action = named(action).map_err(&mut fault);
            let (Ok(stroke), Ok(action)) = (stroke, action) else {
                continue;
            };
            if let Some(sentence) = refusal(stroke, action) {
                fault(sentence);
            } else if given.iter().any(|(_, other)| *other == stroke) {
                fault(words::given_twice(&stroke.to_string()));
            } else {
                given.push((index, stroke));
                keymap.bind(stroke, action);
            }
        }
        if !keymap.has(Action::Interrupt) {
            let standard = Self::default();
            let took = |stroke| standard.bound(stroke) == Some(Action::Interrupt);
            let taken = given.iter().rfind(|(_, stroke)| took(*stroke));
            faults.extend(taken.map(|(index, stroke)| KeyFault {
                index: *index,
                sentence: words::left_without(&stroke.to_string(), name(Action::Interrupt)),
            }));
        }
        if faults.is_empty() {
            Ok(keymap)
        } else {
            Err(faults)
        }
    }

    fn bind(&mut self, stroke: Stroke, action: Option<Action>) {
        self.0.retain(|(other, _)| *other != stroke);
        self.0.extend(action.map(|action| (stroke, action)));
    }

    fn has(&self, action: Action) -> bool {
        self.0.iter().any(|(_, other)| *other == action)
    }

    fn bound(&self, stroke: Stroke) -> Option<Action> {
        let found = self.0.iter().find(|(other, _)| *other == stroke);
        found.map(|(_, action)| *action)
    }

    /// A key with Shift that has no action of its own has that of the key without.
    #[must_use]
    pub fn action(&self, key: KeyEvent) -> Option<Action> {
        let stroke = Stroke::pressed(key)?;
        let bound = self.bound(stroke);
        bound.or_else(|| self.bound(stroke.without_shift()?))
    }

    /// As they are written in the configuration, for hints.
    #[must_use]
    pub fn keys(&self, action: Action) -> Vec<String> {
        let bound = self.0.iter().filter(|(_, other)| *other == action);
        bound.map(|(stroke, _)| stroke.to_string()).collect()
    }

    #[must_use]
    pub fn help(&self) -> Vec<KeyHelp> {
        let rows = TABLE.iter().map(|row| KeyHelp {
            action: row.name,
            keys: self.keys(row.action),
            help: row.help,
        });
        rows.collect()
    }
}

impl Action {
    /// Whether the input line alone carries it out.
    pub(super) const fn is_of_line(self) -> bool {
        match self {
            Self::Submit
            | Self::Newline
            | Self::Complete
            | Self::CompleteBack
            | Self::Left
            | Self::Right
            | Self::WordLeft
            | Self::WordRight
            | Self::LineStart
            | Self::LineEnd
            | Self::HistoryBack
            | Self::HistoryNext
            | Self::Backspace
            | Self::Delete
            | Self::KillToEnd
            | Self::KillToStart
            | Self::RubOutWord
            | Self::KillWordLeft
            | Self::KillWordRight
            | Self::Yank
            | Self::EndOfInput => true,
            Self::PageUp
            | Self::PageDown
            | Self::ScrollTop
            | Self::ScrollBottom
            | Self::Room(_)
            | Self::NextRoom
            | Self::PreviousRoom
            | Self::NextActivity
            | Self::ToggleRooms
            | Self::Search
            | Self::BareView
            | Self::Redraw
            | Self::Suspend
            | Self::Cancel
            | Self::Interrupt => false,
        }
    }
}

#[must_use]
pub fn is_text(key: KeyEvent) -> Option<char> {
    Stroke::pressed(key)?.text()
}

/// Why this key can't get this action: it types a character, or is Enter, which always sends.
fn refusal(stroke: Stroke, action: Option<Action>) -> Option<String> {
    if stroke.text().is_some() {
        return Some(words::is_typed(&stroke.to_string()));
    }
    let enter = Stroke::parse("enter").ok();
    let is_taken = enter == Some(stroke) && action != Some(Action::Submit);
    is_taken.then(|| words::always_sends(&stroke.to_string()))
}

/// `None` for the name `none`; the error names the likeliest action.
fn named(written: &str) -> Result<Option<Action>, String> {
    let lower = written.trim().to_lowercase();
    if lower == NOTHING {
        return Ok(None);
    }
    find(&lower).map(|row| Some(row.action)).ok_or_else(|| {
        let cut: String = lower.chars().take(MAX_SHOWN).collect();
        let names = TABLE.iter().map(|row| row.name).chain([NOTHING]);
        words::unknown_action(&sanitize::line(&cut), likeliest(&cut, names))
    })
}

fn name(action: Action) -> &'static str {
    let row = TABLE.iter().find(|row| row.action == action);
    row.map_or(NOTHING, |row| row.name)
}

/// The name that begins with what was written, or else one that is at most two slips away.
fn likeliest<'a>(written: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let begun = |name: &&str| !written.is_empty() && name.starts_with(written);
    let begins = names.clone().find(begun);
    begins.or_else(|| input::nearest(written, names))
}

#[cfg(test)]
mod tests;
