//! Who is told of a room action: those whom it concerns, in all their sessions, and the room.

use std::sync::Arc;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    Action, Invited, Joined, Left, RoomId, ServerMessage, Standing,
};

use super::super::job::RoomRequest;
use super::super::state::State;
use super::TargetUser;
use crate::delivery::Delivery;
use crate::event::Person;
use crate::presence::MAX_NAMED;
use crate::store::RoomRole;

/// Brings all sessions of a new member into a room.
pub(super) fn enter(state: &mut State, id: RoomId, who: &Person, asked: Option<&RoomRequest>) {
    let now = std::time::Instant::now();
    let sessions = state.sessions().of(who.account).to_vec();
    let Some(room) = state.rooms_mut().get_mut(id) else {
        return;
    };
    let is_small = room.members.len() <= MAX_NAMED;
    for _ in &sessions {
        room.presence.joined(&who.user, now);
        if is_small {
            room.presence.is_told_of(&who.user);
        }
    }
    for &session in &sessions {
        state.sessions_mut().enter(session, id);
    }
    let Some(room) = state.rooms().get(id) else {
        return;
    };
    for session in sessions {
        let asked = asked.filter(|request| request.session == session);
        let joined = Joined {
            request: asked.map(|request| request.id),
            room: room.describe(id, who),
        };
        let mut bytes = Vec::new();
        codec::put(&ServerMessage::Joined(joined), &mut bytes);
        let enter = Delivery::Enter {
            session,
            room: id,
            head: room.head,
            bytes,
        };
        state.deliveries().send(session, enter);
    }
    if is_small {
        tell_standing(state, id, &who.user, Action::Join, &who.user, "");
    }
}

/// Takes all sessions of somebody out of a room that they belong to no longer.
#[expect(clippy::too_many_arguments, reason = "who, whence, by whom and why")]
pub(super) fn expel(
    state: &mut State,
    id: RoomId,
    account: u64,
    user: &Arc<str>,
    action: Action,
    by: &Arc<str>,
    reason: &str,
    asked: Option<&RoomRequest>,
) {
    let now = std::time::Instant::now();
    let sessions = state.sessions().of(account).to_vec();
    let Some(room) = state.rooms_mut().get_mut(id) else {
        return;
    };
    room.members.remove(&account);
    let is_small = room.members.len() < MAX_NAMED;
    for _ in &sessions {
        room.presence.left(user, false, now);
        if is_small {
            room.presence.is_told_of(user);
        }
    }
    for session in sessions {
        state.sessions_mut().leave(session, id);
        let asked = asked.filter(|request| request.session == session);
        let left = Left {
            request: asked.map(|request| request.id),
            room: id,
            action,
            by: by.to_string(),
            reason: reason.to_owned(),
        };
        let mut bytes = Vec::new();
        codec::put(&ServerMessage::Left(left), &mut bytes);
        let leave = Delivery::Leave {
            session,
            room: id,
            bytes,
        };
        state.deliveries().send(session, leave);
    }
    state.rooms_mut().visit(id);
    if is_small || action != Action::Leave {
        tell_standing(state, id, user, action, by, reason);
    }
}

pub(super) fn tell_standing(
    state: &State,
    id: RoomId,
    user: &str,
    action: Action,
    by: &str,
    reason: &str,
) {
    let standing = Standing {
        room: id,
        user: user.to_owned(),
        action,
        by: by.to_owned(),
        reason: reason.to_owned(),
        role: RoomRole::Member.into(),
        seconds: None,
    };
    tell_room(state, id, &ServerMessage::Standing(standing), false);
}

/// Tells somebody, wherever they are logged in, that they may enter a room.
pub(super) fn tell_invited(state: &State, id: RoomId, target: &TargetUser, by: &Person) {
    let Some(room) = state.rooms().get(id) else {
        return;
    };
    let invited = Invited {
        name: room.title.to_string(),
        by: by.user.to_string(),
    };
    let mut bytes = Vec::new();
    codec::put(&ServerMessage::Invited(invited), &mut bytes);
    let sessions = state.sessions().of(target.account);
    for &session in sessions {
        let bytes = bytes.clone();
        state
            .deliveries()
            .send(session, Delivery::Droppable { session, bytes });
    }
}

/// Tells all members who are online. What must be known is not dropped.
pub(super) fn tell_room(state: &State, room: RoomId, message: &ServerMessage, must_be_known: bool) {
    let mut bytes = Vec::new();
    codec::put(message, &mut bytes);
    let bytes: Arc<[u8]> = bytes.into();
    state.deliveries().broadcast(|| Delivery::Notice {
        room,
        bytes: Arc::clone(&bytes),
        must_be_known,
    });
}
