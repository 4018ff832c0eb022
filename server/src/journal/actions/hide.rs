//! Takes a conversation of two out of one's own list until somebody speaks there. The other one is
//! not told, and sees no difference.

use chatbox_common::wire::message::{Access, ErrorCode, RoomId, Seq};

use super::request::{Failure, Rule};
use crate::audit::{Line, events};
use crate::event::Person;
use crate::journal::hidden::hide;
use crate::journal::job::RoomRequest;
use crate::journal::room::{Refusal, UNKNOWN_ROOM};
use crate::journal::state::JournalState;

const NOT_OF_TWO: Refusal = (
    ErrorCode::NotAllowed,
    "only a conversation of two is hidden; a room is left",
);
const SPOKEN: Refusal = (
    ErrorCode::InvalidArgument,
    "something new was said there, so it stays",
);

/// Of one's own messages that came behind the last one that was seen, the most that are looked
/// through for one of the other's.
const MOST_UNSEEN: u64 = 100;

pub(super) const RULE: Rule = Rule::free(&events::CONVERSATION_HIDDEN);

/// What the other one has said and the client has not shown yet must not be hidden with the rest.
pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    seen: Seq,
) -> Result<(), Failure> {
    let account = who.account;
    if !state.finds_member(id, account)? {
        return Err(state.stranger_refusal(id, account)?.into());
    }
    let room = state.rooms().get(id).ok_or(UNKNOWN_ROOM)?;
    if room.access != Access::Direct {
        return Err(NOT_OF_TWO.into());
    }
    if !room.is_hidden_from(account) {
        let is_far = room.head.saturating_sub(seen) > MOST_UNSEEN;
        let hidden = state.write(|tx| {
            if is_far || tx.others_spoke(id, seen, account)? {
                return Ok(false);
            }
            tx.hide(id, account, true)?;
            Ok(true)
        })?;
        if !hidden {
            return Err(SPOKEN.into());
        }
        state.log(Line::of(&events::CONVERSATION_HIDDEN), who, Some(id));
    }
    hide(state, id, who, request);
    Ok(())
}
