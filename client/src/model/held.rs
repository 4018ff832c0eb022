//! Live messages of a room that wait for the gap before them, within one bound for all rooms. What
//! finds no room is dropped, and fetched later: the room knows that it exists.

use std::collections::BTreeMap;

use chatbox_common::wire::message::{Chat, Seq};

/// The most live messages that a room holds while pages fill the gap before them.
pub(super) const MAX_HELD: usize = 4_096;
/// In bytes, of all rooms together.
pub(super) const MAX_HELD_BYTES: usize = 8 * 1024 * 1024;

/// What all rooms together may still hold, in bytes.
#[derive(Debug)]
pub(super) struct HeldSpace(usize);

impl Default for HeldSpace {
    fn default() -> Self {
        Self(MAX_HELD_BYTES)
    }
}

#[derive(Debug, Default)]
pub(super) struct Held(BTreeMap<Seq, Chat>);

/// The texts, and about what a message takes without them.
const fn cost(chat: &Chat) -> usize {
    size_of::<Chat>() + chat.text.len() + chat.user.len()
}

impl Held {
    /// Drops the message where there is no room for it.
    pub(super) fn keep(&mut self, chat: Chat, space: &mut HeldSpace) {
        if self.0.len() >= MAX_HELD || self.0.contains_key(&chat.seq) {
            return;
        }
        if let Some(left) = space.0.checked_sub(cost(&chat)) {
            space.0 = left;
            self.0.insert(chat.seq, chat);
        }
    }

    /// Takes the first one if it comes no later than behind `last`.
    pub(super) fn next(&mut self, last: Seq, space: &mut HeldSpace) -> Option<Chat> {
        let first = self.0.first_entry()?;
        if *first.key() > last.saturating_add(1) {
            return None;
        }
        let chat = first.remove();
        space.0 += cost(&chat);
        Some(chat)
    }

    pub(super) fn clear(&mut self, space: &mut HeldSpace) {
        let freed: usize = self.0.values().map(cost).sum();
        space.0 += freed;
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::chat;
    use super::*;

    fn long(seq: Seq) -> Chat {
        Chat {
            text: "x".repeat(8_192),
            ..chat(seq)
        }
    }

    #[test]
    fn all_rooms_together_hold_no_more_than_the_bound_and_get_back_what_they_gave() {
        let mut space = HeldSpace::default();
        let mut rooms: Vec<Held> = (0..100).map(|_| Held::default()).collect();
        for seq in 2..200 {
            for room in &mut rooms {
                room.keep(long(seq), &mut space);
            }
        }
        let count: usize = rooms.iter().map(|room| room.0.len()).sum();
        assert_eq!(count, MAX_HELD_BYTES / cost(&long(2)));
        let first = rooms[0].next(1, &mut space);
        assert_eq!(first, Some(long(2)));
        assert_eq!(rooms[0].next(9, &mut space).map(|chat| chat.seq), Some(3));
        for room in &mut rooms {
            room.clear(&mut space);
        }
        assert_eq!(space.0, MAX_HELD_BYTES);
    }

    #[test]
    fn the_same_message_is_held_once_and_a_later_one_waits() {
        let (mut held, mut space) = (Held::default(), HeldSpace::default());
        held.keep(chat(5), &mut space);
        held.keep(chat(5), &mut space);
        assert_eq!(held.next(3, &mut space), None);
        assert_eq!(held.next(4, &mut space), Some(chat(5)));
        assert_eq!(held.next(4, &mut space), None);
        assert_eq!(space.0, MAX_HELD_BYTES);
    }
}
