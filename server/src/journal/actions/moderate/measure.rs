//! One thing that a moderator does to a user: its right, its check, its event, what it changes in
//! the database and what in memory.

use chatbox_common::wire::message::{AccountId, Action, ErrorCode, RoomRole};

use crate::audit::events::AuditEvent;
use crate::journal::room::{Refusal, RoomState};
use crate::store::{Sanction, StoreError, Tx};

pub(super) const NOT_THERE: Refusal = (ErrorCode::InvalidArgument, "they are not in this room");
pub(super) const NOTHING_TO_DO: Refusal = (ErrorCode::InvalidArgument, "that is so already");

pub(super) struct Measure {
    pub(super) event: &'static AuditEvent,
    /// The least role that the moderator needs in the room.
    pub(super) need: RoomRole,
    /// What the room is told.
    pub(super) told: Action,
    /// Whether it ends a membership. `keep` does so in the database; in memory `expel` does, which
    /// also tells the sessions.
    pub(super) expels: bool,
    /// Refuses what would change nothing.
    pub(super) check: fn(&StateBefore) -> Result<(), Refusal>,
    /// Writes it to the database, with its end in milliseconds since 1970-01-01 UTC where it has
    /// one.
    pub(super) keep: fn(&Tx<'_>, &Sanction<'_>, Option<i64>) -> Result<(), StoreError>,
    /// Changes a room in memory as `keep` changed the database, except for memberships that end.
    pub(super) apply: fn(&mut RoomState, AccountId, Option<i64>),
}

pub(super) struct StateBefore {
    /// `None` where the user is no member.
    pub(super) role: Option<RoomRole>,
    pub(super) is_banned: bool,
    pub(super) is_muted: bool,
}

impl StateBefore {
    pub(super) fn of(account: AccountId, room: &RoomState) -> Self {
        Self {
            role: room.members.get(&account).map(|member| member.role),
            is_banned: room.banned.contains(&account),
            is_muted: room.muted.contains_key(&account),
        }
    }
}
