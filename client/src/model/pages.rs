//! What is asked of the server, one page at a time: first what is missing in a room, then what the
//! person asked for.

use chatbox_common::wire::message::{
    MemberList, Page, People, Place, Profile, RoomId, RoomList, Seq,
};

use super::room::KnownRoom;
use super::{Ask, Effect, Listed, Model};
use crate::words::model as words;

/// Read messages that are shown before the first unread one.
const CONTEXT: u32 = 10;
/// Names of a list, after which no more are asked for.
const MAX_LISTED: usize = 100_000;
/// The most people asked about at a time; beyond that the person is told to wait.
const MAX_ASKED_ABOUT: usize = 64;

/// What the page request is for: one at a time is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Free,
    /// Nothing is asked before [`super::Event::Retry`].
    Paused,
    First(RoomId),
    /// What follows this message.
    Fill(RoomId, Seq),
    /// What stands before this message, the oldest one shown.
    Older(RoomId, Seq),
    /// One message.
    Whole(Place),
    List(Listed),
    Whois,
    Search,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ListRequest {
    Done,
    /// The next page has the names after this one; so many were given before.
    Wanted(Listed, Option<String>, usize),
}

/// A page of a list has come.
enum ListedPage {
    Unasked,
    /// With why no further page is asked for although there are more.
    Asked(Option<String>),
}

impl Model {
    /// `None` unless a profile is the page under way.
    #[must_use]
    pub fn asked_about(&self) -> Option<&str> {
        let first = self.asked_about.front().map(String::as_str);
        first.filter(|_| self.slot == Slot::Whois)
    }

    /// True until the last page of a list has come.
    #[must_use]
    pub fn is_listing(&self) -> bool {
        self.listing != ListRequest::Done
    }

    pub(super) fn page(&mut self, page: Page, effects: &mut Vec<Effect>) {
        let slot = std::mem::replace(&mut self.slot, Slot::Free);
        let (Slot::First(asked)
        | Slot::Fill(asked, _)
        | Slot::Older(asked, _)
        | Slot::Whole(Place { room: asked, .. })) = slot
        else {
            return;
        };
        let ordered = page.messages.is_sorted_by(|a, b| a.seq < b.seq)
            && page.messages.iter().all(|chat| chat.room == asked);
        if page.room != asked || !ordered {
            effects.push(Effect::Fault(words::OUT_OF_ORDER.to_owned()));
            return;
        }
        if let Slot::Whole(place) = slot {
            return self.take_whole(page, place, effects);
        }
        let Some(room) = self.rooms.get_mut(&asked) else {
            return;
        };
        match slot {
            Slot::First(_) => {
                // A conversation with somebody who is ignored.
                let user = room.told.name.strip_prefix('@');
                let is_hidden = user.is_some_and(|user| self.names.is_ignored(user));
                room.take_first(page, is_hidden, &mut self.held_space, effects);
            }
            Slot::Fill(_, after) => room.take_fill(page, after, &mut self.held_space, effects),
            Slot::Older(_, from) => self.take_older(page, from, effects),
            // Sorted out above.
            Slot::Free
            | Slot::Paused
            | Slot::Whole(_)
            | Slot::List(_)
            | Slot::Whois
            | Slot::Search => {}
        }
        self.changed(asked);
    }

    pub(super) fn page_refused(&mut self, effects: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.slot, Slot::Free) {
            Slot::Older(room, _) => {
                self.older = None;
                effects.push(Effect::Older {
                    room,
                    messages: Vec::new(),
                    begins: None,
                });
            }
            Slot::List(_) => self.listing = ListRequest::Done,
            Slot::Whois => {
                self.asked_about.pop_front();
            }
            Slot::Search => self.search = None,
            Slot::Whole(_) => self.whole = None,
            // The room may have been left meanwhile.
            Slot::First(room) | Slot::Fill(room, _) if !self.rooms.contains_key(&room) => {}
            Slot::First(_) | Slot::Fill(..) => {
                effects.push(Effect::Fault(words::NOT_GIVEN.to_owned()));
            }
            Slot::Free | Slot::Paused => {}
        }
    }

    pub(super) fn want_profile(&mut self, user: String, effects: &mut Vec<Effect>) {
        if self.asked_about.len() < MAX_ASKED_ABOUT {
            self.asked_about.push_back(user);
        } else {
            effects.push(Effect::Notice(None, words::ASKED_ABOUT.to_owned()));
        }
    }

    pub(super) fn people_listed(&mut self, list: People, effects: &mut Vec<Effect>) {
        let names: Vec<_> = list.people.iter().map(|person| &*person.user).collect();
        let ListedPage::Asked(cut) = self.listed(Listed::People, &names, list.more) else {
            return;
        };
        for name in names {
            self.names.person(name);
        }
        effects.push(Effect::People(list.people));
        effects.extend(cut.map(Effect::ListCut));
    }

    pub(super) fn rooms_listed(&mut self, list: RoomList, effects: &mut Vec<Effect>) {
        let names: Vec<_> = list.rooms.iter().map(|room| &*room.name).collect();
        let ListedPage::Asked(cut) = self.listed(Listed::Rooms, &names, list.more) else {
            return;
        };
        for name in names {
            self.names.room(name);
        }
        effects.push(Effect::Rooms(list.rooms));
        effects.extend(cut.map(Effect::ListCut));
    }

    pub(super) fn members_listed(&mut self, list: MemberList, effects: &mut Vec<Effect>) {
        let names: Vec<_> = list.members.iter().map(|member| &*member.user).collect();
        let what = Listed::Members(list.room);
        let ListedPage::Asked(cut) = self.listed(what, &names, list.more) else {
            return;
        };
        for name in names {
            self.names.person(name);
        }
        effects.push(Effect::Members(list.members));
        effects.extend(cut.map(Effect::ListCut));
    }

    pub(super) fn profile_came(&mut self, profile: Profile, effects: &mut Vec<Effect>) {
        if self.slot == Slot::Whois {
            self.slot = Slot::Free;
            self.asked_about.pop_front();
            self.names.person(&profile.user);
            effects.push(Effect::Profile(profile));
        }
    }

    /// Asks for the next page, if there is to be one: a server that gives no end must not have the
    /// client ask for ever.
    fn listed(&mut self, what: Listed, names: &[&str], more: bool) -> ListedPage {
        if self.slot != Slot::List(what) {
            return ListedPage::Unasked;
        }
        self.slot = Slot::Free;
        let done = std::mem::replace(&mut self.listing, ListRequest::Done);
        let ListRequest::Wanted(_, after, had) = done else {
            return ListedPage::Unasked;
        };
        let Some(last) = names.last().filter(|_| more) else {
            return ListedPage::Asked(None);
        };
        let had = had.saturating_add(names.len());
        let order = |name: &str| name.to_ascii_lowercase();
        if after.is_some_and(|after| order(&after) >= order(last)) {
            return ListedPage::Asked(Some(words::LIST_IN_A_CIRCLE.to_owned()));
        }
        if had >= MAX_LISTED {
            return ListedPage::Asked(Some(words::list_too_long(had)));
        }
        self.listing = ListRequest::Wanted(what, Some((*last).to_owned()), had);
        ListedPage::Asked(None)
    }

    /// Runs after every event: asks for live messages of rooms first, then for one page.
    pub(super) fn ask_next(&mut self, effects: &mut Vec<Effect>) {
        if !self.connected {
            return;
        }
        self.follow_some(effects);
        if self.slot == Slot::Free
            && let Some((slot, ask)) = self.next_page()
        {
            self.slot = slot;
            effects.push(Effect::Ask(ask));
        }
    }

    fn follow_some(&mut self, effects: &mut Vec<Effect>) {
        while let Some(room) = self.needs.follow() {
            if let Some(state) = self.rooms.get_mut(&room) {
                let after = state.follow();
                effects.push(Effect::Ask(Ask::Follow { room, after }));
            }
            self.changed(room);
        }
    }

    /// What is missing in a room.
    fn page_of(&self, room: RoomId, state: &KnownRoom) -> (Slot, Ask) {
        let (slot, after, before, limit) = if state.is_unseen() {
            let before = Some(state.oldest());
            let limit = state.unread().saturating_add(CONTEXT);
            (Slot::First(room), None, before, limit)
        } else {
            let after = state.last();
            (Slot::Fill(room, after), Some(after), None, self.page_limit)
        };
        let limit = limit.min(self.page_limit);
        let ask = Ask::History {
            room,
            after,
            before,
            limit,
        };
        (slot, ask)
    }

    fn next_page(&self) -> Option<(Slot, Ask)> {
        let room = self.needs.page();
        if let Some((room, state)) = room.and_then(|room| Some((room, self.rooms.get(&room)?))) {
            return Some(self.page_of(room, state));
        }
        if let Some(older) = &self.older {
            let room = older.room();
            let from = self.rooms.get(&room).map_or(0, KnownRoom::oldest);
            return Some((Slot::Older(room, from), self.ask_older(older)));
        }
        if let Some(place) = self.whole {
            return Some((Slot::Whole(place), Self::ask_whole(place)));
        }
        if let ListRequest::Wanted(what, after, _) = &self.listing {
            let (what, after) = (*what, after.clone());
            return Some((Slot::List(what), Ask::List { what, after }));
        }
        if let Some(user) = self.asked_about.front() {
            return Some((Slot::Whois, Ask::Whois(user.clone())));
        }
        let search = self.search.as_ref().filter(|search| search.is_wanted())?;
        Some((Slot::Search, self.ask_search(search)))
    }
}
