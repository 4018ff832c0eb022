//! What the operator does while the server runs: committed like a login that spends a code, and at
//! once true for the sessions that are open.

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    Announcement, Capability, ErrorCode, ErrorMessage, ServerMessage,
};

use super::actions::tell_changed;
use super::job::{OperatorError, OperatorRequest};
use super::publish::{end_login, end_sessions};
use super::state::JournalState;
use crate::audit::events;
use crate::clock::now_ms;
use crate::delivery::Delivery;
use crate::operator::Effect;
use crate::store::Role;

/// What members read in place of a name. It is none: no user can be called like it.
const OPERATOR: &str = "the operator";

/// Not refused on a disk that is nearly full: what is kept free there is for this.
pub(super) fn operate(
    state: &mut JournalState,
    request: &OperatorRequest,
) -> Result<String, OperatorError> {
    let done = state.operate(request.operator, &request.action);
    let done = state.watch(&events::ACT_NOT_COMMITTED, done)??;
    state.audit().log(done.line);
    match done.effect {
        Effect::Nothing => {}
        Effect::EndSessions(account) => end_sessions(state, account, None),
        Effect::EndLogin(tokens) => end_login(state, &tokens),
        Effect::SetRole(account, role) => {
            let is_admin = role == Role::Admin;
            state.sessions_mut().set_admin(account, is_admin);
        }
        Effect::SetRoom(id, setting) => {
            if let Some(room) = state.rooms_mut().get_mut(id) {
                room.set(setting);
                tell_changed(state, id, OPERATOR);
            }
        }
    }
    Ok(done.name)
}

/// Clients that do not know of announcements show what is no answer as it stands there. The database
/// has no part in it: people are told of one that fails.
pub(super) fn announce(state: &JournalState, text: String) -> usize {
    let error = ErrorMessage {
        request: None,
        code: ErrorCode::Unavailable,
        text: format!("the operator tells everybody: {text}"),
        retry_ms: None,
    };
    let announcement = Announcement {
        time: now_ms(),
        text,
    };
    let (mut known, mut unknown, mut told) = (Vec::new(), Vec::new(), 0);
    codec::put(&ServerMessage::Announcement(announcement), &mut known);
    codec::put(&ServerMessage::Error(error), &mut unknown);
    for (session, capabilities) in state.sessions().all() {
        let bytes = if capabilities.has(Capability::Announcement) {
            known.clone()
        } else {
            unknown.clone()
        };
        let offer = Delivery::Offer { session, bytes };
        state.deliveries().send(session, offer);
        told += 1;
    }
    told
}
