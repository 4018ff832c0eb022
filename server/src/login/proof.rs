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
/// but the server's clock is wrong with it: it ran ahead when the last code was spent. The work is
/// the same whichever comparison succeeds, or none.
fn second_factor(candidate: &Candidate, code: &SecretString) -> (Choice, Spend, Choice) {
    let no = Choice::from(0);
    match SecondFactor::received(code.expose()) {
        Ok(SecondFactor::Totp(code)) => {
            let now = step_now();
            let step = candidate.totp.matching_step(&code, now);
            let fresh = candidate.wrong_codes < MAX_WRONG_CODES;
            let number = step.unwrap_or(0);
            let is_ahead = |(from, to)| (from..=to).contains(&number);
            let unused = number > candidate.last_step && !candidate.ahead.is_some_and(is_ahead);
            let good = step.is_some() & Choice::from(u8::from(fresh && unused));
            // No login of today's can have spent a step behind the next one.
            let was_ahead = fresh && candidate.last_step > now.saturating_add(1);
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
