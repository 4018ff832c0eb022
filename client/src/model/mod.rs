//! What is known of the rooms, and in which order it is shown. Pure: events go in, effects come
//! out; no clock, no socket, no screen. `app` feeds it and carries out what it asks for.
//!
//! The promise (docs/PROTOCOL.md, 13.2): a room's messages are shown as 1, 2, 3, … from where
//! one came in, none missing, none twice, whatever the connection does. One rule keeps it: a
//! message is shown only as the successor of the last one shown, and as long as a message is
//! known to exist that was not shown, pages are fetched. Everything else (a lag, a hole, a new
//! connection, a full buffer) only changes what is known to exist.

mod room;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use chatbox_common::wire::message::{
    self, Chat, Follow, Following, Head, History, List, Member, MemberList, Members, PAGE_LIMIT,
    Page, People, Person, Read, ReadTo, RequestId, RoomChanged, RoomId, RoomList, RoomSummary,
    Rooms, Seq, Welcome,
};

use room::Room;

/// How many messages are shown before the first that was not read.
const CONTEXT: u32 = 10;

/// What the model is told.
#[derive(Debug)]
pub enum Event {
    /// A session began.
    Welcome(Welcome),
    /// A message came live.
    Chat(Chat),
    /// The page asked for came.
    Page(Page),
    /// The people asked for came.
    People(People),
    /// The rooms asked for came.
    RoomList(RoomList),
    /// The members asked for came.
    MemberList(MemberList),
    /// One is in a room from now on.
    Joined(message::Room),
    /// One is in a room no longer.
    Left(RoomId),
    /// A room has another topic, or was locked or unlocked.
    RoomChanged(RoomChanged),
    /// The server can't give the page or the people now; [`Event::Retry`] asks again.
    PageDelayed,
    /// The server won't give the page or the people.
    PageRefused,
    /// The time to ask again has come.
    Retry,
    /// Live messages were cut.
    Lagged(Vec<Head>),
    /// Answers [`Ask::Follow`].
    Following(Following),
    /// Everything shown was read.
    HaveRead,
    /// Another session of the same person has read so far.
    ReadTo(ReadTo),
    /// The connection is gone; nothing that was asked for comes any more.
    Disconnected,
    /// The person wants so many messages before the oldest one shown.
    WantOlder(RoomId, u32),
    /// The person wants a list.
    Want(Listed),
}

/// What comes in as many answers as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Who is online.
    People,
    /// Which rooms there are.
    Rooms,
    /// Who belongs to a room.
    Members(RoomId),
}

/// What is to be done, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Show a message.
    Show(Chat),
    /// Say something.
    Notice(String),
    /// Show who is online.
    People(Vec<Person>),
    /// Show which rooms there are.
    Rooms(Vec<RoomSummary>),
    /// Show who belongs to a room.
    Members(Vec<Member>),
    /// Ask the server.
    Ask(Ask),
    /// The server does not keep its promises; the session can't go on. Says why.
    Fault(String),
}

/// A question to the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// A page of a room's messages.
    History {
        /// Where.
        room: RoomId,
        /// Only after this one.
        after: Option<Seq>,
        /// Only before this one.
        before: Option<Seq>,
        /// At most so many.
        limit: u32,
    },
    /// A page of a list.
    List {
        /// Which.
        what: Listed,
        /// Only names after this one.
        after: Option<String>,
    },
    /// The room live again.
    Follow {
        /// Where.
        room: RoomId,
        /// The last message shown.
        after: Seq,
    },
    /// Tells how far the person has read; nothing is answered.
    Read {
        /// Where.
        room: RoomId,
        /// The last message read.
        seq: Seq,
    },
}

impl Ask {
    /// The message that asks, under a number of the caller's.
    #[must_use]
    pub fn into_message(self, request: RequestId) -> message::ClientMessage {
        use message::ClientMessage;
        match self {
            Self::History {
                room,
                after,
                before,
                limit,
            } => ClientMessage::History(History {
                request,
                room,
                after,
                before,
                limit,
                before_time: None,
            }),
            Self::List { what, after } => {
                let limit = PAGE_LIMIT;
                match what {
                    Listed::People => ClientMessage::List(List {
                        request,
                        after,
                        limit,
                    }),
                    Listed::Rooms => ClientMessage::Rooms(Rooms {
                        request,
                        after,
                        limit,
                    }),
                    Listed::Members(room) => ClientMessage::Members(Members {
                        request,
                        room,
                        after,
                        limit,
                    }),
                }
            }
            Self::Read { room, seq } => ClientMessage::Read(Read { request, room, seq }),
            Self::Follow { room, after } => ClientMessage::Follow(Follow {
                request,
                room,
                after,
            }),
        }
    }
}

/// What the one page request that may be under way is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Free,
    /// Nothing is asked before [`Event::Retry`].
    Paused,
    First(RoomId),
    /// What follows on this message.
    Fill(RoomId, Seq),
    Older(RoomId),
    List(Listed),
}

/// A wish for older messages, and what has come of it.
#[derive(Debug)]
struct Older {
    room: RoomId,
    left: u32,
    messages: VecDeque<Chat>,
}

/// A wish to see a list.
#[derive(Debug, PartialEq, Eq)]
enum Listing {
    Done,
    /// Only names after this one are still wanted.
    Wanted(Listed, Option<String>),
}

/// See the module.
#[derive(Debug)]
pub struct Model {
    history_id: Option<[u8; 16]>,
    rooms: BTreeMap<RoomId, Room>,
    /// Rooms that one was in: what was shown of them is not shown again when one comes back.
    former: BTreeMap<RoomId, Room>,
    page_limit: u32,
    connected: bool,
    slot: Slot,
    older: Option<Older>,
    listing: Listing,
}

impl Model {
    /// Knows nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            history_id: None,
            rooms: BTreeMap::new(),
            former: BTreeMap::new(),
            page_limit: PAGE_LIMIT,
            connected: false,
            slot: Slot::Free,
            older: None,
            listing: Listing::Done,
        }
    }

    /// A room's name, as the server gave it.
    #[must_use]
    pub fn room_name(&self, room: RoomId) -> &str {
        self.rooms.get(&room).map_or("?", |room| &room.name)
    }

    /// The room with this name.
    #[must_use]
    pub fn room_named(&self, name: &str) -> Option<RoomId> {
        let mut rooms = self.rooms.iter();
        rooms
            .find(|(_, room)| room.name.eq_ignore_ascii_case(name))
            .map(|(number, _)| *number)
    }

    /// What a room is about, or nothing.
    #[must_use]
    pub fn topic(&self, room: RoomId) -> &str {
        self.rooms.get(&room).map_or("", |room| &room.topic)
    }

    /// Whether only moderators may write in a room.
    #[must_use]
    pub fn is_locked(&self, room: RoomId) -> bool {
        self.rooms.get(&room).is_some_and(|room| room.is_locked)
    }

    /// Whether one is in a room.
    #[must_use]
    pub fn is_in(&self, room: RoomId) -> bool {
        self.rooms.contains_key(&room)
    }

    /// Whether one is in any room.
    #[must_use]
    pub fn is_in_a_room(&self) -> bool {
        !self.rooms.is_empty()
    }

    /// Whether a session has begun and not ended.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Whether everything that is known to exist was shown up to `seq` of the room, and nothing
    /// is under way.
    #[must_use]
    pub fn has_shown(&self, room: RoomId, seq: Seq) -> bool {
        self.slot == Slot::Free
            && self.older.is_none()
            && self.listing == Listing::Done
            && self.rooms.get(&room).is_none_or(|room| room.last() >= seq)
    }

    /// Takes an event; says what follows from it.
    pub fn apply(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Welcome(welcome) => self.welcome(welcome, &mut effects),
            Event::Chat(chat) => {
                if let Some(room) = self.rooms.get_mut(&chat.room) {
                    room.take_live(chat, &mut effects);
                }
            }
            Event::Page(page) => self.page(page, &mut effects),
            Event::People(People { people, more, .. }) => {
                let last = people.last().map(|person| person.user.clone());
                if self.listed(Listed::People, last, more) {
                    effects.push(Effect::People(people));
                }
            }
            Event::RoomList(RoomList { rooms, more, .. }) => {
                let last = rooms.last().map(|room| room.name.clone());
                if self.listed(Listed::Rooms, last, more) {
                    effects.push(Effect::Rooms(rooms));
                }
            }
            Event::MemberList(page) => {
                let last = page.members.last().map(|member| member.user.clone());
                if self.listed(Listed::Members(page.room), last, page.more) {
                    effects.push(Effect::Members(page.members));
                }
            }
            Event::Joined(room) => match self.rooms.get_mut(&room.room) {
                Some(known) => known.describe(room),
                None => self.joined(room),
            },
            Event::RoomChanged(changed) => {
                if let Some(room) = self.rooms.get_mut(&changed.room) {
                    room.topic = changed.topic;
                    room.is_locked = changed.locked.is_some();
                }
            }
            Event::Left(room) => {
                if let Some(mut left) = self.rooms.remove(&room) {
                    left.disconnect();
                    self.former.insert(room, left);
                }
            }
            Event::PageDelayed => self.slot = Slot::Paused,
            Event::PageRefused => self.page_refused(&mut effects),
            Event::Retry => {
                if self.slot == Slot::Paused {
                    self.slot = Slot::Free;
                }
            }
            Event::Lagged(heads) => {
                for Head { room, head } in heads {
                    if let Some(room) = self.rooms.get_mut(&room) {
                        room.lag(head);
                    }
                }
            }
            Event::Following(following) => {
                if let Some(room) = self.rooms.get_mut(&following.room) {
                    room.follow_answered(following.live, following.head);
                }
            }
            Event::HaveRead => self.have_read(&mut effects),
            Event::ReadTo(ReadTo { room, seq }) => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.read_to(seq);
                }
            }
            Event::Disconnected => {
                self.connected = false;
                self.slot = Slot::Free;
                for room in self.rooms.values_mut() {
                    room.disconnect();
                }
            }
            Event::WantOlder(room, count) => self.want_older(room, count, &mut effects),
            Event::Want(what) => self.listing = Listing::Wanted(what, None),
        }
        self.ask_next(&mut effects);
        effects
    }

    fn welcome(&mut self, welcome: Welcome, effects: &mut Vec<Effect>) {
        let known = self.history_id.replace(welcome.history_id);
        let went_back = welcome.rooms.iter().any(|theirs| {
            let ours = self.rooms.get(&theirs.room);
            ours.is_some_and(|ours| theirs.head < ours.last())
        });
        if known.is_some_and(|known| known != welcome.history_id) || went_back {
            self.rooms.clear();
            self.former.clear();
            self.older = None;
            let sentence = "the server has another history now: what stands above is not in it";
            effects.push(Effect::Notice(sentence.to_owned()));
        }
        self.former.append(&mut self.rooms);
        for theirs in welcome.rooms {
            self.joined(theirs);
        }
        self.page_limit = welcome.limits.page_messages.clamp(1, PAGE_LIMIT);
        self.connected = true;
        self.slot = Slot::Free;
    }

    fn joined(&mut self, theirs: message::Room) {
        let number = theirs.room;
        let known = self.rooms.remove(&number);
        let known = known.or_else(|| self.former.remove(&number));
        let mut room = known.unwrap_or_default();
        room.begin(theirs);
        self.rooms.insert(number, room);
    }

    fn have_read(&mut self, effects: &mut Vec<Effect>) {
        if !self.connected {
            return;
        }
        for (&room, state) in &mut self.rooms {
            if let Some(seq) = state.have_read() {
                effects.push(Effect::Ask(Ask::Read { room, seq }));
            }
        }
    }

    fn page(&mut self, page: Page, effects: &mut Vec<Effect>) {
        let slot = std::mem::replace(&mut self.slot, Slot::Free);
        let (Slot::First(asked) | Slot::Fill(asked, _) | Slot::Older(asked)) = slot else {
            return;
        };
        let ordered = page.messages.is_sorted_by(|a, b| a.seq < b.seq)
            && page.messages.iter().all(|chat| chat.room == asked);
        if page.room != asked || !ordered {
            effects.push(Effect::Fault("the server gave a page out of order".into()));
            return;
        }
        let Some(room) = self.rooms.get_mut(&asked) else {
            return;
        };
        match slot {
            Slot::First(_) => room.take_first(page, effects),
            Slot::Fill(_, after) => room.take_fill(page, after, effects),
            _ => self.take_older(page, effects),
        }
    }

    fn page_refused(&mut self, effects: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.slot, Slot::Free) {
            Slot::Older(_) => self.older = None,
            Slot::List(_) => self.listing = Listing::Done,
            // One may have left it meanwhile.
            Slot::First(room) | Slot::Fill(room, _) if !self.rooms.contains_key(&room) => {}
            Slot::First(_) | Slot::Fill(..) => {
                let sentence = "the server does not give the messages of a room one is in";
                effects.push(Effect::Fault(sentence.to_owned()));
            }
            Slot::Free | Slot::Paused => {}
        }
    }

    fn want_older(&mut self, room: RoomId, count: u32, effects: &mut Vec<Effect>) {
        if self.older.is_some() {
            let sentence = "the earlier messages asked for before are still under way";
            effects.push(Effect::Notice(sentence.into()));
        } else {
            self.older = Some(Older {
                room,
                left: count,
                messages: VecDeque::new(),
            });
        }
    }

    /// Pages come from the newest to the oldest and are shown the other way round.
    fn take_older(&mut self, page: Page, effects: &mut Vec<Effect>) {
        let Some(mut older) = self.older.take() else {
            return;
        };
        let before = match (older.messages.front(), self.rooms.get(&older.room)) {
            (Some(chat), _) => chat.seq,
            (None, room) => room.map_or(0, Room::oldest),
        };
        let mut empty = true;
        for chat in page.messages.into_iter().rev() {
            if chat.seq >= before {
                continue;
            }
            empty = false;
            older.left = older.left.saturating_sub(1);
            older.messages.push_front(chat);
        }
        if page.more && !empty && older.left > 0 {
            self.older = Some(older);
            return;
        }
        if let Some(room) = self.rooms.get_mut(&older.room) {
            room.show_older(older.messages, !page.more, page.first, effects);
        }
    }

    /// An answer of a list has come, which ends with a name; says whether it was asked for.
    fn listed(&mut self, what: Listed, last: Option<String>, more: bool) -> bool {
        if self.slot != Slot::List(what) {
            return false;
        }
        self.slot = Slot::Free;
        // A page without anybody could be followed by itself for ever.
        self.listing = match last {
            Some(name) if more => Listing::Wanted(what, Some(name)),
            _ => Listing::Done,
        };
        true
    }

    /// Asks for what is missing, the present before the past.
    fn ask_next(&mut self, effects: &mut Vec<Effect>) {
        if !self.connected {
            return;
        }
        for (number, room) in &mut self.rooms {
            if let Some(after) = room.wants_to_follow() {
                let room = *number;
                effects.push(Effect::Ask(Ask::Follow { room, after }));
            }
        }
        if self.slot == Slot::Free
            && let Some((slot, ask)) = self.next_page()
        {
            self.slot = slot;
            effects.push(Effect::Ask(ask));
        }
    }

    fn next_page(&self) -> Option<(Slot, Ask)> {
        for (&room, state) in &self.rooms {
            let (slot, after, before, limit) = if state.is_unseen() {
                let before = Some(state.oldest());
                let limit = state.unread().saturating_add(CONTEXT);
                (Slot::First(room), None, before, limit)
            } else if state.is_behind() {
                let after = state.last();
                (Slot::Fill(room, after), Some(after), None, self.page_limit)
            } else {
                continue;
            };
            let limit = limit.min(self.page_limit);
            let ask = Ask::History {
                room,
                after,
                before,
                limit,
            };
            return Some((slot, ask));
        }
        if let Some(older) = &self.older {
            let room = older.room;
            let shown = self.rooms.get(&room).map(Room::oldest);
            let first = older.messages.front().map(|chat| chat.seq);
            let ask = Ask::History {
                room,
                after: None,
                before: first.or(shown),
                limit: older.left.clamp(1, self.page_limit),
            };
            return Some((Slot::Older(room), ask));
        }
        match &self.listing {
            Listing::Done => None,
            Listing::Wanted(what, after) => {
                let (what, after) = (*what, after.clone());
                Some((Slot::List(what), Ask::List { what, after }))
            }
        }
    }
}
