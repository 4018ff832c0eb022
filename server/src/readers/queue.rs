//! What waits for the readers. Of each account one is carried out at a time, and what its other sessions
//! ask for waits behind that: 32 sessions that search keep nobody waiting longer than one does.
//!
//! Nobody waits for room in it: a session has one in flight, and where too many accounts have, the next
//! one's is refused. What a session has asked for stays in it when the session ends, so an account's are
//! counted as well: whoever asks, goes and comes back has no more there than who stays.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use chatbox_common::limits::MAX_SESSIONS;
use chatbox_common::wire::message::AccountId;

/// Those of an account that wait behind one: as many as it may have sessions, of which each has one in flight.
const MOST_BEHIND: usize = MAX_SESSIONS as usize;

struct Queued<T> {
    /// One of an account, in the order in which they came.
    next: VecDeque<(AccountId, T)>,
    /// The accounts of which one is in `next` or carried out, each with what waits behind it.
    behind: HashMap<AccountId, VecDeque<T>>,
    closed: bool,
}

pub(super) struct ReadQueue<T> {
    waiting: Mutex<Queued<T>>,
    /// Notified of each that may be carried out, and of the end.
    changed: Condvar,
    /// Accounts that may wait.
    capacity: usize,
}

/// One to be carried out; when it is dropped, the account's next one may be.
pub(super) struct Turn<'a, T> {
    pub(super) asked: T,
    account: AccountId,
    queue: &'a ReadQueue<T>,
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.queue.done(self.account);
    }
}

impl<T> ReadQueue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::new(Queued {
                next: VecDeque::new(),
                behind: HashMap::new(),
                closed: false,
            }),
            changed: Condvar::new(),
            capacity,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Queued<T>> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False when there is no room for one of another account, or for one more of this.
    pub(super) fn put(&self, account: AccountId, asked: T) -> bool {
        let mut waiting = self.waiting();
        if let Some(behind) = waiting.behind.get_mut(&account) {
            let has_room = behind.len() < MOST_BEHIND;
            if has_room {
                behind.push_back(asked);
            }
            return has_room;
        }
        if waiting.next.len() >= self.capacity {
            return false;
        }
        waiting.behind.insert(account, VecDeque::new());
        waiting.next.push_back((account, asked));
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Waits for one; `None` at the end.
    pub(super) fn take(&self) -> Option<Turn<'_, T>> {
        let is_idle = |waiting: &mut Queued<T>| waiting.next.is_empty() && !waiting.closed;
        let waiting = self.changed.wait_while(self.waiting(), is_idle);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let (account, asked) = waiting.next.pop_front().filter(|_| !waiting.closed)?;
        Some(Turn {
            asked,
            account,
            queue: self,
        })
    }

    fn done(&self, account: AccountId) {
        let mut waiting = self.waiting();
        let Some(behind) = waiting.behind.get_mut(&account) else {
            return;
        };
        match behind.pop_front() {
            // Behind the other accounts, which it does not keep waiting.
            Some(asked) => waiting.next.push_back((account, asked)),
            None => drop(waiting.behind.remove(&account)),
        }
        drop(waiting);
        self.changed.notify_one();
    }

    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(1);

    fn account(n: u64) -> AccountId {
        AccountId(n)
    }

    #[test]
    fn of_an_account_one_is_carried_out_at_a_time_and_the_others_go_before_its_next() {
        let queue = ReadQueue::new(9);
        for n in 1..=31 {
            assert!(queue.put(ALICE, n));
        }
        assert!(queue.put(account(2), 100) && queue.put(account(3), 200));
        let first = queue.take().unwrap();
        assert_eq!(first.asked, 1);
        // Other threads have nothing of hers meanwhile.
        let other = queue.take().unwrap();
        assert_eq!(other.asked, 100);
        drop(first);
        let order: Vec<_> = (0..3).map(|_| queue.take().unwrap().asked).collect();
        assert_eq!(order, [200, 2, 3]);
    }

    #[test]
    fn there_is_room_for_so_many_accounts_and_whoever_is_done_is_forgotten() {
        let queue = ReadQueue::new(2);
        assert!(queue.put(ALICE, 1) && queue.put(account(2), 2));
        assert!(!queue.put(account(3), 3));
        assert!(queue.put(ALICE, 4), "waits behind her own");
        drop(queue.take().unwrap());
        drop(queue.take().unwrap());
        assert!(queue.put(account(3), 3));
        drop(queue.take().unwrap());
        drop(queue.take().unwrap());
        assert!(queue.waiting().behind.is_empty());
    }

    #[test]
    fn an_account_has_as_many_in_it_as_it_may_have_sessions() {
        let queue = ReadQueue::new(9);
        for n in 0..=MOST_BEHIND {
            assert!(queue.put(ALICE, n));
        }
        assert!(!queue.put(ALICE, 99));
        assert!(queue.put(account(2), 100), "it keeps nobody else out");
        drop(queue.take().unwrap());
        assert!(queue.put(ALICE, 101));
        assert!(!queue.put(ALICE, 99));
    }

    #[test]
    fn who_waits_for_one_is_told_of_the_end() {
        let queue = ReadQueue::<()>::new(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.take().is_none());
            queue.close();
            assert!(waiting.join().unwrap());
        });
        assert!(queue.put(ALICE, ()) && queue.take().is_none());
    }
}
