//! Changes what moderators may change about a room: its topic, its lock.

use chatbox_common::wire::message::{RoomId, RoomRole};

use super::request::{Failure, Rule, done};
use super::tell::tell_changed;
use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::state::JournalState;
use crate::store::RoomSetting;

const fn event(setting: &RoomSetting) -> &'static AuditEvent {
    match setting {
        RoomSetting::Topic(_) => &events::TOPIC_SET,
        RoomSetting::Locked(Some(_)) => &events::ROOM_LOCKED,
        RoomSetting::Locked(None) => &events::ROOM_UNLOCKED,
    }
}

fn line(setting: &RoomSetting) -> Line {
    let line = Line::of(event(setting));
    match setting {
        RoomSetting::Topic(topic) => line.with_text("topic", topic),
        RoomSetting::Locked(Some(reason)) => line.with_text("reason", reason),
        RoomSetting::Locked(None) => line,
    }
}

pub(super) const fn rule(room: RoomId, setting: &RoomSetting) -> Rule {
    Rule::needing(event(setting), room, RoomRole::Moderator)
}

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    setting: &RoomSetting,
) -> Result<(), Failure> {
    state.write(|tx| tx.set(id, setting))?;
    if let Some(room) = state.rooms_mut().get_mut(id) {
        room.set(setting.clone());
    }
    state.log(line(setting), who, Some(id));
    tell_changed(state, id, who);
    done(state, request);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_event_and_is_the_moderators() {
        for (setting, name) in [
            (RoomSetting::Topic(String::new()), "topic_set"),
            (RoomSetting::Locked(Some(String::new())), "room_locked"),
            (RoomSetting::Locked(None), "room_unlocked"),
        ] {
            let rule = rule(RoomId(5), &setting);
            assert_eq!(rule.event.name(), name);
            assert_eq!(rule.need, Some((RoomId(5), RoomRole::Moderator)), "{name}");
        }
    }
}
