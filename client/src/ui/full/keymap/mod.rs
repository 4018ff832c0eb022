//! Which key does what. Pure: a key that was pressed becomes an [`Action`]; what the action does is
//! the business of the input line and of the face.
//!
//! One table holds every action with its name, its keys and what it does, so that the help can't
//! tell anything else than what happens. The configuration may give keys other actions, but can't
//! take typing, sending and leaving away from a person.

mod stroke;
mod table;

use ratatui::crossterm::event::KeyEvent;

use crate::input;
use crate::sanitize;
use crate::words::keys as words;
pub(super) use stroke::Stroke;
use table::{TABLE, find};

/// The action's name that takes a key's action away.
const NOTHING: &str = "none";

/// How much is shown of an action's name that was written.
const MAX_SHOWN: usize = 32;

/// What a key can do. Those of the input line first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To send what was typed.
    Submit,
    /// To begin another line of the same message.
    Newline,
    /// To complete a word, or go to the next completion.
    Complete,
    /// To go to the completion before.
    CompleteBack,
    Left,
    Right,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    /// The line above, or what was typed before.
    HistoryBack,
    /// The line below, or what was typed after.
    HistoryNext,
    Backspace,
    Delete,
    KillToEnd,
    KillToStart,
    /// To kill back to the last blank.
    RubOutWord,
    /// To kill the letters before the cursor.
    KillWordLeft,
    /// To kill the letters behind the cursor.
    KillWordRight,
    /// To put back what was killed.
    Yank,
    PageUp,
    PageDown,
    /// To scroll to the beginning; in a text, the start of the line.
    ScrollTop,
    /// To scroll to the end; in a text, the end of the line.
    ScrollBottom,
    /// To go to a room by its place in the list, 1 to 9.
    Room(u8),
    NextRoom,
    PreviousRoom,
    /// To go to the next room in which something is new.
    NextActivity,
    ToggleRooms,
    Search,
    /// To show the messages alone, for copying.
    BareView,
    Redraw,
    Suspend,
    /// To leave what is open.
    Cancel,
    /// To clear the line; to leave, if it is empty.
    Interrupt,
    /// To delete a character; to leave, if the line is empty.
    EndOfInput,
}

/// What is wrong with a key or an action in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFault {
    /// Which of the overrides it is, from 0.
    pub index: usize,
    /// Fit for a terminal; says what to do.
    pub sentence: String,
}

/// What the help says of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHelp {
    /// Its name in the configuration.
    pub action: &'static str,
    /// Its keys, as they are written there.
    pub keys: Vec<String>,
    /// What it does.
    pub help: &'static str,
}

/// The keys and what they do.
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
    /// The default keys, but for those that are to do something else: each a key and an action's
    /// name, or `none`.
    ///
    /// # Errors
    /// With everything that is wrong with them.
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

    /// What a key does. A key held with Shift does what it does without, if it has nothing of its
    /// own.
    #[must_use]
    pub fn action(&self, key: KeyEvent) -> Option<Action> {
        let stroke = Stroke::pressed(key)?;
        let bound = self.bound(stroke);
        bound.or_else(|| self.bound(stroke.without_shift()?))
    }

    /// The keys of an action, as they are written in the configuration: for hints.
    #[must_use]
    pub fn keys(&self, action: Action) -> Vec<String> {
        let bound = self.0.iter().filter(|(_, other)| *other == action);
        bound.map(|(stroke, _)| stroke.to_string()).collect()
    }

    /// Every action with its keys.
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
    /// Whether it is the input line's alone: to move in the text, or to change it.
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

/// The character that a key types, if it types one.
#[must_use]
pub fn is_text(key: KeyEvent) -> Option<char> {
    Stroke::pressed(key)?.text()
}

/// Why this key can't get this action.
fn refusal(stroke: Stroke, action: Option<Action>) -> Option<String> {
    if stroke.text().is_some() {
        return Some(words::is_typed(&stroke.to_string()));
    }
    let enter = Stroke::parse("enter").ok();
    let is_taken = enter == Some(stroke) && action != Some(Action::Submit);
    is_taken.then(|| words::always_sends(&stroke.to_string()))
}

/// The action of this name, `none` being nothing; or a sentence that names the likeliest.
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

/// The name that begins like what was written, or else one that is a slip or two away.
fn likeliest<'a>(written: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let begun = |name: &&str| !written.is_empty() && name.starts_with(written);
    let begins = names.clone().find(begun);
    begins.or_else(|| input::nearest(written, names))
}

#[cfg(test)]
mod tests;
