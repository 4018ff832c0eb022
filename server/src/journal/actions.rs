//! What members do with rooms: make, enter, leave, describe, lock them, and look after each other;
//! and whom they say they do not want to see.
//!
//! Each act is a transaction of its own, between two batches, so that its place among the messages
//! is the same for everybody. What it needs stands in one table ([`Deed::needs`]) and is checked
//! before anything of it is done. Memory follows the commit, and the members hear of it last.

mod ignores;
mod people;
mod rooms;
mod tell;

use std::sync::Arc;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{Action, ErrorCode, Plain, RoomId, ServerMessage};

use super::rooms::{Refusal, Room, UNKNOWN_ROOM};
use super::writer::Writer;
use super::{Act, Deed};
use crate::audit::Line;
use crate::clock::stamp;
use crate::event::Person;
use crate::store::{self, Commit, Role, RoomRole, StoreError};

const UNKNOWN_USER: Refusal = (ErrorCode::UnknownUser, "there is nobody of this name");
const THAT_IS_YOU: Refusal = (ErrorCode::InvalidArgument, "that is you");

/// Why an act was not carried out.
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

/// Somebody else, as an act names them.
struct Target {
    account: u64,
    user: Arc<str>,
    is_admin: bool,
}

impl Target {
    /// An administrator, then what the room gives: who stands higher may act upon who does not.
    fn rank_in(&self, room: &Room) -> (bool, RoomRole) {
        (self.is_admin, room.standing_of(self.account))
    }
}

impl Deed {
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
    pub(super) fn act(&mut self, act: &Act) {
        let Some(session) = self.open_session(act.session) else {
            return;
        };
        let who = session.person.clone();
        let done = self.carry_out(&who, act);
        if let Err(failure) = done {
            self.refuse_act(&who, act, failure);
        }
        self.forget_visited();
    }

    fn refuse_act(&self, who: &Person, act: &Act, failure: Failure) {
        let (code, sentence) = match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Store(error) => {
                self.tell_failure("act_not_committed", &error);
                let sentence = "the server can't store anything just now; nothing was changed";
                (ErrorCode::Unavailable, sentence)
            }
        };
        if is_forbidden(code) {
            let mut line = Line::warn("refused").with("what", act.deed.word());
            if let Deed::Join(name) = &act.deed {
                line = line.with("room", name);
            }
            self.log(line, who, act.deed.needs().map(|(room, _)| room));
        }
        self.refuse_request(act.session, &act.gate, act.request, code, sentence);
    }

    fn carry_out(&mut self, who: &Person, act: &Act) -> Result<(), Failure> {
        if self.low_space {
            return Err(StoreError::Full.into());
        }
        if let Some((id, needed)) = act.deed.needs() {
            self.room(id)?.ok_or(UNKNOWN_ROOM)?.require(who, needed)?;
        }
        match &act.deed {
            Deed::Create {
                name,
                topic,
                access,
            } => self.create(who, act, name, topic, *access),
            Deed::Join(name) => self.join(who, act, name),
            Deed::Direct(user) => self.direct(who, act, user),
            Deed::Leave(room) => self.leave(who, act, *room),
            Deed::Topic(room, topic) => {
                let id = store::RoomId(*room);
                self.write(|tx| tx.set_topic(id, topic))?;
                self.change(*room, who, act, |room| room.topic.clone_from(topic));
                Ok(())
            }
            Deed::Lock(room, reason) => {
                let id = store::RoomId(*room);
                self.write(|tx| tx.set_locked(id, reason.as_deref()))?;
                self.change(*room, who, act, |room| room.locked.clone_from(reason));
                Ok(())
            }
            Deed::Ignore(user, ignored) => self.ignore(who, act, user, *ignored),
            Deed::Invite(room, user) => self.invite(who, act, *room, user),
            Deed::Moderate {
                room,
                user,
                action,
                seconds,
                reason,
            } => self.moderate(who, act, *room, user, *action, *seconds, reason),
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
    pub(super) fn room(&mut self, id: RoomId) -> Result<Option<&mut Room>, StoreError> {
        if !self.rooms.contains_key(&id) {
            let now = stamp();
            let read = self.write(|tx| Room::load(tx, id, now))?;
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

    fn done(&self, act: &Act) {
        let done = ServerMessage::Done(Plain {
            request: act.request,
        });
        self.deliveries.reply(act.session, &act.gate, &done);
    }

    fn target(&mut self, user: &UserName) -> Result<Target, Failure> {
        let found = self.write(|tx| tx.account(user))?.ok_or(UNKNOWN_USER)?;
        Ok(Target {
            account: found.id.0,
            user: found.user.as_str().into(),
            is_admin: found.role == Role::Admin,
        })
    }
}
