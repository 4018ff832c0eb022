//! The two halves of a session: this end writes, a thread of its own reads.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};

use chatbox_common::channel::{ChannelError, Receiver, Sender};
use chatbox_common::crypto::handshake::ChannelBinding;
use chatbox_common::crypto::record::KeyAge;
use chatbox_common::wire::codec::{self, Read};
use chatbox_common::wire::message::{Bye, ByeReason, ClientMessage, ServerMessage};

use super::{Entered, Ticket};

/// A server that is silent for so long is taken to be gone: it asks for a sign of life after 60 s.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(150);
/// A server that takes nothing for so long is taken to be gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

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

/// The writing half, and the state of both keys.
pub struct Link {
    socket: Arc<TcpStream>,
    sender: Sender,
    received: (u64, Instant),
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
        socket.set_read_timeout(Some(SILENCE_TIMEOUT))?;
        socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let KeyAge { epoch, age } = receiver.key_age();
        let now = Instant::now();
        let reading = Arc::clone(&socket);
        thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || read_all(&reading, receiver, forward))?;
        let link = Self {
            socket,
            sender,
            received: (epoch, now.checked_sub(age).unwrap_or(now)),
            binding,
        };
        Ok((link, ticket))
    }

    /// Sends one message.
    ///
    /// # Errors
    /// When the server does not take it; the session is over then.
    pub fn send(&mut self, message: &ClientMessage) -> Result<(), ChannelError> {
        self.sender.send(&mut &*self.socket, message)
    }

    /// Says goodbye and closes this direction; what the server still says is heard.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn say_bye(&mut self) -> Result<(), ChannelError> {
        self.send(&ClientMessage::Bye(Bye {
            reason: ByeReason::Quit,
            text: String::new(),
        }))?;
        self.socket.shutdown(Shutdown::Write)?;
        Ok(())
    }

    /// Notes that the server replaced its key.
    pub fn note_new_key(&mut self, epoch: u64) {
        self.received = (epoch, Instant::now());
    }

    /// What a proof on this line must be bound to.
    #[must_use]
    pub const fn binding(&self) -> &ChannelBinding {
        &self.binding
    }

    /// The keys in use: this side's and the server's.
    #[must_use]
    pub fn key_ages(&self) -> (KeyAge, KeyAge) {
        let (epoch, since) = self.received;
        let age = since.elapsed();
        (self.sender.key_age(), KeyAge { epoch, age })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Ends the reading thread; a socket that is closed already makes this fail.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn read_all(socket: &TcpStream, mut receiver: Receiver, mut forward: impl FnMut(Heard) -> bool) {
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
fn next(socket: &TcpStream, receiver: &mut Receiver) -> Result<Messages, ChannelError> {
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
