//! A new database: made under another name, so that one that has its name has its tables as well.

use std::fs;
use std::io;

use rusqlite::OpenFlags;

use super::copy::Unfinished;
use super::error::StoreError;
use super::files::{self, DataLock, beside};
use super::schema;
use super::sql::SqlLog;

/// Complete, and not there yet for anybody else.
pub struct NewDatabase<'l> {
    unfinished: Unfinished,
    lock: &'l DataLock,
}

impl<'l> NewDatabase<'l> {
    /// Makes the tables.
    ///
    /// # Errors
    /// Those of files and of SQLite, after which nothing is left.
    pub fn build(lock: &'l DataLock, log: &SqlLog) -> Result<Self, StoreError> {
        let unfinished = Unfinished::beside(&lock.database);
        files::create_private(&unfinished.0)?;
        let access = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = files::connect(&unfinished.0, access, log)?;
        schema::migrate(&connection, log, &lock.directory, schema::MIGRATIONS)?;
        Ok(Self { unfinished, lock })
    }

    /// Gives it its name, in the place of an empty file if there is one.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is a database; those of files.
    pub fn publish(self) -> Result<(), StoreError> {
        let database = &self.lock.database;
        if files::exists(&self.lock.directory)? {
            return Err(StoreError::Exists(database.clone()));
        }
        remove(database)?;
        // SQLite would read the log of an earlier database into this one.
        let log = files::log_of(database);
        match files::set_aside(&log) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("move", &log)(error));
            }
            _ => {}
        }
        remove(&beside(database, "-shm"))?;
        self.unfinished.publish(database)
    }
}

fn remove(path: &std::path::Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::quiet;
    use super::super::{DATABASE, Durability, Store};
    use super::*;

    #[test]
    fn a_new_database_has_its_name_when_it_is_complete_and_never_replaces_one() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join(DATABASE);
        let lock = files::lock(directory.path()).unwrap();
        // One that is given up leaves nothing.
        drop(NewDatabase::build(&lock, &quiet()).unwrap());
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            1,
            "the lock"
        );

        fs::write(&database, "").unwrap();
        fs::write(beside(&database, "-wal"), "of an earlier one").unwrap();
        fs::write(beside(&database, "-wal.aside"), "of one before that").unwrap();
        let new = NewDatabase::build(&lock, &quiet()).unwrap();
        assert!(!files::exists(directory.path()).unwrap());
        new.publish().unwrap();
        assert!(files::exists(directory.path()).unwrap());
        assert!(!beside(&database, "-wal").exists());
        let aside = |suffix| fs::read_to_string(beside(&database, suffix)).unwrap();
        assert_eq!(aside("-wal.aside"), "of one before that");
        assert_eq!(aside("-wal.aside.1"), "of an earlier one");
        let before = fs::read(&database).unwrap();
        let again = NewDatabase::build(&lock, &quiet()).unwrap().publish();
        assert!(matches!(again, Err(StoreError::Exists(_))));
        assert_eq!(fs::read(&database).unwrap(), before);
        drop(lock);
        Store::open(directory.path(), Durability::Normal, quiet()).unwrap();
    }
}
