//! Properties of what the server reads from outside, for the fuzz targets in `fuzz/` and for tests
//! (see [`chatbox_common::fuzzing`]).

#![allow(
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

mod chat_log;
mod search_words;

pub use chat_log::chat_log;
pub use search_words::search_words;

#[cfg(test)]
mod tests {
    use chatbox_common::fuzzing::replay;

    use super::*;

    #[test]
    fn chat_log_kept() {
        replay("chat_log", chat_log);
    }

    #[test]
    fn search_words_kept() {
        replay("search_words", search_words);
    }
}
