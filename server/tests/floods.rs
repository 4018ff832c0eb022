//! What becomes of more requests than a session may have under way, or its account pays for,
//! against the running server: they wait, and nobody else does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::time::Instant;

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{
    Access, ClientMessage, ErrorCode, Follow, Plain, Read, RoomId, ServerMessage, SetTopic,
};
use rusqlite::Connection;

/// Requests that a session may have queued for the journal; the next is not read before one of
/// them is done.
const MAX_IN_FLIGHT: u32 = 64;
/// So many of the first need the database, for which the journal waits a second each time.
const HELD: u32 = 15;
/// Units of work that an account has at once, and a second; a `read` is one, and so is a `ping`.
const WORK: u64 = 5_000;
const WORK_PER_SECOND: u128 = 500;
const PING: u32 = 999;

/// For which the journal needs the database.
fn topic(request: u32, room: RoomId) -> ClientMessage {
    let topic = format!("topic {request}");
    ClientMessage::SetTopic(SetTopic {
        request,
        room,
        topic,
    })
}

fn follow(request: u32, _: RoomId) -> ClientMessage {
    let (room, after) = (LOBBY, 0);
    ClientMessage::Follow(Follow {
        request,
        room,
        after,
    })
}

/// Of a room that there is not: only a refusal is answered.
fn read(request: u32, _: RoomId) -> ClientMessage {
    let (room, seq) = (RoomId(99_999), 1);
    ClientMessage::Read(Read { request, room, seq })
}

type Make = fn(u32, RoomId) -> ClientMessage;

/// How many requests of one kind are answered before the `ping` behind them, while the journal waits
/// for the database: up to the answer of the `ping`, or so many others.
fn answered_before_ping(make: Make, count: u32, held_for: u32) -> u32 {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    let room = alice.create("#ops", Access::Open).unwrap().room;
    alice.ping();
    let database = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let make = |request| {
        let make = if request <= HELD { topic } else { make };
        make(request, room)
    };
    let mut said: Vec<_> = (1..=count).map(make).collect();
    said.push(ClientMessage::Ping(Plain { request: PING }));
    alice.say_all(&said);
    for answered in 0.. {
        if answered == held_for {
            database.execute_batch("ROLLBACK").unwrap();
        }
        let is_pong = alice.until("an answer", |message| match message {
            ServerMessage::Pong(pong) => Some(pong.request == PING),
            ServerMessage::Error(error) => {
                let expected = [ErrorCode::Unavailable, ErrorCode::UnknownRoom];
                assert!(expected.contains(&error.code), "{error:?}");
                Some(false)
            }
            ServerMessage::Done(_) | ServerMessage::Following(_) => Some(false),
            _ => None,
        });
        if is_pong {
            return answered;
        }
    }
    unreachable!()
}

#[test]
fn who_has_as_much_under_way_as_may_be_is_read_no_further_until_some_of_it_is_done() {
    let answered = answered_before_ping(topic, MAX_IN_FLIGHT - 1, HELD);
    assert!(answered < HELD, "the ping waits for no journal: {answered}");
    let more = 40;
    for (what, make) in [("topic", topic as Make), ("follow", follow), ("read", read)] {
        let answered = answered_before_ping(make, MAX_IN_FLIGHT + more, 1);
        assert!(answered > more, "{what}: {answered}");
    }
}

/// Records of 249 times how far one has read and a `ping`, which the record's number has, each
/// a message further than the one before.
fn say_reads(client: &mut ScriptedClient, records: u32) {
    for request in 1..=records {
        let (room, seq) = (LOBBY, request.into());
        let read = ClientMessage::Read(Read { request, room, seq });
        let mut record = vec![read; 249];
        record.push(ClientMessage::Ping(Plain { request }));
        client.say_all(&record);
    }
}

#[test]
fn a_flood_of_reads_waits_and_keeps_nobody_waiting() {
    // Enough for two minutes.
    const RECORDS: u32 = 250;
    let limits = "[security]\nscram_iterations = 4096\nmax_messages_per_sec = 1000\n";
    let server = ServerProcess::start(limits);
    let (_account, mut bystander) = server.register("Bystander");
    let (_account, mut flooder) = server.register("Flooder");
    let start = Instant::now();
    say_reads(&mut flooder, RECORDS);
    let mut done = 0;
    for record in 1.. {
        flooder.until("a pong", |message| match message {
            ServerMessage::Pong(pong) => (pong.request == record).then_some(()),
            _ => None,
        });
        done += 250;
        let more = start.elapsed().as_millis() * WORK_PER_SECOND / 1_000;
        let most = WORK + u64::try_from(more).unwrap() + 6;
        assert!(done <= most, "{done} of {most}");
        bystander.post(id(1, record.into()), "not delayed");
        if done > WORK + WORK / 5 {
            break;
        }
    }
    // What was read is kept, as far as it was taken.
    let mark = "SELECT CAST(read_seq AS TEXT) FROM members WHERE room = 1 AND account = 2";
    let at_least = done / 250 - 1;
    eventually("the mark", || {
        (server.query(mark)?.parse::<u64>().unwrap() >= at_least).then_some(())
    });
}
