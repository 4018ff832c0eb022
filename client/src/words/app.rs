//! Sentences for the chat: of rooms, people and the connection. Names come sanitized ([`name`]),
//! except in a whole [`Room`] or [`ServerInfo`]; all other texts are sanitized where they are
//! shown.

use std::fmt::Display;

use chatbox_common::crypto::handshake::SUITE;
use chatbox_common::name::UserName;
use chatbox_common::wire::message::{
    Access, Action, Room, RoomChanged, RoomMode, ServerInfo, Standing,
};

use super::screen;
use crate::sanitize::name;

pub const HELP: &str = "Commands";
pub const INFO: &str = "This session";
pub const NOT_UTF8: &str = "the terminal's character set is not UTF-8, says the locale or TERM: \
     other characters than ASCII are shown as ?; try LC_ALL=C.UTF-8, or another TERM";
pub const ROOM_GONE: &str = "you are not in that room any more";
pub const SERVER_IS_OLDER: &str = "This server is older than this program, and does not know that.";

/// For a refusal that this version has no name for.
pub fn refused(code: u32) -> String {
    format!("refused (code {code})")
}

pub const LOST_THREADS: &str = "the program lost its own threads";

// What is typed.

pub fn cut(most: usize) -> String {
    format!(
        "Nothing was sent: a terminal passes on only the first {most} bytes of a line, so the end \
         of this one is missing. Type it in parts, or pipe it in."
    )
}

pub const NOT_READ: &str = "standard input can't be read; nothing more is sent";
pub const NO_TEXT: &str = "Nothing was sent: the line is not UTF-8.";
pub const NOT_SENT: &str = "What you typed was not sent.";
pub const IN_NO_ROOM: &str = "Nothing was sent: you are in no room; see /rooms.";
pub const KEPT: &str = "kept, and sent once there is a connection again";
pub fn waits_for(room: &str) -> String {
    format!("what you type waits until you are in {room}")
}

pub const NO_CONNECTION: &str = "There is no connection just now; try again later.";

// Rooms.

/// After a kick or ban from the current room.
pub const NOWHERE: &str = "what you type is said nowhere; /join goes to another room";
pub const NOT_ENTERED: &str = "the room to talk in could not be entered; nothing more is sent";
pub const INVITED: &str = "invited";

pub fn you_are(user: &UserName) -> String {
    format!("you are {user}")
}

/// The first line a person sees: where what they type is said.
pub fn begin(room: Option<&str>) -> String {
    let place = match room {
        Some(room) => format!("in {room}"),
        None => "nowhere; /rooms shows which rooms there are".to_owned(),
    };
    format!("what you type is said {place}; /help shows the commands")
}

/// The topic is a line of its own. That an audited room is read and logged must be said to each who
/// enters it (docs/PROTOCOL.md, 8.4). It stands first, where no name can imitate it.
pub fn room(room: &Room) -> String {
    let (mode, meaning) = match room.mode {
        RoomMode::Audited => (
            screen::AUDITED,
            ": the server reads, keeps and logs what is said",
        ),
        RoomMode::Private => (screen::PRIVATE, ""),
    };
    let access = match room.access {
        Access::Open => "open to all",
        Access::Invited => "for those who are invited",
        Access::Direct => "between the two of you",
    };
    let (called, online) = (name(&room.name), room.online);
    let mut sentence = format!("{mode} {called}, {access}{meaning}; {online} online");
    if let Some(reason) = &room.archived {
        let why = because(reason);
        sentence = format!("{sentence}; archived{why}");
    } else if let Some(reason) = &room.locked {
        let why = because(reason);
        sentence = format!("{sentence}; only moderators may write{why}");
    }
    if !room.topic.is_empty() {
        sentence = format!("{sentence}\n{}", room.topic);
    }
    sentence
}

fn because(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    }
}

pub fn no_such_room(hint: &str) -> String {
    format!("You are in no such room; /rooms shows which there are{hint}")
}

pub fn did_you_mean(name: &str) -> String {
    format!("; did you mean {name}?")
}

pub fn topic(room: &str, topic: &str) -> String {
    format!("{room}: {topic}")
}

fn topic_changed(by: &str, room: &str, topic: &str) -> String {
    format!("{by} says what {room} is about: {topic}")
}

/// `room_changed` has the state, not the change: a sentence for each difference. What the server
/// says of an archived room's lock, to older clients, is none.
pub fn room_changes(before: &Room, changed: &RoomChanged, by: &str, room: &str) -> Vec<String> {
    // Names every key, so that none changes without a word.
    let RoomChanged {
        room: _,
        by: _,
        topic,
        locked: reason,
        archived: end,
    } = changed;
    let mut sentences = Vec::new();
    if before.topic != *topic {
        sentences.push(topic_changed(by, room, topic));
    }
    if before.archived.is_some() != end.is_some() {
        sentences.push(archived(by, room, end.as_deref()));
        return sentences;
    }
    match (&before.locked, reason) {
        _ if end.is_some() => {}
        (Some(before), Some(reason)) if before != reason => {
            sentences.push(locked_because(by, room, reason));
        }
        (before, reason) if before.is_some() != reason.is_some() => {
            sentences.push(locked(by, room, reason.as_deref()));
        }
        _ => {}
    }
    sentences
}

fn archived(by: &str, room: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => {
            let why = because(reason);
            format!("{by} archived {room}: it can be read, and nothing more{why}")
        }
        None => format!("{by} opened {room} again"),
    }
}

/// The room was locked before, for another reason.
fn locked_because(by: &str, room: &str, reason: &str) -> String {
    if reason.is_empty() {
        return format!("{by} no longer says why only moderators may write in {room}");
    }
    format!("{by} says why only moderators may write in {room}: {reason}")
}

fn locked(by: &str, room: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => {
            let why = because(reason);
            format!("{by} lets only moderators write in {room}{why}")
        }
        None => format!("{by} lets everybody write in {room} again"),
    }
}

/// For the person whose membership ended.
pub fn left(action: Action, by: &str, room: &str, reason: &str) -> String {
    let why = because(reason);
    match action {
        Action::Kick => format!("{by} sent you out of {room}{why}"),
        Action::Ban => format!("{by} banned you from {room}{why}"),
        // The others end no membership; a server that sends them here is taken as for leaving.
        Action::Leave
        | Action::Join
        | Action::Unban
        | Action::Mute
        | Action::Unmute
        | Action::Op
        | Action::Deop => format!("you have left {room}"),
    }
}

pub fn closed(conversation: &str) -> String {
    format!("{conversation} is closed until somebody speaks there; /dm opens it again")
}

pub fn not_closed(room: &str) -> String {
    format!("{room} is a room, which /leave leaves; only a conversation is closed")
}

// People.

pub fn ignored(names: &[String]) -> String {
    if names.is_empty() {
        "you ignore nobody".to_owned()
    } else {
        format!("you ignore {}", names.join(", "))
    }
}

pub const IGNORED: &str = "Whom you ignore";

pub fn one_a_line(names: &[String]) -> String {
    let indented = names.iter().map(|name| ["  ", name, "\n"].concat());
    indented.collect()
}

pub fn ignoring(user: &str, ignored: bool) -> String {
    if ignored {
        format!("you ignore {user} from now on")
    } else {
        format!("you no longer ignore {user}")
    }
}

pub fn presence(names: &[String], came: bool, online: u32, room: &str) -> String {
    let names = names.join(", ");
    let did = if came { "came" } else { "went" };
    format!("{names} {did}; {online} online in {room}")
}

pub fn standing(standing: &Standing, user: &str, by: &str, room: &str) -> String {
    let why = because(&standing.reason);
    let span = standing
        .seconds
        .map_or(String::new(), |seconds| format!(" for {seconds} s"));
    match standing.action {
        Action::Join => format!("{user} joined {room}"),
        Action::Leave => format!("{user} left {room}"),
        Action::Kick => format!("{by} sent {user} out of {room}{why}"),
        Action::Ban => format!("{by} banned {user} from {room}{why}"),
        Action::Unban => format!("{by} took the ban of {user} from {room} back"),
        Action::Mute => format!("{by} has {user} read only in {room}{span}{why}"),
        Action::Unmute => format!("{by} lets {user} write in {room} again"),
        Action::Op => format!("{by} made {user} a moderator of {room}"),
        Action::Deop => format!("{by} made {user} a member of {room} again"),
    }
}

pub fn invited(by: &str, room: &str) -> String {
    format!("{by} invites you: /join {room}")
}

pub fn announcement(text: &str) -> String {
    format!("the operator tells everybody: {text}")
}

// Refusals.

pub fn tried_again(why: &str) -> String {
    format!("{why}; it is tried again")
}

pub fn not_sent(why: &str, text: &str) -> String {
    format!("not sent: {why}: {text}")
}

pub fn no_room_any_more(room: &str) -> String {
    format!("you are not in {room} any more")
}

pub fn not_followed(why: &str) -> String {
    format!("the server does not send a room's messages: {why}")
}

// The way to the server.

pub const SILENT: &str = "the server fell silent";
pub const NO_ANSWER: &str = screen::NO_ANSWER;
pub const ANSWERS_AGAIN: &str = "the server answers again";
pub const CONNECTION_LOST: &str = "connection lost";
pub const CONNECTED_AGAIN: &str = "connected again";
pub const LOGGED_IN_AGAIN: &str = "logged in again";
pub const MAY_NOT_BE_DONE: &str =
    "What was asked for just now may not have been done; look, and ask again.";
pub const NOT_CONTINUED: &str = "the login could not be continued after the connection was lost";
pub const ENTER_LOGS_IN: &str = "the login could not be continued: press Enter to log in again";
pub const ENTER_TRIES_AGAIN: &str = "press Enter to try again, or type /quit";
pub const LOGGED_OUT_EVERYWHERE: &str = "you are logged out everywhere";
pub const NOT_SAID_LOGGED_OUT: &str = "the server has not said that you are logged out everywhere";

pub fn server_ended(text: &str) -> String {
    if text.is_empty() {
        "the server ended the session".to_owned()
    } else {
        format!("the server ended the session: {text}")
    }
}

pub fn broken_off(why: impl Display) -> String {
    format!("the connection was broken off: {why}")
}

pub fn reconnecting(why: &str, seconds: f32) -> String {
    format!("{why}, reconnecting in {seconds} s")
}

/// Stands behind [`reconnecting`], for who has a keyboard.
pub const ENTER_HURRIES: &str = "; Enter tries now";

/// Of messages that were typed and not acknowledged, sent or not.
pub fn unacknowledged(count: usize) -> String {
    match count {
        1 => "1 message was not acknowledged and may be lost".to_owned(),
        _ => format!("{count} messages were not acknowledged and may be lost"),
    }
}

/// A line about one of them, behind [`unacknowledged`]; `place` is empty where it was not decided.
pub fn unsent_text(place: &str, begin: &str, is_all: bool) -> String {
    let colon = if place.is_empty() { "" } else { ": " };
    let end = if is_all { "" } else { "…" };
    format!("\n{place}{colon}{begin}{end}")
}

pub fn info(fingerprint: &str, ours: &str, theirs: &str, info: &ServerInfo) -> String {
    format!(
        "  suite     {SUITE}\n  server    {fingerprint}\n  keys      to the server {ours}, from \
         the server {theirs}\n  version   {} (this client: {})\n  up for    {}\n  people    {}, on \
         {} of at most {} connections\n",
        name(&info.server),
        env!("CARGO_PKG_VERSION"),
        span(info.uptime),
        info.people,
        info.connections,
        info.most_connections,
    )
}

pub fn key(epoch: u64, age: &str) -> String {
    format!("epoch {epoch}, {age} old")
}

/// `seconds` in the two largest units.
pub fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::RoomId;

    use super::*;

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3_600, "1 h 0 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(seconds), told);
        }
    }

    /// What its members are told when it has become so.
    fn changed(room: &Room) -> RoomChanged {
        RoomChanged {
            room: room.room,
            topic: room.topic.clone(),
            locked: room.locked.clone(),
            archived: room.archived.clone(),
            by: "alice".to_owned(),
        }
    }

    #[test]
    fn each_change_of_a_room_has_a_sentence() {
        let before = Room::new(RoomId(2), "#ops");
        let said =
            |before: &Room, after: &Room| room_changes(before, &changed(after), "alice", "#ops");
        assert!(said(&before, &before).is_empty());
        let locked = Room {
            topic: "what burns".to_owned(),
            locked: Some(String::new()),
            ..before.clone()
        };
        assert_eq!(
            said(&before, &locked),
            [
                "alice says what #ops is about: what burns",
                "alice lets only moderators write in #ops",
            ]
        );
        let other = |reason: &str| Room {
            locked: Some(reason.to_owned()),
            ..locked.clone()
        };
        assert_eq!(
            said(&locked, &other("calm down")),
            ["alice says why only moderators may write in #ops: calm down"]
        );
        assert_eq!(
            said(&other("calm down"), &locked),
            ["alice no longer says why only moderators may write in #ops"]
        );
        assert!(said(&locked, &locked).is_empty());
        let mut unlocked = locked.clone();
        let topic = locked.topic.clone();
        unlocked.change(changed(&Room { topic, ..before }));
        assert_eq!(
            said(&locked, &unlocked),
            ["alice lets everybody write in #ops again"]
        );
    }
}
