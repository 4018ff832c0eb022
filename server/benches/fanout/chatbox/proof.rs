//! SCRAM-SHA-256-PLUS (RFC 5802) without the password.
//!
//! What PBKDF2 makes of a password takes a client tenths of a second by design. The server can't
//! tell it from 32 random bytes, so the members here have those in its place, and a login costs
//! the server what every login costs it. That is no way in: whoever registers chooses the keys.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chatbox_common::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What every client of this product says about itself and its channel.
const HEADER: &str = "p=chatbox,,";

/// What a password leads to (RFC 5802, section 3).
pub struct Keys {
    client: [u8; 32],
    /// StoredKey, which the server gets.
    pub stored: [u8; 32],
    /// ServerKey, which the server gets.
    pub server: [u8; 32],
}

/// What is to be said after the challenge, and what must come back.
pub struct Answer {
    /// client-final-message
    pub client_final: String,
    /// server-final-message
    pub server_final: String,
}

impl Keys {
    /// Those of a password that nobody knows.
    pub fn random() -> anyhow::Result<Self> {
        let salted = Secret::<32>::random();
        let client = hmac(salted.expose(), b"Client Key")?;
        Ok(Self {
            client,
            stored: Sha256::digest(client).into(),
            server: hmac(salted.expose(), b"Server Key")?,
        })
    }

    /// Answers a challenge.
    ///
    /// # Errors
    /// When one of the messages is none, or does not extend the client's nonce.
    pub fn answer(
        &self,
        client_first: &str,
        server_first: &str,
        channel_binding: &[u8; 32],
    ) -> anyhow::Result<Answer> {
        let bare = client_first
            .strip_prefix(HEADER)
            .context("another header")?;
        let (_, own_nonce) = bare.split_once(",r=").context("no nonce")?;
        let (nonce, _) = server_first.split_once(',').context("no challenge")?;
        ensure!(
            nonce
                .strip_prefix("r=")
                .is_some_and(|n| n.starts_with(own_nonce)),
            "another nonce"
        );
        let binding = STANDARD.encode([HEADER.as_bytes(), channel_binding].concat());
        let without_proof = format!("c={binding},{nonce}");
        let auth_message = format!("{bare},{server_first},{without_proof}");
        let mut proof = hmac(&self.stored, auth_message.as_bytes())?;
        for (byte, key) in proof.iter_mut().zip(self.client) {
            *byte ^= key;
        }
        let signature = hmac(&self.server, auth_message.as_bytes())?;
        Ok(Answer {
            client_final: format!("{without_proof},p={}", STANDARD.encode(proof)),
            server_final: format!("v={}", STANDARD.encode(signature)),
        })
    }
}

fn hmac(key: &[u8], message: &[u8]) -> anyhow::Result<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().into())
}
