//! A resume costs its account, and waits until the account can pay.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{ErrorCode, ErrorMessage, RequestId, ServerMessage};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Candidacy;
use crate::account_budget::AccountBudget;
use crate::login_stream::{End, LoginStream};

/// Longer than that no resume waits: it is told to come back.
const PATIENCE: Duration = Duration::from_secs(3);

impl Candidacy<'_> {
    pub(super) fn wait_for_turn(
        &self,
        stream: &mut LoginStream<'_>,
        request: RequestId,
        budget: &AccountBudget,
        units: u32,
    ) -> Result<(), End> {
        match budget.charge_within(units, PATIENCE, Instant::now()) {
            Ok(wait) => wait_or_end(self.socket, wait),
            Err(sooner) => {
                let text = format!(
                    "too many sessions of your account have begun; try again in {} s",
                    sooner.as_secs() + 1
                );
                let retry_ms = u32::try_from(sooner.as_millis()).unwrap_or(u32::MAX);
                stream.send(&ServerMessage::Error(ErrorMessage {
                    request: Some(request),
                    code: ErrorCode::Busy,
                    text,
                    retry_ms: Some(retry_ms),
                }))?;
                Err(End::TooManyResumes)
            }
        }
    }
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
