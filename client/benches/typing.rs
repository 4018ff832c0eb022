//! What a flood costs a person who types: two clients say five thousand lines a second each, and at
//! a full screen keys are pressed. Measures the time from a key to its character on the screen,
//! read back through a terminal emulator, and the memory of a client that keeps 100,000 messages.
//!
//! The real server, the real client on a pseudo-terminal, loopback. The emulator's own work is part
//! of the figures: it reads all that the client draws.

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
    reason = "figures are rounded to be shown"
)]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::terminal::client::enter;
use chatbox_common::testkit::terminal::{CTRL_U, PAGE_UP, Screen};

const TALKERS: u64 = 2;
/// Lines a second of each.
const PACE: u64 = 5_000;
/// Keys pressed while they talk, and the pause between two.
const KEYS: usize = 500;
const BETWEEN: Duration = Duration::from_millis(30);
/// The most messages that the client keeps: as many are said before its memory is read.
const SCROLLBACK: u64 = 100_000;

fn main() {
    // `cargo test --benches` only wants to know that it can be started.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let server = ServerProcess::start(UNLIMITED);
    let (mut alice, _) = server.register("alice");
    let talkers: Vec<ScriptedClient> = (0..TALKERS)
        .map(|number| server.register(&format!("talker{number}")).1)
        .collect();
    let mut screen = enter(&server, (120, 40), &mut alice);
    let quiet = latencies(&mut screen);
    report("nobody talks", &quiet);
    let (said, ends) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let threads: Vec<_> = (1..)
        .zip(talkers)
        .map(|(number, client)| {
            let (said, ends) = (Arc::clone(&said), Arc::clone(&ends));
            thread::spawn(move || talk(number, client, &said, &ends))
        })
        .collect();
    let begun = Instant::now();
    let crowded = latencies(&mut screen);
    let rate = said.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    report(&format!("{rate:.0} messages a second"), &crowded);
    while said.load(Ordering::Relaxed) < SCROLLBACK {
        // Nothing is measured meanwhile.
        thread::sleep(Duration::from_millis(100));
    }
    ends.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    let said = said.load(Ordering::Relaxed);
    println!(
        "{said} messages were said; resident memory {} MiB",
        resident_mib(&screen)
    );
    scrolling(&mut screen);
}

/// Says lines at [`PACE`] until `ends`, and drops all that it hears but acknowledgements.
fn talk(number: u64, mut client: ScriptedClient, said: &AtomicU64, ends: &AtomicBool) {
    let begun = Instant::now();
    let mut count = 0;
    while !ends.load(Ordering::Relaxed) {
        let due = begun.elapsed().as_millis() as u64 * PACE / 1_000;
        let batch: Vec<_> = (count..due.min(count + 64))
            .map(|line| {
                let text = format!("line {line} of talker {number}, as long as people's are");
                sending(line as u32 + 1, id(number, line), &text)
            })
            .collect();
        if batch.is_empty() {
            // The next line is not due yet: this is the pace.
            thread::sleep(Duration::from_millis(2));
            continue;
        }
        count += batch.len() as u64;
        let last = count as u32;
        client.say_all(&batch);
        client.until("the acknowledgement", |message| match message {
            chatbox_common::wire::message::ServerMessage::Ack(ack) => {
                (ack.request == last).then_some(())
            }
            _ => None,
        });
        said.fetch_add(batch.len() as u64, Ordering::Relaxed);
    }
}

/// From each key to its character on the screen, sorted.
fn latencies(screen: &mut Screen) -> Vec<Duration> {
    let mut all = Vec::with_capacity(KEYS);
    let mut typed = String::new();
    for number in 0..KEYS {
        // Capitals, which no talker says.
        typed.push(char::from(b'A' + (number % 26) as u8));
        let last = typed.chars().last().unwrap().to_string();
        let begun = Instant::now();
        screen.press(&last);
        screen.input_is(&typed);
        all.push(begun.elapsed());
        if typed.len() == 26 {
            screen.press(CTRL_U);
            typed.clear();
            screen.input_is("");
        }
        // As a person pauses between keys.
        thread::sleep(BETWEEN);
    }
    screen.press(CTRL_U);
    screen.input_is("");
    all.sort_unstable();
    all
}

/// How long each of 200 pages up from the newest message takes.
fn scrolling(screen: &mut Screen) {
    let mut all = Vec::new();
    for key in [PAGE_UP; 200] {
        let mark = screen.mark();
        let begun = Instant::now();
        screen.press(key);
        screen.draws(mark);
        all.push(begun.elapsed());
    }
    all.sort_unstable();
    report("a page up", &all);
}

fn report(what: &str, sorted: &[Duration]) {
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: {} times, p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        sorted.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// Of the client itself, which is the one child of `setsid`.
fn resident_mib(screen: &Screen) -> u64 {
    let children = format!("/proc/{0}/task/{0}/children", screen.pid());
    let child = fs::read_to_string(children).unwrap();
    let child = child
        .split_whitespace()
        .next()
        .map_or_else(|| screen.pid().to_string(), str::to_owned);
    let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib / 1024
}
