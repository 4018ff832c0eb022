//! The whole screen: the layout, the messages and the input line.
//!
//! From top to bottom: the topic, the messages beside the list of rooms, hints, the status, the
//! input. `face` calls it for every frame; it keeps nothing. Every size can be painted: where it is
//! too small, the screen says so.

use std::time::Instant;

use chatbox_common::wire::message::RoomId;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::bars::Bars;
use super::colours::{Palette, Role};
use super::draw::draw;
use super::panel::Panel;
use super::scrollback::Shape;
use super::scrollback::Views;
use crate::model::KnownRoom;
use crate::sanitize;
use crate::ui::Scene;
use crate::width::{cut, width};
use crate::words::screen as words;
use crate::wrap::wrap;

/// On a smaller screen, in columns and rows, only its size is told.
const LEAST: (u16, u16) = (20, 5);
/// The list of rooms is shown from so many columns on.
const LIST_FROM: u16 = 60;
/// Times have seconds from so many columns on.
const SECONDS_FROM: u16 = 100;
/// The most rows of the input; it scrolls with the cursor then.
const MAX_INPUT: u16 = 10;

/// What stands in the input's rows.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The input line, in rows of [`input_width`] columns, and the cursor's row and column.
    Line {
        rows: &'a [String],
        cursor: (usize, usize),
    },
    /// The search in what is shown.
    Search {
        text: &'a str,
        /// Else the row says that no message holds the text.
        is_found: bool,
    },
    /// A question that one key answers.
    Question(&'a str),
}

pub struct Painting<'a> {
    pub scene: Scene<'a>,
    pub views: &'a mut Views,
    /// Covers the messages.
    pub panel: Option<&'a mut Panel>,
    /// Before the input line; not sanitized yet.
    pub prompt: &'a str,
    pub input: Input<'a>,
    /// A row each.
    pub hints: &'a [String],
    /// Whether the person wants the list of rooms, where there is room for it.
    pub shows_rooms: bool,
    pub palette: Palette,
    pub now: Instant,
}

struct Places {
    topic: Rect,
    list: Rect,
    messages: Rect,
    hints: Rect,
    status: Rect,
    input: Rect,
}

impl Places {
    /// `list` is in columns, `hints` and `input` in rows: the input gets at most a third of the
    /// screen, hints half of what is left then.
    fn of(area: Rect, list: u16, hints: usize, input: usize) -> Self {
        let most = (area.height / 3).clamp(1, MAX_INPUT);
        let input = u16::try_from(input).unwrap_or(most).clamp(1, most);
        let room = area.height.saturating_sub(2 + input);
        let hints = u16::try_from(hints).unwrap_or(room).min(room / 2);
        let mut y = area.y;
        let mut take = |height: u16| {
            let taken = Rect { y, height, ..area };
            y = y.saturating_add(height);
            taken
        };
        let topic = take(1);
        let middle = take(room - hints);
        let (hints, status, input) = (take(hints), take(1), take(input));
        let list = list.min(area.width);
        Self {
            topic,
            list: Rect {
                width: list,
                ..middle
            },
            messages: Rect {
                x: middle.x + list,
                width: middle.width - list,
                ..middle
            },
            hints,
            status,
            input,
        }
    }
}

/// The columns left for the input line on a screen of `columns`; 1 at least.
#[must_use]
pub fn input_width(columns: u16, prompt: &str) -> usize {
    let columns = usize::from(columns);
    columns
        .saturating_sub(width(&shown_prompt(columns, prompt)))
        .max(1)
}

/// Sanitized, and cut to half of the screen.
fn shown_prompt(columns: usize, prompt: &str) -> String {
    cut(&sanitize::line(prompt), columns / 2)
}

pub fn paint(frame: &mut Frame<'_>, painting: Painting<'_>) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        paint_too_small(frame.buffer_mut(), area, painting.palette);
        return;
    }
    let Painting {
        scene,
        views,
        panel,
        prompt,
        input,
        hints,
        shows_rooms,
        palette,
        now,
    } = painting;
    views.follow(&scene);
    let rooms = scene.model.listed_rooms();
    let has_list = area.width >= LIST_FROM && shows_rooms;
    let (rows, cursor) = input.rows(area.width, prompt);
    let places = {
        let bars = bars(&scene, views, palette, now, &rooms);
        let list = if has_list {
            bars.list_width(area.width)
        } else {
            0
        };
        Places::of(area, list, hints.len(), rows.len())
    };
    views.fit(Shape {
        width: places.messages.width,
        height: places.messages.height,
        has_seconds: area.width >= SECONDS_FROM,
    });
    let buffer = frame.buffer_mut();
    match panel {
        Some(panel) => panel.draw(buffer, places.messages, palette),
        None => paint_messages(buffer, places.messages, views, input.sought(), palette),
    }
    let bars = bars(&scene, views, palette, now, &rooms);
    bars.draw_topic(buffer, places.topic);
    bars.draw_status(buffer, places.status, has_list);
    if has_list {
        bars.draw_list(buffer, places.list);
    }
    paint_hints(buffer, places.hints, hints, palette);
    let cursor = paint_input(buffer, places.input, &rows, cursor, palette);
    frame.set_cursor_position(cursor);
}

fn bars<'a>(
    scene: &'a Scene<'a>,
    views: &'a Views,
    palette: Palette,
    now: Instant,
    rooms: &'a [(RoomId, &'a KnownRoom)],
) -> Bars<'a> {
    Bars {
        scene,
        views,
        palette,
        now,
        rooms,
    }
}

impl<'a> Input<'a> {
    /// What to mark in the messages; empty for nothing.
    fn sought(&self) -> &'a str {
        match self {
            Self::Search { text, .. } => text,
            Self::Line { .. } | Self::Question(_) => "",
        }
    }

    /// The rows of the input on a screen of so many columns, and the cursor's row and column.
    fn rows(&self, columns: u16, prompt: &str) -> (Vec<String>, (usize, usize)) {
        let columns = usize::from(columns);
        match self {
            Self::Line { rows, cursor } => {
                let prompt = shown_prompt(columns, prompt);
                let indent = width(&prompt);
                let further = " ".repeat(indent);
                let begins = std::iter::once(&prompt).chain(std::iter::repeat(&further));
                let mut shown: Vec<_> = begins
                    .zip(*rows)
                    .map(|(begin, row)| format!("{begin}{row}"))
                    .collect();
                if shown.is_empty() {
                    shown.push(prompt);
                }
                (shown, (cursor.0, indent + cursor.1))
            }
            Self::Search { text, is_found } => {
                let behind = if *is_found { "" } else { words::NOT_FOUND };
                let text = sanitize::line(text);
                // Where there is too little room, the end of the text stays in sight.
                let mut begin = format!("{}{text}", words::SEARCH);
                while width(&begin) + width(behind) >= columns && !begin.is_empty() {
                    begin.remove(0);
                }
                let cursor = width(&begin);
                (vec![format!("{begin}{behind}")], (0, cursor))
            }
            Self::Question(question) => {
                let question = sanitize::line(question);
                let rows = wrap(&question, columns, columns).into_iter();
                let rows = rows.map(|row| question.get(row).unwrap_or_default().to_owned());
                let mut rows: Vec<_> = rows.collect();
                let end = rows.last().map_or(0, |row| width(row));
                if end + 1 < columns
                    && let Some(last) = rows.last_mut()
                {
                    last.push(' ');
                }
                let row = rows.len().saturating_sub(1);
                (rows, (row, end + 1))
            }
        }
    }
}

fn paint_messages(buffer: &mut Buffer, area: Rect, views: &Views, sought: &str, palette: Palette) {
    for (y, row) in (area.top()..area.bottom()).zip(views.rows(sought)) {
        let mut x = area.x;
        for piece in row {
            let style = palette.style(piece.role);
            x = draw(buffer, (x, y), &piece.text, area.right(), style);
        }
    }
}

fn paint_hints(buffer: &mut Buffer, area: Rect, hints: &[String], palette: Palette) {
    for (y, hint) in (area.top()..area.bottom()).zip(hints) {
        let hint = cut(&sanitize::line(hint), area.width.into());
        draw(
            buffer,
            (area.x, y),
            &hint,
            area.right(),
            palette.style(Role::Aside),
        );
    }
}

/// Paints the rows up to the cursor's, as many as fit; returns the cursor's place on the screen.
fn paint_input(
    buffer: &mut Buffer,
    area: Rect,
    rows: &[String],
    cursor: (usize, usize),
    palette: Palette,
) -> (u16, u16) {
    let height = usize::from(area.height);
    let (row, column) = cursor;
    let row = row.min(rows.len().saturating_sub(1));
    let skipped = (row + 1).saturating_sub(height);
    for (y, text) in (area.top()..area.bottom()).zip(rows.iter().skip(skipped)) {
        draw(
            buffer,
            (area.x, y),
            text,
            area.right(),
            palette.style(Role::Text),
        );
    }
    let last = usize::from(area.width).saturating_sub(1);
    let x = u16::try_from(column.min(last)).unwrap_or(0);
    let y = u16::try_from(row - skipped).unwrap_or(0);
    (area.x + x, area.y + y)
}

fn paint_too_small(buffer: &mut Buffer, area: Rect, palette: Palette) {
    let columns = usize::from(area.width);
    if columns == 0 || area.height == 0 {
        return;
    }
    let sentence = words::too_small(LEAST, (area.width, area.height));
    let rows = wrap(&sentence, columns, columns);
    for (y, row) in (area.top()..area.bottom()).zip(rows) {
        let text = sentence.get(row).unwrap_or_default();
        draw(
            buffer,
            (area.x, y),
            text,
            area.right(),
            palette.style(Role::Text),
        );
    }
}
