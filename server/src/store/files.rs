//! The files of the database: lock, modes, connections, copies. It knows no table.
//!
//! No function here opens the database's file once SQLite has: the operating system drops all of a
//! process's POSIX locks on a file when any one descriptor of it is closed, and SQLite's locks are
//! of that kind. Modes are therefore read by name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::catalogue;
use super::error::StoreError;
use super::sql::{self, SqlLog};

/// SQLite puts `chatbox.db-wal` and `chatbox.db-shm` beside it.
pub const DATABASE: &str = "chatbox.db";
/// The write-ahead log.
pub(super) const LOG: &str = "chatbox.db-wal";
/// The process that holds this file's lock is the one writer of the directory.
pub const LOCK: &str = "chatbox.lock";

/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// The lock is held until the file is closed, however the process ends.
pub(super) fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(StoreError::io("lock", &path)(source)),
    }
}

/// Makes the database's file with mode 0600, or refuses one that others may use. SQLite gives the
/// files it puts beside the database the database's mode.
pub(super) fn make_private(database: &Path) -> Result<(), StoreError> {
    match create_private(database) {
        Ok(()) | Err(StoreError::Exists(_)) => {}
        Err(error) => return Err(error),
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = OsString::from(database);
        name.push(suffix);
        let path = PathBuf::from(name);
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

fn create_private(path: &Path) -> Result<(), StoreError> {
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

/// Copies the database, as of one moment, to a new file of mode 0600.
///
/// The copy is one transaction on either side: writers go on meanwhile, and a process killed in
/// the middle leaves an empty database, never half of one.
pub(super) fn copy(connection: &Connection, target: &Path) -> Result<(), StoreError> {
    create_private(target)?;
    let result = copy_into(connection, target).and_then(|()| sync_parent(target));
    if result.is_err() {
        // What is left of a failed copy must not pass for one. Its error is the one to report.
        let _ = fs::remove_file(target);
    }
    result
}

fn copy_into(connection: &Connection, target: &Path) -> Result<(), StoreError> {
    const EVERY_PAGE: i32 = -1;
    let path = std::path::absolute(target).map_err(StoreError::io("find", target))?;
    let mut copy = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    match Backup::new(connection, &mut copy)?.step(EVERY_PAGE)? {
        StepResult::Done => Ok(()),
        _ => Err(StoreError::Busy),
    }
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(StoreError::io("sync", directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_is_made_for_its_owner_alone_and_refused_when_others_may_use_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(DATABASE);
        make_private(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        make_private(&path).unwrap();
        for loose in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(loose)).unwrap();
            assert!(matches!(
                make_private(&path),
                Err(StoreError::Mode { mode, .. }) if mode == loose
            ));
        }
    }

    #[test]
    fn the_log_beside_the_database_must_be_private_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(DATABASE);
        make_private(&path).unwrap();
        let log = directory.path().join("chatbox.db-wal");
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            make_private(&path),
            Err(StoreError::Mode { path, .. }) if path == log
        ));
    }

    #[test]
    fn the_lock_has_one_holder_and_is_free_when_it_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let held = lock(directory.path()).unwrap();
        assert!(matches!(
            lock(directory.path()),
            Err(StoreError::Locked(path)) if path == directory.path()
        ));
        drop(held);
        lock(directory.path()).unwrap();
    }

    #[test]
    fn a_copy_is_private_complete_and_overwrites_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let source = Connection::open_in_memory().unwrap();
        source
            .execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(7)")
            .unwrap();
        let target = directory.path().join("copy.db");
        copy(&source, &target).unwrap();
        assert_eq!(mode(&target), 0o600);
        let copied = Connection::open(&target).unwrap();
        let x: i64 = copied
            .query_row("SELECT x FROM t", (), |r| r.get(0))
            .unwrap();
        assert_eq!(x, 7);
        assert!(matches!(copy(&source, &target), Err(StoreError::Exists(_))));
    }

    #[test]
    fn a_copy_that_fails_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let broken = directory.path().join("broken.db");
        fs::write(&broken, [b'x'; 8192]).unwrap();
        let source = Connection::open(&broken).unwrap();
        let target = directory.path().join("copy.db");
        assert!(copy(&source, &target).is_err());
        assert!(!target.exists());
    }
}
