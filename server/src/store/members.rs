//! The members of a room with their roles, its invitations, bans and mutes.
//!
//! Bans and mutes are kept apart from memberships: leaving a room ends neither. Whether an action
//! is allowed is decided by the journal.

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{Access, AccountId, RoomId, RoomRole};

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::statement::statements;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub room: RoomId,
    pub account: AccountId,
    pub role: RoomRole,
    /// Messages sent since the member joined have this number or a higher one.
    pub joined_seq: u64,
    /// The last message that the member has read.
    pub read_seq: u64,
    /// A conversation of two that is not in the account's list: [`Tx::hide`].
    pub hidden: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLine {
    pub user: UserName,
    pub role: RoomRole,
    pub muted: bool,
}

/// What a moderator does to a user in a room, or takes back.
#[derive(Debug, Clone, Copy)]
pub struct Sanction<'a> {
    pub room: RoomId,
    pub account: AccountId,
    /// The moderator's account.
    pub by: AccountId,
    pub at: i64,
    /// May be empty.
    pub reason: &'a str,
}

/// The first message that a member may read who joined at `joined_seq`. Retention has left the
/// messages from `first_kept` on.
#[must_use]
pub fn first_readable(access: Access, first_kept: u64, joined_seq: u64) -> u64 {
    match access {
        Access::Invited => first_kept.max(joined_seq),
        Access::Open | Access::Direct => first_kept,
    }
}

statements! {
    // What is hidden is not walked through either, however much others have begun.
    const ROOMS_OF = "SELECT room, account, role, joined_seq, read_seq, hidden FROM members \
        WHERE account = ?1 AND hidden = 0 ORDER BY room";
    const COUNT_OF = "SELECT (2 * count(*) - sum(hidden) + 1) / 2 FROM members WHERE account = ?1 \
        HAVING count(*) > 0";
    const MEMBERS = "SELECT room, account, role, joined_seq, read_seq, hidden FROM members \
        WHERE room = ?1";
    const MEMBER = "SELECT room, account, role, joined_seq, read_seq, hidden FROM members \
        WHERE room = ?1 AND account = ?2";
    const LIST = "SELECT m.user, m.role, \
        EXISTS(SELECT 1 FROM mutes x WHERE x.room = m.room AND x.account = m.account \
        AND (x.ends_at IS NULL OR x.ends_at > ?4)) \
        FROM members m WHERE m.room = ?1 AND m.user > ?2 ORDER BY m.user LIMIT ?3";
    const JOIN = "INSERT INTO members(room, account, user, role, joined_seq, joined_at, read_seq) \
        VALUES(?1, ?2, (SELECT user FROM REGISTERED WHERE id = ?2), ?3, ?4, ?5, ?4 - 1) \
        ON CONFLICT DO NOTHING";
    const LEAVE = "DELETE FROM members WHERE room = ?1 AND account = ?2";
    const SET_ROLE = "UPDATE members SET role = ?3 WHERE room = ?1 AND account = ?2";
    const HIDE = "UPDATE members SET hidden = ?3 WHERE room = ?1 AND account = ?2";
    const SHOW = "UPDATE members SET hidden = 0 WHERE room = ?1 AND hidden = 1";
    const READ = "UPDATE members SET read_seq = ?3 \
        WHERE room = ?1 AND account = ?2 AND read_seq < ?3";
    const INVITED = "SELECT account FROM room_invitations WHERE room = ?1";
    const INVITE = "INSERT INTO room_invitations(room, account, made_by, made_at) \
        VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    const UNINVITE = "DELETE FROM room_invitations WHERE room = ?1 AND account = ?2";
    const BANNED = "SELECT account FROM bans WHERE room = ?1";
    const BAN = "INSERT INTO bans(room, account, made_by, made_at, reason) \
        VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    const UNBAN = "DELETE FROM bans WHERE room = ?1 AND account = ?2";
    const MUTED = "SELECT account, ends_at FROM mutes WHERE room = ?1 \
        AND (ends_at IS NULL OR ends_at > ?2)";
    const MUTE = "INSERT INTO mutes(room, account, made_by, made_at, reason, ends_at) \
        VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(room, account) DO UPDATE SET \
        made_by = excluded.made_by, made_at = excluded.made_at, reason = excluded.reason, \
        ends_at = excluded.ends_at";
    const UNMUTE = "DELETE FROM mutes WHERE room = ?1 AND account = ?2";
}

impl Snapshot<'_> {
    /// In the order of the rooms' numbers, without hidden conversations.
    ///
    /// # Errors
    /// SQLite's.
    pub fn memberships_of(&self, account: AccountId) -> Result<Vec<Membership>, StoreError> {
        self.all(ROOMS_OF, [account.put()], read_membership)
    }

    /// For a price: of those that are hidden two count as one, since a session that begins is not told
    /// of them, but is there for who is. Reads the index alone, however much there is about the rooms.
    ///
    /// # Errors
    /// SQLite's.
    pub fn count_memberships_of(&self, account: AccountId) -> Result<u64, StoreError> {
        let count = self.one(COUNT_OF, [account.put()], |row| take(row, 0))?;
        Ok(count.unwrap_or(0))
    }

    /// # Errors
    /// SQLite's.
    pub fn members_of(&self, room: RoomId) -> Result<Vec<Membership>, StoreError> {
        self.all(MEMBERS, [room.put()], read_membership)
    }

    /// # Errors
    /// SQLite's.
    pub fn membership(
        &self,
        room: RoomId,
        account: AccountId,
    ) -> Result<Option<Membership>, StoreError> {
        self.one(MEMBER, (room.put(), account.put()), read_membership)
    }

    /// Members in the order of their names, those after a name: `limit` of them, and one more that
    /// says that there are others. A mute that has ended by `now` does not count.
    ///
    /// # Errors
    /// SQLite's.
    pub fn member_lines(
        &self,
        room: RoomId,
        after: &str,
        limit: u32,
        now: i64,
    ) -> Result<Vec<MemberLine>, StoreError> {
        let rows = i64::from(limit) + 1;
        self.all(LIST, (room.put(), after, rows, now), |row| {
            Ok(MemberLine {
                user: take(row, 0)?,
                role: take(row, 1)?,
                muted: row.get(2)?,
            })
        })
    }

    /// An invitation ends when the account joins or is banned.
    ///
    /// # Errors
    /// SQLite's.
    pub fn invited_to(&self, room: RoomId) -> Result<Vec<AccountId>, StoreError> {
        self.all(INVITED, [room.put()], |row| take(row, 0))
    }

    /// # Errors
    /// SQLite's.
    pub fn banned_from(&self, room: RoomId) -> Result<Vec<AccountId>, StoreError> {
        self.all(BANNED, [room.put()], |row| take(row, 0))
    }

    /// The mutes that have not ended by `now`, with their end; `None` is a mute until it is taken
    /// back.
    ///
    /// # Errors
    /// SQLite's.
    pub fn muted_in(
        &self,
        room: RoomId,
        now: i64,
    ) -> Result<Vec<(AccountId, Option<i64>)>, StoreError> {
        self.all(MUTED, (room.put(), now), |row| {
            Ok((take(row, 0)?, row.get(1)?))
        })
    }
}

fn read_membership(row: &rusqlite::Row<'_>) -> rusqlite::Result<Membership> {
    Ok(Membership {
        room: take(row, 0)?,
        account: take(row, 1)?,
        role: take(row, 2)?,
        joined_seq: take(row, 3)?,
        read_seq: take(row, 4)?,
        hidden: row.get(5)?,
    })
}

impl Tx<'_> {
    /// Makes an account a member from the message `joined_seq` on; everything before counts as
    /// read, and an invitation is used up. `false`, and nothing is changed, when it was a member
    /// already.
    ///
    /// # Errors
    /// SQLite's, when there is no such account or room among them.
    pub fn join(
        &self,
        room: RoomId,
        account: AccountId,
        role: RoomRole,
        joined_seq: u64,
        at: i64,
    ) -> Result<bool, StoreError> {
        let row = (room.put(), account.put(), role.put(), joined_seq.put(), at);
        let joined = self.execute(JOIN, row)? == 1;
        if joined {
            self.execute(UNINVITE, (room.put(), account.put()))?;
        }
        Ok(joined)
    }

    /// `false` when there was no membership.
    ///
    /// # Errors
    /// SQLite's.
    pub fn leave(&self, room: RoomId, account: AccountId) -> Result<bool, StoreError> {
        Ok(self.execute(LEAVE, (room.put(), account.put()))? == 1)
    }

    /// # Errors
    /// [`StoreError::Missing`] without such a membership; SQLite's.
    pub fn set_room_role(
        &self,
        room: RoomId,
        account: AccountId,
        role: RoomRole,
    ) -> Result<(), StoreError> {
        self.change(SET_ROLE, (room.put(), account.put(), role.put()))
    }

    /// Takes a conversation of two out of an account's list, or puts it there again.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such a membership; SQLite's.
    pub fn hide(&self, room: RoomId, account: AccountId, hidden: bool) -> Result<(), StoreError> {
        self.change(HIDE, (room.put(), account.put(), hidden))
    }

    /// Somebody has spoken in a room: it is in all its members' lists again.
    ///
    /// # Errors
    /// SQLite's.
    pub fn show(&self, room: RoomId) -> Result<(), StoreError> {
        self.execute(SHOW, [room.put()])?;
        Ok(())
    }

    /// The mark never goes back. An account that has left meanwhile is no error.
    ///
    /// # Errors
    /// SQLite's.
    pub fn set_read(&self, room: RoomId, account: AccountId, seq: u64) -> Result<(), StoreError> {
        self.execute(READ, (room.put(), account.put(), seq.put()))?;
        Ok(())
    }

    /// `false` when the account is invited already.
    ///
    /// # Errors
    /// SQLite's.
    pub fn invite(
        &self,
        room: RoomId,
        account: AccountId,
        by: AccountId,
        at: i64,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(INVITE, (room.put(), account.put(), by.put(), at))? == 1)
    }

    /// Ends the account's membership and its invitation as well. An earlier ban stays as it is.
    ///
    /// # Errors
    /// SQLite's.
    pub fn ban(&self, ban: &Sanction<'_>) -> Result<(), StoreError> {
        self.execute(LEAVE, (ban.room.put(), ban.account.put()))?;
        self.execute(UNINVITE, (ban.room.put(), ban.account.put()))?;
        let row = (
            ban.room.put(),
            ban.account.put(),
            ban.by.put(),
            ban.at,
            ban.reason,
        );
        self.execute(BAN, row)?;
        Ok(())
    }

    /// `false` when there was no ban.
    ///
    /// # Errors
    /// SQLite's.
    pub fn unban(&self, room: RoomId, account: AccountId) -> Result<bool, StoreError> {
        Ok(self.execute(UNBAN, (room.put(), account.put()))? == 1)
    }

    /// Until `ends_at`, or without one until it is taken back. An earlier mute is replaced.
    ///
    /// # Errors
    /// SQLite's.
    pub fn mute(&self, mute: &Sanction<'_>, ends_at: Option<i64>) -> Result<(), StoreError> {
        let row = (
            mute.room.put(),
            mute.account.put(),
            mute.by.put(),
            mute.at,
            mute.reason,
            ends_at,
        );
        self.execute(MUTE, row)?;
        Ok(())
    }

    /// `false` when there was no mute.
    ///
    /// # Errors
    /// SQLite's.
    pub fn unmute(&self, room: RoomId, account: AccountId) -> Result<bool, StoreError> {
        Ok(self.execute(UNMUTE, (room.put(), account.put()))? == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{account, room, store};
    use super::super::{Commit, LOBBY};
    use super::*;

    #[test]
    fn who_belongs_to_a_room_joins_no_second_time() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        let done = store.transaction(Commit::Usual, |tx| {
            assert!(tx.join(LOBBY, alice, RoomRole::Owner, 5, 9)?);
            assert!(!tx.join(LOBBY, alice, RoomRole::Member, 7, 9)?);
            let alone = Membership {
                room: LOBBY,
                account: alice,
                role: RoomRole::Owner,
                joined_seq: 5,
                read_seq: 4,
                hidden: false,
            };
            assert_eq!(tx.memberships_of(alice)?, [alone]);
            assert_eq!(tx.count_memberships_of(alice)?, 1);
            assert_eq!(tx.count_memberships_of(bob)?, 0);
            for (name, counted) in [("#a", 1), ("#b", 1), ("#c", 2), ("#d", 2), ("#e", 3)] {
                let hidden = room(tx, name, "audited");
                tx.join(hidden, bob, RoomRole::Member, 1, 9)?;
                tx.hide(hidden, bob, true)?;
                assert_eq!(tx.count_memberships_of(bob)?, counted, "{name}");
            }
            tx.join(LOBBY, bob, RoomRole::Member, 1, 9)?;
            assert_eq!(tx.count_memberships_of(bob)?, 4);
            tx.leave(LOBBY, bob)?;
            assert_eq!(tx.members_of(LOBBY)?, [alone]);
            assert_eq!(tx.membership(LOBBY, alice)?, Some(alone));
            assert_eq!(tx.membership(LOBBY, bob)?, None);
            assert!(tx.leave(LOBBY, alice)?);
            assert!(!tx.leave(LOBBY, alice)?);
            tx.set_room_role(LOBBY, alice, RoomRole::Member)
        });
        assert!(matches!(done, Err(StoreError::Missing)));
    }

    #[test]
    fn nobody_joins_what_is_not_there() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        for (room, account) in [(RoomId(9), alice), (LOBBY, AccountId(9))] {
            let joined = store.transaction(Commit::Usual, |tx| {
                tx.join(room, account, RoomRole::Member, 1, 9)
            });
            assert!(joined.is_err());
        }
    }

    #[test]
    fn what_was_read_is_never_unread_again() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let done = store.transaction(Commit::Usual, |tx| {
            tx.join(LOBBY, alice, RoomRole::Member, 1, 9)?;
            for (read, then) in [(3, 3), (2, 3), (u64::MAX, u64::try_from(i64::MAX).unwrap())] {
                tx.set_read(LOBBY, alice, read)?;
                assert_eq!(tx.membership(LOBBY, alice)?.unwrap().read_seq, then);
            }
            // An account that has left meanwhile.
            tx.set_read(LOBBY, AccountId(99), 7)
        });
        done.unwrap();
    }

    #[test]
    fn invitations_are_used_up_and_bans_and_mutes_outlive_a_membership() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        let sanction = Sanction {
            room: LOBBY,
            account: bob,
            by: alice,
            at: 9,
            reason: "why",
        };
        let done = store.transaction(Commit::Usual, |tx| {
            assert!(tx.invite(LOBBY, bob, alice, 9)?);
            assert!(!tx.invite(LOBBY, bob, alice, 9)?);
            assert_eq!(tx.invited_to(LOBBY)?, [bob]);
            tx.join(LOBBY, bob, RoomRole::Member, 1, 9)?;
            assert_eq!(tx.invited_to(LOBBY)?, []);

            tx.mute(&sanction, Some(100))?;
            tx.leave(LOBBY, bob)?;
            assert_eq!(tx.muted_in(LOBBY, 99)?, [(bob, Some(100))]);
            assert_eq!(tx.muted_in(LOBBY, 100)?, []);
            tx.mute(&sanction, None)?;
            assert_eq!(tx.muted_in(LOBBY, 100)?, [(bob, None)]);
            assert!(tx.unmute(LOBBY, bob)?);
            assert!(!tx.unmute(LOBBY, bob)?);

            tx.join(LOBBY, bob, RoomRole::Member, 1, 9)?;
            tx.ban(&sanction)?;
            tx.ban(&sanction)?;
            assert_eq!(tx.membership(LOBBY, bob)?, None);
            assert_eq!(tx.banned_from(LOBBY)?, [bob]);
            assert!(tx.unban(LOBBY, bob)?);
            assert!(!tx.unban(LOBBY, bob)?);
            Ok(())
        });
        done.unwrap();
    }

    #[test]
    fn members_are_listed_by_name_with_one_more_than_asked_for() {
        let (_directory, mut store) = store();
        let accounts = ["alice", "bob", "carol"].map(|user| account(&mut store, user));
        let done = store.transaction(Commit::Usual, |tx| {
            for account in accounts {
                tx.join(LOBBY, account, RoomRole::Member, 1, 9)?;
            }
            let mute = Sanction {
                room: LOBBY,
                account: accounts[1],
                by: accounts[0],
                at: 9,
                reason: "",
            };
            tx.mute(&mute, Some(100))?;
            let names = |after, limit, now| {
                let lines = tx
                    .member_lines(LOBBY, after, limit, now)
                    .unwrap()
                    .into_iter();
                let lines = lines.map(|line| (line.user.to_string(), line.muted));
                lines.collect::<Vec<_>>()
            };
            let line = |user: &str, muted| (user.to_owned(), muted);
            assert_eq!(names("", 1, 99), [line("alice", false), line("bob", true)]);
            assert_eq!(
                names("ALICE", 9, 100),
                [line("bob", false), line("carol", false)]
            );
            Ok(())
        });
        done.unwrap();
    }
}
