//! From a host's name to a connected socket, in bounded time whatever the resolver and the host's
//! addresses do.
//!
//! An address that does not answer keeps nobody waiting: a moment later the next one is tried
//! beside it, and the first that answers is taken (RFC 8305, sections 4 and 5). What still waits
//! then is left to its own deadline; a socket that comes too late is closed.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::SessionError;
use crate::address::ServerAddress;

/// Between the beginnings of two attempts.
const STAGGER: Duration = Duration::from_millis(250);
/// Of a host that has more, the others are not tried: each has a thread.
const MAX_ADDRESSES: usize = 16;

/// Resolves and connects until `deadline`.
pub(super) fn dial(server: &ServerAddress, deadline: Instant) -> Result<TcpStream, SessionError> {
    let addresses = resolve(server, deadline).map_err(|source| SessionError::Resolve {
        server: server.clone(),
        source,
    })?;
    first_that_answers(alternating(addresses), deadline).map_err(|source| SessionError::Connect {
        server: server.clone(),
        source,
    })
}

fn resolve(server: &ServerAddress, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    let server = server.clone();
    in_time(deadline, move || {
        let found = (server.host(), server.port()).to_socket_addrs()?;
        Ok(found.take(MAX_ADDRESSES).collect())
    })
}

/// Looks up on a thread of its own: the system's resolver has no deadline.
fn in_time(
    deadline: Instant,
    look_up: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> io::Result<Vec<SocketAddr>> {
    let (tell, told) = sync_channel(1);
    spawn("resolve", move || {
        // Nobody hears what comes too late.
        let _ = tell.send(look_up());
    })?;
    match told.recv_timeout(left(deadline)) {
        Ok(found) => found,
        Err(RecvTimeoutError::Timeout) => Err(io::Error::new(
            ErrorKind::TimedOut,
            "the name was not resolved in time",
        )),
        Err(RecvTimeoutError::Disconnected) => Err(ErrorKind::Other.into()),
    }
}

/// Two addresses behind one another are of different families where there are both, so that a dead
/// family costs one attempt. Otherwise the resolver's order holds (RFC 8305, section 4).
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let longer = first.len().max(second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let pairs = (0..longer).flat_map(|_| [first.next(), second.next()]);
    pairs.flatten().collect()
}

fn first_that_answers(addresses: Vec<SocketAddr>, deadline: Instant) -> io::Result<TcpStream> {
    let (tell, told) = sync_channel(MAX_ADDRESSES);
    let mut addresses = addresses.into_iter().peekable();
    let mut under_way = 0_usize;
    let mut next = Instant::now();
    let mut failure = io::Error::from(ErrorKind::AddrNotAvailable);
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(ErrorKind::TimedOut.into());
        }
        if (under_way == 0 || now >= next)
            && let Some(address) = addresses.next()
        {
            attempt(address, deadline, tell.clone())?;
            under_way += 1;
            next = now + STAGGER;
        }
        if under_way == 0 {
            return Err(failure);
        }
        let until = match addresses.peek() {
            Some(_) => next.min(deadline),
            None => deadline,
        };
        match told.recv_timeout(left(until)) {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(error)) => {
                failure = error;
                under_way -= 1;
                // A refusal comes at once, and so does the next attempt.
                next = Instant::now();
            }
            // `tell` is here, so that nothing but the time can have run out.
            Err(_) => {}
        }
    }
}

fn attempt(
    address: SocketAddr,
    deadline: Instant,
    tell: SyncSender<io::Result<TcpStream>>,
) -> io::Result<()> {
    spawn("connect", move || {
        let connected = match left(deadline) {
            Duration::ZERO => Err(ErrorKind::TimedOut.into()),
            left => TcpStream::connect_timeout(&address, left),
        };
        // There is room for every attempt. Where another was first, the socket is closed.
        let _ = tell.send(connected);
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(|_| ())
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use chatbox_common::testkit::silent::SilentAddress;
    use chatbox_common::testkit::wait::PATIENCE;

    use super::*;

    fn parse(addresses: &[&str]) -> Vec<SocketAddr> {
        let parsed = addresses.iter().map(|text| text.parse().unwrap());
        parsed.collect()
    }

    #[test]
    fn two_silent_addresses_keep_nobody_from_the_third() {
        let (first, second) = (SilentAddress::new(), SilentAddress::new());
        let third = TcpListener::bind("127.0.0.1:0").unwrap();
        let third = third.local_addr().unwrap();
        let addresses = vec![first.address(), second.address(), third];
        // They would have eaten up any deadline one behind the other.
        let socket = first_that_answers(addresses, Instant::now() + PATIENCE).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), third);
    }

    #[test]
    fn where_no_address_answers_the_deadline_ends_it() {
        let silent = SilentAddress::new();
        let deadline = Instant::now() + STAGGER * 2;
        let failed = first_that_answers(vec![silent.address()], deadline).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_refusal_is_told_where_there_is_no_other_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let failed = first_that_answers(vec![address], Instant::now() + PATIENCE);
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let failed = first_that_answers(Vec::new(), Instant::now() + PATIENCE);
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn families_take_turns_in_the_order_of_the_resolver() {
        let found = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1"]);
        let expected = parse(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(alternating(found), expected);
        let found = parse(&["1.0.0.1:1", "1.0.0.2:1", "[::1]:1", "[::2]:1"]);
        let expected = parse(&["1.0.0.1:1", "[::1]:1", "1.0.0.2:1", "[::2]:1"]);
        assert_eq!(alternating(found), expected);
    }

    #[test]
    fn a_name_that_is_not_resolved_in_time_is_given_up() {
        let (answer, silent) = sync_channel(1);
        let look_up = move || silent.recv().map_err(io::Error::other);
        let failed = in_time(Instant::now(), look_up).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        assert!(failed.to_string().contains("not resolved in time"));
        drop(answer);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_zone_of_a_link_local_address_becomes_its_interface() {
        let server = ServerAddress::parse("[fe80::1%lo]:7878").unwrap();
        let found = resolve(&server, Instant::now() + PATIENCE).unwrap();
        let index = std::fs::read_to_string("/sys/class/net/lo/ifindex").unwrap();
        for address in found {
            let SocketAddr::V6(address) = address else {
                panic!("{address}");
            };
            assert_eq!(address.scope_id().to_string(), index.trim());
        }
    }
}
