//! From the start to the chat: menu, registration, login, the server's key.

use std::time::Duration;

use chatbox_common::auth::scram::MIN_PASSWORD;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;

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

pub const NO_ACCOUNT: &str = "there is no account: the first code was wrong too often";
pub const NOBODY_TO_ASK: &str = "standard input is no terminal to ask on: use --user, \
     --password-file and --otp-file (and --register for a new account)";
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

pub fn server(server: &ServerAddress, is_known: bool) -> String {
    let known = if is_known {
        "its key is the known one"
    } else {
        "its key is not known yet"
    };
    format!("ChatBox at {server}, {known}.")
}

pub fn name(offered: Option<&UserName>) -> String {
    match offered {
        Some(user) => format!("Name [{user}]: "),
        None => "Name: ".to_owned(),
    }
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

pub fn weak(how: &str, hint: Option<&str>) -> String {
    let hint = hint.map_or(String::new(), |hint| format!(" {hint}"));
    format!(
        "that password is {how}: whoever gets hold of what a server keeps of it could find it \
         out.{hint}"
    )
}
