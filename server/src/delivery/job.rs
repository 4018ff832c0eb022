//! The jobs of a delivery thread, and the bytes of chat that still wait for it.

use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use chatbox_common::crypto::record::Sealer;
use chatbox_common::wire::message::{Bye, RequestId, RoomId, Seq};
use zeroize::Zeroizing;

use super::backpressure::{Backpressure, InFlight};
use crate::event::{RoomBatch, SessionId};

/// Bytes of chat that the slowest thread may be behind before the journal waits for it: well below
/// an outbox of the default size. A thread that found no processor for a while must not make
/// sessions lag that read fast enough.
pub(super) const MAX_BEHIND: usize = 64 * 1024;

pub enum Delivery {
    /// Goes to every thread: each has some of the room's members.
    RoomBatch(Arc<RoomBatch>),
    /// Already counted by the session's [`Backpressure`].
    Reply {
        session: SessionId,
        /// Messages in clear, encoded back to back; some hold secrets.
        bytes: Zeroizing<Vec<u8>>,
    },
    Join(Box<Join>),
    /// A session is in a room from now on, live from the message behind `head`.
    Enter {
        session: SessionId,
        room: RoomId,
        head: Seq,
        /// The encoded message that tells the session so.
        bytes: Vec<u8>,
    },
    Leave {
        session: SessionId,
        room: RoomId,
        /// The encoded message that tells the session so.
        bytes: Vec<u8>,
    },
    /// An encoded message; a session whose outbox has no place for it ends.
    Tell {
        session: SessionId,
        bytes: Vec<u8>,
    },
    /// An encoded message; a session whose outbox has no place for it does without.
    Offer {
        session: SessionId,
        bytes: Vec<u8>,
    },
    /// An encoded message that a session with anything unsent does without.
    Droppable {
        session: SessionId,
        bytes: Vec<u8>,
    },
    /// An encoded message for a room's members.
    Notice {
        room: RoomId,
        bytes: Arc<[u8]>,
        /// A session whose outbox has no place for it ends, so that its client learns the room's
        /// state anew; otherwise it goes without.
        must_be_known: bool,
    },
    Follow(FollowAgain),
    /// An encoded notice for a room's members; one that does not fit gives way to the next.
    Presence {
        room: RoomId,
        full: Arc<[u8]>,
        /// The same without names, for a session that it reaches late: earlier ones gave way to it.
        count: Arc<[u8]>,
    },
    Writable(SessionId),
    /// The account of a session was logged out: the session's own thread is to end the session.
    LogOut(SessionId),
    /// Once what waits and the goodbye are sent, the socket's writing side is shut down.
    Close {
        session: SessionId,
        bye: Option<Bye>,
    },
    /// The peer has not taken its goodbye in time.
    Drop(SessionId),
    /// No more jobs come; the thread ends.
    Stop,
}

/// A session wants a room live again, from the message behind `after`.
pub struct FollowAgain {
    pub session: SessionId,
    pub request: RequestId,
    pub room: RoomId,
    pub after: Seq,
    /// Until the answer is in the outbox. The session pays for what it is sent again.
    pub in_flight: InFlight,
}

/// A session as its delivery thread takes it over.
pub struct Join {
    pub session: SessionId,
    /// Delivery owns the writing side from now on.
    pub socket: Arc<TcpStream>,
    /// Sealed records that go before everything else.
    pub greeting: Vec<u8>,
    pub sealer: Sealer,
    pub backpressure: Arc<Backpressure>,
    /// Each room with its head: live messages begin behind it.
    pub rooms: Vec<(RoomId, Seq)>,
    /// The session's first messages, encoded; each element is the content of one record.
    pub welcome: Vec<Vec<u8>>,
}

/// Bytes of chat that one thread still has to deliver.
#[derive(Default)]
pub(super) struct Backlog {
    bytes: Mutex<usize>,
    pub(super) less: Condvar,
}

impl Backlog {
    pub(super) fn bytes(&self) -> MutexGuard<'_, usize> {
        // A poisoned lock does no harm: a number is whole at every step.
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
