//! What stands on the full screen around the messages: bars, rules between messages, panels.

use chatbox_common::wire::message::Seq;

#[must_use]
pub fn too_small(needed: (u16, u16), there: (u16, u16)) -> String {
    let ((columns, lines), (width, height)) = (needed, there);
    format!(
        "The terminal is too small: {columns} columns and {lines} lines are needed, \
         it has {width}x{height}."
    )
}

pub const HISTORY_BEGINS: &str = "history begins here";
pub const LOADING: &str = "loading earlier messages…";
pub const EARLIER: &str = "earlier messages: Page Up";
/// In place of the rows of a long text that are not shown; `command` shows them.
#[must_use]
pub fn folded(rows: usize, command: Option<&str>) -> String {
    match command {
        Some(command) => format!("… {rows} more rows ({command})"),
        None => format!("… {rows} more rows"),
    }
}

/// For a message of a room; `None` is the room that the person looks at.
#[must_use]
pub fn unfold(room: Option<&str>, seq: Seq) -> String {
    match room {
        Some(room) => format!("/unfold {room} {seq}"),
        None => format!("/unfold {seq}"),
    }
}

pub const UNREAD: &str = "new messages";
/// For strftime.
pub const DAY: &str = "%A, %-d %B %Y";
/// A server may send a time that no calendar has.
pub const NO_DAY: &str = "an unknown day";
/// For such a time, without seconds and with.
pub const NO_TIME: [&str; 2] = ["--:--", "--:--:--"];

pub const NO_ROOM: &str = "no room";
/// The server reads, keeps and logs what is said in the room.
pub const AUDITED: &str = "[audited]";
/// End-to-end encrypted: no room of this version is (docs/PROTOCOL.md, 17).
pub const PRIVATE: &str = "[private]";
pub const LOCKED: &str = "[locked]";
pub const ARCHIVED: &str = "[archived]";

#[must_use]
pub fn online(count: u32) -> String {
    format!("{count} online")
}

pub const NO_ANSWER: &str = "the server does not answer";
pub const CONNECTING: &str = "connecting…";
/// What is typed meanwhile is said there.
#[must_use]
pub fn entering(room: &str) -> String {
    format!("entering {room}…")
}

pub const LOGGED_OUT: &str = "logged out";
pub const CONNECTED: &str = "connected";
/// The server has proved to have the key that is pinned.
pub const KEY_CHECKED: &str = "server key checked";

#[must_use]
pub fn reconnecting(seconds: u64) -> String {
    format!("reconnecting in {seconds} s")
}

/// The number of the key in use for sending.
#[must_use]
pub fn epoch(number: u64) -> String {
    format!("epoch {number}")
}

/// Counts messages without an acknowledgement, sent or not.
#[must_use]
pub fn unsent(count: usize) -> String {
    format!("{count} unsent")
}

#[must_use]
pub fn below(count: usize) -> String {
    format!("↓ {count} below")
}

/// `rooms` are the numbers by which `alt-1` and so on go to them.
#[must_use]
pub fn activity(rooms: &str) -> String {
    format!("[Act: {rooms}]")
}

pub const KEYS: [&str; 4] = ["/help", "Tab completes", "Page Up: earlier", "Alt-A: next"];
pub const PANEL_KEYS: &str = "Esc closes";
pub const PANEL_SCROLLS: &str = "Page Up and Page Down scroll, Esc closes";

pub const LEFT_OUT: &str = "… the rest is left out: it is too long to be shown";

pub const SEARCH: &str = "search: ";
pub const NOT_FOUND: &str = " (not found)";
