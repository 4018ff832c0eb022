//! TOTP secrets at rest: sealed with AES-256-GCM (FIPS 197, NIST SP 800-38D), so that the
//! database alone gives nobody a second factor.
//!
//! A sealed secret is a version byte, the id of the key, 12 random bytes of nonce, the 20 bytes
//! encrypted, and the tag of 16. The account's number is authenticated with it: what was sealed
//! for one account does not open for another. Nothing here reads a file or the database.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use chatbox_common::secret::Secret;
use chatbox_common::wire::message::AccountId;
use zeroize::Zeroizing;

/// In bytes.
pub const SECRET_LENGTH: usize = 20;
/// In bytes: version, key id, nonce, ciphertext and tag.
pub const SEALED_LENGTH: usize = HEADER_LENGTH + NONCE_LENGTH + SECRET_LENGTH + TAG_LENGTH;

/// Of the key in `keys/totp_seal`.
pub const KEY_ID: u8 = 1;

const VERSION: u8 = 1;
const HEADER_LENGTH: usize = 2;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
const PURPOSE: &[u8; 14] = b"chatbox 1 totp";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Sealed by a newer program.
    #[error("the second factor is sealed in form {0}, which this program does not know")]
    Version(u8),
    #[error("the second factor is sealed under key {0}, which is not the one in keys/totp_seal")]
    Key(u8),
    #[error("the sealed second factor is damaged or belongs to another account")]
    Damaged,
}

/// The key of `keys/totp_seal`, and the id that tells it from a later one.
#[derive(Debug)]
pub struct SealingKey {
    id: u8,
    key: Secret<32>,
}

impl SealingKey {
    #[must_use]
    pub const fn new(id: u8, key: Secret<32>) -> Self {
        Self { id, key }
    }

    /// Seals the secret of `account` under a fresh nonce.
    ///
    /// # Errors
    /// [`SealedError::Damaged`] if the cipher refuses, which it does not at this length.
    pub fn seal(
        &self,
        account: AccountId,
        secret: &Secret<SECRET_LENGTH>,
    ) -> Result<[u8; SEALED_LENGTH], SealedError> {
        let nonce: [u8; NONCE_LENGTH] = rand::random();
        let mut body = Zeroizing::new(*secret.expose());
        let tag = self
            .cipher()
            .encrypt_inout_detached(
                &nonce.into(),
                &associated_data(account),
                body.as_mut_slice().into(),
            )
            .map_err(|_| SealedError::Damaged)?;
        let mut sealed = [0; SEALED_LENGTH];
        let parts = [VERSION, self.id]
            .into_iter()
            .chain(nonce)
            .chain(*body)
            .chain(tag);
        sealed
            .iter_mut()
            .zip(parts)
            .for_each(|(to, from)| *to = from);
        Ok(sealed)
    }

    /// Opens what [`SealingKey::seal`] made for the same account.
    ///
    /// # Errors
    /// A truncated text is [`SealedError::Damaged`].
    pub fn open(
        &self,
        account: AccountId,
        sealed: &[u8],
    ) -> Result<Secret<SECRET_LENGTH>, SealedError> {
        let (&[version, key], rest) = sealed.split_first_chunk().ok_or(SealedError::Damaged)?;
        if version != VERSION {
            return Err(SealedError::Version(version));
        }
        if key != self.id {
            return Err(SealedError::Key(key));
        }
        let (nonce, rest) = rest
            .split_first_chunk::<NONCE_LENGTH>()
            .ok_or(SealedError::Damaged)?;
        let (body, tag) = rest
            .split_last_chunk::<TAG_LENGTH>()
            .ok_or(SealedError::Damaged)?;
        let body: [u8; SECRET_LENGTH] = body.try_into().map_err(|_| SealedError::Damaged)?;
        let mut secret = Zeroizing::new(body);
        self.cipher()
            .decrypt_inout_detached(
                nonce.into(),
                &associated_data(account),
                secret.as_mut_slice().into(),
                tag.into(),
            )
            .map_err(|_| SealedError::Damaged)?;
        Ok(Secret::fill_with(|bytes| *bytes = *secret))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.key.expose().into())
    }
}

/// Purpose and account number, each of a fixed length, so that no two pairs have the same bytes.
fn associated_data(account: AccountId) -> [u8; PURPOSE.len() + 8] {
    let mut data = [0; PURPOSE.len() + 8];
    let parts = PURPOSE.iter().copied().chain(account.0.to_be_bytes());
    data.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; SECRET_LENGTH] = [7; SECRET_LENGTH];

    fn key(id: u8, byte: u8) -> SealingKey {
        SealingKey::new(id, Secret::new([byte; 32]))
    }

    fn sealed() -> [u8; SEALED_LENGTH] {
        key(1, 1).seal(AccountId(42), &Secret::new(SECRET)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_its_account_and_key() {
        let opened = key(1, 1).open(AccountId(42), &sealed()).unwrap();
        assert_eq!(opened.expose(), &SECRET);
    }

    #[test]
    fn the_form_is_the_documented_one() {
        let sealed = sealed();
        assert_eq!(sealed.len(), 50);
        assert_eq!(sealed[..2], [1, 1]);
        let mut body = SECRET.to_vec();
        let tag = Aes256Gcm::new(&[1; 32].into())
            .encrypt_inout_detached(
                sealed[2..14].try_into().unwrap(),
                b"chatbox 1 totp\0\0\0\0\0\0\0\x2a",
                body.as_mut_slice().into(),
            )
            .unwrap();
        assert_eq!(sealed[14..34], body);
        assert_eq!(sealed[34..], tag[..]);
    }

    #[test]
    fn no_two_seals_are_alike() {
        assert_ne!(sealed(), sealed());
    }

    #[test]
    fn another_account_or_key_does_not_open_it() {
        let sealed = sealed();
        for account in [0, 41, 43, u64::MAX] {
            let refused = key(1, 1).open(AccountId(account), &sealed);
            assert_eq!(refused, Err(SealedError::Damaged), "{account}");
        }
        assert_eq!(
            key(1, 2).open(AccountId(42), &sealed),
            Err(SealedError::Damaged)
        );
        assert_eq!(
            key(2, 1).open(AccountId(42), &sealed),
            Err(SealedError::Key(1))
        );
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let sealed = sealed();
        for at in 0..SEALED_LENGTH * 8 {
            let mut changed = sealed;
            changed[at / 8] ^= 1 << (at % 8);
            assert!(key(1, 1).open(AccountId(42), &changed).is_err(), "bit {at}");
        }
    }

    #[test]
    fn every_truncation_and_any_addition_is_seen() {
        let sealed = sealed();
        for length in 0..SEALED_LENGTH {
            let refused = key(1, 1).open(AccountId(42), &sealed[..length]);
            assert_eq!(refused, Err(SealedError::Damaged), "{length}");
        }
        let longer = [&sealed[..], &[0]].concat();
        assert_eq!(
            key(1, 1).open(AccountId(42), &longer),
            Err(SealedError::Damaged)
        );
    }

    #[test]
    fn another_form_is_named() {
        let mut newer = sealed();
        newer[0] = 2;
        assert_eq!(
            key(1, 1).open(AccountId(42), &newer),
            Err(SealedError::Version(2))
        );
    }
}
