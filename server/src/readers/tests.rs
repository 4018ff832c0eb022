//! The threads without a server: whoever asks has no session, and the answers go nowhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use chatbox_common::secret::Secret;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::RoomRole;

use super::*;
use crate::account_budget::AccountBudget;
use crate::store::testing::{account, message, store};
use crate::store::{Commit, LOBBY, Portion, SqlEntry, SqlOutcome};

/// One account, and what reads for it.
struct Asker {
    _directory: tempfile::TempDir,
    alice: AccountId,
    budgets: AccountBudgets,
    readers: Readers,
}

impl Asker {
    fn new(log: &SqlLog) -> Self {
        let (directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let (deliveries, _threads) = Deliveries::start(1, 64 * 1024, 1 << 20).unwrap();
        let budgets = AccountBudgets::new(5);
        let readers = Readers::start(
            directory.path(),
            log,
            &deliveries,
            &budgets,
            &Arc::new(SealingKey::new(1, Secret::new([7; 32]))),
            Iterations::for_server(4_096).unwrap(),
        );
        Self {
            _directory: directory,
            alice,
            budgets,
            readers: readers.unwrap(),
        }
    }

    fn ask(&self, backpressure: &Arc<Backpressure>, query: Query) -> Result<(), TooMany> {
        assert!(backpressure.begin_page());
        self.readers.page(PageRequest {
            session: 7,
            account: self.alice,
            backpressure: Arc::clone(backpressure),
            query,
        })
    }
}

fn search() -> Query {
    Query::Search(Search {
        request: 1,
        words: "word".to_owned(),
        before: None,
        limit: 500,
    })
}

/// How long the account waits for what it asks next when it has asked for this so often, and had used
/// up all that it may at once.
fn debt_after(count: u32, ask: impl Fn() -> Query) -> Duration {
    let asker = Asker::new(&SqlLog::new(|_| ()));
    let start = Instant::now();
    let budget = asker.budgets.of(asker.alice, start);
    let _ = budget.charge(5_000, start);
    let backpressure = Arc::<Backpressure>::default();
    for _ in 0..count {
        assert_eq!(asker.ask(&backpressure, ask()), Ok(()));
        eventually("the page", || backpressure.begin_page().then_some(()));
        backpressure.end_page();
    }
    budget.charge(0, start)
}

#[test]
fn lists_of_rooms_and_searches_cost_the_time_they_take_and_pages_of_messages_do_not() {
    let rooms = debt_after(20, || {
        Query::Rooms(Rooms {
            request: 1,
            after: None,
            limit: 500,
        })
    });
    assert!(rooms >= AccountBudget::time_for(20), "{rooms:?}");
    let searches = debt_after(20, search);
    assert!(searches >= AccountBudget::time_for(20), "{searches:?}");
    let history = debt_after(1, || {
        Query::History(History {
            request: 1,
            room: LOBBY,
            after: None,
            before: None,
            limit: 500,
            before_time: None,
        })
    });
    assert!(history.is_zero(), "{history:?}");
}

#[test]
fn a_login_reads_as_much_of_a_name_that_nobody_has() {
    let (directory, mut store) = store();
    for user in ["alice", "bob"] {
        account(&mut store, user);
    }
    // Statements, how often each ran, and how many rows it had.
    let read = Arc::<Mutex<Vec<(&'static str, usize, usize)>>>::default();
    let entries = Arc::clone(&read);
    let log = SqlLog::new(move |new: Vec<SqlEntry>| {
        let new = new.iter().map(|one| (one.statement, one.runs, one.rows));
        entries.lock().unwrap().extend(new);
    });
    let (deliveries, _threads) = Deliveries::start(1, 64 * 1024, 1 << 20).unwrap();
    let readers = Readers::start(
        directory.path(),
        &log,
        &deliveries,
        &AccountBudgets::new(5),
        &Arc::new(SealingKey::new(1, Secret::new([7; 32]))),
        Iterations::for_server(4_096).unwrap(),
    );
    let readers = readers.unwrap();
    let of = |user: &str| {
        let user = UserName::parse(user).unwrap();
        assert!(readers.candidate(&user).is_ok());
        std::mem::take(&mut *read.lock().unwrap())
    };
    // The connections are opened as well.
    of("nobody");
    let nobody = of("nobody");
    assert!(nobody.iter().any(|(_, _, rows)| *rows == 2), "{nobody:?}");
    for user in ["alice", "bob", "alice"] {
        assert_eq!(of(user), nobody, "{user}");
    }
}

#[test]
fn what_a_session_has_asked_for_that_has_ended_is_not_read() {
    let reads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reads);
    let asker = Asker::new(&SqlLog::new(move |entries| {
        let is_read = entries.iter().any(|entry| entry.statement == "BEGIN");
        count.fetch_add(usize::from(is_read), Ordering::Relaxed);
    }));
    let before = reads.load(Ordering::Relaxed);
    for _ in 0..20 {
        let gone = Arc::<Backpressure>::default();
        gone.close();
        assert_eq!(asker.ask(&gone, search()), Ok(()));
    }
    let here = Arc::<Backpressure>::default();
    assert_eq!(asker.ask(&here, search()), Ok(()));
    // Of an account one at a time: those before it are done.
    eventually("the page", || here.begin_page().then_some(()));
    assert_eq!(reads.load(Ordering::Relaxed) - before, 1);
}

#[test]
fn a_search_is_ended_when_its_time_is_over() {
    let (directory, mut store) = store();
    let alice = account(&mut store, "alice");
    let said = store.transaction(Commit::Usual, |tx| {
        tx.join(LOBBY, alice, RoomRole::Member, 1, 1)?;
        for seq in 1..=100 {
            tx.insert_message(seq.into(), &message(alice, seq, b"word"))?;
        }
        tx.store_next_seq(LOBBY, 101)?;
        tx.index(Portion {
            messages: 200,
            bytes: 99_999,
            merged_pages: 8,
        })
    });
    assert!(!said.unwrap());
    let (deliveries, _threads) = Deliveries::start(1, 64 * 1024, 1 << 20).unwrap();
    for (most_time, ended) in [(Duration::ZERO, 1), (Duration::MAX / 2, 0)] {
        let failed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&failed);
        let log = SqlLog::new(move |entries| {
            let is_failed = |entry: &&SqlEntry| matches!(entry.outcome, SqlOutcome::Failed(_));
            count.fetch_add(entries.iter().filter(is_failed).count(), Ordering::Relaxed);
        });
        let mut worker = Worker {
            reader: Reader::open(directory.path(), log).unwrap(),
            deliveries: deliveries.clone(),
            budgets: AccountBudgets::new(5),
            unread: Seldom::default(),
            most_time,
        };
        worker.page(&PageRequest {
            session: 7,
            account: alice,
            backpressure: Arc::default(),
            query: search(),
        });
        assert_eq!(failed.load(Ordering::Relaxed), ended);
    }
}
