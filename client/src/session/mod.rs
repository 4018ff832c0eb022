//! The way to a server and what is said on it: connecting, registering, logging in, resuming, and
//! the two directions of a session.
//!
//! Owns sockets, deadlines and the protocol's order. Knows no terminal, no file and no policy:
//! whose key is trusted, what a person is asked and what is shown is decided by its callers,
//! `login` (before the login) and `app` (after it).

mod bounds;
mod change;
mod connect;
mod dial;
mod link;
mod login;

use std::io;
use std::time::Duration;

use chatbox_common::auth::scram::ScramError;
use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{ByeReason, ErrorCode};

use crate::address::ServerAddress;
pub use change::{Proof, Proved};
pub use connect::{Greeted, connect};
pub use link::{Ending, Heard, Link, UNANSWERED};
pub use login::{Confirmed, Entered, Ticket};

/// Why there is no session. A server's sentences are in it as they came, if it is one whose key was
/// known: the caller makes them fit for a terminal before showing one.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The host has no address.
    #[error("cannot find {server}: {}", reason(source))]
    Resolve {
        server: ServerAddress,
        source: io::Error,
    },
    /// No address of the host answers; the error is that of the last one tried.
    #[error("cannot connect to {server}: {}", reason(source))]
    Connect {
        server: ServerAddress,
        source: io::Error,
    },
    #[error("no encrypted connection to {server}: {source}")]
    Handshake {
        server: ServerAddress,
        source: ChannelError,
    },
    #[error("the server did not answer in time")]
    Timeout,
    #[error("the connection was cut off: {0}")]
    Channel(#[source] ChannelError),
    #[error("{sentence}")]
    Refused {
        code: ErrorCode,
        sentence: String,
        /// When the server wants to be asked again, if it says so.
        retry: Option<Duration>,
    },
    #[error("the server closed the connection: {sentence}")]
    Goodbye { reason: ByeReason, sentence: String },
    /// The server's challenge or its proof is wrong.
    #[error(transparent)]
    Scram(#[from] ScramError),
    /// A message that does not belong into this state, or a malformed one.
    #[error("the server does not keep to the protocol; the connection was closed")]
    Protocol,
}

/// The system's sentence, without the number that only a programmer can use.
fn reason(error: &io::Error) -> String {
    let said = error.to_string();
    let number = format!(" (os error {})", error.raw_os_error().unwrap_or_default());
    said.strip_suffix(&number).unwrap_or(&said).to_owned()
}

impl SessionError {
    /// A login, registration or resume was refused; the server does not tell what was wrong.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: ErrorCode::LoginRefused,
                ..
            } | Self::Goodbye {
                reason: ByeReason::LoginRefused,
                ..
            }
        )
    }

    /// When the server wants to be asked again, if it says so.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry, .. } => *retry,
            _ => None,
        }
    }
}

impl From<ChannelError> for SessionError {
    fn from(error: ChannelError) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Channel(error)
        }
    }
}
