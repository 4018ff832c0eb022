//! A server whose machine loses power, and the clients that have seen what it lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::testkit::terminal::client;

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
