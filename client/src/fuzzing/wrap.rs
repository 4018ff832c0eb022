use chatbox_common::fuzzing::Choices;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::sanitize;
use crate::ui::full::dialog::wrap::wrap as lines;
use crate::ui::full::draw::draw;
use crate::width::{Cluster, TAB, clusters, cut, width};
use crate::wrap::{wrap as rows, wrap_for_any};

/// A text in rows, behind the columns of the first row and of the others.
///
/// No row is wider than its room, unless a single character is; nothing but blanks and line ends is
/// left out between rows; and what is drawn is what was measured.
pub fn wrap(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (first, rest) = (usize::from(choices.byte()), usize::from(choices.byte()));
    let text = String::from_utf8_lossy(choices.rest());
    let text = sanitize::text(&text).replace('\t', TAB);

    for for_any in [false, true] {
        let wrap = if for_any { wrap_for_any } else { rows };
        let mut end = 0;
        for (number, row) in wrap(&text, first, rest).into_iter().enumerate() {
            assert_blank(&text[end..row.start]);
            end = row.end;
            let room = if number == 0 { first } else { rest.max(1) };
            if for_any {
                assert_fits(&text[row], room, |cluster| cluster.most);
            } else {
                assert_fits(&text[row.clone()], room, |cluster| cluster.width);
                assert_drawn(&text[row], room);
            }
        }
        assert_blank(&text[end..]);
    }

    let mut end = 0;
    for row in lines(&text, rest) {
        // A part of the text itself, so that its place can be told.
        let at = row.as_ptr() as usize - text.as_ptr() as usize;
        assert_blank(&text[end..at]);
        end = at + row.len();
        assert_fits(row, rest, |cluster| cluster.width);
    }
    assert_blank(&text[end..]);

    for line in text.split('\n') {
        let short = cut(line, first);
        assert!(width(&short) <= first);
        assert!(short == line || line.starts_with(short.trim_end_matches('…')));
    }
}

fn assert_blank(between: &str) {
    assert!(
        between.chars().all(|c| matches!(c, ' ' | '\n')),
        "{between:?} is lost"
    );
}

fn assert_fits(row: &str, room: usize, measure: fn(&Cluster<'_>) -> usize) {
    let used: usize = clusters(row).map(|cluster| measure(&cluster)).sum();
    let seen = clusters(row).filter(|cluster| cluster.width > 0).count();
    assert!(used <= room || seen == 1, "{row:?} in {room}");
}

fn assert_drawn(row: &str, room: usize) {
    let room = u16::try_from(room).unwrap();
    let mut buffer = Buffer::empty(Rect::new(0, 0, room, 1));
    let end = draw(&mut buffer, (0, 0), row, room, Style::new());
    // Where a chain was parted: a joiner that a row begins with joins nothing, and is left out.
    let is_bare = |first: &Cluster<'_>| first.text.starts_with(['\u{200c}', '\u{200d}']);
    let bare = clusters(row).next().filter(is_bare);
    let drawn = width(row) - bare.map_or(0, |bare| bare.width);
    if width(row) <= usize::from(room) {
        assert_eq!(usize::from(end), drawn, "{row:?}");
    }
    for cell in buffer.content() {
        assert!(!cell.symbol().contains(char::is_control));
    }
}
