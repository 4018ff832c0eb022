//! What a test needs beyond what the README has one set up. Where it is missing the test says so and
//! passes; where `CHATBOX_REQUIRE` names it, or is `1` for everything, the test fails.

use std::path::PathBuf;

use super::process::program;

/// True, with a sentence, where the test is to be skipped.
pub fn skips_without(what: &str, is_there: bool, remedy: &str) -> bool {
    if is_there {
        return false;
    }
    let required = std::env::var("CHATBOX_REQUIRE").unwrap_or_default();
    assert!(
        required != "1" && !required.split(' ').any(|word| word == what),
        "{what} is missing: {remedy}"
    );
    eprintln!("skipped: {what} is missing: {remedy}");
    true
}

/// The programs of an earlier version, which `.ci/partners` builds.
pub struct Partner {
    pub client: PathBuf,
    pub server: PathBuf,
}

impl Partner {
    /// `None`, with a sentence, where it is not built.
    pub fn of(version: &str) -> Option<Self> {
        let own = program("chatbox-server");
        let place = own.parent().unwrap().with_file_name("partners");
        let partner = Self {
            client: place.join(version).join("chatbox"),
            server: place.join(version).join("chatbox-server"),
        };
        let is_built = partner.client.exists() && partner.server.exists();
        let skips = skips_without("partners", is_built, ".ci/partners builds them");
        (!skips).then_some(partner)
    }
}
