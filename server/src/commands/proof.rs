//! The proof that precedes a change: SCRAM inside the session, bound to its channel, and a code.
//!
//! It is what a login asks for, judged by the same code. An attacker who has got hold of a session
//! has neither, and can't count wrong codes against an account whose password he does not know.

use chatbox_common::auth::scram::ClientFirstMessage;
use chatbox_common::secret::SecretString;
use chatbox_common::wire::message::{Password, PasswordChallenge, RequestId, ServerMessage};

use super::Requests;
use crate::audit::events::{self, AuditEvent};
use crate::login::proof::{Attempt, Judged, Right};
use crate::login_stream::End;
use crate::readers::Candidate;

/// `password` does not say which change will follow.
const FAILED: &AuditEvent = &events::CHANGE_FAILED;

/// The account whose proofs were right, and what they use up.
pub(super) struct Proved {
    pub(super) candidate: Candidate,
    pub(super) right: Right,
}

impl Requests<'_> {
    #[inline(never)]
    pub(super) fn password(&mut self, asked: &Password) -> Result<(), End> {
        let request = asked.request;
        if !self.is_recorded(request) {
            return Ok(());
        }
        self.changes.forget();
        let own = self.own_name();
        let first = ClientFirstMessage::parse(&asked.scram).ok();
        let Some(first) = first.filter(|first| own.as_ref() == Some(first.user())) else {
            return match self.charge(request) {
                Some(charged) => self.refuse(request, FAILED, "malformed", charged),
                None => Ok(()),
            };
        };
        match Attempt::begin(self.shared, first) {
            Ok(attempt) => {
                self.reply(&ServerMessage::PasswordChallenge(PasswordChallenge {
                    request,
                    scram: attempt.message().to_owned(),
                }));
                self.changes.begin_proof(attempt);
            }
            Err(error) => self.not_read(request, &error),
        }
        Ok(())
    }

    /// Judges the proof that is under way, and uses its challenge up; `None` when the peer has been
    /// told why not. `failed` is the event that the log gets.
    #[inline(never)]
    pub(super) fn proved(
        &mut self,
        request: RequestId,
        scram: &str,
        code: &SecretString,
        failed: &'static AuditEvent,
    ) -> Result<Option<Proved>, End> {
        if !self.is_recorded(request) {
            return Ok(None);
        }
        let Some(attempt) = self.changes.proof.take() else {
            self.not_under_way(request);
            return Ok(None);
        };
        let Some(charged) = self.charge(request) else {
            return Ok(None);
        };
        let Ok(judged) = attempt.judge(scram, self.binding.as_bytes(), code) else {
            self.refuse(request, failed, "malformed", charged)?;
            return Ok(None);
        };
        let Judged { candidate, verdict } = judged;
        match verdict {
            Ok(right) => {
                self.shared.refund_login(self.peer.ip(), charged);
                Ok(Some(Proved { candidate, right }))
            }
            Err(wrong) => {
                // The address keeps its charge whatever was wrong: the number of attempts it has
                // left would tell.
                self.shared.journal.login_failed(wrong.wrong_code);
                self.refuse(request, failed, wrong.reason, charged)?;
                Ok(None)
            }
        }
    }
}
