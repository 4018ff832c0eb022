//! Members talk while hostile peers attack: their latency, and the server's memory.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context;

use crate::book::Book;
use crate::chatbox::{Accounts, ChatBox, ServerOptions, Survives};
use crate::generator::{Generator, Pace};
use crate::measure::{Histogram, resident_kib};
use crate::parallel::in_parallel;
use crate::run::drain;
use crate::storm::{self, Attack};
use crate::target::ServerUnderTest;

pub const MEMBERS: usize = 100;
const SENDERS: usize = 10;
const TEXTS_PER_SECOND: u32 = 50;
/// Connections above the members' that a full server takes: it refuses nearly all of an attack.
const STRANGERS: usize = 4;
const WARM: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(8);

/// An attack, and whether the server is full.
#[derive(Debug, Clone, Copy)]
struct Weather {
    kind: Attack,
    /// The server takes only [`STRANGERS`] more connections than there are members.
    full: bool,
}

/// The 99th percentiles are in milliseconds.
struct Felt {
    weather: Weather,
    attempts: u64,
    before: f64,
    during: f64,
    calm_kib: u64,
    storm_kib: u64,
    faults: u64,
}

impl Felt {
    /// The most that the 99th percentile may rise to: half as much again, and 5 ms.
    fn limit(&self) -> f64 {
        self.before * 1.5 + 5.0
    }

    fn holds(&self) -> bool {
        self.during <= self.limit() && self.faults == 0
    }
}

/// Each attack meets a fresh server. Returns the table, and whether all limits were kept.
pub fn measure(accounts: &Accounts) -> anyhow::Result<(String, bool)> {
    let mut table = format!(
        "{MEMBERS} members, {TEXTS_PER_SECOND} messages/s in all, p99 ms\n\n\
         | storm | attempts | before | during | limit | MiB before | MiB during | lost, lagged or out of order | |\n\
         |---|---|---|---|---|---|---|---|---|\n"
    );
    let open = Attack::ALL.map(|kind| Weather { kind, full: false });
    let full = Weather {
        kind: Attack::Connect,
        full: true,
    };
    let mut all_well = true;
    for weather in open.into_iter().chain([full]) {
        let felt = endure(weather, accounts).with_context(|| format!("{weather:?}"))?;
        all_well &= felt.holds();
        line(&mut table, &felt);
    }
    Ok((table, all_well))
}

fn line(table: &mut String, felt: &Felt) {
    let Weather { kind, full } = felt.weather;
    let mib = |kib: u64| kib as f64 / 1024.0;
    let _ = writeln!(
        table,
        "| {}{} | {} | {:.2} | {:.2} | {:.2} | {:.1} | {:.1} | {} | {} |",
        kind.name(),
        if full { ", above the cap" } else { "" },
        felt.attempts,
        felt.before,
        felt.during,
        felt.limit(),
        mib(felt.calm_kib),
        mib(felt.storm_kib),
        felt.faults,
        if felt.holds() { "holds" } else { "**missed**" },
    );
}

fn endure(weather: Weather, accounts: &Accounts) -> anyhow::Result<Felt> {
    let limits = ServerOptions {
        durability: Survives::Normal,
        with_conversations: 0,
        connections: weather.full.then_some(MEMBERS + STRANGERS),
    };
    let server = ChatBox::start(accounts, limits)?;
    let mut generator = Generator::new()?;
    // No more at once than a full server has room for.
    let make = |member| server.connect(member);
    in_parallel(MEMBERS, STRANGERS, make, |line| {
        line.map_or(Ok(()), |line| generator.adopt(line))?;
        generator.poll(Duration::ZERO)
    })?;
    generator.book = Book::new(MEMBERS, SENDERS);
    generator.begin(SENDERS, Pace::PerSecond(TEXTS_PER_SECOND))?;
    generator.run_for(WARM)?;

    let before = window(&mut generator)?;
    let calm_kib = resident_kib(server.pid())?;
    eprintln!("{weather:?}");
    let storm = storm::spawn(weather.kind, server.address(), WARM + WINDOW)?;
    generator.run_for(WARM)?;
    let during = window(&mut generator)?;
    let storm_kib = resident_kib(server.pid())?;
    drain(&mut generator)?;
    let attempts = storm.finish()?;
    let faults = generator.book.close();
    Ok(Felt {
        weather,
        attempts,
        before,
        during,
        calm_kib,
        storm_kib,
        faults: faults.lost + faults.lagged + faults.out_of_order,
    })
}

/// The 99th percentile of a window, in milliseconds.
fn window(generator: &mut Generator) -> anyhow::Result<f64> {
    generator.book.latency = Histogram::default();
    generator.run_for(WINDOW)?;
    let p99 = generator.book.latency.quantile(0.99);
    p99.context("nobody heard anything")
}
