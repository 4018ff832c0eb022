//! Messages outside the order of their room, as lines for a panel, which sanitizes them: several in
//! which a long one is folded, or one in all its length.

use std::ops::Range;

use chatbox_common::search::Query;
use chatbox_common::wire::message::Chat;

use super::panel::PanelLine;
use crate::margin;
use crate::sanitize::{self, name};
use crate::ui::fold::fold;
use crate::ui::hit;
use crate::width::{TAB, width};
use crate::words::screen as words;
use crate::words::tables::{self, Clock};
use crate::wrap::wrap;

pub(super) fn whole(clock: &Clock, room: &str, chat: &Chat) -> String {
    let begin = tables::dated(clock, room, chat);
    let indent = " ".repeat(width(&begin));
    format!("{begin}{}", chat.text.replace('\n', &format!("\n{indent}")))
}

/// For a panel of so many columns; what is sought is marked, and a long text cut around the first
/// such word.
pub(super) fn short(
    clock: &Clock,
    room: &str,
    chat: &Chat,
    sought: &Query,
    columns: usize,
) -> Vec<PanelLine> {
    let begin = tables::dated(clock, room, chat);
    let text = sanitize::text(&chat.text).replace('\t', TAB);
    let found = hit::places(&text, sought);
    let left = margin::room(&begin, columns);
    let rows = wrap(&text, left, left);
    let (kept, hidden) = fold(rows.len());
    if hidden == 0 {
        return indented(&begin, &text, &found);
    }
    let (mut lines, hidden) = if found.is_empty() {
        let last = rows.get(..kept).and_then(<[_]>::last);
        let kept = last.and_then(|row| text.get(..row.end)).unwrap_or_default();
        (indented(&begin, kept, &[]), hidden)
    } else {
        let left = left.saturating_sub(hit::CUTS);
        let part = hit::part(&text, &found, &wrap(&text, left, left));
        (indented(&begin, &part.text, &part.found), part.hidden)
    };
    let command = words::unfold(Some(&name(room)), chat.seq);
    let told = words::folded(hidden, Some(&command));
    lines.push(PanelLine::unmarked(&format!(
        "{}{told}",
        " ".repeat(width(&begin))
    )));
    lines
}

/// No line of a text may begin where another message does.
fn indented(begin: &str, text: &str, found: &[Range<usize>]) -> Vec<PanelLine> {
    let indent = " ".repeat(width(begin));
    let (mut at, mut lines) = (0, Vec::new());
    for line in text.split('\n') {
        let end = at + line.len();
        let before = if lines.is_empty() { begin } else { &indent };
        let here = found
            .iter()
            .filter(|place| place.start < end && place.end > at);
        let here = here.map(|place| {
            let (start, end) = (place.start.max(at), place.end.min(end));
            before.len() + start - at..before.len() + end - at
        });
        lines.push(PanelLine {
            found: here.collect(),
            text: format!("{before}{line}"),
        });
        at = end + 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::{AccountId, Kind, RoomId};
    use jiff::tz::TimeZone;

    use super::*;
    use crate::ui::fold::MOST_ROWS;

    fn chat(text: &str) -> Chat {
        Chat {
            room: RoomId(1),
            seq: 7,
            account: AccountId(1),
            user: "alice".to_owned(),
            time: 0,
            text: text.to_owned(),
            kind: Kind::Text,
        }
    }

    fn lines(text: &str, typed: &str, columns: usize) -> (Vec<String>, Vec<String>) {
        let clock = Clock::new(TimeZone::UTC);
        let lines = short(&clock, "#lobby", &chat(text), &Query::new(typed), columns);
        let marked = lines.iter().flat_map(|line| {
            let places = line.found.iter().cloned();
            places.map(|place| line.text[place].to_owned())
        });
        let marked = marked.collect();
        (lines.into_iter().map(|line| line.text).collect(), marked)
    }

    #[test]
    fn of_a_long_message_the_words_sought_are_in_sight_and_marked() {
        for (filling, said, typed) in [
            ("a b ", "İstanbul", "istanbul"),
            ("a b ", "GROẞ", "groß"),
            ("漢字、", "東京都", "東京都"),
            ("e\u{301}a\n", "disk", "DISK"),
            ("x\t", "e\u{301}te\u{301}", "ete"),
            ("\u{1b}[2J ", "nginx", "nginx"),
            ("👩\u{200d}👩\u{200d}👧", "ที่", "ท"),
        ] {
            let filling = filling.repeat(4_000 / filling.len());
            let text = format!("{filling} {said} {filling}");
            for columns in [40, 80, 160] {
                let (lines, marked) = lines(&text, typed, columns);
                assert_eq!(marked, [said], "{typed} in {columns}");
                assert!(lines.len() <= MOST_ROWS);
                let (told, shown) = lines.split_last().unwrap();
                assert!(told.contains("more rows (/unfold #lobby 7)"), "{told}");
                let begin = "1970-01-01 00:00:00 #lobby <alice> ";
                assert!(shown[0].starts_with(&format!("{begin}…")), "{}", shown[0]);
                assert!(shown[shown.len() - 1].ends_with('…'));
                let most = MOST_ROWS * columns;
                assert!(shown.iter().map(|line| width(line)).sum::<usize>() <= most);
            }
        }
    }

    #[test]
    fn a_message_that_is_shown_whole_is_marked_in_every_line() {
        let begin = "1970-01-01 00:00:00 #lobby <alice> ";
        let (all, marked) = lines("disk\nno\n\nthe disk, DISK\u{7}", "disk", 80);
        assert_eq!(marked, ["disk", "disk", "DISK"]);
        assert_eq!(all.len(), 4);
        assert_eq!(all[0], format!("{begin}disk"));
        let indent = " ".repeat(begin.len());
        assert!(all[3].starts_with(&format!("{indent}the disk")));
        // A name is not what was sought.
        assert_eq!(lines("word", "alice lobby", 80).1, [""; 0]);
    }
}
