//! Nobody, in the place of a person: whoever is asked there gets an error, and problems go to
//! standard error.

use std::io;

use chatbox_common::secret::SecretString;

use super::{Choice, PromptError, Prompter, Sheet, Task, complain};
use crate::screen::Screen;

pub struct Nobody;

impl Prompter for Nobody {
    fn can_be_asked(&self) -> bool {
        false
    }

    fn screen(&self) -> Screen {
        Screen::of_process(true)
    }

    fn choose(&mut self, _: &[Choice]) -> Result<usize, PromptError> {
        Err(PromptError::NoTerminal(""))
    }

    fn ask(&mut self, _: &str, instead: &'static str) -> Result<String, PromptError> {
        Err(PromptError::NoTerminal(instead))
    }

    fn ask_secret(&mut self, _: &str, instead: &'static str) -> Result<SecretString, PromptError> {
        Err(PromptError::NoTerminal(instead))
    }

    fn ask_new_secret(
        &mut self,
        _: &str,
        instead: &'static str,
        _: &[&str],
    ) -> Result<SecretString, PromptError> {
        Err(PromptError::NoTerminal(instead))
    }

    fn say(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn tell(&mut self, sentence: &str) {
        complain(sentence);
    }

    fn show(&mut self, _: &Sheet) -> io::Result<()> {
        Ok(())
    }

    fn busy(&mut self, _: &str, task: Task) -> Result<(), PromptError> {
        task();
        Ok(())
    }
}
