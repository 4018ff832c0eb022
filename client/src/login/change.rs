//! What a person is asked and shown who changes their own account, while their session goes on.

use std::io;

use chatbox_common::auth::recovery::RecoveryCode;
use chatbox_common::auth::scram::Password;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use chatbox_common::secret::SecretString;

use super::{Login, ask_new_password, ask_password, check_clock, codes, enrol};
use crate::prompt::{PromptError, Prompter};
use crate::words::login as words;

/// What a change of the password takes.
pub struct Passwords {
    /// The one so far.
    pub old: Password,
    /// The one that is to be.
    pub new: Password,
    /// A second factor.
    pub code: SecretString,
}

/// What a change of the second factor takes, as a login does.
pub struct Factors {
    /// The password.
    pub password: Password,
    /// A second factor.
    pub code: SecretString,
}

impl Login {
    /// Asks for both passwords and a code.
    ///
    /// # Errors
    /// When nobody can be asked, or the person cancels.
    pub fn ask_passwords(&self, prompter: &mut dyn Prompter) -> Result<Passwords, PromptError> {
        let about = [self.user.as_ref().map_or("", UserName::as_str)];
        let old = ask_password(prompter, words::OLD_PASSWORD)?;
        let new = loop {
            let new = ask_new_password(prompter, &about)?;
            if new != old {
                break new;
            }
            prompter.tell(words::THE_OLD_ONE);
        };
        let code = self.codes.asked(prompter, words::CODE)?;
        Ok(Passwords { old, new, code })
    }

    /// Asks for the password and a code of the second factor so far.
    ///
    /// # Errors
    /// As [`Login::ask_passwords`].
    pub fn ask_factors(&self, prompter: &mut dyn Prompter) -> Result<Factors, PromptError> {
        let password = ask_password(prompter, words::PASSWORD)?;
        let code = self.codes.asked(prompter, words::CODE)?;
        Ok(Factors { password, code })
    }

    /// Asks for the first code of a new secret.
    ///
    /// # Errors
    /// As [`Login::ask_passwords`].
    #[expect(clippy::unused_self, reason = "asked like the other questions")]
    pub fn ask_first_code(&self, prompter: &mut dyn Prompter) -> Result<SecretString, PromptError> {
        codes::typed(prompter, words::FIRST_CODE)
    }

    /// Shows a new second factor, or the recovery codes where they alone are new.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn show_factor(
        prompter: &mut dyn Prompter,
        user: &UserName,
        secret: Option<&TotpSecret>,
        recovery: &[RecoveryCode],
        server_time: u64,
    ) -> io::Result<()> {
        check_clock(server_time, prompter);
        let sheet = match secret {
            Some(secret) => enrol::sheet(user, secret, recovery, prompter.screen()),
            None => enrol::recovery_alone(recovery),
        };
        prompter.show(&sheet)
    }

    /// A second factor was accepted.
    pub fn spend(&mut self, code: SecretString) {
        self.codes.spend(code);
    }
}
