//! The table of actions, one in a row: the name for the configuration, the default keys, the help.

use super::Action;
use crate::words::keys::does;

pub(super) struct KeymapRow {
    pub(super) action: Action,
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
    pub(super) help: &'static str,
}

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
) -> KeymapRow {
    KeymapRow {
        action,
        name,
        keys,
        help,
    }
}

/// Has every action. Ctrl-H is Backspace, as most terminals that send it mean that key.
#[rustfmt::skip]
pub(super) const TABLE: &[KeymapRow] = &[
    row(Action::Submit, "submit", &["enter"], does::SUBMIT),
    row(Action::Newline, "newline", &["alt-enter", "ctrl-j"], does::NEWLINE),
    row(Action::Complete, "complete", &["tab"], does::COMPLETE),
    row(Action::CompleteBack, "complete-back", &["shift-tab"], does::COMPLETE_BACK),
    row(Action::Left, "left", &["left", "ctrl-b"], does::LEFT),
    row(Action::Right, "right", &["right", "ctrl-f"], does::RIGHT),
    row(Action::WordLeft, "word-left", &["ctrl-left", "alt-b"], does::WORD_LEFT),
    row(Action::WordRight, "word-right", &["ctrl-right", "alt-f"], does::WORD_RIGHT),
    row(Action::LineStart, "line-start", &["ctrl-a"], does::LINE_START),
    row(Action::LineEnd, "line-end", &["ctrl-e"], does::LINE_END),
    row(Action::HistoryBack, "history-back", &["up"], does::HISTORY_BACK),
    row(Action::HistoryNext, "history-next", &["down"], does::HISTORY_NEXT),
    row(Action::Backspace, "backspace", &["backspace", "ctrl-h"], does::BACKSPACE),
    row(Action::Delete, "delete", &["delete"], does::DELETE),
    row(Action::KillToEnd, "kill-to-end", &["ctrl-k"], does::KILL_TO_END),
    row(Action::KillToStart, "kill-to-start", &["ctrl-u"], does::KILL_TO_START),
    row(Action::RubOutWord, "rub-out-word", &["ctrl-w"], does::RUB_OUT_WORD),
    row(Action::KillWordLeft, "kill-word-left", &["alt-backspace", "ctrl-alt-h"], does::KILL_WORD_LEFT),
    row(Action::KillWordRight, "kill-word-right", &["alt-d"], does::KILL_WORD_RIGHT),
    row(Action::Yank, "yank", &["ctrl-y"], does::YANK),
    row(Action::PageUp, "page-up", &["pageup"], does::PAGE_UP),
    row(Action::PageDown, "page-down", &["pagedown"], does::PAGE_DOWN),
    row(Action::ScrollTop, "scroll-top", &["home"], does::SCROLL_TOP),
    row(Action::ScrollBottom, "scroll-bottom", &["end"], does::SCROLL_BOTTOM),
    row(Action::Room(1), "room-1", &["alt-1"], does::ROOM),
    row(Action::Room(2), "room-2", &["alt-2"], does::ROOM),
    row(Action::Room(3), "room-3", &["alt-3"], does::ROOM),
    row(Action::Room(4), "room-4", &["alt-4"], does::ROOM),
    row(Action::Room(5), "room-5", &["alt-5"], does::ROOM),
    row(Action::Room(6), "room-6", &["alt-6"], does::ROOM),
    row(Action::Room(7), "room-7", &["alt-7"], does::ROOM),
    row(Action::Room(8), "room-8", &["alt-8"], does::ROOM),
    row(Action::Room(9), "room-9", &["alt-9"], does::ROOM),
    row(Action::NextRoom, "next-room", &["ctrl-n"], does::NEXT_ROOM),
    row(Action::PreviousRoom, "previous-room", &["ctrl-p"], does::PREVIOUS_ROOM),
    row(Action::NextActivity, "next-activity", &["alt-a"], does::NEXT_ACTIVITY),
    row(Action::ToggleRooms, "toggle-rooms", &["alt-r"], does::TOGGLE_ROOMS),
    row(Action::Search, "search", &["ctrl-r"], does::SEARCH),
    row(Action::BareView, "bare-view", &["alt-l"], does::BARE_VIEW),
    row(Action::Redraw, "redraw", &["ctrl-l"], does::REDRAW),
    row(Action::Suspend, "suspend", &["ctrl-z"], does::SUSPEND),
    row(Action::Cancel, "cancel", &["esc"], does::CANCEL),
    row(Action::Interrupt, "interrupt", &["ctrl-c"], does::INTERRUPT),
    row(Action::EndOfInput, "end-of-input", &["ctrl-d"], does::END_OF_INPUT),
];

pub(super) fn find(name: &str) -> Option<&'static KeymapRow> {
    TABLE.iter().find(|row| row.name == name)
}
