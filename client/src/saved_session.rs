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
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use chatbox_common::name::UserName;
use zeroize::Zeroizing;

use crate::address::ServerAddress;
use crate::file_mode::FileMode;
use crate::locked_file::{self, LockedFile};
use crate::session::Ticket;
use text::SavedTicket;

/// How long to wait for another script's lock.
pub const PATIENCE: Duration = Duration::from_secs(10);

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
    file: LockedFile,
    server: ServerAddress,
    user: UserName,
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
        let path = directory.join(name);
        let held = LockedFile::hold(&path, patience);
        let held = held.map_err(failed(&locked_file::lock_path(&path)))?;
        Ok(held.map(|file| Self {
            file,
            server: server.clone(),
            user: user.clone(),
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
        let path = self.file.path();
        let mut file = match locked_file::private().read(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed(path))?,
        };
        let metadata = file.metadata().map_err(failed(path))?;
        let mode = FileMode::of(&metadata);
        if !metadata.is_file() {
            return Err(SavedSessionError::Damaged(path.to_owned()));
        }
        if !mode.is_own || mode.is_open_to_others() {
            return Err(SavedSessionError::OpenFile {
                path: path.to_owned(),
                mode: mode.mode,
            });
        }
        let bytes = read(&mut file).map_err(failed(path))?;
        let entry = SavedTicket::parse(&bytes)
            .filter(|entry| entry.server == self.server)
            .filter(|entry| entry.user.lower() == self.user.lower())
            .ok_or_else(|| SavedSessionError::Damaged(path.to_owned()))?;
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
        let replaced = self.file.replace(entry.write().as_bytes());
        if replaced.is_err() {
            // The first failure is reported.
            let _ = self.file.remove();
        }
        replaced.map_err(failed(self.file.path()))
    }

    /// Deletes the saved ticket: it was refused, or the login is over.
    pub fn forget(&self) -> Result<(), SavedSessionError> {
        self.file.remove().map_err(failed(self.file.path()))
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
    let metadata = locked_file::make_private_directory(directory)
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

#[cfg(test)]
mod tests;
