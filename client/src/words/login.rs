//! From the start to the chat: menu, registration, login, the server's key.

use std::time::Duration;

use chatbox_common::auth::scram::MIN_PASSWORD;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;
use chatbox_common::wire::message::{ByeReason, ErrorCode};

use crate::address::ServerAddress;

pub const REGISTER: &str = "Register";
pub const LOG_IN: &str = "Log in";
pub const QUIT: &str = "Quit";

pub const PASSWORD: &str = "Password: ";
pub const OLD_PASSWORD: &str = "Old password: ";
pub const SAME_AGAIN: &str = "The same again: ";
pub const NOT_THE_SAME: &str = "the two are not the same";
pub const THE_OLD_ONE: &str = "that is the old one";
pub const CODE: &str = "Code: ";
pub const FIRST_CODE: &str = "Code shown there: ";

/// Behind a refusal, above the menu.
pub const WHAT_HELPS: &str = "log in again, with the next code; a recovery code does in its place, and \
     who has neither asks the operator";
pub const NO_ACCOUNT: &str = "there is no account: the first code was wrong too often";
pub const NOBODY_TO_ASK: &str = "standard input is no terminal to ask on: use --user, \
     --password-file and --otp-file (and --register for a new account)";
pub const KEY_REPLACED: &str = "the server has another key, which known_hosts has as well";
pub const KEY_NOT_ACCEPTED: &str = "the key was not accepted, so nothing was sent";

pub fn new_password() -> String {
    format!("New password, {MIN_PASSWORD} characters or more: ")
}

pub fn connecting(server: &ServerAddress) -> String {
    format!("connecting to {server}")
}

pub const GETTING_A_SECRET: &str = "getting a secret";
pub const CHECKING: &str = "checking the password";
pub const LOGGING_IN: &str = "logging in";
pub const REGISTERING: &str = "making the account";

pub const ITS_KEY_IS_KNOWN: &str = "its key is the known one";
pub const ITS_KEY_IS_OUR_OWN: &str = "its key is that of your own server";
pub const ITS_KEY_IS_NEW: &str = "its key is not known yet";

pub fn server(server: &ServerAddress, key: &str) -> String {
    format!("ChatBox at {server}, {key}.")
}

pub fn name(offered: Option<&UserName>) -> String {
    match offered {
        Some(user) => format!("Name [{user}]: "),
        None => "Name: ".to_owned(),
    }
}

/// An older server does not tell how many are left.
pub fn recovery_spent(left: Option<u32>) -> String {
    let left = left.map_or_else(String::new, |left| format!(", {left} are left"));
    format!(
        "that recovery code is spent{left}; /2fa codes gives ten new ones, /2fa secret another \
         secret for the app"
    )
}

pub fn wrong_codes(count: u32) -> String {
    format!(
        "logins with your password but a wrong code since you were last here: {count}; if they \
         were not yours, somebody knows your password"
    )
}

pub fn clocks_apart(seconds: u64) -> String {
    format!(
        "the server's clock and this one are {seconds} s apart; codes depend on the time, so set \
         the clock that is wrong"
    )
}

pub fn code_used(wait: Duration) -> String {
    format!(
        "the code of this moment is used; next in {} s",
        wait.as_secs()
    )
}

pub const GIVEN_CODE_USED: &str = "the code that was given was used already";

pub fn unreadable_line(number: usize, file: impl std::fmt::Display) -> String {
    format!("line {number} of {file} cannot be read")
}

pub fn ask_yes(server: &ServerAddress, presented: Fingerprint) -> String {
    format!(
        "The key of {server} is not known yet:\n  {presented}\n\
         Is it the one its operator gave you? Type yes to go on: "
    )
}

pub fn ask_fingerprint(server: &ServerAddress) -> String {
    format!(
        "The key of {server} is not known yet. Whoever sits in the middle when you register \
         keeps your second factor,\nso type the fingerprint that the operator gave you \
         (SHA256:...): "
    )
}

pub fn key_unasked(server: &ServerAddress, presented: Fingerprint) -> String {
    format!(
        "the key of {server} is not known, and standard input is no terminal to ask on.\n  \
         presented: {presented}\n\
         If it is the one its operator gave you, use\n  --fingerprint {presented}"
    )
}

const LOGIN_REFUSED: &str = "login refused: the name, the password or the code is wrong";
const BUSY: &str = "the server has no place for this login just now: try again in a minute";
const NOT_TOLD: &str = "the server refused; what it says is not shown, because its key is not known \
     yet";

/// In place of what a server says whose key is not known.
pub const fn unproven_refusal(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::LoginRefused => LOGIN_REFUSED,
        ErrorCode::Busy | ErrorCode::TooFast | ErrorCode::Unavailable => BUSY,
        _ => NOT_TOLD,
    }
}

/// The same for its goodbye.
pub const fn unproven_goodbye(reason: ByeReason) -> &'static str {
    match reason {
        ByeReason::LoginRefused => LOGIN_REFUSED,
        ByeReason::Busy | ByeReason::Shutdown => BUSY,
        _ => NOT_TOLD,
    }
}

pub fn weak(how: &str, hint: Option<&str>) -> String {
    let hint = hint.map_or(String::new(), |hint| format!(" {hint}"));
    format!(
        "that password is {how}: whoever gets hold of what a server keeps of it could find it \
         out.{hint}"
    )
}
