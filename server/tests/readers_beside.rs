//! Programs that read the database beside the server, as an operator's `sqlite3` does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::testkit::wait::eventually;

const MIB: u64 = 1024 * 1024;

/// Bytes of the database's log.
fn log_bytes(server: &ServerProcess) -> u64 {
    let log = server.path().join("data/chatbox.db-wal");
    fs::metadata(log).unwrap().len()
}

fn held_up(server: &ServerProcess) -> usize {
    let lines = server.lines("info.log").into_iter();
    let warnings = lines.filter(|line| line.contains(" checkpoint_held_up log_bytes="));
    warnings.count()
}

/// Talks until the log has so many bytes.
fn talk(server: &ServerProcess, client: &mut ScriptedClient, said: &mut u64, bytes: u64) {
    while log_bytes(server) < bytes {
        *said += 1;
        client.post(id(1, *said), "word");
    }
}

#[test]
fn the_database_s_log_grows_under_a_reader_with_one_warning_and_shrinks_when_it_ends() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    let reader = server.database();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM messages")
        .unwrap();
    let mut said = 0;
    talk(&server, &mut alice, &mut said, 20 * MIB);
    server.line("info.log", &["WARN  checkpoint_held_up log_bytes="]);
    talk(&server, &mut alice, &mut said, 40 * MIB);
    reader.execute_batch("COMMIT").unwrap();
    eventually("a small log again", || {
        // Somebody talks all the time.
        said += 1;
        alice.post(id(1, said), "word");
        (log_bytes(&server) < 16 * MIB).then_some(())
    });
    assert_eq!(held_up(&server), 1);
    let lobby = server.query("SELECT CAST(count(*) AS TEXT) FROM messages");
    assert_eq!(lobby, Some(said.to_string()));
}
