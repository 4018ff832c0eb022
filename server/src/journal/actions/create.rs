//! Makes a room, which its maker owns. A room by invitation bears its maker's name, so that it
//! takes no name from users who must not know of it (docs/PROTOCOL.md, section 13.8).

use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::message::{Access, ErrorCode, RoomRole};

use super::request::{Failure, Rule};
use super::tell::enter;
use crate::audit::{Line, events};
use crate::clock::now_ms;
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::room::{Refusal, RoomState};
use crate::journal::state::JournalState;
use crate::store::{NewRoom, Spelled, StoreError, Title};

const NAME_TAKEN: Refusal = (ErrorCode::NameTaken, "there is a room of this name");
const TOO_MANY: Refusal = (
    ErrorCode::TooManyRooms,
    "the server has no place for more rooms",
);
const TOO_MANY_OF_ONE: Refusal = (
    ErrorCode::TooManyRooms,
    "you have made as many rooms as one may make",
);

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
        Ok(Ok((room, RoomState::load(tx, room, at)?)))
    })?;
    let (id, room) = made?;
    state.take_in(id, room.ok_or(StoreError::Missing)?);
    let line = Line::of(&events::ROOM_CREATED).with("access", access.word());
    state.log(line.with_text("topic", topic), who, Some(id));
    enter(state, id, who, Some(request));
    Ok(())
}
