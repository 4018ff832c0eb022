//! A bucket of what somebody may use up, which fills again by and by. Its state is one moment, which
//! the caller keeps: when it will be full.

use std::time::{Duration, Instant};

/// Holds `capacity`, and gets one back every `interval`.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    pub interval: Duration,
    pub capacity: u32,
}

impl Bucket {
    /// Takes one from a bucket that is full at `full_at`, and returns when it is full afterwards,
    /// or else how long until there is one to take.
    pub fn take(self, full_at: Instant, now: Instant) -> Result<Instant, Duration> {
        self.take_all(1, full_at, now)
    }

    /// As [`Bucket::take`], for so many at once.
    pub fn take_all(self, count: u32, full_at: Instant, now: Instant) -> Result<Instant, Duration> {
        let after = full_at.max(now) + self.interval.saturating_mul(count);
        let wait = self.debt(after, now);
        if wait.is_zero() { Ok(after) } else { Err(wait) }
    }

    /// How long a bucket that is full at `full_at` is overdrawn.
    #[must_use]
    pub fn debt(self, full_at: Instant, now: Instant) -> Duration {
        let missing = full_at.saturating_duration_since(now);
        missing.saturating_sub(self.interval.saturating_mul(self.capacity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: Bucket = Bucket {
        interval: Duration::from_millis(10),
        capacity: 100,
    };

    #[test]
    fn a_bucket_gives_what_it_holds_and_then_what_flows_in() {
        let start = Instant::now();
        let mut full_at = start;
        for _ in 0..10 {
            full_at = BUCKET.take_all(10, full_at, start).unwrap();
        }
        assert_eq!(full_at, start + Duration::from_secs(1));
        let wait = Duration::from_millis(30);
        assert_eq!(BUCKET.take_all(3, full_at, start), Err(wait));
        assert!(BUCKET.take_all(3, full_at, start + wait).is_ok());
        assert_eq!(BUCKET.take(full_at, start), Err(BUCKET.interval));
        // Long after, it holds no more than it can.
        let later = start + Duration::from_secs(3600);
        let wait = Duration::from_millis(10);
        assert_eq!(BUCKET.take_all(101, full_at, later), Err(wait));
    }

    #[test]
    fn a_debt_lasts_until_it_has_flowed_in() {
        let start = Instant::now();
        let full_at = start + Duration::from_millis(1_500);
        assert_eq!(BUCKET.debt(full_at, start), Duration::from_millis(500));
        let paid = start + Duration::from_millis(500);
        assert!(BUCKET.debt(full_at, paid).is_zero());
    }
}
