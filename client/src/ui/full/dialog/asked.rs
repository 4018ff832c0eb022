//! The kinds of questions: for a line, perhaps a secret or a new password; for one of several
//! choices; or none, while the person waits. Each takes its keys; `Dialog` takes those of all.

use chatbox_common::secret::SecretString;
use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::SECRET;
use super::field::{Field, Taken, is_control};
use crate::password_strength::{Strength, judge};
use crate::prompt::Choice;
use crate::sanitize;

pub(super) enum Asked {
    Nothing,
    Line(Question),
    Choice(Picking),
    Wait(String),
}

pub(super) struct Question {
    /// All lines of the question but the last.
    pub(super) lead: String,
    /// The last line, beside the answer.
    pub(super) label: String,
    pub(super) field: Field,
    /// For a new password only.
    pub(super) meter: Option<Meter>,
    /// The last key would have made the answer too long.
    pub(super) is_full: bool,
}

pub(super) struct Meter {
    pub(super) about: Vec<String>,
    /// `None` since the answer was changed; `measure` judges it when it is painted.
    pub(super) strength: Option<Strength>,
}

pub(super) struct Picking {
    pub(super) choices: Vec<Choice>,
    pub(super) at: usize,
    /// Chosen by every character that is none of the choices' keys.
    pub(super) other: Option<usize>,
}

impl Question {
    pub(super) fn new(lead: &str, label: &str, is_secret: bool) -> Self {
        Self {
            lead: lead.to_owned(),
            label: label.trim_end().to_owned(),
            field: Field::new(is_secret),
            meter: None,
            is_full: false,
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent) {
        if let Some(taken) = self.field.press(key) {
            self.has_taken(taken);
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        let taken = self.field.paste(text);
        self.has_taken(taken);
    }

    fn has_taken(&mut self, taken: Taken) {
        self.is_full = taken == Taken::Full;
        if taken == Taken::Changed
            && let Some(meter) = &mut self.meter
        {
            meter.strength = None;
        }
    }

    /// The line for the conversation, without a secret, and the answer. Wipes the field.
    pub(super) fn answer(&mut self) -> (String, SecretString) {
        let typed = SecretString::new(self.field.text().to_owned());
        let shown = if self.field.is_secret() {
            SECRET.into()
        } else {
            sanitize::line(typed.expose().trim())
        };
        let said = format!("{} {shown}", self.label);
        self.field.wipe();
        (said.trim_start().to_owned(), typed)
    }

    /// Judges a new password once for each change, not for each frame.
    pub(super) fn measure(&mut self) {
        if let Some(meter) = &mut self.meter
            && meter.strength.is_none()
        {
            let about: Vec<_> = meter.about.iter().map(String::as_str).collect();
            meter.strength = Some(judge(self.field.text(), &about));
        }
    }
}

impl Picking {
    /// `Some` with the index of a choice whose key was pressed.
    pub(super) fn press(&mut self, key: &KeyEvent) -> Option<usize> {
        let last = self.choices.len().saturating_sub(1);
        match (key.code, is_control(key)) {
            (KeyCode::Up | KeyCode::BackTab, _) | (KeyCode::Char('p'), true) => {
                self.at = self.at.checked_sub(1).unwrap_or(last);
            }
            (KeyCode::Down | KeyCode::Tab, _) | (KeyCode::Char('n'), true) => {
                self.at = if self.at < last { self.at + 1 } else { 0 };
            }
            (KeyCode::Home, _) => self.at = 0,
            (KeyCode::End, _) => self.at = last,
            (KeyCode::Char(typed), false) => {
                let typed = typed.to_ascii_lowercase();
                let mut keys = self.choices.iter().map(|choice| choice.key);
                let typed = keys.position(|key| key.to_ascii_lowercase() == typed);
                return typed.or(self.other);
            }
            _ => {}
        }
        None
    }
}
