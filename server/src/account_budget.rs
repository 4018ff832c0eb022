//! What each account may still have the server do: one budget for all of its sessions, which
//! outlives them.
//!
//! Messages beyond the limit are refused; any other work waits for its turn, so that a client that
//! knows of no limit loses nothing. Knows no clock, no socket and no request: `now` is an argument,
//! and what a request costs stands in `prices`. Each session holds its account's part, so that
//! accounts do not wait for one another.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatbox_common::limits::MAX_SESSIONS;
use chatbox_common::wire::message::AccountId;

use crate::bucket::Bucket;

/// Refused messages of an account within [`PATIENCE`], after which a session is ended that goes on and has
/// had its own part of them.
pub const MAX_REFUSED: u32 = 100;
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Units of work: ten seconds' worth at once. A client that comes back to 500 rooms pays for its
/// resume, a page of each room and following each of them with half of it.
const WORK: Bucket = Bucket {
    interval: Duration::from_millis(2),
    capacity: 5_000,
};
/// How far ahead refused messages are given a moment of their own.
const MAX_PROMISED: Duration = Duration::from_secs(5);
/// Accounts without a session whose budgets are remembered until they are full again; beyond, the
/// fullest is forgotten.
const MAX_RESTING: usize = 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// Refused; there is a place for it after this time.
    Wait(Duration),
    /// Refused, and so were more than [`MAX_REFUSED`] within [`PATIENCE`], of which this session had no
    /// less than its part: it is ended.
    Disconnect,
}

/// When a resume is to come back that its account can't pay for just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    wait: Duration,
    /// That moment is this one's own.
    is_promised: bool,
}

impl Later {
    /// Gives the charge of the address back where the account alone keeps a resume waiting, but to
    /// nobody who comes again and again whatever is said; returns how long it is to wait.
    pub fn settle(self, give_back: impl FnOnce()) -> Duration {
        if self.is_promised {
            give_back();
        }
        self.wait
    }
}

/// What one account has left; each field says when its bucket is full again.
#[derive(Debug, Clone, Copy)]
struct Funds {
    messages: Instant,
    refusals: Instant,
    work: Instant,
    /// The next refused message is told to come back at this moment, or later.
    promised: Instant,
    /// The next refused resume as well.
    resume_promised: Instant,
    /// Units of the last resume that was counted, also of one that was refused; 0 before the first.
    resume_units: u32,
}

impl Funds {
    const fn all(now: Instant) -> Self {
        Self {
            messages: now,
            refusals: now,
            work: now,
            promised: now,
            resume_promised: now,
            resume_units: 0,
        }
    }

    fn full_at(&self) -> Instant {
        self.messages.max(self.refusals).max(self.work)
    }

    /// The error is how long to wait until there is a place.
    fn take_message(&mut self, messages: Bucket, now: Instant) -> Result<(), Duration> {
        self.messages = messages.take(self.messages, now)?;
        Ok(())
    }

    /// Whether one more message may be refused.
    fn take_refusal(&mut self, now: Instant) -> bool {
        let taken = refusals(MAX_REFUSED).take(self.refusals, now);
        let is_left = taken.is_ok();
        self.refusals = taken.unwrap_or(self.refusals);
        is_left
    }

    /// When a message that finds a place after `wait` at the soonest is told to come back.
    fn promise(&mut self, messages: Bucket, wait: Duration, now: Instant) -> Duration {
        // Sessions that all waited for the same moment would be refused again, all but one.
        let latest = now + MAX_PROMISED.max(wait);
        let moment = (now + wait).max(self.promised).min(latest);
        self.promised = moment + messages.interval;
        moment.saturating_duration_since(now)
    }

    /// When the work is done, and how long it waits for that, or else how much too soon it is.
    fn work_within(
        &self,
        units: u32,
        patience: Duration,
        now: Instant,
    ) -> Result<(Instant, Duration), Duration> {
        let after = self.work.max(now) + AccountBudget::time_for(units);
        let wait = WORK.debt(after, now);
        if wait > patience {
            return Err(wait.saturating_sub(patience));
        }
        Ok((after, wait))
    }

    /// When a resume that can be paid for after `wait` at the soonest is told to come back: each one
    /// so much later that there is all of its price, as often as there may be sessions.
    fn promise_resume(&mut self, wait: Duration, now: Instant) -> Later {
        let price = AccountBudget::time_for(self.resume_units);
        let latest = now + wait + price.saturating_mul(MAX_SESSIONS);
        let moment = (now + wait).max(self.resume_promised);
        let is_promised = moment <= latest;
        if is_promised {
            self.resume_promised = moment + price;
        }
        Later {
            wait: moment.min(latest).saturating_duration_since(now),
            is_promised,
        }
    }
}

fn refusals(count: u32) -> Bucket {
    Bucket {
        interval: PATIENCE / count,
        capacity: count,
    }
}

#[derive(Debug)]
struct InUse {
    left: Arc<Mutex<Funds>>,
    holders: usize,
}

#[derive(Debug, Default)]
struct Table {
    /// Of accounts with a session, or with one that is about to begin.
    held: HashMap<AccountId, InUse>,
    /// Of the others, until they are full.
    resting: HashMap<AccountId, Funds>,
    by_lapse: BTreeSet<(Instant, AccountId)>,
}

impl Table {
    fn wake(&mut self, account: AccountId) -> Option<Funds> {
        let left = self.resting.remove(&account)?;
        self.by_lapse.remove(&(left.full_at(), account));
        Some(left)
    }

    fn rest(&mut self, account: AccountId, left: Funds) {
        self.resting.insert(account, left);
        self.by_lapse.insert((left.full_at(), account));
        if self.resting.len() > MAX_RESTING {
            self.forget_fullest();
        }
    }

    fn forget_fullest(&mut self) {
        if let Some((_, account)) = self.by_lapse.pop_first() {
            self.resting.remove(&account);
        }
    }

    fn forget_full(&mut self, now: Instant) {
        let is_full = |first: &(Instant, AccountId)| first.0 <= now;
        while self.by_lapse.first().is_some_and(is_full) {
            self.forget_fullest();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle on all budgets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccountBudgets {
    /// Per second; 0 is no limit. A reload changes it.
    pace: Arc<AtomicU32>,
    table: Arc<Mutex<Table>>,
}

impl AccountBudgets {
    /// So many messages at once, and as many per second; 0 is no limit.
    #[must_use]
    pub fn new(messages_per_second: u32) -> Self {
        Self {
            pace: Arc::new(AtomicU32::new(messages_per_second)),
            table: Arc::default(),
        }
    }

    /// As in [`AccountBudgets::new`], also for those who hold a budget already.
    pub fn set_pace(&self, messages_per_second: u32) {
        self.pace.store(messages_per_second, Ordering::Relaxed);
    }

    /// `None` is no limit.
    fn messages(&self) -> Option<Bucket> {
        let capacity = self.pace.load(Ordering::Relaxed);
        (capacity > 0).then(|| Bucket {
            interval: Duration::from_secs(1) / capacity,
            capacity,
        })
    }

    /// The account's budget, which is not forgotten while it is held.
    #[must_use]
    pub fn of(&self, account: AccountId, now: Instant) -> AccountBudget {
        let mut table = locked(&self.table);
        let rested = table.wake(account);
        table.forget_full(now);
        let held = table.held.entry(account).or_insert_with(|| InUse {
            left: Arc::new(Mutex::new(rested.unwrap_or_else(|| Funds::all(now)))),
            holders: 0,
        });
        held.holders += 1;
        let left = Arc::clone(&held.left);
        drop(table);
        AccountBudget {
            all: self.clone(),
            account,
            left,
            refusals: Cell::new(now),
        }
    }

    fn let_go(&self, account: AccountId) {
        let mut table = locked(&self.table);
        let Some(held) = table.held.get_mut(&account) else {
            return;
        };
        held.holders -= 1;
        if held.holders > 0 {
            return;
        }
        if let Some(held) = table.held.remove(&account) {
            let left = *locked(&held.left);
            table.rest(account, left);
        }
    }
}

/// One account's budget, shared by all that hold it: a session each, but for resumes on their way.
#[derive(Debug)]
pub struct AccountBudget {
    all: AccountBudgets,
    account: AccountId,
    left: Arc<Mutex<Funds>>,
    /// When the refusals of this session alone are forgotten.
    refusals: Cell<Instant>,
}

impl AccountBudget {
    pub fn take_message(&self, now: Instant) -> Verdict {
        let Some(messages) = self.all.messages() else {
            return Verdict::Allowed;
        };
        let mut left = locked(&self.left);
        let Err(wait) = left.take_message(messages, now) else {
            return Verdict::Allowed;
        };
        // One session that floods must not end the others, nor many sessions be many floods.
        let has_own = self.take_own_refusal(now);
        if left.take_refusal(now) || has_own {
            Verdict::Wait(left.promise(messages, wait, now))
        } else {
            Verdict::Disconnect
        }
    }

    /// Whether one more message of this session may be refused, of the account's as many as its part
    /// is among all that hold the budget.
    fn take_own_refusal(&self, now: Instant) -> bool {
        // Beside the table, each of these has one.
        let holders = Arc::strong_count(&self.left).saturating_sub(1).max(1);
        let holders = u32::try_from(holders).unwrap_or(u32::MAX);
        let own = refusals((MAX_REFUSED / holders).max(1));
        let taken = own.take(self.refusals.get(), now);
        self.refusals.set(taken.unwrap_or(self.refusals.get()));
        taken.is_ok()
    }

    /// Charges for work, and says how long whoever wants it waits before it is done: those who come
    /// at the same time wait one behind the other.
    #[must_use = "the work is paid for after this time"]
    pub fn charge(&self, units: u32, now: Instant) -> Duration {
        let mut left = locked(&self.left);
        left.work = left.work.max(now) + WORK.interval.saturating_mul(units);
        WORK.debt(left.work, now)
    }

    /// How long it takes until so many units have come back.
    #[must_use]
    pub fn time_for(units: u32) -> Duration {
        WORK.interval.saturating_mul(units)
    }

    /// Whether one more resume may be counted: not while there is too little for one that costs what
    /// the last one did. The first must be, or else nobody knows how much later there is enough.
    pub fn may_resume(&self, patience: Duration, now: Instant) -> Result<(), Later> {
        let mut left = locked(&self.left);
        match left.work_within(left.resume_units, patience, now) {
            Err(wait) if left.resume_units > 0 => Err(left.promise_resume(wait, now)),
            _ => Ok(()),
        }
    }

    /// As [`AccountBudget::charge`], but charges nothing where the wait would be longer than
    /// `patience`: what a refused resume took would be missing when the others come back.
    pub fn charge_resume(
        &self,
        units: u32,
        patience: Duration,
        now: Instant,
    ) -> Result<Duration, Later> {
        let mut left = locked(&self.left);
        left.resume_units = units;
        match left.work_within(units, patience, now) {
            Ok((after, wait)) => {
                left.work = after;
                Ok(wait)
            }
            Err(wait) => Err(left.promise_resume(wait, now)),
        }
    }
}

impl Drop for AccountBudget {
    fn drop(&mut self) {
        self.all.let_go(self.account);
    }
}
