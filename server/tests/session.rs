//! Presence, lists, limits and refusals in a session, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::limits::MAX_SESSIONS;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{
    AccountId, ByeReason, ClientMessage, ErrorCode, Follow, History, Kind, List, Plain, Presence,
    RoomId, Send, ServerMessage,
};
use rustix::process::Signal;

fn presence(client: &mut ScriptedClient) -> Presence {
    client.until("presence", |message| match message {
        ServerMessage::Presence(presence) => Some(presence),
        _ => None,
    })
}

#[test]
fn who_comes_and_goes_is_told_and_who_resumes_is_not() {
    let server = ServerProcess::start("");
    let (_account, mut alice) = server.register("Alice");
    assert_eq!(presence(&mut alice).joined, ["Alice"]);
    let (_bob, mut bob) = server.register("Bob");
    let notice = presence(&mut alice);
    assert_eq!((notice.joined, notice.online), (vec!["Bob".to_owned()], 2));
    assert_eq!(bob.welcome.as_ref().unwrap().rooms[0].online, 2);
    let token = bob.token();
    presence(&mut bob);
    bob.cut();
    let mut bob = server.resume(&token);
    bob.bye();
    let notice = presence(&mut alice);
    assert!(notice.joined.is_empty(), "{notice:?}");
    assert_eq!((notice.left, notice.online), (vec!["Bob".to_owned()], 1));
}

#[test]
fn people_the_server_and_oneself_can_be_asked_for() {
    let server = ServerProcess::start("[server]\nmax_connections = 17\n");
    let (mut account, mut alice) = server.register("alice");
    let _again = server.log_in(&mut account);
    let (_bob, _bob_session) = server.register("Bob");
    let mut list = |after: Option<&str>, limit| {
        let after = after.map(str::to_owned);
        alice.ask(|request| {
            ClientMessage::List(List {
                request,
                after,
                limit,
            })
        });
        let people = alice.until("people", |message| match message {
            ServerMessage::People(people) => Some(people),
            _ => None,
        });
        let names = people.people.into_iter().map(|p| (p.user, p.sessions));
        (names.collect::<Vec<_>>(), people.more)
    };
    let (alice_twice, bob_once) = (("alice".to_owned(), 2), ("Bob".to_owned(), 1));
    assert_eq!(list(None, 1), (vec![alice_twice.clone()], true));
    assert_eq!(list(Some("alice"), 9), (vec![bob_once.clone()], false));
    assert_eq!(list(None, 500), (vec![alice_twice, bob_once], false));

    alice.ask(|request| ClientMessage::Whoami(Plain { request }));
    let you = alice.until("whoami", |message| match message {
        ServerMessage::You(you) => Some(you),
        _ => None,
    });
    let address = alice.stream.local_addr().unwrap().to_string();
    assert_eq!(
        (you.user.as_str(), you.account, you.sessions),
        ("alice", AccountId(1), 2)
    );
    // The first connection of the first start.
    assert_eq!((you.address, you.session), (address, (1 << 32) + 1));

    alice.ask(|request| ClientMessage::Info(Plain { request }));
    let info = alice.until("info", |message| match message {
        ServerMessage::ServerInfo(info) => Some(info),
        _ => None,
    });
    assert_eq!(
        (info.people, info.connections, info.most_connections),
        (2, 3, 17)
    );
    alice.ping();
}

#[test]
fn what_is_not_known_or_not_there_is_refused_and_the_session_goes_on() {
    let server = ServerProcess::start("");
    let (_account, mut alice) = server.register("Alice");
    // [64, {0: 77, 1: [null, "x"]}], a type that this version does not know.
    let frame = alice.seal(b"\x82\x18\x40\xa2\x00\x18\x4d\x01\x82\xf6\x61x");
    alice.write(&frame).unwrap();
    assert_eq!(alice.error(77).code, ErrorCode::Unsupported);

    let elsewhere = alice.ask(|request| {
        ClientMessage::Send(Send {
            request,
            room: RoomId(99),
            id: id(1, 1),
            text: "x".to_owned(),
            kind: Kind::Text,
        })
    });
    assert_eq!(alice.error(elsewhere).code, ErrorCode::UnknownRoom);
    let elsewhere = alice.ask(|request| {
        ClientMessage::History(History {
            request,
            room: RoomId(99),
            after: None,
            before: None,
            limit: 1,
            before_time: None,
        })
    });
    assert_eq!(alice.error(elsewhere).code, ErrorCode::UnknownRoom);
    let elsewhere = alice.ask(|request| {
        ClientMessage::Follow(Follow {
            request,
            room: RoomId(99),
            after: 0,
        })
    });
    assert_eq!(alice.error(elsewhere).code, ErrorCode::UnknownRoom);
    alice.ping();
}

#[test]
fn what_is_asked_before_the_welcome_is_answered_behind_it() {
    let server = ServerProcess::start("");
    let (_account, alice) = server.register("alice");
    let token = alice.token();
    alice.cut();
    let mut alice = ScriptedClient::connect(&server);
    alice.say_resume(&token);
    let asked: Vec<u32> = (0..3)
        .map(|_| alice.ask(|request| ClientMessage::Ping(Plain { request })))
        .collect();
    alice.enter();
    for request in asked {
        let answered = alice.until("an answer", |message| match message {
            ServerMessage::Pong(pong) => Some(pong.request),
            _ => None,
        });
        assert_eq!(answered, request);
    }
}

/// As many sessions of one account as there may be; the last one's token is the newest.
fn all_sessions(server: &ServerProcess, first: ScriptedClient) -> Vec<ScriptedClient> {
    let mut sessions = vec![first];
    while sessions.len() < MAX_SESSIONS as usize {
        let token = sessions[sessions.len() - 1].token();
        sessions.push(server.resume(&token));
    }
    sessions
}

/// The token of a login or resume that begins no session.
fn turned_away(client: &mut ScriptedClient) -> ResumeToken {
    let ServerMessage::LoggedIn(logged_in) = client.next() else {
        panic!("not logged in");
    };
    assert_eq!(client.goodbye(), ByeReason::Busy);
    ResumeToken {
        id: logged_in.token_id,
        token: logged_in.token,
    }
}

#[test]
fn one_login_too_many_is_told_so_ends_in_the_log_and_leaves_no_token() {
    let server = ServerProcess::start("");
    let (mut account, first) = server.register("Alice");
    let _sessions = all_sessions(&server, first);
    let mut refused = ScriptedClient::connect(&server);
    let factor = account.factor();
    refused.attempt("Alice", &account.password, &factor);
    let void = turned_away(&mut refused);
    let session = format!("session=1.{} ", MAX_SESSIONS + 1);
    server.line("credentials.log", &["INFO  login user=Alice", &session]);
    let parts = [
        "WARN  session_closed user=Alice",
        &session,
        "how=too_many_sessions seconds=0",
    ];
    server.line("credentials.log", &parts);
    eventually("no such token", || {
        let mut client = ScriptedClient::connect(&server);
        client.say_resume(&void);
        let answer = client.next();
        matches!(answer, ServerMessage::Error(error) if error.code == ErrorCode::LoginRefused)
            .then_some(())
    });
}

#[test]
fn one_resume_too_many_is_told_so_and_comes_back_with_what_it_was_given() {
    let server = ServerProcess::start("");
    let (_account, first) = server.register("Alice");
    let mut sessions = all_sessions(&server, first);
    let mut refused = ScriptedClient::connect(&server);
    refused.say_resume(&sessions[sessions.len() - 1].token());
    let mut token = turned_away(&mut refused);
    let parts = [
        "WARN  session_closed user=Alice",
        "how=too_many_sessions seconds=0",
    ];
    server.line("credentials.log", &parts);
    sessions.pop();
    eventually("a place", || {
        let mut client = ScriptedClient::connect(&server);
        client.say_resume(&token);
        let ServerMessage::LoggedIn(logged_in) = client.next() else {
            panic!("the token is not good any more");
        };
        client.begin_session();
        (token.id, token.token) = (logged_in.token_id, logged_in.token);
        matches!(client.next(), ServerMessage::Welcome(_)).then_some(())
    });
}

#[test]
fn a_message_of_another_state_ends_the_connection() {
    let server = ServerProcess::start("");
    let (_account, mut alice) = server.register("Alice");
    alice.say_register("Bob");
    assert_eq!(alice.goodbye(), ByeReason::Protocol);
    let parts = ["session_closed user=Alice", "how=protocol"];
    server.line("credentials.log", &parts);

    let mut early = ScriptedClient::connect(&server);
    early.send(id(1, 1), "x");
    assert_eq!(early.goodbye(), ByeReason::Protocol);
}

#[test]
fn texts_that_break_the_rule_are_refused() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    for (text, code) in [
        ("", ErrorCode::TextInvalid),
        ("a\rb", ErrorCode::TextInvalid),
        ("\u{1b}]0;title\u{7}", ErrorCode::TextInvalid),
        ("\u{9b}2J", ErrorCode::TextInvalid),
        (&"x".repeat(8193), ErrorCode::TextTooLong),
    ] {
        let asked = alice.send(id(1, 1), text);
        assert_eq!(alice.error(asked).code, code, "{text:?}");
    }
    assert_eq!(alice.post(id(1, 1), &"\u{1f600}".repeat(2048)).seq, 1);
}

#[test]
fn who_is_too_fast_is_told_when_to_go_on() {
    let server = ServerProcess::start("");
    let (_account, mut alice) = server.register("Alice");
    let sends: Vec<_> = (0..7)
        .map(|n| sending(50 + n, id(1, n.into()), "x"))
        .collect();
    alice.say_all(&sends);
    let error = alice.error(56);
    assert_eq!(error.code, ErrorCode::TooFast);
    assert!((1..=1000).contains(&error.retry_ms.unwrap()), "{error:?}");
    let seen = eventually("the message taken later", || {
        let asked = alice.send(id(1, 6), "x");
        alice.until("an answer", |message| match message {
            ServerMessage::Ack(ack) if ack.request == asked => Some(Some(ack.seq)),
            ServerMessage::Error(error) if error.request == Some(asked) => Some(None),
            _ => None,
        })
    });
    // A refused message has taken no number.
    assert!((6..=7).contains(&seen), "{seen}");
}

#[test]
fn who_goes_on_too_fast_is_disconnected_and_logged() {
    let server = ServerProcess::start("");
    let (_account, mut alice) = server.register("Alice");
    let sends: Vec<_> = (0..200).map(|n| sending(n, id(1, n.into()), "x")).collect();
    alice.say_all(&sends);
    assert_eq!(alice.goodbye(), ByeReason::Flood);
    server.line(
        "credentials.log",
        &["WARN  session_closed user=Alice", "how=flood"],
    );
}

#[test]
fn a_signal_that_means_nothing_ends_nothing_and_leaves_a_line() {
    let mut server = ServerProcess::start("");
    let (_account, mut alice) = server.register("Alice");
    server.send_signal(Signal::USR2);
    server.line("info.log", &["WARN  signal_ignored signal=SIGUSR2"]);
    alice.ping();
    assert_eq!(server.stop().code(), Some(0));
    server.line("info.log", &["INFO  stopped"]);
}

#[test]
fn a_peer_of_ipv4_has_its_ipv4_address_in_every_place() {
    if let Err(error) = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) {
        let is_required = std::env::var_os("CHATBOX_REQUIRE").is_some_and(|value| value == "1");
        assert!(!is_required, "no IPv6: {error}");
        eprintln!("skipped: no IPv6: {error}");
        return;
    }
    let mut server = ServerProcess::start("[server]\naddress = \"::\"\n");
    let loopback = (Ipv4Addr::LOCALHOST, server.address.port());
    let stream = TcpStream::connect(loopback).unwrap();
    let seen = stream.local_addr().unwrap().to_string();
    assert!(seen.starts_with("127.0.0.1:"));
    let mut alice = ScriptedClient::over(&server, stream).unwrap();
    alice.register("alice", "correct horse battery");
    let addr = format!("addr={seen} ");
    server.line("credentials.log", &["registered user=alice", &addr]);
    alice.ask(|request| ClientMessage::Whoami(Plain { request }));
    let told = alice.until("whoami", |message| match message {
        ServerMessage::You(you) => Some(you.address),
        _ => None,
    });
    assert_eq!(told, seen);
    let online = "SELECT group_concat(ip_port) FROM ONLINE";
    eventually("a row of ONLINE", || {
        server.query(online).filter(|row| *row == seen)
    });
    server.stop();
    for file in ["credentials.log", "info.log"] {
        assert!(!server.lines(file).concat().contains("::ffff"), "{file}");
    }
}
