//! What a person can be asked and shown outside the chat.
//!
//! A secret is never an argument and never echoed: it is typed at a question (`terminal`, or the
//! full screen), or is the first line of a file (`secret_file`). Knows nothing of what the answers
//! are for. Whoever asks waits for the answer; a session goes on meanwhile by itself.

#[cfg(unix)]
mod modes;
#[cfg(not(unix))]
#[path = "prompt/no_modes.rs"]
mod modes;
mod secret_file;
mod terminal;

use std::io::{self, Write};
use std::sync::mpsc;

use chatbox_common::secret::SecretString;
use zeroize::Zeroizing;

use crate::charset;
use crate::sanitize;
use crate::screen::Screen;
pub(crate) use secret_file::first_line;
pub use secret_file::{SecretFileError, read_secret_file};
pub use terminal::Terminal;

/// The longest answer and the longest line of a secret's file, in bytes.
pub const MAX_ANSWER: usize = 4096;

/// Why there is no answer. The sentence is fit for a person.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Ctrl-D.
    #[error("cancelled")]
    Cancelled,
    /// Ctrl-C; the signal was raised as well.
    #[error("cancelled")]
    Interrupted,
    /// Standard input is no terminal, so there is nobody to ask; names the flag to use instead.
    #[error("standard input is no terminal to ask on: use {0}")]
    NoTerminal(&'static str),
    /// More than [`MAX_ANSWER`] bytes.
    #[error("an answer has at most {MAX_ANSWER} bytes")]
    TooLong,
    /// The system wants the program to end.
    #[error("ended")]
    Ended,
    /// The terminal failed.
    #[error("cannot ask on the terminal: {0}")]
    Terminal(#[source] io::Error),
}

/// A way to go on, as it is offered: what to type for it, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// What chooses it.
    pub key: char,
    /// What it is.
    pub label: &'static str,
}

/// What somebody is shown once and must note down: the second factor. All of it is this program's
/// own text, in lines that end with a line feed.
pub struct Sheet {
    /// Secret, link and recovery codes.
    pub text: Zeroizing<String>,
    /// What to do with the picture, or why there is none.
    pub invitation: String,
    /// The QR code, or nothing.
    pub picture: Zeroizing<String>,
}

/// Something that takes a while; it reports to whoever made it.
pub type Task = Box<dyn FnOnce() + Send>;

/// Whoever sits there: is asked, told and shown things outside the chat. Sentences and questions
/// are this program's own, except for what [`Prompter::tell`] is told.
pub trait Prompter {
    /// Whether there is anybody to ask.
    fn can_be_asked(&self) -> bool;

    /// Whether the terminal is its own, so that no other program can ask there.
    fn owns_the_terminal(&self) -> bool {
        false
    }

    /// Questions are coming: what is typed ahead of them is not shown.
    fn will_be_asked(&mut self) {}

    /// Another program may ask on the terminal: it finds it as it was before the questions.
    fn lend_the_terminal(&mut self) {}

    /// What can be shown here.
    fn screen(&self) -> Screen;

    /// Offers some ways to go on; says which one was chosen, by its place.
    ///
    /// # Errors
    /// When nobody can be asked, or the person cancels.
    fn choose(&mut self, choices: &[Choice]) -> Result<usize, PromptError>;

    /// Asks for something that may be seen. `instead` is the flag to name when nobody can be
    /// asked. Blanks around the answer are dropped.
    ///
    /// # Errors
    /// When nobody can be asked, the person cancels, or the answer is too long.
    fn ask(&mut self, question: &str, instead: &'static str) -> Result<String, PromptError>;

    /// Asks for a secret, which is not shown.
    ///
    /// # Errors
    /// As [`Prompter::ask`].
    fn ask_secret(
        &mut self,
        question: &str,
        instead: &'static str,
    ) -> Result<SecretString, PromptError>;

    /// Asks for a new password, and shows where it can how hard it is to guess; `about` are words
    /// that make it easier.
    ///
    /// # Errors
    /// As [`Prompter::ask`].
    fn ask_new_secret(
        &mut self,
        question: &str,
        instead: &'static str,
        about: &[&str],
    ) -> Result<SecretString, PromptError>;

    /// Says how things stand.
    ///
    /// # Errors
    /// When the output does not take it.
    fn say(&mut self, sentence: &str) -> io::Result<()>;

    /// Tells of a problem, in a sentence that may come from anywhere.
    fn tell(&mut self, sentence: &str);

    /// Shows a sheet.
    ///
    /// # Errors
    /// When the output does not take it.
    fn show(&mut self, sheet: &Sheet) -> io::Result<()>;

    /// Does something that takes a while, called `what`.
    ///
    /// # Errors
    /// When the person does not want to wait for it; it may go on nevertheless, unheard.
    fn busy(&mut self, what: &str, task: Task) -> Result<(), PromptError>;
}

/// Has something done that takes a while.
///
/// # Errors
/// As [`Prompter::busy`].
pub fn away<T: Send + 'static>(
    prompter: &mut dyn Prompter,
    what: &str,
    task: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PromptError> {
    let (tell, told) = mpsc::sync_channel(1);
    prompter.busy(
        what,
        Box::new(move || {
            // Whoever does not want to wait does not listen either.
            let _ = tell.send(task());
        }),
    )?;
    told.try_recv().map_err(|_| PromptError::Interrupted)
}

/// Says something beside the output: on standard error.
pub fn complain(sentence: &str) {
    // Where even this fails there is nobody to tell.
    let sentence = sanitize::text(sentence).replace('\n', "\n         ");
    let _ = charset::stderr().write_all(format!("chatbox: {sentence}\n").as_bytes());
}

/// In place of a person, for tests: can't be asked, and does not listen.
#[cfg(test)]
pub mod nobody {
    use super::*;

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

        fn ask_secret(
            &mut self,
            _: &str,
            instead: &'static str,
        ) -> Result<SecretString, PromptError> {
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

        fn tell(&mut self, _: &str) {}

        fn show(&mut self, _: &Sheet) -> io::Result<()> {
            Ok(())
        }

        fn busy(&mut self, _: &str, task: Task) -> Result<(), PromptError> {
            task();
            Ok(())
        }
    }
}
