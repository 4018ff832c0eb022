//! Says what a room is about.

use chatbox_common::wire::message::{RoomId, RoomRole};

use super::request::{Failure, Rule, done};
use super::tell::tell_changed;
use crate::audit::{Line, events};
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::state::JournalState;

pub(super) const fn rule(room: RoomId) -> Rule {
    Rule::needing(&events::TOPIC_SET, room, RoomRole::Moderator)
}

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    topic: &str,
) -> Result<(), Failure> {
    state.write(|tx| tx.set_topic(id, topic))?;
    if let Some(room) = state.rooms_mut().get_mut(id) {
        topic.clone_into(&mut room.topic);
    }
    let line = Line::of(&events::TOPIC_SET).with_text("topic", topic);
    state.log(line, who, Some(id));
    tell_changed(state, id, who);
    done(state, request);
    Ok(())
}
