//! Changes of one's own account: what each does inside the transaction, and whose sessions end
//! behind it.
//!
//! Nobody stays who came in by the old password or factor. Sessions that are open end through
//! their delivery threads; one that was let in before the change and begins only behind it is
//! turned away; and what a login or a change was judged by must still hold at its commit.

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::secret::SecretString;
use chatbox_common::wire::message::{self, ByeReason};

use super::accounts::{Done, active, person};
use super::commit::Work;
use super::writer::Writer;
use super::{
    Ask, Begin, Granted, Journal, MAX_WRONG_CODES, Spend, TOKEN_SECONDS, Token, Unavailable,
};
use crate::delivery::Delivery;
use crate::event::SessionId;
use crate::store::{
    Account, AccountId, Credentials, NewToken, RecoveryHash, StoreError, TokenId, Tx,
};

/// What a session is told whose account was logged out.
pub const LOGGED_OUT: &str = "you are logged out: all your sessions were ended, or your password \
                              or second factor was changed in another one";

/// A change of one's own account whose proofs were right.
pub struct Change {
    /// Whose.
    pub account: message::AccountId,
    /// What the proofs were judged by.
    pub judged_by: Credentials,
    /// What.
    pub part: Part,
}

/// See [`Change`].
pub enum Part {
    /// Nothing yet: a code is used up for what is to follow.
    Code(Spend),
    /// The password.
    Password {
        /// What it uses up.
        spend: Spend,
        /// The new password's verifier.
        verifier: SecretString,
        /// The session that stays, whose login counts from now on.
        stays: Stays,
    },
    /// The recovery codes.
    RecoveryCodes(Spend, Vec<RecoveryHash>),
    /// The TOTP secret and the recovery codes, behind a [`Part::Code`].
    Factor {
        /// The secret, not sealed yet.
        totp: TotpSecret,
        /// The step of its first code, which is spent by it.
        step: u64,
        /// The hashes of the recovery codes.
        recovery: Vec<RecoveryHash>,
        /// The session that stays, whose login ends when it would have.
        stays: Stays,
        /// The token that it had.
        token: TokenId,
    },
}

impl Part {
    /// What it uses up, where that was not done before.
    const fn spend(&self) -> Option<Spend> {
        match self {
            Self::Code(spend) | Self::RecoveryCodes(spend, _) | Self::Password { spend, .. } => {
                Some(*spend)
            }
            Self::Factor { .. } => None,
        }
    }
}

/// The one session that a change leaves.
pub struct Stays {
    /// Its number.
    pub session: SessionId,
    /// The token that it gets.
    pub token: Token,
}

impl Journal {
    /// Changes an account; `None` when what proved it is spent, or no longer what the account has.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn change(&self, change: Change) -> Result<Option<Granted>, Unavailable> {
        self.ask(Ask::Change(change))
    }

    /// Ends all sessions of an account and deletes its tokens.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn log_out(&self, account: message::AccountId) -> Result<(), Unavailable> {
        self.ask(Ask::LogOut(account)).map(|_| ())
    }
}

/// Carries out a change inside its transaction.
pub(super) fn change(
    tx: &Tx<'_>,
    change: &Change,
    work: &Work<'_>,
    now: i64,
) -> Result<Done, StoreError> {
    let id = AccountId(change.account);
    let account = active(tx, id)?.filter(|account| account.credentials() == change.judged_by);
    let Some(account) = account else {
        return Ok(Done::Refused);
    };
    let granted = |token_seconds| Granted {
        person: person(&account),
        wrong_codes: 0,
        token_seconds,
        after: work.log_outs,
    };
    if let Some(spend) = change.part.spend()
        && !use_up(tx, &account, spend, now)?
    {
        return Ok(Done::Refused);
    }
    match &change.part {
        Part::Code(_) => Ok(Done::Granted(granted(0))),
        Part::RecoveryCodes(_, recovery) => {
            tx.replace_recovery_codes(id, recovery)?;
            Ok(Done::Granted(granted(0)))
        }
        Part::Password {
            verifier, stays, ..
        } => {
            tx.set_verifier(id, verifier.expose())?;
            let end = now + i64::from(TOKEN_SECONDS) * 1000;
            let seconds = renew(tx, id, stays, end, now)?;
            Ok(Done::Alone(granted(seconds), Some(stays.session)))
        }
        Part::Factor {
            totp,
            step,
            recovery,
            stays,
            token,
        } => {
            // A code alone proves no login: it does not make this one last longer.
            let end = tx.resume_token(token, now)?.map_or(now, |it| it.expires_at);
            let sealed = work.seal.seal(id.0, totp.bytes());
            let sealed = sealed.map_err(|_| StoreError::Missing)?;
            tx.replace_second_factor(id, &sealed, *step, recovery)?;
            let seconds = renew(tx, id, stays, end, now)?;
            Ok(Done::Alone(granted(seconds), Some(stays.session)))
        }
    }
}

/// Ends all of an account inside its transaction.
pub(super) fn log_out(
    tx: &Tx<'_>,
    account: message::AccountId,
    work: &Work<'_>,
) -> Result<Done, StoreError> {
    let id = AccountId(account);
    let Some(account) = tx.account_by_id(id)? else {
        return Ok(Done::Refused);
    };
    tx.revoke_resume(id)?;
    let granted = Granted {
        person: person(&account),
        wrong_codes: 0,
        token_seconds: 0,
        after: work.log_outs,
    };
    Ok(Done::Alone(granted, None))
}

/// Spends what proved a change. It is no login: wrong codes stay counted, for the next one to
/// tell of them.
fn use_up(tx: &Tx<'_>, account: &Account, spend: Spend, now: i64) -> Result<bool, StoreError> {
    match spend {
        Spend::Step(step) => {
            Ok(account.failed_codes < u64::from(MAX_WRONG_CODES)
                && tx.use_step(account.id, step)?)
        }
        Spend::Recovery(hash) => tx.use_recovery(account.id, &hash, now),
    }
}

/// Keeps the token of the session that stays; says for how many seconds.
fn renew(
    tx: &Tx<'_>,
    account: AccountId,
    stays: &Stays,
    end: i64,
    now: i64,
) -> Result<u32, StoreError> {
    let token = NewToken {
        id: stays.token.id,
        hash: &stays.token.hash,
    };
    tx.issue_resume(account, &token, end)?;
    Ok(u32::try_from((end - now) / 1000).unwrap_or(0))
}

impl Writer {
    /// Ends the sessions of an account, but for one, behind the commit that says so.
    pub(super) fn end_sessions(&mut self, account: u64, but: Option<SessionId>) {
        self.log_outs += 1;
        self.logged_out.insert(account, self.log_outs);
        let sessions = self.accounts.get(&account).into_iter().flatten();
        for &session in sessions.filter(|&&session| Some(session) != but) {
            self.deliveries.send(session, Delivery::LogOut(session));
        }
    }

    /// Whether the account of a session that begins was logged out since it was let in.
    pub(super) fn is_logged_out(&self, begin: &Begin) -> bool {
        let last = self.logged_out.get(&begin.person.account);
        last.is_some_and(|&last| last > begin.after)
    }

    /// Turns away who came in by what no longer holds.
    pub(super) fn turn_out(&self, begin: Begin) {
        self.turn_away(begin, ByeReason::LoggedOut, LOGGED_OUT);
    }
}
