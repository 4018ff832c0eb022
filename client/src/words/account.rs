//! Sentences about one's own account and its changes.

use std::fmt::Display;

pub const SESSIONS: &str = "Where you are logged in";
pub const NOBODY_TO_ASK: &str =
    "That asks for secrets, and standard input is no terminal to ask on.";
pub const NOTHING_MORE: &str = "Nothing more of standard input is sent.";
pub const NO_CONNECTION: &str = "There is no connection just now";
pub const UNDER_WAY: &str = "A change is under way";
pub const DROPPED: &str = "What you typed ahead was thrown away: it may have been an answer.";
pub const NEW_CODES: &str = "these recovery codes hold from now on, and none of those before";
pub const PASSWORD_CHANGED: &str = "your password is changed";
pub const FACTOR_CHANGED: &str = "your second factor is changed";
pub const TOO_MANY_FIRST_CODES: &str = "the first code was wrong too often: nothing was changed";
pub const NOTHING_CHANGED: &str = "nothing was changed";
pub const PASSWORD_UNKNOWN: &str =
    "it is not known whether your password was changed: try the new one, then the old";
pub const CODES_UNKNOWN: &str =
    "it is not known whether your recovery codes were changed: get new ones";
pub const FACTOR_NOT_CHANGED: &str = "your second factor was not changed";
pub const FACTOR_UNKNOWN: &str =
    "it is not known whether your second factor was changed: try the new one, then the old";

pub fn changed(what: &str) -> String {
    format!("{what}; your other sessions have ended")
}

pub fn cancelled(why: impl Display) -> String {
    format!("{why}: nothing was changed")
}

/// Before questions that are asked although nothing can be changed (`App::ask_for_change`).
pub fn in_vain(why: &str) -> String {
    format!("{why}, so nothing will be changed. Ctrl-C goes back.")
}
