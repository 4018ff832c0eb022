//! The fingerprint of a server's key: what people compare, type in and pin.
//!
//! Written `SHA256:` and 43 characters of Base64 (RFC 4648 section 4, without padding), the form
//! in which ssh shows keys. It is public, so comparing it needs no constant time.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

const PREFIX: &str = "SHA256:";

/// The text is no fingerprint. The sentence is shown to the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 'SHA256:' and 43 letters, digits, '+' and '/', as the server shows it")]
pub struct FingerprintError;

/// The SHA-256 of a server's raw public key (32 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a raw X25519 public key (32 bytes).
    #[must_use]
    pub fn from_key(key: &[u8; 32]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Parses the written form; blanks around it are allowed, because it is often pasted.
    ///
    /// # Errors
    /// For anything but `SHA256:` and the 43 characters of 32 bytes. The two spare bits of the
    /// last character must be zero, so that a fingerprint has one spelling.
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(FingerprintError)?;
        let mut bytes = [0; 32];
        match STANDARD_NO_PAD.decode_slice(encoded, &mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(FingerprintError),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf '\0%.0s' {1..32} | openssl dgst -sha256 -binary | base64
    const OF_ZEROS: &str = "SHA256:Zmh6rfhivXdsj8GLjp+OIAiXFIVu4jOzkCpZHQ1fKSU";

    #[test]
    fn a_fingerprint_is_the_hash_of_the_raw_key() {
        assert_eq!(Fingerprint::from_key(&[0; 32]).to_string(), OF_ZEROS);
        assert_ne!(Fingerprint::from_key(&[1; 32]).to_string(), OF_ZEROS);
    }

    #[test]
    fn what_is_printed_is_what_is_parsed() {
        let fingerprint = Fingerprint::from_key(&[7; 32]);
        assert_eq!(
            Fingerprint::parse(&fingerprint.to_string()),
            Ok(fingerprint)
        );
        assert_eq!(
            Fingerprint::parse(&format!("  {fingerprint}\n")),
            Ok(fingerprint)
        );
    }

    #[test]
    fn anything_else_is_refused() {
        let digits = OF_ZEROS.strip_prefix(PREFIX).unwrap();
        for bad in [
            "",
            "SHA256:",
            digits,
            &format!("sha256:{digits}"),
            &format!("MD5:{digits}"),
            &format!("{OF_ZEROS}="),
            &format!("{OF_ZEROS}A"),
            &OF_ZEROS[..OF_ZEROS.len() - 1],
            &format!("{}A AAA", &OF_ZEROS[..OF_ZEROS.len() - 5]),
            &OF_ZEROS.replace('+', "-"),
            // 32 bytes and spare bits that are not zero: a second spelling of OF_ZEROS.
            &format!("{}V", &OF_ZEROS[..OF_ZEROS.len() - 1]),
            &format!("SHA256:{}", "A".repeat(1 << 16)),
        ] {
            assert_eq!(Fingerprint::parse(bad), Err(FingerprintError), "{bad:?}");
        }
    }
}
