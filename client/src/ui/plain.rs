//! The plain face: lines out, for pipes, scripts and screen readers as much as for people.
//!
//! Every text that came from the network passes [`sanitize`] here, and nowhere later. Lines of a
//! message after its first are indented, so that no line feed can fake another speaker. Knows
//! neither session nor model; `app` tells it what to show.

use std::fmt::Write as _;
use std::io::{self, Write};

use chatbox_common::wire::message::{
    Access, Chat, Kind, Member, Person, Profile, RoomMode, RoomRole, RoomSummary,
};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::model::Mention;
use crate::sanitize;
use crate::screen::columns;

/// The longest name shown, in characters: a server that sends a longer one breaks its own rule.
const MAX_SHOWN_NAME: usize = 66;

/// Fewer columns than this beside a name are not worth keeping to.
const MIN_ROOM: usize = 16;
/// The most columns that a tab takes.
const TAB: usize = 8;

/// See the module.
pub struct Plain<W> {
    out: W,
    zone: TimeZone,
    obeys_escapes: bool,
    width: fn() -> Option<usize>,
}

impl<W: Write> Plain<W> {
    /// A face that writes to `out`, with times of `zone`; `obeys_escapes` if it can be emptied, and
    /// `width` says how wide it is, if it has an edge.
    #[must_use]
    pub const fn new(
        out: W,
        zone: TimeZone,
        obeys_escapes: bool,
        width: fn() -> Option<usize>,
    ) -> Self {
        Self {
            out,
            zone,
            obeys_escapes,
            width,
        }
    }

    /// Shows a message: `HH:MM:SS #lobby <alice> text`, or `HH:MM:SS #lobby * alice does`. Who is
    /// named by it is told so in a word, which a voice reads as well, and called by a bell.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn chat(&mut self, room: &str, chat: &Chat, mention: Mention) -> io::Result<()> {
        let time = self.time(chat.time);
        let (room, user) = (name(room), name(&chat.user));
        let mark = match mention {
            Mention::No => "",
            Mention::Earlier | Mention::Now => "[you] ",
        };
        let mut line = match chat.kind {
            Kind::Text => format!("{time} {mark}{room} <{user}> "),
            Kind::Action => format!("{time} {mark}{room} * {user} "),
        };
        self.append(&mut line, &sanitize::text(&chat.text));
        if mention == Mention::Now && self.obeys_escapes {
            line.push('\u{7}');
        }
        self.out.write_all(line.as_bytes())
    }

    /// Shows a message of some day: `2026-11-22 HH:MM:SS #lobby <alice> text`.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn dated(&mut self, room: &str, chat: &Chat) -> io::Result<()> {
        let moment = self.moment(chat.time);
        let (room, user) = (name(room), name(&chat.user));
        let mut line = match chat.kind {
            Kind::Text => format!("{moment} {room} <{user}> "),
            Kind::Action => format!("{moment} {room} * {user} "),
        };
        self.append(&mut line, &sanitize::text(&chat.text));
        self.out.write_all(line.as_bytes())
    }

    /// Shows who somebody is.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn profile(&mut self, profile: &Profile) -> io::Result<()> {
        let role = if profile.is_admin {
            ", administrator of the server"
        } else {
            ""
        };
        let there = match profile.online_since {
            Some(since) => format!("online since {}", self.moment(since)),
            None => "not online".to_owned(),
        };
        let last = match profile.last_login {
            Some(at) => format!("last login {}", self.moment(at)),
            None => "no login yet".to_owned(),
        };
        let (user, registered) = (name(&profile.user), self.moment(profile.registered));
        let lines = format!("  {user}{role}: {there}\n    {last}, registered {registered}\n");
        self.out.write_all(lines.as_bytes())
    }

    /// Says something: `HH:MM:SS -- text`, with the time of now.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn notice(&mut self, text: &str) -> io::Result<()> {
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        let mut line = format!("{} -- ", self.time(now));
        self.append(&mut line, &sanitize::text(text));
        self.out.write_all(line.as_bytes())
    }

    /// Shows a text of this program's own as it is, line feeds included.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn lines(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Shows who is there, a line each.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn people(&mut self, people: &[Person]) -> io::Result<()> {
        let mut lines = String::new();
        for person in people {
            let since = self.time(person.since);
            let _ = write!(lines, "  {}  since {since}", name(&person.user));
            if person.sessions > 1 {
                let _ = write!(lines, ", {} times", person.sessions);
            }
            lines.push('\n');
        }
        self.out.write_all(lines.as_bytes())
    }

    /// Shows which rooms there are.
    ///
    /// # Errors
    /// Those of the output.
    pub fn rooms(&mut self, rooms: &[RoomSummary]) -> io::Result<()> {
        let mut lines = String::new();
        for room in rooms {
            let access = match room.access {
                Access::Open => "",
                Access::Invited | Access::Direct => ", for those who are invited",
            };
            let mode = match room.mode {
                RoomMode::Audited => "audited",
                RoomMode::Private => "private",
            };
            let place = if room.room.is_some() {
                "; you are in it"
            } else {
                ""
            };
            let plural = if room.members == 1 { "" } else { "s" };
            let _ = write!(
                lines,
                "  {}  {mode}{access}; {} member{plural}{place}",
                name(&room.name),
                room.members
            );
            if !room.topic.is_empty() {
                let _ = write!(lines, ": {}", sanitize::line(&room.topic));
            }
            lines.push('\n');
        }
        self.out.write_all(lines.as_bytes())
    }

    /// Shows who belongs to a room.
    ///
    /// # Errors
    /// Those of the output.
    pub fn members(&mut self, members: &[Member]) -> io::Result<()> {
        let mut lines = String::new();
        for member in members {
            let role = match member.role {
                RoomRole::Member => "",
                RoomRole::Moderator => "  moderator",
                RoomRole::Owner => "  owner",
            };
            let muted = if member.muted { "  muted" } else { "" };
            let _ = writeln!(lines, "  {}{role}{muted}", name(&member.user));
        }
        self.out.write_all(lines.as_bytes())
    }

    /// Puts a text behind the beginning of its line; its further lines begin in the same column,
    /// those that the edge of the screen makes as well: nothing that somebody says may begin where
    /// another one's line does.
    fn append(&self, line: &mut String, text: &str) {
        let indent: usize = line.chars().map(columns).sum();
        let room = (self.width)().and_then(|width| width.checked_sub(indent));
        let room = room.filter(|room| *room >= MIN_ROOM);
        for (number, part) in text.split('\n').enumerate() {
            if number > 0 {
                begin(line, indent);
            }
            let mut used = 0;
            for character in part.chars() {
                let wide = if character == '\t' {
                    TAB
                } else {
                    columns(character)
                };
                if room.is_some_and(|room| used + wide > room) {
                    begin(line, indent);
                    used = 0;
                }
                line.push(character);
                used += wide;
            }
        }
        line.push('\n');
    }

    /// Empties the screen; where that is not known to be obeyed, does nothing.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn clear(&mut self) -> io::Result<()> {
        if self.obeys_escapes {
            self.out.write_all(b"\x1b[H\x1b[2J\x1b[3J")?;
        }
        Ok(())
    }

    /// What was said is seen.
    ///
    /// # Errors
    /// When the output does not take it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A moment (milliseconds since 1970-01-01 UTC) as the time of day.
    pub fn time(&self, milliseconds: u64) -> String {
        let time = self.formatted(milliseconds, "%H:%M:%S");
        time.unwrap_or_else(|| "--:--:--".to_owned())
    }

    /// A moment with its day.
    pub fn moment(&self, milliseconds: u64) -> String {
        let moment = self.formatted(milliseconds, "%Y-%m-%d %H:%M:%S");
        moment.unwrap_or_else(|| "at an unknown time".to_owned())
    }

    fn formatted(&self, milliseconds: u64, format: &str) -> Option<String> {
        let stamp = Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()?;
        let zoned = stamp.to_zoned(self.zone.clone());
        Some(zoned.strftime(format).to_string())
    }

    /// What the clock on the wall says, in the zone of all times shown.
    pub fn now(&self) -> Zoned {
        Timestamp::now().to_zoned(self.zone.clone())
    }
}

fn begin(line: &mut String, indent: usize) {
    line.push('\n');
    line.extend(std::iter::repeat_n(' ', indent));
}

/// A name as it may stand in a line.
pub fn name(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN_NAME).collect();
    sanitize::line(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(show: impl FnOnce(&mut Plain<Vec<u8>>)) -> String {
        let mut face = Plain::new(Vec::new(), TimeZone::UTC, false, || None);
        show(&mut face);
        String::from_utf8(face.out).unwrap()
    }

    fn chat(user: &str, text: &str) -> Chat {
        Chat {
            room: 1,
            seq: 1,
            account: 1,
            user: user.into(),
            time: 1_767_225_600_000 + 45_296_000,
            text: text.into(),
            kind: Kind::Text,
        }
    }

    #[test]
    fn a_message_is_a_line_with_time_room_and_name() {
        let line = shown(|face| {
            face.chat("#lobby", &chat("alice", "hello"), Mention::No)
                .unwrap();
        });
        assert_eq!(line, "12:34:56 #lobby <alice> hello\n");
    }

    #[test]
    fn what_somebody_does_begins_with_a_star_and_nobody_else_can_write_that() {
        let action = |user: &str, text: &str| Chat {
            kind: Kind::Action,
            ..chat(user, text)
        };
        let line = shown(|face| {
            let did = action("alice", "waves\n12:34:57 #lobby * bob waves");
            face.chat("#lobby", &did, Mention::No).unwrap();
            let said = chat("bob", "* alice waves");
            face.chat("#lobby", &said, Mention::No).unwrap();
        });
        let indent = " ".repeat("12:34:56 #lobby * alice ".len());
        assert_eq!(
            line,
            format!(
                "12:34:56 #lobby * alice waves\n{indent}12:34:57 #lobby * bob waves\n\
                 12:34:56 #lobby <bob> * alice waves\n"
            )
        );
    }

    #[test]
    fn a_message_that_names_one_says_so_and_rings_where_escapes_are_obeyed() {
        for (mention, obeys, told) in [
            (Mention::No, true, "12:34:56 #lobby <bob> alice: hi\n"),
            (
                Mention::Earlier,
                true,
                "12:34:56 [you] #lobby <bob> alice: hi\n",
            ),
            (
                Mention::Now,
                false,
                "12:34:56 [you] #lobby <bob> alice: hi\n",
            ),
            (
                Mention::Now,
                true,
                "12:34:56 [you] #lobby <bob> alice: hi\n\u{7}",
            ),
        ] {
            let mut face = Plain::new(Vec::new(), TimeZone::UTC, obeys, || None);
            face.chat("#lobby", &chat("bob", "alice: hi"), mention)
                .unwrap();
            assert_eq!(String::from_utf8(face.out).unwrap(), told);
        }
    }

    #[test]
    fn who_somebody_is_takes_two_lines() {
        let profile = Profile {
            request: 1,
            user: "Bob".into(),
            is_admin: true,
            online_since: Some(1_767_270_896_000),
            last_login: None,
            registered: 1_767_225_600_000,
        };
        let away = Profile {
            is_admin: false,
            online_since: None,
            last_login: Some(1_767_225_601_000),
            ..profile.clone()
        };
        let lines = shown(|face| {
            face.profile(&profile).unwrap();
            face.profile(&away).unwrap();
        });
        assert_eq!(
            lines,
            "  Bob, administrator of the server: online since 2026-01-01 12:34:56\n    \
             no login yet, registered 2026-01-01 00:00:00\n  \
             Bob: not online\n    \
             last login 2026-01-01 00:00:01, registered 2026-01-01 00:00:00\n"
        );
    }

    #[test]
    fn a_message_of_some_day_bears_its_date() {
        let line = shown(|face| {
            let hello = chat("alice", "one\ntwo\u{1b}[2J");
            face.dated("#lobby", &hello).unwrap();
            let mut wave = chat("bob", "waves");
            wave.kind = Kind::Action;
            wave.time = u64::MAX;
            face.dated("#lobby", &wave).unwrap();
        });
        let begin = "2026-01-01 12:34:56 #lobby <alice> ";
        let indent = " ".repeat(begin.len());
        let last = "at an unknown time #lobby * bob waves\n";
        assert_eq!(line, format!("{begin}one\n{indent}two\\u{{1b}}[2J\n{last}"));
    }

    #[test]
    fn further_lines_are_indented_so_that_nobody_else_seems_to_speak() {
        let text = "one\n12:34:57 #lobby <bob> two\n";
        let line = shown(|face| {
            face.chat("#lobby", &chat("alice", text), Mention::No)
                .unwrap();
        });
        let indent = " ".repeat("12:34:56 #lobby <alice> ".len());
        assert_eq!(
            line,
            format!("12:34:56 #lobby <alice> one\n{indent}12:34:57 #lobby <bob> two\n{indent}\n")
        );
    }

    #[test]
    fn nothing_said_begins_where_another_s_line_does() {
        let mut face = Plain::new(Vec::new(), TimeZone::UTC, false, || Some(60));
        let text = format!("hi{}12:34:57 #lobby <bob> 界", " ".repeat(34));
        face.chat("#lobby", &chat("alice", &text), Mention::No)
            .unwrap();
        let shown = String::from_utf8(face.out).unwrap();
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines.len() > 1, "{shown}");
        for line in &lines {
            let wide: usize = line.chars().map(columns).sum();
            assert!(wide <= 60, "{line}");
        }
        let indent = " ".repeat("12:34:56 #lobby <alice> ".len());
        assert!(
            lines[1..].iter().all(|line| line.starts_with(&indent)),
            "{shown}"
        );
    }

    #[test]
    fn nothing_from_the_network_reaches_the_terminal_as_an_order() {
        let hostile = "\u{1b}]0;x\u{7}\n";
        let line = shown(|face| {
            face.chat(hostile, &chat(hostile, hostile), Mention::Now)
                .unwrap();
            face.notice(hostile).unwrap();
            let person = Person {
                user: hostile.into(),
                sessions: 2,
                since: u64::MAX,
            };
            face.people(&[person]).unwrap();
        });
        assert!(!line.contains(['\u{1b}', '\u{7}']), "{line:?}");
        assert_eq!(line.lines().count(), 5, "{line:?}");
    }

    #[test]
    fn without_a_terminal_nothing_is_cleared() {
        assert_eq!(shown(|face| face.clear().unwrap()), "");
    }

    #[test]
    fn a_notice_bears_the_time() {
        let line = shown(|face| face.notice("gone").unwrap());
        assert_eq!(line.len(), "12:34:56 -- gone\n".len());
        assert!(line.ends_with(" -- gone\n"), "{line}");
    }
}
