//! How long the texts may be that a server sends: each is cut to its limit of docs/PROTOCOL.md as
//! soon as it is decoded, before anything is kept or shown of it. What is cut ends with a `…`.
//!
//! The threat: a record has up to 65,535 bytes, and a room's name or topic is kept for as long as
//! the person is in the room.

use chatbox_common::limits::{MAX_TEXT, MAX_TOPIC};
use chatbox_common::wire::message::{Chat, Room, ServerMessage};

/// In bytes, for a name of a person or a room: the longest one that a server gives has 66
/// (`#room~maker`).
const MAX_CALLED: usize = 128;
/// In bytes, for what a server says of an error or its goodbye.
const MAX_SENTENCE: usize = 1_024;
const CUT: &str = "…";

pub(super) fn bound(message: &mut ServerMessage) {
    match message {
        ServerMessage::Welcome(welcome) => {
            welcome.rooms.iter_mut().for_each(room);
            welcome.ignored.iter_mut().for_each(called);
            called(&mut welcome.server);
        }
        ServerMessage::Chat(message) => chat(message),
        ServerMessage::Page(page) => page.messages.iter_mut().for_each(chat),
        ServerMessage::Found(found) => found.messages.iter_mut().for_each(chat),
        ServerMessage::Presence(presence) => {
            let all = presence.joined.iter_mut().chain(&mut presence.left);
            all.for_each(called);
        }
        ServerMessage::People(list) => list.people.iter_mut().for_each(|p| called(&mut p.user)),
        ServerMessage::MemberList(list) => list.members.iter_mut().for_each(|m| called(&mut m.user)),
        ServerMessage::RoomList(list) => list.rooms.iter_mut().for_each(|room| {
            called(&mut room.name);
            line(&mut room.topic, MAX_TOPIC);
        }),
        ServerMessage::Profile(profile) => called(&mut profile.user),
        ServerMessage::You(you) => {
            called(&mut you.user);
            called(&mut you.address);
        }
        ServerMessage::ServerInfo(info) => called(&mut info.server),
        ServerMessage::SessionList(list) => {
            list.sessions.iter_mut().for_each(|s| called(&mut s.address));
        }
        ServerMessage::Joined(joined) => room(&mut joined.room),
        ServerMessage::Left(left) => {
            called(&mut left.by);
            line(&mut left.reason, MAX_TOPIC);
        }
        ServerMessage::RoomChanged(changed) => {
            called(&mut changed.by);
            line(&mut changed.topic, MAX_TOPIC);
            reason(&mut changed.locked);
            reason(&mut changed.archived);
        }
        ServerMessage::Standing(standing) => {
            called(&mut standing.user);
            called(&mut standing.by);
            line(&mut standing.reason, MAX_TOPIC);
        }
        ServerMessage::Invited(invited) => {
            called(&mut invited.name);
            called(&mut invited.by);
        }
        ServerMessage::Ignoring(ignoring) => called(&mut ignoring.user),
        ServerMessage::Announcement(announcement) => line(&mut announcement.text, MAX_TOPIC),
        ServerMessage::Error(error) => line(&mut error.text, MAX_SENTENCE),
        ServerMessage::Bye(bye) => line(&mut bye.text, MAX_SENTENCE),
        // Nothing of their texts is kept or shown: they are parsed, each to a length of its own.
        ServerMessage::RegisterChallenge(_)
        | ServerMessage::LoginChallenge(_)
        | ServerMessage::LoggedIn(_)
        | ServerMessage::PasswordChallenge(_)
        | ServerMessage::NewFactor(_)
        | ServerMessage::Changed(_)
        // They have no text.
        | ServerMessage::Ack(_)
        | ServerMessage::Lagged(_)
        | ServerMessage::Following(_)
        | ServerMessage::Ping(_)
        | ServerMessage::Pong(_)
        | ServerMessage::Done(_)
        | ServerMessage::ReadTo(_) => {}
    }
}

fn room(room: &mut Room) {
    called(&mut room.name);
    line(&mut room.topic, MAX_TOPIC);
    reason(&mut room.locked);
    reason(&mut room.archived);
}

fn chat(chat: &mut Chat) {
    called(&mut chat.user);
    cut(&mut chat.text, MAX_TEXT);
}

fn called(name: &mut String) {
    cut(name, MAX_CALLED);
}

fn reason(reason: &mut Option<String>) {
    if let Some(reason) = reason {
        line(reason, MAX_TOPIC);
    }
}

/// Of a *line* of the protocol also what follows is on the first: it must not become thousands.
fn line(text: &mut String, most: usize) {
    cut(text, most);
    if text.contains('\n') {
        *text = text.replace('\n', " ");
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    let end = (0..=most.saturating_sub(CUT.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text.push_str(CUT);
    text.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::{
        AccountId, ErrorCode, ErrorMessage, Joined, Kind, RoomId, RoomMode,
    };

    use super::*;

    #[test]
    fn what_keeps_to_the_limits_stays_as_it_is() {
        for (text, most) in [("", 5), ("12345", 5), ("é€12", 7)] {
            let mut cut_text = text.to_owned();
            cut(&mut cut_text, most);
            assert_eq!(cut_text, text);
        }
        let mut joined = ServerMessage::Joined(Joined {
            request: None,
            room: Room {
                topic: "x".repeat(MAX_TOPIC),
                mode: RoomMode::Audited,
                ..Room::new(
                    RoomId(1),
                    &format!("#{}~{}", "x".repeat(32), "y".repeat(32)),
                )
            },
        });
        let before = joined.clone();
        bound(&mut joined);
        assert_eq!(joined, before);
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_says_so() {
        for (text, most, short) in [("123456", 5, "12…"), ("ééé", 5, "é…"), ("漢漢", 5, "…")]
        {
            let mut cut_text = text.to_owned();
            cut(&mut cut_text, most);
            assert_eq!(cut_text, short);
            assert!(short.len() <= most);
        }
    }

    #[test]
    fn a_message_a_name_and_a_sentence_have_the_most_bytes_that_they_may() {
        let mut message = ServerMessage::Chat(Chat {
            room: RoomId(1),
            seq: 1,
            account: AccountId(1),
            user: "u".repeat(60_000),
            time: 0,
            text: "é".repeat(30_000),
            kind: Kind::Text,
        });
        bound(&mut message);
        let ServerMessage::Chat(chat) = message else {
            unreachable!()
        };
        assert!(chat.user.len() <= MAX_CALLED && chat.text.len() <= MAX_TEXT);
        let mut error = ServerMessage::Error(ErrorMessage {
            request: None,
            code: ErrorCode::Busy,
            text: "no\n".repeat(20_000),
            retry_ms: None,
        });
        bound(&mut error);
        let ServerMessage::Error(error) = error else {
            unreachable!()
        };
        assert!(error.text.len() <= MAX_SENTENCE && !error.text.contains('\n'));
    }
}
