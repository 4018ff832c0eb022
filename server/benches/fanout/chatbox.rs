//! The product: its own binary on a loopback port, with full logins.
//!
//! A password costs as few rounds as a server can be set to: members are made by the thousand.
//! Accounts are registered once, through the protocol; the server is stopped then, and what it
//! left on disk is the template from which every later one starts. So each run logs the same
//! people in, with a handshake, a password and a second factor.

mod login;
mod speech;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use chatbox_common::auth::scram::Iterations;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::run::in_parallel;
use crate::target::{MemberConnection, ServerUnderTest};
use login::{Connecting, RegisteredMember};

/// What a server is given to stop in good order; more than it gives itself.
const STOP: Duration = Duration::from_secs(20);
/// How often somebody looks whether a process has ended: the system tells nobody in time.
const LOOK: Duration = Duration::from_millis(5);
/// So many register at once; the server takes 64.
const REGISTERING: usize = 48;
/// Where a server keeps what outlives it.
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
    /// As the configuration says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Full => "full",
        }
    }
}

/// What differs from server to server.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// What an acknowledged message survives.
    pub durability: Survives,
    /// How many connections are taken; as many as the machine carries where nothing is said.
    pub connections: Option<usize>,
}

impl ServerOptions {
    /// As many connections as the machine carries.
    pub const fn of(durability: Survives) -> Self {
        Self {
            durability,
            connections: None,
        }
    }
}

/// People who are registered, and the files of a server that knows them.
pub struct Accounts {
    template: TempDir,
    accounts: Vec<RegisteredMember>,
}

impl Accounts {
    /// Registers so many.
    ///
    /// # Errors
    /// When the server does not start, or refuses one.
    pub fn register(count: usize) -> anyhow::Result<Self> {
        let template = tempfile::tempdir()?;
        let mut process = Process::start(template.path(), ServerOptions::of(Survives::Normal))?;
        let mut accounts = Vec::with_capacity(count);
        in_parallel(
            count,
            REGISTERING,
            |member| Connecting::open(process.address, member)?.register(member),
            |account| {
                accounts.extend(account);
                Ok(())
            },
        )
        .context("registering the members")?;
        accounts.sort_by_key(|account| account.member);
        process.stop()?;
        Ok(Self { template, accounts })
    }
}

/// A server that runs on a copy of the template.
pub struct ChatBox<'a> {
    accounts: &'a Accounts,
    process: Process,
    /// Removed when the process has ended.
    _dir: TempDir,
}

impl<'a> ChatBox<'a> {
    /// Starts it.
    ///
    /// # Errors
    /// When the files can't be copied, or the server does not start.
    pub fn start(accounts: &'a Accounts, limits: ServerOptions) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        for kept in KEPT {
            copy(&accounts.template.path().join(kept), &dir.path().join(kept))?;
        }
        Ok(Self {
            accounts,
            process: Process::start(dir.path(), limits)?,
            _dir: dir,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.process.address
    }
}

impl ServerUnderTest for ChatBox<'_> {
    fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// The larger the house, the larger the crowd at its door, which shares what the disk is waited
    /// for.
    fn at_once(&self, members: usize) -> usize {
        (members / 64).clamp(16, 64)
    }

    fn connect(&self, member: usize) -> anyhow::Result<MemberConnection> {
        let account = self.accounts.accounts.get(member);
        let account = account.context("there are fewer accounts")?;
        Connecting::open(self.process.address, member)?.log_in(account)
    }
}

/// Copies a directory of files, and the right to read them.
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

/// A running server.
struct Process {
    child: Child,
    /// Kept open, and never read again: behind its banner the server says nothing there.
    _stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Process {
    fn start(dir: &Path, limits: ServerOptions) -> anyhow::Result<Self> {
        let config = dir.join("config.toml");
        let text = format!(
            "[server]\nmax_connections = {}\n\n\
             [security]\nmax_messages_per_sec = 0\nscram_iterations = {}\n\n\
             [storage]\ndurability = \"{}\"\n",
            limits.connections.unwrap_or(0),
            Iterations::LEAST.count(),
            limits.durability.name()
        );
        fs::write(&config, text)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_chatbox-server"))
            .args(["--port", "0", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.join("stderr"))?)
            .spawn()
            .context("the server can't be started")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut stdout = BufReader::new(stdout);
        match read_banner(&mut stdout) {
            Ok(address) => Ok(Self {
                child,
                _stdout: stdout,
                address,
            }),
            Err(error) => {
                let _ = child.kill();
                child.wait()?;
                let said = fs::read_to_string(dir.join("stderr"))?;
                Err(error.context(format!("the server said: {said}")))
            }
        }
    }

    /// Lets it end in good order, so that its files are complete.
    fn stop(&mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let end = Instant::now() + STOP;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        bail!("the server does not stop")
    }
}

/// Where it listens; it does so once its banner is complete.
fn read_banner(stdout: &mut impl BufRead) -> anyhow::Result<SocketAddr> {
    let mut address = None;
    let mut line = String::new();
    while stdout.read_line(&mut line)? > 0 {
        if let Some(found) = line.strip_prefix("  listening on  ") {
            address = Some(found.trim().parse()?);
        } else if line.contains("passes it as --fingerprint") {
            return address.context("a banner without an address");
        }
        line.clear();
    }
    bail!("the server did not start")
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
