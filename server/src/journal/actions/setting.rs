//! Changes what is set about a room: its topic and its lock, which moderators may, and whether it is
//! archived, which its owner may.

use chatbox_common::wire::message::{AccountId, ErrorCode, RoomId, RoomRole};

use super::create::has_place;
use super::request::{Failure, Rule, done};
use super::tell::tell_changed;
use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::room::{Refusal, UNKNOWN_ROOM};
use crate::journal::state::JournalState;
use crate::store::{LOBBY, RoomSetting};

const THE_LOBBY: Refusal = (ErrorCode::NotAllowed, "the lobby can't be archived");
const SO_ALREADY: Refusal = (ErrorCode::InvalidArgument, "that is so already");

const fn event(setting: &RoomSetting) -> &'static AuditEvent {
    match setting {
        RoomSetting::Topic(_) => &events::TOPIC_SET,
        RoomSetting::Locked(Some(_)) => &events::ROOM_LOCKED,
        RoomSetting::Locked(None) => &events::ROOM_UNLOCKED,
        RoomSetting::Archived(Some(_)) => &events::ROOM_ARCHIVED,
        RoomSetting::Archived(None) => &events::ROOM_REOPENED,
    }
}

fn line(setting: &RoomSetting) -> Line {
    let line = Line::of(event(setting));
    match setting {
        RoomSetting::Topic(topic) => line.with_text("topic", topic),
        RoomSetting::Locked(Some(reason)) | RoomSetting::Archived(Some(reason)) => {
            line.with_text("reason", reason)
        }
        RoomSetting::Locked(None) | RoomSetting::Archived(None) => line,
    }
}

pub(super) const fn rule(room: RoomId, setting: &RoomSetting) -> Rule {
    let role = match setting {
        RoomSetting::Topic(_) | RoomSetting::Locked(_) => RoomRole::Moderator,
        RoomSetting::Archived(_) => RoomRole::Owner,
    };
    Rule::needing(event(setting), room, role)
}

/// Who made a room that is to be opened again; `None` where it is to be archived.
fn archived(state: &JournalState, id: RoomId, to_be: bool) -> Result<Option<AccountId>, Refusal> {
    if id == LOBBY {
        return Err(THE_LOBBY);
    }
    let room = state.rooms().get(id).ok_or(UNKNOWN_ROOM)?;
    if room.is_archived() == to_be {
        return Err(SO_ALREADY);
    }
    Ok(room.made_by.filter(|_| !to_be))
}

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    setting: &RoomSetting,
) -> Result<(), Failure> {
    let maker = match setting {
        RoomSetting::Archived(reason) => archived(state, id, reason.is_some())?,
        RoomSetting::Topic(_) | RoomSetting::Locked(_) => None,
    };
    let limits = state.room_limits();
    state.write(|tx| {
        if let Some(maker) = maker
            && let Err(refusal) = has_place(tx, limits, who, maker)?
        {
            return Ok(Err(refusal));
        }
        tx.set(id, setting).map(Ok)
    })??;
    if let Some(room) = state.rooms_mut().get_mut(id) {
        room.set(setting.clone());
    }
    state.log(line(setting), who, Some(id));
    tell_changed(state, id, &who.user);
    done(state, request);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_event_and_the_role_it_needs() {
        let (moderator, owner, none) = (RoomRole::Moderator, RoomRole::Owner, String::new());
        for (setting, name, role) in [
            (RoomSetting::Topic(none.clone()), "topic_set", moderator),
            (
                RoomSetting::Locked(Some(none.clone())),
                "room_locked",
                moderator,
            ),
            (RoomSetting::Locked(None), "room_unlocked", moderator),
            (RoomSetting::Archived(Some(none)), "room_archived", owner),
            (RoomSetting::Archived(None), "room_reopened", owner),
        ] {
            let rule = rule(RoomId(5), &setting);
            assert_eq!(rule.event.name(), name);
            assert_eq!(rule.need, Some((RoomId(5), role)), "{name}");
        }
    }
}
