//! When the index for searches is written: behind the messages, never in their transactions, which
//! senders wait for, and in portions so small that a message sent meanwhile hardly waits.
//!
//! While nothing else happens, what is missing is indexed portion by portion: a database of an
//! earlier version has all its messages indexed beside the running server. Between two portions the
//! journal rests, because another thread moves and syncs what was written, which slows commits
//! down. While many messages come, it is one portion a tick. Times are arguments; the statements
//! are the store's.

use std::time::{Duration, Instant};

use super::job::TICK;
use crate::store::Portion;

/// What one transaction indexes: half a millisecond's work of what people say, and two milliseconds where
/// many pages are to be merged. A text that was made for it, of nothing but different words, takes two
/// milliseconds by itself (`common::search` bounds how many it may have), and is a portion of its own.
pub(super) const PORTION: Portion = Portion {
    messages: 50,
    bytes: 8 * 1024,
    merged_pages: 24,
};
/// Messages are gathered for so long before they are indexed together: one by one they would cost a
/// fifth more than to deliver them to a room of ten.
const GATHERING: Duration = Duration::from_secs(2);
/// With more messages than this in a tick, one portion a tick is indexed, and the rest later.
const BUSY: usize = 50;
/// The thread rests so many times as long as the portion before took.
const REST: u32 = 3;
/// Nothing is tried for so long after a failure, or while the disk is nearly full.
const RETRY: Duration = Duration::from_secs(5);

pub(super) struct Index {
    /// There are messages that are not indexed yet.
    behind: bool,
    /// When to go on, whatever else there is to do.
    next: Instant,
    /// When to go on if there is nothing else to do.
    next_idle: Instant,
    /// Begin of the present tick, and how many messages have come in it.
    talk: (Instant, usize),
    /// More than [`BUSY`] messages came in the tick before.
    was_busy: bool,
}

impl Index {
    pub(super) const fn new(behind: bool, now: Instant) -> Self {
        Self {
            behind,
            next: now,
            next_idle: now,
            talk: (now, 0),
            was_busy: false,
        }
    }

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

    /// When to go on if nothing else happens; `None` where nothing is missing.
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

    /// A portion was indexed in the time `took`; `more` is left.
    pub(super) fn done(&mut self, more: bool, took: Duration, now: Instant) {
        self.behind = more;
        self.put_off(now + TICK);
        self.next_idle = self.next.min(now + took * REST);
    }

    fn put_off(&mut self, until: Instant) {
        self.next = until;
        self.next_idle = until;
    }

    /// After a failure, or where nothing can be written.
    pub(super) fn wait(&mut self, now: Instant) {
        self.put_off(now + RETRY);
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
    fn a_failure_does_not_keep_the_thread_busy() {
        let now = Instant::now();
        let mut index = Index::new(true, now);
        index.wait(now);
        assert_eq!(index.due(now), Some(now + RETRY));
        assert!(!index.is_due(true, now + TICK));
    }
}
