//! Peers that read too slowly, or not at all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::limits::MAX_TEXT;
use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::wire::message::{ClientMessage, Plain, Seq, ServerMessage};

/// Messages; with [`TEXT`] bytes each, 24 MiB fill every buffer on the way several times over.
const FLOOD: u32 = 6000;
const TEXT: usize = 4096;
/// How much the server may grow meanwhile, in KiB: its bounds, not the flood.
const GROWTH: u64 = 16 * 1024;

/// Has a small receive buffer, so that the server soon notices that it does not read.
fn stalled(server: &ServerProcess, name: &str) -> ScriptedClient {
    let mut client = ScriptedClient::connect_narrow(server);
    client.register(name, "correct horse battery");
    client
}

/// Waits for all acknowledgements.
fn flood(client: &mut ScriptedClient, first: u32, count: u32) {
    flood_before(client, &mut [], first, count);
}

/// As [`flood`], and each listener hears a burst before the next is sent.
fn flood_before(
    client: &mut ScriptedClient,
    listeners: &mut [ScriptedClient],
    first: u32,
    count: u32,
) {
    let text = "x".repeat(TEXT);
    for begin in (first..first + count).step_by(8) {
        let end = (begin + 8).min(first + count);
        let burst: Vec<_> = (begin..end)
            .map(|n| sending(n, id(1, n.into()), &text))
            .collect();
        client.say_all(&burst);
        for n in begin..end {
            client.ack(n);
            for listener in &mut *listeners {
                assert_eq!(listener.chat().seq, u64::from(n) + 1);
            }
        }
    }
}

/// Reads up to `lagged`; returns the numbers seen before it, and the room's head.
fn until_lagged(client: &mut ScriptedClient) -> (Vec<Seq>, Seq) {
    let mut seen = Vec::new();
    let heads = client.until("lagged", |message| match message {
        ServerMessage::Chat(chat) => {
            seen.push(chat.seq);
            None
        }
        ServerMessage::Lagged(lagged) => Some(lagged.heads),
        _ => None,
    });
    assert_eq!((heads.len(), heads[0].room), (1, LOBBY));
    (seen, heads[0].head)
}

/// Follows docs/PROTOCOL.md, section 13.5, until the room is live.
fn catch_up(client: &mut ScriptedClient, seen: &mut Vec<Seq>) {
    loop {
        let last = seen.last().copied().unwrap_or(0);
        let asked = client.history(Some(last), None, 500);
        let page = client.page(asked);
        seen.extend(page.messages.iter().map(|chat| chat.seq));
        if !page.more && client.follow(seen.last().copied().unwrap_or(0)).live {
            return;
        }
    }
}

#[test]
fn promise_4_who_does_not_read_harms_nobody_and_misses_nothing() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, bob) = server.register("Bob");
    let mut stalled = ["Sam", "Sue", "Sid"].map(|name| stalled(&server, name));
    let before = server.memory_kib();
    flood_before(&mut alice, &mut [bob], 0, FLOOD);
    let grown = server.memory_kib().saturating_sub(before);
    assert!(grown < GROWTH, "{grown} KiB");

    let head = u64::from(FLOOD);
    for client in &mut stalled {
        let (mut seen, told) = until_lagged(client);
        assert_eq!(told, head);
        assert!(seen.len() < FLOOD as usize / 2, "{}", seen.len());
        assert!(
            !client.follow(seen.last().copied().unwrap()).live,
            "too far behind"
        );
        catch_up(client, &mut seen);
        assert!(seen.iter().copied().eq(1..=head));
    }
    flood(&mut alice, FLOOD, 3);
    for client in &mut stalled {
        let live = [client.chat().seq, client.chat().seq, client.chat().seq];
        assert_eq!(live, [head + 1, head + 2, head + 3]);
    }
}

#[test]
fn promise_4_who_catches_up_while_others_talk_misses_nothing_and_gets_nothing_twice() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let mut slow = stalled(&server, "Sam");
    flood(&mut alice, 0, 1000);
    thread::scope(|scope| {
        scope.spawn(|| flood(&mut alice, 1000, 500));
        let (mut seen, _) = until_lagged(&mut slow);
        catch_up(&mut slow, &mut seen);
        while seen.len() < 1500 {
            match slow.next() {
                ServerMessage::Chat(chat) => seen.push(chat.seq),
                // The session may fall behind once more.
                ServerMessage::Lagged(_) => catch_up(&mut slow, &mut seen),
                _ => {}
            }
        }
        assert!(seen.iter().copied().eq(1..=1500));
    });
}

#[test]
fn promise_4_acknowledgements_and_answers_are_never_dropped() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let mut slow = stalled(&server, "Sam");
    for n in 0..100 {
        slow.say(&sending(
            n,
            id(1, n.into()),
            "from somebody who does not read",
        ));
        slow.say(&ClientMessage::Ping(Plain { request: 1000 + n }));
        flood(&mut alice, n * 8, 8);
    }
    let (mut acks, mut pongs, mut lagged) = (Vec::new(), Vec::new(), 0);
    while acks.len() + pongs.len() < 200 || lagged == 0 {
        match slow.next() {
            ServerMessage::Ack(ack) => acks.push(ack.request),
            ServerMessage::Pong(pong) => pongs.push(pong.request),
            ServerMessage::Lagged(_) => lagged += 1,
            _ => {}
        }
    }
    assert!(acks.into_iter().eq(0..100));
    assert!(pongs.into_iter().eq(1000..1100));
    assert_eq!(lagged, 1);
}

#[test]
fn promise_4_who_takes_no_answers_is_not_listened_to() {
    const RECORDS: u32 = 400;
    const SENDS: u32 = 7;
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let mut asking = stalled(&server, "Sam");
    // Longer than a message may be: each is answered at once, and few of them fill all that lies
    // between two sockets. Sealed beforehand, since two threads can't share the client.
    let text = "x".repeat(MAX_TEXT + 1);
    let records: Vec<_> = (0..RECORDS)
        .map(|n| {
            let mut content = Vec::new();
            for request in n * SENDS..(n + 1) * SENDS {
                let send = sending(request, id(2, request.into()), &text);
                chatbox_common::wire::codec::put(&send, &mut content);
            }
            asking.seal(&content)
        })
        .collect();
    let mut stream = asking.stream.try_clone().unwrap();
    socket2::SockRef::from(&stream)
        .set_send_buffer_size(4096)
        .unwrap();
    let before = server.memory_kib();
    let written = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for record in &records {
                std::io::Write::write_all(&mut stream, record).unwrap();
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        flood(&mut alice, 0, 2000);
        let grown = server.memory_kib().saturating_sub(before);
        assert!(grown < GROWTH, "{grown} KiB");
        let written = written.load(Ordering::Relaxed);
        assert!((1..RECORDS as usize).contains(&written), "{written}");
        for request in 0..RECORDS * SENDS {
            asking.until("a refusal", |message| match message {
                ServerMessage::Error(error) => {
                    assert_eq!(error.request, Some(request));
                    Some(())
                }
                _ => None,
            });
        }
    });
}

#[test]
fn a_stop_does_not_wait_for_who_does_not_read() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let mut slow = stalled(&server, "Sam");
    let asks: Vec<_> = (0..256)
        .map(|request| ClientMessage::Ping(Plain { request }))
        .collect();
    for _ in 0..32 {
        slow.say_all(&asks);
    }
    flood(&mut alice, 0, 500);
    let begin = Instant::now();
    let status = server.stop();
    assert_eq!(status.code(), Some(0));
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}
