//! A text that covers the messages until it is closed: help, lists, what `/find` found.
//!
//! Sanitizes what it is given. Wrapped rows are indented further than their line, so that none of
//! them is taken for a line of its own. Knows keys only by their names in the hint.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::colours::{Palette, Role};
use super::draw::draw;
use super::scrollback::{Look, Row, marked};
use crate::sanitize;
use crate::width::{TAB, cut, width};
use crate::words::screen as words;
use crate::wrap::wrap;

/// A line of text, or a row of it.
#[derive(Debug, Clone)]
pub(super) struct PanelLine {
    pub(super) text: String,
    /// The bytes that are marked.
    pub(super) found: Vec<Range<usize>>,
}

impl PanelLine {
    pub(super) fn unmarked(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            found: Vec::new(),
        }
    }
}

#[derive(Debug)]
pub struct Panel {
    title: String,
    lines: Vec<PanelLine>,
    /// `lines`, wrapped at `columns`.
    rows: Vec<PanelLine>,
    columns: usize,
    /// The rows that fit on the screen.
    height: usize,
    /// Of the first row in sight.
    offset: usize,
    /// Of `lines`.
    bytes: usize,
}

/// In bytes: what goes beyond it is left out, which the last line says.
const MAX_BYTES: usize = 4 * 1024 * 1024;

impl Panel {
    #[must_use]
    pub fn new(title: &str, text: &str) -> Self {
        let mut panel = Self {
            title: sanitize::line(title).into_owned(),
            lines: Vec::new(),
            rows: Vec::new(),
            columns: 0,
            height: 0,
            offset: 0,
            bytes: 0,
        };
        panel.add(text);
        panel
    }

    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn add(&mut self, text: &str) {
        let text = sanitize::text(text).replace('\t', TAB);
        for line in text.lines() {
            self.push(PanelLine::unmarked(line));
        }
    }

    /// A line that is sanitized already keeps its marks.
    pub(super) fn add_marked(&mut self, line: PanelLine) {
        match sanitize::line(&line.text) {
            Cow::Borrowed(_) => self.push(line),
            Cow::Owned(text) => self.add(&text),
        }
    }

    /// Wraps it at once where the width is known: a long list comes in many pages.
    fn push(&mut self, line: PanelLine) {
        if self.bytes > MAX_BYTES {
            return;
        }
        let marks = line.found.len() * size_of::<Range<usize>>();
        self.bytes += line.text.len() + size_of::<PanelLine>() + marks;
        let line = if self.bytes > MAX_BYTES {
            PanelLine::unmarked(words::LEFT_OUT)
        } else {
            line
        };
        if self.columns > 0 {
            self.rows.extend(fold(&line, self.columns));
        }
        self.lines.push(line);
    }

    pub const fn up(&mut self) {
        self.offset = self.offset.saturating_sub(1);
    }

    pub fn down(&mut self) {
        self.offset = self.offset.saturating_add(1).min(self.last_offset());
    }

    /// One row of the page before stays in sight.
    pub fn page_up(&mut self) {
        self.offset = self.offset.saturating_sub(self.page());
    }

    /// One row of the page before stays in sight.
    pub fn page_down(&mut self) {
        self.offset = self
            .offset
            .saturating_add(self.page())
            .min(self.last_offset());
    }

    pub const fn top(&mut self) {
        self.offset = 0;
    }

    /// Works before the first frame, too, when the number of rows is not known: `fit` bounds it.
    pub const fn bottom(&mut self) {
        self.offset = usize::MAX;
    }

    fn page(&self) -> usize {
        self.height.saturating_sub(1).max(1)
    }

    fn last_offset(&self) -> usize {
        self.rows.len().saturating_sub(self.height)
    }

    /// Wraps the lines again only where the width has changed.
    fn fit(&mut self, columns: usize, height: usize) {
        if self.columns != columns {
            self.columns = columns;
            self.rows = self
                .lines
                .iter()
                .flat_map(|line| fold(line, columns))
                .collect();
        }
        self.height = height;
        self.offset = self.offset.min(self.last_offset());
    }

    /// The first row is the title; from three rows on the last one names the keys.
    pub(super) fn draw(&mut self, buffer: &mut Buffer, area: Rect, palette: Palette) {
        let columns = usize::from(area.width);
        let hint_rows = u16::from(area.height > 2);
        let height = area.height.saturating_sub(1 + hint_rows);
        self.fit(columns, height.into());
        let look = Look {
            width: columns,
            has_seconds: false,
            zone: const { &jiff::tz::TimeZone::UTC },
            sought: "",
        };
        let mut put = |y: u16, row: Row<'_>| {
            let mut x = area.x;
            for piece in row {
                let (at, style) = ((x, area.y + y), palette.style(piece.role));
                x = draw(buffer, at, &piece.text, area.right(), style);
            }
        };
        put(0, look.rule(&self.title, Role::Active));
        for (y, row) in (1..=height).zip(self.rows.iter().skip(self.offset)) {
            put(
                y,
                marked(&row.text, 0..row.text.len(), &row.found, Role::Text),
            );
        }
        if hint_rows > 0 {
            let hint = if self.last_offset() > 0 {
                words::PANEL_SCROLLS
            } else {
                words::PANEL_KEYS
            };
            put(height + 1, look.rule(hint, Role::Aside));
        }
    }
}

fn fold(line: &PanelLine, columns: usize) -> Vec<PanelLine> {
    if width(&line.text) <= columns {
        return vec![line.clone()];
    }
    let PanelLine { text: line, found } = line;
    let blanks = line.len() - line.trim_start_matches(' ').len();
    let indent = (blanks + TAB.len()).min(columns / 2);
    let rest = columns.saturating_sub(indent);
    let rows = wrap(line, columns, rest).into_iter().enumerate();
    let rows = rows.map(|(number, range)| {
        let text = line.get(range.clone()).unwrap_or_default();
        let indent = if number == 0 { 0 } else { indent };
        let here = found
            .iter()
            .filter(|place| place.start < range.end && place.end > range.start);
        let here = here.map(|place| {
            let (start, end) = (place.start.max(range.start), place.end.min(range.end));
            indent + start - range.start..indent + end - range.start
        });
        PanelLine {
            found: here.collect(),
            text: cut(&format!("{}{text}", " ".repeat(indent)), columns),
        }
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(panel: &mut Panel, columns: u16, rows: u16) -> Vec<String> {
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = Buffer::empty(area);
        panel.draw(&mut buffer, area, Palette::NoColours);
        let row = |y| {
            (0..columns)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
        };
        (0..rows).map(|y| row(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn a_panel_has_a_title_its_lines_and_what_closes_it() {
        let mut panel = Panel::new("help", "/help  this\n/leave  a longer explanation\n");
        assert_eq!(
            shown(&mut panel, 20, 6),
            [
                "── help ────────────",
                "/help  this",
                "/leave  a longer",
                "    explanation",
                "",
                "── Esc closes ──────",
            ]
        );
    }

    #[test]
    fn it_scrolls_by_pages_and_not_past_its_ends() {
        let lines: Vec<_> = (1..=9).map(|number| number.to_string()).collect();
        let mut panel = Panel::new("rooms", &lines.join("\n"));
        let mut seen = |step: fn(&mut Panel)| {
            step(&mut panel);
            shown(&mut panel, 30, 5)[1..4].concat()
        };
        assert_eq!(seen(|_| ()), "123");
        assert_eq!(seen(Panel::page_up), "123");
        assert_eq!(seen(Panel::page_down), "345");
        assert_eq!(seen(Panel::bottom), "789");
        assert_eq!(seen(Panel::page_down), "789");
        assert_eq!(seen(Panel::page_up), "567");
        assert_eq!(seen(Panel::top), "123");
    }

    #[test]
    fn what_was_found_is_marked_in_every_row_it_stands_in() {
        let mut panel = Panel::new("found", "");
        let text = "<bob> a disk, a very long one: DISKdisk".to_owned();
        let found = vec![8..12, 31..39];
        panel.add_marked(PanelLine { text, found });
        panel.add_marked(PanelLine {
            text: "\u{1b}[2J disk".to_owned(),
            found: vec![0..1, 2..3],
        });
        let area = Rect::new(0, 0, 10, 16);
        let mut buffer = Buffer::empty(area);
        panel.draw(&mut buffer, area, Palette::NoColours);
        let found = Palette::NoColours.style(Role::Found).add_modifier;
        let mut marked = String::new();
        for y in 0..16 {
            let cells = (0..10).map(|x| &buffer[(x, y)]);
            let cells = cells.filter(|cell| cell.modifier.contains(found));
            marked.extend(cells.map(ratatui::buffer::Cell::symbol));
        }
        assert_eq!(marked, "diskDISKdisk");
    }

    #[test]
    fn what_is_hostile_is_shown_and_not_obeyed() {
        let mut panel = Panel::new("x\u{1b}[2J\n", "a\u{1b}]0;x\u{7}\tb\u{202e}");
        let rows = shown(&mut panel, 60, 3);
        assert!(rows[0].contains("x\\u{1b}[2J\\u{a}"), "{rows:?}");
        assert_eq!(rows[1], "a\\u{1b}]0;x\\u{7}    b\\u{202e}");
    }

    #[test]
    fn what_is_too_long_to_be_kept_is_left_out_and_the_last_line_says_so() {
        let mut panel = Panel::new("rooms", "first");
        shown(&mut panel, 60, 5);
        for _ in 0..1_000 {
            panel.add(&"a line of the list\n".repeat(1_000));
        }
        assert!(panel.lines.len() < 150_000, "{}", panel.lines.len());
        assert_eq!(panel.rows.len(), panel.lines.len());
        panel.bottom();
        let rows = shown(&mut panel, 60, 5);
        assert!(rows[3].starts_with("… the rest is left out"), "{rows:?}");
        assert_eq!(rows[2], "a line of the list");
    }
}
