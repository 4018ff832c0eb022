//! What stands on the full screen around the messages.

/// The terminal is smaller than the least that is needed.
#[must_use]
pub fn too_small(needed: (u16, u16), there: (u16, u16)) -> String {
    let ((columns, lines), (width, height)) = (needed, there);
    format!(
        "The terminal is too small: {columns} columns and {lines} lines are needed, \
         it has {width}x{height}."
    )
}

/// Above the first message of a room's history.
pub const HISTORY_BEGINS: &str = "history begins here";
/// Above the first message that is there, while earlier ones are under way.
pub const LOADING: &str = "loading earlier messages…";
/// Above the first message that is there, where there are earlier ones.
pub const EARLIER: &str = "earlier messages: Page Up";
/// Between what was read and what was not.
pub const UNREAD: &str = "new messages";
/// How a day is written, for strftime.
pub const DAY: &str = "%A, %-d %B %Y";
/// Above messages of a day that no calendar has.
pub const NO_DAY: &str = "an unknown day";
/// A time of day that no clock has, and the same with seconds.
pub const NO_TIME: [&str; 2] = ["--:--", "--:--:--"];

/// Where one is in no room.
pub const NO_ROOM: &str = "no room";
/// The server can read what is said in the room.
pub const AUDITED: &str = "[audited]";
/// Only the room's members can.
pub const PRIVATE: &str = "[private]";
/// Only moderators may write.
pub const LOCKED: &str = "[locked]";

/// How many members of a room are online.
#[must_use]
pub fn online(count: u32) -> String {
    format!("{count} online")
}

/// The state of the way to the server: it is being tried.
pub const CONNECTING: &str = "connecting…";
/// It is not tried any more.
pub const LOGGED_OUT: &str = "logged out";
/// There is one.
pub const CONNECTED: &str = "connected";
/// Its key is the one that is pinned.
pub const KEY_CHECKED: &str = "server key checked";

/// The way to the server is tried again so soon.
#[must_use]
pub fn reconnecting(seconds: u64) -> String {
    format!("reconnecting in {seconds} s")
}

/// The number of the key that is sent with.
#[must_use]
pub fn epoch(number: u64) -> String {
    format!("epoch {number}")
}

/// How many messages are not acknowledged.
#[must_use]
pub fn unsent(count: usize) -> String {
    format!("{count} unsent")
}

/// One has scrolled up, and so many messages stand below.
#[must_use]
pub fn below(count: usize) -> String {
    format!("↓ {count} below")
}

/// Rooms in which somebody talks, by number.
#[must_use]
pub fn activity(rooms: &str) -> String {
    format!("[Act: {rooms}]")
}

/// Keys worth knowing.
pub const KEYS: [&str; 4] = ["/help", "Tab completes", "Page Up: earlier", "Alt-A: next"];
/// How a panel is left, and what else may be done with it.
pub const PANEL_KEYS: &str = "Esc closes";
/// The same where it has more lines than the screen.
pub const PANEL_SCROLLS: &str = "Page Up and Page Down scroll, Esc closes";

/// Before what is searched for.
pub const SEARCH: &str = "search: ";
/// Behind it, where it is not there.
pub const NOT_FOUND: &str = " (not found)";
