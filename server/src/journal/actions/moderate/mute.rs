//! Lets a user read and not write, for a time or until it is taken back. A mute that is repeated
//! replaces the earlier one.

use chatbox_common::wire::message::{Action, RoomRole};

use super::measure::{Measure, NOTHING_TO_DO};
use crate::audit::events;

pub(super) const MUTE: Measure = Measure {
    event: &events::MUTED,
    need: RoomRole::Moderator,
    told: Action::Mute,
    expels: false,
    check: |_| Ok(()),
    keep: |tx, mute, ends| tx.mute(mute, ends),
    apply: |room, account, ends| {
        room.muted.insert(account, ends);
    },
};

pub(super) const UNMUTE: Measure = Measure {
    event: &events::UNMUTED,
    need: RoomRole::Moderator,
    told: Action::Unmute,
    expels: false,
    check: |before| {
        if before.is_muted {
            Ok(())
        } else {
            Err(NOTHING_TO_DO)
        }
    },
    keep: |tx, mute, _| tx.unmute(mute.room, mute.account).map(|_| ()),
    apply: |room, account, _| {
        room.muted.remove(&account);
    },
};
