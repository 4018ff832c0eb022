//! Takes conversations of two out of a member's list, in all of their sessions, and puts them there
//! again. Called by the actions, and by `publish` for those in which something was said.

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{AccountId, Action, Joined, Left, Room, RoomId, ServerMessage};

use super::job::RoomRequest;
use super::state::JournalState;
use crate::delivery::Delivery;
use crate::event::{Person, SessionId};

/// Takes all sessions of a member out of a conversation, as far as they can see. They count as
/// online there as before: the other one has no part in it. Where it was hidden already, the session
/// that asks is told alone.
pub(super) fn hide(state: &mut JournalState, id: RoomId, who: &Person, asked: &RoomRequest) {
    let was_hidden = state
        .rooms()
        .get(id)
        .is_none_or(|room| room.is_hidden_from(who.account));
    state.rooms_mut().hide(id, who.account, true);
    for &session in state.sessions().of(who.account) {
        let is_asker = session == asked.session;
        if was_hidden && !is_asker {
            continue;
        }
        let left = Left {
            request: is_asker.then_some(asked.id),
            room: id,
            action: Action::Leave,
            by: who.user.to_string(),
            reason: String::new(),
        };
        state.deliveries().send(session, leaving(session, left));
    }
}

/// Puts a conversation that a member has hidden into their list again: all their sessions get what is
/// said there from its head on. The one that `asked` gets its answer with it.
pub(super) fn bring_back(
    state: &mut JournalState,
    id: RoomId,
    account: AccountId,
    asked: Option<&RoomRequest>,
) {
    state.rooms_mut().hide(id, account, false);
    for &session in state.sessions().of(account) {
        let who = state.sessions().get(session).map(|one| &one.person);
        if let Some(room) = who.and_then(|who| state.rooms().describe(id, who)) {
            let asked = asked.filter(|request| request.session == session);
            let enter = entering(session, room, asked);
            state.deliveries().send(session, enter);
        }
    }
}

/// A room that a session gets nothing more of.
pub(super) fn leaving(session: SessionId, left: Left) -> Delivery {
    let room = left.room;
    let mut bytes = Vec::new();
    codec::put(&ServerMessage::Left(left), &mut bytes);
    Delivery::Leave {
        session,
        room,
        bytes,
    }
}

/// A room that one of its member's sessions gets from its head on.
pub(super) fn entering(session: SessionId, room: Room, asked: Option<&RoomRequest>) -> Delivery {
    let (id, head) = (room.room, room.head);
    let joined = Joined {
        request: asked.map(|request| request.id),
        room,
    };
    let mut bytes = Vec::new();
    codec::put(&ServerMessage::Joined(joined), &mut bytes);
    Delivery::Enter {
        session,
        room: id,
        head,
        bytes,
    }
}
