//! What a person asks for of the past: messages before the oldest one shown, messages before a
//! moment, and messages with some words. The last two are shown apart and change nothing of what a
//! room is known to have shown.

use std::collections::VecDeque;

use chatbox_common::wire::message::{Chat, Found, Page, Place, RoomId, Seq};

use super::pages::Slot;
use super::room::KnownRoom;
use super::{Ask, Effect, Model};
use crate::words::model as words;

/// Messages that a search shows at once.
const FOUND: u32 = 20;

/// Collects pages until nothing is `left` or the history begins; one request at a time.
#[derive(Debug)]
pub(super) struct Older {
    room: RoomId,
    left: u32,
    /// Messages before this moment, in milliseconds; `None` for those before the oldest one shown.
    time: Option<u64>,
    messages: VecDeque<Chat>,
}

impl Older {
    pub(super) const fn room(&self) -> RoomId {
        self.room
    }
}

/// The last search, which one without words continues.
#[derive(Debug)]
pub(super) struct Search {
    words: String,
    /// The last message found, before which the next page begins.
    before: Option<Place>,
    /// The next page is asked for, or to be.
    wanted: bool,
    /// There may be a next page.
    more: bool,
}

impl Search {
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }
}

impl Model {
    /// The server has lost the end of its history: what was asked for may be of what is lost. A face
    /// that waits for older messages is answered, so that it may ask again.
    pub(super) fn give_up_the_past(&mut self, effects: &mut Vec<Effect>) {
        let (search, whole) = (self.search.take(), self.whole.take());
        let mut is_to_be_told = whole.is_some() || search.is_some_and(|search| search.wanted);
        match self.older.take() {
            Some(older) if older.time.is_none() => effects.push(Effect::Older {
                room: older.room,
                messages: Vec::new(),
                begins: None,
            }),
            Some(_) => is_to_be_told = true,
            None => {}
        }
        if is_to_be_told {
            effects.push(Effect::Notice(None, words::NOT_FOUND_OUT.to_owned()));
        }
    }

    /// `time` as in [`Older`]; refused while another request is under way.
    pub(super) fn want_older(
        &mut self,
        room: RoomId,
        time: Option<u64>,
        count: u32,
        effects: &mut Vec<Effect>,
    ) {
        if self.older.is_some() {
            effects.push(Effect::Notice(None, words::OLDER_UNDER_WAY.to_owned()));
        } else {
            self.older = Some(Older {
                room,
                left: count,
                time,
                messages: VecDeque::new(),
            });
        }
    }

    /// Pages come newest first and are shown oldest first. `from` is the oldest message that was
    /// shown when this page was asked for.
    pub(super) fn take_older(&mut self, page: Page, from: Seq, effects: &mut Vec<Effect>) {
        let Some(mut older) = self.older.take() else {
            return;
        };
        let shown = self.rooms.get(&older.room).map_or(0, KnownRoom::oldest);
        if older.time.is_none() && shown != from {
            // The message that the page was to stand before is not shown any more.
            effects.push(Effect::Older {
                room: older.room,
                messages: Vec::new(),
                begins: None,
            });
            return;
        }
        let before = match (older.messages.front(), older.time) {
            (Some(chat), _) => chat.seq,
            (None, None) => shown,
            (None, Some(_)) => u64::MAX,
        };
        let mut messages = page.messages;
        messages.truncate(messages.partition_point(|chat| chat.seq < before));
        // A server may give more than it was asked for.
        let left = usize::try_from(older.left).unwrap_or(usize::MAX);
        let wanted = messages.split_off(messages.len().saturating_sub(left));
        let more = page.more || !messages.is_empty();
        let empty = wanted.is_empty();
        for chat in wanted.into_iter().rev() {
            older.left = older.left.saturating_sub(1);
            older.messages.push_front(chat);
        }
        if more && !empty && older.left > 0 {
            self.older = Some(older);
            return;
        }
        if let Some(time) = older.time {
            effects.push(Effect::Past {
                room: older.room,
                before: time,
                messages: older.messages.into(),
                is_all: !more,
            });
        } else if let Some(room) = self.rooms.get_mut(&older.room) {
            room.show_older(older.messages, !more, page.first, effects);
        }
    }

    pub(super) fn ask_older(&self, older: &Older) -> Ask {
        let room = older.room;
        let limit = older.left.clamp(1, self.page_limit);
        match (older.messages.front(), older.time) {
            (None, Some(time)) => Ask::Until { room, time, limit },
            (first, _) => Ask::History {
                room,
                after: None,
                before: match first {
                    Some(chat) => Some(chat.seq),
                    None => self.rooms.get(&room).map(KnownRoom::oldest),
                },
                limit,
            },
        }
    }

    /// `page` was asked for by [`Model::ask_whole`].
    pub(super) fn take_whole(&mut self, page: Page, asked: Place, effects: &mut Vec<Effect>) {
        self.whole.take_if(|place| *place == asked);
        let mut messages = page.messages.into_iter();
        effects.push(match messages.find(|chat| chat.seq == asked.seq) {
            Some(chat) => Effect::Whole(chat),
            None => Effect::Notice(None, words::no_message(asked.seq)),
        });
    }

    pub(super) const fn ask_whole(Place { room, seq }: Place) -> Ask {
        Ask::History {
            room,
            after: Some(seq.saturating_sub(1)),
            before: None,
            limit: 1,
        }
    }

    /// Without words, looks for older messages with those of the last search.
    pub(super) fn want_found(&mut self, words: Option<String>, effects: &mut Vec<Effect>) {
        let sentence = match (&mut self.search, words) {
            (Some(last), _) if last.wanted => words::SEARCH_UNDER_WAY,
            (search, Some(words)) => {
                *search = Some(Search {
                    words,
                    before: None,
                    wanted: true,
                    more: false,
                });
                return;
            }
            (Some(last), None) if last.more => {
                last.wanted = true;
                return;
            }
            (Some(_), None) => words::NO_OLDER_FOUND,
            (None, None) => words::NOTHING_SEARCHED,
        };
        effects.push(Effect::Notice(None, sentence.to_owned()));
    }

    /// Messages come newest first and are shown oldest first.
    pub(super) fn found(&mut self, found: Found, effects: &mut Vec<Effect>) {
        if self.slot != Slot::Search {
            return;
        }
        self.slot = Slot::Free;
        let Some(search) = &mut self.search else {
            return;
        };
        let last = found.messages.last().map(|chat| Place {
            room: chat.room,
            seq: chat.seq,
        });
        search.wanted = false;
        // An empty page has no message to go on from.
        search.more = found.more && last.is_some();
        search.before = last.or(search.before);
        let mut messages = found.messages;
        messages.reverse();
        effects.push(Effect::Found {
            words: search.words.clone(),
            messages,
            more: search.more,
            incomplete: found.incomplete,
        });
    }

    pub(super) fn ask_search(&self, search: &Search) -> Ask {
        Ask::Search {
            words: search.words.clone(),
            before: search.before,
            limit: FOUND.min(self.page_limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::{Ignoring, Seq};

    use super::super::Event;
    use super::super::tests::{ROOM, at, before, chat, page, shown, welcome, welcome_of};
    use super::*;

    fn until(time: u64, limit: u32) -> Effect {
        let room = ROOM;
        Effect::Ask(Ask::Until { room, time, limit })
    }

    fn search(words: &str, before: Option<Seq>) -> Effect {
        Effect::Ask(Ask::Search {
            words: words.to_owned(),
            before: before.map(|seq| Place { room: ROOM, seq }),
            limit: FOUND,
        })
    }

    fn find(words: &str) -> Event {
        Event::Find(Some(words.to_owned()))
    }

    fn found(numbers: &[Seq], more: bool) -> Event {
        Event::Found(Found {
            request: 0,
            messages: numbers.iter().map(|seq| chat(*seq)).collect(),
            more,
            incomplete: false,
        })
    }

    fn numbers(effect: &Effect) -> Vec<Seq> {
        match effect {
            Effect::Past { messages, .. } | Effect::Found { messages, .. } => {
                messages.iter().map(|chat| chat.seq).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn messages_before_a_moment_come_over_several_pages_and_move_nothing() {
        let mut model = at(100);
        let asked = model.apply(Event::WantBefore(ROOM, 77, 30));
        assert_eq!(asked, [until(77, 30)]);
        assert_eq!(model.apply(page(41..=60, true)), [before(41, 10)]);
        // What comes live meanwhile is shown as ever.
        assert_eq!(shown(&model.apply(Event::Chat(chat(101)))), [101]);
        assert!(!model.has_shown(ROOM, 101), "the rest is waited for");
        let effects = model.apply(page(31..=40, true));
        assert_eq!(numbers(&effects[0]), (31..=60).collect::<Vec<_>>());
        assert_eq!((effects.len(), shown(&effects)), (1, vec![]));
        assert!(matches!(
            effects[0],
            Effect::Past {
                before: 77,
                is_all: false,
                ..
            }
        ));
        assert!(model.has_shown(ROOM, 101));
        assert_eq!(shown(&model.apply(Event::Chat(chat(102)))), [102]);
    }

    #[test]
    fn nothing_before_a_moment_is_an_answer() {
        let mut model = at(3);
        model.apply(Event::WantBefore(ROOM, 7, 5));
        let Event::Page(mut empty) = page(1..=1, false) else {
            unreachable!()
        };
        empty.messages.clear();
        let effects = model.apply(Event::Page(empty));
        assert_eq!(numbers(&effects[0]), [0; 0]);
        assert_eq!(shown(&model.apply(Event::Chat(chat(4)))), [4]);
    }

    #[test]
    fn a_search_goes_on_where_it_stopped_until_there_is_no_more() {
        let mut model = at(3);
        assert_eq!(model.apply(find("word")), [search("word", None)]);
        let effects = model.apply(found(&[9, 7], true));
        assert_eq!(numbers(&effects[0]), [7, 9]);
        assert_eq!(model.apply(Event::Find(None)), [search("word", Some(7))]);
        let effects = model.apply(found(&[5], false));
        assert!(matches!(effects[0], Effect::Found { more: false, .. }));
        let effects = model.apply(Event::Find(None));
        assert!(matches!(&effects[0], Effect::Notice(_, n) if n.contains("no older")));
        assert_eq!(model.apply(find("other")), [search("other", None)]);
        let effects = model.apply(Event::Find(None));
        assert!(matches!(&effects[0], Effect::Notice(_, n) if n.contains("under way")));
        assert_eq!(shown(&model.apply(Event::Chat(chat(4)))), [4]);
    }

    #[test]
    fn without_a_search_there_is_nothing_to_go_on_with() {
        let mut model = at(3);
        let effects = model.apply(Event::Find(None));
        assert!(matches!(&effects[..], [Effect::Notice(_, n)] if n.contains("/search")));
        assert_eq!(model.apply(found(&[3], true)), []);
    }

    #[test]
    fn a_search_waits_for_its_turn_and_survives_a_cut() {
        let mut model = at(3);
        assert_eq!(model.apply(Event::WantOlder(ROOM, 5)), [before(1, 5)]);
        assert_eq!(model.apply(find("word")), []);
        assert!(!model.has_shown(ROOM, 3));
        let effects = model.apply(Event::PageRefused);
        assert_eq!(effects[1..], [search("word", None)]);
        assert_eq!(model.apply(Event::PageDelayed), []);
        assert_eq!(model.apply(Event::Retry), [search("word", None)]);
        model.apply(Event::Disconnected);
        assert_eq!(model.apply(welcome(3)), [search("word", None)]);
        assert_eq!(numbers(&model.apply(found(&[2], true))[0]), [2]);
        assert!(model.has_shown(ROOM, 3));
        // The places of another history mean nothing.
        model.apply(Event::Disconnected);
        model.apply(welcome_of(2, 1, 3));
        model.apply(page(1..=3, false));
        let effects = model.apply(Event::Find(None));
        assert!(matches!(&effects[..], [Effect::Notice(..)]));
    }

    #[test]
    fn a_search_that_is_refused_is_forgotten() {
        let mut model = at(3);
        model.apply(find("\"-\""));
        assert_eq!(model.apply(Event::PageRefused), []);
        assert!(model.has_shown(ROOM, 3));
        assert!(matches!(
            &model.apply(Event::Find(None))[..],
            [Effect::Notice(..)]
        ));
    }

    #[test]
    fn nobody_finds_whom_they_ignore() {
        let mut model = at(3);
        model.apply(Event::Ignoring(Ignoring {
            request: None,
            user: "bob".to_owned(),
            ignored: true,
        }));
        model.apply(find("word"));
        let Event::Found(mut some) = found(&[9, 7, 5], true) else {
            unreachable!()
        };
        some.messages[1].user = "Bob".to_owned();
        some.messages[2].user = "bob".to_owned();
        assert_eq!(numbers(&model.apply(Event::Found(some))[0]), [9]);
        // The next page begins behind the last one found, seen or not.
        assert_eq!(model.apply(Event::Find(None)), [search("word", Some(5))]);
    }

    #[test]
    fn a_page_without_a_message_is_the_last_whatever_it_says() {
        let mut model = at(3);
        model.apply(find("word"));
        let effects = model.apply(found(&[], true));
        assert!(matches!(effects[0], Effect::Found { more: false, .. }));
    }

    #[test]
    fn one_message_is_asked_for_and_shown_and_changes_nothing_else() {
        let mut model = at(3);
        let place = Place { room: ROOM, seq: 2 };
        let asked = Effect::Ask(Model::ask_whole(place));
        assert_eq!(model.apply(Event::WantWhole(place)), [asked]);
        assert!(!model.has_shown(ROOM, 3));
        let effects = model.apply(page(2..=2, true));
        assert_eq!(effects, [Effect::Whole(chat(2))]);
        assert!(model.has_shown(ROOM, 3));
        model.apply(Event::WantWhole(place));
        // Another message than the one that was asked for.
        let effects = model.apply(page(3..=3, false));
        assert!(
            matches!(effects[..], [Effect::Notice(None, _)]),
            "{effects:?}"
        );
        model.apply(Event::WantWhole(place));
        assert_eq!(model.apply(Event::PageRefused), []);
        assert!(model.has_shown(ROOM, 3));
        model.apply(Event::Ignoring(Ignoring {
            request: None,
            user: chat(2).user,
            ignored: true,
        }));
        model.apply(Event::WantWhole(place));
        assert_eq!(model.apply(page(2..=2, true)), []);
    }
}
