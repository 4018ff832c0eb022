//! Messages about what members do to one another (docs/PROTOCOL.md, 13.8). Only their form; who may
//! do what is the server's to check.

use minicbor::{Decode, Encode};

use super::{RequestId, RoomId, RoomRole};

/// What was done to a member, in [`Standing`] and [`Left`]; from [`Action::Kick`] on also what
/// [`Moderate`] asks for (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Action {
    /// Entered the room.
    #[n(0)]
    Join,
    /// Left the room.
    #[n(1)]
    Leave,
    /// Was put out of the room, and may enter it again; an invited room only with another
    /// invitation.
    #[n(2)]
    Kick,
    /// Was put out of the room, and may not enter it before [`Action::Unban`]. Ends an invitation,
    /// too.
    #[n(3)]
    Ban,
    /// May enter again after a ban.
    #[n(4)]
    Unban,
    /// May not write, until the mute ends or is taken back, also after leaving and returning. A new
    /// mute replaces the old one.
    #[n(5)]
    Mute,
    /// May write again before the mute's end.
    #[n(6)]
    Unmute,
    /// Is a moderator from now on.
    #[n(7)]
    Op,
    /// Is a member again, no longer a moderator.
    #[n(8)]
    Deop,
}

/// From the client of a moderator, an owner or an administrator: does something to a person in a
/// room. Answered by `done`; members get [`Standing`] (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Moderate {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// Name of the person it is done to.
    #[n(2)]
    pub user: String,
    /// [`Action::Kick`] or one below it; the server refuses the two above.
    #[n(3)]
    pub action: Action,
    /// Only with [`Action::Mute`]: 1 to [`MAX_MUTE`](crate::limits::MAX_MUTE). `None` mutes until
    /// [`Action::Unmute`].
    #[n(4)]
    pub seconds: Option<u32>,
    /// One line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes; may be empty.
    #[n(5)]
    pub reason: String,
}

/// From the server, to all sessions of the person: they are no longer in a room, and nothing more
/// of it comes. Ordered with the room's messages; answers `leave` (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Left {
    /// That of the request, only in the session that asked to leave.
    #[n(0)]
    pub request: Option<RequestId>,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// [`Action::Leave`], [`Action::Kick`] or [`Action::Ban`].
    #[n(2)]
    pub action: Action,
    /// Name of the person who did it.
    #[n(3)]
    pub by: String,
    /// One line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes; may be empty.
    #[n(4)]
    pub reason: String,
}

/// From the server, to a room's members, the one concerned among them: what was done to a member.
/// [`Action::Join`] and [`Action::Leave`] come only in rooms of at most 200 members
/// (docs/PROTOCOL.md, 13.8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Standing {
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// Name of the person it was done to.
    #[n(2)]
    pub user: String,
    /// Kick and ban reach the person concerned as [`Left`] instead.
    #[n(3)]
    pub action: Action,
    /// Name of the person who did it.
    #[n(4)]
    pub by: String,
    /// One line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes; may be empty.
    #[n(5)]
    pub reason: String,
    /// The person's role from now on.
    #[n(6)]
    pub role: RoomRole,
    /// Length of a mute in seconds; `None` for other actions, and for a mute without an end.
    #[n(7)]
    pub seconds: Option<u32>,
}
