//! What each account may still have the server do: one budget for all of its sessions, which
//! outlives them.
//!
//! Messages beyond the limit are refused; any other work waits for its turn, so that a client that
//! knows of no limit loses nothing. Knows no clock, no socket and no request: `now` is an argument,
//! and what a request costs stands in `prices`. Each session holds its account's part, so that
//! accounts do not wait for one another.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatbox_common::wire::message::AccountId;

use crate::bucket::Bucket;

/// Refused messages within [`PATIENCE`], after which the session that goes on is ended.
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
    /// Refused, and so were more than [`MAX_REFUSED`] within [`PATIENCE`]: the session is ended.
    Disconnect,
}

/// What one account has left; each field says when its bucket is full again.
#[derive(Debug, Clone, Copy)]
struct Funds {
    messages: Instant,
    refusals: Instant,
    work: Instant,
    /// The next refused message is told to come back at this moment, or later.
    promised: Instant,
}

impl Funds {
    const fn all(now: Instant) -> Self {
        Self {
            messages: now,
            refusals: now,
            work: now,
            promised: now,
        }
    }

    fn full_at(&self) -> Instant {
        self.messages.max(self.refusals).max(self.work)
    }

    fn take_message(&mut self, messages: Bucket, now: Instant) -> Verdict {
        let wait = match messages.take(self.messages, now) {
            Ok(full_at) => {
                self.messages = full_at;
                return Verdict::Allowed;
            }
            Err(wait) => wait,
        };
        let refusals = Bucket {
            interval: PATIENCE / MAX_REFUSED,
            capacity: MAX_REFUSED,
        };
        let Ok(full_at) = refusals.take(self.refusals, now) else {
            return Verdict::Disconnect;
        };
        self.refusals = full_at;
        // Sessions that all waited for the same moment would be refused again, all but one.
        let latest = now + MAX_PROMISED.max(wait);
        let moment = (now + wait).max(self.promised).min(latest);
        self.promised = moment + messages.interval;
        Verdict::Wait(moment.saturating_duration_since(now))
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
    /// `None` is no limit.
    messages: Option<Bucket>,
    table: Arc<Mutex<Table>>,
}

impl AccountBudgets {
    /// So many messages at once, and as many per second; 0 is no limit.
    #[must_use]
    pub fn new(messages_per_second: u32) -> Self {
        let bucket = |capacity| Bucket {
            interval: Duration::from_secs(1) / capacity,
            capacity,
        };
        Self {
            messages: (messages_per_second > 0).then(|| bucket(messages_per_second)),
            table: Arc::default(),
        }
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

/// One account's budget, shared by all that hold it.
#[derive(Debug)]
pub struct AccountBudget {
    all: AccountBudgets,
    account: AccountId,
    left: Arc<Mutex<Funds>>,
}

impl AccountBudget {
    pub fn take_message(&self, now: Instant) -> Verdict {
        match self.all.messages {
            Some(messages) => locked(&self.left).take_message(messages, now),
            None => Verdict::Allowed,
        }
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

    /// As [`AccountBudget::charge`], but charges nothing where the wait would be longer than
    /// `patience`: that much sooner would be too soon, which is the error.
    pub fn charge_within(
        &self,
        units: u32,
        patience: Duration,
        now: Instant,
    ) -> Result<Duration, Duration> {
        let mut left = locked(&self.left);
        let after = left.work.max(now) + WORK.interval.saturating_mul(units);
        let wait = WORK.debt(after, now);
        if wait > patience {
            return Err(wait.saturating_sub(patience));
        }
        left.work = after;
        Ok(wait)
    }
}

impl Drop for AccountBudget {
    fn drop(&mut self) {
        self.all.let_go(self.account);
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::corpus;

    use super::*;
    use crate::prices::{self, Price, price};

    const ALICE: AccountId = AccountId(1);

    fn budget(messages_per_second: u32, now: Instant) -> AccountBudget {
        AccountBudgets::new(messages_per_second).of(ALICE, now)
    }

    #[test]
    fn messages_come_at_their_rate_and_a_refusal_says_when_to_go_on() {
        let start = Instant::now();
        let budget = budget(5, start);
        for _ in 0..5 {
            assert_eq!(budget.take_message(start), Verdict::Allowed);
        }
        let wait = Duration::from_millis(200);
        assert_eq!(budget.take_message(start), Verdict::Wait(wait));
        assert_eq!(budget.take_message(start + wait), Verdict::Allowed);
        assert_eq!(budget.take_message(start + wait), Verdict::Wait(wait));
    }

    #[test]
    fn who_waits_as_told_is_never_refused_again() {
        let mut now = Instant::now();
        let budget = budget(7, now);
        for _ in 0..1_000 {
            if let Verdict::Wait(wait) = budget.take_message(now) {
                now += wait;
                assert_eq!(budget.take_message(now), Verdict::Allowed);
            }
        }
    }

    #[test]
    fn sessions_that_all_wait_as_told_are_not_refused_for_ever() {
        let start = Instant::now();
        let budget = budget(5, start);
        // Each of 32 sessions has something to say all the time.
        let mut due = [start; 32];
        let (mut taken, mut refused) = (0, 0);
        while let Some(first) = due.iter_mut().min()
            && *first < start + Duration::from_secs(60)
        {
            match budget.take_message(*first) {
                Verdict::Allowed => {
                    taken += 1;
                    *first += Duration::from_millis(200);
                }
                Verdict::Wait(wait) => {
                    refused += 1;
                    *first += wait;
                }
                Verdict::Disconnect => panic!("after {refused} refusals and {taken} messages"),
            }
        }
        assert!((300..=305).contains(&taken), "{taken}");
    }

    #[test]
    fn who_keeps_on_is_disconnected_and_who_slips_is_not() {
        let start = Instant::now();
        let one = budget(1, start);
        assert_eq!(one.take_message(start), Verdict::Allowed);
        for _ in 0..MAX_REFUSED {
            assert!(matches!(one.take_message(start), Verdict::Wait(_)));
        }
        assert_eq!(one.take_message(start), Verdict::Disconnect);

        let one = budget(1, start);
        for n in 0..10_000 {
            let verdict = one.take_message(start + Duration::from_millis(200) * n);
            assert_ne!(
                verdict,
                Verdict::Disconnect,
                "five a second where one is allowed"
            );
        }
    }

    #[test]
    fn zero_is_no_limit_to_messages() {
        let now = Instant::now();
        let budget = budget(0, now);
        assert!((0..100_000).all(|_| budget.take_message(now) == Verdict::Allowed));
    }

    #[test]
    fn all_that_hold_an_account_s_budget_share_it_and_it_outlives_them() {
        let start = Instant::now();
        let budgets = AccountBudgets::new(2);
        let (one, other) = (budgets.of(ALICE, start), budgets.of(ALICE, start));
        assert_eq!(one.take_message(start), Verdict::Allowed);
        assert_eq!(other.take_message(start), Verdict::Allowed);
        assert!(matches!(one.take_message(start), Verdict::Wait(_)));
        assert!(one.charge(WORK.capacity, start).is_zero());
        drop((one, other));
        let bob = budgets.of(AccountId(2), start);
        assert_eq!(bob.take_message(start), Verdict::Allowed);
        let again = budgets.of(ALICE, start);
        assert!(matches!(again.take_message(start), Verdict::Wait(_)));
        assert_eq!(again.charge(3, start), 3 * WORK.interval);
    }

    #[test]
    fn work_that_comes_at_once_waits_one_behind_the_other() {
        let start = Instant::now();
        let budget = budget(5, start);
        assert!(budget.charge(WORK.capacity - 1, start).is_zero());
        assert!(budget.charge(1, start).is_zero());
        assert_eq!(budget.charge(5, start), 5 * WORK.interval);
        assert_eq!(budget.charge(5, start), 10 * WORK.interval);
        let patience = 15 * WORK.interval;
        let wait = budget.charge_within(5, patience, start);
        assert_eq!(wait, Ok(patience));
        let sooner = budget.charge_within(5, patience, start);
        assert_eq!(sooner, Err(5 * WORK.interval));
        // What was refused costs nothing.
        let later = start + 5 * WORK.interval;
        assert_eq!(budget.charge_within(5, patience, later), Ok(patience));
    }

    #[test]
    fn budgets_are_forgotten_when_they_are_full_and_the_fullest_first_where_there_are_too_many() {
        let start = Instant::now();
        let budgets = AccountBudgets::new(5);
        let use_up = |n, units| {
            let _ = budgets.of(AccountId(n), start).charge(units, start);
        };
        use_up(1, 1_000);
        for n in 2..MAX_RESTING as u64 + 100 {
            use_up(n, 1);
        }
        let sizes = || {
            let table = locked(&budgets.table);
            (table.held.len(), table.resting.len(), table.by_lapse.len())
        };
        assert_eq!(sizes(), (0, MAX_RESTING, MAX_RESTING));
        let used_most = budgets.of(ALICE, start);
        assert!(!used_most.charge(WORK.capacity, start).is_zero());
        assert_eq!(sizes(), (1, MAX_RESTING - 1, MAX_RESTING - 1));
        let full = budgets.of(AccountId(2), start + WORK.interval);
        assert_eq!(sizes(), (2, 0, 0));
        drop((used_most, full));
        assert_eq!(sizes(), (0, 2, 2));
    }

    /// How often a request is carried out in ten seconds by a session that says nothing else and
    /// waits for nothing but what it must.
    fn flood(price: Price) -> Option<u32> {
        let start = Instant::now();
        let budget = budget(5, start);
        let (mut now, mut done) = (start, 0);
        while now < start + Duration::from_secs(10) {
            if price.message.is_some() {
                match budget.take_message(now) {
                    Verdict::Allowed => {}
                    Verdict::Wait(wait) => {
                        now += wait;
                        continue;
                    }
                    Verdict::Disconnect => return Some(done),
                }
            } else if price.work == 0 {
                return None;
            }
            now += budget.charge(price.work, now);
            done += 1;
        }
        Some(done)
    }

    #[test]
    fn every_request_there_is_costs_its_account_something() {
        use chatbox_common::wire::message::ClientMessage as C;
        for (name, message) in corpus::one_of_each() {
            let price = price(&message);
            let is_end = matches!(
                message,
                C::Bye(_)
                    | C::Register(_)
                    | C::RegisterConfirm(_)
                    | C::Login(_)
                    | C::LoginConfirm(_)
                    | C::Resume(_)
            );
            match flood(price) {
                None => assert!(is_end, "{name} costs nothing"),
                Some(done) => {
                    let most = match price {
                        Price {
                            message: Some(_), ..
                        } => 55,
                        Price { work, .. } => 10_000 / work,
                    };
                    assert!(!is_end && done <= most, "{name}: {done}");
                }
            }
        }
        assert!(flood(prices::UNKNOWN).is_some_and(|done| done <= 10_000));
    }

    #[test]
    fn who_comes_back_to_five_hundred_rooms_waits_for_nothing() {
        use chatbox_common::wire::message::ClientMessage as C;
        let now = Instant::now();
        let budget = budget(5, now);
        let mut units = prices::RESUME + prices::of_rooms(500);
        for (_, message) in corpus::one_of_each() {
            // A page of a room has its last messages, more than eight KiB of them.
            units += match message {
                C::History(_) => 500 * (price(&message).work + prices::for_bytes(9 * 1024)),
                C::Follow(_) | C::Read(_) => 500 * price(&message).work,
                _ => 0,
            };
        }
        assert!(budget.charge(units, now).is_zero(), "{units}");
        assert!(units < 4_000, "{units}");
    }
}
