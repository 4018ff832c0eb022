//! Authentication: the password, the second factor, and the token that resumes a login.
//!
//! Pure functions: time and randomness come in as arguments; nothing here reads a clock, a file
//! or a socket, counts attempts, or knows which accounts exist. Called by the login and
//! registration code of server and client.

pub mod recovery;
pub mod resume;
pub mod scram;
pub mod totp;

use hmac::digest::FixedOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Secret;
use recovery::RecoveryCode;
use totp::Code;

/// The longest second factor as typed, in bytes: leaves room for spaces and dashes.
pub const MAX_SECOND_FACTOR: usize = 64;

/// The text is no second factor. The sentence is shown to the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has six digits; a recovery code has four groups of four letters and digits")]
pub struct SecondFactorError;

/// The second factor of a login (docs/PROTOCOL.md, section 11.4).
#[derive(Debug, Clone)]
pub enum SecondFactor {
    /// Six digits of an authenticator (RFC 6238).
    Totp(Code),
    /// One of ten codes, each good once.
    Recovery(RecoveryCode),
}

impl SecondFactor {
    /// Reads either kind. No text is both: six digits are too short for a recovery code.
    ///
    /// # Errors
    /// When it is neither, or longer than [`MAX_SECOND_FACTOR`].
    pub fn parse(text: &str) -> Result<Self, SecondFactorError> {
        match Code::parse(text) {
            Ok(code) => Ok(Self::Totp(code)),
            Err(_) => RecoveryCode::parse(text).map(Self::Recovery),
        }
    }

    /// Reads what a client sent, which has removed the blanks that its person typed (docs/PROTOCOL.md,
    /// 11.4).
    ///
    /// # Errors
    /// As [`SecondFactor::parse`], and where there is a blank.
    pub fn received(text: &str) -> Result<Self, SecondFactorError> {
        if text.contains(char::is_whitespace) {
            return Err(SecondFactorError);
        }
        Self::parse(text)
    }
}

/// Pads a key of at most 64 bytes with zeros to HMAC's block (RFC 2104 section 2). Given a whole
/// block, HMAC has no length to refuse.
fn hmac_block<const N: usize>(key: &[u8; N]) -> Zeroizing<[u8; 64]> {
    const { assert!(N <= 64) };
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    block
}

/// HMAC-SHA-256 (RFC 2104) of the concatenated parts.
fn hmac_sha256<const N: usize>(key: &[u8; N], parts: &[&[u8]]) -> Secret<32> {
    let mut mac = Hmac::<Sha256>::new((&*hmac_block(key)).into());
    for part in parts {
        mac.update(part);
    }
    Secret::fill_with(|out| mac.finalize_into(out.into()))
}

/// HMAC-SHA-1 (RFC 2104), which RFC 4226 and RFC 6238 use.
fn hmac_sha1<const N: usize>(key: &[u8; N], message: &[u8]) -> Secret<20> {
    let mut mac = Hmac::<Sha1>::new((&*hmac_block(key)).into());
    mac.update(message);
    Secret::fill_with(|out| mac.finalize_into(out.into()))
}

fn xor(a: &[u8; 32], b: &[u8; 32]) -> Secret<32> {
    Secret::fill_with(|out| {
        for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
            *out = a ^ b;
        }
    })
}

/// Base32 (RFC 4648 section 6) of a multiple of 5 bytes, so that there is no padding.
///
/// Encoded in pieces of 5 bytes: a longer piece would make the encoder's buffer grow and leave
/// part of the secret behind in memory.
fn base32_groups(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(5) * 8));
    for five in bytes.chunks(5) {
        let alphabet = base32::Alphabet::Rfc4648 { padding: false };
        text.push_str(&Zeroizing::new(base32::encode(alphabet, five)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_and_a_recovery_code_are_told_apart() {
        assert!(matches!(
            SecondFactor::parse("123 456"),
            Ok(SecondFactor::Totp(_))
        ));
        assert!(matches!(
            SecondFactor::parse("2345-6723-4567-abcd"),
            Ok(SecondFactor::Recovery(_))
        ));
        for bad in [
            "",
            "12345",
            "1234567",
            "2345-6723-4567-abc",
            "2345-6723-4567-abc1",
        ] {
            assert_eq!(
                SecondFactor::parse(bad).err(),
                Some(SecondFactorError),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn what_is_sent_has_no_blanks() {
        for good in ["123456", "2345-6723-4567-abcd"] {
            assert!(SecondFactor::received(good).is_ok(), "{good}");
            for bad in [
                format!(" {good}"),
                format!("{good}\n"),
                good.replacen('3', "3 ", 1),
            ] {
                assert!(SecondFactor::received(&bad).is_err(), "{bad:?}");
            }
        }
    }

    #[test]
    fn a_second_factor_with_spaces_beyond_the_bound_is_refused() {
        assert!(SecondFactor::parse(&" ".repeat(100_000)).is_err());
        for good in ["123456", "2345-6723-4567-abcd"] {
            let padded = format!("{good:>width$}", width = MAX_SECOND_FACTOR + 1);
            assert!(SecondFactor::parse(&padded[1..]).is_ok(), "{good}");
            assert!(SecondFactor::parse(&padded).is_err(), "{good}");
        }
    }

    #[test]
    fn a_second_factor_does_not_print() {
        for text in ["123456", "2345-6723-4567-abcd"] {
            let shown = format!("{:?}", SecondFactor::parse(text).unwrap());
            assert!(shown.contains("<redacted>"), "{shown}");
            assert!(!shown.contains("2345"), "{shown}");
        }
    }

    #[test]
    fn hmac_agrees_with_rfc_4231_case_1_and_rfc_2202_case_1() {
        let expected = [
            0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b,
            0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83, 0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c,
            0x2e, 0x32, 0xcf, 0xf7,
        ];
        let parts: [&[u8]; 2] = [b"Hi ", b"There"];
        assert_eq!(hmac_sha256(&[0x0b; 20], &parts).expose(), &expected);

        let expected = [
            0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b, 0xc0, 0xb6, 0xfb, 0x37,
            0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00,
        ];
        assert_eq!(hmac_sha1(&[0x0b; 20], b"Hi There").expose(), &expected);
    }
}
