//! What is said about one's own account: its sessions, its password, its second factor.

use minicbor::{Decode, Encode};

use super::RequestId;
use crate::secret::{Secret, SecretString};

/// A session of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionInfo {
    /// Its number.
    #[n(0)]
    pub session: u64,
    /// The address the server sees.
    #[n(1)]
    pub address: String,
    /// Since when, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub since: u64,
}

/// One's own sessions, in the order of their numbers; at most
/// [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionList {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The sessions.
    #[n(1)]
    pub sessions: Vec<SessionInfo>,
}

/// Begins a proof of the password, for the change of one's own account that follows: a
/// [`PasswordConfirm`] or a [`Factor`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Password {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's client-first-message, with one's own name.
    #[n(1)]
    pub scram: String,
}

/// Answers [`Password`]. Whichever change follows uses it up.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PasswordChallenge {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-first-message. Its salt and iterations hold for a new password as well.
    #[n(1)]
    pub scram: String,
}

/// Proves the old password, and sets the new one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PasswordConfirm {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's client-final-message.
    #[n(1)]
    pub scram: String,
    /// Six digits, or a recovery code.
    #[n(2)]
    pub code: SecretString,
    /// `StoredKey` of the new password (RFC 5802, section 3).
    #[n(3)]
    pub stored_key: Secret<32>,
    /// `ServerKey` of the new password (RFC 5802, section 3).
    #[n(4)]
    pub server_key: Secret<32>,
}

/// The password or the second factor was changed: all other sessions have ended, and no earlier
/// resume token is good any more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Changed {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-final-message, after a [`PasswordConfirm`].
    #[n(1)]
    pub scram: Option<String>,
    /// Name of the resume token that this session has now.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub token_id: [u8; 16],
    /// The token.
    #[n(3)]
    pub token: Secret<32>,
    /// How long it can be used, in seconds.
    #[n(4)]
    pub token_seconds: u32,
}

/// Which part of the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum FactorPart {
    /// The TOTP secret, and the recovery codes with it.
    #[n(0)]
    Secret,
    /// The recovery codes alone.
    #[n(1)]
    RecoveryCodes,
}

/// Proves the password, and asks for a new second factor.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Factor {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Six digits, or a recovery code, of the one so far.
    #[n(1)]
    pub code: SecretString,
    /// Which part of it.
    #[n(2)]
    pub part: FactorPart,
    /// SCRAM's client-final-message.
    #[n(3)]
    pub scram: String,
}

/// A new second factor. With a secret, it holds once a [`FactorConfirm`] has shown a code of it;
/// without, the recovery codes hold already.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NewFactor {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The TOTP secret, when it was asked for.
    #[n(1)]
    pub totp: Option<Secret<20>>,
    /// The recovery codes, each 10 bytes.
    #[n(2)]
    pub recovery: Vec<Secret<10>>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(3)]
    pub time: u64,
    /// SCRAM's server-final-message. Until it is found right, nothing of this is to be shown.
    #[n(4)]
    pub scram: String,
}

/// Confirms a new TOTP secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FactorConfirm {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// A code of the new TOTP secret, six digits.
    #[n(1)]
    pub code: SecretString,
}
