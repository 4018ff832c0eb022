//! What members do with rooms: make, enter, leave, describe, lock them, and look after each other.
//!
//! Each act is a transaction of its own, between two batches, so that its place among the messages
//! is the same for everybody. What it needs stands in one table ([`Deed::needs`]) and is checked
//! before anything of it is done. Memory follows the commit, and the members hear of it last.

use std::sync::Arc;

use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    Action, ErrorCode, Invited, Joined, Left, Plain, RoomChanged, RoomId, ServerMessage, Standing,
};

use super::rooms::{Member, Refusal, Room, UNKNOWN_ROOM, wire_role};
use super::writer::Writer;
use super::{Act, Deed};
use crate::audit::Line;
use crate::clock::now_ms;
use crate::delivery::Delivery;
use crate::event::Person;
use crate::presence::MAX_NAMED;
use crate::store::{
    self, Access, AccountId, Commit, NewRoom, RoomRole, Sanction, StoreError, Title,
};

const NAME_TAKEN: Refusal = (ErrorCode::NameTaken, "there is a room of this name");
const TOO_MANY: Refusal = (
    ErrorCode::TooManyRooms,
    "the server has no place for more rooms",
);
const TOO_MANY_OF_ONE: Refusal = (
    ErrorCode::TooManyRooms,
    "you have made as many rooms as one may make",
);
const BANNED: Refusal = (ErrorCode::Banned, "you are banned from this room");
const UNKNOWN_USER: Refusal = (ErrorCode::UnknownUser, "there is nobody of this name");
const NOT_THERE: Refusal = (ErrorCode::InvalidArgument, "they are not in this room");
const THERE_ALREADY: Refusal = (ErrorCode::InvalidArgument, "they are in this room already");
const THEY_ARE_BANNED: Refusal = (
    ErrorCode::InvalidArgument,
    "they are banned from this room; take that back first",
);
const NOTHING_TO_DO: Refusal = (ErrorCode::InvalidArgument, "that is so already");
const NOT_ABOVE_THEM: Refusal = (
    ErrorCode::NotAllowed,
    "they may do as much here as you, or more",
);
const TOO_MANY_CONVERSATIONS: Refusal = (
    ErrorCode::TooManyRooms,
    "you have begun as many conversations as one may begin",
);
const FOR_TWO: Refusal = (ErrorCode::NotAllowed, "a conversation of two can't be left");

/// Conversations of two that one person may begin.
const MAX_CONVERSATIONS: u64 = 1000;

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
}

impl Deed {
    /// The table: in which room what is needed for it. What has no row looks for itself.
    const fn needs(&self) -> Option<(RoomId, RoomRole)> {
        match *self {
            Self::Create { .. } | Self::Join(_) | Self::Direct(_) => None,
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

impl Writer {
    pub(super) fn act(&mut self, act: &Act) {
        let Some(session) = self.sessions.get(&act.session) else {
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
        if matches!(code, ErrorCode::NotAllowed | ErrorCode::Banned) {
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
            let now = i64::try_from(now_ms()).unwrap_or(i64::MAX);
            let read = self.write(|tx| Room::load(tx, id, now))?;
            let Some(room) = read else { return Ok(None) };
            self.take_in(id, room);
            self.visited.push(id);
        }
        Ok(self.rooms.get_mut(&id))
    }

    fn log(&self, line: Line, who: &Person, room: Option<RoomId>) {
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

    // Rooms.

    fn create(
        &mut self,
        who: &Person,
        act: &Act,
        name: &RoomName,
        topic: &str,
        access: Access,
    ) -> Result<(), Failure> {
        let name = match access {
            Access::Invited => {
                let maker = UserName::parse(&who.user).map_err(|_| StoreError::Missing)?;
                let made = name.made_by(&maker);
                made.map_err(|_| (ErrorCode::InvalidName, "a room's name has no '~'"))?
            }
            Access::Open | Access::Direct => name.clone(),
        };
        let (limits, account) = (self.room_limits, AccountId(who.account));
        let (title, now) = (Title::Room(name), now_ms());
        let at = i64::try_from(now).unwrap_or(i64::MAX);
        let made = self.write(|tx| {
            if tx.count_rooms()? >= limits.rooms {
                return Ok(Err(TOO_MANY));
            }
            if !who.is_admin && tx.count_rooms_made_by(account, false)? >= limits.rooms_per_person {
                return Ok(Err(TOO_MANY_OF_ONE));
            }
            let new = NewRoom {
                title: &title,
                topic,
                access,
                created_by: account,
                created_at: at,
            };
            let Some(room) = tx.create_room(&new)? else {
                return Ok(Err(NAME_TAKEN));
            };
            tx.join(room, account, RoomRole::Owner, 1, at)?;
            Ok(Ok(room))
        })?;
        let id = made?.0;
        self.room(id)?;
        let line = Line::info(act.deed.word()).with("access", access.word());
        self.log(line.with_text("topic", topic), who, Some(id));
        self.enter(id, who, Some(act));
        Ok(())
    }

    fn join(&mut self, who: &Person, act: &Act, name: &RoomName) -> Result<(), Failure> {
        let found = self.write(|tx| tx.room(name))?;
        let id = found.ok_or(UNKNOWN_ROOM)?.id.0;
        let room = self.room(id)?.ok_or(UNKNOWN_ROOM)?;
        if room.members.contains_key(&who.account) {
            let joined = Joined {
                request: Some(act.request),
                room: room.describe(id, who),
            };
            let message = ServerMessage::Joined(joined);
            self.deliveries.reply(act.session, &act.gate, &message);
            return Ok(());
        }
        if !room.is_seen_by(who.account) {
            return Err(UNKNOWN_ROOM.into());
        }
        if room.banned.contains(&who.account) {
            return Err(BANNED.into());
        }
        self.add_member(id, who.account, RoomRole::Member)?;
        self.log(Line::info(act.deed.word()), who, Some(id));
        self.enter(id, who, Some(act));
        Ok(())
    }

    fn direct(&mut self, who: &Person, act: &Act, user: &UserName) -> Result<(), Failure> {
        let target = self.target(user)?;
        if target.account == who.account {
            return Err((ErrorCode::InvalidArgument, "that is you").into());
        }
        let parse = |name: &str| UserName::parse(name).map_err(|_| StoreError::Missing);
        let (own, theirs) = (parse(&who.user)?, parse(&target.user)?);
        let title = if who.account < target.account {
            Title::Direct(own, theirs)
        } else {
            Title::Direct(theirs, own)
        };
        if let Some(found) = self.write(|tx| tx.room_titled(&title))? {
            let id = found.id.0;
            let room = self.room(id)?.ok_or(UNKNOWN_ROOM)?;
            let joined = Joined {
                request: Some(act.request),
                room: room.describe(id, who),
            };
            let message = ServerMessage::Joined(joined);
            self.deliveries.reply(act.session, &act.gate, &message);
            return Ok(());
        }
        let at = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        let (account, other) = (AccountId(who.account), AccountId(target.account));
        let made = self.write(|tx| {
            if tx.count_rooms_made_by(account, true)? >= MAX_CONVERSATIONS {
                return Ok(None);
            }
            let new = NewRoom {
                title: &title,
                topic: "",
                access: Access::Direct,
                created_by: account,
                created_at: at,
            };
            let Some(room) = tx.create_room(&new)? else {
                return Err(StoreError::Missing);
            };
            tx.join(room, account, RoomRole::Member, 1, at)?;
            tx.join(room, other, RoomRole::Member, 1, at)?;
            Ok(Some(room))
        })?;
        let id = made.ok_or(TOO_MANY_CONVERSATIONS)?.0;
        self.room(id)?;
        self.log(Line::info(act.deed.word()), who, Some(id));
        self.enter(id, who, Some(act));
        let them = Person {
            account: target.account,
            user: target.user,
            is_admin: false,
        };
        self.enter(id, &them, None);
        Ok(())
    }

    /// Commits a membership that begins behind the room's last message.
    pub(super) fn add_member(
        &mut self,
        id: RoomId,
        account: u64,
        role: RoomRole,
    ) -> Result<(), StoreError> {
        let joined = self.rooms.get(&id).map_or(1, |room| room.head + 1);
        let at = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        self.write(|tx| tx.join(store::RoomId(id), AccountId(account), role, joined, at))?;
        if let Some(room) = self.rooms.get_mut(&id) {
            let member = Member {
                role,
                joined,
                read: joined - 1,
            };
            room.members.insert(account, member);
            room.invited.remove(&account);
        }
        Ok(())
    }

    fn leave(&mut self, who: &Person, act: &Act, id: RoomId) -> Result<(), Failure> {
        let room = self.rooms.get(&id).ok_or(UNKNOWN_ROOM)?;
        if room.access == Access::Direct {
            return Err(FOR_TWO.into());
        }
        if !room.members.contains_key(&who.account) {
            // An administrator may do much here, and is not in it all the same.
            return Err((ErrorCode::NotMember, "you are not in this room").into());
        }
        let room = store::RoomId(id);
        self.write(|tx| tx.leave(room, AccountId(who.account)))?;
        self.log(Line::info(act.deed.word()), who, Some(id));
        self.expel(
            id,
            who.account,
            &who.user,
            Action::Leave,
            &who.user,
            "",
            Some(act),
        );
        Ok(())
    }

    /// Another topic, or the lock.
    fn change(&mut self, id: RoomId, who: &Person, act: &Act, change: impl FnOnce(&mut Room)) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        change(room);
        let changed = RoomChanged {
            room: id,
            by: who.user.to_string(),
            topic: room.topic.clone(),
            locked: room.locked.clone(),
        };
        let line = Line::info(act.deed.word());
        let line = match &act.deed {
            Deed::Topic(_, topic) => line.with_text("topic", topic),
            Deed::Lock(_, Some(reason)) => line.with_text("reason", reason),
            _ => line,
        };
        self.log(line, who, Some(id));
        self.tell_room(id, &ServerMessage::RoomChanged(changed), true);
        self.done(act);
    }

    fn invite(
        &mut self,
        who: &Person,
        act: &Act,
        id: RoomId,
        user: &UserName,
    ) -> Result<(), Failure> {
        let target = self.target(user)?;
        let room = self.rooms.get(&id).ok_or(UNKNOWN_ROOM)?;
        if room.members.contains_key(&target.account) {
            return Err(THERE_ALREADY.into());
        }
        if room.banned.contains(&target.account) {
            return Err(THEY_ARE_BANNED.into());
        }
        let at = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        let (account, by) = (AccountId(target.account), AccountId(who.account));
        self.write(|tx| tx.invite(store::RoomId(id), account, by, at))?;
        if let Some(room) = self.rooms.get_mut(&id) {
            room.invited.insert(target.account);
        }
        self.log(
            Line::info(act.deed.word()).with("user", &target.user),
            who,
            Some(id),
        );
        self.tell_invited(id, &target, who);
        self.done(act);
        Ok(())
    }

    // People.

    fn target(&mut self, user: &UserName) -> Result<Target, Failure> {
        let found = self.write(|tx| tx.account(user))?.ok_or(UNKNOWN_USER)?;
        Ok(Target {
            account: found.id.0,
            user: found.user.as_str().into(),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one request")]
    fn moderate(
        &mut self,
        who: &Person,
        act: &Act,
        id: RoomId,
        user: &UserName,
        action: Action,
        seconds: Option<u32>,
        reason: &str,
    ) -> Result<(), Failure> {
        let target = self.target(user)?;
        let room = self.rooms.get(&id).ok_or(UNKNOWN_ROOM)?;
        let own = room.role_of(who)?;
        let theirs = room.members.get(&target.account).map(|member| member.role);
        if target.account == who.account || theirs.is_some_and(|role| role >= own && !who.is_admin)
        {
            return Err(NOT_ABOVE_THEM.into());
        }
        let is_banned = room.banned.contains(&target.account);
        let is_muted = room.muted.contains_key(&target.account);
        match action {
            Action::Kick | Action::Op | Action::Deop if theirs.is_none() => {
                return Err(NOT_THERE.into());
            }
            Action::Join | Action::Leave => {
                return Err((ErrorCode::InvalidArgument, "nobody can do that to another").into());
            }
            _ => {}
        }
        let is_so_already = match action {
            Action::Ban => is_banned,
            Action::Unban => !is_banned,
            Action::Unmute => !is_muted,
            Action::Op => theirs >= Some(RoomRole::Moderator),
            Action::Deop => theirs != Some(RoomRole::Moderator),
            _ => false,
        };
        if is_so_already {
            return Err(NOTHING_TO_DO.into());
        }
        let now = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        let ends = seconds.map(|seconds| now.saturating_add(i64::from(seconds) * 1000));
        let sanction = Sanction {
            room: store::RoomId(id),
            account: AccountId(target.account),
            by: AccountId(who.account),
            at: now,
            reason,
        };
        let (room, account) = (sanction.room, sanction.account);
        self.write(|tx| match action {
            Action::Kick => tx.leave(room, account).map(|_| ()),
            Action::Ban => tx.ban(&sanction),
            Action::Unban => tx.unban(room, account).map(|_| ()),
            Action::Mute => tx.mute(&sanction, ends),
            Action::Unmute => tx.unmute(room, account).map(|_| ()),
            Action::Op => tx.set_room_role(room, account, RoomRole::Moderator),
            Action::Deop => tx.set_room_role(room, account, RoomRole::Member),
            Action::Join | Action::Leave => Ok(()),
        })?;
        self.log_sanction(who, act, id, &target, seconds, reason);
        self.apply(id, target.account, action, ends);
        if matches!(action, Action::Kick | Action::Ban) && theirs.is_some() {
            let (account, user) = (target.account, &target.user);
            self.expel(id, account, user, action, &who.user, reason, None);
        } else {
            let role = self.rooms.get(&id).and_then(|room| {
                let member = room.members.get(&target.account)?;
                Some(member.role)
            });
            let standing = Standing {
                room: id,
                user: target.user.to_string(),
                action,
                by: who.user.to_string(),
                reason: reason.to_owned(),
                role: wire_role(role.unwrap_or(RoomRole::Member)),
                seconds,
            };
            self.tell_room(id, &ServerMessage::Standing(standing), true);
        }
        self.done(act);
        Ok(())
    }

    fn log_sanction(
        &self,
        who: &Person,
        act: &Act,
        id: RoomId,
        target: &Target,
        seconds: Option<u32>,
        reason: &str,
    ) {
        let mut line = Line::info(act.deed.word()).with("user", &target.user);
        if let Some(seconds) = seconds {
            line = line.with("seconds", seconds);
        }
        self.log(line.with_text("reason", reason), who, Some(id));
    }

    /// What an act has changed of a room in memory, memberships apart.
    fn apply(&mut self, id: RoomId, account: u64, action: Action, ends: Option<i64>) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        match action {
            Action::Ban => {
                room.banned.insert(account);
                room.invited.remove(&account);
            }
            Action::Unban => {
                room.banned.remove(&account);
            }
            Action::Mute => {
                room.muted.insert(account, ends);
            }
            Action::Unmute => {
                room.muted.remove(&account);
            }
            Action::Op | Action::Deop => {
                if let Some(member) = room.members.get_mut(&account) {
                    member.role = if action == Action::Op {
                        RoomRole::Moderator
                    } else {
                        RoomRole::Member
                    };
                }
            }
            Action::Join | Action::Leave | Action::Kick => {}
        }
    }

    // Who is told.

    /// Brings all sessions of a new member into a room.
    pub(super) fn enter(&mut self, id: RoomId, who: &Person, asked: Option<&Act>) {
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
            let asked = asked.filter(|act| act.session == session);
            let joined = Joined {
                request: asked.map(|act| act.request),
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
    fn expel(
        &mut self,
        id: RoomId,
        account: u64,
        user: &Arc<str>,
        action: Action,
        by: &Arc<str>,
        reason: &str,
        asked: Option<&Act>,
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
            let asked = asked.filter(|act| act.session == session);
            let left = Left {
                request: asked.map(|act| act.request),
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
        if is_small || action != Action::Leave {
            self.tell_standing(id, user, action, by, reason);
        }
    }

    fn tell_standing(&self, id: RoomId, user: &str, action: Action, by: &str, reason: &str) {
        let standing = Standing {
            room: id,
            user: user.to_owned(),
            action,
            by: by.to_owned(),
            reason: reason.to_owned(),
            role: wire_role(RoomRole::Member),
            seconds: None,
        };
        self.tell_room(id, &ServerMessage::Standing(standing), false);
    }

    /// Tells somebody, wherever they are logged in, that they may enter a room.
    fn tell_invited(&self, id: RoomId, target: &Target, by: &Person) {
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
                .send(session, Delivery::Tell { session, bytes });
        }
    }

    /// Tells all members who are online. What must be known is not dropped.
    fn tell_room(&self, room: RoomId, message: &ServerMessage, must_be_known: bool) {
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
