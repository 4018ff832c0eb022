//! Keys: what each action does, and what is wrong with a key in the configuration.

/// As `/help` lists the actions.
pub mod does {
    pub const SUBMIT: &str = "send what was typed";
    pub const NEWLINE: &str = "begin another line of the same message";
    pub const COMPLETE: &str = "complete a command, a name or a room; again: the next one";
    pub const COMPLETE_BACK: &str = "go back to the completion before";
    pub const LEFT: &str = "a character to the left";
    pub const RIGHT: &str = "a character to the right";
    pub const WORD_LEFT: &str = "a word to the left";
    pub const WORD_RIGHT: &str = "a word to the right";
    pub const LINE_START: &str = "to the start of the line";
    pub const LINE_END: &str = "to the end of the line";
    pub const HISTORY_BACK: &str = "the line above, or what was typed before";
    pub const HISTORY_NEXT: &str = "the line below, or what was typed after";
    pub const BACKSPACE: &str = "delete the character before the cursor";
    pub const DELETE: &str = "delete the character under the cursor";
    pub const KILL_TO_END: &str = "cut to the end of the line";
    pub const KILL_TO_START: &str = "cut to the start of the line";
    pub const RUB_OUT_WORD: &str = "cut back to the last blank";
    pub const KILL_WORD_LEFT: &str = "cut the word before the cursor";
    pub const KILL_WORD_RIGHT: &str = "cut the word behind the cursor";
    pub const YANK: &str = "put back what was cut";
    pub const PAGE_UP: &str = "show older messages";
    pub const PAGE_DOWN: &str = "show newer messages";
    pub const SCROLL_TOP: &str = "show the oldest messages; in a text: the start of the line";
    pub const SCROLL_BOTTOM: &str = "show the newest messages; in a text: the end of the line";
    pub const ROOM: &str = "go to the room with this number";
    pub const NEXT_ROOM: &str = "go to the next room";
    pub const PREVIOUS_ROOM: &str = "go to the room before";
    pub const NEXT_ACTIVITY: &str = "go to the next room with something new";
    pub const TOGGLE_ROOMS: &str = "show or hide the list of rooms";
    pub const SEARCH: &str = "search in the messages";
    pub const BARE_VIEW: &str = "show the messages alone, to copy from";
    pub const REDRAW: &str = "draw the screen again";
    pub const SUSPEND: &str = "stop the program until fg";
    pub const CANCEL: &str = "leave what is open";
    pub const INTERRUPT: &str = "clear the line; if it is empty, ask whether to leave";
    pub const END_OF_INPUT: &str =
        "delete the character under the cursor; if the line is empty, ask whether to leave";
}

#[must_use]
pub fn unknown_key(key: &str, meant: Option<&str>) -> String {
    let hint = did_you_mean(meant);
    format!("There is no key {key}{hint} Keys are written like ctrl-n, alt-1, shift-tab or f5.")
}

#[must_use]
pub fn unknown_action(action: &str, meant: Option<&str>) -> String {
    let hint = did_you_mean(meant);
    format!("There is no action {action}{hint} The action none takes a key's away.")
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map_or(".".to_owned(), |name| format!("; did you mean {name}?"))
}

#[must_use]
pub fn is_typed(key: &str) -> String {
    format!("{key} is for typing; with ctrl- or alt- before it, it can get an action.")
}

/// Terminals send both as the same bytes.
#[must_use]
pub fn is_not_told_apart(key: &str) -> String {
    format!("{key} can't be told apart from the same key without shift-.")
}

#[must_use]
pub fn always_sends(key: &str) -> String {
    format!("{key} always sends what was typed; alt-{key} can get another action.")
}

#[must_use]
pub fn given_twice(key: &str) -> String {
    format!("{key} is given an action twice.")
}

/// For `interrupt`, the one action that must keep a key.
#[must_use]
pub fn left_without(key: &str, action: &str) -> String {
    format!("Give {action} another key before {key} is taken from it.")
}
