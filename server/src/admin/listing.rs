//! What lists look like: tables for people, JSON lines for programs.

use std::fmt::Write;
use std::net::SocketAddr;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::AccountId;
use chatbox_common::wire::session::SessionNumber;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::connections::OnlineSession;
use crate::store::{AccountFacts, AccountLine, RoomFacts, Spelled, StoreError};

/// Rows that are read in one transaction: a checkpoint can't pass one that stays open.
pub const PAGE: u32 = 1_000;

/// All rows, page by page, each behind the last of the one before.
pub fn all<T, After>(
    mut after: After,
    of: impl Fn(&T) -> After,
    mut page: impl FnMut(&After) -> Result<Vec<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let more = page(&after)?;
        let Some(last) = more.last() else {
            return Ok(all);
        };
        after = of(last);
        all.extend(more);
    }
}

/// A row of a list: what stands in the table's columns, and the same for programs.
pub trait Listed {
    const HEADER: &'static [&'static str];

    fn cells(&self) -> Vec<String>;

    fn json(&self) -> Value;
}

pub fn table<T: Listed>(rows: &[T]) -> String {
    let header = T::HEADER.iter().map(|&title| title.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(header)
        .chain(rows.iter().map(Listed::cells))
        .collect();
    let mut widths = vec![0; T::HEADER.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// An object in each line.
pub fn json_lines<T: Listed>(rows: &[T]) -> String {
    rows.iter().fold(String::new(), |mut text, row| {
        let _ = writeln!(text, "{}", row.json());
        text
    })
}

impl Listed for AccountLine {
    const HEADER: &'static [&'static str] = &[
        "ID",
        "NAME",
        "STATUS",
        "ROLE",
        "ONLINE",
        "LAST SEEN",
        "CREATED (UTC)",
        "LAST LOGIN (UTC)",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.user.to_string(),
            self.status.word().to_owned(),
            self.role.word().to_owned(),
            if self.online { "yes" } else { "no" }.to_owned(),
            or_dash(seen(self).map(|address| address.to_string())),
            or_dash(moment(self.created_at)),
            or_dash(self.last_login_at.and_then(moment)),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "type": "account",
            "account": self.id.0,
            "user": self.user.as_str(),
            "status": self.status.word(),
            "role": self.role.word(),
            "online": self.online,
            "address": seen(self).map(|address| address.to_string()),
            "created": time(self.created_at),
            "last_login": self.last_login_at.and_then(time),
        })
    }
}

impl Listed for OnlineSession {
    const HEADER: &'static [&'static str] = &["SESSION", "NAME", "ADDRESS", "SINCE (UTC)"];

    fn cells(&self) -> Vec<String> {
        vec![
            SessionNumber(self.session).to_string(),
            self.user.to_string(),
            self.address.to_string(),
            or_dash(i64::try_from(self.since).ok().and_then(moment)),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "type": "session",
            "session": SessionNumber(self.session).to_string(),
            "user": &*self.user,
            "address": self.address.to_string(),
            "since": i64::try_from(self.since).ok().and_then(time),
        })
    }
}

impl Listed for RoomFacts {
    const HEADER: &'static [&'static str] = &[
        "NAME", "ACCESS", "STATE", "MEMBERS", "MESSAGES", "MADE BY", "TOPIC",
    ];

    fn cells(&self) -> Vec<String> {
        let state = if self.archived.is_some() {
            "archived"
        } else {
            "open"
        };
        vec![
            self.title.to_string(),
            self.access.word().to_owned(),
            state.to_owned(),
            self.members.to_string(),
            self.messages.to_string(),
            or_dash(self.made_by.as_ref().map(ToString::to_string)),
            self.topic.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "type": "room",
            "room": self.title.to_string(),
            "access": self.access.word(),
            "archived": self.archived,
            "members": self.members,
            "messages": self.messages,
            "made_by": self.made_by.as_ref().map(UserName::as_str),
            "topic": self.topic,
        })
    }
}

/// An account with its open sessions, line by line.
pub fn account(facts: &AccountFacts, sessions: &[OnlineSession]) -> String {
    let line = &facts.line;
    let rooms = facts.rooms().into_iter();
    let rooms = rooms.map(|room| format!("{} ({})", room.title, room.role.word()));
    let rows = [
        ("name", line.user.to_string()),
        ("number", line.id.to_string()),
        ("status", line.status.word().to_owned()),
        ("role", line.role.word().to_owned()),
        ("created", or_dash(moment(line.created_at))),
        ("last login", or_dash(line.last_login_at.and_then(moment))),
        (
            "last seen",
            or_dash(seen(line).map(|address| address.to_string())),
        ),
        ("resumable logins", facts.logins.to_string()),
        ("recovery codes", facts.recovery_codes.to_string()),
        ("wrong codes", facts.wrong_codes.to_string()),
        ("conversations", facts.conversations().to_string()),
        ("rooms", or_dash(Some(rooms.collect::<Vec<_>>().join(", ")))),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<17} {value}");
    }
    for one in sessions {
        let since = or_dash(i64::try_from(one.since).ok().and_then(moment));
        let number = SessionNumber(one.session);
        let _ = writeln!(
            text,
            "{:<17} {number} from {} since {since}",
            "session", one.address
        );
    }
    text
}

pub fn account_json(facts: &AccountFacts, sessions: &[OnlineSession]) -> Value {
    let rooms = facts.rooms().into_iter();
    let rooms = rooms.map(|room| json!({"room": room.title.to_string(), "role": room.role.word()}));
    let mut all = facts.line.json();
    let more = json!({
        "resumable_logins": facts.logins,
        "recovery_codes": facts.recovery_codes,
        "wrong_codes": facts.wrong_codes,
        "conversations": facts.conversations(),
        "rooms": rooms.collect::<Vec<_>>(),
        "sessions": sessions.iter().map(Listed::json).collect::<Vec<_>>(),
    });
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
        all.extend(more);
    }
    all
}

fn or_dash(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty())
        .unwrap_or_else(|| "-".to_owned())
}

/// Whatever the column holds: only an address reaches the terminal.
fn seen(account: &AccountLine) -> Option<SocketAddr> {
    account.ip_port.as_deref()?.parse().ok()
}

/// Milliseconds since 1970-01-01 UTC, to the second.
fn moment(at: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(at).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// RFC 3339 in UTC with milliseconds, as in the log files.
pub fn time(at: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(at).ok()?;
    Some(format!("{time:.3}"))
}

/// Of the first account, before which there is none.
pub const BEFORE_ALL: AccountId = AccountId(0);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Role, Status};

    fn listed(ip_port: &str) -> AccountLine {
        AccountLine {
            id: AccountId(7),
            user: UserName::parse("Alice").unwrap(),
            status: Status::Disabled,
            role: Role::Admin,
            online: true,
            ip_port: Some(ip_port.to_owned()),
            created_at: 1_000,
            last_login_at: None,
        }
    }

    #[test]
    fn the_table_is_as_wide_as_what_is_in_it() {
        let text = table(&[listed("[2001:db8::1]:4000")]);
        assert_eq!(
            text,
            "ID  NAME   STATUS  ROLE   ONLINE  LAST SEEN           CREATED (UTC)        \
             LAST LOGIN (UTC)\n\
             7   Alice  ko      admin  yes     [2001:db8::1]:4000  1970-01-01 00:00:01  -\n"
        );
    }

    #[test]
    fn programs_read_an_object_in_each_line() {
        let text = json_lines(&[listed("192.0.2.1:1"), listed("nonsense")]);
        let objects: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects[0]["created"], "1970-01-01T00:00:01.000Z");
        assert_eq!(objects[0]["status"], "ko");
        assert_eq!(objects[0]["address"], "192.0.2.1:1");
        assert_eq!(objects[1]["address"], Value::Null);
    }

    #[test]
    fn nothing_but_an_address_is_shown_as_one() {
        let text = table(&[listed("\u{1b}[2J")]);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn every_page_is_asked_for() {
        let rows: Vec<_> = (1..=5)
            .map(|n| AccountLine {
                id: AccountId(n),
                ..listed("192.0.2.1:1")
            })
            .collect();
        let page = |after: &AccountId| {
            let behind = rows.iter().filter(|account| account.id > *after);
            Ok(behind.take(2).cloned().collect())
        };
        let read = all(BEFORE_ALL, |account: &AccountLine| account.id, page);
        assert_eq!(read.unwrap(), rows);
    }
}
