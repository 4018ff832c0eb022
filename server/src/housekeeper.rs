//! The housekeeper's thread, which waits for the disk so that no other has to: once a second it moves
//! the database's write-ahead log into the database, syncs chat.log, looks whether the log
//! files are still where their names are, and writes the counts of `never_logged_in` and `sql_reads`. Started and stopped by `server`.

use std::io;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::audit::{Line, events};
use crate::journal::ChatSync;
use crate::shared::Shared;
use crate::sql_log::ReadTally;
use crate::store::{Checkpoint, Checkpointer, StoreError};
use crate::threads;

const EVERY: Duration = Duration::from_secs(1);
/// Bytes of a page of the database's log.
const PAGE: u64 = 4096;

/// From how large on something is done about the log.
#[derive(Debug, Clone, Copy)]
struct LogLimits {
    /// Bytes. A file that is larger is truncated once little is written; and one of which more has
    /// not been moved, because some program reads the database in one long transaction, is told of
    /// once, and truncated when that ends, whatever is written.
    large: u64,
    /// Pages. A log of more is written from its beginning again: under steady load SQLite never
    /// does that by itself.
    restart_above: u64,
    /// Pages written since the last turn; with no more than these, hardly anybody waits.
    little: u64,
}

const LIMITS: LogLimits = LogLimits {
    large: 16 * 1024 * 1024,
    restart_above: 256 * 1024 * 1024 / PAGE,
    little: 1024 * 1024 / PAGE,
};

struct LogKeeper {
    checkpointer: Checkpointer,
    limits: LogLimits,
    /// Pages in the log at the last turn.
    pages: u64,
    /// It was told that the log can't be moved, and it has not been truncated since.
    is_held_up: bool,
}

impl LogKeeper {
    const fn new(checkpointer: Checkpointer, limits: LogLimits) -> Self {
        Self {
            checkpointer,
            limits,
            pages: 0,
            is_held_up: false,
        }
    }

    /// Returns how large the log is where somebody has begun to keep it from being moved.
    fn turn(&mut self) -> Result<Option<u64>, StoreError> {
        let found = self.checkpointer.checkpoint(Checkpoint::Passive)?;
        let before = std::mem::replace(&mut self.pages, found.log_pages);
        let written = found.log_pages.checked_sub(before);
        let written = written.unwrap_or(found.log_pages);
        let size = self.checkpointer.log_bytes()?;
        if found.pages_left * PAGE > self.limits.large && !self.is_held_up {
            self.is_held_up = true;
            return Ok(Some(size));
        }
        if !found.is_complete() {
            return Ok(None);
        }
        if size > self.limits.large && (self.is_held_up || written <= self.limits.little) {
            self.shorten(Checkpoint::Truncate)?;
        } else if found.log_pages > self.limits.restart_above {
            self.shorten(Checkpoint::Restart)?;
        }
        Ok(None)
    }

    /// The journal waits meanwhile. So this follows a passive checkpoint, which nobody waits for,
    /// and finds next to nothing left to move and to sync.
    fn shorten(&mut self, how: Checkpoint) -> Result<(), StoreError> {
        // The one before may have taken long.
        self.checkpointer.checkpoint(Checkpoint::Passive)?;
        if self.checkpointer.checkpoint(how)?.is_complete() {
            self.pages = 0;
            self.is_held_up = false;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        self.checkpointer.checkpoint(Checkpoint::Truncate)?;
        Ok(())
    }
}

/// Ends the wait between two turns.
#[derive(Default)]
struct Rest {
    over: Mutex<bool>,
    told: Condvar,
    /// Why the server can't go on.
    fault: OnceLock<StoreError>,
}

impl Rest {
    /// Whether the thread is to end.
    fn wait(&self) -> bool {
        let guard = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.told.wait_timeout_while(guard, EVERY, |over| !*over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn end(&self) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }
}

pub struct Housekeeper {
    thread: JoinHandle<()>,
    rest: Arc<Rest>,
}

impl Housekeeper {
    /// Without its database the server is stopped by `stop`: nothing of what it would store could be
    /// found again.
    pub fn start(
        checkpointer: Checkpointer,
        (chat_sync, reads): (ChatSync, ReadTally),
        stop: impl FnOnce() + Send + 'static,
        shared: &Arc<Shared>,
    ) -> io::Result<Self> {
        let (shared, rest) = (Arc::clone(shared), Arc::<Rest>::default());
        let rests = Arc::clone(&rest);
        let mut log = LogKeeper::new(checkpointer, LIMITS);
        let mut stop = Some(stop);
        let work = move || {
            let (mut is_over, mut is_failing) = (false, false);
            while !is_over {
                is_over = rests.wait();
                shared.audit.look_at_files();
                shared.write_noise(false);
                reads.write(&shared.audit);
                let unsynced = chat_sync.sync().err();
                if let Some(error) = &unsynced {
                    log::error!("chat.log can't be synced: {error}");
                }
                let unsynced = unsynced.map(|error| format!("can't be synced: {error}"));
                shared.faults.set("chat.log", unsynced);
                let found = log.checkpointer.look();
                if let Err(error @ StoreError::Gone(_)) = found {
                    if let Some(stop) = stop.take() {
                        let line = Line::of(&events::DATABASE_GONE).with("why", &error);
                        shared.audit.log(line);
                        // It is empty: `stop` was there.
                        let _ = rests.fault.set(error);
                        stop();
                    }
                    continue;
                }
                let done = found.and_then(|()| {
                    if is_over {
                        log.finish().map(|()| None)
                    } else {
                        log.turn()
                    }
                });
                shared.faults.set(
                    "checkpoint_failed",
                    done.as_ref().err().map(ToString::to_string),
                );
                let held_up = log
                    .is_held_up
                    .then(|| "a program reads the database".to_owned());
                shared.faults.set("checkpoint_held_up", held_up);
                let was_failing = std::mem::replace(&mut is_failing, done.is_err());
                let line = match done {
                    Ok(held_up) => held_up.map(|bytes| {
                        Line::of(&events::CHECKPOINT_HELD_UP).with("log_bytes", bytes)
                    }),
                    Err(error) => (!was_failing)
                        .then(|| Line::of(&events::CHECKPOINT_FAILED).with("why", error)),
                };
                if let Some(line) = line {
                    shared.audit.log(line);
                }
            }
        };
        let thread = threads::spawn("housekeeper".to_owned(), work)?;
        Ok(Self { thread, rest })
    }

    /// Ends the thread behind a last turn, and waits for it.
    ///
    /// # Errors
    /// Why the server could not go on, where it was this thread that stopped it.
    pub fn stop(self) -> Result<(), StoreError> {
        self.rest.end();
        if self.thread.join().is_err() {
            log::error!("the housekeeper thread ended by a panic");
        }
        let rest = Arc::into_inner(self.rest);
        let fault = rest.and_then(|rest| rest.fault.into_inner());
        fault.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::testing::{account, store};
    use crate::store::{DATABASE, SqlLog, Store};

    const SMALL: LogLimits = LogLimits {
        large: 40 * PAGE,
        restart_above: 200,
        little: 30,
    };

    fn keeper(limits: LogLimits) -> (tempfile::TempDir, Store, LogKeeper) {
        let (directory, store) = store();
        let checkpointer = Checkpointer::open(directory.path(), SqlLog::new(|_| ())).unwrap();
        let mut keeper = LogKeeper::new(checkpointer, limits);
        // What the making of the schema has left.
        keeper.finish().unwrap();
        (directory, store, keeper)
    }

    /// Writes until the log has more than `pages` again.
    fn write(store: &mut Store, keeper: &LogKeeper, pages: u64) {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let before = keeper.checkpointer.log_bytes().unwrap();
        while keeper.checkpointer.log_bytes().unwrap() <= before + pages * PAGE {
            let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            account(store, &format!("user{n}x"));
        }
    }

    #[test]
    fn a_log_that_a_reader_holds_is_told_of_once_and_truncated_when_the_reader_ends() {
        let (directory, mut store, mut keeper) = keeper(SMALL);
        let reader = Connection::open(directory.path().join(DATABASE)).unwrap();
        let begin = "BEGIN; SELECT count(*) FROM messages";
        let mut told = Vec::new();
        for _ in 0..2 {
            reader.execute_batch(begin).unwrap();
            for _ in 0..3 {
                write(&mut store, &keeper, 50);
                told.extend(keeper.turn().unwrap());
            }
            assert!(keeper.checkpointer.log_bytes().unwrap() > 150 * PAGE);
            reader.execute_batch("COMMIT").unwrap();
            // Whatever is written.
            write(&mut store, &keeper, 50);
            assert_eq!(keeper.turn().unwrap(), None);
            assert_eq!(keeper.checkpointer.log_bytes().unwrap(), 0);
        }
        assert_eq!(told.len(), 2, "once for each reader: {told:?}");
        assert!(told.iter().all(|bytes| *bytes > SMALL.large));
    }

    #[test]
    fn a_large_log_is_truncated_when_little_is_written_and_restarted_when_much_is() {
        let (_directory, mut store, mut keeper) = keeper(SMALL);
        let size = |keeper: &LogKeeper| keeper.checkpointer.log_bytes().unwrap();
        write(&mut store, &keeper, 50);
        assert_eq!(keeper.turn().unwrap(), None);
        assert!(size(&keeper) > SMALL.large, "much was written");
        account(&mut store, "last");
        assert_eq!(keeper.turn().unwrap(), None);
        assert_eq!(size(&keeper), 0);

        for _ in 0..5 {
            write(&mut store, &keeper, 50);
            keeper.turn().unwrap();
        }
        let large = size(&keeper);
        assert!(large > SMALL.restart_above * PAGE);
        // It is written from its beginning.
        account(&mut store, "first");
        assert_eq!(size(&keeper), large);
        keeper.turn().unwrap();
        assert!(keeper.pages == 0 && size(&keeper) == 0);
    }

    #[test]
    fn a_small_log_is_left_alone() {
        let (_directory, mut store, mut keeper) = keeper(LIMITS);
        write(&mut store, &keeper, 50);
        for _ in 0..2 {
            assert_eq!(keeper.turn().unwrap(), None);
        }
        assert!(keeper.checkpointer.log_bytes().unwrap() >= 50 * PAGE);
    }
}
