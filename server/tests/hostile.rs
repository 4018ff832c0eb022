//! Peers that speak another protocol, or break this one on purpose. Whatever they send, the server
//! stays up, logs the reason without any of their bytes, and serves the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use chatbox_common::channel::ChannelError;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::wait::{PATIENCE, eventually};
use chatbox_common::wire::message::{ByeReason, ClientMessage, ErrorCode, Plain, ServerMessage};

/// Deadlines as short as the configuration allows.
const BRIEF: &str = "[network]\nconnection_timeout = 1\n";

fn raw(server: &ServerProcess) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What the server sends until it closes. A reset counts as a close: the server had not read
/// everything.
fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("not closed: {error}"),
    }
    heard
}

/// The server's answer to bytes in place of a handshake.
fn answer(server: &ServerProcess, bytes: &[u8]) -> Vec<u8> {
    let mut stream = raw(server);
    // The server may close the connection before all bytes are sent.
    let _ = stream.write_all(bytes);
    until_closed(&mut stream)
}

/// Stops the server; returns the line of info.log on clients that never logged in.
fn noise(server: &mut ServerProcess) -> String {
    assert_eq!(server.stop().code(), Some(0));
    let parts = ["WARN  never_logged_in", "addr=127.0.0.1"];
    server.line("info.log", &parts)
}

#[test]
fn promise_9_what_is_no_chatbox_gets_no_answer() {
    let mut server = ServerProcess::start("");
    let random: Vec<u8> = (0..2000_u32).map(|n| (n * n % 251) as u8).collect();
    let requests: [&[u8]; 5] = [
        b"GET /canary HTTP/1.1\r\nHost: canary\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary",
        b"SSH-2.0-canary\r\n",
        b"chatbox/1\n",
        &random,
    ];
    for request in requests {
        assert_eq!(answer(&server, request), b"");
    }
    let (_account, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "unmoved");
    let line = noise(&mut server);
    assert!(line.ends_with("count=5 last=not_chatbox"), "{line}");
    for file in ["info.log", "credentials.log", "sql.log"] {
        assert!(!server.lines(file).concat().contains("canary"), "{file}");
    }
}

#[test]
fn another_version_is_told_which_one_is_spoken_here() {
    let mut server = ServerProcess::start("");
    for preface in ["CHATBOX/2\n", "CHATBOX/0\n", "CHATBOX/11\n", "CHATBOX/x"] {
        let heard = answer(&server, preface.as_bytes());
        assert_eq!(heard, b"CHATBOX/1\n", "{preface}");
    }
    let line = noise(&mut server);
    assert!(line.ends_with("count=4 last=other_version"), "{line}");
}

#[test]
fn promise_9_an_impossible_frame_ends_the_connection_at_its_length() {
    let server = ServerProcess::start("");
    // The length alone is refused, before any byte of the body.
    for length in [0, 1215, 1217, 0xffff_u16] {
        let mut begin = b"CHATBOX/1\n".to_vec();
        begin.extend_from_slice(&length.to_be_bytes());
        assert_eq!(answer(&server, &begin), b"", "{length}");
    }

    let mut client = ScriptedClient::connect(&server);
    client.write(&4097_u16.to_be_bytes()).unwrap();
    assert_eq!(client.goodbye(), ByeReason::Protocol);
    let mut client = ScriptedClient::connect(&server);
    client.write(&16_u16.to_be_bytes()).unwrap();
    assert_eq!(client.goodbye(), ByeReason::Protocol);
}

#[test]
fn promise_9_a_handshake_that_proves_nothing_is_closed_without_an_answer() {
    let mut server = ServerProcess::start("");
    // A key beyond the modulus of ML-KEM.
    let mut message = b"CHATBOX/1\n".to_vec();
    message.extend_from_slice(&1216_u16.to_be_bytes());
    message.extend([0xff; 1216]);
    assert_eq!(answer(&server, &message), b"");
    let line = noise(&mut server);
    assert!(line.ends_with("count=1 last=handshake"), "{line}");
}

#[test]
fn a_frame_that_breaks_off_is_a_cut_off() {
    let mut server = ServerProcess::start("");
    let mut stream = raw(&server);
    stream.write_all(b"CHATBOX/1\n\x04\xc0half").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(until_closed(&mut stream), b"");

    let (_account, mut alice) = server.register("Alice");
    let frame = alice.seal(b"\x82\x16\xa1\x00\x01");
    alice.write(&frame[..frame.len() - 1]).unwrap();
    alice.stream.shutdown(Shutdown::Write).unwrap();
    alice.rest();
    server.line("credentials.log", &["logout user=Alice", "how=cut_off"]);
    let line = noise(&mut server);
    assert!(line.ends_with("count=1 last=cut_off"), "{line}");
}

#[test]
fn promise_9_a_silent_peer_is_closed_at_the_deadline() {
    let server = ServerProcess::start(BRIEF);
    let begin = Instant::now();
    let mut silent = raw(&server);
    let mut slow = raw(&server);
    slow.set_nodelay(true).unwrap();
    // A byte at a time does not extend the deadline: each poll sends one more.
    let mut preface = b"CHATBOX/1\n\x04\xc0"
        .iter()
        .copied()
        .chain(std::iter::repeat(0));
    slow.set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    eventually("the end of who trickles", || {
        let written = slow.write_all(&[preface.next()?]);
        let closed = match slow.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        (written.is_err() || closed).then_some(())
    });
    assert_eq!(until_closed(&mut silent), b"");
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn promise_9_every_flipped_bit_of_a_record_ends_the_session() {
    let server = ServerProcess::start("");
    let (mut account, mut client) = server.register("Alice");
    let length = client.seal(b"\x82\x16\xa1\x00\x01").len();
    for at in [2, length / 2, length - 1] {
        client = match at {
            2 => server.resume(&client.token()),
            _ => server.log_in(&mut account),
        };
        let mut frame = client.seal(b"\x82\x16\xa1\x00\x01");
        frame[at] ^= 1;
        client.write(&frame).unwrap();
        let rest = client.rest();
        assert!(!rest.iter().any(|m| matches!(m, ServerMessage::Pong(_))));
        let bye = rest.last();
        let protocol =
            matches!(bye, Some(ServerMessage::Bye(bye)) if bye.reason == ByeReason::Protocol);
        assert!(protocol, "{rest:?}");
    }
    let why = r#"why="a record failed its authentication""#;
    server.line("credentials.log", &["WARN  session_closed user=Alice", why]);
}

#[test]
fn promise_9_a_replayed_record_ends_the_session() {
    let server = ServerProcess::start("");
    let (_account, mut alice) = server.register("Alice");
    let mut content = Vec::new();
    let send = sending(7, id(1, 1), "said once");
    chatbox_common::wire::codec::put(&send, &mut content);
    let frame = alice.seal(&content);
    alice.write(&[&frame[..], &frame].concat()).unwrap();
    assert_eq!(alice.goodbye(), ByeReason::Protocol);
    let (_bob, bob) = server.register("Bob");
    assert_eq!(bob.welcome.unwrap().rooms[0].head, 1);
    let why = r#"why="a record failed its authentication""#;
    server.line("credentials.log", &["session_closed user=Alice", why]);
}

#[test]
fn promise_9_malformed_messages_end_the_session_and_those_before_them_count() {
    let server = ServerProcess::start("");
    let (mut account, _first) = server.register("Alice");
    let ping = b"\x82\x16\xa1\x00\x01";
    let malformed: [&[u8]; 6] = [
        b"\x9f\x16\xa1\x00\x01\xff",
        b"\x82\x16\xa2\x00\x01\x00\x02",
        b"\x82\x16\xa0",
        b"\x82\x16\xa1\x00\xfb\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x82\x18\x63\xa1\x00",
        b"canary",
    ];
    for bytes in malformed {
        let mut client = server.log_in(&mut account);
        let frame = client.seal(&[ping, bytes, ping].concat());
        client.write(&frame).unwrap();
        let rest = client.rest();
        let pongs = rest.iter().filter(|m| matches!(m, ServerMessage::Pong(_)));
        assert_eq!(pongs.count(), 1, "{bytes:x?}");
        assert!(matches!(rest.last(), Some(ServerMessage::Bye(_))));
    }
    let many: Vec<_> = (0..257)
        .map(|request| ClientMessage::Ping(Plain { request }))
        .collect();
    let mut client = server.log_in(&mut account);
    client.say_all(&many);
    let rest = client.rest();
    let pongs = rest.iter().filter(|m| matches!(m, ServerMessage::Pong(_)));
    assert_eq!(pongs.count(), 256);
    let text = server.lines("credentials.log").concat();
    assert!(!text.contains("canary"));
}

#[test]
fn malformed_messages_before_a_login_are_a_goodbye_and_a_line() {
    let mut server = ServerProcess::start("");
    let mut client = ScriptedClient::connect(&server);
    let frame = client.seal(b"canary");
    client.write(&frame).unwrap();
    assert_eq!(client.goodbye(), ByeReason::Protocol);
    let line = noise(&mut server);
    assert!(line.ends_with("count=1 last=protocol"), "{line}");
}

#[test]
fn unknown_messages_before_a_login_have_an_end() {
    let server = ServerProcess::start("");
    let mut client = ScriptedClient::connect(&server);
    // [64, {0: 1}], a type that this version does not know.
    let messages: Vec<u8> = b"\x82\x18\x40\xa1\x00\x01".repeat(17);
    let frame = client.seal(&messages);
    client.write(&frame).unwrap();
    let rest = client.rest();
    let refused = rest.iter().filter(|message| {
        matches!(message, ServerMessage::Error(error) if error.code == ErrorCode::Unsupported)
    });
    assert_eq!(refused.count(), 16);
    let last = rest.last().unwrap();
    assert!(matches!(last, ServerMessage::Bye(bye) if bye.reason == ByeReason::Protocol));
}

#[test]
fn who_finds_no_room_is_told_that_the_server_is_busy() {
    let mut server = ServerProcess::start("[server]\nmax_connections = 3\n");
    let (_account, mut alice) = server.register("Alice");
    let mut others = [
        ScriptedClient::connect(&server),
        ScriptedClient::connect(&server),
    ];
    let refused = ScriptedClient::over(&server, raw(&server)).err();
    assert!(matches!(refused, Some(ChannelError::Busy)), "{refused:?}");
    let mut line = raw(&server);
    assert_eq!(until_closed(&mut line), b"CHATBOX/1 busy\n");

    others[0].bye();
    assert_eq!(others[0].goodbye(), ByeReason::Quit);
    others[0].stream.shutdown(Shutdown::Both).unwrap();
    eventually("room for somebody", || {
        ScriptedClient::over(&server, raw(&server)).ok()
    });
    alice.post(id(1, 1), "unmoved");
    let line = noise(&mut server);
    assert!(line.contains("count="), "{line}");
}
