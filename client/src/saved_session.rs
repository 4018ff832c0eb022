//! Logins that scripts keep (`--keep-session`): one file for each server and name, with what
//! resumes the session.
//!
//! Whoever reads such a file is that person until the login is over, at most 12 hours after the
//! full login. So it exists only where it was asked for, only its owner may read it, and one that
//! others could have read or written is refused. Every resume replaces the token, and the server
//! takes a copy that was used elsewhere for a theft: so a file belongs to one program at a time,
//! which holds a lock beside it until it ends.
//!
//! Knows no socket. Whoever resumes with what it read must put the new ticket in its place at once
//! ([`SavedSession::keep`]), and forget one that was refused. A session that is to be continued ends
//! without a goodbye: that would be a logout.

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

/// How long another script's lock is waited for.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried meanwhile.
const TRY: Duration = Duration::from_millis(50);

/// Why a session is not kept or not found. The sentence is fit for a person.
#[derive(Debug, thiserror::Error)]
pub enum SavedSessionError {
    /// The file, its lock or its directory cannot be used.
    #[error("cannot keep the session in {}: {source}", path.display())]
    Io {
        /// Which of them.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may use the directory, or it is another's.
    #[error(
        "{} keeps sessions and is open to other users (mode {mode:03o}): do 'chmod 700' on it first",
        path.display()
    )]
    OpenDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others may read or change the file, or it is another's.
    #[error(
        "{} keeps a session and was open to other users (mode {mode:03o}): delete it, and end \
         the session with /logout all if somebody may have read it",
        path.display()
    )]
    OpenFile {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It says something else than this program writes.
    #[error("{} is no kept session that this version understands: delete it", .0.display())]
    Damaged(PathBuf),
}

/// The kept session of one person on one server, while this program alone may use it.
pub struct SavedSession {
    path: PathBuf,
    server: ServerAddress,
    user: UserName,
    /// Locked until it is closed.
    _lock: File,
}

impl SavedSession {
    /// Takes the place of a session in `directory`, which is made if need be. Nothing when another
    /// program has not given it back within `patience`.
    ///
    /// # Errors
    /// When directory or lock cannot be used, or the directory is open to others.
    pub fn hold(
        directory: &Path,
        server: &ServerAddress,
        user: &UserName,
        patience: Duration,
    ) -> Result<Option<Self>, SavedSessionError> {
        prepare(directory)?;
        // One account has one name here, however it was typed.
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

    /// The ticket that is kept, unless there is none or its time has passed.
    ///
    /// # Errors
    /// When the file cannot be read, may have been read or written by others, or says something
    /// that cannot be.
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

    /// Keeps a ticket in the place of the one before: a file is complete or not there.
    ///
    /// # Errors
    /// When it cannot be written. Nothing is kept then: the one before is used up, and to try it
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
        // What a program left that was ended while it wrote; no other writes while this one holds
        // the lock.
        let written = remove(&temporary)
            .and_then(|()| options().write(true).create_new(true).open(&temporary))
            .and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()?;
                fs::rename(&temporary, &self.path)
            });
        if written.is_err() {
            // The first failure is the one to tell.
            let _ = remove(&temporary);
            let _ = remove(&self.path);
        }
        written
    }

    /// Deletes what is kept: it was refused, or is over.
    ///
    /// # Errors
    /// When that fails.
    pub fn forget(&self) -> Result<(), SavedSessionError> {
        remove(&self.path).map_err(failed(&self.path))
    }
}

/// Where sessions are kept, from the values of `XDG_STATE_HOME` and `HOME`: nowhere when neither is
/// an absolute path.
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

/// Makes the directory, and has a look at one that was there.
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

/// Files are their owner's alone, and are not behind links.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // A FIFO in the file's place is opened at once, and then refused.
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

/// Reads a whole file, without leaving a copy of it in memory. One that is too long comes back cut,
/// and is then not understood.
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
