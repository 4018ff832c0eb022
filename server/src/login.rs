//! From a finished handshake to somebody: registration, login, resume.
//!
//! The only maker of [`Authenticated`], which every command demands. One connection has one
//! attempt: it succeeds, or gets one and the same refusal and is cut, whatever was wrong. Unknown
//! names walk the same code with keys made up on the spot; password and code are always both
//! computed, and a failure waits for nothing that a success or another failure would not.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use chatbox_common::auth::SecondFactor;
use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::resume::{self, ResumeToken};
use chatbox_common::auth::scram::{ClientFirstMessage, ServerFirst, Verifier};
use chatbox_common::auth::totp::{Code, TotpSecret, step_of};
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use chatbox_common::wire::codec::Read;
use chatbox_common::wire::message::{
    ByeReason, ClientMessage, ErrorCode, LoggedIn, Login, LoginChallenge, LoginConfirm, Register,
    RegisterChallenge, RegisterConfirm, Resume, ServerMessage,
};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::audit::Line;
use crate::event::{Person, SessionId};
use crate::journal::{Granted, LogIn, Registration, ResumeUse, Spend, TOKEN_SECONDS, Token};
use crate::line::{End, PeerLine};
use crate::readers::Candidate;
use crate::shared::{Shared, now_ms};

/// How long a login may take from the handshake on.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a registration may take: a person scans a code.
pub const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(300);
/// How often the first code of a registration may be wrong.
const REGISTRATION_CODES: u32 = 5;
/// After so many wrong codes since the last login only a recovery code is taken.
pub const MAX_WRONG_CODES: u32 = 20;

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
                    if let Some(done) = self.register(line, &register)? {
                        return Ok(done);
                    }
                }
                ClientMessage::Login(login) => return self.log_in(line, &login),
                ClientMessage::Resume(resume) => return self.resume(line, &resume),
                ClientMessage::Bye(_) => return Err(End::Quit),
                _ => return Err(End::wrong_state()),
            }
        }
    }

    fn ip(&self) -> IpAddr {
        self.peer.ip()
    }

    fn fresh_token() -> (ResumeToken, Token) {
        let token = ResumeToken {
            id: *Secret::<16>::random().expose(),
            token: Secret::random(),
        };
        let stored = Token {
            id: token.id,
            hash: token.stored(),
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
        line.send(&ServerMessage::LoggedIn(LoggedIn {
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

    // Registration.

    /// `None`: refused, and the connection may ask for something else.
    fn register(
        &self,
        line: &mut PeerLine<'_>,
        register: &Register,
    ) -> Result<Option<Authenticated>, End> {
        let request = register.request;
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
        if self.shared.readers.is_taken(&user).map_err(End::store)? {
            self.name_taken(line, request)?;
            return Ok(None);
        }
        let _pending = match self.shared.pending.begin(self.ip()) {
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
        let (confirm, step) = Self::first_code(line, &totp)?;
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
            recovery: recovery.map(|code| RecoveryCode::new(code).hash()).collect(),
            address: self.peer,
            token: stored,
        };
        match self.shared.journal.register(registration) {
            Ok(Some(granted)) => {
                let line_of_log = Line::info("registered")
                    .with("user", &user)
                    .with("account", granted.person.account)
                    .with("addr", self.peer)
                    .with("session", self.session);
                self.shared.audit.credentials(line_of_log);
                let request = confirm.request;
                Self::welcome_in(line, request, None, granted, token).map(Some)
            }
            Ok(None) => {
                self.name_taken(line, confirm.request)?;
                line.set_deadline(LOGIN_TIMEOUT);
                Ok(None)
            }
            Err(error) => Err(End::unavailable(line, confirm.request, error)),
        }
    }

    fn name_taken(&self, line: &mut PeerLine<'_>, request: u32) -> Result<(), End> {
        let refused = Line::warn("registration_refused")
            .with("addr", self.peer)
            .with("reason", "name_taken");
        self.shared.audit.credentials(refused);
        let sentence = "the name, or one that looks like it, is taken";
        line.refuse(request, ErrorCode::NameTaken, sentence)
    }

    /// Waits for a first code that is right, and says of which step it was.
    fn first_code(
        line: &mut PeerLine<'_>,
        totp: &TotpSecret,
    ) -> Result<(RegisterConfirm, u64), End> {
        for _ in 0..REGISTRATION_CODES {
            let confirm = match line.receive()? {
                Read::Known(ClientMessage::RegisterConfirm(confirm)) => confirm,
                Read::Known(ClientMessage::Bye(_)) => return Err(End::Quit),
                Read::Known(_) => return Err(End::wrong_state()),
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
        Err(End::Refused)
    }

    // Login.

    fn log_in(&self, line: &mut PeerLine<'_>, login: &Login) -> Result<Authenticated, End> {
        let Ok(first) = ClientFirstMessage::parse(&login.scram) else {
            return self.refused(line, login.request, None, "malformed");
        };
        let user = first.user().clone();
        let candidate = self.shared.readers.candidate(&user);
        let candidate = candidate.map_err(End::store)?;
        let verifier = candidate.as_ref().map_or_else(
            || Verifier {
                iterations: self.shared.policy.iterations,
                salt: self.shared.salt(&user),
                stored_key: Secret::random(),
                server_key: Secret::random(),
            },
            |candidate| candidate.verifier.clone(),
        );
        let nonce = *Secret::<18>::random().expose();
        let challenge = first.challenge(verifier, nonce);
        line.send(&ServerMessage::LoginChallenge(LoginChallenge {
            request: login.request,
            scram: challenge.message().to_owned(),
            time: now_ms(),
        }))?;
        loop {
            match line.receive()? {
                Read::Known(ClientMessage::LoginConfirm(confirm)) => {
                    return self.judge(line, &user, candidate, challenge, &confirm);
                }
                Read::Known(ClientMessage::Bye(_)) => return Err(End::Quit),
                Read::Known(_) => return Err(End::wrong_state()),
                Read::Unknown { kind, request } => line.unsupported(kind, request)?,
            }
        }
    }

    fn judge(
        &self,
        line: &mut PeerLine<'_>,
        user: &UserName,
        candidate: Option<Candidate>,
        challenge: ServerFirst,
        confirm: &LoginConfirm,
    ) -> Result<Authenticated, End> {
        let request = confirm.request;
        if let Err(wait) = self.shared.logins().charge(self.ip(), Instant::now()) {
            let throttled = Line::warn("login_throttled").with("addr", self.peer);
            self.shared.audit.credentials(throttled);
            line.refuse_until(request, wait)?;
            return Err(End::Throttled);
        }
        let binding = *line.binding();
        let Ok(proof) = challenge.check(&confirm.scram, &binding) else {
            return self.refused(line, request, None, "malformed");
        };
        let exists = Choice::from(u8::from(candidate.is_some()));
        let candidate = candidate.unwrap_or_else(|| Candidate::decoy(user));
        let (code_matches, spend) = second_factor(&candidate, confirm);
        let password = proof.matches() & exists;
        let enabled = Choice::from(u8::from(candidate.enabled));
        let all = password & code_matches & enabled;
        if !bool::from(all) {
            let reason = if !bool::from(exists) {
                "no_such_user"
            } else if !bool::from(password) {
                "password"
            } else if !bool::from(code_matches) {
                "code"
            } else {
                "disabled"
            };
            if bool::from(password) {
                // Counted against the account instead, so that a neighbour is not locked out.
                self.shared.logins().refund(self.ip(), Instant::now());
            }
            let wrong_code = bool::from(password & !code_matches);
            self.shared.journal.login_failed(wrong_code.then_some(candidate.account));
            let known = bool::from(exists).then_some(user);
            return self.refused_as(line, request, user, known, reason);
        }
        let server_final = proof
            .into_server_final(code_matches & enabled & exists)
            .map_err(|_| End::Refused)?;
        let (token, stored) = Self::fresh_token();
        let granted = self.shared.journal.log_in(LogIn {
            account: candidate.account,
            spend,
            address: self.peer,
            token: stored,
        });
        self.shared.logins().refund(self.ip(), Instant::now());
        match granted {
            Ok(Some(granted)) => {
                let method = match spend {
                    Spend::Step(_) => "totp",
                    Spend::Recovery(_) => "recovery",
                };
                let logged = Line::info("login")
                    .with("user", &granted.person.user)
                    .with("account", granted.person.account)
                    .with("addr", self.peer)
                    .with("session", self.session)
                    .with("method", method);
                self.shared.audit.credentials(logged);
                Self::welcome_in(line, request, Some(server_final), granted, token)
            }
            Ok(None) => self.refused_as(line, request, user, Some(user), "code_used"),
            Err(error) => Err(End::unavailable(line, request, error)),
        }
    }

    fn refused_as(
        &self,
        line: &mut PeerLine<'_>,
        request: u32,
        typed: &UserName,
        known: Option<&UserName>,
        reason: &'static str,
    ) -> Result<Authenticated, End> {
        let hash = self.shared.name_hash(typed);
        let logged = match known {
            Some(user) => Line::warn("login_failed").with("user", user),
            None => Line::warn("login_failed").with("user", "?").with("name_hash", hash),
        };
        self.log_refusal(logged, reason);
        line.refuse_login(request)
    }

    fn refused(
        &self,
        line: &mut PeerLine<'_>,
        request: u32,
        user: Option<&str>,
        reason: &'static str,
    ) -> Result<Authenticated, End> {
        let logged = Line::warn("login_failed").with("user", user.unwrap_or("?"));
        self.log_refusal(logged, reason);
        line.refuse_login(request)
    }

    fn log_refusal(&self, logged: Line, reason: &'static str) {
        let logged = logged
            .with("addr", self.peer)
            .with("session", self.session)
            .with("reason", reason);
        self.shared.audit.credentials(logged);
    }

    // Resume.

    fn resume(&self, line: &mut PeerLine<'_>, asked: &Resume) -> Result<Authenticated, End> {
        let request = asked.request;
        if let Err(wait) = self.shared.logins().charge(self.ip(), Instant::now()) {
            line.refuse_until(request, wait)?;
            return Err(End::Throttled);
        }
        let found = self.shared.readers.token(&asked.id).map_err(End::store)?;
        let hash = found.as_ref().map_or([0; 32], |hash| *hash);
        let matches = resume::check(&asked.proof, &hash, line.binding());
        if !(matches && found.is_some()) {
            return self.refused(line, request, None, "resume");
        }
        let (token, stored) = Self::fresh_token();
        let granted = self.shared.journal.resume(ResumeUse {
            used: asked.id,
            successor: stored,
            address: self.peer,
            now: now_ms(),
        });
        self.shared.logins().refund(self.ip(), Instant::now());
        match granted {
            Ok(Some(granted)) => {
                let logged = Line::info("resume")
                    .with("user", &granted.person.user)
                    .with("account", granted.person.account)
                    .with("addr", self.peer)
                    .with("session", self.session);
                self.shared.audit.credentials(logged);
                Self::welcome_in(line, request, None, granted, token)
            }
            Ok(None) => self.refused(line, request, None, "resume_stale"),
            Err(error) => Err(End::unavailable(line, request, error)),
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
        Err(_) => (Choice::from(0), Spend::Step(u64::conditional_select(&0, &0, Choice::from(0)))),
    }
}

/// The refusal that a login gets, whatever was wrong with it.
pub const REFUSAL: &str = "login refused: name, password or code is wrong";

/// What the goodbye after a refusal says.
pub const REFUSAL_REASON: ByeReason = ByeReason::LoginRefused;

const _: () = assert!(TOKEN_SECONDS <= 12 * 3600, "a login lasts at most 12 hours");
