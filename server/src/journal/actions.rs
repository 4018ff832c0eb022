//! What members do with rooms: make, enter, leave, describe, lock them, and look after each other;
//! and whom they say they do not want to see.
//!
//! Each room action is a transaction of its own, between two batches, so that its place among the messages
//! is the same for everybody. What it needs stands in one table ([`RoomAction::needs`]) and is checked
//! before anything of it is done. Memory follows the commit, and the members hear of it last.

mod ignores;
mod people;
mod rooms;
mod tell;

use std::sync::Arc;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{Action, ErrorCode, Plain, RoomId, ServerMessage};

use self::ignores::ignore;
use self::people::moderate;
use self::rooms::{change, create, direct, invite, join, leave};
use super::job::{RoomAction, RoomRequest};
use super::room::{Refusal, RoomState, UNKNOWN_ROOM};
use super::state::{State, refuse};
use crate::audit::Line;
use crate::event::Person;
use crate::store::{self, Role, RoomRole, StoreError};

const UNKNOWN_USER: Refusal = (ErrorCode::UnknownUser, "there is nobody of this name");
const THAT_IS_YOU: Refusal = (ErrorCode::InvalidArgument, "that is you");

/// Why a room action was not carried out.
enum Failure {
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
struct TargetUser {
    account: u64,
    user: Arc<str>,
    is_admin: bool,
}

impl TargetUser {
    /// An administrator, then what the room gives: who stands higher may act upon who does not.
    fn rank_in(&self, room: &RoomState) -> (bool, RoomRole) {
        (self.is_admin, room.standing_of(self.account))
    }
}

impl RoomAction {
    /// The table: in which room what is needed for it. What has no row looks for itself.
    const fn needs(&self) -> Option<(RoomId, RoomRole)> {
        match *self {
            Self::Create { .. } | Self::Join(_) | Self::Direct(_) | Self::Ignore(..) => None,
            Self::Leave(room) => Some((room, RoomRole::Member)),
            Self::Topic(room, _) | Self::Invite(room, _) | Self::Lock(room, _) => {
                Some((room, RoomRole::Moderator))
            }
            Self::Moderate { room, action, .. } => match action {
                Action::Op | Action::Deop => Some((room, RoomRole::Owner)),
                _ => Some((room, RoomRole::Moderator)),
            },
        }
    }

    /// A word for the log.
    const fn word(&self) -> &'static str {
        match self {
            Self::Create { .. } => "room_created",
            Self::Join(_) => "room_joined",
            Self::Direct(_) => "conversation_begun",
            Self::Leave(_) => "room_left",
            Self::Topic(..) => "topic_set",
            Self::Invite(..) => "invited",
            Self::Lock(_, Some(_)) => "room_locked",
            Self::Lock(_, None) => "room_unlocked",
            Self::Ignore(_, true) => "ignored",
            Self::Ignore(_, false) => "no_longer_ignored",
            Self::Moderate { action, .. } => match action {
                Action::Join | Action::Leave | Action::Kick => "kicked",
                Action::Ban => "banned",
                Action::Unban => "unbanned",
                Action::Mute => "muted",
                Action::Unmute => "unmuted",
                Action::Op => "moderator_made",
                Action::Deop => "moderator_unmade",
            },
        }
    }
}

/// Whether a refusal says that somebody may not do what they tried.
const fn is_forbidden(code: ErrorCode) -> bool {
    use ErrorCode::{Banned, NotAllowed, NotMember, UnknownRoom};
    matches!(code, Banned | NotAllowed | NotMember | UnknownRoom)
}

pub(super) fn room_request(state: &mut State, request: &RoomRequest) {
    let Some(session) = state.sessions().open(request.session) else {
        return;
    };
    let who = session.person.clone();
    let done = carry_out(state, &who, request);
    if let Err(failure) = done {
        refuse_room_request(state, &who, request, failure);
    }
    state.rooms_mut().forget_visited();
}

fn refuse_room_request(state: &State, who: &Person, request: &RoomRequest, failure: Failure) {
    let (code, sentence) = match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Store(error) => {
            state.tell_failure("act_not_committed", &error);
            let sentence = "the server can't store anything just now; nothing was changed";
            (ErrorCode::Unavailable, sentence)
        }
    };
    if is_forbidden(code) {
        let mut line = Line::warn("refused").with("what", request.action.word());
        if let RoomAction::Join(name) = &request.action {
            line = line.with("room", name);
        }
        state.log(line, who, request.action.needs().map(|(room, _)| room));
    }
    refuse(
        state.deliveries(),
        request.session,
        &request.backpressure,
        request.id,
        (code, sentence),
    );
}

fn carry_out(state: &mut State, who: &Person, request: &RoomRequest) -> Result<(), Failure> {
    if state.has_low_space() {
        return Err(StoreError::Full.into());
    }
    if let Some((id, needed)) = request.action.needs() {
        state.room(id)?.ok_or(UNKNOWN_ROOM)?.require(who, needed)?;
    }
    match &request.action {
        RoomAction::Create {
            name,
            topic,
            access,
        } => create(state, who, request, name, topic, *access),
        RoomAction::Join(name) => join(state, who, request, name),
        RoomAction::Direct(user) => direct(state, who, request, user),
        RoomAction::Leave(room) => leave(state, who, request, *room),
        RoomAction::Topic(room, topic) => {
            let id = store::RoomId(*room);
            state.write(|tx| tx.set_topic(id, topic))?;
            change(state, *room, who, request, |room| {
                room.topic.clone_from(topic);
            });
            Ok(())
        }
        RoomAction::Lock(room, reason) => {
            let id = store::RoomId(*room);
            state.write(|tx| tx.set_locked(id, reason.as_deref()))?;
            change(state, *room, who, request, |room| {
                room.locked.clone_from(reason);
            });
            Ok(())
        }
        RoomAction::Ignore(user, ignored) => ignore(state, who, request, user, *ignored),
        RoomAction::Invite(room, user) => invite(state, who, request, *room, user),
        RoomAction::Moderate {
            room,
            user,
            action,
            seconds,
            reason,
        } => moderate(state, who, request, *room, user, *action, *seconds, reason),
    }
}

fn done(state: &State, request: &RoomRequest) {
    let done = ServerMessage::Done(Plain {
        request: request.id,
    });
    state
        .deliveries()
        .reply(request.session, &request.backpressure, &done);
}

fn target(state: &mut State, user: &UserName) -> Result<TargetUser, Failure> {
    let found = state.write(|tx| tx.account(user))?.ok_or(UNKNOWN_USER)?;
    Ok(TargetUser {
        account: found.id.0,
        user: found.user.as_str().into(),
        is_admin: found.role == Role::Admin,
    })
}
