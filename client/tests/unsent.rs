//! What was said and not acknowledged when the program ends: told, whatever ends it, and never a
//! success.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use chatbox_common::testkit::client_dir::{ClientDir, end};
use chatbox_common::testkit::scripted_server::{AcceptedClient, CODE, PASSWORD, ScriptedServer};
use chatbox_common::testkit::terminal::client::{SIZE, client_of};
use chatbox_common::testkit::terminal::{CTRL_C, Screen, Transcript};
use chatbox_common::wire::message::{ByeReason, ClientMessage};

#[test]
fn a_goodbye_that_nobody_asked_for_is_no_success() {
    for reason in [ByeReason::Quit, ByeReason::LoggedOut, ByeReason::Other(99)] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let child = dir.begin(&server, &["send", "--room", "#lobby", "the", "text"]);
        let mut client = server.accept();
        client.log_in();
        client.welcome(0, 0);
        assert_eq!(hear_send(&mut client), "the text");
        client.bye(reason, "");
        let ended = end(child);
        assert_eq!(ended.code, 7, "{reason:?}: {}", ended.err);
        assert!(ended.err.contains("the server ended the session"));
        let told = "1 message was not acknowledged and may be lost";
        assert!(ended.err.contains(told), "{}", ended.err);
        assert!(ended.err.contains("#lobby: the text"), "{}", ended.err);
    }
}

/// The text of the next message; pages are answered by nothing.
fn hear_send(client: &mut AcceptedClient) -> String {
    loop {
        match client.hear() {
            Some(ClientMessage::Send(send)) => return send.text,
            Some(ClientMessage::History(asked)) => {
                client.page_of(asked.room, asked.request, Vec::new());
            }
            other => panic!("{other:?} instead of a message"),
        }
    }
}

/// At a full screen, in the lobby.
fn sit_down() -> (ScriptedServer, Screen, AcceptedClient) {
    let server = ScriptedServer::bind();
    let fingerprint = server.fingerprint().to_string();
    let at = (&*server.address(), &*fingerprint);
    let screen = Screen::start(client_of(at, ("alice", PASSWORD, CODE), ""), SIZE);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    client.page(Vec::new());
    screen.sees("what you type is said in #lobby");
    (server, screen, client)
}

#[test]
fn who_is_logged_out_elsewhere_reads_what_was_not_said() {
    let (_server, mut screen, mut client) = sit_down();
    let long = "long ".repeat(30);
    screen.types("one");
    screen.types(&long);
    screen.types("/msg @bob psst");
    screen.sees("3 unsent");
    let mark = screen.mark();
    client.bye(ByeReason::LoggedOut, "somewhere else");
    assert_eq!(screen.ends().code(), Some(7));
    screen.wrote(mark, "somewhere else");
    screen.wrote(mark, "3 messages were not acknowledged and may be lost");
    for told in [
        "#lobby: one",
        &format!("#lobby: {}…", &long[..60]),
        "@bob: psst",
    ] {
        screen.wrote(mark, told);
    }
}

#[test]
fn a_pipe_and_a_plain_terminal_are_told_what_was_not_said() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "one\ntwo\n", &[]);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    assert_eq!(hear_send(&mut client), "one");
    client.bye(ByeReason::LoggedOut, "somewhere else");
    let ended = end(child);
    assert_eq!(ended.code, 7, "{}", ended.err);
    assert!(ended.err.contains("#lobby: one"), "{}", ended.err);

    let server = ScriptedServer::bind();
    let (address, fingerprint) = (server.address(), server.fingerprint().to_string());
    let who = ("alice", PASSWORD, CODE);
    let program = client_of((&address, &fingerprint), who, "").args(["--plain"]);
    let mut person = Transcript::start(program);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    person.types("one");
    assert_eq!(hear_send(&mut client), "one");
    client.bye(ByeReason::LoggedOut, "somewhere else");
    assert_eq!(person.ends().code(), Some(7));
    assert!(person.text().contains("#lobby: one"), "{}", person.text());
}

#[test]
fn who_meets_another_key_reads_what_was_not_said() {
    let (server, mut screen, client) = sit_down();
    screen.types("one");
    screen.types("two");
    screen.sees("2 unsent");
    let mark = screen.mark();
    let server = server.with_another_key();
    drop(client);
    server.accept().hears_no_more();
    assert_eq!(screen.ends().code(), Some(5));
    screen.wrote(mark, "HAS CHANGED");
    screen.wrote(mark, "2 messages were not acknowledged and may be lost");
    screen.wrote(mark, "#lobby: one");
    screen.wrote(mark, "#lobby: two");
}

#[test]
fn who_leaves_is_told_first_what_is_not_said_and_reads_it_afterwards() {
    let (_server, mut screen, mut client) = sit_down();
    screen.types("said to nobody");
    assert_eq!(hear_send(&mut client), "said to nobody");
    screen.types("/join #ops");
    screen.types("for ops");
    screen.sees("2 unsent");
    screen.press(CTRL_C);
    screen.sees("2 messages are not sent. Leave ChatBox? y/n");
    screen.press("n");
    screen.loses("Leave");
    screen.press(CTRL_C);
    screen.sees("y/n");
    let mark = screen.mark();
    screen.press("y");
    assert_eq!(screen.ends().code(), Some(1));
    screen.wrote(mark, "2 messages were not acknowledged and may be lost");
    screen.wrote(mark, "#lobby: said to nobody");
    screen.wrote(mark, "for ops");
}

#[test]
fn who_quits_is_kept_no_longer_than_a_server_takes_to_answer() {
    let (_server, mut screen, mut client) = sit_down();
    screen.types("said to nobody");
    assert_eq!(hear_send(&mut client), "said to nobody");
    let mark = screen.mark();
    screen.types("/quit");
    assert_eq!(screen.ends().code(), Some(1));
    screen.wrote(mark, "#lobby: said to nobody");
}
