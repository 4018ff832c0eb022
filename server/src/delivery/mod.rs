//! From committed messages to sockets: a few threads, each owning the sessions whose number
//! modulo the number of threads is its own.
//!
//! A session's sealer, outbox and the writing side of its socket belong to its delivery thread
//! alone; every other thread sends jobs. A delivery thread takes all batches that wait and makes,
//! for each recipient, one record and one non-blocking send of them; so batching follows load by
//! itself. Delivery waits for no peer: a full socket is handed to [`writable`], a full outbox loses
//! live chat (never a reply) and the client fetches what it missed.

mod backpressure;
mod budget;
mod job;
mod outbox;
mod recipient;
mod room_feed;
mod table;
mod worker;
pub mod writable;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::ServerMessage;
use zeroize::Zeroizing;

use crate::event::{RoomBatch, SessionId};
use crate::threads;
pub use backpressure::{Backpressure, InFlight, Readiness, reply_cost};
use budget::Budget;
pub use budget::FLOOR;
use job::Backlog;
pub use job::{Delivery, FollowAgain, Join};
use worker::Worker;
use writable::Writable;

/// Jobs a delivery thread's queue holds; a sender waits when it is full.
const QUEUE: usize = 256;

/// Bytes; more than the longest reply with a secret in it has.
const MAX_SECRET_REPLY: usize = 512;

struct Queue {
    jobs: SyncSender<Delivery>,
    backlog: Arc<Backlog>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    queues: Arc<[Queue]>,
}

impl Deliveries {
    /// Starts `threads` that deliver, and the one that waits for full sockets. For one session
    /// `outbox_limit` bytes of chat may wait, for all together `outbox_total`.
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
        // Lives as long as the process: it keeps the queues open, so `Stop` is what ends the
        // threads above.
        let to = deliveries.clone();
        threads::spawn("writable".to_owned(), move || {
            let ended = writable.run(|session| to.send(session, Delivery::Writable(session)));
            if let Err(error) = ended {
                // No socket that was full would be written again.
                threads::end_process("writable", error);
            }
        })?;
        Ok((deliveries, handles))
    }

    /// Waits while the thread's queue is full. False when the thread has ended.
    pub fn send(&self, session: SessionId, job: Delivery) -> bool {
        let threads = self.queues.len() as u64;
        usize::try_from(session % threads)
            .ok()
            .and_then(|n| self.queues.get(n))
            .is_some_and(|queue| queue.jobs.send(job).is_ok())
    }

    /// Returns how many bytes the message has in clear.
    pub fn reply(
        &self,
        session: SessionId,
        backpressure: &Backpressure,
        message: &ServerMessage,
    ) -> usize {
        // A buffer that grows would leave copies of a secret behind that are never wiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_REPLY));
        codec::put(message, &mut bytes);
        let length = bytes.len();
        backpressure.reply_queued(reply_cost(length));
        self.send(session, Delivery::Reply { session, bytes });
        length
    }

    pub fn broadcast(&self, mut job: impl FnMut() -> Delivery) {
        for queue in self.queues.iter() {
            // A thread that has ended has no sessions to tell.
            let _ = queue.jobs.send(job());
        }
    }

    pub fn publish(&self, batch: &Arc<RoomBatch>) {
        for queue in self.queues.iter() {
            *queue.backlog.bytes() += batch.bytes.len();
            // As in `broadcast`.
            let _ = queue.jobs.send(Delivery::RoomBatch(Arc::clone(batch)));
        }
    }

    /// Waits until no thread has more than [`MAX_BEHIND`](job::MAX_BEHIND) bytes left to deliver.
    /// Only the journal may: a delivery thread would wait for itself.
    pub fn wait_for_slowest(&self) {
        for queue in self.queues.iter() {
            queue.backlog.wait();
        }
    }
}

#[cfg(test)]
mod tests;
