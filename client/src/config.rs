//! Finds config.toml, reads what concerns the client, and lets a profile and then the flags
//! override it.
//!
//! Owns the search and the reading of the file; what it may say is decided in
//! `chatbox_common::config`. Called once by `main`; knows no socket, asks nobody and runs nothing.

mod file;

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chatbox_common::config::MAX_FILE;
use chatbox_common::config::{Client, Config, Fault, KeySetting, Profile, Security};
use chatbox_common::name::UserName;

use crate::address::{AddressError, ServerAddress};
use crate::cli::Cli;
use crate::known_hosts;
use crate::secret_command::SecretCommand;
use file::{ConfigSearch, Found};

/// Why there are no settings. A sentence for the person.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Longer than [`MAX_FILE`], or not UTF-8.
    #[error(
        "{} is no configuration: it is longer than {} KiB or not UTF-8",
        .0.display(),
        MAX_FILE / 1024
    )]
    NotText(PathBuf),
    #[error("{}{}", path.display(), listed(faults))]
    Faults {
        path: PathBuf,
        /// All that is wrong with the file.
        faults: Vec<Fault>,
    },
    /// The server of `[client]` or of a profile is no address.
    #[error("{section} names no server: {source}")]
    Address {
        /// Such as `[profiles.bot]`.
        section: String,
        source: AddressError,
    },
    /// The file holds commands, and others may change them: they would run with this user's rights.
    #[error(
        "{} holds commands, and others than its owner may write to it (mode {mode:03o}): do \
         'chmod go-w' on it first",
        path.display()
    )]
    Writable {
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// The file holds commands, and its owner is neither this user nor root.
    #[error("{} holds commands and belongs to somebody else", .0.display())]
    Foreign(PathBuf),
    /// The profile has commands, and its file was only found beside the working directory, where
    /// another person may have put it.
    #[error(
        "the commands of [profiles.{profile}] are not run: {} was only found beside the working \
         directory; if you mean it, name it with --config",
        path.display()
    )]
    NotMeant { path: PathBuf, profile: String },
    /// No such profile; the sentence names those there are, the nearest first.
    #[error("there is no profile {wanted}; {there_are}")]
    NoProfile {
        wanted: String,
        /// As a sentence, with the file they are in.
        there_are: String,
    },
    /// Neither a home directory nor a flag says where the known servers are kept.
    #[error("there is no place for the list of known servers: set HOME, or use --known-hosts")]
    NoHome,
}

fn listed(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    format!("\n  {}", lines.join("\n  "))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub server: ServerAddress,
    /// Where the flags or the profile say it.
    pub user: Option<UserName>,
    /// Where no flag names another source of the password.
    pub password_command: Option<SecretCommand>,
    /// Where no flag names another source of codes.
    pub otp_command: Option<SecretCommand>,
    /// The file of pinned keys.
    pub known_hosts: PathBuf,
    /// Where a server that this user runs keeps its keys.
    pub own_key_directory: Option<PathBuf>,
    /// For connecting and the handshake together.
    pub connection_timeout: Duration,
    /// The first pause before connecting again; the next ones are longer.
    pub reconnect_delay: Duration,
    /// Messages that are kept for scrolling.
    pub scrollback: usize,
    /// Whether a mention or a direct message rings the bell.
    pub bell: bool,
    /// How long a lone ESC waits for what follows.
    pub escape: Duration,
    /// As the file has them, not yet parsed.
    pub keys: Vec<KeySetting>,
    /// The file that has `keys`, for what is wrong with them.
    pub file: Option<PathBuf>,
    /// Why files that lay about were not taken, as sentences for the person.
    pub passed_over: Vec<String>,
}

/// Reads the file and the environment.
///
/// # Errors
/// When a file is there and not understood, or named by `--config` and not there; when it has
/// commands that others could have written; when there is no such profile.
pub fn load(cli: &Cli) -> Result<Settings, ConfigError> {
    let searched = file::find(cli.config.as_deref())?;
    let known_hosts = match &cli.known_hosts {
        Some(path) => path.clone(),
        None => known_hosts::default_path(env::var_os("XDG_DATA_HOME"), env::var_os("HOME"))
            .ok_or(ConfigError::NoHome)?,
    };
    resolve(searched, cli, known_hosts)
}

fn resolve(
    searched: ConfigSearch,
    cli: &Cli,
    known_hosts: PathBuf,
) -> Result<Settings, ConfigError> {
    let ConfigSearch { found, passed_over } = searched;
    let (name, profile) = match &cli.profile {
        Some(name) => (name.as_str(), chosen(found.as_ref(), name)?),
        None => ("", Profile::default()),
    };
    let command = |key: &str, command: Option<String>, is_overridden: bool| {
        let command = command.filter(|_| !is_overridden)?;
        Some(SecretCommand::new(
            format!("{key} of [profiles.{name}]"),
            command,
        ))
    };
    let own_keys = match &found {
        Some(Found {
            path,
            config,
            is_meant,
        }) => Some(OwnKeys {
            directory: path
                .parent()
                .unwrap_or(path)
                .join(&config.security.key_directory),
            is_meant: *is_meant,
        }),
        None => usual_keys(env::var_os("XDG_STATE_HOME"), env::var_os("HOME")),
    };
    let (config, file) = match found {
        Some(found) => (found.config, Some(found.path)),
        None => (Config::default(), None),
    };
    let server = match (&cli.server, &profile.server) {
        (Some(server), _) => server.clone(),
        (None, Some(server)) => address(&format!("[profiles.{name}]"), server)?,
        (None, None) => address("[client]", &written(&config.client))?,
    };
    let own_key_directory = own_keys.and_then(|keys| keys.of_a_server_at(&server));
    Ok(Settings {
        server,
        user: cli.user.clone().or(profile.user),
        password_command: command(
            "password_command",
            profile.password_command,
            cli.password_file.is_some(),
        ),
        otp_command: command("otp_command", profile.otp_command, cli.otp_file.is_some()),
        known_hosts,
        own_key_directory,
        connection_timeout: config.network.connection_timeout,
        reconnect_delay: config.client.reconnect_delay,
        scrollback: config.client.scrollback,
        bell: config.client.bell,
        escape: config.client.escape,
        keys: config.keys,
        file,
        passed_over,
    })
}

/// Where a server of this user would keep its keys.
struct OwnKeys {
    directory: PathBuf,
    is_meant: bool,
}

impl OwnKeys {
    /// A folder that came from elsewhere, unpacked by this user, may have a configuration and the
    /// fingerprint of the server that it leads to. That one is not this user's; a server on this
    /// machine can't come with a folder.
    fn of_a_server_at(self, server: &ServerAddress) -> Option<PathBuf> {
        (self.is_meant || server.is_this_machine()).then_some(self.directory)
    }
}

/// As the server has it where there is no configuration.
fn usual_keys(xdg_state_home: Option<OsString>, home: Option<OsString>) -> Option<OwnKeys> {
    let state = xdg_state_home
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute());
    let state = state.or_else(|| Some(PathBuf::from(home?).join(".local/state")))?;
    let keys = Security::default().key_directory;
    Some(OwnKeys {
        directory: state.join("chatbox").join(keys),
        is_meant: true,
    })
}

/// Refuses a profile whose commands others could have written.
fn chosen(found: Option<&Found>, name: &str) -> Result<Profile, ConfigError> {
    let profile = found.and_then(|found| found.config.profiles.get(name));
    match (profile, found) {
        (Some(profile), Some(found)) if profile.has_commands() && !found.is_meant => {
            Err(ConfigError::NotMeant {
                path: found.path.clone(),
                profile: name.to_owned(),
            })
        }
        (Some(profile), _) => Ok(profile.clone()),
        (None, _) => Err(ConfigError::NoProfile {
            wanted: name.to_owned(),
            there_are: there_are(found, name),
        }),
    }
}

fn there_are(found: Option<&Found>, wanted: &str) -> String {
    let Some(found) = found else {
        return "there is no configuration file".to_owned();
    };
    let mut names: Vec<&str> = found.config.profiles.keys().map(String::as_str).collect();
    names.sort_by_key(|name| strsim::damerau_levenshtein(name, wanted));
    if names.is_empty() {
        return format!("{} has none", found.path.display());
    }
    format!("{} has {}", found.path.display(), names.join(", "))
}

fn address(section: &str, server: &str) -> Result<ServerAddress, ConfigError> {
    ServerAddress::parse(server).map_err(|source| ConfigError::Address {
        section: section.to_owned(),
        source,
    })
}

fn written(client: &Client) -> String {
    let (host, port) = (&client.server_address, client.server_port);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests;
