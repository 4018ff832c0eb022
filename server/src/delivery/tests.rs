//! Delivery threads with real sockets, and a peer that opens the records they send.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::crypto::record::{Opened, Opener, Rotation, Sealer, Stage};
use chatbox_common::secret::Secret;
use chatbox_common::wire::codec::{Read as Message, messages};
use chatbox_common::wire::frame::FrameBuffer;
use chatbox_common::wire::message::{
    AccountId, Bye, ByeReason, Chat, ErrorCode, Kind, Plain, RoomId, Seq,
};
use socket2::SockRef;

use super::job::MAX_BEHIND;
use super::*;
use crate::event::Committed;

const ROOM: RoomId = RoomId(1);
const OUTBOX: usize = 16 * 1024;
const TOTAL: u64 = 1 << 20;

struct Peer {
    socket: TcpStream,
    /// The server's end of the connection.
    server: Arc<TcpStream>,
    frames: FrameBuffer,
    opener: Opener,
    backpressure: Arc<Backpressure>,
    session: SessionId,
    /// Messages of the record read last that were not taken yet.
    pending: Vec<ServerMessage>,
    records: usize,
}

impl Peer {
    /// Begins a session with small socket buffers, so that a peer that does not read is noticed.
    fn join(to: &Deliveries, session: SessionId, head: Seq) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        SockRef::from(&socket).set_recv_buffer_size(4096).unwrap();
        let (server, _) = listener.accept().unwrap();
        SockRef::from(&server).set_send_buffer_size(4096).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let secret = Secret::random();
        let now = Instant::now();
        let mut sealer = Sealer::new(secret.clone(), Rotation::default(), now);
        sealer.begin_session();
        let mut opener = Opener::new(secret, now);
        opener.begin_session();
        let backpressure = Arc::new(Backpressure::default());
        let mut welcome = Vec::new();
        codec::put(&ServerMessage::Pong(Plain { request: 0 }), &mut welcome);
        let server = Arc::new(server);
        to.send(
            session,
            Delivery::Join(Box::new(Join {
                session,
                socket: Arc::clone(&server),
                greeting: Vec::new(),
                sealer,
                backpressure: Arc::clone(&backpressure),
                rooms: vec![(ROOM, head)],
                welcome: vec![welcome],
            })),
        );
        let mut peer = Self {
            socket,
            server,
            frames: FrameBuffer::new(),
            opener,
            backpressure,
            session,
            pending: Vec::new(),
            records: 0,
        };
        assert!(matches!(peer.next(), ServerMessage::Pong(_)));
        peer
    }

    fn next(&mut self) -> ServerMessage {
        while self.pending.is_empty() {
            let lengths = Stage::Session.records();
            if let Some(frame) = self.frames.next_frame(lengths).unwrap() {
                if let Opened::Messages(content) = self.opener.open(frame, Instant::now()).unwrap()
                {
                    self.records += 1;
                    for message in messages(content) {
                        let Message::Known(message) = message.unwrap() else {
                            panic!("an unknown message");
                        };
                        self.pending.push(message);
                    }
                }
            } else {
                let count = self.socket.read(self.frames.space()).unwrap();
                assert_ne!(count, 0, "the connection was closed");
                self.frames.filled(count);
            }
        }
        self.pending.remove(0)
    }

    fn next_but_chat(&mut self) -> ServerMessage {
        loop {
            let next = self.next();
            if !matches!(next, ServerMessage::Chat(_)) {
                return next;
            }
        }
    }

    fn next_chat(&mut self) -> Seq {
        match self.next() {
            ServerMessage::Chat(chat) => chat.seq,
            other => panic!("{other:?} in place of chat"),
        }
    }
}

fn batch(first: Seq, texts: &[&str], acks: &[SessionId]) -> Arc<RoomBatch> {
    let mut batch = RoomBatch::after(ROOM, first - 1);
    for (seq, text) in (first..).zip(texts) {
        batch.push(Chat {
            room: ROOM,
            seq,
            account: AccountId(1),
            user: "alice".into(),
            time: 0,
            text: (*text).to_owned(),
            kind: Kind::Text,
        });
    }
    batch.acks = acks
        .iter()
        .map(|&session| Committed {
            session,
            request: 7,
            seq: first,
            time: 0,
        })
        .collect();
    Arc::new(batch)
}

fn say(to: &Deliveries, batch: &Arc<RoomBatch>) {
    to.publish(batch);
}

fn follow(to: &Deliveries, peer: &Peer, after: Seq) {
    let job = Delivery::Follow(FollowAgain {
        session: peer.session,
        request: 9,
        room: ROOM,
        after,
        in_flight: peer.backpressure.begin_request(),
    });
    to.send(peer.session, job);
}

#[test]
fn an_acknowledgement_and_its_message_travel_in_one_record() {
    let (to, _threads) = Deliveries::start(1, OUTBOX, TOTAL).unwrap();
    let mut alice = Peer::join(&to, 1, 0);
    let mut bob = Peer::join(&to, 2, 0);
    let records = alice.records;
    say(&to, &batch(1, &["hello"], &[1]));
    assert!(matches!(alice.next(), ServerMessage::Ack(ack) if ack.seq == 1 && ack.request == 7));
    assert_eq!(alice.next_chat(), 1);
    assert_eq!(alice.records, records + 1);
    assert_eq!(bob.next_chat(), 1);
}

#[test]
fn an_acknowledgement_without_a_message_still_arrives() {
    let (to, _threads) = Deliveries::start(2, OUTBOX, TOTAL).unwrap();
    let mut alice = Peer::join(&to, 1, 4);
    say(&to, &batch(5, &[], &[1]));
    assert!(matches!(alice.next(), ServerMessage::Ack(_)));
    say(&to, &batch(5, &["next"], &[]));
    assert_eq!(alice.next_chat(), 5);
}

#[test]
fn promise_4_a_reader_that_stalls_is_told_where_it_was_cut_and_misses_no_reply() {
    let (to, _threads) = Deliveries::start(1, OUTBOX, TOTAL).unwrap();
    let mut slow = Peer::join(&to, 1, 0);
    let mut quick = Peer::join(&to, 2, 0);
    let text = "x".repeat(1000);
    for seq in 1..=2000 {
        say(&to, &batch(seq, &[&text], &[]));
        assert_eq!(quick.next_chat(), seq);
    }
    for request in 0..50 {
        to.reply(
            1,
            &slow.backpressure,
            &ServerMessage::Pong(Plain { request }),
        );
    }
    let (mut chats, mut pongs, mut lagged) = (0, 0, None);
    while pongs < 50 || lagged.is_none() {
        match slow.next() {
            ServerMessage::Chat(chat) => {
                chats += 1;
                assert_eq!(chat.seq, chats, "what comes, comes in order");
            }
            ServerMessage::Pong(pong) => {
                assert_eq!(pong.request, pongs, "replies are never dropped");
                pongs += 1;
            }
            ServerMessage::Lagged(found) => {
                assert!(lagged.is_none(), "it is told once");
                lagged = Some(found.heads);
            }
            other => panic!("{other:?}"),
        }
    }
    let heads = lagged.unwrap();
    assert!(chats < 1500, "the outbox has a bound");
    assert!(heads[0].room == ROOM && heads[0].head >= chats);

    // Nothing comes live until it follows, and it can't follow from too far behind.
    say(&to, &batch(2001, &["while away"], &[]));
    follow(&to, &slow, chats);
    assert!(matches!(slow.next(), ServerMessage::Following(f) if !f.live && f.head == 2001));
    follow(&to, &slow, 1990);
    assert!(matches!(slow.next(), ServerMessage::Following(f) if f.live && f.head == 2001));
    for seq in 1991..=2001 {
        assert_eq!(slow.next_chat(), seq);
    }
    say(&to, &batch(2002, &["live again"], &[]));
    assert_eq!(slow.next_chat(), 2002);
}

#[test]
fn following_a_room_that_is_live_sends_nothing_again_and_the_future_is_refused() {
    let (to, _threads) = Deliveries::start(1, OUTBOX, TOTAL).unwrap();
    let mut early = Peer::join(&to, 1, 0);
    say(&to, &batch(1, &["one", "two"], &[]));
    let mut late = Peer::join(&to, 2, 2);
    for (after, is_live) in [(0, true), (1, true), (2, true)] {
        follow(&to, &early, after);
        let answer = early.next_but_chat();
        assert!(
            matches!(answer, ServerMessage::Following(f) if f.live == is_live),
            "{after}"
        );
    }
    // What was said before it came in is for pages: it never comes live, and the room stays so.
    for (after, is_live) in [(0, false), (1, false), (2, true)] {
        follow(&to, &late, after);
        let answer = late.next();
        assert!(
            matches!(answer, ServerMessage::Following(ref f) if f.live == is_live && f.head == 2),
            "{after}: {answer:?}"
        );
    }
    follow(&to, &early, 3);
    assert!(
        matches!(early.next(), ServerMessage::Error(e) if e.code == ErrorCode::InvalidArgument)
    );
    say(&to, &batch(3, &["three"], &[]));
    assert_eq!((early.next_chat(), late.next_chat()), (3, 3));
    assert_eq!(early.backpressure.take_unpaid(), 0);
}

#[test]
fn what_comes_again_behind_a_follow_is_paid_for() {
    let (to, _threads) = Deliveries::start(1, OUTBOX, TOTAL).unwrap();
    let mut slow = Peer::join(&to, 1, 0);
    let text = "x".repeat(1000);
    for seq in 1..=100 {
        say(&to, &batch(seq, &[&text], &[]));
    }
    let lagged = slow.next_but_chat();
    assert!(matches!(lagged, ServerMessage::Lagged(_)), "{lagged:?}");
    follow(&to, &slow, 95);
    assert!(matches!(slow.next(), ServerMessage::Following(f) if f.live));
    for seq in 96..=100 {
        assert_eq!(slow.next_chat(), seq);
    }
    let bytes = slow.backpressure.take_unpaid();
    assert!((5_000..6_000).contains(&bytes), "{bytes}");
    // It is live now: once more costs nothing, and brings nothing.
    follow(&to, &slow, 95);
    assert!(matches!(slow.next(), ServerMessage::Following(f) if f.live));
    say(&to, &batch(101, &["next"], &[]));
    assert_eq!(slow.next_chat(), 101);
    assert_eq!(slow.backpressure.take_unpaid(), 0);
}

#[test]
fn a_goodbye_is_the_last_word_and_closes_the_gate() {
    let (to, _threads) = Deliveries::start(1, OUTBOX, TOTAL).unwrap();
    let mut alice = Peer::join(&to, 1, 0);
    let bye = Bye {
        reason: ByeReason::Shutdown,
        text: "the server stops".into(),
    };
    to.send(
        1,
        Delivery::Close {
            session: alice.session,
            bye: Some(bye),
        },
    );
    say(&to, &batch(1, &["unheard"], &[]));
    assert!(matches!(alice.next(), ServerMessage::Bye(bye) if bye.reason == ByeReason::Shutdown));
    assert!(alice.backpressure.wait_closed(Duration::from_secs(20)));
    assert_eq!(alice.socket.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn notices_that_found_no_room_give_way_to_a_count() {
    let (to, _threads) = Deliveries::start(1, OUTBOX, TOTAL).unwrap();
    let mut slow = Peer::join(&to, 1, 0);
    let text = "x".repeat(1000);
    for seq in 1..=2000 {
        say(&to, &batch(seq, &[&text], &[]));
    }
    let pong = |request| {
        let mut bytes = Vec::new();
        codec::put(&ServerMessage::Pong(Plain { request }), &mut bytes);
        Arc::<[u8]>::from(bytes)
    };
    for n in 0..3 {
        to.broadcast(|| Delivery::Presence {
            room: ROOM,
            full: pong(n),
            count: pong(100 + n),
        });
    }
    let mut notices = Vec::new();
    while notices.is_empty() {
        match slow.next() {
            ServerMessage::Pong(pong) => notices.push(pong.request),
            ServerMessage::Chat(_) | ServerMessage::Lagged(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(notices, [102]);
}

#[test]
fn a_burst_larger_than_the_outbox_reaches_a_reader_that_takes_it() {
    let (to, _threads) = Deliveries::start(1, OUTBOX, TOTAL).unwrap();
    let mut quick = Peer::join(&to, 1, 0);
    SockRef::from(&quick.socket)
        .set_recv_buffer_size(1 << 20)
        .unwrap();
    SockRef::from(&*quick.server)
        .set_send_buffer_size(1 << 20)
        .unwrap();
    let text = "x".repeat(1000);
    let texts = vec![text.as_str(); 100];
    for first in [1, 101, 201] {
        say(&to, &batch(first, &texts, &[1]));
        assert!(matches!(quick.next(), ServerMessage::Ack(ack) if ack.seq == first));
        for seq in first..first + 100 {
            assert_eq!(quick.next_chat(), seq);
        }
    }
}

#[test]
fn the_journal_waits_for_a_thread_that_is_far_behind_and_for_no_other() {
    let backlog = Arc::new(Backlog::default());
    *backlog.bytes() = MAX_BEHIND;
    backlog.wait();
    *backlog.bytes() += 10;
    let delivered = Arc::new(AtomicBool::new(false));
    let (begun, waits) = mpsc::channel();
    let journal = {
        let (backlog, delivered) = (Arc::clone(&backlog), Arc::clone(&delivered));
        thread::spawn(move || {
            begun.send(()).unwrap();
            backlog.wait();
            assert!(delivered.load(Ordering::SeqCst), "it did not wait");
        })
    };
    waits.recv().unwrap();
    backlog.done(9);
    delivered.store(true, Ordering::SeqCst);
    backlog.done(1);
    journal.join().unwrap();
}

#[test]
fn what_was_delivered_is_behind_no_longer() {
    let (to, _threads) = Deliveries::start(2, OUTBOX, TOTAL).unwrap();
    let mut peer = Peer::join(&to, 1, 0);
    for seq in 1..=3 {
        to.publish(&batch(seq, &["x"], &[]));
    }
    for seq in 1..=3 {
        assert_eq!(peer.next_chat(), seq);
    }
    for queue in to.queues.iter() {
        let (bytes, patience) = (queue.backlog.bytes(), Duration::from_secs(20));
        let (bytes, _) = queue
            .backlog
            .less
            .wait_timeout_while(bytes, patience, |bytes| *bytes > 0)
            .unwrap();
        assert_eq!(*bytes, 0);
    }
}

#[test]
fn a_session_whose_greeting_finds_nobody_is_over_at_once() {
    let (to, _threads) = Deliveries::start(1, OUTBOX, TOTAL).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    SockRef::from(&gone)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(gone);
    let (mut sealer, backpressure) = (
        Sealer::new(Secret::random(), Rotation::default(), Instant::now()),
        Arc::new(Backpressure::default()),
    );
    sealer.begin_session();
    to.send(
        1,
        Delivery::Join(Box::new(Join {
            session: 1,
            socket: Arc::new(server),
            greeting: vec![0; 64],
            sealer,
            backpressure: Arc::clone(&backpressure),
            rooms: Vec::new(),
            welcome: vec![vec![0; 8]],
        })),
    );
    assert!(backpressure.wait_closed(Duration::from_secs(20)));
    assert_eq!(
        backpressure.wait_until_ready(Duration::ZERO),
        Readiness::Closed
    );
}
