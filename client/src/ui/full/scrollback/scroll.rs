//! Which rows of a room are in sight, and scrolling.
//!
//! A view follows the end, or is held by an entry, so that nothing moves when messages come below
//! it or older ones are put in front. Only entries in sight, and those passed while scrolling, are
//! put into rows: a room of a hundred thousand messages scrolls like one of a hundred.

use std::cmp::Ordering;

use chatbox_common::wire::message::RoomId;

use super::lines::{Look, Row, is_same_day};
use super::store::{Id, holds};
use super::view::{Before, Position, Shape, View, Views};
use crate::ui::full::colours::Role;
use crate::width::most;
use crate::words::screen as words;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Older,
    Newer,
}

/// A row of an entry; row 0 is the first of the lines above it that belong to it (see
/// [`Sight::lead`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EntryRow {
    id: Id,
    row: usize,
}

/// A row as head and text; the text is the last piece only where nothing is sought.
fn parted(mut row: Row<'_>) -> (String, String) {
    let text = row
        .pop()
        .map_or(String::new(), |piece| piece.text.into_owned());
    (row.into_iter().map(|piece| piece.text).collect(), text)
}

#[derive(Clone, Copy)]
struct Sight<'v> {
    view: &'v View,
    look: Look<'v>,
    height: usize,
}

impl<'v> Sight<'v> {
    /// The lines above an entry: the beginning of history, its day, the line before what is
    /// unread.
    fn lead(&self, id: Id) -> Vec<Row<'v>> {
        let mut rows = Vec::new();
        let Some(entry) = self.view.kept.entry(id) else {
            return rows;
        };
        let before = self.view.kept.entry(id - 1);
        if before.is_none() && self.view.has_messages() {
            let text = match self.view.before {
                Before::Nothing => words::HISTORY_BEGINS,
                Before::Loading => words::LOADING,
                Before::More => words::EARLIER,
            };
            rows.push(self.look.rule(text, Role::Aside));
        }
        if !before.is_some_and(|before| is_same_day(before.time, entry.time, self.look.zone)) {
            rows.push(self.look.day(entry.time));
        }
        if self.view.line == Some(id) {
            rows.push(self.look.rule(words::UNREAD, Role::Unread));
        }
        rows
    }

    fn rows(&self, id: Id) -> Vec<Row<'v>> {
        let mut rows = self.lead(id);
        if let Some(entry) = self.view.kept.entry(id) {
            rows.append(&mut self.look.rows(entry));
        }
        rows
    }

    fn start(&self) -> EntryRow {
        let id = self.view.kept.ids().start;
        EntryRow { id, row: 0 }
    }

    fn end(&self) -> EntryRow {
        let ids = self.view.kept.ids();
        if ids.is_empty() {
            return self.start();
        }
        self.last_of(ids.end - 1)
    }

    fn last_of(&self, id: Id) -> EntryRow {
        let entry = self.view.kept.entry(id);
        let rows = entry.map_or(0, |entry| self.look.height(entry));
        let row = (self.lead(id).len() + rows).saturating_sub(1);
        EntryRow { id, row }
    }

    /// Stops at the first row of all.
    fn up(&self, mut place: EntryRow, mut rows: usize) -> EntryRow {
        while rows > place.row {
            if place.id <= self.view.kept.ids().start {
                return self.start();
            }
            rows -= place.row + 1;
            place = self.last_of(place.id - 1);
        }
        place.row -= rows;
        place
    }

    /// Stops at the last row of all.
    fn down(&self, mut place: EntryRow, mut rows: usize) -> EntryRow {
        loop {
            let last = self.last_of(place.id);
            let left = last.row.saturating_sub(place.row);
            if rows <= left {
                place.row += rows;
                return place;
            }
            if place.id + 1 >= self.view.kept.ids().end {
                return last;
            }
            rows -= left + 1;
            place = EntryRow {
                id: place.id + 1,
                row: 0,
            };
        }
    }

    /// The first row in sight while the view follows the end.
    fn top_of_end(&self) -> EntryRow {
        self.up(self.end(), self.height.saturating_sub(1))
    }

    fn top(&self) -> EntryRow {
        let end = self.top_of_end();
        let Position::From(id, row) = self.view.position else {
            return end;
        };
        let ids = self.view.kept.ids();
        if id < ids.start {
            return self.start().min(end);
        }
        let id = id.min(ids.end - 1);
        let first = EntryRow {
            id,
            row: self.lead(id).len(),
        };
        let place = match row.cmp(&0) {
            Ordering::Less => self.up(first, row.unsigned_abs()),
            // On a wider screen the entry may have fewer rows: then its last one.
            Ordering::Equal | Ordering::Greater => {
                let wanted = first.row.saturating_add(row.unsigned_abs());
                let last = self.last_of(id);
                EntryRow {
                    id,
                    row: wanted.min(last.row),
                }
            }
        };
        place.min(end)
    }

    /// The position with `top` as the first row in sight; the end, where that is in sight as well.
    fn position(&self, top: EntryRow) -> Position {
        if top >= self.top_of_end() {
            return Position::End;
        }
        let lead = self.lead(top.id).len();
        let row = isize::try_from(top.row).unwrap_or(isize::MAX);
        Position::From(top.id, row.saturating_sub_unsigned(lead))
    }

    /// The rows in sight, and the last entry with a row in sight.
    fn in_sight(&self) -> (Vec<Row<'v>>, Id) {
        let top = self.top();
        let ids = self.view.kept.ids();
        let mut rows = Vec::new();
        let mut last = top.id;
        for id in top.id..ids.end {
            if rows.len() >= self.height {
                break;
            }
            let skipped = if id == top.id { top.row } else { 0 };
            rows.extend(self.rows(id).into_iter().skip(skipped));
            last = id;
        }
        rows.truncate(self.height);
        (rows, last)
    }
}

impl Views {
    fn sight<'v>(&'v self, sought: &'v str) -> Option<Sight<'v>> {
        let view = self.by_room.get(&self.here)?;
        let look = Look {
            width: self.shape.width.into(),
            has_seconds: self.shape.has_seconds,
            zone: &self.zone,
            sought,
        };
        let height = self.shape.height.into();
        Some(Sight { view, look, height })
    }

    /// `paint` calls it for each frame, before it asks for rows.
    pub fn fit(&mut self, shape: Shape) {
        self.shape = shape;
    }

    #[must_use]
    pub fn rows<'v>(&'v self, sought: &'v str) -> Vec<Row<'v>> {
        let sight = self.sight(sought);
        sight.map(|sight| sight.in_sight().0).unwrap_or_default()
    }

    /// The messages up to the last one in sight, as many as fit on a terminal of so many columns
    /// and rows that wraps them itself. Each line is a head and a text: the head is to be shown in
    /// a way that no text can be.
    #[must_use]
    pub fn bare(&self, columns: usize, rows: usize) -> Vec<(String, String)> {
        let Some(sight) = self.sight("") else {
            return Vec::new();
        };
        let (_, last) = sight.in_sight();
        let mut left = rows;
        let mut lines = Vec::new();
        let newest = sight.view.kept.iter().rev();
        for (_, entry) in newest.skip_while(|(id, _)| *id > last) {
            let lines_of_it = sight.look.lines(entry).into_iter();
            let texts: Vec<_> = lines_of_it.map(parted).collect();
            let needed = texts
                .iter()
                .map(|(head, text)| (most(head) + most(text)).div_ceil(columns.max(1)).max(1));
            match left.checked_sub(needed.sum()) {
                Some(rest) => left = rest,
                None => break,
            }
            lines.extend(texts.into_iter().rev());
        }
        lines.reverse();
        lines
    }

    /// How many entries stand below those in sight; `None` while the view follows the end.
    #[must_use]
    pub fn below(&self) -> Option<usize> {
        let sight = self
            .sight("")
            .filter(|sight| sight.view.position != Position::End)?;
        let (_, last) = sight.in_sight();
        usize::try_from(sight.view.kept.ids().end - 1 - last).ok()
    }

    /// One row of the page before stays in sight.
    pub fn page_up(&mut self) {
        self.scroll_up(usize::from(self.shape.height).saturating_sub(1).max(1));
    }

    /// One row of the page before stays in sight.
    pub fn page_down(&mut self) {
        self.scroll_down(usize::from(self.shape.height).saturating_sub(1).max(1));
    }

    pub fn scroll_up(&mut self, rows: usize) {
        self.wish_for_older();
        let sight = self.sight("");
        self.hold(sight.map(|sight| sight.position(sight.up(sight.top(), rows))));
    }

    pub fn scroll_down(&mut self, rows: usize) {
        let sight = self.sight("");
        self.hold(sight.map(|sight| sight.position(sight.down(sight.top(), rows))));
    }

    /// To the first entry that is kept.
    pub fn top(&mut self) {
        self.wish_for_older();
        let sight = self.sight("");
        self.hold(sight.map(|sight| sight.position(sight.start())));
    }

    pub fn bottom(&mut self) {
        if let Some(view) = self.by_room.get_mut(&self.here) {
            view.position = Position::End;
        }
    }

    fn hold(&mut self, position: Option<Position>) {
        if let (Some(view), Some(position)) = (self.by_room.get_mut(&self.here), position) {
            view.position = position;
        }
    }

    fn wish_for_older(&mut self) {
        if let Some(view) = self.by_room.get_mut(&self.here) {
            view.is_quiet = false;
        }
    }

    /// Whether to fetch older messages now: the first entry is in sight, older ones may exist and
    /// were not asked for yet, and there is room for them.
    #[must_use]
    pub fn wants_older(&self) -> bool {
        let Some(sight) = self.sight("").filter(|_| self.here.is_some()) else {
            return false;
        };
        let view = sight.view;
        let may = view.has_messages() && view.before == Before::More && !view.is_quiet;
        // At the limit they would be dropped again at once.
        let fits = view.kept.cost() < self.limit / 100 * 85;
        may && fits && self.shape.height > 0 && sight.top().id == view.kept.ids().start
    }

    pub fn asked_older(&mut self, room: RoomId) {
        if let Some(view) = self.by_room.get_mut(&Some(room)) {
            view.before = Before::Loading;
        }
    }

    /// The next entry that holds a text, whatever the case, `from` an entry, which is not looked at
    /// itself. Without `from`, older entries are searched from the end, and newer ones not at all.
    #[must_use]
    pub fn find(&self, text: &str, from: Option<Id>, direction: Direction) -> Option<Id> {
        let view = self.by_room.get(&self.here)?;
        let sought: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        let mut older = view.kept.iter().rev();
        let mut newer = view.kept.iter();
        let entry = match direction {
            Direction::Older => older.find(|(id, entry)| {
                from.is_none_or(|from| *id < from) && holds(&entry.text, &sought)
            }),
            Direction::Newer => newer.find(|(id, entry)| {
                from.is_some_and(|from| *id > from) && holds(&entry.text, &sought)
            }),
        };
        entry.map(|(id, _)| id)
    }

    /// Brings an entry into sight, a third of the screen below its top.
    pub fn show(&mut self, id: Id) {
        let position = self.sight("").map(|sight| {
            let row = sight.lead(id).len();
            sight.position(sight.up(EntryRow { id, row }, sight.height / 3))
        });
        self.hold(position);
    }
}
