//! Files that change under a running server, or were changed before it started.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::id;

#[test]
fn a_log_that_is_moved_or_deleted_is_written_under_its_name_again_and_loses_nothing_to_it() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "first");
    server.line("chat.log", &["first"]);
    server.line("credentials.log", &["registered user=Alice"]);
    for file in ["chat.log", "credentials.log"] {
        fs::rename(
            server.log_path(file),
            server.log_path("moved").with_extension(file),
        )
        .unwrap();
    }
    fs::remove_file(server.log_path("sql.log")).unwrap();
    for file in ["chat.log", "credentials.log"] {
        server.line("info.log", &["INFO  log_reopened", &format!("file={file}")]);
    }
    server.line("info.log", &["WARN  log_deleted file=sql.log"]);
    alice.post(id(1, 2), "second");
    let (_account, _bob) = server.register("Bob");
    server.line("chat.log", &["second"]);
    server.line("credentials.log", &["registered user=Bob"]);
    server.line("sql.log", &["INSERT INTO messages"]);
    let of = |file: &str, what: &str| {
        let lines = server.lines(file);
        lines.iter().filter(|line| line.contains(what)).count()
    };
    assert_eq!(
        (of("moved.chat.log", "first"), of("chat.log", "first")),
        (1, 0)
    );
    assert_eq!(
        (of("moved.chat.log", "second"), of("chat.log", "second")),
        (0, 1)
    );
    assert_eq!(of("moved.credentials.log", "user=Alice"), 1);
    assert_eq!(of("credentials.log", "user=Alice"), 0);
}

#[test]
fn what_was_said_while_chat_log_was_deleted_is_in_the_next_one() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "before");
    server.line("chat.log", &["before"]);
    fs::remove_file(server.log_path("chat.log")).unwrap();
    let last = (2..50)
        .map(|n| alice.post(id(1, n), &format!("no. {n}")).seq)
        .last();
    server.line("info.log", &["WARN  log_deleted file=chat.log"]);
    server.line("chat.log", &[&format!(" seq={} ", last.unwrap())]);
    for n in 2..50 {
        let lines = server.lines("chat.log");
        let said = lines
            .iter()
            .filter(|line| line.contains(&format!("\"no. {n}\"")));
        assert_eq!(said.count(), 1, "no. {n}");
    }
}
