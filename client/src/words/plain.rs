//! Sentences of the plain face between the messages.

use chatbox_common::wire::message::Seq;

pub fn earlier(room: &str, first: Seq, last: Seq) -> String {
    format!("{room}: earlier messages, {first} to {last}")
}

pub fn end_of_earlier(room: &str) -> String {
    format!("{room}: end of the earlier messages")
}

pub fn history_begins(room: &str, first: Seq) -> String {
    format!("{room}: history begins at {first}; there is nothing earlier")
}

/// The line between read and unread messages; `shown` of `count` unread ones follow.
pub fn unread(room: &str, count: u32, shown: usize) -> String {
    match u32::try_from(shown) {
        Ok(shown) if shown < count => {
            format!("{room}: {count} unread, the last {shown} of them from here")
        }
        _ => format!("{room}: {count} unread from here"),
    }
}

pub fn said_in(room: &str) -> String {
    format!("what you type is said in {room}")
}
