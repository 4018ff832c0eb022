//! Budgets of login failures, resumes and registrations per network.
//!
//! Knows no clock, no socket and no protocol: `now` is an argument, and what a refusal looks like
//! is the caller's. Every table is bounded. The threads of all connections share an
//! [`AddressBudget`], which the caller puts behind a mutex.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use chatbox_common::limits::{
    BUDGET_OF_A_48, BUDGET_OF_A_56, LOGIN_FAILURES, LOGIN_REFILL, REGISTRATION_REFILL,
    REGISTRATIONS, RESUME_REFILL, RESUMES,
};

use crate::bucket::Bucket;
use crate::networks::{Network, Networks, WIDTHS};

/// Networks of each width whose attempts are remembered; beyond, the record that lapses first is
/// forgotten.
pub const MAX_NETWORKS: usize = 65_536;
/// How many times the budget of an address the networks have, from the widest on.
const SHARES: [u32; WIDTHS] = [BUDGET_OF_A_48, BUDGET_OF_A_56, 1];

/// Login failures, resumes, or registrations, of the networks of each width: what one address may do, all of
/// a wide network may do only some times over.
#[derive(Debug)]
pub struct AddressBudget {
    widths: [NetworkBudget; WIDTHS],
}

impl AddressBudget {
    fn new(capacity: u32, interval: Duration) -> Self {
        let widths = SHARES.map(|times| NetworkBudget::new(capacity * times, interval / times));
        Self { widths }
    }

    /// [`LOGIN_FAILURES`], and one more every [`LOGIN_REFILL`].
    #[must_use]
    pub fn logins() -> Self {
        Self::new(LOGIN_FAILURES, LOGIN_REFILL)
    }

    /// [`RESUMES`], and one more every [`RESUME_REFILL`].
    #[must_use]
    pub fn resumes() -> Self {
        Self::new(RESUMES, RESUME_REFILL)
    }

    /// [`REGISTRATIONS`], and one more every [`REGISTRATION_REFILL`].
    #[must_use]
    pub fn registrations() -> Self {
        Self::new(REGISTRATIONS, REGISTRATION_REFILL)
    }

    /// The budgets of an address, each of another network.
    fn of(&mut self, address: IpAddr) -> impl Iterator<Item = (&mut NetworkBudget, Network)> {
        let networks = Networks::of(address).all();
        let narrower = networks.into_iter().skip(1).map(Some).chain([None]);
        let budgets = self.widths.iter_mut().zip(networks).zip(narrower);
        let differs = |&((_, network), narrower): &((_, _), _)| narrower != Some(network);
        budgets.filter(differs).map(|(budget, _)| budget)
    }

    /// Charges an attempt before it is judged, so that attempts at the same time can't share what
    /// is left. A success, or a failure that does not count, is given back by
    /// [`AddressBudget::refund`]. Else nothing is charged, and the time until the next attempt is
    /// the error.
    pub fn charge(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let waits = self.of(address);
        let waits = waits.filter_map(|(budget, network)| budget.look(network, now).err());
        if let Some(longest) = waits.max() {
            return Err(longest);
        }
        for (budget, network) in self.of(address) {
            budget.charge(network, now);
        }
        Ok(())
    }

    /// Gives one charge back; never more than was taken.
    pub fn refund(&mut self, address: IpAddr, now: Instant) {
        for (budget, network) in self.of(address) {
            budget.refund(network, now);
        }
    }
}

/// The networks of one width.
///
/// When the table is full, the record that lapses first is forgotten: an attacker with many
/// addresses displaces the single failures of his own and, to be rid of ten of one network, must
/// spend ten from each of tens of thousands of networks within the same 100 seconds.
#[derive(Debug)]
struct NetworkBudget {
    bucket: Bucket,
    full_at: HashMap<Network, Instant>,
    by_lapse: BTreeSet<(Instant, Network)>,
}

impl NetworkBudget {
    fn new(capacity: u32, interval: Duration) -> Self {
        Self {
            bucket: Bucket { interval, capacity },
            full_at: HashMap::new(),
            by_lapse: BTreeSet::new(),
        }
    }

    /// When it is full again if one is taken now, or how long until there is one to take.
    fn look(&self, network: Network, now: Instant) -> Result<Instant, Duration> {
        let full_at = self.full_at.get(&network).copied();
        self.bucket.take(full_at.unwrap_or(now), now)
    }

    fn charge(&mut self, network: Network, now: Instant) {
        let Ok(after) = self.look(network, now) else {
            return;
        };
        self.forget_lapsed(now);
        if !self.full_at.contains_key(&network) && self.full_at.len() >= MAX_NETWORKS {
            self.forget_first();
        }
        self.record(network, after);
    }

    fn refund(&mut self, network: Network, now: Instant) {
        let Some(full_at) = self.full_at.get(&network).copied() else {
            return;
        };
        match full_at.checked_sub(self.bucket.interval) {
            Some(earlier) if earlier > now => self.record(network, earlier),
            _ => self.forget(network),
        }
    }

    fn record(&mut self, network: Network, full_at: Instant) {
        self.forget(network);
        self.full_at.insert(network, full_at);
        self.by_lapse.insert((full_at, network));
    }

    fn forget(&mut self, network: Network) {
        if let Some(full_at) = self.full_at.remove(&network) {
            self.by_lapse.remove(&(full_at, network));
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, network)) = self.by_lapse.pop_first() {
            self.full_at.remove(&network);
        }
    }

    fn forget_lapsed(&mut self, now: Instant) {
        while self
            .by_lapse
            .first()
            .is_some_and(|(full_at, _)| *full_at <= now)
        {
            self.forget_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fail(budget: &mut AddressBudget, address: IpAddr, times: u32, now: Instant) {
        for n in 0..times {
            assert_eq!(budget.charge(address, now), Ok(()), "{n}");
        }
    }

    /// How many attempts pass, with one refusal at the end.
    fn passed(budget: &mut AddressBudget, address: impl Fn(u32) -> IpAddr, now: Instant) -> u32 {
        let passes = |n: &u32| budget.charge(address(*n), now).is_ok();
        (0..1_000_000)
            .take_while(passes)
            .map(|n| n + 1)
            .last()
            .unwrap_or(0)
    }

    fn v6(upper: u64) -> IpAddr {
        Ipv6Addr::from_bits(u128::from(upper) << 64 | 9).into()
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_so_is_a_mapped_ipv4() {
        let (mut budget, now) = (AddressBudget::logins(), Instant::now());
        let of_64 = |n: u32| ip(&format!("2001:db8:1:2::{n:x}"));
        assert_eq!(passed(&mut budget, of_64, now), LOGIN_FAILURES);
        fail(&mut budget, ip("::ffff:192.0.2.7"), LOGIN_FAILURES, now);
        assert!(budget.charge(ip("192.0.2.7"), now).is_err());
        fail(&mut budget, ip("192.0.2.8"), LOGIN_FAILURES, now);
    }

    #[test]
    fn a_wide_network_is_not_thousands_of_attackers() {
        let (now, site) = (Instant::now(), 0x2001_0db8_0001_0000);
        let of_48 = |n: u32| v6(site | u64::from(n % 256) << 8 | u64::from(n / 256));
        let of_56 = |n: u32| v6(site | u64::from(n % 256));
        let of_24 = |n: u32| Ipv4Addr::from_bits(0xc000_0200 | (n % 256)).into();
        let other_site = v6(site + 0x1_0000);
        for (budget, of_one) in [
            (
                AddressBudget::logins as fn() -> AddressBudget,
                LOGIN_FAILURES,
            ),
            (AddressBudget::resumes, RESUMES),
            (AddressBudget::registrations, REGISTRATIONS),
        ] {
            let mut full = budget();
            assert_eq!(passed(&mut full, of_48, now), 16 * of_one);
            assert!(full.charge(of_48(9_999), now).is_err());
            assert_eq!(full.charge(other_site, now), Ok(()));
            assert_eq!(passed(&mut budget(), of_56, now), 4 * of_one);
            assert_eq!(passed(&mut budget(), of_24, now), 16 * of_one);
        }
        let mut budget = AddressBudget::logins();
        passed(&mut budget, of_48, now);
        let refilled = now + LOGIN_REFILL;
        assert_eq!(passed(&mut budget, of_48, refilled), 16);
    }

    #[test]
    fn what_is_refused_or_given_back_costs_no_network_anything() {
        let (mut budget, now) = (AddressBudget::logins(), Instant::now());
        let of_24 = |n: u32| Ipv4Addr::from_bits(0xc000_0200 | n).into();
        fail(&mut budget, of_24(1), LOGIN_FAILURES, now);
        for _ in 0..1_000 {
            assert!(budget.charge(of_24(1), now).is_err());
            fail(&mut budget, of_24(2), 1, now);
            budget.refund(of_24(2), now);
        }
        let rest = |n: u32| of_24(2 + n % 200);
        assert_eq!(passed(&mut budget, rest, now), 15 * LOGIN_FAILURES);
    }

    #[test]
    fn loopback_addresses_are_in_no_wider_network() {
        let (mut budget, now) = (AddressBudget::logins(), Instant::now());
        for host in 1..=255 {
            let address = Ipv4Addr::new(127, 0, 0, host).into();
            fail(&mut budget, address, LOGIN_FAILURES, now);
            assert!(budget.charge(address, now).is_err());
        }
    }

    #[test]
    fn ten_failures_then_one_every_ten_seconds() {
        let (mut budget, start) = (AddressBudget::logins(), Instant::now());
        let peer = ip("192.0.2.7");
        fail(&mut budget, peer, LOGIN_FAILURES, start);
        assert_eq!(budget.charge(peer, start), Err(LOGIN_REFILL));
        let later = start + Duration::from_secs(4);
        assert_eq!(budget.charge(peer, later), Err(Duration::from_secs(6)));
        let refilled = start + LOGIN_REFILL;
        fail(&mut budget, peer, 1, refilled);
        assert_eq!(budget.charge(peer, refilled), Err(LOGIN_REFILL));
        fail(&mut budget, ip("192.0.2.8"), LOGIN_FAILURES, start);
    }

    #[test]
    fn a_refund_gives_back_one_attempt_and_no_more() {
        let (mut budget, now) = (AddressBudget::logins(), Instant::now());
        let peer = ip("192.0.2.7");
        for _ in 0..1_000 {
            fail(&mut budget, peer, 1, now);
            budget.refund(peer, now);
        }
        budget.refund(peer, now);
        fail(&mut budget, peer, LOGIN_FAILURES, now);
        budget.refund(peer, now);
        fail(&mut budget, peer, 1, now);
        assert!(budget.charge(peer, now).is_err());
    }

    #[test]
    fn many_addresses_fill_a_bounded_table_and_clear_nobodys_record() {
        let (mut budget, now) = (AddressBudget::logins(), Instant::now());
        let guesser = ip("192.0.2.7");
        fail(&mut budget, guesser, LOGIN_FAILURES, now);
        for n in 0..80_000 {
            let stranger = Ipv4Addr::from_bits(0x0a00_0000 + (n << 8)).into();
            fail(&mut budget, stranger, 1, now);
        }
        for width in &budget.widths {
            assert!(width.full_at.len() <= MAX_NETWORKS);
            assert_eq!(width.full_at.len(), width.by_lapse.len());
        }
        assert!(budget.charge(guesser, now).is_err());
    }

    #[test]
    fn what_has_lapsed_is_forgotten() {
        let (mut budget, now) = (AddressBudget::logins(), Instant::now());
        for n in 0..1_000 {
            fail(&mut budget, Ipv4Addr::from_bits(n << 8).into(), 1, now);
        }
        fail(&mut budget, ip("192.0.2.7"), 1, now + LOGIN_REFILL);
        let left = budget
            .widths
            .map(|width| (width.full_at.len(), width.by_lapse.len()));
        assert_eq!(left, [(1, 1), (0, 0), (1, 1)]);
    }
}
