//! A server whose machine loses power again and again, and a client that is there for some of it:
//! what it shows of a room that it is in is what the server has.

use std::collections::BTreeMap;

use super::*;

const OTHER: RoomId = RoomId(2);

#[derive(Default)]
struct StoredRoom {
    /// That of number 1 first.
    texts: Vec<String>,
    /// How many there were when the history began.
    kept: usize,
}

struct FrailServer {
    model: Model,
    state: u64,
    history: u8,
    rooms: BTreeMap<RoomId, StoredRoom>,
    is_in_other: bool,
    said: usize,
    screen: BTreeMap<(RoomId, Seq), String>,
}

impl FrailServer {
    fn new(seed: u64) -> Self {
        Self {
            model: Model::new("zoe"),
            state: u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15),
            history: 1,
            rooms: [ROOM, OTHER]
                .map(|room| (room, StoredRoom::default()))
                .into(),
            is_in_other: true,
            said: 0,
            screen: BTreeMap::new(),
        }
    }

    fn random(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % below as u64).unwrap()
    }

    fn describe(&self, room: RoomId) -> Room {
        let stored = &self.rooms[&room];
        Room {
            head: stored.texts.len() as Seq,
            kept: (self.history > 1).then_some(stored.kept as Seq),
            ..Room::new(
                room,
                ["", "#lobby", "#other"][usize::try_from(room.0).unwrap()],
            )
        }
    }

    fn chat(&self, room: RoomId, seq: Seq) -> Chat {
        let text = &self.rooms[&room].texts[usize::try_from(seq).unwrap() - 1];
        let text = text.clone();
        Chat {
            room,
            text,
            ..chat(seq)
        }
    }

    fn tell(&mut self, event: Event) {
        for effect in self.model.apply(event) {
            match effect {
                Effect::Show(chat, _) => {
                    let shown = self.screen.insert((chat.room, chat.seq), chat.text);
                    assert_eq!(shown, None, "number {} is shown already", chat.seq);
                }
                Effect::Forget => self.screen.clear(),
                Effect::ForgetRoom(room) => self.screen.retain(|(one, _), _| *one != room),
                Effect::ForgetFrom(room, from) => {
                    self.screen
                        .retain(|(one, seq), _| *one != room || *seq < from);
                }
                Effect::Ask(Ask::History {
                    room,
                    after,
                    before,
                    ..
                }) => {
                    let head = self.rooms[&room].texts.len() as Seq;
                    let range = match (after, before) {
                        (Some(after), _) => after + 1..=head,
                        (None, before) => 1..=before.unwrap() - 1,
                    };
                    let messages = range.map(|seq| self.chat(room, seq)).collect();
                    self.tell(Event::Page(Page {
                        request: 0,
                        room,
                        messages,
                        more: false,
                        first: 1,
                    }));
                }
                Effect::Fault(fault) => panic!("{fault}"),
                _ => {}
            }
        }
    }

    fn connect(&mut self) {
        let Event::Welcome(mut begun) = welcome_of(self.history, 1, 0) else {
            unreachable!()
        };
        begun.predecessor = (self.history > 1).then(|| [self.history - 1; 16]);
        begun.rooms = vec![self.describe(ROOM)];
        if self.is_in_other {
            begun.rooms.push(self.describe(OTHER));
        }
        self.tell(Event::Welcome(begun));
    }

    fn say(&mut self) {
        let room = [ROOM, OTHER][self.random(2)];
        self.said += 1;
        let text = format!("text {}", self.said);
        let texts = &mut self.rooms.get_mut(&room).unwrap().texts;
        texts.push(text);
        let seq = texts.len() as Seq;
        if self.model.is_connected() && self.model.is_in(room) {
            self.tell(Event::Chat(self.chat(room, seq)));
        }
    }

    /// What a start has committed is on the disk: only what came after it can be lost.
    fn lose_power(&mut self) {
        if self.model.is_connected() {
            self.tell(Event::Disconnected);
        }
        self.history += 1;
        for room in [ROOM, OTHER] {
            let stored = &self.rooms[&room];
            let (kept, count) = (stored.kept, stored.texts.len());
            let left = kept + self.random(count - kept + 1);
            let stored = self.rooms.get_mut(&room).unwrap();
            stored.texts.truncate(left);
            stored.kept = left;
        }
    }

    fn step(&mut self) {
        match self.random(10) {
            0..=4 => self.say(),
            5 => self.lose_power(),
            6 | 7 if !self.model.is_connected() => self.connect(),
            6 if self.random(3) == 0 => self.tell(Event::Disconnected),
            8 if self.model.is_connected() => {
                self.is_in_other = !self.is_in_other;
                let event = if self.is_in_other {
                    Event::Joined(self.describe(OTHER))
                } else {
                    Event::Left(OTHER)
                };
                self.tell(event);
            }
            _ => {}
        }
        if self.model.is_connected() {
            self.check();
        }
    }

    /// No ghost, and nothing missing behind what is shown.
    fn check(&self) {
        for (&room, stored) in &self.rooms {
            let shown = self.screen.range((room, 0)..=(room, Seq::MAX));
            let shown: Vec<_> = shown
                .map(|((_, seq), text)| (*seq, text.as_str()))
                .collect();
            let stored = stored.texts.iter().map(String::as_str);
            let stored: Vec<_> = (1..).zip(stored).collect();
            assert!(
                !self.model.is_in(room) || shown == stored,
                "{shown:?}, {stored:?}"
            );
        }
    }
}

#[test]
fn promise_1_after_any_power_cuts_a_room_shows_what_the_server_has() {
    for seed in 1..=500 {
        let mut world = FrailServer::new(seed);
        world.connect();
        for _ in 0..100 {
            world.step();
        }
    }
}

#[test]
fn of_a_room_that_was_left_before_two_power_cuts_nothing_is_kept() {
    let mut world = FrailServer::new(1);
    world.rooms.get_mut(&OTHER).unwrap().texts = ["one", "two", "lost"].map(str::to_owned).into();
    world.connect();
    world.is_in_other = false;
    world.tell(Event::Left(OTHER));
    for text in ["another", "a third"] {
        world.tell(Event::Disconnected);
        world.history += 1;
        let other = world.rooms.get_mut(&OTHER).unwrap();
        other.kept = other.texts.len() - 1;
        other.texts[2] = text.to_owned();
        other.kept = if text == "another" { 2 } else { 3 };
        world.connect();
    }
    world.is_in_other = true;
    world.tell(Event::Joined(world.describe(OTHER)));
    world.check();
    assert_eq!(world.screen[&(OTHER, 3)], "a third");
}
