//! The second factor of an account: its sealed secret, the steps and recovery codes spent, and
//! the wrong codes counted.
//!
//! A method that spends a step or a code returns whether it was unspent, decided by the statement
//! itself: of two logins with one code, one gets `false`. Such transactions must be
//! [`Commit::Synced`](super::Commit::Synced), or a power cut would make a spent code good again.

use chatbox_common::auth::totp::step_of;
use chatbox_common::wire::message::AccountId;

use super::column::Column;
use super::error::StoreError;
use super::sql::{Snapshot, Tx};
use super::statement::statements;

/// SHA-256 of a recovery code. The codes are 80 random bits, so no salt is needed.
pub type RecoveryHash = [u8; 32];

statements! {
    const SET_TOTP = "UPDATE REGISTERED SET totp = ?2 WHERE id = ?1";
    const RENEW_TOTP = "UPDATE REGISTERED SET totp = ?2, last_step = ?3, run_from = ?3, \
        ahead_from = NULL, ahead_to = NULL, failed_codes = 0 WHERE id = ?1";
    // `run_from` begins anew where no step was spent for a day: steps between runs were not spent.
    const SPEND_STEP = "UPDATE REGISTERED SET last_step = ?2, \
        run_from = CASE WHEN ?2 - last_step > 2880 THEN ?2 ELSE run_from END, failed_codes = 0, \
        last_login_at = ?3 WHERE id = ?1 AND last_step < ?2 \
        AND (ahead_to IS NULL OR ?2 NOT BETWEEN ahead_from AND ahead_to)";
    const USE_STEP = "UPDATE REGISTERED SET last_step = ?2, \
        run_from = CASE WHEN ?2 - last_step > 2880 THEN ?2 ELSE run_from END \
        WHERE id = ?1 AND last_step < ?2 \
        AND (ahead_to IS NULL OR ?2 NOT BETWEEN ahead_from AND ahead_to)";
    // What an earlier wrong clock left is kept, in one range with the new one.
    const MEND_CLOCK = "UPDATE REGISTERED SET \
        ahead_from = min(max(run_from, ?2 + 1), coalesce(ahead_from, run_from)), \
        ahead_to = max(last_step, coalesce(ahead_to, 0)), last_step = ?2 \
        WHERE id = ?1 AND last_step > ?2";
    const WRONG_CODE = "UPDATE REGISTERED SET failed_codes = failed_codes + 1 WHERE id = ?1";
    const LOGGED_IN = "UPDATE REGISTERED SET failed_codes = 0, last_login_at = ?2 WHERE id = ?1";
    const ADD_RECOVERY = "INSERT INTO recovery_codes(account, hash) VALUES(?1, ?2)";
    const DROP_RECOVERY = "DELETE FROM recovery_codes WHERE account = ?1";
    const RECOVERY_LEFT = "SELECT hash FROM recovery_codes WHERE account = ?1 AND spent_at IS NULL";
    const SPEND_RECOVERY = "UPDATE recovery_codes SET spent_at = ?3 \
        WHERE account = ?1 AND hash = ?2 AND spent_at IS NULL";
}

/// The TOTP step of a moment, in milliseconds since 1970.
fn step_at(at: i64) -> u64 {
    step_of(u64::try_from(at).unwrap_or(0) / 1000)
}

impl Snapshot<'_> {
    /// Of the unspent ones.
    ///
    /// # Errors
    /// SQLite's.
    pub fn recovery_codes(&self, account: AccountId) -> Result<Vec<RecoveryHash>, StoreError> {
        self.all(RECOVERY_LEFT, [account.put()], |row| row.get(0))
    }
}

impl Tx<'_> {
    /// For a new account: steps that were spent and codes that were wrong stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn set_totp(&self, account: AccountId, sealed: &[u8]) -> Result<(), StoreError> {
        self.change(SET_TOTP, (account.put(), sealed))
    }

    /// Spends a time step (RFC 6238, section 5.2: a code is good once), which completes a login:
    /// its time is noted, and the count of wrong codes is 0 again. `false`, and nothing is changed,
    /// when this step or a later one was spent before.
    ///
    /// # Errors
    /// SQLite's.
    pub fn spend_step(&self, account: AccountId, step: u64, at: i64) -> Result<bool, StoreError> {
        Ok(self.execute(SPEND_STEP, (account.put(), step.put(), at))? == 1)
    }

    /// Spends a recovery code, which completes a login as [`Tx::spend_step`] does. `false` when
    /// there is no such code or it was spent before.
    ///
    /// # Errors
    /// SQLite's.
    pub fn spend_recovery(
        &self,
        account: AccountId,
        hash: &RecoveryHash,
        at: i64,
    ) -> Result<bool, StoreError> {
        let spent = self.use_recovery(account, hash, at)?;
        if spent {
            self.change(LOGGED_IN, (account.put(), at))?;
        }
        Ok(spent)
    }

    /// Spends a time step without a login: wrong codes stay counted until the next login, which
    /// tells its user of them. `false`, and nothing is changed, when this step or a later one was
    /// spent before.
    ///
    /// # Errors
    /// SQLite's.
    pub fn use_step(&self, account: AccountId, step: u64) -> Result<bool, StoreError> {
        Ok(self.execute(USE_STEP, (account.put(), step.put()))? == 1)
    }

    /// Spends a recovery code without a login, as [`Tx::use_step`] does a step. Who has one needs
    /// no clock: where the server's ran ahead when a step was spent, that is mended.
    ///
    /// # Errors
    /// SQLite's.
    pub fn use_recovery(
        &self,
        account: AccountId,
        hash: &RecoveryHash,
        at: i64,
    ) -> Result<bool, StoreError> {
        let spent = self.execute(SPEND_RECOVERY, (account.put(), hash, at))? == 1;
        if spent {
            self.mend_clock(account, step_at(at).saturating_add(1))?;
        }
        Ok(spent)
    }

    /// Takes back that the server's clock ran ahead when a step of the account's was spent: steps
    /// behind `step`, the last one that the right clock may have spent, can be spent again, but for
    /// those that were spent in between.
    fn mend_clock(&self, account: AccountId, step: u64) -> Result<(), StoreError> {
        self.execute(MEND_CLOCK, (account.put(), step.put()))?;
        Ok(())
    }

    /// For a wrong code that came after a right password only.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn count_wrong_code(&self, account: AccountId) -> Result<(), StoreError> {
        self.change(WRONG_CODE, [account.put()])
    }

    /// Replaces the secret, of which the codes up to `step` are spent, and the recovery codes. All
    /// resume tokens are deleted: they continue a login with the old factor.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without such an account; SQLite's.
    pub fn replace_second_factor(
        &self,
        account: AccountId,
        sealed: &[u8],
        step: u64,
        recovery: &[RecoveryHash],
    ) -> Result<(), StoreError> {
        self.change(RENEW_TOTP, (account.put(), sealed, step.put()))?;
        self.replace_recovery_codes(account, recovery)?;
        self.revoke_resume(account)?;
        Ok(())
    }

    /// The codes that the account had are void, spent or not.
    ///
    /// # Errors
    /// SQLite's.
    pub fn replace_recovery_codes(
        &self,
        account: AccountId,
        recovery: &[RecoveryHash],
    ) -> Result<(), StoreError> {
        self.execute(DROP_RECOVERY, [account.put()])?;
        self.add_recovery_codes(account, recovery)
    }

    /// Those that the account has stay.
    pub(super) fn add_recovery_codes(
        &self,
        account: AccountId,
        hashes: &[RecoveryHash],
    ) -> Result<(), StoreError> {
        hashes.iter().try_for_each(|hash| {
            self.execute(ADD_RECOVERY, (account.put(), hash))
                .map(|_| ())
        })
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
                .transaction(Commit::Synced, |tx| tx.spend_step(who, step, 9))
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
    fn a_recovery_code_mends_a_clock_that_ran_ahead_and_what_was_spent_stays_spent() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let (day, now) = (2880, 1_000_000);
        let at = now * 30_000;
        store
            .transaction(Commit::Synced, |tx| {
                let spend = |step: u64| tx.spend_step(alice, step, 9);
                assert!(spend(now - 5)? && spend(now + 2 * day)? && spend(now + 2 * day + 7)?);
                assert!(!spend(now + 1)?, "the clock is right again");
                assert!(tx.use_recovery(alice, &[1; 32], i64::try_from(at).unwrap())?);
                for (step, good) in [
                    (now - 5, false),
                    (now + 1, false),
                    (now + 2, true),
                    (now + 2 * day - 1, true),
                    (now + 2 * day, false),
                    (now + 2 * day + 7, false),
                    (now + 2 * day + 8, true),
                ] {
                    assert_eq!(spend(step)?, good, "{step}");
                }
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_recovery_code_at_a_right_clock_makes_no_step_good_again() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Synced, |tx| {
                assert!(tx.spend_step(alice, 1_000_001, 9)?);
                assert!(tx.use_recovery(alice, &[1; 32], 30_000 * 1_000_000)?);
                assert!(!tx.spend_step(alice, 1_000_001, 9)?);
                assert_eq!(tx.account_by_id(alice)?.unwrap().ahead, None);
                Ok(())
            })
            .unwrap();
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
            assert!(tx.spend_step(alice, 50, 9)?);
            assert!(tx.spend_recovery(alice, &[1; 32], 9)?);
            Err::<(), _>(StoreError::Missing)
        });
        assert!(failed.is_err());
        let spent = store.transaction(Commit::Synced, |tx| {
            Ok((
                tx.spend_step(alice, 50, 9)?,
                tx.spend_recovery(alice, &[1; 32], 9)?,
            ))
        });
        assert_eq!(spent.unwrap(), (true, true));
    }

    #[test]
    fn wrong_codes_are_counted_until_something_is_spent() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Usual, |tx| {
                let state = || -> Result<_, StoreError> {
                    let count = tx.account_by_id(alice)?.unwrap().failed_codes;
                    Ok((count, tx.accounts(AccountId(0), 1)?[0].last_login_at))
                };
                for (right, at) in [(true, 7), (false, 8)] {
                    tx.count_wrong_code(alice)?;
                    tx.count_wrong_code(alice)?;
                    assert_eq!(state()?.0, 2);
                    assert!(!tx.spend_step(alice, 0, at)?);
                    assert!(!tx.spend_recovery(alice, &[99; 32], at)?);
                    assert_eq!(state()?.0, 2, "what failed forgets nothing");
                    assert!(if right {
                        tx.spend_step(alice, 50, at)?
                    } else {
                        tx.spend_recovery(alice, &[1; 32], at)?
                    });
                    assert_eq!(state()?, (0, Some(at)));
                }
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
                assert!(tx.spend_step(alice, 70, 9)?);
                tx.count_wrong_code(alice)?;
                tx.replace_second_factor(alice, b"new", 0, &[[3; 32]])?;

                let found = tx.account_by_id(alice)?.unwrap();
                assert_eq!(found.sealed_totp, b"new");
                assert_eq!((found.last_step, found.failed_codes), (0, 0));
                assert!(!tx.spend_recovery(alice, &[1; 32], 9)?);
                assert!(tx.spend_recovery(alice, &[3; 32], 9)?);
                Ok(())
            })
            .unwrap();
    }
    #[test]
    fn the_first_code_of_another_secret_is_spent_by_it() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Synced, |tx| {
                tx.replace_second_factor(alice, b"new", 70, &[])?;
                assert!(!tx.spend_step(alice, 70, 9)?);
                assert!(tx.spend_step(alice, 71, 9)?);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn what_is_spent_without_a_login_is_spent_and_forgets_no_wrong_code() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        store
            .transaction(Commit::Synced, |tx| {
                tx.count_wrong_code(alice)?;
                assert!(tx.use_step(alice, 50)?);
                assert!(!tx.use_step(alice, 50)? && !tx.spend_step(alice, 50, 9)?);
                assert!(tx.use_recovery(alice, &[1; 32], 9)?);
                assert!(!tx.use_recovery(alice, &[1; 32], 9)?);
                assert!(!tx.spend_recovery(alice, &[1; 32], 9)?);
                assert_eq!(tx.account_by_id(alice)?.unwrap().failed_codes, 1);
                assert_eq!(tx.accounts(AccountId(0), 1)?[0].last_login_at, None);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn other_recovery_codes_leave_none_of_the_old_ones() {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let bob = account(&mut store, "bob");
        store
            .transaction(Commit::Synced, |tx| {
                assert!(tx.use_recovery(alice, &[1; 32], 9)?);
                tx.replace_recovery_codes(alice, &[[1; 32], [3; 32]])?;
                assert_eq!(tx.recovery_codes(alice)?.len(), 2);
                assert!(!tx.use_recovery(alice, &[2; 32], 9)?);
                assert!(tx.use_recovery(alice, &[1; 32], 9)?);
                assert_eq!(tx.recovery_codes(bob)?.len(), 2);
                Ok(())
            })
            .unwrap();
    }
}
