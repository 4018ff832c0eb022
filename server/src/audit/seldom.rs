//! Failures that anybody can have happen again and again: one is told at once, and the next one a minute
//! later at the soonest.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Seldom {
    /// Nothing is told before.
    next: Mutex<Option<Instant>>,
}

impl Seldom {
    /// Whether what has happened is to be told.
    pub fn is_time(&self, now: Instant) -> bool {
        // An instant is whole at every step.
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.is_some_and(|next| now < next) {
            return false;
        }
        *next = Some(now + PAUSE);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_then_one_a_minute() {
        let start = Instant::now();
        let seldom = Seldom::default();
        let seconds = (0..150).filter(|&n| seldom.is_time(start + Duration::from_secs(n)));
        assert!(seconds.eq([0, 60, 120]));
    }
}
