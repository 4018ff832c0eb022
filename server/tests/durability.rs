//! What survives the server's end, sudden or not, and what it does when it can't store anything.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::fs::symlink;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::codec;
use chatbox_common::wire::message::{ByeReason, ErrorCode, MessageId, Seq, ServerMessage};
use rusqlite::Connection;

/// Messages that one sender has in flight.
const BURST: u32 = 32;

struct Told {
    account: u64,
    acknowledged: Vec<(MessageId, Seq)>,
    bye: Option<ByeReason>,
}

/// Sends until the connection ends.
fn talk(mut client: ScriptedClient, account: u64, total: &AtomicU64) -> Told {
    let mut told = Told {
        account,
        acknowledged: Vec::new(),
        bye: None,
    };
    let (mut said, mut waiting) = (0, 0);
    loop {
        if waiting == 0 {
            waiting = BURST;
            let message = |n: u32| sending(n, id(account, n.into()), &format!("no. {n} whole"));
            let burst: Vec<_> = (said..said + BURST).map(message).collect();
            said += BURST;
            // A server that stops takes nothing more, but its answers can still be read.
            let _ = client.try_say_all(&burst);
        }
        match client.try_next() {
            Ok(ServerMessage::Ack(ack)) => {
                let message = id(account, ack.request.into());
                told.acknowledged.push((message, ack.seq));
                total.fetch_add(1, Ordering::Relaxed);
                waiting -= 1;
            }
            Ok(ServerMessage::Bye(bye)) => told.bye = Some(bye.reason),
            Ok(ServerMessage::Error(error)) => panic!("{error:?}"),
            Ok(_) => {}
            Err(_) => return told,
        }
    }
}

fn senders<'s, 'e>(
    server: &ServerProcess,
    scope: &'s Scope<'s, 'e>,
    total: &'e AtomicU64,
) -> Vec<ScopedJoinHandle<'s, Told>> {
    let clients = ["Alice", "Bob", "Carol"].map(|name| server.register(name).1);
    (1..)
        .zip(clients)
        .map(|(account, client)| scope.spawn(move || talk(client, account, total)))
        .collect()
}

fn wait_for(total: &AtomicU64, many: u64) {
    eventually("acknowledgements", || {
        (total.load(Ordering::Relaxed) >= many).then_some(())
    });
}

/// Every acknowledged message is stored under its number, there are no gaps, and chat.log has each
/// message once.
fn check(server: &ServerProcess, told: &[Told]) {
    let database = server.database();
    let mut all = database
        .prepare("SELECT id, sender, client_id, seq FROM messages ORDER BY seq")
        .unwrap();
    let rows = all.query_map((), |row| {
        let number = |column| row.get(column).map(i64::cast_unsigned);
        Ok((number(0)?, (number(1)?, row.get(2)?), number(3)?))
    });
    let rows: Vec<(u64, (u64, MessageId), Seq)> = rows.unwrap().map(Result::unwrap).collect();
    assert!(rows.iter().map(|row| row.2).eq(1..=rows.len() as u64));
    let stored: HashMap<_, _> = rows.iter().map(|row| (row.1, row.2)).collect();
    assert_eq!(stored.len(), rows.len());
    for one in told {
        for (message, seq) in &one.acknowledged {
            assert_eq!(stored.get(&(one.account, *message)), Some(seq));
        }
    }
    let lines = server.lines("chat.log");
    let whole = lines.iter().filter(|line| line.ends_with(r#" whole""#));
    let mut logged: Vec<u64> = whole
        .map(|line| line.split(" id=").nth(1).unwrap())
        .map(|rest| rest.split(' ').next().unwrap().parse().unwrap())
        .collect();
    logged.sort_unstable();
    let expected: Vec<u64> = rows.iter().map(|row| row.0).collect();
    let missing: Vec<_> = expected.iter().filter(|id| !logged.contains(id)).collect();
    let twice: Vec<_> = logged.windows(2).filter(|two| two[0] == two[1]).collect();
    assert_eq!((missing, twice), (vec![], Vec::<&[u64]>::new()));
    assert_eq!(logged, expected);
}

#[test]
fn promise_2_what_was_acknowledged_survives_a_kill() {
    let mut server = ServerProcess::start(UNLIMITED);
    let total = AtomicU64::new(0);
    let told: Vec<Told> = thread::scope(|scope| {
        let senders = senders(&server, scope, &total);
        wait_for(&total, 3000);
        server.kill();
        senders.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(told.iter().all(|one| !one.acknowledged.is_empty()));
    // As if a power cut had taken the end of the file, in the middle of a line.
    let path = server.log_path("chat.log");
    let log = fs::read_to_string(&path).unwrap();
    let last = log.lines().last().unwrap();
    let cut = log.len() - last.len() / 2;
    fs::write(&path, &log[..cut]).unwrap();

    server.restart();
    check(&server, &told);
    let parts = ["log_repaired", "file=chat.log"];
    server.line("info.log", &parts);
    let row = last
        .split(' ')
        .find(|word| word.starts_with("id="))
        .unwrap();
    server.line("chat.log", &[&format!(" {row} "), "recovered=1", "whole"]);

    // The room's numbers go on without a gap.
    let (_account, mut dave) = server.register("Dave");
    let head = dave.welcome.as_ref().unwrap().rooms[0].head;
    assert_eq!(dave.post(id(9, 1), "no. 1 whole").seq, head + 1);
    check(&server, &told);
}

#[test]
fn promise_3_what_was_lost_on_the_way_is_sent_again_after_a_kill() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    let first = alice.post(id(1, 1), "kept");
    server.kill();
    server.restart();
    let mut alice = server.resume(&alice.token());
    let again = alice.post(id(1, 1), "kept");
    assert_eq!((again.seq, again.time), (first.seq, first.time));
    assert_eq!(alice.post(id(1, 2), "new").seq, 2);
}

/// The history id in the welcome of a new account.
fn history(server: &ServerProcess, name: &str) -> [u8; 16] {
    let (_account, client) = server.register(name);
    client.welcome.unwrap().history_id
}

#[test]
fn promise_1_a_number_gets_no_other_text_under_the_same_history_after_a_power_cut() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    let first = alice.welcome.as_ref().unwrap().history_id;
    alice.post(id(1, 1), "kept");
    server.kill();
    let earlier = server.files();

    // Only the process has ended: nothing can be lost.
    server.restart();
    assert_eq!(history(&server, "Bob"), first);
    let mut alice = server.resume(&alice.token());
    assert_eq!(alice.post(id(1, 2), "lost with the machine").seq, 2);
    server.kill();

    server.cut_power(&earlier);
    server.restart();
    server.line("info.log", &["WARN  history_renewed", "the machine ended"]);
    let renewed = history(&server, "Carol");
    assert_ne!(renewed, first);
    let (_account, mut dave) = server.register("Dave");
    let welcome = dave.welcome.clone().unwrap();
    assert_eq!(welcome.predecessor, Some(first));
    assert_eq!(welcome.rooms[0].kept, Some(1));
    assert_eq!(dave.post(id(4, 1), "another text").seq, 2);

    // The id is renewed once only, and not after an orderly stop.
    server.kill();
    server.restart();
    assert_eq!(history(&server, "Erin"), renewed);
    server.stop();
    let left = server.query("SELECT value FROM meta WHERE key = 'running_boot'");
    assert_eq!(left, None);
    server.restart();
    assert_eq!(history(&server, "Frank"), renewed);
}

#[test]
fn a_start_after_a_kill_in_the_same_boot_writes_no_other_mark() {
    let mut server = ServerProcess::start("");
    // A kill takes the lines that the audit thread has not written yet.
    server.line("sql.log", &["INSERT", "'running_boot'"]);
    server.kill();
    server.restart();
    assert_eq!(server.stop().code(), Some(0));
    let lines = server.lines("sql.log");
    let of_mark = |what: &str| {
        let all = lines.iter().filter(|line| line.contains("'running_boot'"));
        all.filter(|line| line.contains(what)).count()
    };
    assert_eq!((of_mark("INSERT"), of_mark("DELETE")), (1, 1));
}

#[test]
fn promise_2_where_a_power_cut_takes_nothing_the_history_goes_on() {
    let mut server = ServerProcess::start("[storage]\ndurability = \"full\"\n");
    let first = history(&server, "Alice");
    server.kill();
    let left = server.query("SELECT value FROM meta WHERE key = 'running_boot'");
    assert_eq!(left, None);
    // The durability of the last run decides, not that of the next one.
    fs::write(server.path().join("config.toml"), "").unwrap();
    server.restart();
    assert_eq!(history(&server, "Bob"), first);
    server.kill();
    server.boot_anew();
    fs::write(
        server.path().join("config.toml"),
        "[storage]\ndurability = \"full\"\n",
    )
    .unwrap();
    server.restart();
    assert_ne!(history(&server, "Carol"), first);
}

#[test]
fn promise_2_a_stop_under_load_says_goodbye_to_everybody_and_loses_nothing() {
    let mut server = ServerProcess::start(UNLIMITED);
    let idle = ScriptedClient::connect(&server);
    let total = AtomicU64::new(0);
    let told: Vec<Told> = thread::scope(|scope| {
        let senders = senders(&server, scope, &total);
        wait_for(&total, 1000);
        let begin = Instant::now();
        let status = server.stop();
        let took = begin.elapsed();
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_secs(5), "{took:?}");
        senders.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let byes: Vec<_> = told.iter().map(|one| one.bye).collect();
    assert_eq!(byes, [Some(ByeReason::Shutdown); 3]);
    let mut idle = idle;
    assert_eq!(idle.goodbye(), ByeReason::Shutdown);
    server.line("info.log", &["INFO  stopped", "connections_left=0"]);
    check(&server, &told);
    server.restart();
    check(&server, &told);
}

#[test]
fn a_stop_says_goodbye_to_who_talks_without_a_pause() {
    const RECORDS: u32 = 4000;
    let mut server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    // Sealed beforehand, since two threads can't share the client.
    let records: Vec<_> = (0..RECORDS)
        .map(|n| {
            let mut content = Vec::new();
            for n in n * 16..n * 16 + 16 {
                codec::put(&sending(n, id(1, n.into()), &"x".repeat(200)), &mut content);
            }
            alice.seal(&content)
        })
        .collect();
    let mut stream = alice.stream.try_clone().unwrap();
    let written = thread::scope(|scope| {
        let writer = scope.spawn(move || {
            // Until the client shuts the connection down.
            let sent = records
                .iter()
                .take_while(|record| stream.write_all(record).is_ok());
            sent.count()
        });
        alice.ack(1000);
        server.signal();
        let reason = alice.until("goodbye", |message| match message {
            ServerMessage::Bye(bye) => Some(bye.reason),
            _ => None,
        });
        assert_eq!(reason, ByeReason::Shutdown);
        // Fails where the server has closed it already.
        let _ = alice.stream.shutdown(Shutdown::Both);
        writer.join().unwrap()
    });
    assert_eq!(server.wait().code(), Some(0));
    assert!(written < RECORDS as usize, "it was still talking");
    server.line("info.log", &["INFO  stopped", "connections_left=0"]);
}

#[test]
fn what_was_committed_is_shown_though_the_log_is_full_and_then_nothing_is_taken() {
    let mut server = ServerProcess::start_prepared(UNLIMITED, |dir| {
        symlink("/dev/full", dir.join("log/chat.log")).unwrap();
    });
    let (_alice, mut alice) = server.register("Alice");
    let (mut account, mut bob) = server.register("Bob");
    alice.post(id(1, 1), "no. 1 whole");
    assert_eq!(bob.chat().seq, 1);
    let refused = alice.send(id(1, 2), "no. 2 whole");
    assert_eq!(alice.error(refused).code, ErrorCode::Unavailable);
    // What is stored is acknowledged all the same.
    assert_eq!(alice.post(id(1, 1), "no. 1 whole").seq, 1);
    let asked = bob.history(None, None, 9);
    assert_eq!(bob.page(asked).messages.len(), 1);
    server.log_in(&mut account);
    assert!(server.is_running());

    server.kill();
    fs::remove_file(server.log_path("chat.log")).unwrap();
    server.restart();
    let mut alice = server.resume(&alice.token());
    assert_eq!(alice.post(id(1, 2), "no. 2 whole").seq, 2);
    server.line("chat.log", &["seq=1", "recovered=1", "no. 1 whole"]);
    check(&server, &[]);
}

#[test]
fn a_chat_log_that_was_moved_away_has_no_line_again_in_the_next_one() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    let mut moved = Vec::new();
    let say = |alice: &mut ScriptedClient, n| alice.post(id(1, n), &format!("no. {n} whole"));
    let mark = "SELECT CAST(value AS TEXT) FROM meta WHERE key = 'chat_log_mark'";
    // Moved beside the running server, after its stop, and before it is killed.
    for n in [1, 3, 5] {
        say(&mut alice, n);
        let to = server.log_path(&format!("chat.log.{n}"));
        if n == 1 {
            fs::rename(server.log_path("chat.log"), &to).unwrap();
        }
        let row = say(&mut alice, n + 1).seq.to_string();
        if n == 5 {
            eventually("the mark", || {
                server.query(mark).filter(|mark| *mark == row)
            });
            server.kill();
        } else {
            assert_eq!(server.stop().code(), Some(0));
            assert_eq!(server.query(mark), Some(row));
        }
        if n > 1 {
            fs::rename(server.log_path("chat.log"), &to).unwrap();
        }
        moved.extend(fs::read_to_string(to).unwrap().lines().map(str::to_owned));
        server.restart();
        alice = server.resume(&alice.token());
    }
    let texts = moved
        .iter()
        .map(|line| line.split(" text=").nth(1).unwrap());
    let expected: Vec<_> = (1..=6).map(|n| format!("\"no. {n} whole\"")).collect();
    assert!(texts.eq(expected.iter().map(String::as_str)), "{moved:#?}");
    assert_eq!(server.lines("chat.log"), [""; 0]);
    say(&mut alice, 7);
    server.line("chat.log", &[" id=7 "]);
}

#[test]
fn a_database_that_another_program_holds_is_waited_for_and_then_unavailable() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_account, mut alice) = server.register("Alice");
    alice.post(id(1, 1), "before");
    let other = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Whether the first is stored can't be known: it is not refused for good.
    for (counter, text) in [(1, "before"), (2, "meanwhile")] {
        let refused = alice.send(id(1, counter), text);
        assert_eq!(alice.error(refused).code, ErrorCode::Unavailable);
    }
    let asked = alice.history(None, None, 9);
    assert_eq!(alice.page(asked).messages.len(), 1);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(alice.post(id(1, 1), "before").seq, 1);
    assert_eq!(alice.post(id(1, 2), "meanwhile").seq, 2);
    assert!(server.is_running());
    let parts = ["ERROR commit_failed", "the database is busy"];
    server.line("info.log", &parts);
}

#[test]
fn a_login_while_the_database_is_held_is_told_so_and_spends_nothing() {
    let server = ServerProcess::start("");
    let (mut account, _session) = server.register("Alice");
    let code = account.factor();
    let other = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut client = ScriptedClient::connect(&server);
    client.attempt("Alice", &account.password, &code);
    let answer = client.next();
    let unavailable =
        matches!(&answer, ServerMessage::Error(e) if e.code == ErrorCode::Unavailable);
    assert!(unavailable, "{answer:?}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(client.goodbye(), ByeReason::Busy);
    ScriptedClient::connect(&server).log_in(&account, &code);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = ServerProcess::start("");
    let (_account, mut alice) = server.register("Alice");
    let refused = server.try_another();
    assert_eq!(refused.status.code(), Some(1));
    let sentence = "is in use by a running chatbox-server";
    assert!(refused.stderr.contains(sentence), "{refused:?}");
    alice.post(id(1, 1), "undisturbed");
}

#[test]
fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let mut server = ServerProcess::start("");
    server.stop();
    let path = server.path().join("data/chatbox.db");
    let database = Connection::open(&path).unwrap();
    database.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(database);
    let refused = server.restart_refused();
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("schema 99"), "{refused:?}");
    let version = server.query("SELECT CAST(user_version AS TEXT) FROM pragma_user_version");
    assert_eq!(version.as_deref(), Some("99"));
}

#[test]
fn a_database_without_its_keys_gets_no_new_ones() {
    let mut server = ServerProcess::start("");
    server.stop();
    fs::remove_file(server.path().join("keys/totp_seal")).unwrap();
    let refused = server.restart_refused();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("restore it from a backup"),
        "{refused:?}"
    );
    assert!(!server.path().join("keys/totp_seal").exists());
}
