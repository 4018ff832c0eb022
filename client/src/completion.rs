//! Completes names of commands, rooms and people, and guesses which room or person was meant.
//! Pure: the model has the names heard of, `input` the commands.
//!
//! The full screen completes by it; `app` names the nearest name where the server knows no such
//! room or person.

use chatbox_common::wire::message::RoomId;

use crate::input;
use crate::model::Model;

/// In bytes, more than any name has. Longer words are not compared: the cost grows with the length.
const MAX_WORD: usize = 80;

/// The word that ends at `cursor`: where it begins, and its text so far. Both places in bytes.
#[must_use]
pub fn word(line: &str, cursor: usize) -> (usize, &str) {
    let line = line.get(..cursor).unwrap_or(line);
    let begin = line.rfind(char::is_whitespace).map_or(0, |at| {
        let blank = line.get(at..).and_then(|rest| rest.chars().next());
        at + blank.map_or(1, char::len_utf8)
    });
    (begin, line.get(begin..).unwrap_or_default())
}

/// Candidates for the word that ends at `cursor` (in bytes), the likeliest first, each with what
/// separates it from the next word: commands at the beginning of a line, rooms behind a `#`, and
/// people, of whom those come first who spoke last in the room `here`.
#[must_use]
pub fn complete(model: &Model, here: Option<RoomId>, line: &str, cursor: usize) -> Vec<String> {
    let (begin, word) = word(line, cursor);
    let people = |begun: &str, before: &str, behind: &str| {
        let people = model.people_heard_of(here).into_iter();
        people
            .filter(|user| begins(user, begun))
            .map(|user| format!("{before}{user}{behind}"))
            .collect()
    };
    match (begin, word.strip_prefix('/'), word.strip_prefix('@')) {
        (0, Some(command), _) => input::commands()
            .filter(|name| begins(name, command))
            .map(|name| format!("/{name} "))
            .collect(),
        (_, _, Some(user)) => people(user, "@", " "),
        _ if word.starts_with('#') => model
            .rooms_heard_of()
            .filter(|name| begins(name, word))
            .map(|name| format!("{name} "))
            .collect(),
        _ if word.is_empty() => Vec::new(),
        // A name at the beginning of a line addresses that person.
        (0, ..) => people(word, "", ": "),
        _ => people(word, "", " "),
    }
}

fn begins(name: &str, with: &str) -> bool {
    let begin = name.get(..with.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(with))
}

/// The room (with its `#`) or person (with an `@`) that was probably meant: the first that begins
/// with `name`, or else the one at an edit distance of at most two.
#[must_use]
pub fn meant(model: &Model, here: Option<RoomId>, name: &str) -> Option<String> {
    if name.len() > MAX_WORD {
        return None;
    }
    let candidates = |begun: &str| {
        let line = format!(" {begun}");
        let found = complete(model, here, &line, line.len()).into_iter();
        let found = found.map(|name| name.trim_end().to_owned());
        // The server has just refused this very name.
        found.filter(|found| !found.eq_ignore_ascii_case(name))
    };
    let (sigil, bare) = name.split_at_checked(1)?;
    candidates(name).next().or_else(|| {
        let all: Vec<String> = candidates(sigil).collect();
        let all = all.iter().filter_map(|name| name.strip_prefix(sigil));
        Some(format!("{sigil}{}", input::nearest(bare, all)?))
    })
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::{
        AccountId, Chat, Kind, Limits, Presence, Room, Seq, Welcome,
    };

    use super::*;
    use crate::model::Event;

    /// In the lobby Bob and then Bert spoke; Alice and Boris came.
    fn model() -> Model {
        let mut model = Model::new("zoe");
        model.apply(Event::Welcome(Welcome {
            history_id: [1; 16],
            rooms: vec![
                Room::new(RoomId(1), "#lobby"),
                Room::new(RoomId(2), "#ops"),
                Room::new(RoomId(3), "@bert"),
            ],
            time: 0,
            limits: Limits::with_pace(5),
            server: String::new(),
            session: 1,
            ignored: Vec::new(),
            capabilities: None,
            predecessor: None,
        }));
        for number in [1, 2, 3] {
            model.apply(Event::Page(chatbox_common::wire::message::Page {
                request: 0,
                room: RoomId(number),
                messages: Vec::new(),
                more: false,
                first: 1,
            }));
        }
        let mut say = |room, seq: Seq, user: &str| {
            model.apply(Event::Chat(Chat {
                room,
                seq,
                account: AccountId(1),
                user: user.to_owned(),
                time: 0,
                text: "x".to_owned(),
                kind: Kind::Text,
            }));
        };
        say(RoomId(1), 1, "Bob");
        say(RoomId(1), 2, "zoe");
        say(RoomId(1), 3, "bert");
        say(RoomId(2), 1, "Bea");
        model.apply(Event::Presence(Presence {
            room: RoomId(1),
            joined: vec![
                "Alice".to_owned(),
                "boris".to_owned(),
                "not a name".to_owned(),
            ],
            left: Vec::new(),
            online: 4,
        }));
        model
    }

    fn at_end(line: &str) -> Vec<String> {
        complete(&model(), Some(RoomId(1)), line, line.len())
    }

    #[test]
    fn the_word_is_what_stands_before_the_cursor() {
        for (line, cursor, found) in [
            ("", 0, (0, "")),
            ("al", 2, (0, "al")),
            ("hello al", 8, (6, "al")),
            ("hello al there", 8, (6, "al")),
            ("hello ", 6, (6, "")),
            ("a\u{2003}b", 5, (4, "b")),
            // Inside a character, or beyond the end: the whole line counts.
            ("é", 1, (0, "é")),
            ("ab", 9, (0, "ab")),
        ] {
            assert_eq!(word(line, cursor), found, "{line:?}");
        }
    }

    #[test]
    fn people_come_in_the_order_in_which_they_spoke() {
        assert_eq!(at_end("b"), ["bert: ", "Bob: ", "Bea: ", "boris: "]);
        assert_eq!(at_end("hello bo"), ["Bob ", "boris "]);
        assert_eq!(at_end("hello @BO"), ["@Bob ", "@boris "]);
        assert_eq!(
            at_end("@"),
            ["@bert ", "@Bob ", "@Alice ", "@Bea ", "@boris "]
        );
        assert_eq!(at_end("/whois al"), ["Alice "]);
        let elsewhere = complete(&model(), Some(RoomId(2)), "b", 1);
        assert_eq!(elsewhere, ["Bea: ", "bert: ", "Bob: ", "boris: "]);
    }

    #[test]
    fn nothing_is_completed_to_one_s_own_name_or_from_nothing() {
        assert_eq!(at_end("zo"), [""; 0]);
        assert_eq!(at_end(""), [""; 0]);
        assert_eq!(at_end("hello "), [""; 0]);
    }

    #[test]
    fn commands_stand_at_the_beginning_and_rooms_anywhere() {
        assert_eq!(at_end("/who"), ["/whois ", "/whoami "]);
        assert_eq!(at_end("and /who"), [""; 0]);
        assert_eq!(at_end("/join #o"), ["#ops "]);
        assert_eq!(at_end("#"), ["#lobby ", "#ops "]);
    }

    #[test]
    fn who_or_what_was_meant_is_named() {
        let meant = |name: &str| meant(&model(), Some(RoomId(1)), name);
        for (typed, found) in [
            ("#ob", None),
            ("#o", Some("#ops")),
            ("#losbby", Some("#lobby")),
            ("@be", Some("@bert")),
            ("@Alcie", Some("@Alice")),
            ("@aliec2", Some("@Alice")),
            ("@alice", None),
            ("@nobody-like-this", None),
            ("", None),
        ] {
            assert_eq!(meant(typed).as_deref(), found, "{typed}");
        }
        assert_eq!(meant(&"@x".repeat(5_000)), None);
    }
}
