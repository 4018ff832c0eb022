//! Another second factor, or other recovery codes.
//!
//! The password and a code of the present factor are proved, and the code is spent, before anything
//! new is shown. A new secret lives in the session's memory alone until a first code shows that it
//! arrived; recovery codes need no such proof, and hold at once.

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::limits::MAX_FIRST_CODES;
use chatbox_common::secret::Secret;
use chatbox_common::wire::message::{
    ErrorCode, Factor, FactorConfirm, FactorPart, NewFactor, RequestId, ServerMessage,
};

use super::Requests;
use super::proof::Proved;
use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::clock::now_ms;
use crate::journal::{Part, Unavailable};
use crate::login::{WRONG_FIRST_CODE, fresh, proof};
use crate::login_stream::End;
use crate::store::{Credentials, RecoveryHash};

const FAILED: &AuditEvent = &events::FACTOR_CHANGE_FAILED;
const CODES_FAILED: &AuditEvent = &events::RECOVERY_CODES_CHANGE_FAILED;

/// A second factor that its owner was shown and has not confirmed.
pub(super) struct Pending {
    totp: TotpSecret,
    recovery: Vec<RecoveryHash>,
    judged_by: Credentials,
    tries: u32,
}

impl Requests<'_> {
    #[inline(never)]
    pub(super) fn factor(&mut self, asked: &Factor) -> Result<(), End> {
        let request = asked.request;
        let failed = match asked.part {
            FactorPart::Secret => FAILED,
            FactorPart::RecoveryCodes => CODES_FAILED,
        };
        let Some(proved) = self.proved(request, &asked.scram, &asked.code, failed)? else {
            return Ok(());
        };
        let done = match asked.part {
            FactorPart::Secret => self.begin_factor(request, proved),
            FactorPart::RecoveryCodes => self.set_recovery_codes(request, proved),
        };
        match done {
            Ok(true) => Ok(()),
            Ok(false) => self.code_used(request, failed),
            Err(error) => {
                self.unavailable(request, error);
                Ok(())
            }
        }
    }

    /// Spends the code, and shows a factor that counts only when it is confirmed.
    fn begin_factor(&mut self, request: RequestId, proved: Proved) -> Result<bool, Unavailable> {
        let Proved { candidate, right } = proved;
        let done = self.change(candidate.judged_by, Part::Code(right.spend))?;
        if done.is_none() {
            return Ok(false);
        }
        let line = Line::of(&events::FACTOR_CHANGE_BEGUN);
        self.log(line, Some(("method", right.spend.method())));
        let (totp, recovery) = fresh::factor();
        self.changes.begin_factor(Pending {
            totp: totp.clone(),
            recovery: fresh::hashes(&recovery),
            judged_by: candidate.judged_by,
            tries: MAX_FIRST_CODES,
        });
        self.new_factor(request, Some(&totp), recovery, right.server_final);
        Ok(true)
    }

    fn set_recovery_codes(&self, request: RequestId, proved: Proved) -> Result<bool, Unavailable> {
        let Proved { candidate, right } = proved;
        let recovery = fresh::recovery_codes();
        let part = Part::RecoveryCodes(right.spend, fresh::hashes(&recovery));
        if self.change(candidate.judged_by, part)?.is_none() {
            return Ok(false);
        }
        let line = Line::of(&events::RECOVERY_CODES_CHANGED);
        self.log(line, Some(("method", right.spend.method())));
        self.new_factor(request, None, recovery, right.server_final);
        Ok(true)
    }

    fn new_factor(
        &self,
        request: RequestId,
        totp: Option<&TotpSecret>,
        recovery: Vec<Secret<10>>,
        scram: String,
    ) {
        self.reply(&ServerMessage::NewFactor(NewFactor {
            request,
            totp: totp.map(|totp| totp.bytes().clone()),
            recovery,
            time: now_ms(),
            scram,
        }));
    }

    #[inline(never)]
    pub(super) fn factor_confirm(&mut self, confirm: &FactorConfirm) {
        let request = confirm.request;
        if !self.is_recorded(request) {
            return;
        }
        let Some(mut pending) = self.changes.factor.take() else {
            return self.not_under_way(request);
        };
        let Some(charged) = self.charge(request) else {
            self.changes.factor = Some(pending);
            return;
        };
        let Some(step) = proof::first_step(&pending.totp, &confirm.code) else {
            self.log_failure(FAILED, "first_code", charged);
            self.error(Some(request), ErrorCode::WrongCode, WRONG_FIRST_CODE, None);
            pending.tries -= 1;
            self.changes.factor = Some(pending).filter(|pending| pending.tries > 0);
            return;
        };
        let Pending {
            totp,
            recovery,
            judged_by,
            ..
        } = *pending;
        let (token, successor) = fresh::token();
        let part = Part::Factor {
            totp,
            step,
            recovery,
            used: *self.who.token(),
            successor,
        };
        match self.change(judged_by, part) {
            Ok(Some(granted)) => {
                self.shared.refund_login(self.peer.ip(), charged);
                self.log(Line::of(&events::FACTOR_CHANGED), None);
                self.changed(request, None, token, &granted);
            }
            Ok(None) => {
                self.log_failure(FAILED, "outdated", charged);
                self.not_under_way(request);
            }
            Err(error) => {
                self.shared.refund_login(self.peer.ip(), charged);
                self.unavailable(request, error);
            }
        }
    }
}
