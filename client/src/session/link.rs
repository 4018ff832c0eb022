//! The two directions of a session, a thread for each. Made by `app`.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::channel::{self, ChannelError, Sender};
use chatbox_common::crypto::handshake::ChannelBinding;
use chatbox_common::crypto::record::KeyAge;
use chatbox_common::limits::{PING_AFTER, SILENCE_TIMEOUT};
use chatbox_common::wire::codec::{self, Read};
use chatbox_common::wire::message::{
    Bye, ByeReason, ClientMessage, Plain, RequestId, ServerMessage,
};

use super::bounds::bound;
use super::{Entered, Ticket};

/// A server that is silent for so long is taken to be gone: it would have ended the session before.
const SILENCE: Duration = SILENCE_TIMEOUT.saturating_add(Duration::from_secs(30));
/// A server that accepts no bytes for so long is taken to be gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Messages that may wait to be written: more than are ever under way at a time. With the queue
/// full, the server is taken to be gone.
const JOBS: usize = 1_024;
/// After so long without a message of this side a ping is sent, before the server sends one.
const QUIET: Duration = PING_AFTER.saturating_sub(Duration::from_secs(10));
/// How long dropping a session waits for what was sent before to be written.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// The number of requests whose answer, also a refusal, is ignored.
pub const UNANSWERED: RequestId = 0;

/// What the reading thread reports.
#[derive(Debug)]
pub enum Heard {
    Messages(Vec<ServerMessage>),
    /// The server replaced its key; the number is the new one's.
    NewKey(u64),
    /// The last report.
    Ended(Ending),
}

#[derive(Debug)]
pub enum Ending {
    Bye(Bye),
    /// Without a goodbye, or by a fault of the server.
    CutOff(ChannelError),
}

enum WriterJob {
    Say(ClientMessage),
    /// Says goodbye, and closes this direction.
    SayBye,
}

/// The key's number, and when it was first used.
#[derive(Clone, Copy)]
struct KeyInUse(u64, Instant);

impl KeyInUse {
    fn of(age: KeyAge) -> Self {
        let now = Instant::now();
        Self(age.epoch, now.checked_sub(age.age).unwrap_or(now))
    }

    fn age(self) -> KeyAge {
        let Self(epoch, since) = self;
        let age = since.elapsed();
        KeyAge { epoch, age }
    }
}

/// A session: one thread reads, another one writes, so that a caller never waits for the network.
pub struct Link {
    socket: Arc<TcpStream>,
    /// `None` ends the writing thread, behind what it was given.
    jobs: Option<SyncSender<WriterJob>>,
    /// Disconnected by the end of the writing thread.
    written: Receiver<()>,
    sent: Arc<Mutex<KeyInUse>>,
    received: KeyInUse,
    binding: ChannelBinding,
}

impl Link {
    /// Starts both threads. The reading one calls `forward` with all that it hears, in order, until
    /// `forward` returns false.
    pub fn start(
        entered: Entered,
        forward: impl FnMut(Heard) -> bool + Send + 'static,
    ) -> io::Result<(Self, Ticket)> {
        let Entered {
            ticket,
            socket,
            sender,
            receiver,
            binding,
            ..
        } = entered;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let received = KeyInUse::of(receiver.key_age());
        let sent = Arc::new(Mutex::new(KeyInUse::of(sender.key_age())));
        let (jobs, waiting) = mpsc::sync_channel(JOBS);
        let (hold, written) = mpsc::sync_channel(0);
        let (read, write) = (Arc::clone(&socket), Arc::clone(&socket));
        let key = Arc::clone(&sent);
        thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                let _hold: SyncSender<()> = hold;
                if write_all(&write, sender, &waiting, &key).is_err() {
                    // The reading thread reports the end, behind what the server said before it.
                    let _ = write.shutdown(Shutdown::Both);
                }
            })?;
        thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || read_all(&read, receiver, forward))?;
        let link = Self {
            socket,
            jobs: Some(jobs),
            written,
            sent,
            received,
            binding,
        };
        Ok((link, ticket))
    }

    /// Queues one message. If writing it fails later, the end of the session is reported as
    /// [`Heard::Ended`].
    ///
    /// # Errors
    /// When the queue is full: the server accepts nothing, and the session is over.
    pub fn send(&self, message: ClientMessage) -> Result<(), ChannelError> {
        self.give(WriterJob::Say(message))
    }

    /// Queues a goodbye, behind which this direction is closed; what the server still says is
    /// heard.
    ///
    /// # Errors
    /// As [`Link::send`].
    pub fn say_bye(&self) -> Result<(), ChannelError> {
        self.give(WriterJob::SayBye)
    }

    fn give(&self, job: WriterJob) -> Result<(), ChannelError> {
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Err(TrySendError::Full(_))) => Err(io::Error::from(ErrorKind::TimedOut).into()),
            // The reading thread reports the end of the session.
            Some(Ok(()) | Err(TrySendError::Disconnected(_))) | None => Ok(()),
        }
    }

    pub fn note_new_key(&mut self, epoch: u64) {
        self.received = KeyInUse(epoch, Instant::now());
    }

    /// Proofs in this session must be bound to it.
    #[must_use]
    pub const fn binding(&self) -> &ChannelBinding {
        &self.binding
    }

    /// This side's key, and the server's.
    #[must_use]
    pub fn key_ages(&self) -> (KeyAge, KeyAge) {
        let sent = *self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        (sent.age(), self.received.age())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // What was queued is written, if the server accepts it at once.
        self.jobs = None;
        let _ = self.written.recv_timeout(LAST_WORDS);
        // Ends the reading thread; it fails where the socket is closed already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// Pings after [`QUIET`] by itself, whatever the rest of the program waits for: a person may think
/// long about a question.
fn write_all(
    socket: &TcpStream,
    mut sender: Sender,
    jobs: &Receiver<WriterJob>,
    key: &Mutex<KeyInUse>,
) -> Result<(), ChannelError> {
    loop {
        let (message, is_last) = match jobs.recv_timeout(QUIET) {
            Ok(WriterJob::Say(message)) => (message, false),
            Ok(WriterJob::SayBye) => (goodbye(), true),
            Err(RecvTimeoutError::Timeout) => {
                let request = UNANSWERED;
                (ClientMessage::Ping(Plain { request }), false)
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        sender.send(&mut &*socket, &message)?;
        let now = sender.key_age();
        let mut key = key.lock().unwrap_or_else(PoisonError::into_inner);
        if key.0 != now.epoch {
            *key = KeyInUse::of(now);
        }
        if is_last {
            return Ok(socket.shutdown(Shutdown::Write)?);
        }
    }
}

fn goodbye() -> ClientMessage {
    ClientMessage::Bye(Bye {
        reason: ByeReason::Quit,
        text: String::new(),
    })
}

fn read_all(
    socket: &TcpStream,
    mut receiver: channel::Receiver,
    mut forward: impl FnMut(Heard) -> bool,
) {
    let mut epoch = receiver.key_age().epoch;
    loop {
        let heard = match next(socket, &mut receiver) {
            Ok(messages) => messages,
            Err(error) => {
                forward(Heard::Ended(Ending::CutOff(error)));
                return;
            }
        };
        let now = receiver.key_age().epoch;
        if std::mem::replace(&mut epoch, now) != now && !forward(Heard::NewKey(now)) {
            return;
        }
        let mut messages = Vec::with_capacity(heard.len());
        let mut ending = None;
        for message in heard {
            match message {
                Ok(ServerMessage::Bye(bye)) => ending = Some(Ending::Bye(bye)),
                Ok(message) => messages.push(message),
                Err(error) => ending = Some(Ending::CutOff(error)),
            }
            // Nothing counts behind a goodbye.
            if ending.is_some() {
                break;
            }
        }
        if !messages.is_empty() && !forward(Heard::Messages(messages)) {
            return;
        }
        if let Some(ending) = ending {
            forward(Heard::Ended(ending));
            return;
        }
    }
}

type Messages = Vec<Result<ServerMessage, ChannelError>>;

/// The messages of the next record up to a malformed one, those of unknown types left out
/// (docs/PROTOCOL.md, 17).
fn next(socket: &TcpStream, receiver: &mut channel::Receiver) -> Result<Messages, ChannelError> {
    loop {
        if let Some(content) = receiver.next_record()? {
            return Ok(codec::messages(content)
                .filter_map(|message| match message {
                    Ok(Read::Known(mut message)) => {
                        bound(&mut message);
                        Some(Ok(message))
                    }
                    Ok(Read::Unknown { .. }) => None,
                    Err(error) => Some(Err(error.into())),
                })
                .collect());
        }
        receiver.fill(&mut &*socket)?;
    }
}
