//! What is made anew for an account: resume tokens, TOTP secrets, recovery codes.

use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::secret::Secret;

use crate::journal::Token;
use crate::store::RecoveryHash;

/// A token, and what is kept of it.
#[must_use]
pub fn token() -> (ResumeToken, Token) {
    let token = ResumeToken {
        id: *Secret::<16>::random().expose(),
        token: Secret::random(),
    };
    let stored = Token {
        id: token.id,
        hash: Secret::new(token.stored()),
    };
    (token, stored)
}

/// A second factor.
#[must_use]
pub fn factor() -> (TotpSecret, Vec<Secret<10>>) {
    (TotpSecret::new(Secret::random()), recovery_codes())
}

/// As many recovery codes as a person gets.
#[must_use]
pub fn recovery_codes() -> Vec<Secret<10>> {
    (0..RECOVERY_CODES).map(|_| Secret::random()).collect()
}

/// What is kept of recovery codes.
#[must_use]
pub fn hashes(codes: &[Secret<10>]) -> Vec<RecoveryHash> {
    let codes = codes.iter().cloned().map(RecoveryCode::new);
    codes.map(|code| code.hash()).collect()
}
