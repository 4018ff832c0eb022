//! What is shown of every room: its scrollback, what of it is unread, and what is in sight.
//!
//! Messages come in as `app` gives them, each the next one of its room; notices of no room have a
//! view of their own. All rooms together are bounded: above the bound the oldest entries of the
//! room with most are dropped, and [`Views::take_forgotten`] says so. Draws nothing and knows no
//! keys: `scroll` moves what is in sight, `paint` shows it.

use std::collections::BTreeMap;

use chatbox_common::wire::message::{Access, Chat, RoomId, Seq};
use jiff::tz::TimeZone;

use super::store::{Entry, Id, Names, Scrollback};
use crate::model::{Mention, Model};
use crate::ui::Scene;

/// The bound that tests use.
#[cfg(test)]
pub const LIMIT: usize = 100_000;

/// What is unread in a room; ordered by how much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    None,
    /// Messages of others.
    Talk,
    /// Messages that name the reader, or any in a direct room.
    Call,
}

/// What the server has from before the oldest entry that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Before {
    /// Perhaps older messages: they may be fetched.
    #[default]
    More,
    /// Older messages, which were asked for.
    Loading,
    /// Nothing: the room's history begins here.
    Nothing,
}

/// Which part of a room is in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Position {
    /// Its end, also when entries are added.
    #[default]
    End,
    /// The first row in sight, counted from the first row of an entry's text: negative above it. An
    /// entry holds it, so that nothing moves when others are added or dropped.
    From(Id, isize),
}

/// The area that messages are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    pub width: u16,
    pub height: u16,
    pub has_seconds: bool,
}

#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) kept: Scrollback,
    pub(super) position: Position,
    /// The first entry that was unread when the person came to the room: the line stands before it.
    pub(super) line: Option<Id>,
    /// The next message of another person gets the line.
    awaits_line: bool,
    /// The last message that ever came, kept or not; 0 if none has.
    last: Seq,
    read: Seq,
    /// Unread messages of others that are kept, and how many of them name the reader.
    unread: u32,
    mentions: u32,
    /// Unread messages that are not kept here.
    missing: u32,
    pub(super) before: Before,
    /// Older messages are fetched only when the person scrolls up: so it is after `/clear`, or an
    /// empty answer.
    pub(super) is_quiet: bool,
}

impl View {
    /// A room that never had a message has no older ones to fetch.
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
        self.count_anew();
    }

    fn count_anew(&mut self) {
        let seq = self.read;
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

    /// Drops this message and all behind it; the room is shown at its end.
    fn forget_from(&mut self, seq: Seq) {
        self.kept.drop_from(seq);
        (self.position, self.line) = (Position::End, None);
        self.last = self.last.min(seq.saturating_sub(1));
        self.read = self.read.min(self.last);
        self.count_anew();
    }

    /// The person leaves the room: at its end, everything counts as read.
    fn leave(&mut self) {
        self.line = None;
        self.awaits_line = false;
        if self.position == Position::End {
            self.read_to(self.last);
        }
    }

    /// The person enters the room: the line goes before the oldest unread entry that is kept.
    fn come(&mut self) {
        if self.line.is_none() && self.unread > 0 {
            let newest = self.kept.iter().rev();
            let unread = newest.take_while(|(_, entry)| entry.seq == 0 || entry.seq > self.read);
            let others = unread.filter(|(_, entry)| entry.is_others());
            self.line = others.last().map(|(id, _)| id);
        }
    }

    /// The oldest message kept; where there is none, the number of the next.
    fn oldest(&self) -> Seq {
        self.kept.oldest().unwrap_or(self.last.saturating_add(1))
    }
}

#[derive(Debug)]
pub struct Views {
    own: String,
    pub(super) zone: TimeZone,
    pub(super) limit: usize,
    pub(in crate::ui::full) here: Option<RoomId>,
    /// `None` holds the notices of no room.
    pub(super) by_room: BTreeMap<Option<RoomId>, View>,
    names: Names,
    forgotten: BTreeMap<RoomId, Seq>,
    pub(super) shape: Shape,
}

impl Views {
    /// `own` is the reader's name, and `limit` how many entries are kept of all rooms together; one
    /// with a long text counts as several.
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

    /// Takes over the reader's name, the current room, and what the model knows to be read.
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

    /// The columns that messages have, as last painted.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shape.width.into()
    }

    pub fn push(&mut self, chat: &Chat, mention: Mention) {
        let entry = self.names.entry(chat, mention, &self.own);
        self.by_room.entry(Some(chat.room)).or_default().push(entry);
        self.keep_to_the_limit();
    }

    /// Adds older messages in front, oldest first; those that are shown already are dropped. With
    /// `begins` the room's history begins there. To be called for an answer without messages, too.
    pub fn older(&mut self, room: RoomId, messages: &[(Chat, Mention)], begins: Option<Seq>) {
        let view = self.by_room.entry(Some(room)).or_default();
        view.before = match begins {
            Some(_) => Before::Nothing,
            None => Before::More,
        };
        // A server that answers with nothing would be asked again and again.
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

    /// Adds a notice to a room, or with `None` to where the person is; `now` is in milliseconds
    /// since 1970.
    pub fn notice(&mut self, room: Option<RoomId>, now: u64, text: &str) {
        let view = self.by_room.entry(room.or(self.here)).or_default();
        view.push(Entry::notice(now, text));
        self.keep_to_the_limit();
    }

    /// What comes next of a room is unread: `count` messages, of which the last `shown` come.
    pub fn have_unread(&mut self, room: RoomId, count: u32, shown: usize) {
        let view = self.by_room.entry(Some(room)).or_default();
        let shown = u32::try_from(shown).unwrap_or(u32::MAX);
        view.read_to(view.last);
        view.missing = count.saturating_sub(shown);
        view.line = None;
        view.awaits_line = true;
    }

    #[cfg(test)]
    pub fn read(&mut self, room: RoomId, seq: Seq) {
        self.by_room.entry(Some(room)).or_default().read_to(seq);
    }

    /// Unread messages of others in a room; 0 while the person is at its end and sees them come.
    #[must_use]
    pub fn unread(&self, room: RoomId) -> u32 {
        let view = self.unseen(room);
        view.map_or(0, |view| view.unread.saturating_add(view.missing))
    }

    /// How many of the unread messages name the reader.
    #[must_use]
    pub fn mentions(&self, room: RoomId) -> u32 {
        self.unseen(room).map_or(0, |view| view.mentions)
    }

    fn unseen(&self, room: RoomId) -> Option<&View> {
        let view = self.by_room.get(&Some(room))?;
        let is_seen = self.here == Some(room) && view.position == Position::End;
        (!is_seen).then_some(view)
    }

    #[must_use]
    pub fn activity(&self, room: RoomId, access: Access) -> Activity {
        match (self.unread(room), self.mentions(room)) {
            (0, 0) => Activity::None,
            (_, 0) if access != Access::Direct => Activity::Talk,
            _ => Activity::Call,
        }
    }

    /// The next room of the list with unread messages; rooms with a call come first.
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

    /// A room of which entries were dropped, and the oldest message that is still kept.
    pub fn take_forgotten(&mut self) -> Option<(RoomId, Seq)> {
        self.forgotten.pop_first()
    }

    /// Empties a room, or with `None` the view of no room; the messages come back when the person
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

    /// Drops a room, or all, and keeps the notices of none.
    pub fn forget(&mut self, room: Option<RoomId>) {
        let is_kept = |other: RoomId| room.is_some_and(|room| room != other);
        self.by_room.retain(|room, _| room.is_none_or(is_kept));
        self.forgotten.retain(|room, _| is_kept(*room));
        self.names.tidy();
    }

    /// The server has lost this message of a room and all behind it.
    pub fn forget_from(&mut self, room: RoomId, seq: Seq) {
        if let Some(view) = self.by_room.get_mut(&Some(room)) {
            view.forget_from(seq);
        }
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

    /// The room with most, except for the current one while the person is scrolled back in it:
    /// that is spared up to nine tenths of the limit.
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
