//! What people say in the lobby, and how they read it again, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{id, sending};
use chatbox_common::wire::message::{
    AccountId, Chat, ClientMessage, ErrorCode, History, Kind, Page, ServerMessage,
};

fn numbers(page: &Page) -> Vec<u64> {
    page.messages.iter().map(|chat| chat.seq).collect()
}

#[test]
fn two_people_talk_and_the_log_has_it() {
    let server = ServerProcess::start("");
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let text = "hello\n\"Bob\" \u{1f600} seq=9\n2026-01-01T00:00:00.000Z INFO  message";
    let ack = alice.post(id(1, 1), text);
    let heard = bob.chat();
    let expected = Chat {
        room: LOBBY,
        seq: 1,
        account: AccountId(1),
        user: "Alice".to_owned(),
        time: ack.time,
        text: text.to_owned(),
        kind: Kind::Text,
    };
    assert_eq!((ack.seq, &heard), (1, &expected));
    assert_eq!(bob.post(id(1, 1), "an id is its sender's own").seq, 2);
    let seqs = [alice.chat().seq, alice.chat().seq];
    assert_eq!(
        seqs,
        [1, 2],
        "whoever says something hears it like the others"
    );
    let parts = ["INFO  message id=1 room=#lobby seq=1 user=Alice account=1"];
    let line = server.line("chat.log", &parts);
    let logged = r#" text="hello\n\"Bob\" 😀 seq=9\n2026-01-01T00:00:00.000Z INFO  message""#;
    assert!(line.ends_with(logged), "{line}");
    assert_eq!(server.lines("chat.log").len(), 2);
}

#[test]
fn promise_1_everybody_sees_the_same_messages_in_the_same_order() {
    const EACH: u64 = 200;
    let server = ServerProcess::start(UNLIMITED);
    let mut clients = ["Alice", "Bob", "Carol", "Dave"].map(|name| server.register(name).1);
    let seen = std::thread::scope(|scope| {
        let threads = clients.each_mut().map(|client| {
            scope.spawn(|| {
                for n in 0..EACH {
                    client.send(id(1, n), &format!("message {n}"));
                }
                (0..4 * EACH).map(|_| client.chat()).collect::<Vec<_>>()
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    let order: Vec<u64> = seen[0].iter().map(|chat| chat.seq).collect();
    assert_eq!(order, (1..=4 * EACH).collect::<Vec<_>>());
    assert!(seen.iter().all(|one| *one == seen[0]));
    for account in 1..=4 {
        let own = seen[0]
            .iter()
            .filter(|chat| chat.account == AccountId(account));
        let texts: Vec<_> = own.map(|chat| chat.text.clone()).collect();
        let said: Vec<_> = (0..EACH).map(|n| format!("message {n}")).collect();
        assert_eq!(texts, said, "each one's own order is kept");
    }
}

#[test]
fn promise_3_sending_twice_is_safe() {
    let server = ServerProcess::start("");
    let (mut account, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let first = alice.post(id(7, 1), "once");
    let again = alice.post(id(7, 1), "once");
    assert_eq!((again.seq, again.time), (first.seq, first.time));
    alice.cut();
    let mut alice = server.log_in(&mut account);
    assert_eq!(alice.post(id(7, 1), "once").seq, first.seq);

    let conflict = alice.send(id(7, 1), "something else");
    assert_eq!(alice.error(conflict).code, ErrorCode::IdConflict);
    alice.post(id(7, 2), "last");
    let texts = [bob.chat(), bob.chat()].map(|chat| (chat.seq, chat.text));
    assert_eq!(texts, [(1, "once".to_owned()), (2, "last".to_owned())]);
}

#[test]
fn the_same_message_twice_in_one_record_is_one_message() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    alice.say_all(&[
        sending(91, id(1, 1), "x"),
        sending(92, id(1, 1), "x"),
        sending(93, id(1, 1), "y"),
        sending(94, id(1, 2), "y"),
    ]);
    let error = alice.error(93);
    assert_eq!(error.code, ErrorCode::IdConflict);
    assert_eq!(alice.ack(94).seq, 2);
    let texts = [alice.post(id(1, 1), "x").seq, alice.post(id(1, 2), "y").seq];
    assert_eq!(texts, [1, 2]);
}

#[test]
fn history_comes_in_pages() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    for n in 1..=10 {
        alice.post(id(1, n), &format!("message {n}"));
    }
    let mut page = |after, before, limit| {
        let asked = alice.history(after, before, limit);
        let page = alice.page(asked);
        assert_eq!((page.room, page.first), (LOBBY, 1));
        (numbers(&page), page.more)
    };
    assert_eq!(page(Some(0), None, 4), (vec![1, 2, 3, 4], true));
    assert_eq!(page(Some(6), None, 4), (vec![7, 8, 9, 10], false));
    assert_eq!(page(Some(10), None, 4), (vec![], false));
    assert_eq!(page(Some(u64::MAX), None, 4), (vec![], false));
    assert_eq!(page(None, Some(5), 2), (vec![3, 4], true));
    assert_eq!(page(None, Some(5), 4), (vec![1, 2, 3, 4], false));
    assert_eq!(page(None, None, 3), (vec![8, 9, 10], true));
    assert_eq!(page(None, None, 500), ((1..=10).collect(), false));

    for (after, before, limit) in [(Some(1), Some(2), 1), (None, None, 0), (None, None, 501)] {
        let asked = alice.history(after, before, limit);
        assert_eq!(alice.error(asked).code, ErrorCode::InvalidArgument);
    }
}

#[test]
fn a_page_ends_at_32_kib() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    for n in 1..=9 {
        alice.post(id(1, n), &"x".repeat(8192));
    }
    let mut last = 0;
    for expected in [&[1, 2, 3][..], &[4, 5, 6], &[7, 8, 9]] {
        let asked = alice.history(Some(last), None, 500);
        let page = alice.page(asked);
        assert_eq!((&*numbers(&page), page.more), (expected, last < 6));
        last += 3;
    }
}

#[test]
fn one_page_is_under_way_at_a_time() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    let page = |request| {
        ClientMessage::History(History {
            request,
            room: LOBBY,
            after: None,
            before: None,
            limit: 1,
            before_time: None,
        })
    };
    alice.say_all(&(0..200).map(page).collect::<Vec<_>>());
    let mut refused = 0;
    for _ in 0..200 {
        alice.until("a page or a refusal", |message| match message {
            ServerMessage::Page(_) => Some(()),
            ServerMessage::Error(error) => {
                assert_eq!(error.code, ErrorCode::PageInFlight);
                refused += 1;
                Some(())
            }
            _ => None,
        });
    }
    assert!((1..200).contains(&refused), "{refused}");
}
