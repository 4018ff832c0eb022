//! The threads of connections: a few for logins, and a fresh one for each session.
//!
//! A thread keeps what it has touched of its stack, and what its allocator holds for it. A
//! handshake and a login touch three times what a session does; on the session's own thread that
//! would stay resident for every idle member. So logins run on threads that take the next
//! connection when one is through. There are as many as peers log in at the same time: no login
//! waits for the silence of another peer.

use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::connection::{Connection, Session};
use crate::threads;

/// In bytes. Only what a session touches of its stack costs memory.
const STACK: usize = 256 * 1024;
/// In bytes, more than four times [`STACK`]: the C library gives the stack of a thread that has
/// ended, with what was touched of it, to a new thread that asks for at least a quarter of its
/// size.
const LOGIN_STACK: usize = 1280 * 1024;
/// Login threads that are kept for the next connection while they have none.
const MAX_IDLE: usize = 32;
/// And for how long: after a rush of logins their memory is given back.
const IDLE: Duration = Duration::from_millis(500);

/// Gives connections to threads. Cheap to clone.
#[derive(Clone, Default)]
pub struct ConnectionThreads(Arc<Threads>);

#[derive(Default)]
struct Threads {
    /// The threads that wait, each for one connection.
    idle: Mutex<Vec<(ThreadId, SyncSender<Connection>)>>,
    /// Held by a login's thread from the start of the session's thread until it waits or ends
    /// itself: `capacity` counts one thread for each connection, and few beside.
    handover: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A list of senders is whole at every step, also where a thread panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ConnectionThreads {
    /// Gives a connection to a login thread that waits, or to a new one. An error ends the
    /// connection.
    pub fn take(&self, mut connection: Connection) -> io::Result<()> {
        loop {
            let waiting = lock(&self.0.idle).pop();
            let Some((_, waiting)) = waiting else { break };
            match waiting.send(connection) {
                Ok(()) => return Ok(()),
                Err(back) => connection = back.0,
            }
        }
        let waiting_threads = Arc::clone(&self.0);
        threads::for_one("login", LOGIN_STACK, move || {
            waiting_threads.work(connection);
        })?;
        Ok(())
    }
}

impl Threads {
    fn work(&self, mut connection: Connection) {
        let (own, next) = mpsc::sync_channel(1);
        let me = thread::current().id();
        let refused = loop {
            let entered = connection.enter();
            {
                let _one = lock(&self.handover);
                let refused = entered.and_then(begin);
                if refused.is_some() {
                    break refused;
                }
                let mut idle = lock(&self.idle);
                if idle.len() >= MAX_IDLE {
                    return;
                }
                idle.push((me, own.clone()));
            }
            let mut another = next.recv_timeout(IDLE).ok();
            if another.is_none() && self.is_wanted(me) {
                another = next.recv().ok();
            }
            let Some(another) = another else { return };
            connection = another;
        };
        if let Some(session) = refused {
            // The session runs on the large stack, which costs memory until it ends, but no peer
            // that is logged in is sent away.
            session.run();
        }
    }

    /// Takes a thread that has waited long enough off the list. If it is not on it any more, a
    /// connection is on its way to it.
    fn is_wanted(&self, thread: ThreadId) -> bool {
        let mut idle = lock(&self.idle);
        let before = idle.len();
        idle.retain(|(number, _)| *number != thread);
        idle.len() == before
    }
}

/// Starts a session on a thread of its own; gives it back where the system refuses one.
fn begin(session: Box<Session>) -> Option<Box<Session>> {
    let name = format!("conn-{}", session.number());
    let place = Arc::new(Mutex::new(Some(session)));
    let taken = Arc::clone(&place);
    let spawned = threads::for_one(&name, STACK, move || {
        let session = lock(&taken).take();
        drop(taken);
        if let Some(session) = session {
            session.run();
        }
    });
    let error = spawned.err()?;
    log::error!("no thread for a session: {error}");
    lock(&place).take()
}
