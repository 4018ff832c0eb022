//! Paints a dialog: a box in the middle with the conversation, and below it, always in sight, the
//! answer. A picture to be scanned stands beside the conversation where there is room for both, and
//! else at its end, in sight unless the person scrolls.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Block, Widget};

use super::asked::{Asked, Meter, Picking, Question};
use super::layout::{GAP, parted};
use super::wrap::{window, wrap};
use super::{Dialog, Said};
use crate::ui::full::colours::Role;
use crate::ui::full::draw::draw;
use crate::width::width;
use crate::words::dialog as words;
use crate::words::screen::too_small;

/// On a smaller terminal only its size is told.
const LEAST_COLUMNS: u16 = 20;
const LEAST_LINES: u16 = 5;
/// The fewest columns for an answer beside its question; with fewer it has a row of its own.
const LEAST_ANSWER: usize = 12;
/// The parts of the bar that shows the strength of a password: scores are 0 to 4.
const BAR: usize = 5;
/// The characters of a picture, which is not sanitized: any other is drawn as `?`.
const INK: [char; 4] = ['█', '▀', '▄', ' '];

pub(super) enum DialogRow<'d> {
    Text(&'d str, Style),
    Picture(&'d str),
}

/// A line below the conversation.
pub(super) enum Foot<'d> {
    Blank,
    Input(&'d Question),
    Choice(&'d Picking, usize),
    Meter(&'d Meter),
    Text(&'d str, Style),
    /// The keys of the question, and whether the conversation can be scrolled.
    Keys(&'d str, bool),
}

const fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

const fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

impl Dialog {
    /// Bounds how far the conversation is scrolled, and judges a new password.
    pub fn paint(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < LEAST_COLUMNS || area.height < LEAST_LINES {
            let sentence = too_small((LEAST_COLUMNS, LEAST_LINES), (area.width, area.height));
            for (line, row) in wrap(&sentence, area.width.into()).iter().zip(area.rows()) {
                put(frame.buffer_mut(), row, line, Style::new());
            }
            return;
        }
        if let Asked::Line(question) = &mut self.asked {
            question.measure();
        }
        let place = self.layout(area);
        if place.inner != place.outer {
            let block = Block::bordered().title(format!(" {} ", words::TITLE));
            block
                .title_style(bold())
                .render(place.outer, frame.buffer_mut());
        }
        let mut text = place.inner;
        if let (Some(area), Some(shown)) = (place.picture, &self.sheet) {
            text.x += area.width + GAP;
            text.width -= area.width + GAP;
            for (line, row) in shown.picture.lines().zip(area.rows()) {
                self.ink(frame.buffer_mut(), row, line);
            }
        }
        let rows = self.rows(text.width.into(), place.picture.is_some());
        let feet = self.feet(text, rows.len(), place.picture.is_some());
        let (body, foot) = parted(text, feet.len());
        let most = rows.len().saturating_sub(body.height.into());
        let scrolled = self.scrolled.min(most);
        for (row, line) in rows.iter().skip(most - scrolled).zip(body.rows()) {
            match row {
                DialogRow::Text(text, style) => put(frame.buffer_mut(), line, text, *style),
                DialogRow::Picture(picture) => self.ink(frame.buffer_mut(), line, picture),
            }
        }
        for (foot, line) in feet.iter().zip(foot.rows()) {
            self.put_foot(frame, line, foot);
        }
        (self.scrolled, self.page) = (scrolled, body.height.into());
    }

    /// The conversation up to the question, in lines of `columns`; with `is_beside` the picture is
    /// drawn elsewhere.
    pub(super) fn rows(&self, columns: usize, is_beside: bool) -> Vec<DialogRow<'_>> {
        let mut rows = Vec::new();
        let add = |rows: &mut Vec<_>, text, style| {
            rows.extend(
                wrap(text, columns)
                    .into_iter()
                    .map(|line| DialogRow::Text(line, style)),
            );
        };
        let problem = self.palette.style(Role::Problem);
        for (index, said) in self.said.iter().enumerate() {
            if index == self.before_sheet {
                self.add_sheet(&mut rows, columns, is_beside);
            }
            match said {
                Said::Sentence(text) => add(&mut rows, text, Style::new()),
                Said::Problem(text) => add(&mut rows, text, problem),
                Said::Answer(text) => add(&mut rows, text, dim()),
            }
        }
        if self.before_sheet >= self.said.len() {
            self.add_sheet(&mut rows, columns, is_beside);
        }
        if let Asked::Line(question) = &self.asked {
            if !question.lead.is_empty() {
                add(&mut rows, &question.lead, Style::new());
            }
            if !question.fits(columns) {
                add(&mut rows, &question.label, bold());
            }
        }
        rows
    }

    fn add_sheet<'d>(&'d self, rows: &mut Vec<DialogRow<'d>>, columns: usize, is_beside: bool) {
        let Some(shown) = &self.sheet else {
            return;
        };
        for text in [shown.text.as_str(), &shown.invitation] {
            if !text.is_empty() {
                if !rows.is_empty() {
                    rows.push(DialogRow::Text("", Style::new()));
                }
                let lines = wrap(text, columns).into_iter();
                rows.extend(lines.map(|line| DialogRow::Text(line, Style::new())));
            }
        }
        if !is_beside {
            rows.extend(shown.picture.lines().map(DialogRow::Picture));
        }
    }

    /// The lines below the conversation, as many as there is room for.
    pub(super) fn feet(&self, text: Rect, rows: usize, is_beside: bool) -> Vec<Foot<'_>> {
        let columns = usize::from(text.width);
        let mut feet = Vec::new();
        let keys = match &self.asked {
            Asked::Nothing => return feet,
            Asked::Line(question) => {
                feet.push(Foot::Input(question));
                if question.is_full {
                    feet.push(Foot::Text(words::ANSWER_FULL, bold()));
                }
                if let Some(meter) = &question.meter {
                    feet.push(Foot::Meter(meter));
                    let hint = meter.strength.as_ref().and_then(|s| s.hint.as_deref());
                    let lines = hint.map(|hint| wrap(hint, columns)).unwrap_or_default();
                    feet.extend(lines.into_iter().map(|line| Foot::Text(line, dim())));
                }
                words::QUESTION_KEYS
            }
            Asked::Choice(picking) => {
                let choices = 0..picking.choices.len();
                feet.extend(choices.map(|place| Foot::Choice(picking, place)));
                match picking.other {
                    Some(_) => words::LEAVE_KEYS,
                    None => words::CHOICE_KEYS,
                }
            }
            Asked::Wait(what) => {
                feet.push(Foot::Text(what, bold()));
                words::BUSY_KEYS
            }
        };
        let most = self.room_for_feet(text.height.into(), is_beside);
        // The box is as high as its content, unless the terminal is lower.
        let is_cut = rows + feet.len() + 2 > usize::from(text.height);
        if !is_cut {
            feet.push(Foot::Blank);
        }
        feet.push(Foot::Keys(keys, is_cut));
        if feet.len() > most
            && let Asked::Choice(picking) = &self.asked
        {
            // The selected choice stays in sight.
            let first = (picking.at + 1).saturating_sub(most);
            feet.drain(..first);
        }
        feet.truncate(most);
        if rows > 0 && most > feet.len() && matches!(self.asked, Asked::Choice(_)) {
            feet.insert(0, Foot::Blank);
        }
        feet
    }

    /// The most lines below the conversation: they leave room for its picture if that fits, and
    /// else for one line.
    fn room_for_feet(&self, lines: usize, is_beside: bool) -> usize {
        let picture = self.sheet.as_ref().filter(|_| !is_beside);
        let picture = picture.map_or(0, |shown| shown.picture.lines().count());
        if picture > 0 && picture < lines {
            return lines - picture;
        }
        lines.saturating_sub(1).max(1)
    }

    fn put_foot(&self, frame: &mut Frame<'_>, line: Rect, foot: &Foot<'_>) {
        match foot {
            Foot::Blank => {}
            Foot::Keys(keys, false) => put(frame.buffer_mut(), line, keys, dim()),
            Foot::Keys(keys, true) => {
                let keys = format!("{}   {keys}", words::MORE_KEYS);
                put(frame.buffer_mut(), line, &keys, dim());
            }
            Foot::Text(text, style) => {
                put(frame.buffer_mut(), line, text, *style);
                if let Asked::Wait(what) = &self.asked
                    && what == text
                {
                    set_cursor(frame, line, width(what));
                }
            }
            Foot::Input(question) => put_input(frame, line, question),
            Foot::Choice(picking, place) => {
                let Some(choice) = picking.choices.get(*place) else {
                    return;
                };
                let is_current = *place == picking.at;
                let style = if is_current {
                    bold().add_modifier(Modifier::REVERSED)
                } else {
                    Style::new()
                };
                let text = format!(" {}) {} ", choice.key, choice.label);
                put(frame.buffer_mut(), line, &text, style);
                if is_current {
                    set_cursor(frame, line, 1);
                }
            }
            Foot::Meter(meter) => self.put_meter(frame.buffer_mut(), line, meter),
        }
    }

    fn put_meter(&self, buffer: &mut Buffer, line: Rect, meter: &Meter) {
        let Some(strength) = &meter.strength else {
            return;
        };
        // The weakest has one part: an empty bar would look like no judgement.
        let parts = (usize::from(strength.score) + 1).min(BAR);
        let style = self.palette.style(match strength.score {
            0 | 1 => Role::Weak,
            2 => Role::Fair,
            _ => Role::Good,
        });
        let bar = format!("[{}{}]", "#".repeat(parts), "-".repeat(BAR - parts));
        put(buffer, line, &bar, style);
        let rest = behind(line, bar.len() + 1);
        put(buffer, rest, strength.label, style);
    }

    /// Draws a line of a picture: its characters are the code's light modules.
    fn ink(&self, buffer: &mut Buffer, line: Rect, picture: &str) {
        let style = self.palette.style(Role::Picture);
        for (character, place) in picture.chars().zip(line.columns()) {
            let is_ink = INK.contains(&character);
            let character = if is_ink { character } else { '?' };
            if let Some(cell) = buffer.cell_mut(place.as_position()) {
                cell.set_char(character).set_style(style);
            }
        }
    }
}

impl Question {
    /// Whether the answer has enough room behind the label.
    fn fits(&self, columns: usize) -> bool {
        width(&self.label) + 1 + LEAST_ANSWER <= columns
    }
}

fn put_input(frame: &mut Frame<'_>, line: Rect, question: &Question) {
    let label = if question.fits(line.width.into()) {
        &question.label
    } else {
        ">"
    };
    put(frame.buffer_mut(), line, label, bold());
    let rest = behind(line, width(label) + 1);
    let (text, before) = question.field.shown();
    let (seen, cursor) = window(&text, &before, rest.width.into());
    put(frame.buffer_mut(), rest, seen, Style::new());
    set_cursor(frame, rest, cursor);
}

/// What is left of a line behind its first `columns`.
fn behind(line: Rect, columns: usize) -> Rect {
    let columns = u16::try_from(columns).unwrap_or(u16::MAX).min(line.width);
    Rect {
        x: line.x + columns,
        width: line.width - columns,
        ..line
    }
}

fn set_cursor(frame: &mut Frame<'_>, line: Rect, column: usize) {
    let last = usize::from(line.width.saturating_sub(1));
    let column = u16::try_from(column.min(last)).unwrap_or_default();
    frame.set_cursor_position(Position {
        x: line.x + column,
        y: line.y,
    });
}

fn put(buffer: &mut Buffer, line: Rect, text: &str, style: Style) {
    let line = line.intersection(buffer.area);
    if !line.is_empty() {
        draw(buffer, (line.x, line.y), text, line.right(), style);
    }
}
