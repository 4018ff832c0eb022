//! Compares what each terminal was shown with the server's database and the stays in rooms.

use std::collections::BTreeMap;

use chatbox_common::testkit::wait::eventually;

use super::{INNER, PEOPLE, World, title};

impl World {
    /// Waits until every message that is certain to be stored is, and each terminal has shown it.
    pub fn settle(&mut self) {
        for terminal in 0..self.terminals.len() {
            if self.terminals[terminal].is_stopped {
                self.go_on(terminal);
            }
        }
        eventually("all that was said", || {
            let kept = self.kept();
            let mut certain = self.said.iter().filter(|said| said.is_certain);
            certain
                .all(|said| kept.contains_key(&said.text))
                .then_some(())
        });
        for terminal in 0..self.terminals.len() {
            self.check(terminal);
        }
    }

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
        for terminal in &mut self.terminals {
            terminal.quit();
        }
        let returns: usize = self.returns.iter().sum();
        format!(
            "{} said, {} kept, {} kills, {returns} returns",
            self.said.len(),
            kept.len(),
            self.kills,
        )
    }

    /// Waits until the database has the read mark, whichever session sent it.
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

    /// Each message is shown once and in order, none is missing, and none from outside the person's
    /// stays in the room.
    pub(super) fn check(&self, terminal: usize) {
        let person = self.terminals[terminal].person;
        let wanted = self.wanted(terminal);
        eventually("everything is shown", || {
            let seen = self.seen(terminal);
            let missing = wanted.iter().find(|(room, seqs)| {
                let seen = seen.get(*room);
                seqs.iter()
                    .any(|seq| seen.is_none_or(|seen| !seen.contains(seq)))
            });
            missing.is_none().then_some(())
        });
        for (room, seen) in self.seen(terminal) {
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

    /// The messages (their numbers, by room) that the terminal must have shown by now.
    fn wanted(&self, terminal: usize) -> BTreeMap<String, Vec<i64>> {
        let person = self.terminals[terminal].person;
        let theirs = self.stays.iter().filter(|((who, _), _)| *who == person);
        let wanted = theirs.map(|((_, room), stays)| {
            let head = self.head(room);
            let began = self.began[terminal].get(room).copied().unwrap_or(0);
            let seqs = stays.iter().flat_map(|stay| {
                let first = stay.first.1.max(began + 1);
                first..=stay.last.0.min(head)
            });
            (room.clone(), seqs.collect())
        });
        wanted.collect()
    }

    /// The messages (their numbers, by room) in the order in which the terminal showed them.
    fn seen(&self, terminal: usize) -> BTreeMap<String, Vec<i64>> {
        let person = self.terminals[terminal].person;
        // The screen is read before the database, which may have more by then but never less.
        let shown = self.terminals[terminal].chat();
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
