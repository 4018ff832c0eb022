//! Rooms made, entered, left and described, and the conversations of two.

use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::message::{
    self, Action, ErrorCode, Joined, RoomChanged, RoomId, ServerMessage,
};

use super::super::job::{RoomAction, RoomRequest};
use super::super::room::{Member, Refusal, RoomState, UNKNOWN_ROOM};
use super::super::state::State;
use super::tell::{enter, expel, tell_invited, tell_room};
use super::{Failure, THAT_IS_YOU, done, target};
use crate::audit::Line;
use crate::clock::{now_ms, stamp};
use crate::event::Person;
use crate::store::{self, Access, AccountId, NewRoom, RoomRole, StoreError, Title};

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
const THERE_ALREADY: Refusal = (ErrorCode::InvalidArgument, "they are in this room already");
const INVITED_ALREADY: Refusal = (ErrorCode::InvalidArgument, "they are invited already");
const THEY_ARE_BANNED: Refusal = (
    ErrorCode::InvalidArgument,
    "they are banned from this room; take that back first",
);
const TOO_MANY_CONVERSATIONS: Refusal = (
    ErrorCode::TooManyRooms,
    "you have begun as many conversations as one may begin",
);
const FOR_TWO: Refusal = (ErrorCode::NotAllowed, "a conversation of two can't be left");

/// Conversations of two that one person may begin.
const MAX_CONVERSATIONS: u64 = 500;

pub(super) fn create(
    state: &mut State,
    who: &Person,
    request: &RoomRequest,
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
    let (limits, account) = (state.room_limits(), AccountId(who.account));
    let (title, now) = (Title::Room(name), now_ms());
    let at = i64::try_from(now).unwrap_or(i64::MAX);
    let made = state.write(|tx| {
        if !who.is_admin && tx.count_rooms_made_by(account, false)? >= limits.rooms_per_person {
            return Ok(Err(TOO_MANY_OF_ONE));
        }
        if tx.count_rooms()? >= limits.rooms {
            return Ok(Err(TOO_MANY));
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
        Ok(Ok((room.0, RoomState::load(tx, room.0, at)?)))
    })?;
    let (id, room) = made?;
    state.take_in(id, room.ok_or(StoreError::Missing)?);
    let line = Line::info(request.action.word()).with("access", access.word());
    state.log(line.with_text("topic", topic), who, Some(id));
    enter(state, id, who, Some(request));
    Ok(())
}

pub(super) fn join(
    state: &mut State,
    who: &Person,
    request: &RoomRequest,
    name: &RoomName,
) -> Result<(), Failure> {
    let found = state.write(|tx| tx.room(name))?;
    let id = found.ok_or(UNKNOWN_ROOM)?.id.0;
    let room = state.room(id)?.ok_or(UNKNOWN_ROOM)?;
    if room.members.contains_key(&who.account) {
        let room = room.describe(id, who);
        is_in_already(state, request, room);
        return Ok(());
    }
    if !room.is_seen_by(who.account) {
        return Err(UNKNOWN_ROOM.into());
    }
    if room.banned.contains(&who.account) && !who.is_admin {
        return Err(BANNED.into());
    }
    let role = room.standing_of(who.account);
    add_member(state, id, who.account, role)?;
    state.log(Line::info(request.action.word()), who, Some(id));
    enter(state, id, who, Some(request));
    Ok(())
}

/// Answers who asks to enter where they are.
fn is_in_already(state: &State, request: &RoomRequest, room: message::Room) {
    let id = Some(request.id);
    let joined = ServerMessage::Joined(Joined { request: id, room });
    state
        .deliveries()
        .reply(request.session, &request.backpressure, &joined);
}

pub(super) fn direct(
    state: &mut State,
    who: &Person,
    request: &RoomRequest,
    user: &UserName,
) -> Result<(), Failure> {
    let target = target(state, user)?;
    if target.account == who.account {
        return Err(THAT_IS_YOU.into());
    }
    let parse = |name: &str| UserName::parse(name).map_err(|_| StoreError::Missing);
    let (own, theirs) = (parse(&who.user)?, parse(&target.user)?);
    let title = if who.account < target.account {
        Title::Direct(own, theirs)
    } else {
        Title::Direct(theirs, own)
    };
    if let Some(found) = state.write(|tx| tx.room_titled(&title))? {
        let id = found.id.0;
        let room = state.room(id)?.ok_or(UNKNOWN_ROOM)?.describe(id, who);
        is_in_already(state, request, room);
        return Ok(());
    }
    let at = stamp();
    let (account, other) = (AccountId(who.account), AccountId(target.account));
    let made = state.write(|tx| {
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
        Ok(Some((room.0, RoomState::load(tx, room.0, at)?)))
    })?;
    let (id, room) = made.ok_or(TOO_MANY_CONVERSATIONS)?;
    state.take_in(id, room.ok_or(StoreError::Missing)?);
    state.log(Line::info(request.action.word()), who, Some(id));
    enter(state, id, who, Some(request));
    let them = Person {
        account: target.account,
        user: target.user,
        is_admin: false,
    };
    enter(state, id, &them, None);
    Ok(())
}

/// Commits a membership that begins behind the room's last message.
fn add_member(
    state: &mut State,
    id: RoomId,
    account: u64,
    role: RoomRole,
) -> Result<(), StoreError> {
    let joined = state.rooms().get(id).map_or(1, |room| room.head + 1);
    let at = stamp();
    state.write(|tx| tx.join(store::RoomId(id), AccountId(account), role, joined, at))?;
    if let Some(room) = state.rooms_mut().get_mut(id) {
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

pub(super) fn leave(
    state: &mut State,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
) -> Result<(), Failure> {
    let room = state.rooms().get(id).ok_or(UNKNOWN_ROOM)?;
    if room.access == Access::Direct {
        return Err(FOR_TWO.into());
    }
    if !room.members.contains_key(&who.account) {
        // An administrator may do much here, and is not in it all the same.
        return Err((ErrorCode::NotMember, "you are not in this room").into());
    }
    let room = store::RoomId(id);
    state.write(|tx| tx.leave(room, AccountId(who.account)))?;
    state.log(Line::info(request.action.word()), who, Some(id));
    expel(
        state,
        id,
        who.account,
        &who.user,
        Action::Leave,
        &who.user,
        "",
        Some(request),
    );
    Ok(())
}

/// Another topic, or the lock.
pub(super) fn change(
    state: &mut State,
    id: RoomId,
    who: &Person,
    request: &RoomRequest,
    change: impl FnOnce(&mut RoomState),
) {
    let Some(room) = state.rooms_mut().get_mut(id) else {
        return;
    };
    change(room);
    let changed = RoomChanged {
        room: id,
        by: who.user.to_string(),
        topic: room.topic.clone(),
        locked: room.locked.clone(),
    };
    let line = Line::info(request.action.word());
    let line = match &request.action {
        RoomAction::Topic(_, topic) => line.with_text("topic", topic),
        RoomAction::Lock(_, Some(reason)) => line.with_text("reason", reason),
        _ => line,
    };
    state.log(line, who, Some(id));
    tell_room(state, id, &ServerMessage::RoomChanged(changed), true);
    done(state, request);
}

pub(super) fn invite(
    state: &mut State,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    user: &UserName,
) -> Result<(), Failure> {
    let target = target(state, user)?;
    let room = state.rooms().get(id).ok_or(UNKNOWN_ROOM)?;
    if room.members.contains_key(&target.account) {
        return Err(THERE_ALREADY.into());
    }
    if room.banned.contains(&target.account) {
        return Err(THEY_ARE_BANNED.into());
    }
    if room.invited.contains(&target.account) {
        return Err(INVITED_ALREADY.into());
    }
    let at = stamp();
    let (account, by) = (AccountId(target.account), AccountId(who.account));
    state.write(|tx| tx.invite(store::RoomId(id), account, by, at))?;
    if let Some(room) = state.rooms_mut().get_mut(id) {
        room.invited.insert(target.account);
    }
    state.log(
        Line::info(request.action.word()).with("user", &target.user),
        who,
        Some(id),
    );
    tell_invited(state, id, &target, who);
    done(state, request);
    Ok(())
}
