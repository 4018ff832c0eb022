//! The jobs of the journal's queue, what they carry, and the limits that hold for them.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::config::Config;
use chatbox_common::crypto::record::Sealer;
use chatbox_common::name::{RoomName, UserName};
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::message::{
    Access, AccountId, Bye, Capabilities, Follow, Kind, Limits, MessageId, Read, RequestId, RoomId,
    Seq,
};

use crate::delivery::{Backpressure, InFlight};
use crate::event::{Person, SessionId};
use crate::operator::{Operator, OperatorAction, OperatorRefusal};
use crate::store::{Credentials, RecoveryHash, RoomSetting, StoreError, TokenId};

/// How long a full login may be continued by resuming, in seconds: 12 hours.
pub const TOKEN_SECONDS: u32 = 12 * 3600;
/// After so many wrong codes since the last login, only a recovery code is accepted.
pub const MAX_WRONG_CODES: u32 = 20;
/// Jobs the queue holds. When it is full, the thread that sends one waits, and so its peer does.
pub(super) const QUEUE: usize = 1024;
/// How often the journal's thread looks at the disk and at chat.log, with or without jobs.
pub(super) const TICK: Duration = Duration::from_millis(250);

pub(super) const NOT_KEPT: &str =
    "the server can't store anything just now; the message was not kept";
pub const LOGGED_OUT: &str = "you are logged out: all your sessions or this one were ended, or your \
                              password or second factor was changed in another one";

/// The database could not be written; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server can't store anything just now; try again")]
pub struct Unavailable;

pub struct Post {
    pub session: SessionId,
    /// Counts a refusal. Acknowledgements behind a commit are not counted.
    pub backpressure: Arc<Backpressure>,
    pub request: RequestId,
    pub room: RoomId,
    /// Chosen by the client, and the same when it sends the message again.
    pub id: MessageId,
    /// In the form that `commands` has checked.
    pub text: String,
    pub kind: Kind,
}

/// A resume token as the database keeps it.
pub struct Token {
    pub id: TokenId,
    /// SHA-256 of the token.
    pub hash: Secret<32>,
}

pub struct Registration {
    pub user: UserName,
    /// Of the password.
    pub verifier: SecretString,
    /// Not sealed yet: the seal covers the account's number.
    pub totp: TotpSecret,
    /// Of the code that confirmed it, which is spent.
    pub step: u64,
    pub recovery: Vec<RecoveryHash>,
    /// Of the session that begins with it.
    pub token: Token,
}

/// What a login uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spend {
    /// Of the TOTP secret. All steps before it are spent as well.
    Step(u64),
    Recovery(RecoveryHash),
}

impl Spend {
    /// As credentials.log has it.
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
    pub account: AccountId,
    /// What the proofs were checked against: it must still hold at the commit.
    pub judged_by: Credentials,
    pub spend: Spend,
    /// Of the session that begins with it.
    pub token: Token,
}

/// A resume whose proof was right.
pub struct ResumeUse {
    pub used: TokenId,
    pub successor: Token,
}

/// A change of one's own account whose proofs were right.
pub struct Change {
    pub account: AccountId,
    /// The session that asks. Where other sessions end, it stays.
    pub session: SessionId,
    /// What the proofs were checked against: it must still hold at the commit.
    pub judged_by: Credentials,
    pub part: Part,
}

pub enum Part {
    /// Spends a code, and allows a [`Part::Factor`] to follow.
    Code(Spend),
    Password {
        spend: Spend,
        /// Of the new password.
        verifier: SecretString,
        /// Of the session that stays, whose [`TOKEN_SECONDS`] begin anew.
        successor: Token,
    },
    RecoveryCodes(Spend, Vec<RecoveryHash>),
    /// The TOTP secret and the recovery codes, behind a [`Part::Code`].
    Factor {
        /// Not sealed yet.
        totp: TotpSecret,
        /// Of the code that confirmed it, which is spent.
        step: u64,
        recovery: Vec<RecoveryHash>,
        /// The token of the session that stays.
        used: TokenId,
        /// Expires when `used` would have.
        successor: Token,
    },
}

impl Part {
    /// `None` for [`Part::Factor`]: its [`Part::Code`] has spent one.
    pub(super) const fn spend(&self) -> Option<Spend> {
        match self {
            Self::Code(spend) | Self::RecoveryCodes(spend, _) | Self::Password { spend, .. } => {
                Some(*spend)
            }
            Self::Factor { .. } => None,
        }
    }
}

/// The outcome of a registration, login, resume or change.
#[derive(Debug)]
pub struct Granted {
    pub person: Person,
    /// Wrong codes after a right password since the last login.
    pub wrong_codes: u32,
    /// Recovery codes that are left, where this login has spent one.
    pub recovery_left: Option<u32>,
    /// How long the token can be used; 0 for a change that gives none.
    pub token_seconds: u32,
    /// Log-outs of accounts in this run up to here. When the person's account is logged out later,
    /// and before the session begins, the journal turns the session away.
    pub after: u64,
}

/// A session to begin, with everything that its delivery thread takes over.
pub struct Begin {
    pub session: SessionId,
    pub person: Person,
    /// The peer's.
    pub address: SocketAddr,
    pub socket: Arc<TcpStream>,
    /// Sealed records that are sent before everything else.
    pub greeting: Vec<u8>,
    pub sealer: Sealer,
    pub backpressure: Arc<Backpressure>,
    /// [`Granted::after`] of its login.
    pub after: u64,
    /// By which it can be resumed.
    pub token: TokenId,
    /// What its client announced at the login.
    pub capabilities: Capabilities,
    /// As the welcome tells them.
    pub limits: Limits,
    /// Called before the welcome is sent, and not where the session is turned away.
    pub begun: Box<dyn Fn() + Send>,
}

/// What a member does with rooms, or with what they see of others.
pub struct RoomRequest {
    pub session: SessionId,
    /// Counts the answer.
    pub in_flight: InFlight,
    pub id: RequestId,
    pub action: RoomAction,
}

/// The form of every text was checked by `commands`.
pub enum RoomAction {
    Create {
        /// Without a maker, whose name the journal appends where the room needs an invitation.
        name: RoomName,
        /// May be empty.
        topic: String,
        access: Access,
    },
    Join(RoomName),
    /// Opens the room of two with this person, and makes it if need be.
    Direct(UserName),
    /// Takes a room of two out of one's list, of which one has seen the messages up to this one.
    Hide(RoomId, Seq),
    Leave(RoomId),
    Set(RoomId, RoomSetting),
    Invite(RoomId, UserName),
    /// `false` ends it.
    Ignore(UserName, bool),
    Moderate {
        room: RoomId,
        user: UserName,
        action: ModeratorAction,
        /// May be empty.
        reason: String,
    },
}

/// The actions of the wire's `Action` that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeratorAction {
    /// Ends the membership; the person may enter again.
    Kick,
    /// Ends the membership; the person may not enter until [`ModeratorAction::Unban`].
    Ban,
    Unban,
    /// The person may read and not write.
    Mute {
        /// `None` is until [`ModeratorAction::Unmute`].
        seconds: Option<u32>,
    },
    Unmute,
    /// Makes a member a moderator.
    Op,
    /// Makes a moderator a member.
    Deop,
}

impl ModeratorAction {
    pub(super) const fn seconds(self) -> Option<u32> {
        match self {
            Self::Mute { seconds } => seconds,
            Self::Kick | Self::Ban | Self::Unban | Self::Unmute | Self::Op | Self::Deop => None,
        }
    }
}

/// A session wants a room's live messages again.
pub struct FollowRequest {
    pub session: SessionId,
    pub in_flight: InFlight,
    pub follow: Follow,
}

pub struct HasRead {
    pub session: SessionId,
    /// Counts a refusal; success has no answer.
    pub in_flight: InFlight,
    pub read: Read,
}

/// How many rooms there may be, rooms of two not counted.
#[derive(Debug, Clone, Copy)]
pub struct RoomLimits {
    pub rooms: u64,
    /// Made by one account.
    pub rooms_per_person: u64,
}

impl RoomLimits {
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            rooms: config.limits.rooms.into(),
            rooms_per_person: config.limits.rooms_per_person.into(),
        }
    }
}

/// A session to end.
pub struct Ended {
    pub session: SessionId,
    /// Without a goodbye of the peer; the person may resume.
    pub cut_off: bool,
    /// `None` when the peer does not listen any more.
    pub bye: Option<Bye>,
}

/// What the operator does while the server runs.
pub struct OperatorRequest {
    pub operator: Operator,
    pub action: OperatorAction,
}

/// Why the operator's act was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error(transparent)]
    Refused(#[from] OperatorRefusal),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the server is stopping")]
    Stopping,
}

/// What can change while the journal runs.
#[derive(Debug, Clone, Copy)]
pub struct JournalSettings {
    pub rooms: RoomLimits,
    /// Bytes that are to stay free on the disks.
    pub min_free: u64,
}

/// What the journal has in memory, and on its disks.
#[derive(Debug, Clone)]
pub struct Figures {
    pub sessions: usize,
    pub rooms: usize,
    /// The number of the last message that was committed, in all rooms.
    pub last_row: u64,
    /// Bytes, on the fuller of the disks.
    pub free: u64,
    /// What keeps it from its work, a sentence each.
    pub problems: Vec<String>,
}

pub(super) type ReplySender<T> = SyncSender<Result<T, Unavailable>>;

/// A request that a session's thread waits for, and that shares the messages' transaction.
pub(super) enum AuthRequest {
    Register(Registration),
    LogIn(LogIn),
    Resume(ResumeUse),
    Change(Change),
    LogOut(AccountId),
}

/// For the table `ONLINE`, which is written behind.
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
    Follow(FollowRequest),
    Read(HasRead),
    Operator(
        Box<OperatorRequest>,
        SyncSender<Result<String, OperatorError>>,
    ),
    /// A line for everybody who is online.
    Announce(String, SyncSender<usize>),
    /// Takes new settings, and opens chat.log anew where it was moved.
    Reload(JournalSettings, SyncSender<bool>),
    Figures(SyncSender<Figures>),
    Stop,
}

impl Job {
    /// Whether somebody asks for a change of rooms, members or accounts, which no later message may
    /// overtake.
    pub(super) const fn is_request(&self) -> bool {
        matches!(self, Self::RoomRequest(_) | Self::Operator(..))
    }
}
