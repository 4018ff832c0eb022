//! All there is to one thing that a moderator does to somebody: its right, its check, its event,
//! what it changes in the database and what in memory.

use chatbox_common::wire::message::{AccountId, Action, ErrorCode, RoomRole};

use crate::audit::events::AuditEvent;
use crate::journal::room::{Refusal, RoomState};
use crate::store::{Sanction, StoreError, Tx};

pub(super) const NOT_THERE: Refusal = (ErrorCode::InvalidArgument, "they are not in this room");
pub(super) const NOTHING_TO_DO: Refusal = (ErrorCode::InvalidArgument, "that is so already");

pub(super) struct Measure {
    /// Its event in the audit.
    pub(super) event: &'static AuditEvent,
    /// What whoever does it has to be in the room.
    pub(super) need: RoomRole,
    /// What people are told.
    pub(super) told: Action,
    /// Whether who belonged to the room does no longer; this is left to whoever tells them.
    pub(super) expels: bool,
    /// Whether it would change anything.
    pub(super) check: fn(&StateBefore) -> Result<(), Refusal>,
    /// Writes it, with its end where it has one.
    pub(super) keep: fn(&Tx<'_>, &Sanction<'_>, Option<i64>) -> Result<(), StoreError>,
    /// Changes a room in memory as `keep` changed the database, memberships apart.
    pub(super) apply: fn(&mut RoomState, AccountId, Option<i64>),
}

/// How somebody stands in a room before it.
pub(super) struct StateBefore {
    /// What they may do there, if they belong to it.
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
