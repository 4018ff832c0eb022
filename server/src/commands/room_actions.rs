//! Makes a room action for the journal of what a client asks to do with a room or a person: parses
//! names, checks texts and ranges. Whether the person may do it, the journal decides.

use chatbox_common::limits::{MAX_MUTE, MAX_TOPIC};
use chatbox_common::name::{NameError, RoomName, UserName};
use chatbox_common::wire::message::{
    Access, Action, Archive, ClientMessage, Create, Direct, ErrorCode, Ignore, Invite, Join, Lock,
    Moderate, RequestId, RoomMode, SetTopic,
};

use crate::journal::{ModeratorAction, RoomAction, RoomSetting};

/// The code, and the sentence for the person.
pub(super) type InvalidRequest = (ErrorCode, String);

/// `None` for a message that asks nothing of a room or a person.
pub(super) fn action(
    message: ClientMessage,
) -> Option<(RequestId, Result<RoomAction, InvalidRequest>)> {
    use ClientMessage as C;
    Some(match message {
        C::Create(create_) => (create_.request, create(create_)),
        C::Direct(direct_) => (direct_.request, direct(&direct_)),
        C::Join(join_) => (join_.request, join(&join_)),
        C::Leave(leave) => (leave.request, Ok(RoomAction::Leave(leave.room))),
        C::SetTopic(topic_) => (topic_.request, topic(topic_)),
        C::Invite(invite_) => (invite_.request, invite(&invite_)),
        C::Moderate(moderate_) => (moderate_.request, moderate(moderate_)),
        C::Lock(lock_) => (lock_.request, lock(lock_)),
        C::Archive(archive_) => (archive_.request, archive(archive_)),
        C::Hide(hide) => (hide.request, Ok(RoomAction::Hide(hide.room, hide.seen))),
        C::Ignore(ignore_) => (ignore_.request, ignore(&ignore_)),
        C::Register(_)
        | C::RegisterConfirm(_)
        | C::Login(_)
        | C::LoginConfirm(_)
        | C::Resume(_)
        | C::Send(_)
        | C::History(_)
        | C::Follow(_)
        | C::List(_)
        | C::Whoami(_)
        | C::Info(_)
        | C::Ping(_)
        | C::Pong(_)
        | C::Bye(_)
        | C::Rooms(_)
        | C::Members(_)
        | C::Read(_)
        | C::Whois(_)
        | C::Search(_)
        | C::Sessions(_)
        | C::LogOut(_)
        | C::Password(_)
        | C::PasswordConfirm(_)
        | C::Factor(_)
        | C::FactorConfirm(_) => return None,
    })
}

pub(super) fn create(create: Create) -> Result<RoomAction, InvalidRequest> {
    if create.mode != RoomMode::Audited {
        let sentence = "this server has audited rooms only";
        return Err((ErrorCode::Unsupported, sentence.to_owned()));
    }
    if create.access == Access::Direct {
        let sentence = "a conversation of two is not made as a room";
        return Err((ErrorCode::InvalidArgument, sentence.to_owned()));
    }
    let name = room_name(&create.name)?;
    if name.maker().is_some() {
        let sentence = "a room's maker is put behind its name by the server";
        return Err((ErrorCode::InvalidName, sentence.to_owned()));
    }
    Ok(RoomAction::Create {
        name,
        topic: line(create.topic)?,
        access: create.access,
    })
}

pub(super) fn join(join: &Join) -> Result<RoomAction, InvalidRequest> {
    Ok(RoomAction::Join(room_name(&join.name)?))
}

pub(super) fn direct(direct: &Direct) -> Result<RoomAction, InvalidRequest> {
    Ok(RoomAction::Direct(user_name(&direct.user)?))
}

pub(super) fn topic(topic: SetTopic) -> Result<RoomAction, InvalidRequest> {
    Ok(RoomAction::Set(
        topic.room,
        RoomSetting::Topic(line(topic.topic)?),
    ))
}

pub(super) fn invite(invite: &Invite) -> Result<RoomAction, InvalidRequest> {
    Ok(RoomAction::Invite(invite.room, user_name(&invite.user)?))
}

pub(super) fn ignore(ignore: &Ignore) -> Result<RoomAction, InvalidRequest> {
    Ok(RoomAction::Ignore(user_name(&ignore.user)?, ignore.ignored))
}

pub(super) fn lock(lock: Lock) -> Result<RoomAction, InvalidRequest> {
    Ok(RoomAction::Set(
        lock.room,
        RoomSetting::Locked(lock.reason.map(line).transpose()?),
    ))
}

pub(super) fn archive(archive: Archive) -> Result<RoomAction, InvalidRequest> {
    Ok(RoomAction::Set(
        archive.room,
        RoomSetting::Archived(archive.reason.map(line).transpose()?),
    ))
}

pub(super) fn moderate(moderate: Moderate) -> Result<RoomAction, InvalidRequest> {
    Ok(RoomAction::Moderate {
        room: moderate.room,
        action: moderator_action(moderate.action, moderate.seconds)?,
        user: user_name(&moderate.user)?,
        reason: line(moderate.reason)?,
    })
}

/// Members are told of more actions than a moderator can ask for: they enter and leave by
/// themselves.
fn moderator_action(
    action: Action,
    seconds: Option<u32>,
) -> Result<ModeratorAction, InvalidRequest> {
    let invalid = |sentence: &str| Err((ErrorCode::InvalidArgument, sentence.to_owned()));
    let action = match action {
        Action::Join | Action::Leave => return invalid("nobody can do that to another"),
        Action::Mute => {
            return match seconds {
                Some(seconds) if !(1..=MAX_MUTE).contains(&seconds) => invalid(&format!(
                    "a mute lasts 1 second to {} days",
                    MAX_MUTE / 86_400
                )),
                seconds => Ok(ModeratorAction::Mute { seconds }),
            };
        }
        Action::Kick => ModeratorAction::Kick,
        Action::Ban => ModeratorAction::Ban,
        Action::Unban => ModeratorAction::Unban,
        Action::Unmute => ModeratorAction::Unmute,
        Action::Op => ModeratorAction::Op,
        Action::Deop => ModeratorAction::Deop,
    };
    match seconds {
        Some(_) => invalid("only a mute has an end"),
        None => Ok(action),
    }
}

fn room_name(text: &str) -> Result<RoomName, InvalidRequest> {
    RoomName::parse(text).map_err(invalid_name)
}

pub(super) fn user_name(text: &str) -> Result<UserName, InvalidRequest> {
    UserName::parse(text).map_err(invalid_name)
}

fn invalid_name(error: NameError) -> InvalidRequest {
    (ErrorCode::InvalidName, error.to_string())
}

/// A topic or a reason: one line of at most [`MAX_TOPIC`] bytes, or nothing.
fn line(text: String) -> Result<String, InvalidRequest> {
    if text.len() > MAX_TOPIC {
        let sentence = format!("a topic or a reason has at most {MAX_TOPIC} bytes");
        return Err((ErrorCode::TextTooLong, sentence));
    }
    if text.contains(char::is_control) {
        let sentence = "a topic or a reason is one line without control characters";
        return Err((ErrorCode::TextInvalid, sentence.to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::RoomId;

    use super::*;

    fn code<T>(result: Result<T, InvalidRequest>) -> Option<ErrorCode> {
        result.err().map(|(code, _)| code)
    }

    #[test]
    fn a_room_is_made_by_a_name_of_one_s_own() {
        use Access::{Direct, Invited, Open};
        let made = |name: &str, mode, access| {
            code(create(Create {
                request: 1,
                name: name.to_owned(),
                topic: String::new(),
                mode,
                access,
            }))
        };
        assert_eq!(made("#ops", RoomMode::Audited, Open), None);
        assert_eq!(made("#ops", RoomMode::Audited, Invited), None);
        for (name, mode, access, refused) in [
            ("ops", RoomMode::Audited, Open, ErrorCode::InvalidName),
            ("#o s", RoomMode::Audited, Open, ErrorCode::InvalidName),
            (
                "#ops~bob",
                RoomMode::Audited,
                Invited,
                ErrorCode::InvalidName,
            ),
            ("#ops", RoomMode::Private, Open, ErrorCode::Unsupported),
            (
                "#ops",
                RoomMode::Audited,
                Direct,
                ErrorCode::InvalidArgument,
            ),
        ] {
            assert_eq!(made(name, mode, access), Some(refused), "{name}");
        }
    }

    #[test]
    fn topics_and_reasons_are_one_line() {
        assert_eq!(code(line(String::new())), None);
        assert_eq!(code(line("x".repeat(MAX_TOPIC))), None);
        let long = line("x".repeat(MAX_TOPIC + 1));
        assert_eq!(code(long), Some(ErrorCode::TextTooLong));
        for bad in ["a\nb", "a\tb", "\u{1b}[2J", "\u{9b}"] {
            let refused = line(bad.to_owned());
            assert_eq!(code(refused), Some(ErrorCode::TextInvalid), "{bad:?}");
        }
    }

    #[test]
    fn only_a_mute_has_an_end_and_nobody_is_made_to_leave() {
        let asked = |action, seconds| {
            code(moderate(Moderate {
                request: 1,
                room: RoomId(1),
                user: "bob".to_owned(),
                action,
                seconds,
                reason: String::new(),
            }))
        };
        for action in [
            Action::Kick,
            Action::Ban,
            Action::Unban,
            Action::Mute,
            Action::Unmute,
            Action::Op,
            Action::Deop,
        ] {
            assert_eq!(asked(action, None), None, "{action:?}");
        }
        assert_eq!(asked(Action::Mute, Some(MAX_MUTE)), None);
        for (action, seconds) in [
            (Action::Mute, Some(0)),
            (Action::Mute, Some(MAX_MUTE + 1)),
            (Action::Kick, Some(5)),
            (Action::Join, None),
            (Action::Leave, None),
        ] {
            let refused = asked(action, seconds);
            assert_eq!(refused, Some(ErrorCode::InvalidArgument), "{action:?}");
        }
    }
}
