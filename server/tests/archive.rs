//! Rooms that are archived, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::process::Command;

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, program};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::wire::message::{
    Access, Action, Capabilities, ErrorCode, RoomChanged, ServerMessage,
};

fn changed(client: &mut ScriptedClient) -> RoomChanged {
    client.until("a change of the room", |message| match message {
        ServerMessage::RoomChanged(changed) => Some(changed),
        _ => None,
    })
}

fn names(client: &mut ScriptedClient) -> Vec<String> {
    let rooms = client.rooms().into_iter();
    rooms.map(|room| room.name).collect()
}

#[test]
fn an_archived_room_is_read_by_its_members_and_nothing_else_is_done_there() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let (_carol, mut carol) = server.register("Carol");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    bob.say_in(ops, 1, "the last word").unwrap();
    assert_eq!(bob.archive(ops, Some("")), Err(ErrorCode::NotAllowed));
    alice.archive(ops, Some("it is over")).unwrap();
    let told = changed(&mut bob);
    let over = Some("it is over");
    assert_eq!(
        (told.archived.as_deref(), told.locked.as_deref()),
        (over, over)
    );

    for member in [&mut alice, &mut bob] {
        let refused = member.say_in(ops, 2, "one more").unwrap_err();
        assert_eq!(refused, ErrorCode::Archived);
        // What is stored is acknowledged all the same.
    }
    bob.say_in(ops, 1, "the last word").unwrap();
    for refused in [
        alice.topic(ops, "new"),
        alice.lock(ops, None),
        alice.invite(ops, "Carol"),
        alice.moderate(ops, "Bob", Action::Mute),
    ] {
        assert_eq!(refused, Err(ErrorCode::Archived));
    }
    assert_eq!(carol.join("#ops").unwrap_err(), ErrorCode::Archived);
    assert_eq!(alice.archive(ops, over), Err(ErrorCode::InvalidArgument));
    assert_eq!(
        alice.create("#OPS", Access::Open).unwrap_err(),
        ErrorCode::NameTaken
    );
    assert_eq!(names(&mut carol), ["#lobby"]);
    assert_eq!(names(&mut bob), ["#lobby"]);
    assert_eq!(bob.texts_with("last word"), ["the last word"]);

    // It is so after a restart as well, and until its owner opens it.
    let token = bob.token();
    server.stop();
    server.restart();
    let mut bob = server.resume(&token);
    let rooms = bob.welcome.clone().unwrap().rooms;
    let room = rooms.iter().find(|room| room.room == ops).unwrap();
    assert_eq!(room.archived.as_deref(), over);
    let page = bob.before_time(ops, u64::MAX >> 1, 9).unwrap();
    assert_eq!(page.messages[0].text, "the last word");
    let token = alice.token();
    let mut alice = server.resume(&token);
    alice.archive(ops, None).unwrap();
    assert_eq!(changed(&mut bob).archived, None);
    bob.say_in(ops, 2, "one more").unwrap();
    bob.leave(ops).unwrap();
    for event in ["room_archived", "room_reopened"] {
        server.line("info.log", &[event, "room=#ops", "by=Alice"]);
    }
}

#[test]
fn the_lobby_and_conversations_of_two_are_not_archived() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, _client) = server.register("Bob");
    let two = alice.direct("Bob").unwrap().room;
    for room in [LOBBY, two] {
        assert_eq!(alice.archive(room, Some("")), Err(ErrorCode::NotAllowed));
    }
}

#[test]
fn an_archived_room_makes_place_for_another() {
    let server = ServerProcess::start("[limits]\nrooms = 3\nrooms_per_person = 1\n");
    let (_alice, mut alice) = server.register("Alice");
    let first = alice.create("#first", Access::Open).unwrap().room;
    assert_eq!(
        alice.create("#second", Access::Open).unwrap_err(),
        ErrorCode::TooManyRooms
    );
    alice.archive(first, Some("")).unwrap();
    alice.create("#second", Access::Open).unwrap();
    // Opening the first again would be one too many.
    assert_eq!(alice.archive(first, None), Err(ErrorCode::TooManyRooms));
}

#[test]
fn a_client_that_announced_nothing_is_refused_with_what_it_knows() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    let token = alice.token();
    let mut older = server.resume_with(&token, None);
    let announced = older.welcome.clone().unwrap().capabilities;
    assert_eq!(announced, Some(Capabilities::own()));
    alice.archive(ops, Some("")).unwrap();
    assert_eq!(
        older.say_in(ops, 1, "one more").unwrap_err(),
        ErrorCode::Locked
    );
    assert_eq!(
        alice.say_in(ops, 2, "one more").unwrap_err(),
        ErrorCode::Archived
    );
}

/// Runs a command of the operator's; what it says, and whether it succeeded.
fn operator(server: &ServerProcess, arguments: &[&str]) -> (String, bool) {
    let mut command = Command::new(program("chatbox-server"));
    command.current_dir(server.path()).args(arguments);
    let ran = command.output().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    (String::from_utf8(said).unwrap(), ran.status.success())
}

#[test]
fn the_operator_ends_a_room_and_opens_it_again() {
    let config = format!("{UNLIMITED}[limits]\nrooms = 3\n");
    let mut server = ServerProcess::start(&config);
    let (mut hers, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    alice.create("#secret", Access::Invited).unwrap();
    alice.direct("Bob").unwrap();
    bob.join("#ops").unwrap();
    bob.say_in(ops, 1, "the last word").unwrap();
    assert_eq!(
        bob.create("#new", Access::Open).unwrap_err(),
        ErrorCode::TooManyRooms
    );
    let end = ["room", "archive", "#OPS", "it is over"];
    let token = bob.token();
    server.stop();
    let (said, is_done) = operator(&server, &end);
    assert!(is_done && said.starts_with("#ops is archived"), "{said}");
    for (arguments, why) in [
        (&end[..3], "#ops is archived already"),
        (&["room", "unarchive", "#secret~alice"], "is not archived"),
        (&["room", "archive", "#lobby"], "the lobby can't be"),
        (&["room", "archive", "#none"], "no such room: #none"),
        (&["room", "archive", "@Alice+Bob"], "error"),
        (&["room", "archive", "#secret", "a\nb"], "one line"),
    ] {
        let (said, is_done) = operator(&server, arguments);
        assert!(!is_done && said.contains(why), "{arguments:?}: {said}");
    }

    server.restart();
    let mut bob = server.resume(&token);
    let rooms = bob.welcome.clone().unwrap().rooms;
    let room = rooms.iter().find(|room| room.room == ops).unwrap();
    assert_eq!(room.archived.as_deref(), Some("it is over"));
    assert_eq!(bob.say_in(ops, 2, "more"), Err(ErrorCode::Archived));
    assert_eq!(bob.texts_with("last"), ["the last word"]);
    // It made place for another, which its return needs.
    bob.create("#new", Access::Open).unwrap();
    let token = bob.token();
    server.stop();
    let (said, is_done) = operator(&server, &["room", "unarchive", "#ops"]);
    assert!(!is_done && said.contains("rooms = 3"), "{said}");
    for (what, name) in [("archive", "#secret~Alice"), ("unarchive", "#ops")] {
        let (said, is_done) = operator(&server, &["room", what, name]);
        assert!(is_done, "{said}");
    }
    server.restart();
    server.resume(&token).say_in(ops, 2, "more").unwrap();
    let alice = server.log_in(&mut hers);
    let rooms = alice.welcome.unwrap().rooms;
    let secret = rooms.iter().find(|room| room.name == "#secret~Alice");
    assert_eq!(secret.unwrap().archived.as_deref(), Some(""));
    let line = server.line("info.log", &["room_archived", "room=#ops"]);
    let by = "reason=\"it is over\" room=#ops by=operator uid=";
    assert!(line.contains(by), "{line}");
    server.line("info.log", &["room_reopened room=#ops by=operator uid="]);
}
