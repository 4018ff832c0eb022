//! Who came and went in a room, gathered into one notice every quarter of a second.
//!
//! Pure: the time is an argument. A session that was cut off is waited for before the room is
//! told, so that a network that fails for a moment announces nothing. Called by the journal.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The least time between two notices with names.
pub const COALESCE: Duration = Duration::from_millis(250);
/// Between two notices without names, so long for each member online: one with a count costs as
/// much as a line does, and however large the room is, no more than 500 a second are sent.
const COALESCE_COUNTS: Duration = Duration::from_millis(2);
/// And at least so long.
const MIN_COALESCE_COUNTS: Duration = Duration::from_secs(1);
/// How long a person who was cut off is waited for.
pub const RESUME_GRACE: Duration = Duration::from_secs(10);
/// With more members online, or more names to tell, a notice has a count and no names.
pub const MAX_NAMED: usize = 200;

#[cfg(test)]
thread_local! {
    /// How often any room was asked what it has to tell, by this thread.
    pub static LOOKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A person's state, and whether the room knows of it.
#[derive(Debug, Default)]
struct Change {
    /// Whether the room was last told that the person is online.
    announced: bool,
    /// How many are open.
    sessions: u32,
    /// When the present state may be announced; `None` if the room knows of it.
    due: Option<Instant>,
    /// The room was told by other means (see [`Presence::is_told_of`]): only the count is news.
    is_told: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub joined: Vec<String>,
    pub left: Vec<String>,
    /// How many are online now.
    pub online: u32,
}

#[derive(Debug, Default)]
pub struct Presence {
    people: HashMap<Arc<str>, Change>,
    /// How many people have an open session.
    online: u32,
    /// Whose state may be announced, and when: a notice must not cost a look at all members.
    due: BTreeSet<(Instant, Arc<str>)>,
    /// The pause after the last notice ends then.
    quiet: Option<Instant>,
}

impl Presence {
    pub fn joined(&mut self, user: &Arc<str>, now: Instant) {
        let change = self.people.entry(Arc::clone(user)).or_default();
        change.sessions += 1;
        change.is_told = false;
        self.online += u32::from(change.sessions == 1);
        let due = (!change.announced).then_some(now + COALESCE);
        self.expect(user, due);
    }

    /// `cut_off` is a session's end without a goodbye, after which the person may resume.
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
            self.expect(user, Some(now + wait));
        } else {
            // Came and went between two notices: the room was never told.
            self.expect(user, None);
            self.people.remove(user);
        }
    }

    /// The room was told by other means that `user` came or went just now, such as by a line about
    /// it.
    pub fn is_told_of(&mut self, user: &str) {
        if let Some(change) = self.people.get_mut(user) {
            change.is_told = true;
        }
    }

    /// A set keeps a node when it becomes empty, which most rooms have no use for most of the time.
    fn free_if_empty(&mut self) {
        if self.due.is_empty() {
            self.due = BTreeSet::new();
        }
    }

    /// Notes when a person's state may be announced.
    fn expect(&mut self, user: &Arc<str>, due: Option<Instant>) {
        let Some(change) = self.people.get_mut(user) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut change.due, due) {
            self.due.remove(&(before, Arc::clone(user)));
            self.free_if_empty();
        }
        self.due.extend(due.map(|due| (due, Arc::clone(user))));
    }

    /// How many people have an open session.
    #[must_use]
    pub const fn online(&self) -> u32 {
        self.online
    }

    /// No notice is due before it.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        #[cfg(test)]
        LOOKS.set(LOOKS.get() + 1);
        let (next, _) = self.due.first()?;
        Some(self.quiet.map_or(*next, |quiet| quiet.max(*next)))
    }

    pub fn take(&mut self, now: Instant) -> Option<Notice> {
        if self.next_due().is_none_or(|next| next > now) {
            return None;
        }
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        while self.due.first().is_some_and(|(due, _)| *due <= now)
            && let Some((_, user)) = self.due.pop_first()
        {
            let Some(change) = self.people.get_mut(&user) else {
                continue;
            };
            change.due = None;
            change.announced = change.sessions > 0;
            let is_told = std::mem::take(&mut change.is_told);
            let names = if change.announced {
                &mut joined
            } else {
                self.people.remove(&user);
                &mut left
            };
            if !is_told {
                names.push(user.to_string());
            }
        }
        self.free_if_empty();
        joined.sort_unstable();
        left.sort_unstable();
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
        // The next time it is news.
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
        // One every 10 ms.
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

        for n in 0..=MAX_NAMED {
            presence.left(&name(&format!("user{n}")), true, start);
        }
        let notice = presence.take(start + RESUME_GRACE).unwrap();
        assert_eq!((notice.left.len(), notice.online), (0, 0));
    }
}
