//! Second factors: from the terminal or a file, and which one was used last.
//!
//! A code is good once. Instead of being refused by the server, who has just used one is told
//! when the next comes.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use chatbox_common::auth::SecondFactor;
use chatbox_common::auth::totp::{STEP_SECONDS, step_of};
use chatbox_common::secret::SecretString;

use super::{now_ms, tell};
use crate::cli::Exit;
use crate::prompt::{PromptError, Terminal, read_secret_file};
use crate::stop::Stop;

/// See the module.
pub struct Codes {
    file: Option<PathBuf>,
    used: Option<Used>,
}

struct Used {
    step: u64,
    text: SecretString,
}

/// The text of a second factor as it is sent: without what a person typed around it.
#[must_use]
pub fn text(factor: &SecondFactor) -> SecretString {
    match factor {
        SecondFactor::Totp(code) => SecretString::new(code.expose().to_owned()),
        SecondFactor::Recovery(code) => code.text(),
    }
}

impl Codes {
    /// Codes come from `file` (`-` is standard input), or are asked for.
    #[must_use]
    pub const fn new(file: Option<PathBuf>) -> Self {
        Self { file, used: None }
    }

    /// Whether nobody has to be asked.
    #[must_use]
    pub const fn is_from_file(&self) -> bool {
        self.file.is_some()
    }

    /// A second factor that was not used yet.
    ///
    /// # Errors
    /// When nobody can be asked, the person cancels, or the file has none, or still the used one.
    pub fn fresh(&self, terminal: &Terminal<'_>, prompt: &str) -> Result<SecretString, Stop> {
        let Some(file) = &self.file else {
            return Ok(self.asked(terminal, prompt)?);
        };
        let wait = self.wait(now_ms() / 1000);
        if let Some(wait) = wait {
            tell(&used(wait));
            thread::sleep(wait);
        }
        let secret = read_secret_file(file)?;
        let factor = SecondFactor::parse(secret.expose())
            .map_err(|error| Stop::because(Exit::Usage, &error.to_string()))?;
        let factor = text(&factor);
        if self.is_used(&factor) {
            let sentence = format!("the code in {} was used already", file.display());
            return Err(Stop::because(Exit::LoginRefused, &sentence));
        }
        Ok(factor)
    }

    /// A second factor that was not used yet, from the terminal.
    ///
    /// # Errors
    /// When nobody can be asked, or the person cancels.
    pub fn asked(
        &self,
        terminal: &Terminal<'_>,
        prompt: &str,
    ) -> Result<SecretString, PromptError> {
        if let Some(wait) = self.wait(now_ms() / 1000) {
            tell(&used(wait));
        }
        loop {
            let factor = typed(terminal, prompt)?;
            if !self.is_used(&factor) {
                return Ok(factor);
            }
            let wait = self.wait(now_ms() / 1000);
            tell(&used(wait.unwrap_or_default()));
        }
    }

    /// A second factor was accepted; the authenticator shows it until its step is over.
    pub fn spend(&mut self, text: SecretString) {
        let step = step_of(now_ms() / 1000);
        self.used = Some(Used { step, text });
    }

    /// A second factor was refused: it is not worth a second try.
    pub fn refuse(&mut self, text: SecretString) {
        self.used = Some(Used { step: 0, text });
    }

    fn is_used(&self, text: &SecretString) -> bool {
        self.used.as_ref().is_some_and(|used| used.text == *text)
    }

    /// How long the used code is still the one that is shown.
    fn wait(&self, now_seconds: u64) -> Option<Duration> {
        let next = (self.used.as_ref()?.step + 1) * STEP_SECONDS;
        let left = next.checked_sub(now_seconds).filter(|left| *left > 0)?;
        // A clock that was set back must not make anybody wait for more than a code's life.
        Some(Duration::from_secs(left.min(STEP_SECONDS)))
    }
}

/// A second factor as somebody types it, whatever was used before: one of a new secret, of which
/// nothing was.
///
/// # Errors
/// When nobody can be asked, or the person cancels.
pub fn typed(terminal: &Terminal<'_>, prompt: &str) -> Result<SecretString, PromptError> {
    loop {
        let typed = terminal.ask_secret(prompt, "--otp-file")?;
        match SecondFactor::parse(typed.expose()) {
            Ok(factor) => return Ok(text(&factor)),
            Err(error) => tell(&error.to_string()),
        }
    }
}

fn used(wait: Duration) -> String {
    format!(
        "the code of this moment is used; next in {} s",
        wait.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used_at(step: u64) -> Codes {
        Codes {
            file: None,
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
        assert_eq!(Codes::new(None).wait(0), None);
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
