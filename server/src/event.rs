//! Plain types that travel between threads.

use std::sync::Arc;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{AccountId, Chat, RequestId, RoomId, Seq, ServerMessage};

/// Number of a connection, and of the session it becomes: never used again, also by later runs. The
/// start stands in it, 24 bits, before the connection's number, 32 bits; the 8 bits before them are
/// for the node of several.
pub type SessionId = u64;

/// What the sender of a committed message is told in its `ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    pub session: SessionId,
    pub request: RequestId,
    pub seq: Seq,
    /// Milliseconds since 1970-01-01 UTC.
    pub time: u64,
}

/// Consecutive messages of one room, committed, and encoded once for all recipients.
#[derive(Debug)]
pub struct RoomBatch {
    pub room: RoomId,
    pub first: Seq,
    /// The encoded messages, back to back.
    pub bytes: Vec<u8>,
    /// Where each message ends in `bytes`: no message spans two records.
    pub ends: Vec<usize>,
    /// For those senders whose session still waits for it.
    pub acks: Vec<Committed>,
}

impl RoomBatch {
    /// Empty, for the messages that follow `head`.
    #[must_use]
    pub const fn after(room: RoomId, head: Seq) -> Self {
        Self {
            room,
            first: head + 1,
            bytes: Vec::new(),
            ends: Vec::new(),
            acks: Vec::new(),
        }
    }

    /// The message must be the next one: a room has no gaps.
    pub fn push(&mut self, chat: Chat) {
        debug_assert_eq!(chat.seq, self.head() + 1, "a room has no gaps");
        codec::put(&ServerMessage::Chat(chat), &mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Bytes that it takes, about, as long as it is kept.
    #[must_use]
    pub const fn memory(&self) -> usize {
        size_of::<Self>()
            + self.bytes.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.acks.capacity() * size_of::<Committed>()
    }

    /// Sequence number of the last message; `first - 1` when there is none.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.first + self.ends.len() as Seq - 1
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub account: AccountId,
    pub user: Arc<str>,
    /// May do in every room they can see what its owner may.
    pub is_admin: bool,
}
