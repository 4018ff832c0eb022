//! The index in which searches look words up: written by the journal behind the messages, in
//! transactions of its own.
//!
//! The index has words ([`index_text`]) and no texts, and numbers its entries like the rows of the
//! messages. FTS5 is given these words parted by blanks, and takes them as they are. A room
//! is a word of its own there, so that a search asks for it like for the other words and need not
//! look at messages of other rooms. A mark says up to which row messages are indexed. Sealed
//! messages never are.

use std::ops::ControlFlow;

use chatbox_common::search::index_text;
use chatbox_common::wire::message::{RoomId, RoomMode};

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::statement::statements;

statements! {
    const MARK = "SELECT value FROM meta WHERE key = 'fts_mark'";
    const BEHIND = "SELECT 1 FROM messages WHERE id > ?1 LIMIT 1";
    const SET_MARK = "UPDATE meta SET value = ?1 WHERE key = 'fts_mark'";
    const UNINDEXED = "SELECT m.id, m.room, m.body, r.mode FROM messages m \
        JOIN rooms r ON r.id = m.room WHERE m.id > ?1 ORDER BY m.id LIMIT ?2";
    const INDEX = "INSERT INTO messages_fts(rowid, room, body) VALUES(?1, ?2, ?3)";
    const MERGE = "INSERT INTO messages_fts(messages_fts, rank) VALUES('merge', ?1)";
}

pub(super) fn room_word(room: RoomId) -> String {
    format!("r{room}")
}

/// How much of the index one transaction writes.
#[derive(Debug, Clone, Copy)]
pub struct Portion {
    pub messages: u32,
    /// Of the words of texts; the message that goes beyond is the last.
    pub bytes: usize,
    /// About so many pages of the index, written earlier, are merged.
    pub merged_pages: u32,
}

impl Snapshot<'_> {
    fn index_mark(&self) -> Result<u64, StoreError> {
        self.one(MARK, (), |row| take(row, 0))?
            .ok_or(StoreError::Missing)
    }

    /// Whether a message is not indexed yet. A message that is sent again uses up a row number and
    /// has none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn is_index_behind(&self) -> Result<bool, StoreError> {
        let mark = self.index_mark()?;
        let behind = self.one(BEHIND, [mark.put()], |_| Ok(()))?;
        Ok(behind.is_some())
    }
}

impl Tx<'_> {
    /// Returns whether more may be left.
    ///
    /// # Errors
    /// SQLite's.
    pub fn index(&self, portion: Portion) -> Result<bool, StoreError> {
        let mut mark = self.index_mark()?;
        let mut entries = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        self.scan(UNINDEXED, (mark.put(), portion.messages), |row| {
            rows += 1;
            mark = take(row, 0)?;
            if take::<RoomMode>(row, 3)? == RoomMode::Audited {
                let words = index_text(&String::from_utf8_lossy(row.get_ref(2)?.as_blob()?));
                bytes += words.len();
                entries.push((mark, take(row, 1)?, words));
            }
            Ok(if bytes < portion.bytes {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        for (row, room, words) in &entries {
            self.execute(INDEX, (row.put(), room_word(*room), words))?;
        }
        let more = rows == portion.messages || bytes >= portion.bytes;
        if !more {
            // Up to rows that were skipped and have no message.
            mark = self.last_row()?;
        }
        if !entries.is_empty() {
            self.execute(MERGE, [portion.merged_pages])?;
        }
        self.change(SET_MARK, [mark.put()])?;
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::AccountId;

    use super::super::statement::Statement;
    use super::super::testing::{account, message, room, store};
    use super::super::{Commit, Store};
    use super::*;

    const PORTION: Portion = Portion {
        messages: 3,
        bytes: 100,
        merged_pages: 8,
    };

    fn say(store: &mut Store, alice: AccountId, seq: u8, text: &str) {
        let message = message(alice, seq, text.as_bytes());
        let said = store.transaction(Commit::Usual, |tx| tx.insert_message(seq.into(), &message));
        said.unwrap();
    }

    fn index(store: &mut Store) -> bool {
        let more = store.transaction(Commit::Usual, |tx| tx.index(PORTION));
        more.unwrap()
    }

    fn is_behind(store: &mut Store) -> bool {
        let behind = store.transaction(Commit::Usual, |tx| tx.is_index_behind());
        behind.unwrap()
    }

    /// The rows that have a word.
    fn rows(store: &mut Store, word: &str) -> Vec<u64> {
        const ROWS: Statement =
            Statement::of_test("SELECT rowid FROM messages_fts(?1) ORDER BY rowid");
        let rows = store.transaction(Commit::Usual, |tx| tx.all(ROWS, [word], |row| take(row, 0)));
        rows.unwrap()
    }

    #[test]
    fn messages_are_indexed_in_portions_and_once() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        assert!(!is_behind(&mut store));
        for seq in 1..=7 {
            say(&mut store, alice, seq, &format!("word no{seq}"));
        }
        assert!(is_behind(&mut store));
        let all: Vec<u64> = (1..=7).collect();
        for (more, seen) in [(true, 3), (true, 6), (false, 7), (false, 7)] {
            assert_eq!(index(&mut store), more);
            assert_eq!(rows(&mut store, "body : word"), all[..seen]);
        }
        assert!(!is_behind(&mut store));
        assert_eq!(rows(&mut store, "room : r1"), all);
        assert_eq!(rows(&mut store, "body : r1"), [0_u64; 0]);
        say(&mut store, alice, 8, &"long ".repeat(50));
        say(&mut store, alice, 9, "short");
        assert!(index(&mut store), "a long text is a portion of its own");
        assert!(!index(&mut store));
        assert_eq!(rows(&mut store, "long OR short"), [8, 9]);
    }

    #[test]
    fn what_is_sealed_is_passed_over() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let done = store.transaction(Commit::Usual, |tx| {
            let sealed = room(tx, "#sealed", "private");
            for seq in 1..=5 {
                let mut message = message(alice, seq, b"sealed");
                message.room = sealed;
                tx.insert_message(seq.into(), &message)?;
            }
            Ok(())
        });
        done.unwrap();
        assert!(index(&mut store) && !index(&mut store));
        assert_eq!(rows(&mut store, "sealed"), [0_u64; 0]);
        assert!(!is_behind(&mut store));
    }

    #[test]
    fn row_numbers_that_nobody_has_are_not_waited_for() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        say(&mut store, alice, 1, "word");
        let skip = store.transaction(Commit::Usual, |tx| tx.skip_rows(500));
        skip.unwrap();
        assert!(is_behind(&mut store));
        assert!(!index(&mut store));
        assert!(!is_behind(&mut store));
        say(&mut store, alice, 2, "word");
        assert!(is_behind(&mut store));
        index(&mut store);
        assert_eq!(rows(&mut store, "word"), [1, 501]);
    }

    #[test]
    fn a_message_that_is_sent_again_leaves_nothing_to_index() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        say(&mut store, alice, 1, "word");
        assert!(!index(&mut store));
        say(&mut store, alice, 1, "word");
        assert!(!is_behind(&mut store));
    }
}
