//! The server's throughput and cost, compared with the floor and with IRC servers over TLS.
//!
//! `cargo bench -p chatbox-server --bench fanout -- --help` lists the options. The servers are
//! processes of their own; one thread drives all members. In each row the servers take turns,
//! each freshly started, so that their ratios are of the same minutes.

#![allow(
    clippy::indexing_slicing,
    reason = "a place that is not there is a mistake of this program, and ends the run"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures are rounded to be shown; texts and members are counted in far fewer bits"
)]

mod book;
mod chatbox;
mod floor;
mod generator;
mod irc;
mod lines;
mod measure;
mod parallel;
mod report;
mod rows;
mod run;
mod siege;
mod storm;
mod target;
mod targets;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use chatbox::{Accounts, Survives};
use report::Measured;
use rows::{Load, Row, rows};
use targets::Kind;

/// The most members in the short run.
const QUICK_MEMBERS: usize = 1_000;
/// Durability "full" leaves out rows with more members: they say nothing about the disk.
const DURABLE_MEMBERS: usize = 1_000;

/// Measures the server under the workloads of docs/BENCHMARKS.md.
#[derive(Debug, Parser)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct Arguments {
    /// Fewer rows, smaller and shorter, once each: within two minutes
    #[arg(long)]
    quick: bool,
    /// Write the figures as lines of JSON; `-` for standard output, in place of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure each row so many times
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Measure only rows whose name has this part
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Measure only these servers
    #[arg(long, value_enum, value_delimiter = ',')]
    servers: Vec<Kind>,
    /// What an acknowledged message survives; "full" measures the product alone
    #[arg(long, value_enum, default_value = "normal")]
    durability: Survives,
    /// Measure what members feel of hostile peers, in place of the rows
    #[arg(long)]
    storms: bool,
    /// List the rows
    #[arg(long)]
    list: bool,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    fn rows(&self) -> Vec<Row> {
        let mut rows = rows();
        if self.quick {
            rows.retain(|row| row.quick);
            for row in &mut rows {
                row.members = row.members.min(QUICK_MEMBERS);
            }
        }
        if self.durability == Survives::Full {
            rows.retain(|row| row.load != Load::Idle && row.members <= DURABLE_MEMBERS);
            for row in &mut rows {
                row.bindings = &[];
            }
        }
        let named = |row: &Row| {
            let only = self.only.as_ref();
            only.is_none_or(|part| row.to_string().contains(part))
        };
        rows.retain(named);
        rows
    }

    fn kinds(&self, row: &Row) -> Vec<Kind> {
        let mut kinds = vec![Kind::Chatbox];
        if self.durability == Survives::Normal {
            kinds.extend(row.beside);
        }
        if self.servers.is_empty() {
            // The short run leaves out the slower of the two IRC servers.
            kinds.retain(|kind| !self.quick || *kind != Kind::Ngircd);
        } else {
            kinds.retain(|kind| self.servers.contains(kind));
        }
        kinds
    }
}

fn main() -> anyhow::Result<ExitCode> {
    if std::env::args().nth(1).as_deref() == Some(floor::FLAG) {
        floor::serve()?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::env::args().nth(1).as_deref() == Some(storm::FLAG) {
        storm::serve(std::env::args().skip(2))?;
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = Arguments::parse();
    let rows = arguments.rows();
    if arguments.list {
        for row in &rows {
            println!("{row}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.bench {
        // `cargo test --all-targets` runs benchmarks, too, to see that they start.
        println!("measures only under `cargo bench`");
        return Ok(ExitCode::SUCCESS);
    }
    measure::raise_descriptors();
    if arguments.storms {
        let accounts = Accounts::register(siege::MEMBERS)?;
        let (table, all_well) = siege::measure(&accounts)?;
        print!("{}\n\n{table}", measure::machine());
        return Ok(exit(all_well));
    }
    let most = rows.iter().map(Row::connections).max().unwrap_or(0);
    eprintln!("registering {most} accounts");
    let accounts = Accounts::register(most)?;
    let mut all = Vec::new();
    for row in rows {
        all.push(measure_row(&arguments, row, &accounts)?);
    }
    let heading = format!(
        "{}, durability \"{}\"",
        measure::machine(),
        arguments.durability.name()
    );
    let lines = report::json_lines(&heading, &all);
    match &arguments.json {
        Some(path) if path.as_os_str() == "-" => print!("{lines}"),
        Some(path) => {
            std::fs::write(path, lines).with_context(|| format!("writing {}", path.display()))?;
            print!("{}", report::markdown(&heading, &all));
        }
        None => print!("{}", report::markdown(&heading, &all)),
    }
    let whole = all.iter().all(Measured::is_whole);
    if !whole {
        eprintln!("a run failed, or something was lost, held back or out of order");
    }
    Ok(exit(whole))
}

const fn exit(all_well: bool) -> ExitCode {
    if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn measure_row(arguments: &Arguments, row: Row, accounts: &Accounts) -> anyhow::Result<Measured> {
    let kinds = arguments.kinds(&row);
    let mut runs: Vec<_> = kinds.into_iter().map(|kind| (kind, Vec::new())).collect();
    let count = if arguments.quick { 1 } else { arguments.runs };
    let span = row.span(arguments.quick);
    for number in 1..=count {
        for (kind, outcomes) in &mut runs {
            let Some(server) = kind.start(accounts, arguments.durability, row.members)? else {
                continue;
            };
            eprintln!("{row}: {kind}, run {number} of {count}");
            // One server's failure must not discard the figures of the other runs.
            let outcome = run::measure(&row, &*server, span);
            outcomes.push(
                outcome
                    .inspect_err(|error| eprintln!("FAILED: {error:#}"))
                    .ok(),
            );
        }
    }
    // A server that is not installed has no line.
    runs.retain(|(_, outcomes)| !outcomes.is_empty());
    Ok(Measured { row, runs })
}
