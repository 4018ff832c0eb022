//! What the client knows of its rooms, and the order in which messages are shown. Pure: events go
//! in, effects come out; no clock, no socket, no screen. `app` feeds it and carries out the
//! effects.
//!
//! The promise (docs/PROTOCOL.md, 13.2): a room's messages are shown as 1, 2, 3, … from the first
//! one shown on, none missing, none twice, whatever the connection does. One rule keeps it: a
//! message is shown only as the successor of the last one shown, and as long as a message is
//! known to exist that was not shown, pages are fetched. Everything else (a lag, a hole, a new
//! connection, a full buffer) only changes what is known to exist.

mod event;
mod held;
mod mention;
mod names;
mod needs;
mod numbers;
mod pages;
mod past;
mod people;
mod room;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use chatbox_common::limits::PAGE_LIMIT;
use chatbox_common::name::RoomName;
use chatbox_common::wire::message::{self, Access, Head, Place, ReadTo, RoomId, Seq, Welcome};

use crate::words::model as words;
pub use event::{Ask, Effect, Event, Listed, Mention};
use held::HeldSpace;
use names::Names;
use needs::Needs;
use numbers::RoomNumbers;
use pages::{ListRequest, Slot};
use past::{Older, Search};
pub use room::KnownRoom;

/// The most rooms that are kept, conversations among them. Further ones are left out, which is told.
const MAX_ROOMS: usize = 10_000;
/// The most rooms left of which is kept what was shown of them.
const MAX_FORMER: usize = 1_024;

#[derive(Debug)]
pub struct Model {
    history_id: Option<[u8; 16]>,
    rooms: BTreeMap<RoomId, KnownRoom>,
    /// Rooms left, or of an earlier session: what was shown of them is not shown again after a
    /// return.
    former: BTreeMap<RoomId, KnownRoom>,
    /// Follows every change of `rooms`.
    needs: Needs,
    numbers: RoomNumbers,
    /// A room was left out in this session, which was told.
    has_too_many_rooms: bool,
    /// For live messages that wait for the gap before them.
    held_space: HeldSpace,
    page_limit: u32,
    connected: bool,
    slot: Slot,
    older: Option<Older>,
    listing: ListRequest,
    /// For `whois`, in the order in which they were asked about.
    asked_about: VecDeque<String>,
    search: Option<Search>,
    /// One message that the person wants to see in all its length.
    whole: Option<Place>,
    names: Names,
}

impl Model {
    /// `user` is the person's own name.
    #[must_use]
    pub fn new(user: &str) -> Self {
        Self {
            history_id: None,
            rooms: BTreeMap::new(),
            former: BTreeMap::new(),
            needs: Needs::default(),
            numbers: RoomNumbers::default(),
            has_too_many_rooms: false,
            held_space: HeldSpace::default(),
            page_limit: PAGE_LIMIT,
            connected: false,
            slot: Slot::Free,
            older: None,
            listing: ListRequest::Done,
            asked_about: VecDeque::new(),
            search: None,
            whole: None,
            names: Names::of(user),
        }
    }

    /// As the server gave it, controls and all; `?` for a room the person was not seen in.
    #[must_use]
    pub fn room_name(&self, room: RoomId) -> &str {
        let known = self.rooms.get(&room).or_else(|| self.former.get(&room));
        known.map_or("?", |room| &room.told.name)
    }

    /// Among the rooms the person is in, ASCII letters without case.
    #[must_use]
    pub fn room_named(&self, name: &str) -> Option<RoomId> {
        let mut rooms = self.rooms.iter();
        rooms
            .find(|(_, room)| room.told.name.eq_ignore_ascii_case(name))
            .map(|(number, _)| *number)
    }

    /// As the server gave it; may be empty.
    #[must_use]
    pub fn topic(&self, room: RoomId) -> &str {
        self.rooms.get(&room).map_or("", |room| &room.told.topic)
    }

    /// `None` for a room the person is not in.
    #[must_use]
    pub fn room(&self, room: RoomId) -> Option<&KnownRoom> {
        self.rooms.get(&room)
    }

    /// The person's rooms in the order of their numbers, without conversations with ignored people.
    #[must_use]
    pub fn listed_rooms(&self) -> Vec<(RoomId, &KnownRoom)> {
        let rooms = self.rooms.iter().filter(|(_, room)| {
            let partner = room.told.name.strip_prefix('@');
            !partner.is_some_and(|user| self.names.is_ignored(user))
        });
        let mut rooms: Vec<_> = rooms.map(|(number, room)| (*number, room)).collect();
        rooms.sort_by_key(|(_, room)| room.number);
        rooms
    }

    #[must_use]
    pub fn is_in(&self, room: RoomId) -> bool {
        self.rooms.contains_key(&room)
    }

    #[must_use]
    pub fn is_in_a_room(&self) -> bool {
        !self.rooms.is_empty()
    }

    /// From [`Event::Welcome`] to [`Event::Disconnected`].
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Whether the server has lost the end of the history known so far, and continues it, as this
    /// says, which was not applied yet.
    #[must_use]
    pub fn is_continued_by(&self, welcome: &Welcome) -> bool {
        self.history_id.is_some() && self.history_id == welcome.predecessor
    }

    /// Whether the room's messages were shown up to `seq`, and no request is under way or waiting.
    #[must_use]
    pub fn has_shown(&self, room: RoomId, seq: Seq) -> bool {
        self.slot == Slot::Free
            && self.older.is_none()
            && self.listing == ListRequest::Done
            && self.asked_about.is_empty()
            && self.whole.is_none()
            && !self.search.as_ref().is_some_and(Search::is_wanted)
            && self.rooms.get(&room).is_none_or(|room| room.last() >= seq)
    }

    /// One such request is under way at a time.
    #[must_use]
    pub const fn fetches_older(&self) -> bool {
        self.older.is_some()
    }

    /// The effects are to be carried out in their order, before the next event.
    pub fn apply(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Welcome(welcome) => self.welcome(welcome, &mut effects),
            Event::Chat(chat) => {
                let number = chat.room;
                if let Some(room) = self.rooms.get_mut(&number) {
                    room.take_live(chat, &mut self.held_space, &mut effects);
                    self.changed(number);
                }
            }
            Event::Page(page) => self.page(page, &mut effects),
            Event::People(list) => self.people_listed(list, &mut effects),
            Event::RoomList(list) => self.rooms_listed(list, &mut effects),
            Event::MemberList(list) => self.members_listed(list, &mut effects),
            Event::Joined(room) => {
                let number = room.room;
                match self.rooms.get_mut(&number) {
                    Some(known) => known.describe(room),
                    None => self.joined(room, &mut effects),
                }
                self.number_room(number);
                self.changed(number);
            }
            Event::RoomChanged(changed) => {
                if let Some(room) = self.rooms.get_mut(&changed.room) {
                    room.told.change(changed);
                }
            }
            Event::Left(room) => {
                if let Some(mut left) = self.rooms.remove(&room) {
                    left.disconnect(&mut self.held_space);
                    self.former.insert(room, left);
                    self.numbers.take_back(room);
                    self.changed(room);
                }
                self.forget_former(&mut effects);
            }
            Event::PageDelayed => self.slot = Slot::Paused,
            Event::PageRefused => self.page_refused(&mut effects),
            Event::Retry => {
                if self.slot == Slot::Paused {
                    self.slot = Slot::Free;
                }
            }
            Event::Lagged(heads) => {
                for Head { room: number, head } in heads {
                    if let Some(room) = self.rooms.get_mut(&number) {
                        room.lag(head);
                        self.changed(number);
                    }
                }
            }
            Event::Following(following) => {
                if let Some(room) = self.rooms.get_mut(&following.room) {
                    room.follow_answered(following.live, following.head);
                    self.changed(following.room);
                }
            }
            Event::HaveRead(which) => self.have_read(which, &mut effects),
            Event::StartAt(number, after) => {
                let room = self.former.entry(number);
                room.or_insert_with(|| KnownRoom::new(number))
                    .start_at(after);
            }
            Event::Forgot(room, before) => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.forget(before);
                }
            }
            Event::ReadTo(ReadTo { room, seq }) => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.read_to(seq);
                }
            }
            Event::Disconnected => {
                self.connected = false;
                self.slot = Slot::Free;
                self.disconnect_rooms();
            }
            Event::WantOlder(room, count) => self.want_older(room, None, count, &mut effects),
            Event::WantBefore(room, time, count) => {
                self.want_older(room, Some(time), count, &mut effects);
            }
            Event::WantWhole(place) => self.whole = Some(place),
            Event::Find(words) => self.want_found(words, &mut effects),
            Event::Found(found) => self.found(found, &mut effects),
            Event::Want(what) => self.listing = ListRequest::Wanted(what, None, 0),
            Event::WantProfile(user) => self.want_profile(user, &mut effects),
            Event::Profile(profile) => self.profile_came(profile, &mut effects),
            Event::Ignoring(ignoring) => self.names.ignore(&ignoring.user, ignoring.ignored),
            Event::Presence(presence) => self.presence(presence, &mut effects),
            Event::Standing(standing) => self.standing(standing, &mut effects),
            Event::Invited(invited) => self.invited(invited, &mut effects),
        }
        self.judge(&mut effects);
        self.ask_next(&mut effects);
        effects
    }

    fn welcome(&mut self, welcome: Welcome, effects: &mut Vec<Effect>) {
        self.disconnect_rooms();
        self.has_too_many_rooms = false;
        let is_continued = self.is_continued_by(&welcome);
        let before = self.history_id.replace(welcome.history_id);
        if is_continued {
            self.forget_uncertain(effects);
            let rooms = self.rooms.values_mut().chain(self.former.values_mut());
            rooms.for_each(KnownRoom::has_successor);
            self.give_up_the_past(effects);
        }
        // Whose end was lost is compared with what was kept of it, not with its head.
        let known = before.filter(|_| !is_continued);
        let went_back = !is_continued
            && welcome.rooms.iter().any(|theirs| {
                let ours = self.rooms.get(&theirs.room);
                ours.is_some_and(|ours| theirs.head < ours.last())
            });
        if known.is_some_and(|known| known != welcome.history_id) || went_back {
            self.rooms.clear();
            self.former.clear();
            self.numbers = RoomNumbers::default();
            self.older = None;
            self.search = None;
            self.whole = None;
            effects.push(Effect::Forget);
            effects.push(Effect::Notice(None, words::OTHER_HISTORY.to_owned()));
        }
        self.names.ignore_all(&welcome.ignored);
        self.former.append(&mut self.rooms);
        self.needs.clear();
        for theirs in welcome.rooms {
            let number = theirs.room;
            self.joined(theirs, effects);
            self.changed(number);
        }
        self.forget_former(effects);
        self.number_rooms();
        self.page_limit = welcome.limits.page_messages.clamp(1, PAGE_LIMIT);
        self.connected = true;
        self.slot = Slot::Free;
    }

    /// At the beginning of a session: rooms that have no number get one in the order of the lobby,
    /// other rooms by name, conversations of two.
    fn number_rooms(&mut self) {
        let rooms = &self.rooms;
        self.numbers
            .take_back_where(|room| !rooms.contains_key(&room));
        let mut all: Vec<_> = rooms
            .iter()
            .map(|(number, room)| {
                let is_direct = room.told.access == Access::Direct;
                let is_other = room.told.name != RoomName::LOBBY;
                let name = room.told.name.to_ascii_lowercase();
                (is_direct, is_other, name, *number)
            })
            .collect();
        all.sort_unstable();
        for (.., number) in all {
            self.number_room(number);
        }
    }

    fn number_room(&mut self, number: RoomId) {
        if let Some(room) = self.rooms.get_mut(&number) {
            room.number = self.numbers.give(number);
        }
    }

    fn disconnect_rooms(&mut self) {
        for (number, room) in &mut self.rooms {
            room.disconnect(&mut self.held_space);
            self.needs.update(*number, Some(room));
        }
    }

    fn changed(&mut self, room: RoomId) {
        self.needs.update(room, self.rooms.get(&room));
    }

    /// Two losses in a row: a room in which the person was not meanwhile has never said what the first
    /// one took of it, and does not know it any more.
    fn forget_uncertain(&mut self, effects: &mut Vec<Effect>) {
        self.former.retain(|&number, room| {
            let is_uncertain = room.is_to_be_cut();
            if is_uncertain {
                effects.push(Effect::ForgetRoom(number));
            }
            !is_uncertain
        });
    }

    /// Beyond the bound what was shown of a room is shown again after a return, so the face must
    /// not have it any more.
    fn forget_former(&mut self, effects: &mut Vec<Effect>) {
        while self.former.len() > MAX_FORMER {
            if let Some((room, _)) = self.former.pop_first() {
                effects.push(Effect::ForgetRoom(room));
            }
        }
    }

    /// A room beyond the bound is left out, and messages of it are ignored.
    fn joined(&mut self, theirs: message::Room, effects: &mut Vec<Effect>) {
        let number = theirs.room;
        if self.rooms.len() >= MAX_ROOMS {
            if !std::mem::replace(&mut self.has_too_many_rooms, true) {
                effects.push(Effect::Notice(None, words::too_many_rooms(MAX_ROOMS)));
            }
            return;
        }
        self.names.room(&theirs.name);
        let known = self.rooms.remove(&number);
        let known = known.or_else(|| self.former.remove(&number));
        let mut room = known.unwrap_or_else(|| KnownRoom::new(number));
        room.begin(theirs);
        if let Some((first, last)) = room.cut() {
            effects.push(Effect::ForgetFrom(number, first));
            let sentence = words::lost(&room.told.name, first, last);
            effects.push(Effect::Notice(Some(number), sentence));
        }
        self.rooms.insert(number, room);
    }

    fn have_read(&mut self, which: Option<RoomId>, effects: &mut Vec<Effect>) {
        if !self.connected {
            return;
        }
        for (&room, state) in &mut self.rooms {
            if which.is_some_and(|which| which != room) {
                continue;
            }
            if let Some(seq) = state.have_read() {
                effects.push(Effect::Ask(Ask::Read { room, seq }));
            }
        }
    }
}
