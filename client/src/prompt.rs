//! Questions on the controlling terminal, and secrets from files.
//!
//! A secret is never an argument and never echoed: it is typed here, or is the first line of a
//! file, a FIFO or standard input. Knows nothing of what the answers are for. Whoever asks waits
//! for the answer; a session goes on meanwhile by itself.

#[cfg(unix)]
mod modes;
#[cfg(not(unix))]
#[path = "prompt/no_modes.rs"]
mod modes;

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use chatbox_common::secret::SecretString;
use rpassword::ConfigBuilder;
use signal_hook::consts::SIGINT;
use zeroize::Zeroizing;

use crate::charset::{self, Charset, Output};
use crate::sanitize;
use crate::screen::Screen;
use crate::words::prompt as words;
use modes::Modes;
pub use modes::discard;

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

/// Why a secret could not be read from a file. The sentence is fit for a person.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may read or change it.
    #[error("{0} is open to other users (mode {mode:03o}): do 'chmod 600' on it first", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// `-` while standard input is a terminal, which would show what is typed.
    #[error("'-' reads from a pipe; at a terminal leave the flag out to be asked without echo")]
    WouldEcho,
    /// The first line is empty.
    #[error("the first line of {} is empty", .0.display())]
    Empty(PathBuf),
    /// The first line has more than [`MAX_ANSWER`] bytes.
    #[error("the first line of {} has more than {MAX_ANSWER} bytes", .0.display())]
    TooLong(PathBuf),
    /// The first line is no text.
    #[error("the first line of {} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
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

/// The terminal that questions are asked on, one line at a time.
pub struct Terminal {
    ctrl_c_ends: Arc<AtomicBool>,
    modes: Modes,
}

impl Terminal {
    /// Takes over what Ctrl-C (SIGINT) does: while `ctrl_c_ends` is true it ends the process, as
    /// it does without us. A prompt sets it to false for as long as it reads; the caller may do
    /// so when it has its own way to end.
    ///
    /// Without this, Ctrl-C in a prompt would end the process before the terminal's echo is
    /// switched on again, because `rpassword` raises the signal first.
    ///
    /// # Errors
    /// When the system refuses the signal handler.
    pub fn open(ctrl_c_ends: Arc<AtomicBool>) -> io::Result<Self> {
        signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(&ctrl_c_ends))?;
        let modes = Modes::new(Arc::clone(&ctrl_c_ends));
        Ok(Self { ctrl_c_ends, modes })
    }

    /// See [`Prompter::will_be_asked`].
    pub fn hold(&mut self) {
        // What fails here fails again, and is told, where something is asked.
        let _ = self.modes.hold();
    }

    /// Questions are over: the terminal is as it was.
    pub fn give_back(&self) {
        self.modes.give_back();
    }

    /// Does something that takes a while; who does not want to wait presses Ctrl-C.
    pub fn busy(&self, task: Task) {
        self.modes.wait(true);
        task();
        self.modes.wait(false);
    }

    /// See [`Prompter::ask`].
    ///
    /// # Errors
    /// When standard input is no terminal, the person cancels, or the answer is too long.
    pub fn ask(&mut self, prompt: &str, instead: &'static str) -> Result<String, PromptError> {
        // A mask that begins after the last character hides nothing: both kinds of question
        // share one reader, and Ctrl-C and Ctrl-D mean the same in both.
        let config = || ConfigBuilder::new().password_feedback_partial_mask('*', usize::MAX);
        let answer = self.read(prompt, instead, config)?;
        Ok(answer.trim().to_owned())
    }

    /// See [`Prompter::ask_secret`].
    ///
    /// # Errors
    /// As [`Terminal::ask`].
    pub fn ask_secret(
        &mut self,
        prompt: &str,
        instead: &'static str,
    ) -> Result<SecretString, PromptError> {
        let config = || ConfigBuilder::new().password_feedback_hide();
        self.read(prompt, instead, config).map(SecretString::new)
    }

    /// See [`Prompter::choose`].
    ///
    /// # Errors
    /// As [`Terminal::ask`].
    pub fn choose(&mut self, choices: &[Choice]) -> Result<usize, PromptError> {
        let offered: Vec<String> = choices
            .iter()
            .map(|choice| format!("{}) {}", choice.key, choice.label))
            .collect();
        let question = format!("\n{}\n> ", offered.join("  "));
        loop {
            let answer = self.ask(&question, "--user")?;
            let answer = answer.trim_start_matches([':', '/']).to_ascii_lowercase();
            let chosen = choices.iter().position(|choice| {
                answer.starts_with(choice.key)
                    && (answer.len() == 1 || answer == choice.label.to_ascii_lowercase())
            });
            if let Some(chosen) = chosen {
                return Ok(chosen);
            }
            let keys: Vec<char> = choices.iter().map(|choice| choice.key).collect();
            complain(&words::choose(&keys));
        }
    }

    fn read(
        &mut self,
        prompt: &str,
        instead: &'static str,
        config: fn() -> ConfigBuilder,
    ) -> Result<String, PromptError> {
        if !io::stdin().is_terminal() {
            return Err(PromptError::NoTerminal(instead));
        }
        // `rpassword` writes the question before it switches echo off.
        self.modes.hold().map_err(PromptError::Terminal)?;
        let before = self.ctrl_c_ends.swap(false, Ordering::SeqCst);
        let ask = || {
            let config = on_terminal(config())?;
            rpassword::prompt_password_with_config(prompt, config.build())
        };
        let answer = self.modes.interruptible(ask);
        self.ctrl_c_ends.store(before, Ordering::SeqCst);
        if matches!(&answer, Err(error) if error.kind() == ErrorKind::UnexpectedEof) {
            // Ctrl-D, unlike Enter and Ctrl-C, leaves the cursor behind the question.
            let _ = writeln!(charset::stderr());
        }
        judge(answer)
    }
}

/// Has the question, and what is typed, shown as the terminal can show it.
fn on_terminal(config: ConfigBuilder) -> io::Result<ConfigBuilder> {
    let charset = Charset::of_terminal();
    if charset == Charset::Utf8 {
        return Ok(config);
    }
    let terminal = File::options().write(true).open("/dev/tty")?;
    Ok(config.output_writer(Output::new(terminal, charset)))
}

/// What the reader's answer means.
fn judge(answer: io::Result<String>) -> Result<String, PromptError> {
    let answer = answer.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => PromptError::Interrupted,
        ErrorKind::UnexpectedEof => PromptError::Cancelled,
        _ => PromptError::Terminal(error),
    })?;
    if answer.len() > MAX_ANSWER {
        drop(Zeroizing::new(answer));
        return Err(PromptError::TooLong);
    }
    Ok(answer)
}

/// Reads a secret from the first line of a file or FIFO, or of standard input when `path` is
/// `-`; what follows the line is left unread there, for the next secret and for the chat.
///
/// A regular file must be closed to group and others, as ssh demands of its keys.
///
/// # Errors
/// When it cannot be read, is open to others, or its first line is empty, longer than
/// [`MAX_ANSWER`] bytes, or no UTF-8.
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretFileError> {
    if path == Path::new("-") {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(SecretFileError::WouldEcho);
        }
        return first_line(&mut stdin.lock(), Path::new("standard input"));
    }
    let failed = |source| SecretFileError::Read {
        path: path.to_owned(),
        source,
    };
    // The mode is that of the opened file: its name could be another's a moment later.
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_file() && mode & 0o077 != 0 {
            return Err(SecretFileError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
    }
    #[cfg(not(unix))]
    drop(metadata);
    first_line(&mut file, path)
}

/// Reads byte by byte into a buffer that never grows: no more than the line is taken, and no
/// copy of the secret is left in memory.
pub(crate) fn first_line(
    source: &mut impl Read,
    path: &Path,
) -> Result<SecretString, SecretFileError> {
    // A secret of the full length may be followed by a carriage return.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_ANSWER + 1));
    let mut byte = Zeroizing::new([0]);
    loop {
        match source.read(byte.as_mut_slice()) {
            Ok(0) => break,
            Ok(_) if *byte == *b"\n" => break,
            Ok(_) if line.len() > MAX_ANSWER => {
                return Err(SecretFileError::TooLong(path.to_owned()));
            }
            Ok(_) => line.extend_from_slice(byte.as_slice()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(SecretFileError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        }
    }
    let secret = line.strip_suffix(b"\r").unwrap_or(&line);
    if secret.is_empty() {
        return Err(SecretFileError::Empty(path.to_owned()));
    }
    if secret.len() > MAX_ANSWER {
        return Err(SecretFileError::TooLong(path.to_owned()));
    }
    let text = str::from_utf8(secret).map_err(|_| SecretFileError::NotUtf8(path.to_owned()))?;
    Ok(SecretString::new(text.to_owned()))
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

#[cfg(test)]
mod tests;
