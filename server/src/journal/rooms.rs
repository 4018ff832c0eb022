//! The rooms in memory: all in which a member is online, and up to [`MAX_IDLE`] others, for members
//! who connect again soon. Any other is read from the database when a request needs it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use chatbox_common::wire::message::{self, AccountId, RoomId, Seq};

use super::room::RoomState;
use crate::event::Person;
use crate::presence::{Notice, Presence};
use crate::store::LOBBY;

/// The most rooms without a member online that are kept.
const MAX_IDLE: usize = 4096;

struct KnownRoom {
    room: RoomState,
    presence: Presence,
    /// Its place in [`Rooms::notices`].
    due: Option<Instant>,
    /// It is in [`Rooms::idle`].
    is_idle: bool,
}

#[derive(Default)]
pub(super) struct Rooms {
    known: HashMap<RoomId, KnownRoom>,
    /// Which of these each account has hidden.
    hidden: HashMap<AccountId, HashSet<RoomId>>,
    /// When the next notice of each room's presence is due, for those that have any to tell: a turn
    /// of the journal looks at no other, however many there are.
    notices: BTreeSet<(Instant, RoomId)>,
    /// Rooms without a member online, the longest so first. A room that was entered again keeps its
    /// place until it is reached.
    idle: VecDeque<RoomId>,
    /// Rooms that were read to judge a request, or that a session has left.
    visited: Vec<RoomId>,
}

impl Rooms {
    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    pub(super) fn contains(&self, id: RoomId) -> bool {
        self.known.contains_key(&id)
    }

    pub(super) fn get(&self, id: RoomId) -> Option<&RoomState> {
        self.known.get(&id).map(|known| &known.room)
    }

    pub(super) fn get_mut(&mut self, id: RoomId) -> Option<&mut RoomState> {
        self.known.get_mut(&id).map(|known| &mut known.room)
    }

    pub(super) fn head(&self, id: RoomId) -> Option<Seq> {
        self.get(id).map(|room| room.head)
    }

    /// As `who` sees it.
    pub(super) fn describe(&self, id: RoomId, who: &Person) -> Option<message::Room> {
        let known = self.known.get(&id)?;
        Some(known.room.describe(id, who, known.presence.online()))
    }

    /// Takes in a room that is not in memory yet.
    pub(super) fn insert(&mut self, id: RoomId, room: RoomState) {
        debug_assert!(!self.contains(id), "who is there would be forgotten");
        for account in room.hidden_from() {
            self.hidden.entry(account).or_default().insert(id);
        }
        let known = KnownRoom {
            room,
            presence: Presence::default(),
            due: None,
            is_idle: false,
        };
        self.known.insert(id, known);
    }

    /// Whether a member has hidden it.
    pub(super) fn is_hidden(&self, id: RoomId) -> bool {
        let mut hidden = self.get(id).into_iter().flat_map(RoomState::hidden_from);
        hidden.next().is_some()
    }

    /// Those in memory that a member has hidden.
    pub(super) fn hidden_by(&self, account: AccountId) -> Vec<RoomId> {
        let hidden = self.hidden.get(&account).into_iter().flatten();
        hidden.copied().collect()
    }

    /// Whether a member has the room in their list.
    pub(super) fn hide(&mut self, id: RoomId, account: AccountId, hidden: bool) {
        let room = self.known.get_mut(&id).map(|known| &mut known.room);
        let Some(member) = room.and_then(|room| room.members.get_mut(&account)) else {
            return;
        };
        member.hidden = hidden;
        if hidden {
            self.hidden.entry(account).or_default().insert(id);
        } else {
            self.show(id, account);
        }
    }

    fn show(&mut self, id: RoomId, account: AccountId) {
        if let Some(rooms) = self.hidden.get_mut(&account) {
            rooms.remove(&id);
            if rooms.is_empty() {
                self.hidden.remove(&account);
            }
        }
    }

    /// A session of `user` begins in the room.
    pub(super) fn come(&mut self, id: RoomId, user: &Arc<str>, now: Instant) {
        self.change(id, |presence| presence.joined(user, now));
    }

    /// A session of `user` ends in the room; `cut_off` as in [`Presence::left`].
    pub(super) fn go(&mut self, id: RoomId, user: &Arc<str>, cut_off: bool, now: Instant) {
        self.change(id, |presence| presence.left(user, cut_off, now));
    }

    /// See [`Presence::is_told_of`].
    pub(super) fn is_told_of(&mut self, id: RoomId, user: &str) {
        self.change(id, |presence| presence.is_told_of(user));
    }

    /// The one way to a room's presence, so that what becomes due is noted.
    fn change<T>(&mut self, id: RoomId, change: impl FnOnce(&mut Presence) -> T) -> Option<T> {
        let known = self.known.get_mut(&id)?;
        let changed = change(&mut known.presence);
        let due = known.presence.next_due();
        if due != known.due {
            self.notices.extend(due.map(|due| (due, id)));
            if let Some(before) = std::mem::replace(&mut known.due, due) {
                self.notices.remove(&(before, id));
            }
        }
        Some(changed)
    }

    /// When the next notice of presence is due.
    pub(super) fn next_notice(&self) -> Option<Instant> {
        self.notices.first().map(|(due, _)| *due)
    }

    /// A notice that is due by `now`.
    pub(super) fn take_notice(&mut self, now: Instant) -> Option<(RoomId, Notice)> {
        while let Some(&(due, id)) = self.notices.first()
            && due <= now
        {
            if let Some(notice) = self.change(id, |presence| presence.take(now)).flatten() {
                return Some((id, notice));
            }
        }
        None
    }

    /// Notes that a room may be forgotten, but not before [`Rooms::forget_visited`]: a session that
    /// begins in the same batch as another ends may need it.
    pub(super) fn visit(&mut self, id: RoomId) {
        self.visited.push(id);
    }

    /// Called once no request of the batch needs the rooms any more.
    pub(super) fn forget_visited(&mut self) {
        for id in std::mem::take(&mut self.visited) {
            self.let_go(id);
        }
    }

    /// Forgets no more than [`MAX_IDLE`] asks for, and never the lobby: a registration needs its
    /// head.
    fn let_go(&mut self, id: RoomId) {
        let Some(known) = self.known.get_mut(&id) else {
            return;
        };
        let is_empty = known.presence.online() == 0 && id != LOBBY;
        if is_empty && !std::mem::replace(&mut known.is_idle, true) {
            self.idle.push_back(id);
        }
        while self.idle.len() > MAX_IDLE
            && let Some(oldest) = self.idle.pop_front()
        {
            if let Some(known) = self.known.get_mut(&oldest) {
                known.is_idle = false;
                if known.presence.online() == 0 {
                    self.forget(oldest);
                }
            }
        }
    }

    fn forget(&mut self, id: RoomId) {
        let Some(known) = self.known.remove(&id) else {
            return;
        };
        for account in known.room.hidden_from() {
            self.show(id, account);
        }
        if let Some(due) = known.due {
            self.notices.remove(&(due, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::{COALESCE, LOOKS};
    use crate::store::testing::store;
    use crate::store::{Commit, Store};

    /// The lobby under another number: these tests ask nothing of what a room holds.
    fn a_room(store: &mut Store) -> RoomState {
        let read = store.transaction(Commit::Usual, |tx| RoomState::load(tx, LOBBY, 0));
        read.unwrap().unwrap()
    }

    fn beside_lobby(number: u64) -> RoomId {
        RoomId(LOBBY.0 + number)
    }

    fn leave(rooms: &mut Rooms, id: RoomId) {
        rooms.visit(id);
        rooms.forget_visited();
    }

    #[test]
    fn rooms_where_nobody_is_are_forgotten_the_longest_so_first_and_the_lobby_never() {
        let (_directory, mut store) = store();
        let mut rooms = Rooms::default();
        let [first, busy, next] = [1, 2, 3].map(beside_lobby);
        let last = beside_lobby(2 + MAX_IDLE as u64);
        for id in LOBBY.0..=last.0 {
            rooms.insert(RoomId(id), a_room(&mut store));
        }
        let alice: Arc<str> = "alice".into();
        rooms.come(busy, &alice, Instant::now());
        for id in LOBBY.0..last.0 {
            leave(&mut rooms, RoomId(id));
        }
        // As many as may be idle are; the first is left again and keeps its place.
        leave(&mut rooms, first);
        assert!(rooms.contains(first), "as many as may be kept");
        leave(&mut rooms, last);
        assert!(!rooms.contains(first), "nobody was there for longest");
        for kept in [LOBBY, busy, next, last] {
            assert!(rooms.contains(kept), "{kept}");
        }
    }

    #[test]
    fn notices_come_when_they_are_due_and_no_other_room_is_looked_at() {
        let (_directory, mut store) = store();
        let mut rooms = Rooms::default();
        let alice: Arc<str> = "alice".into();
        let now = Instant::now();
        let ids: Vec<_> = (1..=100).map(beside_lobby).collect();
        for &id in &ids {
            rooms.insert(id, a_room(&mut store));
            rooms.come(id, &alice, now);
        }
        assert_eq!(rooms.next_notice(), Some(now + COALESCE));
        assert!(rooms.take_notice(now).is_none());
        let due = now + COALESCE;
        let told = std::iter::from_fn(|| rooms.take_notice(due)).map(|(id, _)| id);
        assert!(told.eq(ids.iter().copied()));
        assert_eq!(rooms.next_notice(), None);

        rooms.go(ids[7], &alice, false, due);
        rooms.come(ids[8], &"bob".into(), due + COALESCE);
        rooms.is_told_of(ids[8], "bob");
        let due = rooms.next_notice().unwrap();
        LOOKS.set(0);
        let (id, notice) = rooms.take_notice(due).unwrap();
        assert_eq!((id, notice.left), (ids[7], vec!["alice".to_owned()]));
        assert!(rooms.take_notice(due).is_none());
        assert!(LOOKS.get() <= 2, "{}", LOOKS.get());
        rooms.forget(ids[8]);
        assert_eq!(rooms.next_notice(), None, "nobody is there to be told");
    }

    #[test]
    fn a_room_that_somebody_came_back_to_outlives_its_place_among_the_idle() {
        let (_directory, mut store) = store();
        let mut rooms = Rooms::default();
        let first = beside_lobby(1);
        rooms.insert(first, a_room(&mut store));
        leave(&mut rooms, first);
        let alice: Arc<str> = "alice".into();
        rooms.come(first, &alice, Instant::now());
        for id in (2..=1 + MAX_IDLE as u64).map(beside_lobby) {
            rooms.insert(id, a_room(&mut store));
            leave(&mut rooms, id);
        }
        assert!(rooms.contains(first));
        assert!(!rooms.known[&first].is_idle);
    }
}
