//! A few threads that compute the keys of handshakes.
//!
//! An ML-KEM operation touches tens of KiB of stack, which would stay with the thread of every
//! connection, and a flood of handshakes must not take the processor from those who are logged in.
//! So these threads run at low priority behind a bounded queue. The connection's own thread does
//! the reading and writing, and waits for the result.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};

use chatbox_common::channel::ChannelError;
use chatbox_common::crypto::handshake::{self, ServerIdentity, SessionKeys};

/// Handshakes that may wait; the next one is refused as busy.
const QUEUE: usize = 256;
/// Added to their niceness, so that the threads of sessions go first.
const NICE: i32 = 10;

type Response = Result<(Vec<u8>, SessionKeys), ChannelError>;

struct Handshake {
    message_1: Vec<u8>,
    response: SyncSender<Response>,
}

/// A handle on the threads. Cheap to clone.
#[derive(Clone)]
pub struct HandshakeThreads {
    queue: SyncSender<Handshake>,
}

impl HandshakeThreads {
    /// Starts the threads, which end when the last handle is dropped.
    pub fn start(threads: usize, identity: &Arc<ServerIdentity>) -> io::Result<Self> {
        let (queue, receiver) = mpsc::sync_channel(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..threads.max(1) {
            let receiver = Arc::clone(&receiver);
            let identity = Arc::clone(identity);
            std::thread::Builder::new()
                .name(format!("keys-{n}"))
                .spawn(move || work(&receiver, &identity))?;
        }
        Ok(Self { queue })
    }

    /// Runs the server's part of a handshake on one of the threads and waits for it.
    ///
    /// # Errors
    /// [`ChannelError::Busy`] when the queue is full; else those of [`handshake::respond`].
    pub fn respond(&self, message_1: Vec<u8>) -> Response {
        let (response, done) = mpsc::sync_channel(1);
        match self.queue.try_send(Handshake {
            message_1,
            response,
        }) {
            Ok(()) => done.recv().unwrap_or(Err(ChannelError::Busy)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(ChannelError::Busy),
        }
    }
}

fn work(receiver: &Mutex<Receiver<Handshake>>, identity: &ServerIdentity) {
    // On Linux the priority is the calling thread's. Where it can't be lowered, the work is done
    // all the same.
    let _ = rustix::process::setpriority_process(None, NICE);
    loop {
        let job = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = job else { return };
        let response = handshake::respond(identity, &job.message_1).map_err(ChannelError::from);
        // The connection's thread may have ended.
        let _ = job.response.send(response);
    }
}
