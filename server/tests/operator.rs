//! The operator's commands beside a running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::account::{Account, secret};
use chatbox_common::testkit::extra::skips_without;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{Access, ByeReason, ErrorCode, RoomChanged, ServerMessage};
use rusqlite::Connection;

fn changed(client: &mut ScriptedClient) -> RoomChanged {
    client.until("a change of the room", |message| match message {
        ServerMessage::RoomChanged(changed) => Some(changed),
        _ => None,
    })
}

fn login_is_refused(server: &ServerProcess, account: &mut Account) {
    let mut client = ScriptedClient::connect(server);
    let code = account.factor();
    client.attempt(account.name.as_str(), &account.password, &code);
    client.refusal();
}

#[test]
fn who_is_disabled_is_out_at_once_in_all_sessions_and_nobody_else_notices() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, first) = server.register("Mallory");
    let (_bob, mut bob) = server.register("Bob");
    let second = server.log_in(&mut account);
    let third = server.log_in(&mut account);
    let mut sessions = [first, second, third];
    let tokens = [0, 1, 2].map(|n: usize| sessions[n].token());
    bob.post(id(1, 1), "before");

    let said = server.operated(&["user", "disable", "MALLORY"]);
    assert_eq!(said, "Mallory is disabled and can't log in.\n");
    // The command has returned: what is sent now is too late.
    for (n, session) in sessions.iter_mut().enumerate() {
        // Its connection may be gone.
        let _ = session.try_say_all(&[sending(9, id(2, n as u64), "too late")]);
        assert_eq!(session.goodbye(), ByeReason::LoggedOut);
    }
    bob.post(id(1, 2), "after");
    let texts = bob.texts_with("late");
    assert_eq!(texts, Vec::<String>::new());
    for token in &tokens {
        let mut client = ScriptedClient::connect(&server);
        client.say_resume(token);
        client.refusal();
    }
    login_is_refused(&server, &mut account);
    server.line("credentials.log", &["login_failed", "reason=disabled"]);
    let line = server.line("credentials.log", &["user_disabled by=operator uid="]);
    let uid = rustix::process::getuid().as_raw();
    let (who, process) = line.split_once(" gid=").unwrap();
    assert!(who.ends_with(&format!(" uid={uid} user=Mallory account=1")));
    assert!(process.contains(" pid="), "{line}");

    server.operated(&["user", "enable", "mallory"]);
    let code = account.factor();
    ScriptedClient::connect(&server).log_in(&account, &code);
}

#[test]
fn a_role_that_is_given_or_taken_holds_in_open_sessions() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = bob.create("#ops", Access::Open).unwrap().room;
    alice.join("#ops").unwrap();
    for _ in 0..2 {
        assert_eq!(alice.topic(ops, "mine"), Err(ErrorCode::NotAllowed));
        let said = server.operated(&["user", "set-role", "alice", "admin"]);
        assert_eq!(said, "Alice is an administrator now.\n");
        alice.topic(ops, "mine").unwrap();
        server.operated(&["user", "set-role", "alice", "member"]);
    }
}

#[test]
fn who_is_logged_out_and_who_gets_another_factor_has_no_session_left() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, mut session) = server.register("Alice");
    for command in ["logout", "reset-2fa"] {
        let token = session.token();
        let said = server.operated(&["user", command, "alice"]);
        assert_eq!(session.goodbye(), ByeReason::LoggedOut);
        let mut client = ScriptedClient::connect(&server);
        client.say_resume(&token);
        client.refusal();
        if command == "logout" {
            session = server.log_in(&mut account);
            continue;
        }
        // The old second factor is good for nothing, and a recovery code of the new one is.
        login_is_refused(&server, &mut account);
        let codes = said
            .lines()
            .filter_map(|line| line.strip_prefix("         "));
        let code = secret(codes.clone().next().unwrap());
        assert_eq!(codes.count(), 10);
        ScriptedClient::connect(&server).log_in(&account, &code);
        for file in ["credentials.log", "info.log", "sql.log"] {
            let logged = server.lines(file).join("\n");
            assert!(!logged.contains(code.expose()), "{file}");
        }
    }
}

#[test]
fn a_room_that_is_archived_is_so_for_who_is_in_it() {
    let server = ServerProcess::start("[limits]\nrooms = 2\n");
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    server.operated(&["user", "set-role", "alice", "admin"]);
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    server.operated(&["room", "archive", "#OPS", "it is over"]);
    let told = changed(&mut bob);
    assert_eq!(told.archived.as_deref(), Some("it is over"));
    assert_eq!(told.by, "the operator");
    assert_eq!(bob.say_in(ops, 1, "too late"), Err(ErrorCode::Archived));
    let again = server.operated_in_vain(&["room", "archive", "#ops"]);
    assert_eq!(again, "chatbox-server: #ops is archived already\n");
    server.operated(&["room", "unarchive", "#ops"]);
    assert_eq!(changed(&mut bob).archived, None);
    bob.say_in(ops, 1, "again").unwrap();

    server.operated(&["room", "archive", "#ops"]);
    alice.create("#other", Access::Open).unwrap();
    let full = server.operated_in_vain(&["room", "unarchive", "#ops"]);
    assert!(full.contains("as many rooms as there may be"), "{full}");
    let lobby = server.operated_in_vain(&["room", "archive", "#lobby"]);
    assert!(lobby.contains("the lobby can't be archived"), "{lobby}");
    bob.say_in(LOBBY, 2, "here").unwrap();
}

#[test]
fn what_does_not_exist_is_a_sentence_and_changes_nothing() {
    let mut server = ServerProcess::start("");
    let (_alice, mut alice) = server.register("Alice");
    let runs = |server: &ServerProcess| {
        for arguments in [
            &["user", "disable", "nobody"][..],
            &["user", "logout", "nobody"],
        ] {
            let complaint = server.operated_in_vain(arguments);
            assert_eq!(complaint, "chatbox-server: no such user: nobody\n");
        }
        let complaint = server.operated_in_vain(&["room", "archive", "#nowhere"]);
        assert_eq!(complaint, "chatbox-server: no such room: #nowhere\n");
    };
    runs(&server);
    alice.ping();
    server.stop();
    runs(&server);
    let complaint = server.operated_in_vain(&["reload"]);
    assert!(complaint.contains("no server is running"), "{complaint}");
}

#[test]
fn accounts_are_listed_and_the_database_copied_beside_it_and_its_logs_are_its_own() {
    let mut server = ServerProcess::start("");
    let (_alice, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "kept");
    // Who is online is written behind.
    eventually("alice in the list", || {
        let shown = server.operated(&["user", "list"]);
        shown
            .contains("1   Alice  ok      member  yes")
            .then_some(())
    });
    let said = server.operated(&["backup", "copy.db"]);
    assert!(
        said.starts_with("The database is in copy.db as of now.\n"),
        "{said}"
    );
    let copy = server.path().join("copy.db");
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let query = "SELECT count(*) FROM messages WHERE body = CAST('kept' AS BLOB)";
    let found = Connection::open(&copy)
        .unwrap()
        .query_row(query, (), |row| row.get(0));
    assert_eq!(found, Ok(1));
    let again = server.operated_in_vain(&["backup", "copy.db"]);
    assert!(again.contains("exists already"), "{again}");
    let files = fs::read_dir(server.path())
        .unwrap()
        .chain(fs::read_dir(server.path().join("data")).unwrap());
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(
            !name.contains("part-") && !name.starts_with("copy-"),
            "{name}"
        );
    }
    server.line("info.log", &["users_listed by=operator", "count=1"]);
    server.line("info.log", &["backup_made by=operator", "file=copy.db"]);
    // What a command reads is numbered among the server's own transactions.
    let lines = server.lines("sql.log");
    let number = |line: &String| {
        line.split(" tx=")
            .nth(1)?
            .split(' ')
            .next()?
            .parse::<u64>()
            .ok()
    };
    let begun = lines
        .iter()
        .filter(|line| line.contains(" statement=BEGIN"));
    let numbers: Vec<_> = begun.filter_map(number).collect();
    let different: BTreeSet<_> = numbers.iter().collect();
    assert_eq!(different.len(), numbers.len(), "{numbers:?}");
    server.stop();
    assert!(!server.path().join("data/admin.sock").exists());
}

#[test]
fn the_server_of_other_data_is_not_given_commands() {
    let server = ServerProcess::start("");
    let socket = server.path().join("data/admin.sock");
    let config = format!("[server]\nadmin_socket = \"{}\"\n", socket.display());
    let mut other = ServerProcess::start("");
    other.stop();
    fs::write(other.path().join("config.toml"), config).unwrap();
    let complaint = other.operated_in_vain(&["user", "list"]);
    let says = format!("that of {}", server.path().join("data").display());
    assert!(complaint.contains(&says), "{complaint}");
    let refused = other.restart_refused();
    assert!(refused.stderr.contains("another server listens there"));
    server.operated(&["user", "list"]);
}

#[test]
fn a_server_whose_socket_is_gone_is_not_taken_for_a_stopped_one() {
    let server = ServerProcess::start("");
    fs::remove_file(server.path().join("data/admin.sock")).unwrap();
    let complaint = server.operated_in_vain(&["user", "list"]);
    assert!(complaint.contains("a server is running on"), "{complaint}");
    assert!(complaint.contains("nobody answers at"), "{complaint}");
}

#[test]
fn a_server_that_was_killed_leaves_a_socket_that_is_in_nobodys_way() {
    let mut server = ServerProcess::start("");
    server.kill();
    assert!(server.path().join("data/admin.sock").exists());
    server.operated(&["user", "list"]);
    // It was making a copy.
    let left = server.path().join("data/copy-0123456789abcdef.db.part-1");
    fs::write(&left, "").unwrap();
    server.restart();
    server.operated(&["user", "list"]);
    assert!(!left.exists());
}

#[test]
fn what_is_no_command_is_refused_and_many_at_a_time_keep_nobody_waiting() {
    let server = ServerProcess::start("");
    let socket = server.path().join("data/admin.sock");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let data = server.path().join("data");
    let data = data.to_str().unwrap();
    let request = |words: &str| format!("chatbox-admin 1\0{data}\0{words}");
    for (sent, complaint) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "no command"),
        (String::new(), "no command"),
        ("chatbox-admin 1".to_owned(), "no command"),
        ("\0".repeat(70_000), "no command"),
        (request("user\0fly\0alice"), "does not know this command"),
        (request("--port=7878"), "does not know this command"),
        (
            request("user\0disable\0\u{1b}[2J"),
            "does not know this command",
        ),
        ("chatbox-admin 1\0/\0user\0list".to_owned(), "not of /"),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // The server may have answered, and closed, before it has read all.
        let _ = stream.write_all(sent.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(complaint), "{sent:.40}: {said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
    // An earlier one may still be counted when these come, and not any more later.
    let mut silent = Vec::new();
    eventually("too many commands", || {
        silent.extend((0..16).map(|_| UnixStream::connect(&socket).unwrap()));
        let output = server.operate(&["user", "list"]);
        let complaint = String::from_utf8_lossy(&output.stderr);
        complaint.contains("too many commands").then_some(())
    });
    drop(silent);
    eventually("a place for a command", || {
        server
            .operate(&["user", "list"])
            .status
            .success()
            .then_some(())
    });
}

/// `nobody`, and its group.
const NOBODY: u32 = 65_534;

#[test]
fn root_gives_commands_as_the_owner_of_the_data_and_nobody_else_may() {
    let is_root = rustix::process::geteuid().is_root();
    if skips_without("root", is_root, "only root can give data to another user") {
        return;
    }
    let mut server = ServerProcess::start("");
    let socket = server.path().join("data/admin.sock");
    // Others reach the directories, whose modes are not what keeps them out here.
    for name in ["", "data"] {
        let path = server.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let as_nobody = |server: &ServerProcess| {
        let mut command = server.operator(&["user", "list"]);
        let output = command
            .uid(NOBODY)
            .gid(NOBODY)
            .stdout(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let complaint = as_nobody(&server);
    assert!(complaint.contains("is not for this user"), "{complaint}");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let complaint = as_nobody(&server);
    assert!(
        complaint.contains("you may not give this server commands"),
        "{complaint}"
    );
    let refused = format!("command_refused uid={NOBODY} gid={NOBODY} pid=");
    server.line("credentials.log", &["WARN ", &refused]);
    server.stop();
    let complaint = as_nobody(&server);
    assert!(
        complaint.contains("belongs to the user with the number 0"),
        "{complaint}"
    );

    // Whoever has a folder on the way could exchange what lies in it.
    chown(server.path(), Some(1234), None).unwrap();
    let complaint = server.operated_in_vain(&["user", "list"]);
    let who = "belongs to the user with the number 1234, who could exchange";
    assert!(complaint.contains(who), "{complaint}");
    chown(server.path(), Some(0), None).unwrap();
    let log = server.path().join("log");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o770)).unwrap();
    let complaint = server.operated_in_vain(&["user", "list"]);
    assert!(
        complaint.contains("may be changed by others"),
        "{complaint}"
    );
    fs::set_permissions(&log, fs::Permissions::from_mode(0o700)).unwrap();
    server.operated(&["user", "list"]);

    for name in ["", "data", "log", "keys"] {
        let directory = server.path().join(name);
        chown(&directory, Some(NOBODY), Some(NOBODY)).unwrap();
        for entry in fs::read_dir(directory).unwrap() {
            chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    server.operated(&["user", "list"]);
    let line = server.line(
        "info.log",
        &["users_listed by=operator uid=0 count=0 gid=0"],
    );
    assert!(line.contains(" pid="), "{line}");
    for name in ["data", "log"] {
        use std::os::unix::fs::MetadataExt;
        for entry in fs::read_dir(server.path().join(name)).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().uid(),
                NOBODY,
                "{:?}",
                entry.path()
            );
        }
    }
}

#[test]
fn a_group_may_give_commands_where_the_configuration_says_so() {
    let is_root = rustix::process::geteuid().is_root();
    if skips_without(
        "root",
        is_root,
        "only root can give a socket to another group",
    ) {
        return;
    }
    let config =
        format!("[server]\nadmin_socket = \"run/admin.sock\"\nadmin_group = \"{NOBODY}\"\n");
    let mut server = ServerProcess::start_prepared(&config, |path| {
        let run = path.join("run");
        fs::create_dir(&run).unwrap();
        chown(&run, Some(0), Some(NOBODY)).unwrap();
        fs::set_permissions(&run, fs::Permissions::from_mode(0o750)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    });
    let (_alice, mut alice) = server.register("Alice");
    let as_group = |server: &ServerProcess, uid: u32, gid: u32| {
        let mut command = server.operator(&["user", "disable", "alice"]);
        command.uid(uid).gid(gid).output().unwrap()
    };
    let other = as_group(&server, 1234, 1234);
    let complaint = String::from_utf8_lossy(&other.stderr);
    assert!(complaint.contains("is not for this user"), "{complaint}");
    alice.ping();
    let done = as_group(&server, 1234, NOBODY);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(alice.goodbye(), ByeReason::LoggedOut);
    server.line(
        "credentials.log",
        &[
            "user_disabled by=operator uid=1234",
            &format!("gid={NOBODY}"),
        ],
    );
    server.stop();
    // Behind a stopped one it has no rights.
    let complaint = String::from_utf8(as_group(&server, 1234, NOBODY).stderr).unwrap();
    assert!(
        complaint.contains("belongs to the user with the number 0"),
        "{complaint}"
    );
    fs::write(
        server.path().join("config.toml"),
        "[server]\nadmin_group = \"root\"\n",
    )
    .unwrap();
    let refused = server.restart_refused();
    assert_eq!(refused.status.code(), Some(3));
    assert!(refused.stderr.contains("needs an admin_socket"));
}
