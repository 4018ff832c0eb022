//! What all room actions have in common: the rule that each states, why one fails, the user it
//! names and how it is answered.

use std::sync::Arc;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{AccountId, ErrorCode, Plain, RoomId, RoomRole, ServerMessage};

use crate::audit::events::AuditEvent;
use crate::journal::job::RoomRequest;
use crate::journal::room::{Refusal, RoomState};
use crate::journal::state::JournalState;
use crate::store::{Role, StoreError};

const UNKNOWN_USER: Refusal = (ErrorCode::UnknownUser, "there is nobody of this name");
pub(super) const THAT_IS_YOU: Refusal = (ErrorCode::InvalidArgument, "that is you");

/// What is checked, and logged of a refusal, before anything of a room action is done.
pub(super) struct Rule {
    pub(super) event: &'static AuditEvent,
    /// The least role needed, and in which room; `None` where the action checks for itself.
    pub(super) need: Option<(RoomId, RoomRole)>,
}

impl Rule {
    pub(super) const fn free(event: &'static AuditEvent) -> Self {
        Self { event, need: None }
    }

    pub(super) const fn needing(event: &'static AuditEvent, room: RoomId, role: RoomRole) -> Self {
        Self {
            event,
            need: Some((room, role)),
        }
    }
}

pub(super) enum Failure {
    Refused(Refusal),
    Store(StoreError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(super) struct TargetUser {
    pub(super) account: AccountId,
    pub(super) user: Arc<str>,
    pub(super) is_admin: bool,
}

impl TargetUser {
    /// Administrators rank above all roles of a room. Only the higher rank may act upon the lower.
    pub(super) fn rank_in(&self, room: &RoomState) -> (bool, RoomRole) {
        (self.is_admin, room.standing_of(self.account))
    }
}

pub(super) fn target(state: &mut JournalState, user: &UserName) -> Result<TargetUser, Failure> {
    let found = state.write(|tx| tx.account(user))?.ok_or(UNKNOWN_USER)?;
    Ok(TargetUser {
        account: found.id,
        user: found.user.as_str().into(),
        is_admin: found.role == Role::Admin,
    })
}

pub(super) fn done(state: &JournalState, request: &RoomRequest) {
    let done = ServerMessage::Done(Plain {
        request: request.id,
    });
    state
        .deliveries()
        .reply(request.session, &request.in_flight, &done);
}
