//! What the full screen asks: in its dialog, and by one key in the place of the input line; and what
//! becomes of keys that were pressed before.

use std::io;
use std::time::Duration;

use chatbox_common::secret::SecretString;
use ratatui::backend::Backend;

use super::dialog::PromptLoop;
use super::terminal::{self, Pressed};
use super::{Full, Mode};
use crate::charset::Charset;
use crate::prompt::{self, Choice, PromptError, Prompter, Sheet, Task};
use crate::screen::Screen;
use crate::ui::{Intent, Scene};

/// The interval at which it is asked whether everything typed is in the channel.
const BETWEEN_KEYS: Duration = Duration::from_millis(1);

impl<B: Backend> Prompter for Full<B> {
    fn can_be_asked(&self) -> bool {
        true
    }

    fn owns_the_terminal(&self) -> bool {
        true
    }

    fn screen(&self) -> Screen {
        let columns = self.terminal.size().map_or(80, |size| size.width);
        Screen {
            pictures: self.charset == Charset::Utf8,
            // The dialog gives the picture its colours.
            escapes: false,
            colours: false,
            charset: self.charset,
            columns: Some(columns.into()),
        }
    }

    fn choose(&mut self, choices: &[Choice]) -> Result<usize, PromptError> {
        self.question_begins();
        self.prompt_loop().choose(choices)
    }

    fn is_to_leave(&mut self) -> Result<bool, PromptError> {
        self.question_begins();
        self.prompt_loop().is_to_leave()
    }

    fn ask(&mut self, question: &str, _: &'static str) -> Result<String, PromptError> {
        self.question_begins();
        self.prompt_loop().ask(question)
    }

    fn ask_secret(&mut self, question: &str, _: &'static str) -> Result<SecretString, PromptError> {
        self.question_begins();
        self.prompt_loop().ask_secret(question)
    }

    fn ask_new_secret(
        &mut self,
        question: &str,
        _: &'static str,
        about: &[&str],
    ) -> Result<SecretString, PromptError> {
        self.question_begins();
        self.prompt_loop().ask_new_secret(question, about)
    }

    fn say(&mut self, sentence: &str) -> io::Result<()> {
        self.prompt_loop().say(sentence)
    }

    fn tell(&mut self, sentence: &str) {
        if self.is_closed {
            prompt::complain(sentence);
        } else if self.questions.are_over() {
            self.say_here(sentence);
        } else {
            self.questions.tell(sentence);
            self.prompt_loop().tell(sentence);
        }
    }

    fn show(&mut self, sheet: &Sheet) -> io::Result<()> {
        self.uncover();
        self.questions.show_sheet();
        self.prompt_loop().show(sheet)
    }

    fn busy(&mut self, what: &str, task: Task) -> Result<(), PromptError> {
        self.uncover();
        self.questions.wait();
        let knock = self.knock.clone();
        self.prompt_loop().busy(knock, what, task)
    }
}

impl<B: Backend> Full<B> {
    pub(super) fn prompt_loop(&mut self) -> PromptLoop<'_, B> {
        PromptLoop {
            terminal: &mut self.terminal,
            pressed: &self.pressed,
            dialog: &mut self.dialog,
        }
    }

    /// Ends the bare view and the search, which a question must not be hidden by.
    pub(super) fn uncover(&mut self) {
        if matches!(self.mode, Mode::Bare) {
            // A terminal whose size can't be read fails with the next frame, which reports it.
            let _ = self.redraw();
        }
        self.mode = Mode::Talk;
    }

    pub(super) fn question_begins(&mut self) {
        self.questions.begin();
        self.uncover();
    }

    /// Gives away all that was typed so far, until nothing more comes.
    pub(super) fn empty(&mut self, mut give: impl FnMut(&mut Self, Pressed)) {
        loop {
            // Asked before the channel is emptied: what was sent before the answer is in it then.
            let is_all = self.raw_terminal.is_none() || terminal::is_all_told();
            while let Ok(pressed) = self.pressed.try_recv() {
                give(self, pressed);
            }
            if is_all {
                return;
            }
            if let Ok(pressed) = self.pressed.recv_timeout(BETWEEN_KEYS) {
                give(self, pressed);
            }
        }
    }

    /// Shows a question that one key answers, and drops the keys that were pressed before anybody
    /// has seen it: an Enter right behind a paste is no answer. Then it says which keys are. A paste
    /// joins the one before.
    pub(super) fn show_question(&mut self, scene: &Scene<'_>) -> io::Result<()> {
        self.questions.take_keys(false);
        self.draw(scene)?;
        self.empty(|full, pressed| match pressed {
            Pressed::Paste(text) if full.editor.asking().is_some() => {
                let outcome = full.editor.paste(&text);
                full.come(outcome);
            }
            pressed => {
                full.let_go(&pressed);
            }
        });
        self.questions.take_keys(true);
        self.frames.hurry();
        Ok(())
    }

    /// Drops keys and pastes, and obeys everything else; true if something typed was dropped.
    pub(super) fn let_go(&mut self, pressed: &Pressed) -> bool {
        match pressed {
            Pressed::Key(_) | Pressed::Paste(_) => return true,
            // A terminal whose size can't be read fails with the next frame, which reports it.
            Pressed::Redraw => drop(self.draw_anew()),
            Pressed::Interrupt | Pressed::Gone => self.intents.push_back(Intent::Quit),
            Pressed::Knock => {}
        }
        false
    }
}
