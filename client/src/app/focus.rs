//! Where the person is: the room one talks in, what of it is wanted, and when what was shown counts
//! as read. Pure: `now` is an argument.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chatbox_common::name::RoomName;
use chatbox_common::wire::message::RoomId;

use crate::model::Model;

/// What is shown counts as read so much later, all of it at once.
const READING: Duration = Duration::from_secs(1);

/// Where one talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Current {
    /// No room was chosen yet.
    #[default]
    Unchosen,
    In(RoomId),
    /// Nowhere, until a room is chosen.
    Nowhere,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Focus {
    current: Current,
    /// Rooms whose older messages are wanted by a face that scrolls.
    older: BTreeSet<RoomId>,
    /// When to tell the server how far the person has read.
    read_at: Option<Instant>,
}

impl Focus {
    /// The room one talks in: the one chosen last, or the lobby as long as none was. Who was sent
    /// out of it talks nowhere: what was meant for one room is not said in another.
    pub(super) fn here(&self, model: &Model) -> Option<RoomId> {
        match self.current {
            Current::Unchosen => model.room_named(RoomName::LOBBY),
            Current::In(room) => Some(room).filter(|room| model.is_in(*room)),
            Current::Nowhere => None,
        }
    }

    /// One talks in this room from now on.
    pub(super) const fn choose(&mut self, room: RoomId) {
        self.current = Current::In(room);
    }

    /// One has left the room one talked in by oneself, and is where one began.
    pub(super) const fn leave(&mut self) {
        self.current = Current::Unchosen;
    }

    /// One talks nowhere until a room is chosen.
    pub(super) const fn lose(&mut self) {
        self.current = Current::Nowhere;
    }

    /// Messages before the oldest ones shown of this room are wanted.
    pub(super) fn want_older(&mut self, room: RoomId) {
        self.older.insert(room);
    }

    /// The next room of which older messages are wanted.
    pub(super) fn next_older(&mut self) -> Option<RoomId> {
        self.older.pop_first()
    }

    /// Something was shown, which counts as read a moment later.
    pub(super) fn saw(&mut self, now: Instant) {
        self.read_at.get_or_insert(now + READING);
    }

    /// When to tell the server how far the person has read.
    pub(super) const fn read_at(&self) -> Option<Instant> {
        self.read_at
    }

    /// What was shown is read.
    pub(super) const fn have_read(&mut self) {
        self.read_at = None;
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::{Limits, Room, Welcome};

    use super::*;
    use crate::model::Event as Told;

    /// Somebody in the lobby (1) and in #ops (2).
    fn model() -> Model {
        let mut model = Model::new("alice");
        model.apply(Told::Welcome(Welcome {
            history_id: [1; 16],
            rooms: vec![
                Room::new(RoomId(1), RoomName::LOBBY),
                Room::new(RoomId(2), "#ops"),
            ],
            time: 0,
            limits: Limits::with_pace(0),
            server: "0".to_owned(),
            session: 1,
            ignored: Vec::new(),
        }));
        model
    }

    #[test]
    fn one_talks_in_the_lobby_until_a_room_is_chosen() {
        let (mut focus, model) = (Focus::default(), model());
        assert_eq!(focus.here(&model), Some(RoomId(1)));
        focus.choose(RoomId(2));
        assert_eq!(focus.here(&model), Some(RoomId(2)));
        focus.leave();
        assert_eq!(focus.here(&model), Some(RoomId(1)));
        assert_eq!(focus.here(&Model::new("alice")), None);
    }

    #[test]
    fn who_was_sent_out_of_a_room_talks_nowhere() {
        let (mut focus, mut model) = (Focus::default(), model());
        focus.choose(RoomId(2));
        model.apply(Told::Left(RoomId(2)));
        assert_eq!(focus.here(&model), None);
        focus.choose(RoomId(1));
        focus.lose();
        assert_eq!(focus.here(&model), None);
    }

    #[test]
    fn what_was_shown_is_read_a_moment_after_the_first_of_it() {
        let mut focus = Focus::default();
        let now = Instant::now();
        focus.saw(now);
        focus.saw(now + READING / 2);
        assert_eq!(focus.read_at(), Some(now + READING));
        focus.have_read();
        assert_eq!(focus.read_at(), None);
    }

    #[test]
    fn older_messages_of_a_room_are_wanted_once_however_often_it_is_said() {
        let mut focus = Focus::default();
        focus.want_older(RoomId(2));
        focus.want_older(RoomId(2));
        focus.want_older(RoomId(1));
        assert_eq!(focus.next_older(), Some(RoomId(1)));
        assert_eq!(focus.next_older(), Some(RoomId(2)));
        assert_eq!(focus.next_older(), None);
    }
}
