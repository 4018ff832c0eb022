//! Errors of the database, told apart by what the server does about them.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// The sentences are for the operator; SQLite's error is the source.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, nearly so, or the database has reached its largest size.
    #[error("the disk that holds the database is full")]
    Full,
    /// Another connection held the lock for longer than a second, or than a checkpoint waits.
    #[error("the database is busy: another program is writing to it")]
    Busy,
    /// A file beside the database could not be made, read or removed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// Reads behind "cannot".
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// SQLite could not read or write its files, or had no memory.
    #[error("the database's files cannot be read or written")]
    Unusable(#[source] rusqlite::Error),
    /// The file system has no shared memory for the write-ahead log, as network file systems.
    #[error("the database cannot keep a write-ahead log here: put it on a disk of this machine")]
    NoWal,
    /// The database was made or migrated by a newer program.
    #[error(
        "the database has schema {found} and this program knows schemas up to {known}: \
         start the newer chatbox-server again, or restore a backup made before it"
    )]
    NewerSchema {
        /// The database's `user_version`.
        found: i64,
        /// The newest schema of this program.
        known: i64,
    },
    #[error(
        "{} is in use by a running chatbox-server: stop it first, or give this one another directory",
        .0.display()
    )]
    Locked(PathBuf),
    /// A file's mode gives others than its owner access.
    #[error("{0} may be used by others (mode {mode:04o}): run chmod 600 {0}", path.display())]
    Mode {
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    #[error("{} exists already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// A file that is open has lost its name.
    #[error(
        "{} was moved, deleted or replaced while it was in use: nothing more is stored",
        .0.display()
    )]
    Gone(PathBuf),
    /// Another account has the name, or one that looks like it.
    #[error("that name is taken")]
    NameTaken,
    /// The row that a statement had to change or read is not there.
    #[error("there is no such account or room")]
    Missing,
    /// What was read was ended, because it took too long.
    #[error("the database was read for too long")]
    Ended,
    /// SQLite has undone the transaction after an earlier failure in it.
    #[error("the transaction was undone after an earlier failure")]
    RolledBack,
    /// The file is no database, or holds a value that this program never writes.
    #[error("the database is damaged: restore a backup")]
    Corrupt(#[source] rusqlite::Error),
    /// A check of all pages has found that it is not whole.
    #[error("the database is damaged: restore a backup ({0})")]
    Damaged(
        /// What SQLite says about it, which may hold bytes of the file.
        String,
    ),
    #[error("a thread for the database could not be started")]
    Thread(#[source] io::Error),
    #[error("the database refused a statement")]
    Sql(#[source] rusqlite::Error),
}

impl StoreError {
    /// Whether the same work may succeed later: peers get `unavailable`, and the server stays up.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Full
                | Self::Busy
                | Self::Io { .. }
                | Self::Unusable(_)
                | Self::Ended
                | Self::RolledBack
                | Self::Gone(_)
        )
    }

    /// Whether something in the file is not what this program has written.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Damaged(_))
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed => Self::Busy,
                ErrorCode::OperationInterrupted => Self::Ended,
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory => Self::Unusable(error),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(error),
                _ => Self::Sql(error),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::Corrupt(error),
            _ => Self::Sql(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_apart_from_what_stays_wrong() {
        let from = |code| {
            StoreError::from(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(code),
                None,
            ))
        };
        assert!(matches!(from(rusqlite::ffi::SQLITE_FULL), StoreError::Full));
        assert!(matches!(from(rusqlite::ffi::SQLITE_BUSY), StoreError::Busy));
        assert!(from(rusqlite::ffi::SQLITE_IOERR_FSYNC).is_unavailable());
        assert!(from(rusqlite::ffi::SQLITE_READONLY).is_unavailable());
        assert!(!from(rusqlite::ffi::SQLITE_CORRUPT).is_unavailable());
        assert!(!from(rusqlite::ffi::SQLITE_CONSTRAINT).is_unavailable());
        assert!(!StoreError::NameTaken.is_unavailable());
    }

    #[test]
    fn the_sentence_about_a_mode_carries_its_remedy() {
        let sentence = StoreError::Mode {
            path: "data/chatbox.db".into(),
            mode: 0o644,
        }
        .to_string();
        assert_eq!(
            sentence,
            "data/chatbox.db may be used by others (mode 0644): run chmod 600 data/chatbox.db"
        );
    }
}
