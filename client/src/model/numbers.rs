//! The numbers by which a person goes to rooms. A room keeps its number for as long as they are in
//! it, whatever other rooms come and go; a new one gets the lowest that is free.

use std::collections::{BTreeMap, BTreeSet};

use chatbox_common::wire::message::RoomId;

#[derive(Debug, Default)]
pub(super) struct RoomNumbers {
    given: BTreeMap<RoomId, u32>,
    /// Given back, all of them at most `most`.
    free: BTreeSet<u32>,
    /// The highest ever given.
    most: u32,
}

impl RoomNumbers {
    /// From 1; the same one for a room that has one.
    pub(super) fn give(&mut self, room: RoomId) -> u32 {
        if let Some(number) = self.given.get(&room) {
            return *number;
        }
        let number = self.free.pop_first().unwrap_or_else(|| {
            self.most = self.most.saturating_add(1);
            self.most
        });
        self.given.insert(room, number);
        number
    }

    pub(super) fn take_back(&mut self, room: RoomId) {
        self.free.extend(self.given.remove(&room));
    }

    /// Takes back the numbers of rooms of which `is_left` says so.
    pub(super) fn take_back_where(&mut self, is_left: impl Fn(RoomId) -> bool) {
        let left: Vec<RoomId> = self.given.keys().copied().filter(|r| is_left(*r)).collect();
        for room in left {
            self.take_back(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_keeps_its_number_and_a_new_one_gets_the_lowest_that_is_free() {
        let mut numbers = RoomNumbers::default();
        let give = |numbers: &mut RoomNumbers, room| numbers.give(RoomId(room));
        let first: Vec<_> = [70, 10, 40].map(|room| give(&mut numbers, room)).into();
        assert_eq!(first, [1, 2, 3]);
        assert_eq!(give(&mut numbers, 10), 2);
        numbers.take_back(RoomId(10));
        numbers.take_back(RoomId(10));
        assert_eq!(give(&mut numbers, 40), 3);
        assert_eq!(give(&mut numbers, 5), 2);
        assert_eq!(give(&mut numbers, 6), 4);
        numbers.take_back_where(|room| room.0 > 5);
        assert_eq!((give(&mut numbers, 5), give(&mut numbers, 8)), (2, 1));
    }
}
