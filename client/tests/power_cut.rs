//! A server whose machine loses power, and the clients that have seen what it lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::fs::{self, File};

use chatbox_common::testkit::client_dir::{Participant, end};
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::testkit::terminal::{Signal, client};
use chatbox_common::testkit::wait::eventually;

#[test]
fn promise_1_nobody_goes_on_seeing_what_a_power_cut_took() {
    let mut server = ServerProcess::start_on(free_port(), UNLIMITED);
    let (_bob, mut bob) = server.register("Bob");
    let (mut account, _) = server.register("Alice");
    bob.post(id(1, 1), "this is kept");
    let mut screen = client::enter(&server, (80, 24), &mut account);
    screen.sees("this is kept");
    // Logins are synced, and so is what was said before them.
    let earlier = server.files();
    assert_eq!(bob.post(id(1, 2), "a ghost").seq, 2);
    screen.sees("a ghost");
    server.kill();

    server.cut_power(&earlier);
    server.restart();
    let (_carol, mut carol) = server.register("Carol");
    assert_eq!(carol.post(id(3, 1), "another text").seq, 2);
    screen.sees("another text");
    screen.sees("message 2 was lost in a power cut");
    screen.loses("a ghost");
    screen.sees("this is kept");
    screen.press("and on it goes\r");
    screen.sees("<Alice> and on it goes");
}

#[test]
fn tail_ends_where_numbers_that_it_has_printed_get_other_texts() {
    let mut server = ServerProcess::start_on(free_port(), UNLIMITED);
    let (_bob, mut bob) = server.register("Bob");
    let (account, alice) = server.register("Alice");
    alice.cut();
    bob.post(id(1, 1), "this is kept");
    let mut alice = Participant::new(&server, account);
    let mut command = alice.command(&["tail", "--room", "#lobby", "--since", "0"]);
    let out = alice.dir.path("out");
    let printed = || fs::read_to_string(&out).unwrap();
    let tail = GuardedChild::spawn(command.stdout(File::create(&out).unwrap()));
    eventually("what is kept", || {
        printed().contains("this is kept").then_some(())
    });
    let earlier = server.files();
    bob.post(id(1, 2), "a ghost");
    eventually("the ghost", || printed().contains("a ghost").then_some(()));
    server.kill();
    server.cut_power(&earlier);
    server.restart();
    let (_carol, mut carol) = server.register("Carol");
    carol.post(id(3, 1), "another text");
    let ended = end(tail);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(
        ended.err.contains("the messages from 2 on"),
        "{}",
        ended.err
    );
    // Which shows message 2 first.
    assert!(
        ended.err.ends_with("begin again with --since 1\n"),
        "{}",
        ended.err
    );
    assert!(!printed().contains("another text"), "{}", printed());
}

#[test]
fn promise_1_nobody_goes_on_seeing_what_two_power_cuts_took() {
    // Whoever was there in between, and whoever was not.
    for is_there in [true, false] {
        let mut server = ServerProcess::start_on(free_port(), UNLIMITED);
        let (_bob, mut bob) = server.register("Bob");
        let (mut account, _) = server.register("Alice");
        bob.post(id(1, 1), "this is kept");
        let screen = client::enter(&server, (80, 24), &mut account);
        screen.sees("this is kept");
        let earlier = server.files();
        bob.post(id(1, 2), "the first ghost");
        bob.post(id(1, 3), "a ghost behind it");
        screen.sees("a ghost behind it");
        server.kill();
        server.cut_power(&earlier);
        if !is_there {
            screen.signal(Signal::STOP);
            screen.stops();
        }
        server.restart();
        let (_carol, mut carol) = server.register("Carol");
        carol.post(id(3, 1), "another text");
        if is_there {
            // What a resume spends is not lost.
            screen.sees("another text");
        }
        let (_dave, _) = server.register("Dave");
        let earlier = server.files();
        carol.post(id(3, 2), "the second ghost");
        if is_there {
            screen.sees("the second ghost");
            screen.loses("the first ghost");
        }
        server.kill();
        server.cut_power(&earlier);
        server.restart();
        screen.signal(Signal::CONT);
        let (_erin, mut erin) = server.register("Erin");
        assert_eq!(erin.post(id(5, 1), "a third text").seq, 3);
        screen.sees("a third text");
        screen.sees("another text");
        for ghost in ["the first ghost", "a ghost behind it", "the second ghost"] {
            screen.loses(ghost);
        }
        screen.sees("this is kept");
    }
}
