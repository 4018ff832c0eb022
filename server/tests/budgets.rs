//! What one account may have the server do, against the running server: every request costs its
//! sender something before it costs anybody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::time::Instant;

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::limits::MAX_SESSIONS;
use chatbox_common::testkit::account::secret;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::corpus;
use chatbox_common::wire::message::{
    ByeReason, ClientMessage, ErrorCode, ErrorMessage, FactorConfirm, Plain, ServerMessage,
};
use rusqlite::Connection;

const QUICK: &str = "[security]\nscram_iterations = 4096\n";
/// Units of work that an account has at once, and a second; a `ping` is one.
const WORK: u64 = 5_000;
const WORK_PER_SECOND: u64 = 500;

/// What comes with a resume: a session, or why there is none, and the token that is good from then
/// on.
fn try_resume(server: &ServerProcess, token: &mut ResumeToken) -> Option<ScriptedClient> {
    let mut client = ScriptedClient::connect(server);
    client.say_resume(token);
    match client.next() {
        ServerMessage::LoggedIn(logged_in) => {
            client.begin_session();
            *token = ResumeToken {
                id: logged_in.token_id,
                token: logged_in.token,
            };
            // In its place comes a goodbye while sessions that were cut have not ended.
            matches!(client.next(), ServerMessage::Welcome(_)).then_some(client)
        }
        ServerMessage::Error(error) if error.code == ErrorCode::Busy => None,
        other => panic!("{other:?}"),
    }
}

/// At most so many are carried out until now, of which an account has `at_once` and so many more a
/// second.
fn most_since(start: Instant, at_once: u64, per_second: u64) -> u64 {
    let elapsed = start.elapsed().as_millis();
    at_once + u64::try_from(elapsed).unwrap() * per_second / 1_000 + 1
}

#[test]
fn all_sessions_of_an_account_and_all_its_resumes_have_one_budget_of_messages() {
    let server = ServerProcess::start(QUICK);
    let start = Instant::now();
    let (_account, first) = server.register("Alice");
    let mut token = first.token();
    let mut sessions = vec![first];
    while sessions.len() < MAX_SESSIONS as usize {
        sessions.push(try_resume(&server, &mut token).unwrap());
    }
    let mut counter = 0;
    let mut five = || {
        let texts: Vec<_> = (0..5)
            .map(|n| {
                counter += 1;
                sending(n, id(1, counter), "x")
            })
            .collect();
        texts
    };
    for session in &mut sessions {
        session.say_all(&five());
    }
    drop(sessions);
    // Says five, is cut, comes again.
    for _ in 0..10 {
        let mut session = eventually("a session", || try_resume(&server, &mut token));
        // Ends where it has gone on for too long.
        if session.try_say_all(&five()).is_ok() {
            let _ = session.try_next();
        }
    }
    let (_bob, bob) = server.register("Bob");
    let stored = bob.welcome.unwrap().rooms[0].head;
    let most = most_since(start, 5, 5);
    assert!((5..=most).contains(&stored), "{stored} {most}");
}

#[test]
fn a_session_that_floods_is_ended_and_no_other_of_its_account() {
    let server = ServerProcess::start(QUICK);
    let (_account, mut flood) = server.register("Alice");
    let mut other = server.resume(&flood.token());
    let say = |session: &mut ScriptedClient, count: u32| {
        let texts = (1..=count).map(|n| sending(n, id(u64::from(count), n.into()), "x"));
        session.say_all(&texts.collect::<Vec<_>>());
    };
    say(&mut flood, 200);
    let reason = flood.until("its end", |message| match message {
        ServerMessage::Bye(bye) => Some(bye.reason),
        _ => None,
    });
    assert_eq!(reason, ByeReason::Flood);
    say(&mut other, 20);
    let mut answered = 0;
    while answered < 20 {
        match other.next() {
            ServerMessage::Ack(_) => answered += 1,
            ServerMessage::Error(error) if error.code == ErrorCode::TooFast => answered += 1,
            ServerMessage::Bye(bye) => panic!("{bye:?}"),
            _ => {}
        }
    }
    other.ping();
}

#[test]
fn work_beyond_an_account_s_budget_waits_and_is_done() {
    const RECORD: u32 = 250;
    let server = ServerProcess::start(QUICK);
    let start = Instant::now();
    let (_account, mut alice) = server.register("Alice");
    let mut done = 0;
    while done < WORK + WORK / 10 {
        let first = u32::try_from(done).unwrap();
        let pings = (first..first + RECORD).map(|request| ClientMessage::Ping(Plain { request }));
        alice.say_all(&pings.collect::<Vec<_>>());
        for request in first..first + RECORD {
            let pong = alice.until("a pong", |message| match message {
                ServerMessage::Pong(pong) => Some(pong.request),
                _ => None,
            });
            assert_eq!(pong, request);
            done += 1;
        }
        let most = most_since(start, WORK + 5, WORK_PER_SECOND);
        assert!(done <= most, "{done} of {most}");
    }
}

#[test]
fn a_flood_of_any_request_there_is_has_an_answer_and_leaves_the_others_alone() {
    const COUNT: usize = 90;
    let server = ServerProcess::start(&format!("{QUICK}max_messages_per_sec = 200\n"));
    let (_account, mut bystander) = server.register("Bystander");
    for (n, (name, message)) in (1..).zip(corpus::one_of_each()) {
        let (_flooder, mut flooder) = server.register(&format!("Flooder{n}"));
        flooder.say_all(&vec![message; COUNT]);
        // Fails where the session is over already.
        let _ = flooder.try_say_all(&[ClientMessage::Ping(Plain { request: 999 })]);
        bystander.post(id(1, n), &name);
        flooder.until(&format!("an answer to {name}"), |message| match message {
            ServerMessage::Pong(pong) if pong.request == 999 => Some(()),
            ServerMessage::Bye(_) => Some(()),
            _ => None,
        });
        bystander.post(id(2, n), &name);
    }
}

#[test]
fn who_waits_for_their_turn_is_told_at_once_that_the_server_stops() {
    let mut server = ServerProcess::start(QUICK);
    let (_account, mut alice) = server.register("Alice");
    // Of the dearest requests there are, twice as many as an account pays for at once.
    let confirm = ClientMessage::FactorConfirm(FactorConfirm {
        request: 7,
        code: secret("123456"),
    });
    for _ in 0..2 {
        alice.say_all(&vec![confirm.clone(); 250]);
    }
    for _ in 0..250 {
        assert_eq!(alice.error(7).code, ErrorCode::InvalidArgument);
    }
    server.signal();
    assert_eq!(alice.goodbye(), ByeReason::Shutdown);
    assert_eq!(server.wait().code(), Some(0));
    server.line("info.log", &["stopped", "connections_left=0"]);
}

#[test]
fn more_resumes_than_an_account_pays_for_wait_or_are_told_to_come_back() {
    const PEERS: u16 = 300;
    let mut server = ServerProcess::start(QUICK);
    let (_account, mut alice) = server.register("Alice");
    let mut token = alice.token();
    alice.ping();
    // A server takes only so many strangers of one address.
    let mut peers: Vec<_> = (0..PEERS)
        .map(|n| ScriptedClient::connect_from(&server, u8::try_from(2 + n / 20).unwrap()))
        .collect();
    for peer in &mut peers {
        peer.say_resume(&token);
    }
    let mut told: Vec<ErrorMessage> = Vec::new();
    let mut begun = 0;
    for peer in &mut peers {
        match peer.next() {
            ServerMessage::LoggedIn(_) => begun += 1,
            ServerMessage::Error(error) => {
                assert_eq!(peer.goodbye(), ByeReason::Busy);
                told.push(error);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(begun > MAX_SESSIONS && !told.is_empty(), "{begun}");
    for error in told {
        assert_eq!(error.code, ErrorCode::Busy);
        assert!(error.retry_ms.is_some_and(|ms| ms > 0), "{error:?}");
    }
    drop(peers);
    // Nobody has used what they were given: the token that they all came with is good.
    let again = eventually("a session", || try_resume(&server, &mut token));
    drop(again);
    alice.ping();
    let (_bob, mut bob) = server.register("Bob");
    bob.post(id(1, 1), "not delayed by another's resumes");
    let refused = u64::from(u32::from(PEERS) - begun);
    assert_eq!(server.stop().code(), Some(0));
    // Who is told to come back has had nothing looked up but the token.
    let counted = reads(&server, "FROM members WHERE account = ?1");
    assert!(
        counted <= u64::from(begun) + refused / 4 + 10,
        "{counted} {begun}"
    );
}

#[test]
fn who_is_in_five_hundred_rooms_resumes_at_once_and_again() {
    const ROOMS: usize = 500;
    let mut server = ServerProcess::start(QUICK);
    let (_account, alice) = server.register("Alice");
    let mut token = alice.token();
    drop(alice);
    server.stop();
    let database = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let made = database.execute_batch(&format!(
        "BEGIN; WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < {ROOMS}) \
         INSERT INTO rooms(id, name, mode, access, created_at) \
         SELECT 1000 + i, '#room' || i, 'audited', 'open', 1 FROM n; \
         INSERT INTO members(room, account, user, joined_seq, joined_at) \
         SELECT id, 1, 'Alice', 1, 1 FROM rooms WHERE id > 1000; COMMIT"
    ));
    made.unwrap();
    drop(database);
    server.restart();
    for _ in 0..5 {
        let mut alice = ScriptedClient::connect(&server);
        alice.say_resume(&token);
        alice.enter();
        token = alice.token();
        let mut rooms = alice.welcome.as_ref().unwrap().rooms.len();
        while rooms < ROOMS + 1 {
            alice.until("the rest of the rooms", |message| {
                matches!(message, ServerMessage::Joined(_)).then_some(())
            });
            rooms += 1;
        }
        alice.ping();
    }
}

/// How often the readers have carried out the statements with these words in them.
fn reads(server: &ServerProcess, words: &str) -> u64 {
    let lines = server.lines("sql.log").into_iter();
    let lines = lines.filter(|line| line.contains(" sql_reads ") && line.contains(words));
    let runs = lines.map(|line| {
        let (_, runs) = line.split_once(" runs=").unwrap();
        let (runs, _) = runs.split_once(' ').unwrap();
        runs.parse::<u64>().unwrap()
    });
    runs.sum()
}
