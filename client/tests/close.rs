//! Conversations that are closed and come back, in the programs as they are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::io::{BufRead, BufReader, Write};

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::client_dir::{Exited, Participant, end};
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port, program};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::wire::message::{RoomId, ServerMessage};

fn types(alice: &mut Participant, typed: &str) -> Exited {
    alice.run_of(&program("chatbox"), &["--plain"], typed)
}

fn heard(client: &mut ScriptedClient, text: &str) -> RoomId {
    client.until(text, |message| match message {
        ServerMessage::Chat(chat) if chat.text == text => Some(chat.room),
        _ => None,
    })
}

fn listed(client: &ScriptedClient) -> Vec<&str> {
    let rooms = client.welcome.as_ref().unwrap().rooms.iter();
    rooms.map(|room| room.name.as_str()).collect()
}

#[test]
fn what_is_typed_behind_close_is_said_in_the_lobby_and_the_conversation_comes_back() {
    let server = ServerProcess::start(UNLIMITED);
    let (_carol, mut carol) = server.register("Carol");
    let (account, _) = server.register("Alice");
    let mut alice = Participant::new(&server, account);
    let chat = types(
        &mut alice,
        "/dm @carol\nfor you alone\n/close\nfor everybody\n/close\n/close @carol\n",
    );
    assert_eq!(chat.code, 0, "{} {}", chat.out, chat.err);
    let two = heard(&mut carol, "for you alone");
    assert_ne!(two, LOBBY);
    assert_eq!(heard(&mut carol, "for everybody"), LOBBY);
    let closed = "@Carol is closed until somebody speaks there";
    assert!(chat.out.contains(closed), "{}", chat.out);
    // The lobby is a room, and of the conversation nothing is there any more to close.
    for told in ["#lobby is a room, which /leave leaves", "no such room"] {
        assert!(chat.err.contains(told), "{told}: {}", chat.err);
    }
    assert_eq!(listed(&server.log_in(&mut alice.account)), ["#lobby"]);

    carol.say_in(two, 1, "are you there?").unwrap();
    let later = server.log_in(&mut alice.account);
    assert_eq!(listed(&later), ["#lobby", "@Carol"]);
    let chat = types(&mut alice, "/dm @carol\n/history 9\n");
    assert_eq!(chat.code, 0, "{}", chat.err);
    for said in ["for you alone", "are you there?"] {
        assert!(chat.out.contains(said), "{said}: {}", chat.out);
    }
    let chat = types(&mut alice, "/close @carol\n");
    assert_eq!(chat.code, 0, "{}", chat.err);
    assert_eq!(listed(&server.log_in(&mut alice.account)), ["#lobby"]);
}

#[test]
fn a_script_does_not_mind_that_the_conversation_it_waits_in_is_closed() {
    let server = ServerProcess::start(UNLIMITED);
    let (_carol, mut carol) = server.register("Carol");
    let (account, mut person) = server.register("Alice");
    let two = carol.direct("Alice").unwrap().room;
    carol.say_in(two, 1, "one").unwrap();
    let mut alice = Participant::new(&server, account);
    let since = ["tail", "--room", "@carol", "--since", "0", "--count", "2"];
    let mut child = GuardedChild::spawn(&mut alice.command(&since));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().ends_with("<Carol> one"));
    person.hide(two, 1).unwrap();
    carol.say_in(two, 2, "two").unwrap();
    assert!(lines.next().unwrap().unwrap().ends_with("<Carol> two"));
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn what_is_said_in_a_closed_conversation_while_one_was_away_is_all_shown() {
    let mut server = ServerProcess::start_on(free_port(), UNLIMITED);
    let (mut hers, carol) = server.register("Carol");
    drop(carol);
    let (account, _) = server.register("Alice");
    let mut alice = Participant::new(&server, account);
    let mut child = GuardedChild::spawn(&mut alice.command(&["--plain"]));
    let mut typed = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut shows = |text: &str| {
        let mut shown = lines.by_ref().map(Result::unwrap);
        assert!(shown.any(|line| line.contains(text)), "{text}");
    };
    typed
        .write_all(b"/dm @carol\nfor you alone\n/close\n")
        .unwrap();
    shows("@Carol is closed");
    server.stop();
    server.restart();
    let mut carol = server.log_in(&mut hers);
    let two = carol.direct("Alice").unwrap();
    assert_eq!(two.head, 1);
    for (n, text) in (1..).zip(["are you there?", "and now?"]) {
        carol.say_in(two.room, n, text).unwrap();
    }
    shows("<Carol> are you there?");
    shows("<Carol> and now?");
    drop(typed);
    assert_eq!(end(child).code, 0);
}
