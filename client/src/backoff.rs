//! How long to wait before connecting again: each time longer, and with jitter, so that not all
//! clients of a server that comes back connect at once.

use std::time::Duration;

/// Before its jitter, and unless the first pause is longer.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    attempts: u32,
}

impl Backoff {
    #[must_use]
    pub const fn new(first: Duration) -> Self {
        Self { first, attempts: 0 }
    }

    /// Pauses since the last success.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// After a success: the next pause is a first one.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next pause: doubled each time up to [`LONGEST`] (or the first pause, if that is longer),
    /// then between three and five quarters of it, as `random` says.
    pub fn next(&mut self, random: u32) -> Duration {
        let doubled = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        self.attempts = self.attempts.saturating_add(1);
        let pause = self
            .first
            .saturating_mul(doubled)
            .min(LONGEST.max(self.first));
        pause * 3 / 4 + pause / 2 * (random % 1_000) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_within_their_jitter() {
        let mut backoff = Backoff::new(Duration::from_secs(5));
        for random in [0, 500, 999, u32::MAX] {
            backoff.reset();
            for expected in [5, 10, 20, 40, 60, 60, 60] {
                let expected = Duration::from_secs(expected);
                let pause = backoff.next(random);
                assert!(pause >= expected * 3 / 4 && pause <= expected * 5 / 4);
            }
            assert_eq!(backoff.attempts(), 7);
        }
    }

    #[test]
    fn a_thousand_attempts_overflow_nothing() {
        let mut backoff = Backoff::new(Duration::from_secs(3_600));
        for _ in 0..1_000 {
            assert!(backoff.next(999) <= Duration::from_secs(4_500));
        }
    }
}
