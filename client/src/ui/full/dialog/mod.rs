//! What is asked and shown outside the chat: menu, registration, login, the question about a
//! server's key. One box with the conversation so far, the question, and its answer as it is typed.
//!
//! [`Dialog`] holds what is said and typed, and paints it; it waits for nothing and knows no
//! terminal. [`PromptLoop`] joins it with a terminal and its keys, for [`Prompter`].
//!
//! Secrets: the answer being typed is shown as dots, and wiped with its `Field`; in the
//! conversation it is a fixed number of dots. The sheet of a second factor is wiped when it is
//! replaced, but what was drawn of it stays in the memory of `ratatui` and of the terminal until
//! something else is drawn.
//!
//! [`Prompter`]: crate::prompt::Prompter

mod asked;
mod field;
mod layout;
mod paint;
mod prompt_loop;
#[cfg(test)]
mod tests;
pub mod wrap;

use std::fmt;
use std::io::{self, ErrorKind};

use chatbox_common::secret::SecretString;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use zeroize::Zeroizing;

use super::colours::Palette;
use super::terminal::Pressed;
use crate::prompt::{Choice, PromptError, Sheet};
use crate::sanitize;
use crate::words::dialog as words;
use asked::{Asked, Meter, Picking, Question};
use field::is_control;
pub use prompt_loop::PromptLoop;

/// Stands for a secret in the conversation, so that its length is not shown.
const SECRET: &str = "••••••••";
/// The most pieces of a conversation; the oldest are dropped.
const MAX_SAID: usize = 200;

enum Said {
    Sentence(String),
    Problem(String),
    /// A question and its answer, which is [`SECRET`] where it is one.
    Answer(String),
}

/// A [`Sheet`] with its texts sanitized.
struct Shown {
    text: Zeroizing<String>,
    invitation: String,
    picture: Zeroizing<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Line(SecretString),
    Chosen(usize),
}

#[derive(Debug, PartialEq, Eq)]
pub enum DialogOutcome {
    Answer(Answer),
    /// Esc, or Ctrl-D on an empty answer: the person goes back.
    Cancelled,
    /// Ctrl-C.
    Interrupted,
    /// No further question can be answered: see [`Dialog::over`].
    Over,
    /// Ctrl-Z.
    Suspend,
    Redraw,
}

#[derive(Debug, Clone, Copy)]
enum Over {
    /// A signal ends the program.
    Ended,
    Gone,
}

pub struct Dialog {
    palette: Palette,
    said: Vec<Said>,
    sheet: Option<Shown>,
    /// How many of the pieces stand above the sheet.
    before_sheet: usize,
    asked: Asked,
    /// How many lines the conversation is scrolled back from its end.
    scrolled: usize,
    /// The lines of the conversation that were in sight when it was last painted.
    page: usize,
    over: Option<Over>,
}

/// Redacted: it may hold an answer.
impl fmt::Debug for Dialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialog(<redacted>)")
    }
}

/// Sanitized, and without tabs: a cell of `ratatui` does not show them.
fn clean(text: &str) -> String {
    sanitize::text(text).replace('\t', "    ")
}

impl Dialog {
    #[must_use]
    pub const fn new(palette: Palette) -> Self {
        Self {
            palette,
            said: Vec::new(),
            sheet: None,
            before_sheet: 0,
            asked: Asked::Nothing,
            scrolled: 0,
            page: 0,
            over: None,
        }
    }

    pub fn say(&mut self, sentence: &str) {
        self.add(Said::Sentence(clean(sentence)));
    }

    pub fn tell(&mut self, sentence: &str) {
        self.add(Said::Problem(clean(sentence)));
    }

    fn add(&mut self, said: Said) {
        if self.said.len() >= MAX_SAID {
            self.said.remove(0);
            self.before_sheet = self.before_sheet.saturating_sub(1);
        }
        self.said.push(said);
        self.scrolled = 0;
    }

    /// Replaces the sheet before.
    pub fn show(&mut self, sheet: &Sheet) {
        self.sheet = Some(Shown {
            text: Zeroizing::new(clean(sheet.text.trim_matches('\n'))),
            invitation: clean(sheet.invitation.trim_matches('\n')),
            picture: sheet.picture.clone(),
        });
        self.before_sheet = self.said.len();
        self.scrolled = 0;
    }

    /// Ends the conversation: the sheet is wiped, and the next conversation begins empty.
    pub fn forget(&mut self) {
        self.said.clear();
        self.sheet = None;
        self.asked = Asked::Nothing;
        self.scrolled = 0;
    }

    /// Puts the sheet away: it belongs to what was chosen before.
    pub fn offer(&mut self, choices: &[Choice]) {
        self.sheet = None;
        self.ask_for(Asked::Choice(Picking {
            choices: choices.to_vec(),
            at: 0,
            other: None,
        }));
    }

    /// Every key but one stays: what is typed may be a password, meant for a question before.
    pub fn ask_to_leave(&mut self) {
        let choices = [('y', words::DO_LEAVE), ('n', words::STAY)];
        let choices = choices.map(|(key, label)| Choice { key, label });
        self.ask_for(Asked::Choice(Picking {
            choices: choices.to_vec(),
            at: 1,
            other: Some(1),
        }));
    }

    /// All lines of `question` but the last stand in the conversation, the last beside the answer.
    pub fn ask(&mut self, question: &str, is_secret: bool) {
        let question = clean(question);
        let question = question.trim_matches('\n');
        let (lead, label) = question.rsplit_once('\n').unwrap_or(("", question));
        self.ask_for(Asked::Line(Question::new(lead, label, is_secret)));
    }

    /// `about` are words that make the new password easier to guess, such as the person's name.
    pub fn ask_new_secret(&mut self, question: &str, about: &[&str]) {
        self.ask(question, true);
        if let Asked::Line(question) = &mut self.asked {
            question.meter = Some(Meter {
                about: about.iter().map(|word| (*word).to_owned()).collect(),
                strength: None,
            });
        }
    }

    /// Shows that `what` is under way; no answer is taken.
    pub fn wait_for(&mut self, what: &str) {
        self.ask_for(Asked::Wait(words::busy(&sanitize::line(what))));
    }

    pub fn rest(&mut self) {
        self.ask_for(Asked::Nothing);
    }

    fn ask_for(&mut self, asked: Asked) {
        self.asked = asked;
        self.scrolled = 0;
    }

    pub fn press(&mut self, pressed: Pressed) -> Option<DialogOutcome> {
        match pressed {
            Pressed::Key(key) => self.key(&key),
            Pressed::Paste(text) => {
                let text = Zeroizing::new(text);
                if let Asked::Line(question) = &mut self.asked {
                    question.paste(&text);
                }
                None
            }
            Pressed::Redraw => Some(DialogOutcome::Redraw),
            Pressed::Interrupt => Some(self.end(Over::Ended)),
            Pressed::Gone => Some(self.end(Over::Gone)),
            Pressed::Knock => None,
        }
    }

    fn end(&mut self, over: Over) -> DialogOutcome {
        self.over.get_or_insert(over);
        DialogOutcome::Over
    }

    /// Once the program or the terminal ends, each further question ends with this error as well.
    #[must_use]
    pub fn over(&self) -> Option<PromptError> {
        self.over.map(|over| match over {
            Over::Ended => PromptError::Ended,
            Over::Gone => {
                PromptError::Terminal(io::Error::new(ErrorKind::UnexpectedEof, words::GONE))
            }
        })
    }

    fn key(&mut self, key: &KeyEvent) -> Option<DialogOutcome> {
        let outcome = match (key.code, is_control(key)) {
            (KeyCode::Char('c'), true) => DialogOutcome::Interrupted,
            (KeyCode::Char('z'), true) => DialogOutcome::Suspend,
            (KeyCode::Char('l'), true) => DialogOutcome::Redraw,
            (KeyCode::Esc, _) => DialogOutcome::Cancelled,
            (KeyCode::Char('d'), true) if self.is_empty() => DialogOutcome::Cancelled,
            (KeyCode::PageUp, _) => return self.scroll(self.page.max(2) - 1, true),
            (KeyCode::PageDown, _) => return self.scroll(self.page.max(2) - 1, false),
            (KeyCode::Up, _) if !self.is_choice() => return self.scroll(1, true),
            (KeyCode::Down, _) if !self.is_choice() => return self.scroll(1, false),
            (KeyCode::Enter, _) | (KeyCode::Char('j' | 'm'), true) => {
                return self.answer().map(DialogOutcome::Answer);
            }
            _ => {
                return match &mut self.asked {
                    Asked::Line(question) => {
                        question.press(key);
                        None
                    }
                    Asked::Choice(picking) => picking.press(key).map(|at| self.chosen(at)),
                    Asked::Nothing | Asked::Wait(_) => None,
                }
                .map(DialogOutcome::Answer);
            }
        };
        Some(outcome)
    }

    fn is_empty(&self) -> bool {
        !matches!(&self.asked, Asked::Line(question) if !question.field.is_empty())
    }

    const fn is_choice(&self) -> bool {
        matches!(self.asked, Asked::Choice(_))
    }

    /// May go too far: `paint` knows the number of lines and bounds it.
    const fn scroll(&mut self, lines: usize, is_back: bool) -> Option<DialogOutcome> {
        self.scrolled = if is_back {
            self.scrolled.saturating_add(lines)
        } else {
            self.scrolled.saturating_sub(lines)
        };
        None
    }

    fn answer(&mut self) -> Option<Answer> {
        match &mut self.asked {
            Asked::Line(question) => {
                let (said, answer) = question.answer();
                if !question.lead.is_empty() {
                    let lead = std::mem::take(&mut question.lead);
                    self.add(Said::Sentence(lead));
                }
                self.add(Said::Answer(said));
                self.rest();
                Some(Answer::Line(answer))
            }
            Asked::Choice(picking) => {
                let at = picking.at;
                Some(self.chosen(at))
            }
            Asked::Nothing | Asked::Wait(_) => None,
        }
    }

    /// Begins another part of the conversation: what was said before is dropped.
    fn chosen(&mut self, at: usize) -> Answer {
        self.said.clear();
        self.before_sheet = 0;
        self.rest();
        Answer::Chosen(at)
    }
}
