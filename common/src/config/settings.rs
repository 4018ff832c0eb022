//! The settings of config.toml, section by section, and their defaults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::scram::Iterations;
use crate::crypto::record::{MAX_KEY_MINUTES, MAX_MIB_SEALED, MAX_RECORDS_SEALED};
use crate::limits::MAX_HANDSHAKE_SECONDS;
use crate::name::UserName;
use crate::wire::frame::IDLE_CAPACITY;

/// The server's TCP port where none is configured.
pub const DEFAULT_PORT: u16 = 7878;
/// The longest host name, in bytes (RFC 1035, section 2.3.4).
pub const MAX_HOST: usize = 253;

pub(super) const KIB: usize = 1024;
pub(super) const MIB: u64 = 1024 * 1024;

/// All settings of a file. `Default` is what an empty file means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[security]`
    pub security: Security,
    /// `[client]`
    pub client: Client,
    /// `[logging]`
    pub logging: Logging,
    /// `[network]`
    pub network: Network,
    /// `[storage]`
    pub storage: Storage,
    /// `[limits]`
    pub limits: Limits,
    /// `[profiles.NAME]`, by name.
    pub profiles: BTreeMap<String, Profile>,
    /// `[keys]`, in the order of the lines.
    pub keys: Vec<KeySetting>,
}

impl Config {
    /// Whether it has a shell command: the client refuses such a file if others can write it.
    #[must_use]
    pub fn has_commands(&self) -> bool {
        self.profiles.values().any(Profile::has_commands)
    }
}

/// `[server]`: where the server listens and whom it lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address to listen on.
    pub address: IpAddr,
    /// The port to listen on; 0 lets the system choose one.
    pub port: u16,
    /// Who may register.
    pub registration: Registration,
    /// The most connections at a time; 0: as many as the machine allows.
    pub max_connections: u32,
    /// The socket for the operator's commands; relative to the file's directory. `None`: beside the
    /// database.
    pub admin_socket: Option<PathBuf>,
    /// The group whose members may give commands as well: a name, or a number in digits.
    pub admin_group: Option<String>,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Everybody who can reach the server.
    Open,
    /// Nobody: the server answers `registration_closed`.
    Closed,
}

/// `[security]`: budgets, keys and their rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// Messages per second and session; 0 switches the limit off.
    pub max_messages_per_sec: u32,
    /// The server's keys; relative to the file's directory.
    pub key_directory: PathBuf,
    /// A direction's key is replaced after this many records.
    pub rotation_records: u64,
    /// A direction's key is replaced after this many bytes of records.
    pub rotation_bytes: u64,
    /// A direction's key is replaced at the next record once it is this old.
    pub rotation_age: Duration,
    /// Rounds of PBKDF2 for the passwords of a new database; a database with accounts has its own,
    /// and the two must agree.
    pub scram_iterations: Iterations,
}

/// `[client]`: where the client connects to, and how it behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// A host name or an address, at most [`MAX_HOST`] bytes.
    pub server_address: String,
    /// The server's port, never 0.
    pub server_port: u16,
    /// The pause before the client connects again.
    pub reconnect_delay: Duration,
    /// The number of messages kept for scrolling.
    pub scrollback: usize,
    /// Whether a mention or a direct message rings the bell.
    pub bell: bool,
    /// How long a lone ESC waits for what follows it.
    pub escape: Duration,
}

/// `[profiles.NAME]`: to which server, as whom, and how to log in without a person. What it does
/// not say is taken from `[client]`, or asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// A host name or an address, perhaps with a port; an IPv6 address in brackets.
    pub server: Option<String>,
    /// The account's name.
    pub user: Option<UserName>,
    /// Run by `/bin/sh -c`; prints the password.
    pub password_command: Option<String>,
    /// Run by `/bin/sh -c`; prints a code.
    pub otp_command: Option<String>,
}

impl Profile {
    /// Whether it has a shell command: the client refuses such a file if others can write it.
    #[must_use]
    pub const fn has_commands(&self) -> bool {
        self.password_command.is_some() || self.otp_command.is_some()
    }
}

/// A line of `[keys]`. Only the client knows which keys and actions exist; the texts are as they
/// stand in the file, and unsafe to show on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetting {
    /// The name of a terminal key, unchecked.
    pub key: String,
    /// The name of an action, unchecked.
    pub action: String,
    /// The line in the file, counted from 1.
    pub line: usize,
}

/// `[logging]`: the audit files and the diagnostics among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// The directory of the audit files; relative to the file's directory.
    pub directory: PathBuf,
    /// Which diagnostics are written; audit events always are.
    pub log_level: LogLevel,
}

/// The least severe diagnostics that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// No diagnostics.
    Off,
    /// Failures.
    Error,
    /// What may lead to a failure.
    Warn,
    /// Normal operation.
    #[default]
    Info,
    /// Details for finding a fault.
    Debug,
    /// Everything.
    Trace,
}

/// `[network]`: deadlines and buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The server's deadline for a handshake, the client's for connecting.
    pub connection_timeout: Duration,
    /// The server's reading buffer of a connection in which nothing is pending, in bytes.
    pub buffer_size: usize,
}

/// `[storage]`: the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The directory of the database; relative to the file's directory.
    pub directory: PathBuf,
    /// What an acknowledged message survives.
    pub durability: Durability,
    /// Free space, in bytes, on the disk of the database and on that of the log files, below which
    /// the server refuses to write.
    pub min_free: u64,
}

/// What an acknowledged message survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A crash of the server; a power cut may lose the last messages.
    Normal,
    /// Also a power cut: every commit waits for the disk.
    Full,
}

/// `[limits]`: how much may wait for slow readers, and how many rooms there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// What may wait for one session, in bytes.
    pub outbox: usize,
    /// What may wait for all sessions together, in bytes.
    pub outbox_total: u64,
    /// Rooms in all, not counting conversations of two.
    pub rooms: u32,
    /// Rooms that one person may make.
    pub rooms_per_person: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            port: DEFAULT_PORT,
            registration: Registration::Open,
            max_connections: 0,
            admin_socket: None,
            admin_group: None,
        }
    }
}

impl Default for Security {
    fn default() -> Self {
        Self {
            max_messages_per_sec: 5,
            key_directory: PathBuf::from("keys"),
            rotation_records: MAX_RECORDS_SEALED.into(),
            rotation_bytes: u64::from(MAX_MIB_SEALED) * MIB,
            rotation_age: Duration::from_secs(60 * u64::from(MAX_KEY_MINUTES)),
            scram_iterations: Iterations::DEFAULT,
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self {
            server_address: Ipv4Addr::LOCALHOST.to_string(),
            server_port: DEFAULT_PORT,
            reconnect_delay: Duration::from_secs(5),
            scrollback: 100_000,
            bell: true,
            escape: Duration::from_millis(50),
        }
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("log"),
            log_level: LogLevel::default(),
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            connection_timeout: Duration::from_secs(MAX_HANDSHAKE_SECONDS.into()),
            buffer_size: IDLE_CAPACITY,
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("data"),
            durability: Durability::Normal,
            min_free: 64 * MIB,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            outbox: 256 * KIB,
            outbox_total: 256 * MIB,
            rooms: 10_000,
            rooms_per_person: 20,
        }
    }
}
