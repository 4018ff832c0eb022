//! Budgets: of login failures and registrations per address, of messages per session.
//!
//! Knows no clock, no socket and no protocol: `now` is an argument, and what a refusal looks like
//! is the caller's. Every table is bounded. The threads of all connections share an
//! [`AddressBudget`], which the caller puts behind a mutex; a [`MessageBudget`] belongs to its
//! session.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use chatbox_common::limits::{LOGIN_FAILURES, LOGIN_REFILL, REGISTRATION_REFILL, REGISTRATIONS};

/// Networks whose attempts are remembered; beyond, the record that lapses first is forgotten.
pub const MAX_ADDRESSES: usize = 65_536;
/// Refused messages within [`PATIENCE`], after which the session is ended.
pub const MAX_REFUSED: u32 = 100;
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The part of an address that one attacker holds as easily as all of it: an IPv4 address, also one
/// mapped into IPv6, or an IPv6 network of 64 bits.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A bucket that holds `capacity` and gets one back every `interval`. Its state is one moment: when
/// it will be full again.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    interval: Duration,
    capacity: u32,
}

impl Bucket {
    /// Takes one from a bucket that is full at `full_at`, and returns when it is full afterwards,
    /// or else how long until there is one to take.
    fn take(self, full_at: Instant, now: Instant) -> Result<Instant, Duration> {
        let missing = full_at.saturating_duration_since(now);
        let allowed = self.interval * self.capacity.saturating_sub(1);
        match missing.checked_sub(allowed) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(full_at.max(now) + self.interval),
        }
    }
}

/// Login failures, or registrations, per [`network`].
///
/// When the table is full, the record that lapses first is forgotten: an attacker with many
/// addresses displaces the single failures of his own and, to be rid of ten of one network, must
/// spend ten from each of tens of thousands of networks within the same 100 seconds.
#[derive(Debug)]
pub struct AddressBudget {
    bucket: Bucket,
    full_at: HashMap<IpAddr, Instant>,
    by_lapse: BTreeSet<(Instant, IpAddr)>,
}

impl AddressBudget {
    fn new(capacity: u32, interval: Duration) -> Self {
        Self {
            bucket: Bucket { interval, capacity },
            full_at: HashMap::new(),
            by_lapse: BTreeSet::new(),
        }
    }

    /// [`LOGIN_FAILURES`], and one more every [`LOGIN_REFILL`].
    #[must_use]
    pub fn logins() -> Self {
        Self::new(LOGIN_FAILURES, LOGIN_REFILL)
    }

    /// [`REGISTRATIONS`], and one more every [`REGISTRATION_REFILL`].
    #[must_use]
    pub fn registrations() -> Self {
        Self::new(REGISTRATIONS, REGISTRATION_REFILL)
    }

    /// Charges an attempt before it is judged, so that attempts at the same time can't share what
    /// is left. A success, or a failure that does not count, is given back by
    /// [`AddressBudget::refund`]. Else the time until the next attempt is the error.
    pub fn charge(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let network = network(address);
        let before = self.full_at.get(&network).copied();
        let after = self.bucket.take(before.unwrap_or(now), now)?;
        self.forget_lapsed(now);
        if !self.full_at.contains_key(&network) && self.full_at.len() >= MAX_ADDRESSES {
            self.forget_first();
        }
        self.record(network, after);
        Ok(())
    }

    /// Gives one charge back; never more than was taken.
    pub fn refund(&mut self, address: IpAddr, now: Instant) {
        let network = network(address);
        let Some(full_at) = self.full_at.get(&network).copied() else {
            return;
        };
        match full_at.checked_sub(self.bucket.interval) {
            Some(earlier) if earlier > now => self.record(network, earlier),
            _ => self.forget(network),
        }
    }

    fn record(&mut self, network: IpAddr, full_at: Instant) {
        self.forget(network);
        self.full_at.insert(network, full_at);
        self.by_lapse.insert((full_at, network));
    }

    fn forget(&mut self, network: IpAddr) {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// Refused; the next is allowed after this time.
    Wait(Duration),
    /// Refused, and so were more than [`MAX_REFUSED`] within [`PATIENCE`]: the session is ended.
    Disconnect,
}

/// One session's: a second's worth at once, and as many per second.
#[derive(Debug)]
pub struct MessageBudget {
    /// `None` is no limit.
    messages: Option<Bucket>,
    full_at: Instant,
    patience_full_at: Instant,
}

impl MessageBudget {
    /// 0 is no limit.
    #[must_use]
    pub fn new(per_second: u32, now: Instant) -> Self {
        let bucket = |capacity| Bucket {
            interval: Duration::from_secs(1) / capacity,
            capacity,
        };
        Self {
            messages: (per_second > 0).then(|| bucket(per_second)),
            full_at: now,
            patience_full_at: now,
        }
    }

    pub fn take(&mut self, now: Instant) -> Verdict {
        let Some(messages) = self.messages else {
            return Verdict::Allowed;
        };
        let wait = match messages.take(self.full_at, now) {
            Ok(full_at) => {
                self.full_at = full_at;
                return Verdict::Allowed;
            }
            Err(wait) => wait,
        };
        let refusals = Bucket {
            interval: PATIENCE / MAX_REFUSED,
            capacity: MAX_REFUSED,
        };
        match refusals.take(self.patience_full_at, now) {
            Ok(full_at) => {
                self.patience_full_at = full_at;
                Verdict::Wait(wait)
            }
            Err(_) => Verdict::Disconnect,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fail(budget: &mut AddressBudget, address: IpAddr, times: u32, now: Instant) {
        for n in 0..times {
            assert_eq!(budget.charge(address, now), Ok(()), "{n}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_so_is_a_mapped_ipv4() {
        assert_eq!(network(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(network(ip("::ffff:192.0.2.7")), ip("192.0.2.7"));
        assert_ne!(network(ip("192.0.2.7")), network(ip("192.0.2.8")));
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
        for n in 0..3 * 65_536 {
            let stranger = Ipv4Addr::from_bits(0x0a00_0000 + n).into();
            fail(&mut budget, stranger, 1, now);
        }
        assert_eq!(budget.full_at.len(), MAX_ADDRESSES);
        assert_eq!(budget.by_lapse.len(), MAX_ADDRESSES);
        assert!(budget.charge(guesser, now).is_err());
    }

    #[test]
    fn what_has_lapsed_is_forgotten() {
        let (mut budget, now) = (AddressBudget::logins(), Instant::now());
        for n in 0..1_000 {
            fail(&mut budget, Ipv4Addr::from_bits(n).into(), 1, now);
        }
        fail(&mut budget, ip("192.0.2.7"), 1, now + LOGIN_REFILL);
        assert_eq!((budget.full_at.len(), budget.by_lapse.len()), (1, 1));
    }

    #[test]
    fn messages_come_at_their_rate_and_a_refusal_says_when_to_go_on() {
        let start = Instant::now();
        let mut budget = MessageBudget::new(5, start);
        for _ in 0..5 {
            assert_eq!(budget.take(start), Verdict::Allowed);
        }
        let wait = Duration::from_millis(200);
        assert_eq!(budget.take(start), Verdict::Wait(wait));
        assert_eq!(budget.take(start + wait), Verdict::Allowed);
        assert_eq!(budget.take(start + wait), Verdict::Wait(wait));
    }

    #[test]
    fn who_waits_as_told_is_never_refused_again() {
        let mut now = Instant::now();
        let mut budget = MessageBudget::new(7, now);
        for _ in 0..1_000 {
            if let Verdict::Wait(wait) = budget.take(now) {
                now += wait;
                assert_eq!(budget.take(now), Verdict::Allowed);
            }
        }
    }

    #[test]
    fn who_keeps_on_is_disconnected_and_who_slips_is_not() {
        let start = Instant::now();
        let mut budget = MessageBudget::new(1, start);
        assert_eq!(budget.take(start), Verdict::Allowed);
        for _ in 0..MAX_REFUSED {
            assert!(matches!(budget.take(start), Verdict::Wait(_)));
        }
        assert_eq!(budget.take(start), Verdict::Disconnect);

        let mut budget = MessageBudget::new(1, start);
        for n in 0..10_000 {
            let verdict = budget.take(start + Duration::from_millis(200) * n);
            assert_ne!(
                verdict,
                Verdict::Disconnect,
                "five a second where one is allowed"
            );
        }
    }

    #[test]
    fn zero_is_no_limit() {
        let now = Instant::now();
        let mut budget = MessageBudget::new(0, now);
        assert!((0..100_000).all(|_| budget.take(now) == Verdict::Allowed));
    }
}
