//! A resume costs its account, and waits until the account can pay. Nothing is done before.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{AccountId, RequestId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Candidacy;
use crate::account_budget::AccountBudget;
use crate::login_stream::{End, LoginStream};
use crate::prices;

/// Longer than that no resume waits: it is told to come back.
const PATIENCE: Duration = Duration::from_secs(3);

impl Candidacy<'_> {
    /// The account pays what any resume costs, and for that its rooms are counted; then it pays for
    /// these.
    pub(super) fn wait_for_turn(
        &self,
        stream: &mut LoginStream<'_>,
        request: RequestId,
        account: AccountId,
        budget: &AccountBudget,
    ) -> Result<(), End> {
        let paid = pay(budget, prices::RESUME, 0, Instant::now());
        paid.map_err(|later| stream.come_back(request, "account", later))?;
        let rooms = self.shared.readers.count_rooms_of(account);
        let rooms = prices::of_rooms(rooms.map_err(End::store)?);
        let wait = pay(budget, rooms, prices::RESUME, Instant::now());
        let wait = wait.map_err(|later| stream.come_back(request, "account", later))?;
        wait_or_end(self.socket, wait)
    }
}

/// Returns how long to wait for so many units, or else how much later whoever must pay `again` then,
/// which was paid before, finds a place.
fn pay(budget: &AccountBudget, units: u32, again: u32, now: Instant) -> Result<Duration, Duration> {
    let wait = budget.charge_within(units, PATIENCE, now);
    wait.map_err(|later| later + AccountBudget::time_for(again))
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
    use std::io::Write;
    use std::net::{Shutdown, TcpListener};
    use std::thread;

    use super::*;
    use crate::account_budget::AccountBudgets;

    /// What the account has used up when it comes; how long it waited in all, and how often it came.
    fn come_as_told(used: u32, rooms: u64) -> (Duration, u32) {
        let start = Instant::now();
        let budget = AccountBudgets::new(5).of(AccountId(1), start);
        let _ = budget.charge(used, start);
        let mut now = start;
        for attempts in 1..100 {
            let told = pay(&budget, prices::RESUME, 0, now)
                .and_then(|_| pay(&budget, prices::of_rooms(rooms), prices::RESUME, now));
            match told {
                Ok(wait) => return (now + wait - start, attempts),
                Err(later) => now += later,
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
            assert!(attempts <= 3, "{used}: {attempts}");
            assert!(
                waited <= AccountBudget::time_for(used),
                "{used}: {waited:?}"
            );
        }
        assert!(come_as_told(6_000, 100_000).1 <= 3);
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
