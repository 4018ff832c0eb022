//! Rooms and who belongs to them.
//!
//! The number of a room's next message is stored here, not computed from its messages, so that
//! retention can remove all of them without a number coming back. The journal counts within a
//! transaction by itself: one [`Snapshot::heads`] before, one [`Tx::store_next_seq`] after.

use chatbox_common::name::RoomName;
use rusqlite::Row;

use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::types::{AccountId, RoomId, RoomMode, room_name, signed, unsigned};

/// Where a room's messages begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// The number of the oldest message that retention has left; `head + 1` when there is none.
    pub first_kept: u64,
    /// The number of the newest message; 0 before the first.
    pub head: u64,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its number.
    pub id: RoomId,
    /// Its name.
    pub name: RoomName,
    /// What it is about; may be empty.
    pub topic: String,
    /// What the server sees of it.
    pub mode: RoomMode,
    /// Where its messages begin and end.
    pub heads: Heads,
}

/// A room as one of its members has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The room.
    pub room: Room,
    /// The first message that was sent after the member joined has at least this number.
    pub joined_seq: u64,
}

const HEADS: &str = "SELECT first_seq, next_seq FROM rooms WHERE id = ?1";
const FIND: &str = "SELECT id, name, topic, mode, first_seq, next_seq FROM rooms WHERE name = ?1";
const ROOMS_OF: &str = "SELECT r.id, r.name, r.topic, r.mode, r.first_seq, r.next_seq, \
    m.joined_seq FROM members m JOIN rooms r ON r.id = m.room WHERE m.account = ?1 ORDER BY m.room";
const IS_MEMBER: &str = "SELECT 1 FROM members WHERE room = ?1 AND account = ?2";
const NEXT_SEQ: &str = "UPDATE rooms SET next_seq = ?2 WHERE id = ?1 AND next_seq <= ?2";
const JOIN: &str = "INSERT INTO members(room, account, joined_seq, joined_at) \
    VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";

impl Snapshot<'_> {
    /// Where the messages of a room begin and end.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such a room; SQLite's.
    pub fn heads(&self, room: RoomId) -> Result<Heads, StoreError> {
        self.one(HEADS, [room], |row| read_heads(row, 0))?
            .ok_or(StoreError::Missing)
    }

    /// The room of this name, upper and lower case being the same.
    ///
    /// # Errors
    /// SQLite's.
    pub fn room(&self, name: &RoomName) -> Result<Option<Room>, StoreError> {
        self.one(FIND, [name.as_str()], read_room)
    }

    /// The rooms an account belongs to, by number.
    ///
    /// # Errors
    /// SQLite's.
    pub fn rooms_of(&self, account: AccountId) -> Result<Vec<Membership>, StoreError> {
        self.all(ROOMS_OF, [account], |row| {
            Ok(Membership {
                room: read_room(row)?,
                joined_seq: unsigned(row, 6)?,
            })
        })
    }

    /// Whether an account is a member of a room.
    ///
    /// # Errors
    /// SQLite's.
    pub fn is_member(&self, room: RoomId, account: AccountId) -> Result<bool, StoreError> {
        let found = self.one(IS_MEMBER, (room, account), |_| Ok(()))?;
        Ok(found.is_some())
    }
}

fn read_heads(row: &Row<'_>, first: usize) -> rusqlite::Result<Heads> {
    Ok(Heads {
        first_kept: unsigned(row, first)?,
        head: unsigned(row, first + 1)?.saturating_sub(1),
    })
}

fn read_room(row: &Row<'_>) -> rusqlite::Result<Room> {
    Ok(Room {
        id: row.get(0)?,
        name: room_name(row, 1)?,
        topic: row.get(2)?,
        mode: row.get(3)?,
        heads: read_heads(row, 4)?,
    })
}

impl Tx<'_> {
    /// Stores the number of a room's next message, once per room and transaction. It never goes
    /// back.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such a room or when a higher number is stored; SQLite's.
    pub fn store_next_seq(&self, room: RoomId, next_seq: u64) -> Result<(), StoreError> {
        self.change(NEXT_SEQ, (room, signed(next_seq)))
    }

    /// Makes an account a member of a room from the message `joined_seq` on. `false` when it was
    /// one already; then nothing changes.
    ///
    /// # Errors
    /// SQLite's, when there is no such account or room among them.
    pub fn join(
        &self,
        room: RoomId,
        account: AccountId,
        joined_seq: u64,
        at: i64,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(JOIN, (room, account, signed(joined_seq), at))? == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Commit;
    use super::super::testing::{account, assert_searches, room, store};
    use super::*;

    fn called(text: &str) -> RoomName {
        RoomName::parse(text).unwrap()
    }

    #[test]
    fn the_lobby_is_there_from_the_start() {
        let (_directory, mut store) = store();
        let lobby = store
            .transaction(Commit::Usual, |tx| tx.room(&called("#LOBBY")))
            .unwrap()
            .unwrap();
        assert_eq!(lobby.id, RoomId::LOBBY);
        assert_eq!(lobby.name.as_str(), RoomName::LOBBY);
        assert_eq!(lobby.mode, RoomMode::Audited);
        assert_eq!(
            lobby.heads,
            Heads {
                first_kept: 1,
                head: 0
            }
        );
    }

    #[test]
    fn who_is_a_member_joins_no_second_time() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        store
            .transaction(Commit::Usual, |tx| {
                let ops = room(tx, "#ops", "private");
                assert_eq!(tx.room(&called("#Ops"))?.unwrap().mode, RoomMode::Private);
                assert!(tx.room(&called("#other"))?.is_none());
                assert!(tx.join(RoomId::LOBBY, alice, 1, 9)?);
                assert!(tx.join(ops, alice, 5, 9)?);
                assert!(!tx.join(ops, alice, 7, 9)?);

                let rooms = tx.rooms_of(alice)?;
                assert_eq!(rooms.len(), 2);
                assert_eq!((rooms[1].room.id, rooms[1].joined_seq), (ops, 5));
                assert!(tx.is_member(ops, alice)?);
                assert!(!tx.is_member(ops, bob)?);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn nobody_joins_what_is_not_there() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let nowhere = store.transaction(Commit::Usual, |tx| tx.join(RoomId(9), alice, 1, 9));
        assert!(nowhere.is_err());
        let nobody = store.transaction(Commit::Usual, |tx| {
            tx.join(RoomId::LOBBY, AccountId(9), 1, 9)
        });
        assert!(nobody.is_err());
    }

    #[test]
    fn no_look_up_walks_through_all_rooms_or_members() {
        assert_searches(&[HEADS, FIND, ROOMS_OF, IS_MEMBER, NEXT_SEQ]);
    }

    #[test]
    fn the_next_number_never_goes_back() {
        let (_directory, mut store) = store();
        let mut next =
            |n| store.transaction(Commit::Usual, |tx| tx.store_next_seq(RoomId::LOBBY, n));
        next(7).unwrap();
        next(7).unwrap();
        assert!(matches!(next(6), Err(StoreError::Missing)));
        let heads = store.transaction(Commit::Usual, |tx| tx.heads(RoomId::LOBBY));
        assert_eq!(heads.unwrap().head, 6);
        let missing = store.transaction(Commit::Usual, |tx| tx.heads(RoomId(9)));
        assert!(matches!(missing, Err(StoreError::Missing)));
    }
}
