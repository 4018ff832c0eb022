//! A database that is put back from a copy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, program};
use chatbox_common::testkit::scripted_client::id;

fn back_up(server: &ServerProcess, file: &str) {
    let done = Command::new(program("chatbox-server"))
        .current_dir(server.path())
        .args(["--config", "config.toml", "backup", file])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn promise_1_a_copy_that_is_put_back_twice_is_two_histories_and_repeats_no_session() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut account, alice) = server.register("Alice");
    let welcome = alice.welcome.unwrap();
    let mut histories = BTreeSet::from([welcome.history_id]);
    let mut sessions = BTreeSet::from([welcome.session]);
    back_up(&server, "copy.db");
    let mut last = None;
    for round in 1..=3 {
        server.stop();
        // In the last round nothing tells any more which numbers were used.
        let moved = if round == 3 {
            &["chat.log", "credentials.log"][..]
        } else {
            &["chat.log"]
        };
        for name in moved {
            let log = server.log_path(name);
            fs::rename(&log, log.with_extension(format!("{round}"))).unwrap();
        }
        let database = server.path().join("data/chatbox.db");
        fs::copy(server.path().join("copy.db"), database).unwrap();
        server.restart();
        let mut alice = server.log_in(&mut account);
        let welcome = alice.welcome.clone().unwrap();
        assert!(histories.insert(welcome.history_id), "in round {round}");
        assert!(sessions.insert(welcome.session), "in round {round}");
        // The same number has another text each time.
        alice.post(id(1, round), &format!("in round {round}"));
        last = Some(welcome.history_id);
    }
    server.line("info.log", &["history_renewed", "a copy that was put back"]);
    // It is no copy any more.
    server.kill();
    server.restart();
    let welcome = server.log_in(&mut account).welcome.unwrap();
    assert_eq!(Some(welcome.history_id), last);
}
