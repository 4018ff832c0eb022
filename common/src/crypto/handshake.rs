//! The handshake: `Noise_NX_25519_AESGCM_SHA256`, with ML-KEM-768 in its payloads.
//!
//! Two messages. The client's carries a fresh ML-KEM-768 encapsulation key, the server's the
//! ciphertext. Both are in Noise's transcript hash, and the ML-KEM secret enters the session
//! keys beside the two outputs of Noise's Split(), so that a recording stays closed as long as
//! *either* X25519 or ML-KEM-768 holds. Only the server is authenticated here, by its static
//! X25519 key, which the client must compare with the key it pinned; the person is authenticated
//! afterwards, with a proof bound to [`ChannelBinding`].
//!
//! [`respond`] is one function without state, so that a server can run it on a thread of its
//! choice.

use std::fmt;

use libcrux_ml_kem::mlkem768;
use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

use super::kdf;
use super::noise::{self, Suite};
use super::record::TAG_LEN;
use crate::secret::Secret;

/// The first 10 bytes of a client. They are also Noise's prologue.
pub const PREFACE: &[u8; 10] = b"CHATBOX/1\n";

/// The protocol name (Noise, section 8): a pattern, a curve, a cipher and a hash.
pub const NOISE_PROTOCOL: &str = "Noise_NX_25519_AESGCM_SHA256";

/// All algorithms of a session, as the client shows them to people.
pub const SUITE: &str = "Noise_NX_25519_AESGCM_SHA256 + ML-KEM-768, records AES-256-GCM";

/// Bytes of an ML-KEM-768 encapsulation key (FIPS 203, table 3).
pub const ENCAPSULATION_KEY_LEN: usize = 1184;

/// Bytes of an ML-KEM-768 ciphertext (FIPS 203, table 3).
pub const CIPHERTEXT_LEN: usize = 1088;

/// Bytes of message 1: an ephemeral key and the encapsulation key, both in clear.
pub const MESSAGE_1_LEN: usize = 32 + ENCAPSULATION_KEY_LEN;

/// Bytes of message 2: ephemeral key, sealed static key, sealed ciphertext.
pub const MESSAGE_2_LEN: usize = 32 + (32 + 16) + (CIPHERTEXT_LEN + 16);

/// Why the handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// A message has not exactly the length this handshake gives it.
    #[error("a handshake message has the wrong length")]
    Length,
    /// The encapsulation key fails the modulus check of FIPS 203, section 7.2.
    #[error("the encapsulation key is not valid")]
    EncapsulationKey,
    /// Noise refused: a tag is wrong, or a key could not be used.
    #[error("the handshake failed its authentication")]
    Noise,
}

impl From<snow::Error> for HandshakeError {
    fn from(_: snow::Error) -> Self {
        Self::Noise
    }
}

/// A server's public identity: its static X25519 key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ServerKey([u8; 32]);

impl ServerKey {
    /// The 32 raw bytes, as a fingerprint is computed from them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for ServerKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey(")?;
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        write!(f, ")")
    }
}

/// A server's identity: its static X25519 key pair.
#[derive(Debug, Clone)]
pub struct ServerIdentity {
    private: Secret<32>,
    public: ServerKey,
}

impl ServerIdentity {
    /// The identity of a private key (32 bytes, clamped as RFC 7748 says when it is used).
    #[must_use]
    pub fn from_private(private: Secret<32>) -> Self {
        let public = ServerKey(noise::public_key(&private));
        Self { private, public }
    }

    /// The public key, which clients pin.
    #[must_use]
    pub const fn public(&self) -> &ServerKey {
        &self.public
    }
}

/// 32 bytes that only the two ends of one session share and nobody in the middle can make equal
/// in two sessions. A login proof covers them (RFC 5802, section 6; the idea of RFC 9266).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelBinding(Secret<32>);

impl ChannelBinding {
    /// The bytes, for the proof that covers them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// What a finished handshake leaves: a first secret for each direction, and the binding.
#[derive(Debug)]
pub struct SessionKeys {
    /// The first secret of the client's direction (docs/PROTOCOL.md, section 5.1).
    pub client_to_server: Secret<32>,
    /// The first secret of the server's direction.
    pub server_to_client: Secret<32>,
    /// What a login proof is bound to.
    pub channel_binding: ChannelBinding,
}

/// The client between message 1 and message 2.
pub struct ClientHandshake {
    noise: HandshakeState,
    /// The key pair is made again from its seed when it is needed: 64 bytes to wipe, not 2,400.
    seed: Secret<64>,
}

impl ClientHandshake {
    /// Makes message 1 from fresh randomness.
    ///
    /// # Errors
    /// [`HandshakeError::Noise`] when the system gives no randomness.
    pub fn start() -> Result<(Self, Vec<u8>), HandshakeError> {
        Self::start_with(Secret::random(), None)
    }

    fn start_with(
        seed: Secret<64>,
        ephemeral: Option<&[u8; 32]>,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let mut noise = builder(Suite::default(), ephemeral)?.build_initiator()?;
        let pair = mlkem768::generate_key_pair(*seed.expose());
        // The library wants room for a tag even where it writes none.
        let mut message = vec![0; MESSAGE_1_LEN + TAG_LEN];
        let written = noise.write_message(pair.pk(), &mut message)?;
        message.truncate(written);
        Ok((Self { noise, seed }, message))
    }

    /// Reads message 2. The server's key that comes with the keys is not trusted yet: the caller
    /// compares it with the pinned one.
    ///
    /// # Errors
    /// When the message has a wrong length or was not made by the owner of the key it names.
    pub fn finish(mut self, message_2: &[u8]) -> Result<(SessionKeys, ServerKey), HandshakeError> {
        if message_2.len() != MESSAGE_2_LEN {
            return Err(HandshakeError::Length);
        }
        let mut ciphertext = [0; CIPHERTEXT_LEN];
        let read = self.noise.read_message(message_2, &mut ciphertext)?;
        if read != CIPHERTEXT_LEN {
            return Err(HandshakeError::Length);
        }
        let pair = mlkem768::generate_key_pair(*self.seed.expose());
        let shared = Zeroizing::new(mlkem768::decapsulate(
            pair.private_key(),
            &ciphertext.into(),
        ));
        let remote = self
            .noise
            .get_remote_static()
            .ok_or(HandshakeError::Noise)?;
        let server = ServerKey(remote.try_into().map_err(|_| HandshakeError::Noise)?);
        Ok((split(self.noise, &shared), server))
    }
}

/// The server's whole part: reads message 1, makes message 2 and the session's keys.
///
/// # Errors
/// When message 1 has a wrong length or its encapsulation key is not valid.
pub fn respond(
    identity: &ServerIdentity,
    message_1: &[u8],
) -> Result<(Vec<u8>, SessionKeys), HandshakeError> {
    respond_with(identity, message_1, &Secret::random(), None)
}

fn respond_with(
    identity: &ServerIdentity,
    message_1: &[u8],
    randomness: &Secret<32>,
    ephemeral: Option<&[u8; 32]>,
) -> Result<(Vec<u8>, SessionKeys), HandshakeError> {
    if message_1.len() != MESSAGE_1_LEN {
        return Err(HandshakeError::Length);
    }
    let suite = Suite::of(&identity.private, identity.public.as_bytes());
    let mut noise = builder(suite, ephemeral)?
        .local_private_key(identity.private.expose())?
        .build_responder()?;
    let mut key = [0; ENCAPSULATION_KEY_LEN];
    if noise.read_message(message_1, &mut key)? != ENCAPSULATION_KEY_LEN {
        return Err(HandshakeError::Length);
    }
    let key = mlkem768::MlKem768PublicKey::from(key);
    if !mlkem768::validate_public_key(&key) {
        return Err(HandshakeError::EncapsulationKey);
    }
    let (ciphertext, shared) = mlkem768::encapsulate(&key, *randomness.expose());
    let shared = Zeroizing::new(shared);
    let mut message = vec![0; MESSAGE_2_LEN];
    if noise.write_message(ciphertext.as_slice(), &mut message)? != MESSAGE_2_LEN {
        return Err(HandshakeError::Length);
    }
    Ok((message, split(noise, &shared)))
}

/// Derives the session's keys (docs/PROTOCOL.md, section 5.1) and consumes the handshake.
fn split(mut noise: HandshakeState, shared: &Zeroizing<[u8; 32]>) -> SessionKeys {
    assert!(
        noise.is_handshake_finished(),
        "NX has two messages, and both callers come here after the second"
    );
    let (first, second) = noise.dangerously_get_raw_split();
    let (first, second) = (Zeroizing::new(first), Zeroizing::new(second));
    let mut input = Zeroizing::new([0u8; 96]);
    for (to, from) in input
        .iter_mut()
        .zip(first.iter().chain(second.iter()).chain(shared.iter()))
    {
        *to = *from;
    }
    let prk = kdf::extract(noise.get_handshake_hash(), &input[..]);
    SessionKeys {
        client_to_server: kdf::expand(&prk, b"chatbox 1 client to server"),
        server_to_client: kdf::expand(&prk, b"chatbox 1 server to client"),
        channel_binding: ChannelBinding(kdf::expand(&prk, b"chatbox 1 channel binding")),
    }
}

fn builder(suite: Suite, ephemeral: Option<&[u8; 32]>) -> Result<Builder<'_>, HandshakeError> {
    let params = NOISE_PROTOCOL.parse().map_err(|_| HandshakeError::Noise)?;
    let builder = Builder::with_resolver(params, Box::new(suite)).prologue(PREFACE)?;
    Ok(match ephemeral {
        // Only the replay of published vectors fixes the key.
        Some(key) => builder.fixed_ephemeral_key_for_testing_only(key),
        None => builder,
    })
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
