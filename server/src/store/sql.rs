//! The one way to SQLite: every statement of the product runs through this file and is reported
//! to sql.log from here.
//!
//! It knows transactions, prepared statements and their counting, and no table. A [`Statement`] is
//! a constant with placeholders, so what reaches the log can hold no user's value.
//! Called by the other files of the store only.

use std::cell::RefCell;
use std::ops::{ControlFlow, Deref};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, Params, Row};

use super::error::StoreError;
use super::statement::{Statement, statements};

statements! {
    const BEGIN = "BEGIN";
    const BEGIN_IMMEDIATE = "BEGIN IMMEDIATE";
    const COMMIT = "COMMIT";
    const ROLLBACK = "ROLLBACK";
}

/// All runs of one statement in one transaction that ended alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlEntry {
    /// The statement with its placeholders, one line, never a value.
    pub statement: &'static str,
    pub runs: usize,
    /// Rows read or changed by all runs together.
    pub rows: usize,
    pub outcome: SqlOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlOutcome {
    Done,
    /// The text is SQLite's for the result code and holds no value either.
    Failed(&'static str),
}

/// Where the entries go. Clones share the sink.
#[derive(Clone)]
pub struct SqlLog(Arc<dyn Fn(Vec<SqlEntry>) + Send + Sync>);

impl SqlLog {
    /// `sink` is called once per transaction, after its end, with one entry per distinct
    /// statement in the order of their first use (BEGIN, COMMIT and ROLLBACK included), so that
    /// the lines of a transaction can stand together. It runs in the thread that used the store
    /// and must neither wait nor use the store.
    #[must_use]
    pub fn new(sink: impl Fn(Vec<SqlEntry>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Once per transaction, after its end.
    pub(super) fn write(&self, entries: Vec<SqlEntry>) {
        (self.0)(entries);
    }
}

/// One transaction in which all reads see the same state of the database.
pub struct Snapshot<'c> {
    connection: &'c Connection,
    log: &'c SqlLog,
    entries: RefCell<Vec<SqlEntry>>,
    /// Set while the connection's progress handler may end what runs.
    may_end: Option<&'c AtomicBool>,
}

impl<'c> Snapshot<'c> {
    fn begin(
        connection: &'c Connection,
        log: &'c SqlLog,
        begin: Statement,
    ) -> Result<Self, StoreError> {
        let snapshot = Self {
            connection,
            log,
            entries: RefCell::default(),
            may_end: None,
        };
        snapshot.step(begin)?;
        Ok(snapshot)
    }

    /// After a full disk or an I/O error SQLite may have ended the transaction by itself. A
    /// statement run then would be committed on its own, so none is.
    fn still_open(&self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Err(StoreError::RolledBack);
        }
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        self.still_open()?;
        self.step(COMMIT)
    }

    fn step(&self, statement: Statement) -> Result<(), StoreError> {
        let statement = statement.text();
        let result = self
            .connection
            .prepare_cached(statement)
            .and_then(|mut prepared| prepared.execute(()));
        self.note(statement, 0, result.map(|_| ()))
    }

    fn note(
        &self,
        statement: &'static str,
        rows: usize,
        result: rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let outcome = outcome(&result);
        let mut entries = self.entries.borrow_mut();
        match entries
            .iter_mut()
            .find(|entry| entry.statement == statement && entry.outcome == outcome)
        {
            Some(entry) => {
                entry.runs += 1;
                entry.rows += rows;
            }
            None => entries.push(SqlEntry {
                statement,
                runs: 1,
                rows,
                outcome,
            }),
        }
        result.map_err(StoreError::from)
    }

    /// Runs statements that only read and that may be ended, which is [`StoreError::Ended`]; the
    /// transaction goes on.
    pub(super) fn endable<T>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let set = |may_end| {
            if let Some(flag) = self.may_end {
                flag.store(may_end, Ordering::Relaxed);
            }
        };
        set(true);
        let done = work();
        set(false);
        done
    }

    /// Hands the rows of a query to `each` until it breaks off.
    pub(super) fn scan(
        &self,
        statement: Statement,
        params: impl Params,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<ControlFlow<()>>,
    ) -> Result<(), StoreError> {
        self.still_open()?;
        let statement = statement.text();
        let mut count = 0;
        let run = || {
            let mut prepared = self.connection.prepare_cached(statement)?;
            let mut rows = prepared.query(params)?;
            while let Some(row) = rows.next()? {
                count += 1;
                if each(row)?.is_break() {
                    break;
                }
            }
            Ok(())
        };
        let result = run();
        self.note(statement, count, result)
    }

    /// The statement or its caller must bound the number of rows.
    pub(super) fn all<T>(
        &self,
        statement: Statement,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.scan(statement, params, |row| {
            found.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    pub(super) fn one<T>(
        &self,
        statement: Statement,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.scan(statement, params, |row| {
            found = Some(read(row)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }
}

impl Drop for Snapshot<'_> {
    /// Undoes what was not committed and reports the transaction.
    fn drop(&mut self) {
        if !self.connection.is_autocommit() {
            // A failure is in the entry, and makes the next BEGIN fail.
            let _ = self.step(ROLLBACK);
        }
        self.log.write(self.entries.take());
    }
}

/// A transaction that may write. It reads like a [`Snapshot`], its own changes included.
pub struct Tx<'c>(Snapshot<'c>);

impl<'c> Deref for Tx<'c> {
    type Target = Snapshot<'c>;

    fn deref(&self) -> &Snapshot<'c> {
        &self.0
    }
}

impl Tx<'_> {
    /// Returns how many rows were changed.
    pub(super) fn execute(
        &self,
        statement: Statement,
        params: impl Params,
    ) -> Result<usize, StoreError> {
        self.run(statement.text(), params)
    }

    /// Changes the schema: for migrations, whose statements are run once.
    pub(super) fn define(&self, statement: &'static str) -> Result<(), StoreError> {
        self.run(statement, ()).map(|_| ())
    }

    fn run(&self, statement: &'static str, params: impl Params) -> Result<usize, StoreError> {
        self.still_open()?;
        let result = self
            .connection
            .prepare_cached(statement)
            .and_then(|mut prepared| prepared.execute(params));
        let rows = result.as_ref().copied().unwrap_or(0);
        self.note(statement, rows, result.map(|_| ()))?;
        Ok(rows)
    }

    /// [`StoreError::Missing`] when no row was changed.
    pub(super) fn change(
        &self,
        statement: Statement,
        params: impl Params,
    ) -> Result<(), StoreError> {
        match self.execute(statement, params)? {
            0 => Err(StoreError::Missing),
            _ => Ok(()),
        }
    }

    /// Of the last row inserted; meaningless after an insert that did nothing.
    pub(super) fn last_id(&self) -> u64 {
        self.connection.last_insert_rowid().cast_unsigned()
    }
}

pub(super) fn read<T>(
    connection: &Connection,
    log: &SqlLog,
    work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    read_within(connection, log, None, work)
}

/// `may_end` is set while the connection's progress handler may end what runs.
pub(super) fn read_within<T>(
    connection: &Connection,
    log: &SqlLog,
    may_end: Option<&AtomicBool>,
    work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut snapshot = Snapshot::begin(connection, log, BEGIN)?;
    snapshot.may_end = may_end;
    let value = work(&snapshot)?;
    snapshot.commit()?;
    Ok(value)
}

/// Runs `work` in a transaction that writes from its first statement on, so that it can fail
/// for want of the lock only at its beginning. All of it is kept, or nothing.
pub(super) fn write<T>(
    connection: &Connection,
    log: &SqlLog,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let tx = Tx(Snapshot::begin(connection, log, BEGIN_IMMEDIATE)?);
    let value = work(&tx)?;
    tx.commit()?;
    Ok(value)
}

/// Runs a PRAGMA outside transactions; `read` gets its answer, if it has one.
///
/// Not from the cache of prepared statements: PRAGMAs act while they are compiled, so SQLite
/// compiles them anew for every run, and some are refused inside a transaction.
pub(super) fn pragma<T>(
    connection: &Connection,
    statement: &'static str,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> (SqlEntry, Result<Option<T>, StoreError>) {
    let run = || {
        let mut prepared = connection.prepare(statement)?;
        let mut rows = prepared.query(())?;
        let value = rows.next()?.map(read).transpose()?;
        while rows.next()?.is_some() {}
        Ok(value)
    };
    let result: rusqlite::Result<Option<T>> = run();
    let entry = SqlEntry {
        statement,
        runs: 1,
        rows: usize::from(matches!(result, Ok(Some(_)))),
        outcome: outcome(&result),
    };
    (entry, result.map_err(StoreError::from))
}

fn outcome<T>(result: &rusqlite::Result<T>) -> SqlOutcome {
    match result {
        Ok(_) => SqlOutcome::Done,
        Err(rusqlite::Error::SqliteFailure(failure, _)) => {
            SqlOutcome::Failed(rusqlite::ffi::code_to_str(failure.extended_code))
        }
        Err(_) => SqlOutcome::Failed("a value of an unexpected type or size"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const MAKE: Statement = Statement::of_test("CREATE TABLE t(x INTEGER PRIMARY KEY) STRICT");
    const PUT: Statement = Statement::of_test("INSERT INTO t(x) VALUES(?1)");
    const ALL: Statement = Statement::of_test("SELECT x FROM t ORDER BY x");

    type Seen = Arc<Mutex<Vec<Vec<SqlEntry>>>>;

    fn watched() -> (Connection, SqlLog, Seen) {
        let seen = Seen::default();
        let sink = Arc::clone(&seen);
        let log = SqlLog::new(move |entries| sink.lock().unwrap().push(entries));
        (Connection::open_in_memory().unwrap(), log, seen)
    }

    fn rows(connection: &Connection) -> i64 {
        connection
            .query_row("SELECT count(*) FROM t", (), |row| row.get(0))
            .unwrap()
    }

    fn entry(statement: Statement, runs: usize, rows: usize) -> SqlEntry {
        SqlEntry {
            statement: statement.text(),
            runs,
            rows,
            outcome: SqlOutcome::Done,
        }
    }

    #[test]
    fn a_transaction_is_reported_once_with_equal_statements_counted_together() {
        let (connection, log, seen) = watched();
        write(&connection, &log, |tx| {
            tx.execute(MAKE, ())?;
            tx.execute(PUT, [7])?;
            tx.execute(PUT, [8])?;
            tx.all(ALL, (), |row| row.get::<_, i64>(0))
        })
        .unwrap();
        assert_eq!(
            *seen.lock().unwrap(),
            [vec![
                entry(BEGIN_IMMEDIATE, 1, 0),
                entry(MAKE, 1, 0),
                entry(PUT, 2, 2),
                entry(ALL, 1, 2),
                entry(COMMIT, 1, 0),
            ]]
        );
    }

    #[test]
    fn a_refused_statement_is_reported_and_nothing_of_its_transaction_is_kept() {
        let (connection, log, seen) = watched();
        write(&connection, &log, |tx| tx.execute(MAKE, ())).unwrap();
        let refused = write(&connection, &log, |tx| {
            tx.execute(PUT, [7])?;
            tx.execute(PUT, [7])
        });
        assert!(matches!(refused, Err(StoreError::Sql(_))));
        assert_eq!(rows(&connection), 0);

        let seen = seen.lock().unwrap();
        assert_eq!(seen[1][1], entry(PUT, 1, 1));
        assert_eq!(
            seen[1][2].outcome,
            SqlOutcome::Failed("constraint failed"),
            "{seen:?}"
        );
        assert_eq!(seen[1][3], entry(ROLLBACK, 1, 0));
    }

    #[test]
    fn nothing_runs_in_a_transaction_that_sqlite_has_ended() {
        let (connection, log, _) = watched();
        write(&connection, &log, |tx| tx.execute(MAKE, ())).unwrap();
        let result = write(&connection, &log, |tx| {
            connection.execute_batch("ROLLBACK").unwrap();
            tx.execute(PUT, [7])
        });
        assert!(matches!(result, Err(StoreError::RolledBack)));
        assert_eq!(rows(&connection), 0);
    }

    #[test]
    fn a_panic_inside_a_transaction_undoes_it() {
        let (connection, log, _) = watched();
        write(&connection, &log, |tx| tx.execute(MAKE, ())).unwrap();
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            write(&connection, &log, |tx| -> Result<(), StoreError> {
                tx.execute(PUT, [7])?;
                panic!("on purpose")
            })
        }));
        assert!(unwound.is_err());
        assert_eq!(rows(&connection), 0);
    }
}
