//! What a session's own thread and its delivery thread share: the former waits until the peer has
//! taken its replies, and until what it has queued for others was carried out.
//!
//! Each session has a [`Backpressure`]; an [`InFlight`] goes along with every request that another
//! thread carries out. Whoever ends the session ends all waiting.

use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatbox_common::crypto::record::TAG_LEN;
use chatbox_common::wire::frame::LENGTH_LEN;

/// Above this many unsent bytes of sealed replies a session's own thread reads no more requests.
pub const MAX_REPLY_BYTES: usize = 64 * 1024;

/// Bytes that a reply of `content` bytes in clear counts for the [`Backpressure`]: its record's
/// frame. A small frame is many times its content, and a peer chooses what it is answered.
#[must_use]
pub const fn reply_cost(content: usize) -> usize {
    const PADDING: usize = 64;
    (content + 1).next_multiple_of(PADDING) + TAG_LEN + LENGTH_LEN
}
/// With so many requests of a session queued and not carried out its own thread reads no more.
pub const MAX_IN_FLIGHT: usize = 64;

/// The lock is held for a few instructions, never across a system call.
#[derive(Debug, Default)]
pub struct Backpressure {
    state: Mutex<BackpressureState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct BackpressureState {
    phase: Phase,
    reply_bytes: usize,
    in_flight: usize,
    page_in_flight: bool,
    /// What the session was sent for the asking and has not paid for.
    unpaid: usize,
    stopping: bool,
    logged_out: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No delivery thread has the session yet.
    #[default]
    New,
    Open,
    Closed,
}

impl Backpressure {
    fn state(&self) -> MutexGuard<'_, BackpressureState> {
        // A poisoned lock does no harm: the values are whole at every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `bytes` is the [`reply_cost`].
    pub fn reply_queued(&self, bytes: usize) {
        self.state().reply_bytes += bytes;
    }

    /// `bytes` is the sum of the [`reply_cost`]s of replies that have left entirely.
    pub fn replies_sent(&self, bytes: usize) {
        let mut state = self.state();
        state.reply_bytes = state.reply_bytes.saturating_sub(bytes);
        drop(state);
        self.changed.notify_all();
    }

    /// Called by the delivery thread when it has taken the session over: before, replies have
    /// nowhere to go.
    pub fn begin(&self) {
        let mut state = self.state();
        if state.phase == Phase::New {
            state.phase = Phase::Open;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until the delivery thread has the session, no more than [`MAX_REPLY_BYTES`] of replies
    /// are unsent and fewer than [`MAX_IN_FLIGHT`] requests are queued, or the session ends.
    pub fn wait_until_ready(&self, at_most: Duration) -> Readiness {
        self.wait_while(at_most, |s| {
            s.phase == Phase::New || s.reply_bytes > MAX_REPLY_BYTES || s.in_flight >= MAX_IN_FLIGHT
        })
    }

    /// Waits for so long, or until the session ends: [`Readiness::NotReady`] is the usual outcome.
    pub fn pause(&self, length: Duration) -> Readiness {
        self.wait_while(length, |_| true)
    }

    fn wait_while(
        &self,
        at_most: Duration,
        waits: impl Fn(&BackpressureState) -> bool,
    ) -> Readiness {
        let state = self.state();
        let (state, waited) = self
            .changed
            .wait_timeout_while(state, at_most, |s| {
                waits(s) && s.phase != Phase::Closed && !s.stopping && !s.logged_out
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.logged_out {
            Readiness::LoggedOut
        } else if state.phase == Phase::Closed {
            Readiness::Closed
        } else if state.stopping {
            Readiness::Stopping
        } else if waited.timed_out() {
            Readiness::NotReady
        } else {
            Readiness::Ready
        }
    }

    /// Counts a request that another thread will carry out, until that is dropped.
    #[must_use]
    pub fn begin_request(self: &Arc<Self>) -> InFlight {
        self.state().in_flight += 1;
        InFlight(Arc::clone(self))
    }

    /// Notes bytes that were sent because the session asked for them: it pays for them before its
    /// next request.
    pub fn owe(&self, bytes: usize) {
        let mut state = self.state();
        state.unpaid = state.unpaid.saturating_add(bytes);
    }

    pub fn take_unpaid(&self) -> usize {
        std::mem::take(&mut self.state().unpaid)
    }

    /// Claims the one page request that a session may have in flight; false when there is one.
    pub fn begin_page(&self) -> bool {
        !std::mem::replace(&mut self.state().page_in_flight, true)
    }

    pub fn end_page(&self) {
        self.state().page_in_flight = false;
    }

    /// The server stops: the session's thread waits for room no longer.
    pub fn stop(&self) {
        self.state().stopping = true;
        self.changed.notify_all();
    }

    /// The account was logged out: the session ends, whatever replies are still unsent.
    pub fn log_out(&self) {
        self.state().logged_out = true;
        self.changed.notify_all();
    }

    #[must_use]
    pub fn is_logged_out(&self) -> bool {
        self.state().logged_out
    }

    /// Nothing reaches its peer any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state().phase == Phase::Closed
    }

    pub fn close(&self) {
        self.state().phase = Phase::Closed;
        self.changed.notify_all();
    }

    /// Waits until the delivery thread has called [`Backpressure::close`]; false when it has not in
    /// time.
    pub fn wait_closed(&self, at_most: Duration) -> bool {
        let state = self.state();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, at_most, |s| s.phase != Phase::Closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.phase == Phase::Closed
    }
}

/// A request on its way through other threads, which have its session's [`Backpressure`] by it.
/// Given back when it is dropped: its answer is in the outbox, or there is none.
#[derive(Debug)]
pub struct InFlight(Arc<Backpressure>);

impl Deref for InFlight {
    type Target = Backpressure;

    fn deref(&self) -> &Backpressure {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        // Not for each one: the session's thread would wake as often.
        let may_go_on = state.in_flight == MAX_IN_FLIGHT / 2;
        drop(state);
        if may_go_on {
            self.0.changed.notify_all();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// The time is over; the session goes on.
    NotReady,
    Stopping,
    Closed,
    /// Comes before all others: a session that is closed as well is told of the log-out.
    LoggedOut,
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn backpressure_lets_through_what_is_ready_and_nothing_once_it_is_closed() {
        let backpressure = Backpressure::default();
        let none = Duration::ZERO;
        assert_eq!(backpressure.wait_until_ready(none), Readiness::NotReady);
        backpressure.begin();
        assert_eq!(backpressure.wait_until_ready(none), Readiness::Ready);
        backpressure.reply_queued(MAX_REPLY_BYTES + 1);
        assert_eq!(backpressure.wait_until_ready(none), Readiness::NotReady);
        backpressure.replies_sent(MAX_REPLY_BYTES + 1);
        assert_eq!(backpressure.wait_until_ready(none), Readiness::Ready);
        assert!(backpressure.begin_page() && !backpressure.begin_page());
        backpressure.end_page();
        assert!(backpressure.begin_page());
        assert!(!backpressure.wait_closed(none));
        backpressure.close();
        backpressure.begin();
        assert!(
            backpressure.wait_closed(none),
            "what is closed stays closed"
        );
        assert_eq!(backpressure.wait_until_ready(none), Readiness::Closed);
    }

    #[test]
    fn who_is_logged_out_waits_for_nothing_and_gets_nothing() {
        let backpressure = Backpressure::default();
        backpressure.begin();
        backpressure.reply_queued(MAX_REPLY_BYTES + 1);
        backpressure.log_out();
        assert_eq!(
            backpressure.wait_until_ready(Duration::MAX),
            Readiness::LoggedOut
        );
        backpressure.close();
        assert!(backpressure.is_logged_out());
        assert_eq!(
            backpressure.wait_until_ready(Duration::ZERO),
            Readiness::LoggedOut
        );
    }

    #[test]
    fn who_has_queued_as_much_as_may_be_waits_until_half_of_it_is_done() {
        let backpressure = Arc::new(Backpressure::default());
        backpressure.begin();
        let none = Duration::ZERO;
        let mut queued: Vec<_> = (1..MAX_IN_FLIGHT)
            .map(|_| backpressure.begin_request())
            .collect();
        assert_eq!(backpressure.wait_until_ready(none), Readiness::Ready);
        queued.push(backpressure.begin_request());
        assert_eq!(backpressure.wait_until_ready(none), Readiness::NotReady);
        let waiting = Arc::clone(&backpressure);
        let waiting = thread::spawn(move || waiting.wait_until_ready(Duration::MAX));
        queued.truncate(MAX_IN_FLIGHT / 2);
        assert_eq!(waiting.join().unwrap(), Readiness::Ready);
        drop(queued);
        assert_eq!(backpressure.state().in_flight, 0);
    }

    #[test]
    fn a_pause_lasts_until_the_session_ends_and_is_ended_by_nothing_else() {
        for (end, outcome) in [
            (
                Backpressure::log_out as fn(&Backpressure),
                Readiness::LoggedOut,
            ),
            (Backpressure::stop, Readiness::Stopping),
            (Backpressure::close, Readiness::Closed),
        ] {
            let backpressure = Arc::new(Backpressure::default());
            backpressure.begin();
            assert_eq!(backpressure.pause(Duration::ZERO), Readiness::NotReady);
            let pausing = Arc::clone(&backpressure);
            let pausing = thread::spawn(move || pausing.pause(Duration::MAX));
            backpressure.reply_queued(1);
            backpressure.replies_sent(1);
            assert!(!pausing.is_finished());
            end(&backpressure);
            assert_eq!(pausing.join().unwrap(), outcome);
        }
    }

    #[test]
    fn what_was_sent_for_the_asking_is_paid_once() {
        let backpressure = Backpressure::default();
        backpressure.owe(3);
        backpressure.owe(4);
        assert_eq!(
            (backpressure.take_unpaid(), backpressure.take_unpaid()),
            (7, 0)
        );
    }
}
