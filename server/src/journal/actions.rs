//! What members do with rooms and with each other, and whom they ignore. Called by the writer.
//!
//! Each room action is a transaction of its own, between two batches, so that its place among the
//! messages is the same for all members. Each has a file of its own, with its event in the audit,
//! the role it needs (checked before anything of it is done), its other checks, and its effect.
//! Memory is changed after the commit, and the members are told last.

mod create;
mod direct;
mod hide;
mod ignore;
mod invite;
mod join;
mod leave;
mod moderate;
mod request;
mod setting;
mod tell;

use chatbox_common::wire::message::ErrorCode;

use self::moderate::Moderation;
use self::request::{Failure, Rule};
pub(super) use self::tell::tell_changed;
use super::job::{RoomAction, RoomRequest};
use super::room::{ARCHIVED, Refusal, UNKNOWN_ROOM};
use super::state::JournalState;
use crate::audit::{Line, events};
use crate::event::Person;
use crate::store::{RoomSetting, StoreError};

const NOT_COMMITTED: Refusal = (
    ErrorCode::Unavailable,
    "the server can't store anything just now; nothing was changed",
);

/// Refusals that stand in the audit: the person may not do what they tried.
const fn is_forbidden(code: ErrorCode) -> bool {
    use ErrorCode::{Banned, NotAllowed, NotMember, UnknownRoom};
    matches!(code, Banned | NotAllowed | NotMember | UnknownRoom)
}

pub(super) fn room_request(state: &mut JournalState, request: &RoomRequest) {
    let Some(session) = state.sessions().open(request.session) else {
        return;
    };
    let who = session.person.clone();
    let refusal = match carry_out(state, &who, request) {
        Ok(()) => {
            let _ = state.watch(&events::ACT_NOT_COMMITTED, Ok(()));
            None
        }
        Err(Failure::Refused(refusal)) => Some(refusal),
        Err(Failure::Store(error)) => {
            let _ = state.watch(&events::ACT_NOT_COMMITTED, Err::<(), _>(error));
            Some(NOT_COMMITTED)
        }
    };
    if let Some(refusal) = refusal {
        refuse_room_request(state, &who, request, refusal);
    }
    state.rooms_mut().forget_visited();
}

fn refuse_room_request(
    state: &JournalState,
    who: &Person,
    request: &RoomRequest,
    (code, sentence): Refusal,
) {
    if is_forbidden(code) {
        let rule = rule(&request.action);
        let mut line = Line::of(&events::REFUSED).with("what", rule.event.name());
        if let RoomAction::Join(name) = &request.action {
            line = line.with("room", name);
        }
        state.log(line, who, rule.need.map(|(room, _)| room));
    }
    state.refuse(
        request.session,
        &request.in_flight,
        request.id,
        (code, sentence),
    );
}

fn rule(action: &RoomAction) -> Rule {
    match action {
        RoomAction::Create { .. } => create::RULE,
        RoomAction::Join(_) => join::RULE,
        RoomAction::Direct(_) => direct::RULE,
        RoomAction::Hide(..) => hide::RULE,
        RoomAction::Leave(room) => leave::rule(*room),
        RoomAction::Set(room, setting) => setting::rule(*room, setting),
        RoomAction::Invite(room, _) => invite::rule(*room),
        RoomAction::Ignore(_, ignored) => ignore::rule(*ignored),
        RoomAction::Moderate { room, action, .. } => moderate::rule(*room, *action),
    }
}

/// Who was in a room when it was archived reads it, and may leave it.
const fn is_for_archived(action: &RoomAction) -> bool {
    match action {
        RoomAction::Set(_, RoomSetting::Topic(_) | RoomSetting::Locked(_))
        | RoomAction::Invite(..)
        | RoomAction::Moderate { .. } => false,
        RoomAction::Leave(_)
        | RoomAction::Set(_, RoomSetting::Archived(_))
        // These name no room that is there, or judge it themselves.
        | RoomAction::Create { .. }
        | RoomAction::Join(_)
        | RoomAction::Direct(_)
        | RoomAction::Hide(..)
        | RoomAction::Ignore(..) => true,
    }
}

fn carry_out(state: &mut JournalState, who: &Person, request: &RoomRequest) -> Result<(), Failure> {
    if state.has_low_space() {
        return Err(StoreError::Full.into());
    }
    if let Some((id, needed)) = rule(&request.action).need {
        if !who.is_admin && !state.finds_member(id, who.account)? {
            return Err(state.stranger_refusal(id, who.account)?.into());
        }
        let room = state.room(id)?.ok_or(UNKNOWN_ROOM)?;
        room.require(who, needed)?;
        if room.is_archived() && !is_for_archived(&request.action) {
            return Err(ARCHIVED.into());
        }
    }
    match &request.action {
        RoomAction::Create {
            name,
            topic,
            access,
        } => create::carry_out(state, who, request, name, topic, *access),
        RoomAction::Join(name) => join::carry_out(state, who, request, name),
        RoomAction::Direct(user) => direct::carry_out(state, who, request, user),
        RoomAction::Hide(room, seen) => hide::carry_out(state, who, request, *room, *seen),
        RoomAction::Leave(room) => leave::carry_out(state, who, request, *room),
        RoomAction::Set(room, setting) => setting::carry_out(state, who, request, *room, setting),
        RoomAction::Invite(room, user) => invite::carry_out(state, who, request, *room, user),
        RoomAction::Ignore(user, ignored) => ignore::carry_out(state, who, request, user, *ignored),
        RoomAction::Moderate {
            room,
            user,
            action,
            reason,
        } => {
            let moderation = Moderation {
                room: *room,
                user,
                action: *action,
                reason,
            };
            moderate::carry_out(state, who, request, &moderation)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::job::ModeratorAction;
    use chatbox_common::name::{RoomName, UserName};
    use chatbox_common::wire::message::{Access, RoomId, RoomRole};

    fn bob() -> UserName {
        UserName::parse("bob").unwrap()
    }

    #[test]
    fn every_action_states_its_event_and_what_is_needed_for_it() {
        let moderate = |action| RoomAction::Moderate {
            room: RoomId(5),
            user: bob(),
            action,
            reason: String::new(),
        };
        let make = RoomAction::Create {
            name: RoomName::lobby(),
            topic: String::new(),
            access: Access::Open,
        };
        let mute = ModeratorAction::Mute { seconds: Some(1) };
        let (free, member) = (None, Some(RoomRole::Member));
        let (moderator, owner) = (Some(RoomRole::Moderator), Some(RoomRole::Owner));
        for (action, word, need) in [
            (make, "room_created", free),
            (RoomAction::Join(RoomName::lobby()), "room_joined", free),
            (RoomAction::Direct(bob()), "conversation_begun", free),
            (RoomAction::Hide(RoomId(5), 1), "conversation_hidden", free),
            (RoomAction::Ignore(bob(), true), "ignored", free),
            (RoomAction::Ignore(bob(), false), "no_longer_ignored", free),
            (RoomAction::Leave(RoomId(5)), "room_left", member),
            (RoomAction::Invite(RoomId(5), bob()), "invited", moderator),
            (moderate(ModeratorAction::Kick), "kicked", moderator),
            (moderate(ModeratorAction::Ban), "banned", moderator),
            (moderate(ModeratorAction::Unban), "unbanned", moderator),
            (moderate(mute), "muted", moderator),
            (moderate(ModeratorAction::Unmute), "unmuted", moderator),
            (moderate(ModeratorAction::Op), "moderator_made", owner),
            (moderate(ModeratorAction::Deop), "moderator_unmade", owner),
        ] {
            let rule = rule(&action);
            assert_eq!(rule.event.name(), word);
            assert_eq!(rule.need, need.map(|role| (RoomId(5), role)), "{word}");
        }
    }
}
