//! The two halves of a session, a thread for each.

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

use super::{Entered, Ticket};

/// A server that is silent for so long is taken to be gone: it would have said goodbye before.
const SILENCE: Duration = SILENCE_TIMEOUT.saturating_add(Duration::from_secs(30));
/// A server that takes nothing for so long is taken to be gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What may wait to be said: more than all that is ever under way at a time. A server that lets it
/// fill up takes nothing.
const JOBS: usize = 1_024;
/// After so much silence of this side the server is given a sign of life, before it asks for one.
const QUIET: Duration = PING_AFTER.saturating_sub(Duration::from_secs(10));
/// How long the end of a session waits for what was said before it to be written.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// The number of requests whose answer nobody waits for.
const UNANSWERED: RequestId = 0;

/// What the reading thread has to tell.
#[derive(Debug)]
pub enum Heard {
    /// The messages of one record, in order.
    Messages(Vec<ServerMessage>),
    /// The server replaced its key; this is the number of the new one.
    NewKey(u64),
    /// Nothing more comes.
    Ended(Ending),
}

/// How a session ended.
#[derive(Debug)]
pub enum Ending {
    /// With a goodbye.
    Bye(Bye),
    /// Without one.
    CutOff(ChannelError),
}

/// What the writing thread is to do.
enum WriterJob {
    Say(ClientMessage),
    /// Say goodbye, and close this direction.
    SayBye,
}

/// A key: its number, and when it was first used.
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

/// A session: a thread reads what is heard, another one writes what is said, so that whoever says
/// something never waits for the network.
pub struct Link {
    socket: Arc<TcpStream>,
    /// Taken when nothing more is said.
    jobs: Option<SyncSender<WriterJob>>,
    /// Hung up by the writing thread when it has ended.
    written: Receiver<()>,
    sent: Arc<Mutex<KeyInUse>>,
    received: KeyInUse,
    binding: ChannelBinding,
}

impl Link {
    /// Splits a session. The reading thread calls `forward` with whatever it hears, in order,
    /// until that answers that nobody listens any more.
    ///
    /// # Errors
    /// When the system refuses a time-out or a thread.
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
                    // The reading thread tells the end, behind what the server said before it.
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

    /// Has one message sent, behind those before it. Where that fails later, the end of the session
    /// is heard of.
    ///
    /// # Errors
    /// When the server takes nothing any more; the session is over then.
    pub fn send(&self, message: ClientMessage) -> Result<(), ChannelError> {
        self.give(WriterJob::Say(message))
    }

    /// Says goodbye and closes this direction; what the server still says is heard.
    ///
    /// # Errors
    /// As [`Link::send`].
    pub fn say_bye(&self) -> Result<(), ChannelError> {
        self.give(WriterJob::SayBye)
    }

    fn give(&self, job: WriterJob) -> Result<(), ChannelError> {
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Err(TrySendError::Full(_))) => Err(io::Error::from(ErrorKind::TimedOut).into()),
            // The end of the session is heard of.
            Some(Ok(()) | Err(TrySendError::Disconnected(_))) | None => Ok(()),
        }
    }

    /// Notes that the server replaced its key.
    pub fn note_new_key(&mut self, epoch: u64) {
        self.received = KeyInUse(epoch, Instant::now());
    }

    /// What a proof on this line must be bound to.
    #[must_use]
    pub const fn binding(&self) -> &ChannelBinding {
        &self.binding
    }

    /// The keys in use: this side's and the server's.
    #[must_use]
    pub fn key_ages(&self) -> (KeyAge, KeyAge) {
        let sent = *self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        (sent.age(), self.received.age())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // What was said is written, if the server takes it now.
        self.jobs = None;
        let _ = self.written.recv_timeout(LAST_WORDS);
        // Ends the reading thread; a socket that is closed already makes this fail.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// Writes what it is given. Where nothing is said for a while it gives a sign of life, whatever keeps
/// the rest of the program: a person may think long about a question.
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
            // Nothing counts after a goodbye.
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

/// The messages of the next record, those of unknown types left out, up to a malformed one.
fn next(socket: &TcpStream, receiver: &mut channel::Receiver) -> Result<Messages, ChannelError> {
    loop {
        if let Some(content) = receiver.next_record()? {
            return Ok(codec::messages(content)
                .filter_map(|message| match message {
                    Ok(Read::Known(message)) => Some(Ok(message)),
                    Ok(Read::Unknown { .. }) => None,
                    Err(error) => Some(Err(error.into())),
                })
                .collect());
        }
        receiver.fill(&mut &*socket)?;
    }
}
