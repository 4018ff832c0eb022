//! Rooms beside the lobby: who may see, enter and do what there, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{
    Access, Action, ClientMessage, ErrorCode, Follow, History, RoomId, RoomRole, ServerMessage,
};

fn left(client: &mut ScriptedClient) -> (RoomId, Action, String) {
    client.until("the end of a membership", |message| match message {
        ServerMessage::Left(left) => Some((left.room, left.action, left.reason)),
        _ => None,
    })
}

fn names(client: &mut ScriptedClient, room: RoomId) -> Vec<String> {
    let members = client.members(room).unwrap();
    members.into_iter().map(|member| member.user).collect()
}

#[test]
fn a_room_is_made_found_entered_and_left() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap();
    assert_eq!((ops.name.as_str(), ops.role), ("#ops", RoomRole::Owner));
    assert_eq!(ops.topic, "about #ops");
    assert_eq!(bob.create("#OPS", Access::Open), Err(ErrorCode::NameTaken));

    let seen = bob.rooms();
    let seen: Vec<_> = seen.iter().map(|r| (r.name.as_str(), r.room)).collect();
    assert_eq!(seen, [("#lobby", Some(LOBBY)), ("#ops", None)]);
    alice.say_in(ops.room, 1, "before bob").unwrap();
    let entered = bob.join("#Ops").unwrap();
    assert_eq!((entered.room, entered.head), (ops.room, 1));
    assert_eq!(entered.role, RoomRole::Member);
    alice.say_in(ops.room, 2, "with bob").unwrap();
    assert_eq!(bob.chat().text, "with bob");
    assert_eq!(names(&mut alice, ops.room), ["Alice", "Bob"]);

    bob.leave(ops.room).unwrap();
    alice.say_in(ops.room, 3, "without bob").unwrap();
    alice.say_in(LOBBY, 4, "in the lobby").unwrap();
    assert_eq!(bob.chat().text, "in the lobby");
    assert_eq!(bob.leave(ops.room).unwrap_err(), ErrorCode::NotMember);
    let again = bob.join("#ops").unwrap();
    assert_eq!(again.head, 3, "an open room can be read from its beginning");
    for line in [
        "room_created access=open",
        "room_joined room=#ops by=Bob",
        "room_left room=#ops",
    ] {
        server.line("info.log", &[line]);
    }
    server.line("chat.log", &["room=#ops seq=1 user=Alice", "before bob"]);
}

#[test]
fn a_room_for_those_who_are_invited_is_not_there_for_others() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Invited).unwrap();
    assert_eq!(ops.name, "#ops~Alice");
    alice.say_in(ops.room, 1, "among us").unwrap();

    // Every answer is that for a room that never was: nothing tells that this one exists.
    for room in [ops.room, RoomId(999)] {
        let history = |request| {
            ClientMessage::History(History {
                request,
                room,
                after: Some(0),
                before: None,
                limit: 10,
                before_time: None,
            })
        };
        let follow = |request| {
            ClientMessage::Follow(Follow {
                request,
                room,
                after: 0,
            })
        };
        let tried = [
            bob.say_in(room, 9, "is anybody there?"),
            bob.leave(room),
            bob.topic(room, "mine"),
            bob.invite(room, "Bob"),
            bob.lock(room, Some("")),
            bob.moderate(room, "Alice", Action::Kick),
            bob.members(room).map(|_| unreachable!()),
            bob.request(history),
            bob.request(follow),
        ];
        for (number, answer) in tried.into_iter().enumerate() {
            assert_eq!(
                answer.unwrap_err(),
                ErrorCode::UnknownRoom,
                "{room} {number}"
            );
        }
    }
    for name in ["#ops~Alice", "#never"] {
        assert_eq!(bob.join(name), Err(ErrorCode::UnknownRoom));
    }
    assert_eq!(bob.rooms().len(), 1);
    let own = bob.create("#ops", Access::Invited).unwrap();
    assert_eq!(own.name, "#ops~Bob", "a hidden name is in nobody's way");
    assert_eq!(bob.create("#ops", Access::Open).unwrap().name, "#ops");

    alice.invite(ops.room, "bob").unwrap();
    let invited = bob.until("an invitation", |message| match message {
        ServerMessage::Invited(invited) => Some((invited.name, invited.by)),
        _ => None,
    });
    assert_eq!(invited, ("#ops~Alice".to_owned(), "Alice".to_owned()));
    assert_eq!(bob.rooms().len(), 4);
    let entered = bob.join("#ops~alice").unwrap();
    assert_eq!(
        (entered.first, entered.head),
        (2, 1),
        "nothing of what was said before"
    );
    alice.say_in(ops.room, 2, "welcome").unwrap();
    assert_eq!(bob.chat().text, "welcome");
    for (after, before) in [(Some(0), None), (None, Some(9)), (None, None)] {
        let page = bob.request(|request| {
            ClientMessage::History(History {
                request,
                room: ops.room,
                after,
                before,
                limit: 10,
                before_time: None,
            })
        });
        let Ok(ServerMessage::Page(page)) = page else {
            panic!("{page:?}");
        };
        let texts: Vec<_> = page
            .messages
            .iter()
            .map(|chat| chat.text.as_str())
            .collect();
        assert_eq!((texts, page.more, page.first), (vec!["welcome"], false, 2));
    }
}

#[test]
fn memberships_outlive_the_server_and_being_away() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut account, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap();
    bob.join("#ops").unwrap();
    bob.cut();
    alice.say_in(ops.room, 1, "while bob is away").unwrap();
    alice.topic(ops.room, "another").unwrap();
    server.kill();
    server.restart();
    let bob = server.log_in(&mut account);
    let rooms = &bob.welcome.as_ref().unwrap().rooms;
    let there = rooms.iter().find(|room| room.room == ops.room).unwrap();
    assert_eq!(
        (there.topic.as_str(), there.head, there.read),
        ("another", 1, 0)
    );
}

#[test]
fn all_sessions_of_a_person_enter_and_leave_together() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut account, mut one) = server.register("Bob");
    let mut other = server.log_in(&mut account);
    let ops = alice.create("#ops", Access::Open).unwrap();
    one.join("#ops").unwrap();
    other.until("the room", |message| match message {
        ServerMessage::Joined(joined) => joined.request.is_none().then_some(()),
        _ => None,
    });
    alice.say_in(ops.room, 1, "to both").unwrap();
    assert_eq!(
        (one.chat().text, other.chat().text),
        ("to both".into(), "to both".into())
    );
    alice.moderate(ops.room, "Bob", Action::Kick).unwrap();
    for session in [&mut one, &mut other] {
        let kicked = (ops.room, Action::Kick, "because".to_owned());
        assert_eq!(left(session), kicked);
        let refused = session.say_in(ops.room, 2, "still here");
        assert_eq!(refused.unwrap_err(), ErrorCode::NotMember);
    }
    one.join("#ops").unwrap();
}

#[test]
fn a_ban_holds_until_it_is_taken_back() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut her, mut alice) = server.register("Alice");
    let (mut his, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    alice.moderate(ops, "Bob", Action::Ban).unwrap();
    assert_eq!(left(&mut bob).1, Action::Ban);
    assert_eq!(bob.join("#ops"), Err(ErrorCode::Banned));
    server.kill();
    server.restart();
    let mut bob = server.log_in(&mut his);
    assert_eq!(bob.join("#ops"), Err(ErrorCode::Banned));
    let mut alice = server.log_in(&mut her);
    assert_eq!(
        alice.invite(ops, "Bob").unwrap_err(),
        ErrorCode::InvalidArgument
    );
    alice.moderate(ops, "Bob", Action::Unban).unwrap();
    bob.join("#ops").unwrap();
    server.line("info.log", &["banned user=Bob", "room=#ops by=Alice"]);
    server.line("info.log", &["refused what=room_joined room=#ops by=Bob"]);
}

#[test]
fn who_is_muted_reads_on_and_a_locked_room_is_the_moderators() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    alice.moderate(ops, "Bob", Action::Mute).unwrap();
    assert_eq!(bob.say_in(ops, 1, "x").unwrap_err(), ErrorCode::Muted);
    bob.leave(ops).unwrap();
    bob.join("#ops").unwrap();
    let still = bob.say_in(ops, 1, "x");
    assert_eq!(
        still.unwrap_err(),
        ErrorCode::Muted,
        "nobody leaves a mute behind"
    );
    assert!(alice.members(ops).unwrap()[1].muted);
    alice.moderate(ops, "Bob", Action::Unmute).unwrap();
    bob.say_in(ops, 1, "x").unwrap();
    alice
        .moderate_for(ops, "Bob", Action::Mute, Some(1))
        .unwrap();
    eventually("the end of the mute", || bob.say_in(ops, 2, "y").ok());

    alice.lock(ops, Some("an incident")).unwrap();
    assert_eq!(bob.say_in(ops, 3, "z").unwrap_err(), ErrorCode::Locked);
    alice.say_in(ops, 1, "only us").unwrap();
    alice.moderate(ops, "Bob", Action::Op).unwrap();
    bob.say_in(ops, 3, "z").unwrap();
    bob.lock(ops, None).unwrap();
    alice.moderate(ops, "Bob", Action::Deop).unwrap();
    bob.say_in(ops, 4, "everybody").unwrap();
}

#[test]
fn who_may_not_is_refused_and_nothing_changes() {
    const ALL: [Action; 7] = [
        Action::Kick,
        Action::Ban,
        Action::Unban,
        Action::Mute,
        Action::Unmute,
        Action::Op,
        Action::Deop,
    ];
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let (_carol, mut carol) = server.register("Carol");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    let state = || {
        server.query(
            "SELECT (SELECT group_concat(account || role) FROM members WHERE room = 2) \
             || (SELECT topic || ifnull(locked, '-') FROM rooms WHERE id = 2) \
             || (SELECT count(*) FROM bans) || (SELECT count(*) FROM mutes) \
             || (SELECT count(*) FROM room_invitations)",
        )
    };
    let before = state();
    for (client, refused) in [
        (&mut bob, ErrorCode::NotAllowed),
        (&mut carol, ErrorCode::NotMember),
    ] {
        for action in ALL {
            for user in ["Alice", "Carol", "Nobody"] {
                let answer = client.moderate(ops, user, action);
                assert_eq!(answer.unwrap_err(), refused, "{action:?} {user}");
            }
        }
        assert_eq!(client.topic(ops, "mine").unwrap_err(), refused);
        assert_eq!(client.lock(ops, Some("")).unwrap_err(), refused);
        assert_eq!(client.lock(ops, None).unwrap_err(), refused);
        assert_eq!(client.invite(ops, "Carol").unwrap_err(), refused);
    }
    // A moderator is above neither the owner nor a moderator, and makes none.
    alice.moderate(ops, "Bob", Action::Op).unwrap();
    let before_bob = state();
    for action in ALL {
        let answer = bob.moderate(ops, "Alice", action);
        assert_eq!(answer.unwrap_err(), ErrorCode::NotAllowed, "{action:?}");
        let answer = bob.moderate(ops, "Bob", action);
        assert_eq!(answer.unwrap_err(), ErrorCode::NotAllowed, "{action:?}");
    }
    assert_eq!(state(), before_bob);
    alice.moderate(ops, "Bob", Action::Deop).unwrap();
    assert_eq!(state(), before);
    let logged = server.lines("info.log");
    let logged = logged.iter().filter(|line| line.contains("refused what="));
    assert!(logged.count() >= 7 * 3 + 4 + 7, "each of them is told of");
}

#[test]
fn there_are_no_more_rooms_than_there_may_be() {
    let server = ServerProcess::start(
        "[security]\nmax_messages_per_sec = 0\n[limits]\nrooms = 4\nrooms_per_person = 2\n",
    );
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    alice.create("#a", Access::Open).unwrap();
    alice.create("#b", Access::Invited).unwrap();
    assert_eq!(
        alice.create("#c", Access::Open),
        Err(ErrorCode::TooManyRooms)
    );
    bob.create("#c", Access::Open).unwrap();
    assert_eq!(bob.create("#d", Access::Open), Err(ErrorCode::TooManyRooms));
}

/// The number that the server acknowledges, which a message sent again gets again.
fn number(
    client: &mut ScriptedClient,
    room: RoomId,
    counter: u64,
    text: &str,
) -> Result<u64, ErrorCode> {
    let answer = client.say_in(room, counter, text)?;
    let ServerMessage::Ack(ack) = answer else {
        panic!("{answer:?}")
    };
    Ok(ack.seq)
}

#[test]
fn promise_3_what_is_stored_is_acknowledged_in_rooms_that_are_locked_left_or_forgotten() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let open = alice.create("#open", Access::Open).unwrap().room;
    let left = alice.create("#left", Access::Open).unwrap().room;
    let two = bob.direct("Alice").unwrap().room;
    for (room, counter) in [(open, 1), (left, 2), (two, 3)] {
        if room != two {
            bob.join(if room == open { "#open" } else { "#left" })
                .unwrap();
        }
        assert_eq!(number(&mut bob, room, counter, "stored"), Ok(1));
    }
    alice.lock(open, Some("")).unwrap();
    bob.leave(left).unwrap();
    let all = [
        (open, 1, Err(ErrorCode::Locked)),
        (left, 2, Err(ErrorCode::NotMember)),
        (two, 3, Ok(2)),
    ];
    for (room, counter, new) in all {
        assert_eq!(number(&mut bob, room, counter, "stored"), Ok(1));
        assert_eq!(number(&mut bob, room, counter + 10, "new"), new);
    }
    // In a conversation, too, an id that was used has its text.
    let other = number(&mut bob, two, 3, "other");
    assert_eq!(other, Err(ErrorCode::IdConflict));

    // After a start no room is in memory in which nobody is online.
    let (alices, bobs) = (alice.token(), bob.token());
    server.stop();
    server.restart();
    let mut bob = server.resume(&bobs);
    for (room, counter, new) in all {
        assert_eq!(number(&mut bob, room, counter, "stored"), Ok(1));
        let again = number(&mut bob, room, counter + 10, "new");
        assert_eq!(again, new);
    }
    let mut alice = server.resume(&alices);
    let heard = alice.ask(|request| {
        ClientMessage::History(History {
            request,
            room: left,
            after: Some(0),
            before: None,
            limit: 9,
            before_time: None,
        })
    });
    assert_eq!(alice.page(heard).messages.len(), 1);
}

#[test]
fn promise_3_what_is_stored_is_acknowledged_whatever_has_happened_to_its_sender() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let (_carol, mut carol) = server.register("Carol");
    let open = alice.create("#open", Access::Open).unwrap();
    let hidden = alice.create("#hidden", Access::Invited).unwrap();
    alice.invite(hidden.room, "Bob").unwrap();
    for (room, name, counter) in [(open.room, "#open", 1), (hidden.room, "#hidden~Alice", 2)] {
        bob.join(name).unwrap();
        assert_eq!(number(&mut bob, room, counter, "stored"), Ok(1));
        for (action, refusal) in [
            (Action::Mute, ErrorCode::Muted),
            (Action::Kick, ErrorCode::NotMember),
            (Action::Ban, ErrorCode::NotMember),
        ] {
            alice.moderate(room, "Bob", action).unwrap();
            let unknown = room == hidden.room && action != Action::Mute;
            let refusal = if unknown {
                ErrorCode::UnknownRoom
            } else {
                refusal
            };
            assert_eq!(number(&mut bob, room, counter, "stored"), Ok(1));
            // A stored message is known by its id and its text: neither alone is acknowledged.
            assert_eq!(number(&mut bob, room, counter, "other"), Err(refusal));
            assert_eq!(number(&mut bob, room, 9, "new"), Err(refusal));
            // An id is looked for among the messages of its own sender only.
            let stranger = number(&mut carol, hidden.room, 2, "stored");
            assert_eq!(stranger, Err(ErrorCode::UnknownRoom));
        }
        assert_eq!(number(&mut alice, room, counter, "the second"), Ok(2));
    }
}
