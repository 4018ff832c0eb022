//! HKDF-SHA-256 (RFC 5869), the one derivation of the protocol.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::secret::Secret;

/// HKDF-Extract (RFC 5869, section 2.2).
pub(super) fn extract(salt: &[u8], input: &[u8]) -> Secret<32> {
    let (key, _) = Hkdf::<Sha256>::extract(Some(salt), input);
    let mut key: [u8; 32] = key.into();
    let secret = Secret::new(key);
    zeroize::Zeroize::zeroize(&mut key);
    secret
}

/// HKDF-Expand (RFC 5869, section 2.3) to 32 bytes, one block of SHA-256.
pub(super) fn expand(key: &Secret<32>, info: &[u8]) -> Secret<32> {
    Secret::fill_with(|bytes| {
        // `from_prk` refuses keys shorter than 32 bytes and `expand` outputs longer than
        // 255 blocks: neither can happen with these sizes, and a key left at zero must not.
        let done = Hkdf::<Sha256>::from_prk(key.expose())
            .is_ok_and(|hkdf| hkdf.expand(info, bytes).is_ok());
        assert!(
            done,
            "HKDF-Expand of 32 bytes from 32 bytes is always defined"
        );
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn rfc_5869_test_case_1() {
        let prk = extract(&hex("000102030405060708090a0b0c"), &[0x0b; 22]);
        assert_eq!(
            prk.expose()[..],
            hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
        );
        assert_eq!(
            expand(&prk, &hex("f0f1f2f3f4f5f6f7f8f9")).expose()[..],
            hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
        );
    }

    #[test]
    fn rfc_5869_test_case_3_without_salt_and_info() {
        let prk = extract(&[], &[0x0b; 22]);
        assert_eq!(
            prk.expose()[..],
            hex("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04")
        );
        assert_eq!(
            expand(&prk, &[]).expose()[..],
            hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")
        );
    }
}
