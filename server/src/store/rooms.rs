//! Rooms and who belongs to them.
//!
//! The number of a room's next message is stored here, not computed from its messages, so that
//! retention can remove all of them without a number coming back. The journal counts within a
//! transaction by itself: one [`Snapshot::heads`] before, one [`Tx::store_next_seq`] after.

use chatbox_common::name::{RoomName, UserName};
use rusqlite::Row;

use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::types::{AccountId, RoomId, RoomMode, room_name, signed, unsigned, user_name};

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
const MEMBERS: &str = "SELECT m.account, a.user FROM members m \
    JOIN REGISTERED a ON a.id = m.account WHERE m.room = ?1 AND m.account > ?2 \
    ORDER BY m.account LIMIT ?3";
const IS_MEMBER: &str = "SELECT 1 FROM members WHERE room = ?1 AND account = ?2";
const CREATE: &str = "INSERT INTO rooms(name, topic, mode, created_at) \
    VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
const NEXT_SEQ: &str = "UPDATE rooms SET next_seq = ?2 WHERE id = ?1 AND next_seq <= ?2";
const JOIN: &str = "INSERT INTO members(room, account, joined_seq, joined_at) \
    VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
const LEAVE: &str = "DELETE FROM members WHERE room = ?1 AND account = ?2";

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

    /// At most `limit` members of a room by account number, from the one behind `after`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn members(
        &self,
        room: RoomId,
        after: AccountId,
        limit: u32,
    ) -> Result<Vec<(AccountId, UserName)>, StoreError> {
        self.all(MEMBERS, (room, after, limit), |row| {
            Ok((row.get(0)?, user_name(row, 1)?))
        })
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
    /// Makes a room without members.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] when there is a room of this name, in whatever case; SQLite's.
    pub fn create_room(
        &self,
        name: &RoomName,
        topic: &str,
        mode: RoomMode,
        created_at: i64,
    ) -> Result<RoomId, StoreError> {
        match self.execute(CREATE, (name.as_str(), topic, mode, created_at))? {
            0 => Err(StoreError::NameTaken),
            _ => Ok(RoomId(self.last_id())),
        }
    }

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

    /// Ends a membership. `false` when there was none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn leave(&self, room: RoomId, account: AccountId) -> Result<bool, StoreError> {
        Ok(self.execute(LEAVE, (room, account))? == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Commit;
    use super::super::testing::{account, assert_searches, name, store};
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
    fn a_room_is_made_once() {
        let (_directory, mut store) = store();
        store
            .transaction(Commit::Usual, |tx| {
                let ops = tx.create_room(&called("#ops"), "fires", RoomMode::Private, 9)?;
                let again = tx.create_room(&called("#Ops"), "", RoomMode::Audited, 9);
                assert!(matches!(again, Err(StoreError::NameTaken)));
                let found = tx.room(&called("#ops"))?.unwrap();
                assert_eq!((found.id, found.mode), (ops, RoomMode::Private));
                assert_eq!(found.topic, "fires");
                assert!(tx.room(&called("#other"))?.is_none());
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn members_come_once_and_go_once() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        store
            .transaction(Commit::Usual, |tx| {
                let ops = tx.create_room(&called("#ops"), "", RoomMode::Audited, 9)?;
                assert!(tx.join(RoomId::LOBBY, alice, 1, 9)?);
                assert!(tx.join(ops, alice, 5, 9)?);
                assert!(!tx.join(ops, alice, 7, 9)?);
                assert!(tx.join(ops, bob, 6, 9)?);

                let rooms = tx.rooms_of(alice)?;
                assert_eq!(rooms.len(), 2);
                assert_eq!((rooms[1].room.id, rooms[1].joined_seq), (ops, 5));
                assert_eq!(
                    tx.members(ops, AccountId(0), 9)?,
                    [(alice, name("alice")), (bob, name("bob"))]
                );
                assert_eq!(tx.members(ops, alice, 9)?, [(bob, name("bob"))]);

                assert!(tx.leave(ops, alice)?);
                assert!(!tx.leave(ops, alice)?);
                assert_eq!(tx.rooms_of(alice)?.len(), 1);
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
        assert_searches(&[HEADS, FIND, ROOMS_OF, MEMBERS, NEXT_SEQ, LEAVE]);
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
