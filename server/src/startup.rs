//! What a start finds on the disk, what it refuses, and what it makes there.
//!
//! Nothing is made before it is as good as known that the start will succeed: the configuration is
//! read and the address bound by then. Nothing is touched that a running server has, and nothing is
//! begun anew beside what an earlier run left: a database that was lost must not pass for none.
//! Called once, by `server`.

use std::os::unix::net::UnixListener;
use std::path::Path;

use anyhow::Context;
use chatbox_common::auth::scram::Iterations;
use chatbox_common::config::Durability as Kept;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::secret::Secret;

use crate::audit::{self, Audit, Line, events};
use crate::clock::stamp;
use crate::config::{ConfigError, Settings};
use crate::keyfile::{self, IfMissing, KeyFileError, KeyName, WayIn, load_or_create};
use crate::local_socket;
use crate::shared::Secrets;
use crate::sql_log::sql_log;
use crate::store::{
    self, Checked, Commit, DATABASE, DataLock, Durability, NewDatabase, SqlLog, Store,
};

/// Where people leave traces. The others have lines of a start that failed as well.
const PEOPLES_LOGS: [&str; 2] = ["credentials.log", "chat.log"];

pub struct OnDisk {
    pub audit: Audit,
    pub sql_log: SqlLog,
    pub store: Store,
    pub keys: KeyFiles,
    /// Of every password in the database.
    pub iterations: Iterations,
    /// The number of this start, 24 bits.
    pub start: u32,
    /// Where the operator's commands come.
    pub admin: UnixListener,
}

pub struct KeyFiles {
    pub identity: Secret<32>,
    pub totp: Secret<32>,
    pub secrets: Secrets,
}

/// `begins_anew` is the operator's word that there need not be a database.
pub fn open(settings: &Settings, begins_anew: bool) -> anyhow::Result<OnDisk> {
    keyfile::check_directory(&settings.key_dir)?;
    // First of all, so that the files of a running server are left alone.
    let held = if settings.data_dir.exists() {
        Some(store::lock(&settings.data_dir)?)
    } else {
        None
    };
    let is_new = !store::exists(&settings.data_dir)?;
    judge(settings, is_new, begins_anew)?;
    settings.make_directories()?;
    let lock = match held {
        Some(lock) => lock,
        None => store::lock(&settings.data_dir)?,
    };
    let last_line = audit::last_moment(&settings.log_dir);
    let last_start = audit::last_start(&settings.log_dir);
    let audit = Audit::start(&settings.log_dir).context("the audit files can't be opened")?;
    audit::install(audit.clone(), settings.config.logging.log_level)?;
    let sql_log = sql_log(&audit);
    if let Some(way) = keyfile::close_directory(&settings.key_dir)? {
        audit.log(of_key_directory(&way));
    }
    let keys = make_or_load(settings, is_new, &lock, &sql_log)?;
    let durability = match settings.config.storage.durability {
        Kept::Normal => Durability::Normal,
        Kept::Full => Durability::Full,
    };
    let mut store = Store::open_locked(lock, durability, sql_log.clone())?;
    keys.belong_to(&mut store, &settings.key_dir)?;
    let wanted = settings.config.security.scram_iterations;
    let iterations = choose_iterations(&mut store, wanted)?;
    store::remove_passing_copies(&settings.data_dir)
        .context("what an earlier backup has left can't be removed")?;
    // Before this run leaves a mark: a path that can't be used is a start that fails.
    let path = settings.admin_socket();
    let admin = local_socket::bind(&path, settings.admin_group()?)
        .with_context(|| format!("the admin socket {} can't be made", path.display()))?;
    let start = store.transaction(Commit::Usual, |tx| tx.begin_run(stamp(), last_start))?;
    if let Some(checked) = store.checked() {
        audit.log(ended_badly(last_line.as_deref(), checked));
    }
    Ok(OnDisk {
        audit,
        sql_log,
        store,
        keys,
        iterations,
        start,
        admin,
    })
}

/// Refuses to begin with an empty database beside the keys or the logs of an earlier one.
fn judge(settings: &Settings, is_new: bool, begins_anew: bool) -> Result<(), ConfigError> {
    let database = settings.data_dir.join(DATABASE);
    let refused = |sentence| Err(ConfigError(vec![sentence]));
    if begins_anew && !is_new {
        return refused(format!(
            "{} is there, so that --new-database would have to replace it: move it away first",
            database.display()
        ));
    }
    if begins_anew || !is_new {
        return Ok(());
    }
    let Some(left) = left_behind(settings) else {
        return Ok(());
    };
    let how = if database.exists() {
        "is empty"
    } else {
        "is not there"
    };
    refused(format!(
        "{} {how}, but there is {left}: put the database back, or restore a backup. With \
         --new-database the server begins anew, and every name is free again",
        database.display()
    ))
}

/// What an earlier run has left beside its database, for the sentence about it.
fn left_behind(settings: &Settings) -> Option<String> {
    if keyfile::has_keys(&settings.key_dir) {
        return Some(format!("the key of one in {}", settings.key_dir.display()));
    }
    let is_used = |path: &Path| path.metadata().is_ok_and(|file| file.len() > 0);
    let mut logs = PEOPLES_LOGS.iter().map(|name| settings.log_dir.join(name));
    let log = logs.find(|path| is_used(path))?;
    Some(format!("the log of one, {}", log.display()))
}

/// A new database gets its name behind the keys: where it has one, they are there.
fn make_or_load(
    settings: &Settings,
    is_new: bool,
    lock: &DataLock,
    log: &SqlLog,
) -> anyhow::Result<KeyFiles> {
    if !is_new {
        return Ok(KeyFiles::load(&settings.key_dir, IfMissing::MustExist)?);
    }
    let database = NewDatabase::build(lock, log)?;
    let keys = KeyFiles::load(&settings.key_dir, IfMissing::MayCreate)?;
    database.publish()?;
    Ok(keys)
}

impl KeyFiles {
    /// Makes no keys beside a database that exists: what it holds could not be read with them.
    fn load(directory: &Path, if_missing: IfMissing) -> Result<Self, KeyFileError> {
        let load = |name| load_or_create(directory, name, if_missing);
        Ok(Self {
            identity: load(KeyName::ServerIdentity)?,
            totp: load(KeyName::TotpSeal)?,
            secrets: Secrets {
                salt: load(KeyName::Salt)?,
                name_hash: load(KeyName::NameHash)?,
            },
        })
    }

    /// Refuses keys that are well-formed and not those that the database was used with: passwords
    /// and codes would be wrong for everybody, and the log would name another reason. The identity
    /// is not among them, since an operator may replace it.
    fn belong_to(&self, store: &mut Store, directory: &Path) -> anyhow::Result<()> {
        let all = [
            (KeyName::TotpSeal, &self.totp),
            (KeyName::Salt, &self.secrets.salt),
            (KeyName::NameHash, &self.secrets.name_hash),
        ];
        for (name, key) in all {
            let value = keyfile::check_value(key).context("a key can't be hashed")?;
            let kept_as = name.kept_as();
            let is_kept =
                store.transaction(Commit::Usual, |tx| tx.keeps_check_value(&kept_as, &value))?;
            if !is_kept {
                return Err(KeyFileError::Wrong(directory.join(name.file_name())).into());
            }
        }
        Ok(())
    }
}

/// Refuses a setting that does not hold for the accounts there are, so that no operator believes in
/// it: hashing them anew would take their passwords, which the server does not have.
fn choose_iterations(store: &mut Store, wanted: Iterations) -> anyhow::Result<Iterations> {
    let wanted = wanted.count();
    let kept = store.transaction(Commit::Usual, |tx| tx.choose_iterations(wanted))?;
    let iterations = Iterations::for_server(kept).context("the database is damaged")?;
    if kept != wanted {
        return Err(ConfigError(vec![format!(
            "the passwords in this database are hashed with {kept} rounds, and the configuration \
             says {wanted}: write `scram_iterations = {kept}` in [security], or begin with \
             another database"
        )])
        .into());
    }
    Ok(iterations)
}

fn of_key_directory(way: &WayIn) -> Line {
    let event = match &way.left_open {
        Some(_) => &events::KEY_DIRECTORY_OPEN,
        None => &events::KEY_DIRECTORY_CLOSED,
    };
    let line = Line::of(event).with("mode", format_args!("{:04o}", way.mode));
    match &way.left_open {
        Some(why) => line.with("why", why),
        None => line,
    }
}

/// For clients of the same user, which know their own server by it.
pub fn note_fingerprint(settings: &Settings, fingerprint: Fingerprint) {
    if let Err(error) = keyfile::note_fingerprint(&settings.key_dir, fingerprint) {
        // They ask for the fingerprint then.
        log::warn!("{error}");
    }
}

/// The run before this one was killed, or ended with the machine.
fn ended_badly(last_line: Option<&str>, checked: Checked) -> Line {
    let checked = match checked {
        Checked::Whole => "whole",
        Checked::Unfinished => "not finished within 10 s",
    };
    Line::of(&events::ENDED_UNCLEANLY)
        .with("last", last_line.unwrap_or("?"))
        .with("database", checked)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Environment, Options, Sources};

    fn settings(directory: &Path) -> Settings {
        fs::write(directory.join("config.toml"), "").unwrap();
        let options = Options {
            config: Some(directory.join("config.toml")),
            ..Options::default()
        };
        let environment = Environment {
            working_dir: directory.to_owned(),
            xdg_config_home: None,
            xdg_state_home: None,
            home: None,
        };
        Sources {
            options,
            environment,
        }
        .load()
        .unwrap()
    }

    #[test]
    fn a_database_is_begun_anew_where_nothing_is_left_of_one_or_at_the_operators_word() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(directory.path());
        judge(&settings, true, false).unwrap();
        judge(&settings, false, false).unwrap();
        assert!(judge(&settings, false, true).is_err());
        let is_refused = || {
            judge(&settings, true, true).unwrap();
            judge(&settings, true, false)
                .map_err(|error| error.to_string())
                .err()
        };
        fs::create_dir(&settings.log_dir).unwrap();
        for (log, counts) in [("info.log", false), ("sql.log", false), ("chat.log", true)] {
            fs::write(settings.log_dir.join(log), "").unwrap();
            assert_eq!(is_refused(), None, "{log}");
            fs::write(settings.log_dir.join(log), "a line\n").unwrap();
            assert_eq!(is_refused().is_some(), counts, "{log}");
        }
        fs::remove_file(settings.log_dir.join("chat.log")).unwrap();
        fs::create_dir(&settings.key_dir).unwrap();
        assert_eq!(is_refused(), None);
        fs::write(settings.key_dir.join("name_hash"), "").unwrap();
        let sentence = is_refused().unwrap();
        assert!(sentence.contains("is not there") && sentence.contains("--new-database"));
        fs::create_dir(&settings.data_dir).unwrap();
        fs::write(settings.data_dir.join(DATABASE), "").unwrap();
        assert!(is_refused().unwrap().contains("is empty"));
    }
}
