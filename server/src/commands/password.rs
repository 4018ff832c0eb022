//! Another password, behind the proof of the old one. Its keys have the old one's salt, which is
//! the name's, and its iterations, which are the database's.

use chatbox_common::auth::scram::Verifier;
use chatbox_common::wire::message::PasswordConfirm;

use super::Requests;
use super::proof::Proved;
use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::journal::Part;
use crate::login::fresh;
use crate::login_stream::End;

const FAILED: &AuditEvent = &events::PASSWORD_CHANGE_FAILED;

impl Requests<'_> {
    #[inline(never)]
    pub(super) fn password_confirm(&mut self, confirm: PasswordConfirm) -> Result<(), End> {
        let request = confirm.request;
        let proved = self.proved(request, &confirm.scram, &confirm.code, FAILED)?;
        let Some(Proved { candidate, right }) = proved else {
            return Ok(());
        };
        let verifier = Verifier {
            iterations: candidate.verifier.iterations,
            salt: candidate.verifier.salt,
            stored_key: confirm.stored_key,
            server_key: confirm.server_key,
        };
        let (token, successor) = fresh::token();
        let changed = self.change(
            candidate.judged_by,
            Part::Password {
                spend: right.spend,
                verifier: verifier.to_text(),
                successor,
            },
        );
        match changed {
            Ok(Some(granted)) => {
                let line = Line::of(&events::PASSWORD_CHANGED);
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
