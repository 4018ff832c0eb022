//! Questions on the controlling terminal, one line at a time. A secret is never echoed.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chatbox_common::secret::SecretString;
use rpassword::ConfigBuilder;
use signal_hook::consts::SIGINT;
use zeroize::Zeroizing;

use super::modes::{Modes, discard};
use super::{Choice, MAX_ANSWER, PromptError, Task, Typing, complain};
use crate::charset::{self, Charset, Output};
use crate::words::prompt as words;

pub struct Terminal {
    ctrl_c_ends: Arc<AtomicBool>,
    modes: Modes,
    typing: Typing,
    /// Lines of a chat are typed between the questions.
    is_chat: bool,
}

impl Terminal {
    /// Takes over what Ctrl-C (SIGINT) does: while `ctrl_c_ends` is true it ends the process, as by
    /// default. A prompt sets it to false while it reads; the caller may do so when it has its own
    /// way to end.
    ///
    /// Without this, Ctrl-C in a prompt would end the process before echo is switched on again,
    /// because `rpassword` raises the signal first.
    pub fn open(ctrl_c_ends: Arc<AtomicBool>) -> io::Result<Self> {
        signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(&ctrl_c_ends))?;
        let modes = Modes::new(Arc::clone(&ctrl_c_ends));
        Ok(Self {
            ctrl_c_ends,
            modes,
            typing: Typing::new(Charset::of_terminal()),
            is_chat: false,
        })
    }

    pub fn hold(&mut self) {
        // If this fails, the next question fails too, and reports it.
        let _ = self.modes.hold();
    }

    /// After the last question: the terminal is as it was, or as a chat has it.
    pub fn leave_questions(&mut self) {
        if self.is_chat {
            // If this fails, the next read fails too, and reports it.
            let _ = self.modes.type_lines();
        } else {
            self.modes.give_back();
        }
    }

    /// The terminal is as it was.
    pub fn give_back(&self) {
        self.typing.drop_line();
        self.modes.give_back();
    }

    /// The line of a chat: empty where none is typed.
    pub fn typing(&self) -> Typing {
        self.typing.clone()
    }

    /// From here on lines are typed that are echoed here: by who reads them through this. `None`
    /// where the terminal keeps them to itself, or what is shown goes elsewhere.
    pub fn type_lines(&mut self) -> Option<Typing> {
        self.is_chat = io::stdin().is_terminal()
            && io::stdout().is_terminal()
            && self.modes.type_lines().unwrap_or(false);
        self.is_chat.then(|| self.typing())
    }

    /// Drops what was typed and was not read yet, and a line that is begun; true where there was
    /// anything. Meanwhile the
    /// terminal echoes nothing, and passes on keys and not lines.
    pub fn discard(&mut self) -> bool {
        let was_held = self.modes.is_held();
        self.hold();
        let was_begun = self.typing.drop_line();
        let has_dropped = discard() || was_begun;
        if !was_held || self.is_chat {
            self.leave_questions();
        }
        has_dropped
    }

    /// Runs a task; Ctrl-C ends the program meanwhile.
    pub fn busy(&self, task: Task) {
        self.modes.wait(true);
        task();
        self.modes.wait(false);
    }

    pub fn ask(&mut self, prompt: &str, instead: &'static str) -> Result<String, PromptError> {
        // The mask begins behind every possible character, and so hides none: both kinds of
        // question share one reader, and Ctrl-C and Ctrl-D mean the same in both.
        let config = || ConfigBuilder::new().password_feedback_partial_mask('*', usize::MAX);
        let answer = self.read(prompt, instead, config)?;
        Ok(answer.trim().to_owned())
    }

    pub fn ask_secret(
        &mut self,
        prompt: &str,
        instead: &'static str,
    ) -> Result<SecretString, PromptError> {
        let config = || ConfigBuilder::new().password_feedback_hide();
        self.read(prompt, instead, config).map(SecretString::new)
    }

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

impl Drop for Terminal {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Questions, and what is typed, are shown as the terminal can show them. Through a writer of ours
/// also where that changes nothing: `rpassword` would set the modes of a second descriptor, behind
/// those that the signal thread waits for.
fn on_terminal(config: ConfigBuilder) -> io::Result<ConfigBuilder> {
    let charset = Charset::of_terminal();
    if cfg!(not(unix)) && charset == Charset::Utf8 {
        return Ok(config);
    }
    let terminal = File::options().write(true).open("/dev/tty")?;
    Ok(config.output_writer(Output::new(terminal, charset)))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_is_told_from_failing() {
        let answer = judge(Err(io::Error::from(ErrorKind::UnexpectedEof)));
        assert!(matches!(answer, Err(PromptError::Cancelled)));
        let answer = judge(Err(io::Error::from(ErrorKind::Interrupted)));
        assert!(matches!(answer, Err(PromptError::Interrupted)));
        let answer = judge(Err(io::Error::from(ErrorKind::NotFound)));
        assert!(matches!(answer, Err(PromptError::Terminal(_))));
        assert!(matches!(
            judge(Ok("x".repeat(MAX_ANSWER + 1))),
            Err(PromptError::TooLong)
        ));
        assert_eq!(judge(Ok(String::new())).unwrap(), "");
    }
}
