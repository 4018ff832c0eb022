//! A few threads for the key computations of handshakes.
//!
//! An ML-KEM operation touches tens of KiB of stack that would then stay with the thread of every
//! connection; and a flood of handshakes must not take the processor from those who are in. So
//! these threads run at low priority behind a bounded queue, and a connection's own thread, which
//! keeps the reading and writing, asks and waits.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};

use chatbox_common::channel::ChannelError;
use chatbox_common::crypto::handshake::{self, ServerIdentity, SessionKeys};

/// Handshakes that may wait; one more is refused as busy.
const QUEUE: usize = 256;
/// How much lower than the rest these threads rank (`nice`).
const NICE: i32 = 10;

type Response = Result<(Vec<u8>, SessionKeys), ChannelError>;

struct Handshake {
    message_1: Vec<u8>,
    response: SyncSender<Response>,
}

/// The way to the key threads. Cheap to clone.
#[derive(Clone)]
pub struct HandshakeThreads {
    queue: SyncSender<Handshake>,
}

impl HandshakeThreads {
    /// Starts the threads. They end when the last handle is dropped.
    ///
    /// # Errors
    /// When the system refuses a thread.
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
    /// [`ChannelError::Busy`] when too many wait already; else those of [`handshake::respond`].
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
    // On Linux the priority is the calling thread's own; without it the work is merely less kind.
    let _ = rustix::process::setpriority_process(None, NICE);
    loop {
        let job = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = job else { return };
        let response = handshake::respond(identity, &job.message_1).map_err(ChannelError::from);
        // Whoever asked may have gone.
        let _ = job.response.send(response);
    }
}
