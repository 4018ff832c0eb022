//! A resume costs its account, and waits until the account can pay. Nothing is done before.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{AccountId, RequestId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Candidacy;
use crate::account_budget::{AccountBudget, Later};
use crate::login_stream::{End, LoginStream};
use crate::prices;

/// Longer than that no resume waits: it is told to come back.
const PATIENCE: Duration = Duration::from_secs(3);

impl Candidacy<'_> {
    pub(super) fn wait_for_turn(
        &self,
        stream: &mut LoginStream<'_>,
        request: RequestId,
        account: AccountId,
        budget: &AccountBudget,
    ) -> Result<(), End> {
        let count = || self.shared.readers.count_rooms_of(account);
        let paid = pay(budget, count, Instant::now()).map_err(End::store)?;
        let wait = paid.map_err(|later| {
            let wait = later.settle(|| self.shared.refund_resume(self.peer.ip()));
            stream.come_back(request, "account", wait)
        })?;
        wait_or_end(self.socket, wait)
    }
}

/// The account pays for all of a resume at once, or for nothing: one that is refused must not use up
/// what the next one needs. Rooms are counted only where it is likely that it can.
fn pay<E>(
    budget: &AccountBudget,
    count: impl FnOnce() -> Result<u64, E>,
    now: Instant,
) -> Result<Result<Duration, Later>, E> {
    if let Err(later) = budget.may_resume(PATIENCE, now) {
        return Ok(Err(later));
    }
    let units = prices::RESUME + prices::of_rooms(count()?);
    Ok(budget.charge_resume(units, PATIENCE, now))
}

/// Waits for so long; fails as soon as the peer has closed the connection, or the server that stops
/// has shut down its reading. What the peer sends meanwhile is read later.
fn wait_or_end(socket: &TcpStream, wait: Duration) -> Result<(), End> {
    let end = Instant::now() + wait;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let left = Timespec::try_from(left).map_err(std::io::Error::other);
        let mut sockets = [PollFd::new(socket, PollFlags::RDHUP)];
        match poll(&mut sockets, Some(&left.map_err(ChannelError::Io)?)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Err(End::Channel(ChannelError::Closed)),
            Err(error) => return Err(End::Channel(ChannelError::Io(error.into()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::net::{Shutdown, TcpListener};
    use std::thread;

    use chatbox_common::limits::MAX_SESSIONS;

    use super::*;
    use crate::account_budget::AccountBudgets;
    use crate::login_stream::retry_ms;
    use crate::rate_limit::AddressBudget;

    fn resume(budget: &AccountBudget, rooms: u64, now: Instant) -> Result<Duration, Later> {
        pay(budget, || Ok::<_, ()>(rooms), now).unwrap()
    }

    fn as_told(wait: Duration) -> Duration {
        Duration::from_millis(retry_ms(wait).into())
    }

    /// What the account has used up when it comes; how long it waited in all, and how often it came.
    fn come_as_told(used: u32, rooms: u64) -> (Duration, u32) {
        let start = Instant::now();
        let budget = AccountBudgets::new(5).of(AccountId(1), start);
        let _ = budget.charge(used, start);
        let mut now = start;
        for attempts in 1..100 {
            match resume(&budget, rooms, now) {
                Ok(wait) => return (now + wait - start, attempts),
                Err(later) => now += as_told(later.settle(|| ())),
            }
        }
        panic!("told to come back again and again");
    }

    #[test]
    fn who_comes_back_as_told_gets_in() {
        assert_eq!(come_as_told(0, 500), (Duration::ZERO, 1));
        assert_eq!(come_as_told(4_700, 500), (Duration::ZERO, 1));
        // Waits for a little, and for as long as a resume waits.
        assert_eq!(come_as_told(5_000, 500), (Duration::from_millis(600), 1));
        assert_eq!(come_as_told(6_200, 500), (Duration::from_secs(3), 1));
        for used in [6_201, 6_499, 6_500, 7_000, 50_000] {
            let (waited, attempts) = come_as_told(used, 500);
            assert_eq!(attempts, 2, "{used}");
            assert!(
                waited <= AccountBudget::time_for(used),
                "{used}: {waited:?}"
            );
        }
        assert_eq!(come_as_told(6_000, 100_000).1, 2);
    }

    /// Accounts with as many sessions as there may be, all in so many rooms and behind one address,
    /// come at once and come back as they are told: how often one came at most.
    fn all_come(accounts: u64, rooms: u64) -> u32 {
        let start = Instant::now();
        let budgets = AccountBudgets::new(5);
        let held: Vec<_> = (0..accounts)
            .map(|n| budgets.of(AccountId(n), start))
            .collect();
        let mut address = AddressBudget::resumes();
        let router = "192.0.2.7".parse().unwrap();
        let mut due: BTreeSet<_> = (0..MAX_SESSIONS)
            .flat_map(|session| (0..held.len()).map(move |account| (start, 1, session, account)))
            .collect();
        let mut most = 0;
        while let Some((now, attempts, session, account)) = due.pop_first() {
            assert!(attempts < 100, "told to come back again and again");
            most = most.max(attempts);
            address.charge(router, now).expect("nobody is kept out");
            let paid = resume(&held[account], rooms, now);
            let mut give_back = || address.refund(router, now);
            match paid {
                Ok(_) => give_back(),
                Err(later) => {
                    let wait = as_told(later.settle(give_back));
                    due.insert((now + wait, attempts + 1, session, account));
                }
            }
        }
        most
    }

    #[test]
    fn all_sessions_that_come_back_as_told_get_in_and_their_neighbours_too() {
        assert_eq!(all_come(1, 1), 1);
        assert_eq!(all_come(60, 500), 2);
        assert_eq!(all_come(3, 100_000), 2);
    }

    #[test]
    fn who_comes_whatever_they_are_told_pays_with_their_address() {
        let now = Instant::now();
        let budget = AccountBudgets::new(5).of(AccountId(1), now);
        let _ = budget.charge(50_000, now);
        let mut given_back = 0;
        for _ in 0..1_000 {
            let later = resume(&budget, 500, now).unwrap_err();
            later.settle(|| given_back += 1);
        }
        assert_eq!(given_back, MAX_SESSIONS + 1);
    }

    #[test]
    fn rooms_are_counted_where_the_account_may_be_able_to_pay_for_them() {
        let now = Instant::now();
        let budget = AccountBudgets::new(5).of(AccountId(1), now);
        let mut counted = 0;
        for _ in 0..1_000 {
            let count = || {
                counted += 1;
                Ok::<_, ()>(500)
            };
            let _ = pay(&budget, count, now);
        }
        // As many as are let in: 5,000 units, and those of three seconds.
        assert_eq!(counted, 6_500 / 300);
    }

    const FOR_EVER: Duration = Duration::from_secs(3600);

    #[test]
    fn a_wait_ends_with_the_connection_and_with_nothing_that_is_said_meanwhile() {
        let ends: [fn(&TcpStream, &TcpStream); 2] = [
            // The peer leaves.
            |_, far| far.shutdown(Shutdown::Write).unwrap(),
            // The server stops.
            |near, _| near.shutdown(Shutdown::Read).unwrap(),
        ];
        for end in ends {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (near, _) = listener.accept().unwrap();
            far.write_all(b"more").unwrap();
            assert!(wait_or_end(&near, Duration::ZERO).is_ok());
            assert!(wait_or_end(&near, Duration::from_millis(1)).is_ok());
            let waiting = near.try_clone().unwrap();
            let waiting = thread::spawn(move || wait_or_end(&waiting, FOR_EVER));
            end(&near, &far);
            assert!(waiting.join().unwrap().is_err());
        }
    }
}
