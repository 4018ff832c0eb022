//! Conversations of two, and how far everybody has read, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{
    Access, Action, ClientMessage, Direct, ErrorCode, Read, Room, RoomId, RoomRole, Seq,
    ServerMessage,
};

fn direct(client: &mut ScriptedClient, user: &str) -> Result<Room, ErrorCode> {
    let user = user.to_owned();
    let answer = client.request(|request| ClientMessage::Direct(Direct { request, user }));
    answer.map(|answer| match answer {
        ServerMessage::Joined(joined) => joined.room,
        other => panic!("no conversation: {other:?}"),
    })
}

fn joined(client: &mut ScriptedClient) -> Room {
    client.until("a room", |message| match message {
        ServerMessage::Joined(joined) => Some(joined.room),
        _ => None,
    })
}

fn room(client: &ScriptedClient, number: RoomId) -> &Room {
    let rooms = &client.welcome.as_ref().unwrap().rooms;
    rooms.iter().find(|room| room.room == number).unwrap()
}

fn has_read(client: &mut ScriptedClient, room: RoomId, seq: Seq) -> u32 {
    client.ask(|request| ClientMessage::Read(Read { request, room, seq }))
}

fn read_elsewhere(client: &mut ScriptedClient) -> (RoomId, Seq) {
    client.until("how far was read", |message| match message {
        ServerMessage::ReadTo(read) => Some((read.room, read.seq)),
        _ => None,
    })
}

#[test]
fn what_is_said_to_one_alone_reaches_that_one_alone() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut his, mut bob) = server.register("Bob");
    let (_carol, mut carol) = server.register("Carol");
    let hers = direct(&mut alice, "bob").unwrap();
    assert_eq!((hers.name.as_str(), hers.access), ("@Bob", Access::Direct));
    alice.say_in(hers.room, 1, "for Bob").unwrap();
    let theirs = joined(&mut bob);
    assert_eq!((theirs.name.as_str(), theirs.room), ("@Alice", hers.room));
    assert_eq!(bob.chat().text, "for Bob");
    assert_eq!(direct(&mut bob, "ALICE").unwrap().room, hers.room);

    bob.cut();
    alice.say_in(hers.room, 2, "for later").unwrap();
    server.line("chat.log", &["room=@Alice+Bob", "for later"]);
    server.line(
        "info.log",
        &["conversation_begun", "room=@Alice+Bob by=Alice"],
    );

    // No other client finds it, and it is in no list.
    for client in [&mut carol, &mut alice] {
        assert_eq!(client.rooms().len(), 1);
        for name in ["@Alice+Bob", "@Bob", "#@Alice+Bob"] {
            assert_eq!(client.join(name), Err(ErrorCode::InvalidName));
        }
    }
    for room in [hers.room, RoomId(999)] {
        let read = has_read(&mut carol, room, 1);
        assert_eq!(carol.error(read).code, ErrorCode::UnknownRoom);
        let tried = [
            carol.say_in(room, 1, "x"),
            carol.leave(room),
            carol.invite(room, "Carol"),
            carol.members(room).map(|_| unreachable!()),
        ];
        for answer in tried {
            assert_eq!(answer.unwrap_err(), ErrorCode::UnknownRoom);
        }
    }

    server.kill();
    server.restart();
    let bob = server.log_in(&mut his);
    let there = room(&bob, hers.room);
    assert_eq!(
        (there.name.as_str(), there.head, there.read),
        ("@Alice", 2, 0)
    );
}

#[test]
fn a_conversation_of_two_is_left_by_nobody_and_has_no_moderators() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    assert_eq!(direct(&mut alice, "Nobody"), Err(ErrorCode::UnknownUser));
    assert_eq!(direct(&mut alice, "a b"), Err(ErrorCode::InvalidName));
    assert_eq!(direct(&mut alice, "Alice"), Err(ErrorCode::InvalidArgument));
    let two = direct(&mut alice, "Bob").unwrap();
    assert_eq!(two.role, RoomRole::Member);
    let tried = [
        alice.leave(two.room),
        alice.topic(two.room, "us"),
        alice.invite(two.room, "Alice"),
        alice.lock(two.room, Some("")),
        alice.moderate(two.room, "Bob", Action::Mute),
        bob.moderate(two.room, "Alice", Action::Ban),
        bob.leave(two.room),
    ];
    for (number, answer) in tried.into_iter().enumerate() {
        assert_eq!(answer.unwrap_err(), ErrorCode::NotAllowed, "{number}");
    }
    let members = alice.members(two.room).unwrap();
    assert_eq!(members.len(), 2);
}

#[test]
fn an_administrator_has_no_part_in_what_two_say() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, _his) = server.register("Bob");
    let (mut account, _admin) = server.register("Admin");
    let two = direct(&mut alice, "Bob").unwrap().room;
    let hidden = alice.create("#hidden", Access::Invited).unwrap().room;
    let open = alice.create("#open", Access::Open).unwrap().room;
    server.stop();
    let database = rusqlite::Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let promote = "UPDATE REGISTERED SET role = 'admin' WHERE user = 'Admin'";
    database.execute(promote, ()).unwrap();
    drop(database);
    server.restart();
    let mut admin = server.log_in(&mut account);
    for room in [two, hidden] {
        let tried = [
            admin.topic(room, "mine"),
            admin.moderate(room, "Bob", Action::Mute),
            admin.invite(room, "Admin"),
            admin.members(room).map(|_| unreachable!()),
            admin.say_in(room, 1, "x"),
        ];
        for answer in tried {
            assert_eq!(answer.unwrap_err(), ErrorCode::UnknownRoom);
        }
    }
    // An administrator moderates open rooms, as a member or not.
    admin.topic(open, "kept in order").unwrap();
    admin.moderate(open, "Alice", Action::Mute).unwrap();
    assert_eq!(
        admin.say_in(open, 1, "x").unwrap_err(),
        ErrorCode::NotMember
    );
    assert_eq!(admin.leave(open).unwrap_err(), ErrorCode::NotMember);
}

#[test]
fn how_far_one_has_read_is_kept_and_two_sessions_agree() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut his, mut one) = server.register("Bob");
    let mut other = server.log_in(&mut his);
    for n in 1..=5 {
        alice.post(id(1, n), "text");
    }
    one.until("the last", |message| match message {
        ServerMessage::Chat(chat) => (chat.seq == 5).then_some(()),
        _ => None,
    });
    has_read(&mut one, LOBBY, 3);
    assert_eq!(read_elsewhere(&mut other), (LOBBY, 3));
    // The mark goes neither back nor beyond the last message, and is told only when it moves.
    has_read(&mut other, LOBBY, 2);
    has_read(&mut other, LOBBY, 99);
    assert_eq!(read_elsewhere(&mut one), (LOBBY, 5));
    has_read(&mut one, LOBBY, 5);
    has_read(&mut one, LOBBY, 0);
    one.ping();
    let seen = one.rooms();
    assert_eq!(seen.len(), 1);

    // Another session sees the mark before it is in the database.
    let third = server.log_in(&mut his);
    assert_eq!(room(&third, LOBBY).read, 5);
    let written = "SELECT CAST(read_seq AS TEXT) FROM members WHERE room = 1 AND account = 2";
    eventually("the mark", || (server.query(written)? == "5").then_some(()));
    server.kill();
    server.restart();
    let mut again = server.log_in(&mut his);
    assert_eq!(room(&again, LOBBY).read, 5);
    let read = has_read(&mut again, RoomId(999), 1);
    assert_eq!(again.error(read).code, ErrorCode::UnknownRoom);
}

#[test]
fn what_was_read_survives_the_room_s_leaving_memory() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut his, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    for n in 1..=3 {
        alice.say_in(ops, n, "text").unwrap();
    }
    has_read(&mut bob, ops, 2);
    bob.ping();
    alice.bye();
    alice.rest();
    bob.bye();
    bob.rest();
    let bob = server.log_in(&mut his);
    assert_eq!(room(&bob, ops).read, 2);
}
