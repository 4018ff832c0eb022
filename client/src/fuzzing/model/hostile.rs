//! A server that says anything at any time: each message is shown at most once and in order, one
//! page is asked for at a time, and nothing is asked for without a connection.

use std::collections::{BTreeMap, BTreeSet};

use chatbox_common::fuzzing::Choices;
use chatbox_common::limits::PAGE_LIMIT;
use chatbox_common::wire::codec::{self, Read};
use chatbox_common::wire::message::{
    Chat, ClientMessage, Following, Head, Page, Place, ReadTo, Room, RoomId, Seq, ServerMessage,
};

use super::{chat, welcome};
use crate::model::{Effect, Event, Listed, Model};

const USERS: &[&str] = &["alice", "zoe", "Bob", "bob", "\u{1b}[2J", ""];
const NAMES: &[&str] = &["#lobby", "#ops", "@bob", "@alice", ""];
const TEXTS: &[&str] = &["hello", "zoe: you", "@Zoe", ""];

#[derive(Default)]
struct Seen {
    last: BTreeMap<RoomId, Seq>,
    oldest: BTreeMap<RoomId, Seq>,
    /// Where a person was told that messages are missing: the next one leaves a gap.
    told: BTreeSet<RoomId>,
    /// A page request waits for its answer.
    asked: bool,
    /// Messages that a person wanted to see whole.
    whole: Vec<Place>,
    /// From the first ignored person on, what is hidden leaves gaps.
    ignores: bool,
}

pub(super) fn show_each_once(mut choices: Choices<'_>) {
    let mut model = Model::new("zoe");
    let mut seen = Seen::default();
    while !choices.is_done() {
        let Some(event) = next(&mut choices, &mut seen) else {
            continue;
        };
        let fault = seen.check(&mut model, event);
        if fault {
            assert!(!seen.check(&mut model, Event::Disconnected));
        }
        look_at(&model);
    }
}

fn next(choices: &mut Choices<'_>, seen: &mut Seen) -> Option<Event> {
    Some(match choices.byte() % 20 {
        0 => {
            let mut rooms = Vec::new();
            for number in 0..choices.byte() % 4 {
                rooms.push(Room {
                    room: RoomId(number.into()),
                    ..room(choices)
                });
            }
            let mut welcome = welcome(rooms);
            let history = choices.byte();
            welcome.history_id[0] = history % 2;
            if history & 2 != 0 {
                let mut predecessor = welcome.history_id;
                predecessor[0] = history >> 2 & 1;
                welcome.predecessor = Some(predecessor);
            }
            welcome.limits.page_messages = choices.byte().into();
            seen.asked = false;
            Event::Welcome(welcome)
        }
        1..=4 => Event::Chat(message(choices)),
        5..=7 => answer(seen, Event::Page(page(choices)))?,
        8 => Event::Joined(room(choices)),
        9 => Event::Left(number(choices)),
        10 => answer(seen, Event::PageDelayed)?,
        11 => answer(seen, Event::PageRefused)?,
        12 => Event::Retry,
        13 => Event::Lagged(vec![Head {
            room: number(choices),
            head: seq(choices),
        }]),
        14 => Event::Following(Following {
            request: 0,
            room: number(choices),
            head: seq(choices),
            live: choices.flag(),
        }),
        15 => Event::ReadTo(ReadTo {
            room: number(choices),
            seq: seq(choices),
        }),
        16 => {
            seen.asked = false;
            Event::Disconnected
        }
        17 => {
            // Two bytes of length and a message as it comes over the wire.
            let length = choices.short().into();
            let bytes = choices.bytes(length);
            let Some(Ok(Read::Known(message))) = codec::messages(bytes).next() else {
                return None;
            };
            heard(message, seen)?
        }
        _ => wish(choices, seen),
    })
}

/// `None` for an answer to nothing: those don't reach the model.
fn answer(seen: &mut Seen, event: Event) -> Option<Event> {
    std::mem::take(&mut seen.asked).then_some(event)
}

fn heard(message: ServerMessage, seen: &mut Seen) -> Option<Event> {
    Some(match message {
        ServerMessage::People(list) => answer(seen, Event::People(list))?,
        ServerMessage::RoomList(list) => answer(seen, Event::RoomList(list))?,
        ServerMessage::MemberList(list) => answer(seen, Event::MemberList(list))?,
        ServerMessage::Profile(profile) => answer(seen, Event::Profile(profile))?,
        ServerMessage::Found(found) => answer(seen, Event::Found(found))?,
        ServerMessage::RoomChanged(changed) => Event::RoomChanged(changed),
        ServerMessage::Presence(presence) => Event::Presence(presence),
        ServerMessage::Standing(standing) => Event::Standing(standing),
        ServerMessage::Invited(invited) => Event::Invited(invited),
        ServerMessage::Ignoring(ignoring) => {
            seen.ignores = true;
            Event::Ignoring(ignoring)
        }
        _ => return None,
    })
}

/// What a person or the face asks for.
fn wish(choices: &mut Choices<'_>, seen: &mut Seen) -> Event {
    let count = choices.byte().into();
    match choices.byte() % 11 {
        0 => Event::HaveRead(choices.flag().then(|| number(choices))),
        1 => {
            let room = number(choices);
            seen.oldest.remove(&room);
            Event::Forgot(room, seq(choices))
        }
        2 | 3 => Event::WantOlder(number(choices), count),
        4 => Event::WantBefore(number(choices), 9, count),
        5 => Event::Find(choices.flag().then(|| choices.text())),
        6 => Event::Want(choices.one_of(&[Listed::People, Listed::Rooms])),
        7 => Event::Want(Listed::Members(number(choices))),
        8 => {
            let place = Place {
                room: number(choices),
                seq: seq(choices),
            };
            seen.whole.push(place);
            Event::WantWhole(place)
        }
        9 => {
            let room = number(choices);
            // A script says it before anything of the room is shown.
            if seen.last.contains_key(&room) {
                Event::Want(Listed::Rooms)
            } else {
                Event::StartAt(room, seq(choices))
            }
        }
        _ => Event::WantProfile(choices.text()),
    }
}

fn number(choices: &mut Choices<'_>) -> RoomId {
    RoomId(u64::from(choices.byte() % 4))
}

/// Mostly small ones.
fn seq(choices: &mut Choices<'_>) -> Seq {
    match choices.byte() {
        small @ ..0xf0 => (small % 32).into(),
        large => Seq::MAX - Seq::from(0xff - large),
    }
}

fn room(choices: &mut Choices<'_>) -> Room {
    Room {
        first: seq(choices),
        head: seq(choices),
        read: seq(choices),
        kept: choices.flag().then(|| seq(choices)),
        ..Room::new(number(choices), choices.one_of(NAMES))
    }
}

fn message(choices: &mut Choices<'_>) -> Chat {
    let (room, seq) = (number(choices), seq(choices));
    chat(room, seq, choices.one_of(USERS), choices.one_of(TEXTS))
}

/// In order, or as it comes.
fn page(choices: &mut Choices<'_>) -> Page {
    let (room, first) = (number(choices), seq(choices));
    let count = Seq::from(choices.byte() % 16);
    let messages = if choices.flag() {
        (0..count).map(|_| message(choices)).collect()
    } else {
        let all = (0..count).map(|n| first.saturating_add(n));
        all.map(|seq| chat(room, seq, choices.one_of(USERS), ""))
            .collect()
    };
    Page {
        first: seq(choices),
        ..super::page(room, messages, choices.flag())
    }
}

impl Seen {
    /// Returns whether the session is over by a fault of the server.
    fn check(&mut self, model: &mut Model, event: Event) -> bool {
        let mut fault = false;
        let effects = model.apply(event);
        for effect in effects {
            match effect {
                Effect::Forget => {
                    *self = Self {
                        asked: self.asked,
                        ignores: self.ignores,
                        whole: std::mem::take(&mut self.whole),
                        ..Self::default()
                    }
                }
                Effect::ForgetFrom(room, first) => self.forget_from(room, first),
                Effect::ForgetRoom(room) => self.forget_from(room, 0),
                Effect::Notice(room, _) => self.told.extend(room),
                Effect::Show(chat, _) => self.shown(&chat),
                Effect::Older { room, messages, .. } => {
                    let messages: Vec<Chat> = messages.into_iter().map(|(chat, _)| chat).collect();
                    self.shown_before(room, &messages);
                }
                Effect::Past { messages, .. } => {
                    assert!(messages.is_sorted_by(|one, next| one.seq < next.seq));
                }
                Effect::Whole(Chat { room, seq, .. }) => {
                    assert!(self.whole.contains(&Place { room, seq }));
                }
                Effect::Ask(ask) => {
                    assert!(model.is_connected());
                    self.asked(&ask.into_message(1));
                }
                Effect::Fault(_) => fault = true,
                Effect::Unread { count, .. } => assert!(count > 0),
                Effect::People(_)
                | Effect::Rooms(_)
                | Effect::Members(_)
                | Effect::ListCut(_)
                | Effect::Profile(_)
                | Effect::Presence(_)
                | Effect::Standing(_)
                | Effect::Invited(_)
                | Effect::Found { .. } => {}
            }
        }
        fault
    }

    fn shown(&mut self, chat: &Chat) {
        let told = self.told.remove(&chat.room);
        let before = self.last.insert(chat.room, chat.seq);
        if let Some(before) = before {
            assert!(chat.seq > before, "{} again behind {before}", chat.seq);
            let may_skip = self.ignores || told;
            assert!(
                may_skip || chat.seq == before + 1,
                "{} behind {before}",
                chat.seq
            );
        } else {
            self.oldest.entry(chat.room).or_insert(chat.seq);
        }
    }

    /// These are shown again, in other words perhaps.
    fn forget_from(&mut self, room: RoomId, first: Seq) {
        if self.oldest.get(&room).is_some_and(|oldest| *oldest < first) {
            self.last.entry(room).and_modify(|last| *last = first - 1);
        } else {
            self.last.remove(&room);
            self.oldest.remove(&room);
        }
    }

    fn shown_before(&mut self, room: RoomId, messages: &[Chat]) {
        assert!(messages.is_sorted_by(|one, next| one.seq < next.seq));
        if let (Some(first), Some(last)) = (messages.first(), messages.last()) {
            let oldest = self.oldest.insert(room, first.seq);
            assert!(oldest.is_none_or(|oldest| last.seq < oldest));
        }
    }

    fn asked(&mut self, ask: &ClientMessage) {
        let limit = match ask {
            ClientMessage::Follow(_) | ClientMessage::Read(_) => return,
            ClientMessage::History(ask) => ask.limit,
            ClientMessage::Search(ask) => ask.limit,
            ClientMessage::List(ask) => ask.limit,
            ClientMessage::Rooms(ask) => ask.limit,
            ClientMessage::Members(ask) => ask.limit,
            ClientMessage::Whois(_) => 1,
            other => panic!("{other:?}"),
        };
        assert!((1..=PAGE_LIMIT).contains(&limit));
        assert!(
            !std::mem::replace(&mut self.asked, true),
            "two pages at a time"
        );
    }
}

/// What the faces and the completion look at.
fn look_at(model: &Model) {
    for (number, room) in model.listed_rooms() {
        assert!(model.is_in(number));
        assert_eq!(model.room_name(number), room.told.name);
        let people = model.people_heard_of(Some(number));
        assert!(people.iter().all(|user| !user.eq_ignore_ascii_case("zoe")));
        assert!(!(model.is_listing() && model.has_shown(number, 0)));
    }
}
