//! What a delivery thread is told, and how much of it still waits.

use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use chatbox_common::crypto::record::Sealer;
use chatbox_common::wire::message::{Bye, RequestId, RoomId, Seq};
use zeroize::Zeroizing;

use super::outbox::Backpressure;
use crate::event::{RoomBatch, SessionId};

/// How many bytes of chat the slowest thread may be behind before the journal waits for it: well
/// below an outbox. Who keeps up must not be left behind because of a thread that found no
/// processor for a while.
pub(super) const MAX_BEHIND: usize = 64 * 1024;

/// What a delivery thread is told.
pub enum Delivery {
    /// Committed messages, for the members of their room.
    RoomBatch(Arc<RoomBatch>),
    /// A reply: messages encoded back to back, already counted by the session's [`Backpressure`].
    Reply {
        /// To whom.
        session: SessionId,
        /// The messages in clear; some hold secrets.
        bytes: Zeroizing<Vec<u8>>,
    },
    /// A session begins.
    Join(Box<Join>),
    /// A session is in a room from now on, live behind its head.
    Enter {
        /// Which session.
        session: SessionId,
        /// Which room.
        room: RoomId,
        /// The room's last message.
        head: Seq,
        /// What the session is told, encoded.
        bytes: Vec<u8>,
    },
    /// A session is no longer in a room.
    Leave {
        /// Which session.
        session: SessionId,
        /// Which room.
        room: RoomId,
        /// What the session is told, encoded.
        bytes: Vec<u8>,
    },
    /// Something that a session must know.
    Tell {
        /// Which session.
        session: SessionId,
        /// The message, encoded.
        bytes: Vec<u8>,
    },
    /// Something that a session can do without, if it does not keep up.
    Droppable {
        /// Which session.
        session: SessionId,
        /// The message, encoded.
        bytes: Vec<u8>,
    },
    /// Something for a room's members.
    Notice {
        /// Where.
        room: RoomId,
        /// The message, encoded.
        bytes: Arc<[u8]>,
        /// A session that has no place for it ends, so that its client learns all of it anew;
        /// otherwise it goes without.
        must_be_known: bool,
    },
    /// A session wants a room live again.
    Follow {
        /// Which session.
        session: SessionId,
        /// Its request.
        request: RequestId,
        /// The room.
        room: RoomId,
        /// The last message it has.
        after: Seq,
    },
    /// A notice for a room's members; one that does not fit gives way to the next.
    Presence {
        /// Where.
        room: RoomId,
        /// The notice, encoded.
        full: Arc<[u8]>,
        /// The same without names, for those who missed an earlier one.
        count: Arc<[u8]>,
    },
    /// A socket that was full takes bytes again.
    Writable(SessionId),
    /// The account of a session was logged out: the session's own thread is to end it.
    LogOut(SessionId),
    /// A session ends: after the goodbye, if there is one, its writing side is shut down.
    Close {
        /// Which session.
        session: SessionId,
        /// What to say.
        bye: Option<Bye>,
    },
    /// A session's time to take its goodbye is over.
    Drop(SessionId),
    /// No more jobs come: end.
    Stop,
}

/// A session as its delivery thread takes it over.
pub struct Join {
    /// Its number.
    pub session: SessionId,
    /// Its socket, of which delivery owns the writing side from now on.
    pub socket: Arc<TcpStream>,
    /// Sealed records that go before everything else.
    pub greeting: Vec<u8>,
    /// Its sending direction.
    pub sealer: Sealer,
    /// What it shares with its own thread.
    pub backpressure: Arc<Backpressure>,
    /// Its rooms and how far they are: what comes live begins behind.
    pub rooms: Vec<(RoomId, Seq)>,
    /// The first messages of the session, encoded, each of these a record's content.
    pub welcome: Vec<Vec<u8>>,
}

/// The chat that one thread still has to deliver.
#[derive(Default)]
pub(super) struct Backlog {
    bytes: Mutex<usize>,
    pub(super) less: Condvar,
}

impl Backlog {
    pub(super) fn bytes(&self) -> MutexGuard<'_, usize> {
        // A number is whole at every step.
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn done(&self, bytes: usize) {
        if bytes > 0 {
            *self.bytes() -= bytes;
            self.less.notify_one();
        }
    }

    pub(super) fn wait(&self) {
        let is_behind = |bytes: &mut usize| *bytes > MAX_BEHIND;
        drop(self.less.wait_while(self.bytes(), is_behind));
    }
}
