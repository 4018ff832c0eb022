//! When the screen is drawn: at most once in [`FRAME`], so that a flood of messages does not delay
//! keys; at once when a key was pressed. Pure: `now` is an argument.

use std::time::{Duration, Instant};

use crate::words::full::TICK;

/// The shortest time between two frames without a key.
const FRAME: Duration = Duration::from_millis(16);

/// Both carry the moment at which to ask again even if nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextFrame {
    Draw(Option<Instant>),
    /// Do not draw now.
    At(Option<Instant>),
}

#[derive(Debug)]
pub(super) struct Frames {
    is_dirty: bool,
    is_urgent: bool,
    drawn: Option<Instant>,
}

impl Frames {
    pub(super) const fn new() -> Self {
        Self {
            is_dirty: true,
            is_urgent: false,
            drawn: None,
        }
    }

    /// Something has changed; it may wait for the next frame.
    pub(super) const fn touch(&mut self) {
        self.is_dirty = true;
    }

    /// A key has changed something: it is drawn at once.
    pub(super) const fn hurry(&mut self) {
        (self.is_dirty, self.is_urgent) = (true, true);
    }

    /// `counts_down` says whether something on the screen changes with the time.
    pub(super) fn next(&mut self, now: Instant, counts_down: bool) -> NextFrame {
        let next = self.drawn.map_or(now, |drawn| drawn + FRAME);
        let later = counts_down.then(|| next.max(now + TICK));
        if counts_down && self.drawn.is_some_and(|at| now >= at + TICK) {
            self.touch();
        }
        if !self.is_dirty {
            return NextFrame::At(later);
        }
        if !self.is_urgent && now < next {
            return NextFrame::At(Some(next));
        }
        NextFrame::Draw(later)
    }

    /// To be called when a frame was drawn.
    pub(super) const fn drawn(&mut self, now: Instant) {
        (self.is_dirty, self.is_urgent) = (false, false);
        self.drawn = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_in_a_flood_is_drawn_once_in_a_frame() {
        let mut frames = Frames::new();
        let now = Instant::now();
        assert_eq!(frames.next(now, false), NextFrame::Draw(None));
        frames.drawn(now);
        assert_eq!(frames.next(now, false), NextFrame::At(None));
        frames.touch();
        assert_eq!(frames.next(now, false), NextFrame::At(Some(now + FRAME)));
        assert_eq!(frames.next(now + FRAME, false), NextFrame::Draw(None));
    }

    #[test]
    fn a_key_is_drawn_at_once_and_what_follows_it_waits_again() {
        let mut frames = Frames::new();
        let now = Instant::now();
        frames.drawn(now);
        frames.hurry();
        assert_eq!(frames.next(now, false), NextFrame::Draw(None));
        frames.drawn(now);
        frames.touch();
        assert_eq!(frames.next(now, false), NextFrame::At(Some(now + FRAME)));
    }

    #[test]
    fn what_counts_down_is_drawn_by_the_time_alone() {
        let mut frames = Frames::new();
        let now = Instant::now();
        frames.drawn(now);
        assert_eq!(frames.next(now, true), NextFrame::At(Some(now + TICK)));
        let later = now + TICK;
        assert_eq!(
            frames.next(later, true),
            NextFrame::Draw(Some(later + TICK))
        );
    }
}
