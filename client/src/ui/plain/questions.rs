//! What the plain face asks: line by line, on the terminal.

use std::io::{self, Write};

use chatbox_common::secret::SecretString;

use super::Plain;
use crate::prompt::{self, Choice, PromptError, Prompter, Sheet, Task};
use crate::sanitize;
use crate::screen::Screen;

impl<W: Write> Prompter for Plain<W> {
    fn can_be_asked(&self) -> bool {
        self.can_ask
    }

    fn will_be_asked(&mut self) {
        if self.can_ask {
            self.terminal.hold();
        }
    }

    fn lend_the_terminal(&mut self) {
        self.terminal.give_back();
    }

    fn screen(&self) -> Screen {
        self.screen
    }

    fn choose(&mut self, choices: &[Choice]) -> Result<usize, PromptError> {
        self.terminal.choose(choices)
    }

    fn ask(&mut self, question: &str, instead: &'static str) -> Result<String, PromptError> {
        self.terminal.ask(question, instead)
    }

    fn ask_secret(
        &mut self,
        question: &str,
        instead: &'static str,
    ) -> Result<SecretString, PromptError> {
        self.terminal.ask_secret(question, instead)
    }

    fn ask_new_secret(
        &mut self,
        question: &str,
        instead: &'static str,
        _: &[&str],
    ) -> Result<SecretString, PromptError> {
        self.terminal.ask_secret(question, instead)
    }

    fn say(&mut self, sentence: &str) -> io::Result<()> {
        self.put_lines(&format!("{}\n", sanitize::text(sentence)))?;
        self.out.flush()
    }

    fn tell(&mut self, sentence: &str) {
        // A broken output is reported by the next write.
        let _ = self.out.flush();
        // Nor of an error of standard error.
        let _ = self.terminal.typing().above(|| {
            prompt::complain(sentence);
            Ok(())
        });
    }

    fn show(&mut self, sheet: &Sheet) -> io::Result<()> {
        // The picture last, so that a screen of 24 lines still shows it with what follows.
        for part in [&*sheet.text, &sheet.invitation, &sheet.picture] {
            self.put(part)?;
        }
        self.out.flush()
    }

    fn busy(&mut self, _: &str, task: Task) -> Result<(), PromptError> {
        self.terminal.busy(task);
        Ok(())
    }
}
