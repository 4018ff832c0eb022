//! The open sessions, as the journal orders them.

use std::net::SocketAddr;
use std::sync::Arc;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{self, RoomId, ServerMessage};

use crate::event::Person;
use crate::presence::Notice;

/// A session as the journal has it in memory.
pub(super) struct SessionState {
    pub(super) person: Person,
    pub(super) address: SocketAddr,
    pub(super) rooms: Vec<RoomId>,
    /// Its account was: it is only here until its own thread has heard of it.
    pub(super) is_logged_out: bool,
}

impl SessionState {
    pub(super) const fn is_open(&self) -> bool {
        !self.is_logged_out
    }
}

/// A notice in its two forms: whole, and with the count alone.
pub(super) fn encode(room: RoomId, notice: Notice) -> (Arc<[u8]>, Arc<[u8]>) {
    let mut full = Vec::new();
    let mut count = Vec::new();
    let bare = message::Presence {
        room,
        joined: Vec::new(),
        left: Vec::new(),
        online: notice.online,
    };
    codec::put(&ServerMessage::Presence(bare), &mut count);
    let whole = message::Presence {
        room,
        joined: notice.joined,
        left: notice.left,
        online: notice.online,
    };
    codec::put(&ServerMessage::Presence(whole), &mut full);
    (full.into(), count.into())
}
