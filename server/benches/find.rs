//! What a long history costs: a million messages in twenty rooms, and how long the server takes to
//! start, to log a client in, to give a first page, to find words and moments, and to index a
//! database of a version without an index.
//!
//! The real server, and a client that speaks its protocol over loopback. The database is made once,
//! in cargo's directory for files of benchmarks, and copied for each run. Figures are medians, with
//! the lowest and the highest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that fails may end the run"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures are rounded to be shown; ranks of words are small"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chatbox_common::auth::scram::{Iterations, Password, Verifier};
use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::account::{Account, secret};
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::random::SeededRandom;
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::wire::message::{Found, Place};
use rusqlite::Connection;

const MESSAGES: u64 = 1_000_000;
const ROOMS: u64 = 20;
/// Milliseconds between two messages; the last is of now.
const EVERY_MS: u64 = 30_000;
/// Different words, of which the one of rank n is n times as rare as the first (Zipf).
const WORDS: f64 = 50_000.0;
/// One in this many messages has the rare word.
const RARE: u64 = 100_000;
/// How often everything but the indexing is measured.
const RUNS: usize = 5;
const SEARCHES: usize = 20;
/// Messages a second while a database is indexed beside them.
const PACE: u64 = 20;
const PACED: usize = 150;

fn word(random: &mut SeededRandom) -> String {
    const STEPS: usize = 1 << 30;
    let share = random.below(STEPS) as f64 / STEPS as f64;
    format!("w{}", WORDS.powf(share) as u64)
}

fn text(random: &mut SeededRandom, number: u64) -> String {
    let count = 4 + random.below(14);
    let mut words: Vec<String> = (0..count).map(|_| word(random)).collect();
    words.push(
        if number.is_multiple_of(2) {
            "even"
        } else {
            "odd"
        }
        .to_owned(),
    );
    if number % RARE == 7 {
        words.push("xylophone".to_owned());
    }
    words.join(" ")
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis() as u64
}

fn database(directory: &Path) -> PathBuf {
    directory.join("data/chatbox.db")
}

/// The database without an index, and its keys. The file `complete` is written last, so that a
/// template whose making was interrupted is made again.
fn template() -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("find");
    if kept.join("complete").exists() {
        return kept;
    }
    eprintln!("making {MESSAGES} messages");
    let mut server = ServerProcess::start(UNLIMITED);
    drop(server.register("Filler"));
    server.stop();
    fill(&database(server.path()));
    let _ = fs::remove_dir_all(&kept);
    lay_out(server.path(), &kept);
    fs::write(kept.join("complete"), "").unwrap();
    kept
}

fn fill(path: &Path) {
    let mut connection = Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    let room = "INSERT INTO rooms(name, mode, created_at) VALUES('#room-' || ?1, 'audited', 1)";
    for number in 2..=ROOMS {
        transaction.execute(room, [number.cast_signed()]).unwrap();
    }
    let mut say = transaction
        .prepare(
            "INSERT INTO messages(room, seq, sender, kind, body, time, client_id) \
             VALUES(?1, ?2, 1, 0, ?3, ?4, CAST(printf('%016d', ?5) AS BLOB))",
        )
        .unwrap();
    let mut random = SeededRandom::new(1);
    let mut heads = [0; ROOMS as usize];
    let begin = now_ms() - MESSAGES * EVERY_MS;
    for number in 0..MESSAGES {
        let room = random.below(ROOMS as usize) as u64;
        let head = &mut heads[room as usize];
        *head += 1;
        let text = text(&mut random, number);
        let time = begin + number * EVERY_MS;
        let place = (room.cast_signed() + 1, *head, text.as_bytes());
        let row = (
            place.0,
            place.1,
            place.2,
            time.cast_signed(),
            number.cast_signed(),
        );
        say.execute(row).unwrap();
    }
    drop(say);
    let next = "UPDATE rooms SET next_seq = 1 + \
        (SELECT max(seq) FROM messages WHERE room = rooms.id)";
    // Marks all as logged: otherwise the server would first write chat.log again.
    let logged = "UPDATE meta SET value = (SELECT max(id) FROM messages) \
        WHERE key = 'chat_log_mark'";
    for statement in [next, logged] {
        transaction.execute(statement, ()).unwrap();
    }
    transaction.commit().unwrap();
}

fn lay_out(from: &Path, to: &Path) {
    for kept in ["data", "keys"] {
        let (from, to) = (from.join(kept), to.join(kept));
        fs::create_dir_all(&to).unwrap();
        fs::set_permissions(&to, fs::metadata(&from).unwrap().permissions()).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

/// Messages that are not indexed yet.
fn missing(connection: &Connection) -> u64 {
    let query = "SELECT max((SELECT max(id) FROM messages) - value, 0) FROM meta \
        WHERE key = 'fts_mark'";
    let missing = connection.query_row(query, (), |row| row.get::<_, i64>(0));
    missing.unwrap().cast_unsigned()
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let done = work();
    (begin.elapsed(), done)
}

fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let (low, high) = (times[0], times[times.len() - 1]);
    let median = times[times.len() / 2];
    println!(
        "{what:<52} {:>8.2} ms ({:.2}–{:.2})",
        ms(median),
        ms(low),
        ms(high)
    );
}

/// Times from `send` to `ack`, at [`PACE`].
fn paced(client: &mut ScriptedClient, counter: &mut u64) -> Vec<Duration> {
    let begin = Instant::now();
    let mut times = Vec::new();
    for number in 0..PACED {
        let due = begin + Duration::from_millis(1_000 / PACE) * number as u32;
        // Keeps the pace.
        thread::sleep(due.saturating_duration_since(Instant::now()));
        *counter += 1;
        let (time, _) = timed(|| client.say_in(LOBBY, *counter, "how long?").unwrap());
        times.push(time);
    }
    times
}

fn tell_paced(when: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    tell(&format!("a message, {when}"), times);
    println!(
        "{:<52} {:>8.2} ms",
        "  99 of 100 within",
        p99.as_secs_f64() * 1_000.0
    );
}

/// Indexes the whole database twice: while a client talks, and beside an idle server.
fn index(template: &Path) -> (ServerProcess, Account) {
    let beside = ServerProcess::start_prepared(UNLIMITED, |directory| lay_out(template, directory));
    let (_, mut client) = beside.register("Bob");
    let mut counter = 0;
    let during = paced(&mut client, &mut counter);
    let left = missing(&beside.database());
    tell_paced("while older ones are indexed", during);
    println!(
        "{:<52} {left:>8}",
        "  messages that were still to be indexed then"
    );
    drop(beside);

    let (start, server) = timed(|| {
        ServerProcess::start_prepared(UNLIMITED, |directory| lay_out(template, directory))
    });
    let begin = Instant::now();
    let database = server.database();
    let before = missing(&database);
    while missing(&database) > 0 {
        // The server does not report the end of indexing; polling without a pause would slow it.
        thread::sleep(Duration::from_millis(20));
    }
    let rate = before as f64 / begin.elapsed().as_secs_f64();
    println!(
        "{:<52} {rate:>8.0} messages/s",
        "indexing beside the idle server"
    );
    eprintln!("(the copy and the first start took {start:?})");
    let (account, mut client) = server.register("Alice");
    for number in 2..=ROOMS {
        client.join(&format!("#room-{number}")).unwrap();
    }
    tell_paced("with everything indexed", paced(&mut client, &mut counter));
    (server, account)
}

fn hash() -> Duration {
    let password = Password::prepare(&secret("correct horse battery")).unwrap();
    let derive = || Verifier::derive(&password, [1; 16], Iterations::DEFAULT);
    timed(derive).0
}

fn search(client: &mut ScriptedClient, what: &str, words: &str, before: Option<Place>) -> Found {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..SEARCHES {
        let (time, found) = timed(|| client.find(words, before, 50).unwrap());
        times.push(time);
        last = Some(found);
    }
    let found = last.unwrap();
    let count = found.messages.len();
    tell(&format!("search: {what} ({count} found)"), times);
    found
}

fn searches(client: &mut ScriptedClient) {
    search(client, "a rare word", "xylophone", None);
    search(client, "a word nobody used", "glockenspiel", None);
    let first = search(client, "a word of half of all messages", "even", None);
    let last = first.messages.last().unwrap();
    let before = Some(Place {
        room: last.room,
        seq: last.seq,
    });
    search(client, "  its second page", "even", before);
    search(client, "two words", "w3 w300", None);
    search(
        client,
        "eight common words",
        "w1 w2 w3 w4 w5 w6 w7 w8",
        None,
    );
    search(client, "two words never together", "even odd", None);
}

fn main() {
    let template = template();
    let size = fs::metadata(database(&template)).unwrap().len() / 1_000_000;
    println!("{MESSAGES} messages in {ROOMS} rooms, {size} MB without an index\n");
    let (mut server, mut account) = index(&template);
    let (mut starts, mut logins, mut pages, mut moments) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        server.stop();
        starts.push(timed(|| server.restart()).0);
        let (login, mut client) = timed(|| server.log_in(&mut account));
        logins.push(login);
        let ask = |client: &mut ScriptedClient| {
            let asked = client.history(None, None, 50);
            client.page(asked).messages.len()
        };
        pages.push(timed(|| ask(&mut client)).0);
        let year = now_ms() - MESSAGES * EVERY_MS / 2;
        moments.push(timed(|| client.before_time(LOBBY, year, 50).unwrap()).0);
    }
    tell("start-up", starts);
    tell("login, with handshake, password and second factor", logins);
    tell(
        "  of it the password, which is the client's to hash",
        (0..RUNS).map(|_| hash()).collect(),
    );
    tell("first page of 50 messages", pages);
    tell("page of 50 before a moment in the middle", moments);
    let mut client = server.log_in(&mut account);
    searches(&mut client);
    server.stop();
    let size = fs::metadata(database(server.path())).unwrap().len() / 1_000_000;
    println!("\n{size} MB with the index");
}
