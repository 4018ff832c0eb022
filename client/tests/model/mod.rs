//! What has happened, as far as it can be known from outside, and what follows from it for what
//! each may see and must see.
//!
//! Membership changes are waited for; messages are not. A message that was on its way when a
//! membership began or ended may fall on either side of it: both bounds of the moment are noted.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::seat::Seat;
use crate::support::account::Account;
use crate::support::dice::Dice;
use crate::support::{Server, UNLIMITED, eventually, free_port};

pub const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const ALICE: usize = 0;
/// Who sits at which seat: Alice has two sessions.
const SEATS: [usize; 4] = [0, 0, 1, 2];
const LOBBY: &str = "#lobby";
const INNER: &str = "#inner~alice";
/// The rooms that people come to and go from.
pub const ALL: &[&str] = &["#one", "#two", INNER];
/// How often one person may log in again: each time costs a recovery code.
const RETURNS: usize = 7;
/// Kills of one run.
const KILLS: usize = 8;

/// Who made a room, and may send others out of it.
const fn maker(room: &str) -> usize {
    // `#two` is Bob's.
    if matches!(room.as_bytes(), b"#two") {
        1
    } else {
        ALICE
    }
}

/// A membership: at which numbers of the room it began and ended, at least and at most.
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
    /// Its sender was a member until it was committed.
    is_certain: bool,
}

/// See the module.
pub struct World {
    server: Server,
    accounts: Vec<Account>,
    pub seats: Vec<Seat>,
    /// The heads of all rooms, as each seat began.
    began: Vec<BTreeMap<String, i64>>,
    stays: BTreeMap<(usize, String), Vec<Stay>>,
    invited: BTreeSet<usize>,
    banned: BTreeSet<(usize, &'static str)>,
    said: Vec<Said>,
    returns: [usize; PEOPLE.len()],
    kills: usize,
    /// How often each seat is expected to have come back.
    back: Vec<usize>,
    database: Connection,
}

impl World {
    /// Everybody is there, and the rooms are made.
    pub fn begin() -> Self {
        let server = Server::start_on(free_port(), UNLIMITED);
        let mut accounts = Vec::new();
        for name in PEOPLE {
            let (account, mut session) = server.register(name);
            session.bye();
            session.rest();
            accounts.push(account);
        }
        let seats = SEATS.iter().enumerate();
        let seats =
            seats.map(|(n, &person)| Seat::begin(&server, n, person, &mut accounts[person]));
        let seats: Vec<Seat> = seats.collect();
        let database = server.database();
        let mut world = Self {
            server,
            accounts,
            began: vec![BTreeMap::new(); seats.len()],
            back: vec![0; seats.len()],
            seats,
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
        for (seat, command, room) in [
            (0, "/create #one", "#one"),
            (2, "/create #two", "#two"),
            (0, "/create -invited #inner", INNER),
        ] {
            let told = format!("what you type is said in {room}");
            world.seats[seat].asks(command, &[&told]);
            world.seats[seat].current = Some(room.to_owned());
            world.begins(maker(room), room, (1, 1));
        }
        world
    }

    // What is known.

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
        for seat in self.seats.iter_mut().filter(|seat| seat.person == person) {
            if seat.current.as_deref() == Some(room) {
                seat.current = None;
            }
        }
    }

    fn is_member(&self, person: usize, room: &str) -> bool {
        let stays = self.stays.get(&(person, room.to_owned()));
        let last = stays.and_then(|stays| stays.last());
        last.is_some_and(|stay| stay.last == NOT_ENDED)
    }

    /// The last number of a room.
    fn head(&self, room: &str) -> i64 {
        let sql = "SELECT ifnull((SELECT next_seq - 1 FROM rooms WHERE name = ?1), 0)";
        let head = self.database.query_row(sql, [room], |row| row.get(0));
        head.unwrap()
    }

    /// What the database has: by text, where, which number, and whose.
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

    /// A seat of a person that can act.
    fn seat_of(&self, person: usize) -> Option<usize> {
        let mut seats = self.seats.iter();
        seats.position(|seat| seat.person == person && !seat.is_stopped)
    }

    /// Has a seat ask for something; between these two numbers it came about.
    fn asks(&mut self, seat: usize, room: &str, command: &str, answer: &str) -> (i64, i64) {
        let before = self.head(room);
        self.seats[seat].asks(command, &[answer]);
        (before, self.head(room))
    }

    // What is done.

    /// Somebody says something, somewhere where they are.
    pub fn say(&mut self, seat: usize, dice: &mut Dice) {
        let person = self.seats[seat].person;
        let text = format!("line {} of {}", self.said.len(), PEOPLE[person]);
        let mut rooms: Vec<&str> = ALL.to_vec();
        rooms.retain(|room| self.is_member(person, room));
        rooms.push(LOBBY);
        let choice = dice.below(rooms.len() + 1);
        let room = if let Some(&room) = rooms.get(choice) {
            if self.seats[seat].current.as_deref() != Some(room) {
                // Not typed ahead: who is sent out before it is read would come in anew.
                let told = format!("what you type is said in {room}");
                self.seats[seat].asks(&format!("/join {room}"), &[&told]);
                self.seats[seat].current = Some(room.to_owned());
            }
            self.seats[seat].types(&text);
            room.to_owned()
        } else {
            let other = (person + 1 + dice.below(PEOPLE.len() - 1)) % PEOPLE.len();
            self.seats[seat].types(&format!("/dm @{} {text}", PEOPLE[other]));
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

    pub fn join(&mut self, seat: usize, room: &'static str) {
        let person = self.seats[seat].person;
        if self.is_member(person, room) {
            return;
        }
        let command = format!("/join {room}");
        let may_see = room != INNER || self.invited.contains(&person);
        if !may_see {
            self.seats[seat].asks(&command, &["there is no such room"]);
        } else if self.banned.contains(&(person, room)) {
            self.seats[seat].asks(&command, &["you are banned from this room"]);
        } else {
            let told = format!("what you type is said in {room}");
            let (before, after) = self.asks(seat, room, &command, &told);
            self.begins(person, room, (before + 1, after + 1));
            if room == INNER {
                self.invited.remove(&person);
            }
            self.seats[seat].current = Some(room.to_owned());
        }
    }

    pub fn leave(&mut self, seat: usize, room: &'static str) {
        let person = self.seats[seat].person;
        if !self.is_member(person, room) || maker(room) == person {
            return;
        }
        let told = format!("you have left {room}");
        let last = self.asks(seat, room, &format!("/leave {room}"), &told);
        self.ends(person, room, last);
    }

    pub fn kick(&mut self, room: &'static str, whom: usize) {
        let Some(seat) = self.seat_of(maker(room)) else {
            return;
        };
        if whom == maker(room) || !self.is_member(whom, room) {
            return;
        }
        let (by, user) = (PEOPLE[maker(room)], PEOPLE[whom]);
        let told = format!("{by} sent {user} out of {room}");
        let last = self.asks(seat, room, &format!("/kick {room} @{user}"), &told);
        self.ends(whom, room, last);
    }

    pub fn ban(&mut self, room: &'static str, whom: usize) {
        let Some(seat) = self.seat_of(maker(room)) else {
            return;
        };
        if whom == maker(room) || self.banned.contains(&(whom, room)) {
            return;
        }
        let (by, user) = (PEOPLE[maker(room)], PEOPLE[whom]);
        let told = format!("{by} banned {user} from {room}");
        let last = self.asks(seat, room, &format!("/ban {room} @{user} why not"), &told);
        if self.is_member(whom, room) {
            self.ends(whom, room, last);
        }
        self.banned.insert((whom, room));
        if room == INNER {
            self.invited.remove(&whom);
        }
    }

    pub fn unban(&mut self, room: &'static str, whom: usize) {
        let Some(seat) = self.seat_of(maker(room)) else {
            return;
        };
        if self.banned.remove(&(whom, room)) {
            let (by, user) = (PEOPLE[maker(room)], PEOPLE[whom]);
            let told = format!("{by} took the ban of {user} from {room} back");
            self.seats[seat].asks(&format!("/unban {room} @{user}"), &[&told]);
        }
    }

    pub fn invite(&mut self, whom: usize) {
        let Some(seat) = self.seat_of(ALICE) else {
            return;
        };
        let is_in = self.is_member(whom, INNER) || self.invited.contains(&whom);
        if whom != ALICE && !is_in && !self.banned.contains(&(whom, INNER)) {
            self.seats[seat].asks(
                &format!("/invite {INNER} @{}", PEOPLE[whom]),
                &["-- invited"],
            );
            self.invited.insert(whom);
        }
    }

    /// A member without rights tries what needs them.
    pub fn tries_what_is_not_theirs(&mut self, seat: usize, room: &'static str) {
        let person = self.seats[seat].person;
        if maker(room) == person || !self.is_member(person, room) {
            return;
        }
        for command in ["kick", "ban", "mute", "op"] {
            let command = format!("/{command} {room} @{}", PEOPLE[maker(room)]);
            self.seats[seat].asks(&command, &["you may not do that here"]);
        }
    }

    /// A client hears nothing for a while.
    pub fn stop(&mut self, seat: usize) {
        self.seats[seat].stop();
    }

    pub fn go_on(&mut self, seat: usize) {
        self.seats[seat].go_on();
        self.seats[seat].missed_a_kill = false;
        self.is_back(seat);
    }

    fn is_back(&self, seat: usize) {
        eventually("a client's return", || {
            (self.seats[seat].count("connected again") >= self.back[seat]).then_some(())
        });
    }

    /// The server dies in the middle of it, and is started again.
    pub fn kill(&mut self) {
        if self.kills == KILLS {
            return;
        }
        self.kills += 1;
        self.server.kill();
        self.server.restart();
        for (seat, back) in self.seats.iter_mut().zip(&mut self.back) {
            // Who is stopped comes back once, however often the server was killed meanwhile.
            if !std::mem::replace(&mut seat.missed_a_kill, seat.is_stopped) {
                *back += 1;
            }
        }
        for seat in 0..self.seats.len() {
            if !self.seats[seat].is_stopped {
                self.is_back(seat);
            }
        }
    }

    /// Somebody goes, and logs in again on a new screen.
    pub fn leaves_and_comes_back(&mut self, seat: usize) {
        let person = self.seats[seat].person;
        if self.returns[person] == RETURNS {
            return;
        }
        self.returns[person] += 1;
        self.check(seat);
        self.seats[seat].quit();
        let account = &mut self.accounts[person];
        self.seats[seat] = Seat::begin(&self.server, seat, person, account);
        self.back[seat] = 0;
        let rooms: Vec<String> = self.stays.keys().map(|(_, room)| room.clone()).collect();
        self.began[seat] = rooms
            .into_iter()
            .map(|room| (room.clone(), self.head(&room)))
            .collect();
    }

    /// Waits until everything that was said is kept or refused, and everybody has seen it.
    pub fn settle(&mut self) {
        for seat in 0..self.seats.len() {
            if self.seats[seat].is_stopped {
                self.go_on(seat);
            }
        }
        eventually("all that was said", || {
            let kept = self.kept();
            let mut certain = self.said.iter().filter(|said| said.is_certain);
            certain
                .all(|said| kept.contains_key(&said.text))
                .then_some(())
        });
        for seat in 0..self.seats.len() {
            self.check(seat);
        }
    }

    /// Everything is as promised, to the end.
    pub fn end(mut self) -> String {
        self.settle();
        let rooms: Vec<_> = self.stays.keys().cloned().collect();
        for (person, room) in rooms {
            if self.is_member(person, &room) {
                self.has_read_all(person, &room);
            }
        }
        let kept = self.kept();
        for said in &self.said {
            match kept.get(&said.text) {
                Some((room, _, user)) => {
                    assert_eq!((room, user.as_str()), (&said.room, PEOPLE[said.person]));
                }
                None => assert!(!said.is_certain, "{} is lost", said.text),
            }
        }
        let logged = self.server.lines("chat.log").len();
        assert_eq!(logged, kept.len(), "chat.log has another number of lines");
        for seat in &mut self.seats {
            seat.quit();
        }
        let returns: usize = self.returns.iter().sum();
        format!(
            "{} said, {} kept, {} kills, {returns} returns",
            self.said.len(),
            kept.len(),
            self.kills,
        )
    }

    /// How far somebody has read is kept, whichever of their sessions said so.
    fn has_read_all(&self, person: usize, room: &str) {
        let sql = "SELECT m.read_seq FROM members m JOIN rooms r ON r.id = m.room \
                   JOIN REGISTERED a ON a.id = m.account WHERE r.name = ?1 AND a.user = ?2";
        let head = self.head(room);
        eventually(
            &format!("{} has read all of {room}", PEOPLE[person]),
            || {
                let arguments = (room, PEOPLE[person]);
                let read: i64 = self
                    .database
                    .query_row(sql, arguments, |row| row.get(0))
                    .ok()?;
                (read == head).then_some(())
            },
        );
    }

    /// What a seat was shown is what its person was to see: all of it once and in order, and
    /// nothing else.
    fn check(&self, seat: usize) {
        let person = self.seats[seat].person;
        let wanted = self.wanted(seat);
        eventually("everything is shown", || {
            let seen = self.seen(seat);
            let missing = wanted.iter().find(|(room, seqs)| {
                let seen = seen.get(*room);
                seqs.iter()
                    .any(|seq| seen.is_none_or(|seen| !seen.contains(seq)))
            });
            missing.is_none().then_some(())
        });
        for (room, seen) in self.seen(seat) {
            let who = PEOPLE[person];
            assert!(seen.is_sorted_by(|a, b| a < b), "{who} in {room}: {seen:?}");
            let stays = self.stays.get(&(person, room.clone()));
            let stays = stays.unwrap_or_else(|| panic!("{who} saw something of {room}"));
            if room == INNER {
                let is_theirs = |seq: &i64| {
                    let mut stays = stays.iter();
                    stays.any(|stay| stay.first.0 <= *seq && *seq <= stay.last.1)
                };
                assert!(seen.iter().all(is_theirs), "{who}: {seen:?}, {stays:?}");
            } else {
                let is_whole = seen.windows(2).all(|two| two[0] + 1 == two[1]);
                assert!(is_whole, "{who} in {room}: {seen:?}");
                let last = stays.last().unwrap().last.1;
                assert!(
                    seen.iter().all(|seq| *seq <= last),
                    "{who} in {room}: {seen:?}"
                );
            }
        }
    }

    /// What a seat must have been shown by now, by room.
    fn wanted(&self, seat: usize) -> BTreeMap<String, Vec<i64>> {
        let person = self.seats[seat].person;
        let theirs = self.stays.iter().filter(|((who, _), _)| *who == person);
        let wanted = theirs.map(|((_, room), stays)| {
            let head = self.head(room);
            let began = self.began[seat].get(room).copied().unwrap_or(0);
            let seqs = stays.iter().flat_map(|stay| {
                let first = stay.first.1.max(began + 1);
                first..=stay.last.0.min(head)
            });
            (room.clone(), seqs.collect())
        });
        wanted.collect()
    }

    /// What a seat was shown, by room, in the order in which it was shown.
    fn seen(&self, seat: usize) -> BTreeMap<String, Vec<i64>> {
        let person = self.seats[seat].person;
        // First what was shown, then what is kept: the other way round proves nothing.
        let shown = self.seats[seat].chat();
        let kept = self.kept();
        let mut seen: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (room, user, text) in shown {
            let (place, seq, sender) = kept.get(&text).unwrap_or_else(|| {
                panic!("{} was shown before it was kept: {text}", PEOPLE[person])
            });
            let room = match room.strip_prefix('@') {
                Some(other) => {
                    let other = PEOPLE.iter().position(|name| *name == other);
                    title(person, other.unwrap())
                }
                None => room,
            };
            assert_eq!((place, sender), (&room, &user), "{text}");
            seen.entry(room).or_default().push(*seq);
        }
        seen
    }
}

/// What the database calls the conversation of two.
fn title(one: usize, other: usize) -> String {
    let (low, high) = (one.min(other), one.max(other));
    format!("@{}+{}", PEOPLE[low], PEOPLE[high])
}
