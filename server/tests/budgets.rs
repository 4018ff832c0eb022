//! What one account or one address may have the server do, against the running server: every
//! request costs its sender something before it costs anybody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::time::Instant;

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::limits::{LOGIN_FAILURES, LOGIN_REFILL, MAX_SESSIONS, REGISTRATIONS};
use chatbox_common::secret::Secret;
use chatbox_common::testkit::account::secret;
use chatbox_common::testkit::corpus;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{
    ByeReason, ClientMessage, ErrorCode, ErrorMessage, FactorConfirm, Login, Password, Plain,
    ServerMessage,
};

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
    let server = ServerProcess::start(QUICK);
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
    let mut stored = 0;
    for peer in &mut peers {
        match peer.next() {
            ServerMessage::LoggedIn(_) => stored += 1,
            ServerMessage::Error(error) => {
                assert_eq!(peer.goodbye(), ByeReason::Busy);
                told.push(error);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(stored > MAX_SESSIONS && !told.is_empty(), "{stored}");
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
}

/// Logs in until the address has no attempts left; says how often it was refused before.
fn exhaust(server: &ServerProcess, host: u8, say: impl Fn(&mut ScriptedClient)) -> u32 {
    for refused in 0..=2 * LOGIN_FAILURES {
        let mut client = ScriptedClient::connect_from(server, host);
        say(&mut client);
        match client.refusal() {
            (ErrorCode::LoginRefused, ByeReason::LoginRefused) => {}
            (ErrorCode::Busy, ByeReason::LoginRefused) => return refused,
            other => panic!("{other:?}"),
        }
    }
    panic!("never told to wait");
}

fn malformed_login(client: &mut ScriptedClient) {
    client.ask(|request| {
        let scram = "n,,n=alice,r=x".to_owned();
        ClientMessage::Login(Login {
            request,
            scram,
            capabilities: None,
        })
    });
}

fn unknown_token(client: &mut ScriptedClient) {
    client.say_resume(&ResumeToken {
        id: [7; 16],
        token: Secret::random(),
    });
}

type Sent = fn(&mut ScriptedClient);

#[test]
fn a_login_of_the_wrong_form_costs_its_address_an_attempt_and_is_a_line_as_long_as_it_has_one() {
    let mut server = ServerProcess::start(QUICK);
    let said: [(Sent, &str, u8); 2] = [
        (malformed_login, "malformed", 2),
        (unknown_token, "resume", 3),
    ];
    for (say, reason, host) in said {
        let start = Instant::now();
        let refused = exhaust(&server, host, say);
        let refilled = start.elapsed().as_secs() / LOGIN_REFILL.as_secs();
        let most = LOGIN_FAILURES + u32::try_from(refilled).unwrap();
        assert!((LOGIN_FAILURES..=most).contains(&refused), "{refused}");
        let reason = format!("reason={reason}");
        eventually("a line for each refusal", || {
            let lines = server.lines("credentials.log").into_iter();
            let lines = lines.filter(|line| line.ends_with(&reason)).count();
            assert!(lines <= refused as usize, "{lines}");
            (lines == refused as usize).then_some(())
        });
    }
    assert_eq!(server.stop().code(), Some(0));
    for host in ["127.0.0.2", "127.0.0.3"] {
        let parts = ["never_logged_in", host, "count=1 last=throttled"];
        server.line("info.log", &parts);
    }
}

#[test]
fn a_proof_of_the_wrong_form_in_a_session_costs_the_address_an_attempt_as_well() {
    let server = ServerProcess::start(QUICK);
    let (account, first) = server.register("Alice");
    let token = first.token();
    drop(first);
    let mut alice = ScriptedClient::connect_from(&server, 2);
    alice.say_resume(&token);
    alice.enter();
    exhaust(&server, 2, malformed_login);
    let scram = format!("n,,n={},r=x", account.name.lower());
    let asked = alice.ask(|request| ClientMessage::Password(Password { request, scram }));
    let error = alice.error(asked);
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(error.retry_ms.is_some(), "{error:?}");
    alice.bye();
    server.line("credentials.log", &["logout user=Alice", "how=quit"]);
    let text = server.lines("credentials.log").concat();
    assert!(!text.contains("change_failed"), "{text}");
}

#[test]
fn on_this_machine_too_a_refused_registration_is_a_line_only_where_it_is_paid_for() {
    let server = ServerProcess::start(QUICK);
    drop(server.register("Alice"));
    let mut told = 0;
    let busy = 'peers: loop {
        let mut client = ScriptedClient::connect(&server);
        for _ in 0..5 {
            let asked = client.say_register("alice");
            match client.error(asked).code {
                ErrorCode::NameTaken => told += 1,
                code => break 'peers code,
            }
        }
        client.bye();
        client.rest();
    };
    assert_eq!(busy, ErrorCode::Busy);
    // One more where the test takes longer than a minute.
    assert!((REGISTRATIONS..REGISTRATIONS + 3).contains(&told), "{told}");
    drop(server.register("Bob"));
    eventually("a line for each", || {
        let lines = server.lines("credentials.log").into_iter();
        let lines = lines.filter(|line| line.contains("registration_refused"));
        (lines.count() == told as usize).then_some(())
    });
}

#[test]
fn a_login_beyond_the_last_session_ends_in_the_log_and_leaves_no_token() {
    let server = ServerProcess::start("");
    let (mut account, first) = server.register("Alice");
    let mut token = first.token();
    let mut sessions = vec![first];
    while sessions.len() < MAX_SESSIONS as usize {
        sessions.push(try_resume(&server, &mut token).unwrap());
    }
    let mut refused = ScriptedClient::connect(&server);
    let factor = account.factor();
    refused.attempt("Alice", &account.password, &factor);
    let ServerMessage::LoggedIn(logged_in) = refused.next() else {
        panic!("not logged in");
    };
    assert_eq!(refused.goodbye(), ByeReason::Busy);
    let number = sessions.len() + 1;
    let session = format!("session={number} ");
    server.line("credentials.log", &["INFO  login user=Alice", &session]);
    let parts = [
        "WARN  session_closed user=Alice",
        &session,
        "how=too_many_sessions seconds=0",
    ];
    server.line("credentials.log", &parts);
    let void = ResumeToken {
        id: logged_in.token_id,
        token: logged_in.token,
    };
    eventually("no such token", || {
        let mut client = ScriptedClient::connect(&server);
        client.say_resume(&void);
        matches!(client.next(), ServerMessage::Error(error) if error.code == ErrorCode::LoginRefused)
            .then_some(())
    });

    // A resume beyond it is told to come back, and does, with what it was given.
    assert!(try_resume(&server, &mut token).is_none());
    sessions.pop();
    eventually("a place", || try_resume(&server, &mut token));
    let text = server.lines("credentials.log").concat();
    assert!(!text.contains("token_reused"), "{text}");
}
