//! The settings this server runs with: finds and reads the file, joins it with the flags, and makes
//! the directories once a start is to succeed.
//!
//! What the text of the file means is `chatbox_common::config`'s; this module knows where the file
//! lies, and what relative directories are relative to. Called once, by `main`.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, DirEntry, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chatbox_common::config::{self, Candidate, Config, FILE_NAME, MAX_FILE, Writers};
use rustix::fs::Access;

/// The store's, in a directory that is empty otherwise.
const LOCK: &str = "chatbox.lock";

/// The flags that override the file; `None` leaves it to the file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Read in place of the search.
    pub config: Option<PathBuf>,
    pub address: Option<IpAddr>,
    /// 0 lets the system choose.
    pub port: Option<u16>,
    pub data_dir: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
    pub key_dir: Option<PathBuf>,
}

/// The process's environment, as far as the search for files depends on it.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Absolute.
    pub working_dir: PathBuf,
    pub xdg_config_home: Option<PathBuf>,
    pub xdg_state_home: Option<PathBuf>,
    pub home: Option<PathBuf>,
}

impl Environment {
    pub fn of_process() -> io::Result<Self> {
        let dir = |name| std::env::var_os(name).map(PathBuf::from);
        Ok(Self {
            working_dir: std::env::current_dir()?,
            xdg_config_home: dir("XDG_CONFIG_HOME"),
            xdg_state_home: dir("XDG_STATE_HOME"),
            home: dir("HOME"),
        })
    }
}

/// What the server runs with. The directories are absolute; each can be written to or, where there is
/// none yet, made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As the file says, address and port overridden by the flags.
    pub config: Config,
    /// The file that was read; `None` when there is none.
    pub file: Option<PathBuf>,
    pub data_dir: PathBuf,
    pub log_dir: PathBuf,
    pub key_dir: PathBuf,
    /// What relative directories are relative to.
    base: PathBuf,
}

impl Settings {
    /// The directories, each with what names another one.
    fn directories(&self) -> [(&Path, &'static str); 3] {
        [
            (&self.data_dir, "`directory` in [storage] or --data-dir"),
            (&self.log_dir, "`directory` in [logging] or --log-dir"),
            (&self.key_dir, "`key_directory` in [security] or --key-dir"),
        ]
    }

    /// Does something with each directory.
    ///
    /// # Errors
    /// Names all that can't be used.
    fn each(&self, work: impl Fn(&Path) -> io::Result<()>) -> Result<(), ConfigError> {
        let faults: Vec<String> = self
            .directories()
            .into_iter()
            .filter_map(|(dir, remedy)| {
                let error = work(dir).err()?;
                // Keys that are there are only read.
                let holds_keys = std::ptr::eq(dir, self.key_dir.as_path());
                if holds_keys && dir.is_dir() && error.kind() == ErrorKind::ReadOnlyFilesystem {
                    return None;
                }
                Some(unusable(dir, &self.base, remedy, &error))
            })
            .collect();
        if faults.is_empty() {
            return Ok(());
        }
        Err(ConfigError(faults))
    }

    /// Makes the directories that are not there, mode 0700.
    ///
    /// # Errors
    /// Names all that can't be made.
    pub fn make_directories(&self) -> Result<(), ConfigError> {
        self.each(prepare)
    }
}

/// Everything that keeps the server from starting, one sentence each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Finds and reads the configuration. Makes nothing: a start that fails leaves nothing behind.
///
/// # Errors
/// Names all faults of the file, or all directories that can't be used.
pub fn load(options: &Options, environment: &Environment) -> Result<Settings, ConfigError> {
    let file = find(options, environment).map_err(|why| ConfigError(vec![why]))?;
    let mut config = match &file {
        Some(path) => read(path).map_err(ConfigError)?,
        None => Config::default(),
    };
    let base = base(file.as_deref(), environment).map_err(|why| ConfigError(vec![why]))?;
    if let Some(address) = options.address {
        config.server.address = address;
    }
    if let Some(port) = options.port {
        config.server.port = port;
    }
    let resolve = |flag: &Option<PathBuf>, said: &Path| match flag {
        Some(dir) => environment.working_dir.join(dir),
        None => base.join(said),
    };
    let settings = Settings {
        data_dir: resolve(&options.data_dir, &config.storage.directory),
        log_dir: resolve(&options.log_dir, &config.logging.directory),
        key_dir: resolve(&options.key_dir, &config.security.key_directory),
        config,
        file,
        base,
    };
    settings.each(can_be_used)?;
    Ok(settings)
}

/// The file that was named, which must exist, or the first that is found.
fn find(options: &Options, environment: &Environment) -> Result<Option<PathBuf>, String> {
    if let Some(named) = &options.config {
        return Ok(Some(environment.working_dir.join(named)));
    }
    let candidates = config::candidates(
        &environment.working_dir,
        environment.xdg_config_home.as_deref(),
        environment.home.as_deref(),
    );
    for Candidate { path, is_meant } in candidates {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                if !is_meant {
                    believe(&path, &metadata)?;
                }
                return Ok(Some(path));
            }
            Ok(_) => {}
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            // A server that passes over a file it may not read would start with other settings.
            Err(e) => return Err(format!("{} can't be read: {e}", shown(&path))),
        }
    }
    Ok(None)
}

/// Refuses a file that only lies about where others could have put it. It is not passed over: with
/// other settings the server would begin with another database and other keys.
fn believe(path: &Path, metadata: &Metadata) -> Result<(), String> {
    let unreadable = |e: io::Error| format!("{} can't be read: {e}", shown(path));
    let target = fs::canonicalize(path).map_err(unreadable)?;
    // Where the name is a link, both folders decide what it means.
    let folders = [path.parent(), target.parent()].into_iter().flatten();
    let mut all = vec![(path, metadata.clone())];
    for folder in folders {
        all.push((folder, fs::metadata(folder).map_err(unreadable)?));
    }
    let user = rustix::process::geteuid().as_raw();
    for (one, metadata) in all {
        let writers = Writers {
            mode: metadata.mode(),
            owner: metadata.uid(),
            group: metadata.gid(),
        };
        if let Some(doubt) = writers.doubt(user) {
            return Err(format!(
                "{} is not taken: {} {doubt}; name the file with --config if you mean it",
                shown(path),
                shown(one)
            ));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Config, Vec<String>> {
    let unreadable = |e: io::Error| vec![format!("{} can't be read: {e}", shown(path))];
    let mut text = String::new();
    File::open(path)
        .map_err(unreadable)?
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if u64::try_from(text.len()).is_ok_and(|len| len > MAX_FILE) {
        return Err(vec![format!(
            "{} is longer than {} KiB and can't be a configuration",
            shown(path),
            MAX_FILE / 1024
        )]);
    }
    config::parse(&text).map_err(|faults| {
        let at = |fault| format!("{}, {fault}", shown(path));
        faults.into_iter().map(at).collect()
    })
}

/// Relative directories lie beside the file or, without one, in the user's directory for state.
fn base(file: Option<&Path>, environment: &Environment) -> Result<PathBuf, String> {
    if let Some(file) = file {
        return Ok(file.parent().unwrap_or(file).to_path_buf());
    }
    environment
        .xdg_state_home
        .clone()
        .filter(|dir| dir.is_absolute())
        .or_else(|| Some(environment.home.as_ref()?.join(".local/state")))
        .map(|dir| dir.join("chatbox"))
        .ok_or_else(|| {
            format!(
                "there is no {FILE_NAME}, and without $HOME no place for the server's files; \
                 name a configuration with --config"
            )
        })
}

/// Whether a directory is there and can be written to, or could be made.
fn can_be_used(dir: &Path) -> io::Result<()> {
    for there in dir.ancestors() {
        match fs::metadata(there) {
            Ok(metadata) if metadata.is_dir() => {
                return Ok(rustix::fs::access(
                    there,
                    Access::WRITE_OK | Access::EXEC_OK,
                )?);
            }
            Ok(_) => return Err(ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// Makes a directory that only this user can enter, if there is none, and keeps its contents out of
/// version control. One in which there is something may be somebody else's as well, and its contents
/// are theirs to keep.
fn prepare(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK)?;
    // A start has locked the database's directory by now.
    let is_lock = |entry: io::Result<DirEntry>| entry.is_ok_and(|one| one.file_name() == LOCK);
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.all(is_lock)) {
        ignore_content(dir)?;
    }
    Ok(())
}

fn ignore_content(dir: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.join(".gitignore"));
    match made {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

fn unusable(dir: &Path, base: &Path, remedy: &str, error: &io::Error) -> String {
    let mut sentence = format!("the directory {} can't be used: {error}", shown(dir));
    if error.kind() == ErrorKind::PermissionDenied && dir.starts_with(base) {
        let _ = write!(
            sentence,
            " ({}, where it would lie, is not yours to write)",
            shown(base)
        );
    }
    let _ = write!(sentence, "; name another with {remedy}");
    sentence
}

/// Escaped, because a path may hold control characters.
fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn started_in(dir: &Path) -> Environment {
        Environment {
            working_dir: dir.to_path_buf(),
            xdg_config_home: Some(dir.join("nobody's")),
            xdg_state_home: None,
            home: Some(dir.join("home")),
        }
    }

    fn named(path: &Path) -> Options {
        Options {
            config: Some(path.to_path_buf()),
            ..Options::default()
        }
    }

    #[test]
    fn the_file_is_found_upward_and_its_directories_lie_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("server/src");
        fs::create_dir_all(&inner).unwrap();
        fs::write(root.path().join(FILE_NAME), "[server]\nport = 1\n").unwrap();
        let settings = load(&Options::default(), &started_in(&inner)).unwrap();
        assert!(!settings.log_dir.exists(), "nothing is made yet");
        settings.make_directories().unwrap();
        assert_eq!(settings.config.server.port, 1);
        assert_eq!(settings.log_dir, root.path().join("log"));
        for dir in [&settings.log_dir, &settings.data_dir, &settings.key_dir] {
            let mode = fs::metadata(dir).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            let ignored = fs::read_to_string(dir.join(".gitignore")).unwrap();
            assert_eq!(ignored, "*\n");
        }
    }

    #[test]
    fn a_file_that_others_could_have_put_there_is_refused_and_not_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("open/inner");
        fs::create_dir_all(&inner).unwrap();
        for folder in [root.path(), &root.path().join("open")] {
            fs::write(folder.join(FILE_NAME), "").unwrap();
        }
        let open = root.path().join("open");
        let found = || find(&Options::default(), &started_in(&inner));
        for mode in [0o777, 0o1777, 0o775] {
            fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
            let refusal = found().unwrap_err();
            assert!(
                refusal.contains("open/config.toml is not taken"),
                "{refusal}"
            );
            assert!(refusal.contains("--config"), "{refusal}");
        }
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(found(), Ok(Some(open.join(FILE_NAME))));
        fs::set_permissions(open.join(FILE_NAME), fs::Permissions::from_mode(0o646)).unwrap();
        assert!(
            found()
                .unwrap_err()
                .contains("config.toml may be changed by others")
        );
        assert!(find(&named(&open.join(FILE_NAME)), &started_in(&inner)).is_ok());
    }

    #[test]
    fn a_directory_in_which_there_is_something_gets_no_gitignore() {
        let root = tempfile::tempdir().unwrap();
        let there = |name: &str| root.path().join(name);
        for name in ["log", "keys", "data"] {
            fs::create_dir(there(name)).unwrap();
        }
        fs::write(there("log/.gitignore"), "mine").unwrap();
        fs::write(there("keys/passwd"), "").unwrap();
        fs::write(there("data/chatbox.lock"), "").unwrap();
        fs::write(root.path().join(FILE_NAME), "").unwrap();
        let settings = load(&Options::default(), &started_in(root.path())).unwrap();
        settings.make_directories().unwrap();
        let kept = fs::read_to_string(there("log/.gitignore")).unwrap();
        assert_eq!(kept, "mine");
        assert!(!there("keys/.gitignore").exists());
        assert!(there("data/.gitignore").exists());
    }

    #[test]
    fn without_a_file_everything_lies_in_the_users_state() {
        let root = tempfile::tempdir().unwrap();
        let mut environment = started_in(root.path());
        // A file above the temporary directory must not be found.
        environment.working_dir = PathBuf::from("/nonexistent");
        let state = base(None, &environment).unwrap();
        assert_eq!(state, root.path().join("home/.local/state/chatbox"));
        environment.xdg_state_home = Some(PathBuf::from("/s"));
        assert_eq!(
            base(None, &environment).unwrap(),
            PathBuf::from("/s/chatbox")
        );
        environment.xdg_state_home = Some(PathBuf::from("relative"));
        environment.home = None;
        assert!(base(None, &environment).unwrap_err().contains("--config"));
    }

    #[test]
    fn flags_override_the_file() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("my.toml");
        fs::write(&path, "[logging]\ndirectory = \"/nonexistent/log\"\n").unwrap();
        let options = Options {
            port: Some(0),
            address: Some("::1".parse().unwrap()),
            log_dir: Some(PathBuf::from("elsewhere")),
            ..named(Path::new("my.toml"))
        };
        let settings = load(&options, &started_in(root.path())).unwrap();
        assert_eq!(settings.file, Some(path));
        assert_eq!(settings.config.server.port, 0);
        assert_eq!(settings.config.server.address.to_string(), "::1");
        assert_eq!(settings.log_dir, root.path().join("elsewhere"));
    }

    #[test]
    fn every_fault_names_the_file_and_its_line() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("bad\u{1b}.toml");
        fs::write(&path, "[server]\nport = 'x'\nprot = 1\n").unwrap();
        let ConfigError(faults) = load(&named(&path), &started_in(root.path())).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(faults[0].contains("toml, line 2: "), "{}", faults[0]);
        assert!(faults[1].contains("toml, line 3: "), "{}", faults[1]);
        assert!(!faults.concat().contains('\u{1b}'));
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let environment = started_in(root.path());
        let path = root.path().join("x.toml");
        let missing = load(&named(&path), &environment).unwrap_err().to_string();
        assert!(missing.contains("can't be read"), "{missing}");
        fs::write(&path, b"\xff\xfe").unwrap();
        let binary = load(&named(&path), &environment).unwrap_err().to_string();
        assert!(binary.contains("can't be read"), "{binary}");
        let endless = load(&named(Path::new("/dev/zero")), &environment).unwrap_err();
        assert!(endless.to_string().contains("longer"), "{endless}");
    }

    #[test]
    fn all_directories_that_cannot_be_used_are_named_at_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(FILE_NAME);
        fs::write(
            &path,
            "storage.directory = 'config.toml/data'\nlogging.directory = 'config.toml'\n",
        )
        .unwrap();
        let ConfigError(faults) = load(&named(&path), &started_in(root.path())).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("--data-dir"), "{}", faults[0]);
        assert!(faults[1].contains("--log-dir"), "{}", faults[1]);
    }

    #[test]
    fn a_place_that_is_not_ours_is_named() {
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        let etc = Path::new("/etc/chatbox");
        let sentence = unusable(&etc.join("log"), etc, "--log-dir", &denied);
        assert!(sentence.contains("(/etc/chatbox, where it would lie"));
        assert!(sentence.ends_with("name another with --log-dir"));
    }
}
