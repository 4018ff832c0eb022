//! The menu, and passwords as they are asked for.

use chatbox_common::auth::scram::Password;

use crate::exit::ExitReason;
use crate::password_strength;
use crate::prompt::{Choice, PromptError, Prompter};
use crate::trust::Purpose;
use crate::words::login as words;

/// What is typed behind a key that leaves goes to the shell, a password among it: so whoever has
/// the whole terminal is asked. Elsewhere a line, or the end of the input, has said it.
pub(super) fn menu(prompter: &mut dyn Prompter) -> Result<Purpose, ExitReason> {
    let menu = [
        ('1', words::REGISTER),
        ('2', words::LOG_IN),
        ('q', words::QUIT),
    ]
    .map(|(key, label)| Choice { key, label });
    loop {
        match prompter.choose(&menu) {
            Ok(0) => return Ok(Purpose::Register),
            Ok(1) => return Ok(Purpose::LogIn),
            Ok(_) | Err(PromptError::Cancelled) if !prompter.is_to_leave()? => {}
            Ok(_) | Err(PromptError::Cancelled | PromptError::Interrupted) => {
                return Err(ExitReason::fine());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Asks again while the answer can't be a password.
pub(super) fn ask_password(
    prompter: &mut dyn Prompter,
    question: &str,
) -> Result<Password, PromptError> {
    loop {
        let typed = prompter.ask_secret(question, "--password-file")?;
        match Password::prepare(&typed) {
            Ok(password) => return Ok(password),
            Err(error) => prompter.tell(&error.to_string()),
        }
    }
}

/// Asks for a new password until it is strong enough and was typed twice alike; `about` are words
/// that make it easier to guess.
pub(super) fn ask_new_password(
    prompter: &mut dyn Prompter,
    about: &[&str],
) -> Result<Password, PromptError> {
    loop {
        let typed = prompter.ask_new_secret(&words::new_password(), "--password-file", about)?;
        let password = match Password::prepare(&typed) {
            Ok(password) => password,
            Err(error) => {
                prompter.tell(&error.to_string());
                continue;
            }
        };
        let strength = password_strength::judge(typed.expose(), about);
        if !strength.is_enough {
            prompter.tell(&words::weak(strength.label, strength.hint.as_deref()));
            continue;
        }
        let again = prompter.ask_secret(words::SAME_AGAIN, "--password-file")?;
        if Password::prepare(&again).is_ok_and(|again| again == password) {
            return Ok(password);
        }
        prompter.tell(words::NOT_THE_SAME);
    }
}
