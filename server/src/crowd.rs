//! Who has a place among those that nobody knows, and who makes room when there is none.
//!
//! Pure: the time is an argument, and a place is a number that means something to the caller alone:
//! a connection (`strangers`), a handshake that waits (`handshakes`).
//!
//! Room is made by who has done nothing for long, or else by the network that has most: an
//! attacker can take places from nobody who holds fewer, however many addresses and connections
//! the attack has. Whoever has most is refused, so that a flood costs a refusal and no place.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::networks::{Network, Networks, WIDTHS};

/// Since when it has been there, and its number: of two, the smaller is the older.
type Age = (Instant, u64);

/// How many places a network has, and its oldest: the greatest is the one that makes room.
type Size = (usize, Reverse<Age>, Network);

/// How many places there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub in_all: usize,
    /// In one network of each width, from the widest on.
    pub of_networks: [usize; WIDTHS],
}

impl Bounds {
    /// A quarter for an IPv4 address or a /64 of IPv6, three eighths for a /56, half for a /24 of
    /// IPv4 or a /48: the rest is never one attacker's.
    #[must_use]
    pub const fn of(in_all: usize) -> Self {
        Self {
            in_all,
            of_networks: [in_all / 2, in_all / 8 * 3, in_all / 4],
        }
    }
}

/// What becomes of a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// There is room.
    Free,
    /// There is, once this one is gone.
    InPlaceOf(u64),
    Refused,
}

/// The networks of one width.
#[derive(Debug, Default)]
struct Width {
    places: HashMap<Network, BTreeSet<Age>>,
    /// In each network of the next wider width (`None` around the widest): how many places its
    /// parts have. The last one has most; of equals, it is the one with the oldest.
    by_size: HashMap<Option<Network>, BTreeSet<Size>>,
}

impl Width {
    fn count(&self, network: Network) -> usize {
        self.places.get(&network).map_or(0, BTreeSet::len)
    }

    fn oldest(&self, network: Network) -> Option<Age> {
        self.places.get(&network)?.first().copied()
    }

    fn largest(&self, within: Option<Network>) -> Option<(usize, Network)> {
        let (count, _, network) = self.by_size.get(&within)?.last()?;
        Some((*count, *network))
    }

    /// `change` puts a place into the network, or takes one out.
    fn change(
        &mut self,
        within: Option<Network>,
        network: Network,
        change: impl FnOnce(&mut BTreeSet<Age>),
    ) {
        let places = self.places.entry(network).or_default();
        let sizes = self.by_size.entry(within).or_default();
        let size = |places: &BTreeSet<Age>| {
            let oldest = places.first().copied()?;
            Some((places.len(), Reverse(oldest), network))
        };
        if let Some(before) = size(places) {
            sizes.remove(&before);
        }
        change(places);
        match size(places) {
            Some(after) => {
                sizes.insert(after);
            }
            None => {
                self.places.remove(&network);
            }
        }
        if sizes.is_empty() {
            self.by_size.remove(&within);
        }
    }
}

#[derive(Debug)]
pub struct Crowd {
    bounds: Bounds,
    /// Whoever has been there for longer makes room first.
    patience: Duration,
    /// Of all networks.
    places: BTreeSet<Age>,
    /// From the widest to the narrowest.
    widths: [Width; WIDTHS],
}

impl Crowd {
    #[must_use]
    pub fn new(bounds: Bounds, patience: Duration) -> Self {
        Self {
            bounds,
            patience,
            places: BTreeSet::new(),
            widths: Default::default(),
        }
    }

    /// How many places the network has that has most: one of the widest.
    #[must_use]
    pub fn largest(&self) -> usize {
        let [widest, ..] = &self.widths;
        widest.largest(None).map_or(0, |(count, _)| count)
    }

    /// Whoever has been there for too long, the longest so.
    #[must_use]
    pub fn overdue(&self, now: Instant) -> Option<u64> {
        let (since, number) = self.places.first()?;
        let is_overdue = now.saturating_duration_since(*since) >= self.patience;
        is_overdue.then_some(*number)
    }

    /// Whether one more of these networks fits.
    #[must_use]
    pub fn room_for(&self, newcomer: &Networks, now: Instant) -> Admission {
        // A place in the narrowest network that is full is one in the wider networks as well.
        let full = self
            .widths
            .iter()
            .zip(newcomer.all())
            .zip(self.bounds.of_networks)
            .rposition(|((width, network), bound)| width.count(network) >= bound);
        match full {
            Some(width) => self.displaced(newcomer, width + 1, now),
            None if self.places.len() >= self.bounds.in_all => self.displaced(newcomer, 0, now),
            None => Admission::Free,
        }
    }

    /// Who makes room for one of these networks, wherever that is.
    #[must_use]
    pub fn make_room(&self, newcomer: &Networks, now: Instant) -> Admission {
        self.displaced(newcomer, 0, now)
    }

    /// Somebody of the newcomer's own network of the width before `from`, which is the first whose
    /// networks are compared; of all where it is 0.
    fn displaced(&self, newcomer: &Networks, from: usize, now: Instant) -> Admission {
        let compared = || self.widths.iter().zip(newcomer.all()).skip(from);
        let around = from.checked_sub(1).and_then(|width| {
            let network = newcomer.all().get(width).copied()?;
            Some((self.widths.get(width)?, network))
        });
        let oldest = match around {
            Some((width, network)) => width.oldest(network),
            None => self.places.first().copied(),
        };
        if let Some((since, number)) = oldest
            && now.saturating_duration_since(since) >= self.patience
        {
            return Admission::InPlaceOf(number);
        }
        let mut within = around.map(|(_, network)| network);
        let mut oldest = None;
        for (width, own) in compared() {
            let Some((count, largest)) = width.largest(within) else {
                break;
            };
            let is_larger = oldest.is_some() || count > width.count(own);
            if is_larger {
                oldest = width.oldest(largest);
            }
            within = Some(if is_larger { largest } else { own });
        }
        oldest.map_or(Admission::Refused, |(_, number)| {
            Admission::InPlaceOf(number)
        })
    }

    /// Somebody of the network that has fewest, and in it of the narrower one that has.
    #[must_use]
    pub fn of_the_smallest(&self) -> Option<u64> {
        let mut within = None;
        for width in &self.widths {
            let (_, _, network) = width.by_size.get(&within)?.first()?;
            within = Some(*network);
        }
        let [_, _, narrowest] = &self.widths;
        let (_, number) = narrowest.oldest(within?)?;
        Some(number)
    }

    /// Takes a place, whether there is room or not.
    pub fn enter(&mut self, networks: &Networks, number: u64, since: Instant) {
        let age = (since, number);
        self.places.insert(age);
        self.change(networks, |places| {
            places.insert(age);
        });
    }

    /// Gives a place back; one that was not taken changes nothing.
    pub fn leave(&mut self, networks: &Networks, number: u64, since: Instant) {
        let age = (since, number);
        if self.places.remove(&age) {
            self.change(networks, |places| {
                places.remove(&age);
            });
        }
    }

    fn change(&mut self, networks: &Networks, change: impl Fn(&mut BTreeSet<Age>)) {
        let mut within = None;
        for (width, network) in self.widths.iter_mut().zip(networks.all()) {
            width.change(within, network, &change);
            within = Some(network);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    fn crowd(in_all: usize, of_networks: [usize; WIDTHS]) -> Crowd {
        let bounds = Bounds {
            in_all,
            of_networks,
        };
        Crowd::new(bounds, PATIENCE)
    }

    fn at(address: &str) -> Networks {
        Networks::of(address.parse().unwrap())
    }

    /// Addresses that attackers hold, by how large the network is that they all are in.
    fn ipv4(network: u32, host: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0a00_0000 | network << 8 | host).into()
    }

    fn ipv6(site: u128, subnet: u128, host: u128) -> IpAddr {
        let site = 0x2001_0db8_u128 << 96 | site << 80;
        Ipv6Addr::from_bits(site | subnet << 64 | host).into()
    }

    /// Enters each for as long as there is room for it without anybody's place.
    fn fill(crowd: &mut Crowd, addresses: impl IntoIterator<Item = IpAddr>, now: Instant) -> usize {
        let before = crowd.places.len();
        for (number, address) in (before as u64..).zip(addresses) {
            let networks = Networks::of(address);
            if crowd.room_for(&networks, now) == Admission::Free {
                crowd.enter(&networks, number, now);
            }
        }
        crowd.places.len() - before
    }

    #[test]
    fn each_width_is_bounded_by_itself() {
        let now = Instant::now();
        let full = |addresses: &mut dyn Iterator<Item = IpAddr>| {
            let mut crowd = crowd(100, [40, 20, 10]);
            let held = fill(&mut crowd, addresses, now);
            let next = crowd.room_for(&at("192.0.2.1"), now);
            assert_eq!(next == Admission::Free, held < 100);
            held
        };
        assert_eq!(full(&mut (0..200).map(|_| ipv4(1, 1))), 10);
        assert_eq!(full(&mut (0..200).map(|n| ipv4(1, n))), 40);
        assert_eq!(full(&mut (0..200).map(|n| ipv4(n, 1))), 100);
        assert_eq!(full(&mut (0..200).map(|n| ipv6(1, 1, n))), 10);
        assert_eq!(full(&mut (0..200).map(|n| ipv6(1, n, 1))), 20);
        assert_eq!(full(&mut (0..200).map(|n| ipv6(1, n << 8, 1))), 40);
        assert_eq!(full(&mut (0..200).map(|n| ipv6(n, 1, 1))), 100);
    }

    #[test]
    fn the_network_that_has_most_makes_room_for_another() {
        let now = Instant::now();
        let mut crowd = crowd(50, [40, 20, 10]);
        fill(&mut crowd, (0..10).map(|_| ipv4(1, 1)), now);
        fill(&mut crowd, (0..20).map(|n| ipv4(2, n)), now);
        fill(&mut crowd, (0..9).map(|_| ipv4(2, 99)), now);
        fill(&mut crowd, (0..11).map(|n| ipv6(n, 1, 1)), now);
        assert_eq!(crowd.places.len(), 50);
        // Network 2 has 29 places, and in it one address 9: the oldest of these goes.
        let new = at("192.0.2.1");
        assert_eq!(crowd.room_for(&new, now), Admission::InPlaceOf(30));
        assert_eq!(crowd.make_room(&new, now), Admission::InPlaceOf(30));
        assert_eq!(crowd.largest(), 29);
    }

    #[test]
    fn the_network_that_has_fewest_is_found() {
        let now = Instant::now();
        let mut crowd = crowd(50, [40, 20, 10]);
        assert_eq!(crowd.of_the_smallest(), None);
        fill(&mut crowd, (0..9).map(|n| ipv4(1, n)), now);
        fill(&mut crowd, [1, 1, 2, 1].map(|n| ipv4(2, n)), now);
        fill(&mut crowd, (0..5).map(|_| ipv6(1, 1, 1)), now);
        assert_eq!(crowd.of_the_smallest(), Some(11));
    }

    #[test]
    fn an_address_makes_room_for_another_of_its_network() {
        let now = Instant::now();
        let mut crowd = crowd(100, [10, 10, 10]);
        fill(&mut crowd, (0..8).map(|_| ipv4(1, 1)), now);
        fill(&mut crowd, (0..2).map(|_| ipv4(1, 2)), now);
        let of = |host| Networks::of(ipv4(1, host));
        assert_eq!(crowd.room_for(&of(3), now), Admission::InPlaceOf(0));
        assert_eq!(crowd.room_for(&of(2), now), Admission::InPlaceOf(0));
        assert_eq!(crowd.room_for(&of(1), now), Admission::Refused);
        assert_eq!(crowd.room_for(&at("192.0.2.1"), now), Admission::Free);
    }

    #[test]
    fn who_has_most_takes_no_place_of_who_has_fewer() {
        let now = Instant::now();
        let mut crowd = crowd(40, [40, 40, 40]);
        fill(&mut crowd, (0..20).map(|_| ipv4(1, 1)), now);
        fill(&mut crowd, (0..20).map(|_| ipv4(2, 1)), now);
        let of = |network| Networks::of(ipv4(network, 1));
        assert_eq!(crowd.room_for(&of(1), now), Admission::Refused);
        assert_eq!(crowd.room_for(&of(2), now), Admission::Refused);
        assert_eq!(crowd.room_for(&of(3), now), Admission::InPlaceOf(0));
    }

    #[test]
    fn among_networks_that_have_as_much_the_oldest_makes_room() {
        let now = Instant::now();
        let mut crowd = crowd(8, [8, 8, 8]);
        // The order of the addresses is not that of their age.
        for (number, network) in [(10, 5), (11, 2), (12, 7), (13, 1)] {
            let networks = Networks::of(ipv4(network, 1));
            crowd.enter(&networks, number, now);
            crowd.enter(&networks, number + 10, now);
        }
        let new = at("192.0.2.1");
        assert_eq!(crowd.room_for(&new, now), Admission::InPlaceOf(10));
        crowd.leave(&Networks::of(ipv4(5, 1)), 10, now);
        assert_eq!(crowd.room_for(&new, now), Admission::Free);
        assert_eq!(crowd.make_room(&new, now), Admission::InPlaceOf(11));
    }

    #[test]
    fn who_has_been_there_for_too_long_makes_room_before_anybody_else() {
        let now = Instant::now();
        let mut crowd = crowd(20, [20, 20, 15]);
        crowd.enter(&at("192.0.2.9"), 1_000, now);
        fill(&mut crowd, (0..15).map(|_| ipv4(1, 1)), now + PATIENCE / 2);
        let late = now + PATIENCE;
        // Its own network is full: a place elsewhere is of no use.
        let own = Networks::of(ipv4(1, 1));
        assert_eq!(crowd.room_for(&own, late), Admission::Refused);
        let later = late + PATIENCE / 2;
        assert_eq!(crowd.room_for(&own, later), Admission::InPlaceOf(1));
        fill(&mut crowd, (0..4).map(|n| ipv4(2, n)), late);
        let other = Networks::of(ipv4(2, 9));
        assert_eq!(crowd.room_for(&other, late), Admission::InPlaceOf(1_000));
        assert_eq!(
            (crowd.overdue(now), crowd.overdue(late)),
            (None, Some(1_000))
        );
    }

    #[test]
    fn whoever_leaves_is_forgotten() {
        let now = Instant::now();
        let mut crowd = crowd(100, [100, 100, 100]);
        let addresses = || (0..100).map(|n| ipv6(n % 3, n % 7, n % 9));
        assert_eq!(fill(&mut crowd, addresses(), now), 100);
        for (number, address) in (0..).zip(addresses()) {
            let networks = Networks::of(address);
            crowd.leave(&networks, number, now);
            crowd.leave(&networks, number, now);
        }
        assert_eq!(crowd.largest(), 0);
        for width in &crowd.widths {
            assert!(width.places.is_empty() && width.by_size.is_empty());
        }
        assert_eq!(crowd.make_room(&at("::1"), now), Admission::Refused);
    }
}
