//! Programs of an earlier version with those of this one: each client with each server, and the
//! earlier server's database under this one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::client_dir::{Participant, end};
use chatbox_common::testkit::extra::Partner;
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, program};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::wire::message::{Access, Chat, ServerMessage};

/// For a line of a client's.
const PATIENCE: Duration = Duration::from_secs(30);

fn earlier() -> Option<Partner> {
    Partner::of("0.1")
}

fn heard(client: &mut ScriptedClient, text: &str) -> Chat {
    client.until(text, |message| match message {
        ServerMessage::Chat(chat) if chat.text == text => Some(chat),
        _ => None,
    })
}

/// A client in a room, with somebody else: logs in, hears, says, reads what was, sends by script.
fn talks(server: &ServerProcess, client: &Path) {
    let (_carol, mut carol) = server.register("Carol");
    let ops = carol.create("#ops", Access::Open).unwrap().room;
    carol.say_in(ops, 1, "before alice came").unwrap();
    let (account, _) = server.register("Alice");
    let mut alice = Participant::new(server, account);

    let sent = alice.run_of(client, &["send", "--room", "#ops"], "said by a script\n");
    assert_eq!(sent.code, 0, "{}", sent.err);
    assert_eq!(heard(&mut carol, "said by a script").user, "Alice");

    let chat = alice.run_of(
        client,
        &["--plain"],
        "/join #ops\n/history 10\nsaid in the chat\n/topic #ops mine\n/whoami\n",
    );
    assert_eq!(chat.code, 0, "{} {}", chat.out, chat.err);
    for part in ["before alice came", "said by a script", "said in the chat"] {
        assert!(chat.out.contains(part), "{part}: {} {}", chat.out, chat.err);
    }
    assert_eq!(heard(&mut carol, "said in the chat").user, "Alice");

    let list = alice.run_of(client, &["list"], "");
    assert_eq!(list.code, 0, "{}", list.err);
    assert!(list.out.contains("Carol"), "{}", list.out);
}

#[test]
fn an_earlier_client_talks_with_this_server() {
    let Some(earlier) = earlier() else { return };
    let server = ServerProcess::start(UNLIMITED);
    talks(&server, &earlier.client);
}

#[test]
fn this_client_talks_with_an_earlier_server() {
    let Some(earlier) = earlier() else { return };
    let server = ServerProcess::start_program(&earlier.server, UNLIMITED);
    talks(&server, &program("chatbox"));
}

#[test]
fn nothing_is_asked_of_an_earlier_server_that_it_does_not_know() {
    let Some(earlier) = earlier() else { return };
    let server = ServerProcess::start_program(&earlier.server, UNLIMITED);
    let (account, _) = server.register("Alice");
    let mut alice = Participant::new(&server, account);
    let chat = alice.run_of(
        &program("chatbox"),
        &["--plain"],
        "/create #ops\n/archive #ops it is over\nand still here\n",
    );
    let told = format!("{}{}", chat.out, chat.err);
    assert!(told.contains("server is older"), "{told}");
    assert!(told.contains("and still here"), "{told}");
    server.register("Bob");
    let chat = alice.run_of(
        &program("chatbox"),
        &["--plain"],
        "/dm @bob\n/close\nfor the lobby alone\n",
    );
    assert!(chat.err.contains("server is older"), "{}", chat.err);
    assert!(!chat.out.contains("lobby alone"), "{}", chat.out);
}

#[test]
fn an_earlier_client_has_a_conversation_until_another_session_hides_it_and_then_again() {
    let Some(earlier) = earlier() else { return };
    let server = ServerProcess::start(UNLIMITED);
    let (_carol, mut carol) = server.register("Carol");
    let (account, mut here) = server.register("Alice");
    let two = carol.direct("Alice").unwrap().room;
    carol.say_in(two, 1, "first of all").unwrap();
    let mut alice = Participant::new(&server, account);
    let mut child = GuardedChild::spawn(&mut alice.command_of(&earlier.client, &["--plain"]));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut shows = |text: &str| {
        let shown = lines.by_ref().map(Result::unwrap);
        assert!(shown.into_iter().any(|line| line.contains(text)), "{text}");
    };
    shows("first of all");
    here.hide(two, 1).unwrap();
    shows("you have left @Carol");
    carol.say_in(two, 2, "and then").unwrap();
    shows("and then");
    drop(child.stdin.take());
    assert_eq!(end(child).code, 0);
}

#[test]
fn an_earlier_client_is_told_of_an_archived_room_as_of_a_locked_one() {
    let Some(earlier) = earlier() else { return };
    let server = ServerProcess::start(UNLIMITED);
    let (_carol, mut carol) = server.register("Carol");
    let ops = carol.create("#ops", Access::Open).unwrap().room;
    let (account, mut client) = server.register("Alice");
    client.join("#ops").unwrap();
    carol.archive(ops, Some("it is over")).unwrap();
    let mut alice = Participant::new(&server, account);
    let sent = alice.run_of(&earlier.client, &["send", "--room", "#ops"], "one more\n");
    assert_ne!(sent.code, 0, "{}", sent.out);
    assert!(sent.err.contains("archived"), "{}", sent.err);
}

/// Waits until a client shows, on either output, what the operator tells.
fn is_told(server: &ServerProcess, client: &Path, account: Account) {
    let mut participant = Participant::new(server, account);
    let mut child = GuardedChild::spawn(&mut participant.command_of(client, &["--plain"]));
    let (tell, told) = mpsc::channel();
    let listen = |stream: Box<dyn Read + Send>| {
        let tell = tell.clone();
        thread::spawn(move || {
            let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
            // It fails once nobody waits any more.
            lines.try_for_each(|line| tell.send(line))
        })
    };
    listen(Box::new(child.stdout.take().unwrap()));
    listen(Box::new(child.stderr.take().unwrap()));
    drop(tell);
    let shows = |text: &str| {
        while !told.recv_timeout(PATIENCE).unwrap().contains(text) {}
    };
    shows("1 online");
    server.operated(&["announce", "a new disk at six"]);
    let sentence = "the operator tells everybody: a new disk at six";
    shows(sentence);
    drop(child.stdin.take());
    assert_eq!(end(child).code, 0);
}

#[test]
fn what_the_operator_tells_is_shown_by_this_client_and_by_an_earlier_one() {
    let server = ServerProcess::start(UNLIMITED);
    let (account, _) = server.register("Alice");
    is_told(&server, &program("chatbox"), account);
    let Some(earlier) = earlier() else { return };
    let (account, _) = server.register("Bob");
    is_told(&server, &earlier.client, account);
}

#[test]
fn the_database_of_an_earlier_server_is_brought_up_to_date_and_its_tokens_hold() {
    let Some(earlier) = earlier() else { return };
    let mut server = ServerProcess::start_program(&earlier.server, UNLIMITED);
    let (mut account, mut alice) = server.register("Alice");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    let said = "said to the earlier one、東京都で";
    alice.say_in(ops, 1, said).unwrap();
    assert_eq!(alice.texts_with("earlier"), [said]);
    assert_eq!(
        alice.texts_with("東京"),
        [""; 0],
        "its index has other words"
    );
    let token = alice.token();
    server.stop();
    server.restart_as(&program("chatbox-server"));
    let mut alice = server.resume(&token);
    alice.say_in(ops, 1, said).unwrap();
    assert_eq!(alice.texts_with("earlier"), [said], "it is there once");
    assert_eq!(alice.texts_with("東京"), [said]);
    alice.archive(ops, Some("")).unwrap();
    server.log_in(&mut account);
}
