//! From a finished handshake to an account: registration, login, resume.
//!
//! The only maker of [`Authenticated`], which every command demands. One connection has one
//! attempt: it succeeds, or gets one and the same refusal and is closed, whatever was wrong. An
//! unknown name takes the same code, with keys made up at the start; password and code are always
//! both computed, and a failure waits for nothing that a success or another failure would not.

pub mod fresh;
pub mod proof;
mod turn;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use chatbox_common::auth::resume::{self, ResumeToken};
use chatbox_common::auth::scram::{ClientFirstMessage, Verifier};
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::limits::{
    LOGIN_TIMEOUT, MAX_FIRST_CODES, REGISTRATION_TIMEOUT, REGISTRATIONS_PER_CONNECTION,
};
use chatbox_common::name::UserName;
use chatbox_common::wire::codec::Read;
use chatbox_common::wire::message::{
    Capabilities, ClientMessage, ErrorCode, LoggedIn, Login, LoginChallenge, LoginConfirm,
    Register, RegisterChallenge, RegisterConfirm, Resume, ServerMessage,
};
use chatbox_common::wire::session::SessionNumber;
use subtle::Choice;

use crate::account_budget::AccountBudget;
use crate::audit::{Line, events};
use crate::clock::now_ms;
use crate::connections::Full;
use crate::event::{Person, SessionId};
use crate::journal::{Granted, LogIn, Registration, ResumeUse};
use crate::login_stream::{End, LoginStream};
use crate::shared::{Charged, Shared};
use crate::strangers::Phase;
use proof::{Attempt, Judged};

/// Proof of a login. Only this module can make one.
#[derive(Debug)]
pub struct Authenticated {
    person: Person,
    /// The account's, which all of its sessions share.
    budget: AccountBudget,
    token: [u8; 16],
    is_resumed: bool,
    after: u64,
    capabilities: Capabilities,
}

impl Authenticated {
    #[must_use]
    pub const fn person(&self) -> &Person {
        &self.person
    }

    #[must_use]
    pub const fn budget(&self) -> &AccountBudget {
        &self.budget
    }

    /// Continues an earlier login.
    #[must_use]
    pub const fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// Id of the token by which this login may be resumed.
    #[must_use]
    pub const fn token(&self) -> &[u8; 16] {
        &self.token
    }

    /// The journal's count of logouts of all accounts at this login: it does not begin the session
    /// of an account that was logged out after it.
    #[must_use]
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// What the client understands.
    #[must_use]
    pub const fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// A change was proved, and the login has another token.
    pub const fn renew(&mut self, token: [u8; 16]) {
        self.token = token;
    }
}

pub struct Candidacy<'a> {
    pub shared: &'a Shared,
    pub session: SessionId,
    pub peer: std::net::SocketAddr,
    /// Whose end is noticed while a resume waits for its turn.
    pub socket: &'a TcpStream,
}

impl Candidacy<'_> {
    /// Runs registration, login or resume. Refusals are logged here, with their reason.
    pub fn run(&self, stream: &mut LoginStream<'_>) -> Result<Authenticated, End> {
        stream.set_deadline(LOGIN_TIMEOUT);
        let mut registrations = 0;
        loop {
            let message = match stream.receive()? {
                Read::Known(message) => message,
                Read::Unknown { kind, request } => {
                    stream.unsupported(kind, request)?;
                    continue;
                }
            };
            match message {
                ClientMessage::Register(register) => {
                    registrations += 1;
                    if registrations > REGISTRATIONS_PER_CONNECTION {
                        return Err(End::Throttled);
                    }
                    if let Some(done) = self.register(stream, &register)? {
                        return Ok(done);
                    }
                }
                ClientMessage::Login(login) => return self.log_in(stream, &login),
                ClientMessage::Resume(resume) => return self.resume(stream, &resume),
                ClientMessage::Bye(_) => return Err(End::Quit),
                _ => return Err(End::WrongState),
            }
        }
    }

    fn welcome_in(
        &self,
        stream: &mut LoginStream<'_>,
        request: u32,
        scram: Option<String>,
        granted: Granted,
        token: ResumeToken,
        announced: Option<Capabilities>,
    ) -> Result<Authenticated, End> {
        stream.send_later(&ServerMessage::LoggedIn(LoggedIn {
            request,
            scram,
            user: granted.person.user.to_string(),
            account: granted.person.account,
            token_id: token.id,
            token: token.token,
            token_seconds: granted.token_seconds,
            wrong_codes: granted.wrong_codes,
            recovery_left: granted.recovery_left,
        }))?;
        let account = granted.person.account;
        Ok(Authenticated {
            person: granted.person,
            budget: self.shared.budgets.of(account, Instant::now()),
            token: token.id,
            is_resumed: false,
            after: granted.after,
            capabilities: announced.unwrap_or_default(),
        })
    }

    /// Nobody is let in, and no attempt is judged, while the audit can't record it; the audit
    /// itself has told the operator.
    fn must_be_recorded(&self, stream: &mut LoginStream<'_>, request: u32) -> Result<(), End> {
        if self.shared.audit.fault().is_none() {
            return Ok(());
        }
        stream.refuse(request, ErrorCode::Unavailable, UNRECORDED)?;
        Err(End::Unrecorded)
    }

    /// Before anything fails that credentials.log gets a line of.
    fn charge(&self, stream: &mut LoginStream<'_>, request: u32) -> Result<Charged, End> {
        let charged = self.shared.charge_login(self.peer.ip());
        charged.map_err(|wait| stream.throttle(request, wait))
    }

    // Registration.

    /// `None` when it was refused and the connection may ask for something else.
    fn register(
        &self,
        stream: &mut LoginStream<'_>,
        register: &Register,
    ) -> Result<Option<Authenticated>, End> {
        let request = register.request;
        self.must_be_recorded(stream, request)?;
        if !self.shared.policy().registration_open {
            let sentence = "this server takes no registrations";
            stream.refuse(request, ErrorCode::RegistrationClosed, sentence)?;
            return Ok(None);
        }
        let user = match UserName::parse(&register.user) {
            Ok(user) => user,
            Err(error) => {
                stream.refuse(request, ErrorCode::InvalidName, &error.to_string())?;
                return Ok(None);
            }
        };
        let charged = self.shared.charge_registration(self.peer.ip());
        let charged = charged.map_err(|wait| stream.throttle(request, wait))?;
        if self.shared.readers.is_taken(&user).map_err(End::store)? {
            self.name_taken(stream, request, charged)?;
            return Ok(None);
        }
        match self.shared.advance(self.session, Phase::Registering) {
            Ok(()) => {}
            Err(Full::Cap) => {
                stream.refuse(request, ErrorCode::Busy, TOO_MANY_REGISTRATIONS)?;
                return Ok(None);
            }
            Err(full) => return Err(full.into()),
        }
        stream.set_deadline(REGISTRATION_TIMEOUT);
        let (totp, recovery) = fresh::factor();
        stream.send(&ServerMessage::RegisterChallenge(RegisterChallenge {
            request,
            salt: self.shared.salt(&user),
            iterations: self.shared.policy().iterations.count(),
            totp: totp.bytes().clone(),
            recovery: recovery.clone(),
            time: now_ms(),
        }))?;
        let Some((confirm, step)) = Self::first_code(stream, &totp)? else {
            let charged = self.charge_refused(charged).map_err(|_| End::Throttled)?;
            self.log_refusal(Line::of(&events::REGISTRATION_REFUSED), "code", charged);
            return Err(End::Refused);
        };
        self.must_be_recorded(stream, confirm.request)?;
        let verifier = Verifier {
            iterations: self.shared.policy().iterations,
            salt: self.shared.salt(&user),
            stored_key: confirm.stored_key,
            server_key: confirm.server_key,
        };
        let (token, stored) = fresh::token();
        let registration = Registration {
            user: user.clone(),
            verifier: verifier.to_text(),
            totp,
            step,
            recovery: fresh::hashes(&recovery),
            token: stored,
        };
        self.shared.connections.proved(self.session)?;
        match self.shared.journal.register(registration) {
            Ok(Some(granted)) => {
                self.log_success(Line::of(&events::REGISTERED), &granted, None);
                let (request, announced) = (confirm.request, register.capabilities);
                self.welcome_in(stream, request, None, granted, token, announced)
                    .map(Some)
            }
            Ok(None) => {
                self.name_taken(stream, confirm.request, charged)?;
                let place = self.shared.advance(self.session, Phase::Greeted);
                place.map_err(|_| End::MadeRoom)?;
                stream.set_deadline(LOGIN_TIMEOUT);
                Ok(None)
            }
            Err(error) => Err(stream.unavailable(confirm.request, error)),
        }
    }

    fn name_taken(
        &self,
        stream: &mut LoginStream<'_>,
        request: u32,
        charged: Option<Charged>,
    ) -> Result<(), End> {
        let charged = self.charge_refused(charged);
        let charged = charged.map_err(|wait| stream.throttle(request, wait))?;
        let line = Line::of(&events::REGISTRATION_REFUSED);
        self.log_refusal(line, "name_taken", charged);
        let sentence = "the name, or one that looks like it, is taken";
        stream.refuse(request, ErrorCode::NameTaken, sentence)
    }

    fn charge_refused(&self, charged: Option<Charged>) -> Result<Charged, Duration> {
        let address = self.peer.ip();
        charged.map_or_else(|| self.shared.charge_refused_registration(address), Ok)
    }

    /// Waits for a right first code, and returns the step it was of; `None` after as many wrong
    /// ones as there may be.
    fn first_code(
        stream: &mut LoginStream<'_>,
        totp: &TotpSecret,
    ) -> Result<Option<(RegisterConfirm, u64)>, End> {
        for _ in 0..MAX_FIRST_CODES {
            let confirm = match stream.receive()? {
                Read::Known(ClientMessage::RegisterConfirm(confirm)) => confirm,
                Read::Known(ClientMessage::Bye(_)) => return Err(End::Quit),
                Read::Known(_) => return Err(End::WrongState),
                Read::Unknown { kind, request } => {
                    stream.unsupported(kind, request)?;
                    continue;
                }
            };
            if let Some(step) = proof::first_step(totp, &confirm.code) {
                return Ok(Some((confirm, step)));
            }
            stream.refuse(confirm.request, ErrorCode::WrongCode, WRONG_FIRST_CODE)?;
        }
        Ok(None)
    }

    // Login.

    fn log_in(&self, stream: &mut LoginStream<'_>, login: &Login) -> Result<Authenticated, End> {
        let Ok(first) = ClientFirstMessage::parse(&login.scram) else {
            let charged = self.charge(stream, login.request)?;
            return self.refused(stream, login.request, None, "malformed", charged);
        };
        let attempt = Attempt::begin(self.shared, first).map_err(End::store)?;
        stream.send(&ServerMessage::LoginChallenge(LoginChallenge {
            request: login.request,
            scram: attempt.message().to_owned(),
            time: now_ms(),
        }))?;
        loop {
            match stream.receive()? {
                Read::Known(ClientMessage::LoginConfirm(confirm)) => {
                    return self.judge(stream, attempt, &confirm, login.capabilities);
                }
                Read::Known(ClientMessage::Bye(_)) => return Err(End::Quit),
                Read::Known(_) => return Err(End::WrongState),
                Read::Unknown { kind, request } => stream.unsupported(kind, request)?,
            }
        }
    }

    fn judge(
        &self,
        stream: &mut LoginStream<'_>,
        attempt: Attempt,
        confirm: &LoginConfirm,
        announced: Option<Capabilities>,
    ) -> Result<Authenticated, End> {
        let request = confirm.request;
        self.must_be_recorded(stream, request)?;
        let charged = self.charge(stream, request)?;
        let judged = attempt.judge(&confirm.scram, stream.binding(), &confirm.code);
        let Ok(Judged { candidate, verdict }) = judged else {
            return self.refused(stream, request, None, "malformed", charged);
        };
        let is_there = candidate.exists | Choice::from(u8::from(candidate.is_unreadable));
        let typed = Some((&candidate.user, is_there));
        let right = match verdict {
            Ok(right) => right,
            Err(wrong) => {
                // The address keeps its charge whatever was wrong: the number of attempts it has
                // left would tell.
                self.shared.journal.login_failed(wrong.wrong_code);
                return self.refused(stream, request, typed, wrong.reason, charged);
            }
        };
        self.shared.refund_login(self.peer.ip(), charged);
        self.shared.connections.proved(self.session)?;
        let (token, stored) = fresh::token();
        let granted = self.shared.journal.log_in(LogIn {
            account: candidate.account,
            judged_by: candidate.judged_by,
            spend: right.spend,
            token: stored,
        });
        match granted {
            Ok(Some(granted)) => {
                let method = Some(right.spend.method());
                self.log_success(Line::of(&events::LOGIN), &granted, method);
                let proof = Some(right.server_final);
                self.welcome_in(stream, request, proof, granted, token, announced)
            }
            Ok(None) => {
                // Right when it was judged, and spent by another login before it was used: a
                // failure after all.
                let charged = self.charge(stream, request)?;
                self.refused(stream, request, typed, "code_used", charged)
            }
            Err(error) => Err(stream.unavailable(request, error)),
        }
    }

    /// The one refusal: the same words whatever was wrong, the reason for the log alone. A name
    /// that does not exist is logged as a keyed hash, because people type passwords where it
    /// belongs.
    fn refused(
        &self,
        stream: &mut LoginStream<'_>,
        request: u32,
        typed: Option<(&UserName, Choice)>,
        reason: &'static str,
        charged: Charged,
    ) -> Result<Authenticated, End> {
        let logged = Line::of(&events::LOGIN_FAILED);
        // Computed for every name: the time must not tell whether it exists.
        let hash = typed.map(|(user, _)| self.shared.name_hash(user));
        let logged = match typed {
            Some((user, exists)) if bool::from(exists) => logged.with("user", user),
            Some(_) => logged
                .with("user", "?")
                .with("name_hash", hash.unwrap_or_default()),
            None => logged.with("user", "?"),
        };
        self.log_refusal(logged, reason, charged);
        stream.refuse(request, ErrorCode::LoginRefused, REFUSAL)?;
        Err(End::Refused)
    }

    /// One line for each charge.
    fn log_refusal(&self, logged: Line, reason: &'static str, _: Charged) {
        let logged = logged
            .with("addr", self.peer)
            .with("session", SessionNumber(self.session))
            .with("reason", reason);
        self.shared.audit.log(logged);
    }

    fn log_success(&self, logged: Line, granted: &Granted, method: Option<&'static str>) {
        let mut logged = logged
            .with("user", &granted.person.user)
            .with("account", granted.person.account)
            .with("addr", self.peer)
            .with("session", SessionNumber(self.session));
        if let Some(method) = method {
            logged = logged.with("method", method);
        }
        self.shared.audit.log(logged);
    }

    // Resume.

    fn resume(&self, stream: &mut LoginStream<'_>, asked: &Resume) -> Result<Authenticated, End> {
        let request = asked.request;
        self.must_be_recorded(stream, request)?;
        // As a stranger, for all that follows until it is known whose account is to pay.
        let address = self.peer.ip();
        let charged = self.shared.charge_resume(address);
        charged.map_err(|wait| stream.come_back(request, "address", wait))?;
        let found = self.shared.readers.token(&asked.id).map_err(End::store)?;
        let hash = found.map_or([0; 32], |(_, hash)| hash);
        let matches = resume::check(&asked.proof, &hash, stream.binding());
        let Some((account, _)) = found.filter(|_| matches) else {
            // Failed logins from one's network do not hinder a right resume: only what failed is charged
            // to these attempts.
            let charged = self.charge(stream, request)?;
            return self.refused(stream, request, None, "resume", charged);
        };
        // Held from here on: what the account has used up is not forgotten meanwhile.
        let budget = self.shared.budgets.of(account, Instant::now());
        self.wait_for_turn(stream, request, account, &budget)?;
        self.shared.connections.proved(self.session)?;
        let (token, stored) = fresh::token();
        let granted = self.shared.journal.resume(ResumeUse {
            used: asked.id,
            successor: stored,
        });
        match granted {
            Ok(Some(granted)) => {
                self.shared.refund_resume(address);
                self.log_success(Line::of(&events::RESUME), &granted, None);
                let announced = asked.capabilities;
                let who = self.welcome_in(stream, request, None, granted, token, announced)?;
                Ok(Authenticated {
                    is_resumed: true,
                    ..who
                })
            }
            Ok(None) => {
                let charged = self.charge(stream, request)?;
                self.refused(stream, request, None, "resume_stale", charged)
            }
            Err(error) => Err(stream.unavailable(request, error)),
        }
    }
}

/// Every refused login or resume gets these words, whatever was wrong with it.
pub const REFUSAL: &str = "login refused: the name, the password or the code is wrong";

/// For a registration that finds no place among those that are under way.
const TOO_MANY_REGISTRATIONS: &str =
    "too many registrations are under way from your network; finish one, or wait a few minutes";
/// For what must not happen while it could not be recorded.
pub const UNRECORDED: &str = "the server can't keep its records just now; try again later";
/// For a wrong first code of a new secret.
pub const WRONG_FIRST_CODE: &str =
    "the code is not right; check the clock of the device that shows it";
