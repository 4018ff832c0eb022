//! The areas of a dialog on a screen of any size. `paint` asks for them; nothing is drawn here.

use ratatui::layout::Rect;

use super::Dialog;
use crate::width::width;

/// The widest box without a picture: long lines are hard to read.
const MOST_COLUMNS: u16 = 78;
/// The fewest columns of a conversation beside a picture.
const BESIDE: u16 = 24;
pub(super) const GAP: u16 = 2;
const MOST_BESIDE: u16 = 60;
/// The columns and lines of a border, with a blank inside at either side.
const BORDER: (u16, u16) = (4, 2);
/// On a smaller screen the text needs the room of the border.
const LEAST_BORDERED: (u16, u16) = (40, 10);

pub(super) struct DialogLayout {
    pub(super) outer: Rect,
    pub(super) inner: Rect,
    /// If the picture stands beside the conversation.
    pub(super) picture: Option<Rect>,
}

/// Columns and lines.
fn size(picture: &str) -> Option<(u16, u16)> {
    let columns = picture.lines().map(width).max()?;
    let lines = picture.lines().count();
    Some((u16::try_from(columns).ok()?, u16::try_from(lines).ok()?))
}

impl Dialog {
    pub(super) fn layout(&self, area: Rect) -> DialogLayout {
        let picture = self.sheet.as_ref().and_then(|shown| size(&shown.picture));
        let beside = picture.filter(|(columns, lines)| {
            columns.saturating_add(GAP + BESIDE) <= area.width && *lines <= area.height
        });
        // A picture has precedence over the border.
        let (columns, lines) = picture.map_or(LEAST_BORDERED, |(columns, lines)| {
            let text = beside.map_or(0, |_| GAP + BESIDE);
            let foot = if beside.is_some() { 0 } else { 4 };
            let columns = columns.saturating_add(text + BORDER.0);
            (columns, lines.saturating_add(BORDER.1 + foot))
        });
        let is_bordered = columns <= area.width && lines <= area.height;
        let border = if is_bordered { BORDER } else { (0, 0) };
        let column = beside.map_or(0, |(columns, _)| columns + GAP);
        let most = if beside.is_some() {
            column.saturating_add(MOST_BESIDE)
        } else {
            MOST_COLUMNS
        };
        let width = area.width.min(most);
        let text = Rect::new(0, 0, width - border.0 - column, u16::MAX);
        let rows = self.rows(text.width.into(), beside.is_some()).len();
        let feet = self.feet(text, rows, beside.is_some()).len();
        let needed = u16::try_from(rows + feet).unwrap_or(u16::MAX);
        let needed = needed.max(beside.map_or(0, |(_, lines)| lines));
        let height = needed.saturating_add(border.1).min(area.height);
        let outer = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        let inner = Rect {
            x: outer.x + border.0 / 2,
            y: outer.y + border.1 / 2,
            width: outer.width - border.0,
            height: outer.height - border.1,
        };
        let picture = beside.map(|(width, height)| Rect {
            width,
            height: height.min(inner.height),
            ..inner
        });
        DialogLayout {
            outer,
            inner,
            picture,
        }
    }
}

/// Divides `text` into the conversation and at most `feet` lines below it.
pub(super) fn parted(text: Rect, feet: usize) -> (Rect, Rect) {
    let feet = u16::try_from(feet).unwrap_or(u16::MAX).min(text.height);
    let body = Rect {
        height: text.height - feet,
        ..text
    };
    let foot = Rect {
        y: body.y + body.height,
        height: feet,
        ..text
    };
    (body, foot)
}
