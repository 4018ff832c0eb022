//! From bytes to messages: frames, the strict form of CBOR, and the messages themselves.
//!
//! [`frame`] cuts a byte stream into frames, [`codec`] checks and reads the CBOR in an opened
//! record, [`message`] defines the messages, [`session`] says what is in a session's
//! number. Nothing here knows keys, sockets or policy.

pub mod codec;
#[cfg(any(test, feature = "testkit"))]
pub mod corpus;
pub mod frame;
pub mod message;
pub mod session;
pub(crate) mod strict;
