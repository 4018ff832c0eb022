//! Second factors: typed, or from a file or command; and which one was used last.
//!
//! A code is good once: the person is told when the next one comes, before the server refuses the
//! used one.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use chatbox_common::auth::SecondFactor;
use chatbox_common::auth::totp::{STEP_SECONDS, step_of};
use chatbox_common::secret::SecretString;

use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::prompt::{PromptError, Prompter, away, read_secret_file};
use crate::secret_command::{Leash, SecretCommand};
use crate::words::login as words;
use crate::words::tables::now_ms;

#[derive(Clone)]
pub struct Codes {
    source: Given,
    used: Option<Used>,
}

#[derive(Clone)]
pub enum Given {
    /// The person is asked.
    No,
    /// The first line of a file; `-` is standard input.
    File(PathBuf),
    Command(SecretCommand),
}

impl Given {
    /// A file goes before a command.
    #[must_use]
    pub fn of(file: Option<PathBuf>, command: Option<SecretCommand>) -> Self {
        match (file, command) {
            (Some(file), _) => Self::File(file),
            (None, Some(command)) => Self::Command(command),
            (None, None) => Self::No,
        }
    }

    /// The person does not have to be asked.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        !matches!(self, Self::No)
    }

    /// Reads the file or runs the command; `None` where the person is to be asked.
    pub fn read(&self, prompter: &mut dyn Prompter) -> Result<Option<SecretString>, ExitReason> {
        let given = self.clone();
        // A task, however short, drops what is typed meanwhile: here the answer.
        if matches!(given, Self::No) {
            return Ok(None);
        }
        // A full screen reads all keys: a command could not ask on the terminal.
        let is_alone = prompter.owns_the_terminal();
        if matches!(given, Self::Command(_)) {
            prompter.lend_the_terminal();
        }
        let ends = Leash::default();
        let leash = ends.clone();
        away(prompter, words::GETTING_A_SECRET, move || match given {
            Self::No => Ok(None),
            Self::File(file) => Ok(Some(read_secret_file(&file)?)),
            Self::Command(command) => Ok(Some(command.run(is_alone, &leash)?)),
        })
        // The person does not want to wait, or leaves.
        .inspect_err(|_| ends.kill())?
    }
}

#[derive(Clone)]
struct Used {
    step: u64,
    text: SecretString,
}

/// As it is sent: without the blanks and signs that a person typed.
#[must_use]
pub fn text(factor: &SecondFactor) -> SecretString {
    match factor {
        SecondFactor::Totp(code) => SecretString::new(code.expose().to_owned()),
        SecondFactor::Recovery(code) => code.text(),
    }
}

impl Codes {
    #[must_use]
    pub const fn new(source: Given) -> Self {
        Self { source, used: None }
    }

    /// The person does not have to be asked.
    #[must_use]
    pub const fn are_given(&self) -> bool {
        self.source.is_given()
    }

    /// Another code can be had whenever one is needed.
    #[must_use]
    pub const fn come_from_a_command(&self) -> bool {
        matches!(self.source, Given::Command(_))
    }

    /// A second factor that was not used yet.
    ///
    /// # Errors
    /// Also when the file or the command still has the used one.
    pub fn fresh(
        &self,
        prompter: &mut dyn Prompter,
        prompt: &str,
    ) -> Result<SecretString, ExitReason> {
        let Some(mut factor) = self.given(prompter)? else {
            return Ok(self.asked(prompter, prompt)?);
        };
        if self.is_used(&factor)
            && let Some(wait) = self.wait(now_ms() / 1000)
        {
            let sentence = words::code_used(wait);
            prompter.tell(&sentence);
            // A code is good once, and the source has the next one when its step begins.
            away(prompter, &sentence, move || thread::sleep(wait))?;
            factor = self.given(prompter)?.unwrap_or(factor);
        }
        if self.is_used(&factor) {
            return Err(ExitReason::because(
                Exit::LoginRefused,
                words::GIVEN_CODE_USED,
            ));
        }
        Ok(factor)
    }

    /// From the file or the command; `None` where the person is to be asked.
    fn given(&self, prompter: &mut dyn Prompter) -> Result<Option<SecretString>, ExitReason> {
        let Some(secret) = self.source.read(prompter)? else {
            return Ok(None);
        };
        let factor = SecondFactor::parse(secret.expose())
            .map_err(|error| ExitReason::because(Exit::Usage, &error.to_string()))?;
        Ok(Some(text(&factor)))
    }

    /// As [`Codes::fresh`], from the person whatever the source is.
    pub fn asked(
        &self,
        prompter: &mut dyn Prompter,
        prompt: &str,
    ) -> Result<SecretString, PromptError> {
        if let Some(wait) = self.wait(now_ms() / 1000) {
            prompter.tell(&words::code_used(wait));
        }
        loop {
            let factor = typed(prompter, prompt)?;
            if !self.is_used(&factor) {
                return Ok(factor);
            }
            let wait = self.wait(now_ms() / 1000);
            prompter.tell(&words::code_used(wait.unwrap_or_default()));
        }
    }

    /// The server has accepted it; the authenticator shows it until its step is over.
    pub fn spend(&mut self, text: SecretString) {
        let step = step_of(now_ms() / 1000);
        self.used = Some(Used { step, text });
    }

    /// The server has refused it: sending it again would be refused too.
    pub fn refuse(&mut self, text: SecretString) {
        self.used = Some(Used { step: 0, text });
    }

    fn is_used(&self, text: &SecretString) -> bool {
        self.used.as_ref().is_some_and(|used| used.text == *text)
    }

    /// How long the authenticator still shows the used code.
    fn wait(&self, now_seconds: u64) -> Option<Duration> {
        let next = (self.used.as_ref()?.step + 1) * STEP_SECONDS;
        let left = next.checked_sub(now_seconds).filter(|left| *left > 0)?;
        // After the clock was set back, a wait would be longer than a code's life.
        Some(Duration::from_secs(left.min(STEP_SECONDS)))
    }
}

/// Asks for a second factor, whatever was used before: a new secret's first code can't have been
/// used.
pub fn typed(prompter: &mut dyn Prompter, prompt: &str) -> Result<SecretString, PromptError> {
    loop {
        let typed = prompter.ask_secret(prompt, "--otp-file")?;
        match SecondFactor::parse(typed.expose()) {
            Ok(factor) => return Ok(text(&factor)),
            Err(error) => prompter.tell(&error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used_at(step: u64) -> Codes {
        Codes {
            source: Given::No,
            used: Some(Used {
                step,
                text: SecretString::new("123456".into()),
            }),
        }
    }

    #[test]
    fn who_used_a_code_waits_for_the_next_step() {
        let wait = |now| used_at(2).wait(now).map(|wait| wait.as_secs());
        assert_eq!(wait(60), Some(30));
        assert_eq!(wait(89), Some(1));
        assert_eq!(wait(90), None);
        assert_eq!(wait(0), Some(30), "the clock was set back");
        assert_eq!(Codes::new(Given::No).wait(0), None);
    }

    #[test]
    fn what_is_sent_has_nothing_around_it() {
        for (typed, sent) in [
            (" 123 456", "123456"),
            ("aaaqeaye auda ocaj", "AAAQ-EAYE-AUDA-OCAJ"),
        ] {
            let factor = SecondFactor::parse(typed).unwrap();
            assert_eq!(text(&factor).expose(), sent);
        }
    }

    #[test]
    fn a_used_code_is_known_again() {
        let is_used = |text: &str| used_at(2).is_used(&SecretString::new(text.into()));
        assert!(is_used("123456"));
        assert!(!is_used("123457"));
    }
}
