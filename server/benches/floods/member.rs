//! The member who says a line now and then.

use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::testkit::scripted_client::{ScriptedClient, id};

const EVERY: Duration = Duration::from_millis(100);

/// From a line to its acknowledgement, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Felt {
    pub p50: f64,
    pub p99: f64,
}

/// Lines are due every 100 ms; one that is late counts from when it was due.
pub fn feel(member: &mut ScriptedClient, window: Duration) -> Felt {
    let begin = Instant::now();
    let start = rand::random();
    let mut took = Vec::new();
    for n in 0_u32.. {
        let due = begin + EVERY * n;
        if due >= begin + window {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        member.post(id(start, n.into()), "a line as people say it");
        took.push(due.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    let at = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1];
    Felt {
        p50: at(50),
        p99: at(99),
    }
}
