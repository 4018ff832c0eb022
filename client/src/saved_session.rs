//! Logins that scripts save (`--keep-session`): one file for each server and name, with what
//! resumes the session.
//!
//! A program that reads such a file can act as that person until the login is over, at most 12
//! hours after the full login. So a file exists only where it was asked for, only its owner may
//! read it, and one that others could have read or written is refused. Every resume replaces the
//! token, and the server takes a second use of one for a theft: so a file belongs to one program at
//! a time, which holds a lock beside it until it ends.
//!
//! Knows no socket. A caller that has resumed must save the new ticket at once
//! ([`SavedSession::keep`]), and forget one that was refused. A session that is to be continued
//! ends without a goodbye, which would be a logout.

mod text;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use chatbox_common::name::UserName;
use zeroize::Zeroizing;

use crate::address::ServerAddress;
use crate::file_mode::FileMode;
use crate::session::Ticket;
use text::SavedTicket;

/// How long to wait for another script's lock.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How often the lock is tried meanwhile.
const TRY: Duration = Duration::from_millis(50);

/// Why a session is not saved or not found. A sentence for the person.
#[derive(Debug, thiserror::Error)]
pub enum SavedSessionError {
    #[error("cannot keep the session in {}: {source}", path.display())]
    Io {
        /// The file, its lock or its directory.
        path: PathBuf,
        source: io::Error,
    },
    /// Others may use the directory, or its owner is another user.
    #[error(
        "{} keeps sessions and is open to other users (mode {mode:03o}): do 'chmod 700' on it first",
        path.display()
    )]
    OpenDirectory {
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// Others may read or change the file, or its owner is another user: the token may be known to
    /// them.
    #[error(
        "{} keeps a session and was open to other users (mode {mode:03o}): delete it, and end \
         the session with /logout all if somebody may have read it",
        path.display()
    )]
    OpenFile {
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// Not what this program writes.
    #[error("{} is no kept session that this version understands: delete it", .0.display())]
    Damaged(PathBuf),
}

/// The saved session of one person on one server; this program alone may use it while this lives.
pub struct SavedSession {
    path: PathBuf,
    server: ServerAddress,
    user: UserName,
    /// Locked until it is closed.
    _lock: File,
}

impl SavedSession {
    /// Takes the lock of a session in `directory`, which is made if need be. `None` when another
    /// program has not released it within `patience`.
    pub fn hold(
        directory: &Path,
        server: &ServerAddress,
        user: &UserName,
        patience: Duration,
    ) -> Result<Option<Self>, SavedSessionError> {
        prepare(directory)?;
        // An account has one file, in whatever case its name was typed.
        let name = format!("{server}_{}", user.lower());
        let path = directory.join(&name);
        let lock_path = directory.join(format!("{name}.lock"));
        let lock = lock(&lock_path, patience).map_err(failed(&lock_path))?;
        Ok(lock.map(|lock| Self {
            path,
            server: server.clone(),
            user: user.clone(),
            _lock: lock,
        }))
    }

    /// The saved ticket; `None` if there is none or its time has passed.
    ///
    /// # Errors
    /// Also when others could have read or written the file.
    pub fn ticket(&self) -> Result<Option<Ticket>, SavedSessionError> {
        self.ticket_at(SystemTime::now())
    }

    fn ticket_at(&self, now: SystemTime) -> Result<Option<Ticket>, SavedSessionError> {
        let mut file = match options().read(true).open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed(&self.path))?,
        };
        let metadata = file.metadata().map_err(failed(&self.path))?;
        let mode = FileMode::of(&metadata);
        if !metadata.is_file() {
            return Err(SavedSessionError::Damaged(self.path.clone()));
        }
        if !mode.is_own || mode.is_open_to_others() {
            return Err(SavedSessionError::OpenFile {
                path: self.path.clone(),
                mode: mode.mode,
            });
        }
        let bytes = read(&mut file).map_err(failed(&self.path))?;
        let entry = SavedTicket::parse(&bytes)
            .filter(|entry| entry.server == self.server)
            .filter(|entry| entry.user.lower() == self.user.lower())
            .ok_or_else(|| SavedSessionError::Damaged(self.path.clone()))?;
        Ok(entry.ticket(now))
    }

    /// Replaces the saved ticket: the file is complete or not there.
    ///
    /// # Errors
    /// When it can't be written. Nothing is saved then: the ticket before is used up, and using it
    /// again would look like a theft.
    pub fn keep(&self, ticket: &Ticket) -> Result<(), SavedSessionError> {
        self.keep_at(ticket, SystemTime::now())
    }

    fn keep_at(&self, ticket: &Ticket, now: SystemTime) -> Result<(), SavedSessionError> {
        let (token, left) = ticket.parts(Instant::now());
        let entry = SavedTicket {
            server: self.server.clone(),
            user: self.user.clone(),
            fingerprint: ticket.fingerprint,
            until: text::seconds(now).saturating_add(left.as_secs()),
            token: token.clone(),
        };
        self.replace(entry.write().as_bytes())
            .map_err(failed(&self.path))
    }

    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let temporary = PathBuf::from(name);
        // A program that was ended while it wrote left it; none writes it while this one holds the
        // lock.
        let written = remove(&temporary)
            .and_then(|()| options().write(true).create_new(true).open(&temporary))
            .and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()?;
                fs::rename(&temporary, &self.path)
            });
        if written.is_err() {
            // The first failure is reported.
            let _ = remove(&temporary);
            let _ = remove(&self.path);
        }
        written
    }

    /// Deletes the saved ticket: it was refused, or the login is over.
    pub fn forget(&self) -> Result<(), SavedSessionError> {
        remove(&self.path).map_err(failed(&self.path))
    }
}

/// From the values of `XDG_STATE_HOME` and `HOME`; `None` when neither is an absolute path.
#[must_use]
pub fn default_directory(
    xdg_state_home: Option<OsString>,
    home: Option<OsString>,
) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|p| p.is_absolute());
    absolute(xdg_state_home)
        .or_else(|| absolute(home).map(|home| home.join(".local/state")))
        .map(|state| state.join("chatbox/sessions"))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> SavedSessionError {
    let path = path.to_owned();
    move |source| SavedSessionError::Io { path, source }
}

/// Makes the directory, or judges the one that is there.
fn prepare(directory: &Path) -> Result<(), SavedSessionError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    let metadata = builder
        .recursive(true)
        .create(directory)
        .and_then(|()| fs::metadata(directory))
        .map_err(failed(directory))?;
    let mode = FileMode::of(&metadata);
    if mode.is_own && !mode.is_open_to_others() {
        return Ok(());
    }
    Err(SavedSessionError::OpenDirectory {
        path: directory.to_owned(),
        mode: mode.mode,
    })
}

/// New files are their owner's alone, and links are not followed.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // Opening a FIFO in the file's place would block; so it is opened at once, and then
        // refused.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.mode(0o600);
        options.custom_flags(flags.bits().cast_signed());
    }
    options
}

fn lock(path: &Path, patience: Duration) -> io::Result<Option<File>> {
    let file = options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(None),
            Err(TryLockError::WouldBlock) => thread::sleep(TRY),
        }
    }
}

/// Reads a whole file without leaving a copy of it in memory. One that is too long is cut, and then
/// not understood.
fn read(file: &mut File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; text::MAX_FILE]);
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests;
