//! Connections besides the journal's: readers for page requests and look-ups, the checkpointer,
//! backups.
//!
//! In WAL mode no reader makes the journal wait. A read transaction must be short, because a
//! checkpoint cannot go past the oldest one that is open.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::files::Place;
use super::sql::{self, Snapshot, SqlLog};
use super::{copy, files, meta, schema};

/// Steps of SQLite between two looks at whether what runs is to end. FTS5 takes three for a page of its
/// index, which is some tens of microseconds' work.
const STEPS: i32 = 100;

/// A connection that SQLite itself keeps from writing. Used by one thread at a time.
pub struct Reader {
    connection: Connection,
    log: SqlLog,
}

impl Reader {
    /// Opens the database in `directory`, which a [`Store`](super::Store) has made. It takes no
    /// lock file, so a backup can be made beside a running server.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], [`StoreError::Unusable`] when there is no database, SQLite's.
    pub fn open(directory: &Path, log: SqlLog) -> Result<Self, StoreError> {
        let database = files::real_path(directory)?;
        let connection = files::connect(&database, OpenFlags::SQLITE_OPEN_READ_ONLY, &log)?;
        schema::check(&connection, &log, schema::MIGRATIONS)?;
        Ok(Self { connection, log })
    }

    /// Runs `work` on one state of the database. It must wait for no socket and no queue.
    ///
    /// # Errors
    /// Those of `work`; SQLite's.
    pub fn read<T>(
        &mut self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        sql::read(&self.connection, &self.log, work)
    }

    /// As [`Reader::read`], but a search in it ends as soon as `is_over`, which is asked again and again
    /// meanwhile.
    ///
    /// # Errors
    /// Those of `work`; SQLite's.
    pub fn read_within<T>(
        &mut self,
        mut is_over: impl FnMut() -> bool + Send + 'static,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let may_end = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&may_end);
        let ends = move || asked.load(Ordering::Relaxed) && is_over();
        self.connection.progress_handler(STEPS, Some(ends))?;
        let read = sql::read_within(&self.connection, &self.log, Some(&may_end), work);
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        read
    }

    /// Copies the database as of now to a new file of mode 0600, synced. Writers go on meanwhile.
    ///
    /// The copy is another history without resume tokens: a server that is started from it gives
    /// out numbers again that clients have seen, and must accept no token that was spent or revoked
    /// after the copy was made. It is marked as one.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is such a file; those of files and of SQLite, after
    /// which there is none.
    pub fn back_up(&self, target: &Path) -> Result<(), StoreError> {
        copy::copy(&self.connection, &self.log, target, |copy| {
            sql::write(copy, &self.log, meta::become_copy)
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    /// As far as it gets without making a writer or a reader wait.
    Passive,
    /// To the end, so that the log is written from its beginning again. Writers wait meanwhile, and
    /// it waits for readers, for 20 ms at most.
    Restart,
    /// As [`Checkpoint::Restart`], and the log's file is truncated, which is slow on some file
    /// systems.
    Truncate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpointed {
    /// A writer or a reader kept it from doing what was asked for.
    is_blocked: bool,
    /// Pages in the log; 0 after a complete [`Checkpoint::Truncate`].
    pub log_pages: u64,
    /// Of these, those that are not in the database yet.
    pub pages_left: u64,
}

impl Checkpointed {
    /// Whether everything in the log is in the database now.
    #[must_use]
    pub const fn is_complete(self) -> bool {
        !self.is_blocked && self.pages_left == 0
    }
}

/// The connection that moves the write-ahead log into the database. SQLite is kept from doing it by
/// itself, since the journal would pay for that in the middle of a batch.
pub struct Checkpointer {
    connection: Connection,
    log: SqlLog,
    place: Place,
    last: Option<(i64, i64)>,
    /// The log.
    file: PathBuf,
}

impl Checkpointer {
    /// Opens the database in `directory`, which this process's [`Store`](super::Store) has open.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open(directory: &Path, log: SqlLog) -> Result<Self, StoreError> {
        let database = files::real_path(directory)?;
        let connection = files::connect(&database, OpenFlags::SQLITE_OPEN_READ_WRITE, &log)?;
        files::settings(
            &connection,
            &log,
            &["PRAGMA wal_autocheckpoint = 0", super::SYNC_NORMAL],
        )?;
        // A checkpoint that waits for readers holds the journal up; the next one is a second later.
        connection.busy_timeout(Duration::from_millis(20))?;
        Ok(Self {
            connection,
            log,
            place: Place::of(directory)?,
            last: None,
            file: files::log_of(&database),
        })
    }

    /// How large the log's file is; what was moved out of it leaves it as large as it was.
    ///
    /// # Errors
    /// The file system's.
    pub fn log_bytes(&self) -> Result<u64, StoreError> {
        let metadata = fs::metadata(&self.file).map_err(StoreError::io("look at", &self.file))?;
        Ok(metadata.len())
    }

    /// Whether the names of the database and of the files beside it still mean those that are open.
    ///
    /// # Errors
    /// [`StoreError::Gone`]. Then what was committed has been moved into the database, wherever that
    /// is: a log without its name is found by nobody. And the log of a database without its name has
    /// lost its own, so that it is not read into another. [`StoreError::Io`] when it can't be known
    /// just now.
    pub fn look(&mut self) -> Result<(), StoreError> {
        let found = self.place.check();
        if matches!(found, Err(StoreError::Gone(_))) {
            // Where it fails, or readers keep it from its end, the next look and the last
            // connection's end try again.
            let _ = self.checkpoint(Checkpoint::Passive);
            self.place.set_log_aside();
        }
        found
    }

    /// A checkpoint that finds the same as the one before is not reported to sql.log: an idle
    /// server would write a line a second.
    ///
    /// # Errors
    /// SQLite's. A checkpoint that readers kept from its end is no error: it is not complete.
    pub fn checkpoint(&mut self, how: Checkpoint) -> Result<Checkpointed, StoreError> {
        let statement = match how {
            Checkpoint::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            Checkpoint::Restart => "PRAGMA wal_checkpoint(RESTART)",
            Checkpoint::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        let (entry, result) = sql::pragma(&self.connection, statement, |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
        });
        let found = result.as_ref().ok().copied().flatten();
        let pages = found.map(|(_, log, moved)| (log, moved));
        if pages.is_none() || pages != self.last {
            self.log.write(vec![entry]);
        }
        self.last = pages;
        let (blocked, log, moved) = result?.ok_or(StoreError::Busy)?;
        Ok(Checkpointed {
            is_blocked: blocked != 0,
            log_pages: u64::try_from(log).unwrap_or(0),
            pages_left: u64::try_from(log - moved).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chatbox_common::secret::Secret;

    use super::super::testing::{account, heads, message, name, quiet, store};
    use super::super::{Commit, Durability, LOBBY, NewToken, Store, Tx};
    use super::*;

    #[test]
    fn a_reader_sees_what_is_committed_and_one_state_per_read() {
        let (directory, mut store) = store();
        let mut reader = Reader::open(directory.path(), quiet()).unwrap();
        let alice = account(&mut store, "alice");
        reader
            .read(|snapshot| {
                assert_eq!(heads(snapshot, LOBBY)?.head, 0);
                store.transaction(Commit::Usual, |tx| {
                    tx.insert_message(1, &message(alice, 1, b"x"))?;
                    tx.store_next_seq(LOBBY, 2)
                })?;
                assert_eq!(heads(snapshot, LOBBY)?.head, 0);
                assert_eq!(snapshot.page_after(LOBBY, 0, 9, 999)?.messages, []);
                Ok(())
            })
            .unwrap();
        let heads = reader.read(|snapshot| heads(snapshot, LOBBY));
        assert_eq!(heads.unwrap().head, 1);
    }

    #[test]
    fn a_reader_cannot_write() {
        let (directory, mut store) = store();
        account(&mut store, "alice");
        let reader = Reader::open(directory.path(), quiet()).unwrap();
        let refused = sql::write(&reader.connection, &reader.log, |tx| {
            tx.set_chat_log_mark(1)
        });
        assert!(matches!(refused, Err(StoreError::Unusable(_))));
    }

    #[test]
    fn a_reader_does_not_make_a_database() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Reader::open(directory.path(), quiet()).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_backup_can_be_started_from() {
        let (directory, mut store) = store();
        account(&mut store, "alice");
        let reader = Reader::open(directory.path(), quiet()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join(files::DATABASE);
        reader.back_up(&target).unwrap();
        account(&mut store, "bob");
        assert!(matches!(
            reader.back_up(&target),
            Err(StoreError::Exists(_))
        ));

        let mut restored = Store::open(elsewhere.path(), Durability::Full, quiet()).unwrap();
        let found = restored.transaction(Commit::Usual, |tx| {
            Ok((
                tx.account(&name("alice"))?.is_some(),
                tx.account(&name("bob"))?.is_some(),
            ))
        });
        assert_eq!(found.unwrap(), (true, false));
    }

    #[test]
    fn a_backup_is_another_history_and_resumes_no_session() {
        let (directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let token = NewToken {
            id: [7; 16],
            hash: &Secret::new([7; 32]),
        };
        store
            .transaction(Commit::Usual, |tx| tx.issue_resume(alice, &token, 9))
            .unwrap();
        let reader = Reader::open(directory.path(), quiet()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        reader
            .back_up(&elsewhere.path().join(files::DATABASE))
            .unwrap();
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);

        let mut restored = Store::open(elsewhere.path(), Durability::Full, quiet()).unwrap();
        let look = |tx: &Tx<'_>| Ok((tx.history_id()?, tx.resume_token(&[7; 16], 1)?.is_some()));
        let (history, resumes) = store.transaction(Commit::Usual, look).unwrap();
        let (other_history, resumes_there) = restored.transaction(Commit::Usual, look).unwrap();
        assert_ne!(history, other_history);
        assert_eq!((resumes, resumes_there), (true, false));
    }

    #[test]
    fn a_backup_needs_no_running_server() {
        let (directory, store) = store();
        drop(store);
        let reader = Reader::open(directory.path(), quiet()).unwrap();
        reader.back_up(&directory.path().join("copy.db")).unwrap();
    }

    #[test]
    fn a_checkpoint_goes_as_far_as_readers_let_it() {
        let (directory, mut store) = store();
        let mut reader = Reader::open(directory.path(), quiet()).unwrap();
        let mut checkpointer = Checkpointer::open(directory.path(), quiet()).unwrap();
        checkpointer
            .connection
            .busy_timeout(Duration::ZERO)
            .unwrap();
        let wal = files::log_of(&directory.path().join(files::DATABASE));
        let log_bytes = || fs::metadata(&wal).unwrap().len();
        assert!(log_bytes() > 0);
        reader
            .read(|snapshot| {
                heads(snapshot, LOBBY)?;
                account(&mut store, "alice");
                assert!(!checkpointer.checkpoint(Checkpoint::Passive)?.is_complete());
                assert!(!checkpointer.checkpoint(Checkpoint::Truncate)?.is_complete());
                Ok(())
            })
            .unwrap();
        assert!(
            checkpointer
                .checkpoint(Checkpoint::Passive)
                .unwrap()
                .is_complete()
        );
        account(&mut store, "bob");
        reader
            .read(|snapshot| {
                heads(snapshot, LOBBY)?;
                assert!(checkpointer.checkpoint(Checkpoint::Passive)?.is_complete());
                // A reader is in the log, which must not be written from its beginning again yet.
                assert!(!checkpointer.checkpoint(Checkpoint::Restart)?.is_complete());
                Ok(())
            })
            .unwrap();
        let restarted = checkpointer.checkpoint(Checkpoint::Restart).unwrap();
        assert!(restarted.is_complete() && log_bytes() > 0);
        let done = checkpointer.checkpoint(Checkpoint::Truncate).unwrap();
        assert_eq!((done.is_complete(), done.log_pages), (true, 0));
        assert_eq!(log_bytes(), 0);
    }

    #[test]
    fn a_database_that_is_moved_has_what_was_committed_without_its_log() {
        let (directory, mut store) = store();
        let mut checkpointer = Checkpointer::open(directory.path(), quiet()).unwrap();
        account(&mut store, "alice");
        checkpointer.look().unwrap();
        let database = directory.path().join(files::DATABASE);
        let moved = directory.path().join("moved.db");
        fs::rename(&database, &moved).unwrap();
        assert!(matches!(checkpointer.look(), Err(StoreError::Gone(_))));
        // As it is at this moment: no connection has been closed.
        let alone = tempfile::tempdir().unwrap();
        let copy = alone.path().join(files::DATABASE);
        fs::copy(&moved, &copy).unwrap();
        let found = Connection::open(&copy)
            .and_then(|copy| copy.query_row("SELECT user FROM REGISTERED", (), |row| row.get(0)));
        assert_eq!(found, Ok("alice".to_owned()));
    }

    #[test]
    fn only_a_checkpoint_that_found_something_else_is_reported() {
        let (directory, mut store) = store();
        let lines = Arc::new(Mutex::new(0));
        let sink = Arc::clone(&lines);
        let log = SqlLog::new(move |_| *sink.lock().unwrap() += 1);
        let mut checkpointer = Checkpointer::open(directory.path(), log).unwrap();
        *lines.lock().unwrap() = 0;
        let reported_after = |checkpointer: &mut Checkpointer| {
            checkpointer.checkpoint(Checkpoint::Passive).unwrap();
            *lines.lock().unwrap()
        };
        assert_eq!(reported_after(&mut checkpointer), 1);
        assert_eq!(reported_after(&mut checkpointer), 1);
        account(&mut store, "alice");
        assert_eq!(reported_after(&mut checkpointer), 2);
    }
}
