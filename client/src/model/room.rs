//! One room: the last message shown, the last one known to exist, and live messages that wait for
//! the gap before them. `model` feeds it; it asks for nothing itself.

use std::collections::{BTreeMap, VecDeque};

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{self, Access, Chat, Page, RoomId, Seq};

use super::held::{Held, HeldSpace};
use super::{Effect, Mention};
use crate::words::model as words;

/// Who spoke last; the one who spoke longest ago is dropped.
const MAX_SPEAKERS: usize = 64;

/// Whether the server sends the room's messages live (docs/PROTOCOL.md, 13.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Live {
    #[default]
    Yes,
    /// Cut by `lagged`; to be followed again once nothing is missing.
    No,
    /// `follow` is not answered yet.
    Asked,
}

#[derive(Debug)]
pub struct KnownRoom {
    /// As the server described it, with its changes since. Its `head` and `read` are of that
    /// moment; those below are kept up.
    pub told: message::Room,
    /// By which the person goes to it, from 1.
    pub number: u32,
    /// `None` before the first page.
    shown: Option<ShownRange>,
    /// The last message known to exist.
    head: Seq,
    /// The head when the session began: messages behind it come live.
    began_at: Seq,
    /// The last message that the person has read in any session, as the server knows it.
    read: Seq,
    /// Those that find no room are fetched later, because `head` remembers them.
    held: Held,
    live: Live,
    /// By name in lower case: the last message of each, and the name as written.
    speakers: BTreeMap<String, (Seq, String)>,
    /// What is shown is of the history that the server's continues: see [`KnownRoom::cut`].
    is_of_predecessor: bool,
}

#[derive(Debug, Clone, Copy)]
struct ShownRange {
    last: Seq,
    oldest: Seq,
}

impl KnownRoom {
    pub(super) fn new(number: RoomId) -> Self {
        Self {
            told: message::Room::new(number, ""),
            number: 0,
            shown: None,
            head: 0,
            began_at: 0,
            read: 0,
            held: Held::default(),
            live: Live::Yes,
            speakers: BTreeMap::new(),
            is_of_predecessor: false,
        }
    }

    /// The server has lost the end of its history, and continues it: what of this room was lost is
    /// known when the room is described again.
    pub(super) const fn has_successor(&mut self) {
        self.is_of_predecessor = true;
    }

    /// What was lost of it is not known yet.
    pub(super) const fn is_to_be_cut(&self) -> bool {
        self.is_of_predecessor
    }

    /// Forgets what the server has lost of the room. The first and the last message lost, where
    /// there are such.
    pub(super) fn cut(&mut self) -> Option<(Seq, Seq)> {
        if !std::mem::take(&mut self.is_of_predecessor) {
            return None;
        }
        // A room without this number was made after the loss.
        let kept = self.told.kept.unwrap_or(0);
        let shown = self.shown.as_mut().filter(|shown| shown.last > kept)?;
        let first = shown.oldest.max(kept.saturating_add(1));
        let lost = (first, shown.last);
        shown.last = kept;
        shown.oldest = shown.oldest.min(kept.saturating_add(1));
        self.speakers.retain(|_, (seq, _)| *seq <= kept);
        Some(lost)
    }

    /// The last message that the person has read, 0 for none.
    #[must_use]
    pub const fn read(&self) -> Seq {
        self.read
    }

    /// Something that was shown is unread.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.last() > self.read
    }

    /// At the beginning of a session or a membership: live messages begin behind the room's head.
    pub(super) fn begin(&mut self, room: message::Room) {
        self.head = room.head;
        self.began_at = room.head;
        self.read = room.read;
        self.live = Live::Yes;
        self.describe(room);
    }

    /// For a `joined` that came again: it does not say whether the room is live.
    pub(super) fn describe(&mut self, room: message::Room) {
        self.head = self.head.max(room.head);
        self.told = room;
    }

    /// No answer comes any more. What was held is fetched again.
    pub(super) fn disconnect(&mut self, space: &mut HeldSpace) {
        self.held.clear(space);
        self.live = Live::Yes;
    }

    /// The first page has not come yet.
    pub(super) const fn is_unseen(&self) -> bool {
        self.shown.is_none()
    }

    /// A message exists that was not shown.
    pub(super) fn is_behind(&self) -> bool {
        self.last() < self.head
    }

    /// The last message that is known to exist, shown or not.
    pub const fn head(&self) -> Seq {
        self.head
    }

    /// 0 where nothing was shown.
    pub fn last(&self) -> Seq {
        self.shown.map_or(0, |shown| shown.last)
    }

    /// The oldest message shown; where there is none, the first one that comes live.
    pub(super) fn oldest(&self) -> Seq {
        self.shown
            .map_or(self.began_at.saturating_add(1), |shown| shown.oldest)
    }

    /// Unread messages from before the session.
    pub(super) fn unread(&self) -> u32 {
        let unread = self.began_at.saturating_sub(self.read);
        u32::try_from(unread).unwrap_or(u32::MAX)
    }

    pub(super) fn read_to(&mut self, seq: Seq) {
        self.read = self.read.max(seq);
    }

    /// Everything shown was read. The last of it, if the server does not know that yet.
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

    /// `follow` is not answered yet.
    pub(super) fn is_asked_to_follow(&self) -> bool {
        self.live == Live::Asked
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

    /// Everything was shown, and the room does not come live.
    pub(super) fn wants_to_follow(&self) -> bool {
        self.live == Live::No && !self.is_unseen() && !self.is_behind()
    }

    /// The number to follow from, which the caller must send.
    pub(super) fn follow(&mut self) -> Seq {
        self.live = Live::Asked;
        self.last()
    }

    pub(super) fn has_spoken(&mut self, user: &str, seq: Seq) {
        if UserName::parse(user).is_err() {
            return;
        }
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

    /// The last speaker first; at most [`MAX_SPEAKERS`].
    pub(super) fn speakers(&self) -> Vec<&str> {
        let mut speakers: Vec<_> = self.speakers.values().collect();
        speakers.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        speakers.into_iter().map(|(_, user)| &**user).collect()
    }

    /// For a message that names the person: one from before the session rings no bell.
    pub(super) const fn mention(&self, seq: Seq) -> Mention {
        if seq > self.began_at {
            Mention::Now
        } else {
            Mention::Earlier
        }
    }

    /// For a message that does not name the person.
    pub(super) fn address(&self, seq: Seq) -> Mention {
        if self.told.access == Access::Direct && seq > self.began_at {
            Mention::Alone
        } else {
            Mention::No
        }
    }

    pub(super) fn take_live(
        &mut self,
        chat: Chat,
        space: &mut HeldSpace,
        effects: &mut Vec<Effect>,
    ) {
        self.head = self.head.max(chat.seq);
        match &mut self.shown {
            Some(shown) if chat.seq <= shown.last => {}
            Some(shown) if chat.seq == shown.last + 1 => {
                shown.last = chat.seq;
                effects.push(Effect::Show(chat, Mention::No));
                self.show_held(space, effects);
            }
            _ => self.held.keep(chat, space),
        }
    }

    fn show_held(&mut self, space: &mut HeldSpace, effects: &mut Vec<Effect>) {
        let Some(shown) = &mut self.shown else { return };
        while let Some(chat) = self.held.next(shown.last, space) {
            if chat.seq > shown.last {
                shown.last = chat.seq;
                effects.push(Effect::Show(chat, Mention::No));
            }
        }
    }

    /// The room's last messages; `is_hidden` in a conversation with an ignored person.
    pub(super) fn take_first(
        &mut self,
        page: Page,
        is_hidden: bool,
        space: &mut HeldSpace,
        effects: &mut Vec<Effect>,
    ) {
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
            self.take_messages(messages, space, effects);
            effects.push(Effect::Unread {
                room: self.told.room,
                count: unread,
                shown: rest.len(),
            });
            messages = rest;
        }
        self.take_messages(messages, space, effects);
    }

    /// `after` is the last message shown when the page was asked for. A page that adds nothing
    /// while messages are missing is a fault of the server: it would be asked for again without
    /// end.
    pub(super) fn take_fill(
        &mut self,
        page: Page,
        after: Seq,
        space: &mut HeldSpace,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(shown) = &mut self.shown
            && page.first > shown.last.saturating_add(1)
        {
            shown.last = page.first - 1;
            self.head = self.head.max(shown.last);
            let sentence = words::history_begins(&self.told.name, page.first);
            effects.push(Effect::Notice(Some(self.told.room), sentence));
        }
        self.take_messages(page.messages, space, effects);
        if self.is_behind() && self.last() == after {
            let missing = after.saturating_add(1);
            let sentence = words::missing(&self.told.name, missing);
            effects.push(Effect::Fault(sentence));
        }
    }

    fn take_messages(
        &mut self,
        messages: Vec<Chat>,
        space: &mut HeldSpace,
        effects: &mut Vec<Effect>,
    ) {
        self.show_held(space, effects);
        for chat in messages {
            self.take_live(chat, space, effects);
        }
    }

    /// `first` is the first message kept; told with `is_all`.
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

    /// In place of a first page: the gap behind this message is filled.
    pub(super) const fn start_at(&mut self, after: Seq) {
        self.shown = Some(ShownRange {
            last: after,
            oldest: after.saturating_add(1),
        });
    }

    /// The face dropped the messages before this one: they may be fetched again.
    pub(super) fn forget(&mut self, before: Seq) {
        if let Some(shown) = &mut self.shown {
            shown.oldest = shown.oldest.max(before.min(shown.last.saturating_add(1)));
        }
    }
}
