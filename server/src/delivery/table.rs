//! The sessions of one delivery thread, its rooms, and which session is in which room.
//!
//! A message finds each of its members a thousand sends after the last one: whatever is looked up
//! for one of them then comes from memory, not from the processor's cache. So a room has its
//! members in a row, each with the place of its session and with what decides whether chat comes
//! live; no name is looked up for them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use chatbox_common::wire::message::{RoomId, Seq};
use slab::Slab;

use super::recipient::{Dead, Recipient};
use super::room_feed::{KeptChat, MemberSession, RoomFeed};
use crate::event::{RoomBatch, SessionId};

/// The members of a room that are fetched from memory together: as many as a processor waits for at
/// a time, and few enough to be in its cache still when the last of them is sent to.
const FETCHED: usize = 16;

/// A member's place in a room is known to its session, and a session's place to each of its rooms:
/// what changes one changes the other, and only here.
#[derive(Default)]
pub(super) struct SessionTable {
    sessions: Slab<Recipient>,
    places: HashMap<SessionId, usize>,
    rooms: HashMap<RoomId, RoomFeed>,
    kept_chat: KeptChat,
}

impl SessionTable {
    pub(super) fn insert(&mut self, session: Recipient, rooms: &[(RoomId, Seq)]) {
        let number = session.number();
        let place = self.sessions.insert(session);
        let earlier = self.places.insert(number, place);
        debug_assert_eq!(earlier, None, "a number is given once");
        for &(room, head) in rooms {
            self.enter(number, room, head);
        }
    }

    /// Takes the session out of all its rooms.
    pub(super) fn remove(&mut self, number: SessionId) -> Option<Recipient> {
        let place = self.places.remove(&number)?;
        let mut session = self.sessions.try_remove(place)?;
        for (room, at) in std::mem::take(&mut session.rooms) {
            self.take_out(room, at);
        }
        Some(session)
    }

    pub(super) fn contains(&self, number: SessionId) -> bool {
        self.places.contains_key(&number)
    }

    pub(super) fn session(&mut self, number: SessionId) -> Option<&mut Recipient> {
        let place = self.places.get(&number)?;
        self.sessions.get_mut(*place)
    }

    pub(super) fn room(&self, id: RoomId) -> Option<&RoomFeed> {
        self.rooms.get(&id)
    }

    /// Puts a session into a room, live from the message behind `head`. False where there is no such
    /// session.
    pub(super) fn enter(&mut self, number: SessionId, id: RoomId, head: Seq) -> bool {
        let place = self.places.get(&number).copied();
        let Some((place, session)) = place.and_then(|p| Some((p, self.sessions.get_mut(p)?)))
        else {
            return false;
        };
        let room = self.rooms.entry(id).or_insert_with(|| RoomFeed::at(head));
        debug_assert_eq!(room.head, head, "membership is ordered with the messages");
        match session.rooms.entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(room.members.len());
                room.members.push(MemberSession {
                    session: place,
                    number,
                    live_from: Some(head),
                });
            }
            // Never a second time: the first of two would stay behind when the session leaves, and
            // whoever gets its place in the table would be sent what is said there.
            Entry::Occupied(at) => {
                if let Some(member) = room.members.get_mut(*at.get()) {
                    member.live_from.get_or_insert(head);
                }
            }
        }
        true
    }

    pub(super) fn leave(&mut self, number: SessionId, id: RoomId) {
        let left = self.session(number).and_then(|s| s.rooms.remove(&id));
        if let Some(at) = left {
            self.take_out(id, at);
        }
    }

    /// The last member takes the place that becomes free.
    fn take_out(&mut self, id: RoomId, at: usize) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        if at < room.members.len() {
            room.members.swap_remove(at);
        }
        if let Some(moved) = room.members.get(at)
            && let Some(session) = self.sessions.get_mut(moved.session)
        {
            session.rooms.insert(id, at);
        }
        if room.members.is_empty() {
            while room.forget_oldest(&mut self.kept_chat) {}
            self.rooms.remove(&id);
        }
    }

    pub(super) fn numbers(&self, id: RoomId) -> Vec<SessionId> {
        let members = self.rooms.get(&id).map(|room| room.members.as_slice());
        let numbers = members.unwrap_or_default().iter();
        numbers.map(|member| member.number).collect()
    }

    /// From where on the room's chat comes live to a session in it, see [`MemberSession::live_from`].
    pub(super) fn live_from(&mut self, number: SessionId, id: RoomId) -> Option<&mut Option<Seq>> {
        let at = self.session(number)?.rooms.get(&id).copied()?;
        let room = self.rooms.get_mut(&id)?;
        room.members.get_mut(at).map(|member| &mut member.live_from)
    }

    /// In none of its rooms does chat come live any more. Returns the head of each, sorted.
    pub(super) fn stop_live(&mut self, number: SessionId) -> Vec<(RoomId, Seq)> {
        let rooms = self.session(number).map(|session| session.rooms.clone());
        let mut heads = Vec::new();
        for (id, at) in rooms.unwrap_or_default() {
            if let Some(room) = self.rooms.get_mut(&id) {
                heads.push((id, room.head));
                if let Some(member) = room.members.get_mut(at) {
                    member.live_from = None;
                }
            }
        }
        heads.sort_unstable();
        heads
    }

    /// Does the work for each session that gets the room's chat live, and says for which it failed.
    pub(super) fn for_each_live(
        &mut self,
        id: RoomId,
        mut work: impl FnMut(&mut Recipient) -> Result<(), Dead>,
    ) -> Vec<SessionId> {
        let mut failed = Vec::new();
        let members = self.rooms.get(&id).map(|room| room.members.as_slice());
        for members in members.unwrap_or_default().chunks(FETCHED) {
            for member in members.iter().filter(|member| member.live_from.is_some()) {
                if let Some(session) = self.sessions.get(member.session) {
                    session.prefetch();
                }
            }
            for member in members.iter().filter(|member| member.live_from.is_some()) {
                if let Some(session) = self.sessions.get_mut(member.session)
                    // Whatever goes wrong with the places, nobody else gets what is said here.
                    && session.number() == member.number
                    && session.takes_chat()
                    && work(session).is_err()
                {
                    failed.push(member.number);
                }
            }
        }
        failed
    }

    /// Keeps a room's latest chat. False where no session is in the room.
    pub(super) fn remember(&mut self, id: RoomId, run: &[Arc<RoomBatch>]) -> bool {
        let Some(room) = self.rooms.get_mut(&id) else {
            return false;
        };
        for batch in run {
            room.remember(batch, &mut self.kept_chat);
        }
        while let Some(oldest) = self.kept_chat.excess()
            && let Some(room) = self.rooms.get_mut(&oldest)
            && room.forget_oldest(&mut self.kept_chat)
        {}
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::net::{TcpListener, TcpStream};
    use std::time::Instant;

    use chatbox_common::crypto::record::{Rotation, Sealer};
    use chatbox_common::secret::Secret;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;
    use rand::seq::IndexedRandom;

    use super::*;
    use crate::delivery::backpressure::Backpressure;
    use crate::delivery::budget::{Budget, Share};
    use crate::delivery::job::Join;
    use crate::delivery::room_feed::tests::batch;

    fn session(number: SessionId, socket: &Arc<TcpStream>) -> Recipient {
        let join = Join {
            session: number,
            socket: Arc::clone(socket),
            greeting: Vec::new(),
            sealer: Sealer::new(Secret::new([7; 32]), Rotation::default(), Instant::now()),
            backpressure: Arc::new(Backpressure::default()),
            rooms: Vec::new(),
            welcome: Vec::new(),
        };
        Recipient::new(join, 1 << 18, Share::of(&Budget::new(1 << 30)))
    }

    /// The sessions of each room, and those for which chat comes live.
    type ExpectedRooms = BTreeMap<RoomId, BTreeMap<SessionId, bool>>;

    fn check(table: &mut SessionTable, rooms: &ExpectedRooms) {
        for (id, members) in rooms {
            let numbers: BTreeSet<SessionId> = table.numbers(*id).into_iter().collect();
            assert!(numbers.iter().eq(members.keys()), "{numbers:?} {members:?}");
            let mut live = BTreeSet::new();
            let failed = table.for_each_live(*id, |session| {
                assert!(live.insert(session.number()), "once each");
                Err(Dead)
            });
            assert!(live.iter().eq(failed.iter().collect::<BTreeSet<_>>()));
            let expected = members.iter().filter(|(_, live)| **live);
            assert!(live.iter().eq(expected.map(|(number, _)| number)));
            for (&number, &live) in members {
                assert_eq!(table.live_from(number, *id).unwrap().is_some(), live);
            }
            assert_eq!(table.room(*id).is_some(), !members.is_empty());
        }
    }

    #[test]
    fn whoever_comes_and_goes_each_room_has_its_members_and_each_is_found_in_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let mut random = SmallRng::seed_from_u64(1);
        let (mut table, mut next) = (SessionTable::default(), 0);
        let mut heads: BTreeMap<RoomId, Seq> = BTreeMap::new();
        let mut rooms: ExpectedRooms = (1..=6).map(|id| (RoomId(id), BTreeMap::new())).collect();
        let ids: Vec<RoomId> = rooms.keys().copied().collect();
        let mut sessions: Vec<SessionId> = Vec::new();
        for step in 0..4_000 {
            let id = *ids.choose(&mut random).unwrap();
            let number = sessions.choose(&mut random).copied();
            let head = heads.entry(id).or_default();
            match (step % 8, number) {
                (0, _) if sessions.len() < 40 => {
                    next += 1;
                    table.insert(session(next, &socket), &[(id, *head)]);
                    sessions.push(next);
                    rooms.get_mut(&id).unwrap().insert(next, true);
                }
                (1, Some(number)) if step % 3 == 0 => {
                    assert_eq!(table.remove(number).unwrap().number(), number);
                    assert!(table.remove(number).is_none());
                    sessions.retain(|&other| other != number);
                    for room in rooms.values_mut() {
                        room.remove(&number);
                    }
                }
                (2, Some(number)) if step % 5 == 0 => {
                    let told = table.stop_live(number);
                    let mut of = rooms.iter().filter(|(_, room)| room.contains_key(&number));
                    for (id, head) in told {
                        assert_eq!(Some(id), of.next().map(|room| *room.0));
                        assert_eq!(head, heads[&id]);
                    }
                    assert!(of.next().is_none());
                    for room in rooms.values_mut() {
                        room.entry(number).and_modify(|live| *live = false);
                    }
                }
                (3, _) => {
                    let said = table.remember(id, &[batch(id.0, *head, &[100])]);
                    assert_eq!(said, !rooms[&id].is_empty());
                    *head += 1;
                }
                (4 | 5, Some(number)) => {
                    table.leave(number, id);
                    rooms.get_mut(&id).unwrap().remove(&number);
                }
                (_, Some(number)) => {
                    assert!(table.enter(number, id, *head));
                    rooms.get_mut(&id).unwrap().insert(number, true);
                }
                _ => {}
            }
            check(&mut table, &rooms);
        }
        assert!(next > 100 && rooms.values().map(BTreeMap::len).sum::<usize>() > 20);
        for number in sessions {
            table.remove(number);
        }
        assert!(table.rooms.is_empty() && table.sessions.is_empty() && table.places.is_empty());
        assert_eq!(table.kept_chat.count(), 0);
        assert!(!table.enter(1, RoomId(1), 5));
    }
}
