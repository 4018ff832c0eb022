//! Leaves a room. An administrator who is no member passes the rule's check, and is refused here.

use chatbox_common::wire::message::{Access, Action, ErrorCode, RoomId, RoomRole};

use super::request::{Failure, Rule};
use super::tell::{Removal, expel};
use crate::audit::{Line, events};
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::room::{NOT_MEMBER, Refusal, UNKNOWN_ROOM};
use crate::journal::state::JournalState;

const FOR_TWO: Refusal = (ErrorCode::NotAllowed, "a conversation of two can't be left");

pub(super) const fn rule(room: RoomId) -> Rule {
    Rule::needing(&events::ROOM_LEFT, room, RoomRole::Member)
}

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
) -> Result<(), Failure> {
    let room = state.rooms().get(id).ok_or(UNKNOWN_ROOM)?;
    if room.access == Access::Direct {
        return Err(FOR_TWO.into());
    }
    if !room.members.contains_key(&who.account) {
        return Err(NOT_MEMBER.into());
    }
    state.write(|tx| tx.leave(id, who.account))?;
    state.log(Line::of(&events::ROOM_LEFT), who, Some(id));
    let removal = Removal {
        account: who.account,
        user: &who.user,
        action: Action::Leave,
        by: &who.user,
        reason: "",
        asked: Some(request),
    };
    expel(state, id, &removal);
    Ok(())
}
