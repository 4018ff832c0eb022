//! The index for searches, written behind the messages: never in their transactions, which people
//! wait for, and in portions so small that whoever speaks meanwhile waits for next to nothing.
//!
//! While nothing else happens, what is missing is indexed portion by portion: a database that came
//! from an earlier version has all its messages indexed beside the running server. Between two
//! portions the thread rests, because what is written is moved and synced by another, and whoever
//! writes meanwhile feels that. While a crowd talks, it is one portion a tick.

use std::time::{Duration, Instant};

use super::job::TICK;
use crate::store::Portion;

/// What one transaction indexes: half a millisecond's work, and two where much of it is to be put
/// in order.
pub(super) const PORTION: Portion = Portion {
    messages: 50,
    bytes: 16 * 1024,
    merged_pages: 24,
};
/// Messages are gathered for so long before they are indexed together: one by one they would cost
/// a room of ten a fifth more than it costs to deliver them.
const GATHERING: Duration = Duration::from_secs(2);
/// More messages than this in a tick are a crowd that talks: what it says is indexed a portion a
/// tick, and the rest when it is quieter.
const BUSY: usize = 50;
/// So many times as long as a portion took is the rest behind it.
const REST: u32 = 3;
/// How long nothing is tried after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// How far the index is.
pub(super) struct Index {
    /// Whether there are messages that it has not seen.
    behind: bool,
    /// When it is to go on, whatever else there is to do,
    next: Instant,
    /// and when, if there is nothing else to do.
    next_idle: Instant,
    /// The last attempt failed, which was told.
    failing: bool,
    /// So many messages have come since then: many of them leave no processor for this.
    talk: (Instant, usize),
    /// As many came in the tick before.
    was_busy: bool,
}

impl Index {
    pub(super) const fn new(behind: bool, now: Instant) -> Self {
        Self {
            behind,
            next: now,
            next_idle: now,
            failing: false,
            talk: (now, 0),
            was_busy: false,
        }
    }

    /// Messages were committed.
    pub(super) fn grew(&mut self, count: usize, now: Instant) {
        let (since, before) = self.talk;
        if now < since + TICK {
            self.talk = (since, before + count);
        } else {
            self.was_busy = before > BUSY && now < since + 2 * TICK;
            self.talk = (now, count);
        }
        if !self.behind {
            self.behind = true;
            self.put_off(now + GATHERING);
        }
    }

    /// When it is to go on if nothing else happens.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.behind.then(|| self.next(true, now))
    }

    pub(super) fn is_due(&self, is_idle: bool, now: Instant) -> bool {
        self.behind && now >= self.next(is_idle, now)
    }

    fn next(&self, is_idle: bool, now: Instant) -> Instant {
        let (since, count) = self.talk;
        let is_busy = now < since + 2 * TICK && (self.was_busy || count > BUSY);
        if is_idle && !is_busy {
            self.next_idle
        } else {
            self.next
        }
    }

    /// A portion was indexed, which took a while, and perhaps more is left.
    pub(super) fn done(&mut self, more: bool, took: Duration, now: Instant) {
        self.behind = more;
        self.failing = false;
        self.put_off(now + TICK);
        self.next_idle = self.next.min(now + took * REST);
    }

    fn put_off(&mut self, until: Instant) {
        self.next = until;
        self.next_idle = until;
    }

    /// Goes on later: the disk is nearly full.
    pub(super) fn wait_for_space(&mut self, now: Instant) {
        self.put_off(now + RETRY);
    }

    /// Says whether that is news.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.put_off(now + RETRY);
        !std::mem::replace(&mut self.failing, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_behind_goes_on_where_there_is_nothing_else_to_do() {
        let now = Instant::now();
        let took = Duration::from_millis(2);
        let rested = now + took * REST;
        let mut index = Index::new(true, now);
        assert!(index.is_due(false, now));
        index.done(true, took, now);
        assert_eq!(index.due(now), Some(rested));
        assert!(!index.is_due(true, now + took), "it rests");
        assert!(index.is_due(true, rested));
        assert!(!index.is_due(false, rested), "people talk");
        assert!(index.is_due(false, now + TICK));
        index.done(true, TICK, now);
        assert_eq!(index.due(now), Some(now + TICK), "no rest is longer");
        index.done(false, took, now);
        assert_eq!(index.due(now), None);
        assert!(!index.is_due(true, now + TICK));
    }

    #[test]
    fn messages_are_indexed_together_a_while_behind_the_first() {
        let now = Instant::now();
        let mut index = Index::new(false, now);
        assert_eq!(index.due(now), None);
        index.grew(1, now);
        index.grew(1, now + GATHERING / 2);
        assert_eq!(index.due(now), Some(now + GATHERING));
        assert!(!index.is_due(true, now + GATHERING / 2));
        assert!(index.is_due(true, now + GATHERING));
    }

    #[test]
    fn a_crowd_that_talks_is_not_made_to_wait() {
        let now = Instant::now();
        let mut index = Index::new(true, now);
        index.done(true, Duration::from_millis(1), now);
        let soon = now + TICK / 2;
        assert!(index.is_due(true, soon));
        index.grew(BUSY + 1, now);
        assert!(
            !index.is_due(true, soon),
            "there are gaps between what a crowd says"
        );
        assert_eq!(index.due(soon), Some(now + TICK));
        index.grew(1, now + TICK);
        index.done(true, Duration::from_millis(1), now + TICK);
        assert!(
            !index.is_due(true, soon + TICK),
            "it has only just become quieter"
        );
        index.grew(1, now + 2 * TICK);
        assert!(index.is_due(true, soon + TICK));
    }

    #[test]
    fn a_failure_is_told_once_and_does_not_keep_the_thread_busy() {
        let now = Instant::now();
        let mut index = Index::new(true, now);
        assert!(index.failed(now));
        assert!(!index.failed(now));
        assert_eq!(index.due(now), Some(now + RETRY));
        assert!(!index.is_due(true, now + TICK));
        index.done(true, TICK, now);
        assert!(index.failed(now));
    }
}
