//! The servers that can be measured, and how each is started.

use std::fmt;

use crate::chatbox::{Accounts, ChatBox, ServerOptions, Survives};
use crate::floor::Floor;
use crate::irc::{self, Ircd};
use crate::target::ServerUnderTest;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The product.
    Chatbox,
    /// The product, with each member in 500 conversations besides.
    Crowded,
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
            Self::Crowded => "ChatBox, 500 conversations each",
            Self::Floor => "F0",
            Self::Ngircd => "ngircd",
            Self::Inspircd => "inspircd",
        })
    }
}

pub type Running<'a> = Box<dyn ServerUnderTest + Sync + 'a>;

impl Kind {
    /// `None` where it is not installed.
    pub fn start(
        self,
        accounts: &Accounts,
        durability: Survives,
        members: usize,
    ) -> anyhow::Result<Option<Running<'_>>> {
        Ok(match self {
            Self::Chatbox => Some(Box::new(ChatBox::start(
                accounts,
                ServerOptions::of(durability),
            )?)),
            Self::Crowded => {
                let options = ServerOptions {
                    with_conversations: members,
                    ..ServerOptions::of(durability)
                };
                Some(Box::new(ChatBox::start(accounts, options)?))
            }
            Self::Floor => Some(Box::new(Floor::start()?)),
            Self::Ngircd => Ircd::start(irc::IrcServer::Ngircd)?.map(boxed),
            Self::Inspircd => Ircd::start(irc::IrcServer::Inspircd)?.map(boxed),
        })
    }
}

fn boxed<'a>(server: Ircd) -> Running<'a> {
    Box::new(server)
}
