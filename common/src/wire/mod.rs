//! From bytes to messages: frames, the strict form of CBOR, and the messages themselves.
//!
//! [`frame`] cuts a byte stream into frames, [`codec`] checks and reads the CBOR in an opened
//! record, [`message`] defines the messages. Nothing here knows keys, sockets or policy.

pub mod codec;
pub mod frame;
pub mod message;
pub(crate) mod strict;
