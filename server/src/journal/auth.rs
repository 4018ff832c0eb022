//! What registration, login, resume, change and log-out do inside the journal's transaction.
//!
//! After a change no session lasts that was let in by the old password or factor. Open sessions end
//! through their delivery threads; a session that was let in before the change and begins only
//! after it is turned away; and the credentials that a login or a change was judged by must still
//! hold at its commit. Proofs are checked before, by the login; here only what must be decided
//! once.

use std::sync::Arc;

use chatbox_common::wire::message::{AccountId, RoomRole, Seq};

use super::job::{
    AuthRequest, Change, Granted, LogIn, MAX_WRONG_CODES, Part, Registration, ResumeUse, Spend,
    TOKEN_SECONDS, Token,
};
use super::outcome::{AuthOutcome, LogOuts};
use crate::event::Person;
use crate::store::{Account, LOBBY, NewAccount, NewToken, Resumed, Role, Status, StoreError, Tx};
use crate::totp_seal::SealingKey;

/// What a request is judged by, besides the database.
pub(super) struct AuthContext<'a> {
    pub(super) seal: &'a SealingKey,
    /// The log-outs before it, those of this transaction included.
    pub(super) log_outs: &'a LogOuts<'a>,
    /// The lobby's last message: a new account's membership begins behind it.
    pub(super) lobby_head: Seq,
    /// Milliseconds since 1970-01-01 UTC.
    pub(super) now: i64,
}

pub(super) fn carry_out(
    tx: &Tx<'_>,
    request: &AuthRequest,
    context: &AuthContext<'_>,
) -> Result<AuthOutcome, StoreError> {
    match request {
        AuthRequest::Register(registration) => register(tx, registration, context),
        AuthRequest::LogIn(log_in) => self::log_in(tx, log_in, context),
        AuthRequest::Resume(resume) => self::resume(tx, resume, context),
        AuthRequest::Change(change) => self::change(tx, change, context),
        AuthRequest::LogOut(account) => log_out(tx, *account, context.log_outs),
    }
}

fn register(
    tx: &Tx<'_>,
    new: &Registration,
    context: &AuthContext<'_>,
) -> Result<AuthOutcome, StoreError> {
    let now = context.now;
    let made = tx.create_account(&NewAccount {
        user: &new.user,
        verifier: new.verifier.expose(),
        recovery: &new.recovery,
        created_at: now,
    });
    let account = match made {
        Ok(account) => account,
        Err(StoreError::NameTaken) => return Ok(AuthOutcome::Refused),
        Err(error) => return Err(error),
    };
    let sealed = context.seal.seal(account, new.totp.bytes());
    let sealed = sealed.map_err(|_| StoreError::Missing)?;
    tx.set_totp(account, &sealed)?;
    tx.spend_step(account, new.step, now)?;
    tx.join(
        LOBBY,
        account,
        RoomRole::Member,
        context.lobby_head + 1,
        now,
    )?;
    let person = Person {
        account,
        user: new.user.as_str().into(),
        is_admin: false,
    };
    let token = NewToken {
        id: new.token.id,
        hash: &new.token.hash,
    };
    granted(tx, person, (0, None), &token, context)
}

fn log_in(
    tx: &Tx<'_>,
    log_in: &LogIn,
    context: &AuthContext<'_>,
) -> Result<AuthOutcome, StoreError> {
    let now = context.now;
    let id = log_in.account;
    let account = active(tx, id)?.filter(|account| account.credentials() == log_in.judged_by);
    let Some(account) = account else {
        return Ok(AuthOutcome::Refused);
    };
    // Last of all checks: a login that fails spends nothing.
    let spent = match log_in.spend {
        Spend::Step(step) => {
            account.failed_codes < u64::from(MAX_WRONG_CODES) && tx.spend_step(id, step, now)?
        }
        Spend::Recovery(hash) => tx.spend_recovery(id, &hash, now)?,
    };
    if !spent {
        return Ok(AuthOutcome::Refused);
    }
    let recovery_left = match log_in.spend {
        Spend::Step(_) => None,
        Spend::Recovery(_) => u32::try_from(tx.recovery_codes(id)?.len()).ok(),
    };
    let wrong_codes = u32::try_from(account.failed_codes).unwrap_or(u32::MAX);
    let token = NewToken {
        id: log_in.token.id,
        hash: &log_in.token.hash,
    };
    let person = person(&account);
    let counts = (wrong_codes, recovery_left);
    granted(tx, person, counts, &token, context)
}

fn resume(
    tx: &Tx<'_>,
    resume: &ResumeUse,
    context: &AuthContext<'_>,
) -> Result<AuthOutcome, StoreError> {
    let now = context.now;
    let Some(stored) = tx.resume_token(&resume.used, now)? else {
        return Ok(AuthOutcome::Refused);
    };
    let Some(account) = active(tx, stored.account)? else {
        return Ok(AuthOutcome::Refused);
    };
    let successor = NewToken {
        id: resume.successor.id,
        hash: &resume.successor.hash,
    };
    match tx.use_resume(&resume.used, &successor, now)? {
        Resumed::Continued => {}
        Resumed::Unknown => return Ok(AuthOutcome::Refused),
        Resumed::Revoked => return Ok(AuthOutcome::Reused(person(&account))),
    }
    let left = (stored.expires_at - now) / 1000;
    Ok(AuthOutcome::Granted(Granted {
        person: person(&account),
        wrong_codes: 0,
        recovery_left: None,
        token_seconds: u32::try_from(left).unwrap_or(0),
        after: context.log_outs.count(),
    }))
}

fn active(tx: &Tx<'_>, id: AccountId) -> Result<Option<Account>, StoreError> {
    let account = tx.account_by_id(id)?;
    Ok(account.filter(|account| account.status == Status::Active))
}

pub(super) fn person(account: &Account) -> Person {
    Person {
        account: account.id,
        user: Arc::from(account.user.as_str()),
        is_admin: account.role == Role::Admin,
    }
}

fn granted(
    tx: &Tx<'_>,
    person: Person,
    (wrong_codes, recovery_left): (u32, Option<u32>),
    token: &NewToken<'_>,
    context: &AuthContext<'_>,
) -> Result<AuthOutcome, StoreError> {
    let id = person.account;
    tx.issue_resume(id, token, context.now + i64::from(TOKEN_SECONDS) * 1000)?;
    Ok(AuthOutcome::Granted(Granted {
        person,
        wrong_codes,
        recovery_left,
        token_seconds: TOKEN_SECONDS,
        after: context.log_outs.count(),
    }))
}

fn change(
    tx: &Tx<'_>,
    change: &Change,
    context: &AuthContext<'_>,
) -> Result<AuthOutcome, StoreError> {
    let (log_outs, now) = (context.log_outs, context.now);
    if !log_outs.is_open(change.account, change.session) {
        return Ok(AuthOutcome::Refused);
    }
    let id = change.account;
    let account = active(tx, id)?.filter(|account| account.credentials() == change.judged_by);
    let Some(account) = account else {
        return Ok(AuthOutcome::Refused);
    };
    let granted = |token_seconds| Granted {
        person: person(&account),
        wrong_codes: 0,
        recovery_left: None,
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
            let stays = (change.session, successor.id);
            Ok(AuthOutcome::Alone(granted(seconds), Some(stays)))
        }
        Part::Factor {
            totp,
            step,
            recovery,
            used,
            successor,
        } => {
            // The proofs before the first code are no full login, so the new token ends with the
            // old.
            let end = tx.resume_token(used, now)?.map_or(now, |it| it.expires_at);
            let sealed = context.seal.seal(id, totp.bytes());
            let sealed = sealed.map_err(|_| StoreError::Missing)?;
            tx.replace_second_factor(id, &sealed, *step, recovery)?;
            let seconds = renew(tx, id, successor, end, now)?;
            let stays = (change.session, successor.id);
            Ok(AuthOutcome::Alone(granted(seconds), Some(stays)))
        }
    }
}

fn log_out(tx: &Tx<'_>, id: AccountId, log_outs: &LogOuts<'_>) -> Result<AuthOutcome, StoreError> {
    let Some(account) = tx.account_by_id(id)? else {
        return Ok(AuthOutcome::Refused);
    };
    tx.revoke_resume(id)?;
    let granted = Granted {
        person: person(&account),
        wrong_codes: 0,
        recovery_left: None,
        token_seconds: 0,
        after: log_outs.count(),
    };
    Ok(AuthOutcome::Alone(granted, None))
}

/// Spends what proved a change. It is no login: wrong codes stay counted, and the next login tells
/// of them.
fn use_up(tx: &Tx<'_>, account: &Account, spend: Spend, now: i64) -> Result<bool, StoreError> {
    match spend {
        Spend::Step(step) => {
            Ok(account.failed_codes < u64::from(MAX_WRONG_CODES)
                && tx.use_step(account.id, step)?)
        }
        Spend::Recovery(hash) => tx.use_recovery(account.id, &hash, now),
    }
}

/// Issues the token of the session that stays. Returns for how many seconds it is good.
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
