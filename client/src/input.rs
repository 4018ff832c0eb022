//! What a person types: a line becomes a text to send or a command to carry out.
//!
//! One table holds every command with its arguments, its help and its parser, so that `/help`
//! cannot tell anything else than what is obeyed. Knows no screen and no network; a face of the
//! client calls [`parse`] for each line (or each pasted block) and acts on the answer.

mod table;

use std::fmt::Write;

use crate::sanitize;
pub use table::{Command, MemberAction, Target};
use table::{Misuse, Row, TABLE, find};

/// The longest text of a message, in bytes.
pub const MAX_TEXT: usize = 8 * 1024;

/// What a typed line turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A message to send: 1 to [`MAX_TEXT`] bytes, no control characters but line feed and tab.
    Text(String),
    /// A command, its arguments checked.
    Command(Command),
    /// Nothing but blanks: nothing to do.
    Empty,
    /// Nothing was understood and nothing is to be sent; the sentence, fit for a terminal, says
    /// why and what to do.
    Problem(String),
}

/// Understands one typed line or pasted block. Line ends of the form CR LF become LF, and those
/// at the end are dropped; otherwise a text stays as it was typed.
///
/// A line that begins with `/` is a command or a problem, never a message: a mistyped command
/// is not to be read by a whole room. `//` sends a line that begins with one slash.
#[must_use]
pub fn parse(typed: &str) -> Input {
    let unified = typed.replace("\r\n", "\n");
    let line = unified.trim_end_matches('\n');
    if line.trim().is_empty() {
        return Input::Empty;
    }
    if let Some(stray) = line
        .chars()
        .find(|c| c.is_control() && !"\n\t".contains(*c))
    {
        return Input::Problem(format!(
            "Nothing was sent: the text contains the control character {}.",
            sanitize::line(stray.encode_utf8(&mut [0; 4]))
        ));
    }
    if line.trim_end() == ":quit" {
        return Input::Command(Command::Quit);
    }
    match line.strip_prefix('/') {
        Some(rest) if !rest.starts_with('/') => command(rest),
        Some(escaped) => text(escaped),
        None => text(line),
    }
}

fn text(text: &str) -> Input {
    if text.len() > MAX_TEXT {
        return Input::Problem(too_long(text));
    }
    Input::Text(text.to_owned())
}

fn too_long(text: &str) -> String {
    let size = text.len();
    format!("Nothing was sent: the text has {size} bytes, a message at most {MAX_TEXT}.")
}

/// `line` is what follows the slash.
fn command(line: &str) -> Input {
    let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    // "/ list" names no command, though "list" is its first word.
    if name.is_empty() {
        return Input::Problem("A command's name follows its '/'; see /help.".to_owned());
    }
    let Some(row) = find(name) else {
        return Input::Problem(unknown(name));
    };
    match (row.parse)(arguments.trim()) {
        Ok(Command::Direct(_, text)) if text.len() > MAX_TEXT => Input::Problem(too_long(&text)),
        Ok(command) => Input::Command(command),
        Err(Misuse) => Input::Problem(format!("Usage: {}: {}", usage(row), row.help)),
    }
}

fn unknown(name: &str) -> String {
    let cut: String = name.chars().take(32).collect();
    let hint = match nearest(&cut.to_ascii_lowercase()) {
        Some(row) => format!("; did you mean /{}?", row.name),
        None => ".".to_owned(),
    };
    format!(
        "There is no command /{}{hint} /help shows them all; // sends a line that begins with /.",
        sanitize::line(&cut)
    )
}

/// The command that begins like `name`, or else the one that is at most two slips away from it.
fn nearest(name: &str) -> Option<&'static Row> {
    let begun = TABLE.iter().find(|row| row.name.starts_with(name));
    begun.or_else(|| {
        TABLE
            .iter()
            .map(|row| (strsim::damerau_levenshtein(name, row.name), row))
            .filter(|(slips, _)| *slips <= 2 && *slips < name.len())
            .min_by_key(|(slips, _)| *slips)
            .map(|(_, row)| row)
    })
}

fn usage(row: &Row) -> String {
    format!("/{} {}", row.name, row.arguments)
        .trim_end()
        .to_owned()
}

/// What `/help` prints: one line for the command `topic`, or for every command when there is no
/// topic (or none of that name). Lines end with a line feed.
#[must_use]
pub fn help(topic: Option<&str>) -> String {
    let mut lines: Vec<(String, &str)> = match topic.and_then(find) {
        Some(row) => vec![(usage(row), row.help)],
        None => TABLE.iter().map(|row| (usage(row), row.help)).collect(),
    };
    if lines.len() > 1 {
        lines.push(("//text".to_owned(), "send a line that begins with /"));
    }
    let width = lines.iter().map(|(usage, _)| usage.len()).max();
    let mut shown = String::new();
    for (usage, help) in &lines {
        // Writing to a String does not fail.
        let _ = writeln!(shown, "  {usage:<0$}  {help}", width.unwrap_or(0));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::table::{DEFAULT_HISTORY, MAX_HISTORY};
    use super::*;

    fn problem(typed: &str) -> String {
        match parse(typed) {
            Input::Problem(sentence) => sentence,
            other => panic!("{typed:?} became {other:?}"),
        }
    }

    #[test]
    fn every_command_of_the_table_is_obeyed_and_in_the_help() {
        let all = help(None);
        for row in TABLE {
            match parse(&format!("/{}", row.name)) {
                Input::Command(_) => {}
                // It needs more than its name, and says what.
                other => assert_eq!(
                    other,
                    Input::Problem(format!("Usage: {}: {}", usage(row), row.help))
                ),
            }
            for shown in [&all, &help(Some(row.name))] {
                assert!(shown.contains(&usage(row)) && shown.contains(row.help));
            }
            assert_eq!(help(Some(row.name)).lines().count(), 1);
        }
        assert_eq!(all.lines().count(), TABLE.len() + 1);
    }

    #[test]
    fn commands_take_their_arguments() {
        for (typed, command) in [
            ("/help", Command::Help(None)),
            ("/help history", Command::Help(Some("history"))),
            ("/help /QUIT", Command::Help(Some("quit"))),
            ("/list", Command::List),
            ("/List \t", Command::List),
            ("/info\r\n", Command::Info),
            ("/history", Command::History(DEFAULT_HISTORY)),
            ("/history  1", Command::History(1)),
            ("/history 1000", Command::History(MAX_HISTORY)),
            ("/whoami", Command::WhoAmI),
            ("/clear", Command::Clear),
            ("/quit", Command::Quit),
            (":quit", Command::Quit),
            (":quit \n", Command::Quit),
        ] {
            assert_eq!(parse(typed), Input::Command(command), "{typed:?}");
        }
    }

    #[test]
    fn wrong_arguments_are_answered_with_the_usage() {
        for (typed, usage) in [
            ("/list all", "Usage: /list: "),
            ("/quit\nnow", "Usage: /quit: "),
            ("/history 0", "Usage: /history [n]: "),
            ("/history 1001", "Usage: /history [n]: "),
            ("/history -1", "Usage: /history [n]: "),
            ("/history 99999999999999999999", "Usage: /history [n]: "),
            ("/history 1 2", "Usage: /history [n]: "),
            ("/help nothing", "Usage: /help [command]: "),
        ] {
            assert!(problem(typed).starts_with(usage), "{}", problem(typed));
        }
    }

    #[test]
    fn an_unknown_command_is_never_sent_and_the_nearest_is_named() {
        for (typed, guess) in [
            ("/lsit", "/list?"),
            ("/hist", "/history?"),
            ("/quiet", "/quit?"),
            ("/WHOMAI", "/whoami?"),
            ("/q", "/quit?"),
        ] {
            let sentence = problem(typed);
            assert!(sentence.contains(guess), "{sentence}");
            assert!(sentence.contains("/help"), "{sentence}");
        }
        for typed in ["/etc/passwd", "/*comment*/", "/x", "/é", "/ list", "/"] {
            let sentence = problem(typed);
            assert!(!sentence.contains("did you mean"), "{sentence}");
            assert!(sentence.contains("/help"), "{sentence}");
        }
    }

    #[test]
    fn a_problem_is_short_and_fit_for_a_terminal() {
        let sentence = problem(&format!("/\u{202e}{}", "x".repeat(100_000)));
        assert!(sentence.len() < 200 && sentence.contains("\\u{202e}"));
    }

    #[test]
    fn texts_are_taken_as_typed() {
        for (typed, sent) in [
            ("hello", "hello"),
            ("  indented\n\tcode\n", "  indented\n\tcode"),
            (
                "from a file\r\nwith two lines\r\n",
                "from a file\nwith two lines",
            ),
            ("//etc/hosts", "/etc/hosts"),
            ("///", "//"),
            (" /list", " /list"),
            (":quit smoking", ":quit smoking"),
        ] {
            assert_eq!(parse(typed), Input::Text(sent.to_owned()), "{typed:?}");
        }
        for typed in ["", "   ", "\n", "\r\n", "\t \n"] {
            assert_eq!(parse(typed), Input::Empty, "{typed:?}");
        }
    }

    #[test]
    fn a_text_has_at_most_8_kib() {
        let longest = "é".repeat(MAX_TEXT / 2);
        assert_eq!(parse(&longest), Input::Text(longest.clone()));
        assert_eq!(parse(&format!("//{}", &longest[2..])), {
            Input::Text(format!("/{}", &longest[2..]))
        });
        assert!(problem(&format!("{longest}!")).contains("8193 bytes"));
    }

    #[test]
    fn control_characters_are_named_and_not_sent() {
        for (typed, named) in [
            ("a\u{1b}[2J", "\\u{1b}"),
            ("a\rb", "\\u{d}"),
            ("/list\u{7}", "\\u{7}"),
            ("a\u{9b}b", "\\u{9b}"),
            ("a\0", "\\u{0}"),
            ("\u{7f}", "\\u{7f}"),
        ] {
            assert!(problem(typed).contains(named), "{typed:?}");
        }
    }
}
