//! What the owner of a new second factor reads.

use std::fmt::Display;

pub const SECRET: &str = "\nThe second factor, for an authenticator app:\n  secret:";
pub const LINK: &str = "\n  link: ";
pub const RECOVERY: &str = "\nRecovery codes, each good once in place of the app's code:\n";
pub const NOTE_IT: &str = "\nNote all of this down now: it is not shown again.\n";
pub const SCAN: &str = "\nScan this with the app, or type the secret into it:\n";

pub fn no_picture(error: impl Display) -> String {
    format!("\nType the secret into the app: {error}.\n")
}
