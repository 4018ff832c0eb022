//! A server that does what the protocol allows, in any order: every message is shown once and in
//! order, whatever the server does.

use std::collections::VecDeque;

use super::*;

/// A server in a few lines: its room grows, its live messages get lost, its answers take time.
struct World {
    model: Model,
    state: u64,
    head: Seq,
    /// Behind which message everything comes live.
    live_from: Option<Seq>,
    /// Told to the client, in this order.
    wire: VecDeque<Event>,
    shown: Vec<Seq>,
}

impl World {
    fn random(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % below
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
                let last = self.head.min(after + 1 + self.random(4));
                page(after + 1..=last, last < self.head)
            }
            // The first view: everything, so that 1..n is what must be shown.
            Ask::History { before, .. } => page(1..=before.unwrap() - 1, false),
            Ask::Follow { after, .. } => {
                let near = self.head - after < 3;
                match self.live_from {
                    // What is behind `after` has been sent.
                    Some(from) => following(self.head, after >= from),
                    None if near => {
                        self.live_from = Some(after);
                        self.wire.push_back(following(self.head, true));
                        let missed = (after + 1..=self.head).map(|seq| Event::Chat(chat(seq)));
                        self.wire.extend(missed);
                        return;
                    }
                    None => following(self.head, false),
                }
            }
            _ => return,
        };
        self.wire.push_back(answer);
    }

    fn step(&mut self) {
        match self.random(12) {
            0..=3 => {
                self.head += 1;
                // Now and then a live message is lost, which a lag would have announced.
                if self.live_from.is_some() && self.random(10) > 0 {
                    self.wire.push_back(Event::Chat(chat(self.head)));
                }
            }
            4 => {
                self.live_from = None;
                self.wire.push_back(lagged(self.head));
            }
            5 if self.random(4) == 0 => {
                self.wire.clear();
                self.tell(Event::Disconnected);
                self.live_from = Some(self.head);
                self.wire.push_back(welcome(self.head));
            }
            6 => {
                let back = self.random(self.head + 1);
                self.wire.push_back(Event::Chat(chat(self.head - back)));
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

#[test]
fn whatever_happens_every_message_is_shown_once_and_in_order() {
    for seed in 1..=300 {
        let mut world = World {
            model: Model::new("zoe"),
            state: u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15),
            head: seed % 7,
            live_from: Some(seed % 7),
            wire: VecDeque::new(),
            shown: Vec::new(),
        };
        world.wire.push_back(welcome(world.head));
        for _ in 0..400 {
            world.step();
        }
        // In the end a last message gets through, and with it all that was lost.
        world.head += 1;
        world.wire.push_back(Event::Chat(chat(world.head)));
        while !world.wire.is_empty() {
            world.hear();
        }
        assert_eq!(
            world.shown,
            (1..=world.head).collect::<Vec<_>>(),
            "seed {seed}"
        );
    }
}
