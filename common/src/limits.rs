//! The numbers of docs/PROTOCOL.md, section 16, to which both sides hold.
//!
//! A number that only one module of this crate enforces stands in that module
//! ([`name`](crate::name), [`auth`](crate::auth), [`crypto::record`](crate::crypto::record),
//! `wire::strict`). A test compares all of them with the document.

use std::time::Duration;

/// The longest a handshake may take, in seconds after the connection was accepted; a configuration
/// may say less.
pub const MAX_HANDSHAKE_SECONDS: u32 = 10;
/// How long a login may take, from the handshake on.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a registration may take, from `register` on: a person scans a code.
pub const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a change of password or second factor may take, from its challenge or from `new_factor`
/// on: a person scans a code.
pub const CHANGE_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a frame of a session may take, from its first byte to its last.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(30);
/// How long no record may come from a client before the server sends `ping`.
pub const PING_AFTER: Duration = Duration::from_secs(60);
/// How long no record may come from a client before the server says `bye` with reason `timeout`.
pub const SILENCE_TIMEOUT: Duration = Duration::from_secs(120);

/// The most messages in one record; with more, the record is malformed.
pub const MAX_MESSAGES_PER_RECORD: usize = 256;
/// The longest text of a chat message, in bytes of UTF-8.
pub const MAX_TEXT: usize = 8 * 1024;
/// The longest *line* of the protocol (a topic, a reason), in bytes of UTF-8.
pub const MAX_TOPIC: usize = 512;
/// The most messages, people, rooms, members or sessions in a page.
pub const PAGE_LIMIT: u32 = 500;
/// A page ends once it holds this many bytes of messages.
pub const PAGE_BYTES: usize = 32 * 1024;
/// The longest text of a search, in bytes of UTF-8.
pub const MAX_SEARCH: usize = 256;
/// The most words of a search; the least is one.
pub const MAX_SEARCH_WORDS: u8 = 16;
/// The longest mute that has an end, in seconds (366 days); the shortest is 1 s.
pub const MAX_MUTE: u32 = 366 * 24 * 3600;
/// The most conversations of two that an account begins and has not hidden; those that others begin
/// do not count.
pub const MAX_CONVERSATIONS: u64 = 500;
/// The most conversations of two that an account begins, hidden ones among them: they take no place
/// in a list, but in the database.
pub const MAX_BEGUN: u64 = 5_000;
/// The most people that an account ignores.
pub const MAX_IGNORED: u32 = 1_000;
/// The most sessions of an account at a time; the next one gets `bye` with reason `busy`.
pub const MAX_SESSIONS: u32 = 32;

/// Failed logins that an address may have at once; against guessing.
pub const LOGIN_FAILURES: u32 = 10;
/// How long until an address may have one more failed login.
pub const LOGIN_REFILL: Duration = Duration::from_secs(10);
/// Resumes of an address that are under way at once, or came to nothing: an office behind one router,
/// in the minute in which the server has started again. One that succeeds is given back.
pub const RESUMES: u32 = 500;
/// How long until an address may have one more of them.
pub const RESUME_REFILL: Duration = Duration::from_millis(50);
/// Wrong passwords and codes that a session may show before it ends: at a terminal left open nobody
/// guesses on.
pub const MAX_WRONG_PROOFS: u32 = 5;
/// How often the first code of a new TOTP secret may be wrong, in a registration or a change.
pub const MAX_FIRST_CODES: u32 = 5;
/// Registrations that an address may begin at once: a classroom behind one router. Of loopback
/// addresses only refused ones count.
pub const REGISTRATIONS: u32 = 50;
/// How long until an address may begin one more registration.
pub const REGISTRATION_REFILL: Duration = Duration::from_secs(60);
/// How many times the failed logins, resumes and registrations of an address all of a /56 of IPv6 may
/// have.
pub const BUDGET_OF_A_56: u32 = 4;
/// And all of a /24 of IPv4, or of a /48 of IPv6. Loopback addresses are in no such network.
pub const BUDGET_OF_A_48: u32 = 16;
/// Messages of unknown types that are answered before login.
pub const MAX_UNKNOWN_BEFORE_LOGIN: u32 = 16;
/// Registrations that one connection may begin.
pub const REGISTRATIONS_PER_CONNECTION: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::MAX_SECOND_FACTOR;
    use crate::auth::scram::{MAX_MESSAGE, MAX_PASSWORD, MIN_PASSWORD};
    use crate::channel::MAX_LINE;
    use crate::crypto::handshake::PREFACE;
    use crate::crypto::record::{
        MAX_RECORD, MAX_RECORD_BEFORE_LOGIN, MAX_RECORDS_PER_KEY, MAX_RECORDS_SEALED, MAX_UPDATES,
        UPDATE_WINDOW,
    };
    use crate::name::MAX_NAME;
    use crate::wire::strict::{MAX_KEYS, MAX_NESTING};

    /// As in the document: 65,535.
    fn grouped(number: u64) -> String {
        match number {
            0..1_000 => number.to_string(),
            _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
        }
    }

    fn count(number: usize) -> String {
        grouped(number.try_into().unwrap())
    }

    /// The first and last column of each row of section 16.
    fn documented() -> Vec<(String, String)> {
        let document = include_str!("../../docs/PROTOCOL.md");
        let (_, section) = document
            .split_once("\n## 16. Deadlines and limits\n")
            .unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let rows = section.lines().filter_map(|line| {
            let (name, value) = line
                .strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")?;
            Some((name.to_owned(), value.to_owned()))
        });
        rows.filter(|(name, _)| name != "deadline" && name != "limit")
            .collect()
    }

    fn deadlines() -> Vec<(&'static str, String)> {
        let seconds = |time: Duration| time.as_secs();
        let minutes = |time: Duration| time.as_secs() / 60;
        vec![
            (
                "handshake complete",
                format!("{MAX_HANDSHAKE_SECONDS} s after the connection was accepted"),
            ),
            (
                "logged in",
                format!("{} s after the handshake", seconds(LOGIN_TIMEOUT)),
            ),
            (
                "registered",
                format!("{} min after `register`", minutes(REGISTRATION_TIMEOUT)),
            ),
            (
                "a change of password or second factor confirmed",
                format!(
                    "{} min after its challenge, or after `new_factor`",
                    minutes(CHANGE_TIMEOUT)
                ),
            ),
            (
                "a frame complete, in a session",
                format!("{} s after its first byte", seconds(FRAME_TIMEOUT)),
            ),
            (
                "`ping` from the server",
                format!(
                    "after {} s without a record from the client",
                    seconds(PING_AFTER)
                ),
            ),
            (
                "`bye timeout`",
                format!("after {} s without one", seconds(SILENCE_TIMEOUT)),
            ),
        ]
    }

    fn sizes() -> Vec<(&'static str, String)> {
        vec![
            (
                "preface; refusal line",
                format!("{} bytes; {MAX_LINE} bytes", PREFACE.len()),
            ),
            (
                "record",
                format!(
                    "{} bytes before login, {} in a session",
                    count(MAX_RECORD_BEFORE_LOGIN),
                    count(MAX_RECORD)
                ),
            ),
            ("messages in a record", count(MAX_MESSAGES_PER_RECORD)),
            (
                "nesting; keys in a map",
                format!("{MAX_NESTING}; {MAX_KEYS}"),
            ),
            (
                "records under one key",
                format!(
                    "sender {} and the update; receiver {}",
                    grouped(MAX_RECORDS_SEALED.into()),
                    grouped(MAX_RECORDS_PER_KEY)
                ),
            ),
            (
                "key updates",
                format!("receiver: {MAX_UPDATES} in {} s", UPDATE_WINDOW.as_secs()),
            ),
            ("name", format!("{MAX_NAME} bytes")),
            ("text", format!("{} bytes of UTF-8", count(MAX_TEXT))),
            (
                "page",
                format!("{PAGE_LIMIT} messages or {} KiB", PAGE_BYTES / 1024),
            ),
            ("line", format!("{MAX_TOPIC} bytes of UTF-8")),
            (
                "search",
                format!("{MAX_SEARCH} bytes of UTF-8, {MAX_SEARCH_WORDS} words"),
            ),
            (
                "mute with an end",
                format!("1 s to {} days", MAX_MUTE / (24 * 3600)),
            ),
        ]
    }

    fn counts() -> Vec<(&'static str, String)> {
        vec![
            (
                "conversations of two that one person begins",
                format!(
                    "{} that are not hidden, {} in all",
                    grouped(MAX_CONVERSATIONS),
                    grouped(MAX_BEGUN)
                ),
            ),
            ("people one ignores", grouped(MAX_IGNORED.into())),
            (
                "SCRAM message; second factor",
                format!("{MAX_MESSAGE} bytes; {MAX_SECOND_FACTOR} bytes"),
            ),
            (
                "password, prepared",
                format!("{MIN_PASSWORD} to {} bytes", count(MAX_PASSWORD)),
            ),
            ("sessions of an account", MAX_SESSIONS.to_string()),
            (
                "failed logins of an address",
                format!(
                    "{LOGIN_FAILURES}, then one every {} s",
                    LOGIN_REFILL.as_secs()
                ),
            ),
            (
                "resumes of an address under way or refused",
                format!(
                    "{RESUMES}, then {} a second",
                    Duration::from_secs(1).as_millis() / RESUME_REFILL.as_millis()
                ),
            ),
            ("wrong proofs in a session", MAX_WRONG_PROOFS.to_string()),
            (
                "wrong first codes of a new secret",
                MAX_FIRST_CODES.to_string(),
            ),
            (
                "registrations begun by an address",
                format!(
                    "{REGISTRATIONS}, then one every {} s; {REGISTRATIONS_PER_CONNECTION} by a \
                     connection. Of loopback addresses only refused ones count",
                    REGISTRATION_REFILL.as_secs()
                ),
            ),
            (
                "failed logins, resumes, registrations of a /56 of IPv6; of a /24 of IPv4 or a /48",
                format!("{BUDGET_OF_A_56} times those of an address; {BUDGET_OF_A_48} times"),
            ),
            (
                "messages of unknown type, before login",
                MAX_UNKNOWN_BEFORE_LOGIN.to_string(),
            ),
        ]
    }

    #[test]
    fn the_document_has_these_numbers() {
        let expected = [deadlines(), sizes(), counts()].concat();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        assert_eq!(documented(), expected);
    }
}
