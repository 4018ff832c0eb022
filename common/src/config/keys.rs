//! The table of all keys: section, name, and the setter that checks the value.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::AUDIT_FILES;
use super::settings::{Config, Durability, KIB, LogLevel, MIB, Registration};
use super::value::{address, boolean, choice, directory, host, number, shown, text};
use crate::auth::scram::Iterations;
use crate::crypto::record;
use crate::limits::MAX_HANDSHAKE_SECONDS;

/// Ports to listen on; 0 lets the system choose.
pub(super) const PORT: RangeInclusive<u32> = 0..=65_535;
/// Ports to connect to.
pub(super) const SERVER_PORT: RangeInclusive<u32> = 1..=65_535;
/// Connections at a time; 0 leaves it to what the machine allows.
pub(super) const MAX_CONNECTIONS: RangeInclusive<u32> = 0..=1_000_000;
/// Messages per second and session; 0 switches the limit off.
pub(super) const MAX_MESSAGES_PER_SEC: RangeInclusive<u32> = 0..=1_000;
/// A receiver closes a session that changes its key more than 8 times in 10 seconds, so the
/// lowest limits leave room for 13,000 records and 50 MiB a second.
pub(super) const ROTATION_RECORDS: RangeInclusive<u32> = 16_384..=record::MAX_RECORDS_SEALED;
/// MiB under one key; the lowest for the reason above.
pub(super) const ROTATION_MIB: RangeInclusive<u32> = 64..=record::MAX_MIB_SEALED;
/// Minutes under one key.
pub(super) const ROTATION_MINUTES: RangeInclusive<u32> = 1..=record::MAX_KEY_MINUTES;
/// Rounds of PBKDF2 for a password.
pub(super) const SCRAM_ITERATIONS: RangeInclusive<u32> =
    Iterations::LEAST.count()..=Iterations::MAX.count();
/// Seconds before the client connects again; never 0, so that it does not hammer the server.
pub(super) const RECONNECT_DELAY: RangeInclusive<u32> = 1..=3_600;
/// Messages that the client keeps for scrolling.
pub(super) const SCROLLBACK: RangeInclusive<u32> = 1_000..=1_000_000;
/// Milliseconds that a lone ESC waits.
pub(super) const ESCAPE_MS: RangeInclusive<u32> = 1..=5_000;
/// Seconds until a handshake must be complete.
pub(super) const CONNECTION_TIMEOUT: RangeInclusive<u32> = 1..=MAX_HANDSHAKE_SECONDS;
/// Bytes of a connection's reading buffer.
pub(super) const BUFFER_SIZE: RangeInclusive<u32> = 2_048..=16_384;
/// MiB that stay free on the disk.
pub(super) const MIN_FREE_MIB: RangeInclusive<u32> = 16..=1_048_576;
/// KiB that may wait for one session.
pub(super) const OUTBOX_KIB: RangeInclusive<u32> = 16..=4_096;
/// MiB that may wait for all sessions.
pub(super) const OUTBOX_TOTAL_MIB: RangeInclusive<u32> = 16..=65_536;
/// Rooms, in all or made by one person; 0 lets nobody but administrators make any.
pub(super) const ROOMS: RangeInclusive<u32> = 0..=1_000_000;

/// The settings while the file is walked: two of them have two names, which must agree.
#[derive(Default)]
pub(super) struct Draft {
    config: Config,
    log_level: Option<LogLevel>,
    log_directory: Option<PathBuf>,
}

impl Draft {
    /// For settings with one name; [`Self::finish`] adds the others.
    pub(super) const fn config(&mut self) -> &mut Config {
        &mut self.config
    }

    pub(super) fn finish(self) -> Config {
        let mut config = self.config;
        if let Some(level) = self.log_level {
            config.logging.log_level = level;
        }
        if let Some(directory) = self.log_directory {
            config.logging.directory = directory;
        }
        config
    }
}

/// `set` fails with a sentence that says what to write instead.
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) set: fn(&mut Draft, &DeValue<'_>) -> Result<(), String>,
}

const fn key(
    section: &'static str,
    name: &'static str,
    set: fn(&mut Draft, &DeValue<'_>) -> Result<(), String>,
) -> Key {
    Key { section, name, set }
}

pub(super) const KEYS: &[Key] = &[
    key("server", "address", |d, v| {
        address(v).map(|ip| d.config.server.address = ip)
    }),
    key("server", "port", |d, v| {
        port(v, PORT).map(|port| d.config.server.port = port)
    }),
    key("server", "registration", |d, v| {
        registration(v).map(|who| d.config.server.registration = who)
    }),
    key("server", "max_connections", |d, v| {
        number(v, MAX_CONNECTIONS, "").map(|n| d.config.server.max_connections = n)
    }),
    key("server", "admin_socket", |d, v| {
        socket(v).map(|path| d.config.server.admin_socket = path)
    }),
    key("server", "admin_group", |d, v| {
        group(v).map(|group| d.config.server.admin_group = group)
    }),
    key("security", "max_messages_per_sec", |d, v| {
        number(v, MAX_MESSAGES_PER_SEC, "").map(|n| d.config.security.max_messages_per_sec = n)
    }),
    key("security", "key_directory", |d, v| {
        directory(v).map(|path| d.config.security.key_directory = path)
    }),
    key("security", "log_level", set_log_level),
    key("security", "rotation_records", |d, v| {
        number(v, ROTATION_RECORDS, "").map(|n| d.config.security.rotation_records = n.into())
    }),
    key("security", "rotation_mib", |d, v| {
        number(v, ROTATION_MIB, " (MiB)")
            .map(|n| d.config.security.rotation_bytes = u64::from(n) * MIB)
    }),
    key("security", "rotation_minutes", |d, v| {
        number(v, ROTATION_MINUTES, " (minutes)")
            .map(|n| d.config.security.rotation_age = Duration::from_secs(60 * u64::from(n)))
    }),
    key("security", "scram_iterations", |d, v| {
        iterations(v).map(|count| d.config.security.scram_iterations = count)
    }),
    key("client", "server_address", |d, v| {
        host(v).map(|host| d.config.client.server_address = host)
    }),
    key("client", "server_port", |d, v| {
        port(v, SERVER_PORT).map(|port| d.config.client.server_port = port)
    }),
    key("client", "reconnect_delay", |d, v| {
        seconds(v, RECONNECT_DELAY).map(|delay| d.config.client.reconnect_delay = delay)
    }),
    key("client", "scrollback", |d, v| {
        size(v, SCROLLBACK, 1, " (messages)").map(|n| d.config.client.scrollback = n)
    }),
    key("client", "bell", |d, v| {
        boolean(v).map(|rings| d.config.client.bell = rings)
    }),
    key("client", "escape_ms", |d, v| {
        number(v, ESCAPE_MS, " (milliseconds)")
            .map(|n| d.config.client.escape = Duration::from_millis(n.into()))
    }),
    key("logging", "directory", |d, v| {
        agree(&mut d.log_directory, directory(v)?)
    }),
    key("logging", "log_level", set_log_level),
    key("logging", "log_file", |d, v| match log_file_directory(v)? {
        Some(path) => agree(&mut d.log_directory, path),
        None => Ok(()),
    }),
    key("logging", "log_format", |_, v| {
        choice(v, &[("text", ())]).map_err(|why| {
            format!("{why}: the audit files are lines of text with key=value, and nothing else")
        })
    }),
    key("encryption", "algorithm", |_, v| check_algorithm(v)),
    key("encryption", "key_size", |_, v| check_key_size(v)),
    key("network", "connection_timeout", |d, v| {
        seconds(v, CONNECTION_TIMEOUT).map(|time| d.config.network.connection_timeout = time)
    }),
    key("network", "buffer_size", |d, v| {
        size(v, BUFFER_SIZE, 1, " (bytes)").map(|n| d.config.network.buffer_size = n)
    }),
    key("storage", "directory", |d, v| {
        directory(v).map(|path| d.config.storage.directory = path)
    }),
    key("storage", "durability", |d, v| {
        choice(
            v,
            &[("normal", Durability::Normal), ("full", Durability::Full)],
        )
        .map(|durability| d.config.storage.durability = durability)
    }),
    key("storage", "min_free_mib", |d, v| {
        number(v, MIN_FREE_MIB, " (MiB)").map(|n| d.config.storage.min_free = u64::from(n) * MIB)
    }),
    key("limits", "outbox_kib", |d, v| {
        size(v, OUTBOX_KIB, KIB, " (KiB)").map(|n| d.config.limits.outbox = n)
    }),
    key("limits", "outbox_total_mib", |d, v| {
        number(v, OUTBOX_TOTAL_MIB, " (MiB)")
            .map(|n| d.config.limits.outbox_total = u64::from(n) * MIB)
    }),
    key("limits", "rooms", |d, v| {
        number(v, ROOMS, "").map(|n| d.config.limits.rooms = n)
    }),
    key("limits", "rooms_per_person", |d, v| {
        number(v, ROOMS, "").map(|n| d.config.limits.rooms_per_person = n)
    }),
];

fn agree<T: PartialEq>(slot: &mut Option<T>, said: T) -> Result<(), String> {
    if slot.as_ref().is_some_and(|before| *before != said) {
        return Err("another key of this file says something else about it; keep one".into());
    }
    *slot = Some(said);
    Ok(())
}

fn port(value: &DeValue<'_>, range: RangeInclusive<u32>) -> Result<u16, String> {
    let port = number(value, range, "")?;
    u16::try_from(port).map_err(|_| "this is no port".into())
}

fn seconds(value: &DeValue<'_>, range: RangeInclusive<u32>) -> Result<Duration, String> {
    number(value, range, " (seconds)").map(|n| Duration::from_secs(n.into()))
}

fn size(
    value: &DeValue<'_>,
    range: RangeInclusive<u32>,
    unit: usize,
    unit_name: &str,
) -> Result<usize, String> {
    let n = number(value, range, unit_name)?;
    usize::try_from(n)
        .ok()
        .and_then(|n| n.checked_mul(unit))
        .ok_or_else(|| "this machine can't address so much".into())
}

fn iterations(value: &DeValue<'_>) -> Result<Iterations, String> {
    let count = number(value, SCRAM_ITERATIONS, "")?;
    Iterations::for_server(count).map_err(|error| error.to_string())
}

fn registration(value: &DeValue<'_>) -> Result<Registration, String> {
    if value.as_str() == Some("invite") {
        return Err(
            "invitations come with a later version; \"open\" and \"closed\" are possible".into(),
        );
    }
    choice(
        value,
        &[
            ("open", Registration::Open),
            ("closed", Registration::Closed),
        ],
    )
}

/// Nothing for the place beside the database.
fn socket(value: &DeValue<'_>) -> Result<Option<PathBuf>, String> {
    if text(value)?.is_empty() {
        return Ok(None);
    }
    directory(value).map(Some)
}

/// What `groupadd` takes for a name, or a number; nothing for no group.
fn group(value: &DeValue<'_>) -> Result<Option<String>, String> {
    let said = text(value)?;
    if said.is_empty() {
        return Ok(None);
    }
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if said.len() > 32 || said.starts_with('-') || !said.chars().all(is_known) {
        return Err(format!("{} is not the name of a group", shown(said)));
    }
    Ok(Some(said.to_owned()))
}

fn set_log_level(draft: &mut Draft, value: &DeValue<'_>) -> Result<(), String> {
    let level = choice(
        value,
        &[
            ("off", LogLevel::Off),
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ],
    )?;
    agree(&mut draft.log_level, level)
}

/// Takes the directory of a `log_file`, whose name must be one of [`AUDIT_FILES`]: readers and
/// verification would not find the audit under another one.
fn log_file_directory(value: &DeValue<'_>) -> Result<Option<PathBuf>, String> {
    let path = PathBuf::from(text(value)?);
    let known = |name: &str| AUDIT_FILES.contains(&name);
    if !path
        .file_name()
        .is_some_and(|name| name.to_str().is_some_and(known))
    {
        return Err(format!(
            "the server writes {}, each under its own name; set only their directory, with \
             `directory` in [logging]",
            AUDIT_FILES.join(", ")
        ));
    }
    match path.parent() {
        Some(parent) if parent != Path::new("") => {
            directory(&DeValue::String(parent.to_string_lossy())).map(Some)
        }
        _ => Ok(None),
    }
}

fn check_algorithm(value: &DeValue<'_>) -> Result<(), String> {
    let said = text(value)?;
    if said.eq_ignore_ascii_case("AES-256-GCM") {
        return Ok(());
    }
    Err(format!(
        "{} is not possible; everything is encrypted with \"AES-256-GCM\"",
        shown(said)
    ))
}

fn check_key_size(value: &DeValue<'_>) -> Result<(), String> {
    match number(value, 0..=u32::MAX, "")? {
        256 | 32 => Ok(()),
        other => Err(format!(
            "{other} is not possible; keys have 256 bits, which may also be written as 32 bytes"
        )),
    }
}
