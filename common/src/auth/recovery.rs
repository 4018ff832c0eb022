//! Recovery codes: the second factor of a person who has lost the authenticator.
//!
//! Each is good once; the server records which are spent. A code has 80 random bits and can't be
//! guessed, so the server stores a plain hash.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{MAX_SECOND_FACTOR, SecondFactorError, base32_groups};
use crate::secret::{Secret, SecretString};

/// Codes in a set. A registration and every change of the second factor give a whole set.
pub const RECOVERY_CODES: usize = 10;

/// Separates these hashes from every other hash of ten bytes.
const HASH_LABEL: &[u8] = b"chatbox 1 recovery code";

/// A code's length in Base32 characters, without the dashes.
const CHARACTERS: usize = 16;

/// Eighty random bits, shown as `XXXX-XXXX-XXXX-XXXX` in Base32. Wiped on drop, never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCode(Secret<10>);

impl RecoveryCode {
    /// Takes 10 random bytes.
    #[must_use]
    pub const fn new(bytes: Secret<10>) -> Self {
        Self(bytes)
    }

    /// Reads a code as a person types it: either case, spaces and dashes anywhere.
    ///
    /// # Errors
    /// When the rest is not 16 characters of Base32 (A to Z, 2 to 7), or the text is longer than
    /// [`MAX_SECOND_FACTOR`].
    pub fn parse(text: &str) -> Result<Self, SecondFactorError> {
        if text.len() > MAX_SECOND_FACTOR {
            return Err(SecondFactorError);
        }
        let mut plain = Zeroizing::new(String::with_capacity(MAX_SECOND_FACTOR));
        plain.extend(
            text.chars()
                .filter(|c| !matches!(c, ' ' | '-'))
                .map(|c| c.to_ascii_uppercase()),
        );
        if plain.len() != CHARACTERS {
            return Err(SecondFactorError);
        }
        let alphabet = base32::Alphabet::Rfc4648 { padding: false };
        let bytes = base32::decode(alphabet, &plain).ok_or(SecondFactorError)?;
        let bytes = Secret::try_from(Zeroizing::new(bytes).as_slice());
        Ok(Self(bytes.map_err(|_| SecondFactorError)?))
    }

    /// Four groups of four characters, as the code is shown once to its owner.
    #[must_use]
    pub fn text(&self) -> SecretString {
        let plain = base32_groups(self.0.expose());
        let mut text = String::with_capacity(CHARACTERS + 3);
        for (position, character) in plain.chars().enumerate() {
            if position > 0 && position % 4 == 0 {
                text.push('-');
            }
            text.push(character);
        }
        SecretString::new(text)
    }

    /// What the server stores and looks up: SHA-256 of a label and the ten bytes.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(HASH_LABEL)
            .chain_update(self.0.expose())
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RecoveryCode {
        RecoveryCode::new(Secret::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    }

    #[test]
    fn a_code_is_shown_in_four_groups_and_read_back() {
        assert_eq!(sample().text().expose(), "AAAQ-EAYE-AUDA-OCAJ");
        for random in (0..50).map(|_| RecoveryCode::new(Secret::random())) {
            let text = random.text();
            assert_eq!(RecoveryCode::parse(text.expose()).unwrap(), random);
        }
    }

    #[test]
    fn case_spaces_and_dashes_do_not_matter() {
        for text in [
            "aaaqeayeaudaocaj",
            "AAAQ EAYE AUDA OCAJ",
            " a-aaq--eaye audaOCAJ ",
        ] {
            assert_eq!(RecoveryCode::parse(text).unwrap(), sample(), "{text}");
        }
    }

    #[test]
    fn anything_but_sixteen_base32_characters_is_refused() {
        let whole = "AAAQ-EAYE-AUDA-OCAJ";
        for end in 0..whole.len() {
            assert!(RecoveryCode::parse(&whole[..end]).is_err(), "{end}");
        }
        for bad in [
            "AAAQ-EAYE-AUDA-OCAJA",
            "AAAQ-EAYE-AUDA-OCA1",
            "AAAQ-EAYE-AUDA-OCA=",
            "AAAQ-EAYE-AUDA-OC==",
            "AAAQ-EAYE-AUDA-OCA\n",
            "AAAQ-EAYE-AUDA-OCÄ",
            "AAAQ-EAYE-AUDA-OCA\0",
        ] {
            assert!(RecoveryCode::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_hash_is_sha_256_of_label_and_bytes() {
        // Computed by another implementation.
        let expected = [
            0x81, 0x7c, 0xa6, 0x78, 0x55, 0xd4, 0x53, 0x24, 0x65, 0xdf, 0x5b, 0xeb, 0x98, 0x5b,
            0x3f, 0xdb, 0x93, 0xe3, 0x87, 0xbc, 0xf9, 0x1f, 0xae, 0x1e, 0xe3, 0xdb, 0x2b, 0x89,
            0x12, 0xe6, 0x24, 0x76,
        ];
        assert_eq!(sample().hash(), expected);
    }
}
