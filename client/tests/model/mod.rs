//! The state of the chat as far as it can be known from outside, and what each terminal may and
//! must see because of it.
//!
//! Membership changes are waited for; messages are not. A message that was on its way when a
//! membership began or ended may fall on either side of it: both bounds of the moment are noted.

mod checks;
mod terminal_client;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port};
use chatbox_common::testkit::random::SeededRandom;
use chatbox_common::testkit::wait::eventually;
use terminal_client::TerminalClient;

pub const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const ALICE: usize = 0;
/// The person at each terminal: Alice has two sessions.
const TERMINALS: [usize; 4] = [0, 0, 1, 2];
const LOBBY: &str = "#lobby";
const INNER: &str = "#inner~alice";
/// The rooms that people join and leave.
pub const ALL: &[&str] = &["#one", "#two", INNER];
/// How often a person may log in again: each time costs a recovery code.
const RETURNS: usize = 7;
const KILLS: usize = 8;

/// The person who made a room, and may send others out of it.
const fn maker(room: &str) -> usize {
    if matches!(room.as_bytes(), b"#two") {
        1
    } else {
        ALICE
    }
}

/// A membership: the least and the greatest number of the room at which it began and ended.
#[derive(Debug, Clone, Copy)]
struct Stay {
    first: (i64, i64),
    last: (i64, i64),
}

const NOT_ENDED: (i64, i64) = (i64::MAX, i64::MAX);

struct Said {
    person: usize,
    room: String,
    text: String,
    /// Its sender was certainly a member until it was committed.
    is_certain: bool,
}

pub struct World {
    server: ServerProcess,
    accounts: Vec<Account>,
    pub terminals: Vec<TerminalClient>,
    /// The heads of all rooms when the terminal began.
    began: Vec<BTreeMap<String, i64>>,
    stays: BTreeMap<(usize, String), Vec<Stay>>,
    invited: BTreeSet<usize>,
    banned: BTreeSet<(usize, &'static str)>,
    said: Vec<Said>,
    returns: [usize; PEOPLE.len()],
    kills: usize,
    /// How often each terminal must have come back.
    back: Vec<usize>,
    database: Connection,
}

impl World {
    pub fn begin() -> Self {
        let server = ServerProcess::start_on(free_port(), UNLIMITED);
        let mut accounts = Vec::new();
        for name in PEOPLE {
            let (account, mut session) = server.register(name);
            session.bye();
            session.rest();
            accounts.push(account);
        }
        let terminals = TERMINALS.iter();
        let terminals =
            terminals.map(|&person| TerminalClient::begin(&server, person, &mut accounts[person]));
        let terminals: Vec<TerminalClient> = terminals.collect();
        let database = server.database();
        let mut world = Self {
            server,
            accounts,
            began: vec![BTreeMap::new(); terminals.len()],
            back: vec![0; terminals.len()],
            terminals,
            stays: BTreeMap::new(),
            invited: BTreeSet::new(),
            banned: BTreeSet::new(),
            said: Vec::new(),
            returns: [0; PEOPLE.len()],
            kills: 0,
            database,
        };
        for person in 0..PEOPLE.len() {
            world.begins(person, LOBBY, (1, 1));
        }
        for (terminal, command, room) in [
            (0, "/create #one", "#one"),
            (2, "/create #two", "#two"),
            (0, "/create -invited #inner", INNER),
        ] {
            let told = format!("what you type is said in {room}");
            world.terminals[terminal].asks(command, &[&told]);
            world.terminals[terminal].current = Some(room.to_owned());
            world.begins(maker(room), room, (1, 1));
        }
        world
    }

    fn begins(&mut self, person: usize, room: &str, first: (i64, i64)) {
        let stay = Stay {
            first,
            last: NOT_ENDED,
        };
        let key = (person, room.to_owned());
        self.stays.entry(key).or_default().push(stay);
    }

    fn ends(&mut self, person: usize, room: &str, last: (i64, i64)) {
        let stays = self.stays.get_mut(&(person, room.to_owned()));
        stays.unwrap().last_mut().unwrap().last = last;
        let kept = self.kept();
        for said in &mut self.said {
            if said.person == person && said.room == room && !kept.contains_key(&said.text) {
                said.is_certain = false;
            }
        }
        for terminal in self
            .terminals
            .iter_mut()
            .filter(|terminal| terminal.person == person)
        {
            if terminal.current.as_deref() == Some(room) {
                terminal.current = None;
            }
        }
    }

    fn is_member(&self, person: usize, room: &str) -> bool {
        let stays = self.stays.get(&(person, room.to_owned()));
        let last = stays.and_then(|stays| stays.last());
        last.is_some_and(|stay| stay.last == NOT_ENDED)
    }

    fn head(&self, room: &str) -> i64 {
        let sql = "SELECT ifnull((SELECT next_seq - 1 FROM rooms WHERE name = ?1), 0)";
        let head = self.database.query_row(sql, [room], |row| row.get(0));
        head.unwrap()
    }

    /// The messages in the database: by text, with room, number and sender.
    fn kept(&self) -> BTreeMap<String, (String, i64, String)> {
        let sql = "SELECT CAST(m.body AS TEXT), r.name, m.seq, a.user FROM messages m \
                   JOIN rooms r ON r.id = m.room JOIN REGISTERED a ON a.id = m.sender";
        let mut all = self.database.prepare_cached(sql).unwrap();
        let rows = all.query_map((), |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?)))
        });
        let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
        let count = rows.len();
        let kept = BTreeMap::from_iter(rows);
        assert_eq!(kept.len(), count, "something is kept twice");
        kept
    }

    /// One that is not stopped.
    fn terminal_of(&self, person: usize) -> Option<usize> {
        let mut terminals = self.terminals.iter();
        terminals.position(|terminal| terminal.person == person && !terminal.is_stopped)
    }

    /// Has a terminal ask for something, and returns the heads of the room before and after: it
    /// took effect between them.
    fn asks(&mut self, terminal: usize, room: &str, command: &str, answer: &str) -> (i64, i64) {
        let before = self.head(room);
        self.terminals[terminal].asks(command, &[answer]);
        (before, self.head(room))
    }

    /// Says a line in one of the rooms that the person is in, or to another person.
    pub fn say(&mut self, terminal: usize, random: &mut SeededRandom) {
        let person = self.terminals[terminal].person;
        let text = format!("line {} of {}", self.said.len(), PEOPLE[person]);
        let mut rooms: Vec<&str> = ALL.to_vec();
        rooms.retain(|room| self.is_member(person, room));
        rooms.push(LOBBY);
        let choice = random.below(rooms.len() + 1);
        let room = if let Some(&room) = rooms.get(choice) {
            if self.terminals[terminal].current.as_deref() != Some(room) {
                // Not typed ahead: a person who is sent out before it is read would join again.
                let told = format!("what you type is said in {room}");
                self.terminals[terminal].asks(&format!("/join {room}"), &[&told]);
                self.terminals[terminal].current = Some(room.to_owned());
            }
            self.terminals[terminal].types(&text);
            room.to_owned()
        } else {
            let other = (person + 1 + random.below(PEOPLE.len() - 1)) % PEOPLE.len();
            self.terminals[terminal].types(&format!("/dm @{} {text}", PEOPLE[other]));
            let title = title(person, other);
            for one in [person, other] {
                if !self.is_member(one, &title) {
                    self.begins(one, &title, (1, 1));
                }
            }
            title
        };
        self.said.push(Said {
            person,
            room,
            text,
            is_certain: true,
        });
    }

    pub fn join(&mut self, terminal: usize, room: &'static str) {
        let person = self.terminals[terminal].person;
        if self.is_member(person, room) {
            return;
        }
        let command = format!("/join {room}");
        let may_see = room != INNER || self.invited.contains(&person);
        if !may_see {
            self.terminals[terminal].asks(&command, &["there is no such room"]);
        } else if self.banned.contains(&(person, room)) {
            self.terminals[terminal].asks(&command, &["you are banned from this room"]);
        } else {
            let told = format!("what you type is said in {room}");
            let (before, after) = self.asks(terminal, room, &command, &told);
            self.begins(person, room, (before + 1, after + 1));
            if room == INNER {
                self.invited.remove(&person);
            }
            self.terminals[terminal].current = Some(room.to_owned());
        }
    }

    pub fn leave(&mut self, terminal: usize, room: &'static str) {
        let person = self.terminals[terminal].person;
        if !self.is_member(person, room) || maker(room) == person {
            return;
        }
        let told = format!("you have left {room}");
        let last = self.asks(terminal, room, &format!("/leave {room}"), &told);
        self.ends(person, room, last);
    }

    pub fn kick(&mut self, room: &'static str, whom: usize) {
        let Some(terminal) = self.terminal_of(maker(room)) else {
            return;
        };
        if whom == maker(room) || !self.is_member(whom, room) {
            return;
        }
        let (by, user) = (PEOPLE[maker(room)], PEOPLE[whom]);
        let told = format!("{by} sent {user} out of {room}");
        let last = self.asks(terminal, room, &format!("/kick {room} @{user}"), &told);
        self.ends(whom, room, last);
    }

    pub fn ban(&mut self, room: &'static str, whom: usize) {
        let Some(terminal) = self.terminal_of(maker(room)) else {
            return;
        };
        if whom == maker(room) || self.banned.contains(&(whom, room)) {
            return;
        }
        let (by, user) = (PEOPLE[maker(room)], PEOPLE[whom]);
        let told = format!("{by} banned {user} from {room}");
        let last = self.asks(
            terminal,
            room,
            &format!("/ban {room} @{user} why not"),
            &told,
        );
        if self.is_member(whom, room) {
            self.ends(whom, room, last);
        }
        self.banned.insert((whom, room));
        if room == INNER {
            self.invited.remove(&whom);
        }
    }

    pub fn unban(&mut self, room: &'static str, whom: usize) {
        let Some(terminal) = self.terminal_of(maker(room)) else {
            return;
        };
        if self.banned.remove(&(whom, room)) {
            let (by, user) = (PEOPLE[maker(room)], PEOPLE[whom]);
            let told = format!("{by} took the ban of {user} from {room} back");
            self.terminals[terminal].asks(&format!("/unban {room} @{user}"), &[&told]);
        }
    }

    pub fn invite(&mut self, whom: usize) {
        let Some(terminal) = self.terminal_of(ALICE) else {
            return;
        };
        let is_in = self.is_member(whom, INNER) || self.invited.contains(&whom);
        if whom != ALICE && !is_in && !self.banned.contains(&(whom, INNER)) {
            self.terminals[terminal].asks(
                &format!("/invite {INNER} @{}", PEOPLE[whom]),
                &["-- invited"],
            );
            self.invited.insert(whom);
        }
    }

    /// A member without rights tries what needs them.
    pub fn tries_what_is_not_theirs(&mut self, terminal: usize, room: &'static str) {
        let person = self.terminals[terminal].person;
        if maker(room) == person || !self.is_member(person, room) {
            return;
        }
        for command in ["kick", "ban", "mute", "op"] {
            let command = format!("/{command} {room} @{}", PEOPLE[maker(room)]);
            self.terminals[terminal].asks(&command, &["you may not do that here"]);
        }
    }

    /// The client reads nothing until it goes on.
    pub fn stop(&mut self, terminal: usize) {
        self.terminals[terminal].stop();
    }

    pub fn go_on(&mut self, terminal: usize) {
        self.terminals[terminal].go_on();
        self.terminals[terminal].missed_a_kill = false;
        self.is_back(terminal);
    }

    fn is_back(&self, terminal: usize) {
        eventually("a client's return", || {
            (self.terminals[terminal]
                .text()
                .matches("connected again")
                .count()
                >= self.back[terminal])
                .then_some(())
        });
    }

    /// The server is killed in the middle, and started again.
    pub fn kill(&mut self) {
        if self.kills == KILLS {
            return;
        }
        self.kills += 1;
        self.server.kill();
        self.server.restart();
        for (terminal, back) in self.terminals.iter_mut().zip(&mut self.back) {
            // A stopped client comes back once, however often the server was killed meanwhile.
            if !std::mem::replace(&mut terminal.missed_a_kill, terminal.is_stopped) {
                *back += 1;
            }
        }
        for terminal in 0..self.terminals.len() {
            if !self.terminals[terminal].is_stopped {
                self.is_back(terminal);
            }
        }
    }

    /// Ends a client, and logs the person in again on a new screen.
    pub fn leaves_and_comes_back(&mut self, terminal: usize) {
        let person = self.terminals[terminal].person;
        if self.returns[person] == RETURNS {
            return;
        }
        self.returns[person] += 1;
        self.check(terminal);
        self.terminals[terminal].quit();
        let account = &mut self.accounts[person];
        self.terminals[terminal] = TerminalClient::begin(&self.server, person, account);
        self.back[terminal] = 0;
        let rooms: Vec<String> = self.stays.keys().map(|(_, room)| room.clone()).collect();
        self.began[terminal] = rooms
            .into_iter()
            .map(|room| (room.clone(), self.head(&room)))
            .collect();
    }
}

/// The database's name of the conversation of two.
fn title(one: usize, other: usize) -> String {
    let (low, high) = (one.min(other), one.max(other));
    format!("@{}+{}", PEOPLE[low], PEOPLE[high])
}
