//! The product: its own binary on a loopback port, with full logins.
//!
//! A password costs as few rounds as a server can be set to: members are made by the thousand.
//! Accounts are registered once, through the protocol; then the server is stopped, and its files
//! are the template from which every later one starts. So each run logs the same accounts in, with
//! a handshake, a password and a second factor.

mod conversations;
mod login;
mod speech;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, ensure};
use chatbox_common::auth::scram::Iterations;
use chatbox_common::testkit::process::ServerProcess;

use crate::parallel::in_parallel;
use crate::target::{MemberConnection, ServerUnderTest};
use login::{Connecting, RegisteredMember};

/// Registrations at a time; the server takes 64 (docs/PROTOCOL.md, section 10).
const REGISTERING: usize = 48;
/// The directories of the template that are copied.
const KEPT: [&str; 2] = ["data", "keys"];

/// What an acknowledged message survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Survives {
    /// The server's sudden end.
    Normal,
    /// A power cut, too.
    Full,
}

impl Survives {
    /// The value of `durability` in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Full => "full",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    pub durability: Survives,
    /// The most connections; `None`: as many as the machine carries.
    pub connections: Option<usize>,
    /// So many of the members are in conversations beside the lobby, each in 500.
    pub with_conversations: usize,
}

impl ServerOptions {
    pub const fn of(durability: Survives) -> Self {
        Self {
            durability,
            connections: None,
            with_conversations: 0,
        }
    }

    fn config(self) -> String {
        format!(
            "[server]\nmax_connections = {}\n\n\
             [security]\nmax_messages_per_sec = 0\nscram_iterations = {}\n\n\
             [storage]\ndurability = \"{}\"\n",
            self.connections.unwrap_or(0),
            Iterations::LEAST.count(),
            self.durability.name()
        )
    }
}

/// Registered accounts, and the files of a server that has them.
pub struct Accounts {
    /// Stopped; its files are removed when this is dropped.
    template: ServerProcess,
    accounts: Vec<RegisteredMember>,
}

impl Accounts {
    pub fn register(count: usize) -> anyhow::Result<Self> {
        let mut template = ServerProcess::start(&ServerOptions::of(Survives::Normal).config());
        let mut accounts = Vec::with_capacity(count);
        in_parallel(
            count,
            REGISTERING,
            |member| Connecting::open(template.address, member)?.register(member),
            |account| {
                accounts.extend(account);
                Ok(())
            },
        )
        .context("registering the members")?;
        accounts.sort_by_key(|account| account.member);
        let status = template.stop();
        ensure!(status.success(), "the server ended with {status}");
        Ok(Self { template, accounts })
    }
}

pub struct ChatBox<'a> {
    accounts: &'a Accounts,
    process: ServerProcess,
}

impl<'a> ChatBox<'a> {
    pub fn start(accounts: &'a Accounts, limits: ServerOptions) -> anyhow::Result<Self> {
        let template = accounts.template.path();
        let mut copied = Ok(());
        let process = ServerProcess::start_prepared(&limits.config(), |dir| {
            let mut kept = KEPT.iter();
            copied = kept.try_for_each(|kept| copy(&template.join(kept), &dir.join(kept)));
            if copied.is_ok() && limits.with_conversations > 0 {
                let database = dir.join("data/chatbox.db");
                let added = conversations::add(&database, limits.with_conversations);
                copied = added.context("adding conversations");
            }
        });
        copied?;
        Ok(Self { accounts, process })
    }

    pub const fn address(&self) -> SocketAddr {
        self.process.address
    }
}

impl ServerUnderTest for ChatBox<'_> {
    fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Logins that come at once share a commit's wait for the disk, so more members log in at once.
    fn at_once(&self, members: usize) -> usize {
        (members / 64).clamp(16, 64)
    }

    fn connect(&self, member: usize) -> anyhow::Result<MemberConnection> {
        let account = self.accounts.accounts.get(member);
        let account = account.context("there are fewer accounts")?;
        Connecting::open(self.process.address, member)?.log_in(account)
    }
}

/// Copies a directory with its permissions: the server refuses keys that others can read.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
