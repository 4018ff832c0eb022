//! A server that can't write: on a disk without room, and at a limit of the system for its files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;
use std::path::Path;

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{ByeReason, ErrorCode, ServerMessage};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

const SHARED_MEMORY: &str = "/dev/shm";

fn free_mib(path: &Path) -> u64 {
    let disk = rustix::fs::statvfs(path).unwrap();
    disk.f_bavail * disk.f_frsize / (1024 * 1024)
}

/// The server's files may have so many bytes; `None` is no limit.
fn limit_files(server: &ServerProcess, bytes: Option<u64>) {
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    let pid = Pid::from_raw(server.pid().cast_signed());
    prlimit(pid, Resource::Fsize, limit).unwrap();
}

fn size(server: &ServerProcess, file: &str) -> u64 {
    fs::metadata(server.path().join(file)).unwrap().len()
}

#[test]
fn a_start_on_a_disk_without_room_is_told_and_lets_nobody_in_until_there_is_room() {
    // Nobody has so much memory.
    let data = tempfile::tempdir_in(SHARED_MEMORY).unwrap();
    let directory = data.path().display();
    let storage = format!("[storage]\ndirectory = \"{directory}\"\n");
    let mut server = ServerProcess::start(&storage);
    let (account, _alice) = server.register("Alice");
    server.stop();
    let config = server.path().join("config.toml");
    fs::write(&config, format!("{storage}min_free_mib = 1048576\n")).unwrap();
    server.restart();

    let stderr = fs::read_to_string(server.path().join("stderr")).unwrap();
    // Neither disk has so much room: the one with less is named.
    let log = server.path().join("log");
    let both = [data.path(), &log].map(|path| path.display().to_string());
    let named = |path: &&String| stderr.contains(&format!("WARNING: the disk of {path} has "));
    let Some(directory) = both.iter().find(named) else {
        panic!("{stderr}");
    };
    assert!(
        stderr.contains("less than min_free_mib = 1048576"),
        "{stderr}"
    );
    let parts = [
        "disk_nearly_full",
        "min_free_bytes=1099511627776",
        &format!("directory={directory} "),
    ];
    server.line("info.log", &parts);
    for _ in 0..3 {
        let mut client = ScriptedClient::connect(&server);
        let code = account.recovery[0].text();
        client.attempt("Alice", &account.password, &code);
        let answer = client.next();
        let unavailable =
            matches!(&answer, ServerMessage::Error(e) if e.code == ErrorCode::Unavailable);
        assert!(unavailable, "{answer:?}");
        assert_eq!(client.goodbye(), ByeReason::Busy);
    }
    let lines = server.lines("info.log").join("\n");
    assert!(
        !lines.contains("commit_failed"),
        "the disk's own line says it: {lines}"
    );

    server.stop();
    fs::write(&config, storage).unwrap();
    server.restart();
    let code = account.recovery[0].text();
    ScriptedClient::connect(&server).log_in(&account, &code);
}

#[test]
fn the_disk_of_the_log_files_is_watched_as_well() {
    let [temporary, shared] = [&std::env::temp_dir(), Path::new(SHARED_MEMORY)];
    let (small, large) = if free_mib(temporary) < free_mib(shared) {
        (temporary, shared)
    } else {
        (shared, temporary)
    };
    let log = tempfile::tempdir_in(small).unwrap();
    let data = tempfile::tempdir_in(large).unwrap();
    let between = u64::midpoint(free_mib(small), free_mib(large));
    let server = ServerProcess::start(&format!(
        "[storage]\ndirectory = \"{}\"\nmin_free_mib = {between}\n[logging]\ndirectory = \"{}\"\n",
        data.path().display(),
        log.path().display(),
    ));
    let told = eventually("a line of info.log", || {
        let lines = fs::read_to_string(log.path().join("info.log")).unwrap_or_default();
        let mut lines = lines.lines().map(str::to_owned);
        lines.find(|line| line.contains("disk_nearly_full"))
    });
    let directory = format!(" directory={} ", log.path().display());
    assert!(told.contains(&directory), "{told}");
    let stderr = fs::read_to_string(server.path().join("stderr")).unwrap();
    assert!(stderr.contains("WARNING: the disk of"), "{stderr}");
}

#[test]
fn a_limit_for_files_is_a_full_disk_and_neither_the_end_nor_a_line_for_every_attempt() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (account, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "before");
    // The database's log can't be written from its beginning again.
    let reader = server.database();
    let begin = "BEGIN; SELECT count(*) FROM messages";
    reader.execute_batch(begin).unwrap();
    // The log files are shorter.
    limit_files(&server, Some(size(&server, "data/chatbox.db-wal")));
    let mut said = 1;
    let refused = eventually("a message that can't be kept", || {
        said += 1;
        let asked = alice.send(id(1, said), "too much");
        alice.until("an answer", |message| match message {
            ServerMessage::Ack(ack) if ack.request == asked => Some(None),
            ServerMessage::Error(error) if error.request == Some(asked) => Some(Some(error.code)),
            _ => None,
        })
    });
    assert_eq!(refused, ErrorCode::Unavailable);
    // A session that ends is to be written to the table of who is online, again and again.
    let other = ScriptedClient::connect(&server);
    let unwritten = |server: &ServerProcess| {
        let lines = server.lines("sql.log").into_iter();
        let failed = lines.filter(|line| line.contains("ERROR sql failed="));
        failed.count()
    };
    for _ in 0..5 {
        let refused = alice.send(id(1, said), "too much");
        assert_eq!(alice.error(refused).code, ErrorCode::Unavailable);
    }
    server.line("info.log", &["ERROR online_not_written why="]);
    let before = unwritten(&server);
    eventually("several attempts", || {
        (unwritten(&server) >= before + 3).then_some(())
    });
    for event in [" commit_failed ", " online_not_written "] {
        let lines = server.lines("info.log").into_iter();
        let told = lines.filter(|line| line.contains(event)).count();
        assert_eq!(told, 1, "{event}");
    }
    assert!(server.is_running());

    limit_files(&server, None);
    assert_eq!(alice.post(id(1, said), "too much").seq, said);
    drop(other);
    let code = account.recovery[0].text();
    ScriptedClient::connect(&server).log_in(&account, &code);
}
