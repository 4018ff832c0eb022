//! What scripts print, to be read by programs or in the mail of cron.

use chatbox_common::wire::message::Seq;

pub const NO_SUCH_MOMENT: &str = "--since: there is no such moment in the calendar";
pub const OTHER_HISTORY: &str =
    "the server has another history now: numbers known so far mean nothing in it";

/// `--since` begins behind its number.
#[must_use]
pub fn lost_from(seq: Seq) -> String {
    format!(
        "the server has lost the messages from {seq} on in a power cut, and other texts have their \
         numbers now: begin again with --since {}",
        seq.saturating_sub(1)
    )
}

/// For `send`, whose own messages are among them.
#[must_use]
pub fn lost_acknowledged(seq: Seq) -> String {
    format!(
        "the server has lost the messages from {seq} on in a power cut, some of this script's among \
         them that it had acknowledged"
    )
}

pub fn not_a_member(room: &str) -> String {
    format!("you are not in {room}: --join enters it, and you stay in it until you leave it")
}

pub fn entered(room: &str) -> String {
    format!("you are in {room} from now on, until you leave it")
}

pub const TIMED_OUT: &str = "the server has acknowledged nothing for as long as --timeout allows";
pub const NO_USER: &str = "--keep-session needs a name: use --user, or a profile with one";
pub const NO_PLACE: &str = "there is no place for kept sessions: set HOME or XDG_STATE_HOME";

pub const SESSION_IN_USE: &str =
    "another script uses the kept session; this one logs in by itself and keeps nothing of it";

pub const SESSION_OF_ANOTHER_KEY: &str =
    "the kept session is of a key that the server does not have any more; logging in again";

pub const SESSION_OVER: &str = "the kept session is no longer good; logging in again";

/// The line of `--wait-ack`, which scripts parse (docs/SCRIPTING.md).
#[must_use]
pub fn acknowledged(room: &str, seq: Seq) -> String {
    format!("{room} {seq}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_to_begin_with_shows_the_first_number_that_was_lost() {
        assert!(lost_from(8).starts_with("the server has lost the messages from 8 on"));
        assert!(lost_from(8).ends_with("begin again with --since 7"));
        // A server that breaks the protocol.
        assert!(lost_from(0).ends_with("--since 0"));
    }

    #[test]
    fn an_acknowledged_message_is_a_line() {
        assert_eq!(acknowledged("#ops", 123), "#ops 123\n");
    }
}
