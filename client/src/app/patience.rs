//! How long `send --timeout` waits while nothing goes on: for a connection, for its room, for an
//! acknowledgement. Pure: `now` is an argument.

use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(super) struct Patience {
    /// `None` waits for ever.
    limit: Option<Duration>,
    since: Option<Instant>,
}

impl Patience {
    pub(super) const fn new(limit: Option<Duration>) -> Self {
        Self { limit, since: None }
    }

    /// To be called whenever the program is about to wait: `waits` says that it is for the server.
    pub(super) fn watch(&mut self, waits: bool, now: Instant) {
        if waits {
            self.since.get_or_insert(now);
        } else {
            self.since = None;
        }
    }

    /// Something was acknowledged: what comes next is given all the time again.
    pub(super) const fn gets_on(&mut self) {
        self.since = None;
    }

    /// When it ends.
    pub(super) fn by(&self) -> Option<Instant> {
        Some(self.since? + self.limit?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_so_long_after_the_last_acknowledgement() {
        let limit = Duration::from_secs(60);
        let (mut patience, begin) = (Patience::new(Some(limit)), Instant::now());
        assert_eq!(patience.by(), None);
        patience.watch(true, begin);
        patience.watch(true, begin + limit / 2);
        assert_eq!(patience.by(), Some(begin + limit));
        patience.gets_on();
        patience.watch(true, begin + limit / 2);
        assert_eq!(patience.by(), Some(begin + limit / 2 + limit));
        patience.watch(false, begin + limit);
        assert_eq!(patience.by(), None, "it waits for its input");
    }

    #[test]
    fn without_a_limit_it_does_not_end() {
        let mut patience = Patience::default();
        patience.watch(true, Instant::now());
        assert_eq!(patience.by(), None);
    }
}
