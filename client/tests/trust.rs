//! Whose key is accepted: on the same machine, when it was replaced, and what is shown of a server
//! before it has proved itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::fs;
use std::io::Write;

use chatbox_common::testkit::client_dir::{ClientDir, end};
use chatbox_common::testkit::process::{ServerProcess, program};
use chatbox_common::testkit::scripted_server::{AcceptedClient, CODE, PASSWORD, ScriptedServer};
use chatbox_common::testkit::terminal::client::{client, stranger};
use chatbox_common::testkit::terminal::{Program, Transcript};
use chatbox_common::wire::message::{ByeReason, ClientMessage, ErrorCode};

fn start(program: Program) -> Transcript {
    let mut person = Transcript::start(program.args(["--plain"]));
    person.is_asked("1) Register  2) Log in");
    person
}

#[test]
fn a_server_on_this_machine_that_is_not_ones_own_is_a_stranger_at_registration() {
    let server = ServerProcess::start("");
    let mut person = start(stranger(&server));
    assert!(person.text().contains("its key is not known yet"));
    person.types("1");
    person.is_asked("(SHA256:...):");
    assert!(!person.text().contains(&server.fingerprint), "to be copied");
    person.types("yes");
    person.is_asked("(SHA256:...):");
    person.types(&server.fingerprint);
    person.is_asked("Name:");
}

#[test]
fn ones_own_server_is_recognised_and_another_users_in_its_place_is_not() {
    let server = ServerProcess::start("");
    let mut person = start(client(&server));
    assert!(person.text().contains("its key is that of your own server"));
    person.types("1");
    person.is_asked("Name:");

    // Behind the same address there is another server now, as through a tunnel.
    let other = ServerProcess::start("");
    let keys = format!(
        "[security]\nkey_directory = '{}/keys'\n",
        server.path().display()
    );
    let program = stranger(&other).file("config.toml", &keys);
    let mut person = start(program);
    person.types("1");
    person.is_asked("(SHA256:...):");
}

/// All that it needs to log in but the server's key.
fn logging_in(address: &str) -> Vec<&str> {
    let who = ["--server", address, "--user", "alice"];
    let files = ["--password-file", "pass", "--otp-file", "code"];
    [who, files].concat()
}

fn sending(address: &str) -> Vec<&str> {
    let send = ["send", "--keep-session", "--room", "#lobby", "hello"];
    [&send[..], &logging_in(address)].concat()
}

/// Takes the message of a script that sends one, and hears no goodbye: it would be a logout.
fn takes_the_message(client: &mut AcceptedClient) {
    client.welcome(0, 0);
    let send = loop {
        match client.hear() {
            Some(ClientMessage::History(asked)) => client.pending_page(asked.request, Vec::new()),
            Some(ClientMessage::Send(send)) => break send,
            other => panic!("{other:?}"),
        }
    };
    client.commit(&send, 1);
    assert_eq!(client.hear(), None);
}

fn logs_in_and_keeps(dir: &ClientDir, server: &ScriptedServer) {
    dir.write("known", &server.known_hosts_line());
    let address = server.address();
    let child = dir.spawn(&sending(&address));
    let mut client = server.accept();
    client.log_in();
    takes_the_message(&mut client);
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn a_kept_session_of_a_key_that_was_replaced_gives_way_to_a_new_login() {
    // The operator has told the next key, and it stands in the place of the old one or beside it.
    for keeps_both in [false, true] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        logs_in_and_keeps(&dir, &server);
        let old = dir.known_hosts();
        let server = server.with_another_key();
        let new = server.known_hosts_line();
        let pins = if keeps_both { old + &new } else { new };
        dir.write("known", &pins);
        let address = server.address();
        let child = dir.spawn(&sending(&address));
        if keeps_both {
            // The old key could still be the server's: so it is tried, and nothing is said to it.
            server.accept().hears_no_more();
        }
        let mut client = server.accept();
        client.log_in();
        takes_the_message(&mut client);
        let ended = end(child);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.err.contains("logging in again"), "{}", ended.err);
        assert!(!ended.err.contains("HAS CHANGED"), "{}", ended.err);
        // The next script continues the new one.
        let child = dir.spawn(&sending(&address));
        let mut client = server.accept();
        client.resume(1);
        takes_the_message(&mut client);
        assert_eq!(end(child).code, 0);
    }
}

#[test]
fn a_kept_session_is_kept_from_an_impostor_and_from_being_forgotten_for_one() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    logs_in_and_keeps(&dir, &server);
    let kept = sessions(&dir);
    let server = server.with_another_key();
    let address = server.address();
    let child = dir.spawn(&sending(&address));
    server.accept().hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 5);
    assert!(ended.err.contains("HAS CHANGED"), "{}", ended.err);
    assert_eq!(sessions(&dir), kept);
}

fn sessions(dir: &ClientDir) -> Vec<String> {
    let folder = dir.path(".local/state/chatbox/sessions");
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn a_session_whose_servers_key_was_replaced_meanwhile_is_over_and_no_attack() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    dir.write("known", &server.known_hosts_line());
    let address = server.address();
    let mut child = dir.spawn(&logging_in(&address));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hello\n").unwrap();
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    client.page(Vec::new());
    client.hear_send();
    let server = server.with_another_key();
    dir.write("known", &server.known_hosts_line());
    drop(client);
    server.accept().hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 6, "{}", ended.err);
    assert!(!ended.err.contains("HAS CHANGED"), "{}", ended.err);
}

#[test]
fn nothing_that_an_unproven_server_says_is_shown_where_its_key_is_not_known() {
    const SAID: &str = "read out your code to 555-0100";
    let ends: [fn(&mut AcceptedClient, u32); 2] = [
        |client, request| client.refuse(request, ErrorCode::LoginRefused, SAID),
        |client, _| client.bye(ByeReason::Other(99), SAID),
    ];
    for (answer, own) in ends.iter().zip(["login refused: the name", "is not shown"]) {
        let server = ScriptedServer::bind();
        let address = server.address();
        let program = Program::new(program("chatbox"))
            .file("pass", PASSWORD)
            .file("code", CODE)
            .args(["--plain", "--server", &address, "--user", "alice"])
            .args(["--password-file", "pass", "--otp-file", "code"]);
        let mut person = Transcript::start(program);
        let mut asked_about = server.accept();
        person.is_asked("Type yes to go on:");
        person.types("yes");
        asked_about.hears_no_more();
        let mut client = server.accept();
        let request = client.challenge().request;
        answer(&mut client, request);
        person.ends();
        // The client breaks its lines.
        let shown = person.text();
        let words: Vec<_> = shown.split_whitespace().collect();
        assert!(words.join(" ").contains(own), "{shown}");
        assert!(!shown.contains("555"), "{shown}");
    }
}
