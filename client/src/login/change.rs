//! What a person is asked and shown to change their own account, while the session goes on.

use std::io;

use chatbox_common::auth::recovery::RecoveryCode;
use chatbox_common::auth::scram::Password;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use chatbox_common::secret::SecretString;

use super::questions::{ask_new_password, ask_password};
use super::{Login, check_clock, codes, enrol};
use crate::prompt::{PromptError, Prompter};
use crate::words::login as words;

/// The answers for another password.
pub struct Passwords {
    pub old: Password,
    pub new: Password,
    /// A code of the second factor, or a recovery code.
    pub code: SecretString,
}

/// The answers for another second factor, as those of a login.
pub struct Factors {
    pub password: Password,
    /// A code of the present factor, or a recovery code.
    pub code: SecretString,
}

impl Login {
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

    /// Asks for the password and a code of the present second factor.
    pub fn ask_factors(&self, prompter: &mut dyn Prompter) -> Result<Factors, PromptError> {
        let password = ask_password(prompter, words::PASSWORD)?;
        let code = self.codes.asked(prompter, words::CODE)?;
        Ok(Factors { password, code })
    }

    #[expect(clippy::unused_self, reason = "asked like the other questions")]
    pub fn ask_first_code(&self, prompter: &mut dyn Prompter) -> Result<SecretString, PromptError> {
        codes::typed(prompter, words::FIRST_CODE)
    }

    /// Shows a new second factor, or the recovery codes where they alone are new.
    pub fn show_factor(
        &self,
        prompter: &mut dyn Prompter,
        user: &UserName,
        secret: Option<&TotpSecret>,
        recovery: &[RecoveryCode],
        server_time: u64,
    ) -> io::Result<()> {
        check_clock(server_time, prompter);
        let sheet = match secret {
            Some(secret) => {
                let whose = (user, self.server.host());
                enrol::sheet(whose, secret, recovery, prompter.screen())
            }
            None => enrol::recovery_alone(recovery),
        };
        prompter.show(&sheet)
    }

    /// The server has accepted a code: it can't be used again.
    pub fn spend(&mut self, code: SecretString) {
        self.codes.spend(code);
    }
}
