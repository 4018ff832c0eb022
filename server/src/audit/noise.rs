//! Peers that never log in: one line for each address and minute, with a count, and few for a wide
//! network, so that strangers can't fill the log, nor the table in which addresses are told apart.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::networks::{Network, Networks};

/// How long events of one address are gathered before they become a line.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Networks that are told apart at a time; all others share one line.
pub const MAX_NETWORKS: usize = 1_024;
/// Addresses that are told apart in a /24 of IPv4 or a /48 of IPv6; its others share one line.
const MAX_PARTS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// `None` stands for all beyond [`MAX_NETWORKS`].
    pub network: Option<Network>,
    pub count: u64,
    pub last: &'static str,
}

/// Counts events by network. Knows no clock and no file: the caller passes the time and writes the
/// summaries.
#[derive(Debug, Default)]
pub struct Noise {
    gathered: HashMap<Option<Network>, PeerCount>,
    /// How many of those are parts of a wide network.
    parts: HashMap<Network, usize>,
}

#[derive(Debug)]
struct PeerCount {
    since: Instant,
    count: u64,
    last: &'static str,
    part_of: Option<Network>,
}

impl Noise {
    pub fn note(&mut self, peer: &Networks, what: &'static str, now: Instant) {
        let (key, part_of) = self.place(peer);
        let entry = self.gathered.entry(key).or_insert_with(|| {
            if let Some(wide) = part_of {
                *self.parts.entry(wide).or_default() += 1;
            }
            PeerCount {
                since: now,
                count: 0,
                last: what,
                part_of,
            }
        });
        entry.count = entry.count.saturating_add(1);
        entry.last = what;
    }

    /// Under what a peer is counted, and of which network that is a part.
    fn place(&self, peer: &Networks) -> (Option<Network>, Option<Network>) {
        let (narrow, wide) = (peer.narrowest(), peer.widest());
        let is_known = |network| self.gathered.contains_key(&Some(network));
        let has_room = self.gathered.len() < MAX_NETWORKS;
        let has_parts = self.parts.get(&wide).copied().unwrap_or(0);
        if is_known(narrow) || has_room && has_parts < MAX_PARTS {
            (Some(narrow), Some(wide))
        } else if is_known(wide) || has_room {
            (Some(wide), None)
        } else {
            (None, None)
        }
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
        let taken: Vec<_> = self.gathered.extract_if(|_, entry| ripe(entry)).collect();
        for wide in taken.iter().filter_map(|(_, entry)| entry.part_of) {
            if let Some(parts) = self.parts.get_mut(&wide) {
                *parts -= 1;
                if *parts == 0 {
                    self.parts.remove(&wide);
                }
            }
        }
        let summary = |(network, entry): (_, PeerCount)| Summary {
            network,
            count: entry.count,
            last: entry.last,
        };
        taken.into_iter().map(summary).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Of a /24 each.
    fn ip(n: u32) -> Networks {
        Networks::of(Ipv4Addr::from_bits(n << 8).into())
    }

    #[test]
    fn an_address_is_one_line_a_minute() {
        let (mut noise, start) = (Noise::default(), Instant::now());
        for second in 0..59 {
            let now = start + Duration::from_secs(second);
            noise.note(&ip(1), "handshake failed", now);
            assert_eq!(noise.due(now), []);
        }
        noise.note(&ip(1), "timed out", start + WINDOW);
        let summary = Summary {
            network: Some(ip(1).narrowest()),
            count: 60,
            last: "timed out",
        };
        assert_eq!(noise.due(start + WINDOW), [summary]);
        assert_eq!(noise.due(start + WINDOW), []);
    }

    #[test]
    fn addresses_are_told_apart_each_with_its_own_minute() {
        let (mut noise, start) = (Noise::default(), Instant::now());
        noise.note(&ip(1), "a", start);
        noise.note(&ip(2), "b", start + Duration::from_secs(1));
        let first = Some(ip(1).narrowest());
        assert_eq!(noise.due(start + WINDOW)[0].network, first);
        assert_eq!(noise.rest()[0].network, Some(ip(2).narrowest()));
        assert_eq!(noise.rest(), []);
    }

    #[test]
    fn many_addresses_take_a_bounded_table() {
        let (mut noise, start) = (Noise::default(), Instant::now());
        for n in 0..100_000 {
            noise.note(&ip(n), "x", start);
        }
        noise.note(&ip(0), "x", start);
        let all = noise.rest();
        assert_eq!(all.len(), MAX_NETWORKS + 1);
        let others = all.iter().find(|summary| summary.network.is_none());
        assert_eq!(others.unwrap().count, 100_000 - MAX_NETWORKS as u64);
        assert_eq!(
            all.iter().map(|summary| summary.count).sum::<u64>(),
            100_001
        );
    }
    #[test]
    fn a_wide_network_takes_few_lines_and_leaves_room_for_the_others() {
        let (mut noise, start) = (Noise::default(), Instant::now());
        let site = |n: u16| Networks::of(format!("2001:db8:0:{n:x}::1").parse().unwrap());
        for n in 0..5_000 {
            noise.note(&site(n), "x", start);
        }
        noise.note(&ip(1), "y", start);
        let mut lines: Vec<_> = noise.rest();
        lines.sort_by_key(|line| line.count);
        assert_eq!(lines.len(), MAX_PARTS + 2);
        let (others, apart) = lines.split_last().unwrap();
        assert_eq!(others.network.unwrap().to_string(), "2001:db8::/48");
        assert_eq!(others.count, 5_000 - MAX_PARTS as u64);
        let names = apart.iter().map(|line| line.network.unwrap().to_string());
        assert!(names.clone().any(|name| name == "2001:db8:0:f::/64"));
        assert!(names.clone().any(|name| name == "0.0.1.0"));
        assert!(noise.gathered.is_empty() && noise.parts.is_empty());
    }
}
