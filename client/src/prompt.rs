//! What a person can be asked and shown outside the chat.
//!
//! A secret is never an argument and never echoed: it is typed at a question (`terminal`, or the
//! full screen), or is the first line of a file (`secret_file`). Knows nothing of what the answers
//! are for. The caller waits for the answer; a session goes on meanwhile in its own threads.

#[cfg(unix)]
mod modes;
#[cfg(not(unix))]
#[path = "prompt/no_modes.rs"]
mod modes;
mod nobody;
mod secret_file;
mod terminal;
mod typing;

use std::io::{self, Write};
use std::sync::mpsc;

use chatbox_common::secret::SecretString;
use zeroize::Zeroizing;

use crate::charset;
use crate::margin;
use crate::sanitize;
use crate::screen::{self, Screen};
pub use nobody::Nobody;
pub(crate) use secret_file::first_line;
pub use secret_file::{SecretFileError, read_secret_file};
pub use terminal::Terminal;
pub use typing::{Above, TypedLines, Typing};

/// Bytes of an answer, and of the line in a secret's file.
pub const MAX_ANSWER: usize = 4096;

/// Why there is no answer. A sentence for the person.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// By Ctrl-D.
    #[error("cancelled")]
    Cancelled,
    /// By Ctrl-C; SIGINT was raised as well.
    #[error("cancelled")]
    Interrupted,
    /// Standard input is no terminal: there is no person to ask. Names the flag to use instead.
    #[error("standard input is no terminal to ask on: use {0}")]
    NoTerminal(&'static str),
    /// More than [`MAX_ANSWER`] bytes.
    #[error("an answer has at most {MAX_ANSWER} bytes")]
    TooLong,
    /// By a signal that ends the program.
    #[error("ended")]
    Ended,
    #[error("cannot ask on the terminal: {0}")]
    Terminal(#[source] io::Error),
}

/// A line of a menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Chooses it when typed.
    pub key: char,
    pub label: &'static str,
}

/// What a person is shown once and must note down: the second factor. All of it is this program's
/// own text, in lines that end with a line feed.
pub struct Sheet {
    /// Secret, link and recovery codes.
    pub text: Zeroizing<String>,
    /// What to do with the picture, or why there is none.
    pub invitation: String,
    /// The QR code, or empty.
    pub picture: Zeroizing<String>,
}

/// A task that takes a while; it gives its result to the one who made it, as [`away`] does.
pub type Task = Box<dyn FnOnce() + Send>;

/// Asks, tells and shows a person things outside the chat. Sentences and questions are this
/// program's own, except for those of [`Prompter::tell`].
pub trait Prompter {
    /// False where standard input is no terminal.
    fn can_be_asked(&self) -> bool;

    /// True of the full screen, which reads all keys: another program could not ask there.
    fn owns_the_terminal(&self) -> bool {
        false
    }

    /// Questions follow: what is typed ahead of them must not be shown.
    fn will_be_asked(&mut self) {}

    /// Another program may ask on the terminal: it finds the terminal as it was before the
    /// questions.
    fn lend_the_terminal(&mut self) {}

    fn screen(&self) -> Screen;

    /// Offers a menu, and returns the place of the choice in it.
    fn choose(&mut self, choices: &[Choice]) -> Result<usize, PromptError>;

    /// Whether a person who has said so in a menu really leaves: where one key says it, they are
    /// asked.
    fn is_to_leave(&mut self) -> Result<bool, PromptError> {
        Ok(true)
    }

    /// Asks for something that may be seen. Blanks around the answer are dropped. `instead` is the
    /// flag that the error names where nobody can be asked.
    fn ask(&mut self, question: &str, instead: &'static str) -> Result<String, PromptError>;

    /// As [`Prompter::ask`], for a secret: it is not shown, and blanks belong to it.
    fn ask_secret(
        &mut self,
        question: &str,
        instead: &'static str,
    ) -> Result<SecretString, PromptError>;

    /// Asks for a new password and, where it can, shows how hard it is to guess; `about` are words
    /// that make it easier.
    fn ask_new_secret(
        &mut self,
        question: &str,
        instead: &'static str,
        about: &[&str],
    ) -> Result<SecretString, PromptError>;

    /// Reports the state of things, as output.
    fn say(&mut self, sentence: &str) -> io::Result<()>;

    /// Reports a problem. The sentence may come from a peer, and is made fit for a terminal.
    fn tell(&mut self, sentence: &str);

    fn show(&mut self, sheet: &Sheet) -> io::Result<()>;

    /// Runs a task and shows meanwhile that `what` takes a while.
    ///
    /// # Errors
    /// When the person does not want to wait; the task may go on nevertheless, and its result is
    /// lost.
    fn busy(&mut self, what: &str, task: Task) -> Result<(), PromptError>;
}

/// Runs a task by [`Prompter::busy`], and returns its result.
pub fn away<T: Send + 'static>(
    prompter: &mut dyn Prompter,
    what: &str,
    task: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PromptError> {
    let (tell, told) = mpsc::sync_channel(1);
    prompter.busy(
        what,
        Box::new(move || {
            // Nobody receives the result where the person did not want to wait.
            let _ = tell.send(task());
        }),
    )?;
    told.try_recv().map_err(|_| PromptError::Interrupted)
}

/// Reports a problem on standard error, beside the output.
pub fn complain(sentence: &str) {
    // If this fails, there is no way left to report it.
    let mut stderr = charset::stderr();
    let sentence = sanitize::text(sentence);
    let lines = margin::hang("chatbox: ", &stderr.shown(&sentence), screen::error_width());
    let _ = stderr.write_all(lines.as_bytes());
}
