//! Makes a member a moderator, or a moderator a member. An owner stays one.

use chatbox_common::wire::message::{AccountId, Action, RoomRole};

use super::measure::{Measure, NOT_THERE, NOTHING_TO_DO};
use crate::audit::events;
use crate::journal::room::RoomState;

pub(super) const OP: Measure = Measure {
    event: &events::MODERATOR_MADE,
    need: RoomRole::Owner,
    told: Action::Op,
    expels: false,
    check: |before| match before.role {
        None => Err(NOT_THERE),
        Some(RoomRole::Member) => Ok(()),
        Some(RoomRole::Moderator | RoomRole::Owner) => Err(NOTHING_TO_DO),
    },
    keep: |tx, op, _| tx.set_room_role(op.room, op.account, RoomRole::Moderator),
    apply: |room, account, _| set_role(room, account, RoomRole::Moderator),
};

pub(super) const DEOP: Measure = Measure {
    event: &events::MODERATOR_UNMADE,
    need: RoomRole::Owner,
    told: Action::Deop,
    expels: false,
    check: |before| match before.role {
        None => Err(NOT_THERE),
        Some(RoomRole::Moderator) => Ok(()),
        Some(RoomRole::Member | RoomRole::Owner) => Err(NOTHING_TO_DO),
    },
    keep: |tx, op, _| tx.set_room_role(op.room, op.account, RoomRole::Member),
    apply: |room, account, _| set_role(room, account, RoomRole::Member),
};

fn set_role(room: &mut RoomState, account: AccountId, role: RoomRole) {
    if let Some(member) = room.members.get_mut(&account) {
        member.role = role;
    }
}
