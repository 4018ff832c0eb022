//! Getting in: the menu, the questions, registration, login, and the resume after a cut.
//!
//! Owns what a person is asked before there is a session, and what the flags answer in their
//! place. Joins `session` with the terminal; knows no room and no message. Called by `main`, and
//! by `app` when a connection was lost.
//!
//! A server gives 30 seconds for a login. So every question is asked first, and the connection is
//! made when all answers are there; where a key has to be asked about, another one is made
//! afterwards, whose key must be the one that was asked about.

mod change;
mod codes;
mod enrol;
mod gate;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chatbox_common::auth::scram::Password;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;

use crate::address::ServerAddress;
use crate::cli::{Cli, Exit};
use crate::config::Settings;
use crate::prompt::{PromptError, Terminal, read_secret_file};
use crate::sanitize;
use crate::screen::Screen;
use crate::session::{self, Confirmed, Entered, Greeted, Registering, SessionError, Ticket};
use crate::stop::Stop;
use crate::trust::Purpose;
pub use change::{Factors, Passwords};
use codes::Codes;
use gate::Gate;
pub use gate::can_ask;

/// How far the server's clock may be from this one before it is worth a word: one-time codes
/// last 30 s.
const CLOCK_TOLERANCE_MS: u64 = 20_000;
/// How often the first code may be wrong; the server counts, too.
const FIRST_CODES: usize = 5;

/// See the module.
pub struct Door {
    server: ServerAddress,
    timeout: Duration,
    gate: Gate,
    codes: Codes,
    terminal: Terminal<'static>,
    screen: Screen,
    /// The name in use; offered when a name is asked for.
    user: Option<UserName>,
    /// The name of `--user`, until the first attempt took it.
    named: Option<UserName>,
    password_file: Option<PathBuf>,
    register: bool,
    /// The key of a first connection, made before the menu, and whether it was to this machine.
    probed: Option<(Fingerprint, bool)>,
}

/// Why a login was not continued.
pub enum NotResumed {
    /// The server may take it later.
    Later(String),
    /// The server does not take it.
    Refused,
    /// The program stops.
    Stop(Stop),
}

/// Says something beside the output: on standard error.
pub fn tell(sentence: &str) {
    // Where even this fails there is nobody to tell.
    let sentence = sanitize::text(sentence).replace('\n', "\n         ");
    let _ = writeln!(io::stderr(), "chatbox: {sentence}");
}

/// Milliseconds since 1970-01-01 UTC.
fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

impl Door {
    /// Reads the known servers; asks nothing yet.
    ///
    /// # Errors
    /// When the file of known servers cannot be read.
    pub fn new(
        cli: Cli,
        settings: &Settings,
        terminal: Terminal<'static>,
        screen: Screen,
    ) -> Result<Self, Stop> {
        let server = settings.server.clone();
        Ok(Self {
            gate: Gate::open(
                server.clone(),
                settings.known_hosts.clone(),
                cli.fingerprint,
            )?,
            server,
            timeout: settings.connection_timeout,
            codes: Codes::new(cli.otp_file),
            terminal,
            screen,
            named: cli.user.clone(),
            user: cli.user,
            password_file: cli.password_file,
            register: cli.register,
            probed: None,
        })
    }

    /// Gets in, by the menu unless the flags say it all.
    ///
    /// # Errors
    /// When the person quits, or what the flags say comes to nothing.
    pub fn enter(&mut self) -> Result<Entered, Stop> {
        let mut purpose = match (self.register, &self.user) {
            (true, _) => Some(Purpose::Register),
            (false, Some(_)) => Some(Purpose::LogIn),
            (false, None) => None,
        };
        if !can_ask() || self.has_every_answer() {
            let purpose = purpose.ok_or_else(|| {
                let sentence = "standard input is no terminal to ask on: use --user, \
                                --password-file and --otp-file (and --register for a new account)";
                Stop::because(Exit::Usage, sentence)
            })?;
            return self.attempt(purpose);
        }
        self.probe()?;
        loop {
            let wish = match purpose.take() {
                Some(purpose) => purpose,
                None => self.menu()?,
            };
            match self.attempt(wish) {
                Err(stop) if !stop.is_final() => tell(&stop.sentence),
                done => return done,
            }
        }
    }

    fn has_every_answer(&self) -> bool {
        self.user.is_some() && self.password_file.is_some() && self.codes.is_from_file()
    }

    fn menu(&self) -> Result<Purpose, Stop> {
        loop {
            let question = "\n1) Register  2) Log in  q) Quit\n> ";
            let answer = match self.terminal.ask(question, "--user") {
                Err(PromptError::Cancelled | PromptError::Interrupted) => return Err(Stop::fine()),
                answer => answer?,
            };
            match answer.as_str() {
                "1" => return Ok(Purpose::Register),
                "2" => return Ok(Purpose::LogIn),
                "q" | "Q" | "quit" | ":quit" | "/quit" => return Err(Stop::fine()),
                _ => tell("type 1, 2 or q"),
            }
        }
    }

    fn attempt(&mut self, purpose: Purpose) -> Result<Entered, Stop> {
        if let Some((fingerprint, is_loopback)) = self.probed {
            let terminal = &self.terminal;
            self.gate
                .settle(purpose, fingerprint, is_loopback, terminal)?;
        }
        let entered = match purpose {
            Purpose::Register => self.register(),
            Purpose::LogIn => {
                let user = self.name()?;
                self.log_in(user)
            }
        }?;
        if entered.wrong_codes > 0 {
            tell(&format!(
                "logins with your password but a wrong code since you were last here: {}; if \
                 they were not yours, somebody knows your password",
                entered.wrong_codes
            ));
        }
        Ok(entered)
    }

    /// Connects once before anything is asked: a server that is away, or whose key was
    /// exchanged, shows before a password is typed.
    fn probe(&mut self) -> Result<(), Stop> {
        let greeted = session::connect(&self.server, self.timeout)?;
        let fingerprint = greeted.fingerprint();
        let known = if self.gate.is_known(fingerprint) {
            "its key is the known one"
        } else {
            "its key is not known yet"
        };
        self.probed = Some((fingerprint, greeted.is_loopback()));
        greeted.leave();
        let mut out = io::stdout();
        writeln!(out, "ChatBox at {}, {known}.", self.server)?;
        Ok(())
    }

    /// A connection to a server whose key is trusted.
    fn reach(&mut self, purpose: Purpose) -> Result<Greeted, Stop> {
        loop {
            let greeted = session::connect(&self.server, self.timeout)?;
            let (fingerprint, is_loopback) = (greeted.fingerprint(), greeted.is_loopback());
            let terminal = &self.terminal;
            let settled = self
                .gate
                .settle(purpose, fingerprint, is_loopback, terminal);
            match settled {
                Ok(false) => return Ok(greeted),
                Ok(true) => greeted.leave(),
                Err(stop) => {
                    greeted.leave();
                    return Err(stop);
                }
            }
        }
    }

    fn name(&mut self) -> Result<UserName, Stop> {
        if let Some(user) = self.named.take() {
            return Ok(user);
        }
        loop {
            let (question, default) = match &self.user {
                Some(user) => (format!("Name [{user}]: "), user.as_str()),
                None => ("Name: ".to_owned(), ""),
            };
            let typed = self.terminal.ask(&question, "--user")?;
            let text = if typed.is_empty() { default } else { &typed };
            match UserName::parse(text) {
                Ok(user) => {
                    self.user = Some(user.clone());
                    return Ok(user);
                }
                Err(error) => tell(&error.to_string()),
            }
        }
    }

    fn password(&self, is_new: bool) -> Result<Password, Stop> {
        if let Some(file) = &self.password_file {
            let secret = read_secret_file(file)?;
            return Password::prepare(&secret)
                .map_err(|error| Stop::because(Exit::Usage, &error.to_string()));
        }
        Ok(if is_new {
            ask_new_password(&self.terminal)?
        } else {
            ask_password(&self.terminal, "Password: ")?
        })
    }

    fn log_in(&mut self, user: UserName) -> Result<Entered, Stop> {
        let password = self.password(false)?;
        let code = self.codes.fresh(&self.terminal, "Code: ")?;
        let greeted = self.reach(Purpose::LogIn)?;
        let fingerprint = greeted.fingerprint();
        let challenged = greeted.log_in(&user)?;
        check_clock(challenged.server_time());
        let entered = challenged.prove(&password, code.clone())?;
        self.codes.spend(code);
        self.gate.pin(fingerprint);
        self.user = Some(user);
        Ok(entered)
    }

    fn register(&mut self) -> Result<Entered, Stop> {
        let user = self.name()?;
        let password = self.password(true)?;
        let greeted = self.reach(Purpose::Register)?;
        let fingerprint = greeted.fingerprint();
        let mut registering = greeted.register(&user, &password)?;
        drop(password);
        check_clock(registering.server_time);
        self.show(&user, &registering)?;
        for _ in 0..FIRST_CODES {
            let code = match self.codes.fresh(&self.terminal, "Code shown there: ") {
                Ok(code) => code,
                Err(stop) => {
                    registering.leave();
                    return Err(stop);
                }
            };
            match registering.confirm(code.clone())? {
                Confirmed::Yes(entered) => {
                    self.codes.spend(code);
                    self.gate.pin(fingerprint);
                    return Ok(*entered);
                }
                Confirmed::WrongCode(again, sentence) => {
                    tell(&sentence);
                    registering = *again;
                    if self.codes.is_from_file() {
                        // The same code again would only be wrong again.
                        self.codes.refuse(code);
                    }
                }
            }
        }
        let sentence = "there is no account: the first code was wrong too often";
        Err(Stop::because(Exit::LoginRefused, sentence))
    }

    fn show(&self, user: &UserName, registering: &Registering) -> Result<(), Stop> {
        let Registering {
            secret, recovery, ..
        } = registering;
        let sheet = enrol::sheet(user, secret, recovery, self.screen);
        Ok(put(&sheet)?)
    }

    /// Continues a login on a new connection, to the very server that gave the ticket.
    ///
    /// # Errors
    /// When the server is away or refuses; see [`NotResumed`].
    pub fn resume(&mut self, ticket: &Ticket) -> Result<Entered, NotResumed> {
        let resumed = session::connect(&self.server, self.timeout).and_then(|greeted| {
            let presented = greeted.fingerprint();
            if presented == ticket.fingerprint {
                return Ok(Ok(greeted.resume(ticket)?));
            }
            greeted.leave();
            Ok(Err(presented))
        });
        match resumed {
            Ok(Ok(entered)) => Ok(entered),
            Ok(Err(presented)) => {
                let stop = self.gate.is_not(ticket.fingerprint, presented);
                Err(NotResumed::Stop(stop))
            }
            Err(error) if error.is_refusal() => Err(NotResumed::Refused),
            Err(SessionError::Protocol) => Err(NotResumed::Stop(SessionError::Protocol.into())),
            Err(error) => Err(NotResumed::Later(error.to_string())),
        }
    }

    /// Logs the same person in anew.
    ///
    /// # Errors
    /// When that comes to nothing.
    pub fn log_in_again(&mut self, user: &UserName) -> Result<Entered, Stop> {
        self.log_in(user.clone())
    }
}

/// Asks for a password until it can be one.
fn ask_password(terminal: &Terminal<'_>, question: &str) -> Result<Password, PromptError> {
    loop {
        let typed = terminal.ask_secret(question, "--password-file")?;
        match Password::prepare(&typed) {
            Ok(password) => return Ok(password),
            Err(error) => tell(&error.to_string()),
        }
    }
}

/// Asks for a password twice, until both are the same.
fn ask_new_password(terminal: &Terminal<'_>) -> Result<Password, PromptError> {
    loop {
        let password = ask_password(terminal, "New password, 8 characters or more: ")?;
        let again = terminal.ask_secret("The same again: ", "--password-file")?;
        if Password::prepare(&again).is_ok_and(|again| again == password) {
            return Ok(password);
        }
        tell("the two are not the same");
    }
}

/// Shows a text of this program's own at once.
fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn check_clock(server_time: u64) {
    let apart = server_time.abs_diff(now_ms());
    if apart > CLOCK_TOLERANCE_MS {
        tell(&format!(
            "the server's clock and this one are {} s apart; codes depend on the time, so set \
             the clock that is wrong",
            apart / 1000
        ));
    }
}
