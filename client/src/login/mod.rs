//! Getting in: the menu, the questions, registration, login, and the resume after a cut.
//!
//! Owns what a person is asked before there is a session, and what the flags answer in their
//! place. Joins `session` with the terminal; knows no room and no message. Called by `main`, and by
//! `app` when a connection was lost.
//!
//! A server gives 30 seconds for a login. So every question is asked first, and the connection is
//! made when all answers are there. Where the person is asked about a key, another connection is
//! made afterwards, whose key must be the one that was asked about.

mod again;
mod change;
mod codes;
mod enrol;
mod host_key;
mod questions;

use std::env;
use std::time::Duration;

use chatbox_common::auth::SecondFactor;
use chatbox_common::auth::scram::Password;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::limits::MAX_FIRST_CODES;
use chatbox_common::name::UserName;

use crate::address::ServerAddress;
use crate::cli::{Cli, Exit};
use crate::config::Settings;
use crate::exit::ExitReason;
use crate::prompt::{Prompter, away};
use crate::saved_session::{self, SavedSession};
use crate::session::{self, Confirmed, Entered, Greeted, SessionError, Ticket};
use crate::trust::Purpose;
use crate::words::tables::now_ms;
use crate::words::{login as words, script};
pub use again::{LoggedInAgain, LoginAgain};
pub use change::{Factors, Passwords};
use codes::{Codes, Given};
use host_key::HostKeyCheck;
use questions::{ask_new_password, ask_password, menu};

/// How far the server's clock may be from this one before the person is told: one-time codes last
/// 30 s.
const CLOCK_TOLERANCE_MS: u64 = 20_000;

pub struct Login {
    server: ServerAddress,
    timeout: Duration,
    host_key: HostKeyCheck,
    codes: Codes,
    /// Offered when a name is asked for.
    user: Option<UserName>,
    /// The name of the flags or the profile, until the first attempt has taken it.
    named: Option<UserName>,
    password: Given,
    register: bool,
    /// Whether the login is to be saved for the next script; `saved` is its place while it is.
    keep: bool,
    saved: Option<SavedSession>,
    /// Of the server that this is a login to.
    key: Option<Fingerprint>,
    /// Logins without a person that were refused, since the last that was not.
    refused_again: u32,
    /// The key of the connection before the menu.
    probed: Option<Fingerprint>,
}

/// What a thread needs to resume the login: connecting again does not block the loop of `app`.
#[derive(Debug, Clone)]
pub struct Way {
    server: ServerAddress,
    timeout: Duration,
}

impl Way {
    /// Resumes a login on a new connection, with the very server that gave the ticket. Takes as
    /// long as connecting may take.
    pub fn resume(&self, ticket: &Ticket) -> Result<Entered, ResumeError> {
        let greeted = session::connect(&self.server, self.timeout)?;
        let presented = greeted.fingerprint();
        if presented != ticket.fingerprint {
            greeted.leave();
            return Err(ResumeError::OtherKey(presented));
        }
        Ok(greeted.resume(ticket)?)
    }
}

pub enum ResumeError {
    /// The server presented this key, which is not that of the login.
    OtherKey(Fingerprint),
    Failed(SessionError),
}

impl From<SessionError> for ResumeError {
    fn from(error: SessionError) -> Self {
        Self::Failed(error)
    }
}

pub enum NotResumed {
    /// The server could not be reached or had no time; a later attempt may succeed.
    Later {
        sentence: String,
        /// When the server wants to be asked again, if it says so.
        retry: Option<Duration>,
    },
    /// The server does not accept the token.
    Refused,
    Exit(ExitReason),
}

impl Login {
    /// Reads the known servers; asks nothing yet.
    pub fn new(
        cli: Cli,
        settings: &Settings,
        prompter: &mut dyn Prompter,
    ) -> Result<Self, ExitReason> {
        let server = settings.server.clone();
        Ok(Self {
            host_key: HostKeyCheck::open(
                server.clone(),
                settings.known_hosts.clone(),
                settings.own_key_directory.as_deref(),
                cli.fingerprint,
                prompter,
            )?,
            server,
            timeout: settings.connection_timeout,
            codes: Codes::new(Given::of(cli.otp_file, settings.otp_command.clone())),
            named: settings.user.clone(),
            user: settings.user.clone(),
            password: Given::of(cli.password_file, settings.password_command.clone()),
            register: cli.register,
            keep: cli.keep_session,
            saved: None,
            key: None,
            refused_again: 0,
            probed: None,
        })
    }

    /// Gets in, by the menu unless the flags have all answers.
    pub fn enter(&mut self, prompter: &mut dyn Prompter) -> Result<Entered, ExitReason> {
        let mut purpose = match (self.register, &self.user) {
            (true, _) => Some(Purpose::Register),
            (false, Some(_)) => Some(Purpose::LogIn),
            (false, None) => None,
        };
        if self.keep
            && let Some(entered) = self.resume_saved(prompter)?
        {
            return Ok(entered);
        }
        if !prompter.can_be_asked() || self.has_every_answer() {
            let nobody = || ExitReason::because(Exit::Usage, words::NOBODY_TO_ASK);
            return self.attempt(purpose.ok_or_else(nobody)?, prompter);
        }
        prompter.will_be_asked();
        self.probe(prompter)?;
        loop {
            let chosen = match purpose.take() {
                Some(purpose) => purpose,
                None => menu(prompter)?,
            };
            match self.attempt(chosen, prompter) {
                Err(reason) if !reason.is_final() => {
                    prompter.tell(&reason.sentence);
                    if chosen == Purpose::LogIn && reason.exit == Exit::LoginRefused {
                        prompter.tell(words::WHAT_HELPS);
                    }
                }
                done => return done,
            }
        }
    }

    /// Resumes the login that an earlier script has saved, if there is one.
    fn resume_saved(&mut self, prompter: &mut dyn Prompter) -> Result<Option<Entered>, ExitReason> {
        let Some(user) = &self.user else {
            return Err(ExitReason::because(Exit::Usage, script::NO_USER));
        };
        let (state, home) = (env::var_os("XDG_STATE_HOME"), env::var_os("HOME"));
        let directory = saved_session::default_directory(state, home)
            .ok_or_else(|| ExitReason::because(Exit::Configuration, script::NO_PLACE))?;
        let Some(saved) =
            SavedSession::hold(&directory, &self.server, user, saved_session::PATIENCE)?
        else {
            prompter.tell(script::SESSION_IN_USE);
            return Ok(None);
        };
        let ticket = saved.ticket()?;
        self.saved = Some(saved);
        let Some(ticket) = ticket else {
            return Ok(None);
        };
        if !self.host_key.still_accepts(ticket.fingerprint)? {
            return self.instead_of_saved(script::SESSION_OF_ANOTHER_KEY, prompter);
        }
        match self.way().resume(&ticket) {
            Ok(entered) => Ok(Some(entered)),
            Err(ResumeError::Failed(error)) if error.is_refusal() => {
                self.instead_of_saved(script::SESSION_OVER, prompter)
            }
            Err(ResumeError::Failed(error)) => Err(error.into()),
            // The server has got another key, which is known already.
            Err(ResumeError::OtherKey(presented)) if self.host_key.vouches_for(presented) => {
                self.instead_of_saved(script::SESSION_OF_ANOTHER_KEY, prompter)
            }
            Err(ResumeError::OtherKey(presented)) => {
                Err(self.host_key.is_not(ticket.fingerprint, presented))
            }
        }
    }

    /// The saved login can't be continued, and a login in full follows.
    fn instead_of_saved(
        &self,
        why: &str,
        prompter: &mut dyn Prompter,
    ) -> Result<Option<Entered>, ExitReason> {
        prompter.tell(why);
        self.forget_saved()?;
        Ok(None)
    }

    /// The login is saved for the next script: the session must end without a goodbye, which would
    /// be a logout.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        self.saved.is_some()
    }

    /// Takes note of a login that begins or goes on; saves its ticket in the place of the one before,
    /// where logins are saved.
    pub fn keep(&mut self, ticket: &Ticket) -> Result<(), ExitReason> {
        self.key = Some(ticket.fingerprint);
        self.refused_again = 0;
        match &self.saved {
            Some(saved) => Ok(saved.keep(ticket)?),
            None => Ok(()),
        }
    }

    /// A ticket that was refused is saved no longer.
    pub fn forget_saved(&self) -> Result<(), ExitReason> {
        match &self.saved {
            Some(saved) => Ok(saved.forget()?),
            None => Ok(()),
        }
    }

    fn has_every_answer(&self) -> bool {
        self.user.is_some() && self.password.is_given() && self.codes.are_given()
    }

    fn attempt(
        &mut self,
        purpose: Purpose,
        prompter: &mut dyn Prompter,
    ) -> Result<Entered, ExitReason> {
        if let Some(fingerprint) = self.probed {
            self.host_key.settle(purpose, fingerprint, prompter)?;
        }
        match purpose {
            Purpose::Register => self.register(prompter),
            Purpose::LogIn => {
                let user = self.name(prompter)?;
                self.log_in(user, prompter)
            }
        }
    }

    fn connect(&self, prompter: &mut dyn Prompter) -> Result<Greeted, ExitReason> {
        let (server, timeout) = (self.server.clone(), self.timeout);
        let what = words::connecting(&server);
        Ok(away(prompter, &what, move || {
            session::connect(&server, timeout)
        })??)
    }

    /// Connects once before anything is asked: a server that is away, or whose key has changed,
    /// shows before a password is typed.
    fn probe(&mut self, prompter: &mut dyn Prompter) -> Result<(), ExitReason> {
        let greeted = self.connect(prompter)?;
        let fingerprint = greeted.fingerprint();
        let standing = self.host_key.standing(fingerprint);
        self.probed = Some(fingerprint);
        greeted.leave();
        Ok(prompter.say(&words::server(&self.server, standing))?)
    }

    /// Connects until the server's key is trusted without another question.
    fn reach(
        &mut self,
        purpose: Purpose,
        prompter: &mut dyn Prompter,
    ) -> Result<Greeted, ExitReason> {
        loop {
            let mut greeted = self.connect(prompter)?;
            let fingerprint = greeted.fingerprint();
            match self.host_key.settle(purpose, fingerprint, prompter) {
                Ok(false) => {
                    if self.host_key.vouches_for(fingerprint) {
                        greeted.believe();
                    }
                    return Ok(greeted);
                }
                Ok(true) => greeted.leave(),
                Err(reason) => {
                    greeted.leave();
                    return Err(reason);
                }
            }
        }
    }

    fn name(&mut self, prompter: &mut dyn Prompter) -> Result<UserName, ExitReason> {
        if let Some(user) = self.named.take() {
            return Ok(user);
        }
        loop {
            let typed = prompter.ask(&words::name(self.user.as_ref()), "--user")?;
            let offered = self.user.as_ref().map_or("", UserName::as_str);
            let text = if typed.is_empty() { offered } else { &typed };
            match UserName::parse(text) {
                Ok(user) => {
                    self.user = Some(user.clone());
                    return Ok(user);
                }
                Err(error) => prompter.tell(&error.to_string()),
            }
        }
    }

    /// A new password for `new_of`, or else the one that the account has.
    fn password(
        &self,
        new_of: Option<&UserName>,
        prompter: &mut dyn Prompter,
    ) -> Result<Password, ExitReason> {
        if let Some(secret) = self.password.read(prompter)? {
            return Password::prepare(&secret)
                .map_err(|error| ExitReason::because(Exit::Usage, &error.to_string()));
        }
        Ok(match new_of {
            Some(user) => ask_new_password(prompter, &[user.as_str()])?,
            None => ask_password(prompter, words::PASSWORD)?,
        })
    }

    fn log_in(
        &mut self,
        user: UserName,
        prompter: &mut dyn Prompter,
    ) -> Result<Entered, ExitReason> {
        let password = self.password(None, prompter)?;
        let code = self.codes.fresh(prompter, words::CODE)?;
        let greeted = self.reach(Purpose::LogIn, prompter)?;
        let (fingerprint, is_believed) = (greeted.fingerprint(), greeted.is_believed());
        let (named, sent) = (user.clone(), code.clone());
        let (server_time, entered) = away(prompter, words::LOGGING_IN, move || {
            let challenged = greeted.log_in(&named)?;
            let server_time = challenged.server_time();
            Ok::<_, SessionError>((server_time, challenged.prove(&password, sent)))
        })??;
        if is_believed || entered.is_ok() {
            check_clock(server_time, prompter);
        }
        let entered = entered?;
        if let Ok(SecondFactor::Recovery(_)) = SecondFactor::parse(code.expose()) {
            prompter.tell(&words::recovery_spent(entered.recovery_left));
        }
        self.codes.spend(code);
        self.host_key.pin(fingerprint, prompter);
        self.user = Some(user);
        if entered.wrong_codes > 0 {
            prompter.tell(&words::wrong_codes(entered.wrong_codes));
        }
        Ok(entered)
    }

    fn register(&mut self, prompter: &mut dyn Prompter) -> Result<Entered, ExitReason> {
        let user = self.name(prompter)?;
        let greeted = self.reach(Purpose::Register, prompter)?;
        let fingerprint = greeted.fingerprint();
        let named = user.clone();
        // A name that is taken shows before a password is thought up for it.
        let named = away(prompter, words::REGISTERING, move || {
            greeted.register(&named)
        })??;
        let password = match self.password(Some(&user), prompter) {
            Ok(password) => password,
            Err(reason) => {
                named.leave();
                return Err(reason);
            }
        };
        let mut registering = away(prompter, words::REGISTERING, move || named.with(&password))?;
        let (secret, recovery) = (Some(&registering.secret), &registering.recovery);
        self.show_factor(prompter, &user, secret, recovery, registering.server_time)?;
        for _ in 0..MAX_FIRST_CODES {
            let code = match self.codes.fresh(prompter, words::FIRST_CODE) {
                Ok(code) => code,
                Err(reason) => {
                    registering.leave();
                    return Err(reason);
                }
            };
            let sent = code.clone();
            let confirmed = away(prompter, words::REGISTERING, move || {
                registering.confirm(sent)
            })??;
            match confirmed {
                Confirmed::Yes(entered) => {
                    self.codes.spend(code);
                    self.host_key.pin(fingerprint, prompter);
                    return Ok(*entered);
                }
                Confirmed::WrongCode(again, sentence) => {
                    prompter.tell(&sentence);
                    registering = *again;
                    if self.codes.are_given() {
                        // The source would give the same wrong code again.
                        self.codes.refuse(code);
                    }
                }
            }
        }
        Err(ExitReason::because(Exit::LoginRefused, words::NO_ACCOUNT))
    }

    #[must_use]
    pub fn way(&self) -> Way {
        Way {
            server: self.server.clone(),
            timeout: self.timeout,
        }
    }

    /// What a login that was not resumed means; `expected` is the key of its server.
    #[must_use]
    pub fn judge(&mut self, error: ResumeError, expected: Fingerprint) -> NotResumed {
        match error {
            ResumeError::OtherKey(presented) => match self.host_key.reread() {
                Err(reason) => NotResumed::Exit(reason),
                // The server has got another key, and the person has pinned it meanwhile. The next
                // login is to that one.
                Ok(()) if self.host_key.vouches_for(presented) => {
                    self.key = Some(presented);
                    NotResumed::Refused
                }
                Ok(()) => NotResumed::Exit(self.host_key.is_not(expected, presented)),
            },
            ResumeError::Failed(error) if error.is_refusal() => NotResumed::Refused,
            ResumeError::Failed(SessionError::Protocol) => {
                NotResumed::Exit(SessionError::Protocol.into())
            }
            ResumeError::Failed(error) => NotResumed::Later {
                sentence: error.to_string(),
                retry: error.retry(),
            },
        }
    }

    /// Logs in with the questions of a first login, where a resume was refused.
    pub fn log_in_again(
        &mut self,
        user: &UserName,
        prompter: &mut dyn Prompter,
    ) -> Result<Entered, ExitReason> {
        self.log_in(user.clone(), prompter)
    }
}

fn check_clock(server_time: u64, prompter: &mut dyn Prompter) {
    let apart = server_time.abs_diff(now_ms());
    if apart > CLOCK_TOLERANCE_MS {
        prompter.tell(&words::clocks_apart(apart / 1000));
    }
}
