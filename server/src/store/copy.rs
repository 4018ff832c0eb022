//! Copies of the database: written under another name, verified, and only then under their own. A
//! process that is killed in the middle leaves nothing that passes for a copy.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::check;
use super::error::StoreError;
use super::files::{self, beside, create_private, sync_parent};
use super::sql::SqlLog;
use crate::new_file;

/// What the name of a copy begins with that is sent away.
const PASSING: &str = "copy-";

/// Copies the database, as of one moment, to a new file of mode 0600. `finish` changes the copy
/// before anybody can take it for one. Writers go on meanwhile.
pub(super) fn copy(
    connection: &Connection,
    log: &SqlLog,
    target: &Path,
    finish: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if fs::symlink_metadata(target).is_ok() {
        return Err(StoreError::Exists(target.to_owned()));
    }
    let unfinished = Unfinished::beside(target);
    create_private(&unfinished.0)?;
    copy_into(connection, &unfinished.0)?;
    let copy = files::connect(&unfinished.0, OpenFlags::SQLITE_OPEN_READ_WRITE, log)?;
    finish(&copy)?;
    check::whole(&copy, log)?;
    // Closed before it is renamed: SQLite removes the files beside it then.
    drop(copy);
    unfinished.publish(target)
}

/// A file that gets its own name once it is complete, and is removed otherwise.
pub(super) struct Unfinished(pub(super) PathBuf);

impl Unfinished {
    /// `NAME.part-…`, unlike any that an earlier process may have left.
    pub(super) fn beside(target: &Path) -> Self {
        Self(beside(
            target,
            &format!(".part-{:016x}", rand::random::<u64>()),
        ))
    }

    /// Syncs the file, which no connection has open, and gives it its name.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something has the name; nothing is ever replaced.
    pub(super) fn publish(self, target: &Path) -> Result<(), StoreError> {
        File::open(&self.0)
            .and_then(|file| file.sync_all())
            .map_err(StoreError::io("sync", &self.0))?;
        match new_file::name(&self.0, target) {
            Ok(()) => sync_parent(target),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StoreError::Exists(target.to_owned()))
            }
            Err(error) => Err(StoreError::io("make", target)(error)),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `publish` there is none left. The failure that led here is the one to report.
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
}

/// A name beside the database for a copy that is sent away and removed at once.
#[must_use]
pub fn passing_copy(directory: &Path) -> PathBuf {
    directory.join(format!("{PASSING}{:016x}.db", rand::random::<u64>()))
}

/// Removes what a server that was ended in the middle has left of such copies. The caller holds the
/// database's lock.
///
/// # Errors
/// Those of files.
pub fn remove_passing_copies(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_one = entry.file_name().to_str().is_some_and(is_passing);
        if is_one && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Also of one that is not complete, and of what SQLite puts beside it.
fn is_passing(name: &str) -> bool {
    let number = name.strip_prefix(PASSING).and_then(|rest| rest.get(..16));
    number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_hexdigit()))
        && name
            .get(PASSING.len() + 16..)
            .is_some_and(|end| end.starts_with(".db"))
}

/// A file that a command makes, under another name until it is complete.
pub struct PendingFile {
    unfinished: Unfinished,
    file: File,
}

impl PendingFile {
    /// Makes the file beside `target`, mode 0600.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something has the name; those of files.
    pub fn create(target: &Path) -> Result<Self, StoreError> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(StoreError::Exists(target.to_owned()));
        }
        let unfinished = Unfinished::beside(target);
        create_private(&unfinished.0)?;
        let open = File::options().write(true).open(&unfinished.0);
        let file = open.map_err(StoreError::io("open", &unfinished.0))?;
        Ok(Self { unfinished, file })
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// [`StoreError::Exists`]; those of files.
    pub fn publish(self, target: &Path) -> Result<(), StoreError> {
        drop(self.file);
        self.unfinished.publish(target)
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::testing::quiet;
    use super::*;

    fn source() -> Connection {
        let source = Connection::open_in_memory().unwrap();
        source
            .execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(7)")
            .unwrap();
        source
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
        entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_copy_is_private_complete_and_overwrites_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("copy.db");
        copy(&source(), &quiet(), &target, |_| Ok(())).unwrap();
        let mode = fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let copied = Connection::open(&target).unwrap();
        let x: i64 = copied
            .query_row("SELECT x FROM t", (), |r| r.get(0))
            .unwrap();
        assert_eq!(x, 7);
        let again = copy(&source(), &quiet(), &target, |_| Ok(()));
        assert!(matches!(again, Err(StoreError::Exists(_))));
        assert_eq!(names(directory.path()), ["copy.db"]);
    }

    #[test]
    fn a_copy_has_its_name_only_when_it_is_finished() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("copy.db");
        copy(&source(), &quiet(), &target, |copy| {
            assert!(!target.exists());
            let [name] = &names(directory.path())[..] else {
                panic!("{:?}", names(directory.path()));
            };
            assert!(name.starts_with("copy.db.part-"), "{name}");
            copy.execute_batch("UPDATE t SET x = 8")?;
            Ok(())
        })
        .unwrap();
        let copied = Connection::open(&target).unwrap();
        let x = copied.query_row("SELECT x FROM t", (), |r| r.get::<_, i64>(0));
        assert_eq!(x, Ok(8));
    }

    #[test]
    fn a_copy_that_fails_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let broken = directory.path().join("broken.db");
        fs::write(&broken, [b'x'; 8192]).unwrap();
        let broken = Connection::open(&broken).unwrap();
        let target = directory.path().join("copy.db");
        assert!(copy(&broken, &quiet(), &target, |_| Ok(())).is_err());
        let failed = copy(&source(), &quiet(), &target, |_| Err(StoreError::Missing));
        assert!(failed.is_err());
        assert_eq!(names(directory.path()), ["broken.db"]);
    }

    #[test]
    fn what_is_left_of_copies_that_were_sent_is_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let copy = passing_copy(directory.path());
        let kept = ["chatbox.db", "copy-of-mine.db", "copy-0123456789abcdef.txt"];
        for suffix in ["", ".part-0123456789abcdef", ".part-0123456789abcdef-wal"] {
            fs::write(beside(&copy, suffix), "").unwrap();
        }
        for name in kept {
            fs::write(directory.path().join(name), "").unwrap();
        }
        remove_passing_copies(directory.path()).unwrap();
        let mut left = names(directory.path());
        left.sort();
        assert_eq!(
            left,
            ["chatbox.db", "copy-0123456789abcdef.txt", "copy-of-mine.db"]
        );
    }

    #[test]
    fn a_name_that_is_given_away_meanwhile_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("copy.db");
        let made = copy(&source(), &quiet(), &target, |_| {
            fs::write(&target, "somebody's").unwrap();
            Ok(())
        });
        assert!(matches!(made, Err(StoreError::Exists(_))));
        assert_eq!(fs::read_to_string(&target).unwrap(), "somebody's");
        assert_eq!(names(directory.path()), ["copy.db"]);
    }
}
