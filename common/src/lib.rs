//! The ChatBox protocol, version 1: everything that client and server must agree on, and
//! nothing that only one of them knows. docs/PROTOCOL.md says the same in prose.
//!
//! ```text
//!  client                                                   server
//!    | CHATBOX/1\n                                            |   preface
//!    | frame: Noise e, [ML-KEM-768 encapsulation key]     --> |   handshake
//!    | <--  frame: Noise e, ee, s, es, [ML-KEM ciphertext]    |
//!    |========= records: AES-256-GCM, keys that change =======|
//!    | login {scram client-first}                         --> |   at most 4,096 bytes,
//!    | <--                   login challenge {server-first}   |   padded to 512
//!    | login confirm {client-final, code}                 --> |
//!    | <--                  logged in {server-final, token}   |
//!    |--------------------------------------------------------|
//!    | <--                                welcome {rooms, …}  |   a session: up to 65,535
//!    | send {room, id, text}                              --> |   bytes, padded to 64
//!    | <--                   ack {seq}, chat {seq, user, …}   |
//!    | bye                                                --> |
//! ```
//!
//! | module | turns | into |
//! |---|---|---|
//! | [`wire::frame`] | a byte stream | frames |
//! | [`crypto::handshake`] | two frames | session keys |
//! | [`crypto::record`] | a frame | the content of a record, and back |
//! | [`wire::codec`] | the content of a record | [`wire::message`]s, and back |
//! | [`channel`] | `Read + Write` | all of the above |
//! | [`deadline`] | a socket | a stream that ends in time |
//! | [`auth`] | a password, a code, a token | a proof, and its check |
//! | [`search`] | a text | the words that searches find it by |
//! | [`config`] | the text of config.toml | settings, or all that is wrong with it |

// The author of another client reads this crate beside docs/PROTOCOL.md.
#![warn(missing_docs)]

pub mod auth;
pub mod channel;
pub mod config;
pub mod crypto;
pub mod deadline;
pub mod fingerprint;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod limits;
pub mod name;
pub mod search;
pub mod secret;
#[cfg(test)]
mod test_vectors;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod wire;
