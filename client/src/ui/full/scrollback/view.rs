//! What is shown of every room: its scrollback, what of it was not read, and what is in sight.
//!
//! Messages come in as `app` gives them, each the next one of its room; where nobody talks, what
//! this program says has a place of its own. There is a bound on all rooms together: above it the
//! oldest of what is not being looked at is dropped, and [`Views::take_forgotten`] says so. Draws
//! nothing and knows no keys: `scroll` moves what is in sight, `paint` shows it.

use std::collections::BTreeMap;

use chatbox_common::wire::message::{Access, Chat, RoomId, Seq};
use jiff::tz::TimeZone;

use super::store::{Entry, Id, Names, Scrollback};
use crate::model::{Mention, Model};
use crate::ui::Scene;

/// How many entries tests keep.
#[cfg(test)]
pub const LIMIT: usize = 100_000;

/// What happens in a room that one does not look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    /// Nothing that was not read.
    None,
    /// Somebody talks.
    Talk,
    /// Somebody talks to whoever reads it.
    Call,
}

/// What stands before what is kept of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Before {
    /// Perhaps older messages.
    #[default]
    More,
    /// Older messages, which are under way.
    Loading,
    /// Nothing.
    Nothing,
}

/// What is in sight of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Position {
    /// Its end, whatever comes.
    #[default]
    End,
    /// From so many rows below the first one of an entry's text, or above it.
    From(Id, isize),
}

/// The rows and columns that messages are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Whether times have seconds.
    pub has_seconds: bool,
}

/// One room.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) kept: Scrollback,
    pub(super) position: Position,
    /// The first entry that was not read when the person came.
    pub(super) line: Option<Id>,
    /// Whether what comes next was not read.
    awaits_line: bool,
    /// The last message that ever came.
    last: Seq,
    /// The last message that was read.
    read: Seq,
    /// How many messages of others were not read and are kept, and how many of them name the reader.
    unread: u32,
    mentions: u32,
    /// How many were not read and are not kept.
    missing: u32,
    /// What stands before what is kept.
    pub(super) before: Before,
    /// Whether older messages are wanted only once the person scrolls up.
    pub(super) is_quiet: bool,
}

impl View {
    /// Whether there was ever a message, so that there may be older ones.
    pub(super) const fn has_messages(&self) -> bool {
        self.last > 0
    }

    fn push(&mut self, entry: Entry) {
        self.count(&entry);
        self.last = self.last.max(entry.seq);
        let is_others = entry.is_others();
        let id = if entry.seq > 0 {
            self.kept.push_by_time(entry)
        } else {
            self.kept.push(entry)
        };
        if is_others && std::mem::take(&mut self.awaits_line) {
            self.line = Some(id);
        }
    }

    fn count(&mut self, entry: &Entry) {
        if entry.is_others() && entry.seq > self.read {
            self.unread += 1;
            self.mentions += u32::from(entry.calls);
        }
    }

    fn read_to(&mut self, seq: Seq) {
        if seq <= self.read {
            return;
        }
        self.read = seq;
        (self.unread, self.mentions) = (0, 0);
        let unread = self.kept.iter().rev().map(|(_, entry)| entry);
        for entry in unread.take_while(|entry| entry.seq == 0 || entry.seq > seq) {
            self.unread += u32::from(entry.is_others());
            self.mentions += u32::from(entry.is_others() && entry.calls);
        }
        let oldest = self.kept.oldest().unwrap_or(self.last.saturating_add(1));
        let between = oldest.saturating_sub(1).saturating_sub(seq);
        self.missing = self.missing.min(u32::try_from(between).unwrap_or(u32::MAX));
    }

    /// The person looks elsewhere: who was at the end has read everything.
    fn leave(&mut self) {
        self.line = None;
        self.awaits_line = false;
        if self.position == Position::End {
            self.read_to(self.last);
        }
    }

    /// The person comes (back): the line stands before what was not read.
    fn come(&mut self) {
        if self.line.is_none() && self.unread > 0 {
            let newest = self.kept.iter().rev();
            let unread = newest.take_while(|(_, entry)| entry.seq == 0 || entry.seq > self.read);
            let others = unread.filter(|(_, entry)| entry.is_others());
            self.line = others.last().map(|(id, _)| id);
        }
    }

    /// The oldest message kept, or the next one where there is none.
    fn oldest(&self) -> Seq {
        self.kept.oldest().unwrap_or(self.last.saturating_add(1))
    }
}

/// See the module.
#[derive(Debug)]
pub struct Views {
    own: String,
    pub(super) zone: TimeZone,
    pub(super) limit: usize,
    pub(in crate::ui::full) here: Option<RoomId>,
    /// That of no room says what concerns none.
    pub(super) by_room: BTreeMap<Option<RoomId>, View>,
    names: Names,
    forgotten: BTreeMap<RoomId, Seq>,
    pub(super) shape: Shape,
}

impl Views {
    /// Nothing is shown yet. `own` is one's name, `zone` that of all times, and `limit` how many
    /// entries are kept of all rooms together, where none of them is long.
    #[must_use]
    pub fn new(own: &str, zone: TimeZone, limit: usize) -> Self {
        Self {
            own: own.to_owned(),
            zone,
            limit,
            here: None,
            by_room: BTreeMap::new(),
            names: Names::default(),
            forgotten: BTreeMap::new(),
            shape: Shape::default(),
        }
    }

    /// Looks where the person is, and takes over what the model knows to be read.
    pub fn follow(&mut self, scene: &Scene<'_>) {
        if self.own != scene.user {
            scene.user.clone_into(&mut self.own);
        }
        for (&room, view) in &mut self.by_room {
            if let Some(known) = room.and_then(|room| scene.model.room(room)) {
                view.read_to(known.read());
            }
        }
        self.look_at(scene.here);
    }

    /// The person looks at this room from now on.
    pub fn look_at(&mut self, room: Option<RoomId>) {
        if self.here == room {
            return;
        }
        if let Some(view) = self.by_room.get_mut(&self.here) {
            view.leave();
        }
        self.here = room;
        if let Some(view) = self.by_room.get_mut(&room) {
            view.come();
        }
    }

    /// Puts a message behind what is shown of its room.
    pub fn push(&mut self, chat: &Chat, mention: Mention) {
        let entry = self.names.entry(chat, mention, &self.own);
        self.by_room.entry(Some(chat.room)).or_default().push(entry);
        self.keep_to_the_limit();
    }

    /// Puts messages in front of those that are shown; with `begins` the room's history begins
    /// there. An answer without any is one, too.
    pub fn older(&mut self, room: RoomId, messages: &[(Chat, Mention)], begins: Option<Seq>) {
        let view = self.by_room.entry(Some(room)).or_default();
        view.before = match begins {
            Some(_) => Before::Nothing,
            None => Before::More,
        };
        // Whoever gives nothing would be asked for ever.
        view.is_quiet |= messages.is_empty();
        let oldest = view.oldest();
        let older = messages.iter().filter(|(chat, _)| chat.seq < oldest);
        for (chat, mention) in older.rev() {
            let entry = self.names.entry(chat, *mention, &self.own);
            let before = view.unread;
            view.count(&entry);
            view.missing = view.missing.saturating_sub(view.unread - before);
            view.last = view.last.max(entry.seq);
            view.kept.push_front(entry);
        }
        self.keep_to_the_limit();
    }

    /// Says something behind what is shown of a room, or of what the person looks at; `now` is in
    /// milliseconds since 1970.
    pub fn notice(&mut self, room: Option<RoomId>, now: u64, text: &str) {
        let view = self.by_room.entry(room.or(self.here)).or_default();
        view.push(Entry::notice(now, text));
        self.keep_to_the_limit();
    }

    /// What comes next of a room was not read: `count` messages, `shown` of which come.
    pub fn have_unread(&mut self, room: RoomId, count: u32, shown: usize) {
        let view = self.by_room.entry(Some(room)).or_default();
        let shown = u32::try_from(shown).unwrap_or(u32::MAX);
        view.read_to(view.last);
        view.missing = count.saturating_sub(shown);
        view.line = None;
        view.awaits_line = true;
    }

    /// A room's messages were read up to this one.
    #[cfg(test)]
    pub fn read(&mut self, room: RoomId, seq: Seq) {
        self.by_room.entry(Some(room)).or_default().read_to(seq);
    }

    /// How many messages of others in a room were not read: none where one sees them come.
    #[must_use]
    pub fn unread(&self, room: RoomId) -> u32 {
        let view = self.unseen(room);
        view.map_or(0, |view| view.unread.saturating_add(view.missing))
    }

    /// How many of them name whoever reads them.
    #[must_use]
    pub fn mentions(&self, room: RoomId) -> u32 {
        self.unseen(room).map_or(0, |view| view.mentions)
    }

    fn unseen(&self, room: RoomId) -> Option<&View> {
        let view = self.by_room.get(&Some(room))?;
        let is_seen = self.here == Some(room) && view.position == Position::End;
        (!is_seen).then_some(view)
    }

    /// What happens in a room; `access` is the room's.
    #[must_use]
    pub fn activity(&self, room: RoomId, access: Access) -> Activity {
        match (self.unread(room), self.mentions(room)) {
            (0, 0) => Activity::None,
            (_, 0) if access != Access::Direct => Activity::Talk,
            _ => Activity::Call,
        }
    }

    /// The next room in which somebody talks, first those where they talk to the reader.
    #[must_use]
    pub fn next_active(&self, model: &Model) -> Option<RoomId> {
        let mut rooms = model.listed_rooms();
        let here = rooms.iter().position(|(room, _)| Some(*room) == self.here);
        rooms.rotate_left(here.map_or(0, |here| here + 1));
        let others = rooms.iter().filter(|(room, _)| Some(*room) != self.here);
        let active = others.map(|(room, known)| (self.activity(*room, known.told.access), *room));
        let mut next = (Activity::None, None);
        for (activity, room) in active {
            if activity > next.0 {
                next = (activity, Some(room));
            }
        }
        next.1
    }

    /// A room whose oldest messages are no longer kept, and the first one that is.
    pub fn take_forgotten(&mut self) -> Option<(RoomId, Seq)> {
        self.forgotten.pop_first()
    }

    /// Empties what is shown of a room, or where none is looked at; it comes back when the person
    /// scrolls up.
    pub fn clear(&mut self, room: Option<RoomId>) {
        let Some(view) = self.by_room.get_mut(&room) else {
            return;
        };
        view.kept.clear();
        view.position = Position::End;
        view.line = None;
        view.before = Before::More;
        view.is_quiet = true;
        if let Some(room) = room.filter(|_| view.has_messages()) {
            self.forgotten.insert(room, view.oldest());
        }
        self.names.tidy();
    }

    /// Nothing that was shown of any room is in its history any more.
    pub fn forget(&mut self) {
        self.by_room.retain(|room, _| room.is_none());
        self.forgotten.clear();
        self.names.tidy();
    }

    fn keep_to_the_limit(&mut self) {
        while self
            .by_room
            .values()
            .map(|view| view.kept.cost())
            .sum::<usize>()
            > self.limit
        {
            let room = self.forgettable();
            let Some(view) = self.by_room.get_mut(&room) else {
                return;
            };
            view.kept.forget_some();
            if let Some(room) = room.filter(|_| view.has_messages()) {
                view.before = Before::More;
                self.forgotten.insert(room, view.oldest());
            }
            self.names.tidy();
        }
    }

    /// Where most is kept, but for a room in which one reads what was said before, as long as it does
    /// not have nearly everything.
    fn forgettable(&self) -> Option<RoomId> {
        let spared = self.by_room.get_key_value(&self.here).filter(|(_, view)| {
            view.position != Position::End && view.kept.cost() <= self.limit / 10 * 9
        });
        let spared = spared.map(|(room, _)| *room);
        let others = self
            .by_room
            .iter()
            .filter(|(room, _)| Some(**room) != spared);
        let most = others.max_by_key(|(_, view)| view.kept.cost());
        most.and_then(|(room, _)| *room)
    }
}
