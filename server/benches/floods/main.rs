//! What one member feels while another floods the server with each kind of request that there is,
//! with resumes, and with logins that are none.
//!
//! The real server, and clients that speak its protocol over loopback. The member says a line every
//! 100 ms and waits for its acknowledgement; the flood comes from threads at the lowest priority, as
//! if from another machine. Options: a part of the floods' names, and `--seconds N` for each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that fails may end the run"
)]

mod crowd;
mod flood;
mod member;

use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use flood::{Flood, floods};
use member::Felt;

/// Who has to catch up with a line every 100 ms must not be too fast.
const CONFIG: &str = "[security]\nmax_messages_per_sec = 100\n";
/// The flooder logs in from there where its tokens are gone, each time from another address, so that
/// what was refused before does not count.
const ELSEWHERE: u8 = 99;
/// Longer than what a delivery thread keeps of a room for those that follow it again.
const FILLING: u64 = 40;
const FILLING_PAUSE: Duration = Duration::from_millis(20);

/// What a member may feel: twice as much as before, and 5 ms.
fn limit(before: Felt) -> f64 {
    before.p99 * 2.0 + 5.0
}

fn row(name: &str, sent: u64, before: Felt, during: Felt) {
    let verdict = if during.p99 <= limit(before) {
        "holds"
    } else {
        "**missed**"
    };
    println!(
        "| {name} | {sent} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {verdict} |",
        before.p50,
        before.p99,
        during.p50,
        during.p99,
        limit(before),
    );
}

fn measure(flood: &Flood, window: Duration) {
    let server = ServerProcess::start(CONFIG);
    let (_account, mut member) = server.register("Member");
    let (mut account, mut flooder) = server.register("Flooder");
    for n in 0..FILLING {
        flooder.post(id(9, n), &"x".repeat(8_000));
        thread::sleep(FILLING_PAUSE);
    }
    let before = member::feel(&mut member, window / 2);
    let end = Instant::now() + window;
    let (sent, during) = thread::scope(|scope| {
        let flooding = scope.spawn(|| flood.run(&server, &mut account, flooder, end));
        let during = member::feel(&mut member, window);
        (flooding.join().unwrap(), during)
    });
    row(&flood.name, sent, before, during);
}

fn again(server: &ServerProcess, account: &mut Account) -> ScriptedClient {
    let host = ELSEWHERE + u8::try_from(account.recovery.len()).unwrap();
    let mut client = ScriptedClient::connect_from(server, host);
    let factor = account.factor();
    client.log_in(account, &factor);
    client
}

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let (mut only, mut window, mut bench) = (String::new(), Duration::from_secs(20), false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What cargo passes to every benchmark.
            "--bench" => bench = true,
            "--seconds" => {
                let seconds = arguments.next().and_then(|text| text.parse().ok());
                window = Duration::from_secs(seconds.expect("a number of seconds"));
            }
            part => part.clone_into(&mut only),
        }
    }
    if !bench {
        println!("measures only under `cargo bench`");
        return;
    }
    println!("| flood | sent | p50 before | p99 before | p50 | p99 | limit | |");
    println!("|---|---|---|---|---|---|---|---|");
    for flood in floods() {
        if flood.name.contains(&only) {
            measure(&flood, window);
        }
    }
    if crowd::NAME.contains(&only) {
        let (sent, before, during) = crowd::measure(window);
        row(crowd::NAME, sent, before, during);
    }
}
