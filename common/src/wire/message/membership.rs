//! Messages about rooms and memberships (docs/PROTOCOL.md, 13.8 and 13.9). Only their form; who may
//! do what is the server's to check.

use minicbor::{Decode, Encode};

use super::{RequestId, RoomId, Seq};

/// How a room's messages are kept; fixed when the room is made (docs/PROTOCOL.md, 8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum RoomMode {
    /// The server reads and keeps the text, and logs it.
    #[n(0)]
    Audited,
    /// End-to-end encrypted. The number is reserved (docs/PROTOCOL.md, 17); this version refuses to
    /// make such rooms.
    #[n(1)]
    Private,
}

/// Who may enter a room; fixed when the room is made (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Access {
    /// Everybody; who enters may read all of it.
    #[n(0)]
    Open,
    /// Invited people; a member may read what was said since they entered. To everybody else the
    /// server answers as if there were no such room.
    #[n(1)]
    Invited,
    /// The two people it was made for, and nobody else (docs/PROTOCOL.md, 13.9).
    #[n(2)]
    Direct,
}

/// What a member may do in a room. The order is that of the rights: each role has those of the ones
/// before it (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum RoomRole {
    /// May read, write and leave.
    #[n(0)]
    Member,
    /// May also invite, set the topic, lock, write in a locked room, and kick, ban and mute
    /// members.
    #[n(1)]
    Moderator,
    /// May also make moderators, unmake them, and do to them what they do to members.
    #[n(2)]
    Owner,
}

/// A room that the person is in, as the server describes it in [`Welcome`](super::Welcome) and
/// [`Joined`] (docs/PROTOCOL.md, 8.4).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Room {
    /// The room's number, which all messages about it name.
    #[n(0)]
    pub room: RoomId,
    /// The room's name with its `#`, or `@` and the other's name in a conversation of two.
    #[n(1)]
    pub name: String,
    /// One line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes; may be empty.
    #[n(2)]
    pub topic: String,
    /// Whether the server reads and logs what is said; a client shows it.
    #[n(3)]
    pub mode: RoomMode,
    /// The first message still kept that the person may read; `head` + 1 when there is none.
    #[n(4)]
    pub first: Seq,
    /// The last message, 0 when there was none. Live messages begin behind it.
    #[n(5)]
    pub head: Seq,
    /// Members online now.
    #[n(6)]
    pub online: u32,
    /// Who may enter.
    #[n(7)]
    pub access: Access,
    /// The person's own role.
    #[n(8)]
    pub role: RoomRole,
    /// The last message the person has read in any of their sessions, 0 for none (docs/PROTOCOL.md,
    /// 13.10).
    #[n(9)]
    pub read: Seq,
    /// Why only moderators may write, perhaps empty; `None` when all members may.
    #[n(10)]
    pub locked: Option<String>,
    /// Why the room is archived, perhaps empty: nobody writes there or enters any more. `None` for
    /// a room that is open. Where it is archived, `locked` says so to older clients.
    #[n(11)]
    pub archived: Option<String>,
    /// The last message that was in this room when the history began, where it has a predecessor
    /// (see [`Welcome::predecessor`](super::Welcome::predecessor)).
    #[n(12)]
    pub kept: Option<Seq>,
}

impl Room {
    /// An open, audited room without messages, with nobody else online.
    #[must_use]
    pub fn new(room: RoomId, name: &str) -> Self {
        Self {
            room,
            name: name.to_owned(),
            topic: String::new(),
            mode: RoomMode::Audited,
            first: 1,
            head: 0,
            online: 1,
            access: Access::Open,
            role: RoomRole::Member,
            read: 0,
            locked: None,
            archived: None,
            kept: None,
        }
    }

    /// Takes over what has changed.
    pub fn change(&mut self, changed: RoomChanged) {
        // Names every key, so that a new one is not forgotten.
        let RoomChanged {
            room: _,
            by: _,
            topic,
            locked,
            archived,
        } = changed;
        self.topic = topic;
        self.locked = locked;
        self.archived = archived;
    }
}

/// From the client: asks for the rooms the person may know of, conversations of two apart. Answered
/// by [`RoomList`] (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Rooms {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// Only rooms whose names come after this one, the last of the page before; `None` for the
    /// first page.
    #[n(1)]
    pub after: Option<String>,
    /// At most so many, 1 to [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(2)]
    pub limit: u32,
}

/// A room in a [`RoomList`], whether or not the person is in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RoomSummary {
    /// The room's name with its `#`.
    #[n(0)]
    pub name: String,
    /// One line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes; may be empty.
    #[n(1)]
    pub topic: String,
    /// How the room's messages are kept.
    #[n(2)]
    pub mode: RoomMode,
    /// Who may enter; never [`Access::Direct`].
    #[n(3)]
    pub access: Access,
    /// People who belong to the room, online or not.
    #[n(4)]
    pub members: u32,
    /// The room's number, only where the person is in it.
    #[n(5)]
    pub room: Option<RoomId>,
}

/// From the server, answers [`Rooms`]: a page in the order of the names in lower case (ASCII),
/// bytewise.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RoomList {
    /// That of the request answered.
    #[n(0)]
    pub request: RequestId,
    /// At most [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(1)]
    pub rooms: Vec<RoomSummary>,
    /// Whether there are more behind the last of these.
    #[n(2)]
    pub more: bool,
}

/// From the client: makes a room, whose owner the person is. Answered by [`Joined`]
/// (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Create {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// `#` and 1 to 32 bytes. The server adds the maker's name to that of an invited room
    /// (`#ops~alice`).
    #[n(1)]
    pub name: String,
    /// One line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes; may be empty.
    #[n(2)]
    pub topic: String,
    /// [`RoomMode::Audited`]; this version refuses [`RoomMode::Private`].
    #[n(3)]
    pub mode: RoomMode,
    /// [`Access::Open`] or [`Access::Invited`].
    #[n(4)]
    pub access: Access,
}

/// From the client: enters a room, or asks for its description again where the person is in it.
/// Answered by [`Joined`] (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Join {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's whole name with its `#`; ASCII letters without case.
    #[n(1)]
    pub name: String,
}

/// From a moderator's client: sets a room's topic. Answered by `done`; members get [`RoomChanged`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SetTopic {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// One line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes; empty for no topic.
    #[n(2)]
    pub topic: String,
}

/// From a moderator's client: invites a person into a room; good once, until it is used. Answered
/// by `done`; the person gets [`Invited`] (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invite {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// Name of the person invited.
    #[n(2)]
    pub user: String,
}

/// From the server, to all sessions of an invited person. Left out for a session that has fallen
/// behind (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invited {
    /// The room's name with its `#`, for [`Join`].
    #[n(1)]
    pub name: String,
    /// Name of the person who invites.
    #[n(2)]
    pub by: String,
}

/// From the client: opens the conversation with a person, which is a room made when one of the two
/// first asks. Answered by [`Joined`] (docs/PROTOCOL.md, 13.9).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Direct {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// Name of the other person; not one's own.
    #[n(1)]
    pub user: String,
}

/// From the client: asks who belongs to a room that the person is in. Answered by [`MemberList`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Members {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// Only names after this one, the last of the page before; `None` for the first page.
    #[n(2)]
    pub after: Option<String>,
    /// At most so many, 1 to [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(3)]
    pub limit: u32,
}

/// A member in a [`MemberList`], online or not.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Member {
    /// Name, as it was registered.
    #[n(0)]
    pub user: String,
    /// The member's role in this room.
    #[n(1)]
    pub role: RoomRole,
    /// Whether a mute keeps the member from writing now.
    #[n(2)]
    pub muted: bool,
}

/// From the server, answers [`Members`]: a page in the order of the names in lower case (ASCII),
/// bytewise.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MemberList {
    /// That of the request answered.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// At most [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(2)]
    pub members: Vec<Member>,
    /// Whether there are more behind the last of these.
    #[n(3)]
    pub more: bool,
}

/// From the server, to all sessions of the person: they are in a room from now on. Ordered with the
/// room's messages; answers [`Create`], [`Join`] and [`Direct`] (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Joined {
    /// That of the request, only in the session that asked.
    #[n(0)]
    pub request: Option<RequestId>,
    /// As in [`Welcome`](super::Welcome). Live messages begin behind its head.
    #[n(1)]
    pub room: Room,
}

/// From a moderator's client: lets only moderators write in a room, or all members again. Answered
/// by `done`; members get [`RoomChanged`] (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lock {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// The reason, one line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes, may be empty;
    /// `None` unlocks the room.
    #[n(2)]
    pub reason: Option<String>,
}

/// From the server, to a room's members: topic, lock and archive as they are now, all of them even
/// where only one changed (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RoomChanged {
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// Name of the person who did it.
    #[n(2)]
    pub by: String,
    /// One line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes; may be empty.
    #[n(3)]
    pub topic: String,
    /// Why only moderators may write, perhaps empty; `None` when all members may.
    #[n(4)]
    pub locked: Option<String>,
    /// Why the room is archived, perhaps empty; `None` where it is open.
    #[n(5)]
    pub archived: Option<String>,
}

/// From an owner's client: archives a room, which from then on is only read, or opens it again.
/// Answered by `done`; members get [`RoomChanged`] (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Archive {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// The reason, one line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes, may be empty;
    /// `None` opens the room again.
    #[n(2)]
    pub reason: Option<String>,
}

/// Takes a conversation of two out of one's own list, in all of one's sessions, until somebody speaks
/// there. Answered by [`Left`](super::Left) (docs/PROTOCOL.md, 13.9).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hide {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The conversation's number.
    #[n(1)]
    pub room: RoomId,
    /// The last message that the client knows of. One that the other said behind it is not
    /// hidden unseen: the request is refused.
    #[n(2)]
    pub seen: Seq,
}
