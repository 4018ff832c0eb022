//! The way to a server and what is said on it: connecting, registering, logging in, resuming,
//! and the two halves of a session.
//!
//! Owns sockets, deadlines and the protocol's order. Knows no terminal, no file and no policy:
//! whose key is trusted, what a person is asked and what is shown is decided by its callers,
//! `login` (before the login) and `app` (after it).

mod change;
mod connect;
mod link;
mod login;

use std::io;

use chatbox_common::auth::scram::ScramError;
use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{ByeReason, ErrorCode};

use crate::address::ServerAddress;
pub use change::{Proof, Proved};
pub use connect::{Greeted, connect};
pub use link::{Ending, Heard, Link};
pub use login::{Confirmed, Entered, Ticket};

/// Why there is no session. Sentences that came from the server are in it as they came: whoever
/// shows one makes it fit for a terminal.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The host has no address.
    #[error("cannot find {server}: {}", reason(source))]
    Resolve {
        /// The server.
        server: ServerAddress,
        /// What the system said.
        source: io::Error,
    },
    /// No address of the host answers.
    #[error("cannot connect to {server}: {}", reason(source))]
    Connect {
        /// The server.
        server: ServerAddress,
        /// What the system said of the last address that was tried.
        source: io::Error,
    },
    /// The handshake failed.
    #[error("no encrypted connection to {server}: {source}")]
    Handshake {
        /// The server.
        server: ServerAddress,
        /// Why.
        source: ChannelError,
    },
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The connection broke.
    #[error("the connection was cut off: {0}")]
    Channel(#[source] ChannelError),
    /// The server refused a request.
    #[error("{sentence}")]
    Refused {
        /// Which refusal.
        code: ErrorCode,
        /// The server's sentence.
        sentence: String,
    },
    /// The server said goodbye.
    #[error("the server closed the connection: {sentence}")]
    Goodbye {
        /// Why.
        reason: ByeReason,
        /// The server's sentence.
        sentence: String,
    },
    /// The server failed in the login.
    #[error(transparent)]
    Scram(#[from] ScramError),
    /// The server answered something that does not belong here.
    #[error("the server does not keep to the protocol; the connection was closed")]
    Protocol,
}

/// What the system said, without the number that only a programmer can use.
fn reason(error: &io::Error) -> String {
    let said = error.to_string();
    let number = format!(" (os error {})", error.raw_os_error().unwrap_or_default());
    said.strip_suffix(&number).unwrap_or(&said).to_owned()
}

impl SessionError {
    /// Whether the login, the registration or the resume was refused: nothing says why.
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
