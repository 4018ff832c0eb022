//! Makes a room, which its maker owns. A room by invitation bears its maker's name, so that it
//! takes no name from users who must not know of it (docs/PROTOCOL.md, section 13.8).

use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::message::{Access, AccountId, ErrorCode, RoomRole};

use super::request::{Failure, Rule};
use super::tell::enter;
use crate::audit::{Line, events};
use crate::clock::now_ms;
use crate::event::Person;
use crate::journal::job::{RoomLimits, RoomRequest};
use crate::journal::room::{Refusal, RoomState};
use crate::journal::state::JournalState;
use crate::store::{NewRoom, Spelled, StoreError, Title, Tx};

const NAME_TAKEN: Refusal = (ErrorCode::NameTaken, "there is a room of this name");
const NAME_ARCHIVED: Refusal = (
    ErrorCode::NameTaken,
    "there is an archived room of this name",
);
const TOO_MANY: Refusal = (
    ErrorCode::TooManyRooms,
    "the server has no place for more rooms",
);
const TOO_MANY_OF_ONE: Refusal = (
    ErrorCode::TooManyRooms,
    "you have made as many rooms as one may make",
);

/// Who has archived so many times [`RoomLimits::rooms_per_person`] makes no more, and may open one
/// of them again.
const ARCHIVED: u64 = 10;
/// This part of all places is kept for administrators: a few who make as many rooms as they may
/// don't use them up for those who can mend it.
const KEPT_SHARE: u64 = 16;

pub(super) const RULE: Rule = Rule::free(&events::ROOM_CREATED);

pub(super) fn carry_out(
    state: &mut JournalState,
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
    let (limits, account) = (state.room_limits(), who.account);
    let (title, now) = (Title::Room(name), now_ms());
    let at = i64::try_from(now).unwrap_or(i64::MAX);
    let made = state.write(|tx| {
        let most = limits.rooms_per_person.saturating_mul(ARCHIVED);
        if !who.is_admin && tx.count_archived_made_by(account)? >= most {
            return Ok(Err(TOO_MANY_OF_ONE));
        }
        if let Err(refusal) = has_place(tx, limits, who, account)? {
            return Ok(Err(refusal));
        }
        let new = NewRoom {
            title: &title,
            topic,
            access,
            created_by: account,
            created_at: at,
        };
        let Some(room) = tx.create_room(&new)? else {
            let there = tx.room_titled(&title)?;
            let is_archived = there.is_some_and(|room| room.archived.is_some());
            return Ok(Err(if is_archived {
                NAME_ARCHIVED
            } else {
                NAME_TAKEN
            }));
        };
        tx.join(room, account, RoomRole::Owner, 1, at)?;
        Ok(Ok((room, RoomState::load(tx, room, at)?)))
    })?;
    let (id, room) = made?;
    state.take_in(id, room.ok_or(StoreError::Missing)?);
    let line = Line::of(&events::ROOM_CREATED).with("access", access.word());
    state.log(line.with_text("topic", topic), who, Some(id));
    enter(state, id, who, Some(request));
    Ok(())
}

/// Whether another room that `maker` made may be open, if `who` asks for it.
pub(super) fn has_place(
    tx: &Tx<'_>,
    limits: RoomLimits,
    who: &Person,
    maker: AccountId,
) -> Result<Result<(), Refusal>, StoreError> {
    if !who.is_admin && tx.count_rooms_made_by(maker)? >= limits.rooms_per_person {
        return Ok(Err(TOO_MANY_OF_ONE));
    }
    let kept = if who.is_admin {
        0
    } else {
        limits.rooms / KEPT_SHARE
    };
    if tx.count_rooms()? >= limits.rooms - kept {
        return Ok(Err(TOO_MANY));
    }
    Ok(Ok(()))
}
