//! Resuming: a client that was cut off continues its login without password and code
//! (docs/PROTOCOL.md, section 12).
//!
//! The proof is bound to the channel on which it is sent. A man in the middle, who shares one
//! channel with the client and another with the server, can neither relay it nor read the token
//! from it. The server and a thief of its database can, since they know the stored hash.
//! Therefore a client resumes only towards the server key of its login. Lifetimes, successors
//! and families are the server's.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{hmac_sha256, xor};
use crate::secret::Secret;

/// Separates this HMAC from every other one under the same key.
const LABEL: &[u8] = b"chatbox 1 resume";

/// A token as the client keeps it: in memory only, unless the person asked for it to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeToken {
    /// The server looks up the stored hash by it. Not secret.
    pub id: [u8; 16],
    /// 32 random bytes.
    pub token: Secret<32>,
}

impl ResumeToken {
    /// What the server keeps: SHA-256 of the token, from which it can't be found again.
    #[must_use]
    pub fn stored(&self) -> [u8; 32] {
        Sha256::digest(self.token.expose()).into()
    }

    /// What the client sends with the id: the token, masked for this channel alone.
    #[must_use]
    pub fn proof(&self, channel_binding: &[u8; 32]) -> [u8; 32] {
        let mask = mask(&self.stored(), channel_binding);
        *xor(self.token.expose(), mask.expose()).expose()
    }
}

/// Whether a proof received on the channel with this binding was made with the token of this
/// stored hash. Compares in constant time.
#[must_use]
pub fn check(proof: &[u8; 32], stored: &[u8; 32], channel_binding: &[u8; 32]) -> bool {
    let token = xor(proof, mask(stored, channel_binding).expose());
    let hash: [u8; 32] = Sha256::digest(token.expose()).into();
    hash.ct_eq(stored).into()
}

fn mask(stored: &[u8; 32], channel_binding: &[u8; 32]) -> Secret<32> {
    hmac_sha256(stored, &[LABEL, channel_binding])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: [u8; 32] = [7; 32];

    fn sample() -> ResumeToken {
        ResumeToken {
            id: [1; 16],
            token: Secret::fill_with(|bytes| {
                for (byte, value) in bytes.iter_mut().zip(0..) {
                    *byte = value;
                }
            }),
        }
    }

    fn flipped(bytes: &[u8; 32], bit: usize) -> [u8; 32] {
        let mut bytes = *bytes;
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    }

    #[test]
    fn the_holder_of_the_token_resumes() {
        let token = sample();
        assert!(check(&token.proof(&CHANNEL), &token.stored(), &CHANNEL));
    }

    #[test]
    fn the_proof_is_the_documented_one() {
        // Computed by another implementation from token 00 01 … 1f and binding 07 … 07.
        let expected = [
            0x7f, 0xdd, 0xf2, 0x83, 0xce, 0xd5, 0xed, 0x1a, 0xdb, 0x14, 0xe0, 0x2f, 0x44, 0x35,
            0x0e, 0xa9, 0x57, 0x62, 0x7f, 0xba, 0x1f, 0x6d, 0xfd, 0x3c, 0x6d, 0x23, 0xe4, 0xf2,
            0x22, 0xc5, 0xdb, 0x5e,
        ];
        assert_eq!(sample().proof(&CHANNEL), expected);
    }

    #[test]
    fn a_relayed_proof_is_refused() {
        let token = sample();
        let proof = token.proof(&CHANNEL);
        for bit in 0..256 {
            assert!(!check(&proof, &token.stored(), &flipped(&CHANNEL, bit)));
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let token = sample();
        let (proof, stored) = (token.proof(&CHANNEL), token.stored());
        for bit in 0..256 {
            assert!(!check(&flipped(&proof, bit), &stored, &CHANNEL));
            assert!(!check(&proof, &flipped(&stored, bit), &CHANNEL));
        }
    }

    #[test]
    fn the_token_itself_is_no_proof_and_does_not_print() {
        let token = sample();
        assert!(!check(token.token.expose(), &token.stored(), &CHANNEL));
        assert!(format!("{token:?}").contains("<redacted>"));
    }
}
