//! A session over any byte stream: the handshake, then a sending and a receiving half.
//!
//! Connects the engine to `Read` and `Write`. It knows no socket, no deadline and no policy: a
//! read that times out comes back as the reader's own error, and nothing of what had arrived is
//! lost. The halves share nothing, so each can live on its own thread.

use std::io::{self, Read, Write};
use std::time::Instant;

use zeroize::Zeroize;

use crate::crypto::handshake::{
    ChannelBinding, ClientHandshake, HandshakeError, MESSAGE_1_LEN, MESSAGE_2_LEN, PREFACE,
    ServerKey, SessionKeys,
};
use crate::crypto::record::{
    KeyAge, OpenError, Opened, Opener, Rotation, SealError, Sealer, Stage,
};
use crate::wire::codec::{self, Malformed, Message};
use crate::wire::frame::{self, FrameBuffer, FrameLength, LENGTH_LEN};

/// Sent in place of message 2 by a server that has no room for another connection. It is not
/// authenticated, so a client only waits and tries again.
pub const BUSY_LINE: &[u8; 15] = b"CHATBOX/1 busy\n";

/// The beginning of every version's preface.
const PREFACE_NAME: &[u8; 8] = b"CHATBOX/";

/// How a line in place of message 2 begins; as a frame's length it would be far too long.
const LINE_START: &[u8; 2] = b"CH";

/// The longest line in place of message 2, in bytes, its line feed included.
pub(crate) const MAX_LINE: usize = 16;

/// Why a channel ended, or was not established.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The stream failed; [`io::ErrorKind::WouldBlock`] and [`io::ErrorKind::TimedOut`] mean
    /// that it may be read again.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The stream ended between two frames.
    #[error("the connection was closed")]
    Closed,
    /// The stream ended inside a frame or a preface.
    #[error("the connection was cut off in the middle of a message")]
    CutOff,
    /// The peer does not speak this protocol.
    #[error("the peer does not speak the ChatBox protocol")]
    NotChatBox,
    /// The version that the peer speaks or asked for; [`u32::MAX`] where it asked for more.
    #[error("the peer speaks another version of the ChatBox protocol: {0}")]
    Version(u32),
    /// The server has no room for another connection.
    #[error("the server is busy")]
    Busy,
    /// A frame is longer than allowed here.
    #[error(transparent)]
    Frame(#[from] FrameLength),
    /// The handshake failed.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A record was refused.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A record could not be sealed: the content does not fit, or the counter ran out.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A message was refused.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl ChannelError {
    /// Whether a read only timed out; the stream may then be read again.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        use io::ErrorKind::{TimedOut, WouldBlock};
        matches!(self, Self::Io(error) if matches!(error.kind(), WouldBlock | TimedOut))
    }
}

/// A connection after its handshake.
pub struct Channel {
    /// The sending half.
    pub sender: Sender,
    /// The receiving half.
    pub receiver: Receiver,
    /// What a login proof is bound to.
    pub binding: ChannelBinding,
}

/// Runs the client's side of the handshake. The server has proved that it owns the returned key;
/// the caller compares it with the pinned one.
///
/// # Errors
/// When the stream fails, the peer is no ChatBox server of this version, or the handshake fails.
pub fn connect<S: Read + Write>(stream: &mut S) -> Result<(Channel, ServerKey), ChannelError> {
    let (state, message_1) = ClientHandshake::start()?;
    let mut out = PREFACE.to_vec();
    frame::put(&message_1, &mut out)?;
    stream.write_all(&out)?;
    stream.flush()?;

    let mut frames = FrameBuffer::new();
    let (keys, server) = loop {
        if frames.pending().starts_with(LINE_START) {
            if let Some(refusal) = refusal(frames.pending()) {
                return Err(refusal);
            }
        } else if let Some(message_2) = frames
            .next_frame(MESSAGE_2_LEN..=MESSAGE_2_LEN)
            .map_err(|_| ChannelError::NotChatBox)?
        {
            break state.finish(message_2)?;
        }
        read(stream, &mut frames)?;
    };
    let SessionKeys {
        client_to_server,
        server_to_client,
        channel_binding,
    } = keys;
    let now = Instant::now();
    let channel = Channel {
        sender: Sender::new(Sealer::new(client_to_server, Rotation::default(), now)),
        receiver: Receiver::new(frames, Opener::new(server_to_client, now)),
        binding: channel_binding,
    };
    Ok((channel, server))
}

/// The meaning of a line in place of message 2; `None` while it is incomplete.
fn refusal(pending: &[u8]) -> Option<ChannelError> {
    let Some(end) = pending.iter().take(MAX_LINE).position(|&b| b == b'\n') else {
        return (pending.len() >= MAX_LINE).then_some(ChannelError::NotChatBox);
    };
    let line = pending.get(..end).unwrap_or_default();
    if BUSY_LINE.strip_suffix(b"\n") == Some(line) {
        return Some(ChannelError::Busy);
    }
    let version = line
        .strip_prefix(PREFACE_NAME)
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok());
    Some(version.map_or(ChannelError::NotChatBox, ChannelError::Version))
}

/// Reads the preface and message 1, asks `respond` for message 2 and the keys, and sends it.
///
/// `respond` runs [`respond`](crate::crypto::handshake::respond), on a thread of its choice.
/// `frames` holds bytes of this connection that were read before.
///
/// # Errors
/// [`ChannelError::Version`] after the peer was told which version is spoken here;
/// [`ChannelError::NotChatBox`] for anything else that is no preface; `respond`'s own errors.
pub fn accept<S: Read + Write>(
    stream: &mut S,
    mut frames: FrameBuffer,
    rotation: Rotation,
    respond: impl FnOnce(Vec<u8>) -> Result<(Vec<u8>, SessionKeys), ChannelError>,
) -> Result<Channel, ChannelError> {
    while frames.pending().len() < PREFACE.len() {
        check_preface(frames.pending(), stream)?;
        read(stream, &mut frames)?;
    }
    check_preface(frames.pending(), stream)?;
    frames.skip(PREFACE.len());
    let message_1 = loop {
        if let Some(message_1) = frames.next_frame(MESSAGE_1_LEN..=MESSAGE_1_LEN)? {
            break message_1.to_vec();
        }
        read(stream, &mut frames)?;
    };
    let (message_2, keys) = respond(message_1)?;
    let mut out = Vec::with_capacity(LENGTH_LEN + message_2.len());
    frame::put(&message_2, &mut out)?;
    stream.write_all(&out)?;
    stream.flush()?;
    let now = Instant::now();
    Ok(Channel {
        sender: Sender::new(Sealer::new(keys.server_to_client, rotation, now)),
        receiver: Receiver::new(frames, Opener::new(keys.client_to_server, now)),
        binding: keys.channel_binding,
    })
}

/// Refuses at the first byte that differs from the preface. A peer of another version is sent
/// this one's; every other peer gets no answer.
fn check_preface(pending: &[u8], stream: &mut impl Write) -> Result<(), ChannelError> {
    if pending.iter().zip(PREFACE).all(|(a, b)| a == b) {
        return Ok(());
    }
    if !pending.iter().zip(PREFACE_NAME).all(|(a, b)| a == b) {
        return Err(ChannelError::NotChatBox);
    }
    stream.write_all(PREFACE)?;
    stream.flush()?;
    let version = pending.iter().skip(PREFACE_NAME.len());
    let digits = version.take_while(|b| b.is_ascii_digit());
    Err(ChannelError::Version(digits.fold(0, |n: u32, b| {
        n.saturating_mul(10).saturating_add(u32::from(b - b'0'))
    })))
}

fn read(stream: &mut impl Read, frames: &mut FrameBuffer) -> Result<(), ChannelError> {
    loop {
        match stream.read(frames.space()) {
            Ok(0) if frames.is_partial() => return Err(ChannelError::CutOff),
            Ok(0) => return Err(ChannelError::Closed),
            Ok(count) => {
                frames.filled(count);
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The sending half.
pub struct Sender {
    sealer: Sealer,
    /// Messages in clear, wiped after each record: some of them carry secrets.
    clear: Vec<u8>,
    sealed: Vec<u8>,
}

impl Sender {
    const fn new(sealer: Sealer) -> Self {
        Self {
            sealer,
            clear: Vec::new(),
            sealed: Vec::new(),
        }
    }

    /// Seals one message into one record and writes it.
    ///
    /// # Errors
    /// When the message does not fit a record, or the stream fails: in both cases the channel
    /// is over, since a part of the record may have been written.
    pub fn send<M: Message>(
        &mut self,
        stream: &mut impl Write,
        message: &M,
    ) -> Result<(), ChannelError> {
        // Growing would leave copies of a secret behind that nobody wipes.
        self.clear.reserve(frame::IDLE_CAPACITY);
        codec::put(message, &mut self.clear);
        self.sealed.clear();
        let sealed = self
            .sealer
            .seal(&self.clear, Instant::now(), &mut self.sealed);
        self.clear.zeroize();
        sealed?;
        stream.write_all(&self.sealed)?;
        stream.flush()?;
        Ok(())
    }

    /// From the next record on, the sizes, padding and key updates of a session apply
    /// (docs/PROTOCOL.md, section 6.3).
    pub const fn begin_session(&mut self) {
        self.sealer.begin_session();
    }

    /// Epoch and age of this direction's key, for display.
    #[must_use]
    pub fn key_age(&self) -> KeyAge {
        self.sealer.key_age(Instant::now())
    }

    /// Gives out the sealer, for a caller that fills records itself.
    #[must_use]
    pub fn into_sealer(self) -> Sealer {
        self.sealer
    }
}

/// The receiving half.
pub struct Receiver {
    frames: FrameBuffer,
    opener: Opener,
}

impl Receiver {
    const fn new(frames: FrameBuffer, opener: Opener) -> Self {
        Self { frames, opener }
    }

    /// The content of the next record that has arrived whole: messages for
    /// [`codec::messages`]. Key updates are carried out on the way. `None` until
    /// [`Self::fill`] has read more.
    ///
    /// # Errors
    /// Each ends the channel.
    pub fn next_record(&mut self) -> Result<Option<&mut [u8]>, ChannelError> {
        while let Some(range) = self.frames.next_range(self.opener.stage().records())? {
            let record = self.frames.get_mut(range.clone());
            if let Opened::Messages(content) = self.opener.open(record, Instant::now())? {
                let length = content.len();
                let record = self.frames.get_mut(range);
                return Ok(Some(record.get_mut(..length).unwrap_or_default()));
            }
        }
        Ok(None)
    }

    /// Reads once from the stream.
    ///
    /// # Errors
    /// [`ChannelError::Closed`] or [`ChannelError::CutOff`] at the end of the stream; the
    /// reader's own errors, after which it may be called again where they are time-outs.
    pub fn fill(&mut self, stream: &mut impl Read) -> Result<(), ChannelError> {
        read(stream, &mut self.frames)
    }

    /// Whether a frame has begun and is not complete.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.frames.is_partial()
    }

    /// From the next record on, the sizes, padding and key updates of a session apply
    /// (docs/PROTOCOL.md, section 6.3).
    pub const fn begin_session(&mut self) {
        self.opener.begin_session();
    }

    /// Whether the rules before or after login apply.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.opener.stage()
    }

    /// Epoch and age of this direction's key, for display.
    #[must_use]
    pub fn key_age(&self) -> KeyAge {
        self.opener.key_age(Instant::now())
    }
}

#[cfg(test)]
#[path = "channel_tests.rs"]
mod tests;
