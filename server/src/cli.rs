//! The command line, and what the exit codes mean.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

use chatbox_common::limits::MAX_TOPIC;
use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::session::SessionNumber;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::config::Options;
use crate::store::{Role, SCHEMA_VERSION};

const AFTER_HELP: &str = "\
Without a configuration file and without flags the server listens on 127.0.0.1:7878.
The file is looked for upward from the working directory (and refused there where
others may change it or its folder), then in $XDG_CONFIG_HOME/chatbox/ and in
/etc/chatbox/. Beside it lie log/, data/ and keys/;
without any file they are in $XDG_STATE_HOME/chatbox/ (~/.local/state/chatbox/).

  tail -f log/info.log log/credentials.log log/chat.log log/sql.log
  chatbox-server user list
  chatbox-server room archive '#ops' 'it is over'
  chatbox-server backup chatbox-backup.db

The commands find the server as it finds its database: by the same configuration and flags.
Beside a running server they go through its admin socket, which is for root, the server's own
user and the members of admin_group; on a stopped one they are carried out as the user whom
the data belongs to (not kick, announce and reload, which need a running one).

Where the database is missing or empty and there are keys or logs of one, the server
does not start: with --new-database it begins anew, and every name is free again.

SIGINT (Ctrl-C) or SIGTERM stops the server within 5 seconds; a second one ends it at once.
SIGHUP does what `reload` does, and SIGUSR1 writes the server's state to info.log.

Exit codes:
  0  fine
  1  failure; of `status`: something keeps the server from its work
  2  usage: a wrong flag or value; of `status`: no server answers
  3  configuration: a file cannot be read or is not understood
  4  cannot bind the address";

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    format!("{version} (protocol 1, database schema {SCHEMA_VERSION})")
});

/// An encrypted, auditable chat server for people who live in a terminal.
#[derive(Debug, Parser)]
#[command(name = "chatbox-server", version = VERSION.as_str(), after_help = AFTER_HELP)]
pub struct Cli {
    /// Read this configuration instead of searching for one
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Listen on this address
    #[arg(long, value_name = "IP")]
    pub address: Option<IpAddr>,

    /// Listen on this port; 0 lets the system choose one, which is then shown
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Keep the database in DIR
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,

    /// Write the four audit files into DIR
    #[arg(long, value_name = "DIR", global = true)]
    pub log_dir: Option<PathBuf>,

    /// Keep the server's keys in DIR
    #[arg(long, value_name = "DIR", global = true)]
    pub key_dir: Option<PathBuf>,

    /// Begin with an empty database beside the keys or logs of an earlier one
    #[arg(long)]
    pub new_database: bool,

    /// Check the configuration, say what is wrong with it, and end
    #[arg(long)]
    pub check_config: bool,

    /// What to do instead of serving
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the operator does beside serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look after accounts
    #[command(subcommand)]
    User(UserCommand),
    /// List rooms, end them, or open them again
    #[command(subcommand)]
    Room(RoomCommand),
    /// List who is online, session by session
    Sessions {
        /// Of this person alone
        #[arg(value_parser = UserName::parse)]
        name: Option<UserName>,
        #[command(flatten)]
        form: ListForm,
    },
    /// Tell everybody who is online
    Announce {
        /// What, in quotes
        #[arg(value_parser = announcement)]
        text: String,
    },
    /// End a session, and the login that it continues: it is not resumed
    Kick {
        /// Which, as `sessions` and the logs have it
        session: SessionNumber,
    },
    /// Say how the server is: exit code 0 when all is well, 1 when something keeps it from its work, 2
    /// when none answers
    Status {
        /// As one JSON object
        #[arg(long, conflicts_with = "metrics")]
        json: bool,
        /// In the text format of Prometheus
        #[arg(long)]
        metrics: bool,
    },
    /// Copy the database to a new file, which must not exist
    Backup {
        /// The file to make
        file: PathBuf,
    },
    /// Have the running server read its configuration again, and open its log files anew
    Reload,
}

impl Command {
    /// The file that it makes.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Backup { file } | Self::User(UserCommand::Export { file, .. }) => Some(file),
            _ => None,
        }
    }
}

/// What the operator does with accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List all accounts
    List {
        #[command(flatten)]
        form: ListForm,
    },
    /// Show what there is about an account
    Show {
        /// Who
        #[arg(value_parser = UserName::parse)]
        name: UserName,
        #[command(flatten)]
        form: ListForm,
    },
    /// Write everything that there is of somebody to a new file, as JSON, an object in each line
    Export {
        /// Who
        #[arg(value_parser = UserName::parse)]
        name: UserName,
        /// The file to make, which must not exist
        file: PathBuf,
    },
    /// End somebody's sessions, and keep them from logging in
    Disable {
        /// Who
        #[arg(value_parser = UserName::parse)]
        name: UserName,
    },
    /// Let somebody log in again
    Enable {
        /// Who
        #[arg(value_parser = UserName::parse)]
        name: UserName,
    },
    /// Give somebody another TOTP secret and other recovery codes, show them once, and end their sessions
    #[command(name = "reset-2fa")]
    ResetSecondFactor {
        /// Who
        #[arg(value_parser = UserName::parse)]
        name: UserName,
    },
    /// Make somebody an administrator, who may do in every room they can see what its owner may, or a
    /// member again
    SetRole {
        /// Who
        #[arg(value_parser = UserName::parse)]
        name: UserName,
        /// What
        #[arg(value_parser = role())]
        role: Role,
    },
    /// End somebody's sessions, so that they need both factors again wherever they log in
    Logout {
        /// Who
        #[arg(value_parser = UserName::parse)]
        name: UserName,
    },
}

/// What the operator does with rooms.
#[derive(Debug, Subcommand)]
pub enum RoomCommand {
    /// List all rooms but conversations
    List {
        #[command(flatten)]
        form: ListForm,
    },
    /// Let a room be read from now on, and nothing more; its name stays taken
    #[command(visible_alias = "close")]
    Archive {
        /// Which, in quotes: '#ops', or '#ops~alice' for one of those who are invited
        #[arg(value_parser = RoomName::parse)]
        name: RoomName,
        /// Why, which its members read
        #[arg(value_parser = reason, default_value = "")]
        reason: String,
    },
    /// Open an archived room again
    #[command(visible_alias = "open")]
    Unarchive {
        /// Which, in quotes
        #[arg(value_parser = RoomName::parse)]
        name: RoomName,
    },
}

/// How a list is shown.
#[derive(Debug, Clone, Copy, Args)]
pub struct ListForm {
    /// As JSON, an object in each line
    #[arg(long)]
    pub json: bool,
}

/// As long as members' reasons may be, and one line as theirs.
fn reason(text: &str) -> Result<String, String> {
    if text.len() > MAX_TOPIC || text.contains(char::is_control) {
        return Err(format!("a reason is one line of at most {MAX_TOPIC} bytes"));
    }
    Ok(text.to_owned())
}

fn announcement(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("there is nothing to tell".to_owned());
    }
    reason(text).map_err(|_| format!("it is one line of at most {MAX_TOPIC} bytes"))
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(["member", "admin"]).map(|role| match role.as_str() {
        "admin" => Role::Admin,
        _ => Role::Member,
    })
}

impl Cli {
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            config: self.config.clone(),
            address: self.address,
            port: self.port,
            data_dir: self.data_dir.clone(),
            log_dir: self.log_dir.clone(),
            key_dir: self.key_dir.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Fine = 0,
    Failure = 1,
    /// No server answers a `status`.
    Down = 2,
    Configuration = 3,
    CannotBind = 4,
}

impl Exit {
    /// Of a command that the server has carried out.
    #[must_use]
    pub const fn of(code: u8) -> Self {
        match code {
            0 => Self::Fine,
            2 => Self::Down,
            _ => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
