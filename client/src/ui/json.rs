//! JSON Lines for scripts, one object a line, in the form that docs/SCRIPTING.md promises.
//!
//! The keys of an object stand in a fixed order. Control characters and invisible ones are escaped,
//! as JSON allows, so that a line is harmless on a terminal and still says exactly what was sent.
//! Pure: knows neither session nor model. `script` writes the lines, each with its line feed.

use std::fmt::Write;

use chatbox_common::wire::message::{Chat, Kind, OnlinePerson, You};
use jiff::Timestamp;
use serde_json::Value;
use unicode_normalization::char::is_combining_mark;

use crate::sanitize::{self, MAX_MARKS};

/// `room` is the room's name as it is shown: `#ops`, `@bob`.
#[must_use]
pub fn message(room: &str, chat: &Chat) -> String {
    let kind = match chat.kind {
        Kind::Text => "text",
        Kind::Action => "action",
    };
    object(&[
        ("type", "message".into()),
        ("room", room.into()),
        ("seq", chat.seq.into()),
        ("time", time(chat.time)),
        ("user", chat.user.as_str().into()),
        ("kind", kind.into()),
        ("text", chat.text.as_str().into()),
    ])
}

#[must_use]
pub fn person(person: &OnlinePerson) -> String {
    object(&[
        ("type", "person".into()),
        ("user", person.user.as_str().into()),
        ("sessions", person.sessions.into()),
        ("since", time(person.since)),
    ])
}

#[must_use]
pub fn you(you: &You) -> String {
    object(&[
        ("type", "you".into()),
        ("user", you.user.as_str().into()),
        ("account", you.account.0.into()),
        ("address", you.address.as_str().into()),
        ("session", you.session.into()),
        ("since", time(you.since)),
        ("sessions", you.sessions.into()),
    ])
}

/// RFC 3339 in UTC with milliseconds; `null` where the server's number is out of range.
fn time(milliseconds: u64) -> Value {
    i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
        .map_or(Value::Null, |moment| {
            moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into()
        })
}

fn object(fields: &[(&str, Value)]) -> String {
    let mut line = String::from("{");
    for (number, (key, value)) in fields.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        // Writing to a String never fails.
        let _ = write!(line, "{comma}\"{key}\":");
        append(&mut line, &value.to_string());
    }
    line.push_str("}\n");
    line
}

/// Appends JSON. Outside of strings JSON is printable ASCII, so all that is escaped here is in one.
fn append(line: &mut String, json: &str) {
    let mut marks = 0;
    for c in json.chars() {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if sanitize::is_never_bare(c) || marks > MAX_MARKS {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String never fails.
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::{AccountId, RoomId};

    use super::*;

    fn chat(text: &str) -> Chat {
        Chat {
            room: RoomId(1),
            seq: 12,
            account: AccountId(3),
            user: "alice".into(),
            time: 1_795_350_896_789,
            text: text.into(),
            kind: Kind::Text,
        }
    }

    fn read(line: &str) -> Value {
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn a_message_is_a_line_in_a_fixed_order() {
        assert_eq!(
            message("#ops", &chat("déjà \"vu\"\n\t\\")),
            "{\"type\":\"message\",\"room\":\"#ops\",\"seq\":12,\
             \"time\":\"2026-11-22T12:34:56.789Z\",\"user\":\"alice\",\"kind\":\"text\",\
             \"text\":\"déjà \\\"vu\\\"\\n\\t\\\\\"}\n"
        );
        let action = Chat {
            kind: Kind::Action,
            ..chat("waves")
        };
        assert_eq!(read(&message("@bob", &action))["kind"], "action");
    }

    #[test]
    fn people_and_oneself_are_lines_too() {
        let online = OnlinePerson {
            user: "bob".into(),
            sessions: 2,
            since: 0,
        };
        assert_eq!(
            person(&online),
            "{\"type\":\"person\",\"user\":\"bob\",\"sessions\":2,\
             \"since\":\"1970-01-01T00:00:00.000Z\"}\n"
        );
        let oneself = You {
            request: 1,
            user: "alice".into(),
            account: AccountId(3),
            address: "[::1]:40312".into(),
            session: 7,
            since: 1000,
            sessions: 1,
        };
        assert_eq!(
            you(&oneself),
            "{\"type\":\"you\",\"user\":\"alice\",\"account\":3,\"address\":\"[::1]:40312\",\
             \"session\":7,\"since\":\"1970-01-01T00:00:01.000Z\",\"sessions\":1}\n"
        );
    }

    #[test]
    fn no_character_of_a_line_is_obeyed_and_every_one_arrives() {
        let every = (0..=u32::from(char::MAX)).filter_map(char::from_u32);
        let every: Vec<char> = every.collect();
        for some in every.chunks(4096) {
            let text: String = some.iter().collect();
            let line = message("#ops", &chat(&text));
            let shown = line.strip_suffix('\n').unwrap();
            assert!(!shown.contains(sanitize::is_never_bare));
            assert_eq!(read(&line)["text"], text.as_str());
        }
    }

    #[test]
    fn attacks_are_spelled_out() {
        for (attack, shown) in [
            ("\u{1b}]0;x\u{7}", "\\u001b]0;x\\u0007"),
            ("\u{9b}2J", "\\u009b2J"),
            ("a\u{7f}", "a\\u007f"),
            ("\u{202e}\u{2066}", "\\u202e\\u2066"),
            ("\u{2028}\u{2029}", "\\u2028\\u2029"),
            ("\u{e0041}", "\\udb40\\udc41"),
            ("é\u{200d}é", "é\\u200dé"),
        ] {
            let line = message("#ops", &chat(attack));
            assert!(line.contains(&format!("\"text\":\"{shown}\"")), "{line}");
        }
        let pile = message("#ops", &chat(&format!("a{}", "\u{301}".repeat(100))));
        assert_eq!(pile.matches('\u{301}').count(), MAX_MARKS);
        assert_eq!(pile.matches("\\u0301").count(), 100 - MAX_MARKS);
        let name = message("#o\u{9b}ps", &chat(""));
        assert!(name.contains("#o\\u009bps"), "{name}");
    }

    #[test]
    fn what_is_no_time_is_null() {
        for never in [u64::MAX, 1 << 62] {
            let line = message(
                "#ops",
                &Chat {
                    time: never,
                    ..chat("")
                },
            );
            assert_eq!(read(&line)["time"], Value::Null);
        }
    }
}
