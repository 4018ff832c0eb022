//! The commands: name, arguments, help and parser of each in one row, so that they cannot differ.
//! [`super::parse`] and `/help` read it.

use chatbox_common::wire::message::FactorPart;

use super::arguments::{alone, direct, history, member, person, room, split, target, unfold};
use super::command::{Command, MemberAction, Misuse, RoomOrder, Target};
use super::when::span;

pub(super) struct CommandRow {
    pub(super) name: &'static str,
    pub(super) arguments: &'static str,
    pub(super) help: &'static str,
    /// Gets what follows the name, without white space around it.
    pub(super) parse: fn(&str) -> Result<Command, Misuse>,
}

pub(super) const TABLE: &[CommandRow] = &[
    CommandRow {
        name: "help",
        arguments: "[command]",
        help: "show all commands, or one",
        parse: |arguments| match arguments {
            "" => Ok(Command::Help(None)),
            topic => match find(topic.strip_prefix('/').unwrap_or(topic)) {
                Some(row) => Ok(Command::Help(Some(row.name))),
                None => Err(Misuse),
            },
        },
    },
    CommandRow {
        name: "list",
        arguments: "",
        help: "show who is online",
        parse: |arguments| alone(arguments, Command::List),
    },
    CommandRow {
        name: "rooms",
        arguments: "",
        help: "show which rooms there are",
        parse: |arguments| alone(arguments, Command::Rooms),
    },
    CommandRow {
        name: "join",
        arguments: "#room",
        help: "enter a room, or go to one you are in: what you type is said there",
        parse: |arguments| match (room(arguments), arguments.contains(char::is_whitespace)) {
            (Some(name), false) => Ok(Command::Join(name)),
            _ => Err(Misuse),
        },
    },
    CommandRow {
        name: "dm",
        arguments: "@user [text]",
        help: "say something to somebody alone, or talk with them; the server reads, keeps and logs it",
        parse: direct,
    },
    CommandRow {
        name: "msg",
        arguments: "@user [text]",
        help: "the same as /dm",
        parse: direct,
    },
    CommandRow {
        name: "me",
        arguments: "text",
        help: "do something instead of saying it: /me waves is shown as * you waves",
        parse: |arguments| match arguments {
            "" => Err(Misuse),
            text => Ok(Command::Me(text.to_owned())),
        },
    },
    CommandRow {
        name: "leave",
        arguments: "[#room]",
        help: "leave a room: this one, or the one named",
        parse: |arguments| match target(arguments) {
            (room, "") => Ok(Command::Leave(room)),
            _ => Err(Misuse),
        },
    },
    CommandRow {
        name: "close",
        arguments: "[@user]",
        help: "take a conversation out of your list until somebody speaks in it; they learn nothing",
        parse: |arguments| {
            Ok(Command::Close(match target(arguments) {
                (Target::Here, "") => Target::Here,
                (Target::Here, user) => Target::Room(format!("@{}", person(user)?)),
                // Refused with the right command.
                (room, "") => room,
                _ => return Err(Misuse),
            }))
        },
    },
    CommandRow {
        name: "create",
        arguments: "[-invited] #room [topic]",
        help: "make a room, open to all or to those who are invited; the server reads, keeps and \
               logs what is said there",
        parse: |arguments| {
            let rest = arguments.strip_prefix("-invited");
            let rest = rest.filter(|rest| rest.starts_with(char::is_whitespace));
            let (name, topic) = split(rest.unwrap_or(arguments).trim_start());
            Ok(Command::Create {
                name: room(name).ok_or(Misuse)?,
                topic: topic.to_owned(),
                invited: rest.is_some(),
            })
        },
    },
    CommandRow {
        name: "topic",
        arguments: "[#room] [text]",
        help: "show what a room is about, or say it anew; '-' says nothing",
        parse: |arguments| {
            let (room, text) = target(arguments);
            let text = match text {
                "" => None,
                "-" => Some(String::new()),
                text => Some(text.to_owned()),
            };
            Ok(Command::Topic(room, text))
        },
    },
    CommandRow {
        name: "invite",
        arguments: "[#room] @user",
        help: "let somebody into a room",
        parse: |arguments| {
            let (room, user) = target(arguments);
            Ok(Command::Invite(room, person(user)?))
        },
    },
    CommandRow {
        name: "members",
        arguments: "[#room]",
        help: "show who belongs to a room",
        parse: |arguments| match target(arguments) {
            (room, "") => Ok(Command::Members(room)),
            _ => Err(Misuse),
        },
    },
    CommandRow {
        name: "kick",
        arguments: "[#room] @user [reason]",
        help: "send somebody out of a room; they may come back",
        parse: |arguments| member(arguments, MemberAction::Kick),
    },
    CommandRow {
        name: "ban",
        arguments: "[#room] @user [reason]",
        help: "send somebody out of a room for good",
        parse: |arguments| member(arguments, MemberAction::Ban),
    },
    CommandRow {
        name: "unban",
        arguments: "[#room] @user",
        help: "take a ban back",
        parse: |arguments| member(arguments, MemberAction::Unban),
    },
    CommandRow {
        name: "mute",
        arguments: "[#room] @user [10m] [reason]",
        help: "have somebody read only, for seconds (s), minutes (m), hours (h) or days (d)",
        parse: |arguments| {
            let (room, rest) = target(arguments);
            let (user, rest) = split(rest);
            let (first, after) = split(rest);
            let (seconds, reason) = match span(first) {
                Some(seconds) => (Some(seconds), after),
                None => (None, rest),
            };
            Ok(Command::Member {
                room,
                user: person(user)?,
                action: MemberAction::Mute(seconds),
                reason: reason.to_owned(),
            })
        },
    },
    CommandRow {
        name: "unmute",
        arguments: "[#room] @user",
        help: "let somebody write again",
        parse: |arguments| member(arguments, MemberAction::Unmute),
    },
    CommandRow {
        name: "op",
        arguments: "[#room] @user",
        help: "make somebody a moderator of a room",
        parse: |arguments| member(arguments, MemberAction::Op),
    },
    CommandRow {
        name: "deop",
        arguments: "[#room] @user",
        help: "make a moderator a member again",
        parse: |arguments| member(arguments, MemberAction::Deop),
    },
    CommandRow {
        name: "lock",
        arguments: "[#room] [reason]",
        help: "let only moderators write in a room",
        parse: |arguments| {
            let (room, reason) = target(arguments);
            Ok(Command::InRoom(
                room,
                RoomOrder::Lock(Some(reason.to_owned())),
            ))
        },
    },
    CommandRow {
        name: "unlock",
        arguments: "[#room]",
        help: "let everybody in a room write again",
        parse: |arguments| match target(arguments) {
            (room, "") => Ok(Command::InRoom(room, RoomOrder::Lock(None))),
            _ => Err(Misuse),
        },
    },
    CommandRow {
        name: "archive",
        arguments: "#room [reason]",
        help: "end a room: it can be read from then on, and nothing more",
        parse: |arguments| match target(arguments) {
            // Never the room that one happens to be in.
            (Target::Here, _) => Err(Misuse),
            (room, reason) => Ok(Command::InRoom(
                room,
                RoomOrder::Archive(Some(reason.to_owned())),
            )),
        },
    },
    CommandRow {
        name: "unarchive",
        arguments: "#room",
        help: "open an archived room again",
        parse: |arguments| match target(arguments) {
            (Target::Here, _) => Err(Misuse),
            (room, "") => Ok(Command::InRoom(room, RoomOrder::Archive(None))),
            _ => Err(Misuse),
        },
    },
    CommandRow {
        name: "whois",
        arguments: "@user",
        help: "show who somebody is, and since when they are there",
        parse: |arguments| Ok(Command::Whois(person(arguments)?)),
    },
    CommandRow {
        name: "ignore",
        arguments: "[@user]",
        help: "do not show what somebody says or does, or show whom you ignore; they learn nothing",
        parse: |arguments| match arguments {
            "" => Ok(Command::Ignore(None)),
            user => Ok(Command::Ignore(Some(person(user)?))),
        },
    },
    CommandRow {
        name: "unignore",
        arguments: "@user",
        help: "show again what somebody says",
        parse: |arguments| Ok(Command::Unignore(person(arguments)?)),
    },
    CommandRow {
        name: "history",
        arguments: "[n] [before time]",
        help: "show n earlier messages (20 if n is left out, at most 1000), or those before a time: \
               2026-11-22, 14:30, both, or 2h for two hours ago",
        parse: history,
    },
    CommandRow {
        name: "unfold",
        arguments: "[#room] number",
        help: "show all of a long message: 'more rows' names its number",
        parse: unfold,
    },
    CommandRow {
        name: "search",
        arguments: "[words]",
        help: "find messages with all of these words in your rooms; without words, older ones of \
               the last search",
        parse: |arguments| {
            let words = (!arguments.is_empty()).then(|| arguments.to_owned());
            Ok(Command::Search(words))
        },
    },
    CommandRow {
        name: "info",
        arguments: "",
        help: "show how this session is protected, and the server's fingerprint",
        parse: |arguments| alone(arguments, Command::Info),
    },
    CommandRow {
        name: "whoami",
        arguments: "",
        help: "show your own name",
        parse: |arguments| alone(arguments, Command::WhoAmI),
    },
    CommandRow {
        name: "sessions",
        arguments: "",
        help: "show where you are logged in",
        parse: |arguments| alone(arguments, Command::Sessions),
    },
    CommandRow {
        name: "logout",
        arguments: "all",
        help: "end all your sessions, this one included; each needs a login then",
        parse: |arguments| match arguments {
            "all" => Ok(Command::LogOut),
            _ => Err(Misuse),
        },
    },
    CommandRow {
        name: "password",
        arguments: "",
        help: "change your password; your other sessions end",
        parse: |arguments| alone(arguments, Command::Password),
    },
    CommandRow {
        name: "2fa",
        arguments: "secret|codes",
        help: "get a new secret for your authenticator (your other sessions end), or new recovery \
               codes",
        parse: |arguments| match arguments {
            "secret" => Ok(Command::Factor(FactorPart::Secret)),
            "codes" => Ok(Command::Factor(FactorPart::RecoveryCodes)),
            _ => Err(Misuse),
        },
    },
    CommandRow {
        name: "clear",
        arguments: "",
        help: "empty the screen",
        parse: |arguments| alone(arguments, Command::Clear),
    },
    CommandRow {
        name: "quit",
        arguments: "",
        help: "leave; :quit does the same",
        parse: |arguments| alone(arguments, Command::Quit),
    },
];

/// ASCII letters without case.
pub(super) fn find(name: &str) -> Option<&'static CommandRow> {
    TABLE.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
