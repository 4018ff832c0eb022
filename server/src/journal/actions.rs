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

use super::job::{RoomAction, RoomRequest};
use super::room::{Refusal, RoomState, UNKNOWN_ROOM};
use super::writer::Writer;
use crate::audit::Line;
use crate::clock::stamp;
use crate::event::Person;
use crate::store::{self, Commit, Role, RoomRole, StoreError};

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

impl Writer {
    pub(super) fn room_request(&mut self, request: &RoomRequest) {
        let Some(session) = self.open_session(request.session) else {
            return;
        };
        let who = session.person.clone();
        let done = self.carry_out(&who, request);
        if let Err(failure) = done {
            self.refuse_room_request(&who, request, failure);
        }
        self.forget_visited();
    }

    fn refuse_room_request(&self, who: &Person, request: &RoomRequest, failure: Failure) {
        let (code, sentence) = match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Store(error) => {
                self.tell_failure("act_not_committed", &error);
                let sentence = "the server can't store anything just now; nothing was changed";
                (ErrorCode::Unavailable, sentence)
            }
        };
        if is_forbidden(code) {
            let mut line = Line::warn("refused").with("what", request.action.word());
            if let RoomAction::Join(name) = &request.action {
                line = line.with("room", name);
            }
            self.log(line, who, request.action.needs().map(|(room, _)| room));
        }
        self.refuse_request(
            request.session,
            &request.backpressure,
            request.id,
            code,
            sentence,
        );
    }

    fn carry_out(&mut self, who: &Person, request: &RoomRequest) -> Result<(), Failure> {
        if self.low_space {
            return Err(StoreError::Full.into());
        }
        if let Some((id, needed)) = request.action.needs() {
            self.room(id)?.ok_or(UNKNOWN_ROOM)?.require(who, needed)?;
        }
        match &request.action {
            RoomAction::Create {
                name,
                topic,
                access,
            } => self.create(who, request, name, topic, *access),
            RoomAction::Join(name) => self.join(who, request, name),
            RoomAction::Direct(user) => self.direct(who, request, user),
            RoomAction::Leave(room) => self.leave(who, request, *room),
            RoomAction::Topic(room, topic) => {
                let id = store::RoomId(*room);
                self.write(|tx| tx.set_topic(id, topic))?;
                self.change(*room, who, request, |room| room.topic.clone_from(topic));
                Ok(())
            }
            RoomAction::Lock(room, reason) => {
                let id = store::RoomId(*room);
                self.write(|tx| tx.set_locked(id, reason.as_deref()))?;
                self.change(*room, who, request, |room| room.locked.clone_from(reason));
                Ok(())
            }
            RoomAction::Ignore(user, ignored) => self.ignore(who, request, user, *ignored),
            RoomAction::Invite(room, user) => self.invite(who, request, *room, user),
            RoomAction::Moderate {
                room,
                user,
                action,
                seconds,
                reason,
            } => self.moderate(who, request, *room, user, *action, *seconds, reason),
        }
    }

    /// A transaction that survives what a message's does.
    fn write<T>(
        &mut self,
        work: impl FnOnce(&store::Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.store.transaction(Commit::Usual, work)
    }

    /// A room, read into memory where it is not there yet.
    pub(super) fn room(&mut self, id: RoomId) -> Result<Option<&mut RoomState>, StoreError> {
        if !self.rooms.contains_key(&id) {
            let now = stamp();
            let read = self.write(|tx| RoomState::load(tx, id, now))?;
            let Some(room) = read else { return Ok(None) };
            self.take_in(id, room);
            self.visited.push(id);
        }
        Ok(self.rooms.get_mut(&id))
    }

    pub(super) fn log(&self, line: Line, who: &Person, room: Option<RoomId>) {
        let title = room
            .and_then(|id| self.rooms.get(&id))
            .map(|room| &room.title);
        let line = match title {
            Some(title) => line.with("room", title),
            None => line,
        };
        let line = line.with("by", &who.user).with("account", who.account);
        self.audit.info(line);
    }

    fn done(&self, request: &RoomRequest) {
        let done = ServerMessage::Done(Plain {
            request: request.id,
        });
        self.deliveries
            .reply(request.session, &request.backpressure, &done);
    }

    fn target(&mut self, user: &UserName) -> Result<TargetUser, Failure> {
        let found = self.write(|tx| tx.account(user))?.ok_or(UNKNOWN_USER)?;
        Ok(TargetUser {
            account: found.id.0,
            user: found.user.as_str().into(),
            is_admin: found.role == Role::Admin,
        })
    }
}
