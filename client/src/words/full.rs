//! Titles, questions and the prompt of the full screen.

use std::time::Duration;

use chatbox_common::wire::message::Seq;

/// A countdown is drawn this often.
pub const TICK: Duration = Duration::from_secs(1);

pub const PEOPLE: &str = "Who is online";
pub const ROOMS: &str = "Rooms";
pub const MEMBERS: &str = "Members";
pub const PROFILE: &str = "Who they are";
pub const YOU: &str = "You";
/// The title of one message that is shown whole.
pub fn message(room: &str, seq: Seq) -> String {
    format!("{room}, message {seq}")
}

pub const FULL: &str = "Too much waits to be sent: this stays in the line; press Enter again when some of it has gone.";
/// With messages that the server has not acknowledged.
pub fn leave(unsent: usize) -> String {
    match unsent {
        0 => "Leave ChatBox?".to_owned(),
        1 => "1 message is not sent. Leave ChatBox?".to_owned(),
        _ => format!("{unsent} messages are not sent. Leave ChatBox?"),
    }
}

/// Behind [`leave`], once a key is an answer.
pub const LEAVE_KEYS: &str = " y/n";
/// Behind [`paste`].
pub const PASTE_KEYS: &str = " Enter sends, e edits, Esc forgets";

/// Each of these characters answers [`leave`] with a yes.
pub const YES: &str = "yY";
pub const NOTED: &str = "Enter goes on once you have noted it: ";

pub fn input(room: &str) -> String {
    format!("{room}> ")
}

pub fn paste(lines: usize, bytes: usize) -> String {
    format!("Paste {lines} lines ({bytes} bytes) as one message?")
}

/// In brackets the completion that stands in the line.
pub fn candidates(candidates: &[String], chosen: usize) -> String {
    let marked = candidates.iter().enumerate().map(|(place, candidate)| {
        let candidate = candidate.trim_end();
        if place == chosen {
            format!("[{candidate}]")
        } else {
            candidate.to_owned()
        }
    });
    marked.collect::<Vec<_>>().join("  ")
}
