//! Three people, four sessions, three rooms and chance: real clients and the real server against a
//! model of what each may and must see, through kills, stops and returns.
//!
//! `CHATBOX_SEED=7` replays a run; `CHATBOX_SEEDS_FOR=120` takes fresh seeds for so many seconds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

mod model;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chatbox_common::testkit::random::SeededRandom;
use model::{ALL, PEOPLE, World};

/// Of one run.
const OPERATIONS: usize = 2_000;

/// Does one thing that `random` chooses.
fn operate(world: &mut World, random: &mut SeededRandom) {
    let terminal = random.below(world.terminals.len());
    if world.terminals[terminal].is_stopped {
        return world.go_on(terminal);
    }
    match random.below(1_000) {
        0..700 => world.say(terminal, random),
        700..760 => world.join(terminal, random.one_of(ALL)),
        760..800 => world.leave(terminal, random.one_of(ALL)),
        800..830 => world.kick(random.one_of(ALL), random.below(PEOPLE.len())),
        830..850 => world.ban(random.one_of(ALL), random.below(PEOPLE.len())),
        850..875 => world.unban(random.one_of(ALL), random.below(PEOPLE.len())),
        875..915 => world.invite(random.below(PEOPLE.len())),
        915..955 => world.tries_what_is_not_theirs(terminal, random.one_of(ALL)),
        955..985 => world.stop(terminal),
        985..993 => world.leaves_and_comes_back(terminal),
        993..997 => world.kill(),
        _ => world.settle(),
    }
}

fn run(seed: u64, operations: usize) {
    let mut random = SeededRandom::new(seed);
    let begun = Instant::now();
    let mut world = World::begin();
    for _ in 0..operations {
        operate(&mut world, &mut random);
    }
    let told = world.end();
    eprintln!("{operations} operations: {told}, {:?}", begun.elapsed());
}

#[test]
fn promise_1_each_sees_exactly_what_is_theirs_whatever_happens() {
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let Some(seconds) = number("CHATBOX_SEEDS_FOR") else {
        return run(number("CHATBOX_SEED").unwrap_or(1), OPERATIONS);
    };
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        run(u64::from(now.subsec_nanos()), OPERATIONS);
    }
}
