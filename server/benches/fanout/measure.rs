//! A histogram of latencies, and what the system reports of a process and the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The unit in which Linux reports processor time (`USER_HZ`): 100 a second on every architecture
/// that this runs on.
const TICK: Duration = Duration::from_millis(10);
/// Binary digits of the steps per doubling: 128 steps, an error of less than a hundredth.
const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;

/// Nanoseconds, counted in steps that grow with the value.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let octaves = (u64::BITS - STEP_BITS) as usize;
        Self {
            counts: vec![0; (octaves + 1) * STEPS],
            most: 0,
        }
    }
}

impl Histogram {
    pub fn record(&mut self, nanoseconds: u64) {
        self.counts[Self::place(nanoseconds)] += 1;
        self.most = self.most.max(nanoseconds);
    }

    /// Every value below 256 has a place of its own; above, the eight leading bits decide.
    const fn place(value: u64) -> usize {
        let bits = u64::BITS - value.leading_zeros();
        let shift = bits.saturating_sub(STEP_BITS + 1);
        shift as usize * STEPS + (value >> shift) as usize
    }

    /// The middle of the values in a place.
    const fn value(place: usize) -> u64 {
        let shift = (place / STEPS).saturating_sub(1);
        let lowest = ((place - shift * STEPS) as u64) << shift;
        lowest + (1_u64 << shift) / 2
    }

    /// The value that this part of all does not exceed, in milliseconds; `None` without values.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let all: u64 = self.counts.iter().sum();
        let wanted = (all as f64 * part).ceil() as u64;
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += count;
            all > 0 && seen >= wanted
        })?;
        Some(milliseconds(Self::value(place).min(self.most)))
    }

    /// The greatest value, in milliseconds; `None` without values.
    pub fn most(&self) -> Option<f64> {
        (self.most > 0).then(|| milliseconds(self.most))
    }
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// User and system time of all threads of a process.
pub fn processor_time(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name may hold spaces and parentheses; the fields behind it do not.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u32>)
        .sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}

pub fn resident_kib(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|value| value.split_whitespace().next())
        .and_then(|kib| kib.parse().ok())
        .context("no VmRSS in status")
}

/// Raises the limit of descriptors to the hard limit, for this process and those it starts.
pub fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Where this fails, a row that needs more descriptors fails with its own error.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// The machine in one line: figures compare on one machine only.
pub fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let (disk, system) = disk_of(&std::env::temp_dir());
    let kernel = kernel.trim();
    format!("{cores} cores of {model}, Linux {kernel}, databases on {system} of {disk}")
}

/// Device and file system of a path.
fn disk_of(path: &Path) -> (String, String) {
    let path = path.canonicalize().unwrap_or_else(|_| PathBuf::from("/"));
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (device, place, system) = (fields.next()?, fields.next()?, fields.next()?);
            path.starts_with(place)
                .then(|| (place.len(), device.to_owned(), system.to_owned()))
        })
        // Of several mounts at one place the last, which `max_by_key` takes, hides the others.
        .max_by_key(|(length, ..)| *length)
        .map_or_else(Default::default, |(_, device, system)| (device, system))
}
