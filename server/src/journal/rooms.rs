//! The rooms in memory: all in which somebody is online, and some in which somebody was.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use chatbox_common::wire::message::{RoomId, Seq};

use super::room::RoomState;
use crate::store::LOBBY;

/// Rooms in which nobody is online are kept up to this number.
const MAX_IDLE: usize = 4096;

#[derive(Default)]
pub(super) struct Rooms {
    known: HashMap<RoomId, RoomState>,
    /// Those in which nobody is online, the longest so first.
    idle: VecDeque<RoomId>,
    /// Those that were read to judge a request, or that somebody has left, and may be let go
    /// behind it.
    visited: Vec<RoomId>,
}

impl Rooms {
    pub(super) fn contains(&self, id: RoomId) -> bool {
        self.known.contains_key(&id)
    }

    pub(super) fn get(&self, id: RoomId) -> Option<&RoomState> {
        self.known.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: RoomId) -> Option<&mut RoomState> {
        self.known.get_mut(&id)
    }

    /// The last message that was committed in a room.
    pub(super) fn head(&self, id: RoomId) -> Option<Seq> {
        self.known.get(&id).map(|room| room.head)
    }

    pub(super) fn insert(&mut self, id: RoomId, room: RoomState) {
        self.known.insert(id, room);
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (RoomId, &mut RoomState)> {
        self.known.iter_mut().map(|(id, room)| (*id, room))
    }

    /// When somebody is to be told who came and went.
    pub(super) fn next_notice(&self) -> Option<Instant> {
        let rooms = self.known.values();
        rooms.filter_map(|room| room.presence.next_due()).min()
    }

    /// Notes that a room may be let go, but not now: somebody who begins together with an end may
    /// count on it.
    pub(super) fn visit(&mut self, id: RoomId) {
        self.visited.push(id);
    }

    /// Lets go what was visited, where nobody is online.
    pub(super) fn forget_visited(&mut self) {
        for id in std::mem::take(&mut self.visited) {
            self.let_go(id);
        }
    }

    /// Forgets rooms in which nobody is online, those first in which nobody was for longest: they
    /// are read again when somebody comes. Some are kept, for people who come back at once.
    fn let_go(&mut self, id: RoomId) {
        let Some(room) = self.known.get_mut(&id) else {
            return;
        };
        let is_empty = room.presence.online() == 0 && id != LOBBY;
        if is_empty && !std::mem::replace(&mut room.is_idle, true) {
            self.idle.push_back(id);
        }
        while self.idle.len() > MAX_IDLE
            && let Some(oldest) = self.idle.pop_front()
        {
            if let Some(room) = self.known.get_mut(&oldest) {
                room.is_idle = false;
                if room.presence.online() == 0 {
                    self.known.remove(&oldest);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::testing::store;
    use crate::store::{Commit, Store};

    /// The lobby under another number: what a room holds does not matter here.
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
        rooms
            .get_mut(busy)
            .unwrap()
            .presence
            .joined(&alice, Instant::now());
        for id in LOBBY.0..last.0 {
            leave(&mut rooms, RoomId(id));
        }
        // All that may be idle are, and one leaves again: it keeps its place.
        leave(&mut rooms, first);
        assert!(rooms.contains(first), "as many as may be kept");
        leave(&mut rooms, last);
        assert!(!rooms.contains(first), "nobody was there for longest");
        for kept in [LOBBY, busy, next, last] {
            assert!(rooms.contains(kept), "{kept}");
        }
    }

    #[test]
    fn a_room_that_somebody_came_back_to_outlives_its_place_among_the_idle() {
        let (_directory, mut store) = store();
        let mut rooms = Rooms::default();
        let first = beside_lobby(1);
        rooms.insert(first, a_room(&mut store));
        leave(&mut rooms, first);
        let alice: Arc<str> = "alice".into();
        let room = rooms.get_mut(first).unwrap();
        room.presence.joined(&alice, Instant::now());
        for id in (2..=1 + MAX_IDLE as u64).map(beside_lobby) {
            rooms.insert(id, a_room(&mut store));
            leave(&mut rooms, id);
        }
        assert!(rooms.contains(first));
        assert!(!rooms.get(first).unwrap().is_idle);
    }
}
