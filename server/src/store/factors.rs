//! The second factor of an account: its sealed secret, the steps and recovery codes spent, and
//! the wrong codes counted.
//!
//! Whatever spends something says whether it was still there to spend, decided by the statement
//! itself: of two logins with one code, one gets `false`. Such transactions are
//! [`Commit::Synced`](super::Commit::Synced).

use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::types::{AccountId, signed, unsigned};

/// SHA-256 of a recovery code. The codes are 80 random bits, so no salt is needed.
pub type RecoveryHash = [u8; 32];

const SET_TOTP: &str = "UPDATE REGISTERED SET totp = ?2 WHERE id = ?1";
const RENEW_TOTP: &str =
    "UPDATE REGISTERED SET totp = ?2, last_step = 0, failed_codes = 0 WHERE id = ?1";
const SPEND_STEP: &str = "UPDATE REGISTERED SET last_step = ?2 WHERE id = ?1 AND last_step < ?2";
const WRONG_CODE: &str = "UPDATE REGISTERED SET failed_codes = failed_codes + 1 WHERE id = ?1";
const WRONG_CODES: &str = "SELECT failed_codes FROM REGISTERED WHERE id = ?1";
const RIGHT_CODE: &str = "UPDATE REGISTERED SET failed_codes = 0 WHERE id = ?1";
const ADD_RECOVERY: &str = "INSERT INTO recovery_codes(account, hash) VALUES(?1, ?2)";
const DROP_RECOVERY: &str = "DELETE FROM recovery_codes WHERE account = ?1";
const RECOVERY_LEFT: &str =
    "SELECT hash FROM recovery_codes WHERE account = ?1 AND spent_at IS NULL";
const SPEND_RECOVERY: &str = "UPDATE recovery_codes SET spent_at = ?3 \
    WHERE account = ?1 AND hash = ?2 AND spent_at IS NULL";

impl Snapshot<'_> {
    /// The hashes of the recovery codes that an account has left.
    ///
    /// # Errors
    /// SQLite's.
    pub fn recovery_codes(&self, account: AccountId) -> Result<Vec<RecoveryHash>, StoreError> {
        self.all(RECOVERY_LEFT, [account], |row| row.get(0))
    }
}

impl Tx<'_> {
    /// Keeps the sealed TOTP secret of a new account.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn set_totp(&self, account: AccountId, sealed: &[u8]) -> Result<(), StoreError> {
        self.change(SET_TOTP, (account, sealed))
    }

    /// Spends a time step (RFC 6238, section 5.2: a code is good once). `false` when it or a later
    /// one was spent before.
    ///
    /// # Errors
    /// SQLite's.
    pub fn spend_step(&self, account: AccountId, step: u64) -> Result<bool, StoreError> {
        Ok(self.execute(SPEND_STEP, (account, signed(step)))? == 1)
    }

    /// Spends a recovery code. `false` when there is no such code or it was spent before.
    ///
    /// # Errors
    /// SQLite's.
    pub fn spend_recovery(
        &self,
        account: AccountId,
        hash: &RecoveryHash,
        at: i64,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(SPEND_RECOVERY, (account, hash, at))? == 1)
    }

    /// Counts a wrong code that came with a right password.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn count_wrong_code(&self, account: AccountId) -> Result<(), StoreError> {
        self.change(WRONG_CODE, [account])
    }

    /// Forgets the wrong codes after a success and says how many there were, for the owner to be
    /// told.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn reset_wrong_codes(&self, account: AccountId) -> Result<u64, StoreError> {
        let count = self
            .one(WRONG_CODES, [account], |row| unsigned(row, 0))?
            .ok_or(StoreError::Missing)?;
        if count > 0 {
            self.change(RIGHT_CODE, [account])?;
        }
        Ok(count)
    }

    /// Gives an account another secret, of which no code has been spent, and other recovery codes. All resume tokens go: they continue a login with the old factor.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn replace_second_factor(
        &self,
        account: AccountId,
        sealed: &[u8],
        recovery: &[RecoveryHash],
    ) -> Result<(), StoreError> {
        self.change(RENEW_TOTP, (account, sealed))?;
        self.execute(DROP_RECOVERY, [account])?;
        self.add_recovery_codes(account, recovery)?;
        self.revoke_resume(account)?;
        Ok(())
    }

    /// Keeps the recovery codes of an account beside those it has.
    pub(super) fn add_recovery_codes(
        &self,
        account: AccountId,
        hashes: &[RecoveryHash],
    ) -> Result<(), StoreError> {
        hashes
            .iter()
            .try_for_each(|hash| self.execute(ADD_RECOVERY, (account, hash)).map(|_| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Commit;
    use super::super::testing::{account, store};
    use super::*;

    #[test]
    fn a_step_is_spent_once_and_none_before_it_afterwards() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        let mut spend = |who, step| {
            store
                .transaction(Commit::Synced, |tx| tx.spend_step(who, step))
                .unwrap()
        };
        assert!(spend(alice, 50));
        assert!(!spend(alice, 50));
        assert!(!spend(alice, 49));
        assert!(spend(alice, 51));
        assert!(spend(bob, 50));
        assert!(!spend(AccountId(99), 50));
    }

    #[test]
    fn a_recovery_code_is_spent_once_by_its_owner() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        let mut spend = |who, code| {
            store
                .transaction(Commit::Synced, |tx| tx.spend_recovery(who, &[code; 32], 9))
                .unwrap()
        };
        assert!(spend(alice, 1));
        assert!(!spend(alice, 1));
        assert!(spend(alice, 2));
        assert!(!spend(alice, 3));
        assert!(spend(bob, 1));
    }

    #[test]
    fn what_a_failed_login_spent_is_there_again() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let failed = store.transaction(Commit::Synced, |tx| {
            assert!(tx.spend_step(alice, 50)?);
            assert!(tx.spend_recovery(alice, &[1; 32], 9)?);
            Err::<(), _>(StoreError::Missing)
        });
        assert!(failed.is_err());
        let spent = store.transaction(Commit::Synced, |tx| {
            Ok((
                tx.spend_step(alice, 50)?,
                tx.spend_recovery(alice, &[1; 32], 9)?,
            ))
        });
        assert_eq!(spent.unwrap(), (true, true));
    }

    #[test]
    fn wrong_codes_are_counted_until_a_success_tells_their_number() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Usual, |tx| {
                tx.count_wrong_code(alice)?;
                tx.count_wrong_code(alice)?;
                assert_eq!(tx.account_by_id(alice)?.unwrap().failed_codes, 2);
                assert_eq!(tx.reset_wrong_codes(alice)?, 2);
                assert_eq!(tx.reset_wrong_codes(alice)?, 0);
                assert!(tx.reset_wrong_codes(AccountId(99)).is_err());
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn another_second_factor_leaves_nothing_of_the_old_one() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Synced, |tx| {
                tx.set_totp(alice, b"old")?;
                assert!(tx.spend_step(alice, 70)?);
                tx.count_wrong_code(alice)?;
                tx.replace_second_factor(alice, b"new", &[[3; 32]])?;

                let found = tx.account_by_id(alice)?.unwrap();
                assert_eq!(found.sealed_totp, b"new");
                assert_eq!((found.last_step, found.failed_codes), (0, 0));
                assert!(!tx.spend_recovery(alice, &[1; 32], 9)?);
                assert!(tx.spend_recovery(alice, &[3; 32], 9)?);
                Ok(())
            })
            .unwrap();
    }
}
