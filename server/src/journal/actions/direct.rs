//! Opens the conversation of two members: a room that both are in from the beginning. It is found
//! by its title, in which the lower account number comes first, so that there is one for each pair.
//! The other one has it in their list once something is said there: to begin conversations with
//! somebody fills nobody's list but one's own.

use chatbox_common::limits::{MAX_BEGUN, MAX_CONVERSATIONS};
use chatbox_common::name::UserName;
use chatbox_common::wire::message::{Access, ErrorCode, RoomId, RoomRole};

use super::request::{Failure, Rule, THAT_IS_YOU, target};
use super::tell::{enter, is_in_already};
use crate::audit::{Line, events};
use crate::clock::stamp;
use crate::event::Person;
use crate::journal::hidden::bring_back;
use crate::journal::job::RoomRequest;
use crate::journal::room::{Refusal, RoomState, TOO_MANY_CONVERSATIONS, UNKNOWN_ROOM};
use crate::journal::state::JournalState;
use crate::store::{NewRoom, StoreError, Title};

const TOO_MANY_IN_ALL: Refusal = (
    ErrorCode::TooManyRooms,
    "you have begun as many conversations as one may in all; the other one can begin this one",
);

pub(super) const RULE: Rule = Rule::free(&events::CONVERSATION_BEGUN);

pub(super) fn carry_out(
    state: &mut JournalState,
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
        return go_on(state, who, request, found.id);
    }
    let at = stamp();
    let (account, other) = (who.account, target.account);
    let made = state.write(|tx| {
        if tx.count_begun_in_all_by(account)? >= MAX_BEGUN {
            return Ok(Err(TOO_MANY_IN_ALL));
        }
        if tx.count_begun_by(account)? >= MAX_CONVERSATIONS {
            return Ok(Err(TOO_MANY_CONVERSATIONS));
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
        tx.hide(room, other, true)?;
        Ok(Ok((room, RoomState::load(tx, room, at)?)))
    })?;
    let (id, room) = made?;
    state.take_in(id, room.ok_or(StoreError::Missing)?);
    state.log(Line::of(&events::CONVERSATION_BEGUN), who, Some(id));
    enter(state, id, who, Some(request));
    Ok(())
}

/// With a conversation that there is: who has hidden it has it in their list again. Those that one
/// has begun count there as when they were.
fn go_on(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
) -> Result<(), Failure> {
    let account = who.account;
    let room = state.room(id)?.ok_or(UNKNOWN_ROOM)?;
    if !room.is_hidden_from(account) {
        is_in_already(state, request, id, who);
        return Ok(());
    }
    let needs_place = room.needs_place_of(account);
    let has_place = state.write(|tx| {
        if needs_place && tx.count_begun_by(account)? >= MAX_CONVERSATIONS {
            return Ok(false);
        }
        tx.hide(id, account, false)?;
        Ok(true)
    })?;
    if !has_place {
        return Err(TOO_MANY_CONVERSATIONS.into());
    }
    bring_back(state, id, account, Some(request));
    Ok(())
}
