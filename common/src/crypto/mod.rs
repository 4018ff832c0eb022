//! The engine of a session: handshake and records, without sockets and without a clock.
//!
//! [`handshake`] turns two messages into [`handshake::SessionKeys`]; [`record`] seals and opens
//! what is said afterwards. Callers bring bytes and the present time, and get bytes back.

pub mod handshake;
mod kdf;
mod noise;
pub mod record;
