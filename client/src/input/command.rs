//! What a typed command is: the command and its checked arguments.

use chatbox_common::wire::message::{
    Archive, ClientMessage, FactorPart, Lock, RequestId, RoomId, Seq,
};

use super::when::When;

/// Messages that `/history` shows where no count is typed.
pub const DEFAULT_HISTORY: u16 = 20;

pub const MAX_HISTORY: u16 = 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The current room.
    Here,
    /// A name with its `#`, or `@` and a person's, not checked further.
    Room(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberAction {
    Kick,
    Ban,
    Unban,
    /// For so many seconds, or until `/unmute`.
    Mute(Option<u32>),
    Unmute,
    Op,
    Deop,
}

/// What a moderator or the owner may change about a room (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomOrder {
    /// The reason, which may be empty; `None` unlocks.
    Lock(Option<String>),
    /// The reason, which may be empty; `None` opens the room again.
    Archive(Option<String>),
}

impl RoomOrder {
    #[must_use]
    pub fn into_message(self, request: RequestId, room: RoomId) -> ClientMessage {
        match self {
            Self::Lock(reason) => ClientMessage::Lock(Lock {
                request,
                room,
                reason,
            }),
            Self::Archive(reason) => ClientMessage::Archive(Archive {
                request,
                room,
                reason,
            }),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// On the command of this name, or on all ([`help`](super::help)).
    Help(Option<&'static str>),
    /// The people online.
    List,
    /// The session's suite, keys and server.
    Info,
    /// 1 to [`MAX_HISTORY`] messages before a moment, or before the oldest one shown.
    History {
        count: u16,
        before: Option<When>,
    },
    /// A message that is shown folded, by its number.
    Unfold(Target, Seq),
    /// `None` for older messages of the last search.
    Search(Option<String>),
    WhoAmI,
    /// Those that the person may know of, not only those they are in.
    Rooms,
    Create {
        name: String,
        topic: String,
        invited: bool,
    },
    /// Makes it the current room, too.
    Join(String),
    /// A person, and a text for them alone; an empty text makes the conversation the current room.
    Direct(String, String),
    /// An action (docs/PROTOCOL.md, 13.3).
    Me(String),
    Whois(String),
    /// `None` shows who is ignored.
    Ignore(Option<String>),
    Unignore(String),
    Leave(Target),
    /// A conversation, out of the person's list until somebody speaks there.
    Close(Target),
    /// `None` shows the topic, an empty one removes it.
    Topic(Target, Option<String>),
    Invite(Target, String),
    Members(Target),
    Member {
        room: Target,
        user: String,
        action: MemberAction,
        reason: String,
    },
    InRoom(Target, RoomOrder),
    /// The person's own sessions.
    Sessions,
    /// Ends all sessions of the account, this one included.
    LogOut,
    Password,
    Factor(FactorPart),
    Clear,
    Quit,
}

/// Wrong arguments; the person is shown the row's usage.
pub(super) struct Misuse;
