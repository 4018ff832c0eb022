//! What was said and not acknowledged when the program ends: told, whatever ends it, and never a
//! success.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::client_dir::{ClientDir, end};
use chatbox_common::testkit::process::program;
use chatbox_common::testkit::scripted_server::{AcceptedClient, CODE, PASSWORD, ScriptedServer};
use chatbox_common::testkit::terminal::client::{SIZE, client_of};
use chatbox_common::testkit::terminal::{CTRL_C, Program, Screen, Transcript};
use chatbox_common::wire::message::{ByeReason, ClientMessage, ErrorCode};

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

/// At a plain terminal, in the lobby; the code was asked for. After a lost connection only Enter
/// makes another attempt.
fn sit_down_plainly() -> (ScriptedServer, Transcript, AcceptedClient) {
    let server = ScriptedServer::bind();
    let fingerprint = server.fingerprint().to_string();
    let program = Program::new(program("chatbox"))
        .file("pass", PASSWORD)
        .file("config.toml", "[client]\nreconnect_delay = 3600\n")
        .args(["--plain", "--server", &server.address(), "--user", "alice"])
        .args(["--fingerprint", &fingerprint, "--password-file", "pass"]);
    let mut person = Transcript::start(program);
    // The key first.
    server.accept().hears_no_more();
    person.is_asked("Code:");
    person.types(CODE);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    person.sees("what you type is said in #lobby");
    (server, person, client)
}

/// The person is in no room any more.
fn is_sent_out(client: &mut AcceptedClient, person: &mut Transcript) {
    client.kick_from(LOBBY);
    person.sees("what you type is said nowhere");
}

fn hear_join(client: &mut AcceptedClient) {
    while let Some(heard) = client.hear() {
        if matches!(heard, ClientMessage::Join(_)) {
            return;
        }
    }
    panic!("no join");
}

#[test]
fn what_waits_asks_nobody_to_log_in_and_no_answer_is_shown() {
    let (server, mut person, mut client) = sit_down_plainly();
    is_sent_out(&mut client, &mut person);
    person.types("/join #ops");
    hear_join(&mut client);
    person.types("hello");
    person.sees("what you type waits until you are in #ops");
    drop(client);
    person.sees("; Enter tries now");
    person.types("");
    let mut client = server.accept();
    let request = client.hear_resume(1);
    client.refuse(request, ErrorCode::LoginRefused, "refused for the test");
    client.bye(ByeReason::LoginRefused, "");
    person.sees("press Enter to log in again");
    person.types("");
    let before = person.sees("Code:");
    assert!(!before.contains("What you typed was not sent"), "{before}");
    person.types("654321");
    let mut client = server.accept();
    let logged_in = client.challenge_for("654321");
    client.let_in(logged_in);
    client.welcome(0, 0);
    person.sees("you are alice");
    assert!(!person.text().contains("654321"), "it was shown");
    // It was meant for another room.
    person.sees("Nothing was sent: you are in no room");
    person.types("/quit");
    person.ends();
}

#[test]
fn enter_tries_now_also_where_one_is_in_no_room() {
    let (server, mut person, mut client) = sit_down_plainly();
    is_sent_out(&mut client, &mut person);
    drop(client);
    person.sees("; Enter tries now");
    person.types("for the lobby");
    person.sees("kept, and sent once there is a connection again");
    person.types("");
    let mut client = server.accept();
    client.resume(1);
    client.welcome(0, 0);
    assert_eq!(hear_send(&mut client), "for the lobby");
    person.types("/quit");
    person.ends();
}

#[test]
fn enter_tries_now_also_where_no_more_is_taken() {
    let (server, mut person, client) = sit_down_plainly();
    drop(client);
    person.sees("; Enter tries now");
    for _ in 0..257 {
        person.types("x");
    }
    person.types("");
    let mut client = server.accept();
    client.resume(1);
    drop(client);
    person.sees("; Enter tries now");
    person.types("/quit");
    person.ends();
}
