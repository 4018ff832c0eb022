//! Who is told of a room action: those whom it concerns, in all their sessions, and the room.

use std::sync::Arc;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    Action, Invited, Joined, Left, RoomId, ServerMessage, Standing,
};

use super::super::job::RoomRequest;
use super::super::writer::Writer;
use super::TargetUser;
use crate::delivery::Delivery;
use crate::event::Person;
use crate::presence::MAX_NAMED;
use crate::store::RoomRole;

impl Writer {
    /// Brings all sessions of a new member into a room.
    pub(super) fn enter(&mut self, id: RoomId, who: &Person, asked: Option<&RoomRequest>) {
        let now = std::time::Instant::now();
        let sessions = self.accounts.get(&who.account).cloned().unwrap_or_default();
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let is_small = room.members.len() <= MAX_NAMED;
        for session in &sessions {
            room.presence.joined(&who.user, now);
            if is_small {
                room.presence.is_told_of(&who.user);
            }
            if let Some(session) = self.sessions.get_mut(session) {
                session.rooms.push(id);
            }
        }
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
            self.deliveries.send(session, enter);
        }
        if is_small {
            self.tell_standing(id, &who.user, Action::Join, &who.user, "");
        }
    }

    /// Takes all sessions of somebody out of a room that they belong to no longer.
    #[expect(clippy::too_many_arguments, reason = "who, whence, by whom and why")]
    pub(super) fn expel(
        &mut self,
        id: RoomId,
        account: u64,
        user: &Arc<str>,
        action: Action,
        by: &Arc<str>,
        reason: &str,
        asked: Option<&RoomRequest>,
    ) {
        let now = std::time::Instant::now();
        let sessions = self.accounts.get(&account).cloned().unwrap_or_default();
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        room.members.remove(&account);
        let is_small = room.members.len() < MAX_NAMED;
        for session in sessions {
            room.presence.left(user, false, now);
            if is_small {
                room.presence.is_told_of(user);
            }
            if let Some(session) = self.sessions.get_mut(&session) {
                session.rooms.retain(|&room| room != id);
            }
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
            self.deliveries.send(session, leave);
        }
        self.visited.push(id);
        if is_small || action != Action::Leave {
            self.tell_standing(id, user, action, by, reason);
        }
    }

    pub(super) fn tell_standing(
        &self,
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
        self.tell_room(id, &ServerMessage::Standing(standing), false);
    }

    /// Tells somebody, wherever they are logged in, that they may enter a room.
    pub(super) fn tell_invited(&self, id: RoomId, target: &TargetUser, by: &Person) {
        let Some(room) = self.rooms.get(&id) else {
            return;
        };
        let invited = Invited {
            name: room.title.to_string(),
            by: by.user.to_string(),
        };
        let mut bytes = Vec::new();
        codec::put(&ServerMessage::Invited(invited), &mut bytes);
        let sessions = self.accounts.get(&target.account);
        for &session in sessions.into_iter().flatten() {
            let bytes = bytes.clone();
            self.deliveries
                .send(session, Delivery::Droppable { session, bytes });
        }
    }

    /// Tells all members who are online. What must be known is not dropped.
    pub(super) fn tell_room(&self, room: RoomId, message: &ServerMessage, must_be_known: bool) {
        let mut bytes = Vec::new();
        codec::put(message, &mut bytes);
        let bytes: Arc<[u8]> = bytes.into();
        self.deliveries.broadcast(|| Delivery::Notice {
            room,
            bytes: Arc::clone(&bytes),
            must_be_known,
        });
    }
}
