//! Lets a user into a room by invitation.

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{ErrorCode, RoomId, RoomRole};

use super::request::{Failure, Rule, done, target};
use super::tell::tell_invited;
use crate::audit::{Line, events};
use crate::clock::stamp;
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::room::{Refusal, UNKNOWN_ROOM};
use crate::journal::state::JournalState;

const THERE_ALREADY: Refusal = (ErrorCode::InvalidArgument, "they are in this room already");
const INVITED_ALREADY: Refusal = (ErrorCode::InvalidArgument, "they are invited already");
const THEY_ARE_BANNED: Refusal = (
    ErrorCode::InvalidArgument,
    "they are banned from this room; take that back first",
);

pub(super) const fn rule(room: RoomId) -> Rule {
    Rule::needing(&events::INVITED, room, RoomRole::Moderator)
}

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    user: &UserName,
) -> Result<(), Failure> {
    let target = target(state, user)?;
    let room = state.rooms().get(id).ok_or(UNKNOWN_ROOM)?;
    if room.members.contains_key(&target.account) {
        return Err(THERE_ALREADY.into());
    }
    if room.banned.contains(&target.account) {
        return Err(THEY_ARE_BANNED.into());
    }
    if room.invited.contains(&target.account) {
        return Err(INVITED_ALREADY.into());
    }
    let at = stamp();
    let (account, by) = (target.account, who.account);
    state.write(|tx| tx.invite(id, account, by, at))?;
    if let Some(room) = state.rooms_mut().get_mut(id) {
        room.invited.insert(target.account);
    }
    let line = Line::of(&events::INVITED).with("user", &target.user);
    state.log(line, who, Some(id));
    tell_invited(state, id, &target, who);
    done(state, request);
    Ok(())
}
