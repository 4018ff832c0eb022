//! What tests and benchmarks of the server and the client have in common: the real programs in
//! directories of their own, clients and servers that follow a script, accounts, random numbers,
//! waiting.
//!
//! Stands behind the feature `testkit`, which only `[dev-dependencies]` switch on: no released
//! program has any of it.
//!
//! No test sleeps for a fixed time: it waits for a message, a line or a row, each with a deadline
//! after which it fails and says what never came. Processes end with the test that started them,
//! also when it is killed ([`guard`]).
//!
//! | module | has |
//! |---|---|
//! | [`process`] | the server in a directory of its own |
//! | [`client_dir`] | a directory for the client, and the client in it |
//! | [`scripted_client`] | a client that says what a test tells it to say |
//! | [`scripted_server`] | a server that says what a test tells it to say |
//! | [`silent`] | an address that does not answer |
//! | [`account`], [`account_changes`] | registering, logging in, changing an account |
//! | [`rooms`] | requests about rooms and people |
//! | [`corpus`](crate::wire::corpus) | an example of every message |
//! | [`random`] | random numbers from a seed |
//! | [`terminal`] | any program at a terminal, and what it shows there |
//! | [`extra`] | what is not always there: programs of earlier versions, and when a test is skipped |
//! | [`wait`] | waiting for what must come |
//! | [`guard`] | processes that end with the test |

#![allow(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    clippy::new_without_default,
    clippy::should_implement_trait,
    reason = "only tests call this: a name says enough where nothing is said"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in what it shares with others as well"
)]

pub mod account;
pub mod account_changes;
pub mod client_dir;
pub mod extra;
pub mod guard;
pub mod process;
pub mod random;
pub mod rooms;
pub mod scripted_client;
pub mod scripted_server;
pub mod silent;
pub mod terminal;
pub mod wait;

use crate::wire::message::RoomId;

/// `#lobby` has this number in every database.
pub const LOBBY: RoomId = RoomId(1);
