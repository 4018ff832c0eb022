//! Who came and went in a room, told in one notice for a quarter of a second at a time.
//!
//! Pure: the time is an argument. A session that was cut off is waited for before anybody is
//! told, so that a network that blinks announces nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Changes travel together for so long.
pub const COALESCE: Duration = Duration::from_millis(250);
/// Where notices have no names, so long for each member online: a count costs as much as a line
/// does, and however large the room is, no more than five hundred a second are sent.
const COALESCE_COUNTS: Duration = Duration::from_millis(2);
/// And at least so long.
const MIN_COALESCE_COUNTS: Duration = Duration::from_secs(1);
/// Somebody who was cut off is waited for so long.
pub const RESUME_GRACE: Duration = Duration::from_secs(10);
/// Above this many members online a notice has a count and no names.
pub const MAX_NAMED: usize = 200;

/// What happened to a person since the last notice.
#[derive(Debug, Default)]
struct Change {
    /// What the others believe.
    announced: bool,
    /// Open sessions.
    sessions: u32,
    /// When the present state may be announced.
    due: Option<Instant>,
    /// The others have heard of it already: only the count is news.
    is_told: bool,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Who came.
    pub joined: Vec<String>,
    /// Who went.
    pub left: Vec<String>,
    /// Online now.
    pub online: u32,
}

/// The presence of one room.
#[derive(Debug, Default)]
pub struct Presence {
    people: BTreeMap<Arc<str>, Change>,
    /// People with an open session.
    online: u32,
    /// Nothing is due before this.
    next: Option<Instant>,
    /// The last notice was so short a time ago that the next one waits until then.
    quiet: Option<Instant>,
}

impl Presence {
    /// A session of `user` began.
    pub fn joined(&mut self, user: &Arc<str>, now: Instant) {
        let change = self.people.entry(Arc::clone(user)).or_default();
        change.sessions += 1;
        change.is_told = false;
        self.online += u32::from(change.sessions == 1);
        change.due = (!change.announced).then_some(now + COALESCE);
        let due = change.due;
        self.expect(due);
    }

    /// A session of `user` ended: with a goodbye, or cut off.
    pub fn left(&mut self, user: &Arc<str>, cut_off: bool, now: Instant) {
        let Some(change) = self.people.get_mut(user) else {
            return;
        };
        if change.sessions == 0 {
            return;
        }
        change.sessions -= 1;
        change.is_told = false;
        if change.sessions > 0 {
            return;
        }
        self.online -= 1;
        if change.announced {
            let wait = if cut_off { RESUME_GRACE } else { COALESCE };
            change.due = Some(now + wait);
            self.expect(Some(now + wait));
        } else {
            // Came and went between two notices: nobody ever heard of it.
            self.people.remove(user);
        }
    }

    /// The room has heard by other means that `user` came or went just now.
    pub fn is_told_of(&mut self, user: &str) {
        if let Some(change) = self.people.get_mut(user) {
            change.is_told = true;
        }
    }

    fn expect(&mut self, due: Option<Instant>) {
        self.next = [self.next, due].into_iter().flatten().min();
    }

    /// People with an open session.
    #[must_use]
    pub const fn online(&self) -> u32 {
        self.online
    }

    /// Before this moment no notice is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        match (self.next, self.quiet) {
            (Some(next), Some(quiet)) if quiet > next => Some(quiet),
            (next, _) => next,
        }
    }

    /// The notice that is due, if one is.
    pub fn take(&mut self, now: Instant) -> Option<Notice> {
        if self.next_due().is_none_or(|next| next > now) {
            return None;
        }
        let (mut joined, mut left, mut is_news) = (Vec::new(), Vec::new(), false);
        self.people.retain(|user, change| {
            if change.due.is_none_or(|due| due > now) {
                return true;
            }
            change.due = None;
            change.announced = change.sessions > 0;
            is_news = true;
            if std::mem::take(&mut change.is_told) {
                return change.announced;
            }
            let names = if change.announced {
                &mut joined
            } else {
                &mut left
            };
            names.push(user.to_string());
            change.announced
        });
        self.next = self.people.values().filter_map(|change| change.due).min();
        if !is_news {
            return None;
        }
        let online = self.online;
        let mut pause = COALESCE;
        if online as usize > MAX_NAMED || joined.len() + left.len() > MAX_NAMED {
            (joined, left) = (Vec::new(), Vec::new());
            pause = MIN_COALESCE_COUNTS.max(COALESCE_COUNTS.saturating_mul(online));
        }
        self.quiet = Some(now + pause);
        Some(Notice {
            joined,
            left,
            online,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    #[test]
    fn who_is_told_of_otherwise_is_counted_and_not_named() {
        let mut presence = Presence::default();
        let start = Instant::now();
        presence.joined(&name("bob"), start);
        presence.is_told_of("bob");
        presence.joined(&name("alice"), start);
        let notice = presence.take(start + COALESCE).unwrap();
        assert_eq!((notice.joined.len(), notice.online), (1, 2));
        let then = start + 2 * COALESCE;
        presence.left(&name("bob"), false, then);
        presence.is_told_of("bob");
        let notice = presence.take(then + COALESCE).unwrap();
        assert_eq!((notice.left.len(), notice.online), (0, 1));
        // The next time it is news again.
        let then = start + 4 * COALESCE;
        presence.joined(&name("bob"), then);
        assert_eq!(presence.take(then + COALESCE).unwrap().joined, ["bob"]);
        assert_eq!(presence.take(then + 9 * COALESCE), None);
    }

    #[test]
    fn a_quarter_of_a_second_travels_as_one_notice() {
        let mut presence = Presence::default();
        let start = Instant::now();
        presence.joined(&name("bob"), start);
        presence.joined(&name("alice"), start);
        assert_eq!(presence.take(start), None);
        assert_eq!(presence.next_due(), Some(start + COALESCE));
        let notice = presence.take(start + COALESCE).unwrap();
        assert_eq!(notice.joined, ["alice", "bob"]);
        assert_eq!((notice.left.len(), notice.online), (0, 2));
        assert_eq!(presence.take(start + COALESCE), None);
        assert_eq!(presence.next_due(), None);
    }

    #[test]
    fn however_many_come_one_by_one_notices_keep_their_distance() {
        let mut presence = Presence::default();
        let start = Instant::now();
        let mut notices = Vec::new();
        // One every ten milliseconds.
        for n in 0..400 {
            let now = start + Duration::from_millis(10) * n;
            presence.joined(&name(&format!("user{n}")), now);
            notices.extend(presence.take(now).map(|notice| (now, notice)));
        }
        let names: usize = notices.iter().map(|(_, notice)| notice.joined.len()).sum();
        assert!(names > 100, "a small room hears the names");
        for pair in notices.windows(2) {
            let large = pair[0].1.online as usize > MAX_NAMED;
            let least = if large { MIN_COALESCE_COUNTS } else { COALESCE };
            assert!(pair[1].0 - pair[0].0 >= least, "{pair:?}");
        }
        assert!(notices.len() >= 8, "{notices:?}");
    }

    #[test]
    fn the_larger_a_room_the_rarer_its_counts() {
        let mut presence = Presence::default();
        let start = Instant::now();
        for n in 0..10_000 {
            presence.joined(&name(&format!("user{n}")), start);
        }
        presence.take(start + COALESCE).unwrap();
        presence.joined(&name("late"), start + COALESCE);
        let next = start + COALESCE + Duration::from_secs(20);
        assert_eq!(presence.next_due(), Some(next));
        assert_eq!(presence.take(next).unwrap().online, 10_001);
        for n in 0..10_000 {
            presence.left(&name(&format!("user{n}")), false, next);
        }
        let notice = presence.take(next + Duration::from_secs(21)).unwrap();
        assert_eq!(notice.online, 1);
        assert!(presence.quiet < Some(next + Duration::from_secs(23)));
    }

    #[test]
    fn a_second_session_announces_nothing() {
        let mut presence = Presence::default();
        let start = Instant::now();
        presence.joined(&name("bob"), start);
        presence.take(start + COALESCE).unwrap();
        presence.joined(&name("bob"), start);
        presence.left(&name("bob"), false, start);
        assert_eq!(presence.take(start + RESUME_GRACE), None);
        presence.left(&name("bob"), false, start);
        let notice = presence.take(start + COALESCE * 2).unwrap();
        assert_eq!(notice.left, ["bob"]);
    }

    #[test]
    fn a_resume_within_ten_seconds_announces_nothing() {
        let mut presence = Presence::default();
        let start = Instant::now();
        presence.joined(&name("bob"), start);
        presence.take(start + COALESCE).unwrap();
        presence.left(&name("bob"), true, start);
        assert_eq!(presence.take(start + RESUME_GRACE / 2), None);
        presence.joined(&name("bob"), start + RESUME_GRACE / 2);
        assert_eq!(presence.take(start + RESUME_GRACE), None);
        assert_eq!(presence.next_due(), None);
        presence.left(&name("bob"), true, start);
        assert_eq!(presence.take(start + RESUME_GRACE).unwrap().left, ["bob"]);
    }

    #[test]
    fn who_comes_and_goes_at_once_is_never_announced() {
        let mut presence = Presence::default();
        let start = Instant::now();
        presence.joined(&name("bob"), start);
        presence.left(&name("bob"), false, start);
        assert_eq!(presence.take(start + RESUME_GRACE), None);
        assert_eq!(presence.online(), 0);
    }

    #[test]
    fn large_rooms_get_a_count() {
        let mut presence = Presence::default();
        let start = Instant::now();
        for n in 0..=MAX_NAMED {
            presence.joined(&name(&format!("user{n}")), start);
        }
        let notice = presence.take(start + COALESCE).unwrap();
        assert!(notice.joined.is_empty());
        assert_eq!(notice.online as usize, MAX_NAMED + 1);

        // And so does everybody leaving at once, however few remain.
        for n in 0..=MAX_NAMED {
            presence.left(&name(&format!("user{n}")), true, start);
        }
        let notice = presence.take(start + RESUME_GRACE).unwrap();
        assert_eq!((notice.left.len(), notice.online), (0, 0));
    }
}
