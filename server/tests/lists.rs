//! What the operator looks at: lists, one account, how the server is. Beside a running server and on
//! a stopped one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{Access, ErrorCode, ServerMessage};
use rusqlite::Connection;
use serde_json::Value;

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn rooms_and_accounts_are_the_same_beside_a_server_and_on_a_stopped_one() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    alice.create("#secret", Access::Invited).unwrap();
    alice.topic(ops, "what burns").unwrap();
    bob.join("#ops").unwrap();
    bob.say_in(ops, 1, "one").unwrap();
    alice.direct("Bob").unwrap();
    server.operated(&["room", "close", "#secret~Alice", "it is over"]);

    let look = |server: &ServerProcess| {
        let rooms = objects(&server.operated(&["room", "list", "--json"]));
        let shown = objects(&server.operated(&["user", "show", "ALICE", "--json"]));
        let mut facts = shown[0].clone();
        // Who is online is another matter on a stopped server, and from where is written behind.
        for key in ["sessions", "online", "address"] {
            facts.as_object_mut().unwrap().remove(key);
        }
        (rooms, facts, server.operated(&["room", "list"]))
    };
    let beside = look(&server);
    let rooms: Vec<_> = beside
        .0
        .iter()
        .map(|room| room["room"].as_str().unwrap())
        .collect();
    assert_eq!(rooms, ["#lobby", "#ops", "#secret~Alice"]);
    let told = [
        "members", "messages", "made_by", "topic", "archived", "access",
    ]
    .map(|key| beside.0[1][key].clone());
    let ops = [
        2.into(),
        1.into(),
        "Alice".into(),
        "what burns".into(),
        Value::Null,
        "open".into(),
    ];
    assert_eq!(told, ops);
    assert_eq!(beside.0[2]["archived"], "it is over");
    let row = "#ops           open     open      2        1         Alice    what burns";
    assert!(beside.2.contains(row), "{}", beside.2);
    let told = [
        "user",
        "status",
        "role",
        "recovery_codes",
        "wrong_codes",
        "resumable_logins",
        "conversations",
    ];
    let told = told.map(|key| beside.1[key].clone());
    let alice: [Value; 7] = [
        "Alice".into(),
        "ok".into(),
        "member".into(),
        10.into(),
        0.into(),
        1.into(),
        1.into(),
    ];
    assert_eq!(told, alice);
    let owner = serde_json::json!({"room": "#ops", "role": "owner"});
    assert!(beside.1["rooms"].as_array().unwrap().contains(&owner));
    server.stop();
    assert_eq!(look(&server), beside);
    for event in ["rooms_listed by=operator", "user_shown by=operator"] {
        server.line("info.log", &[event]);
    }
    let complaint = server.operated_in_vain(&["user", "show", "nobody"]);
    assert_eq!(complaint, "chatbox-server: no such user: nobody\n");
}

#[test]
fn sessions_are_listed_with_the_numbers_of_the_logs() {
    let mut server = ServerProcess::start("");
    let (mut account, alice) = server.register("Alice");
    let (_bob, bob) = server.register("Bob");
    let second = server.log_in(&mut account);
    let all = objects(&server.operated(&["sessions", "--json"]));
    let users: Vec<_> = all
        .iter()
        .map(|one| one["user"].as_str().unwrap())
        .collect();
    assert_eq!(users, ["Alice", "Bob", "Alice"]);
    let hers = objects(&server.operated(&["sessions", "alice", "--json"]));
    assert_eq!(hers, [all[0].clone(), all[2].clone()]);
    let address = second.stream.local_addr().unwrap().to_string();
    assert_eq!(hers[1]["address"], address.as_str());
    let number = format!("session={}", hers[1]["session"].as_str().unwrap());
    server.line("credentials.log", &["login user=Alice", &number]);
    let shown = server.operated(&["user", "show", "alice"]);
    let row = format!(
        "session           {} from {address} since ",
        hers[1]["session"].as_str().unwrap()
    );
    assert!(shown.contains(&row), "{shown}");
    assert_eq!(server.operated(&["sessions", "nobody", "--json"]), "");
    drop((alice, bob, second));
    server.stop();
    assert_eq!(server.operated(&["sessions", "--json"]), "");
}

#[test]
fn the_status_says_how_it_is_and_so_does_its_exit_code() {
    let mut server = ServerProcess::start("");
    let (_alice, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "counted");
    let table = server.operated(&["status"]);
    assert!(
        table.contains("\npeople           1\n") && table.ends_with("problems         none\n"),
        "{table}"
    );
    let status = &objects(&server.operated(&["status", "--json"]))[0];
    assert_eq!(
        (&status["messages"], &status["sessions"]),
        (&1.into(), &1.into())
    );
    let metrics = server.operated(&["status", "--metrics"]);
    assert!(
        metrics.contains("\nchatbox_messages_total 1\n")
            && metrics.contains("\nchatbox_degraded 0\n")
    );

    // Another program has the database.
    let other = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = alice.send(id(1, 2), "not kept");
    assert_eq!(alice.error(asked).code, ErrorCode::Unavailable);
    let output = server.operate(&["status"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("problem          commit_failed: "), "{said}");
    other.execute_batch("COMMIT").unwrap();
    eventually("a message that is kept", || {
        let asked = alice.send(id(1, 2), "not kept");
        let kept = alice.until("an answer", |message| match message {
            ServerMessage::Ack(ack) if ack.request == asked => Some(true),
            ServerMessage::Error(error) if error.request == Some(asked) => Some(false),
            _ => None,
        });
        kept.then_some(())
    });
    server.operated(&["status"]);

    // Its logs can't be made again.
    let (log, moved) = (server.path().join("log"), server.path().join("moved"));
    fs::rename(&log, &moved).unwrap();
    fs::write(&log, "in its place").unwrap();
    let code = eventually("a problem", || {
        let output = server.operate(&["status", "--json"]);
        let said = String::from_utf8(output.stdout).unwrap();
        let told = said.contains("can't be made again");
        told.then_some(output.status.code())
    });
    assert_eq!(code, Some(1));
    let metrics = server.operate(&["status", "--metrics"]);
    assert_eq!(metrics.status.code(), Some(1));
    let metrics = String::from_utf8(metrics.stdout).unwrap();
    assert!(metrics.contains("\nchatbox_degraded 1\n"), "{metrics}");
    fs::remove_file(&log).unwrap();
    fs::rename(&moved, &log).unwrap();
    eventually("no problem", || {
        server.operate(&["status"]).status.success().then_some(())
    });
    let lines = server.lines("info.log");
    assert!(
        !lines.iter().any(|line| line.contains("status")),
        "it is not logged"
    );

    server.stop();
    for (arguments, says) in [
        (&["status"][..], "no server is running"),
        (
            &["status", "--json"],
            "{\"problems\":[\"no server is running",
        ),
        (&["status", "--metrics"], "\nchatbox_up 0\n"),
    ] {
        let output = server.operate(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn what_people_have_written_gives_the_operators_terminal_no_orders() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    alice.topic(ops, "a\u{202e}b Û").unwrap();
    for is_stopped in [false, true] {
        if is_stopped {
            server.stop();
        }
        for (locale, topic) in [("C.UTF-8", "a\\u202eb Û"), ("C", "a\\u202eb \\u00db")] {
            for arguments in [&["room", "list"][..], &["room", "list", "--json"]] {
                let output = server
                    .operator(arguments)
                    .env("LC_ALL", locale)
                    .output()
                    .unwrap();
                let said = String::from_utf8(output.stdout).unwrap();
                assert!(said.contains(topic), "{locale}: {said}");
            }
        }
    }
}
