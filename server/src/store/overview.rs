//! What the operator looks at: accounts and rooms as a whole. Nothing here is asked for by a peer.

use chatbox_common::name::UserName;
use chatbox_common::wire::message::Access;

use super::accounts::AccountLine;
use super::column::{Column, take};
use super::error::StoreError;
use super::export::OwnRoom;
use super::sql::Snapshot;
use super::statement::statements;
use super::types::Title;

/// What there is about an account besides its [`AccountLine`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    pub line: AccountLine,
    /// Wrong codes after a right password since the last login.
    pub wrong_codes: u64,
    pub recovery_codes: u64,
    /// Logins that can be continued by resuming.
    pub logins: u64,
    /// In no order. Conversations of two are among them ([`Snapshot::own_rooms`]).
    pub memberships: Vec<OwnRoom>,
}

impl AccountFacts {
    /// Without conversations of two, in the order of their names in lower case.
    #[must_use]
    pub fn rooms(&self) -> Vec<&OwnRoom> {
        let all = self.memberships.iter();
        let mut rooms: Vec<_> = all.filter(|room| room.access != Access::Direct).collect();
        rooms.sort_by_cached_key(|room| room.title.to_string().to_ascii_lowercase());
        rooms
    }

    #[must_use]
    pub fn conversations(&self) -> usize {
        let all = self.memberships.iter();
        all.filter(|room| room.access == Access::Direct).count()
    }
}

/// A room as whoever runs the server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomFacts {
    pub title: Title,
    /// May be empty.
    pub topic: String,
    pub access: Access,
    /// The reason why it is only read; `None` of an open room.
    pub archived: Option<String>,
    pub members: u64,
    /// That were ever said in it.
    pub messages: u64,
    /// `None` for the lobby.
    pub made_by: Option<UserName>,
}

statements! {
    const WRONG_CODES = "SELECT failed_codes FROM REGISTERED WHERE id = ?1";
    const RECOVERY_LEFT = "SELECT count(*) FROM recovery_codes \
        WHERE account = ?1 AND spent_at IS NULL";
    const LOGINS = "SELECT count(DISTINCT family) FROM resume_tokens \
        WHERE account = ?1 AND expires_at > ?2"
        walks "sorts the tokens of one account, of which each login has three";
    // '$' follows '#': names of rooms lie between them, titles of rooms of two behind.
    const ROOMS = "SELECT r.name, r.topic, r.access, r.archived, \
        (SELECT count(*) FROM members c WHERE c.room = r.id), r.next_seq - 1, \
        (SELECT user FROM REGISTERED WHERE id = r.created_by) FROM rooms r \
        WHERE r.name > ?1 AND r.name < '$' ORDER BY r.name LIMIT ?2";
}

impl Snapshot<'_> {
    /// # Errors
    /// SQLite's.
    pub fn account_facts(
        &self,
        user: &UserName,
        now: i64,
    ) -> Result<Option<AccountFacts>, StoreError> {
        let Some(line) = self.account_line(user)? else {
            return Ok(None);
        };
        let id = line.id;
        let of_account = |statement| -> Result<u64, StoreError> {
            let count = self.one(statement, [id.put()], |row| take(row, 0))?;
            Ok(count.unwrap_or(0))
        };
        let logins = self.one(LOGINS, (id.put(), now), |row| take(row, 0))?;
        Ok(Some(AccountFacts {
            wrong_codes: of_account(WRONG_CODES)?,
            recovery_codes: of_account(RECOVERY_LEFT)?,
            logins: logins.unwrap_or(0),
            memberships: self.own_rooms(id)?,
            line,
        }))
    }

    /// Rooms of any access, archived ones among them, in the order of their names, those after a
    /// name; without conversations of two.
    ///
    /// # Errors
    /// SQLite's.
    pub fn room_facts(&self, after: &str, limit: u32) -> Result<Vec<RoomFacts>, StoreError> {
        self.all(ROOMS, (after, limit), |row| {
            Ok(RoomFacts {
                title: take(row, 0)?,
                topic: row.get(1)?,
                access: take(row, 2)?,
                archived: row.get(3)?,
                members: take(row, 4)?,
                messages: take(row, 5)?,
                made_by: row
                    .get::<_, Option<String>>(6)?
                    .and_then(|name| UserName::parse(&name).ok()),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::name::RoomName;
    use chatbox_common::secret::Secret;
    use chatbox_common::wire::message::{RoomId, RoomRole};

    use super::super::testing::{account, name, store};
    use super::super::{Commit, LOBBY, NewRoom, NewToken, RoomSetting};
    use super::*;

    const NOW: i64 = 5_000;

    #[test]
    fn an_account_and_the_rooms_are_told_of_as_they_are() {
        let (_directory, mut store) = store();
        let (alice, bob) = (account(&mut store, "Alice"), account(&mut store, "Bob"));
        let made = store.transaction(Commit::Usual, |tx| {
            let titles = ["#ops", "#a"].map(|name| Title::Room(RoomName::parse(name).unwrap()));
            let make = |title: &Title, access| -> Result<RoomId, StoreError> {
                let new = NewRoom {
                    title,
                    topic: "what burns",
                    access,
                    created_by: alice,
                    created_at: NOW,
                };
                Ok(tx.create_room(&new)?.unwrap())
            };
            let (ops, a) = (
                make(&titles[0], Access::Open)?,
                make(&titles[1], Access::Invited)?,
            );
            let two = make(&Title::Direct(name("Alice"), name("Bob")), Access::Direct)?;
            for (room, role) in [
                (LOBBY, RoomRole::Member),
                (ops, RoomRole::Owner),
                (two, RoomRole::Member),
            ] {
                tx.join(room, alice, role, 1, NOW)?;
            }
            tx.join(ops, bob, RoomRole::Member, 1, NOW)?;
            tx.set(a, &RoomSetting::Archived(Some("over".to_owned())))?;
            tx.store_next_seq(ops, 8)?;
            for (id, expires_at) in [([1; 16], NOW + 1), ([2; 16], NOW + 1), ([3; 16], NOW)] {
                tx.issue_resume(
                    alice,
                    &NewToken {
                        id,
                        hash: &Secret::random(),
                    },
                    expires_at,
                )?;
            }
            Ok(())
        });
        made.unwrap();
        let read = store.transaction(Commit::Usual, |tx| {
            assert_eq!(tx.account_facts(&name("nobody"), NOW)?, None);
            let facts = tx.account_facts(&name("ALICE"), NOW)?.unwrap();
            let rooms = facts.rooms().into_iter();
            let rooms: Vec<_> = rooms
                .map(|room| (room.title.to_string(), room.role))
                .collect();
            assert_eq!(
                rooms,
                [
                    ("#lobby".to_owned(), RoomRole::Member),
                    ("#ops".to_owned(), RoomRole::Owner)
                ]
            );
            assert_eq!(
                (facts.logins, facts.conversations(), facts.wrong_codes),
                (2, 1, 0)
            );
            assert_eq!((facts.line.id, facts.line.user.as_str()), (alice, "Alice"));

            let all = tx.room_facts("", 9)?;
            let told: Vec<_> = all
                .iter()
                .map(|room| {
                    (
                        room.title.to_string(),
                        room.members,
                        room.messages,
                        room.archived.is_some(),
                    )
                })
                .collect();
            assert_eq!(
                told,
                [
                    ("#a".to_owned(), 0, 0, true),
                    ("#lobby".to_owned(), 1, 0, false),
                    ("#ops".to_owned(), 2, 7, false)
                ]
            );
            assert_eq!(all[2].made_by, Some(name("Alice")));
            assert_eq!(all[1].made_by, None);
            assert_eq!(tx.room_facts("#a", 1)?, all[1..2]);
            Ok(())
        });
        read.unwrap();
    }
}
