//! Enters a room. A room that the account must not see is refused like one that does not exist.

use chatbox_common::name::RoomName;
use chatbox_common::wire::message::{AccountId, ErrorCode, RoomId, RoomRole};

use super::request::{Failure, Rule};
use super::tell::{enter, is_in_already};
use crate::audit::{Line, events};
use crate::clock::stamp;
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::room::{ARCHIVED, Member, Refusal, UNKNOWN_ROOM};
use crate::journal::state::JournalState;
use crate::store::StoreError;

const BANNED: Refusal = (ErrorCode::Banned, "you are banned from this room");

pub(super) const RULE: Rule = Rule::free(&events::ROOM_JOINED);

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    name: &RoomName,
) -> Result<(), Failure> {
    let found = state.write(|tx| tx.room(name))?;
    let id = found.ok_or(UNKNOWN_ROOM)?.id;
    let room = state.room(id)?.ok_or(UNKNOWN_ROOM)?;
    if room.members.contains_key(&who.account) {
        is_in_already(state, request, id, who);
        return Ok(());
    }
    if !room.is_seen_by(who.account) {
        return Err(UNKNOWN_ROOM.into());
    }
    if room.is_archived() {
        return Err(ARCHIVED.into());
    }
    if room.banned.contains(&who.account) && !who.is_admin {
        return Err(BANNED.into());
    }
    let role = room.standing_of(who.account);
    add_member(state, id, who.account, role)?;
    state.log(Line::of(&events::ROOM_JOINED), who, Some(id));
    enter(state, id, who, Some(request));
    Ok(())
}

/// The membership begins behind the room's last message; everything before counts as read.
fn add_member(
    state: &mut JournalState,
    id: RoomId,
    account: AccountId,
    role: RoomRole,
) -> Result<(), StoreError> {
    let joined = state.rooms().get(id).map_or(1, |room| room.head + 1);
    let at = stamp();
    state.write(|tx| tx.join(id, account, role, joined, at))?;
    if let Some(room) = state.rooms_mut().get_mut(id) {
        let member = Member {
            role,
            joined,
            read: joined - 1,
            hidden: false,
        };
        room.members.insert(account, member);
        room.invited.remove(&account);
    }
    Ok(())
}
