//! From a finished handshake to somebody: registration, login, resume.
//!
//! The only maker of [`Authenticated`], which every command demands. One connection has one
//! attempt: it succeeds, or gets one and the same refusal and is cut, whatever was wrong. Unknown
//! names walk the same code with keys made up at the start; password and code are always both
//! computed, and a failure waits for nothing that a success or another failure would not.

use std::time::Duration;

use chatbox_common::auth::SecondFactor;
use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::resume::{self, ResumeToken};
use chatbox_common::auth::scram::{ClientFirstMessage, ServerFirst, Verifier};
use chatbox_common::auth::totp::{Code, TotpSecret, step_of};
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use chatbox_common::wire::codec::Read;
use chatbox_common::wire::message::{
    ClientMessage, ErrorCode, LoggedIn, Login, LoginChallenge, LoginConfirm, Register,
    RegisterChallenge, RegisterConfirm, Resume, ServerMessage,
};
use subtle::{Choice, ConstantTimeEq};

use crate::audit::Line;
use crate::clock::now_ms;
use crate::event::{Person, SessionId};
use crate::journal::{Granted, LogIn, MAX_WRONG_CODES, Registration, ResumeUse, Spend, Token};
use crate::line::{End, PeerLine};
use crate::readers::Candidate;
use crate::shared::Shared;

/// How long a login may take from the handshake on.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a registration may take: a person scans a code.
pub const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(300);
/// How many registrations one connection may begin.
const MAX_REGISTRATIONS: u32 = 5;
/// How often the first code of a registration may be wrong.
const REGISTRATION_CODES: u32 = 5;

/// Proof that somebody logged in. Nothing outside this module can make one.
#[derive(Debug)]
pub struct Authenticated {
    person: Person,
    token: [u8; 16],
}

impl Authenticated {
    /// Who.
    #[must_use]
    pub const fn person(&self) -> &Person {
        &self.person
    }

    /// The token by which this login may be resumed.
    #[must_use]
    pub const fn token(&self) -> &[u8; 16] {
        &self.token
    }
}

/// A login between its challenge and its confirmation.
struct Attempt {
    candidate: Candidate,
    challenge: ServerFirst,
}

/// A peer that is not logged in yet.
pub struct Candidacy<'a> {
    /// What all share.
    pub shared: &'a Shared,
    /// Number of the connection.
    pub session: SessionId,
    /// The peer's address and port.
    pub peer: std::net::SocketAddr,
}

impl Candidacy<'_> {
    /// Talks to the peer until it is somebody.
    ///
    /// # Errors
    /// With how the connection is to end. Refusals are logged here, with their reason.
    pub fn run(&self, line: &mut PeerLine<'_>) -> Result<Authenticated, End> {
        line.set_deadline(LOGIN_TIMEOUT);
        let mut registrations = 0;
        loop {
            let message = match line.receive()? {
                Read::Known(message) => message,
                Read::Unknown { kind, request } => {
                    line.unsupported(kind, request)?;
                    continue;
                }
            };
            match message {
                ClientMessage::Register(register) => {
                    registrations += 1;
                    if registrations > MAX_REGISTRATIONS {
                        return Err(End::Throttled);
                    }
                    if let Some(done) = self.register(line, &register)? {
                        return Ok(done);
                    }
                }
                ClientMessage::Login(login) => return self.log_in(line, &login),
                ClientMessage::Resume(resume) => return self.resume(line, &resume),
                ClientMessage::Bye(_) => return Err(End::Quit),
                _ => return Err(End::WrongState),
            }
        }
    }

    fn fresh_token() -> (ResumeToken, Token) {
        let token = ResumeToken {
            id: *Secret::<16>::random().expose(),
            token: Secret::random(),
        };
        let stored = Token {
            id: token.id,
            hash: Secret::new(token.stored()),
        };
        (token, stored)
    }

    fn welcome_in(
        line: &mut PeerLine<'_>,
        request: u32,
        scram: Option<String>,
        granted: Granted,
        token: ResumeToken,
    ) -> Result<Authenticated, End> {
        line.send_later(&ServerMessage::LoggedIn(LoggedIn {
            request,
            scram,
            user: granted.person.user.to_string(),
            account: granted.person.account,
            token_id: token.id,
            token: token.token,
            token_seconds: granted.token_seconds,
            wrong_codes: granted.wrong_codes,
        }))?;
        Ok(Authenticated {
            person: granted.person,
            token: token.id,
        })
    }

    /// Nobody is let in, and nobody's attempt is judged, while the trail can't tell of it. The
    /// audit has told the operator.
    fn must_be_recorded(&self, line: &mut PeerLine<'_>, request: u32) -> Result<(), End> {
        if self.shared.audit.fault().is_none() {
            return Ok(());
        }
        let sentence = "the server can't keep its records just now; try again later";
        line.refuse(request, ErrorCode::Unavailable, sentence)?;
        Err(End::Unrecorded)
    }

    // Registration.

    /// `None`: refused, and the connection may ask for something else.
    fn register(
        &self,
        line: &mut PeerLine<'_>,
        register: &Register,
    ) -> Result<Option<Authenticated>, End> {
        let request = register.request;
        self.must_be_recorded(line, request)?;
        if !self.shared.policy.registration_open {
            let sentence = "this server takes no registrations";
            line.refuse(request, ErrorCode::RegistrationClosed, sentence)?;
            return Ok(None);
        }
        let user = match UserName::parse(&register.user) {
            Ok(user) => user,
            Err(error) => {
                line.refuse(request, ErrorCode::InvalidName, &error.to_string())?;
                return Ok(None);
            }
        };
        if let Err(wait) = self.shared.charge_registration(self.peer.ip()) {
            return Err(line.throttle(request, wait));
        }
        if self.shared.readers.is_taken(&user).map_err(End::store)? {
            self.name_taken(line, request)?;
            return Ok(None);
        }
        let _pending = match self.shared.pending.begin(self.peer.ip()) {
            Ok(pending) => pending,
            Err(error) => {
                line.refuse(request, ErrorCode::Busy, &error.to_string())?;
                return Ok(None);
            }
        };
        line.set_deadline(REGISTRATION_TIMEOUT);
        let totp = TotpSecret::new(Secret::random());
        let recovery: Vec<Secret<10>> = (0..RECOVERY_CODES).map(|_| Secret::random()).collect();
        line.send(&ServerMessage::RegisterChallenge(RegisterChallenge {
            request,
            salt: self.shared.salt(&user),
            iterations: self.shared.policy.iterations.count(),
            totp: totp.bytes().clone(),
            recovery: recovery.clone(),
            time: now_ms(),
        }))?;
        let (confirm, step) = self.first_code(line, &totp)?;
        self.must_be_recorded(line, confirm.request)?;
        let verifier = Verifier {
            iterations: self.shared.policy.iterations,
            salt: self.shared.salt(&user),
            stored_key: confirm.stored_key,
            server_key: confirm.server_key,
        };
        let (token, stored) = Self::fresh_token();
        let recovery = recovery.into_iter();
        let registration = Registration {
            user: user.clone(),
            verifier: verifier.to_text(),
            totp,
            step,
            recovery: recovery
                .map(|code| RecoveryCode::new(code).hash())
                .collect(),
            token: stored,
        };
        match self.shared.journal.register(registration) {
            Ok(Some(granted)) => {
                self.log_success(Line::info("registered"), &granted, None);
                let request = confirm.request;
                Self::welcome_in(line, request, None, granted, token).map(Some)
            }
            Ok(None) => {
                self.name_taken(line, confirm.request)?;
                line.set_deadline(LOGIN_TIMEOUT);
                Ok(None)
            }
            Err(error) => Err(line.unavailable(confirm.request, error)),
        }
    }

    fn name_taken(&self, line: &mut PeerLine<'_>, request: u32) -> Result<(), End> {
        self.log_refusal(Line::warn("registration_refused"), "name_taken");
        let sentence = "the name, or one that looks like it, is taken";
        line.refuse(request, ErrorCode::NameTaken, sentence)
    }

    /// Waits for a first code that is right, and says of which step it was.
    fn first_code(
        &self,
        line: &mut PeerLine<'_>,
        totp: &TotpSecret,
    ) -> Result<(RegisterConfirm, u64), End> {
        for _ in 0..REGISTRATION_CODES {
            let confirm = match line.receive()? {
                Read::Known(ClientMessage::RegisterConfirm(confirm)) => confirm,
                Read::Known(ClientMessage::Bye(_)) => return Err(End::Quit),
                Read::Known(_) => return Err(End::WrongState),
                Read::Unknown { kind, request } => {
                    line.unsupported(kind, request)?;
                    continue;
                }
            };
            let now = step_of(now_ms() / 1000);
            let step = Code::parse(confirm.code.expose())
                .ok()
                .and_then(|code| Option::from(totp.matching_step(&code, now)));
            if let Some(step) = step {
                return Ok((confirm, step));
            }
            let sentence = "the code is not right; check the clock of the device that shows it";
            line.refuse(confirm.request, ErrorCode::WrongCode, sentence)?;
        }
        self.log_refusal(Line::warn("registration_refused"), "code");
        Err(End::Refused)
    }

    // Login.

    fn log_in(&self, line: &mut PeerLine<'_>, login: &Login) -> Result<Authenticated, End> {
        let Ok(first) = ClientFirstMessage::parse(&login.scram) else {
            return self.refused(line, login.request, None, "malformed");
        };
        let user = first.user().clone();
        let candidate = self.shared.readers.candidate(&user);
        let mut candidate = candidate.map_err(End::store)?;
        // Nothing else than this can have been an account's salt.
        candidate.verifier.salt = self.shared.salt(&user);
        let nonce = *Secret::<18>::random().expose();
        let challenge = first.challenge(candidate.verifier.clone(), nonce);
        let attempt = Attempt {
            candidate,
            challenge,
        };
        line.send(&ServerMessage::LoginChallenge(LoginChallenge {
            request: login.request,
            scram: attempt.challenge.message().to_owned(),
            time: now_ms(),
        }))?;
        loop {
            match line.receive()? {
                Read::Known(ClientMessage::LoginConfirm(confirm)) => {
                    return self.judge(line, attempt, &confirm);
                }
                Read::Known(ClientMessage::Bye(_)) => return Err(End::Quit),
                Read::Known(_) => return Err(End::WrongState),
                Read::Unknown { kind, request } => line.unsupported(kind, request)?,
            }
        }
    }

    fn judge(
        &self,
        line: &mut PeerLine<'_>,
        attempt: Attempt,
        confirm: &LoginConfirm,
    ) -> Result<Authenticated, End> {
        let request = confirm.request;
        self.must_be_recorded(line, request)?;
        let Attempt {
            candidate,
            challenge,
        } = attempt;
        let exists = candidate.exists;
        if let Err(wait) = self.shared.charge_login(self.peer.ip()) {
            return Err(line.throttle(request, wait));
        }
        let Ok(proof) = challenge.check(&confirm.scram, line.binding()) else {
            return self.refused(line, request, None, "malformed");
        };
        let (code, spend) = second_factor(&candidate, confirm);
        let password = proof.matches() & exists;
        let enabled = candidate.enabled;
        let Ok(server_final) = proof.into_server_final(code & enabled & exists) else {
            // The address keeps its charge whatever was wrong: what it has left would tell.
            let wrong_code = bool::from(password & !code);
            let account = wrong_code.then_some(candidate.account);
            self.shared.journal.login_failed(account);
            let reason = if !bool::from(exists) {
                "no_such_user"
            } else if !bool::from(password) {
                "password"
            } else if wrong_code {
                "code"
            } else {
                "disabled"
            };
            return self.refused(line, request, Some((&candidate.user, exists)), reason);
        };
        self.shared.refund_login(self.peer.ip());
        let (token, stored) = Self::fresh_token();
        let granted = self.shared.journal.log_in(LogIn {
            account: candidate.account,
            spend,
            token: stored,
        });
        match granted {
            Ok(Some(granted)) => {
                let method = match spend {
                    Spend::Step(_) => "totp",
                    Spend::Recovery(_) => "recovery",
                };
                self.log_success(Line::info("login"), &granted, Some(method));
                Self::welcome_in(line, request, Some(server_final), granted, token)
            }
            Ok(None) => {
                // Right when it was judged, spent when it was to be used: a failure after all.
                let _ = self.shared.charge_login(self.peer.ip());
                self.refused(line, request, Some((&candidate.user, exists)), "code_used")
            }
            Err(error) => Err(line.unavailable(request, error)),
        }
    }

    /// The one refusal: the same words whatever was wrong, the reason for the log alone. A name
    /// that does not exist is logged as a keyed hash, because people type passwords there.
    fn refused(
        &self,
        line: &mut PeerLine<'_>,
        request: u32,
        typed: Option<(&UserName, Choice)>,
        reason: &'static str,
    ) -> Result<Authenticated, End> {
        let logged = Line::warn("login_failed");
        // Computed for every name, so that it takes the same time.
        let hash = typed.map(|(user, _)| self.shared.name_hash(user));
        let logged = match typed {
            Some((user, exists)) if bool::from(exists) => logged.with("user", user),
            Some(_) => logged
                .with("user", "?")
                .with("name_hash", hash.unwrap_or_default()),
            None => logged.with("user", "?"),
        };
        self.log_refusal(logged, reason);
        line.refuse(request, ErrorCode::LoginRefused, REFUSAL)?;
        Err(End::Refused)
    }

    fn log_refusal(&self, logged: Line, reason: &'static str) {
        let logged = logged
            .with("addr", self.peer)
            .with("session", self.session)
            .with("reason", reason);
        self.shared.audit.credentials(logged);
    }

    fn log_success(&self, logged: Line, granted: &Granted, method: Option<&'static str>) {
        let mut logged = logged
            .with("user", &granted.person.user)
            .with("account", granted.person.account)
            .with("addr", self.peer)
            .with("session", self.session);
        if let Some(method) = method {
            logged = logged.with("method", method);
        }
        self.shared.audit.credentials(logged);
    }

    // Resume.

    fn resume(&self, line: &mut PeerLine<'_>, asked: &Resume) -> Result<Authenticated, End> {
        let request = asked.request;
        self.must_be_recorded(line, request)?;
        let found = self.shared.readers.token(&asked.id).map_err(End::store)?;
        let hash = found.unwrap_or([0; 32]);
        let matches = resume::check(&asked.proof, &hash, line.binding());
        if !(matches && found.is_some()) {
            // A token can't be guessed, so a neighbour's failures hinder nobody's success.
            if let Err(wait) = self.shared.charge_login(self.peer.ip()) {
                return Err(line.throttle(request, wait));
            }
            return self.refused(line, request, None, "resume");
        }
        let (token, stored) = Self::fresh_token();
        let granted = self.shared.journal.resume(ResumeUse {
            used: asked.id,
            successor: stored,
        });
        match granted {
            Ok(Some(granted)) => {
                self.log_success(Line::info("resume"), &granted, None);
                Self::welcome_in(line, request, None, granted, token)
            }
            Ok(None) => self.refused(line, request, None, "resume_stale"),
            Err(error) => Err(line.unavailable(request, error)),
        }
    }
}

/// Compares the code with everything it could be, and says what it would spend. The same work is
/// done whether the first comparison succeeds or the last, or none.
fn second_factor(candidate: &Candidate, confirm: &LoginConfirm) -> (Choice, Spend) {
    let now = step_of(now_ms() / 1000);
    match SecondFactor::parse(confirm.code.expose()) {
        Ok(SecondFactor::Totp(code)) => {
            let step = candidate.totp.matching_step(&code, now);
            let fresh = candidate.wrong_codes < MAX_WRONG_CODES;
            let step_number = step.unwrap_or(0);
            let unused = step_number > candidate.last_step;
            let good = step.is_some() & Choice::from(u8::from(fresh && unused));
            (good, Spend::Step(step_number))
        }
        Ok(SecondFactor::Recovery(code)) => {
            let hash = code.hash();
            let mut good = Choice::from(0);
            for stored in &candidate.recovery {
                good |= stored.ct_eq(&hash);
            }
            (good, Spend::Recovery(hash))
        }
        Err(_) => (Choice::from(0), Spend::Step(0)),
    }
}

/// What every refused login or resume is told, whatever was wrong with it.
pub const REFUSAL: &str = "login refused: the name, the password or the code is wrong";
