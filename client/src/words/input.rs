//! Answers to what was typed and not understood.

pub fn control_character(shown: &str) -> String {
    format!("Nothing was sent: the text contains the control character {shown}.")
}

pub fn too_long(size: usize, most: usize) -> String {
    format!("Nothing was sent: the text has {size} bytes, a message at most {most}.")
}

pub const NO_NAME: &str = "A command's name follows its '/'; see /help.";
pub const BLANK: &str =
    "Nothing was sent: the line begins with a blank, and a command with its '/'.";
pub const ASKS: &str = "Nothing was sent: the text begins like a command that asks for a password or \
     a code. // at its beginning sends it.";
pub const NO_NICK: &str = "There is no /nick: a name is an account here, and is never changed. \
     Register another one to be called otherwise.";
pub const ESCAPED: &str = "send a line that begins with /";

pub fn unknown(name: &str, meant: Option<&str>) -> String {
    let hint = match meant {
        Some(meant) => format!("; did you mean /{meant}?"),
        None => ".".to_owned(),
    };
    format!(
        "There is no command /{name}{hint} /help shows them all; // sends a line that begins \
         with /."
    )
}

pub fn usage(usage: &str, help: &str) -> String {
    format!("Usage: {usage}: {help}")
}
