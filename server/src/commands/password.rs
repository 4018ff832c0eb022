//! Another password: SCRAM inside the session, bound to its channel, with a code.
//!
//! The new password's keys have the salt and the iterations of the old one's, which are the name's
//! and the database's.

use chatbox_common::auth::scram::{ClientFirstMessage, Verifier};
use chatbox_common::wire::message::{Password, PasswordChallenge, PasswordConfirm, ServerMessage};

use super::Requests;
use crate::audit::Line;
use crate::journal::Part;
use crate::line::End;
use crate::login::proof::{Attempt, Judged, Right};
use crate::readers::Candidate;

const FAILED: &str = "password_change_failed";

impl Requests<'_> {
    #[inline(never)]
    pub(super) fn password(&mut self, asked: &Password) -> Result<(), End> {
        let request = asked.request;
        if !self.may_go_on(request)? || !self.is_recorded(request) {
            return Ok(());
        }
        self.changes.forget();
        let own = self.own_name();
        let first = ClientFirstMessage::parse(&asked.scram).ok();
        let Some(first) = first.filter(|first| own.as_ref() == Some(first.user())) else {
            return self.refuse(request, FAILED, "malformed");
        };
        match Attempt::begin(self.shared, first) {
            Ok(attempt) => {
                self.reply(&ServerMessage::PasswordChallenge(PasswordChallenge {
                    request,
                    scram: attempt.message().to_owned(),
                }));
                self.changes.begin_password(attempt);
            }
            Err(error) => self.not_read(request, &error),
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn password_confirm(&mut self, confirm: PasswordConfirm) -> Result<(), End> {
        let request = confirm.request;
        if !self.is_recorded(request) {
            return Ok(());
        }
        let Some(attempt) = self.changes.password.take() else {
            self.not_under_way(request);
            return Ok(());
        };
        if !self.is_charged(request) {
            return Ok(());
        }
        let binding = self.binding.as_bytes();
        let Ok(judged) = attempt.judge(&confirm.scram, binding, &confirm.code) else {
            return self.refuse(request, FAILED, "malformed");
        };
        let Judged { candidate, verdict } = judged;
        match verdict {
            Ok(right) => self.set_password(confirm, &candidate, right),
            Err(wrong) => {
                // The address keeps its charge whatever was wrong: what it has left would tell.
                self.shared.journal.login_failed(wrong.wrong_code);
                self.refuse(request, FAILED, wrong.reason)
            }
        }
    }

    fn set_password(
        &mut self,
        confirm: PasswordConfirm,
        candidate: &Candidate,
        right: Right,
    ) -> Result<(), End> {
        self.shared.refund_login(self.peer.ip());
        let verifier = Verifier {
            iterations: candidate.verifier.iterations,
            salt: candidate.verifier.salt,
            stored_key: confirm.stored_key,
            server_key: confirm.server_key,
        };
        let (token, stays) = self.stays();
        let changed = self.change(
            candidate.judged_by,
            Part::Password {
                spend: right.spend,
                verifier: verifier.to_text(),
                stays,
            },
        );
        let request = confirm.request;
        match changed {
            Ok(Some(granted)) => {
                let line = Line::info("password_changed");
                self.log(line, Some(("method", right.spend.method())));
                self.changed(request, Some(right.server_final), token, &granted);
                Ok(())
            }
            Ok(None) => self.code_used(request, FAILED),
            Err(error) => {
                self.unavailable(request, error);
                Ok(())
            }
        }
    }
}
