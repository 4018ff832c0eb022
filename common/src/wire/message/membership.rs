//! What is said about rooms: which there are, who belongs to them, and what members may do.

use minicbor::{Decode, Encode};

use super::{RequestId, RoomId, Seq};

/// How a room's messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum RoomMode {
    /// The server reads and keeps the text, and logs it.
    #[n(0)]
    Audited,
    /// End-to-end encrypted. Its number is kept; this version has no such rooms.
    #[n(1)]
    Private,
}

/// Who may come into a room. Fixed when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Access {
    /// Everybody, who then may read all of it.
    #[n(0)]
    Open,
    /// Whoever was invited, who then may read what is said from there on. To everybody else there
    /// is no such room.
    #[n(1)]
    Invited,
    /// The two people it was made for.
    #[n(2)]
    Direct,
}

/// What a member may do in a room, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum RoomRole {
    /// Read, write, leave.
    #[n(0)]
    Member,
    /// And invite, set the topic, lock, and send away, mute and ban members.
    #[n(1)]
    Moderator,
    /// And make and unmake moderators.
    #[n(2)]
    Owner,
}

/// A room one is in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Room {
    /// Number of the room.
    #[n(0)]
    pub room: RoomId,
    /// Its name, with `#`.
    #[n(1)]
    pub name: String,
    /// Its topic, or nothing.
    #[n(2)]
    pub topic: String,
    /// How its messages are kept.
    #[n(3)]
    pub mode: RoomMode,
    /// The first message still kept that one may read; one above `head` when there is none.
    #[n(4)]
    pub first: Seq,
    /// The last message, 0 when there was none. What comes live begins behind it.
    #[n(5)]
    pub head: Seq,
    /// Members online.
    #[n(6)]
    pub online: u32,
    /// Who may come in.
    #[n(7)]
    pub access: Access,
    /// What one may do there.
    #[n(8)]
    pub role: RoomRole,
    /// The last message one has read, in whichever session.
    #[n(9)]
    pub read: Seq,
    /// Why only moderators may write, when that is so.
    #[n(10)]
    pub locked: Option<String>,
}

impl Room {
    /// An open, audited room in which nothing was said and nobody else is.
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
        }
    }

    /// What is so from now on.
    pub fn change(&mut self, changed: RoomChanged) {
        self.topic = changed.topic;
        self.locked = changed.locked;
    }
}

/// Asks which rooms there are, of those that one may see.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Rooms {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Only rooms after this name, in the order of the list.
    #[n(1)]
    pub after: Option<String>,
    /// At most so many, 1 to [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(2)]
    pub limit: u32,
}

/// A room as whoever may see it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RoomSummary {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its topic, or nothing.
    #[n(1)]
    pub topic: String,
    /// How its messages are kept.
    #[n(2)]
    pub mode: RoomMode,
    /// Who may come in.
    #[n(3)]
    pub access: Access,
    /// How many belong to it.
    #[n(4)]
    pub members: u32,
    /// Its number, where one is in it.
    #[n(5)]
    pub room: Option<RoomId>,
}

/// The rooms, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RoomList {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The rooms.
    #[n(1)]
    pub rooms: Vec<RoomSummary>,
    /// Whether more follow.
    #[n(2)]
    pub more: bool,
}

/// Makes a room, whose owner one is then.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Create {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Its name, with `#`.
    #[n(1)]
    pub name: String,
    /// What it is about, or nothing.
    #[n(2)]
    pub topic: String,
    /// How its messages are kept; audited is all that this version has.
    #[n(3)]
    pub mode: RoomMode,
    /// Who may come in; not [`Access::Direct`].
    #[n(4)]
    pub access: Access,
}

/// Enters a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Join {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Its name, with `#`.
    #[n(1)]
    pub name: String,
}

/// Says what a room is about.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SetTopic {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// One line, or nothing.
    #[n(2)]
    pub topic: String,
}

/// Lets somebody into a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invite {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Whom.
    #[n(2)]
    pub user: String,
}

/// Somebody lets one into a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invited {
    /// The room's name, by which one may enter it.
    #[n(1)]
    pub name: String,
    /// Who.
    #[n(2)]
    pub by: String,
}

/// Opens the conversation with somebody: a room of two, made when one of them first asks.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Direct {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// With whom.
    #[n(1)]
    pub user: String,
}

/// Asks who belongs to a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Members {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Only names after this one, in the order of the list.
    #[n(2)]
    pub after: Option<String>,
    /// At most so many, 1 to [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(3)]
    pub limit: u32,
}

/// Somebody who belongs to a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Member {
    /// Name.
    #[n(0)]
    pub user: String,
    /// What they may do there.
    #[n(1)]
    pub role: RoomRole,
    /// Whether they may not write for now.
    #[n(2)]
    pub muted: bool,
}

/// Who belongs to a room, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MemberList {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The members.
    #[n(2)]
    pub members: Vec<Member>,
    /// Whether more follow.
    #[n(3)]
    pub more: bool,
}

/// One is in a room from now on: in the session that asked, and in all others one has.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Joined {
    /// Number of the request, in the session that asked.
    #[n(0)]
    pub request: Option<RequestId>,
    /// The room, as in [`Welcome`](super::Welcome). What comes live begins behind its head.
    #[n(1)]
    pub room: Room,
}

/// What happened to a member of a room, or is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Action {
    /// Came to belong to it.
    #[n(0)]
    Join,
    /// Left it.
    #[n(1)]
    Leave,
    /// Was sent away, and may come back.
    #[n(2)]
    Kick,
    /// Was sent away for good.
    #[n(3)]
    Ban,
    /// May come back after a ban.
    #[n(4)]
    Unban,
    /// May not write for a while.
    #[n(5)]
    Mute,
    /// May write again.
    #[n(6)]
    Unmute,
    /// Is a moderator.
    #[n(7)]
    Op,
    /// Is no longer a moderator.
    #[n(8)]
    Deop,
}

/// Does something to somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Moderate {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// To whom.
    #[n(2)]
    pub user: String,
    /// What: [`Action::Kick`] or one of those below it.
    #[n(3)]
    pub action: Action,
    /// For how long, with [`Action::Mute`]; without, until it is taken back.
    #[n(4)]
    pub seconds: Option<u32>,
    /// Why, or nothing.
    #[n(5)]
    pub reason: String,
}

/// Leaves a room's word to its moderators, or gives it back to all.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lock {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Why, perhaps in no words; without, the room is unlocked.
    #[n(2)]
    pub reason: Option<String>,
}

/// One is no longer in a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Left {
    /// Number of the request, in the session that asked to leave.
    #[n(0)]
    pub request: Option<RequestId>,
    /// Which room.
    #[n(1)]
    pub room: RoomId,
    /// [`Action::Leave`], [`Action::Kick`] or [`Action::Ban`].
    #[n(2)]
    pub action: Action,
    /// Who did it.
    #[n(3)]
    pub by: String,
    /// Why, or nothing.
    #[n(4)]
    pub reason: String,
}

/// A room one is in has changed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RoomChanged {
    /// Which room.
    #[n(1)]
    pub room: RoomId,
    /// Who did it.
    #[n(2)]
    pub by: String,
    /// Its topic as it is now.
    #[n(3)]
    pub topic: String,
    /// Why only moderators may write, when that is so now.
    #[n(4)]
    pub locked: Option<String>,
}

/// Something happened to a member of a room one is in; who comes and goes is told in small rooms
/// only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Standing {
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// To whom.
    #[n(2)]
    pub user: String,
    /// What.
    #[n(3)]
    pub action: Action,
    /// Who did it.
    #[n(4)]
    pub by: String,
    /// Why, or nothing.
    #[n(5)]
    pub reason: String,
    /// What they may do there from now on.
    #[n(6)]
    pub role: RoomRole,
    /// For how long they may not write, in seconds, where it was said.
    #[n(7)]
    pub seconds: Option<u32>,
}
