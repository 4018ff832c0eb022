//! What people do with their own account: see where they are logged in, log out everywhere; and
//! what `proof`, `password` and `factor` have in common.
//!
//! Every change of the account is proved anew, judged by the code that judges a login, and a
//! failure costs what it costs there. A change under way lives in the session's memory, and ends
//! with it; nothing of it is written before it is confirmed.

use std::time::Instant;

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::limits::{CHANGE_TIMEOUT, MAX_WRONG_PROOFS};
use chatbox_common::name::UserName;
use chatbox_common::wire::message::{
    Changed, ErrorCode, Plain, RequestId, ServerMessage, SessionList,
};
use chatbox_common::wire::session::SessionNumber;

use super::Requests;
use super::factor::Pending;
use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::journal::{Change, Granted, Part, Unavailable};
use crate::login::UNRECORDED;
use crate::login::proof::Attempt;
use crate::login_stream::{End, too_many_attempts};
use crate::readers::LookUpError;
use crate::shared::Charged;
use crate::store::Credentials;

/// Every refused change gets these words, whatever was wrong.
const REFUSAL: &str = "refused: the password or the code is wrong, or the code was used already";
const NOT_UNDER_WAY: &str = "no such change is under way, or it took too long; begin anew";

#[derive(Default)]
pub struct Changes {
    /// Password and code, for whichever change follows.
    pub(super) proof: Option<Box<Attempt>>,
    pub(super) factor: Option<Box<Pending>>,
    /// When what is under way is forgotten (`CHANGE_TIMEOUT`).
    until: Option<Instant>,
    failures: u32,
}

impl Changes {
    /// Called before each request.
    pub(super) fn forget_old(&mut self) {
        if self.until.is_some_and(|until| until <= Instant::now()) {
            self.forget();
        }
    }

    pub(super) fn forget(&mut self) {
        (self.proof, self.factor, self.until) = (None, None, None);
    }

    pub(super) fn begin_proof(&mut self, attempt: Attempt) {
        self.forget();
        self.proof = Some(Box::new(attempt));
        self.until = Some(Instant::now() + CHANGE_TIMEOUT);
    }

    pub(super) fn begin_factor(&mut self, pending: Pending) {
        self.forget();
        self.factor = Some(Box::new(pending));
        self.until = Some(Instant::now() + CHANGE_TIMEOUT);
    }
}

// Rare requests, here and in the modules beside, are not inlined: they must not lengthen the frame
// of a session that only chats, because every page of a thread's stack that was ever touched stays.
impl Requests<'_> {
    #[inline(never)]
    pub(super) fn sessions(&self, asked: &Plain) {
        let sessions = self.shared.connections.sessions(&self.who.person().user);
        self.reply(&ServerMessage::SessionList(SessionList {
            request: asked.request,
            sessions,
        }));
    }

    #[inline(never)]
    pub(super) fn log_out(&mut self, asked: &Plain) -> Result<(), End> {
        if !self.is_recorded(asked.request) {
            return Ok(());
        }
        match self.shared.journal.log_out(self.who.person().account) {
            Ok(()) => {
                self.log(Line::of(&events::LOGGED_OUT_EVERYWHERE), None);
                Err(End::LoggedOut)
            }
            Err(error) => {
                self.unavailable(asked.request, error);
                Ok(())
            }
        }
    }

    pub(super) fn own_name(&self) -> Option<UserName> {
        UserName::parse(&self.who.person().user.to_ascii_lowercase()).ok()
    }

    pub(super) fn change(
        &self,
        judged_by: Credentials,
        part: Part,
    ) -> Result<Option<Granted>, Unavailable> {
        self.shared.journal.change(Change {
            account: self.who.person().account,
            session: self.session,
            judged_by,
            part,
        })
    }

    pub(super) fn changed(
        &mut self,
        request: RequestId,
        scram: Option<String>,
        token: ResumeToken,
        granted: &Granted,
    ) {
        self.who.renew(token.id);
        self.reply(&ServerMessage::Changed(Changed {
            request,
            scram,
            token_id: token.id,
            token: token.token,
            token_seconds: granted.token_seconds,
        }));
    }

    /// Nothing of the account changes, and no proof is judged, while the audit can't record it.
    pub(super) fn is_recorded(&self, request: RequestId) -> bool {
        let is_recorded = self.shared.audit.fault().is_none();
        if !is_recorded {
            self.error(Some(request), ErrorCode::Unavailable, UNRECORDED, None);
        }
        is_recorded
    }

    /// Charges the address with an attempt, as a login does; `None` when the peer was told to wait.
    pub(super) fn charge(&self, request: RequestId) -> Option<Charged> {
        let charged = self.shared.charge_login(self.peer.ip());
        let tell = |wait| {
            let sentence = too_many_attempts(wait);
            self.error(Some(request), ErrorCode::Busy, &sentence, Some(wait));
        };
        charged.map_err(tell).ok()
    }

    /// Right when it was judged, and spent by another before it was used: a failure after all.
    pub(super) fn code_used(
        &mut self,
        request: RequestId,
        event: &'static AuditEvent,
    ) -> Result<(), End> {
        match self.charge(request) {
            Some(charged) => self.refuse(request, event, "code_used", charged),
            None => Ok(()),
        }
    }

    /// The one refusal: the same words whatever was wrong, the reason for the log alone. Too many
    /// end the session.
    pub(super) fn refuse(
        &mut self,
        request: RequestId,
        event: &'static AuditEvent,
        reason: &'static str,
        charged: Charged,
    ) -> Result<(), End> {
        self.log_failure(event, reason, charged);
        self.error(Some(request), ErrorCode::LoginRefused, REFUSAL, None);
        self.changes.failures += 1;
        if self.changes.failures >= MAX_WRONG_PROOFS {
            return Err(End::Distrusted);
        }
        Ok(())
    }

    pub(super) fn not_under_way(&self, request: RequestId) {
        let code = ErrorCode::InvalidArgument;
        self.error(Some(request), code, NOT_UNDER_WAY, None);
    }

    pub(super) fn not_read(&self, request: RequestId, error: &LookUpError) {
        log::error!("an account could not be read: {error}");
        let sentence = "that can't be read just now";
        self.error(Some(request), ErrorCode::Unavailable, sentence, None);
    }

    pub(super) fn unavailable(&self, request: RequestId, error: Unavailable) {
        let sentence = error.to_string();
        self.error(Some(request), ErrorCode::Unavailable, &sentence, None);
    }

    /// One line for each charge.
    pub(super) fn log_failure(&self, event: &'static AuditEvent, reason: &'static str, _: Charged) {
        self.log(Line::of(event), Some(("reason", reason)));
    }

    pub(super) fn log(&self, line: Line, more: Option<(&'static str, &'static str)>) {
        let person = self.who.person();
        let line = line
            .with("user", &person.user)
            .with("account", person.account)
            .with("addr", self.peer)
            .with("session", SessionNumber(self.session));
        self.shared.audit.log(match more {
            Some((key, value)) => line.with(key, value),
            None => line,
        });
    }
}
