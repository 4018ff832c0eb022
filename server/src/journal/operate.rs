//! What the operator does while the server runs: committed like a login that spends a code, and at
//! once true for the sessions that are open.

use super::actions::tell_changed;
use super::job::{OperatorError, OperatorRequest};
use super::publish::{end_session, end_sessions};
use super::state::JournalState;
use crate::audit::events;
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
        Effect::EndSession(session) => end_session(state, session),
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
