//! What is said before somebody is logged in.

use minicbor::{Decode, Encode};

use super::{AccountId, RequestId};
use crate::secret::{Secret, SecretString};

/// Asks for an account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Register {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The name wished for, as it shall be shown.
    #[n(1)]
    pub user: String,
    /// An invitation's one-time token; its place is kept, no server of this version takes one.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub invitation: Option<Vec<u8>>,
}

/// What a new account needs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterChallenge {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Salt of the password.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// Iterations of PBKDF2.
    #[n(2)]
    pub iterations: u32,
    /// The TOTP secret.
    #[n(3)]
    pub totp: Secret<20>,
    /// The recovery codes, each 10 bytes.
    #[n(4)]
    pub recovery: Vec<Secret<10>>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub time: u64,
}

/// Makes the account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterConfirm {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// `StoredKey` (RFC 5802, section 3).
    #[n(1)]
    pub stored_key: Secret<32>,
    /// `ServerKey` (RFC 5802, section 3).
    #[n(2)]
    pub server_key: Secret<32>,
    /// A code of the new TOTP secret, six digits.
    #[n(3)]
    pub code: SecretString,
}

/// Begins a login.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Login {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's client-first-message.
    #[n(1)]
    pub scram: String,
}

/// Answers [`Login`], whether or not the name exists.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoginChallenge {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-first-message.
    #[n(1)]
    pub scram: String,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub time: u64,
}

/// Both proofs of a login.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoginConfirm {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's client-final-message.
    #[n(1)]
    pub scram: String,
    /// Six digits, or a recovery code.
    #[n(2)]
    pub code: SecretString,
}

/// Continues an earlier login on a new connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Resume {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Which token.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The token, hidden under an HMAC that covers the channel binding.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub proof: [u8; 32],
}

/// The login succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoggedIn {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-final-message; only after a [`LoginConfirm`].
    #[n(1)]
    pub scram: Option<String>,
    /// The name as it was registered.
    #[n(2)]
    pub user: String,
    /// Number of the account.
    #[n(3)]
    pub account: AccountId,
    /// Name of the resume token.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub token_id: [u8; 16],
    /// The resume token.
    #[n(5)]
    pub token: Secret<32>,
    /// How long the token can be used, in seconds.
    #[n(6)]
    pub token_seconds: u32,
    /// Wrong second factors after a right password since the last login.
    #[n(7)]
    pub wrong_codes: u32,
}
