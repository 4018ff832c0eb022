//! What is asked and shown outside the chat: menu, registration, login, the question about a
//! server's key. One box with the conversation so far, the question, and its answer as it is typed.
//!
//! [`Dialog`] is what is said and typed, and how it looks; it waits for nothing and knows no
//! terminal. [`PromptLoop`] joins it with a terminal and its keys, and does what [`Prompter`] asks for.
//!
//! Secrets: the answer being typed is dots, and wiped with its `Field`; in the conversation it is
//! a fixed number of dots. The sheet of a second factor is wiped when it is put away, but what was
//! drawn of it stays in the memory of `ratatui` and of the terminal until something else is drawn.
//!
//! [`Prompter`]: crate::prompt::Prompter

mod asked;
mod field;
mod layout;
mod paint;
mod prompt_loop;
#[cfg(test)]
mod tests;
mod wrap;

use std::fmt;
use std::io::{self, ErrorKind};

use chatbox_common::secret::SecretString;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use zeroize::Zeroizing;

use super::terminal::Pressed;
use crate::prompt::{Choice, PromptError, Sheet};
use crate::sanitize;
use crate::words::dialog as words;
use asked::{Asked, Meter, Picking, Question};
use field::is_control;
pub use prompt_loop::PromptLoop;

/// What stands for a secret in the conversation, however long it is.
const SECRET: &str = "••••••••";
/// How much of a conversation is kept.
const MAX_SAID: usize = 200;

/// A piece of the conversation.
enum Said {
    /// How things stand.
    Sentence(String),
    /// What went wrong.
    Problem(String),
    /// A question and its answer, neither of them a secret.
    Answer(String),
}

/// What was shown once, to be noted down.
struct Shown {
    text: Zeroizing<String>,
    invitation: String,
    picture: Zeroizing<String>,
}

/// What was answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// This was typed.
    Line(SecretString),
    /// The choice at this place.
    Chosen(usize),
}

/// What a key came to, where it came to something.
#[derive(Debug, PartialEq, Eq)]
pub enum DialogOutcome {
    /// The question is answered.
    Answer(Answer),
    /// Esc, or Ctrl-D on nothing: the person goes back.
    Cancelled,
    /// Ctrl-C.
    Interrupted,
    /// Nobody is to be asked any more: see [`Dialog::over`].
    Over,
    /// The person stops the program (Ctrl-Z).
    Suspend,
    /// All is to be drawn anew.
    Redraw,
}

/// Why nobody is asked any more.
#[derive(Debug, Clone, Copy)]
enum Over {
    /// The system wants the program to end.
    Ended,
    /// The terminal is gone.
    Gone,
}

/// See the module.
pub struct Dialog {
    has_colours: bool,
    said: Vec<Said>,
    sheet: Option<Shown>,
    /// How many pieces were said before the sheet was shown.
    before_sheet: usize,
    asked: Asked,
    /// How many lines the conversation is scrolled back.
    scrolled: usize,
    /// How many lines of it there is room for.
    page: usize,
    over: Option<Over>,
}

/// An answer may stand in it.
impl fmt::Debug for Dialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialog(<redacted>)")
    }
}

/// Fit for several lines of a screen, which knows no tabs.
fn clean(text: &str) -> String {
    sanitize::text(text).replace('\t', "    ")
}

impl Dialog {
    /// Nothing was said yet.
    #[must_use]
    pub const fn new(has_colours: bool) -> Self {
        Self {
            has_colours,
            said: Vec::new(),
            sheet: None,
            before_sheet: 0,
            asked: Asked::Nothing,
            scrolled: 0,
            page: 0,
            over: None,
        }
    }

    /// Says how things stand.
    pub fn say(&mut self, sentence: &str) {
        self.add(Said::Sentence(clean(sentence)));
    }

    /// Tells of a problem.
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

    /// Shows a sheet in the place of the one before.
    pub fn show(&mut self, sheet: &Sheet) {
        self.sheet = Some(Shown {
            text: Zeroizing::new(clean(sheet.text.trim_matches('\n'))),
            invitation: clean(sheet.invitation.trim_matches('\n')),
            picture: sheet.picture.clone(),
        });
        self.before_sheet = self.said.len();
        self.scrolled = 0;
    }

    /// The conversation is over: the next one begins with nothing.
    pub fn forget(&mut self) {
        self.said.clear();
        self.sheet = None;
        self.asked = Asked::Nothing;
        self.scrolled = 0;
    }

    /// Offers some ways to go on. What was shown before belongs to a way that was gone.
    pub fn offer(&mut self, choices: &[Choice]) {
        self.sheet = None;
        self.ask_for(Asked::Choice(Picking {
            choices: choices.to_vec(),
            at: 0,
        }));
    }

    /// Asks for a line.
    pub fn ask(&mut self, question: &str, is_secret: bool) {
        let question = clean(question);
        let question = question.trim_matches('\n');
        let (lead, label) = question.rsplit_once('\n').unwrap_or(("", question));
        self.ask_for(Asked::Line(Question::new(lead, label, is_secret)));
    }

    /// Asks for a new password; `about` are words that make it easier to guess.
    pub fn ask_new_secret(&mut self, question: &str, about: &[&str]) {
        self.ask(question, true);
        if let Asked::Line(question) = &mut self.asked {
            question.meter = Some(Meter {
                about: about.iter().map(|word| (*word).to_owned()).collect(),
                strength: None,
            });
        }
    }

    /// Has the person wait for something called `what`.
    pub fn wait_for(&mut self, what: &str) {
        self.ask_for(Asked::Wait(words::busy(&sanitize::line(what))));
    }

    /// Asks for nothing any more.
    pub fn rest(&mut self) {
        self.ask_for(Asked::Nothing);
    }

    fn ask_for(&mut self, asked: Asked) {
        self.asked = asked;
        self.scrolled = 0;
    }

    /// Takes what was pressed; says what it came to.
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

    /// Why nobody is to be asked any more, whoever asks next.
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

    /// How far it goes is seen when it is drawn.
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

    /// Another way is gone, and what was said on the last one is past.
    fn chosen(&mut self, at: usize) -> Answer {
        self.said.clear();
        self.before_sheet = 0;
        self.rest();
        Answer::Chosen(at)
    }
}
