//! Whom somebody does not want to see: kept for all of their sessions, and told to nobody else.

use chatbox_common::name::UserName;
use chatbox_common::wire::codec;
use chatbox_common::wire::message::{ErrorCode, Ignoring, ServerMessage};

use super::super::job::RoomRequest;
use super::super::room::Refusal;
use super::super::writer::Writer;
use super::{Failure, THAT_IS_YOU};
use crate::audit::Line;
use crate::clock::stamp;
use crate::delivery::Delivery;
use crate::event::Person;
use crate::store::{AccountId, Ignored};

const TOO_MANY_IGNORED: Refusal = (
    ErrorCode::InvalidArgument,
    "you ignore a thousand people already; that is the most",
);

impl Writer {
    pub(super) fn ignore(
        &mut self,
        who: &Person,
        request: &RoomRequest,
        user: &UserName,
        ignored: bool,
    ) -> Result<(), Failure> {
        let target = self.target(user)?;
        if target.account == who.account {
            return Err(THAT_IS_YOU.into());
        }
        let (account, other) = (AccountId(who.account), AccountId(target.account));
        let at = stamp();
        let has_changed = self.write(|tx| {
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
            let line = Line::info(request.action.word()).with("user", &target.user);
            self.log(line, who, None);
            self.tell_other_sessions(who, request, &ignoring);
        }
        let answer = ServerMessage::Ignoring(ignoring);
        self.deliveries
            .reply(request.session, &request.backpressure, &answer);
        Ok(())
    }

    fn tell_other_sessions(&self, who: &Person, request: &RoomRequest, ignoring: &Ignoring) {
        let mut bytes = Vec::new();
        let unasked = Ignoring {
            request: None,
            ..ignoring.clone()
        };
        codec::put(&ServerMessage::Ignoring(unasked), &mut bytes);
        let sessions = self.accounts.get(&who.account).into_iter().flatten();
        for &session in sessions.filter(|&&other| other != request.session) {
            let bytes = bytes.clone();
            self.deliveries
                .send(session, Delivery::Tell { session, bytes });
        }
    }
}
