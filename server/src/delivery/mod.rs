//! From committed messages to sockets: a few threads, each owning the sessions whose number
//! leaves its own remainder.
//!
//! A session's sealer, outbox and the writing side of its socket belong to its delivery thread
//! alone. Everybody else sends jobs. A thread takes all batches that wait and makes, for each
//! recipient, one record and one non-blocking send of them; so batching follows load by itself.
//! Delivery waits for nobody: a full socket is handed to [`writable`], a full outbox loses live
//! chat (never a reply) and the session fetches what it missed.

mod budget;
mod outbox;
mod recipient;
mod room_feed;
mod worker;
pub mod writable;

use std::io;
use std::net::TcpStream;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use chatbox_common::crypto::record::Sealer;
use chatbox_common::wire::codec;
use chatbox_common::wire::message::{Bye, RequestId, RoomId, Seq, ServerMessage};
use zeroize::Zeroizing;

use crate::event::{RoomBatch, SessionId};
use crate::threads;
use budget::Budget;
pub use budget::FLOOR;
pub use outbox::{Backpressure, Readiness, reply_cost};
use worker::Worker;
use writable::Writable;

/// Jobs a delivery thread's queue holds; a sender waits when it is full.
const QUEUE: usize = 256;

/// How many bytes of chat the slowest thread may be behind before the journal waits for it: well
/// below an outbox. Who keeps up must not be left behind because of a thread that found no
/// processor for a while.
const MAX_BEHIND: usize = 64 * 1024;

/// The longest reply with a secret in it, in bytes, with room to spare.
const MAX_SECRET_REPLY: usize = 512;

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
struct Backlog {
    bytes: Mutex<usize>,
    less: Condvar,
}

impl Backlog {
    fn bytes(&self) -> MutexGuard<'_, usize> {
        // A number is whole at every step.
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self, bytes: usize) {
        if bytes > 0 {
            *self.bytes() -= bytes;
            self.less.notify_one();
        }
    }

    fn wait(&self) {
        let is_behind = |bytes: &mut usize| *bytes > MAX_BEHIND;
        drop(self.less.wait_while(self.bytes(), is_behind));
    }
}

/// The way to a delivery thread.
struct Queue {
    jobs: SyncSender<Delivery>,
    backlog: Arc<Backlog>,
}

/// The way to the delivery threads. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    queues: Arc<[Queue]>,
}

impl Deliveries {
    /// Starts the threads: `threads` that deliver, and the one that waits for full sockets. For
    /// one session `outbox_limit` bytes of chat may wait, for all together `outbox_total`.
    ///
    /// # Errors
    /// When the system refuses a thread or a descriptor.
    pub fn start(
        threads: usize,
        outbox_limit: usize,
        outbox_total: u64,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let budget = Budget::new(outbox_total);
        let writable = Arc::new(Writable::new()?);
        let mut queues = Vec::new();
        let mut handles = Vec::new();
        for n in 0..threads.max(1) {
            let (jobs, receiver) = mpsc::sync_channel(QUEUE);
            let backlog = Arc::<Backlog>::default();
            let worker = Worker::new(
                receiver,
                Arc::clone(&backlog),
                Arc::clone(&writable),
                outbox_limit,
                Arc::clone(&budget),
            );
            handles.push(threads::spawn(format!("delivery-{n}"), move || {
                worker.run();
            })?);
            queues.push(Queue { jobs, backlog });
        }
        let deliveries = Self {
            queues: queues.into(),
        };
        // It lives as long as the process does: it keeps the queues open, and `Stop` is what
        // ends the threads above.
        let to = deliveries.clone();
        threads::spawn("writable".to_owned(), move || {
            let ended = writable.run(|session| to.send(session, Delivery::Writable(session)));
            if let Err(error) = ended {
                log::error!("waiting for writable sockets failed: {error}");
            }
        })?;
        Ok((deliveries, handles))
    }

    /// Sends a job to the thread of a session. False when that thread has ended.
    pub fn send(&self, session: SessionId, job: Delivery) -> bool {
        let threads = self.queues.len() as u64;
        usize::try_from(session % threads)
            .ok()
            .and_then(|n| self.queues.get(n))
            .is_some_and(|queue| queue.jobs.send(job).is_ok())
    }

    /// Sends one reply to a session, counted by its backpressure.
    pub fn reply(&self, session: SessionId, backpressure: &Backpressure, message: &ServerMessage) {
        // Growing would leave copies of a secret behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_REPLY));
        codec::put(message, &mut bytes);
        backpressure.reply_queued(reply_cost(bytes.len()));
        self.send(session, Delivery::Reply { session, bytes });
    }

    /// Sends a job to every thread.
    pub fn broadcast(&self, mut job: impl FnMut() -> Delivery) {
        for queue in self.queues.iter() {
            // A thread that has ended has no sessions to tell.
            let _ = queue.jobs.send(job());
        }
    }

    /// Sends committed messages to every thread.
    pub fn publish(&self, batch: &Arc<RoomBatch>) {
        for queue in self.queues.iter() {
            *queue.backlog.bytes() += batch.bytes.len();
            // As above.
            let _ = queue.jobs.send(Delivery::RoomBatch(Arc::clone(batch)));
        }
    }

    /// Waits until no thread has too much chat left to deliver.
    pub fn wait_for_slowest(&self) {
        for queue in self.queues.iter() {
            queue.backlog.wait();
        }
    }
}

#[cfg(test)]
mod tests;
