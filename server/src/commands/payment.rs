//! When a request is carried out: once the session is ready for its answer, and what it costs is
//! paid. A message is refused where there is no room for it among those of this second; any other
//! work waits.

use std::time::{Duration, Instant};

use chatbox_common::limits::SILENCE_TIMEOUT;
use chatbox_common::wire::message::ErrorCode;

use super::Requests;
use crate::account_budget::Verdict;
use crate::delivery::Readiness;
use crate::login_stream::End;
use crate::prices::{self, Price};

/// A shorter wait is left for the next request to make: a thread that wakes for each of a flood
/// would cost more than what it asks for.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

impl Requests<'_> {
    /// False when there are too many messages, which the client has been told, and has paid for;
    /// [`End::Flood`] when it went on in spite of that.
    pub(super) fn is_paid(&self, price: Price, received: usize) -> Result<bool, End> {
        match self.backpressure.wait_until_ready(SILENCE_TIMEOUT) {
            // Nothing more is read from a peer that does not take its replies.
            Readiness::NotReady => return Err(End::Timeout),
            readiness => goes_on(readiness)?,
        }
        let (budget, now) = (self.who.budget(), Instant::now());
        let mut is_refused = false;
        if let Some(request) = price.message {
            match budget.take_message(now) {
                Verdict::Allowed => {}
                Verdict::Wait(wait) => {
                    let sentence = format!(
                        "too many messages; go on in {}.{} s",
                        wait.as_secs(),
                        wait.subsec_millis() / 100
                    );
                    self.error(Some(request), ErrorCode::TooFast, &sentence, Some(wait));
                    is_refused = true;
                }
                Verdict::Disconnect => return Err(End::Flood),
            }
        }
        let sent = self.backpressure.take_unpaid();
        let work = if is_refused {
            prices::REFUSED
        } else {
            price.work
        };
        let units = work.saturating_add(prices::for_bytes(sent));
        let units = match price.message {
            None => units.saturating_add(prices::for_received(received)),
            // What is said may be long.
            Some(_) => units,
        };
        let wait = match units {
            0 => Duration::ZERO,
            units => budget.charge(units, now),
        };
        if wait >= LEAST_PAUSE {
            goes_on(self.backpressure.pause(wait))?;
        }
        Ok(!is_refused)
    }
}

fn goes_on(readiness: Readiness) -> Result<(), End> {
    match readiness {
        Readiness::Ready | Readiness::NotReady => Ok(()),
        Readiness::Stopping => Err(End::Shutdown),
        Readiness::Closed => Err(End::Lost),
        Readiness::LoggedOut => Err(End::LoggedOut),
    }
}
