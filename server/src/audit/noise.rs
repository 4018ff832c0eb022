//! Peers that never log in: one line for each address and minute, with a count, so that strangers
//! can't fill the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long events of one address are gathered before they become a line.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are told apart at a time; all others share one line.
pub const MAX_ADDRESSES: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// `None` stands for all addresses beyond [`MAX_ADDRESSES`].
    pub address: Option<IpAddr>,
    pub count: u64,
    pub last: &'static str,
}

/// Counts events by address. Knows no clock and no file: the caller passes the time and writes the
/// summaries.
#[derive(Debug, Default)]
pub struct Noise {
    gathered: HashMap<Option<IpAddr>, PeerCount>,
}

#[derive(Debug)]
struct PeerCount {
    since: Instant,
    count: u64,
    last: &'static str,
}

impl Noise {
    /// The caller passes the network that one attacker holds (`networks`), so that one
    /// with many addresses takes one entry.
    pub fn note(&mut self, address: IpAddr, what: &'static str, now: Instant) {
        let known = self.gathered.contains_key(&Some(address));
        let key = (known || self.gathered.len() < MAX_ADDRESSES).then_some(address);
        let entry = self.gathered.entry(key).or_insert(PeerCount {
            since: now,
            count: 0,
            last: what,
        });
        entry.count = entry.count.saturating_add(1);
        entry.last = what;
    }

    /// Takes out what has been gathered for a [`WINDOW`]; asked once a second.
    pub fn due(&mut self, now: Instant) -> Vec<Summary> {
        self.take(|entry| now.saturating_duration_since(entry.since) >= WINDOW)
    }

    /// Takes out everything, at the server's end.
    pub fn rest(&mut self) -> Vec<Summary> {
        self.take(|_| true)
    }

    fn take(&mut self, mut ripe: impl FnMut(&PeerCount) -> bool) -> Vec<Summary> {
        self.gathered
            .extract_if(|_, entry| ripe(entry))
            .map(|(address, entry)| Summary {
                address,
                count: entry.count,
                last: entry.last,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    #[test]
    fn an_address_is_one_line_a_minute() {
        let (mut noise, start) = (Noise::default(), Instant::now());
        for second in 0..59 {
            let now = start + Duration::from_secs(second);
            noise.note(ip(1), "handshake failed", now);
            assert_eq!(noise.due(now), []);
        }
        noise.note(ip(1), "timed out", start + WINDOW);
        let summary = Summary {
            address: Some(ip(1)),
            count: 60,
            last: "timed out",
        };
        assert_eq!(noise.due(start + WINDOW), [summary]);
        assert_eq!(noise.due(start + WINDOW), []);
    }

    #[test]
    fn addresses_are_told_apart_each_with_its_own_minute() {
        let (mut noise, start) = (Noise::default(), Instant::now());
        noise.note(ip(1), "a", start);
        noise.note(ip(2), "b", start + Duration::from_secs(1));
        assert_eq!(noise.due(start + WINDOW)[0].address, Some(ip(1)));
        assert_eq!(noise.rest()[0].address, Some(ip(2)));
        assert_eq!(noise.rest(), []);
    }

    #[test]
    fn many_addresses_take_a_bounded_table() {
        let (mut noise, start) = (Noise::default(), Instant::now());
        for n in 0..100_000 {
            noise.note(ip(n), "x", start);
        }
        noise.note(ip(0), "x", start);
        let all = noise.rest();
        assert_eq!(all.len(), MAX_ADDRESSES + 1);
        let others = all.iter().find(|summary| summary.address.is_none());
        assert_eq!(others.unwrap().count, 100_000 - MAX_ADDRESSES as u64);
        assert_eq!(
            all.iter().map(|summary| summary.count).sum::<u64>(),
            100_001
        );
    }
}
