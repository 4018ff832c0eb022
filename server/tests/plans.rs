//! The cost of a request does not grow with the history: no statement of a request scans the
//! messages.
//!
//! The statements are those of sql.log after requests of every kind about rooms, messages and
//! people, in a database with many messages and without statistics, like every database of the
//! server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::collections::BTreeSet;

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::wire::message::{
    Access, Action, ClientMessage, Follow, History, List, Place, Plain, Read, RoomId,
};
use rusqlite::types::Null;
use rusqlite::{Connection, params_from_iter};

/// So many that no plan prefers to scan them.
const MANY: u64 = 20_000;

/// Every hundredth message has a word of its own.
const FILL: &str = "WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n \
    WHERE seq < ?1) INSERT INTO messages(room, seq, sender, kind, body, time, client_id) \
    SELECT 1, seq, 1, 0, CAST('word no' || seq || iif(seq % 100 = 0, ' rare', '') AS BLOB), seq, \
    CAST(printf('%016d', seq) AS BLOB) FROM n";

fn fill(server: &ServerProcess) {
    let connection = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let head = "UPDATE rooms SET next_seq = ?1 + 1 WHERE id = 1";
    for statement in [FILL, head] {
        connection.execute(statement, [MANY.cast_signed()]).unwrap();
    }
}

/// Sends every kind of request about messages in a room.
fn read(client: &mut ScriptedClient, room: RoomId) {
    for (after, before, before_time) in [
        (Some(0), None, None),
        (Some(MANY / 2), None, None),
        (None, Some(MANY / 2), None),
        (None, None, Some(MANY / 2)),
        (None, None, None),
    ] {
        let page = client.request(|request| {
            ClientMessage::History(History {
                request,
                room,
                after,
                before,
                limit: 500,
                before_time,
            })
        });
        page.unwrap();
    }
    let place = |seq| Some(Place { room, seq });
    for before in [None, place(MANY / 2), place(1)] {
        for words in ["word", "rare", "word rare", "nothing"] {
            client.find(words, before, 500).unwrap();
        }
    }
    let follow = |request| {
        ClientMessage::Follow(Follow {
            request,
            room,
            after: 0,
        })
    };
    client.request(follow).unwrap();
    client.ask(|request| {
        ClientMessage::Read(Read {
            request,
            room,
            seq: MANY,
        })
    });
}

/// Sends every kind of request about rooms and people.
fn act(alice: &mut ScriptedClient, bob: &mut ScriptedClient) {
    let ops = alice.create("#ops", Access::Invited).unwrap().room;
    alice.invite(ops, "Bob").unwrap();
    bob.join("#ops~Alice").unwrap();
    alice.say_in(ops, 1, "word").unwrap();
    alice.say_in(ops, 1, "word").unwrap();
    alice.topic(ops, "words").unwrap();
    alice.lock(ops, Some("")).unwrap();
    alice.lock(ops, None).unwrap();
    for action in [Action::Op, Action::Deop, Action::Mute, Action::Unmute] {
        alice.moderate(ops, "Bob", action).unwrap();
    }
    alice.moderate(ops, "Bob", Action::Kick).unwrap();
    for action in [Action::Ban, Action::Unban] {
        alice.moderate(ops, "Bob", action).unwrap();
    }
    alice.members(ops).unwrap();
    alice.rooms();
    let two = bob.direct("Alice").unwrap().room;
    bob.say_in(two, 2, "word").unwrap();
    bob.hide(two, 1).unwrap();
    alice.say_in(two, 2, "word").unwrap();
    let open = alice.create("#open", Access::Open).unwrap().room;
    bob.join("#open").unwrap();
    bob.leave(open).unwrap();
    alice.whois("Bob").unwrap();
    alice.ignore("Bob", true).unwrap();
    alice.ask(|request| ClientMessage::Sessions(Plain { request }));
    alice.ask(|request| ClientMessage::Whoami(Plain { request }));
    alice.ask(|request| ClientMessage::Info(Plain { request }));
    alice.ask(|request| {
        ClientMessage::List(List {
            request,
            after: None,
            limit: 9,
        })
    });
    alice.ping();
}

/// The texts of the statements in sql.log.
fn statements(server: &ServerProcess) -> BTreeSet<String> {
    let lines = server.lines("sql.log");
    let texts = lines.iter().filter_map(|line| {
        let (_, text) = line.split_once(" statement=")?;
        assert!(!text.contains('\\'), "it was cut or escaped: {text}");
        Some(text.trim_matches('"').to_owned())
    });
    texts.collect()
}

/// SQLite's plan for a statement.
fn plan(connection: &Connection, statement: &str) -> Vec<String> {
    let mut explained = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
        .unwrap();
    let arguments = vec![Null; explained.parameter_count()];
    let steps = explained.query_map(params_from_iter(arguments), |row| row.get(3));
    steps.unwrap().map(Result::unwrap).collect()
}

#[test]
fn no_statement_of_any_request_walks_through_all_messages() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut account, _) = server.register("Alice");
    server.stop();
    fill(&server);
    server.restart();
    let mut alice = server.log_in(&mut account);
    let (_bob, mut bob) = server.register("Bob");
    assert_eq!(bob.texts_with("rare").len(), 200, "all are indexed");
    alice.post(id(1, 1), "said once");
    alice.post(id(1, 1), "said once");
    read(&mut alice, LOBBY);
    act(&mut alice, &mut bob);
    server.resume(&bob.token());
    // Reading statements are summed up, and logged at the server's end.
    server.stop();

    let ran = statements(&server);
    let of_messages = ran.iter().filter(|text| text.contains("messages"));
    let of_messages = of_messages.filter(|text| !text.starts_with("CREATE "));
    let of_messages: Vec<&String> = of_messages.collect();
    for part in [
        "INSERT INTO messages(",
        "WHERE sender = ?1 AND client_id = ?2",
        "m.seq > ?2 ORDER BY m.seq LIMIT",
        "m.seq < ?2 ORDER BY m.seq DESC LIMIT",
        "SELECT seq, time FROM messages",
        "SELECT id FROM messages",
        "SELECT 1 FROM messages",
        "messages_fts MATCH ?1",
        "INSERT INTO messages_fts(rowid",
        "VALUES('merge', ?1)",
        "SELECT m.id, m.room, m.body, r.mode",
        "r.name, r.mode FROM messages m",
    ] {
        assert!(of_messages.iter().any(|text| text.contains(part)), "{part}");
    }
    let connection = server.database();
    for statement in of_messages {
        let plan = plan(&connection, statement);
        let walks = plan.iter().any(|step| {
            let finds_words = step.contains("VIRTUAL TABLE INDEX") && step.contains(":M");
            // It has a row for each table.
            let is_short = step == "SCAN sqlite_sequence";
            (step.starts_with("SCAN") && !finds_words && !is_short) || step.contains("TEMP B-TREE")
        });
        assert!(!walks, "{statement}: {plan:?}");
    }
}
