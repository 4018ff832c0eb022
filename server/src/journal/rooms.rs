//! The rooms in memory: all in which a member is online, and up to [`MAX_IDLE`] others, for members
//! who connect again soon. Any other is read from the database when a request needs it.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use chatbox_common::wire::message::{RoomId, Seq};

use super::room::RoomState;
use crate::store::LOBBY;

/// The most rooms without a member online that are kept.
const MAX_IDLE: usize = 4096;

#[derive(Default)]
pub(super) struct Rooms {
    known: HashMap<RoomId, RoomState>,
    /// Rooms without a member online, the longest so first. A room that was entered again keeps its
    /// place until it is reached.
    idle: VecDeque<RoomId>,
    /// Rooms that were read to judge a request, or that a session has left.
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

    pub(super) fn head(&self, id: RoomId) -> Option<Seq> {
        self.known.get(&id).map(|room| room.head)
    }

    pub(super) fn insert(&mut self, id: RoomId, room: RoomState) {
        self.known.insert(id, room);
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (RoomId, &mut RoomState)> {
        self.known.iter_mut().map(|(id, room)| (*id, room))
    }

    /// When a room's next notice of presence is due.
    pub(super) fn next_notice(&self) -> Option<Instant> {
        let rooms = self.known.values();
        rooms.filter_map(|room| room.presence.next_due()).min()
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
        rooms
            .get_mut(busy)
            .unwrap()
            .presence
            .joined(&alice, Instant::now());
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
