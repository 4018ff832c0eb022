//! Rooms: what they are called, who may come in, and where their messages begin and end. Who
//! belongs to them is in `members`.
//!
//! The number of a room's next message is stored here, not computed from its messages, so that
//! retention can remove all of them without a number being given again. The journal counts within
//! a transaction by itself, and stores the outcome once: [`Tx::store_next_seq`].

use chatbox_common::name::RoomName;
use chatbox_common::wire::message::{Access, AccountId, RoomId, RoomMode};
use rusqlite::Row;

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::statement::{Statement, statements};
use super::types::Title;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// The number of the oldest message that retention has left; `head + 1` when there is none.
    pub first_kept: u64,
    /// The number of the newest message; 0 before the first.
    pub head: u64,
    /// The last number that the room had in the history which this one continues, where it had any
    /// ([`Tx::continue_history`]).
    pub kept: Option<u64>,
}

/// `#lobby`, made with the database.
pub const LOBBY: RoomId = RoomId(1);

/// A room's number has 53 bits: clients in languages whose numbers are doubles have it exactly.
const UNUSED_ID_BITS: u32 = 64 - 53;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRow {
    pub id: RoomId,
    pub title: Title,
    /// May be empty.
    pub topic: String,
    pub mode: RoomMode,
    pub access: Access,
    /// The reason why only moderators may write; `None` when all members may.
    pub locked: Option<String>,
    /// The reason why it is only read; `None` of an open room.
    pub archived: Option<String>,
    /// `None` for the lobby.
    pub made_by: Option<AccountId>,
    pub heads: Heads,
}

/// What may be set about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomSetting {
    /// May be empty.
    Topic(String),
    /// The reason why only moderators may write; `None` when all members may.
    Locked(Option<String>),
    /// The reason why it is only read from now on; `None` opens it again.
    Archived(Option<String>),
}

#[derive(Debug, Clone)]
pub struct NewRoom<'a> {
    pub title: &'a Title,
    /// May be empty.
    pub topic: &'a str,
    pub access: Access,
    pub created_by: AccountId,
    /// In milliseconds since 1970.
    pub created_at: i64,
}

/// A room in the list that one account may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLine {
    pub id: RoomId,
    pub title: Title,
    /// May be empty.
    pub topic: String,
    pub mode: RoomMode,
    pub access: Access,
    pub members: u64,
    /// Whether the account that asks is one.
    pub is_member: bool,
}

statements! {
    const FIND = "SELECT id, name, topic, mode, access, locked, archived, created_by, \
        first_seq, next_seq, kept_seq FROM rooms \
        WHERE name = ?1";
    const BY_ID = "SELECT id, name, topic, mode, access, locked, archived, created_by, \
        first_seq, next_seq, kept_seq FROM rooms \
        WHERE id = ?1";
    // Where there is no such room it is the lobby's row that is read, and nothing is left out because
    // the answer is known: as much work as for a room that must not be known of.
    const IS_SEEN = "SELECT (EXISTS(SELECT 1 FROM members WHERE room = ?1 AND account = ?2) \
        + EXISTS(SELECT 1 FROM room_invitations WHERE room = ?1 AND account = ?2) \
        + (access = 'open') + (created_by IS ?2)) * (id = ?1) > 0 \
        FROM rooms WHERE id = max(coalesce((SELECT id FROM rooms WHERE id = ?1), 0), 1)";
    // Without rooms of two and archived ones; a room that needs an invitation is listed for its
    // members, its maker and those who are invited.
    const LIST = "SELECT r.id, r.name, r.topic, r.mode, r.access, \
        (SELECT count(*) FROM members c WHERE c.room = r.id), m.account IS NOT NULL FROM rooms r \
        LEFT JOIN members m ON m.room = r.id AND m.account = ?1 \
        WHERE r.name > ?2 AND r.name < '$' AND r.archived IS NULL AND (r.access = 'open' OR (r.access = 'invited' AND (m.account IS NOT NULL OR r.created_by = ?1 \
        OR EXISTS(SELECT 1 FROM room_invitations i WHERE i.room = r.id AND i.account = ?1)))) \
        ORDER BY r.name LIMIT ?3";
    // '$' follows '#': names of rooms lie between them, titles of rooms of two behind.
    const COUNT = "SELECT count(*) FROM rooms WHERE name > '#' AND name < '$' AND archived IS NULL";
    const MADE_BY = "SELECT count(*) FROM rooms WHERE created_by = ?1 \
        AND access IN ('open', 'invited') AND archived IS NULL";
    const BEGUN_IN_ALL_BY = "SELECT count(*) FROM rooms WHERE created_by = ?1 \
        AND access = 'direct' AND archived IS NULL";
    const BEGUN_BY = "SELECT count(*) FROM rooms r JOIN members m ON m.room = r.id \
        AND m.account = ?1 WHERE r.created_by = ?1 AND r.access = 'direct' AND m.hidden = 0";
    const ARCHIVED_BY = "SELECT count(*) FROM rooms WHERE created_by = ?1 AND archived IS NOT NULL";
    const CREATE = "INSERT INTO rooms(id, name, topic, mode, access, created_by, created_at) \
        VALUES(?1, ?2, ?3, 'audited', ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    const NEXT_SEQ = "UPDATE rooms SET next_seq = ?2 WHERE id = ?1 AND next_seq <= ?2";
    const TOPIC = "UPDATE rooms SET topic = ?2 WHERE id = ?1";
    const LOCK = "UPDATE rooms SET locked = ?2 WHERE id = ?1";
    const ARCHIVE = "UPDATE rooms SET archived = ?2 WHERE id = ?1";
}

impl Snapshot<'_> {
    /// Upper and lower case are the same.
    ///
    /// # Errors
    /// SQLite's.
    pub fn room(&self, name: &RoomName) -> Result<Option<RoomRow>, StoreError> {
        self.one(FIND, [name.as_str()], read_room)
    }

    /// Upper and lower case are the same.
    ///
    /// # Errors
    /// SQLite's.
    pub fn room_titled(&self, title: &Title) -> Result<Option<RoomRow>, StoreError> {
        self.one(FIND, [title.put()], read_room)
    }

    /// # Errors
    /// SQLite's.
    pub fn room_by_id(&self, id: RoomId) -> Result<Option<RoomRow>, StoreError> {
        self.one(BY_ID, [id.put()], read_room)
    }

    /// Whether there is such a room that an account may know of. Reads as much of a hidden room as of
    /// one that does not exist.
    ///
    /// # Errors
    /// SQLite's.
    pub fn is_room_seen_by(&self, id: RoomId, account: AccountId) -> Result<bool, StoreError> {
        let seen = self.one(IS_SEEN, (id.put(), account.put()), |row| row.get(0))?;
        Ok(seen.unwrap_or(false))
    }

    /// The open rooms that an account may know of, rooms of two apart, in the order of their names:
    /// those after a name, `limit` of them and one more where there is one.
    ///
    /// # Errors
    /// SQLite's.
    pub fn rooms_seen_by(
        &self,
        account: AccountId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<RoomLine>, StoreError> {
        let rows = i64::from(limit) + 1;
        self.all(LIST, (account.put(), after, rows), |row| {
            Ok(RoomLine {
                id: take(row, 0)?,
                title: take(row, 1)?,
                topic: row.get(2)?,
                mode: take(row, 3)?,
                access: take(row, 4)?,
                members: take(row, 5)?,
                is_member: row.get(6)?,
            })
        })
    }

    /// Without rooms of two and archived ones.
    ///
    /// # Errors
    /// SQLite's.
    pub fn count_rooms(&self) -> Result<u64, StoreError> {
        let count = self.one(COUNT, (), |row| take(row, 0))?;
        Ok(count.unwrap_or(0))
    }

    fn count_of(&self, statement: Statement, account: AccountId) -> Result<u64, StoreError> {
        let count = self.one(statement, [account.put()], |row| take(row, 0))?;
        Ok(count.unwrap_or(0))
    }

    /// Without archived ones and rooms of two.
    ///
    /// # Errors
    /// SQLite's.
    pub fn count_rooms_made_by(&self, account: AccountId) -> Result<u64, StoreError> {
        self.count_of(MADE_BY, account)
    }

    /// Conversations of two that this account has begun, hidden ones among them.
    ///
    /// # Errors
    /// SQLite's.
    pub fn count_begun_in_all_by(&self, account: AccountId) -> Result<u64, StoreError> {
        self.count_of(BEGUN_IN_ALL_BY, account)
    }

    /// Conversations of two that this account has begun and not hidden.
    ///
    /// # Errors
    /// SQLite's.
    pub fn count_begun_by(&self, account: AccountId) -> Result<u64, StoreError> {
        self.count_of(BEGUN_BY, account)
    }

    /// Those made by this account that are archived.
    ///
    /// # Errors
    /// SQLite's.
    pub fn count_archived_made_by(&self, account: AccountId) -> Result<u64, StoreError> {
        self.count_of(ARCHIVED_BY, account)
    }
}

fn read_heads(row: &Row<'_>, first: usize) -> rusqlite::Result<Heads> {
    Ok(Heads {
        first_kept: take(row, first)?,
        head: take::<u64>(row, first + 1)?.saturating_sub(1),
        kept: take(row, first + 2)?,
    })
}

fn read_room(row: &Row<'_>) -> rusqlite::Result<RoomRow> {
    Ok(RoomRow {
        id: take(row, 0)?,
        title: take(row, 1)?,
        topic: row.get(2)?,
        mode: take(row, 3)?,
        access: take(row, 4)?,
        locked: row.get(5)?,
        archived: row.get(6)?,
        made_by: take(row, 7)?,
        heads: read_heads(row, 8)?,
    })
}

impl Tx<'_> {
    /// Makes a room without members; `None` when the title is taken. The number is random, so that
    /// it does not tell how many other rooms there are.
    ///
    /// # Errors
    /// SQLite's.
    pub fn create_room(&self, new: &NewRoom<'_>) -> Result<Option<RoomId>, StoreError> {
        let id = (rand::random::<u64>() >> UNUSED_ID_BITS).max(LOBBY.0 + 1);
        let row = (
            id.put(),
            new.title.put(),
            new.topic,
            new.access.put(),
            new.created_by.put(),
            new.created_at,
        );
        let made = self.execute(CREATE, row)? == 1;
        Ok(made.then(|| RoomId(self.last_id())))
    }

    /// Stores the number of a room's next message, once per room and transaction. It never goes
    /// back.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such a room or when a higher number is stored; SQLite's.
    pub fn store_next_seq(&self, room: RoomId, next_seq: u64) -> Result<(), StoreError> {
        self.change(NEXT_SEQ, (room.put(), next_seq.put()))
    }

    /// # Errors
    /// [`StoreError::Missing`] without such a room; SQLite's.
    pub fn set(&self, room: RoomId, setting: &RoomSetting) -> Result<(), StoreError> {
        match setting {
            RoomSetting::Topic(topic) => self.set_topic(room, topic),
            RoomSetting::Locked(reason) => self.set_locked(room, reason.as_deref()),
            RoomSetting::Archived(reason) => self.change(ARCHIVE, (room.put(), reason.as_deref())),
        }
    }

    /// # Errors
    /// [`StoreError::Missing`] without such a room; SQLite's.
    pub fn set_topic(&self, room: RoomId, topic: &str) -> Result<(), StoreError> {
        self.change(TOPIC, (room.put(), topic))
    }

    /// With a reason only moderators may write; without, all members may.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such a room; SQLite's.
    pub fn set_locked(&self, room: RoomId, reason: Option<&str>) -> Result<(), StoreError> {
        self.change(LOCK, (room.put(), reason))
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::RoomRole;

    use super::super::testing::{A_FEW, account, name, store, vm_steps};
    use super::super::{Commit, Sanction, Store};
    use super::*;

    fn titled(text: &str) -> Title {
        Title::Room(RoomName::parse(text).unwrap())
    }

    fn made(tx: &Tx<'_>, title: &Title, access: Access, by: AccountId) -> Option<RoomId> {
        let new = NewRoom {
            title,
            topic: "what",
            access,
            created_by: by,
            created_at: 9,
        };
        tx.create_room(&new).unwrap()
    }

    fn seen(store: &mut Store, account: AccountId, after: &str, limit: u32) -> Vec<String> {
        let rooms = store.transaction(Commit::Usual, |tx| tx.rooms_seen_by(account, after, limit));
        let rooms = rooms.unwrap().into_iter();
        rooms.map(|room| room.title.to_string()).collect()
    }

    #[test]
    fn the_lobby_is_there_from_the_start() {
        let (_directory, mut store) = store();
        let lobby = RoomName::parse("#LOBBY").unwrap();
        let lobby = store.transaction(Commit::Usual, |tx| tx.room(&lobby));
        let lobby = lobby.unwrap().unwrap();
        let heads = Heads {
            first_kept: 1,
            head: 0,
            kept: None,
        };
        assert_eq!(lobby.id, LOBBY);
        assert_eq!(lobby.title.to_string(), RoomName::LOBBY);
        assert_eq!(
            (lobby.mode, lobby.access),
            (RoomMode::Audited, Access::Open)
        );
        assert_eq!((lobby.heads, lobby.locked), (heads, None));
    }

    #[test]
    fn a_title_is_given_once_whatever_its_case() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        let made = store.transaction(Commit::Usual, |tx| {
            let ops = made(tx, &titled("#ops"), Access::Open, alice).unwrap();
            assert_eq!(made(tx, &titled("#OPS"), Access::Invited, bob), None);
            let two = Title::Direct(name("alice"), name("bob"));
            let direct = made(tx, &two, Access::Direct, alice).unwrap();
            assert_eq!(made(tx, &two, Access::Direct, bob), None);
            assert_eq!(tx.room_titled(&two)?.unwrap().id, direct);
            assert_eq!(tx.room_by_id(direct)?.unwrap().title, two);
            assert_eq!((tx.count_rooms()?, tx.count_rooms_made_by(alice)?), (2, 1));
            assert_eq!(tx.count_begun_in_all_by(alice)?, 1);
            assert_eq!(tx.count_rooms_made_by(bob)?, 0);
            tx.set_topic(ops, "new")?;
            tx.set_locked(ops, Some("why"))?;
            let room = tx.room_by_id(ops)?.unwrap();
            assert_eq!((&*room.topic, room.locked.as_deref()), ("new", Some("why")));
            tx.set_locked(ops, None)?;
            assert_eq!(tx.room_by_id(ops)?.unwrap().locked, None);
            assert!(matches!(
                tx.set_topic(RoomId(99), ""),
                Err(StoreError::Missing)
            ));
            Ok(())
        });
        made.unwrap();
    }

    #[test]
    fn a_list_has_what_one_may_know_of_and_nothing_else() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        let carol = account(&mut store, "carol");
        let hidden = store.transaction(Commit::Usual, |tx| {
            made(tx, &titled("#ops"), Access::Open, alice).unwrap();
            let hidden = made(tx, &titled("#hidden~alice"), Access::Invited, alice).unwrap();
            tx.join(hidden, alice, RoomRole::Owner, 1, 9)?;
            tx.invite(hidden, bob, alice, 9)?;
            let two = Title::Direct(name("alice"), name("bob"));
            let two = made(tx, &two, Access::Direct, alice).unwrap();
            tx.join(two, alice, RoomRole::Member, 1, 9)?;
            Ok(hidden)
        });
        let hidden = hidden.unwrap();
        let all = ["#hidden~alice", "#lobby", "#ops"];
        assert_eq!(seen(&mut store, alice, "", 10), all);
        assert_eq!(seen(&mut store, bob, "", 10), all);
        assert_eq!(seen(&mut store, carol, "", 10), all[1..]);
        // One more than asked for says that more follow.
        assert_eq!(seen(&mut store, alice, "", 1), all[..2]);
        assert_eq!(seen(&mut store, alice, "#LOBBY", 9), all[2..]);
        let ban = Sanction {
            room: hidden,
            account: bob,
            by: alice,
            at: 9,
            reason: "",
        };
        store.transaction(Commit::Usual, |tx| tx.ban(&ban)).unwrap();
        assert_eq!(seen(&mut store, bob, "", 10), all[1..]);
    }

    #[test]
    fn the_next_number_never_goes_back() {
        let (_directory, mut store) = store();
        let mut next = |n| store.transaction(Commit::Usual, |tx| tx.store_next_seq(LOBBY, n));
        next(7).unwrap();
        next(7).unwrap();
        assert!(matches!(next(6), Err(StoreError::Missing)));
        let lobby = store.transaction(Commit::Usual, |tx| tx.room_by_id(LOBBY));
        assert_eq!(lobby.unwrap().unwrap().heads.head, 6);
    }

    #[test]
    fn a_room_that_must_not_be_known_of_takes_as_long_as_none() {
        let (directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        let hidden = store.transaction(Commit::Usual, |tx| {
            Ok(made(tx, &titled("#hidden~bob"), Access::Invited, bob).unwrap())
        });
        let hidden = hidden.unwrap();
        let asked = |room: RoomId| vm_steps(directory.path(), IS_SEEN, (room.put(), alice.put()));
        let none = RoomId(hidden.0 ^ 1);
        let (steps, nones) = (asked(hidden), asked(none));
        assert!(steps.abs_diff(nones) <= A_FEW, "{steps} {nones}");
    }
}
