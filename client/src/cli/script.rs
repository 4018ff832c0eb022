//! The subcommands for scripts, with their values checked, and the completions that are made from
//! the definition.

use std::fmt;
use std::time::Duration;

use chatbox_common::name::{NameError, RoomName, UserName};
use chatbox_common::wire::message::Seq;
use clap::{Args, CommandFactory, Subcommand, value_parser};
use clap_complete::Shell;

use super::{Cli, help};
use crate::input::{When, span};

/// What is done without a chat.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Script {
    /// Say something in a room, or to somebody
    #[command(after_help = help::send())]
    Send(Sending),
    /// Print what is said in a room, as it comes
    #[command(after_help = help::tail())]
    Tail(Tailing),
    /// Print who is online
    #[command(after_help = help::asking())]
    List(Form),
    /// Print who you are to the server
    #[command(after_help = help::asking())]
    Whoami(Form),
    /// Print what your shell needs to complete commands and flags
    #[command(after_help = help::completions())]
    Completions {
        /// Your shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

impl Script {
    #[must_use]
    pub const fn is_json(&self) -> bool {
        match self {
            Self::Tail(tailing) => tailing.json,
            Self::List(form) | Self::Whoami(form) => form.json,
            Self::Send(_) | Self::Completions { .. } => false,
        }
    }

    /// As it is typed.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Tail(_) => "tail",
            Self::List(_) => "list",
            Self::Whoami(_) => "whoami",
            Self::Completions { .. } => "completions",
        }
    }

    #[must_use]
    pub const fn logs_in(&self) -> bool {
        !matches!(self, Self::Completions { .. })
    }
}

/// `chatbox send`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Sending {
    /// The room, such as '#ops', or somebody: @bob
    #[arg(long, value_name = "ROOM", value_parser = Target::parse)]
    pub room: Target,

    /// Wait for each one's number, and print it
    #[arg(long)]
    pub wait_ack: bool,

    /// Give up when nothing is acknowledged so long
    #[arg(long, value_name = "SPAN", value_parser = timeout)]
    pub timeout: Option<Duration>,

    /// What to say; without it, each line of standard input is said
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
}

impl Sending {
    /// One message, its words joined by a space; `None` where the lines of standard input are to be
    /// said.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        (!self.text.is_empty()).then(|| self.text.join(" "))
    }

    /// A text was given that says nothing, such as an empty variable of a script.
    pub(super) fn is_blank(&self) -> bool {
        self.text().is_some_and(|text| text.trim().is_empty())
    }
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    let seconds = span(text).ok_or("write a span such as 90s, 10m or 2h")?;
    Ok(Duration::from_secs(seconds.into()))
}

/// `chatbox tail`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Tailing {
    /// The room, such as '#ops', or somebody: @bob
    #[arg(long, value_name = "ROOM", value_parser = Target::parse)]
    pub room: Target,

    /// Print JSON Lines (docs/SCRIPTING.md)
    #[arg(long)]
    pub json: bool,

    /// Enter the room if you are not in it
    #[arg(long)]
    pub join: bool,

    /// Begin there, and not with what comes
    #[arg(long, value_name = "WHEN|NUMBER", value_parser = Since::parse)]
    pub since: Option<Since>,

    /// End after N messages
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Form {
    /// Print JSON Lines (docs/SCRIPTING.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `#room`
    Room(RoomName),
    /// `@person`: the conversation of the two.
    Person(UserName),
}

/// Why a text is no [`Target`]. A sentence for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither `#` nor `@` stands first.
    #[error("a room's name begins with '#', a person's with '@'")]
    Beginning,
    #[error("{0}")]
    Name(#[from] NameError),
}

impl Target {
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if let Some(name) = text.strip_prefix('@') {
            return Ok(Self::Person(UserName::parse(name)?));
        }
        match RoomName::parse(text) {
            Err(NameError::NoHash) => Err(TargetError::Beginning),
            room => Ok(Self::Room(room?)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(room) => room.fmt(f),
            Self::Person(user) => write!(f, "@{user}"),
        }
    }
}

/// Where `tail` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Behind the message of this number.
    After(Seq),
    From(When),
}

impl Since {
    /// Parses a number, or what [`When`] understands.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let no_number = "this is more than any message's number";
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::After).map_err(|_| no_number);
        }
        When::parse(text)
            .map(Self::From)
            .ok_or("write a number, a span such as 2h, a time such as 14:30, or a day: 2026-11-22")
    }
}

#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "chatbox", &mut text);
    text
}

#[cfg(test)]
mod tests {
    use clap::{Parser, ValueEnum};

    use super::*;

    fn called(arguments: &[&str]) -> Result<Script, String> {
        Cli::try_parse_from([&["chatbox"], arguments].concat())
            .map(|cli| cli.script.unwrap())
            .map_err(|error| error.to_string())
    }

    fn sending(arguments: &[&str]) -> Sending {
        match called(&[&["send", "--room=#ops"], arguments].concat()) {
            Ok(Script::Send(sending)) => sending,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_is_its_words_and_otherwise_it_is_read() {
        assert_eq!(sending(&[]).text(), None);
        assert!(!sending(&[]).is_blank() && !sending(&[]).wait_ack);
        let said = sending(&["--wait-ack", "all", "is", "well\n--"]);
        assert_eq!(said.text().as_deref(), Some("all is well\n--"));
        assert!(said.wait_ack && !said.is_blank());
        let said = sending(&["--", "--wait-ack", "-x"]);
        assert_eq!(said.text().as_deref(), Some("--wait-ack -x"));
        assert!(!said.wait_ack);
        for blank in [&[""][..], &[" ", "\t\n"]] {
            assert!(sending(blank).is_blank(), "{blank:?}");
        }
    }

    #[test]
    fn one_speaks_in_a_room_or_to_a_person() {
        for (typed, shown) in [
            ("#ops", "#ops"),
            ("#ops~alice", "#ops~alice"),
            ("@Bob", "@Bob"),
        ] {
            assert_eq!(Target::parse(typed).unwrap().to_string(), shown);
        }
        for (typed, why) in [
            ("ops", "'#'"),
            ("", "'#'"),
            ("#", "1 to 32"),
            ("@", "1 to 32"),
            ("@#ops", "letters"),
            ("#o ps", "letters"),
            ("#ops\u{1b}", "letters"),
        ] {
            let error = Target::parse(typed).unwrap_err().to_string();
            assert!(error.contains(why), "{typed:?}: {error}");
        }
        for arguments in [&["send", "x"][..], &["tail"]] {
            assert!(called(arguments).unwrap_err().contains("--room"));
        }
    }

    #[test]
    fn a_tail_begins_behind_a_number_or_at_a_moment() {
        assert_eq!(Since::parse("0"), Ok(Since::After(0)));
        assert_eq!(Since::parse("1234"), Ok(Since::After(1234)));
        assert_eq!(Since::parse("2h"), Ok(Since::From(When::Ago(7200))));
        for moment in ["14:30", "2026-11-22", "2026-11-22 14:30:05"] {
            assert!(
                matches!(Since::parse(moment), Ok(Since::From(_))),
                "{moment}"
            );
        }
        for bad in ["", "-1", "+1", "yesterday", "2w", "0x10", "14:30x"] {
            assert!(
                Since::parse(bad).unwrap_err().contains("such as 2h"),
                "{bad}"
            );
        }
        let much = Since::parse("99999999999999999999").unwrap_err();
        assert!(much.contains("number"), "{much}");
    }

    #[test]
    fn a_time_to_wait_is_a_span() {
        let send = |timeout| called(&["send", "--room=#ops", timeout, "x"]);
        match send("--timeout=5m") {
            Ok(Script::Send(sending)) => {
                assert_eq!(sending.timeout, Some(Duration::from_secs(300)));
            }
            other => panic!("{other:?}"),
        }
        for wrong in ["--timeout=5", "--timeout=0s", "--timeout=soon"] {
            assert!(send(wrong).unwrap_err().contains("such as 90s"), "{wrong}");
        }
    }

    #[test]
    fn a_tail_of_no_messages_is_refused() {
        let tail = |count| called(&["tail", "--room=#ops", "--json", count]);
        match tail("--count=3") {
            Ok(Script::Tail(tailing)) => assert!(tailing.json && tailing.count == Some(3)),
            other => panic!("{other:?}"),
        }
        assert!(tail("--count=0").is_err());
        assert!(tail("--count=-1").is_err());
    }

    #[test]
    fn every_shell_completes_commands_and_flags() {
        let shells = Shell::value_variants();
        assert_eq!(shells.len(), 5);
        for shell in shells {
            let name = shell.to_possible_value().unwrap();
            let asked = called(&["completions", name.get_name()]).unwrap();
            assert_eq!(asked, Script::Completions { shell: *shell });
            let text = String::from_utf8(completions(*shell)).unwrap();
            for word in ["whoami", "wait-ack", "known-hosts"] {
                assert!(text.contains(word), "{shell} {word}");
            }
        }
        assert!(called(&["completions", "csh"]).is_err());
        assert!(called(&["completions"]).is_err());
    }
}
