//! A few threads that compute the keys of handshakes.
//!
//! An ML-KEM operation touches tens of KiB of stack, which would stay with the thread of every
//! connection, and a flood of handshakes must not take the processor from those who are logged in.
//! So these threads run at low priority behind a bounded queue, in which no network keeps the others
//! out. The connection's own thread does the reading and writing, and waits for the result.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatbox_common::channel::ChannelError;
use chatbox_common::crypto::handshake::{self, ServerIdentity, SessionKeys};

use crate::crowd::{Admission, Bounds, Crowd};
use crate::event::SessionId;
use crate::networks::Networks;
use crate::threads;

/// Handshakes that may wait: of one address as many as a classroom has, and in all as many as are
/// computed within a fraction of a second. Beyond, one of the network that has most is busy.
const QUEUE: usize = 1_024;
/// Added to their niceness, so that the threads of sessions go first.
const NICE: i32 = 10;

type Response = Result<(Vec<u8>, SessionKeys), ChannelError>;

struct Handshake {
    message_1: Vec<u8>,
    networks: Networks,
    since: Instant,
    /// Dropped without a response where another got the place.
    response: SyncSender<Response>,
}

struct Queue {
    /// In the order in which their connections came.
    waiting: BTreeMap<SessionId, Handshake>,
    crowd: Crowd,
    /// Whether the oldest is next.
    oldest_is_next: bool,
    closed: bool,
}

impl Queue {
    fn new(bounds: Bounds) -> Self {
        Self {
            waiting: BTreeMap::new(),
            // What waits is not to blame for that.
            crowd: Crowd::new(bounds, Duration::MAX),
            oldest_is_next: true,
            closed: false,
        }
    }

    /// Whether there is room for it.
    fn put(&mut self, session: SessionId, handshake: Handshake) -> bool {
        let Handshake {
            networks, since, ..
        } = handshake;
        match self.crowd.room_for(&networks, since) {
            Admission::Free => {}
            Admission::InPlaceOf(other) => drop(self.take(other)),
            Admission::Refused => return false,
        }
        self.crowd.enter(&networks, session, since);
        self.waiting.insert(session, handshake);
        true
    }

    fn take(&mut self, session: SessionId) -> Option<Handshake> {
        let handshake = self.waiting.remove(&session)?;
        self.crowd
            .leave(&handshake.networks, session, handshake.since);
        Some(handshake)
    }

    /// In turn the oldest, and one of the network that has fewest: who is alone does not wait for
    /// a flood, and who is one of many waits no more than twice as long.
    fn next(&mut self) -> Option<Handshake> {
        let oldest = self.waiting.first_key_value().map(|(&session, _)| session);
        let alone = self.crowd.of_the_smallest();
        let next = if self.oldest_is_next { oldest } else { alone };
        self.oldest_is_next = !self.oldest_is_next;
        self.take(next?)
    }
}

struct Waiting {
    queue: Mutex<Queue>,
    /// Notified of each handshake that waits, and of the end.
    changed: Condvar,
}

impl Waiting {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it holds the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads end when it is dropped.
pub struct HandshakeThreads(Arc<Waiting>);

impl HandshakeThreads {
    pub fn start(threads: usize, identity: &Arc<ServerIdentity>) -> io::Result<Self> {
        let identity = Arc::clone(identity);
        Self::start_with(threads, move |message_1| {
            handshake::respond(&identity, message_1).map_err(ChannelError::from)
        })
    }

    fn start_with(
        threads: usize,
        respond: impl Fn(&[u8]) -> Response + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let waiting = Arc::new(Waiting {
            queue: Mutex::new(Queue::new(Bounds::of(QUEUE))),
            changed: Condvar::new(),
        });
        let respond = Arc::new(respond);
        for n in 0..threads.max(1) {
            let (waiting, respond) = (Arc::clone(&waiting), Arc::clone(&respond));
            threads::spawn(format!("keys-{n}"), move || work(&waiting, &*respond))?;
        }
        Ok(Self(waiting))
    }

    /// Runs the server's part of a handshake on one of the threads and waits for it.
    ///
    /// # Errors
    /// [`ChannelError::Busy`] when the queue has no room for one from this address, or the wait was
    /// given up; else those of [`handshake::respond`].
    pub fn respond(&self, session: SessionId, peer: IpAddr, message_1: Vec<u8>) -> Response {
        let (response, done) = mpsc::sync_channel(1);
        let handshake = Handshake {
            message_1,
            networks: Networks::of(peer),
            since: Instant::now(),
            response,
        };
        if !self.0.queue().put(session, handshake) {
            return Err(ChannelError::Busy);
        }
        self.0.changed.notify_one();
        done.recv().unwrap_or(Err(ChannelError::Busy))
    }

    /// A connection has lost its place: if its handshake waits, nobody computes it.
    pub fn give_up(&self, session: SessionId) {
        drop(self.0.queue().take(session));
    }
}

impl Drop for HandshakeThreads {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.changed.notify_all();
    }
}

fn work(waiting: &Waiting, respond: &impl Fn(&[u8]) -> Response) {
    // On Linux the priority is the calling thread's. Where it can't be lowered, the work is done
    // all the same.
    let _ = rustix::process::setpriority_process(None, NICE);
    while let Some(job) = next(waiting) {
        // A fault that a stranger's bytes bring to light must end neither the thread, which all
        // others need, nor the process. What is computed is the handshake's own.
        let computed = catch_unwind(AssertUnwindSafe(|| respond(&job.message_1)));
        let response = computed.unwrap_or(Err(ChannelError::Busy));
        // The connection's thread may have ended.
        let _ = job.response.send(response);
    }
}

/// Waits for one; `None` at the end.
fn next(waiting: &Waiting) -> Option<Handshake> {
    let is_idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.closed;
    let queue = waiting.changed.wait_while(waiting.queue(), is_idle);
    queue.unwrap_or_else(PoisonError::into_inner).next()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use chatbox_common::secret::Secret;
    use chatbox_common::testkit::wait::eventually;

    use super::*;
    use crate::threads::testing::{in_a_copy, is_copy};

    struct Door {
        queue: Queue,
        last: SessionId,
    }

    impl Door {
        fn new() -> Self {
            let queue = Queue::new(Bounds::of(64));
            Self { queue, last: 0 }
        }

        fn put(&mut self, address: &str) -> Option<Receiver<Response>> {
            let (response, done) = mpsc::sync_channel(1);
            self.last += 1;
            let handshake = Handshake {
                message_1: address.as_bytes().to_vec(),
                networks: Networks::of(address.parse().unwrap()),
                since: Instant::now(),
                response,
            };
            self.queue.put(self.last, handshake).then_some(done)
        }
    }

    fn is_busy(done: &Receiver<Response>) -> bool {
        matches!(done.try_recv(), Err(mpsc::TryRecvError::Disconnected))
    }

    #[test]
    fn no_network_keeps_the_others_out_of_the_queue() {
        let mut door = Door::new();
        let mut flood = Vec::new();
        for host in 0..200 {
            for address in [
                format!("10.0.0.{host}"),
                format!("10.0.1.{host}"),
                format!("2001:db8:0:{host:x}::1"),
            ] {
                flood.extend(door.put(&address));
            }
        }
        assert_eq!(door.queue.waiting.len(), 64, "it is full");
        let person = door.put("192.0.2.1").unwrap();
        assert_eq!(door.queue.waiting.len(), 64, "somebody made room");
        for host in 0..200 {
            flood.extend(door.put(&format!("10.0.1.{host}")));
        }
        assert!(!is_busy(&person));
        assert!(flood.iter().any(is_busy));
    }

    #[test]
    fn who_is_alone_waits_for_no_flood_and_who_came_first_for_nobody_twice() {
        let mut door = Door::new();
        let flood = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
        let _waiting: Vec<_> = flood.iter().map(|address| door.put(address)).collect();
        let person = door.put("192.0.2.1");
        let mut next = || String::from_utf8(door.queue.next()?.message_1).ok();
        assert_eq!(next().as_deref(), Some("10.0.0.1"));
        assert_eq!(next().as_deref(), Some("192.0.2.1"));
        assert_eq!(next().as_deref(), Some("10.0.0.2"));
        assert_eq!(next().as_deref(), Some("10.0.0.3"));
        assert_eq!(next(), None);
        assert!(is_busy(&person.unwrap()) && door.queue.crowd.largest() == 0);
    }

    #[test]
    fn what_is_given_up_is_not_computed() {
        let mut door = Door::new();
        let gone = door.put("10.0.0.1").unwrap();
        assert!(door.queue.take(1).is_some() && door.queue.take(1).is_none());
        assert!(is_busy(&gone) && door.queue.next().is_none());
    }

    #[test]
    fn the_threads_answer_and_end_with_the_server() {
        let identity = Arc::new(ServerIdentity::from_private(Secret::random()));
        let threads = HandshakeThreads::start(1, &identity).unwrap();
        let peer = "192.0.2.1".parse().unwrap();
        let answered = threads.respond(7, peer, b"short".to_vec());
        assert!(matches!(answered, Err(ChannelError::Handshake(_))));
        let waiting = Arc::clone(&threads.0);
        drop(threads);
        assert!(next(&waiting).is_none());
    }

    #[test]
    fn a_handshake_that_fails_by_a_fault_of_ours_is_one_peer_s() {
        let respond = |message_1: &[u8]| -> Response {
            assert_ne!(message_1, b"fault", "on purpose");
            Err(ChannelError::NotChatBox)
        };
        let threads = HandshakeThreads::start_with(1, respond).unwrap();
        let peer = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            let failed = threads.respond(7, peer, b"fault".to_vec());
            assert!(matches!(failed, Err(ChannelError::Busy)));
            let next = threads.respond(7, peer, b"another".to_vec());
            assert!(matches!(next, Err(ChannelError::NotChatBox)));
        }
    }

    /// Fails where nobody can catch it: when it is thrown away.
    struct Twice;

    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("and again");
        }
    }

    #[test]
    fn a_thread_that_fails_by_itself_takes_the_process_along() {
        if is_copy() {
            let respond = |_: &[u8]| std::panic::panic_any(Twice);
            let threads = HandshakeThreads::start_with(1, respond).unwrap();
            let peer = "192.0.2.1".parse().unwrap();
            let _ = threads.respond(7, peer, b"fault".to_vec());
            eventually("the end of the process", || None::<()>);
            return;
        }
        let test = "handshakes::tests::a_thread_that_fails_by_itself_takes_the_process_along";
        let (code, said) = in_a_copy(test);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("the keys-0 thread has failed, and the server ends"),
            "{said}"
        );
    }
}
