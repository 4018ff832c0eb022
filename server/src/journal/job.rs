//! What the journal is asked for: every request, what it carries, and the limits that hold for it.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::crypto::record::Sealer;
use chatbox_common::name::{RoomName, UserName};
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::message::{
    Access, AccountId, Bye, Follow, Kind, Limits, MessageId, Read, RequestId, RoomId,
};

use crate::delivery::Backpressure;
use crate::event::{Person, SessionId};
use crate::store::{Credentials, RecoveryHash, RoomSetting, TokenId};

/// How long a full login may be continued by resuming, in seconds: 12 hours.
pub const TOKEN_SECONDS: u32 = 12 * 3600;
/// After so many wrong codes since the last login only a recovery code is taken.
pub const MAX_WRONG_CODES: u32 = 20;
/// Jobs the queue holds; a sender waits when it is full, and with it the peer that sends.
pub(super) const QUEUE: usize = 1024;
/// How often the thread looks at the disk, and after itself when nothing happens.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// What a message is told that could not be kept.
pub(super) const NOT_KEPT: &str =
    "the server can't store anything just now; the message was not kept";
/// What a session is told whose account was logged out.
pub const LOGGED_OUT: &str = "you are logged out: all your sessions were ended, or your password \
                              or second factor was changed in another one";

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

/// A change of one's own account whose proofs were right.
pub struct Change {
    /// Whose.
    pub account: AccountId,
    /// The session that asks. Where other sessions end, it stays.
    pub session: SessionId,
    /// What the proofs were judged by.
    pub judged_by: Credentials,
    /// What.
    pub part: Part,
}

/// See [`Change`].
pub enum Part {
    /// Nothing yet: a code is used up for what is to follow.
    Code(Spend),
    /// The password.
    Password {
        /// What it uses up.
        spend: Spend,
        /// The new password's verifier.
        verifier: SecretString,
        /// The token of the session that stays, whose login counts from now on.
        successor: Token,
    },
    /// The recovery codes.
    RecoveryCodes(Spend, Vec<RecoveryHash>),
    /// The TOTP secret and the recovery codes, behind a [`Part::Code`].
    Factor {
        /// The secret, not sealed yet.
        totp: TotpSecret,
        /// The step of its first code, which is spent by it.
        step: u64,
        /// The hashes of the recovery codes.
        recovery: Vec<RecoveryHash>,
        /// The token that the session had which stays.
        used: TokenId,
        /// The one that follows it, and ends when it would have.
        successor: Token,
    },
}

impl Part {
    /// What it uses up, where that was not done before.
    pub(super) const fn spend(&self) -> Option<Spend> {
        match self {
            Self::Code(spend) | Self::RecoveryCodes(spend, _) | Self::Password { spend, .. } => {
                Some(*spend)
            }
            Self::Factor { .. } => None,
        }
    }
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
    /// Changes something about a room.
    Set(RoomId, RoomSetting),
    /// Lets somebody into a room.
    Invite(RoomId, UserName),
    /// Does not want to see somebody, or wants to again.
    Ignore(UserName, bool),
    /// Does something to somebody.
    Moderate {
        /// Where.
        room: RoomId,
        /// To whom.
        user: UserName,
        /// What.
        action: ModeratorAction,
        /// Why; may be empty.
        reason: String,
    },
}

/// What can be done to somebody in a room: of the wire's `Action` that which can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeratorAction {
    /// Sends them away; they may come back.
    Kick,
    /// Sends them away for good.
    Ban,
    /// Takes a ban back.
    Unban,
    /// Lets them read and not write.
    Mute {
        /// For how long; without, until it is taken back.
        seconds: Option<u32>,
    },
    /// Takes a mute back.
    Unmute,
    /// Makes them a moderator.
    Op,
    /// Makes them a member like others again.
    Deop,
}

impl ModeratorAction {
    /// For how long, where that was said.
    pub(super) const fn seconds(self) -> Option<u32> {
        match self {
            Self::Mute { seconds } => seconds,
            Self::Kick | Self::Ban | Self::Unban | Self::Unmute | Self::Op | Self::Deop => None,
        }
    }
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

pub(super) type ReplySender<T> = SyncSender<Result<T, Unavailable>>;

/// A job that somebody waits for, and that shares the messages' transaction.
pub(super) enum AuthRequest {
    Register(Registration),
    LogIn(LogIn),
    Resume(ResumeUse),
    Change(Change),
    LogOut(AccountId),
}

/// A connection that was accepted or has ended: for the ONLINE table, which is written behind.
pub(super) enum ConnectionEvent {
    Accepted(SessionId, SocketAddr),
    Ended(SessionId),
}

pub(super) enum Job {
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
