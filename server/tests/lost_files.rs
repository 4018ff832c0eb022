//! Files of the database that are moved, deleted or replaced under a running server: it ends, and what
//! it has acknowledged is there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, program};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{ErrorCode, Seq, ServerMessage};

/// Sends until the connection ends; the number of the last message that was acknowledged.
fn talk(mut client: ScriptedClient) -> Seq {
    let mut last = 0;
    for n in 1_000.. {
        // The server may be about to end, and not read any more.
        if client
            .try_say_all(&[sending(n, id(1, n.into()), "on and on")])
            .is_err()
        {
            break;
        }
        let answered = loop {
            match client.try_next() {
                Ok(ServerMessage::Ack(ack)) => {
                    last = ack.seq;
                    break true;
                }
                Ok(ServerMessage::Error(_)) => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        if !answered {
            break;
        }
    }
    last
}

fn messages(server: &ServerProcess) -> Seq {
    let count = server.query("SELECT CAST(count(*) AS TEXT) FROM messages");
    count.unwrap().parse().unwrap()
}

#[test]
fn promise_2_nothing_is_acknowledged_into_a_database_that_has_lost_its_name() {
    for replaced in [false, true] {
        let mut server = ServerProcess::start(UNLIMITED);
        let (_account, mut alice) = server.register("Alice");
        alice.post(id(1, 1), "kept");
        let database = server.path().join("data/chatbox.db");
        let kept = server.path().join("data/kept.db");
        fs::rename(&database, &kept).unwrap();
        if replaced {
            fs::copy(&kept, &database).unwrap();
        }
        let refused = alice.send(id(1, 2), "never");
        // Either the answer or the end: never an acknowledgement.
        let answer = alice.until("an answer", |message| match message {
            ServerMessage::Error(error) if error.request == Some(refused) => Some(error.code),
            ServerMessage::Bye(_) => Some(ErrorCode::Unavailable),
            ServerMessage::Ack(ack) => panic!("{ack:?}"),
            _ => None,
        });
        assert_eq!(answer, ErrorCode::Unavailable);
        assert_eq!(server.wait().code(), Some(1));
        server.line(
            "info.log",
            &["ERROR database_gone", "moved, deleted or replaced"],
        );
        let log = server.path().join("data/chatbox.db-wal");
        assert!(!log.exists(), "it would be read into another database");
        let stderr = fs::read_to_string(server.path().join("stderr")).unwrap();
        assert!(stderr.contains("moved, deleted or replaced"), "{stderr}");
        if !replaced {
            let refused = server.restart_refused();
            assert_eq!(refused.status.code(), Some(3));
            assert!(
                refused.stderr.contains("chatbox.db is not there"),
                "{refused:?}"
            );
        }
        // Both put back, nothing is missing.
        fs::rename(&kept, &database).unwrap();
        fs::rename(server.path().join("data/chatbox.db-wal.aside"), &log).unwrap();
        server.restart();
        let kept = "SELECT CAST(count(*) AS TEXT) FROM messages";
        assert_eq!(server.query(kept).as_deref(), Some("1"));
    }
}

#[test]
fn promise_2_a_server_ends_and_loses_nothing_where_a_file_beside_its_database_is_deleted() {
    for name in ["chatbox.db-wal", "chatbox.db-shm", "chatbox.lock"] {
        for is_idle in [true, false] {
            let mut server = ServerProcess::start(UNLIMITED);
            let (mut account, mut alice) = server.register("Alice");
            let mut last = 0;
            for n in 1..=20 {
                last = alice.post(id(1, n), "before").seq;
            }
            fs::remove_file(server.path().join("data").join(name)).unwrap();
            if !is_idle {
                last = last.max(talk(alice));
            }
            assert_eq!(server.wait().code(), Some(1), "{name}");
            server.line(
                "info.log",
                &["ERROR database_gone", name, "moved, deleted or replaced"],
            );
            server.restart();
            assert!(
                messages(&server) >= last,
                "{name}: {} of {last}",
                messages(&server)
            );
            server.log_in(&mut account);
        }
    }
}

#[test]
fn files_that_cannot_be_looked_at_are_waited_for() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "before");
    let data = server.path().join("data");
    let kept = server.path().join("kept");
    fs::rename(&data, &kept).unwrap();
    // No answer is that a file is not there: the system gives up following the name.
    symlink("data", &data).unwrap();
    let refused = alice.send(id(1, 2), "meanwhile");
    assert_eq!(alice.error(refused).code, ErrorCode::Unavailable);
    server.line("info.log", &["ERROR commit_failed", "cannot look at"]);
    // The housekeeper, too, has had its turn.
    server.line("info.log", &["ERROR checkpoint_failed", "cannot look at"]);
    assert!(server.is_running());
    fs::remove_file(&data).unwrap();
    fs::rename(&kept, &data).unwrap();
    assert_eq!(alice.post(id(1, 2), "meanwhile").seq, 2);
    assert_eq!(server.stop().code(), Some(0));
}

/// The database's name is a link to a file that is not there yet.
fn link(directory: &Path) {
    fs::create_dir(directory.join("disk")).unwrap();
    fs::create_dir(directory.join("data")).unwrap();
    symlink("../disk/real.db", directory.join("data/chatbox.db")).unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_database_that_is_a_link_is_made_locked_and_watched_where_it_leads() {
    let mut server = ServerProcess::start_prepared(UNLIMITED, link);
    let (_account, mut alice) = server.register("Alice");
    let mut last = alice.post(id(1, 1), "before").seq;
    let disk = server.path().join("disk");
    let all = ["real.db", "real.db-shm", "real.db-wal", "real.lock"];
    assert_eq!(names(&disk), all);
    let data = names(&server.path().join("data"));
    assert_eq!(data, ["admin.sock", "chatbox.db", "chatbox.lock"]);

    // One that calls the same file by another name.
    let other = server.path().join("other");
    fs::create_dir(&other).unwrap();
    symlink(disk.join("real.db"), other.join("chatbox.db")).unwrap();
    let refused = Command::new(program("chatbox-server"))
        .current_dir(server.path())
        .args(["--config", "config.toml", "--port", "0", "--data-dir"])
        .arg(&other)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(
        complaint.contains("is in use by a running chatbox-server"),
        "{complaint}"
    );

    // The housekeeper has looked at the log by then.
    eventually("a checkpoint", || {
        let lines = server.lines("sql.log");
        lines
            .iter()
            .any(|line| line.contains("wal_checkpoint"))
            .then_some(())
    });
    let lines = server.lines("info.log");
    assert!(
        !lines.iter().any(|line| line.contains("checkpoint_failed")),
        "{lines:#?}"
    );
    fs::remove_file(disk.join("real.db-wal")).unwrap();
    last = last.max(talk(alice));
    assert_eq!(server.wait().code(), Some(1));
    server.line("info.log", &["ERROR database_gone", "/disk/real.db-wal"]);
    server.restart();
    assert!(messages(&server) >= last);

    // A link that leads elsewhere is another database.
    let link = server.path().join("data/chatbox.db");
    fs::copy(disk.join("real.db"), disk.join("another.db")).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(disk.join("another.db"), &link).unwrap();
    assert_eq!(server.wait().code(), Some(1));
    server.line("info.log", &["ERROR database_gone", "data/chatbox.db"]);
    // The one that was open is still where it was: its log is set aside for nobody.
    assert!(!names(&disk).iter().any(|name| name.contains("aside")));
}
