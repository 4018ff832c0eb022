//! New secrets for an account: resume tokens, TOTP secrets, recovery codes.

use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::secret::Secret;

use crate::journal::Token;
use crate::store::RecoveryHash;

/// A token for the client, and what the database keeps of it.
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

#[must_use]
pub fn factor() -> (TotpSecret, Vec<Secret<10>>) {
    (TotpSecret::new(Secret::random()), recovery_codes())
}

/// [`RECOVERY_CODES`] of them, 10 bytes each.
#[must_use]
pub fn recovery_codes() -> Vec<Secret<10>> {
    (0..RECOVERY_CODES).map(|_| Secret::random()).collect()
}

/// What the database keeps of recovery codes.
#[must_use]
pub fn hashes(codes: &[Secret<10>]) -> Vec<RecoveryHash> {
    let codes = codes.iter().cloned().map(RecoveryCode::new);
    codes.map(|code| code.hash()).collect()
}
