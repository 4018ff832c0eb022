//! Files that change under a running server, or were changed before it started.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use chatbox_common::limits::MAX_TEXT;
use chatbox_common::testkit::account::secret;
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, program};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{ByeReason, ErrorCode};
use rusqlite::Connection;

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

/// Runs the server's program to its end; the directory has a config.toml.
fn run(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("chatbox-server"));
    command
        .current_dir(dir)
        .args(["--config", "config.toml", "--port", "0"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    GuardedChild::spawn(&mut command)
        .wait_with_output()
        .unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_lost_or_empty_database_is_not_taken_for_a_new_one() {
    let mut server = ServerProcess::start("");
    let (_account, _client) = server.register("Alice");
    server.stop();
    let database = server.path().join("data/chatbox.db");
    let kept = server.path().join("kept.db");
    fs::rename(&database, &kept).unwrap();
    for is_there in [false, true] {
        if is_there {
            fs::write(&database, "").unwrap();
        }
        let refused = server.restart_refused();
        assert_eq!(refused.status.code(), Some(3));
        assert!(refused.stderr.contains("--new-database"), "{refused:?}");
        assert_eq!(database.exists(), is_there, "it was left as it was");
    }
    // At the operator's word the names are free, and the identity is the old one.
    let begun = GuardedChild::spawn(
        Command::new(program("chatbox-server"))
            .current_dir(server.path())
            .args(["--config", "config.toml", "--port", "0", "--new-database"])
            .stdin(Stdio::null())
            .stdout(Stdio::null()),
    );
    eventually("a new database", || {
        // The empty file goes before the new one has its name.
        fs::metadata(&database).ok().filter(|file| file.len() > 0)?;
        let accounts = server.query("SELECT CAST(count(*) AS TEXT) FROM REGISTERED");
        (accounts.as_deref() == Some("0")).then_some(())
    });
    drop(begun);
    let refused = run(server.path(), &["--new-database"]);
    assert_eq!(refused.status.code(), Some(3), "{}", complaint(&refused));
    assert!(complaint(&refused).contains("move it away first"));
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port().to_string();
    for (config, arguments, code) in [
        ("[server]\nprt = 1\n", &[][..], 3),
        ("", &["--port", &taken], 4),
        ("", &["--check-config"], 0),
        ("", &["user", "list"], 1),
        (
            "[server]\nmax_connections = 1\n[storage]\ndirectory = 'config.toml/data'\n",
            &[],
            3,
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.toml"), config).unwrap();
        let mut command = Command::new(program("chatbox-server"));
        command
            .current_dir(dir.path())
            .args(["--config", "config.toml"]);
        let ended = command.args(arguments).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{}", complaint(&ended));
        assert_eq!(names(dir.path()), ["config.toml"], "{arguments:?}");
    }
}

#[test]
fn what_only_the_client_can_check_is_not_called_fine() {
    let dir = tempfile::tempdir().unwrap();
    let checked = |config: &str| {
        fs::write(dir.path().join("config.toml"), config).unwrap();
        let checked = run(dir.path(), &["--check-config"]);
        assert_eq!(checked.status.code(), Some(0));
        String::from_utf8(checked.stdout).unwrap()
    };
    assert!(!checked("[server]\nport = 1\n").contains("[keys]"));
    let told = checked("[keys]\n'ctrl-q' = 'no such action'\n");
    assert!(
        told.contains("[keys] was not checked: chatbox --check-config"),
        "{told}"
    );
}

#[test]
fn a_second_start_on_the_same_files_leaves_those_of_the_first_alone() {
    let server = ServerProcess::start("");
    // As if the running server were in the middle of a line.
    server.line("info.log", &["INFO  started"]);
    let path = server.log_path("info.log");
    let before = fs::read_to_string(&path).unwrap() + "half a line";
    fs::write(&path, &before).unwrap();
    server.try_another();
    let after = fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(&before), "{after}");
    assert!(!after.contains("log_repaired"), "{after}");
}

#[test]
fn a_key_directory_is_closed_to_others_and_refused_where_they_could_have_changed_it() {
    let mut server = ServerProcess::start("");
    server.stop();
    let keys = server.path().join("keys");
    fs::set_permissions(&keys, Permissions::from_mode(0o770)).unwrap();
    let refused = server.restart_refused();
    assert!(refused.stderr.contains("chmod 700"), "{refused:?}");
    fs::set_permissions(&keys, Permissions::from_mode(0o755)).unwrap();
    server.restart();
    server.line("info.log", &["WARN  key_directory_closed mode=0755"]);
    let mode = || fs::metadata(&keys).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    server.stop();

    // As if the configuration named a directory that others use as well.
    fs::write(keys.join("passwd"), "").unwrap();
    fs::set_permissions(&keys, Permissions::from_mode(0o755)).unwrap();
    server.restart();
    server.line(
        "info.log",
        &["WARN  key_directory_open mode=0755", "other files"],
    );
    assert_eq!(mode(), 0o755);
}

#[test]
fn keys_that_are_not_those_of_the_database_are_refused_by_name() {
    let mut server = ServerProcess::start("");
    let (mut account, _client) = server.register("Alice");
    server.stop();
    let keys = server.path().join("keys");
    let key = |name: &str| keys.join(name);
    let kept: Vec<_> = ["totp_seal", "salt", "name_hash"]
        .map(|name| (name, fs::read(key(name)).unwrap()))
        .into();
    for (name, bytes) in &kept {
        fs::write(key(name), [7; 32]).unwrap();
        let refused = server.restart_refused();
        assert_eq!(refused.status.code(), Some(1));
        let sentence = format!("keys/{name} is not the key that the database was written with");
        assert!(refused.stderr.contains(&sentence), "{refused:?}");
        if *name == "totp_seal" {
            let reset = run(server.path(), &["user", "reset-2fa", "alice"]);
            assert!(
                complaint(&reset).contains(&sentence),
                "{}",
                complaint(&reset)
            );
        }
        fs::write(key(name), bytes).unwrap();
    }
    // Two that were exchanged are two wrong ones.
    fs::write(key("totp_seal"), &kept[1].1).unwrap();
    fs::write(key("salt"), &kept[0].1).unwrap();
    assert!(server.restart_refused().stderr.contains("keys/totp_seal"));
    fs::write(key("totp_seal"), &kept[0].1).unwrap();
    fs::write(key("salt"), &kept[1].1).unwrap();
    server.restart();
    server.log_in(&mut account);
}

#[test]
fn an_account_that_cannot_be_read_is_not_logged_as_nobody() {
    let server = ServerProcess::start("");
    let (account, _client) = server.register("Alice");
    let database = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let damage = "UPDATE REGISTERED SET totp = zeroblob(50)";
    assert_eq!(database.execute(damage, ()), Ok(1));
    let mut client = ScriptedClient::connect(&server);
    client.attempt("alice", &account.password, &secret("000000"));
    let refused = (ErrorCode::LoginRefused, ByeReason::LoginRefused);
    assert_eq!(client.refusal(), refused);
    let line = server.line("credentials.log", &["login_failed"]);
    assert!(
        line.contains("user=Alice") && line.contains("reason=unreadable"),
        "{line}"
    );
}

#[test]
fn a_database_that_was_damaged_is_refused_after_an_unclean_end_and_its_bytes_give_no_orders() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    for n in 1..=40 {
        alice.post(id(1, n), &"x".repeat(4_000));
    }
    server.stop();
    let path = server.path().join("data/chatbox.db");
    let whole = fs::read(&path).unwrap();
    // A start that is killed leaves the mark of a run.
    server.restart();
    server.kill();
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let refused = server.restart_refused();
    assert!(
        refused.stderr.contains("the database is damaged"),
        "{refused:?}"
    );

    // What SQLite says of a schema has its text.
    fs::write(&path, whole).unwrap();
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch(
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = 'CREATE \u{1b}[2J' WHERE name = 'messages'",
        )
        .unwrap();
    drop(database);
    let refused = server.restart_refused();
    assert!(refused.stderr.contains("damaged"), "{refused:?}");
    assert!(!refused.stderr.contains('\u{1b}'), "{refused:?}");
}

#[test]
fn who_asks_for_a_damaged_page_is_told_so() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (account, mut alice) = server.register("Alice");
    for n in 1..=40 {
        alice.post(id(1, n), &"x".repeat(MAX_TEXT));
    }
    server.stop();
    let path = server.path().join("data/chatbox.db");
    let bytes = fs::read(&path).unwrap();
    // Pages that hold nothing but what was said: no start reads them.
    let is_text = |page: &[u8]| page[8..].iter().all(|byte| *byte == b'x');
    let damaged: Vec<u8> = bytes
        .chunks(4096)
        .flat_map(|page| {
            let mut page = page.to_vec();
            if is_text(&page) {
                // The number of the next page of the text.
                page[..4].fill(0xff);
            }
            page
        })
        .collect();
    assert!(bytes != damaged);
    fs::write(&path, damaged).unwrap();
    server.restart();
    let mut account = account;
    let mut alice = server.log_in(&mut account);
    let asked = alice.history(None, None, 9);
    let error = alice.error(asked);
    assert_eq!(error.code, ErrorCode::Unavailable);
    assert!(
        error.text.contains("its database is damaged"),
        "{}",
        error.text
    );
}

#[test]
fn a_backup_that_is_killed_leaves_nothing_that_passes_for_one() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, _client) = server.register("Alice");
    let database = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) \
                INSERT INTO meta SELECT 'filler' || i, randomblob(300) FROM n";
    database.execute_batch(many).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("copy.db");
    let mut command = Command::new(program("chatbox-server"));
    command
        .current_dir(server.path())
        .args(["--config", "config.toml", "backup"])
        .arg(&target)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut backup = GuardedChild::spawn(&mut command);
    let size = |name: &String| fs::metadata(elsewhere.path().join(name)).map_or(0, |f| f.len());
    eventually("a copy that is being made", || {
        names(elsewhere.path())
            .iter()
            .any(|name| size(name) > 0)
            .then_some(())
    });
    backup.kill().unwrap();
    backup.wait().unwrap();
    if target.exists() {
        // It was faster than the test: then it is whole, and nobody's session is in it.
        let copy = Connection::open(&target).unwrap();
        let tokens: i64 = copy
            .query_row("SELECT count(*) FROM resume_tokens", (), |row| row.get(0))
            .unwrap();
        assert_eq!(tokens, 0);
    } else {
        assert!(
            names(elsewhere.path())
                .iter()
                .all(|name| name.starts_with("copy.db.part-"))
        );
    }
    // What was left is not in the way of the next one, once the server is done with the first.
    let again = elsewhere.path().join("again.db");
    eventually("another backup", || {
        let done = run(server.path(), &["backup", again.to_str().unwrap()]);
        let is_done = done.status.success();
        assert!(
            is_done || complaint(&done).contains("another backup is under way"),
            "{}",
            complaint(&done)
        );
        is_done.then_some(())
    });
}

#[test]
fn an_unclean_end_is_told_at_the_next_start_and_a_clean_one_is_not() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "the last words");
    let last = server.line("chat.log", &["the last words"]);
    server.line("sql.log", &["INSERT INTO messages"]);
    server.kill();
    let logs = ["chat.log", "sql.log", "info.log", "credentials.log"];
    let ends = logs.map(|log| server.lines(log).last().map(|line| line[..24].to_owned()));
    let latest = ends.into_iter().flatten().max().unwrap();
    assert!(latest.as_str() >= &last[..24]);
    server.restart();
    let told = server.line("info.log", &["WARN  ended_uncleanly"]);
    assert!(
        told.contains(&format!(" last={latest} database=whole")),
        "{told}"
    );
    server.stop();
    server.restart();
    server.stop();
    let lines = server.lines("info.log");
    let told = lines.iter().filter(|line| line.contains("ended_uncleanly"));
    assert_eq!(told.count(), 1);
}

#[test]
fn a_session_has_one_number_in_all_runs() {
    let mut server = ServerProcess::start("");
    let (mut account, client) = server.register("Alice");
    let first = client.welcome.as_ref().unwrap().session;
    server.line("credentials.log", &["registered user=Alice", "session=1.1"]);
    assert_eq!(first, (1 << 32) + 1);
    server.kill();
    server.restart();
    let second = server.log_in(&mut account).welcome.unwrap().session;
    assert_eq!(second, (2 << 32) + 1);
    server.line("credentials.log", &["login user=Alice", "session=2.1"]);
}
