//! The arguments of commands: the parts that the parsers of the table are made of.

use super::command::{Command, DEFAULT_HISTORY, MAX_HISTORY, MemberAction, Misuse, Target};
use super::when::When;

pub(super) fn alone(arguments: &str, command: Command) -> Result<Command, Misuse> {
    if arguments.is_empty() {
        Ok(command)
    } else {
        Err(Misuse)
    }
}

/// The first word, and the rest without white space before it.
pub(super) fn split(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim_start())
}

pub(super) fn room(word: &str) -> Option<String> {
    (word.len() > 1 && word.starts_with('#')).then(|| word.to_owned())
}

/// Without a `#room` first, all of `arguments` is the rest.
pub(super) fn target(arguments: &str) -> (Target, &str) {
    let (first, rest) = split(arguments);
    match room(first) {
        Some(name) => (Target::Room(name), rest),
        None => (Target::Here, arguments),
    }
}

/// One word, with or without its `@`; the server checks the name.
pub(super) fn person(word: &str) -> Result<String, Misuse> {
    let name = word.strip_prefix('@').unwrap_or(word);
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(Misuse);
    }
    Ok(name.to_owned())
}

pub(super) fn direct(arguments: &str) -> Result<Command, Misuse> {
    let (user, text) = split(arguments);
    Ok(Command::Direct(person(user)?, text.to_owned()))
}

pub(super) fn history(arguments: &str) -> Result<Command, Misuse> {
    let (first, rest) = split(arguments);
    let (count, rest) = match first.parse() {
        Ok(count) => (count, rest),
        Err(_) => (DEFAULT_HISTORY, arguments),
    };
    let before = match split(rest) {
        ("", _) => None,
        ("before", time) => Some(When::parse(time).ok_or(Misuse)?),
        _ => return Err(Misuse),
    };
    match count {
        1..=MAX_HISTORY => Ok(Command::History { count, before }),
        _ => Err(Misuse),
    }
}

pub(super) fn member(arguments: &str, action: MemberAction) -> Result<Command, Misuse> {
    let (room, rest) = target(arguments);
    let (user, reason) = split(rest);
    let takes_a_reason = matches!(action, MemberAction::Kick | MemberAction::Ban);
    if !takes_a_reason && !reason.is_empty() {
        return Err(Misuse);
    }
    Ok(Command::Member {
        room,
        user: person(user)?,
        action,
        reason: reason.to_owned(),
    })
}

/// The room may be a conversation of two, `@user`.
pub(super) fn unfold(arguments: &str) -> Result<Command, Misuse> {
    let (first, second) = split(arguments);
    let (room, number) = match second {
        "" => (Target::Here, first),
        number if first.starts_with(['#', '@']) => (Target::Room(first.to_owned()), number),
        _ => return Err(Misuse),
    };
    match number.parse() {
        Ok(number @ 1..) => Ok(Command::Unfold(room, number)),
        _ => Err(Misuse),
    }
}
