//! The current room, in which typed text is said; rooms whose older messages are wanted; and when
//! what was shown counts as read. `app` asks it. Pure: `now` is an argument.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chatbox_common::name::RoomName;
use chatbox_common::wire::message::RoomId;

use crate::model::Model;

/// After the first message shown, until all that was shown counts as read: one `read` for many.
const READING: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Current {
    /// The lobby, where the person is in it.
    #[default]
    Unchosen,
    In(RoomId),
    /// Until a room is chosen.
    Nowhere,
}

#[derive(Debug, Default)]
pub(super) struct Focus {
    current: Current,
    /// Wanted by a face that scrolls back.
    older: BTreeSet<RoomId>,
    /// When to send `read` (docs/PROTOCOL.md, 13.10).
    read_at: Option<Instant>,
}

impl Focus {
    /// The room chosen last, or the lobby as long as none was. `None` once the server has ended the
    /// membership: what was meant for one room is not said in another.
    pub(super) fn here(&self, model: &Model) -> Option<RoomId> {
        match self.current {
            Current::Unchosen => model.room_named(RoomName::LOBBY),
            Current::In(room) => Some(room).filter(|room| model.is_in(*room)),
            Current::Nowhere => None,
        }
    }

    /// The room that was chosen.
    pub(super) const fn chosen(&self) -> Option<RoomId> {
        match self.current {
            Current::In(room) => Some(room),
            Current::Unchosen | Current::Nowhere => None,
        }
    }

    pub(super) const fn choose(&mut self, room: RoomId) {
        self.current = Current::In(room);
    }

    /// The person left the current room on purpose, and is in the lobby again.
    pub(super) const fn leave(&mut self) {
        self.current = Current::Unchosen;
    }

    /// A room was to be entered and was not: nothing is said until a room is chosen.
    pub(super) const fn lose(&mut self) {
        self.current = Current::Nowhere;
    }

    /// Messages before the oldest one shown; asked for once, however often they are wanted.
    pub(super) fn want_older(&mut self, room: RoomId) {
        self.older.insert(room);
    }

    /// Takes one room at a time: one page is under way at a time.
    pub(super) fn next_older(&mut self) -> Option<RoomId> {
        self.older.pop_first()
    }

    /// Counts as read [`READING`] after the first message shown since the last `read`.
    pub(super) fn saw(&mut self, now: Instant) {
        self.read_at.get_or_insert(now + READING);
    }

    pub(super) const fn read_at(&self) -> Option<Instant> {
        self.read_at
    }

    pub(super) const fn have_read(&mut self) {
        self.read_at = None;
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::{Limits, Room, Welcome};

    use super::*;
    use crate::model::Event as Told;

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
            capabilities: None,
            predecessor: None,
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
