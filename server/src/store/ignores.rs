//! Whom an account does not want to see. The server only keeps it: hiding is the client's.

use chatbox_common::limits::MAX_IGNORED;
use chatbox_common::name::UserName;
use chatbox_common::wire::message::AccountId;

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::statement::statements;

statements! {
    const NAMES = "SELECT a.user FROM ignores i JOIN REGISTERED a ON a.id = i.ignored \
        WHERE i.account = ?1 ORDER BY a.user"
        walks "sorts what one account ignores, at most MAX_IGNORED";
    const COUNT = "SELECT count(*) FROM ignores WHERE account = ?1";
    const KNOWN = "SELECT 1 FROM ignores WHERE account = ?1 AND ignored = ?2";
    const IGNORE = "INSERT INTO ignores(account, ignored, made_at) VALUES(?1, ?2, ?3)";
    const UNIGNORE = "DELETE FROM ignores WHERE account = ?1 AND ignored = ?2";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    Noted,
    Already,
    /// There are [`MAX_IGNORED`] already; nothing has been changed.
    TooMany,
}

impl Snapshot<'_> {
    /// In the order of the names; at most [`MAX_IGNORED`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn ignored_by(&self, account: AccountId) -> Result<Vec<UserName>, StoreError> {
        self.all(NAMES, [account.put()], |row| take(row, 0))
    }
}

impl Tx<'_> {
    /// # Errors
    /// SQLite's, when there is no such account among them.
    pub fn ignore(
        &self,
        account: AccountId,
        ignored: AccountId,
        at: i64,
    ) -> Result<Ignored, StoreError> {
        if self
            .one(KNOWN, (account.put(), ignored.put()), |_| Ok(()))?
            .is_some()
        {
            return Ok(Ignored::Already);
        }
        let count = self.one(COUNT, [account.put()], |row| take(row, 0))?;
        if count.unwrap_or(0) >= u64::from(MAX_IGNORED) {
            return Ok(Ignored::TooMany);
        }
        self.execute(IGNORE, (account.put(), ignored.put(), at))?;
        Ok(Ignored::Noted)
    }

    /// `false` when it was not noted.
    ///
    /// # Errors
    /// SQLite's.
    pub fn unignore(&self, account: AccountId, ignored: AccountId) -> Result<bool, StoreError> {
        Ok(self.execute(UNIGNORE, (account.put(), ignored.put()))? == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Commit;
    use super::super::testing::{account, store};
    use super::*;

    #[test]
    fn whom_one_ignores_is_kept_in_the_order_of_the_names() {
        let (_directory, mut store) = store();
        let [alice, bob, carol] = ["alice", "Bob", "carol"].map(|user| account(&mut store, user));
        let done = store.transaction(Commit::Usual, |tx| {
            assert_eq!(tx.ignore(alice, carol, 9)?, Ignored::Noted);
            assert_eq!(tx.ignore(alice, bob, 9)?, Ignored::Noted);
            assert_eq!(tx.ignore(alice, bob, 9)?, Ignored::Already);
            let names = |account| {
                let names = tx.ignored_by(account).unwrap().into_iter();
                names.map(|name| name.to_string()).collect::<Vec<_>>()
            };
            assert_eq!(names(alice), ["Bob", "carol"]);
            assert_eq!(names(bob), [""; 0], "nobody else does");
            assert!(tx.unignore(alice, carol)?);
            assert!(!tx.unignore(alice, carol)?);
            assert_eq!(names(alice), ["Bob"]);
            Ok(())
        });
        done.unwrap();
    }

    #[test]
    fn one_can_ignore_many_and_not_all() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let others: Vec<_> = (0..=MAX_IGNORED)
            .map(|n| account(&mut store, &format!("user{n}x")))
            .collect();
        let (last, most) = others.split_last().unwrap();
        let done = store.transaction(Commit::Usual, |tx| {
            for other in most {
                assert_eq!(tx.ignore(alice, *other, 9)?, Ignored::Noted);
            }
            assert_eq!(tx.ignore(alice, *last, 9)?, Ignored::TooMany);
            assert_eq!(tx.ignore(alice, most[0], 9)?, Ignored::Already);
            tx.unignore(alice, most[0])?;
            assert_eq!(tx.ignore(alice, *last, 9)?, Ignored::Noted);
            Ok(())
        });
        done.unwrap();
    }
}
