//! Notices and faults of the model.

use chatbox_common::wire::message::Seq;

pub const OUT_OF_ORDER: &str = "the server gave a page out of order";
pub const NOT_GIVEN: &str = "the server does not give the messages of a room one is in";
pub const ASKED_ABOUT: &str = "those asked about before are still under way";
pub const OLDER_UNDER_WAY: &str = "the earlier messages asked for before are still under way";
pub const SEARCH_UNDER_WAY: &str = "the search asked for before is still under way";
pub const NOT_FOUND_OUT: &str =
    "the server has lost the end of its history meanwhile: ask again for what you wanted to see";
pub const NO_OLDER_FOUND: &str = "there are no older messages with these words";
pub const NOTHING_SEARCHED: &str = "nothing was searched for yet: /search and words to look for";
pub const OTHER_HISTORY: &str =
    "the server has another history now: what stands above is not in it";

/// `first` and `last` are numbers of messages that were shown.
pub fn lost(room: &str, first: Seq, last: Seq) -> String {
    let which = if first == last {
        format!("message {first} was")
    } else {
        format!("messages {first} to {last} were")
    };
    format!("{room}: {which} lost in a power cut of the server, and other ones get these numbers")
}

pub fn history_begins(room: &str, first: Seq) -> String {
    format!("{room}: history begins at {first}")
}

pub const LIST_IN_A_CIRCLE: &str =
    "the server gives the list in a circle: what follows is left out";

pub fn list_too_long(count: usize) -> String {
    format!("the list has more than {count} entries: what follows is left out")
}

pub fn too_many_rooms(most: usize) -> String {
    format!("you are in more rooms than are shown here ({most}); the others are left out")
}

pub fn no_message(seq: Seq) -> String {
    format!("there is no message {seq} to show")
}

pub fn missing(room: &str, seq: Seq) -> String {
    format!("the server does not give message {seq} of {room}")
}
