//! The grammar of typed lines: a line becomes a text to send or a command to carry out.
//!
//! One table holds every command with its arguments, its help and its parser, so that `/help`
//! cannot differ from what is obeyed. Knows no screen and no network; `app` calls [`parse`] for
//! each line, [`parse_pasted`] for each pasted block and [`verbatim`] for scripts, and acts on the
//! answer.

mod arguments;
mod command;
mod table;
#[cfg(test)]
mod tests;
mod when;

use std::fmt::Write;

use chatbox_common::limits::MAX_TEXT;

use crate::sanitize;
use crate::words::input as words;
use command::Misuse;
pub use command::{Command, MemberAction, RoomOrder, Target};
use table::{CommandRow, TABLE, find};
pub use when::{When, span};

/// In bytes: a text of [`MAX_TEXT`], a slash before it, and CR LF.
pub const MAX_LINE: usize = MAX_TEXT + 3;

/// Commands that ask for secrets.
const ASKING: [&str; 2] = ["password", "2fa"];

/// What other programs call such commands, or people might.
const OTHERS_ASKING: [&str; 23] = [
    "auth", "code", "codes", "factor", "identify", "key", "keys", "login", "mfa", "otp", "pin",
    "psw", "pw", "pwd", "recover", "recovery", "register", "secret", "signin", "token", "totp",
    "u2f", "verify",
];

const MAX_HINTS: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// 1 to [`MAX_TEXT`] bytes, without control characters but line feed and tab.
    Text(String),
    /// Its arguments are checked.
    Command(Command),
    /// Only white space: nothing to do.
    Empty,
    /// Nothing is to be sent; the sentence, which has no controls, says why and what to do.
    Problem(String),
}

/// Parses a typed line. CR LF becomes LF, and line ends at the end are dropped; otherwise a text
/// stays as it was typed.
///
/// A line that begins with `/` is a command or a problem, never a message, because a mistyped
/// command must not reach a room. `//` sends a line that begins with one slash.
#[must_use]
pub fn parse(typed: &str) -> Input {
    let unified = typed.replace("\r\n", "\n");
    match checked(&unified) {
        Ok(line) => line_or_command(line),
        Err(input) => input,
    }
}

/// Parses a pasted block. Several lines are a text, whatever they begin with: a pasted file must
/// not run commands. A single line is taken as typed. What begins like a command that asks for
/// secrets is neither.
#[must_use]
pub fn parse_pasted(pasted: &str) -> Input {
    let unified = pasted.replace("\r\n", "\n");
    match checked(&unified) {
        // As a text it would be said, and so would the secrets behind it.
        Ok(block) if block.contains('\n') && would_ask(block) => {
            Input::Problem(words::ASKS.to_owned())
        }
        Ok(block) if block.contains('\n') => text(block),
        Ok(line) => line_or_command(line),
        Err(input) => input,
    }
}

/// For a line or block of a script: a text, whatever it begins with.
#[must_use]
pub fn verbatim(typed: &str) -> Input {
    match checked(&typed.replace("\r\n", "\n")) {
        Ok(block) => text(block),
        Err(input) => input,
    }
}

/// The line without line ends at its end. Fails for a blank one, and for one with a control
/// character that no message may have (docs/PROTOCOL.md, 13.3).
fn checked(typed: &str) -> Result<&str, Input> {
    let line = typed.trim_end_matches('\n');
    if line.trim().is_empty() {
        return Err(Input::Empty);
    }
    let mut characters = line.chars();
    match characters.find(|c| c.is_control() && !"\n\t".contains(*c)) {
        None => Ok(line),
        Some(stray) => {
            let shown = sanitize::line(stray.encode_utf8(&mut [0; 4])).into_owned();
            Err(Input::Problem(words::control_character(&shown)))
        }
    }
}

fn line_or_command(line: &str) -> Input {
    if line.trim_end() == ":quit" {
        return Input::Command(Command::Quit);
    }
    match line.strip_prefix('/') {
        Some(rest) if !rest.starts_with('/') => command(rest),
        Some(escaped) => text(escaped),
        // A blank before the slash. As a text it would be said, and so would the secrets behind it.
        None if would_ask(line) => Input::Problem(words::BLANK.to_owned()),
        None => text(line),
    }
}

/// Whether a line is a command that means the same in whichever room it is carried out.
#[must_use]
pub fn concerns_no_room(typed: &str) -> bool {
    let Input::Command(command) = parse(typed) else {
        return false;
    };
    matches!(
        command,
        Command::Help(_)
            | Command::List
            | Command::Info
            | Command::WhoAmI
            | Command::Rooms
            | Command::Whois(_)
            | Command::Ignore(None)
            | Command::Sessions
            | Command::Quit
    )
}

/// Whether a line was meant to change the current room. If it fails, the lines behind it must not
/// be said in the present one.
#[must_use]
pub fn would_move(typed: &str) -> bool {
    let name = typed
        .strip_prefix('/')
        .and_then(|rest| rest.split_whitespace().next());
    let moves = ["join", "create", "dm", "msg", "close"];
    name.is_some_and(|name| moves.iter().any(|one| one.eq_ignore_ascii_case(name)))
}

/// Whether the first line was meant to be a command that asks for secrets, however it is mistyped:
/// the lines behind it are answers. The rule: a key, a code or a password is never text of a room,
/// and what is typed behind a question that could not be asked is dropped.
#[must_use]
pub fn would_ask(typed: &str) -> bool {
    let first = typed.trim_start().lines().next().unwrap_or_default();
    let name = first
        .strip_prefix('/')
        .filter(|rest| !rest.starts_with('/'))
        .and_then(|rest| rest.split_whitespace().next());
    name.is_some_and(|name| match find(name) {
        Some(row) => asks(row.name),
        None => is_mistyped_asking(name),
    })
}

/// Narrower than the guess that a person is shown ([`meant`]): the input behind such a line is
/// discarded.
fn is_mistyped_asking(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OTHERS_ASKING.contains(&&*name)
        || name.starts_with("pass")
        || name.starts_with("2f")
        || nearest(&name, ["password"].into_iter()).is_some()
}

fn asks(name: &str) -> bool {
    ASKING.contains(&name)
}

/// Whether the first line may have a secret in it, such as `/password hunter2`: it is kept out of
/// the input history.
#[must_use]
pub fn may_hold_secret(typed: &str) -> bool {
    let first = typed.trim_start().lines().next().unwrap_or_default();
    would_ask(first) && !matches!(parse(typed), Input::Command(_))
}

fn text(text: &str) -> Input {
    if text.len() > MAX_TEXT {
        return Input::Problem(too_long(text.len()));
    }
    Input::Text(text.to_owned())
}

/// `size` in bytes.
#[must_use]
pub fn too_long(size: usize) -> String {
    words::too_long(size, MAX_TEXT)
}

/// `line` is what follows the slash.
fn command(line: &str) -> Input {
    let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    // "/ list" names no command, though "list" is its first word.
    if name.is_empty() {
        return Input::Problem(words::NO_NAME.to_owned());
    }
    let Some(row) = find(name) else {
        return Input::Problem(unknown(name));
    };
    match (row.parse)(arguments.trim()) {
        Ok(Command::Direct(_, text) | Command::Me(text)) if text.len() > MAX_TEXT => {
            Input::Problem(too_long(text.len()))
        }
        Ok(command) => Input::Command(command),
        Err(Misuse) => Input::Problem(words::usage(&usage(row), row.help)),
    }
}

/// The names, without the slash.
pub fn commands() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.name)
}

fn unknown(name: &str) -> String {
    if name.eq_ignore_ascii_case("nick") {
        return words::NO_NICK.to_owned();
    }
    let cut: String = name.chars().take(32).collect();
    words::unknown(&sanitize::line(&cut), meant(name))
}

/// The known command for an unknown name. Looks at its first 32 characters.
fn meant(name: &str) -> Option<&'static str> {
    let begun: String = name.chars().take(32).collect();
    let begun = begun.to_ascii_lowercase();
    let begins = commands().find(|name| name.starts_with(&begun));
    begins
        .or_else(|| nearest(&begun, commands()))
        // No blank behind the name, and perhaps a secret.
        .or_else(|| ASKING.into_iter().find(|name| begun.starts_with(name)))
}

/// The nearest name at a Damerau-Levenshtein distance of at most 2, ASCII letters without case.
#[must_use]
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    let slips = |name: &str| strsim::damerau_levenshtein(&typed, &name.to_ascii_lowercase());
    names
        .map(|name| (slips(name), name))
        .filter(|(slips, _)| *slips <= 2 && *slips < typed.len())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

fn usage(row: &CommandRow) -> String {
    format!("/{} {}", row.name, row.arguments)
        .trim_end()
        .to_owned()
}

/// The usage and help of at most [`MAX_HINTS`] commands that begin as `typed` does; empty for what
/// is no command.
#[must_use]
pub fn hints(typed: &str) -> Vec<String> {
    let Some(line) = typed.strip_prefix('/').filter(|_| !typed.contains('\n')) else {
        return Vec::new();
    };
    let (name, arguments) = line
        .split_once(' ')
        .map_or((line, None), |(name, rest)| (name, Some(rest)));
    let name = name.to_ascii_lowercase();
    let rows = TABLE.iter().filter(|row| match arguments {
        Some(_) => row.name == name,
        None => row.name.starts_with(&name),
    });
    let hints = rows.map(|row| format!("{}  {}", usage(row), row.help));
    hints.take(MAX_HINTS).collect()
}

/// One line for the command `topic`; one for every command without a topic, or if there is no
/// command of that name. Each line ends with a line feed.
#[must_use]
pub fn help(topic: Option<&str>) -> String {
    let mut lines: Vec<(String, &str)> = match topic.and_then(find) {
        Some(row) => vec![(usage(row), row.help)],
        None => TABLE.iter().map(|row| (usage(row), row.help)).collect(),
    };
    if lines.len() > 1 {
        lines.push(("//text".to_owned(), words::ESCAPED));
    }
    let width = lines.iter().map(|(usage, _)| usage.len()).max();
    let mut shown = String::new();
    for (usage, help) in &lines {
        // Writing to a String does not fail.
        let _ = writeln!(shown, "  {usage:<0$}  {help}", width.unwrap_or(0));
    }
    shown
}
