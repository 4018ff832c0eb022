//! Plain types that travel between threads. No behaviour beyond building them.

use std::sync::Arc;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{AccountId, Chat, RequestId, RoomId, Seq, ServerMessage};

/// Number of a connection, and of the session it becomes: never used again while a server runs.
pub type SessionId = u64;

/// A committed message that its sender waits to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Whose session.
    pub session: SessionId,
    /// Its request.
    pub request: RequestId,
    /// The message's place.
    pub seq: Seq,
    /// When, milliseconds since 1970-01-01 UTC.
    pub time: u64,
}

/// Consecutive messages of one room, committed, and encoded once for all who get them.
#[derive(Debug)]
pub struct RoomBatch {
    /// Where.
    pub room: RoomId,
    /// The first one's place.
    pub first: Seq,
    /// The messages, encoded back to back.
    pub bytes: Vec<u8>,
    /// Where each message ends in `bytes`.
    pub ends: Vec<usize>,
    /// Whom to tell that it is committed.
    pub acks: Vec<Committed>,
}

impl RoomBatch {
    /// An empty batch that begins behind `head`.
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

    /// Adds the next message. Its number must be the next one.
    pub fn push(&mut self, chat: Chat) {
        debug_assert_eq!(chat.seq, self.head() + 1, "a room has no gaps");
        codec::put(&ServerMessage::Chat(chat), &mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// The place of the last message; one below `first` when there is none.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.first + self.ends.len() as Seq - 1
    }
}

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Number of the account.
    pub account: AccountId,
    /// Its name.
    pub user: Arc<str>,
    /// Whether it may look after all rooms.
    pub is_admin: bool,
}
