//! The settings this server runs with: finds and reads the file, joins it with the flags, and makes
//! the directories once a start is to succeed.
//!
//! What the text of the file means is `chatbox_common::config`'s; this module knows where the file
//! lies, and what relative directories are relative to. Called by `main`, and at each reload.

#[cfg(test)]
mod tests;

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

/// The socket's name beside the database.
const ADMIN_SOCKET: &str = "admin.sock";
/// Where groups have their numbers. A directory service is not asked: its groups go by number.
const GROUPS: &str = "/etc/group";

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

/// Where settings come from, each time they are read.
#[derive(Debug, Clone)]
pub struct Sources {
    pub options: Options,
    pub environment: Environment,
}

impl Sources {
    /// As [`read_all`], for a server: its directories must be such as it can use.
    ///
    /// # Errors
    /// Names all faults of the file, or all directories that can't be used.
    pub fn load(&self) -> Result<Settings, ConfigError> {
        load(&self.options, &self.environment)
    }

    /// For a command, which may be of somebody who can't use the directories.
    ///
    /// # Errors
    /// Names all faults of the file.
    pub fn read(&self) -> Result<Settings, ConfigError> {
        read_all(&self.options, &self.environment)
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

    /// # Errors
    /// Names all directories that can't be used.
    pub fn check_directories(&self) -> Result<(), ConfigError> {
        self.each(can_be_used)
    }

    /// Where commands reach the running server.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        match &self.config.server.admin_socket {
            Some(path) => self.base.join(path),
            None => self.data_dir.join(ADMIN_SOCKET),
        }
    }

    /// The number of the group that may give commands.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn admin_group(&self) -> Result<Option<u32>, ConfigError> {
        let Some(name) = &self.config.server.admin_group else {
            return Ok(None);
        };
        if self.config.server.admin_socket.is_none() {
            return Err(ConfigError(vec![
                "admin_group needs an admin_socket in a directory that the group can enter: nobody \
                 else enters that of the database"
                    .to_owned(),
            ]));
        }
        let number = name.parse().ok().or_else(|| group_of(GROUPS, name));
        number.map(Some).ok_or_else(|| {
            let sentence = format!("there is no group {name} in {GROUPS}, as admin_group says");
            ConfigError(vec![sentence])
        })
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

/// As [`read_all`], and looks at the directories.
fn load(options: &Options, environment: &Environment) -> Result<Settings, ConfigError> {
    let settings = read_all(options, environment)?;
    settings.check_directories()?;
    Ok(settings)
}

/// Finds and reads the configuration. Makes nothing: a start that fails leaves nothing behind.
fn read_all(options: &Options, environment: &Environment) -> Result<Settings, ConfigError> {
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
    Ok(Settings {
        data_dir: resolve(&options.data_dir, &config.storage.directory),
        log_dir: resolve(&options.log_dir, &config.logging.directory),
        key_dir: resolve(&options.key_dir, &config.security.key_directory),
        config,
        file,
        base,
    })
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

fn group_of(groups: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(groups).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        fields.nth(1)?.parse().ok().filter(|_| is_it)
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
