//! Which rooms need something of the server, so that an event costs the same however many rooms one
//! is in.

use std::collections::BTreeSet;

use chatbox_common::wire::message::RoomId;

use super::room::KnownRoom;

/// The most rooms that the server is asked to send live again at a time.
const MAX_FOLLOWS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Messages are missing.
    pages: BTreeSet<RoomId>,
    /// Nothing is missing, but the room does not come live.
    follows: BTreeSet<RoomId>,
    /// `follow` is not answered yet.
    asked: BTreeSet<RoomId>,
}

fn put(set: &mut BTreeSet<RoomId>, room: RoomId, belongs: bool) {
    if belongs {
        set.insert(room);
    } else {
        set.remove(&room);
    }
}

impl Needs {
    /// To be called after each change of a room; `None` for one that the person is not in any more.
    pub(super) fn update(&mut self, number: RoomId, room: Option<&KnownRoom>) {
        let needs_page = room.is_some_and(|room| room.is_unseen() || room.is_behind());
        put(&mut self.pages, number, needs_page);
        put(
            &mut self.follows,
            number,
            room.is_some_and(KnownRoom::wants_to_follow),
        );
        put(
            &mut self.asked,
            number,
            room.is_some_and(KnownRoom::is_asked_to_follow),
        );
    }

    /// The room whose page comes next.
    pub(super) fn page(&self) -> Option<RoomId> {
        self.pages.first().copied()
    }

    /// A room to follow now, of which at most [`MAX_FOLLOWS`] are unanswered at a time.
    pub(super) fn follow(&self) -> Option<RoomId> {
        let first = self.follows.first().copied();
        first.filter(|_| self.asked.len() < MAX_FOLLOWS)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
