//! A table of connections without sockets, and attackers of many kinds.

use std::collections::HashSet;

use super::*;

const CAP: usize = 1_024;
/// Which the usual limits of Linux allow.
const DEFAULT_CAP: usize = 15_734;

impl Strangers {
    fn largest(&mut self, phase: Phase) -> usize {
        self.crowd(phase).largest()
    }
}

/// A table of connections without sockets, and a clock.
struct Sim {
    strangers: Strangers,
    cap: usize,
    last: SessionId,
    /// Not those that are logged in.
    open: HashSet<SessionId>,
    members: usize,
    now: Instant,
}

impl Sim {
    fn new(cap: usize) -> Self {
        Self {
            strangers: Strangers::new(cap),
            cap,
            last: 0,
            open: HashSet::new(),
            members: 0,
            now: Instant::now(),
        }
    }

    fn after(&mut self, gone: Result<Option<SessionId>, NoPlace>) -> Result<(), NoPlace> {
        if let Some(gone) = gone? {
            assert!(self.open.remove(&gone));
        }
        Ok(())
    }

    fn connect(&mut self, address: &str) -> Result<SessionId, NoPlace> {
        self.last += 1;
        let is_full = self.open.len() + self.members >= self.cap;
        let address = address.parse().unwrap();
        let gone = self.strangers.admit(self.last, address, is_full, self.now);
        self.after(gone)?;
        self.open.insert(self.last);
        assert!(self.open.len() + self.members <= self.cap);
        Ok(self.last)
    }

    fn advance(&mut self, session: SessionId, address: &str, phase: Phase) -> Result<(), NoPlace> {
        let address = address.parse().unwrap();
        let gone = self.strangers.advance(session, address, phase, self.now);
        self.after(gone)
    }

    /// Up to a phase; what is refused on the way is closed.
    fn come(&mut self, address: &str, to: Phase) -> Option<SessionId> {
        let session = self.connect(address).ok()?;
        for phase in [Phase::Greeted, Phase::Registering] {
            if to == Phase::Silent || to == Phase::Greeted && phase == Phase::Registering {
                break;
            }
            if self.advance(session, address, phase).is_err() {
                self.close(session);
                return None;
            }
        }
        Some(session)
    }

    fn close(&mut self, session: SessionId) {
        assert!(self.strangers.remove(session));
        assert!(self.open.remove(&session));
    }
}

/// Addresses of attackers: apart in IPv4, beside each other in a /48, and both.
fn attackers(count: usize) -> [Vec<String>; 3] {
    let apart: Vec<_> = (0..count)
        .map(|n| format!("10.{}.{}.9", n / 200, n % 200))
        .collect();
    let site: Vec<_> = (0..count).map(|n| format!("2001:db8:1:{n:x}::9")).collect();
    let both = apart.iter().step_by(2).chain(site.iter().step_by(2));
    [apart.clone(), site.clone(), both.cloned().collect()]
}

/// Attackers connect without a pause and go as far as `phase`, and now and then one of theirs
/// leaves; a person who comes to the same phase meanwhile stays there for `stay`.
fn nobody_is_shut_out(attackers: &[String], phase: Phase, stay: Duration) {
    const TURNS: u32 = 1_000;
    for visitor in ["192.0.2.1", "2001:db8:2::1"] {
        let mut server = Sim::new(CAP);
        let mut attackers = attackers.iter().cycle();
        for _ in 0..CAP {
            server.come(attackers.next().unwrap(), phase);
        }
        let came = server.come(visitor, phase).expect("the person gets in");
        for turn in 0..TURNS {
            server.now += stay / TURNS;
            if turn % 5 == 0 {
                let theirs = server.open.iter().find(|&&open| open != came);
                let theirs = *theirs.unwrap();
                server.close(theirs);
            }
            server.come(attackers.next().unwrap(), phase);
            assert!(server.open.contains(&came), "the person is sent away");
        }
        // Somebody else comes, such as to resume.
        assert!(server.come(visitor, phase).is_some());
    }
}

#[test]
fn silent_strangers_shut_nobody_out() {
    for count in [16, 64, 200] {
        for attackers in attackers(count) {
            nobody_is_shut_out(&attackers, Phase::Silent, Duration::from_millis(1_500));
        }
    }
}

#[test]
fn strangers_that_shake_hands_and_do_not_log_in_shut_nobody_out() {
    for attackers in attackers(64) {
        nobody_is_shut_out(&attackers, Phase::Greeted, Duration::from_secs(9));
    }
}

#[test]
fn registrations_that_are_never_finished_shut_nobody_out() {
    for attackers in attackers(32) {
        nobody_is_shut_out(&attackers, Phase::Registering, Duration::from_secs(299));
    }
}

#[test]
fn what_one_network_holds_is_bounded_in_each_phase() {
    for (phase, bounds) in [
        (Phase::Silent, [128, 96, 64]),
        (Phase::Greeted, [128, 96, 64]),
        (Phase::Registering, [64, 48, 32]),
    ] {
        let held = |address: &dyn Fn(usize) -> String| {
            let mut server = Sim::new(CAP);
            let came = (0..CAP / 2).filter_map(|n| server.come(&address(n), phase));
            let _came = came.count();
            server.open.len()
        };
        let [wide, middle, narrow] = bounds;
        assert_eq!(held(&|_| "10.0.0.1".to_owned()), narrow);
        assert_eq!(held(&|n| format!("10.0.0.{}", n % 256)), wide);
        assert_eq!(held(&|n| format!("2001:db8::{n:x}")), narrow);
        assert_eq!(held(&|n| format!("2001:db8:0:{:x}::", n % 256)), middle);
        assert_eq!(held(&|n| format!("2001:db8:0:{:x}00::", n % 256)), wide);
        assert_eq!(held(&|_| "127.0.0.1".to_owned()), narrow);
        let apart = held(&|n| format!("10.{}.{}.1", n / 256, n % 256));
        assert_eq!(apart, 2 * wide, "the whole share");
    }
}

#[test]
fn a_classroom_behind_one_address_gets_in_at_once() {
    let mut server = Sim::new(DEFAULT_CAP);
    let class: Vec<_> = (0..200)
        .map(|_| server.connect("192.0.2.1").unwrap())
        .collect();
    for session in &class {
        server
            .advance(*session, "192.0.2.1", Phase::Greeted)
            .unwrap();
    }
    for session in &class {
        server
            .advance(*session, "192.0.2.1", Phase::Registering)
            .unwrap();
    }
    assert!(class.iter().all(|session| server.open.contains(session)));
}

#[test]
fn on_a_full_server_those_who_have_come_least_far_make_room() {
    let mut server = Sim::new(100);
    server.members = 97;
    let registering = server.come("10.0.1.1", Phase::Registering).unwrap();
    let greeted = server.come("10.0.2.1", Phase::Greeted).unwrap();
    let silent = server.come("10.0.3.1", Phase::Silent).unwrap();
    let next = server.connect("10.0.4.1").unwrap();
    assert!(!server.open.contains(&silent));
    // Who is alone silent takes nobody else's place.
    assert_eq!(server.connect("10.0.4.1"), Err(NoPlace));
    assert!(server.open.contains(&greeted));
    server.advance(next, "10.0.4.1", Phase::Greeted).unwrap();
    server.connect("10.0.5.1").unwrap();
    assert!(!server.open.contains(&greeted));
    assert!(server.open.contains(&next) && server.open.contains(&registering));

    let mut server = Sim::new(100);
    server.members = 100;
    assert_eq!(server.connect("10.0.5.1"), Err(NoPlace));
}

#[test]
fn on_a_full_server_nobody_who_is_alone_makes_room_for_those_who_hold_many_places() {
    for held in [Phase::Greeted, Phase::Registering] {
        let mut server = Sim::new(100);
        server.members = 80;
        for n in 0..19 {
            server.come(&format!("10.0.1.{n}"), held).unwrap();
        }
        let alone = server.connect("10.0.2.1").unwrap();
        for n in 3..13 {
            let next = server.connect(&format!("10.0.{n}.1")).unwrap();
            assert!(server.open.contains(&alone), "{held:?} {n}");
            server.close(next);
            server.members += 1;
        }
        assert_eq!(server.strangers.largest(held), 9);
    }
}

#[test]
fn on_a_full_server_whoever_waits_for_too_long_goes_first() {
    let mut server = Sim::new(100);
    server.members = 80;
    let slow = server.connect("10.0.2.1").unwrap();
    server.now += GREETING_PATIENCE;
    for n in 0..19 {
        server.come(&format!("10.0.1.{n}"), Phase::Greeted).unwrap();
    }
    server.connect("10.0.3.1").unwrap();
    assert!(!server.open.contains(&slow));
    assert_eq!(server.strangers.largest(Phase::Greeted), 19);
}

#[test]
fn who_is_slow_is_sent_away_when_places_are_wanted_and_not_before() {
    let mut server = Sim::new(CAP);
    let slow: Vec<_> = (0..256)
        .filter_map(|n| server.connect(&format!("10.0.{n}.1")).ok())
        .collect();
    assert_eq!(slow.len(), 256);
    server.now += GREETING_PATIENCE * 9 / 10;
    assert_eq!(server.connect("10.0.255.1"), Err(NoPlace));
    server.now += GREETING_PATIENCE / 10;
    server.connect("10.0.255.1").unwrap();
    assert_eq!(
        slow.iter()
            .filter(|slow| !server.open.contains(slow))
            .count(),
        1
    );
    assert!(!server.open.contains(&slow[0]));
}

#[test]
fn the_protocol_has_these_numbers() {
    let document = include_str!("../../../docs/PROTOCOL.md");
    let in_words = |part| match part {
        2 => "half",
        4 => "a quarter",
        16 => "a sixteenth",
        _ => "another part",
    };
    let Bounds {
        in_all,
        of_networks,
    } = Bounds::of(MIN_STRANGERS);
    let [wide, middle, narrow] = of_networks;
    assert_eq!(middle * 8, in_all * 3);
    for sentence in [
        format!("{} of the cap, and always {MIN_STRANGERS}", in_words(SHARE)),
        format!(
            "{} of the cap, and always {MIN_REGISTERING}",
            in_words(REGISTERING_SHARE)
        ),
        format!(
            "{} for a /24 of IPv4 or a /48 of IPv6, three eighths for a /56, {} for an address",
            in_words(in_all / wide),
            in_words(in_all / narrow)
        ),
        format!(
            "silent for {} s or at its login for {} s",
            GREETING_PATIENCE.as_secs(),
            LOGIN_PATIENCE.as_secs()
        ),
    ] {
        assert!(document.contains(&sentence), "{sentence}");
    }
}

#[test]
fn nobody_who_left_is_remembered() {
    let mut server = Sim::new(CAP);
    let came = server.come("10.0.0.1", Phase::Registering).unwrap();
    assert!(server.strangers.remove(came));
    assert!(!server.strangers.remove(came));
    let Strangers {
        all,
        silent,
        greeted,
        registering,
    } = &server.strangers;
    assert!(all.is_empty());
    let left = [silent, greeted, registering].map(Crowd::largest);
    assert_eq!(left, [0; 3]);
}
