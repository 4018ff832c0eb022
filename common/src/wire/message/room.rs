//! Messages of rooms: sending, live messages, pages, falling behind, read marks, presence, search
//! (docs/PROTOCOL.md, 13.1 to 13.6, 13.10 and 13.12).

use minicbor::{Decode, Encode};

use crate::limits::{MAX_TEXT, PAGE_LIMIT};

use super::{AccountId, Capabilities, MessageId, RequestId, Room, RoomId, Seq};

/// How a message is told (docs/PROTOCOL.md, 13.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// Something said.
    #[n(0)]
    Text,
    /// Something done, told behind the sender's name: `* alice waves`.
    #[n(1)]
    Action,
}

/// The server's limits that a client keeps to (docs/PROTOCOL.md, 13.1).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Messages a second in a session, above which comes `too_fast`; 0 for no limit.
    #[n(0)]
    pub messages_per_second: u32,
    /// The longest text, in bytes of UTF-8.
    #[n(1)]
    pub text_bytes: u32,
    /// The most messages that a page may be asked for.
    #[n(2)]
    pub page_messages: u32,
}

impl Limits {
    /// [`MAX_TEXT`] and [`PAGE_LIMIT`], with this many messages a second.
    #[must_use]
    pub fn with_pace(messages_per_second: u32) -> Self {
        Self {
            messages_per_second,
            text_bytes: u32::try_from(MAX_TEXT).unwrap_or(u32::MAX),
            page_messages: PAGE_LIMIT,
        }
    }
}

/// From the server, the first message of a session (docs/PROTOCOL.md, 13.1).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Welcome {
    /// 16 random bytes, made with the database. Another one means another history: the client
    /// discards the messages it holds.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub history_id: [u8; 16],
    /// The person's rooms; those for which there is no place follow as [`Joined`](super::Joined).
    #[n(2)]
    pub rooms: Vec<Room>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(3)]
    pub time: u64,
    /// What this server is set to.
    #[n(4)]
    pub limits: Limits,
    /// The server's version, for people.
    #[n(5)]
    pub server: String,
    /// This session's number, as in the list of sessions (docs/PROTOCOL.md, 13.13).
    #[n(6)]
    pub session: u64,
    /// Names of all people the person ignores, in their order; at most
    /// [`MAX_IGNORED`](crate::limits::MAX_IGNORED).
    #[n(7)]
    pub ignored: Vec<String>,
    /// What the server understands; `None` from a server that knows of none.
    #[n(8)]
    pub capabilities: Option<Capabilities>,
    /// The id of the history that this one continues, where its end was lost: all messages up to
    /// [`Room::kept`] are the same in both.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub predecessor: Option<[u8; 16]>,
}

/// From the client: says something in a room. Answered by [`Ack`]; safe to send again with the same
/// `id` (docs/PROTOCOL.md, 13.3).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Send {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// The client's name for the message. The server stores a message of this id once; with another
    /// room, text or kind it is refused with `id_conflict`.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub id: MessageId,
    /// 1 to [`MAX_TEXT`] bytes, without control characters but line feed and tab.
    #[n(3)]
    pub text: String,
    /// Whether it is said or done.
    #[n(4)]
    pub kind: Kind,
}

/// From the server, answers [`Send`]: the message is committed, and no crash loses it. It may come
/// before or after the message's own [`Chat`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ack {
    /// That of the request answered.
    #[n(0)]
    pub request: RequestId,
    /// The message's number in its room; for a message sent again, the one it got the first time.
    #[n(1)]
    pub seq: Seq,
    /// When it was committed, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub time: u64,
}

/// From the server: a message of a room, live by itself or in a [`Page`] or [`Found`]
/// (docs/PROTOCOL.md, 13.2).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Chat {
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// The message's number in its room.
    #[n(2)]
    pub seq: Seq,
    /// The sender's account.
    #[n(3)]
    pub account: AccountId,
    /// The sender's name, as it was registered.
    #[n(4)]
    pub user: String,
    /// When it was committed, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub time: u64,
    /// 1 to [`MAX_TEXT`] bytes, without control characters but line feed and tab.
    #[n(6)]
    pub text: String,
    /// Whether it is said or done.
    #[n(7)]
    pub kind: Kind,
}

/// From the client: asks for a page of a room. With `after`, the first messages behind it; with
/// `before` or `before_time`, the last ones before it; with none of them, the last ones of all.
/// More than one of them is refused (docs/PROTOCOL.md, 13.4).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct History {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// Only messages with a greater number.
    #[n(2)]
    pub after: Option<Seq>,
    /// Only messages with a smaller number.
    #[n(3)]
    pub before: Option<Seq>,
    /// At most so many, 1 to [`PAGE_LIMIT`].
    #[n(4)]
    pub limit: u32,
    /// Only messages from before this time, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub before_time: Option<u64>,
}

/// From the server, answers [`History`] (docs/PROTOCOL.md, 13.4).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Page {
    /// That of the request answered.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// Ascending, in whichever direction was asked. Ends at the limit, or once it holds
    /// [`PAGE_BYTES`](crate::limits::PAGE_BYTES).
    #[n(2)]
    pub messages: Vec<Chat>,
    /// Whether there are more in the direction asked for.
    #[n(3)]
    pub more: bool,
    /// The first message still kept that the person may read; what is below it never comes.
    #[n(4)]
    pub first: Seq,
}

/// How far a room has come.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Head {
    /// The room's number.
    #[n(0)]
    pub room: RoomId,
    /// The last message's number.
    #[n(1)]
    pub head: Seq,
}

/// From the server: this session reads too slowly, and gets no live messages of these rooms until
/// it follows them again. Everything else still comes (docs/PROTOCOL.md, 13.5).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lagged {
    /// The rooms concerned.
    #[n(1)]
    pub heads: Vec<Head>,
}

/// From the client: asks for a room's live messages again. Answered by [`Following`]; allowed at
/// any time (docs/PROTOCOL.md, 13.5).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Follow {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// The last message the client has, 0 for none; not above the head.
    #[n(2)]
    pub after: Seq,
}

/// From the server, answers [`Follow`]. With `live` false it no longer has at hand all that came
/// since: the client fetches pages, then follows again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Following {
    /// That of the request answered.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// The last message's number.
    #[n(2)]
    pub head: Seq,
    /// Whether everything behind the number in [`Follow`] comes live from here on.
    #[n(3)]
    pub live: bool,
}

/// From the client: the person has read a room up to a message. Answered only where it is refused
/// (docs/PROTOCOL.md, 13.10).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Read {
    /// Chosen by the client; only a refusal repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// The last message read. The mark only moves forward, and not beyond the head.
    #[n(2)]
    pub seq: Seq,
}

/// From the server, to the person's other sessions: how far [`Read`] has moved the mark.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReadTo {
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// The last message read.
    #[n(2)]
    pub seq: Seq,
}

/// From the server: who came online in a room and who went since the last notice. With more than
/// 200 members online, or more than 200 names, only the count is told (docs/PROTOCOL.md, 13.6).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Presence {
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
    /// Names of those who came; at most 200.
    #[n(2)]
    pub joined: Vec<String>,
    /// Names of those who went; at most 200.
    #[n(3)]
    pub left: Vec<String>,
    /// Members online now.
    #[n(4)]
    pub online: u32,
}

/// From the client: looks for messages in all rooms of the person, as far as they may read them.
/// Answered by [`Found`] (docs/PROTOCOL.md, 13.12).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Search {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// 1 to [`MAX_SEARCH_WORDS`](crate::limits::MAX_SEARCH_WORDS) words in at most
    /// [`MAX_SEARCH`](crate::limits::MAX_SEARCH) bytes. A message has all of them, in any order;
    /// none is an operator.
    #[n(1)]
    pub words: String,
    /// Only messages older than this one, the last of the page before; `None` for the first page.
    #[n(2)]
    pub before: Option<Place>,
    /// At most so many, 1 to [`PAGE_LIMIT`].
    #[n(3)]
    pub limit: u32,
}

/// A message among those of all rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Place {
    /// The room's number.
    #[n(0)]
    pub room: RoomId,
    /// The message's number in its room.
    #[n(1)]
    pub seq: Seq,
}

/// From the server, answers [`Search`] (docs/PROTOCOL.md, 13.12).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Found {
    /// That of the request answered.
    #[n(0)]
    pub request: RequestId,
    /// Newest first across rooms, by their commits. Ends as a [`Page`] does.
    #[n(1)]
    pub messages: Vec<Chat>,
    /// Whether there may be older ones.
    #[n(2)]
    pub more: bool,
    /// Whether messages may be missing: the server's index has not caught up, or the search was ended.
    #[n(3)]
    pub incomplete: bool,
}
