//! What a person is asked and shown who changes their own account, while their session goes on.

use std::io;

use chatbox_common::auth::recovery::RecoveryCode;
use chatbox_common::auth::scram::Password;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use chatbox_common::secret::SecretString;

use super::{Door, ask_new_password, ask_password, check_clock, codes, enrol, put, tell};
use crate::prompt::PromptError;

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

impl Door {
    /// Asks for both passwords and a code; `meanwhile` keeps the session alive.
    ///
    /// # Errors
    /// When nobody can be asked, or the person cancels.
    pub fn ask_passwords(&self, meanwhile: &mut dyn FnMut()) -> Result<Passwords, PromptError> {
        let terminal = self.terminal.with(meanwhile);
        let old = ask_password(&terminal, "Old password: ")?;
        let new = loop {
            let new = ask_new_password(&terminal)?;
            if new != old {
                break new;
            }
            tell("that is the old one");
        };
        let code = self.codes.asked(&terminal, "Code: ")?;
        Ok(Passwords { old, new, code })
    }

    /// Asks for the password and a code of the second factor so far.
    ///
    /// # Errors
    /// As [`Door::ask_passwords`].
    pub fn ask_factors(&self, meanwhile: &mut dyn FnMut()) -> Result<Factors, PromptError> {
        let terminal = self.terminal.with(meanwhile);
        let password = ask_password(&terminal, "Password: ")?;
        let code = self.codes.asked(&terminal, "Code: ")?;
        Ok(Factors { password, code })
    }

    /// Asks for the first code of a new secret.
    ///
    /// # Errors
    /// As [`Door::ask_passwords`].
    pub fn ask_first_code(&self, meanwhile: &mut dyn FnMut()) -> Result<SecretString, PromptError> {
        codes::typed(&self.terminal.with(meanwhile), "Code shown there: ")
    }

    /// Shows a new second factor, or the recovery codes where they alone are new.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn show_factor(
        &self,
        user: &UserName,
        secret: Option<&TotpSecret>,
        recovery: &[RecoveryCode],
        server_time: u64,
    ) -> io::Result<()> {
        check_clock(server_time);
        put(&match secret {
            Some(secret) => enrol::sheet(user, secret, recovery, self.screen),
            None => enrol::recovery_sheet(recovery),
        })
    }

    /// A second factor was accepted.
    pub fn spend(&mut self, code: SecretString) {
        self.codes.spend(code);
    }
}
