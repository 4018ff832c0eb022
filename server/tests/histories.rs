//! One history and another: after power cuts, and where the database is put back from a copy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::collections::{BTreeSet, HashMap};
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

#[test]
fn promise_1_after_two_power_cuts_each_history_has_one_text_for_a_number() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut account, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "kept");
    let mut histories: Vec<[u8; 16]> = Vec::new();
    let mut texts = HashMap::new();
    for round in 2..=4 {
        let welcome = alice.welcome.clone().unwrap();
        let history = welcome.history_id;
        assert!(!histories.contains(&history));
        // The one before, and the heads of the moment when it ended.
        assert_eq!(welcome.predecessor, histories.last().copied());
        let room = &welcome.rooms[0];
        let kept = (!histories.is_empty()).then_some(round - 1);
        assert_eq!(room.kept, kept);
        let kept = alice
            .post(id(round, 1), &format!("kept in round {round}"))
            .seq;
        assert_eq!(kept, round);
        // A login is synced, and what was said before it.
        server.log_in(&mut account);
        let earlier = server.files();
        let lost = alice
            .post(id(round, 2), &format!("lost in round {round}"))
            .seq;
        assert_eq!(lost, round + 1);
        let asked = alice.history(Some(0), None, 99);
        for said in alice.page(asked).messages {
            let text = texts
                .entry((history, said.seq))
                .or_insert(said.text.clone());
            assert_eq!(*text, said.text);
        }
        histories.push(history);
        server.kill();
        server.cut_power(&earlier);
        // One that ends before anybody has come takes nothing.
        server.restart();
        server.kill();
        server.restart();
        alice = server.log_in(&mut account);
    }
    let asked = alice.history(Some(0), None, 99);
    for said in alice.page(asked).messages.iter().skip(1) {
        // What was kept has the number under which its own history showed it.
        let history = histories[usize::try_from(said.seq).unwrap() - 2];
        assert_eq!(texts[&(history, said.seq)], said.text);
    }
}
