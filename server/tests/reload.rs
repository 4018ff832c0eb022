//! A configuration that is read again, and log files that are opened anew, while the server runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;
use std::ops::RangeInclusive;

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{Access, ErrorCode, ServerMessage};
use rustix::process::Signal;

const LOGS: [&str; 4] = ["sql.log", "info.log", "credentials.log", "chat.log"];

fn write(server: &ServerProcess, config: &str) {
    fs::write(server.path().join("config.toml"), config).unwrap();
}

/// As fast as it can, each acknowledged.
fn say(client: &mut ScriptedClient, round: u64, numbers: RangeInclusive<u64>) {
    for n in numbers {
        client.post(id(round, n), &format!("{round} {n}"));
    }
}

fn registration(server: &ServerProcess) -> Option<ErrorCode> {
    let mut client = ScriptedClient::connect(server);
    client.say_register("Carol");
    match client.next() {
        ServerMessage::Error(error) => Some(error.code),
        _ => None,
    }
}

#[test]
fn settings_that_can_change_do_so_at_once_and_the_others_are_named() {
    let server = ServerProcess::start("[security]\nmax_messages_per_sec = 1\n");
    let (_alice, mut alice) = server.register("Alice");
    assert_eq!(registration(&server), None);
    write(
        &server,
        "[server]\nregistration = \"closed\"\nmax_connections = 7\n\
         [security]\nmax_messages_per_sec = 0\n[limits]\nrooms = 0\n[storage]\ndurability = \"full\"\n",
    );
    let said = server.operated(&["reload"]);
    assert_eq!(
        said,
        "changed: registration, max_messages_per_sec, rooms\n\
         kept until the server is started again: max_connections, durability\n"
    );
    server.line(
        "info.log",
        &["reloaded changed=registration,max_messages_per_sec,rooms \
           kept=max_connections,durability by=operator uid="],
    );
    assert_eq!(registration(&server), Some(ErrorCode::RegistrationClosed));
    // The session that is open has the new pace.
    say(&mut alice, 1, 1..=20);
    let full = alice.create("#ops", Access::Open).unwrap_err();
    assert_eq!(full, ErrorCode::TooManyRooms);

    // By a signal as well; what was kept is named again.
    write(&server, "[storage]\ndurability = \"full\"\n");
    server.send_signal(Signal::HUP);
    let changed = "changed=registration,max_messages_per_sec,rooms kept=durability";
    let line = server.line("info.log", &[changed]);
    assert!(line.ends_with(changed), "{line}");
    assert_eq!(registration(&server), None);
    alice.create("#ops", Access::Open).unwrap();
    assert_eq!(
        server.operated(&["reload"]),
        "no setting has changed\n\
        kept until the server is started again: durability\n"
    );
}

#[test]
fn a_bad_configuration_changes_nothing_and_ends_nothing() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    write(
        &server,
        "[security]\nmax_messages_per_sec = 1\nnonsense = 1\n",
    );
    server.send_signal(Signal::HUP);
    let line = server.line("info.log", &["ERROR reload_failed why="]);
    assert!(line.contains("no key `nonsense`"), "{line}");
    let output = server.operate(&["reload"]);
    assert_eq!(output.status.code(), Some(3));
    say(&mut alice, 1, 1..=20);
    assert!(server.is_running());
}

#[test]
fn all_logs_may_be_moved_and_behind_a_reload_nothing_is_written_to_them() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    for round in 1..=3_u64 {
        say(&mut alice, round, 1..=50);
        let moved = |name: &str| server.log_path(&format!("{name}.{round}"));
        for name in LOGS {
            fs::rename(server.log_path(name), moved(name)).unwrap();
        }
        server.operated(&["reload"]);
        let sizes = LOGS.map(|name| fs::metadata(moved(name)).unwrap().len());
        say(&mut alice, round, 51..=60);
        server.operated(&["user", "list"]);
        assert_eq!(
            LOGS.map(|name| fs::metadata(moved(name)).unwrap().len()),
            sizes
        );
    }
    // Without a word it is noticed as well.
    fs::rename(server.log_path("chat.log"), server.log_path("chat.log.4")).unwrap();
    say(&mut alice, 4, 1..=50);
    eventually("a new file", || {
        server.log_path("chat.log").exists().then_some(())
    });
    say(&mut alice, 4, 51..=51);
    server.stop();
    let files = [
        "chat.log.1",
        "chat.log.2",
        "chat.log.3",
        "chat.log.4",
        "chat.log",
    ];
    let all = files.map(|file| server.lines(file)).concat();
    let text = |line: &String| {
        Some(
            line.split_once(" text=\"")?
                .1
                .trim_end_matches('"')
                .to_owned(),
        )
    };
    let texts: Vec<_> = all.iter().filter_map(text).collect();
    let rounds = (1..=3).flat_map(|round| (1..=60).map(move |n| format!("{round} {n}")));
    let sent: Vec<_> = rounds.chain((1..=51).map(|n| format!("4 {n}"))).collect();
    assert_eq!(texts, sent);
}

#[test]
fn the_state_is_written_on_demand() {
    let server = ServerProcess::start("");
    let (_alice, alice) = server.register("Alice");
    server.send_signal(Signal::USR1);
    let line = server.line("info.log", &["INFO  state seconds="]);
    assert!(line.contains(" connections=1 people=1 sessions=1 rooms=1 database_bytes="));
    let free = line.rsplit_once(" free_bytes=").unwrap().1;
    assert!(free.parse::<u64>().unwrap() > 0);
    drop(alice);
}
