//! Tells of a room action the accounts that it concerns, in all their sessions, and the room.
//! Called by the actions after their commit.

use std::sync::Arc;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    AccountId, Action, Invited, Joined, Left, RoomId, RoomRole, ServerMessage, Standing,
};

use super::request::TargetUser;
use crate::delivery::Delivery;
use crate::event::Person;
use crate::journal::hidden::{entering, leaving};
use crate::journal::job::RoomRequest;
use crate::journal::state::JournalState;
use crate::presence::MAX_NAMED;

/// Brings all sessions of a new member into a room; the one that `asked` gets its answer with it.
pub(super) fn enter(
    state: &mut JournalState,
    id: RoomId,
    who: &Person,
    asked: Option<&RoomRequest>,
) {
    let now = std::time::Instant::now();
    let sessions = state.sessions().of(who.account).to_vec();
    let Some(room) = state.rooms().get(id) else {
        return;
    };
    let is_small = room.members.len() <= MAX_NAMED;
    for &session in &sessions {
        state.rooms_mut().come(id, &who.user, now);
        state.sessions_mut().enter(session, id);
    }
    if is_small {
        state.rooms_mut().is_told_of(id, &who.user);
    }
    let Some(room) = state.rooms().describe(id, who) else {
        return;
    };
    for session in sessions {
        let asked = asked.filter(|request| request.session == session);
        let enter = entering(session, room.clone(), asked);
        state.deliveries().send(session, enter);
    }
    if is_small {
        tell_standing(state, id, &who.user, Action::Join, &who.user, "");
    }
}

/// The end of a membership.
pub(super) struct Removal<'a> {
    pub(super) account: AccountId,
    pub(super) user: &'a Arc<str>,
    /// [`Action::Leave`], or what a moderator did.
    pub(super) action: Action,
    pub(super) by: &'a Arc<str>,
    pub(super) reason: &'a str,
    /// The request of the member who leaves; the session that sent it gets its answer with it.
    pub(super) asked: Option<&'a RoomRequest>,
}

/// Takes all sessions of a former member out of a room. A large room is told of what a moderator
/// did, and not of who leaves, whom it only counts.
pub(super) fn expel(state: &mut JournalState, id: RoomId, removal: &Removal<'_>) {
    let now = std::time::Instant::now();
    let sessions = state.sessions().of(removal.account).to_vec();
    let Some(room) = state.rooms_mut().get_mut(id) else {
        return;
    };
    room.members.remove(&removal.account);
    let is_small = room.members.len() < MAX_NAMED;
    for _ in &sessions {
        state.rooms_mut().go(id, removal.user, false, now);
    }
    if is_small {
        state.rooms_mut().is_told_of(id, removal.user);
    }
    for session in sessions {
        state.sessions_mut().leave(session, id);
        let asked = removal.asked.filter(|request| request.session == session);
        let left = Left {
            request: asked.map(|request| request.id),
            room: id,
            action: removal.action,
            by: removal.by.to_string(),
            reason: removal.reason.to_owned(),
        };
        state.deliveries().send(session, leaving(session, left));
    }
    state.rooms_mut().visit(id);
    if is_small || removal.action != Action::Leave {
        tell_standing(
            state,
            id,
            removal.user,
            removal.action,
            removal.by,
            removal.reason,
        );
    }
}

fn tell_standing(
    state: &JournalState,
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
        role: RoomRole::Member,
        seconds: None,
    };
    tell_room(state, id, &ServerMessage::Standing(standing), false);
}

/// Droppable: the list of rooms shows the room as well.
pub(super) fn tell_invited(state: &JournalState, id: RoomId, target: &TargetUser, by: &Person) {
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

/// Tells all members who are online; `must_be_known` as in [`Delivery::Notice`].
pub(super) fn tell_room(
    state: &JournalState,
    room: RoomId,
    message: &ServerMessage,
    must_be_known: bool,
) {
    let mut bytes = Vec::new();
    codec::put(message, &mut bytes);
    let bytes: Arc<[u8]> = bytes.into();
    state.deliveries().broadcast(|| Delivery::Notice {
        room,
        bytes: Arc::clone(&bytes),
        must_be_known,
    });
}

pub(in crate::journal) fn tell_changed(state: &JournalState, id: RoomId, by: &str) {
    let Some(room) = state.rooms().get(id) else {
        return;
    };
    let changed = room.changed(id, by);
    tell_room(state, id, &ServerMessage::RoomChanged(changed), true);
}

/// Answers a member who asks to enter again as if they had entered just now.
pub(super) fn is_in_already(state: &JournalState, request: &RoomRequest, id: RoomId, who: &Person) {
    let Some(room) = state.rooms().describe(id, who) else {
        return;
    };
    let joined = ServerMessage::Joined(Joined {
        request: Some(request.id),
        room,
    });
    state
        .deliveries()
        .reply(request.session, &request.in_flight, &joined);
}
