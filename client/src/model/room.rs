//! One room: the last message shown, how far the room is known to have come, and what waits.

use std::collections::{BTreeMap, VecDeque};

use chatbox_common::wire::message::{self, Access, Chat, Page, RoomId, Seq};

use super::{Effect, Mention};
use crate::words::model as words;

/// The most live messages kept while pages fill the gap before them. What is above is dropped
/// and fetched, because `head` remembers it.
pub(super) const MAX_HELD: usize = 4_096;

/// The most people remembered as having spoken.
const MAX_SPEAKERS: usize = 64;

/// Whether what is said comes without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Live {
    #[default]
    Yes,
    /// It was cut; to be followed again once nothing is missing.
    No,
    /// Asked for, not answered yet.
    Asked,
}

/// See the module.
#[derive(Debug)]
pub struct KnownRoom {
    /// What the server told of it, and of its changes since. `head` and `read` are of the moment
    /// when it was described; those below are kept up.
    pub told: message::Room,
    /// The last message shown, and the oldest; nothing before the first page.
    shown: Option<ShownRange>,
    /// The last message that is known to exist.
    head: Seq,
    /// The head when the session began: what is behind it comes live.
    began_at: Seq,
    /// The last message that the person has read, as the server knows it.
    read: Seq,
    held: BTreeMap<Seq, Chat>,
    live: Live,
    /// Who spoke last, by name in lower case: where, and the name.
    speakers: BTreeMap<String, (Seq, String)>,
}

#[derive(Debug, Clone, Copy)]
struct ShownRange {
    last: Seq,
    oldest: Seq,
}

impl KnownRoom {
    /// One that nothing was shown of yet.
    pub(super) fn new(number: RoomId) -> Self {
        Self {
            told: message::Room::new(number, ""),
            shown: None,
            head: 0,
            began_at: 0,
            read: 0,
            held: BTreeMap::new(),
            live: Live::Yes,
            speakers: BTreeMap::new(),
        }
    }

    /// The last message that the person has read, as the server knows it.
    #[must_use]
    pub const fn read(&self) -> Seq {
        self.read
    }

    /// Whether something was shown that the person has not read.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.last() > self.read
    }

    /// A session begins: what comes live begins behind the room's head.
    pub(super) fn begin(&mut self, room: message::Room) {
        self.head = room.head;
        self.began_at = room.head;
        self.read = room.read;
        self.live = Live::Yes;
        self.describe(room);
    }

    /// The server says again what one is in; whether it comes live is another matter.
    pub(super) fn describe(&mut self, room: message::Room) {
        self.head = self.head.max(room.head);
        self.told = room;
    }

    /// What was under way is gone. What was held is fetched again.
    pub(super) fn disconnect(&mut self) {
        self.held.clear();
        self.live = Live::Yes;
    }

    /// Whether nothing of it was asked for yet.
    pub(super) const fn is_unseen(&self) -> bool {
        self.shown.is_none()
    }

    /// Whether a message exists that was not shown.
    pub(super) fn is_behind(&self) -> bool {
        self.last() < self.head
    }

    /// The last message shown, 0 for none.
    pub(super) fn last(&self) -> Seq {
        self.shown.map_or(0, |shown| shown.last)
    }

    /// The oldest message shown; the first one that comes live where there is none.
    pub(super) fn oldest(&self) -> Seq {
        self.shown
            .map_or(self.began_at.saturating_add(1), |shown| shown.oldest)
    }

    /// How many messages of before the session the person has not read.
    pub(super) fn unread(&self) -> u32 {
        let unread = self.began_at.saturating_sub(self.read);
        u32::try_from(unread).unwrap_or(u32::MAX)
    }

    pub(super) fn read_to(&mut self, seq: Seq) {
        self.read = self.read.max(seq);
    }

    /// Everything shown was read; says up to where, if that is news.
    pub(super) fn have_read(&mut self) -> Option<Seq> {
        let last = self.last();
        let is_news = last > self.read;
        self.read = self.read.max(last);
        is_news.then_some(last)
    }

    pub(super) fn lag(&mut self, head: Seq) {
        self.live = Live::No;
        self.head = self.head.max(head);
    }

    pub(super) fn follow_answered(&mut self, live: bool, head: Seq) {
        if live {
            // What is between our last and their head comes live, so it is not fetched.
            self.live = Live::Yes;
        } else {
            self.live = Live::No;
            self.head = self.head.max(head);
        }
    }

    /// The number to follow from, once everything before it was shown. Counts as asked.
    pub(super) fn wants_to_follow(&mut self) -> Option<Seq> {
        if self.live != Live::No || self.is_unseen() || self.is_behind() {
            return None;
        }
        self.live = Live::Asked;
        Some(self.last())
    }

    /// Remembers who said a message.
    pub(super) fn has_spoken(&mut self, user: &str, seq: Seq) {
        let key = user.to_ascii_lowercase();
        let known = self.speakers.get(&key).map_or(0, |(seq, _)| *seq);
        self.speakers.insert(key, (known.max(seq), user.to_owned()));
        if self.speakers.len() > MAX_SPEAKERS {
            let longest_ago = self.speakers.iter().min_by_key(|(_, (seq, _))| *seq);
            if let Some(key) = longest_ago.map(|(key, _)| key.clone()) {
                self.speakers.remove(&key);
            }
        }
    }

    /// Who spoke, the last one first.
    pub(super) fn speakers(&self) -> Vec<&str> {
        let mut speakers: Vec<_> = self.speakers.values().collect();
        speakers.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        speakers.into_iter().map(|(_, user)| &**user).collect()
    }

    /// What it is to be named by a message: what was said before the session calls nobody.
    pub(super) const fn mention(&self, seq: Seq) -> Mention {
        if seq > self.began_at {
            Mention::Now
        } else {
            Mention::Earlier
        }
    }

    /// What it is to be said something that names nobody.
    pub(super) fn address(&self, seq: Seq) -> Mention {
        if self.told.access == Access::Direct && seq > self.began_at {
            Mention::Alone
        } else {
            Mention::No
        }
    }

    pub(super) fn take_live(&mut self, chat: Chat, effects: &mut Vec<Effect>) {
        self.head = self.head.max(chat.seq);
        match &mut self.shown {
            Some(shown) if chat.seq <= shown.last => {}
            Some(shown) if chat.seq == shown.last + 1 => {
                shown.last = chat.seq;
                effects.push(Effect::Show(chat, Mention::No));
                self.show_held(effects);
            }
            _ if self.held.len() < MAX_HELD => {
                self.held.insert(chat.seq, chat);
            }
            _ => {}
        }
    }

    fn show_held(&mut self, effects: &mut Vec<Effect>) {
        let Some(shown) = &mut self.shown else { return };
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > shown.last.saturating_add(1) {
                return;
            }
            let chat = entry.remove();
            if chat.seq > shown.last {
                shown.last = chat.seq;
                effects.push(Effect::Show(chat, Mention::No));
            }
        }
    }

    /// The first page: the room's last messages; `is_hidden` if nothing of it is to be seen.
    pub(super) fn take_first(&mut self, page: Page, is_hidden: bool, effects: &mut Vec<Effect>) {
        let begins = page.messages.first().map(|chat| chat.seq);
        let oldest = begins.unwrap_or_else(|| self.oldest());
        self.shown = Some(ShownRange {
            last: oldest.saturating_sub(1),
            oldest,
        });
        let unread = self.unread();
        let mut messages = page.messages;
        if unread > 0 && !is_hidden {
            let rest = messages.split_off(messages.partition_point(|chat| chat.seq <= self.read));
            self.take_messages(messages, effects);
            effects.push(Effect::Unread {
                room: self.told.room,
                count: unread,
                shown: rest.len(),
            });
            messages = rest;
        }
        self.take_messages(messages, effects);
    }

    /// A page of what follows on message `after`, the last one shown when it was asked for.
    pub(super) fn take_fill(&mut self, page: Page, after: Seq, effects: &mut Vec<Effect>) {
        if let Some(shown) = &mut self.shown
            && page.first > shown.last.saturating_add(1)
        {
            shown.last = page.first - 1;
            self.head = self.head.max(shown.last);
            let sentence = words::history_begins(&self.told.name, page.first);
            effects.push(Effect::Notice(Some(self.told.room), sentence));
        }
        self.take_messages(page.messages, effects);
        if self.is_behind() && self.last() == after {
            let missing = after.saturating_add(1);
            let sentence = words::missing(&self.told.name, missing);
            effects.push(Effect::Fault(sentence));
        }
    }

    fn take_messages(&mut self, messages: Vec<Chat>, effects: &mut Vec<Effect>) {
        self.show_held(effects);
        for chat in messages {
            self.take_live(chat, effects);
        }
    }

    /// Shows messages before the oldest one.
    pub(super) fn show_older(
        &mut self,
        messages: VecDeque<Chat>,
        is_all: bool,
        first: Seq,
        effects: &mut Vec<Effect>,
    ) {
        let Some(shown) = &mut self.shown else { return };
        if let Some(oldest) = messages.front() {
            shown.oldest = oldest.seq;
        }
        let messages = messages.into_iter().map(|chat| (chat, Mention::No));
        effects.push(Effect::Older {
            room: self.told.room,
            messages: messages.collect(),
            begins: is_all.then_some(first),
        });
    }

    /// What is shown begins behind this message.
    pub(super) const fn start_at(&mut self, after: Seq) {
        self.shown = Some(ShownRange {
            last: after,
            oldest: after.saturating_add(1),
        });
    }

    /// The messages before this one are kept no longer by whoever shows them.
    pub(super) fn forget(&mut self, before: Seq) {
        if let Some(shown) = &mut self.shown {
            shown.oldest = shown.oldest.max(before.min(shown.last.saturating_add(1)));
        }
    }
}
