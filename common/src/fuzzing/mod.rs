//! Properties of what reads bytes from outside: each function takes any bytes and panics where the
//! crate does not keep a promise about them.
//!
//! Called by the fuzz targets in `fuzz/`, which look for bytes that break one, and by tests, which
//! replay those that are kept in `fuzz/corpus`. Stands behind the feature `fuzzing`: no released
//! program has any of it.

#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a property is a panic, and its name says of what"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property may assert in the plainest way, as a test does"
)]

mod choices;
mod config;
mod frames;
mod messages;
mod records;
mod replay;
mod scram;

pub use choices::Choices;
pub use config::config;
pub use frames::frames;
pub use messages::{client_messages, server_messages};
pub use records::records;
pub use replay::replay;
pub use scram::{scram_client, scram_server};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_messages_kept() {
        replay("client_messages", client_messages);
    }

    #[test]
    fn server_messages_kept() {
        replay("server_messages", server_messages);
    }

    #[test]
    fn frames_kept() {
        replay("frames", frames);
    }

    #[test]
    fn records_kept() {
        replay("records", records);
    }

    #[test]
    fn scram_client_kept() {
        replay("scram_client", scram_client);
    }

    #[test]
    fn scram_server_kept() {
        replay("scram_server", scram_server);
    }

    #[test]
    fn config_kept() {
        replay("config", config);
    }
}
