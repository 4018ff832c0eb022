//! Whether the database is whole: SQLite's own check of every page.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use rusqlite::Connection;

use super::error::StoreError;
use super::sql::{self, SqlLog};
use crate::threads;

/// It stops at the first damage. Unlike `integrity_check` it does not compare indexes with their
/// tables.
const CHECK: &str = "PRAGMA quick_check(1)";
/// SQLite's answer when all is well.
const WHOLE: &str = "ok";

/// Of the thread that ends the check, in bytes.
const STACK: usize = 64 * 1024;
/// Between two interrupts.
const AGAIN: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    Whole,
    /// It would have taken longer than it may.
    Unfinished,
}

/// Checks as long as it takes.
///
/// # Errors
/// [`StoreError::Damaged`] when it is not whole.
pub(super) fn whole(connection: &Connection, log: &SqlLog) -> Result<(), StoreError> {
    let (entry, result) = sql::pragma(connection, CHECK, |row| row.get::<_, String>(0));
    log.write(vec![entry]);
    match result?.as_deref() {
        Some(WHOLE) => Ok(()),
        found => Err(StoreError::Damaged(found.unwrap_or_default().to_owned())),
    }
}

/// Checks for at most `bound`: a start must not take as long as the largest database does.
///
/// # Errors
/// As [`whole`].
pub(super) fn whole_within(
    connection: &Connection,
    log: &SqlLog,
    bound: Duration,
) -> Result<Checked, StoreError> {
    let interrupt = connection.get_interrupt_handle();
    let (done, over) = sync_channel::<()>(0);
    let watch = move || {
        let mut left = bound;
        // An interrupt that comes before the statement runs does nothing: so there are several.
        while over.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            interrupt.interrupt();
            left = AGAIN;
        }
    };
    let timer = threads::for_one("check", STACK, watch).map_err(StoreError::Thread)?;
    let checked = whole(connection, log);
    drop(done);
    // It can't panic.
    let _ = timer.join();
    match checked {
        Ok(()) => Ok(Checked::Whole),
        Err(StoreError::Ended) => Ok(Checked::Unfinished),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::quiet;
    use super::*;

    /// A table of many pages, whose last one is not what it was.
    fn database(directory: &std::path::Path, is_damaged: bool) -> Connection {
        let path = directory.join("t.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA page_size = 4096; CREATE TABLE t(x); \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
                 INSERT INTO t SELECT hex(randomblob(500)) FROM n",
            )
            .unwrap();
        drop(connection);
        if is_damaged {
            let mut bytes = fs::read(&path).unwrap();
            let last = bytes.len() - 4096;
            bytes[last..].fill(0xa5);
            fs::write(&path, bytes).unwrap();
        }
        Connection::open(path).unwrap()
    }

    #[test]
    fn a_damaged_page_is_found_and_a_whole_database_is_fine() {
        let directory = tempfile::tempdir().unwrap();
        let fine = database(directory.path(), false);
        let bound = Duration::from_secs(600);
        let checked = whole_within(&fine, &quiet(), bound);
        assert_eq!(checked.unwrap(), Checked::Whole);
        let directory = tempfile::tempdir().unwrap();
        let damaged = database(directory.path(), true);
        let checked = whole_within(&damaged, &quiet(), bound);
        assert!(
            matches!(checked, Err(StoreError::Damaged(_))),
            "{checked:?}"
        );
    }

    #[test]
    fn a_check_that_takes_too_long_is_given_up() {
        let connection = Connection::open_in_memory().unwrap();
        // More than can be checked in no time; the last statement is not committed.
        connection
            .execute_batch(
                "CREATE TABLE t(x); \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) \
                 INSERT INTO t SELECT hex(randomblob(100)) FROM n",
            )
            .unwrap();
        let checked = whole_within(&connection, &quiet(), Duration::ZERO);
        assert_eq!(checked.unwrap(), Checked::Unfinished);
        // The connection can be used afterwards.
        let rows = connection.query_row("SELECT count(*) FROM t", (), |row| row.get::<_, i64>(0));
        assert_eq!(rows, Ok(300_000));
    }
}
