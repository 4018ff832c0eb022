//! Profiles, ignoring and actions, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::process::Command;

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{ErrorCode, Kind, ServerMessage};

/// The next `ignoring` in a session that did not ask.
fn hears(client: &mut ScriptedClient) -> (String, bool) {
    client.until("whom one ignores", |message| match message {
        ServerMessage::Ignoring(it) => {
            assert_eq!(it.request, None);
            Some((it.user, it.ignored))
        }
        _ => None,
    })
}

fn ignored(client: &ScriptedClient) -> &[String] {
    &client.welcome.as_ref().unwrap().ignored
}

/// Runs an operator's command; the server must have stopped.
fn operate(server: &ServerProcess, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatbox-server"));
    command
        .arg("--config")
        .arg(server.path().join("config.toml"));
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[test]
fn who_somebody_is_can_be_asked_whether_they_are_there_or_not() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut her, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let there = alice.whois("bOB").unwrap();
    assert_eq!((there.user.as_str(), there.is_admin), ("Bob", false));
    let since = there.online_since.unwrap();
    assert!(there.registered <= since && there.last_login.unwrap() <= since);
    let own = alice.whois("alice").unwrap();
    assert!(own.online_since.is_some());

    bob.bye();
    bob.rest();
    let away = eventually("bob's leaving", || {
        let profile = alice.whois("Bob").unwrap();
        profile.online_since.is_none().then_some(profile)
    });
    assert_eq!(away.registered, there.registered);
    assert_eq!(away.last_login, there.last_login);
    assert_eq!(alice.whois("B-ob"), Err(ErrorCode::UnknownUser));
    assert_eq!(alice.whois("nobody"), Err(ErrorCode::UnknownUser));
    for name in ["", "@bob", "a b", "\u{1b}[2J"] {
        assert_eq!(alice.whois(name), Err(ErrorCode::InvalidName), "{name:?}");
    }

    server.stop();
    operate(&server, &["user", "disable", "Bob"]);
    operate(&server, &["user", "set-role", "Alice", "admin"]);
    server.restart();
    let mut alice = server.log_in(&mut her);
    let disabled = alice.whois("Bob").unwrap();
    assert_eq!(
        (disabled.user, disabled.last_login, disabled.registered),
        (away.user, away.last_login, away.registered),
        "shown like others"
    );
    assert!(alice.whois("alice").unwrap().is_admin);
}

#[test]
fn whom_one_ignores_is_kept_for_all_sessions_and_told_to_nobody_else() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut her, mut one) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let (_carol, _) = server.register("carol");
    let mut other = server.log_in(&mut her);
    assert_eq!(ignored(&other), [""; 0]);
    assert_eq!(one.ignore("CAROL", true).unwrap(), "carol");
    assert_eq!(one.ignore("bob", true).unwrap(), "Bob");
    assert_eq!(hears(&mut other), ("carol".to_owned(), true));
    assert_eq!(hears(&mut other), ("Bob".to_owned(), true));
    // A request that changes nothing is answered to its session only.
    assert_eq!(one.ignore("Bob", true).unwrap(), "Bob");
    assert_eq!(other.ignore("carol", false).unwrap(), "carol");
    assert_eq!(hears(&mut one), ("carol".to_owned(), false));
    assert_eq!(other.ignore("carol", false).unwrap(), "carol");
    one.ignore("carol", true).unwrap();
    assert_eq!(hears(&mut other), ("carol".to_owned(), true));

    // The server hides nothing, and does not tell the person who is ignored.
    bob.say_in(LOBBY, 1, "can you hear me?").unwrap();
    assert_eq!(one.chat().text, "can you hear me?");
    one.say_in(LOBBY, 1, "no").unwrap();
    bob.until("what alice says", |message| match message {
        ServerMessage::Chat(chat) if chat.user == "Alice" => Some(()),
        ServerMessage::Ignoring(it) => panic!("{it:?}"),
        _ => None,
    });

    server.line("info.log", &["ignored user=Bob by=Alice"]);
    server.kill();
    server.restart();
    let mut again = server.log_in(&mut her);
    assert_eq!(ignored(&again), ["Bob", "carol"]);
    again.ignore("Bob", false).unwrap();
    let resumed = server.resume(&again.token());
    assert_eq!(ignored(&resumed), ["carol"]);
}

#[test]
fn nobody_ignores_themselves_or_those_who_are_not_there() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    for wish in [true, false] {
        for (user, refused) in [
            ("alice", ErrorCode::InvalidArgument),
            ("nobody", ErrorCode::UnknownUser),
            ("A-lice", ErrorCode::UnknownUser),
            ("@alice", ErrorCode::InvalidName),
        ] {
            assert_eq!(alice.ignore(user, wish), Err(refused), "{user}");
        }
    }
}

#[test]
fn somebody_ignores_a_thousand_people_and_no_more() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut her, mut alice) = server.register("Alice");
    let (_bob, _) = server.register("Bob");
    alice.cut();
    server.stop();
    let database = rusqlite::Connection::open(server.path().join("data/chatbox.db")).unwrap();
    // Names of the greatest length: all of them must fit the welcome.
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
        INSERT INTO REGISTERED(user, password, skeleton, created_at) \
        SELECT printf('%032d', i), '', printf('%032d', i), 0 FROM n";
    database.execute(fill, ()).unwrap();
    let ignore = "INSERT INTO ignores(account, ignored, made_at) SELECT 1, id, 0 FROM REGISTERED \
        WHERE length(user) = 32";
    assert_eq!(database.execute(ignore, ()).unwrap(), 1000);
    drop(database);
    server.restart();
    alice = server.log_in(&mut her);
    assert_eq!(ignored(&alice).len(), 1000);
    assert_eq!(alice.ignore("Bob", true), Err(ErrorCode::InvalidArgument));
    let first = ignored(&alice)[0].clone();
    assert_eq!(alice.ignore(&first, true).unwrap(), first);
    alice.ignore(&first, false).unwrap();
    assert_eq!(alice.ignore("Bob", true).unwrap(), "Bob");
}

#[test]
fn what_is_done_is_told_apart_from_what_is_said_everywhere() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    alice.act_in(LOBBY, 1, "waves").unwrap();
    alice.say_in(LOBBY, 2, "hello").unwrap();
    let [done, said] = [bob.chat(), bob.chat()];
    assert_eq!((done.kind, done.text.as_str()), (Kind::Action, "waves"));
    assert_eq!((said.kind, said.text.as_str()), (Kind::Text, "hello"));

    // Sent twice it is one message; the same id for something else is refused.
    assert!(alice.act_in(LOBBY, 1, "waves").is_ok());
    let other = alice.say_in(LOBBY, 1, "waves");
    assert_eq!(other.unwrap_err(), ErrorCode::IdConflict);
    let other = alice.act_in(LOBBY, 2, "hello");
    assert_eq!(other.unwrap_err(), ErrorCode::IdConflict);

    let asked = bob.history(Some(0), None, 10);
    let kinds: Vec<_> = bob.page(asked).messages.iter().map(|m| m.kind).collect();
    assert_eq!(kinds, [Kind::Action, Kind::Text]);
    server.line("chat.log", &["seq=1 user=Alice", "kind=action", "waves"]);
    let said = server.line("chat.log", &["seq=2 user=Alice", "hello"]);
    assert!(!said.contains("kind="), "{said}");
}
