//! Resume tokens: each continues one full login on another connection, for at most as long as
//! that login is good.
//!
//! The tokens that come from one login are a family, a chain in which each was answered with the
//! next (docs/PROTOCOL.md, section 12). The newest may be used, and so may its predecessor, because
//! the answer that carried the newest may have been lost. Use of an older one means that two
//! parties hold the family's tokens, one of them a thief, and the family ends. The caller must have
//! checked the proof of possession before [`Tx::use_resume`]: an id alone must revoke nothing.

use chatbox_common::secret::Secret;
use chatbox_common::wire::message::AccountId;
use rusqlite::Row;

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::statement::statements;

/// 16 random bytes by which a token is found; no secret.
pub type TokenId = [u8; 16];

pub struct NewToken<'a> {
    pub id: TokenId,
    /// SHA-256 of the token.
    pub hash: &'a Secret<32>,
}

#[derive(Debug)]
pub struct StoredToken {
    /// The account whose login it continues.
    pub account: AccountId,
    /// SHA-256 of the token.
    pub hash: Secret<32>,
    /// When it ends, with its whole family.
    pub expires_at: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// The successor is kept.
    Continued,
    /// There is no such token, it has expired, or its family was full and has ended.
    Unknown,
    /// It is older than the predecessor of the newest, or was replaced unused: the family is
    /// deleted.
    Revoked,
}

/// A family ends after so many tokens, and a full login begins another: the cost of a use grows
/// with the family.
const MAX_FAMILY: u64 = 1000;

statements! {
    const FIND = "SELECT account, hash, expires_at FROM resume_tokens \
        WHERE id = ?1 AND expires_at > ?2";
    const FAMILY = "SELECT family, state FROM resume_tokens WHERE id = ?1 AND expires_at > ?2";
    const ISSUE = "INSERT INTO resume_tokens(id, account, family, hash, expires_at, state) \
        VALUES(?1, ?2, ?1, ?3, ?4, 'newest')";
    const USES = "SELECT count(*) FROM resume_tokens WHERE family = ?1";
    const RETIRE = "UPDATE resume_tokens SET state = 'spent' \
        WHERE family = ?1 AND state <> 'spent'";
    const KEEP = "UPDATE resume_tokens SET state = 'previous' WHERE id = ?1";
    const SUCCEED = "INSERT INTO resume_tokens(id, account, family, hash, expires_at, state) \
        SELECT ?2, account, family, ?3, expires_at, 'newest' FROM resume_tokens WHERE id = ?1";
    const REVOKE_FAMILY = "DELETE FROM resume_tokens WHERE family = ?1";
    const REVOKE_TOKEN = "DELETE FROM resume_tokens WHERE family = \
        (SELECT family FROM resume_tokens WHERE id = ?1)";
    const END_LOGIN = "DELETE FROM resume_tokens WHERE family = \
        (SELECT family FROM resume_tokens WHERE id = ?1) RETURNING id";
    const REVOKE = "DELETE FROM resume_tokens WHERE account = ?1";
    const EXPIRE = "DELETE FROM resume_tokens WHERE id IN \
        (SELECT id FROM resume_tokens WHERE expires_at <= ?1 LIMIT ?2)";
    const FORGET_ALL = "DELETE FROM resume_tokens" walks "once, in the copy that a backup is";
}

impl Snapshot<'_> {
    /// `None` for a token that has expired. Spent ones are found, so that the proof of possession
    /// can be checked before their use revokes the family.
    ///
    /// # Errors
    /// SQLite's.
    pub fn resume_token(&self, id: &TokenId, now: i64) -> Result<Option<StoredToken>, StoreError> {
        self.one(FIND, (id, now), read_token)
    }
}

fn read_token(row: &Row<'_>) -> rusqlite::Result<StoredToken> {
    Ok(StoredToken {
        account: take(row, 0)?,
        hash: Secret::new(row.get(1)?),
        expires_at: row.get(2)?,
    })
}

impl Tx<'_> {
    /// Keeps the first token of a login, which begins a family.
    ///
    /// # Errors
    /// SQLite's.
    pub fn issue_resume(
        &self,
        account: AccountId,
        token: &NewToken<'_>,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            ISSUE,
            (token.id, account.put(), token.hash.expose(), expires_at),
        )?;
        Ok(())
    }

    /// Uses the token `id`, whose possession has been proved, and keeps `successor` in its family
    /// with the same end.
    ///
    /// Use of the predecessor replaces a successor that was not used: the earlier one is spent.
    ///
    /// # Errors
    /// SQLite's.
    pub fn use_resume(
        &self,
        id: &TokenId,
        successor: &NewToken<'_>,
        now: i64,
    ) -> Result<Resumed, StoreError> {
        let found = self.one(FAMILY, (id, now), |row| {
            Ok((row.get::<_, TokenId>(0)?, row.get::<_, String>(1)?))
        })?;
        let Some((family, state)) = found else {
            return Ok(Resumed::Unknown);
        };
        if state == "spent" {
            self.execute(REVOKE_FAMILY, [family])?;
            return Ok(Resumed::Revoked);
        }
        let uses = self.one(USES, [family], |row| take(row, 0))?;
        if uses.unwrap_or(0) >= MAX_FAMILY {
            self.execute(REVOKE_FAMILY, [family])?;
            return Ok(Resumed::Unknown);
        }
        self.execute(RETIRE, [family])?;
        self.change(KEEP, [id])?;
        self.change(SUCCEED, (id, successor.id, successor.hash.expose()))?;
        Ok(Resumed::Continued)
    }

    /// As [`Tx::revoke_family`], for a login that may have several sessions; returns all of its tokens.
    ///
    /// # Errors
    /// SQLite's.
    pub fn end_login(&self, id: &TokenId) -> Result<Vec<TokenId>, StoreError> {
        self.all(END_LOGIN, [id], |row| row.get(0))
    }

    /// Deletes the family of a token, whose session has ended for good. Returns how many tokens it
    /// had.
    ///
    /// # Errors
    /// SQLite's.
    pub fn revoke_family(&self, id: &TokenId) -> Result<usize, StoreError> {
        self.execute(REVOKE_TOKEN, [id])
    }

    /// Deletes all tokens of an account: each of its clients must log in in full. Returns how many
    /// there were.
    ///
    /// # Errors
    /// SQLite's.
    pub fn revoke_resume(&self, account: AccountId) -> Result<usize, StoreError> {
        self.execute(REVOKE, [account.put()])
    }

    /// Deletes tokens that have expired by `now`, at most `most`. Returns how many.
    ///
    /// # Errors
    /// SQLite's.
    pub fn expire_resume(&self, now: i64, most: usize) -> Result<usize, StoreError> {
        self.execute(EXPIRE, (now, i64::try_from(most).unwrap_or(i64::MAX)))
    }

    /// Deletes the tokens of all accounts.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn forget_all_resume(&self) -> Result<usize, StoreError> {
        self.execute(FORGET_ALL, ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{account, store};
    use super::super::{Commit, Status, Store};
    use super::*;

    const END: i64 = 10_000;

    fn issue(store: &mut Store, who: AccountId, n: u8) {
        let token = NewToken {
            id: [n; 16],
            hash: &Secret::new([n; 32]),
        };
        store
            .transaction(Commit::Usual, |tx| tx.issue_resume(who, &token, END))
            .unwrap();
    }

    fn resume(store: &mut Store, from: u8, to: u8) -> Resumed {
        let token = NewToken {
            id: [to; 16],
            hash: &Secret::new([to; 32]),
        };
        store
            .transaction(Commit::Synced, |tx| tx.use_resume(&[from; 16], &token, 1))
            .unwrap()
    }

    fn known(store: &mut Store, n: u8, now: i64) -> bool {
        store
            .transaction(Commit::Usual, |tx| tx.resume_token(&[n; 16], now))
            .unwrap()
            .is_some()
    }

    #[test]
    fn a_token_is_found_until_its_login_ends() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        issue(&mut store, alice, 1);
        assert_eq!(resume(&mut store, 1, 2), Resumed::Continued);
        let successor = store
            .transaction(Commit::Usual, |tx| tx.resume_token(&[2; 16], END - 1))
            .unwrap()
            .unwrap();
        assert_eq!(successor.account, alice);
        assert_eq!(successor.hash, Secret::new([2; 32]));
        assert_eq!(successor.expires_at, END);
        assert!(!known(&mut store, 2, END));
        assert_eq!(resume(&mut store, 9, 10), Resumed::Unknown);
    }

    #[test]
    fn the_predecessor_is_good_until_the_successor_is_used() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        issue(&mut store, alice, 1);
        assert_eq!(resume(&mut store, 1, 2), Resumed::Continued);
        assert_eq!(resume(&mut store, 1, 3), Resumed::Continued);
        assert_eq!(resume(&mut store, 3, 4), Resumed::Continued);
        assert_eq!(resume(&mut store, 3, 5), Resumed::Continued);
        assert_eq!(resume(&mut store, 5, 6), Resumed::Continued);
        assert_eq!(resume(&mut store, 3, 7), Resumed::Revoked);
    }

    #[test]
    fn an_older_token_ends_the_family_and_no_other() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        issue(&mut store, alice, 1);
        issue(&mut store, alice, 100);
        resume(&mut store, 1, 2);
        resume(&mut store, 2, 3);
        assert_eq!(resume(&mut store, 1, 4), Resumed::Revoked);
        for gone in 1..=4 {
            assert!(!known(&mut store, gone, 1), "{gone}");
        }
        assert!(known(&mut store, 100, 1));
    }

    #[test]
    fn a_successor_that_was_replaced_unused_is_spent() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        issue(&mut store, alice, 1);
        resume(&mut store, 1, 2);
        resume(&mut store, 1, 3);
        assert_eq!(resume(&mut store, 2, 4), Resumed::Revoked);
        assert!(!known(&mut store, 3, 1));
    }

    #[test]
    fn an_account_loses_its_tokens_when_disabled_or_given_another_factor() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        issue(&mut store, alice, 1);
        issue(&mut store, bob, 2);
        issue(&mut store, bob, 3);
        store
            .transaction(Commit::Synced, |tx| {
                tx.set_status(alice, Status::Disabled)?;
                assert!(tx.resume_token(&[1; 16], 1)?.is_none());
                assert!(tx.resume_token(&[2; 16], 1)?.is_some());
                tx.replace_second_factor(bob, b"new", 0, &[])?;
                assert!(tx.resume_token(&[2; 16], 1)?.is_none());
                assert_eq!(tx.revoke_resume(bob)?, 0);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn expired_tokens_are_deleted_some_at_a_time_and_others_kept() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        issue(&mut store, alice, 1);
        issue(&mut store, alice, 2);
        issue(&mut store, alice, 3);
        let mut expire = |now| {
            store
                .transaction(Commit::Usual, |tx| tx.expire_resume(now, 2))
                .unwrap()
        };
        assert_eq!(expire(END - 1), 0);
        assert_eq!([expire(END), expire(END), expire(END)], [2, 1, 0]);
    }
}
