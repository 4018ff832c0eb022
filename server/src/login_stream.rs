//! The stream to a peer before it is logged in: blocking, owned by one login thread, under a
//! deadline that a trickle of bytes can't stretch. Also how any connection ends ([`End`]).

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use chatbox_common::channel::{Channel, ChannelError, Receiver, Sender};
use chatbox_common::crypto::handshake::ChannelBinding;
use chatbox_common::deadline::Deadlined;
use chatbox_common::limits::MAX_UNKNOWN_BEFORE_LOGIN;
use chatbox_common::wire::codec::{self, Malformed, Read as Message};
use chatbox_common::wire::message::{
    Bye, ByeReason, ClientMessage, ErrorCode, ErrorMessage, RequestId, ServerMessage,
};

use crate::connections::Full;
use crate::journal::{LOGGED_OUT, Unavailable};

/// Why a connection ends; each has its goodbye and its word in the log.
#[derive(Debug, thiserror::Error)]
pub enum End {
    #[error("the peer said goodbye")]
    Quit,
    /// The peer broke the protocol, or the connection failed.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("a message came that does not belong here")]
    WrongState,
    /// Nothing came in time, or not the whole of a frame.
    #[error("the peer was silent for too long")]
    Timeout,
    #[error("the login was refused")]
    Refused,
    #[error("too many attempts from this address")]
    Throttled,
    /// The account has, or its address has without success.
    #[error("too many sessions were resumed")]
    TooManyResumes,
    /// The peer went on after it was told to wait: see `account_budget::MAX_REFUSED`.
    #[error("the peer went on sending too fast")]
    Flood,
    #[error("the database is not available: {0}")]
    Store(String),
    /// The audit files can't be written, and what they could not tell of must not happen.
    #[error("the audit can't be written")]
    Unrecorded,
    #[error("the server stops")]
    Shutdown,
    /// The account has `MAX_SESSIONS` sessions already.
    #[error("the account has too many sessions")]
    TooManySessions,
    #[error("the account was logged out")]
    LoggedOut,
    /// Too many wrong proofs of password and code within a session.
    #[error("too many wrong passwords or codes")]
    Distrusted,
    /// Somebody else got its place, or there was none for it to go on.
    #[error("the server needed the place for others")]
    MadeRoom,
    /// The delivery thread gave the session up because its socket failed.
    #[error("the connection was lost")]
    Lost,
}

impl End {
    /// What is said to the peer; `None` where it can't be listening any more.
    #[must_use]
    pub fn bye(&self) -> Option<Bye> {
        let (reason, text) = match self {
            Self::Quit => (ByeReason::Quit, "goodbye"),
            Self::Channel(ChannelError::Closed | ChannelError::CutOff | ChannelError::Io(_))
            | Self::Lost => return None,
            Self::Channel(_) | Self::WrongState => (
                ByeReason::Protocol,
                "something came that the protocol does not allow",
            ),
            Self::Timeout => (ByeReason::Timeout, "nothing came for too long"),
            Self::Refused => (ByeReason::LoginRefused, "the login was refused"),
            Self::Throttled => (
                ByeReason::LoginRefused,
                "too many attempts from this address; wait a little",
            ),
            Self::TooManyResumes => (
                ByeReason::Busy,
                "too many sessions have begun; wait a little",
            ),
            Self::Flood => (ByeReason::Flood, "too many messages, again and again"),
            Self::Store(_) => (
                ByeReason::Busy,
                "the server can't reach its database just now",
            ),
            Self::Unrecorded => (
                ByeReason::Busy,
                "the server can't keep its records just now",
            ),
            Self::Shutdown => (ByeReason::Shutdown, "the server stops"),
            Self::TooManySessions => (ByeReason::Busy, "you have too many sessions open"),
            Self::MadeRoom => (
                ByeReason::Busy,
                "the server needs the place for others; try again",
            ),
            Self::LoggedOut => (ByeReason::LoggedOut, LOGGED_OUT),
            Self::Distrusted => (ByeReason::LoggedOut, "too many wrong passwords or codes"),
        };
        Some(Bye {
            reason,
            text: text.to_owned(),
        })
    }

    /// The peer vanished without a goodbye: it may resume.
    #[must_use]
    pub const fn is_cut_off(&self) -> bool {
        matches!(
            self,
            Self::Channel(ChannelError::Closed | ChannelError::CutOff | ChannelError::Io(_))
                | Self::Timeout
                | Self::Lost
        )
    }

    /// For the log: an operator searches for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::Channel(ChannelError::Closed | ChannelError::CutOff) => "cut_off",
            Self::Channel(ChannelError::Io(_)) | Self::Lost => "lost",
            Self::Channel(ChannelError::NotChatBox) => "not_chatbox",
            Self::Channel(ChannelError::Version(_)) => "other_version",
            Self::Channel(ChannelError::Busy) => "busy",
            Self::Channel(ChannelError::Handshake(_)) => "handshake",
            Self::Channel(_) | Self::WrongState => "protocol",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Throttled | Self::TooManyResumes => "throttled",
            Self::Flood => "flood",
            Self::Store(_) => "database",
            Self::Unrecorded => "unrecorded",
            Self::Shutdown => "shutdown",
            Self::TooManySessions => "too_many_sessions",
            Self::MadeRoom => "made_room",
            Self::LoggedOut => "logged_out",
            Self::Distrusted => "wrong_proofs",
        }
    }

    pub fn store(error: impl std::fmt::Display) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<Full> for End {
    fn from(full: Full) -> Self {
        match full {
            Full::Stopping => Self::Shutdown,
            Full::MadeRoom => Self::MadeRoom,
            Full::Cap => Self::TooManySessions,
        }
    }
}

/// Both directions of a peer that is logged in, under the rules after login.
pub struct Opened {
    /// Sealed records that go out before anything else.
    pub greeting: Vec<u8>,
    pub sender: Sender,
    pub receiver: Receiver,
    /// A later proof must be bound to it.
    pub binding: ChannelBinding,
}

pub struct LoginStream<'a> {
    stream: Deadlined<'a>,
    sender: Sender,
    receiver: Receiver,
    binding: ChannelBinding,
    /// Messages of the last record that were not asked for yet, up to the first malformed one,
    /// behind which nothing is carried out.
    pending: VecDeque<Result<Message<ClientMessage>, Malformed>>,
    /// Sealed records that were not written yet.
    sealed: Vec<u8>,
    /// A record may have been written in part: nothing can follow it.
    broken: bool,
    /// Messages of unknown types that have come.
    unknown: u32,
}

impl<'a> LoginStream<'a> {
    #[must_use]
    pub fn new(socket: &'a TcpStream, channel: Channel, within: Duration) -> Self {
        Self {
            stream: Deadlined::new(socket, within),
            sender: channel.sender,
            receiver: channel.receiver,
            binding: channel.binding,
            pending: VecDeque::new(),
            sealed: Vec::new(),
            broken: false,
            unknown: 0,
        }
    }

    /// What a login's proof must be bound to.
    #[must_use]
    pub const fn binding(&self) -> &[u8; 32] {
        self.binding.as_bytes()
    }

    /// From now, whatever was left.
    pub fn set_deadline(&mut self, within: Duration) {
        self.stream.extend(within);
    }

    pub fn receive(&mut self) -> Result<Message<ClientMessage>, End> {
        loop {
            if let Some(message) = self.pending.pop_front() {
                return message.map_err(|error| End::Channel(error.into()));
            }
            if let Some(content) = self.receiver.next_record()? {
                self.pending.extend(codec::messages(content));
            } else {
                self.receiver.fill(&mut self.stream).map_err(timed)?;
            }
        }
    }

    pub fn send(&mut self, message: &ServerMessage) -> Result<(), End> {
        self.send_later(message)?;
        let sent = self.stream.write_all(&self.sealed);
        self.sealed.clear();
        self.broken |= sent.is_err();
        sent.map_err(|error| timed(error.into()))
    }

    /// Seals one message, which goes out with the next one: with the session's first, if it begins.
    pub fn send_later(&mut self, message: &ServerMessage) -> Result<(), End> {
        let sealed = self.sender.send(&mut self.sealed, message);
        self.broken |= sealed.is_err();
        Ok(sealed?)
    }

    /// Refuses a request; the connection goes on.
    pub fn refuse(&mut self, request: RequestId, code: ErrorCode, why: &str) -> Result<(), End> {
        self.error(Some(request), code, why, None)
    }

    /// Refuses a request of an address that has used up its attempts; the connection ends.
    pub fn throttle(&mut self, request: RequestId, wait: Duration) -> End {
        let sentence = too_many_attempts(wait);
        let retry_ms = retry_ms(wait);
        match self.error(Some(request), ErrorCode::Busy, &sentence, Some(retry_ms)) {
            Ok(()) => End::Throttled,
            Err(end) => end,
        }
    }

    /// Refuses a resume that is to be tried again after `wait`; the connection ends.
    pub fn come_back(&mut self, request: RequestId, whose: &str, wait: Duration) -> End {
        let seconds = wait.as_secs() + 1;
        let sentence =
            format!("too many sessions of your {whose} have begun; try again in {seconds} s");
        let retry_ms = retry_ms(wait);
        match self.error(Some(request), ErrorCode::Busy, &sentence, Some(retry_ms)) {
            Ok(()) => End::TooManyResumes,
            Err(end) => end,
        }
    }

    /// Answers a message of a type that this version does not know (PROTOCOL.md, section 17).
    /// After [`MAX_UNKNOWN_BEFORE_LOGIN`] the connection ends: what is said to a peer that reads
    /// nothing fits into the socket's buffer, so that this thread never waits for it, and ends as
    /// soon as somebody else needs the place.
    pub fn unsupported(&mut self, kind: u32, request: Option<RequestId>) -> Result<(), End> {
        self.unknown += 1;
        if self.unknown > MAX_UNKNOWN_BEFORE_LOGIN {
            return Err(End::WrongState);
        }
        let sentence = format!("messages of type {kind} are not known here");
        self.error(request, ErrorCode::Unsupported, &sentence, None)
    }

    fn error(
        &mut self,
        request: Option<RequestId>,
        code: ErrorCode,
        text: &str,
        retry_ms: Option<u32>,
    ) -> Result<(), End> {
        self.send(&ServerMessage::Error(ErrorMessage {
            request,
            code,
            text: text.to_owned(),
            retry_ms,
        }))
    }

    /// The database could not keep what was asked for; the connection ends.
    pub fn unavailable(&mut self, request: RequestId, error: Unavailable) -> End {
        let sentence = error.to_string();
        match self.refuse(request, ErrorCode::Unavailable, &sentence) {
            Ok(()) => End::Store(sentence),
            Err(end) => end,
        }
    }

    /// Within one second. Nothing is said behind a record that was written in part.
    pub fn say_bye(&mut self, end: &End) {
        if let Some(bye) = end.bye().filter(|_| !self.broken) {
            self.set_deadline(Duration::from_secs(1));
            // The peer may be gone.
            let _ = self.send(&ServerMessage::Bye(bye));
        }
    }

    /// Gives both directions to the session. A record with more in it than its login is a fault:
    /// what follows would have been read under the rules before login.
    pub fn into_session(mut self) -> Result<Opened, End> {
        if !self.pending.is_empty() {
            return Err(End::WrongState);
        }
        self.sender.begin_session();
        self.receiver.begin_session();
        Ok(Opened {
            greeting: self.sealed,
            sender: self.sender,
            receiver: self.receiver,
            binding: self.binding,
        })
    }
}

/// Not a moment too soon.
#[must_use]
pub fn retry_ms(wait: Duration) -> u32 {
    u32::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[must_use]
pub fn too_many_attempts(wait: Duration) -> String {
    let seconds = wait.as_secs() + 1;
    format!("too many attempts from your address; try again in {seconds} s")
}

fn timed(error: ChannelError) -> End {
    if error.is_timeout() {
        End::Timeout
    } else {
        End::Channel(error)
    }
}
