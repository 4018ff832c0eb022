//! Judges a password and a second factor, with the same work whatever is wrong.
//!
//! Called for a login, and for what a session proves again (`commands::proof`). Nothing here
//! counts, spends, logs or answers.

use chatbox_common::auth::SecondFactor;
use chatbox_common::auth::scram::{ClientFirstMessage, ScramError, ServerFirst};
use chatbox_common::auth::totp::{TotpSecret, step_of};
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::message::AccountId;
use subtle::{Choice, ConstantTimeEq};

use crate::clock::now_ms;
use crate::journal::{MAX_WRONG_CODES, Spend};
use crate::readers::{Candidate, LookUpError};
use crate::shared::Shared;

/// A proof between its challenge and its judgement.
pub struct Attempt {
    candidate: Candidate,
    challenge: ServerFirst,
}

pub struct Judged {
    pub candidate: Candidate,
    pub verdict: Result<Right, Wrong>,
}

/// Password and code were right.
pub struct Right {
    /// SCRAM's server-final-message, by which the server proves itself.
    pub server_final: String,
    /// The code that they use up, which the journal spends.
    pub spend: Spend,
}

/// The password or the code was wrong, or the account may not log in.
pub struct Wrong {
    /// For the log alone: the peer is not told.
    pub reason: &'static str,
    /// The account whose code was wrong after a right password: it counts against the account.
    pub wrong_code: Option<AccountId>,
}

impl Attempt {
    /// Challenges the peer, whether or not the name exists.
    pub fn begin(shared: &Shared, first: ClientFirstMessage) -> Result<Self, LookUpError> {
        let user = first.user().clone();
        let mut candidate = shared.readers.candidate(&user)?;
        // The salt is a function of the name: no account has another, and the decoy must have it
        // too.
        candidate.verifier.salt = shared.salt(&user);
        let nonce = *Secret::<18>::random().expose();
        let challenge = first.challenge(candidate.verifier.clone(), nonce);
        Ok(Self {
            candidate,
            challenge,
        })
    }

    /// SCRAM's server-first-message (RFC 5802).
    #[must_use]
    pub fn message(&self) -> &str {
        self.challenge.message()
    }

    /// Judges SCRAM's client-final-message and the code that came with it.
    ///
    /// # Errors
    /// When the message does not belong to this exchange on this channel.
    pub fn judge(
        self,
        client_final: &str,
        binding: &[u8; 32],
        code: &SecretString,
    ) -> Result<Judged, ScramError> {
        let candidate = self.candidate;
        let proof = self.challenge.check(client_final, binding)?;
        let (code, spend, clock) = second_factor(&candidate, code);
        let (exists, enabled) = (candidate.exists, candidate.enabled);
        let password = proof.matches() & exists;
        let verdict = match proof.into_server_final(code & enabled & exists) {
            Ok(server_final) => Ok(Right {
                server_final,
                spend,
            }),
            Err(_) => Err(wrong(&candidate, password, code, clock)),
        };
        Ok(Judged { candidate, verdict })
    }
}

fn wrong(candidate: &Candidate, password: Choice, code: Choice, clock: Choice) -> Wrong {
    let clock = bool::from(password & clock);
    let wrong_code = !clock && bool::from(password & !code);
    let reason = if candidate.is_unreadable {
        "unreadable"
    } else if !bool::from(candidate.exists) {
        "no_such_user"
    } else if !bool::from(password) {
        "password"
    } else if clock {
        "clock"
    } else if wrong_code {
        "code"
    } else {
        "disabled"
    };
    Wrong {
        reason,
        wrong_code: wrong_code.then_some(candidate.account),
    }
}

/// Compares the code with all that it could be, and says what it would spend, and whether nothing
/// but the server's clock is wrong with it: it ran ahead when the last code was spent, or this one
/// may have been spent then. The work is the same whichever comparison succeeds, or none.
fn second_factor(candidate: &Candidate, code: &SecretString) -> (Choice, Spend, Choice) {
    let no = Choice::from(0);
    match SecondFactor::received(code.expose()) {
        Ok(SecondFactor::Totp(code)) => {
            let now = step_now();
            let step = candidate.totp.matching_step(&code, now);
            let fresh = candidate.wrong_codes < MAX_WRONG_CODES;
            let number = step.unwrap_or(0);
            let is_ahead = |(from, to)| (from..=to).contains(&number);
            let is_ahead = candidate.ahead.is_some_and(is_ahead);
            let unused = number > candidate.last_step && !is_ahead;
            let good = step.is_some() & Choice::from(u8::from(fresh && unused));
            // No login of today's can have spent a step behind the next one.
            let was_ahead = fresh && (candidate.last_step > now.saturating_add(1) || is_ahead);
            let clock = step.is_some() & Choice::from(u8::from(was_ahead));
            (good, Spend::Step(number), clock)
        }
        Ok(SecondFactor::Recovery(code)) => {
            let hash = code.hash();
            let mut good = no;
            for stored in &candidate.recovery {
                good |= stored.ct_eq(&hash);
            }
            (good, Spend::Recovery(hash), no)
        }
        Err(_) => (no, Spend::Step(0), no),
    }
}

/// The step of the first code of a new secret, if it is right.
#[must_use]
pub fn first_step(totp: &TotpSecret, code: &SecretString) -> Option<u64> {
    let Ok(SecondFactor::Totp(code)) = SecondFactor::received(code.expose()) else {
        return None;
    };
    totp.matching_step(&code, step_now()).into()
}

fn step_now() -> u64 {
    step_of(now_ms() / 1000)
}

#[cfg(test)]
mod tests {
    use chatbox_common::auth::recovery::RecoveryCode;
    use chatbox_common::auth::scram::{Iterations, Verifier};
    use chatbox_common::name::UserName;

    use super::*;

    /// An account that has spent a code and had some wrong.
    fn candidate(last_step: u64, ahead: Option<(u64, u64)>, wrong_codes: u32) -> Candidate {
        Candidate {
            exists: Choice::from(1),
            is_unreadable: false,
            account: AccountId(7),
            user: UserName::nobody(),
            verifier: Verifier {
                iterations: Iterations::DEFAULT,
                salt: [0; 16],
                stored_key: Secret::random(),
                server_key: Secret::random(),
            },
            totp: TotpSecret::new(Secret::random()),
            last_step,
            ahead,
            wrong_codes,
            recovery: Vec::new(),
            enabled: Choice::from(1),
            judged_by: [0; 32],
        }
    }

    /// What is told of the candidate's code of a step, after a right password: nothing where it is
    /// right, else the reason, and whether it counts as a wrong code.
    fn told(candidate: &Candidate, step: u64) -> Option<(&'static str, bool)> {
        let code = SecretString::new(candidate.totp.code_at(step).expose().to_owned());
        let (good, spend, clock) = second_factor(candidate, &code);
        if bool::from(good) {
            assert!(matches!(spend, Spend::Step(used) if used == step));
            return None;
        }
        let wrong = wrong(candidate, Choice::from(1), good, clock);
        Some((wrong.reason, wrong.wrong_code == Some(candidate.account)))
    }

    #[test]
    fn a_right_code_that_only_the_clock_makes_wrong_is_not_counted() {
        // The codes of the next minute are taken as well, so that it may end meanwhile.
        let now = step_now();
        let (clock, code) = (Some(("clock", false)), Some(("code", true)));
        let ahead = now + 2_880;
        for (last_step, range, wrong_codes, expected) in [
            (now - 9, None, 0, None),
            (now + 1, None, 0, code),
            (now + 3, None, 0, clock),
            (ahead, None, 0, clock),
            // After a recovery code.
            (now - 9, Some((ahead, ahead)), 0, None),
            (now - 9, Some((now - 8, ahead)), 0, clock),
            // Where so many were wrong no code is looked at.
            (ahead, None, MAX_WRONG_CODES, code),
            (now - 9, Some((now - 8, ahead)), MAX_WRONG_CODES, code),
        ] {
            let candidate = candidate(last_step, range, wrong_codes);
            let told = told(&candidate, now);
            assert_eq!(told, expected, "{last_step} {range:?} at {now}");
        }
        // A code of the day that the clock showed is wrong today.
        assert_eq!(told(&candidate(ahead, None, 0), ahead + 1), code);
    }

    #[test]
    fn without_the_right_password_nothing_is_said_of_the_clock() {
        let candidate = candidate(step_now() + 2_880, None, 0);
        let (no, yes) = (Choice::from(0), Choice::from(1));
        let wrong = wrong(&candidate, no, no, yes);
        assert_eq!((wrong.reason, wrong.wrong_code), ("password", None));
    }

    #[test]
    fn a_recovery_code_needs_no_clock() {
        let code = RecoveryCode::new(Secret::random());
        let candidate = Candidate {
            recovery: vec![[1; 32], code.hash()],
            ..candidate(step_now() + 2_880, None, MAX_WRONG_CODES)
        };
        let (good, spend, clock) = second_factor(&candidate, &code.text());
        assert!(bool::from(good) && !bool::from(clock));
        assert!(matches!(spend, Spend::Recovery(hash) if hash == code.hash()));
        let (good, _, clock) =
            second_factor(&candidate, &RecoveryCode::new(Secret::random()).text());
        assert!(!bool::from(good | clock));
    }
}
