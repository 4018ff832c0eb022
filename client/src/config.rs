//! Finds config.toml, reads what concerns the client, and lets the flags override it.
//!
//! Owns the search and the reading of the file; what it may say is decided in
//! `chatbox_common::config`. Called once by `main`; knows no socket and asks nobody.

use std::env;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chatbox_common::config::{self, Client, Config, Fault, MAX_FILE};

use crate::address::{AddressError, ServerAddress};
use crate::cli::Cli;
use crate::known_hosts;

/// Why there are no settings. The sentence is fit for a person.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is longer than [`MAX_FILE`] bytes, or no UTF-8.
    #[error("{} is no configuration: it is longer than 256 KiB or not UTF-8", .0.display())]
    NotText(PathBuf),
    /// It says what can't be.
    #[error("{}{}", path.display(), listed(faults))]
    Faults {
        /// The file.
        path: PathBuf,
        /// All that is wrong with it.
        faults: Vec<Fault>,
    },
    /// Its server cannot be written as an address.
    #[error("[client] server_address: {0}")]
    Address(#[from] AddressError),
    /// There is no home directory to keep the known servers in.
    #[error("there is no place for the list of known servers: set HOME, or use --known-hosts")]
    NoHome,
}

fn listed(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    format!("\n  {}", lines.join("\n  "))
}

/// What the client goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The server.
    pub server: ServerAddress,
    /// The file of pinned keys.
    pub known_hosts: PathBuf,
    /// How long connecting and the handshake may take together.
    pub connection_timeout: Duration,
    /// The first pause before connecting again.
    pub reconnect_delay: Duration,
}

/// Reads the file and the environment.
///
/// # Errors
/// When a file is there and not understood, or named by `--config` and not there.
pub fn load(cli: &Cli) -> Result<Settings, ConfigError> {
    let file = match &cli.config {
        Some(path) => Some(read(path)?),
        None => search()?,
    };
    let known_hosts = match &cli.known_hosts {
        Some(path) => path.clone(),
        None => known_hosts::default_path(env::var_os("XDG_DATA_HOME"), env::var_os("HOME"))
            .ok_or(ConfigError::NoHome)?,
    };
    resolve(&file.unwrap_or_default(), cli, known_hosts)
}

fn resolve(config: &Config, cli: &Cli, known_hosts: PathBuf) -> Result<Settings, ConfigError> {
    let server = match &cli.server {
        Some(server) => server.clone(),
        None => address(&config.client)?,
    };
    Ok(Settings {
        server,
        known_hosts,
        connection_timeout: config.network.connection_timeout,
        reconnect_delay: config.client.reconnect_delay,
    })
}

fn address(client: &Client) -> Result<ServerAddress, AddressError> {
    let (host, port) = (&client.server_address, client.server_port);
    if host.contains(':') {
        ServerAddress::parse(&format!("[{host}]:{port}"))
    } else {
        ServerAddress::parse(&format!("{host}:{port}"))
    }
}

fn search() -> Result<Option<Config>, ConfigError> {
    let start = env::current_dir().unwrap_or_default();
    let xdg = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = env::var_os("HOME").map(PathBuf::from);
    for path in config::candidates(&start, xdg.as_deref(), home.as_deref()) {
        match read(&path) {
            Err(ConfigError::Read { source, .. })
                if matches!(
                    source.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory
                ) => {}
            found => return found.map(Some),
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Config, ConfigError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
    let text = String::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() as u64 <= MAX_FILE)
        .ok_or_else(|| ConfigError::NotText(path.to_owned()))?;
    config::parse(&text).map_err(|faults| ConfigError::Faults {
        path: path.to_owned(),
        faults,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    fn settings(text: &str, flags: &[&str]) -> Result<Settings, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, text).unwrap();
        let cli = Cli::parse_from([&["chatbox"], flags].concat());
        resolve(&read(&path)?, &cli, PathBuf::from("known"))
    }

    #[test]
    fn the_file_says_where_the_server_is_and_a_flag_overrides_it() {
        let text = "[client]\nserver_address = \"::1\"\nserver_port = 99\nreconnect_delay = 2\n\
                    [network]\nconnection_timeout = 3\n";
        let found = settings(text, &[]).unwrap();
        assert_eq!(found.server.to_string(), "[::1]:99");
        assert_eq!(found.connection_timeout, Duration::from_secs(3));
        assert_eq!(found.reconnect_delay, Duration::from_secs(2));
        let found = settings(text, &["--server", "chat:1"]).unwrap();
        assert_eq!(found.server.to_string(), "chat:1");
    }

    #[test]
    fn without_a_word_in_the_file_it_is_this_machine() {
        let found = settings("", &[]).unwrap();
        assert_eq!(found.server.to_string(), "127.0.0.1:7878");
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let text = "[client]\nserver_port = 0\nreconnect_dely = 1\n";
        let told = settings(text, &[]).unwrap_err().to_string();
        assert!(
            told.contains("line 2:") && told.contains("line 3:"),
            "{told}"
        );
        assert!(told.contains("config.toml"), "{told}");
    }

    #[test]
    fn a_file_that_is_no_text_is_no_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(matches!(read(&path), Err(ConfigError::NotText(_))));
        fs::write(&path, "#".repeat(300_000)).unwrap();
        assert!(matches!(read(&path), Err(ConfigError::NotText(_))));
    }
}
