//! Rooms at their bounds, and requests that go beyond them, against the running server.

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
use chatbox_common::wire::message::{
    Access, Action, ClientMessage, Create, Direct, ErrorCode, Follow, Room, RoomId, RoomMode,
    Rooms, ServerMessage,
};

const MANY: &str = "[security]\nmax_messages_per_sec = 0\n[limits]\nrooms_per_person = 9000\n";

fn create(client: &mut ScriptedClient, name: &str, topic: &str) -> RoomId {
    let (name, topic) = (name.to_owned(), topic.to_owned());
    let made = client.request(|request| {
        ClientMessage::Create(Create {
            request,
            name,
            topic,
            mode: RoomMode::Audited,
            access: Access::Open,
        })
    });
    match made {
        Ok(ServerMessage::Joined(joined)) => joined.room.room,
        other => panic!("not made: {other:?}"),
    }
}

/// The rooms of the welcome, and those that follow it as `joined`.
fn rooms_of(client: &mut ScriptedClient, how_many: usize) -> Vec<Room> {
    let mut rooms = client.welcome.as_ref().unwrap().rooms.clone();
    while rooms.len() < how_many {
        let room = client.until("another room", |message| match message {
            ServerMessage::Joined(joined) => Some(joined.room),
            _ => None,
        });
        rooms.push(room);
    }
    rooms
}

#[test]
fn who_is_in_many_rooms_with_long_topics_comes_back_and_lists_them() {
    const COUNT: usize = 150;
    let server = ServerProcess::start(MANY);
    let (_alice, mut alice) = server.register("Alice");
    let topic = "x".repeat(512);
    for n in 0..COUNT {
        create(&mut alice, &format!("#room{n}"), &topic);
    }
    let token = alice.token();
    alice.cut();
    let mut alice = server.resume(&token);
    let mut names: Vec<String> = Vec::new();
    for room in rooms_of(&mut alice, COUNT + 1) {
        assert!(!names.contains(&room.name), "{} twice", room.name);
        names.push(room.name);
    }
    // The last one's messages come live, too.
    let last = alice.join(&names[COUNT]).unwrap().room;
    alice.say_in(last, 1, "in the last room").unwrap();
    assert_eq!(alice.chat().text, "in the last room");

    let mut listed = Vec::new();
    loop {
        let after = listed.last().cloned();
        let page = alice.request(|request| {
            ClientMessage::Rooms(Rooms {
                request,
                after,
                limit: 500,
            })
        });
        let Ok(ServerMessage::RoomList(page)) = page else {
            panic!("{page:?}");
        };
        listed.extend(page.rooms.into_iter().map(|room| room.name));
        if !page.more {
            break;
        }
    }
    names.sort();
    listed.sort();
    assert_eq!(listed, names);
}

#[test]
fn nobody_hears_by_following_what_was_said_before_they_came() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, bob) = server.register("Bob");
    // Of the two sessions one shares a delivery thread with Alice.
    let other = server.resume(&bob.token());
    let ops = alice.create("#ops", Access::Invited).unwrap().room;
    alice.say_in(ops, 1, "before Bob").unwrap();
    alice.invite(ops, "Bob").unwrap();
    let mut sessions = [bob, other];
    assert_eq!(sessions[0].join("#ops~Alice").unwrap().first, 2);
    for session in &mut sessions {
        session.ping();
        for after in [0, 1] {
            let follow = session.request(|request| {
                ClientMessage::Follow(Follow {
                    request,
                    room: ops,
                    after,
                })
            });
            assert!(
                matches!(follow, Ok(ServerMessage::Following(_))),
                "{follow:?}"
            );
        }
        session.ping();
        let heard = String::from_utf8_lossy(&session.heard).into_owned();
        assert!(!heard.contains("before Bob"), "{heard}");
    }
}

#[test]
fn a_session_that_begins_as_the_last_one_ends_has_all_its_rooms() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let ops = create(&mut alice, "#ops", "");
    for n in 0..60 {
        let token = alice.token();
        let mut next = ScriptedClient::connect(&server);
        next.say_resume(&token);
        alice.cut();
        next.enter();
        let rooms = &next.welcome.as_ref().unwrap().rooms;
        assert!(rooms.iter().any(|room| room.room == ops), "lost at {n}");
        alice = next;
    }
    alice.say_in(ops, 1, "still heard").unwrap();
    assert_eq!(alice.chat().text, "still heard");
}

#[test]
fn many_busy_rooms_take_no_more_memory_than_a_few() {
    let server = ServerProcess::start(MANY);
    let (_alice, mut alice) = server.register("Alice");
    let before = server.memory_kib();
    let text = "y".repeat(8192);
    let mut counter = 0;
    for n in 0..60 {
        let room = create(&mut alice, &format!("#room{n}"), "");
        for _ in 0..32 {
            counter += 1;
            alice.say_in(room, counter, &text).unwrap();
        }
    }
    // 15 MiB of chat were said, of which each of two delivery threads keeps 4 MiB.
    let grown = server.memory_kib() - before;
    assert!(grown < 14 * 1024, "{grown} KiB");
}

#[test]
fn whoever_stands_as_high_is_out_of_reach() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut hers, alice) = server.register("Alice");
    let (mut his, bob) = server.register("Bob");
    let (mut admins, root) = server.register("Root");
    drop((alice, bob, root));
    server.stop();
    let database = rusqlite::Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let promote = "UPDATE REGISTERED SET role = 'admin' WHERE user = 'Root'";
    database.execute(promote, ()).unwrap();
    drop(database);
    server.restart();
    let mut alice = server.log_in(&mut hers);
    let mut bob = server.log_in(&mut his);
    let mut root = server.log_in(&mut admins);
    let ops = create(&mut alice, "#ops", "");
    for client in [&mut bob, &mut root] {
        client.join("#ops").unwrap();
    }
    alice.moderate(ops, "Bob", Action::Op).unwrap();
    let is_refused = |client: &mut ScriptedClient, whom: &str| {
        for action in [Action::Kick, Action::Ban, Action::Mute] {
            let answer = client.moderate(ops, whom, action);
            assert_eq!(
                answer.unwrap_err(),
                ErrorCode::NotAllowed,
                "{whom} {action:?}"
            );
        }
    };
    is_refused(&mut alice, "Root");
    is_refused(&mut bob, "Root");
    is_refused(&mut bob, "Alice");
    // The owner can mute a moderator.
    alice.moderate(ops, "Bob", Action::Mute).unwrap();
    assert_eq!(bob.say_in(ops, 1, "x").unwrap_err(), ErrorCode::Muted);
    // The maker is the owner again after leaving: nobody can ban them meanwhile.
    alice.leave(ops).unwrap();
    let answer = bob.moderate(ops, "Alice", Action::Ban);
    assert_eq!(answer.unwrap_err(), ErrorCode::NotAllowed);
    alice.join("#ops").unwrap();
    alice.moderate(ops, "Bob", Action::Deop).unwrap();
    root.moderate(ops, "Alice", Action::Kick).unwrap();
    alice.join("#ops").unwrap();
    root.lock(ops, Some("")).unwrap();
    root.say_in(ops, 1, "x").unwrap();
    bob.say_in(LOBBY, 2, "y").unwrap();
}

#[test]
fn an_invitation_is_given_once() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Invited).unwrap().room;
    alice.invite(ops, "Bob").unwrap();
    let again = alice.invite(ops, "Bob");
    assert_eq!(again.unwrap_err(), ErrorCode::InvalidArgument);
    bob.join("#ops~Alice").unwrap();
    bob.leave(ops).unwrap();
    assert_eq!(bob.join("#ops~Alice"), Err(ErrorCode::UnknownRoom));
    // The room's maker needs no invitation.
    alice.leave(ops).unwrap();
    assert_eq!(alice.rooms().len(), 2);
    alice.join("#ops~alice").unwrap();
}

#[test]
fn numbers_of_rooms_tell_nothing_of_how_many_there_are() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, _his) = server.register("Bob");
    let one = create(&mut alice, "#one", "");
    let hidden = alice.create("#hidden", Access::Invited).unwrap().room;
    let two = alice.request(|request| {
        ClientMessage::Direct(Direct {
            request,
            user: "Bob".to_owned(),
        })
    });
    let Ok(ServerMessage::Joined(two)) = two else {
        panic!("{two:?}");
    };
    let numbers = [one, hidden, two.room.room];
    for (n, number) in numbers.iter().enumerate() {
        assert!((1 << 20..1 << 53).contains(&number.0), "{number}");
        let near = numbers[n + 1..]
            .iter()
            .any(|other| other.0.abs_diff(number.0) < 1 << 20);
        assert!(!near, "{numbers:?}");
    }
}
