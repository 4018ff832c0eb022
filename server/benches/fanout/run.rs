//! One run: a row against one running server.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::book::{Book, Faults};
use crate::generator::{Generator, Pace};
use crate::measure::{Histogram, processor_time, resident_kib};
use crate::parallel::in_parallel;
use crate::rows::{Load, Metric, Row, Span};
use crate::target::ServerUnderTest;

/// The pause after the last login, in which late notices of it arrive.
const SETTLE: Duration = Duration::from_secs(1);
/// When no member has heard anything for this long, missing texts are lost.
const SILENCE: Duration = Duration::from_secs(5);
/// Texts that a server delivers later than this after the last was said count as lost.
const LIMIT: Duration = Duration::from_secs(60);

/// Has no figure for what a row does not measure.
#[derive(Debug, Clone, Default)]
pub struct RunOutcome {
    figures: Vec<(Metric, f64)>,
    pub faults: Faults,
}

impl RunOutcome {
    pub fn get(&self, metric: Metric) -> Option<f64> {
        let mut figures = self.figures.iter();
        figures.find(|(is, _)| *is == metric).map(|(_, is)| *is)
    }

    fn put(&mut self, metric: Metric, figure: impl Into<Option<f64>>) {
        self.figures
            .extend(figure.into().map(|figure| (metric, figure)));
    }
}

/// Fails when the server refuses a member, ends a connection, or sends an error.
pub fn measure(
    row: &Row,
    target: &(dyn ServerUnderTest + Sync),
    span: Span,
) -> anyhow::Result<RunOutcome> {
    let mut outcome = RunOutcome::default();
    let process = target.pid();
    let connections = row.connections();
    let empty = resident_kib(process)?;
    let cost = processor_time(process)?;
    let start = Instant::now();
    let mut generator = connect(row, target)?;
    let took = start.elapsed();
    if row.load == Load::Idle {
        let cost = processor_time(process)?.saturating_sub(cost);
        outcome.put(Metric::Logins, connections as f64 / took.as_secs_f64());
        let each = cost.as_secs_f64() * 1e6 / connections as f64;
        outcome.put(Metric::LoginCost, each);
    }
    generator.run_for(SETTLE)?;
    let full = resident_kib(process)?;
    let memory = full.saturating_sub(empty) as f64 / connections as f64;
    outcome.put(Metric::Memory, memory);
    if let Load::Chat(senders, pace) = row.load {
        chat(
            row,
            process,
            &mut generator,
            (senders, pace),
            span,
            &mut outcome,
        )?;
    }
    Ok(outcome)
}

fn connect(row: &Row, target: &(dyn ServerUnderTest + Sync)) -> anyhow::Result<Generator> {
    let mut generator = Generator::new()?;
    let make = |member| match row.load {
        Load::Idle => target.log_in(member),
        Load::Chat(..) => target.connect(member),
    };
    let count = row.connections();
    in_parallel(count, target.at_once(count), make, |line| {
        line.map_or(Ok(()), |line| generator.adopt(line))?;
        // Members that are connected already are told of those that come.
        generator.poll(Duration::ZERO)
    })
    .context("connecting the members")?;
    Ok(generator)
}

fn chat(
    row: &Row,
    process: u32,
    generator: &mut Generator,
    (senders, pace): (usize, Pace),
    span: Span,
    outcome: &mut RunOutcome,
) -> anyhow::Result<()> {
    generator.book = Book::new(generator.members(), senders);
    let slow = row.slow_reader.then_some(row.members);
    if let Some(slow) = slow {
        generator.stop_reading(slow)?;
    }
    generator.begin(senders, pace)?;
    generator.run_for(span.warm)?;

    generator.book.latency = Histogram::default();
    let begin = Moment::now(generator, process)?;
    generator.run_for(span.window)?;
    let end = Moment::now(generator, process)?;
    let latency = std::mem::take(&mut generator.book.latency);

    drain(generator)?;
    if let Some(slow) = slow {
        generator.read_again(slow)?;
        let end = Instant::now() + SILENCE;
        generator.run_until(end, |book| book.has_lagged(slow))?;
    }
    outcome.faults = generator.book.close();

    let heard = (end.heard - begin.heard) as f64;
    let seconds = end.clock.duration_since(begin.clock).as_secs_f64();
    outcome.put(Metric::Deliveries, heard / seconds);
    if heard > 0.0 {
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / heard;
        outcome.put(Metric::Cost, each(end.server.saturating_sub(begin.server)));
        outcome.put(Metric::Generator, each(end.own.saturating_sub(begin.own)));
    }
    outcome.put(Metric::Median, latency.quantile(0.5));
    outcome.put(Metric::Percentile99, latency.quantile(0.99));
    outcome.put(Metric::Longest, latency.most());
    Ok(())
}

/// Stops the senders, and waits until all texts have arrived or are lost.
pub fn drain(generator: &mut Generator) -> anyhow::Result<()> {
    generator.stop();
    let end = Instant::now() + LIMIT;
    loop {
        let heard = generator.book.heard();
        generator.run_until(Instant::now() + SILENCE, Book::is_complete)?;
        let goes_on = generator.book.heard() > heard && Instant::now() < end;
        if generator.book.is_complete() || !goes_on {
            return Ok(());
        }
    }
}

/// Values read at one moment, so that their differences cover the same time.
struct Moment {
    heard: u64,
    server: Duration,
    own: Duration,
    clock: Instant,
}

impl Moment {
    fn now(generator: &Generator, process: u32) -> anyhow::Result<Self> {
        Ok(Self {
            heard: generator.book.heard(),
            server: processor_time(process)?,
            own: processor_time(std::process::id())?,
            clock: Instant::now(),
        })
    }
}
