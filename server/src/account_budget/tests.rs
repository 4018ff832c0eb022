//! Budgets without a server, with a clock of their own.

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

/// Goes on without waiting until it is ended; says how often it was refused before.
fn flood_to_the_end(session: &AccountBudget, now: Instant) -> u32 {
    for refused in 0..10_000 {
        if session.take_message(now) == Verdict::Disconnect {
            return refused;
        }
    }
    panic!("never ended");
}

#[test]
fn a_session_that_floods_is_ended_alone() {
    let start = Instant::now();
    let budgets = AccountBudgets::new(5);
    let (flood, other) = (budgets.of(ALICE, start), budgets.of(ALICE, start));
    for _ in 0..5 {
        assert_eq!(flood.take_message(start), Verdict::Allowed);
    }
    assert_eq!(flood_to_the_end(&flood, start), MAX_REFUSED);
    // The other one says ten at once, and then what it is told it may.
    for _ in 0..10 {
        assert!(matches!(other.take_message(start), Verdict::Wait(_)));
    }
    let mut now = start;
    while now < start + Duration::from_secs(60) {
        now += match other.take_message(now) {
            Verdict::Allowed => Duration::from_millis(100),
            Verdict::Wait(wait) => wait,
            Verdict::Disconnect => panic!("after {:?}", now - start),
        };
        // Comes again and again, whatever becomes of it.
        let again = budgets.of(ALICE, now);
        let _ = again.take_message(now);
    }
}

#[test]
fn many_sessions_are_one_flood() {
    let start = Instant::now();
    let budgets = AccountBudgets::new(5);
    let sessions: Vec<_> = (0..32).map(|_| budgets.of(ALICE, start)).collect();
    let mut refused = 0;
    let ended = sessions.iter().cycle().take(1_000).find(|session| {
        refused += 1;
        session.take_message(start) == Verdict::Disconnect
    });
    assert!(ended.is_some());
    assert!(
        (MAX_REFUSED..MAX_REFUSED + 10).contains(&refused),
        "{refused}"
    );
    let rest = sessions.iter().map(|one| flood_to_the_end(one, start));
    assert!(rest.sum::<u32>() < MAX_REFUSED);
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
}

#[test]
fn each_refused_resume_has_a_moment_at_which_there_is_all_of_its_price() {
    let start = Instant::now();
    let budget = budget(5, start);
    let _ = budget.charge(WORK.capacity + 10, start);
    let patience = 15 * WORK.interval;
    let paid = |units| budget.charge_resume(units, patience, start);
    assert_eq!(paid(5), Ok(patience));
    let told = |times: u32| Later {
        wait: 5 * WORK.interval * times,
        is_promised: times <= MAX_SESSIONS + 1,
    };
    assert_eq!(paid(5), Err(told(1)));
    assert_eq!(budget.may_resume(patience, start), Err(told(2)));
    for times in 3..MAX_SESSIONS + 2 {
        assert_eq!(paid(5), Err(told(times)));
    }
    // Who comes again and again has no moment of their own.
    for _ in 0..2 {
        let latest = Later {
            is_promised: false,
            ..told(MAX_SESSIONS + 1)
        };
        assert_eq!(paid(5), Err(latest));
    }
    // What was refused costs nothing.
    let later = start + 5 * WORK.interval;
    assert_eq!(budget.may_resume(patience, later), Ok(()));
    assert_eq!(budget.charge_resume(5, patience, later), Ok(patience));
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
