//! The primitives of the Noise library: X25519, SHA-256, randomness, and the same AES-256-GCM as
//! the records. The library's own would bring a second AES-GCM, and leave private keys unwiped.
//!
//! Adapters only: nothing is computed here. Called by the handshake only.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use curve25519_dalek::MontgomeryPoint;
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use zeroize::Zeroizing;

use super::nonce;
use super::record::TAG_LEN;
use crate::secret::Secret;

#[derive(Default)]
pub(super) struct Suite {
    /// A server's own key pair, so that its public key is not computed again for each peer.
    known: Option<(Secret<32>, [u8; 32])>,
}

impl Suite {
    pub(super) fn of(private: &Secret<32>, public: &[u8; 32]) -> Self {
        Self {
            known: Some((private.clone(), *public)),
        }
    }
}

impl CryptoResolver for Suite {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(System))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        match choice {
            DHChoice::Curve25519 => Some(Box::new(X25519 {
                known: self.known.clone(),
                private: Secret::new([0; 32]),
                public: [0; 32],
            })),
            DHChoice::Curve448 => None,
        }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        match choice {
            HashChoice::SHA256 => Some(Box::<Sha>::default()),
            _ => None,
        }
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        match choice {
            CipherChoice::AESGCM => Some(Box::<AesGcm>::default()),
            CipherChoice::ChaChaPoly => None,
        }
    }
}

/// The public key of a private one (RFC 7748, section 6.1).
pub(super) fn public_key(private: &Secret<32>) -> [u8; 32] {
    MontgomeryPoint::mul_base_clamped(*private.expose()).to_bytes()
}

/// The operating system's randomness.
struct System;

impl Random for System {
    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Error> {
        SysRng.try_fill_bytes(to).map_err(|_| Error::Rng)
    }
}

/// 25519 of the Noise specification, section 12.1.
struct X25519 {
    known: Option<(Secret<32>, [u8; 32])>,
    private: Secret<32>,
    public: [u8; 32],
}

impl X25519 {
    fn take(&mut self, private: Secret<32>) {
        self.public = match &self.known {
            Some((known, public)) if *known == private => *public,
            _ => public_key(&private),
        };
        self.private = private;
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, private: &[u8]) {
        // The handshake gives 32 bytes, and nobody else calls this.
        if let Ok(private) = Secret::try_from(private) {
            self.take(private);
        }
    }

    fn generate(&mut self, _: &mut dyn Random) -> Result<(), Error> {
        self.take(Secret::random());
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        self.private.expose()
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public = public.first_chunk().ok_or(Error::Dh)?;
        let shared = MontgomeryPoint(*public).mul_clamped(*self.private.expose());
        let shared = Zeroizing::new(shared.to_bytes());
        *out.first_chunk_mut().ok_or(Error::Dh)? = *shared;
        Ok(())
    }
}

/// SHA256 of the Noise specification, section 12.6.
#[derive(Default)]
struct Sha(Sha256);

impl Hash for Sha {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        if let Some(out) = out.first_chunk_mut::<32>() {
            *out = self.0.finalize_reset().into();
        }
    }
}

/// AESGCM of the Noise specification, revision 34, section 12.4: the nonce is four zero bytes
/// and the counter, big-endian.
#[derive(Default)]
struct AesGcm {
    cipher: Option<Aes256Gcm>,
}

impl Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.cipher = Some(Aes256Gcm::new(key.into()));
    }

    fn encrypt(&self, counter: u64, ad: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let sealed = self.cipher.as_ref().and_then(|cipher| {
            let (body, rest) = out.split_at_mut_checked(plaintext.len())?;
            let to = rest.first_chunk_mut::<TAG_LEN>()?;
            body.copy_from_slice(plaintext);
            let tag = cipher.encrypt_inout_detached(&nonce(counter).into(), ad, body.into());
            *to = tag.ok()?.into();
            Some(plaintext.len() + TAG_LEN)
        });
        // The trait knows no failure. A message that is too short fails at the other end.
        sealed.unwrap_or_else(|| {
            out.fill(0);
            0
        })
    }

    fn decrypt(
        &self,
        counter: u64,
        ad: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let cipher = self.cipher.as_ref().ok_or(Error::Decrypt)?;
        let (sealed, tag) = ciphertext
            .split_last_chunk::<TAG_LEN>()
            .ok_or(Error::Decrypt)?;
        let body = out.get_mut(..sealed.len()).ok_or(Error::Decrypt)?;
        body.copy_from_slice(sealed);
        cipher
            .decrypt_inout_detached(&nonce(counter).into(), ad, body.into(), tag.into())
            .map_err(|_| Error::Decrypt)?;
        Ok(sealed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher() -> AesGcm {
        let mut cipher = AesGcm::default();
        cipher.set(&[7; 32]);
        cipher
    }

    #[test]
    fn the_counter_stands_big_endian_behind_four_zero_bytes() {
        assert_eq!(nonce(0x0102), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(nonce(u64::MAX)[..5], [0, 0, 0, 0, 255]);
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_counter_and_data_alone() {
        let (cipher, mut sealed, mut clear) = (cipher(), [0; 21], [0; 5]);
        assert_eq!(cipher.encrypt(3, b"ad", b"hello", &mut sealed), 21);
        assert!(matches!(
            cipher.decrypt(3, b"ad", &sealed, &mut clear),
            Ok(5)
        ));
        assert_eq!(&clear, b"hello");
        assert!(cipher.decrypt(4, b"ad", &sealed, &mut clear).is_err());
        assert!(cipher.decrypt(3, b"AD", &sealed, &mut clear).is_err());
        for n in 0..sealed.len() {
            sealed[n] ^= 1;
            assert!(
                cipher.decrypt(3, b"ad", &sealed, &mut clear).is_err(),
                "{n}"
            );
            sealed[n] ^= 1;
        }
    }

    #[test]
    fn without_a_key_or_room_nothing_comes_out() {
        let mut out = [1; 20];
        assert_eq!(AesGcm::default().encrypt(0, b"", b"hello", &mut out), 0);
        assert_eq!(out, [0; 20]);
        assert_eq!(cipher().encrypt(0, b"", b"hello", &mut out), 0);
        assert_eq!(out, [0; 20], "no room for the tag");
        for short in [0, 15] {
            assert!(
                cipher()
                    .decrypt(0, b"", &[0; 21][..short], &mut out)
                    .is_err()
            );
        }
        assert!(cipher().decrypt(0, b"", &[0; 40], &mut out).is_err());
    }
}
