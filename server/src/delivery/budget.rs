//! Bounds what may wait for the slow readers of all sessions together.
//!
//! Each session holds [`FLOOR`] bytes of the budget as long as it lives, and more only while more
//! is allocated for it: where few readers stall, each may fall far behind. Once the sessions
//! together hold the total, none gets more than its floor; the floor is always given, since a
//! session needs one to be told anything at all. There are no more sessions than floors in the
//! total (`capacity`), so twice the total is never passed, and the total itself only while
//! sessions come faster than slow readers are ended. Replies are not claimed here; the
//! backpressure bounds them. Lock-free; a session that keeps up never touches the shared counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may wait for every session, whatever the others hold.
pub const FLOOR: usize = 16 * 1024;

#[derive(Debug)]
pub struct Budget {
    total: u64,
    held: AtomicU64,
}

impl Budget {
    /// `total` is in bytes.
    #[must_use]
    pub fn new(total: u64) -> Arc<Self> {
        Arc::new(Self {
            total,
            held: AtomicU64::new(0),
        })
    }
}

/// One session's part of the budget; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    held: usize,
}

impl Share {
    /// Takes a new session's floor, even beyond the total.
    #[must_use]
    pub fn of(budget: &Arc<Budget>) -> Self {
        budget.held.fetch_add(FLOOR as u64, Ordering::Relaxed);
        Self {
            budget: Arc::clone(budget),
            held: FLOOR,
        }
    }

    #[cfg(test)]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Holds at least `bytes`. False, and nothing has changed, where the total does not allow it.
    pub fn hold(&mut self, bytes: usize) -> bool {
        let Some(more) = bytes.checked_sub(self.held).filter(|&more| more > 0) else {
            return true;
        };
        let taken = self
            .budget
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                let held = held.saturating_add(more as u64);
                (held <= self.budget.total).then_some(held)
            });
        if taken.is_ok() {
            self.held = bytes;
        }
        taken.is_ok()
    }

    /// Gives back what is held above `bytes`, but nothing of the floor.
    pub fn settle(&mut self, bytes: usize) {
        let keep = bytes.max(FLOOR);
        if keep < self.held {
            let less = (self.held - keep) as u64;
            self.budget.held.fetch_sub(less, Ordering::Relaxed);
            self.held = keep;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget
            .held
            .fetch_sub(self.held as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(budget: &Budget) -> u64 {
        budget.held.load(Ordering::Relaxed)
    }

    #[test]
    fn a_session_has_its_floor_and_more_only_while_the_others_leave_it() {
        let budget = Budget::new(5 * FLOOR as u64);
        let (mut one, mut other) = (Share::of(&budget), Share::of(&budget));
        assert!(one.hold(FLOOR) && one.hold(3 * FLOOR));
        assert_eq!(held(&budget), 4 * FLOOR as u64);
        assert!(other.hold(2 * FLOOR));
        assert!(!other.hold(2 * FLOOR + 1));
        assert!(!one.hold(4 * FLOOR));
        assert!(one.hold(3 * FLOOR), "what is held stays");
        one.settle(FLOOR / 2);
        assert_eq!(held(&budget), 3 * FLOOR as u64);
        assert!(other.hold(4 * FLOOR));
        drop(other);
        drop(one);
        assert_eq!(held(&budget), 0);
    }

    #[test]
    fn a_new_session_finds_its_floor_where_others_hold_everything() {
        let budget = Budget::new(2 * FLOOR as u64);
        let mut greedy = Share::of(&budget);
        assert!(greedy.hold(2 * FLOOR));
        let mut late = Share::of(&budget);
        assert!(late.hold(FLOOR));
        assert!(!late.hold(FLOOR + 1));
        greedy.settle(0);
        assert!(!late.hold(FLOOR + 1), "two floors are all there is");
    }
}
