//! The bars around the messages: the topic, the status line, the list of rooms.
//!
//! Where there is too little room, what matters less is left out; whether the server can read
//! the room and its name never are. Draws into the areas that `paint` gives it.

use std::time::Instant;

use chatbox_common::wire::message::{Access, RoomId, RoomMode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::colours::{Palette, Role};
use super::draw::draw;
use super::scrollback::{Activity, Views};
use crate::model::KnownRoom;
use crate::sanitize;
use crate::ui::{Scene, Way};
use crate::width::{cut, width};
use crate::words::screen as words;

/// The fewest and the most columns of the list of rooms, its edge included.
const LIST_WIDTHS: (usize, usize) = (12, 24);
const EDGE: &str = "│";
const GAP: &str = "  ";
/// In fewer columns the topic is left out.
const MIN_TOPIC: usize = 4;
/// Counts above this are shown as `999+`.
const MAX_COUNT: u32 = 999;

pub(super) struct Bars<'a> {
    pub scene: &'a Scene<'a>,
    pub views: &'a Views,
    pub palette: Palette,
    pub now: Instant,
    /// In the order of their numbers.
    pub rooms: &'a [(RoomId, &'a KnownRoom)],
}

impl Bars<'_> {
    /// The columns of the list of rooms: at most a quarter of the screen's `columns`.
    pub fn list_width(&self, columns: u16) -> u16 {
        let wide = self.rooms.iter().map(|(room, known)| {
            let (begin, name, counts) = self.label(*room, known);
            width(&begin) + width(&name) + 1 + width(&counts)
        });
        let (least, most) = LIST_WIDTHS;
        let wide = wide.max().unwrap_or(0).saturating_add(1);
        let most = most.min(usize::from(columns) / 4).max(least);
        u16::try_from(wide.clamp(least, most)).unwrap_or(0)
    }

    /// Number, name, and the counts of unread messages and mentions.
    fn label(&self, room: RoomId, known: &KnownRoom) -> (String, String, String) {
        let number = format!("{} ", known.number);
        let name = sanitize::line(&known.told.name).into_owned();
        let (unread, mentions) = (self.views.unread(room), self.views.mentions(room));
        let mut counts = String::new();
        if unread > 0 {
            counts = count(unread);
        }
        if mentions > 0 {
            counts = format!("{counts} @{}", count(mentions));
        }
        (number, name, counts)
    }

    /// Scrolls the list so that the current room is in sight.
    pub fn draw_list(&self, buffer: &mut Buffer, area: Rect) {
        let height = usize::from(area.height);
        let right = area.right().saturating_sub(1);
        let columns = usize::from(area.width).saturating_sub(1);
        let here = self.scene.here;
        let place = self.rooms.iter().position(|(room, _)| Some(*room) == here);
        let skipped = (place.unwrap_or(0) + 1).saturating_sub(height);
        let mut rooms = self.rooms.iter().skip(skipped);
        for y in area.top()..area.bottom() {
            draw(
                buffer,
                (right, y),
                EDGE,
                area.right(),
                self.palette.style(Role::Aside),
            );
            let Some((room, known)) = rooms.next() else {
                continue;
            };
            let style = self.room_style(*room, known);
            let (number, name, counts) = self.label(*room, known);
            let counted = width(&counts) + usize::from(!counts.is_empty());
            let left = columns.saturating_sub(width(&number) + counted);
            let name = cut(&name, left);
            let gap =
                " ".repeat(columns.saturating_sub(width(&number) + width(&name) + width(&counts)));
            draw(
                buffer,
                (area.x, y),
                &format!("{number}{name}{gap}{counts}"),
                right,
                style,
            );
        }
    }

    fn room_style(&self, room: RoomId, known: &KnownRoom) -> Style {
        let role = match self.views.activity(room, known.told.access) {
            _ if self.scene.here == Some(room) => Role::Here,
            Activity::None => Role::Text,
            Activity::Talk => Role::Own,
            Activity::Call => Role::Active,
        };
        self.palette.style(role)
    }

    pub fn draw_topic(&self, buffer: &mut Buffer, area: Rect) {
        let columns = usize::from(area.width);
        let here = self.scene.here.and_then(|here| self.scene.model.room(here));
        let line = here.map_or_else(|| words::NO_ROOM.to_owned(), |room| topic(room, columns));
        self.draw_bar(buffer, area, (&line, ""), Role::Bar);
    }

    /// Draws the status, and at the right as many of the keys as fit.
    pub fn draw_status(&self, buffer: &mut Buffer, area: Rect, shows_list: bool) {
        let columns = usize::from(area.width);
        let mut parts = self.parts(shows_list);
        while parts.len() > 1 && joined(&parts).is_some_and(|line| width(&line) > columns) {
            let least = parts.iter().enumerate().max_by_key(|(_, (rank, _))| *rank);
            let Some(place) = least.map(|(place, _)| place) else {
                break;
            };
            parts.remove(place);
        }
        let line = joined(&parts).unwrap_or_default();
        let mut keys = String::new();
        for key in words::KEYS {
            let more = if keys.is_empty() {
                key.to_owned()
            } else {
                format!("{keys}{GAP}{key}")
            };
            if width(&line) + GAP.len() + width(&more) > columns {
                break;
            }
            keys = more;
        }
        let role = match self.scene.way {
            Way::Up { .. } => Role::Bar,
            Way::Silent | Way::Down(_) | Way::Connecting | Way::LoggedOut => Role::Alarm,
        };
        self.draw_bar(buffer, area, (&line, &keys), role);
    }

    /// The parts of the status line in their order, each with its rank: the highest goes first
    /// where there is too little room.
    fn parts(&self, shows_list: bool) -> Vec<(u8, String)> {
        let mut parts = Vec::new();
        match self.scene.way {
            Way::Up { epoch, .. } => {
                parts.push((5, words::CONNECTED.to_owned()));
                parts.push((4, words::KEY_CHECKED.to_owned()));
                parts.push((6, words::epoch(epoch)));
            }
            Way::Silent => parts.push((0, words::NO_ANSWER.to_owned())),
            Way::Down(at) => {
                let left = at.saturating_duration_since(self.now).as_millis();
                parts.push(
                    match u64::try_from(left.div_ceil(1000)).unwrap_or(u64::MAX) {
                        0 => (0, words::CONNECTING.to_owned()),
                        seconds => (0, words::reconnecting(seconds)),
                    },
                );
            }
            Way::Connecting => parts.push((0, words::CONNECTING.to_owned())),
            Way::LoggedOut => parts.push((0, words::LOGGED_OUT.to_owned())),
        }
        if let Some(room) = self.scene.entering {
            parts.push((1, words::entering(&sanitize::name(room))));
        }
        if self.scene.unsent > 0 {
            parts.push((2, words::unsent(self.scene.unsent)));
        }
        if let Some(below) = self.views.below() {
            parts.push((1, words::below(below)));
        }
        let active = self.active();
        if !shows_list && !active.is_empty() {
            parts.push((3, words::activity(&active)));
        }
        parts
    }

    /// The numbers of the rooms with unread messages, with a `@` where the reader is
    /// named or the room is a direct one.
    fn active(&self) -> String {
        let active = self.rooms.iter().filter_map(|(room, known)| {
            let number = known.number;
            match self.views.activity(*room, known.told.access) {
                _ if self.scene.here == Some(*room) => None,
                Activity::None => None,
                Activity::Talk => Some(number.to_string()),
                Activity::Call => Some(format!("{number}@")),
            }
        });
        active.collect::<Vec<_>>().join(",")
    }

    fn draw_bar(&self, buffer: &mut Buffer, area: Rect, (left, right): (&str, &str), role: Role) {
        let columns = usize::from(area.width);
        let left = cut(left, columns);
        let gap = columns.saturating_sub(width(&left) + width(right));
        let line = format!("{left}{}{right}", " ".repeat(gap));
        let style = self.palette.style(role);
        draw(buffer, (area.x, area.y), &line, area.right(), style);
    }
}

fn joined(parts: &[(u8, String)]) -> Option<String> {
    let texts: Vec<&str> = parts.iter().map(|(_, text)| &**text).collect();
    (!texts.is_empty()).then(|| texts.join(GAP))
}

fn count(count: u32) -> String {
    if count > MAX_COUNT {
        return format!("{MAX_COUNT}+");
    }
    count.to_string()
}

/// Mode and name always; archive or lock, people online and topic as far as they fit. The mode stands
/// in the first column, and what the server counts before the name and the topic: these are what
/// others wrote, and might look like any of it.
fn topic(room: &KnownRoom, columns: usize) -> String {
    let mode = match room.told.mode {
        RoomMode::Audited => words::AUDITED,
        RoomMode::Private => words::PRIVATE,
    };
    let name = sanitize::line(&room.told.name);
    let name = cut(&name, columns.saturating_sub(width(mode) + 1));
    let mut line = mode.to_owned();
    let closed = match &room.told {
        told if told.archived.is_some() => Some(words::ARCHIVED),
        told if told.locked.is_some() => Some(words::LOCKED),
        _ => None,
    };
    // A direct room has two members: a count of them says nothing.
    let online = (room.told.access != Access::Direct).then(|| words::online(room.told.online));
    for part in closed.map(str::to_owned).into_iter().chain(online) {
        if width(&line) + width(&name) + 2 * GAP.len() + width(&part) <= columns {
            line = format!("{line}{GAP}{part}");
        }
    }
    let gap = if line == mode { " " } else { GAP };
    line = format!("{line}{gap}{name}");
    let left = columns.saturating_sub(width(&line) + GAP.len());
    if !room.told.topic.is_empty() && left >= MIN_TOPIC {
        line = format!(
            "{line}{GAP}{}",
            cut(&sanitize::line(&room.told.topic), left)
        );
    }
    line
}
