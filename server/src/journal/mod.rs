//! The one writer of the database, and the one order of everything in a room.
//!
//! Whatever writes is a job in one queue. The thread behind it takes what waits, commits it as
//! one transaction, writes chat.log, and only then lets anybody see it: acknowledgements and
//! messages go to the delivery threads in the order of their numbers. Sessions begin and end
//! between two batches, so a join can't race a delivery.
//!
//! Below it: the store, the delivery threads, the audit files. It knows no socket but to pass
//! one on, and never sees the table of connections.

mod account;
#[cfg(test)]
mod account_tests;
mod accounts;
mod actions;
mod batch;
mod chat_log;
mod commit;
mod index;
mod people;
mod publish;
mod rooms;
mod sessions;
mod writer;

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::crypto::record::Sealer;
use chatbox_common::name::{RoomName, UserName};
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::message::{
    AccountId, Action, Bye, Follow, Kind, Limits, MessageId, Read, RequestId, RoomId,
};

use crate::delivery::Backpressure;
use crate::event::{Person, SessionId};
pub use crate::store::Access;
use crate::store::{Credentials, RecoveryHash, TokenId};
pub use account::{Change, LOGGED_OUT, Part};
pub use chat_log::{AuditedChat, ChatSync};
pub use writer::{Parts, start};

/// How long a full login may be continued by resuming, in seconds: 12 hours.
pub const TOKEN_SECONDS: u32 = 12 * 3600;
/// After so many wrong codes since the last login only a recovery code is taken.
pub const MAX_WRONG_CODES: u32 = 20;
/// Jobs the queue holds; a sender waits when it is full, and with it the peer that sends.
const QUEUE: usize = 1024;

/// The database can't be written just now; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server can't store anything just now; try again")]
pub struct Unavailable;

/// A message to be committed.
pub struct Post {
    /// Whose session.
    pub session: SessionId,
    /// What the session's own thread and its delivery thread share: it counts the refusal.
    pub backpressure: Arc<Backpressure>,
    /// Its request.
    pub request: RequestId,
    /// Where.
    pub room: RoomId,
    /// The client's name for the message.
    pub id: MessageId,
    /// What; its form was checked.
    pub text: String,
    /// Whether it is said or done.
    pub kind: Kind,
}

/// A resume token as the database keeps it.
pub struct Token {
    /// Its name.
    pub id: TokenId,
    /// SHA-256 of the token.
    pub hash: Secret<32>,
}

/// An account to be made.
pub struct Registration {
    /// Its name.
    pub user: UserName,
    /// Its password's verifier.
    pub verifier: SecretString,
    /// Its second factor, not sealed yet: the seal covers the account's number.
    pub totp: TotpSecret,
    /// The step of the first code, which is spent by it.
    pub step: u64,
    /// The hashes of its recovery codes.
    pub recovery: Vec<RecoveryHash>,
    /// The token of the session that begins with it.
    pub token: Token,
}

/// What a login uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spend {
    /// A step of the TOTP secret, and all before it.
    Step(u64),
    /// A recovery code.
    Recovery(RecoveryHash),
}

impl Spend {
    /// A word for the log.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Step(_) => "totp",
            Self::Recovery(_) => "recovery",
        }
    }
}

/// A login whose proofs were right.
pub struct LogIn {
    /// Whose.
    pub account: AccountId,
    /// What the proofs were judged by.
    pub judged_by: Credentials,
    /// What it uses up.
    pub spend: Spend,
    /// The token of the session that begins with it.
    pub token: Token,
}

/// A resume whose proof was right.
pub struct ResumeUse {
    /// The token that was shown.
    pub used: TokenId,
    /// The one that follows it.
    pub successor: Token,
}

/// What a registration, login, resume or change gave.
#[derive(Debug)]
pub struct Granted {
    /// Who.
    pub person: Person,
    /// Wrong codes after a right password since the last login.
    pub wrong_codes: u32,
    /// How long the token can be used, in seconds.
    pub token_seconds: u32,
    /// How often an account had been logged out before: who was let in before theirs was, and
    /// begins a session behind it, is turned away.
    pub after: u64,
}

/// A session to begin: everything its delivery thread takes over.
pub struct Begin {
    /// Its number.
    pub session: SessionId,
    /// Whose.
    pub person: Person,
    /// Where from.
    pub address: SocketAddr,
    /// Its socket.
    pub socket: Arc<TcpStream>,
    /// Sealed records that go before everything else.
    pub greeting: Vec<u8>,
    /// Its sending direction.
    pub sealer: Sealer,
    /// What it shares with its own thread.
    pub backpressure: Arc<Backpressure>,
    /// [`Granted::after`] of its login.
    pub after: u64,
    /// What the welcome says of limits.
    pub limits: Limits,
}

/// What a member does with rooms, or with what they see of others.
pub struct RoomRequest {
    /// Whose session.
    pub session: SessionId,
    /// What it shares with its own thread: it counts the answer.
    pub backpressure: Arc<Backpressure>,
    /// Its request.
    pub id: RequestId,
    /// What.
    pub action: RoomAction,
}

/// See [`RoomRequest`]. The form of every text was checked.
pub enum RoomAction {
    /// Makes a room.
    Create {
        /// Its name; one that needs an invitation gets its maker's name behind it.
        name: RoomName,
        /// What it is about; may be empty.
        topic: String,
        /// Who may come in.
        access: Access,
    },
    /// Enters a room.
    Join(RoomName),
    /// Opens the conversation with somebody.
    Direct(UserName),
    /// Leaves a room.
    Leave(RoomId),
    /// Says what a room is about.
    Topic(RoomId, String),
    /// Lets somebody into a room.
    Invite(RoomId, UserName),
    /// Leaves a room's word to its moderators, for a reason, or gives it back to all.
    Lock(RoomId, Option<String>),
    /// Does not want to see somebody, or wants to again.
    Ignore(UserName, bool),
    /// Does something to somebody.
    Moderate {
        /// Where.
        room: RoomId,
        /// To whom.
        user: UserName,
        /// What.
        action: Action,
        /// For how long.
        seconds: Option<u32>,
        /// Why; may be empty.
        reason: String,
    },
}

/// How far somebody has read.
pub struct HasRead {
    /// In which session.
    pub session: SessionId,
    /// What it shares with its own thread: it counts a refusal.
    pub backpressure: Arc<Backpressure>,
    /// What.
    pub read: Read,
}

/// How many rooms there may be, rooms of two apart.
#[derive(Debug, Clone, Copy)]
pub struct RoomLimits {
    /// In all.
    pub rooms: u64,
    /// Made by one person.
    pub rooms_per_person: u64,
}

/// A session to end.
pub struct Ended {
    /// Its number.
    pub session: SessionId,
    /// Whether it ended without a goodbye of the peer.
    pub cut_off: bool,
    /// What to tell the peer, where it still listens.
    pub bye: Option<Bye>,
}

type ReplySender<T> = SyncSender<Result<T, Unavailable>>;

/// A job that somebody waits for, and that shares the messages' transaction.
enum AuthRequest {
    Register(Registration),
    LogIn(LogIn),
    Resume(ResumeUse),
    Change(Change),
    LogOut(AccountId),
}

/// A connection that was accepted or has ended: for the ONLINE table, which is written behind.
enum ConnectionEvent {
    Accepted(SessionId, SocketAddr),
    Ended(SessionId),
}

enum Job {
    Post(Post),
    Auth(Box<AuthRequest>, ReplySender<Option<Granted>>),
    WrongCode(Option<AccountId>),
    Revoke(TokenId),
    Begin(Box<Begin>),
    RoomRequest(Box<RoomRequest>),
    End(Ended),
    Follow(SessionId, Follow),
    Read(HasRead),
    Stop,
}

fn connection_events(of: &Mutex<Vec<ConnectionEvent>>) -> MutexGuard<'_, Vec<ConnectionEvent>> {
    // A list is whole at every step.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The way to the journal. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    queue: SyncSender<Job>,
    /// Not jobs: strangers, who come and go as they like, wake nobody.
    connection_events: Arc<Mutex<Vec<ConnectionEvent>>>,
}

impl Journal {
    fn send(&self, job: Job) {
        if self.queue.send(job).is_err() {
            log::error!("the journal has ended; a job is lost");
        }
    }

    /// Queues a message. Waits while the queue is full; the answer goes to the session.
    pub fn post(&self, post: Post) {
        self.send(Job::Post(post));
    }

    fn auth(&self, request: AuthRequest) -> Result<Option<Granted>, Unavailable> {
        let (answer, done) = mpsc::sync_channel(1);
        self.send(Job::Auth(Box::new(request), answer));
        done.recv().unwrap_or(Err(Unavailable))
    }

    /// Makes an account; `None` when its name was taken meanwhile.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn register(&self, registration: Registration) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Register(registration))
    }

    /// Completes a login; `None` when what it would spend is spent, what it was judged by no longer
    /// holds, or the account was disabled.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn log_in(&self, log_in: LogIn) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::LogIn(log_in))
    }

    /// Completes a resume; `None` when the token is no longer good.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn resume(&self, resume: ResumeUse) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Resume(resume))
    }

    /// Notes a failed login: with the account whose code was wrong after a right password, or
    /// without one. Nobody waits for it, so the two take the same time.
    pub fn login_failed(&self, wrong_code: Option<AccountId>) {
        self.send(Job::WrongCode(wrong_code));
    }

    /// Ends the family of a resume token: its owner said goodbye.
    pub fn revoke(&self, token: TokenId) {
        self.send(Job::Revoke(token));
    }

    /// Begins a session: its requests wait ([`Backpressure`]) until its welcome is on the way, or a
    /// goodbye in its place where the database can't be read.
    pub fn begin(&self, begin: Begin) {
        self.send(Job::Begin(Box::new(begin)));
    }

    /// Passes a request to follow on to the session's delivery thread, behind everything committed:
    /// who has read a page of it must not be ahead of what delivery knows.
    pub fn follow(&self, session: SessionId, follow: Follow) {
        self.send(Job::Follow(session, follow));
    }

    /// Notes how far somebody has read, behind everything committed; only a refusal is answered.
    pub fn read(&self, read: HasRead) {
        self.send(Job::Read(read));
    }

    /// Has something done with rooms; the answer goes to the session.
    pub fn room_request(&self, request: RoomRequest) {
        self.send(Job::RoomRequest(Box::new(request)));
    }

    /// Ends a session, behind everything that it sent.
    pub fn end(&self, ended: Ended) {
        self.send(Job::End(ended));
    }

    /// A connection was accepted.
    pub fn connection_accepted(&self, connection: SessionId, address: SocketAddr) {
        connection_events(&self.connection_events)
            .push(ConnectionEvent::Accepted(connection, address));
    }

    /// A connection has ended.
    pub fn connection_ended(&self, connection: SessionId) {
        connection_events(&self.connection_events).push(ConnectionEvent::Ended(connection));
    }

    /// Commits what is queued, and ends the thread.
    pub fn stop(&self) {
        self.send(Job::Stop);
    }
}
