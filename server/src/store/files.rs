//! The files of the database: lock, modes, connections, and whether the files are still those that
//! their names mean. It knows no table.
//!
//! No function here opens the database's file once SQLite has: the operating system drops all of a
//! process's POSIX locks on a file when any one descriptor of it is closed, and SQLite's locks are
//! of that kind. Modes are therefore read by name.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::catalogue;
use super::error::StoreError;
use super::sql::{self, SqlLog};
use crate::new_file;

/// The name that is looked for in a directory of data; it may be a link.
pub const DATABASE: &str = "chatbox.db";
/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// Longer than a look at the lock takes.
const A_LOOK: Duration = Duration::from_millis(50);

/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// The right to write in a directory of data, held until this is dropped or the process ends,
/// however that is.
pub struct DataLock {
    pub(super) directory: PathBuf,
    /// Of [`real_path`].
    pub(super) database: PathBuf,
    _files: Vec<File>,
}

/// Where the database of a directory lies, or is to be made: its name may be a link to a file that is
/// not there yet. SQLite follows it as well, and puts `…-wal` and `…-shm` beside what it leads to.
///
/// # Errors
/// When the name can't be looked at.
pub(super) fn real_path(directory: &Path) -> Result<PathBuf, StoreError> {
    let mut path = directory.join(DATABASE);
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            // An absolute one stands for itself.
            Ok(target) => path = tidy(path.parent().unwrap_or(directory).join(target)),
            Err(error) => match error.kind() {
                // It is no link.
                io::ErrorKind::InvalidInput | io::ErrorKind::NotFound => return Ok(path),
                _ => return Err(StoreError::io("look at", &path)(error)),
            },
        }
    }
    // SQLite refuses it.
    Ok(path)
}

/// Without the `..` of a relative link, which say nothing to who reads the path in a sentence.
fn tidy(path: PathBuf) -> PathBuf {
    let folder = path
        .parent()
        .and_then(|folder| fs::canonicalize(folder).ok());
    match folder.zip(path.file_name()) {
        Some((folder, name)) => folder.join(name),
        None => path,
    }
}

/// The write-ahead log of the database with this real path.
pub(super) fn log_of(database: &Path) -> PathBuf {
    beside(database, "-wal")
}

/// How large the database is, with what waits beside it to be moved into it.
///
/// # Errors
/// When it can't be looked at.
pub fn bytes(directory: &Path) -> Result<u64, StoreError> {
    let database = real_path(directory)?;
    let found = fs::metadata(&database).map_err(StoreError::io("look at", &database))?;
    let log = fs::metadata(log_of(&database)).map_or(0, |log| log.len());
    Ok(found.len() + log)
}

/// `chatbox.lock` of `chatbox.db`. The process that holds this file's lock is the one writer of the
/// database, whatever links lead to it.
fn lock_of(database: &Path) -> PathBuf {
    database.with_extension("lock")
}

/// # Errors
/// [`StoreError::Locked`] when another process has it; those of files.
pub fn lock(directory: &Path) -> Result<DataLock, StoreError> {
    let database = real_path(directory)?;
    // Version 0.1 has the lock beside the name, wherever that leads: neither runs beside the other.
    let paths = [lock_of(&database), lock_of(&directory.join(DATABASE))];
    let [(first, id), (second, other)] = [open_lock(&paths[0])?, open_lock(&paths[1])?];
    let mut files = vec![first];
    // Where no link leads elsewhere it is one file, which can't be locked twice.
    if id != other {
        files.push(second);
    }
    for (file, path) in files.iter().zip(&paths) {
        let mut locked = file.try_lock();
        if matches!(locked, Err(TryLockError::WouldBlock)) {
            // Perhaps somebody only looks whether it is locked ([`is_locked`]).
            std::thread::sleep(A_LOOK);
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(StoreError::io("lock", path)(source)),
        }
    }
    Ok(DataLock {
        directory: directory.to_owned(),
        database,
        _files: files,
    })
}

/// Whether a server, or a command on a stopped one, holds the database; `false` also where that can't
/// be known. Makes no file.
#[must_use]
pub fn is_locked(directory: &Path) -> bool {
    let file = real_path(directory).and_then(|database| {
        let path = lock_of(&database);
        File::open(&path).map_err(StoreError::io("open", &path))
    });
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn open_lock(path: &Path) -> Result<(File, FileId), StoreError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::io("open", path))?;
    let metadata = file.metadata().map_err(StoreError::io("look at", path))?;
    Ok((file, (metadata.dev(), metadata.ino())))
}

/// A name beside `path`: that with a suffix.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether there is a database in `directory` that has anything in it. SQLite takes an empty file
/// for a database without tables.
///
/// # Errors
/// When the name can't be looked at.
pub fn exists(directory: &Path) -> Result<bool, StoreError> {
    let path = directory.join(DATABASE);
    match fs::metadata(&path) {
        Ok(metadata) => Ok(metadata.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io("look at", &path)(error)),
    }
}

/// Device and inode: a name may come to mean another file.
type FileId = (u64, u64);

fn id_of(path: &Path) -> io::Result<FileId> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

struct NamedFile {
    path: PathBuf,
    /// What the name meant when it was opened.
    id: FileId,
}

impl NamedFile {
    fn of(path: PathBuf) -> Result<Self, StoreError> {
        let id = id_of(&path).map_err(StoreError::io("look at", &path))?;
        Ok(Self { path, id })
    }

    fn is_there(&self) -> Result<bool, StoreError> {
        self.is_found(id_of(&self.path))
    }

    /// What can't be looked at just now, since a disk answers with an error or a folder is closed, is
    /// not known to be gone.
    fn is_found(&self, found: io::Result<FileId>) -> Result<bool, StoreError> {
        use io::ErrorKind::{NotADirectory, NotFound};
        match found {
            Ok(found) => Ok(found == self.id),
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(false),
            Err(error) => Err(StoreError::io("look at", &self.path)(error)),
        }
    }
}

/// The files that a server has open, to be compared with what their names mean by now.
pub(super) struct Place {
    /// The database as the operator calls it.
    named: NamedFile,
    /// The same as SQLite calls it.
    database: NamedFile,
    /// The write-ahead log, which is there while a connection is open.
    log: NamedFile,
    /// By which connections of several processes keep out of each other's way.
    memory: NamedFile,
    lock: NamedFile,
}

impl Place {
    /// Of the database in `directory`, which has been written to since it was opened.
    ///
    /// # Errors
    /// When a file is missing, or can't be looked at.
    pub(super) fn of(directory: &Path) -> Result<Self, StoreError> {
        let database = real_path(directory)?;
        Ok(Self {
            named: NamedFile::of(directory.join(DATABASE))?,
            log: NamedFile::of(log_of(&database))?,
            memory: NamedFile::of(beside(&database, "-shm"))?,
            lock: NamedFile::of(lock_of(&database))?,
            database: NamedFile::of(database)?,
        })
    }

    /// Four system calls.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when a file was moved, deleted or replaced: what is committed from here
    /// on nobody would find, or another server may write as well. [`StoreError::Io`] when that
    /// can't be known just now.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for file in [&self.named, &self.log, &self.memory, &self.lock] {
            if !file.is_there()? {
                return Err(StoreError::Gone(file.path.clone()));
            }
        }
        Ok(())
    }

    /// Takes the name from the write-ahead log of a database that is gone: SQLite would read it into
    /// whatever has the database's name at the next start.
    pub(super) fn set_log_aside(&self) {
        let is_ours = matches!(self.log.is_there(), Ok(true));
        if is_ours && matches!(self.database.is_there(), Ok(false)) {
            // If it can't be, the next start's check may find out.
            let _ = set_aside(&self.log.path);
        }
    }
}

/// Renames the write-ahead log of a database that has lost its name to the first of `….aside`,
/// `….aside.1`, … that is free: an earlier one may hold what is nowhere else.
pub(super) fn set_aside(log: &Path) -> io::Result<()> {
    let mut suffix = ".aside".to_owned();
    for number in 1.. {
        match new_file::name(log, &beside(log, &suffix)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done,
        }
        suffix = format!(".aside.{number}");
    }
    Ok(())
}

/// Makes the database's file with mode 0600, or refuses one that others may use. SQLite gives the
/// files it puts beside the database the database's mode.
pub(super) fn make_private(database: &Path) -> Result<(), StoreError> {
    match create_private(database) {
        Ok(()) | Err(StoreError::Exists(_)) => {}
        Err(error) => return Err(error),
    }
    for suffix in ["", "-wal", "-shm"] {
        let path = beside(database, suffix);
        let mode = match fs::metadata(&path) {
            Ok(metadata) => metadata.permissions().mode() & 0o7777,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(StoreError::io("look at", &path)(error)),
        };
        if mode & 0o077 != 0 {
            return Err(StoreError::Mode { path, mode });
        }
    }
    Ok(())
}

pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(StoreError::Exists(path.to_owned()))
        }
        Err(error) => Err(StoreError::io("make", path)(error)),
    }
}

/// Opens a connection with the settings that all have in common. The file must exist.
pub(super) fn connect(
    database: &Path,
    access: OpenFlags,
    log: &SqlLog,
) -> Result<Connection, StoreError> {
    // No SQLITE_OPEN_URI and no relative name: a path is a path, whatever it looks like.
    let path = std::path::absolute(database).map_err(StoreError::io("find", database))?;
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(catalogue::COUNT);
    // A plan must depend on the statement alone. Else SQLite prepares a statement that compares
    // with a bound value anew for every other value, which takes longer than to run it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    settings(
        &connection,
        log,
        &["PRAGMA trusted_schema = OFF", "PRAGMA foreign_keys = ON"],
    )?;
    Ok(connection)
}

/// Runs PRAGMAs whose answers do not matter, and reports them to sql.log together.
pub(super) fn settings(
    connection: &Connection,
    log: &SqlLog,
    statements: &[&'static str],
) -> Result<(), StoreError> {
    let mut entries = Vec::new();
    let result = statements.iter().try_for_each(|statement| {
        let (entry, result) = sql::pragma(connection, statement, |_| Ok(()));
        entries.push(entry);
        result.map(|_| ())
    });
    log.write(entries);
    result
}

pub(super) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(StoreError::io("sync", directory))
}
