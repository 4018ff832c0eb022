//! Whether the server answers: while something waits for its answer and nothing is heard, it is asked
//! for a sign of life, and where none comes the person is told. The link itself waits minutes before it
//! gives up ([`session`](crate::session)). Pure: `now` is an argument.

use std::time::{Duration, Instant};

/// After so long without a word, and again while there is none, the server is asked for one.
const ASK_AFTER: Duration = Duration::from_secs(15);
/// An answer to that takes no longer on a line on which people can talk.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// To send what the server answers at once.
    Ask,
    /// To say that it does not answer.
    Tell,
}

#[derive(Debug)]
pub(super) struct Silence {
    ask_after: Duration,
    answer_within: Duration,
    /// Since when something waits and nothing is heard.
    since: Option<Instant>,
    /// The server was asked at that moment, and has said nothing since.
    asked: Option<Instant>,
    /// It was told that the server does not answer, and nothing came since.
    is_told: bool,
}

impl Default for Silence {
    fn default() -> Self {
        Self::of(ASK_AFTER, ANSWER_WITHIN)
    }
}

impl Silence {
    pub(super) const fn of(ask_after: Duration, answer_within: Duration) -> Self {
        Self {
            ask_after,
            answer_within,
            since: None,
            asked: None,
            is_told: false,
        }
    }

    /// To be called whenever the program is about to wait: `waits` says that the server owes an
    /// answer. A server that was asked owes one in any case.
    pub(super) fn watch(&mut self, waits: bool, now: Instant) {
        if waits {
            self.since.get_or_insert(now);
        } else if self.asked.is_none() {
            self.since = None;
        }
    }

    /// Something came from the server; true where it was told that nothing comes.
    pub(super) const fn heard(&mut self) -> bool {
        self.since = None;
        self.asked = None;
        std::mem::replace(&mut self.is_told, false)
    }

    /// The connection is gone, which is told elsewhere.
    pub(super) const fn disconnected(&mut self) {
        self.heard();
    }

    /// Has the usual times, for a test that has shortened them.
    #[cfg(test)]
    pub(super) const fn answer_slowly(&mut self) {
        (self.ask_after, self.answer_within) = (ASK_AFTER, ANSWER_WITHIN);
    }

    pub(super) const fn is_told(&self) -> bool {
        self.is_told
    }

    /// When [`Self::step`] has something to do.
    pub(super) fn at(&self) -> Option<Instant> {
        let since = self.since?;
        Some(match self.asked {
            None => since + self.ask_after,
            Some(asked) if self.is_told => asked + self.ask_after,
            Some(asked) => asked + self.answer_within,
        })
    }

    pub(super) fn step(&mut self, now: Instant) -> Option<Step> {
        self.at().filter(|at| *at <= now)?;
        if self.asked.is_some() && !self.is_told {
            self.is_told = true;
            return Some(Step::Tell);
        }
        self.asked = Some(now);
        Some(Step::Ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds of each step of a server that says nothing, up to a minute.
    fn steps(silence: &mut Silence, begin: Instant) -> Vec<(u64, Step)> {
        let at = |second| begin + Duration::from_secs(second);
        (0..=60)
            .filter_map(|second| Some((second, silence.step(at(second))?)))
            .collect()
    }

    #[test]
    fn a_server_that_owes_an_answer_and_says_nothing_is_asked_and_told_of_within_20_s() {
        let (mut silence, begin) = (Silence::default(), Instant::now());
        silence.watch(true, begin);
        silence.watch(true, begin + ASK_AFTER / 2);
        assert_eq!(
            steps(&mut silence, begin),
            [
                (15, Step::Ask),
                (20, Step::Tell),
                (30, Step::Ask),
                (45, Step::Ask),
                (60, Step::Ask)
            ]
        );
        assert!(silence.is_told());
        assert!(silence.heard(), "it was told");
        assert!(!silence.is_told() && !silence.heard());
        assert_eq!(silence.at(), None);
    }

    #[test]
    fn a_server_that_says_anything_or_owes_nothing_is_not_asked() {
        let (mut silence, begin) = (Silence::default(), Instant::now());
        silence.watch(true, begin);
        silence.watch(false, begin + ASK_AFTER / 2);
        assert!(steps(&mut silence, begin).is_empty());
        silence.watch(true, begin);
        silence.heard();
        silence.watch(true, begin + ASK_AFTER / 2);
        assert_eq!(silence.at(), Some(begin + ASK_AFTER / 2 + ASK_AFTER));
    }

    #[test]
    fn a_server_that_was_asked_owes_the_answer_whatever_became_of_the_rest() {
        let (mut silence, begin) = (Silence::default(), Instant::now());
        silence.watch(true, begin);
        assert_eq!(silence.step(begin + ASK_AFTER), Some(Step::Ask));
        silence.watch(false, begin + ASK_AFTER);
        let told = begin + ASK_AFTER + ANSWER_WITHIN;
        assert_eq!(silence.step(told), Some(Step::Tell));
    }
}
