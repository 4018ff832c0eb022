//! Leaves a room's word to its moderators, or gives it back to all.

use chatbox_common::wire::message::{RoomId, RoomRole};

use super::request::{Failure, Rule, done};
use super::tell::tell_changed;
use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::state::JournalState;

const fn event(reason: Option<&str>) -> &'static AuditEvent {
    match reason {
        Some(_) => &events::ROOM_LOCKED,
        None => &events::ROOM_UNLOCKED,
    }
}

pub(super) const fn rule(room: RoomId, reason: Option<&str>) -> Rule {
    Rule::needing(event(reason), room, RoomRole::Moderator)
}

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    reason: Option<&str>,
) -> Result<(), Failure> {
    state.write(|tx| tx.set_locked(id, reason))?;
    if let Some(room) = state.rooms_mut().get_mut(id) {
        room.locked = reason.map(str::to_owned);
    }
    let line = Line::of(event(reason));
    let line = match reason {
        Some(reason) => line.with_text("reason", reason),
        None => line,
    };
    state.log(line, who, Some(id));
    tell_changed(state, id, who);
    done(state, request);
    Ok(())
}
