//! Properties of what the client reads from a server, a person and files, for the fuzz targets in
//! `fuzz/` and for tests (see [`chatbox_common::fuzzing`]).

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

mod editor;
mod known_hosts;
mod model;
mod sanitize;
mod wrap;

pub use editor::editor;
pub use known_hosts::known_hosts;
pub use model::model;
pub use sanitize::sanitize;
pub use wrap::wrap;

#[cfg(test)]
mod tests {
    use chatbox_common::fuzzing::replay;

    use super::*;

    #[test]
    fn editor_kept() {
        replay("editor", editor);
    }

    #[test]
    fn known_hosts_kept() {
        replay("known_hosts", known_hosts);
    }

    #[test]
    fn model_kept() {
        replay("model", model);
    }

    #[test]
    fn sanitize_kept() {
        replay("sanitize", sanitize);
    }

    #[test]
    fn wrap_kept() {
        replay("wrap", wrap);
    }
}
