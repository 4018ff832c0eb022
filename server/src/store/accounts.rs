//! REGISTERED: the accounts, their passwords' verifiers, status and role. The second factor and the
//! recovery codes are in `factors`. Which proof is asked for is decided by the callers.

use std::net::SocketAddr;

use chatbox_common::name::UserName;
use chatbox_common::secret::SecretString;
use chatbox_common::wire::message::AccountId;
use rusqlite::Row;
use sha2::{Digest, Sha256};

use super::column::{Column, take};
use super::error::StoreError;
use super::factors::RecoveryHash;
use super::sql::{Snapshot, Tx};
use super::statement::statements;
use super::types::{Role, Status};

#[derive(Debug)]
pub struct Account {
    pub id: AccountId,
    /// In upper and lower case as it was registered.
    pub user: UserName,
    /// `SCRAM-SHA-256$<i>:<salt>$<StoredKey>:<ServerKey>`.
    pub verifier: SecretString,
    /// Sealed TOTP secret; empty while a registration's transaction has not set it.
    pub sealed_totp: Vec<u8>,
    /// The last time step whose code was spent; 0 before the first.
    pub last_step: u64,
    /// Steps that were spent while the server's clock ran ahead, the first and the last.
    pub ahead: Option<(u64, u64)>,
    /// Wrong codes after a right password since the last success.
    pub failed_codes: u64,
    pub status: Status,
    pub role: Role,
}

/// Digest of what a login was judged by: another password or another secret makes another.
pub type Credentials = [u8; 32];

impl Account {
    /// SHA-256 of the verifier and the sealed secret. No two seals are alike, so that a secret that
    /// is set again makes other credentials as well.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Sha256::new()
            .chain_update(self.verifier.expose())
            .chain_update([0])
            .chain_update(&self.sealed_totp)
            .finalize()
            .into()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    pub id: AccountId,
    pub user: UserName,
    pub status: Status,
    pub role: Role,
    /// As written behind: up to a moment late.
    pub online: bool,
    /// Where it was last seen, `address:port`.
    pub ip_port: Option<String>,
    pub created_at: i64,
    pub last_login_at: Option<i64>,
}

#[derive(Clone, Copy)]
pub struct NewAccount<'a> {
    pub user: &'a UserName,
    /// `SCRAM-SHA-256$<i>:<salt>$<StoredKey>:<ServerKey>`.
    pub verifier: &'a str,
    pub recovery: &'a [RecoveryHash],
    pub created_at: i64,
}

statements! {
    const FIND = "SELECT id, user, password, totp, last_step, failed_codes, status, role, \
        ahead_from, ahead_to FROM REGISTERED WHERE user = ?1";
    const BY_ID = "SELECT id, user, password, totp, last_step, failed_codes, status, role, \
        ahead_from, ahead_to FROM REGISTERED WHERE id = ?1";
    // Where no account has the name, it is the first account's row that is read: as much work, whether or
    // not the name exists. `max` has both of them looked for, where `coalesce` would leave one out.
    const FIND_OR_FIRST = "SELECT r.id, r.user, r.password, r.totp, r.last_step, \
        r.failed_codes, r.status, r.role, r.ahead_from, r.ahead_to, r.user = ?1 \
        FROM REGISTERED r WHERE r.id = max(\
        coalesce((SELECT id FROM REGISTERED WHERE user = ?1), 0), \
        (SELECT min(id) FROM REGISTERED))";
    const LIST = "SELECT id, user, status, role, online = 'ok', ip_port, created_at, \
        last_login_at FROM REGISTERED WHERE id > ?1 ORDER BY id LIMIT ?2";
    const LINE = "SELECT id, user, status, role, online = 'ok', ip_port, created_at, \
        last_login_at FROM REGISTERED WHERE user = ?1";
    const TAKEN = "SELECT 1 FROM REGISTERED WHERE skeleton = ?1";
    const CREATE = "INSERT INTO REGISTERED(user, password, skeleton, created_at) \
        VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    const SEEN = "UPDATE REGISTERED SET ip_port = ?2, online = 'ok' WHERE id = ?1";
    const GONE = "UPDATE REGISTERED SET ip_port = ?2, online = 'ko' WHERE id = ?1";
    const STATUS = "UPDATE REGISTERED SET status = ?2 WHERE id = ?1";
    const VERIFIER = "UPDATE REGISTERED SET password = ?2 WHERE id = ?1";
    const ROLE = "UPDATE REGISTERED SET role = ?2 WHERE id = ?1";
}

impl Snapshot<'_> {
    /// Upper and lower case are the same. A name that merely looks alike finds nothing.
    ///
    /// # Errors
    /// SQLite's.
    pub fn account(&self, user: &UserName) -> Result<Option<Account>, StoreError> {
        self.one(FIND, [user.put()], read_account)
    }

    /// As [`Snapshot::account`], and where there is none of this name, another account with `false`:
    /// the time tells nothing of whether it exists. `None` in a database without accounts.
    ///
    /// # Errors
    /// SQLite's.
    pub fn account_or_first(&self, user: &UserName) -> Result<Option<(Account, bool)>, StoreError> {
        self.one(FIND_OR_FIRST, [user.put()], |row| {
            Ok((read_account(row)?, row.get(10)?))
        })
    }

    /// Whether an account has this name, or one that looks like it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn is_taken(&self, user: &UserName) -> Result<bool, StoreError> {
        let found = self.one(TAKEN, [user.skeleton()], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// # Errors
    /// SQLite's.
    pub fn account_by_id(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.one(BY_ID, [id.put()], read_account)
    }

    /// In the order of their numbers, those above `after`, at most `limit`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn accounts(&self, after: AccountId, limit: u32) -> Result<Vec<AccountLine>, StoreError> {
        self.all(LIST, (after.put(), limit), read_line)
    }

    /// Finds what [`Snapshot::account`] finds.
    ///
    /// # Errors
    /// SQLite's.
    pub fn account_line(&self, user: &UserName) -> Result<Option<AccountLine>, StoreError> {
        self.one(LINE, [user.put()], read_line)
    }
}

fn read_line(row: &Row<'_>) -> rusqlite::Result<AccountLine> {
    Ok(AccountLine {
        id: take(row, 0)?,
        user: take(row, 1)?,
        status: take(row, 2)?,
        role: take(row, 3)?,
        online: row.get(4)?,
        ip_port: row.get(5)?,
        created_at: row.get(6)?,
        last_login_at: row.get(7)?,
    })
}

fn read_account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: take(row, 0)?,
        user: take(row, 1)?,
        verifier: SecretString::new(row.get(2)?),
        sealed_totp: row.get::<_, Option<_>>(3)?.unwrap_or_default(),
        last_step: take(row, 4)?,
        failed_codes: take(row, 5)?,
        status: take(row, 6)?,
        role: take(row, 7)?,
        ahead: take::<Option<u64>>(row, 8)?.zip(take(row, 9)?),
    })
}

impl Tx<'_> {
    /// Makes an account without a second factor. Its number, which the seal covers, is known only
    /// now, so [`Tx::set_totp`] follows in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] when an account has the name or one that looks like it; nothing
    /// has been changed then, and the transaction can go on. SQLite's.
    pub fn create_account(&self, new: &NewAccount<'_>) -> Result<AccountId, StoreError> {
        let made = self.execute(
            CREATE,
            (
                new.user.put(),
                new.verifier,
                new.user.skeleton(),
                new.created_at,
            ),
        )?;
        if made == 0 {
            return Err(StoreError::NameTaken);
        }
        let account = AccountId(self.last_id());
        self.add_recovery_codes(account, new.recovery)?;
        Ok(account)
    }

    /// `ip_port` is where the account was last seen, `online` whether it has a session now.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn set_seen(
        &self,
        account: AccountId,
        ip_port: SocketAddr,
        online: bool,
    ) -> Result<(), StoreError> {
        let statement = if online { SEEN } else { GONE };
        self.change(statement, (account.put(), ip_port.to_string()))
    }

    /// A disabled account loses all resume tokens, which would continue its logins.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn set_status(&self, account: AccountId, status: Status) -> Result<(), StoreError> {
        self.change(STATUS, (account.put(), status.put()))?;
        if status == Status::Disabled {
            self.revoke_resume(account)?;
        }
        Ok(())
    }

    /// Replaces the password. The account loses all resume tokens: they continue a login with the
    /// old one.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn set_verifier(&self, account: AccountId, verifier: &str) -> Result<(), StoreError> {
        self.change(VERIFIER, (account.put(), verifier))?;
        self.revoke_resume(account)?;
        Ok(())
    }

    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn set_role(&self, account: AccountId, role: Role) -> Result<(), StoreError> {
        self.change(ROLE, (account.put(), role.put()))
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::secret::Secret;

    use super::super::testing::{A_FEW, account, name, store, vm_steps};
    use super::super::{Commit, NewToken};
    use super::*;

    #[test]
    fn an_account_is_found_by_its_name_in_any_case_and_by_nothing_else() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "Alice");
        store
            .transaction(Commit::Usual, |tx| {
                let found = tx.account(&name("aLICE"))?.unwrap();
                assert_eq!(found.id, alice);
                assert_eq!(found.user.as_str(), "Alice");
                assert!(found.verifier.expose().starts_with("SCRAM-SHA-256$600000:"));
                assert_eq!((found.last_step, found.failed_codes), (0, 0));
                assert_eq!(found.status, Status::Active);
                assert_eq!(tx.account_by_id(alice)?.unwrap().user, found.user);
                assert!(tx.account(&name("A-lice"))?.is_none());
                assert!(tx.account(&name("alic"))?.is_none());
                let (found, exists) = tx.account_or_first(&name("aLICE"))?.unwrap();
                assert!(exists && found.user.as_str() == "Alice");
                let (found, exists) = tx.account_or_first(&name("nobody"))?.unwrap();
                assert!(!exists && found.user.as_str() == "Alice");
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_name_that_looks_taken_is_taken_and_the_transaction_goes_on() {
        let (_directory, mut store) = store();
        account(&mut store, "Alice");
        store
            .transaction(Commit::Usual, |tx| {
                for taken in ["alice", "a1ice", "al-ice"] {
                    let new = NewAccount {
                        user: &name(taken),
                        verifier: "v",
                        recovery: &[],
                        created_at: 0,
                    };
                    let refused = tx.create_account(&new);
                    assert!(matches!(refused, Err(StoreError::NameTaken)), "{taken}");
                }
                tx.create_account(&NewAccount {
                    user: &name("bob"),
                    verifier: "v",
                    recovery: &[],
                    created_at: 0,
                })
            })
            .unwrap();
    }

    #[test]
    fn a_registration_that_fails_midway_leaves_no_account() {
        let (_directory, mut store) = store();
        let failed = store.transaction(Commit::Synced, |tx| {
            tx.create_account(&NewAccount {
                user: &name("alice"),
                verifier: "v",
                recovery: &[[7; 32], [7; 32]],
                created_at: 0,
            })
        });
        assert!(matches!(failed, Err(StoreError::Sql(_))));
        let found = store.transaction(Commit::Usual, |tx| tx.account(&name("alice")));
        assert!(found.unwrap().is_none());
    }

    #[test]
    fn what_is_noted_about_an_account_is_listed() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        let address = "[2001:db8::1]:4000".parse().unwrap();
        store
            .transaction(Commit::Usual, |tx| {
                tx.set_seen(alice, address, true)?;
                assert!(tx.spend_step(alice, 1, 9_000)?);
                tx.set_role(alice, Role::Admin)?;
                tx.set_status(bob, Status::Disabled)?;
                let list = tx.accounts(AccountId(0), 10)?;
                assert_eq!(
                    list[0],
                    AccountLine {
                        id: alice,
                        user: name("alice"),
                        status: Status::Active,
                        role: Role::Admin,
                        online: true,
                        ip_port: Some("[2001:db8::1]:4000".into()),
                        created_at: 1_000,
                        last_login_at: Some(9_000),
                    }
                );
                assert_eq!(list[1].status, Status::Disabled);
                assert_eq!(tx.account_line(&name("ALICE"))?.as_ref(), Some(&list[0]));
                assert_eq!(tx.account_line(&name("a1ice"))?, None);
                assert_eq!(tx.accounts(AccountId(0), 1)?.len(), 1);
                assert_eq!(tx.accounts(alice, 10)?, list[1..]);
                tx.set_seen(alice, address, false)?;
                assert!(!tx.accounts(AccountId(0), 1)?[0].online);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn another_password_or_secret_makes_other_credentials_and_nothing_else_does() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Usual, |tx| {
                let now = || Ok::<_, StoreError>(tx.account_by_id(alice)?.unwrap().credentials());
                let first = now()?;
                assert!(tx.spend_step(alice, 1, 9_000)?);
                tx.count_wrong_code(alice)?;
                tx.replace_recovery_codes(alice, &[[7; 32]])?;
                assert_eq!(now()?, first);
                tx.set_verifier(alice, "another")?;
                let second = now()?;
                tx.set_totp(alice, b"sealed")?;
                let third = now()?;
                assert!(first != second && second != third && first != third);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn another_password_ends_all_tokens_of_the_account_and_no_others() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        store
            .transaction(Commit::Synced, |tx| {
                for (n, who) in [(1, alice), (2, alice), (3, bob)] {
                    let token = NewToken {
                        id: [n; 16],
                        hash: &Secret::new([n; 32]),
                    };
                    tx.issue_resume(who, &token, 10_000)?;
                }
                tx.set_verifier(alice, "another")?;
                assert_eq!(
                    tx.account_by_id(alice)?.unwrap().verifier.expose(),
                    "another"
                );
                for (n, is_there) in [(1, false), (2, false), (3, true)] {
                    assert_eq!(tx.resume_token(&[n; 16], 1)?.is_some(), is_there, "{n}");
                }
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn an_account_that_is_not_there_cannot_be_changed() {
        let (_directory, mut store) = store();
        let result = store.transaction(Commit::Usual, |tx| tx.set_role(AccountId(7), Role::Admin));
        assert!(matches!(result, Err(StoreError::Missing)));
    }

    #[test]
    fn a_name_that_nobody_has_takes_as_long_as_one_that_somebody_has() {
        let (directory, mut store) = store();
        for user in ["alice", "bob", "carol"] {
            account(&mut store, user);
        }
        let asked = |user| vm_steps(directory.path(), FIND_OR_FIRST, [name(user).put()]);
        for user in ["alice", "bob", "carol"] {
            let (steps, nobodys) = (asked(user), asked("nobody"));
            assert!(steps.abs_diff(nobodys) <= A_FEW, "{user} {steps} {nobodys}");
        }
    }
}
