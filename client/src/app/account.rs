//! One's own account: its sessions, another password, another second factor (docs/PROTOCOL.md,
//! 13.13 to 13.15).
//!
//! Questions have the keyboard to themselves: as long as a change is under way no line is read.
//! What the server says while a question is open waits in the loop's queue, and behind that with
//! the server. No question is asked while an answer of the server is outstanding; with a new
//! secret it is the server that waits, for the first code.

use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::scram::Password;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::limits::MAX_FIRST_CODES;
use chatbox_common::secret::SecretString;
use chatbox_common::wire::message::{
    Changed, ClientMessage, ErrorCode, ErrorMessage, FactorConfirm, FactorPart, NewFactor,
    PasswordChallenge, RequestId, SessionList,
};

use super::App;
use super::requests::Asked;
use crate::exit::ExitReason;
use crate::login::{Factors, Login, Passwords};
use crate::prompt::{PromptError, Prompter, away};
use crate::session::{Proof, Proved, SessionError};
use crate::ui::Intent;
use crate::words::tables;
use crate::words::{account as words, app as app_words, login};

/// One at a time: a session has one change under way (docs/PROTOCOL.md, 13.14).
pub(super) struct Changing {
    request: RequestId,
    /// The second factor that was sent; once it is accepted, the login must not offer it again.
    code: SecretString,
    step: Step,
}

enum Step {
    /// `password` is sent; the challenge is awaited.
    Challenge(Proof, Wanted),
    /// The new password is sent; `changed` is awaited.
    Password(Proved),
    /// `factor` is sent; the new one is awaited.
    Factor(FactorPart, Proved),
    /// A first code is sent; if it is wrong, so many more may be tried.
    FirstCode(u32),
}

/// What the password is proved for.
enum Wanted {
    Password(Password),
    Factor(FactorPart),
}

impl App {
    pub(super) fn show_sessions(&mut self, list: &SessionList) -> Result<(), ExitReason> {
        let lines = tables::sessions(&self.clock, list, self.connection.session());
        Ok(self.face.lines(words::SESSIONS, &lines)?)
    }

    /// A command that asks for secrets failed before it could ask. What was typed behind it may be
    /// the answers, so none of it is sent. In a pipe nothing tells where they end, so no more of it
    /// is read.
    pub(super) fn not_asked(&mut self, why: &str) -> Result<(), ExitReason> {
        if self.is_person {
            return self.problem_behind(why);
        }
        self.quitting.lose_one();
        self.quitting.begin();
        self.problem(why)?;
        self.problem(words::NOTHING_MORE)
    }

    /// Tells of a problem behind which answers may have been typed. These are dropped first: what a
    /// person types after they have read of the problem counts.
    fn problem_behind(&mut self, sentence: &str) -> Result<(), ExitReason> {
        let has_dropped = self.drop_answers();
        self.problem(sentence)?;
        self.tell_dropped(has_dropped)
    }

    fn drop_answers(&mut self) -> bool {
        let waited = self.drop_waiting_answers();
        self.face.discard() || waited
    }

    /// A change that goes on may get more of them.
    fn drop_waiting_answers(&mut self) -> bool {
        let dropped = self.typed_ahead.drop_answers();
        for intent in &dropped {
            if let Intent::Line(line) | Intent::Paste(line) = intent {
                self.face.forget_line(line);
            }
        }
        if self.changing.is_none() {
            self.typed_ahead.answers_end();
        }
        !dropped.is_empty()
    }

    pub(super) fn tell_dropped(&mut self, has_dropped: bool) -> Result<(), ExitReason> {
        if has_dropped {
            return self.problem(words::DROPPED);
        }
        Ok(())
    }

    const fn why_not(&self) -> Option<&'static str> {
        if !self.model.is_connected() {
            Some(words::NO_CONNECTION)
        } else if self.changing.is_some() {
            Some(words::UNDER_WAY)
        } else {
            None
        }
    }

    /// `None` when no change is to follow. All is asked even where nothing can be changed: a person
    /// who types on without looking types secrets, and only the question tells an answer from a
    /// line to be sent.
    fn ask_for_change<T>(
        &mut self,
        ask: impl FnOnce(&Login, &mut dyn Prompter) -> Result<T, PromptError>,
    ) -> Result<Option<T>, ExitReason> {
        if !self.is_person {
            self.not_asked(words::NOBODY_TO_ASK)?;
            return Ok(None);
        }
        let why_not = self.why_not();
        let asked = self.question(|login, person| {
            if let Some(why_not) = why_not {
                let said = person.say(&words::in_vain(why_not));
                said.map_err(PromptError::Terminal)?;
            }
            ask(login, person)
        })?;
        let Some(why_not) = why_not else {
            return Ok(asked);
        };
        if asked.is_some() {
            self.problem(&words::cancelled(why_not))?;
        }
        if self.connection.is_logged_out() {
            self.face.notice(None, app_words::ENTER_LOGS_IN)?;
        }
        Ok(None)
    }

    /// Asks while the session goes on; `None` when the person cancels. What they typed ahead of the
    /// questions that are not asked then is dropped.
    fn question<T>(
        &mut self,
        ask: impl FnOnce(&Login, &mut dyn Prompter) -> Result<T, PromptError>,
    ) -> Result<Option<T>, ExitReason> {
        self.face.will_be_asked();
        self.flush()?;
        let answer = ask(&self.login, &mut *self.face);
        let has_dropped = answer.is_err() && self.drop_answers();
        self.face.back();
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => {
                if matches!(error, PromptError::Interrupted) {
                    self.quitting.question_was_interrupted();
                }
                self.problem(&words::cancelled(&error))?;
                self.tell_dropped(has_dropped)?;
                Ok(None)
            }
        }
    }

    pub(super) fn change_password(&mut self) -> Result<(), ExitReason> {
        let asked = self.ask_for_change(Login::ask_passwords)?;
        let Some(Passwords { old, new, code }) = asked else {
            return Ok(());
        };
        self.prove(old, code, Wanted::Password(new))
    }

    pub(super) fn change_factor(&mut self, part: FactorPart) -> Result<(), ExitReason> {
        let asked = self.ask_for_change(Login::ask_factors)?;
        let Some(Factors { password, code }) = asked else {
            return Ok(());
        };
        self.prove(password, code, Wanted::Factor(part))
    }

    /// Every change begins with a proof of the password: a stolen session alone changes nothing.
    fn prove(
        &mut self,
        password: Password,
        code: SecretString,
        wanted: Wanted,
    ) -> Result<(), ExitReason> {
        let proof = Proof::begin(&self.user, password);
        let request = self.requests.number();
        let message = proof.message(request);
        self.await_change(request, code, Step::Challenge(proof, wanted));
        self.say(message)
    }

    fn await_change(&mut self, request: RequestId, code: SecretString, step: Step) {
        self.typed_ahead.answers_begin();
        self.requests.expect(request, Asked::Change);
        self.changing = Some(Changing {
            request,
            code,
            step,
        });
    }

    /// Takes the change, if `request` is the one of its step.
    fn answered(&mut self, request: RequestId) -> Option<Changing> {
        let changing = self
            .changing
            .take_if(|changing| changing.request == request);
        if changing.is_some() {
            self.requests.answered(request);
        }
        changing
    }

    pub(super) fn password_challenge(
        &mut self,
        challenge: &PasswordChallenge,
    ) -> Result<(), ExitReason> {
        let Some(Changing { code, step, .. }) = self.answered(challenge.request) else {
            return Ok(());
        };
        let Step::Challenge(proof, wanted) = step else {
            return Err(SessionError::Protocol.into());
        };
        let request = self.requests.number();
        let Some(link) = self.connection.link() else {
            return Ok(());
        };
        let (scram, binding) = (challenge.scram.clone(), link.binding().clone());
        let sent = code.clone();
        let proved = away(&mut *self.face, login::CHECKING, move || {
            Ok::<_, SessionError>(match wanted {
                Wanted::Password(new) => {
                    let (message, proved) = proof.replace(&scram, &new, sent, request, &binding)?;
                    (message, Step::Password(proved))
                }
                Wanted::Factor(part) => {
                    let (message, proved) =
                        proof.ask_factor(&scram, part, sent, request, &binding)?;
                    (message, Step::Factor(part, proved))
                }
            })
        });
        self.face.back();
        let (message, step) = match proved {
            Ok(proved) => proved?,
            Err(error) => return self.problem_behind(&words::cancelled(&error)),
        };
        self.await_change(request, code, step);
        self.say(message)
    }

    pub(super) fn new_factor(&mut self, factor: NewFactor) -> Result<(), ExitReason> {
        let Some(Changing { code, step, .. }) = self.answered(factor.request) else {
            return Ok(());
        };
        let Step::Factor(part, proved) = step else {
            return Err(SessionError::Protocol.into());
        };
        proved.verify(&factor.scram)?;
        let has_secret = part == FactorPart::Secret;
        if factor.recovery.len() != RECOVERY_CODES || factor.totp.is_some() != has_secret {
            return Err(SessionError::Protocol.into());
        }
        self.login.spend(code);
        let secret = factor.totp.map(TotpSecret::new);
        let recovery = factor.recovery.into_iter();
        let recovery: Vec<_> = recovery.map(RecoveryCode::new).collect();
        if has_secret {
            self.face.will_be_asked();
        }
        self.flush()?;
        let shown = secret.as_ref();
        let Self {
            login, face, user, ..
        } = self;
        login.show_factor(&mut **face, user, shown, &recovery, factor.time)?;
        if has_secret {
            return self.first_code(MAX_FIRST_CODES);
        }
        self.typed_ahead.answers_end();
        self.face.back();
        Ok(self.face.notice(None, words::NEW_CODES)?)
    }

    fn first_code(&mut self, tries: u32) -> Result<(), ExitReason> {
        let Some(code) = self.question(Login::ask_first_code)? else {
            return Ok(());
        };
        let request = self.requests.number();
        let message = ClientMessage::FactorConfirm(FactorConfirm {
            request,
            code: code.clone(),
        });
        self.await_change(request, code, Step::FirstCode(tries - 1));
        self.say(message)
    }

    pub(super) fn changed(&mut self, changed: Changed) -> Result<(), ExitReason> {
        let Some(Changing { code, step, .. }) = self.answered(changed.request) else {
            return Ok(());
        };
        let what = match step {
            Step::Password(proved) => {
                proved.verify(changed.scram.as_deref().unwrap_or_default())?;
                words::PASSWORD_CHANGED
            }
            Step::FirstCode(_) => words::FACTOR_CHANGED,
            Step::Challenge(..) | Step::Factor(..) => return Err(SessionError::Protocol.into()),
        };
        self.typed_ahead.answers_end();
        self.login.spend(code);
        self.connection.renew(changed);
        Ok(self.face.notice(None, &words::changed(what))?)
    }

    pub(super) fn change_refused(&mut self, error: &ErrorMessage) -> Result<(), ExitReason> {
        let changing = error.request.and_then(|request| self.answered(request));
        match changing.map(|changing| changing.step) {
            Some(Step::FirstCode(tries)) if tries > 0 && error.code == ErrorCode::WrongCode => {
                // Keys that are not taken yet are answers of the question that follows.
                let waited = self.drop_waiting_answers();
                let has_dropped = self.face.drop_line() || waited;
                self.problem(&error.text)?;
                self.tell_dropped(has_dropped)?;
                self.first_code(tries)
            }
            Some(step) => {
                self.problem_behind(&error.text)?;
                match step {
                    Step::FirstCode(_) => self.problem(no_first_code(error.code)),
                    Step::Challenge(..) | Step::Password(_) | Step::Factor(..) => Ok(()),
                }
            }
            None => self.problem(&error.text),
        }
    }

    /// The connection is lost: tells what is not known of a change that was under way. Logging out
    /// everywhere, if it was not answered, is asked for again.
    pub(super) fn forget_change(&mut self) -> Result<(), ExitReason> {
        if self.requests.is_logging_out() {
            self.quitting.log_out();
        }
        let sentence = match self.changing.take().map(|changing| changing.step) {
            None => return Ok(()),
            Some(Step::Challenge(..)) => words::NOTHING_CHANGED,
            Some(Step::Password(_)) => words::PASSWORD_UNKNOWN,
            Some(Step::Factor(FactorPart::RecoveryCodes, _)) => words::CODES_UNKNOWN,
            Some(Step::Factor(FactorPart::Secret, _)) => words::FACTOR_NOT_CHANGED,
            Some(Step::FirstCode(_)) => words::FACTOR_UNKNOWN,
        };
        let has_dropped = self.drop_answers();
        self.face.notice(None, sentence)?;
        self.tell_dropped(has_dropped)
    }

    /// As if a new secret had come and its first code were under way.
    #[cfg(test)]
    pub(super) fn await_first_code(&mut self) {
        if let Some(changing) = &mut self.changing {
            changing.step = Step::FirstCode(1);
        }
    }
}

/// What became of a change whose first code was refused for the last time.
const fn no_first_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::WrongCode => words::TOO_MANY_FIRST_CODES,
        _ => words::FACTOR_NOT_CHANGED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wrong_code_was_wrong_too_often() {
        assert!(no_first_code(ErrorCode::WrongCode).contains("too often"));
        for code in [
            ErrorCode::Busy,
            ErrorCode::Unavailable,
            ErrorCode::InvalidArgument,
        ] {
            assert!(!no_first_code(code).contains("too often"), "{code:?}");
        }
    }
}
