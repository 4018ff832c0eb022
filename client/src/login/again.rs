//! Logging in anew where nobody is asked: a script whose login can't be continued has the commands
//! that printed its password and its code at hand.

use std::path::Path;
use std::time::Duration;

use chatbox_common::auth::scram::Password;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;
use chatbox_common::secret::SecretString;

use super::codes::{Codes, Given};
use super::{Login, NotResumed, ResumeError};
use crate::address::ServerAddress;
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::prompt::Nobody;
use crate::session::{self, Entered, SessionError};
use crate::words::login as words;

/// Refusals in a row, after which nothing is tried again: the first may be for a code that another
/// script of the same account has just used.
const MAX_REFUSED: u32 = 2;

/// Owned by the thread that logs in: getting a secret, waiting for the next code and connecting take
/// their time.
pub struct LoginAgain {
    server: ServerAddress,
    timeout: Duration,
    user: UserName,
    password: Given,
    codes: Codes,
    /// Of the server that the script has logged in to.
    fingerprint: Fingerprint,
}

/// How a login without a person has ended.
pub struct LoggedInAgain {
    /// The second factor that was sent, if it came to that.
    code: Option<SecretString>,
    outcome: Result<Entered, AgainError>,
}

enum AgainError {
    /// A secret could not be had.
    Secret(ExitReason),
    Login(ResumeError),
}

impl<E: Into<ResumeError>> From<E> for AgainError {
    fn from(error: E) -> Self {
        Self::Login(error.into())
    }
}

/// Whether the secret can be had again. A file with a code has one that was used, and what is read
/// from standard input or a FIFO is gone.
fn is_lasting(password: &Given) -> bool {
    match password {
        Given::Command(_) => true,
        Given::File(path) => path != Path::new("-") && path.is_file(),
        Given::No => false,
    }
}

impl Login {
    /// `None` where a person would have to be asked.
    #[must_use]
    pub fn again(&self) -> Option<LoginAgain> {
        let can = is_lasting(&self.password) && self.codes.come_from_a_command();
        Some(LoginAgain {
            server: self.server.clone(),
            timeout: self.timeout,
            user: self.user.clone().filter(|_| can)?,
            password: self.password.clone(),
            codes: self.codes.clone(),
            fingerprint: self.key?,
        })
    }

    /// Judges how it has ended. After a refusal that is not the last the code counts as used, so that
    /// the next attempt waits for another one.
    pub fn judge_again(&mut self, ended: LoggedInAgain) -> Result<Entered, NotResumed> {
        let LoggedInAgain { code, outcome } = ended;
        if let Some(code) = code {
            self.spend(code);
        }
        let error = match outcome {
            Ok(entered) => return Ok(entered),
            Err(AgainError::Secret(reason)) => return Err(NotResumed::Exit(reason)),
            Err(AgainError::Login(error)) => error,
        };
        let (Some(expected), false) = (self.key, is_final(&error)) else {
            return Err(NotResumed::Exit(reason_of(error)));
        };
        let refusal = match &error {
            ResumeError::Failed(error) => Some(error.to_string()),
            ResumeError::OtherKey(_) => None,
        };
        match (self.judge(error, expected), refusal) {
            (NotResumed::Refused, None) => Err(NotResumed::Later {
                sentence: words::KEY_REPLACED.to_owned(),
                retry: None,
            }),
            (NotResumed::Refused, Some(sentence)) => {
                self.refused_again += 1;
                if self.refused_again < MAX_REFUSED {
                    let retry = None;
                    return Err(NotResumed::Later { sentence, retry });
                }
                let reason = ExitReason::because(Exit::LoginRefused, &sentence);
                Err(NotResumed::Exit(reason))
            }
            (other, _) => Err(other),
        }
    }
}

/// The server could not prove that it knows the account.
const fn is_final(error: &ResumeError) -> bool {
    matches!(error, ResumeError::Failed(SessionError::Scram(_)))
}

fn reason_of(error: ResumeError) -> ExitReason {
    match error {
        ResumeError::Failed(error) => error.into(),
        ResumeError::OtherKey(_) => ExitReason::because(Exit::KeyRefused, words::KEY_NOT_ACCEPTED),
    }
}

impl LoginAgain {
    /// Takes as long as secrets and connecting may take.
    #[must_use]
    pub fn run(self) -> LoggedInAgain {
        let mut code = None;
        let outcome = self.log_in(&mut code);
        LoggedInAgain { code, outcome }
    }

    fn log_in(self, sent: &mut Option<SecretString>) -> Result<Entered, AgainError> {
        let (password, code) = self.secrets().map_err(AgainError::Secret)?;
        let greeted = session::connect(&self.server, self.timeout)?;
        let presented = greeted.fingerprint();
        if presented != self.fingerprint {
            greeted.leave();
            return Err(AgainError::Login(ResumeError::OtherKey(presented)));
        }
        let challenged = greeted.log_in(&self.user)?;
        *sent = Some(code.clone());
        Ok(challenged.prove(&password, code)?)
    }

    fn secrets(&self) -> Result<(Password, SecretString), ExitReason> {
        let nobody = || ExitReason::because(Exit::Usage, words::NOBODY_TO_ASK);
        let password = self.password.read(&mut Nobody)?.ok_or_else(nobody)?;
        let password = Password::prepare(&password)
            .map_err(|error| ExitReason::because(Exit::Usage, &error.to_string()))?;
        let code = self.codes.fresh(&mut Nobody, words::CODE)?;
        Ok((password, code))
    }
}
