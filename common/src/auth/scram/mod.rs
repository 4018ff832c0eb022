//! The password: SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), bound to the encrypted channel.
//!
//! ```text
//! client                                                  server
//!   n=alice,r=<24>              client-first   ─────────►  looks up the verifier
//!   PBKDF2, proof   ◄─────────  server-first               r=<24><24>,s=<salt>,i=600000
//!   c=…,r=<24><24>,p=<proof>    client-final   ─────────►  checks binding, nonce, proof
//!   checks v=       ◄─────────  server-final               v=<signature>
//! ```
//!
//! The message strings are the RFC's. Where the RFC leaves a choice, this profile has one answer:
//! the header `p=chatbox,,`, so that a login relayed over another channel fails; no authorization
//! identity, no `m=`, no extension; nonces of 18 bytes; attributes in their order and nothing
//! behind them. A later version says so in the messages around these, not inside them.
//!
//! `keys` is the arithmetic and knows no policy; `client` and `server` are the two ends, states
//! that are consumed on the way. Nothing here knows which accounts exist or counts attempts.

mod client;
mod keys;
mod server;
#[cfg(test)]
mod tests;
mod verifier;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub use client::{ClientFinal, ClientFirst, SaltedPassword};
pub use server::{ClientFirstMessage, Proof, ServerFirst};
pub use verifier::{
    MAX_PASSWORD, MIN_PASSWORD, Password, PasswordError, Verifier, VerifierError, salt_for,
};

/// The length of a salt, in bytes.
pub const SALT_LEN: usize = 16;

/// The length of each side's part of the nonce, in random bytes; in Base64 24 characters.
pub const NONCE_LEN: usize = 18;

/// The longest message of an exchange, in bytes. The longest that is valid has 160.
pub const MAX_MESSAGE: usize = 256;

/// The GS2 header (RFC 5802 section 7): channel binding of the private type `chatbox`, no
/// authorization identity.
const GS2_HEADER: &str = "p=chatbox,,";

/// Why an exchange ended. The server tells its peer none of this, only that it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    /// Not the attributes that belong here, in another order, in another encoding, with
    /// something behind them, or longer than [`MAX_MESSAGE`].
    #[error("the other side sent a login message that cannot be understood")]
    Malformed,
    /// A header other than `p=chatbox,,`: the client would log in without, or with another kind
    /// of, channel binding.
    #[error("the login is not bound to the encrypted channel")]
    NotBound,
    /// A `c=` with the binding of another channel.
    #[error("the login belongs to another channel; somebody may be relaying it")]
    OtherChannel,
    /// A nonce that does not begin with the client's own, is not extended by the server's, or
    /// changed on the way.
    #[error("the login does not belong to this exchange; somebody may be replaying an old one")]
    Nonce,
    /// An iteration count outside of what [`Iterations::new`] takes.
    #[error(
        "the server asks for fewer than 600,000 or more than 5,000,000 rounds of password hashing"
    )]
    Iterations,
    /// A challenge for another salt or another count than the prepared password's.
    #[error("the password was prepared for another salt or another number of rounds")]
    OtherChallenge,
    /// A server signature that only somebody without the account's keys would send.
    #[error("the server could not prove that it knows this account; it may be an impostor")]
    ServerSignature,
    /// Wrong password, unknown name, or another part of the login that failed.
    #[error("the login was refused")]
    Refused,
}

/// A count outside [`Iterations::LEAST`] to [`Iterations::MAX`]; holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} rounds of password hashing are not possible; 4,096 to 5,000,000 are")]
pub struct IterationsError(pub u32);

/// How many rounds of PBKDF2 a password costs.
///
/// A client takes 600,000 to 5,000,000 ([`Self::new`]): fewer would let an impostor collect proofs
/// that are cheap to guess against; more would let it stall the client. A server may keep fewer
/// ([`Self::for_server`]), for tests that make thousands of accounts; clients then refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Iterations(u32);

impl Iterations {
    /// The least a server can be set to: RFC 7677 section 4 asks for no fewer.
    pub const LEAST: Self = Self(4_096);
    /// A server's count without configuration, and the least a client takes.
    pub const DEFAULT: Self = Self(600_000);
    /// The most a client or a server takes.
    pub const MAX: Self = Self(5_000_000);

    /// Takes the count that a server asks a client for.
    ///
    /// # Errors
    /// [`ScramError::Iterations`] below [`Self::DEFAULT`] or above [`Self::MAX`].
    pub const fn new(count: u32) -> Result<Self, ScramError> {
        if count < Self::DEFAULT.0 || count > Self::MAX.0 {
            return Err(ScramError::Iterations);
        }
        Ok(Self(count))
    }

    /// Takes the count of a server's own accounts. Among clients only a load generator, whose
    /// passwords protect nothing, may use it.
    ///
    /// # Errors
    /// [`IterationsError`] below [`Self::LEAST`] or above [`Self::MAX`].
    pub const fn for_server(count: u32) -> Result<Self, IterationsError> {
        if count < Self::LEAST.0 || count > Self::MAX.0 {
            return Err(IterationsError(count));
        }
        Ok(Self(count))
    }

    /// Whether a client takes it; the server warns its operator otherwise.
    #[must_use]
    pub const fn suits_clients(self) -> bool {
        Self::new(self.0).is_ok()
    }

    /// PBKDF2's iteration count (RFC 8018), SCRAM's `i=`.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }
}

/// RFC 5802's posit-number: digits without sign or leading zero.
fn posit_number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_number)
}

/// The values of exactly these attributes (each given with its `=`), in this order, and
/// nothing else. Every message is parsed here, and so held to [`MAX_MESSAGE`].
fn attributes<'a, const N: usize>(
    message: &'a str,
    names: [&str; N],
) -> Result<[&'a str; N], ScramError> {
    if message.len() > MAX_MESSAGE {
        return Err(ScramError::Malformed);
    }
    let mut parts = message.split(',');
    let mut values = [""; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = parts
            .next()
            .and_then(|part| part.strip_prefix(name))
            .ok_or(ScramError::Malformed)?;
    }
    match parts.next() {
        None => Ok(values),
        Some(_) => Err(ScramError::Malformed),
    }
}

/// Base64 (RFC 4648 section 4), with its padding.
fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The inverse of [`encode`] for exactly `N` bytes; `None` for every other text.
fn decode<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    if text.len() != N.div_ceil(3) * 4 {
        return None;
    }
    let mut bytes = Zeroizing::new([0; N]);
    let written = STANDARD.decode_slice(text, bytes.as_mut_slice()).ok()?;
    (written == N).then_some(bytes)
}

fn is_nonce(text: &str) -> bool {
    decode::<NONCE_LEN>(text).is_some()
}

/// The value of `c=` (RFC 5802 section 5.1): header and channel binding.
fn cbind_input(channel_binding: &[u8; 32]) -> String {
    encode(&[GS2_HEADER.as_bytes(), channel_binding].concat())
}

/// AuthMessage (RFC 5802 section 3): what both signatures are made over.
fn auth_message(client_first_bare: &str, server_first: &str, without_proof: &str) -> String {
    [client_first_bare, server_first, without_proof].join(",")
}
