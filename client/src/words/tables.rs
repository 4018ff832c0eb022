//! Lists and answers as text, one thing a line, and moments as people write them: the same for
//! every face that shows text.

use std::fmt::Write as _;

use chatbox_common::wire::message::{
    Access, Chat, Kind, Member, OnlinePerson, Profile, RoomMode, RoomRole, RoomSummary,
    SessionList, You,
};
use chatbox_common::wire::session::SessionNumber;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::screen;
use crate::sanitize::{self, name};

/// Moments (milliseconds since 1970-01-01 UTC) as text in one time zone.
#[derive(Debug, Clone)]
pub struct Clock(TimeZone);

impl Clock {
    #[must_use]
    pub const fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    #[must_use]
    pub fn time(&self, milliseconds: u64) -> String {
        let time = self.formatted(milliseconds, "%H:%M:%S");
        time.unwrap_or_else(|| "--:--:--".to_owned())
    }

    #[must_use]
    pub fn moment(&self, milliseconds: u64) -> String {
        let moment = self.formatted(milliseconds, "%Y-%m-%d %H:%M:%S");
        moment.unwrap_or_else(|| "at an unknown time".to_owned())
    }

    fn formatted(&self, milliseconds: u64, format: &str) -> Option<String> {
        let stamp = Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()?;
        let zoned = stamp.to_zoned(self.0.clone());
        Some(zoned.strftime(format).to_string())
    }

    #[must_use]
    pub fn now(&self) -> Zoned {
        Timestamp::now().to_zoned(self.0.clone())
    }

    #[must_use]
    pub fn zone(&self) -> TimeZone {
        self.0.clone()
    }
}

/// Milliseconds since 1970-01-01 UTC; 0 where the clock is set to before.
#[must_use]
pub fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// How the line of a message of some day begins: `2026-11-22 HH:MM:SS #lobby <alice> `.
#[must_use]
pub fn dated(clock: &Clock, room: &str, chat: &Chat) -> String {
    let moment = clock.moment(chat.time);
    let (room, user) = (name(room), name(&chat.user));
    match chat.kind {
        Kind::Text => format!("{moment} {room} <{user}> "),
        Kind::Action => format!("{moment} {room} * {user} "),
    }
}

#[must_use]
pub fn people(clock: &Clock, people: &[OnlinePerson]) -> String {
    let mut lines = String::new();
    for person in people {
        let since = clock.time(person.since);
        let _ = write!(lines, "  {}  since {since}", name(&person.user));
        if person.sessions > 1 {
            let _ = write!(lines, ", {} times", person.sessions);
        }
        lines.push('\n');
    }
    lines
}

/// The last line of a list that is not whole.
#[must_use]
pub fn cut(why: &str) -> String {
    format!("  … {why}\n")
}

#[must_use]
pub fn rooms(rooms: &[RoomSummary]) -> String {
    let mut lines = String::new();
    for room in rooms {
        let access = match room.access {
            Access::Open => "",
            Access::Invited | Access::Direct => ", for those who are invited",
        };
        let mode = mode(room.mode);
        let place = if room.room.is_some() {
            "; you are in it"
        } else {
            ""
        };
        let plural = if room.members == 1 { "" } else { "s" };
        let _ = write!(
            lines,
            "  {mode} {}{access}; {} member{plural}{place}",
            name(&room.name),
            room.members
        );
        if !room.topic.is_empty() {
            let _ = write!(lines, ": {}", sanitize::line(&room.topic));
        }
        lines.push('\n');
    }
    lines
}

/// Before a name, which could not imitate it there.
const fn mode(mode: RoomMode) -> &'static str {
    match mode {
        RoomMode::Audited => screen::AUDITED,
        RoomMode::Private => screen::PRIVATE,
    }
}

#[must_use]
pub fn members(members: &[Member]) -> String {
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
    lines
}

#[must_use]
pub fn profile(clock: &Clock, profile: &Profile) -> String {
    let role = if profile.is_admin {
        ", administrator of the server"
    } else {
        ""
    };
    let there = match profile.online_since {
        Some(since) => format!("online since {}", clock.moment(since)),
        None => "not online".to_owned(),
    };
    let last = match profile.last_login {
        Some(at) => format!("last login {}", clock.moment(at)),
        None => "no login yet".to_owned(),
    };
    let (user, registered) = (name(&profile.user), clock.moment(profile.registered));
    format!("  {user}{role}: {there}\n    {last}, registered {registered}\n")
}

#[must_use]
pub fn you(clock: &Clock, you: &You) -> String {
    let since = clock.time(you.since);
    format!(
        "  name      {} (account {})\n  session   {}, since {since}; open sessions of this \
         account: {}\n  address   {}\n",
        name(&you.user),
        you.account,
        SessionNumber(you.session),
        you.sessions,
        sanitize::line(&you.address),
    )
}

/// `own` is the session that asks; it is marked.
#[must_use]
pub fn sessions(clock: &Clock, list: &SessionList, own: u64) -> String {
    let mut lines = String::new();
    for one in &list.sessions {
        let since = clock.time(one.since);
        let address = sanitize::line(&one.address);
        let mark = if one.session == own { ", this one" } else { "" };
        let _ = writeln!(
            lines,
            "  session {}  {address}, since {since}{mark}",
            SessionNumber(one.session)
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_somebody_is_takes_two_lines() {
        let clock = Clock::new(TimeZone::UTC);
        let bob = Profile {
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
            ..bob.clone()
        };
        assert_eq!(
            profile(&clock, &bob) + &profile(&clock, &away),
            "  Bob, administrator of the server: online since 2026-01-01 12:34:56\n    \
             no login yet, registered 2026-01-01 00:00:00\n  \
             Bob: not online\n    \
             last login 2026-01-01 00:00:01, registered 2026-01-01 00:00:00\n"
        );
    }
}
