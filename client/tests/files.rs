//! The program, and the files and folders around it: what it takes from them, what it leaves.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::fs;

use chatbox_common::testkit::client_dir::{ClientDir, end};
use chatbox_common::testkit::scripted_server::ScriptedServer;

#[cfg(target_os = "linux")]
#[test]
fn nothing_of_its_memory_gets_into_a_core_dump() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.begin(&server, &[]);
    let client = server.accept();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{limits}");
    drop(client);
    end(child);
}
