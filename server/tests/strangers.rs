//! Connections that never log in, from many addresses: they keep nobody out, neither somebody new
//! nor somebody who resumes.
//!
//! Each address of 127.0.0.0/8 stands for a network of its own. What needs others runs in a network
//! namespace, with `ip` and `unshare`; where the system has none, that test says so and passes,
//! unless `CHATBOX_REQUIRE=1` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

#[path = "strangers/attack.rs"]
mod attack;
#[path = "strangers/namespace.rs"]
mod namespace;

use std::io::Read;
use std::net::{IpAddr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::limits::REGISTRATIONS;
use chatbox_common::secret::Secret;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::{PATIENCE, eventually};
use chatbox_common::wire::message::{ByeReason, ErrorCode};

use attack::{Attack, Until, socket_from};

/// Few rounds of hashing, 1,024 places, and every address.
const CONFIG: &str = "[server]\naddress = \"::\"\nmax_connections = 1024\n\
    [security]\nscram_iterations = 4096\n";

fn start() -> ServerProcess {
    let ipv4_only = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_err();
    let address = if ipv4_only { "0.0.0.0" } else { "::" };
    ServerProcess::start(&CONFIG.replace("::", address))
}

fn client(server: &ServerProcess, from: &str) -> ScriptedClient {
    let stream = socket_from(server.address.port(), from.parse().unwrap());
    ScriptedClient::over(server, stream).unwrap()
}

/// Somebody who resumes and somebody who registers come while strangers hold what they can get,
/// again and again: each gets in at the first attempt.
fn nobody_is_shut_out(
    server: &ServerProcess,
    what: &str,
    sources: &[String],
    until: Until,
    visitors: [&str; 2],
) {
    let [returning, new] = visitors;
    let mut token = {
        let mut bob = client(server, returning);
        bob.register(&format!("bob-{}", name_of(what)), "correct horse battery");
        let token = bob.token();
        bob.cut();
        token
    };
    let attack = Attack::begin(server, sources, until);
    attack.wait_until_full();
    let mut slowest = Duration::ZERO;
    for round in 0..3 {
        let begun = Instant::now();
        let mut bob = client(server, returning);
        bob.say_resume(&token);
        bob.enter();
        token = bob.token();
        let resumed = begun.elapsed();
        bob.cut();

        let begun = Instant::now();
        let mut eve = client(server, new);
        eve.register(
            &format!("eve{round}-{}", name_of(what)),
            "correct horse battery",
        );
        slowest = slowest.max(resumed).max(begun.elapsed());
        eve.bye();
        eve.rest();
    }
    let (opened, lost) = attack.end();
    eprintln!(
        "{what}: the slowest of 6 got in within {} ms, beside {opened} connections of strangers, \
         of which {lost} were turned away",
        slowest.as_millis()
    );
}

fn name_of(what: &str) -> String {
    what.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(20)
        .collect()
}

fn loopback(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!("127.0.{}.{}", 1 + n / 200, 1 + n % 200))
        .collect()
}

const AT_HOME: [&str; 2] = ["127.1.0.1", "127.1.0.2"];

#[test]
fn strangers_that_say_nothing_shut_nobody_out() {
    let server = start();
    for count in [16, 64] {
        let what = format!("{count} silent addresses");
        nobody_is_shut_out(&server, &what, &loopback(count), Until::Connected, AT_HOME);
    }
}

#[test]
fn strangers_that_shake_hands_and_say_no_more_shut_nobody_out() {
    let server = start();
    let what = "64 that shake hands";
    nobody_is_shut_out(&server, what, &loopback(64), Until::Handshake, AT_HOME);
}

#[test]
fn registrations_that_are_never_finished_shut_nobody_out() {
    let server = start();
    let what = "32 that register";
    nobody_is_shut_out(&server, what, &loopback(32), Until::Registering, AT_HOME);
}

#[test]
fn many_addresses_shut_nobody_out() {
    if !namespace::entered("many_addresses_shut_nobody_out") {
        return;
    }
    let server = start();
    let visitors = ["10.200.0.1", "2001:db8:f00d::1"];
    for count in [16, 64] {
        let apart: Vec<_> = (0..count).map(|n| format!("10.1.{n}.9")).collect();
        let what = format!("{count} IPv4 networks, silent");
        nobody_is_shut_out(&server, &what, &apart, Until::Connected, visitors);
    }
    let beside: Vec<_> = (0..64).map(|n| format!("10.2.0.{}", 1 + n)).collect();
    let what = "64 IPv4 neighbours, silent";
    let neighbours = ["10.2.0.200", "10.2.0.201"];
    nobody_is_shut_out(&server, what, &beside, Until::Connected, neighbours);
    let (site, few): (Vec<_>, Vec<_>) = (0..64)
        .map(|n| {
            (
                format!("2001:db8:1:{n:x}00::9"),
                format!("2001:db8:2:{n:x}::9"),
            )
        })
        .unzip();
    let what = "IPv6 /48, silent";
    nobody_is_shut_out(&server, what, &site, Until::Connected, visitors);
    let what = "IPv6 /58, silent";
    nobody_is_shut_out(&server, what, &few, Until::Connected, visitors);
    let what = "IPv6 /48, handshaken";
    nobody_is_shut_out(&server, what, &site, Until::Handshake, visitors);
    let what = "IPv6 /58, registering";
    nobody_is_shut_out(&server, what, &few, Until::Registering, visitors);
}

#[test]
fn a_class_of_200_behind_one_address_gets_in_at_once() {
    if !namespace::entered("a_class_of_200_behind_one_address_gets_in_at_once") {
        return;
    }
    let config = "[server]\naddress = \"::\"\n[security]\nscram_iterations = 4096\n";
    let server = &ServerProcess::start(config);
    let (_, cap) = server.banner.split_once("at most ").unwrap();
    let cap: usize = cap.split_once(' ').unwrap().0.parse().unwrap();
    // A machine may carry fewer connections than usual.
    let class = 200.min(cap / 16).max(64);
    let tokens: Vec<ResumeToken> = thread::scope(|scope| {
        let register = |n: usize| {
            let mut pupil = client(server, &format!("10.3.0.{}", 1 + n));
            pupil.register(&format!("pupil{n}"), "correct horse battery");
            let token = pupil.token();
            pupil.cut();
            token
        };
        let registering: Vec<_> = (0..8)
            .map(|part| scope.spawn(move || (part..class).step_by(8).map(register).collect()))
            .collect();
        let joined = registering.into_iter().map(|one| one.join().unwrap());
        joined.collect::<Vec<Vec<_>>>().concat()
    });
    let all_are_there = &Barrier::new(class);
    thread::scope(|scope| {
        let pupils = tokens.iter().map(|token| {
            scope.spawn(move || {
                all_are_there.wait();
                let mut pupil = client(server, "10.4.0.1");
                pupil.say_resume(token);
                pupil.enter();
                pupil
            })
        });
        let pupils: Vec<_> = pupils.collect();
        let all_are_in = pupils.into_iter().map(|pupil| pupil.join().unwrap());
        assert_eq!(all_are_in.collect::<Vec<_>>().len(), class);
    });
}

#[test]
fn a_registration_is_paid_for_before_it_looks_for_a_place() {
    const PLACES: u32 = 32;
    if !namespace::entered("a_registration_is_paid_for_before_it_looks_for_a_place") {
        return;
    }
    let server = start();
    let begin = |name: String| {
        let mut peer = client(&server, "10.7.0.1");
        let asked = peer.say_register(&name);
        (peer, asked)
    };
    let under_way: Vec<_> = (0..PLACES)
        .map(|n| {
            let (mut peer, _) = begin(format!("pupil{n}"));
            let _ = peer.challenge();
            peer
        })
        .collect();
    for n in PLACES..REGISTRATIONS {
        let (mut peer, asked) = begin(format!("pupil{n}"));
        let error = peer.error(asked);
        assert_eq!((error.code, error.retry_ms), (ErrorCode::Busy, None), "{n}");
    }
    // There is no place either.
    let (mut peer, asked) = begin("late".to_owned());
    let error = peer.error(asked);
    assert!(error.retry_ms.is_some(), "{error:?}");
    assert_eq!(peer.goodbye(), ByeReason::LoginRefused);
    client(&server, "10.8.0.1").register("alice", "correct horse battery");
    drop(under_way);
}

#[test]
fn one_address_holds_no_more_than_its_part_of_the_places() {
    const HELD: usize = 64;
    let server = start();
    let address: IpAddr = "127.0.0.9".parse().unwrap();
    let mut sockets: Vec<TcpStream> = (0..3 * HELD)
        .map(|_| socket_from(server.address.port(), address))
        .collect();
    for socket in &sockets {
        socket.set_nonblocking(true).unwrap();
    }
    let mut busy = 0;
    eventually("busy for all but those", || {
        sockets.retain_mut(|socket| {
            let mut line = [0; 16];
            let heard = socket.read(&mut line);
            let is_busy = heard.is_ok_and(|count| &line[..count] == b"CHATBOX/1 busy\n");
            busy += usize::from(is_busy);
            !is_busy
        });
        (busy >= 2 * HELD).then_some(())
    });
    assert_eq!((busy, sockets.len()), (2 * HELD, HELD));
    // Another address is not concerned.
    client(&server, "127.0.0.8").register("alice", "correct horse battery");
}

#[test]
fn who_makes_room_is_told_busy_and_counted() {
    let config = "[server]\nmax_connections = 3\n[security]\nscram_iterations = 4096\n";
    let mut server = ServerProcess::start(config);
    let mut alice = client(&server, "127.0.0.1");
    alice.register("alice", "correct horse battery");
    let mut handshaken = client(&server, "127.0.0.2");
    let mut silent = socket_from(server.address.port(), "127.0.0.3".parse().unwrap());
    silent.set_read_timeout(Some(PATIENCE)).unwrap();

    let mut third = client(&server, "127.0.0.4");
    let mut heard = Vec::new();
    silent.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"CHATBOX/1 busy\n");

    let mut fourth = client(&server, "127.0.0.5");
    assert_eq!(handshaken.goodbye(), ByeReason::Busy);
    fourth.register("dora", "correct horse battery");

    // Where everybody has proved who they are, nobody makes room.
    third.register("carol", "correct horse battery");
    let stream = socket_from(server.address.port(), "127.0.0.6".parse().unwrap());
    assert!(ScriptedClient::over(&server, stream).is_err());
    for member in [&mut alice, &mut third, &mut fourth] {
        member.ping();
    }
    assert_eq!(server.stop().code(), Some(0));
    for address in ["addr=127.0.0.2 ", "addr=127.0.0.3 "] {
        let parts = ["never_logged_in", address, "count=1 last=made_room"];
        server.line("info.log", &parts);
    }
}

#[test]
fn a_site_has_no_more_failures_than_some_addresses() {
    if !namespace::entered("a_site_has_no_more_failures_than_some_addresses") {
        return;
    }
    let server = start();
    let attempt = |from: &str| {
        let mut guesser = client(&server, from);
        let token = ResumeToken {
            id: [7; 16],
            token: Secret::random(),
        };
        guesser.say_resume(&token);
        guesser.refusal().0
    };
    for (site, another) in [("2001:db8:3:", "2001:db8:4::1"), ("10.5.0.", "10.6.0.1")] {
        let of_site = |n: usize| match site.strip_suffix(':') {
            Some(_) => format!("{site}{:x}00::1", n % 256),
            None => format!("{site}{}", n % 250),
        };
        let mut refused = 0;
        // It refills while the test runs.
        let busy = (0..2_000).map(|n| attempt(&of_site(n))).find(|code| {
            refused += 1;
            *code == ErrorCode::Busy
        });
        assert!(busy.is_some() && refused > 160, "{site} after {refused}");
        assert_eq!(attempt(another), ErrorCode::LoginRefused);
    }
}
