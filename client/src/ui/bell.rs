//! The terminal's bell, for every face: whoever makes it ring, a server, a crowd or the person's own
//! key, it rings at most once in [`REST`]. Pure: `now` is an argument, and the face makes the sound.

use std::time::{Duration, Instant};

/// The shortest time between two bells. What would ring within it rings not at all: a bell that
/// comes late tells nothing.
const REST: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub struct Bell {
    is_wanted: bool,
    rang: Option<Instant>,
}

impl Bell {
    /// Has the next [`Bell::rings`] say yes, if it may.
    pub const fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Whether to ring now; what was wanted before is settled by the answer.
    pub fn rings(&mut self, now: Instant) -> bool {
        let is_wanted = std::mem::take(&mut self.is_wanted);
        let rests = self.rang.is_some_and(|rang| now < rang + REST);
        let rings = is_wanted && !rests;
        if rings {
            self.rang = Some(now);
        }
        rings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_rings_at_most_once_in_two_seconds_however_often_it_is_wanted() {
        let mut bell = Bell::default();
        let begin = Instant::now();
        assert!(!bell.rings(begin), "nobody wants it");
        let mut rang = Vec::new();
        for tick in 0..1_000 {
            let now = begin + Duration::from_millis(10) * tick;
            bell.want();
            bell.want();
            if bell.rings(now) {
                rang.push(tick);
            }
        }
        assert_eq!(rang, [0, 200, 400, 600, 800]);
    }

    #[test]
    fn a_bell_that_was_not_to_ring_does_not_ring_later() {
        let mut bell = Bell::default();
        let begin = Instant::now();
        bell.want();
        assert!(bell.rings(begin));
        bell.want();
        assert!(!bell.rings(begin + REST / 2));
        assert!(!bell.rings(begin + REST));
    }
}
