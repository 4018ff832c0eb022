//! The engine of a session: handshake and records, without sockets and without a clock.
//!
//! [`handshake`] turns two messages into [`handshake::SessionKeys`]; [`record`] seals and opens
//! what is said afterwards. Callers bring bytes and the present time, and get bytes back.

pub mod handshake;
mod kdf;
mod noise;
pub mod record;

/// The nonce of a counter, in records as in Noise's AESGCM: four zero bytes, then big-endian.
fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(4).zip(counter.to_be_bytes()) {
        *to = from;
    }
    nonce
}
