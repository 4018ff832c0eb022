//! Messages before login: registration, login, resuming (docs/PROTOCOL.md, sections 10 to 12).

use minicbor::{Decode, Encode};

use super::{AccountId, Capabilities, RequestId};
use crate::secret::{Secret, SecretString};

/// Asks for an account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Register {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The wanted name, as it is to be shown.
    #[n(1)]
    pub user: String,
    /// Reserved for an invitation's one-time token; no server of this version takes one.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub invitation: Option<Vec<u8>>,
    /// What the client understands; `None` from a client that knows of none.
    #[n(3)]
    pub capabilities: Option<Capabilities>,
}

/// Answers [`Register`]. The person keeps the secret and the recovery codes: they are never sent
/// again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterChallenge {
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Salt of the password, from the name: see [`salt_for`](crate::auth::scram::salt_for).
    #[cbor(n(1), with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// Iterations of PBKDF2: see [`Iterations`](crate::auth::scram::Iterations).
    #[n(2)]
    pub iterations: u32,
    /// The TOTP secret, 20 bytes.
    #[n(3)]
    pub totp: Secret<20>,
    /// Ten recovery codes, each 10 bytes.
    #[n(4)]
    pub recovery: Vec<Secret<10>>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub time: u64,
}

/// Proves that the person has the TOTP secret, and makes the account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterConfirm {
    /// Chosen by the client; the answer repeats it.
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
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's client-first-message.
    #[n(1)]
    pub scram: String,
    /// What the client understands; `None` from a client that knows of none.
    #[n(2)]
    pub capabilities: Option<Capabilities>,
}

/// Answers [`Login`], whether or not the name exists.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoginChallenge {
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-first-message.
    #[n(1)]
    pub scram: String,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub time: u64,
}

/// Proves the password and the second factor.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoginConfirm {
    /// Chosen by the client; the answer repeats it.
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
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// Id of the resume token.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The token, masked by an HMAC that covers the channel binding.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub proof: [u8; 32],
    /// What the client understands; `None` from a client that knows of none.
    #[n(3)]
    pub capabilities: Option<Capabilities>,
}

/// The login, registration or resume succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoggedIn {
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-final-message; only after a [`LoginConfirm`]. The client checks it before it
    /// believes anything of the rest.
    #[n(1)]
    pub scram: Option<String>,
    /// The name as it was registered.
    #[n(2)]
    pub user: String,
    /// Number of the account.
    #[n(3)]
    pub account: AccountId,
    /// Id of the resume token. Not secret.
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
    /// Recovery codes that are left, where this login spent one.
    #[n(8)]
    pub recovery_left: Option<u32>,
}
