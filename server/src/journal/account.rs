//! Changes of one's own account: what each does inside the transaction, and whose sessions end
//! behind it.
//!
//! Nobody stays who came in by the old password or factor. Sessions that are open end through
//! their delivery threads; one that was let in before the change and begins only behind it is
//! turned away; and what a login or a change was judged by must still hold at its commit.

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::secret::SecretString;
use chatbox_common::wire::message::{self, ByeReason};

use std::collections::HashMap;

use super::accounts::{AuthOutcome, active, person};
use super::commit::Work;
use super::sessions::SessionState;
use super::writer::Writer;
use super::{
    AuthRequest, Begin, Granted, Journal, MAX_WRONG_CODES, Spend, TOKEN_SECONDS, Token, Unavailable,
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
    /// The session that asks. Where other sessions end, it stays.
    pub session: SessionId,
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
        /// The token of the session that stays, whose login counts from now on.
        successor: Token,
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
        /// The token that the session had which stays.
        used: TokenId,
        /// The one that follows it, and ends when it would have.
        successor: Token,
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

/// Who was logged out: before a transaction, and by what was carried out in it so far.
pub(super) struct LogOuts<'a> {
    sessions: &'a HashMap<SessionId, SessionState>,
    /// How often an account was.
    count: u64,
    /// Whose sessions ended in it, but for which.
    ended: Vec<(message::AccountId, Option<SessionId>)>,
}

impl<'a> LogOuts<'a> {
    /// Those before.
    pub(super) const fn before(work: &Work<'a>) -> Self {
        Self {
            sessions: work.sessions,
            count: work.log_outs,
            ended: Vec::new(),
        }
    }

    /// Takes note of what was carried out: whoever is let in behind it is not meant by it.
    pub(super) fn note(&mut self, done: &AuthOutcome) {
        if let AuthOutcome::Alone(granted, but) = done {
            self.count += 1;
            self.ended.push((granted.person.account, *but));
        }
    }

    /// What somebody is told who is let in now.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Whether a session goes on: not for the sake of whoever still reads from it.
    fn is_open(&self, account: message::AccountId, session: SessionId) -> bool {
        let known = self.sessions.get(&session);
        let ends = |&(whose, but)| whose == account && but != Some(session);
        known.is_some_and(SessionState::is_open) && !self.ended.iter().any(ends)
    }
}

impl Journal {
    /// Changes an account; `None` when what proved it is spent, or no longer what the account has,
    /// or the session that asks has ended.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn change(&self, change: Change) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Change(change))
    }

    /// Ends all sessions of an account and deletes its tokens.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn log_out(&self, account: message::AccountId) -> Result<(), Unavailable> {
        self.auth(AuthRequest::LogOut(account)).map(|_| ())
    }
}

/// Carries out a change inside its transaction.
pub(super) fn change(
    tx: &Tx<'_>,
    change: &Change,
    work: &Work<'_>,
    log_outs: &LogOuts<'_>,
    now: i64,
) -> Result<AuthOutcome, StoreError> {
    if !log_outs.is_open(change.account, change.session) {
        return Ok(AuthOutcome::Refused);
    }
    let id = AccountId(change.account);
    let account = active(tx, id)?.filter(|account| account.credentials() == change.judged_by);
    let Some(account) = account else {
        return Ok(AuthOutcome::Refused);
    };
    let granted = |token_seconds| Granted {
        person: person(&account),
        wrong_codes: 0,
        token_seconds,
        after: log_outs.count(),
    };
    if let Some(spend) = change.part.spend()
        && !use_up(tx, &account, spend, now)?
    {
        return Ok(AuthOutcome::Refused);
    }
    match &change.part {
        Part::Code(_) => Ok(AuthOutcome::Granted(granted(0))),
        Part::RecoveryCodes(_, recovery) => {
            tx.replace_recovery_codes(id, recovery)?;
            Ok(AuthOutcome::Granted(granted(0)))
        }
        Part::Password {
            verifier,
            successor,
            ..
        } => {
            tx.set_verifier(id, verifier.expose())?;
            let end = now + i64::from(TOKEN_SECONDS) * 1000;
            let seconds = renew(tx, id, successor, end, now)?;
            Ok(AuthOutcome::Alone(granted(seconds), Some(change.session)))
        }
        Part::Factor {
            totp,
            step,
            recovery,
            used,
            successor,
        } => {
            // What was proved before the first code is no login: it makes none last longer.
            let end = tx.resume_token(used, now)?.map_or(now, |it| it.expires_at);
            let sealed = work.seal.seal(id.0, totp.bytes());
            let sealed = sealed.map_err(|_| StoreError::Missing)?;
            tx.replace_second_factor(id, &sealed, *step, recovery)?;
            let seconds = renew(tx, id, successor, end, now)?;
            Ok(AuthOutcome::Alone(granted(seconds), Some(change.session)))
        }
    }
}

/// Ends all of an account inside its transaction.
pub(super) fn log_out(
    tx: &Tx<'_>,
    account: message::AccountId,
    log_outs: &LogOuts<'_>,
) -> Result<AuthOutcome, StoreError> {
    let id = AccountId(account);
    let Some(account) = tx.account_by_id(id)? else {
        return Ok(AuthOutcome::Refused);
    };
    tx.revoke_resume(id)?;
    let granted = Granted {
        person: person(&account),
        wrong_codes: 0,
        token_seconds: 0,
        after: log_outs.count(),
    };
    Ok(AuthOutcome::Alone(granted, None))
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
    successor: &Token,
    end: i64,
    now: i64,
) -> Result<u32, StoreError> {
    let token = NewToken {
        id: successor.id,
        hash: &successor.hash,
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
            if let Some(ended) = self.sessions.get_mut(&session) {
                ended.is_logged_out = true;
            }
            self.deliveries.send(session, Delivery::LogOut(session));
        }
    }

    /// A session that goes on. What one that was logged out sent before it heard of it is not
    /// carried out any more.
    pub(super) fn open_session(&self, session: SessionId) -> Option<&SessionState> {
        self.sessions.get(&session).filter(|one| one.is_open())
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
