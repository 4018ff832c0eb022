//! Messages about one's own account: its sessions, its password, its second factor
//! (docs/PROTOCOL.md, sections 13.13 to 13.15).

use minicbor::{Decode, Encode};

use super::RequestId;
use crate::secret::{Secret, SecretString};

/// A session of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionInfo {
    /// The session's number, as its `welcome` gives it.
    #[n(0)]
    pub session: u64,
    /// Address and port, as the server sees them.
    #[n(1)]
    pub address: String,
    /// When it began, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub since: u64,
}

/// Answers `sessions`: those of the account that asks.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionList {
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// In the order of their numbers; at most [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(1)]
    pub sessions: Vec<SessionInfo>,
}

/// Begins a proof of the password, for the change of one's own account that follows: a
/// [`PasswordConfirm`] or a [`Factor`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Password {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's client-first-message, with the session's own name.
    #[n(1)]
    pub scram: String,
}

/// Answers [`Password`]. Good for one change, whatever comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PasswordChallenge {
    /// Repeats the number of the request.
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
    /// Chosen by the client; the answer repeats it.
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
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-final-message, after a [`PasswordConfirm`].
    #[n(1)]
    pub scram: Option<String>,
    /// Id of the resume token that takes the place of the session's former one. Not secret.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub token_id: [u8; 16],
    /// The resume token.
    #[n(3)]
    pub token: Secret<32>,
    /// How long the token can be used, in seconds.
    #[n(4)]
    pub token_seconds: u32,
}

/// The part of the second factor that is to be replaced.
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
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// Six digits, or a recovery code, of the factor so far.
    #[n(1)]
    pub code: SecretString,
    /// What is to be replaced.
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
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The TOTP secret, for [`FactorPart::Secret`].
    #[n(1)]
    pub totp: Option<Secret<20>>,
    /// Ten recovery codes, each 10 bytes.
    #[n(2)]
    pub recovery: Vec<Secret<10>>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(3)]
    pub time: u64,
    /// SCRAM's server-final-message. The client checks it before it shows anything of the rest.
    #[n(4)]
    pub scram: String,
}

/// Confirms a new TOTP secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FactorConfirm {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// A code of the new TOTP secret, six digits.
    #[n(1)]
    pub code: SecretString,
}
