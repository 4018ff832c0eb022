//! What all room actions have in common: the rule that each states, why one fails, whom it names
//! and how it is answered.

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

/// What is known of a room action before anything of it is done.
pub(super) struct Rule {
    /// Its event in the audit.
    pub(super) event: &'static AuditEvent,
    /// In which room what is needed for it; without, the action looks for itself.
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

/// Why a room action was not carried out.
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

/// Somebody else, as a room action names them.
pub(super) struct TargetUser {
    pub(super) account: AccountId,
    pub(super) user: Arc<str>,
    pub(super) is_admin: bool,
}

impl TargetUser {
    /// An administrator, then what the room gives: who stands higher may act upon who does not.
    pub(super) fn rank_in(&self, room: &RoomState) -> (bool, RoomRole) {
        (self.is_admin, room.standing_of(self.account))
    }
}

/// Looks for somebody by name.
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
        .reply(request.session, &request.backpressure, &done);
}
