//! What is said in rooms, and about their messages.

use minicbor::{Decode, Encode};

use crate::limits::{MAX_TEXT, PAGE_LIMIT};

use super::{AccountId, MessageId, RequestId, Room, RoomId, Seq};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// Something said.
    #[n(0)]
    Text,
    /// Something done, told behind one's name: `* alice waves`.
    #[n(1)]
    Action,
}

/// What a client must know of the server's limits.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Messages a second, 0 for no limit.
    #[n(0)]
    pub messages_per_second: u32,
    /// The longest text, in bytes.
    #[n(1)]
    pub text_bytes: u32,
    /// The most messages in a page.
    #[n(2)]
    pub page_messages: u32,
}

impl Limits {
    /// [`MAX_TEXT`] and [`PAGE_LIMIT`], at this pace.
    #[must_use]
    pub fn with_pace(messages_per_second: u32) -> Self {
        Self {
            messages_per_second,
            text_bytes: u32::try_from(MAX_TEXT).unwrap_or(u32::MAX),
            page_messages: PAGE_LIMIT,
        }
    }
}

/// The first message of a session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Welcome {
    /// Made with the database; another one means another history: forget the old.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub history_id: [u8; 16],
    /// The rooms one is in.
    #[n(2)]
    pub rooms: Vec<Room>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(3)]
    pub time: u64,
    /// Limits.
    #[n(4)]
    pub limits: Limits,
    /// The server's version.
    #[n(5)]
    pub server: String,
    /// Number of this session.
    #[n(6)]
    pub session: u64,
    /// Whose messages one does not want to see, in the order of their names.
    #[n(7)]
    pub ignored: Vec<String>,
}

/// Says something in a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Send {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The client's name for the message: the same again means the same message.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub id: MessageId,
    /// What.
    #[n(3)]
    pub text: String,
    /// Whether it is said or done.
    #[n(4)]
    pub kind: Kind,
}

/// The message is committed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ack {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The message's place in its room.
    #[n(1)]
    pub seq: Seq,
    /// When it was committed, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub time: u64,
}

/// A message of a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Chat {
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Its place in the room.
    #[n(2)]
    pub seq: Seq,
    /// Whose, as a number.
    #[n(3)]
    pub account: AccountId,
    /// Whose, as a name.
    #[n(4)]
    pub user: String,
    /// When, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub time: u64,
    /// What.
    #[n(6)]
    pub text: String,
    /// Whether it is said or done.
    #[n(7)]
    pub kind: Kind,
}

/// Asks for a page of a room's messages: those after a number in ascending order from there, or
/// the last ones before a number or a time. With none of them, the last ones of all.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct History {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Only messages after this one.
    #[n(2)]
    pub after: Option<Seq>,
    /// Only messages before this one; not together with `after`.
    #[n(3)]
    pub before: Option<Seq>,
    /// At most so many, 1 to [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(4)]
    pub limit: u32,
    /// Only messages from before this time, milliseconds since 1970-01-01 UTC; not together with
    /// `after` or `before`.
    #[n(5)]
    pub before_time: Option<u64>,
}

/// A page of messages, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Page {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The messages.
    #[n(2)]
    pub messages: Vec<Chat>,
    /// Whether more follow in the direction asked for.
    #[n(3)]
    pub more: bool,
    /// The first message still kept.
    #[n(4)]
    pub first: Seq,
}

/// The place a room has come to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Head {
    /// Where.
    #[n(0)]
    pub room: RoomId,
    /// The last message.
    #[n(1)]
    pub head: Seq,
}

/// This session's live messages were cut in the rooms named.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lagged {
    /// The rooms and how far they are.
    #[n(1)]
    pub heads: Vec<Head>,
}

/// Asks to get a room's messages live again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Follow {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The last message one has.
    #[n(2)]
    pub after: Seq,
}

/// Answers [`Follow`]. When `live` is false the room is too far ahead: fetch pages, follow again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Following {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// How far the room is.
    #[n(2)]
    pub head: Seq,
    /// Whether everything after the number one named comes live from here on.
    #[n(3)]
    pub live: bool,
}

/// Says how far one has read in a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Read {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The last message one has read.
    #[n(2)]
    pub seq: Seq,
}

/// One has read so far in a room, in another of one's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReadTo {
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The last message one has read.
    #[n(2)]
    pub seq: Seq,
}

/// Who came and went since the last notice.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Presence {
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Who came; empty in large rooms.
    #[n(2)]
    pub joined: Vec<String>,
    /// Who went; empty in large rooms.
    #[n(3)]
    pub left: Vec<String>,
    /// Members online now.
    #[n(4)]
    pub online: u32,
}

/// Looks for messages in all rooms one is in, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Search {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Words that are all in a message, in any order; nothing in them has another meaning.
    #[n(1)]
    pub words: String,
    /// Only messages older than this one, the last of the page before.
    #[n(2)]
    pub before: Option<Place>,
    /// At most so many, 1 to [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(3)]
    pub limit: u32,
}

/// A message's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Place {
    /// Its room.
    #[n(0)]
    pub room: RoomId,
    /// Its number there.
    #[n(1)]
    pub seq: Seq,
}

/// Answers [`Search`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Found {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The messages, the newest first.
    #[n(1)]
    pub messages: Vec<Chat>,
    /// Whether older ones may follow.
    #[n(2)]
    pub more: bool,
    /// Whether the index is behind, so that messages may be missing here.
    #[n(3)]
    pub incomplete: bool,
}
