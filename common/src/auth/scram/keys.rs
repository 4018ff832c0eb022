//! The arithmetic of RFC 5802 section 3 with SHA-256 (RFC 7677). Takes any salt and any number
//! of rounds; its callers decide what is allowed.

use pbkdf2::pbkdf2_hmac;
use sha2::{Digest, Sha256};

use crate::auth::{hmac_sha256, xor};
use crate::secret::Secret;

pub(super) struct Keys {
    /// Proves the client to the server. Leaves the client only masked, as the proof.
    pub(super) client: Secret<32>,
    /// SHA-256 of the client's key: checks a proof, can't make one.
    pub(super) stored: Secret<32>,
    /// Proves the server to the client.
    pub(super) server: Secret<32>,
}

impl Keys {
    /// SaltedPassword := Hi(password, salt, i), and the three keys from it.
    pub(super) fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = Secret::<32>::fill_with(|out| {
            pbkdf2_hmac::<Sha256>(password, salt, iterations, out);
        });
        let client = hmac_sha256(salted.expose(), &[b"Client Key"]);
        let server = hmac_sha256(salted.expose(), &[b"Server Key"]);
        let stored = stored_key(&client);
        Self {
            client,
            stored,
            server,
        }
    }

    /// ClientProof := ClientKey XOR ClientSignature.
    pub(super) fn proof(&self, auth_message: &str) -> Secret<32> {
        let signature = signature(&self.stored, auth_message);
        xor(self.client.expose(), signature.expose())
    }
}

/// StoredKey := H(ClientKey).
fn stored_key(client_key: &Secret<32>) -> Secret<32> {
    Secret::fill_with(|out| {
        Sha256::new()
            .chain_update(client_key.expose())
            .finalize_into(out.into());
    })
}

/// ClientSignature with the stored key, ServerSignature with the server's key.
pub(super) fn signature(key: &Secret<32>, auth_message: &str) -> Secret<32> {
    hmac_sha256(key.expose(), &[auth_message.as_bytes()])
}

/// H(ClientKey) of the client that made the proof: the server's side of [`Keys::proof`].
pub(super) fn stored_key_of(
    proof: &[u8; 32],
    stored_key_on_file: &Secret<32>,
    auth_message: &str,
) -> Secret<32> {
    let signature = signature(stored_key_on_file, auth_message);
    stored_key(&xor(proof, signature.expose()))
}

#[cfg(test)]
mod tests {
    use super::super::{auth_message, decode, encode};
    use super::*;

    const CLIENT_FIRST_BARE: &str = "n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                                s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const WITHOUT_PROOF: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_SIGNATURE: &str = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn rfc_keys(password: &str) -> Keys {
        let salt = decode::<16>("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        Keys::derive(password.as_bytes(), &*salt, 4096)
    }

    #[test]
    fn proof_and_signature_agree_with_rfc_7677_section_3() {
        let message = auth_message(CLIENT_FIRST_BARE, SERVER_FIRST, WITHOUT_PROOF);
        let keys = rfc_keys("pencil");
        assert_eq!(encode(keys.proof(&message).expose()), PROOF);
        let signature = signature(&keys.server, &message);
        assert_eq!(encode(signature.expose()), SERVER_SIGNATURE);
    }

    #[test]
    fn the_server_finds_the_stored_key_in_the_rfc_s_proof() {
        let message = auth_message(CLIENT_FIRST_BARE, SERVER_FIRST, WITHOUT_PROOF);
        let keys = rfc_keys("pencil");
        let proof = decode::<32>(PROOF).unwrap();
        assert_eq!(stored_key_of(&proof, &keys.stored, &message), keys.stored);
        assert_ne!(
            stored_key_of(&proof, &rfc_keys("pencil2").stored, &message),
            keys.stored
        );
    }
}
