//! Who may have how many rooms, open and archived, and what administrators may of other people's,
//! against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::process::Command;

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::wire::message::{
    Access, ClientMessage, Create, ErrorCode, ErrorMessage, RoomId, RoomMode,
};

/// An administrator's session, and those of others who are members.
fn with_admin(config: &str, others: &[&str]) -> (ServerProcess, Vec<ScriptedClient>) {
    let mut server = ServerProcess::start(&format!("{UNLIMITED}{config}"));
    let names = [&["Admin"], others].concat();
    let mut accounts: Vec<_> = names.iter().map(|name| server.register(name).0).collect();
    server.stop();
    let status = Command::new(env!("CARGO_BIN_EXE_chatbox-server"))
        .arg("--config")
        .arg(server.path().join("config.toml"))
        .args(["user", "set-role", "Admin", "admin"])
        .current_dir(server.path())
        .output();
    assert!(status.unwrap().status.success());
    server.restart();
    let sessions = accounts
        .iter_mut()
        .map(|account| server.log_in(account))
        .collect();
    (server, sessions)
}

fn refused(client: &mut ScriptedClient, name: &str) -> ErrorMessage {
    let name = name.to_owned();
    let asked = client.ask(|request| {
        ClientMessage::Create(Create {
            request,
            name,
            topic: String::new(),
            mode: RoomMode::Audited,
            access: Access::Open,
        })
    });
    client.error(asked)
}

fn make(client: &mut ScriptedClient, name: &str) -> RoomId {
    client.create(name, Access::Open).unwrap().room
}

#[test]
fn the_last_sixteenth_of_all_places_is_kept_for_administrators() {
    let limits = "[limits]\nrooms = 32\nrooms_per_person = 32\n";
    let (_server, mut sessions) = with_admin(limits, &["Alice", "Bob"]);
    let [admin, alice, bob] = sessions.as_mut_slice() else {
        unreachable!()
    };
    // The lobby is the first.
    let alices: Vec<_> = (2..=16)
        .map(|n| make(alice, &format!("#room{n}")))
        .collect();
    for n in 17..=30 {
        make(bob, &format!("#room{n}"));
    }
    for member in [&mut *alice, &mut *bob] {
        let error = refused(member, "#beyond");
        assert_eq!(error.code, ErrorCode::TooManyRooms);
        assert_eq!(error.text, "the server has no place for more rooms");
    }
    let first = *alices.first().unwrap();
    alice.archive(first, Some("")).unwrap();
    make(bob, "#in-its-place");
    assert_eq!(alice.archive(first, None), Err(ErrorCode::TooManyRooms));

    make(admin, "#room31");
    assert_eq!(refused(bob, "#beyond").code, ErrorCode::TooManyRooms);
    admin.archive(first, None).unwrap();
    let error = refused(admin, "#beyond");
    assert_eq!(error.code, ErrorCode::TooManyRooms, "32 is for everybody");
}

#[test]
fn an_administrator_archives_what_others_made_and_opens_it_again() {
    let (server, mut sessions) = with_admin("", &["Alice", "Bob"]);
    let [admin, alice, bob] = sessions.as_mut_slice() else {
        unreachable!()
    };
    let ops = make(alice, "#ops");
    let hidden = alice.create("#hidden", Access::Invited).unwrap().room;
    bob.join("#ops").unwrap();
    assert_eq!(bob.archive(ops, Some("")), Err(ErrorCode::NotAllowed));
    admin.archive(ops, Some("nobody is here")).unwrap();
    assert_eq!(alice.say_in(ops, 1, "x"), Err(ErrorCode::Archived));
    admin.archive(ops, None).unwrap();
    bob.say_in(ops, 1, "x").unwrap();
    for event in ["room_archived", "room_reopened"] {
        server.line("info.log", &[event, "room=#ops", "by=Admin"]);
    }
    // What is not shown to them is not theirs to end.
    let unknown = Err(ErrorCode::UnknownRoom);
    assert_eq!(admin.archive(hidden, Some("")), unknown);
}

#[test]
fn one_may_have_ten_times_as_many_archived_rooms_and_opens_one_of_them_for_the_next() {
    let limits = "[limits]\nrooms = 100\nrooms_per_person = 2\n";
    let (_server, mut sessions) = with_admin(limits, &["Alice", "Bob"]);
    let [admin, alice, bob] = sessions.as_mut_slice() else {
        unreachable!()
    };
    let mut last = None;
    for n in 1..=20 {
        let room = make(alice, &format!("#old{n}"));
        alice.archive(room, Some("")).unwrap();
        last = Some(room);
    }
    let error = refused(alice, "#one-more");
    assert_eq!(error.code, ErrorCode::TooManyRooms);
    assert_eq!(error.text, "you have made as many rooms as one may make");
    make(bob, "#another-person-s");
    let old = make(admin, "#of-an-administrator");
    admin.archive(old, Some("")).unwrap();

    // What is opened again is one archived room less.
    alice.archive(last.unwrap(), None).unwrap();
    make(alice, "#one-more");
}

#[test]
fn who_asks_for_the_name_of_an_archived_room_is_told_that_it_is_archived() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = make(&mut alice, "#ops");
    let there = "there is a room of this name";
    assert_eq!(refused(&mut bob, "#Ops").text, there);
    alice.archive(ops, Some("")).unwrap();
    let archived = refused(&mut bob, "#Ops");
    assert_eq!(archived.code, ErrorCode::NameTaken);
    assert_eq!(archived.text, "there is an archived room of this name");
    alice.archive(ops, None).unwrap();
    assert_eq!(refused(&mut bob, "#Ops").text, there);
}
