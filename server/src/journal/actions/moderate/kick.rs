//! Ends a membership; the user may join again.

use chatbox_common::wire::message::{Action, RoomRole};

use super::measure::{Measure, NOT_THERE};
use crate::audit::events;

pub(super) const KICK: Measure = Measure {
    event: &events::KICKED,
    need: RoomRole::Moderator,
    told: Action::Kick,
    expels: true,
    check: |before| before.role.map(|_| ()).ok_or(NOT_THERE),
    keep: |tx, kick, _| tx.leave(kick.room, kick.account).map(|_| ()),
    apply: |_, _, _| {},
};
