//! What can be changed and asked of a server that runs: its settings, its log files, its figures.
//! The signals and the admin socket call it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use chatbox_common::config::{AUDIT_FILES, Config};

use crate::audit::{Line, events, set_level};
use crate::config::{ConfigError, Settings, Sources};
use crate::journal::{JournalSettings, RoomLimits};
use crate::operator::Operator;
use crate::shared::{Policy, Shared};
use crate::status::ServerStatus;
use crate::store;

/// For the journal's answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Control {
    shared: Arc<Shared>,
    sources: Sources,
    data_dir: PathBuf,
    log_dir: PathBuf,
    /// As they are; a reload takes what may change from the file.
    running: Mutex<Settings>,
    /// Held over a whole reload, so that two do not mix.
    reloading: Mutex<()>,
}

impl Control {
    #[must_use]
    pub fn new(shared: &Arc<Shared>, sources: Sources, running: &Settings) -> Self {
        Self {
            shared: Arc::clone(shared),
            sources,
            data_dir: running.data_dir.clone(),
            log_dir: running.log_dir.clone(),
            running: Mutex::new(running.clone()),
            reloading: Mutex::default(),
        }
    }

    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    #[must_use]
    pub fn min_free(&self) -> u64 {
        locked(&self.running).config.storage.min_free
    }

    /// Opens the log files anew where they were moved, and reads the configuration again. Returns what
    /// became of it, once it has. An invalid one changes no setting.
    ///
    /// # Errors
    /// All faults of the configuration, or why a log file can't be written.
    pub fn reload(&self, operator: Option<Operator>) -> anyhow::Result<Vec<String>> {
        let _one = locked(&self.reloading);
        let audit = &self.shared.audit;
        let read = self.read();
        let (config, changed, kept) = {
            let mut running = locked(&self.running);
            let (changed, kept) = match &read {
                Ok(wanted) => apply(&mut running, wanted),
                Err(_) => (Vec::new(), Vec::new()),
            };
            (running.config.clone(), changed, kept)
        };
        let has_chat_log = self.take(&config);
        audit.reopen();
        let sign = |line| match operator {
            Some(operator) => operator.sign(line),
            None => line,
        };
        if let Err(error) = read {
            let line = Line::of(&events::RELOAD_FAILED).with_text("why", &error.to_string());
            audit.log(sign(line));
            return Err(error.into());
        }
        let lists = [("changed", &changed), ("kept", &kept)].into_iter();
        let line = lists
            .filter(|(_, names)| !names.is_empty())
            .fold(Line::of(&events::RELOADED), |line, (key, names)| {
                line.with(key, names.join(","))
            });
        audit.log(sign(line));
        ensure!(has_chat_log, "chat.log can't be written: see info.log");
        audit.settle()?;
        let list = |names: &[&str]| names.join(", ");
        let mut said = vec![match changed.as_slice() {
            [] => "no setting has changed".to_owned(),
            changed => format!("changed: {}", list(changed)),
        }];
        if !kept.is_empty() {
            let names = list(&kept);
            said.push(format!("kept until the server is started again: {names}"));
        }
        Ok(said)
    }

    /// With the file that the server was started with: another one that is found now, or none, says
    /// nothing about this server.
    fn read(&self) -> Result<Settings, ConfigError> {
        let wanted = self.sources.load()?;
        wanted.admin_group()?;
        let file = &locked(&self.running).file;
        if wanted.file == *file {
            return Ok(wanted);
        }
        let named = |file: &Option<PathBuf>| match file {
            Some(path) => path.display().to_string(),
            None => "no file".to_owned(),
        };
        Err(ConfigError(vec![format!(
            "the server was started with {}, and {} is found now",
            named(file),
            named(&wanted.file)
        )]))
    }

    /// Hands the settings to whom they concern. Returns whether chat.log has all its lines.
    fn take(&self, config: &Config) -> bool {
        let policy = Policy::of(config, self.shared.policy().iterations);
        self.shared.set_policy(policy);
        self.shared.budgets.set_pace(policy.messages_per_second);
        set_level(config.logging.log_level);
        self.shared.journal.reload(JournalSettings {
            rooms: RoomLimits::of(config),
            min_free: config.storage.min_free,
        })
    }

    /// Writes the server's state to info.log.
    pub fn tell_state(&self) {
        self.shared.audit.log(self.status().line());
    }

    /// Waits for [`PATIENCE`] at most: it is asked for when something is wrong.
    #[must_use]
    pub fn status(&self) -> ServerStatus {
        let shared = &self.shared;
        let (people, connections) = shared.connections.counts();
        let found = shared.journal.figures(PATIENCE);
        let stuck = "the thread that writes the database does not answer";
        let stuck = found.is_none().then(|| stuck.to_owned());
        let logs = AUDIT_FILES.map(|name| self.log_dir.join(name));
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |found| found.len());
        let fault = shared.audit.fault();
        let fault = fault.map(|fault| format!("the audit can't be written: {fault}"));
        let known = found.as_ref();
        ServerStatus {
            uptime_seconds: shared.started.elapsed().as_secs(),
            connections: connections as u64,
            connections_max: shared.connections.cap() as u64,
            people: people as u64,
            sessions: known.map(|found| found.sessions as u64),
            rooms: known.map(|found| found.rooms as u64),
            messages: known.map(|found| found.last_row),
            database_bytes: store::bytes(&self.data_dir).unwrap_or(0),
            log_bytes: logs.iter().map(size).sum(),
            free_bytes: known.map(|found| found.free),
            problems: (stuck.into_iter())
                .chain(fault)
                .chain(shared.faults.all())
                .chain(found.into_iter().flat_map(|found| found.problems))
                .collect(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in these is whole at every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One setting of the file, as it is named there.
struct Setting {
    name: &'static str,
    is_same: fn(&Settings, &Settings) -> bool,
    /// `None` where it can't change while the server runs.
    take: Option<fn(&mut Config, &Config)>,
}

macro_rules! live {
    ($name:literal, $($field:ident).+) => {
        Setting {
            name: $name,
            is_same: |one, other| one.config.$($field).+ == other.config.$($field).+,
            take: Some(|to, from| to.$($field).+ = from.$($field).+),
        }
    };
}

macro_rules! fixed {
    ($name:literal, $($field:ident).+) => {
        Setting {
            name: $name,
            is_same: |one, other| one.$($field).+ == other.$($field).+,
            take: None,
        }
    };
}

/// All settings of the server.
const SETTINGS: &[Setting] = &[
    fixed!("address", config.server.address),
    fixed!("port", config.server.port),
    live!("registration", server.registration),
    fixed!("max_connections", config.server.max_connections),
    fixed!("admin_socket", config.server.admin_socket),
    fixed!("admin_group", config.server.admin_group),
    live!("max_messages_per_sec", security.max_messages_per_sec),
    fixed!("key_directory", key_dir),
    live!("rotation_records", security.rotation_records),
    live!("rotation_mib", security.rotation_bytes),
    live!("rotation_minutes", security.rotation_age),
    fixed!("scram_iterations", config.security.scram_iterations),
    fixed!("directory of [storage]", data_dir),
    fixed!("durability", config.storage.durability),
    live!("min_free_mib", storage.min_free),
    fixed!("directory of [logging]", log_dir),
    live!("log_level", logging.log_level),
    fixed!("outbox_kib", config.limits.outbox),
    fixed!("outbox_total_mib", config.limits.outbox_total),
    live!("rooms", limits.rooms),
    live!("rooms_per_person", limits.rooms_per_person),
    live!("connection_timeout", network.connection_timeout),
    live!("buffer_size", network.buffer_size),
];

/// Takes what may change; returns the names of what has, and of what would have.
fn apply(running: &mut Settings, wanted: &Settings) -> (Vec<&'static str>, Vec<&'static str>) {
    let (mut changed, mut kept) = (Vec::new(), Vec::new());
    for setting in SETTINGS {
        if (setting.is_same)(running, wanted) {
            continue;
        }
        match setting.take {
            Some(take) => {
                take(&mut running.config, &wanted.config);
                changed.push(setting.name);
            }
            None => kept.push(setting.name),
        }
    }
    (changed, kept)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::config::{Environment, Options};

    /// Each differs from what holds without it.
    const OTHERS: &str = r#"
        [server]
        address = "127.0.0.2"
        port = 1
        registration = "closed"
        max_connections = 1
        admin_socket = "other.sock"
        admin_group = "0"
        [security]
        max_messages_per_sec = 1
        key_directory = "other"
        rotation_records = 20000
        rotation_mib = 100
        rotation_minutes = 1
        scram_iterations = 4096
        [storage]
        directory = "other"
        durability = "full"
        min_free_mib = 17
        [logging]
        directory = "other"
        log_level = "debug"
        [limits]
        outbox_kib = 17
        outbox_total_mib = 17
        rooms = 1
        rooms_per_person = 1
        [network]
        connection_timeout = 1
        buffer_size = 3000
    "#;

    fn settings(directory: &Path, text: &str) -> Settings {
        let file = directory.join("config.toml");
        fs::write(&file, text).unwrap();
        let sources = Sources {
            options: Options {
                config: Some(file),
                ..Options::default()
            },
            environment: Environment {
                working_dir: directory.to_owned(),
                xdg_config_home: None,
                xdg_state_home: None,
                home: None,
            },
        };
        sources.load().unwrap()
    }

    #[test]
    fn every_setting_of_the_server_is_taken_or_named() {
        let directory = tempfile::tempdir().unwrap();
        let mut running = settings(directory.path(), "");
        let wanted = settings(directory.path(), OTHERS);
        let (changed, kept) = apply(&mut running, &wanted);
        let live = SETTINGS.iter().filter(|setting| setting.take.is_some());
        assert_eq!(
            changed,
            live.map(|setting| setting.name).collect::<Vec<_>>()
        );
        assert_eq!(changed.len() + kept.len(), SETTINGS.len());
        assert_eq!(apply(&mut running, &wanted), (Vec::new(), kept));
    }

    #[test]
    fn no_setting_of_the_shipped_file_is_missing() {
        let mut section = "";
        for line in include_str!("../../config.toml").lines() {
            let line = line.strip_prefix("# ").unwrap_or(line);
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            }
            let Some((key, _)) = line.split_once(" = ") else {
                continue;
            };
            let is_key = key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            // The client's, what there is no choice of, and another way to say a directory.
            let is_another = matches!(section, "client" | "encryption")
                || matches!(key, "log_file" | "log_format" | "server" | "user")
                || key.ends_with("_command");
            if is_key && !is_another {
                let known = |setting: &Setting| {
                    setting.name == key || setting.name == format!("{key} of [{section}]")
                };
                assert!(SETTINGS.iter().any(known), "[{section}] {key}");
            }
        }
    }
}
