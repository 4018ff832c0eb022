//! Types 25 to 35, 45 and 46 of the client, 32 to 40 and 48 of the server.

use super::*;

pub fn client() -> Vec<ClientMessage> {
    use ClientMessage as C;
    let rooms = |after| Rooms {
        request: 25,
        after,
        limit: 100,
    };
    let create = |topic, access| Create {
        request: 26,
        name: text("#ops"),
        topic: text(topic),
        mode: RoomMode::Audited,
        access,
    };
    let members = |after| Members {
        request: 31,
        room: RoomId(2),
        after,
        limit: 100,
    };
    let mut messages = vec![
        C::Rooms(rooms(Some(text("#lobby")))),
        C::Rooms(rooms(None)),
        C::Create(create("", Access::Open)),
        C::Create(create("what burns", Access::Invited)),
        C::Join(Join {
            request: 27,
            name: text("#ops~Alice"),
        }),
        C::Leave(InRoom {
            request: 28,
            room: RoomId(2),
        }),
        C::SetTopic(SetTopic {
            request: 29,
            room: RoomId(2),
            topic: text("what burns"),
        }),
        C::Invite(Invite {
            request: 30,
            room: RoomId(2),
            user: text("Bob"),
        }),
        C::Members(members(Some(text("Alice")))),
        C::Members(members(None)),
        C::Direct(Direct {
            request: 32,
            user: text("Bob"),
        }),
        C::Read(Read {
            request: 33,
            room: RoomId(1),
            seq: 42,
        }),
    ];
    messages.extend(moderation());
    messages
}

fn moderation() -> [ClientMessage; 7] {
    use ClientMessage as C;
    let moderate = |action, seconds, reason| Moderate {
        request: 34,
        room: RoomId(2),
        user: text("Bob"),
        action,
        seconds,
        reason: text(reason),
    };
    let lock = |reason| Lock {
        request: 35,
        room: RoomId(2),
        reason,
    };
    let archive = |reason| Archive {
        request: 45,
        room: RoomId(2),
        reason,
    };
    [
        C::Moderate(moderate(Action::Mute, Some(600), "too loud")),
        C::Moderate(moderate(Action::Kick, None, "")),
        C::Lock(lock(Some(text("an incident")))),
        C::Lock(lock(None)),
        C::Archive(archive(Some(text("it is over")))),
        C::Archive(archive(None)),
        C::Hide(Hide {
            request: 46,
            room: RoomId(7),
            seen: 12,
        }),
    ]
}

pub fn server() -> Vec<ServerMessage> {
    use ServerMessage as S;
    let joined = |request, room| Joined { request, room };
    let left = |request, action, by, reason| Left {
        request,
        room: RoomId(2),
        action,
        by: text(by),
        reason: text(reason),
    };
    let changed = |locked, archived| RoomChanged {
        room: RoomId(2),
        by: text("Alice"),
        topic: text("what burns"),
        locked,
        archived,
    };
    let mut messages = vec![
        S::Done(plain(29)),
        S::Joined(joined(Some(26), locked_room())),
        S::Joined(joined(None, room_of_two())),
        S::Left(left(Some(28), Action::Leave, "Bob", "")),
        S::Left(left(None, Action::Ban, "Alice", "too loud")),
        S::RoomChanged(changed(Some(text("an incident")), None)),
        S::RoomChanged(changed(None, None)),
        S::RoomChanged(changed(Some(text("it is over")), Some(text("it is over")))),
    ];
    messages.extend(standings());
    messages.extend(lists());
    messages.extend([
        S::Invited(Invited {
            name: text("#ops~Alice"),
            by: text("Alice"),
        }),
        S::ReadTo(ReadTo {
            room: RoomId(1),
            seq: 42,
        }),
        S::Announcement(Announcement {
            time: TIME,
            text: text("a new disk at six: back in ten minutes"),
        }),
    ]);
    messages
}

fn standings() -> [ServerMessage; 2] {
    let standing = |action, reason, role, seconds| {
        ServerMessage::Standing(Standing {
            room: RoomId(2),
            user: text("Bob"),
            action,
            by: text("Alice"),
            reason: text(reason),
            role,
            seconds,
        })
    };
    [
        standing(Action::Mute, "too loud", RoomRole::Member, Some(600)),
        standing(Action::Op, "", RoomRole::Moderator, None),
    ]
}

fn lists() -> [ServerMessage; 2] {
    let summary = |name, access, members, room| RoomSummary {
        name: text(name),
        topic: text("what burns"),
        mode: RoomMode::Audited,
        access,
        members,
        room,
    };
    let member = |user, role, muted| Member {
        user: text(user),
        role,
        muted,
    };
    [
        ServerMessage::RoomList(RoomList {
            request: 25,
            rooms: vec![
                summary("#ops", Access::Open, 12, None),
                summary("#ops~Alice", Access::Invited, 2, Some(RoomId(2))),
            ],
            more: true,
        }),
        ServerMessage::MemberList(MemberList {
            request: 31,
            room: RoomId(2),
            members: vec![
                member("Alice", RoomRole::Owner, false),
                member("Bob", RoomRole::Member, true),
            ],
            more: false,
        }),
    ]
}

pub fn lobby() -> Room {
    Room {
        room: RoomId(1),
        name: text("#lobby"),
        topic: text(""),
        mode: RoomMode::Audited,
        first: 3,
        head: 42,
        online: 2,
        access: Access::Open,
        role: RoomRole::Member,
        read: 41,
        locked: None,
        archived: None,
        kept: None,
    }
}

pub fn locked_room() -> Room {
    Room {
        room: RoomId(2),
        name: text("#ops~Alice"),
        topic: text("what burns"),
        mode: RoomMode::Audited,
        first: 8,
        head: 7,
        online: 1,
        access: Access::Invited,
        role: RoomRole::Owner,
        read: 7,
        locked: Some(text("an incident")),
        archived: None,
        kept: None,
    }
}

pub fn archived_room() -> Room {
    Room {
        locked: Some(text("it is over")),
        archived: Some(text("it is over")),
        kept: Some(40),
        ..lobby()
    }
}

pub fn room_of_two() -> Room {
    Room {
        room: RoomId(3),
        name: text("@Bob"),
        topic: text(""),
        mode: RoomMode::Audited,
        first: 1,
        head: 0,
        online: 2,
        access: Access::Direct,
        role: RoomRole::Member,
        read: 0,
        locked: None,
        archived: None,
        kept: None,
    }
}
