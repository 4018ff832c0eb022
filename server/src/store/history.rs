//! Messages: inserted by the journal, read in pages by the readers.
//!
//! A page ends at a number of messages or of bytes, whichever comes first, and its cost does not
//! grow with the length of the history: each statement walks an index from where the page begins.
//! The callers decide who may read a page.

use std::ops::ControlFlow;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{AccountId, Kind, RoomId, RoomMode};
use rusqlite::Row;

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::statement::{Statement, statements};
use super::types::Title;

/// Bytes that a message takes of a page besides its body and its sender's name: those of the
/// numbers and keys of its encoding.
const MESSAGE_OVERHEAD: usize = 64;

/// Device number and epoch keep their defaults, 0 and none.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    pub room: RoomId,
    pub sender: AccountId,
    /// The client's id: 8 random bytes of its start and an 8-byte counter (docs/PROTOCOL.md,
    /// section 13.3).
    pub client_id: [u8; 16],
    pub kind: Kind,
    /// At most 32,768 bytes; the schema refuses more.
    pub body: &'a [u8],
    /// When it was committed.
    pub time: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It has the number that the caller gave it.
    New {
        /// See [`Message::id`].
        id: u64,
    },
    /// The same message was committed before. Nothing has been changed.
    Existing {
        seq: u64,
        /// Of the first commit, for the acknowledgement.
        time: i64,
    },
    /// The sender has used the id for another message. Nothing has been changed.
    Conflict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The row: ascending over all rooms, never used twice. For chat.log, not for peers.
    pub id: u64,
    /// The number in the room.
    pub seq: u64,
    pub sender: AccountId,
    pub sender_name: UserName,
    /// Which of the sender's devices; 0 for none.
    pub device: u32,
    pub kind: Kind,
    /// The text, or sealed bytes in a private room.
    pub body: Vec<u8>,
    /// When it was committed.
    pub time: i64,
    /// The epoch of the room's keys, if it has any.
    pub epoch: Option<u64>,
}

impl Message {
    /// Bytes that it takes of a page.
    pub(super) fn weight(&self) -> usize {
        self.body.len() + self.sender_name.as_str().len() + MESSAGE_OVERHEAD
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Ascending by number.
    pub messages: Vec<Message>,
    /// Whether there is more in the direction that was asked for.
    pub more: bool,
}

/// A message that chat.log may lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlogged {
    pub title: Title,
    /// Decides whether chat.log gets the text, or its length alone.
    pub mode: RoomMode,
    pub message: Message,
}

statements! {
    const INSERT = "INSERT INTO messages(room, seq, sender, kind, body, time, client_id) \
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(sender, client_id) DO NOTHING";
    const SENT = "SELECT room, seq, kind, body, time FROM messages \
        WHERE sender = ?1 AND client_id = ?2";
    const BY_OTHERS = "SELECT 1 FROM messages \
        WHERE room = ?1 AND seq > ?2 AND sender <> ?3 LIMIT 1";
    const AFTER = "SELECT m.id, m.seq, m.sender, a.user, m.device, m.kind, m.body, m.time, \
        m.epoch FROM messages m JOIN REGISTERED a ON a.id = m.sender \
        WHERE m.room = ?1 AND m.seq > ?2 ORDER BY m.seq LIMIT ?3";
    const BEFORE = "SELECT m.id, m.seq, m.sender, a.user, m.device, m.kind, m.body, m.time, \
        m.epoch FROM messages m JOIN REGISTERED a ON a.id = m.sender \
        WHERE m.room = ?1 AND m.seq < ?2 ORDER BY m.seq DESC LIMIT ?3";
    const UNLOGGED = "SELECT m.id, m.seq, m.sender, a.user, m.device, m.kind, m.body, m.time, \
        m.epoch, r.name, r.mode FROM messages m JOIN REGISTERED a ON a.id = m.sender \
        JOIN rooms r ON r.id = m.room WHERE m.id > ?1 ORDER BY m.id LIMIT ?2";
}

impl Snapshot<'_> {
    /// The messages that follow number `after`: at most `limit`, at most `max_bytes` of bodies,
    /// names and overhead, but at least one if there is any.
    ///
    /// # Errors
    /// SQLite's.
    pub fn page_after(
        &self,
        room: RoomId,
        after: u64,
        limit: u32,
        max_bytes: usize,
    ) -> Result<Page, StoreError> {
        self.page(AFTER, room, after, limit, max_bytes)
    }

    /// The messages that come before number `before`, the nearest ones; bounds as with
    /// [`Snapshot::page_after`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn page_before(
        &self,
        room: RoomId,
        before: u64,
        limit: u32,
        max_bytes: usize,
    ) -> Result<Page, StoreError> {
        let mut page = self.page(BEFORE, room, before, limit, max_bytes)?;
        page.messages.reverse();
        Ok(page)
    }

    fn page(
        &self,
        statement: Statement,
        room: RoomId,
        edge: u64,
        limit: u32,
        max_bytes: usize,
    ) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let mut page = Page {
            messages: Vec::new(),
            more: false,
        };
        let mut left = max_bytes;
        // One row beyond the limit says whether there is more.
        let rows = i64::from(limit) + 1;
        self.scan(statement, (room.put(), edge.put(), rows), |row| {
            let message = read_message(row)?;
            let weight = message.weight();
            let full = page.messages.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
            if !page.messages.is_empty() && (full || weight > left) {
                page.more = true;
                return Ok(ControlFlow::Break(()));
            }
            left = left.saturating_sub(weight);
            page.messages.push(message);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(page)
    }

    /// `None` when the sender has not used the message's id before.
    ///
    /// # Errors
    /// SQLite's.
    pub fn sent(&self, new: &NewMessage<'_>) -> Result<Option<Inserted>, StoreError> {
        self.one(SENT, (new.sender.put(), new.client_id), |row| {
            let same = take::<RoomId>(row, 0)? == new.room
                && take::<Kind>(row, 2)? == new.kind
                && row.get_ref(3)?.as_blob()? == new.body;
            Ok(if same {
                Inserted::Existing {
                    seq: take(row, 1)?,
                    time: row.get(4)?,
                }
            } else {
                Inserted::Conflict
            })
        })
    }

    /// Whether somebody but this account has said something behind a number. What the account said
    /// there itself is passed over one by one.
    ///
    /// # Errors
    /// SQLite's.
    pub fn others_spoke(
        &self,
        room: RoomId,
        after: u64,
        account: AccountId,
    ) -> Result<bool, StoreError> {
        let asked = (room.put(), after.put(), account.put());
        let spoke = self.one(BY_OTHERS, asked, |_| Ok(()))?;
        Ok(spoke.is_some())
    }

    /// At most `limit` messages of all rooms whose row is above `id`, in the order of commit.
    ///
    /// # Errors
    /// SQLite's.
    pub fn unlogged(&self, id: u64, limit: u32) -> Result<Vec<Unlogged>, StoreError> {
        self.all(UNLOGGED, (id.put(), limit), |row| {
            Ok(Unlogged {
                title: take(row, 9)?,
                mode: take(row, 10)?,
                message: read_message(row)?,
            })
        })
    }
}

/// Takes the nine columns that each statement for messages begins with.
pub(super) fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: take(row, 0)?,
        seq: take(row, 1)?,
        sender: take(row, 2)?,
        sender_name: take(row, 3)?,
        device: row.get(4)?,
        kind: take(row, 5)?,
        body: row.get(6)?,
        time: row.get(7)?,
        epoch: take(row, 8)?,
    })
}

impl Tx<'_> {
    /// Inserts a message as number `seq` of its room, unless its sender has used its id before.
    ///
    /// # Errors
    /// SQLite's, among them a `seq` that the room has already.
    pub fn insert_message(&self, seq: u64, new: &NewMessage<'_>) -> Result<Inserted, StoreError> {
        let row = (
            new.room.put(),
            seq.put(),
            new.sender.put(),
            new.kind.put(),
            new.body,
            new.time,
            new.client_id,
        );
        if self.execute(INSERT, row)? == 1 {
            return Ok(Inserted::New { id: self.last_id() });
        }
        // Asked only after the insert: nearly every message is new, and the insert has searched the
        // same index.
        self.sent(new)?.ok_or(StoreError::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{account, message, name, room, store};
    use super::super::{Commit, LOBBY, Store};
    use super::*;

    /// Messages 1 to `count` of alice, of `size` bytes each.
    fn filled(count: u8, size: usize) -> (tempfile::TempDir, Store, AccountId) {
        let (directory, mut store) = store();
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Usual, |tx| {
                for n in 1..=count {
                    let body = vec![n; size];
                    tx.insert_message(n.into(), &message(alice, n, &body))?;
                }
                tx.store_next_seq(LOBBY, u64::from(count) + 1)
            })
            .unwrap();
        (directory, store, alice)
    }

    fn numbers(page: &Page) -> Vec<u64> {
        page.messages.iter().map(|m| m.seq).collect()
    }

    #[test]
    fn a_message_comes_back_as_it_went_in() {
        let (_directory, mut store, alice) = filled(1, 3);
        let page = store
            .transaction(Commit::Usual, |tx| tx.page_after(LOBBY, 0, 10, 32_768))
            .unwrap();
        assert_eq!(
            page,
            Page {
                messages: vec![Message {
                    id: 1,
                    seq: 1,
                    sender: alice,
                    sender_name: name("alice"),
                    device: 0,
                    kind: Kind::Action,
                    body: vec![1; 3],
                    time: 5_001,
                    epoch: None,
                }],
                more: false,
            }
        );
    }

    #[test]
    fn sending_twice_gives_the_same_number_and_another_text_is_a_conflict() {
        let (_directory, mut store, alice) = filled(2, 3);
        let bob = account(&mut store, "bob");
        store
            .transaction(Commit::Usual, |tx| {
                let again = tx.insert_message(3, &message(alice, 2, &[2; 3]))?;
                assert_eq!(
                    again,
                    Inserted::Existing {
                        seq: 2,
                        time: 5_002
                    }
                );
                let other_text = tx.insert_message(3, &message(alice, 2, b"x"))?;
                assert_eq!(other_text, Inserted::Conflict);
                let mut elsewhere = message(alice, 2, &[2; 3]);
                elsewhere.room = RoomId(99);
                assert_eq!(tx.insert_message(1, &elsewhere)?, Inserted::Conflict);
                let mut other_kind = message(alice, 2, &[2; 3]);
                other_kind.kind = Kind::Text;
                assert_eq!(tx.insert_message(3, &other_kind)?, Inserted::Conflict);
                let other_sender = tx.insert_message(3, &message(bob, 2, &[2; 3]))?;
                assert!(matches!(other_sender, Inserted::New { .. }));
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_number_is_given_once_in_a_room() {
        let (_directory, mut store, alice) = filled(2, 3);
        let taken = store.transaction(Commit::Usual, |tx| {
            tx.insert_message(2, &message(alice, 9, b"x"))
        });
        assert!(matches!(taken, Err(StoreError::Sql(_))));
    }

    #[test]
    fn pages_end_at_their_limit_and_say_whether_there_is_more() {
        let (_directory, mut store, _) = filled(5, 3);
        store
            .transaction(Commit::Usual, |tx| {
                let all = 32_768;
                for (after, limit, expected, more) in [
                    (0, 2, vec![1, 2], true),
                    (2, 2, vec![3, 4], true),
                    (4, 2, vec![5], false),
                    (3, 2, vec![4, 5], false),
                    (5, 2, vec![], false),
                    (u64::MAX, 2, vec![], false),
                ] {
                    let page = tx.page_after(LOBBY, after, limit, all)?;
                    assert_eq!((numbers(&page), page.more), (expected, more), "{after}");
                }
                for (before, limit, expected, more) in [
                    (u64::MAX, 2, vec![4, 5], true),
                    (4, 2, vec![2, 3], true),
                    (3, 2, vec![1, 2], false),
                    (2, 2, vec![1], false),
                    (1, 2, vec![], false),
                    (0, 2, vec![], false),
                ] {
                    let page = tx.page_before(LOBBY, before, limit, all)?;
                    assert_eq!((numbers(&page), page.more), (expected, more), "{before}");
                }
                assert_eq!(tx.page_after(RoomId(9), 0, 2, all)?.messages, []);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn pages_end_at_their_bytes_but_hold_at_least_one_message() {
        let (_directory, mut store, _) = filled(5, 1_000);
        let weight = 1_000 + "alice".len() + MESSAGE_OVERHEAD;
        store
            .transaction(Commit::Usual, |tx| {
                let page = tx.page_after(LOBBY, 0, 100, 3 * weight)?;
                assert_eq!((numbers(&page), page.more), (vec![1, 2, 3], true));
                let page = tx.page_after(LOBBY, 0, 100, 3 * weight - 1)?;
                assert_eq!((numbers(&page), page.more), (vec![1, 2], true));
                let page = tx.page_before(LOBBY, 6, 100, 3 * weight)?;
                assert_eq!((numbers(&page), page.more), (vec![3, 4, 5], true));
                let page = tx.page_after(LOBBY, 0, 100, 1)?;
                assert_eq!((numbers(&page), page.more), (vec![1], true));
                let page = tx.page_after(LOBBY, 4, 0, 1)?;
                assert_eq!((numbers(&page), page.more), (vec![5], false));
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn rows_for_the_chat_log_follow_the_order_of_commit_over_all_rooms() {
        let (_directory, mut store, alice) = filled(2, 3);
        store
            .transaction(Commit::Usual, |tx| {
                let mut sealed = message(alice, 3, b"sealed");
                sealed.room = room(tx, "#ops", "private");
                assert_eq!(tx.insert_message(1, &sealed)?, Inserted::New { id: 3 });

                let rows = tx.unlogged(1, 10)?;
                assert_eq!(rows.len(), 2);
                assert_eq!((rows[0].message.id, rows[0].mode), (2, RoomMode::Audited));
                assert_eq!((rows[1].message.id, rows[1].mode), (3, RoomMode::Private));
                assert_eq!(rows[1].title.to_string(), "#ops");
                assert_eq!(tx.unlogged(1, 1)?.len(), 1);
                assert_eq!(tx.unlogged(3, 10)?, []);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_row_id_does_not_come_back_after_its_row_is_gone() {
        let (_directory, mut store, alice) = filled(2, 3);
        store
            .transaction(Commit::Usual, |tx| {
                tx.execute(Statement::of_test("DELETE FROM messages"), ())?;
                let new = tx.insert_message(3, &message(alice, 3, b"x"))?;
                assert_eq!(new, Inserted::New { id: 3 });
                Ok(())
            })
            .unwrap();
    }
}
