//! The workloads, the servers measured in each, and the figures that the product has to reach.

use std::fmt;
use std::time::Duration;

use crate::generator::Pace;
use crate::targets::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// The members log in and say nothing.
    Idle,
    /// This many members talk.
    Chat(usize, Pace),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Deliveries a second.
    Deliveries,
    /// The server's processor time per delivery, in microseconds.
    Cost,
    /// The generator's own processor time per delivery, in microseconds: the server can't use it.
    Generator,
    /// Half of all deliveries take no longer, in milliseconds.
    Median,
    /// 99 of 100 deliveries take no longer, in milliseconds.
    Percentile99,
    /// The longest, in milliseconds.
    Longest,
    /// Resident memory per connection above the empty server, in KiB.
    Memory,
    /// Logins a second.
    Logins,
    /// The server's processor time per login, in microseconds.
    LoginCost,
}

impl Metric {
    /// In the order of the table's columns.
    pub const ALL: [Self; 9] = [
        Self::Deliveries,
        Self::Cost,
        Self::Generator,
        Self::Median,
        Self::Percentile99,
        Self::Longest,
        Self::Memory,
        Self::Logins,
        Self::LoginCost,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries/s",
            Self::Cost => "CPU µs each",
            Self::Generator => "generator's",
            Self::Median => "p50 ms",
            Self::Percentile99 => "p99 ms",
            Self::Longest => "max ms",
            Self::Memory => "KiB a connection",
            Self::Logins => "logins/s",
            Self::LoginCost => "CPU µs a login",
        }
    }

    pub const fn key(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries_per_s",
            Self::Cost => "cpu_us_per_delivery",
            Self::Generator => "generator_cpu_us_per_delivery",
            Self::Median => "p50_ms",
            Self::Percentile99 => "p99_ms",
            Self::Longest => "max_ms",
            Self::Memory => "rss_kib_per_connection",
            Self::Logins => "logins_per_s",
            Self::LoginCost => "cpu_us_per_login",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Binding {
    pub metric: Metric,
    /// The server by whose figure it is divided; `None`: the figure itself is bound.
    pub against: Option<Kind>,
    pub bound: Bound,
}

#[derive(Debug, Clone, Copy)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

const fn at_least(metric: Metric, times: f64, against: Kind) -> Binding {
    Binding {
        metric,
        against: Some(against),
        bound: Bound::AtLeast(times),
    }
}

const fn at_most(metric: Metric, times: f64, against: Kind) -> Binding {
    Binding {
        metric,
        against: Some(against),
        bound: Bound::AtMost(times),
    }
}

#[derive(Debug, Clone)]
pub struct Row {
    /// The slow reader is not counted.
    pub members: usize,
    pub load: Load,
    /// One more member is connected, and the generator does not read from it.
    pub slow_reader: bool,
    /// The servers measured beside the product.
    pub beside: &'static [Kind],
    pub bindings: &'static [Binding],
    /// Part of the short run.
    pub quick: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Members talk before the measurement begins.
    pub warm: Duration,
    /// The measurement.
    pub window: Duration,
}

impl Row {
    pub fn connections(&self) -> usize {
        self.members + usize::from(self.slow_reader)
    }

    /// A paced row has few messages a second, and needs more time for its 99th percentile.
    pub const fn span(&self, quick: bool) -> Span {
        let (warm, window) = match (self.load, quick) {
            (Load::Chat(_, Pace::PerSecond(_)), false) => (2000, 15_000),
            (Load::Chat(_, Pace::PerSecond(_)), true) => (500, 3000),
            (_, false) => (2000, 5000),
            (_, true) => (500, 1500),
        };
        Span {
            warm: Duration::from_millis(warm),
            window: Duration::from_millis(window),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.load {
            Load::Idle => write!(f, "{} log in, then idle", grouped(self.members))?,
            Load::Chat(senders, pace) => {
                write!(f, "{} members, ", grouped(self.members))?;
                match pace {
                    Pace::Window(texts) => write!(f, "{senders} senders × {texts} in flight")?,
                    Pace::PerSecond(texts) => write!(f, "{texts} messages/s in all")?,
                }
            }
        }
        if self.slow_reader {
            f.write_str(", one more does not read")?;
        }
        Ok(())
    }
}

pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

const ALL: &[Kind] = &[Kind::Floor, Kind::Ngircd, Kind::Inspircd];

const MEMORY: Binding = Binding {
    metric: Metric::Memory,
    against: None,
    bound: Bound::AtMost(20.0),
};
const FAST: &[Binding] = &[
    at_least(Metric::Deliveries, 1.5, Kind::Inspircd),
    at_most(Metric::Cost, 1.0, Kind::Inspircd),
];
const MANY_SENDERS: &[Binding] = &[at_least(Metric::Deliveries, 5.0, Kind::Floor)];
const LARGE: &[Binding] = &[at_least(Metric::Deliveries, 1.2, Kind::Inspircd)];
const COMMITS: &[Binding] = &[at_most(Metric::Cost, 1.2, Kind::Inspircd)];
const TURNS: &[Binding] = &[at_most(Metric::Percentile99, 1.0, Kind::Floor)];
const CALM: &[Binding] = &[
    at_most(Metric::Cost, 1.3, Kind::Floor),
    at_most(Metric::Percentile99, 1.3, Kind::Floor),
];
const SMALL: &[Binding] = &[at_most(Metric::Median, 3.0, Kind::Floor)];
/// A message costs at most 1.3 times as much where 30,000 other rooms are in memory.
const CROWDED: &[Binding] = &[at_least(Metric::Cost, 0.77, Kind::Crowded)];
const LOGINS: &[Binding] = &[MEMORY, at_most(Metric::LoginCost, 1.2, Kind::Inspircd)];

/// In the order in which they are measured.
pub fn rows() -> Vec<Row> {
    let chat = |members, senders, pace, beside, bindings, quick| Row {
        members,
        load: Load::Chat(senders, pace),
        slow_reader: false,
        beside,
        bindings,
        quick,
    };
    let idle = |members, bindings, quick| Row {
        members,
        load: Load::Idle,
        slow_reader: false,
        beside: ALL,
        bindings,
        quick,
    };
    vec![
        chat(1_000, 10, Pace::Window(64), ALL, FAST, true),
        chat(1_000, 200, Pace::Window(1), ALL, MANY_SENDERS, true),
        // A server that announces all 5,000 joins to all members takes minutes to fill the room.
        chat(5_000, 10, Pace::Window(64), &[Kind::Inspircd], LARGE, false),
        chat(100, 10, Pace::Window(64), ALL, COMMITS, true),
        chat(100, 10, Pace::Window(1), ALL, TURNS, true),
        chat(1_000, 10, Pace::PerSecond(20), ALL, CALM, true),
        chat(10, 10, Pace::PerSecond(20), ALL, SMALL, false),
        chat(
            60,
            10,
            Pace::PerSecond(50),
            &[Kind::Crowded],
            CROWDED,
            false,
        ),
        idle(1_000, &[MEMORY], true),
        idle(10_000, LOGINS, false),
        chat(10_000, 10, Pace::PerSecond(2), &[Kind::Floor], &[], false),
        Row {
            slow_reader: true,
            ..chat(100, 10, Pace::Window(8), &[], &[], false)
        },
    ]
}
