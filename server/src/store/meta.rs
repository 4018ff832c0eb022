//! What the database says about itself: which history it is, how passwords are hashed, how far
//! chat.log is, which row numbers are used up, and whether a server was cut off while it ran.

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::statement::statements;

statements! {
    const TABLES = "SELECT count(*) FROM sqlite_schema"
        walks "a row for each table and index";
    const HISTORY_ID = "SELECT value FROM meta WHERE key = 'history_id'";
    const RENEW_HISTORY_ID = "UPDATE meta SET value = randomblob(16) WHERE key = 'history_id'";
    const PREDECESSOR = "SELECT value FROM meta WHERE key = 'predecessor'";
    const SET_PREDECESSOR = "INSERT INTO meta(key, value) \
        SELECT 'predecessor', value FROM meta WHERE key = 'history_id' \
        ON CONFLICT(key) DO UPDATE SET value = excluded.value";
    const CLEAR_PREDECESSOR = "DELETE FROM meta WHERE key = 'predecessor'";
    const KEEP_HEADS = "UPDATE rooms SET kept_seq = next_seq - 1"
        walks "once at a start that follows a cut of the power";
    const ITERATIONS = "SELECT value FROM meta WHERE key = 'iterations'";
    const CHOOSE_ITERATIONS = "UPDATE meta SET value = ?1 WHERE key = 'iterations' \
        AND value <> ?1 AND NOT EXISTS(SELECT 1 FROM REGISTERED)"
        walks "looks at the first account alone";
    const CHAT_LOG_MARK = "SELECT value FROM meta WHERE key = 'chat_log_mark'";
    const LAST_ROW = "SELECT seq FROM sqlite_sequence WHERE name = 'messages'"
        walks "a row for each of three tables";
    const FORGET_ROWS = "DELETE FROM sqlite_sequence WHERE name = 'messages'"
        walks "a row for each of three tables";
    const SKIP_ROWS = "INSERT INTO sqlite_sequence(name, seq) VALUES('messages', ?1)";
    const SET_RUNNING_SINCE = "INSERT INTO meta(key, value) VALUES('running_since', ?1) \
        ON CONFLICT(key) DO UPDATE SET value = excluded.value";
    const CLEAR_RUNNING_SINCE = "DELETE FROM meta WHERE key = 'running_since'";
    const MARKS_OF_A_RUN = "SELECT count(*) FROM meta \
        WHERE key IN ('running_since', 'running_boot')";
    const COUNT_START = "INSERT INTO meta(key, value) VALUES('starts', ?1 + 1) \
        ON CONFLICT(key) DO UPDATE SET value = (max(value, ?1) + 1) % 16777216";
    const MARK_COPY = "INSERT INTO meta(key, value) VALUES('copied', 1) \
        ON CONFLICT(key) DO NOTHING";
    const IS_COPY = "SELECT value FROM meta WHERE key = 'copied'";
    const UNMARK_COPY = "DELETE FROM meta WHERE key = 'copied'";
    const STARTS = "SELECT value FROM meta WHERE key = 'starts'";
    const CHECK_VALUE = "SELECT value FROM meta WHERE key = ?1";
    const SET_CHECK_VALUE = "INSERT INTO meta(key, value) VALUES(?1, ?2)";
    const RUNNING_BOOT = "SELECT value FROM meta WHERE key = 'running_boot'";
    const SET_RUNNING_BOOT = "INSERT INTO meta(key, value) VALUES('running_boot', ?1) \
        ON CONFLICT(key) DO UPDATE SET value = excluded.value";
    const CLEAR_RUNNING_BOOT = "DELETE FROM meta WHERE key = 'running_boot'";
    const SET_CHAT_LOG_MARK = "UPDATE meta SET value = ?1 WHERE key = 'chat_log_mark' AND value < ?1";
}

/// More than the starts between a copy and the day on which it is put back.
const STARTS_SINCE_A_COPY: u32 = 1_000;

/// Whether no schema has been made yet.
pub(super) fn is_empty(snapshot: &Snapshot<'_>) -> Result<bool, StoreError> {
    let tables = snapshot.one(TABLES, (), |row| row.get::<_, i64>(0))?;
    Ok(tables == Some(0))
}

/// Makes a copy of what was the database itself: another history without resume tokens, in which no
/// server runs, and which the first start from it makes another one again.
///
/// # Errors
/// SQLite's.
pub(super) fn become_copy(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.forget_all_resume()?;
    tx.set_running_boot(None)?;
    tx.end_run()?;
    tx.renew_history_id()?;
    tx.execute(MARK_COPY, ())?;
    Ok(())
}

impl Snapshot<'_> {
    /// What a run of a server has left that did not end well: 0 of one that did.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn marks_of_a_run(&self) -> Result<i64, StoreError> {
        let marks = self.one(MARKS_OF_A_RUN, (), |row| row.get(0))?;
        Ok(marks.unwrap_or(0))
    }

    /// Tells this history from every other: a client that sees a new id discards the messages it
    /// holds. Random, no secret.
    ///
    /// # Errors
    /// SQLite's.
    pub fn history_id(&self) -> Result<[u8; 16], StoreError> {
        self.one(HISTORY_ID, (), |row| row.get(0))?
            .ok_or(StoreError::Missing)
    }

    /// The id of the history that this one continues: all messages up to each room's `kept` are the
    /// same in both. `None` where there is none, or this one shares nothing with it that a client may
    /// rely on.
    ///
    /// # Errors
    /// SQLite's.
    pub fn predecessor(&self) -> Result<Option<[u8; 16]>, StoreError> {
        self.one(PREDECESSOR, (), |row| row.get(0))
    }

    /// The iteration count of every password of this database, real or pretended (RFC 5802, `i=`).
    /// One number for all, so that it does not tell which names exist.
    ///
    /// # Errors
    /// SQLite's.
    pub fn iterations(&self) -> Result<u32, StoreError> {
        self.one(ITERATIONS, (), |row| row.get(0))?
            .ok_or(StoreError::Missing)
    }

    /// The highest [`Message::id`](super::Message::id) known to be in chat.log; 0 before the first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn chat_log_mark(&self) -> Result<u64, StoreError> {
        self.one(CHAT_LOG_MARK, (), |row| take(row, 0))?
            .ok_or(StoreError::Missing)
    }
}

impl Snapshot<'_> {
    /// The highest row number that any message was ever given; 0 before the first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn last_row(&self) -> Result<u64, StoreError> {
        let found = self.one(LAST_ROW, (), |row| take(row, 0))?;
        Ok(found.unwrap_or(0))
    }

    /// The boot of the machine in which a server ran that was not shut down cleanly, and whose last
    /// commits a power cut would have lost.
    ///
    /// # Errors
    /// SQLite's.
    pub fn running_boot(&self) -> Result<Option<String>, StoreError> {
        self.one(RUNNING_BOOT, (), |row| row.get(0))
    }
}

impl Tx<'_> {
    /// Counts a start, and notes that a server runs, until [`Tx::end_run`]. Returns the number of
    /// the start, 24 bits, which is 0 behind the largest one, and is none that was used before:
    /// `logged` is the last one in the logs, which have more of them than a copy that was put back,
    /// or a database whose end a power cut took.
    ///
    /// # Errors
    /// SQLite's.
    pub fn begin_run(&self, now: i64, logged: Option<u32>) -> Result<u32, StoreError> {
        self.execute(SET_RUNNING_SINCE, [now])?;
        let used = match logged {
            Some(logged) => logged,
            // The lines that would tell may stand in files that were moved away.
            None if self.is_copy()? => {
                let counted = self.one(STARTS, (), |row| row.get(0))?;
                counted.unwrap_or(0) + STARTS_SINCE_A_COPY
            }
            None => 0,
        };
        self.execute(COUNT_START, [used])?;
        let number = self.one(STARTS, (), |row| row.get(0))?;
        number.ok_or(StoreError::Missing)
    }

    fn is_copy(&self) -> Result<bool, StoreError> {
        let mark = self.one(IS_COPY, (), |row| row.get::<_, i64>(0))?;
        Ok(mark.is_some())
    }

    /// At the start of a server: makes a database of a copy, and says whether it was one. One copy
    /// can be put back twice, and clients have seen what was said after the first time.
    ///
    /// # Errors
    /// SQLite's.
    pub fn begin_from_copy(&self) -> Result<bool, StoreError> {
        let is_copy = self.is_copy()?;
        if is_copy {
            self.renew_history_id()?;
            self.execute(UNMARK_COPY, ())?;
        }
        Ok(is_copy)
    }

    /// The server has ended well.
    ///
    /// # Errors
    /// SQLite's.
    pub fn end_run(&self) -> Result<(), StoreError> {
        self.execute(CLEAR_RUNNING_SINCE, ())?;
        Ok(())
    }

    /// Whether this is the value that was kept under the name before; the first one is kept.
    ///
    /// # Errors
    /// SQLite's.
    pub fn keeps_check_value(&self, name: &str, value: &[u8; 16]) -> Result<bool, StoreError> {
        let kept = self.one(CHECK_VALUE, [name], |row| row.get::<_, Vec<u8>>(0))?;
        if let Some(kept) = kept {
            return Ok(kept == value);
        }
        self.execute(SET_CHECK_VALUE, (name, value))?;
        Ok(true)
    }

    /// Sets the iteration count of a database without accounts; any other keeps the one with which
    /// its passwords were hashed. Returns the count that holds from here on.
    ///
    /// # Errors
    /// SQLite's.
    pub fn choose_iterations(&self, wanted: u32) -> Result<u32, StoreError> {
        self.execute(CHOOSE_ITERATIONS, [wanted])?;
        self.iterations()
    }

    /// No message gets a row number up to `row` from here on.
    ///
    /// # Errors
    /// SQLite's.
    pub fn skip_rows(&self, row: u64) -> Result<(), StoreError> {
        self.execute(FORGET_ROWS, ())?;
        self.execute(SKIP_ROWS, [row.put()])?;
        Ok(())
    }

    /// `id` is a [`Message::id`](super::Message::id) up to which chat.log is complete. The mark
    /// never goes back.
    ///
    /// # Errors
    /// SQLite's.
    pub fn set_chat_log_mark(&self, id: u64) -> Result<(), StoreError> {
        self.execute(SET_CHAT_LOG_MARK, [id.put()])?;
        Ok(())
    }

    /// The boot in which a server runs whose last commits a power cut would lose; `None` once they
    /// are synced.
    ///
    /// # Errors
    /// SQLite's.
    pub fn set_running_boot(&self, boot: Option<&str>) -> Result<(), StoreError> {
        match boot {
            Some(boot) => self.execute(SET_RUNNING_BOOT, [boot])?,
            None => self.execute(CLEAR_RUNNING_BOOT, ())?,
        };
        Ok(())
    }

    /// Needed wherever numbers that clients have seen may be given to other messages from here on,
    /// as after a restore: they discard what they hold.
    ///
    /// # Errors
    /// SQLite's.
    pub fn renew_history_id(&self) -> Result<(), StoreError> {
        self.execute(CLEAR_PREDECESSOR, ())?;
        self.change(RENEW_HISTORY_ID, ())
    }

    /// As [`Tx::renew_history_id`], where only the end of the history may be lost: clients that hold
    /// it discard what lies above the heads of this moment.
    ///
    /// # Errors
    /// SQLite's.
    pub fn continue_history(&self) -> Result<(), StoreError> {
        self.execute(SET_PREDECESSOR, ())?;
        self.execute(KEEP_HEADS, ())?;
        self.change(RENEW_HISTORY_ID, ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::statement::Statement;
    use super::super::testing::{account, quiet, store};
    use super::super::{Commit, Durability, LOBBY, Store};
    use super::*;

    #[test]
    fn a_history_keeps_its_id_until_it_is_renewed() {
        let (directory, mut store) = store();
        let id = |tx: &Tx<'_>| tx.history_id();
        let first = store.transaction(Commit::Usual, id).unwrap();
        assert_ne!(first, [0; 16]);
        drop(store);
        let mut store = Store::open(directory.path(), Durability::Normal, quiet()).unwrap();
        assert_eq!(store.transaction(Commit::Usual, id).unwrap(), first);
        let renewed = store.transaction(Commit::Usual, |tx| {
            tx.renew_history_id()?;
            tx.history_id()
        });
        assert_ne!(renewed.unwrap(), first);
    }

    #[test]
    fn a_history_that_lost_its_end_names_its_predecessor_and_what_was_kept() {
        let (_directory, mut store) = store();
        store
            .transaction(Commit::Usual, |tx| {
                let first = tx.history_id()?;
                assert_eq!(tx.predecessor()?, None);
                tx.store_next_seq(LOBBY, 8)?;
                tx.continue_history()?;
                let second = tx.history_id()?;
                assert_ne!(second, first);
                assert_eq!(tx.predecessor()?, Some(first));
                tx.store_next_seq(LOBBY, 9)?;
                assert_eq!(tx.room_by_id(LOBBY)?.unwrap().heads.kept, Some(7));
                tx.continue_history()?;
                assert_eq!(tx.predecessor()?, Some(second));
                assert_eq!(tx.room_by_id(LOBBY)?.unwrap().heads.kept, Some(8));
                tx.renew_history_id()?;
                assert_eq!(tx.predecessor()?, None);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn the_iteration_count_can_be_chosen_until_there_is_an_account() {
        let (_directory, mut store) = store();
        let iterations = store.transaction(Commit::Usual, |tx| tx.iterations());
        assert_eq!(iterations.unwrap(), 600_000);
        let choose = |store: &mut Store, wanted| {
            let chosen = store.transaction(Commit::Usual, |tx| tx.choose_iterations(wanted));
            chosen.unwrap()
        };
        assert_eq!(choose(&mut store, 4_096), 4_096);
        assert_eq!(choose(&mut store, 5_000), 5_000);
        account(&mut store, "alice");
        assert_eq!(choose(&mut store, 4_096), 5_000);
        assert_eq!(choose(&mut store, 600_000), 5_000);
    }

    #[test]
    fn a_running_server_is_noted_until_it_ends() {
        let (_directory, mut store) = store();
        store
            .transaction(Commit::Usual, |tx| {
                assert_eq!(tx.running_boot()?, None);
                for boot in ["one", "two"] {
                    tx.set_running_boot(Some(boot))?;
                    assert_eq!(tx.running_boot()?.as_deref(), Some(boot));
                }
                for _ in 0..2 {
                    tx.set_running_boot(None)?;
                    assert_eq!(tx.running_boot()?, None);
                }
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn starts_are_counted_and_one_that_did_not_end_well_leaves_a_mark() {
        let (_directory, mut store) = store();
        store
            .transaction(Commit::Usual, |tx| {
                assert_eq!(tx.marks_of_a_run()?, 0);
                for number in 1..=3 {
                    assert_eq!(tx.begin_run(7, None)?, number);
                    assert_eq!(tx.marks_of_a_run()?, 1);
                }
                tx.end_run()?;
                assert_eq!(tx.marks_of_a_run()?, 0);
                tx.execute(
                    Statement::of_test("UPDATE meta SET value = 16777215 WHERE key = 'starts'"),
                    (),
                )?;
                assert_eq!(tx.begin_run(7, None)?, 0);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn no_start_has_a_number_that_is_in_the_logs_or_may_be() {
        let (_directory, mut store) = store();
        store
            .transaction(Commit::Usual, |tx| {
                assert_eq!(tx.begin_run(7, Some(4))?, 5);
                assert_eq!(tx.begin_run(7, Some(4))?, 6);
                assert_eq!(tx.begin_run(7, Some(16_777_215))?, 0);
                become_copy(tx)?;
                assert_eq!(tx.begin_run(7, Some(2))?, 3);
                // The logs were moved away.
                assert_eq!(tx.begin_run(7, None)?, 3 + STARTS_SINCE_A_COPY + 1);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn each_start_from_a_copy_begins_another_history() {
        let (_directory, mut store) = store();
        store
            .transaction(Commit::Usual, |tx| {
                assert!(!tx.begin_from_copy()?);
                let first = tx.history_id()?;
                tx.continue_history()?;
                become_copy(tx)?;
                let copied = tx.history_id()?;
                assert!(tx.begin_from_copy()?);
                let begun = tx.history_id()?;
                assert!(first != copied && copied != begun && begun != first);
                assert_eq!(tx.predecessor()?, None);
                // From here on it is a database as any other.
                assert!(!tx.begin_from_copy()?);
                assert_eq!(tx.history_id()?, begun);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn the_first_value_under_a_name_is_kept_and_others_are_told_from_it() {
        let (_directory, mut store) = store();
        store
            .transaction(Commit::Usual, |tx| {
                for _ in 0..2 {
                    assert!(tx.keeps_check_value("check_salt", &[1; 16])?);
                    assert!(tx.keeps_check_value("check_totp_seal", &[3; 16])?);
                }
                assert!(!tx.keeps_check_value("check_salt", &[2; 16])?);
                assert!(tx.keeps_check_value("check_salt", &[1; 16])?);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn the_mark_of_the_chat_log_never_goes_back() {
        let (_directory, mut store) = store();
        store
            .transaction(Commit::Usual, |tx| {
                assert_eq!(tx.chat_log_mark()?, 0);
                tx.set_chat_log_mark(9)?;
                tx.set_chat_log_mark(8)?;
                assert_eq!(tx.chat_log_mark()?, 9);
                Ok(())
            })
            .unwrap();
    }
}
