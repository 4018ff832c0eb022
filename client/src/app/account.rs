//! One's own account: where one is logged in, logging out everywhere, another password, another
//! second factor.
//!
//! Questions have the keyboard to themselves: as long as a change is under way no line is wanted,
//! and what is heard meanwhile waits where it is, in the end with the server. Nothing is asked
//! while an answer of the server's is outstanding, except for the first code of a new secret, of
//! which the server waits for nothing but that.

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
use crate::words::tables;
use crate::words::{account as words, app as app_words, login};

/// A change of one's own account that the server was asked for.
pub(super) struct Changing {
    /// The request that is to be answered.
    request: RequestId,
    /// The second factor that is sent, to be remembered as used.
    code: SecretString,
    step: Step,
}

enum Step {
    /// The challenge is to come.
    Challenge(Proof, Wanted),
    /// The new password is sent.
    Password(Proved),
    /// The new factor is to come.
    Factor(FactorPart, Proved),
    /// A first code is sent; so many may be wrong after it.
    FirstCode(u32),
}

/// What the password is proved for.
enum Wanted {
    /// This one in its place.
    Password(Password),
    /// Another second factor.
    Factor(FactorPart),
}

impl App {
    pub(super) fn show_sessions(&mut self, list: &SessionList) -> Result<(), ExitReason> {
        let lines = tables::sessions(&self.clock, list, self.connection.session());
        Ok(self.face.lines(words::SESSIONS, &lines)?)
    }

    // Questions.

    /// A command that asks for secrets came to nothing before it could ask. What was typed behind it
    /// may be the answers and is not said; how far they reach in a pipe nobody can tell, so no more
    /// of it is read.
    pub(super) fn not_asked(&mut self, why: &str) -> Result<(), ExitReason> {
        if self.is_person {
            return self.problem_behind(why);
        }
        self.quitting.lose_one();
        self.quitting.begin();
        self.problem(why)?;
        self.problem(words::NOTHING_MORE)
    }

    /// Tells of a problem behind which answers may have been typed: these are thrown away first, so
    /// that what is typed by somebody who has read of it counts.
    fn problem_behind(&mut self, sentence: &str) -> Result<(), ExitReason> {
        let has_dropped = self.face.discard();
        self.problem(sentence)?;
        self.tell_dropped(has_dropped)
    }

    /// Says that something was thrown away, if it was.
    pub(super) fn tell_dropped(&mut self, has_dropped: bool) -> Result<(), ExitReason> {
        if has_dropped {
            return self.problem(words::DROPPED);
        }
        Ok(())
    }

    /// Why nothing can be changed at the moment.
    const fn why_not(&self) -> Option<&'static str> {
        if !self.model.is_connected() {
            Some(words::NO_CONNECTION)
        } else if self.changing.is_some() {
            Some(words::UNDER_WAY)
        } else {
            None
        }
    }

    /// Asks for what a change takes; nothing when none is to come. All of it is asked even where
    /// nothing can be changed: whoever types on without looking types secrets, and a line is told
    /// from an answer by nothing but the question.
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

    /// Asks the person something while the session goes on; nothing when they cancel. What was typed
    /// ahead of the questions that are not asked then is thrown away.
    fn question<T>(
        &mut self,
        ask: impl FnOnce(&Login, &mut dyn Prompter) -> Result<T, PromptError>,
    ) -> Result<Option<T>, ExitReason> {
        self.face.will_be_asked();
        self.flush()?;
        let answer = ask(&self.login, &mut *self.face);
        let has_dropped = answer.is_err() && self.face.discard();
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

    // What is asked for.

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

    /// Begins to prove the password: every change does.
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
        self.requests.expect(request, Asked::Change);
        self.changing = Some(Changing {
            request,
            code,
            step,
        });
    }

    /// The change whose request this answers.
    fn answered(&mut self, request: RequestId) -> Option<Changing> {
        let changing = self
            .changing
            .take_if(|changing| changing.request == request);
        if changing.is_some() {
            self.requests.answered(request);
        }
        changing
    }

    // What the server answers.

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
            Err(error) => return self.problem(&words::cancelled(&error)),
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
        let Self { face, user, .. } = self;
        Login::show_factor(&mut **face, user, shown, &recovery, factor.time)?;
        if has_secret {
            return self.first_code(MAX_FIRST_CODES);
        }
        self.face.back();
        Ok(self.face.notice(None, words::NEW_CODES)?)
    }

    /// Asks for a code of the new secret, and sends it.
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
        self.login.spend(code);
        self.connection.renew(changed);
        Ok(self.face.notice(None, &words::changed(what))?)
    }

    pub(super) fn change_refused(&mut self, error: &ErrorMessage) -> Result<(), ExitReason> {
        let changing = error.request.and_then(|request| self.answered(request));
        match changing.map(|changing| changing.step) {
            Some(Step::FirstCode(tries)) if tries > 0 && error.code == ErrorCode::WrongCode => {
                self.problem(&error.text)?;
                self.first_code(tries)
            }
            Some(step) => {
                self.problem_behind(&error.text)?;
                if matches!(step, Step::FirstCode(0)) {
                    return self.problem(words::TOO_MANY_FIRST_CODES);
                }
                Ok(())
            }
            None => self.problem(&error.text),
        }
    }

    /// The connection is lost: says what is not known of a change that was under way. Who wanted to be
    /// logged out still does.
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
        let has_dropped = self.face.discard();
        self.face.notice(None, sentence)?;
        self.tell_dropped(has_dropped)
    }
}
