//! A server that does what the protocol allows, in any order: every message is shown once and in
//! order, whatever the server does.

use std::collections::VecDeque;

use chatbox_common::fuzzing::Choices;
use chatbox_common::wire::message::{Chat, Following, Head, Room, RoomId, Seq};

use super::{chat, page, welcome};
use crate::model::{Ask, Effect, Event, Model};

const ROOM: RoomId = RoomId(1);

/// A server in a few lines: its room grows, its live messages get lost, its answers take time.
struct World<'d> {
    model: Model,
    choices: Choices<'d>,
    head: Seq,
    /// Behind which message everything comes live.
    live_from: Option<Seq>,
    /// Told to the client, in this order.
    wire: VecDeque<Event>,
    shown: Vec<Seq>,
}

fn said(seq: Seq) -> Chat {
    chat(ROOM, seq, "alice", "")
}

pub(super) fn show_all(mut choices: Choices<'_>) {
    let head = Seq::from(choices.byte() % 7);
    let mut world = World {
        model: Model::new("zoe"),
        choices,
        head,
        live_from: Some(head),
        wire: VecDeque::new(),
        shown: Vec::new(),
    };
    world.wire.push_back(world.welcome());
    while !world.choices.is_done() {
        world.step();
    }
    // In the end a last message gets through, and with it all that was lost.
    world.head += 1;
    world.wire.push_back(Event::Chat(said(world.head)));
    while !world.wire.is_empty() {
        world.hear();
    }
    let all: Vec<Seq> = (1..=world.head).collect();
    assert_eq!(world.shown, all);
}

impl World<'_> {
    fn below(&mut self, bound: Seq) -> Seq {
        Seq::from(self.choices.byte()) % bound
    }

    fn welcome(&self) -> Event {
        Event::Welcome(welcome(vec![Room {
            first: 1,
            head: self.head,
            read: self.head,
            ..Room::new(ROOM, "#lobby")
        }]))
    }

    fn following(&self, live: bool) -> Event {
        Event::Following(Following {
            request: 0,
            room: ROOM,
            head: self.head,
            live,
        })
    }

    fn tell(&mut self, event: Event) {
        for effect in self.model.apply(event) {
            match effect {
                Effect::Show(chat, _) => self.shown.push(chat.seq),
                Effect::Ask(ask) => self.answer(&ask),
                Effect::Fault(fault) => panic!("{fault}"),
                _ => {}
            }
        }
    }

    fn answer(&mut self, ask: &Ask) {
        let answer = match *ask {
            Ask::History {
                after: Some(after), ..
            } => {
                let last = self.head.min(after + 1 + self.below(4));
                let messages = (after + 1..=last).map(said).collect();
                Event::Page(page(ROOM, messages, last < self.head))
            }
            // The first view: everything, so that 1..n is what must be shown.
            Ask::History { before, .. } => {
                let messages = (1..before.unwrap()).map(said).collect();
                Event::Page(page(ROOM, messages, false))
            }
            Ask::Follow { after, .. } => {
                let near = self.head - after < 3;
                match self.live_from {
                    // What is behind `after` has been sent.
                    Some(from) => self.following(after >= from),
                    None if near => {
                        self.live_from = Some(after);
                        self.wire.push_back(self.following(true));
                        let missed = (after + 1..=self.head).map(said);
                        self.wire.extend(missed.map(Event::Chat));
                        return;
                    }
                    None => self.following(false),
                }
            }
            _ => return,
        };
        self.wire.push_back(answer);
    }

    fn step(&mut self) {
        match self.below(12) {
            0..=3 => {
                self.head += 1;
                // Now and then a live message is lost, which a lag would have announced.
                if self.live_from.is_some() && self.below(10) > 0 {
                    self.wire.push_back(Event::Chat(said(self.head)));
                }
            }
            4 => {
                self.live_from = None;
                let head = self.head;
                self.wire
                    .push_back(Event::Lagged(vec![Head { room: ROOM, head }]));
            }
            5 if self.below(4) == 0 => {
                self.wire.clear();
                self.tell(Event::Disconnected);
                self.live_from = Some(self.head);
                self.wire.push_back(self.welcome());
            }
            6 => {
                let back = self.below(self.head + 1);
                self.wire.push_back(Event::Chat(said(self.head - back)));
            }
            _ => self.hear(),
        }
    }

    fn hear(&mut self) {
        if let Some(event) = self.wire.pop_front() {
            self.tell(event);
        }
    }
}
