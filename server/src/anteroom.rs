//! Threads: some for those who are not logged in yet, and a fresh one for each session.
//!
//! What a thread has touched of its stack, and what its allocator keeps for it, stays with it. A
//! handshake and a login need three times what a session does; done by the session's own thread
//! they would stay resident for every idle member. So they run on threads that take the next
//! connection when one is through. There are as many as peers log in at the same time: nobody
//! waits for anybody else's silence.

use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connection::{Connection, Session};

/// A session's stack. Only what is touched of it costs memory.
const STACK: usize = 256 * 1024;
/// A login's. More than four times the other: the C library hands on the stacks of threads that
/// have ended, with what was touched of them, to threads that ask for a quarter and more.
const LOGIN_STACK: usize = 1280 * 1024;
/// Threads without a peer that are kept for the next one.
const MAX_IDLE: usize = 32;

/// Takes connections in. Cheap to clone.
#[derive(Clone, Default)]
pub struct Anteroom {
    /// The ways to the threads that wait, each of them for one connection.
    idle: Arc<Mutex<Vec<SyncSender<Connection>>>>,
}

impl Anteroom {
    fn idle(&self) -> MutexGuard<'_, Vec<SyncSender<Connection>>> {
        // A list of senders is whole at every step.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a connection a thread.
    ///
    /// # Errors
    /// When the system refuses one; the connection has ended then.
    pub fn take(&self, mut connection: Connection) -> io::Result<()> {
        loop {
            let waiting = self.idle().pop();
            let Some(waiting) = waiting else { break };
            match waiting.send(connection) {
                Ok(()) => return Ok(()),
                Err(back) => connection = back.0,
            }
        }
        let anteroom = self.clone();
        std::thread::Builder::new()
            .name(format!("login-{}", connection.number()))
            .stack_size(LOGIN_STACK)
            .spawn(move || anteroom.work(connection))?;
        Ok(())
    }

    fn work(&self, mut connection: Connection) {
        let (own, next) = mpsc::sync_channel(1);
        loop {
            if let Some(session) = connection.enter() {
                begin(session);
            }
            {
                let mut idle = self.idle();
                if idle.len() >= MAX_IDLE {
                    return;
                }
                idle.push(own.clone());
            }
            let Ok(another) = next.recv() else { return };
            connection = another;
        }
    }
}

fn begin(session: Box<Session>) {
    let number = session.number();
    let spawned = std::thread::Builder::new()
        .name(format!("conn-{number}"))
        .stack_size(STACK)
        .spawn(move || session.run());
    if let Err(error) = spawned {
        // The session went with the thread: its peer finds the line closed, and tries again.
        log::error!("no thread for session {number}: {error}");
    }
}
