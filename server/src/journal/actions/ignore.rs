//! Keeps or deletes the wish not to see a user. Only the account's own sessions are told; hiding is
//! the client's.

use chatbox_common::name::UserName;
use chatbox_common::wire::codec;
use chatbox_common::wire::message::{ErrorCode, Ignoring, ServerMessage};

use super::request::{Failure, Rule, THAT_IS_YOU, target};
use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::clock::stamp;
use crate::delivery::Delivery;
use crate::event::Person;
use crate::journal::job::RoomRequest;
use crate::journal::room::Refusal;
use crate::journal::state::JournalState;
use crate::store::Ignored;

const TOO_MANY_IGNORED: Refusal = (
    ErrorCode::InvalidArgument,
    "you ignore a thousand people already; that is the most",
);

const fn event(ignored: bool) -> &'static AuditEvent {
    if ignored {
        &events::IGNORED
    } else {
        &events::NO_LONGER_IGNORED
    }
}

pub(super) const fn rule(ignored: bool) -> Rule {
    Rule::free(event(ignored))
}

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    user: &UserName,
    ignored: bool,
) -> Result<(), Failure> {
    let target = target(state, user)?;
    if target.account == who.account {
        return Err(THAT_IS_YOU.into());
    }
    let (account, other) = (who.account, target.account);
    let at = stamp();
    let has_changed = state.write(|tx| {
        if !ignored {
            return Ok(Ok(tx.unignore(account, other)?));
        }
        Ok(match tx.ignore(account, other, at)? {
            Ignored::Noted => Ok(true),
            Ignored::Already => Ok(false),
            Ignored::TooMany => Err(TOO_MANY_IGNORED),
        })
    })??;
    let ignoring = Ignoring {
        request: Some(request.id),
        user: target.user.to_string(),
        ignored,
    };
    if has_changed {
        let line = Line::of(event(ignored)).with("user", &target.user);
        state.log(line, who, None);
        tell_other_sessions(state, who, request, &ignoring);
    }
    let answer = ServerMessage::Ignoring(ignoring);
    state
        .deliveries()
        .reply(request.session, &request.in_flight, &answer);
    Ok(())
}

fn tell_other_sessions(
    state: &JournalState,
    who: &Person,
    request: &RoomRequest,
    ignoring: &Ignoring,
) {
    let mut bytes = Vec::new();
    let unasked = Ignoring {
        request: None,
        ..ignoring.clone()
    };
    codec::put(&ServerMessage::Ignoring(unasked), &mut bytes);
    let sessions = state.sessions().of(who.account).iter();
    for &session in sessions.filter(|&&other| other != request.session) {
        let bytes = bytes.clone();
        state
            .deliveries()
            .send(session, Delivery::Tell { session, bytes });
    }
}
