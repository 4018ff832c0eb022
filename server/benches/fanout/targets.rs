//! Who can be measured, and how each is started.

use std::fmt;

use crate::chatbox::{Accounts, ChatBox, Durability, Limits};
use crate::floor::Floor;
use crate::irc::{self, Ircd};
use crate::target::Target;

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The product.
    Chatbox,
    /// The least that a server with a thread per connection can do: plain bytes.
    Floor,
    /// ngircd over TLS, where it is installed.
    Ngircd,
    /// inspircd over TLS, where it is installed.
    Inspircd,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chatbox => "ChatBox",
            Self::Floor => "F0",
            Self::Ngircd => "ngircd",
            Self::Inspircd => "inspircd",
        })
    }
}

/// A running server, of whatever kind.
pub type Running<'a> = Box<dyn Target + Sync + 'a>;

impl Kind {
    /// Starts a fresh one; nothing where it is not installed.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(
        self,
        accounts: &Accounts,
        durability: Durability,
    ) -> anyhow::Result<Option<Running<'_>>> {
        Ok(match self {
            Self::Chatbox => Some(Box::new(ChatBox::start(accounts, Limits::of(durability))?)),
            Self::Floor => Some(Box::new(Floor::start()?)),
            Self::Ngircd => Ircd::start(irc::Kind::Ngircd)?.map(boxed),
            Self::Inspircd => Ircd::start(irc::Kind::Inspircd)?.map(boxed),
        })
    }
}

fn boxed<'a>(server: Ircd) -> Running<'a> {
    Box::new(server)
}
