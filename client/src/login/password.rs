//! Asks for passwords.

use chatbox_common::auth::scram::Password;

use crate::password_strength;
use crate::prompt::{PromptError, Prompter};
use crate::words::login as words;

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
