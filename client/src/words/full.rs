//! What the full screen says of itself.

use std::time::Duration;

/// How often a count of seconds is drawn.
pub const TICK: Duration = Duration::from_secs(1);

pub const PEOPLE: &str = "Who is online";
pub const ROOMS: &str = "Rooms";
pub const MEMBERS: &str = "Members";
pub const PROFILE: &str = "Who they are";
pub const YOU: &str = "You";
pub const LEAVE: &str = "Leave ChatBox? y/n";
/// What may be answered to that for a yes.
pub const YES: &str = "yY";
pub const NOTED: &str = "Enter goes on once you have noted it: ";

/// What stands before what is typed.
pub fn input(room: &str) -> String {
    format!("{room}> ")
}

pub fn paste(lines: usize, bytes: usize) -> String {
    format!("Paste {lines} lines ({bytes} bytes) as one message? Enter sends, e edits, Esc forgets")
}

/// The completions, the one that stands in the line in brackets.
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
