//! Registering, logging in and resuming on a fresh channel (docs/PROTOCOL.md, 10 to 12).
//!
//! Each step consumes its state: nothing can be said again on the same connection unless the
//! protocol allows it.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::auth::scram::{
    ClientFirst, Iterations, NONCE_LEN, Password, SALT_LEN, Verifier,
};
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::channel::{Receiver, Sender};
use chatbox_common::crypto::handshake::ChannelBinding;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::limits::REGISTRATION_TIMEOUT;
use chatbox_common::name::UserName;
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::message::{
    Capabilities, ClientMessage, ErrorCode, LoggedIn, Login, LoginChallenge, LoginConfirm,
    Register, RegisterChallenge, RegisterConfirm, Resume, ServerMessage,
};

use super::{Greeted, SessionError};

/// A little less than a server gives.
const REGISTRATION: Duration = REGISTRATION_TIMEOUT.saturating_sub(Duration::from_secs(5));

/// What continues a login on a new connection. Kept in memory only, unless a script has it saved
/// (`saved_session`).
#[derive(Debug)]
pub struct Ticket {
    token: ResumeToken,
    until: Instant,
    /// Of the only server that the token is shown to.
    pub fingerprint: Fingerprint,
}

impl Ticket {
    /// `seconds` is how long the token is good.
    pub(super) fn new(token: ResumeToken, seconds: u32, fingerprint: Fingerprint) -> Self {
        Self {
            token,
            until: Instant::now() + Duration::from_secs(seconds.into()),
            fingerprint,
        }
    }

    /// A ticket that was saved: `left` is how long the token is still good.
    #[must_use]
    pub fn from_parts(token: ResumeToken, left: Duration, fingerprint: Fingerprint) -> Self {
        Self {
            token,
            until: Instant::now() + left,
            fingerprint,
        }
    }

    /// What to save beside the fingerprint: the token, and how long it is still good.
    #[must_use]
    pub fn parts(&self, now: Instant) -> (&ResumeToken, Duration) {
        (&self.token, self.until.saturating_duration_since(now))
    }

    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }
}

/// A login that succeeded, before the first message of the session.
pub struct Entered {
    /// As it was registered.
    pub user: UserName,
    /// Resumes this login.
    pub ticket: Ticket,
    /// Wrong second factors after a right password since the last login.
    pub wrong_codes: u32,
    /// Recovery codes that are left, where this login has spent one.
    pub recovery_left: Option<u32>,
    pub(super) socket: Arc<TcpStream>,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
    pub(super) binding: ChannelBinding,
}

/// The server has nobody of that name, and waits for what it is to keep of the password.
pub struct NamedAccount {
    greeted: Greeted,
    salt: [u8; SALT_LEN],
    iterations: Iterations,
    secret: TotpSecret,
    recovery: Vec<RecoveryCode>,
    server_time: u64,
}

pub struct Registering {
    greeted: Greeted,
    /// For the authenticator.
    pub secret: TotpSecret,
    /// Each replaces the authenticator once.
    pub recovery: Vec<RecoveryCode>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    pub server_time: u64,
    stored_key: Secret<32>,
    server_key: Secret<32>,
}

pub struct Challenged {
    greeted: Greeted,
    first: ClientFirst,
    challenge: LoginChallenge,
}

impl Greeted {
    /// Asks for an account of this name.
    ///
    /// # Errors
    /// When the server refuses, or asks for too few or too many rounds of hashing.
    pub fn register(mut self, user: &UserName) -> Result<NamedAccount, SessionError> {
        let request = self.next_request();
        let answer = self.ask(&ClientMessage::Register(Register {
            request,
            user: user.as_str().to_owned(),
            invitation: None,
            capabilities: Some(Capabilities::own()),
        }))?;
        let ServerMessage::RegisterChallenge(challenge) = answer else {
            return Err(SessionError::Protocol);
        };
        let RegisterChallenge {
            salt,
            iterations,
            totp,
            recovery,
            time,
            ..
        } = challenge;
        if challenge.request != request || recovery.len() != RECOVERY_CODES {
            return Err(SessionError::Protocol);
        }
        self.deadline = Instant::now() + REGISTRATION;
        Ok(NamedAccount {
            greeted: self,
            salt,
            iterations: Iterations::new(iterations)?,
            secret: TotpSecret::new(totp),
            recovery: recovery.into_iter().map(RecoveryCode::new).collect(),
            server_time: time,
        })
    }

    pub fn log_in(mut self, user: &UserName) -> Result<Challenged, SessionError> {
        let nonce = Secret::<NONCE_LEN>::random();
        let first = ClientFirst::new(user, *nonce.expose());
        let request = self.next_request();
        let answer = self.ask(&ClientMessage::Login(Login {
            request,
            scram: first.message().to_owned(),
            capabilities: Some(Capabilities::own()),
        }))?;
        match answer {
            ServerMessage::LoginChallenge(challenge) if challenge.request == request => {
                Ok(Challenged {
                    greeted: self,
                    first,
                    challenge,
                })
            }
            _ => Err(SessionError::Protocol),
        }
    }

    /// Continues an earlier login. A ticket of another server is refused before anything is sent.
    pub fn resume(mut self, ticket: &Ticket) -> Result<Entered, SessionError> {
        if self.fingerprint() != ticket.fingerprint {
            return Err(SessionError::Protocol);
        }
        // The server with this key has proved itself at the login.
        self.believe();
        let request = self.next_request();
        let proof = ticket.token.proof(self.channel.binding.as_bytes());
        let answer = self.ask(&ClientMessage::Resume(Resume {
            request,
            id: ticket.token.id,
            proof,
            capabilities: Some(Capabilities::own()),
        }))?;
        match answer {
            ServerMessage::LoggedIn(logged_in)
                if logged_in.request == request && logged_in.scram.is_none() =>
            {
                self.enter(logged_in)
            }
            _ => Err(SessionError::Protocol),
        }
    }

    /// From the next record on, the rules after login hold.
    fn enter(self, logged_in: LoggedIn) -> Result<Entered, SessionError> {
        if self.has_heard_more() {
            return Err(SessionError::Protocol);
        }
        let fingerprint = self.fingerprint();
        let mut channel = self.channel;
        channel.sender.begin_session();
        channel.receiver.begin_session();
        Ok(Entered {
            user: UserName::parse(&logged_in.user).map_err(|_| SessionError::Protocol)?,
            ticket: Ticket::new(
                ResumeToken {
                    id: logged_in.token_id,
                    token: logged_in.token,
                },
                logged_in.token_seconds,
                fingerprint,
            ),
            wrong_codes: logged_in.wrong_codes,
            recovery_left: logged_in.recovery_left,
            socket: self.socket,
            sender: channel.sender,
            receiver: channel.receiver,
            binding: channel.binding,
        })
    }
}

pub enum Confirmed {
    /// The account exists, and is logged in.
    Yes(Box<Entered>),
    /// Another code may be tried; with the server's sentence.
    WrongCode(Box<Registering>, String),
}

impl NamedAccount {
    pub fn leave(self) {
        self.greeted.leave();
    }

    /// Computes from the password what the server is to keep of it.
    #[must_use]
    pub fn with(self, password: &Password) -> Registering {
        let verifier = Verifier::derive(password, self.salt, self.iterations);
        Registering {
            greeted: self.greeted,
            secret: self.secret,
            recovery: self.recovery,
            server_time: self.server_time,
            stored_key: verifier.stored_key,
            server_key: verifier.server_key,
        }
    }
}

impl Registering {
    pub fn leave(self) {
        self.greeted.leave();
    }

    /// Sends the first code (six digits).
    ///
    /// # Errors
    /// When the registration is over without an account.
    pub fn confirm(mut self, code: SecretString) -> Result<Confirmed, SessionError> {
        let request = self.greeted.next_request();
        let answer = self
            .greeted
            .ask(&ClientMessage::RegisterConfirm(RegisterConfirm {
                request,
                stored_key: self.stored_key.clone(),
                server_key: self.server_key.clone(),
                code,
            }));
        match answer {
            Ok(ServerMessage::LoggedIn(logged_in)) if logged_in.request == request => self
                .greeted
                .enter(logged_in)
                .map(|entered| Confirmed::Yes(Box::new(entered))),
            Ok(_) => Err(SessionError::Protocol),
            Err(SessionError::Refused {
                code: ErrorCode::WrongCode,
                sentence,
                ..
            }) => Ok(Confirmed::WrongCode(Box::new(self), sentence)),
            Err(error) => Err(error),
        }
    }
}

impl Challenged {
    /// Milliseconds since 1970-01-01 UTC. The server has not proved itself yet.
    #[must_use]
    pub const fn server_time(&self) -> u64 {
        self.challenge.time
    }

    /// Proves password and second factor, and has the server prove itself. Nothing that the server
    /// sent is returned before its signature is verified.
    ///
    /// # Errors
    /// When the server refuses, or could not prove that it knows the account.
    pub fn prove(self, password: &Password, code: SecretString) -> Result<Entered, SessionError> {
        let mut greeted = self.greeted;
        let binding = greeted.channel.binding.as_bytes();
        let last = self
            .first
            .answer(&self.challenge.scram, password, binding)?;
        let request = greeted.next_request();
        let answer = greeted.ask(&ClientMessage::LoginConfirm(LoginConfirm {
            request,
            scram: last.message().to_owned(),
            code,
        }))?;
        let ServerMessage::LoggedIn(logged_in) = answer else {
            return Err(SessionError::Protocol);
        };
        if logged_in.request != request {
            return Err(SessionError::Protocol);
        }
        last.verify(logged_in.scram.as_deref().unwrap_or_default())?;
        greeted.enter(logged_in)
    }
}
