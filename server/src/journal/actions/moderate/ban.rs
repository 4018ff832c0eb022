//! Ends a membership and keeps the user from joining again, or takes that back.

use chatbox_common::wire::message::{Action, RoomRole};

use super::measure::{Measure, NOTHING_TO_DO};
use crate::audit::events;

pub(super) const BAN: Measure = Measure {
    event: &events::BANNED,
    need: RoomRole::Moderator,
    told: Action::Ban,
    expels: true,
    check: |before| {
        if before.is_banned {
            Err(NOTHING_TO_DO)
        } else {
            Ok(())
        }
    },
    keep: |tx, ban, _| tx.ban(ban),
    apply: |room, account, _| {
        room.banned.insert(account);
        room.invited.remove(&account);
    },
};

pub(super) const UNBAN: Measure = Measure {
    event: &events::UNBANNED,
    need: RoomRole::Moderator,
    told: Action::Unban,
    expels: false,
    check: |before| {
        if before.is_banned {
            Ok(())
        } else {
            Err(NOTHING_TO_DO)
        }
    },
    keep: |tx, ban, _| tx.unban(ban.room, ban.account).map(|_| ()),
    apply: |room, account, _| {
        room.banned.remove(&account);
    },
};
