//! The database: one SQLite file, its lock, its schema, and everything that may be asked of it.
//!
//! It owns every statement of the product. It knows no socket, no session and no policy: who may
//! read, write or join what is decided above. The journal owns the one [`Store`] and is the only
//! writer; page requests and look-ups use [`Reader`]s of their own; a thread owns the
//! [`Checkpointer`]. Times are milliseconds since 1970 in UTC and come in as arguments.
//!
//! What can be read is a method of [`Snapshot`], what can be changed a method of [`Tx`], each
//! beside its table: `accounts`, `factors`, `resume`, `rooms`, `members`, `ignores`, `history`,
//! `moment`, `index`, `search`, `online`, `overview`, `export`,
//! `meta`. `catalogue` has all their statements, `column`
//! converts values to and from columns.

mod accounts;
mod catalogue;
mod check;
mod column;
mod copy;
mod error;
mod export;
mod factors;
mod files;
mod history;
mod ignores;
mod index;
mod members;
mod meta;
mod moment;
mod new;
mod online;
mod overview;
mod reader;
mod resume;
mod rooms;
mod schema;
mod search;
mod sql;
mod statement;
#[cfg(test)]
pub(crate) mod testing;
mod types;

pub use accounts::{Account, AccountLine, Credentials, NewAccount};
pub use check::Checked;
pub use column::Spelled;
pub use copy::{PendingFile, passing_copy, remove_passing_copies};
pub use error::StoreError;
pub use export::OwnMessage;
pub use factors::RecoveryHash;
pub use files::{DATABASE, DataLock, bytes, exists, is_locked, lock};
pub use history::{Inserted, Message, NewMessage, Unlogged};
pub use ignores::Ignored;
pub use index::Portion;
pub use members::{Membership, Sanction, first_readable};
pub use new::NewDatabase;
pub use overview::{AccountFacts, RoomFacts};
pub use reader::{Checkpoint, Checkpointer, Reader};
pub use resume::{NewToken, Resumed, TokenId};
pub use rooms::{LOBBY, NewRoom, RoomRow, RoomSetting};
pub use schema::SCHEMA_VERSION;
pub use search::{Searched, Sought};
pub use sql::{Snapshot, SqlEntry, SqlLog, SqlOutcome, Tx};
pub use types::{Role, Status, Title};

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use files::Place;

/// For the check of a database whose last run did not end well; some gigabytes are read in it.
const CHECK_BOUND: Duration = Duration::from_secs(10);

const SYNC_NORMAL: &str = "PRAGMA synchronous = NORMAL";
const SYNC_FULL: &str = "PRAGMA synchronous = FULL";

/// What the store's usual commits survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, however sudden.
    Normal,
    /// A power cut as well: every commit waits for the disk.
    Full,
}

/// What one transaction's commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// What the [`Durability`] of the store says.
    Usual,
    /// A power cut, always: for transactions that spend a code, a token or an invitation, which
    /// must not become valid again. Everything committed before is synced with it.
    Synced,
}

/// The database as its one writer has it. While it lives, its lock keeps other processes from
/// opening another.
pub struct Store {
    connection: Connection,
    log: SqlLog,
    durability: Durability,
    place: Place,
    _lock: DataLock,
    /// Of the pages; `None` where the last run ended well.
    checked: Option<Checked>,
}

impl Store {
    /// Opens or makes the database in `directory`, which must exist.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it open; those of [`Store::open_locked`] and
    /// [`NewDatabase::build`].
    pub fn open(directory: &Path, durability: Durability, log: SqlLog) -> Result<Self, StoreError> {
        let lock = lock(directory)?;
        if !exists(directory)? {
            NewDatabase::build(&lock, &log)?.publish()?;
        }
        Self::open_locked(lock, durability, log)
    }

    /// Opens the database, brings it to the newest schema, and forgets who was online. If the last
    /// run did not end well, all pages are checked first, for at most ten seconds.
    ///
    /// # Errors
    /// [`StoreError::Mode`] when others may use its files, [`StoreError::NewerSchema`],
    /// [`StoreError::Damaged`], and the errors of files and of SQLite.
    pub fn open_locked(
        lock: DataLock,
        durability: Durability,
        log: SqlLog,
    ) -> Result<Self, StoreError> {
        let directory = lock.directory.as_path();
        files::make_private(&lock.database)?;
        let connection = files::connect(&lock.database, OpenFlags::SQLITE_OPEN_READ_WRITE, &log)?;
        let found = schema::check(&connection, &log, schema::MIGRATIONS)?;
        let was_cut_off = found > 0
            && sql::read(&connection, &log, |snapshot| {
                Ok(snapshot.marks_of_a_run()? > 0)
            })?;
        let checked = if was_cut_off {
            Some(check::whole_within(&connection, &log, CHECK_BOUND)?)
        } else {
            None
        };
        use_wal(&connection, &log)?;
        files::settings(
            &connection,
            &log,
            &["PRAGMA wal_autocheckpoint = 0", usual_sync(durability)],
        )?;
        schema::migrate(&connection, &log, directory, schema::MIGRATIONS)?;
        // A transaction has made the write-ahead log by now.
        sql::write(&connection, &log, |tx| {
            tx.clear_online()?;
            Ok(())
        })?;
        Ok(Self {
            place: Place::of(directory)?,
            connection,
            log,
            durability,
            _lock: lock,
            checked,
        })
    }

    /// What the check of all pages has found; `None` where none was needed.
    #[must_use]
    pub const fn checked(&self) -> Option<Checked> {
        self.checked
    }

    /// Runs `work` in one transaction: all of it is kept, or, when it returns an error, nothing.
    ///
    /// # Errors
    /// Those of `work`, [`StoreError::Busy`] when another program has held the database for a
    /// second, [`StoreError::Gone`] when one of its files has lost its name, and those of the commit.
    pub fn transaction<T>(
        &mut self,
        commit: Commit,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.place.check()?;
        let sync_more = commit == Commit::Synced && self.durability == Durability::Normal;
        if sync_more {
            files::settings(&self.connection, &self.log, &[SYNC_FULL])?;
        }
        let result = sql::write(&self.connection, &self.log, work);
        if sync_more {
            // If it fails, commits stay synced: slower, and no less safe.
            let _ = files::settings(&self.connection, &self.log, &[SYNC_NORMAL]);
        }
        result
    }

    #[must_use]
    pub const fn durability(&self) -> Durability {
        self.durability
    }
}

/// SQLite answers with the mode that it has; it is no error for it when that is another one.
fn use_wal(connection: &Connection, log: &SqlLog) -> Result<(), StoreError> {
    let (entry, mode) = sql::pragma(connection, "PRAGMA journal_mode = WAL", |row| {
        row.get::<_, String>(0)
    });
    log.write(vec![entry]);
    match mode?.as_deref() {
        Some("wal") => Ok(()),
        _ => Err(StoreError::NoWal),
    }
}

const fn usual_sync(durability: Durability) -> &'static str {
    match durability {
        Durability::Normal => SYNC_NORMAL,
        Durability::Full => SYNC_FULL,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::statement::Statement;
    use super::testing::{account, heads, message, quiet, store};
    use super::*;

    fn pragma(connection: &Connection, name: &str) -> i64 {
        connection.query_row(name, (), |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_connection_has_its_settings() {
        let (_directory, store) = store();
        for (name, value) in [
            ("PRAGMA foreign_keys", 1),
            ("PRAGMA trusted_schema", 0),
            ("PRAGMA wal_autocheckpoint", 0),
            ("PRAGMA synchronous", 1),
            ("PRAGMA busy_timeout", 1000),
        ] {
            assert_eq!(pragma(&store.connection, name), value, "{name}");
        }
        let stable = rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
        assert!(store.connection.db_config(stable).unwrap());
        let journal: String = store
            .connection
            .query_row("PRAGMA journal_mode", (), |row| row.get(0))
            .unwrap();
        assert_eq!(journal, "wal");
    }

    #[test]
    fn a_database_that_cannot_have_a_log_beside_it_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        assert!(matches!(
            use_wal(&connection, &quiet()),
            Err(StoreError::NoWal)
        ));
    }

    #[test]
    fn all_files_are_for_their_owner_alone() {
        let (directory, mut store) = store();
        account(&mut store, "alice");
        let mut count = 0;
        for file in fs::read_dir(directory.path()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.path().display());
            count += 1;
        }
        assert_eq!(count, 4, "database, log, shared memory, lock");
    }

    #[test]
    fn a_second_server_and_a_loose_mode_are_refused() {
        let (directory, store) = store();
        let open = || Store::open(directory.path(), Durability::Normal, quiet()).err();
        assert!(matches!(open(), Some(StoreError::Locked(_))));
        drop(store);
        let database = directory.path().join(DATABASE);
        fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(open(), Some(StoreError::Mode { .. })));
        fs::set_permissions(&database, Permissions::from_mode(0o600)).unwrap();
        assert!(open().is_none());
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_as_it_is() {
        let (directory, store) = store();
        drop(store);
        let database = directory.path().join(DATABASE);
        Connection::open(&database)
            .unwrap()
            .execute_batch("PRAGMA user_version = 99")
            .unwrap();
        let refusal = Store::open(directory.path(), Durability::Normal, quiet()).err();
        assert!(matches!(
            refusal,
            Some(StoreError::NewerSchema { found: 99, .. })
        ));
        let connection = Connection::open(&database).unwrap();
        assert_eq!(pragma(&connection, "PRAGMA user_version"), 99);
    }

    #[test]
    fn a_synced_transaction_is_synced_every_time_and_the_next_is_as_usual() {
        const SYNC: Statement = Statement::of_test("PRAGMA synchronous");
        let (directory, mut store) = store();
        let level = |tx: &Tx<'_>| tx.one(SYNC, (), |row| row.get::<_, i64>(0));
        for _ in 0..2 {
            let synced = store.transaction(Commit::Synced, level).unwrap();
            assert_eq!(synced, Some(2));
            let usual = store.transaction(Commit::Usual, level).unwrap();
            assert_eq!(usual, Some(1));
        }
        drop(store);
        let mut store = Store::open(directory.path(), Durability::Full, quiet()).unwrap();
        let always = store.transaction(Commit::Usual, level).unwrap();
        assert_eq!(always, Some(2));
        drop(store);
        let mut store = Store::open(directory.path(), Durability::Normal, quiet()).unwrap();
        let failed = store.transaction(Commit::Synced, |_| Err::<(), _>(StoreError::Missing));
        assert!(failed.is_err());
        assert_eq!(pragma(&store.connection, "PRAGMA synchronous"), 1);
    }

    #[test]
    fn a_full_disk_keeps_nothing_of_the_group_and_the_store_goes_on() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let pages = pragma(&store.connection, "PRAGMA page_count");
        store
            .connection
            .execute_batch(&format!("PRAGMA max_page_count = {}", pages + 4))
            .unwrap();
        let body = [b'x'; 8192];
        let full = store.transaction(Commit::Usual, |tx| {
            for n in 1..=32 {
                tx.insert_message(n.into(), &message(alice, n, &body))?;
            }
            tx.store_next_seq(LOBBY, 33)
        });
        assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
        let heads = |tx: &Tx<'_>| heads(tx, LOBBY);
        let after = store.transaction(Commit::Usual, heads).unwrap();
        assert_eq!(after.head, 0);
        let left = pragma(&store.connection, "SELECT count(*) FROM messages");
        assert_eq!(left, 0);

        store
            .connection
            .execute_batch("PRAGMA max_page_count = 100000")
            .unwrap();
        store
            .transaction(Commit::Usual, |tx| {
                tx.insert_message(1, &message(alice, 1, &body))?;
                tx.store_next_seq(LOBBY, 2)
            })
            .unwrap();
    }

    #[test]
    fn nothing_is_committed_to_a_file_that_has_lost_its_name() {
        let (directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let database = directory.path().join(DATABASE);
        let kept = directory.path().join("kept.db");
        fs::rename(&database, &kept).unwrap();
        let write = |store: &mut Store| {
            store.transaction(Commit::Usual, |tx| {
                tx.insert_message(1, &message(alice, 1, b"x")).map(|_| ())
            })
        };
        for _ in 0..2 {
            assert!(matches!(write(&mut store), Err(StoreError::Gone(_))));
            fs::write(&database, "another").unwrap();
        }
        fs::rename(&kept, &database).unwrap();
        write(&mut store).unwrap();
    }

    #[test]
    fn a_database_is_checked_when_the_last_run_did_not_end_well() {
        let (directory, mut store) = store();
        assert_eq!(store.checked(), None);
        store
            .transaction(Commit::Usual, |tx| tx.begin_run(7, None))
            .unwrap();
        drop(store);
        let open = || Store::open(directory.path(), Durability::Normal, quiet());
        let mut store = open().unwrap();
        assert_eq!(store.checked(), Some(Checked::Whole));
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Usual, |tx| {
                for n in 1..=200 {
                    tx.insert_message(n.into(), &message(alice, n, &[n; 4096]))?;
                }
                Ok(())
            })
            .unwrap();
        drop(store);
        let database = directory.path().join(DATABASE);
        let mut bytes = fs::read(&database).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8192].fill(0xa5);
        fs::write(&database, bytes).unwrap();
        let damaged = open().err().unwrap();
        assert!(damaged.is_damage(), "{damaged}");
    }

    #[test]
    fn another_writer_is_busy_and_not_a_disaster() {
        let (directory, mut store) = store();
        store.connection.busy_timeout(Duration::ZERO).unwrap();
        let other = Connection::open(directory.path().join(DATABASE)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let busy = store.transaction(Commit::Synced, |_| Ok(()));
        assert!(matches!(busy, Err(StoreError::Busy)));
        other.execute_batch("ROLLBACK").unwrap();
        store.transaction(Commit::Usual, |_| Ok(())).unwrap();
    }
}
