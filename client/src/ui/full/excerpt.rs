//! Messages outside the order of their room, as lines for a panel, which sanitizes them: several in
//! which a long one is folded, or one in all its length.

use chatbox_common::wire::message::Chat;

use crate::sanitize::{self, name};
use crate::ui::fold::fold;
use crate::width::width;
use crate::words::screen as words;
use crate::words::tables::{self, Clock};
use crate::wrap::wrap;

pub(super) fn whole(clock: &Clock, room: &str, chat: &Chat) -> String {
    indented(&tables::dated(clock, room, chat), &chat.text)
}

/// For a panel of so many columns.
pub(super) fn short(clock: &Clock, room: &str, chat: &Chat, columns: usize) -> String {
    let begin = tables::dated(clock, room, chat);
    let text = sanitize::text(&chat.text);
    let left = columns.saturating_sub(width(&begin));
    let rows = wrap(&text, left, left);
    let (kept, hidden) = fold(rows.len());
    if hidden == 0 {
        return indented(&begin, &text);
    }
    let last = rows.get(..kept).and_then(<[_]>::last);
    let kept = last.and_then(|row| text.get(..row.end)).unwrap_or_default();
    let command = words::unfold(Some(&name(room)), chat.seq);
    let told = words::folded(hidden, Some(&command));
    indented(&begin, &format!("{kept}\n{told}"))
}

/// No line of a text may begin where another message does.
fn indented(begin: &str, text: &str) -> String {
    let indent = " ".repeat(width(begin));
    format!("{begin}{}", text.replace('\n', &format!("\n{indent}")))
}
