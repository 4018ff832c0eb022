//! A session that the journal and a delivery thread have: whatever ends its thread ends it there.
//! Begun and ended by `connection`.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audit::{Audit, Line, events};
use crate::event::{Person, SessionId};
use crate::journal::{Begin, Ended, Journal};

/// Ends the session when it is dropped, as a panic does: nobody else would, and the person would
/// stay online, and messages be sealed for a peer that is gone.
pub struct OpenSession {
    journal: Journal,
    audit: Audit,
    session: SessionId,
    socket: Arc<TcpStream>,
    person: Person,
    address: SocketAddr,
    start: Instant,
    is_ended: bool,
}

impl OpenSession {
    #[must_use]
    pub fn begin(journal: &Journal, audit: &Audit, begin: Begin) -> Self {
        let open = Self {
            journal: journal.clone(),
            audit: audit.clone(),
            session: begin.session,
            socket: Arc::clone(&begin.socket),
            person: begin.person.clone(),
            address: begin.address,
            start: Instant::now(),
            is_ended: false,
        };
        journal.begin(begin);
        open
    }

    /// How long it has been open.
    #[must_use]
    pub fn lasted(&self) -> Duration {
        self.start.elapsed()
    }

    /// Must be called when the session is over.
    pub fn end(&mut self, ended: Ended) {
        self.is_ended = true;
        self.journal.end(ended);
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        // The delivery thread waits for no peer to take what it has: its next send fails.
        let _ = self.socket.shutdown(Shutdown::Both);
        self.end(Ended {
            session: self.session,
            cut_off: true,
            bye: None,
        });
        self.audit.log(
            Line::of(&events::SESSION_CLOSED)
                .with("user", &self.person.user)
                .with("account", self.person.account)
                .with("addr", self.address)
                .with("session", self.session)
                .with("how", "failed")
                .with("seconds", self.lasted().as_secs()),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicBool, Ordering};

    use chatbox_common::crypto::record::{Rotation, Sealer};
    use chatbox_common::limits::PING_AFTER;
    use chatbox_common::secret::Secret;
    use chatbox_common::testkit::wait::eventually;
    use chatbox_common::wire::message::{Capabilities, Limits};
    use rusqlite::Connection;

    use super::*;
    use crate::delivery::Backpressure;
    use crate::journal::testing::RunningJournal;
    use crate::store::DATABASE;
    use crate::threads;

    fn begin(
        journal: &RunningJournal,
        session: SessionId,
        begun: &Arc<AtomicBool>,
    ) -> (OpenSession, TcpStream, Arc<Backpressure>) {
        let begun = Arc::clone(begun);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, address) = listener.accept().unwrap();
        let mut sealer = Sealer::new(Secret::new([7; 32]), Rotation::default(), Instant::now());
        sealer.begin_session();
        let backpressure = Arc::<Backpressure>::default();
        let open = OpenSession::begin(
            &journal.journal,
            &journal.audit,
            Begin {
                session,
                person: journal.alice.clone(),
                address,
                socket: Arc::new(socket),
                greeting: Vec::new(),
                sealer,
                backpressure: Arc::clone(&backpressure),
                after: 0,
                token: [0; 16],
                capabilities: Capabilities::NONE,
                limits: Limits::with_pace(0),
                begun: Box::new(move || begun.store(true, Ordering::Relaxed)),
            },
        );
        (open, peer, backpressure)
    }

    #[test]
    fn a_session_whose_thread_fails_ends_in_the_journal_and_in_delivery() {
        let journal = RunningJournal::start();
        let database = Connection::open(journal.directory.path().join(DATABASE)).unwrap();
        let is_online = || {
            let found = database.query_row("SELECT online FROM REGISTERED", (), |row| row.get(0));
            found.map(|online: String| online == "ok").unwrap()
        };
        let (open, mut peer, backpressure) = begin(&journal, 7, &Arc::default());
        eventually("the session", || is_online().then_some(()));
        threads::for_one("conn-7", 256 * 1024, move || {
            let _open = open;
            panic!("on purpose");
        })
        .unwrap();
        assert!(backpressure.wait_closed(PING_AFTER), "delivery let it go");
        eventually("nobody online", || (!is_online()).then_some(()));
        // Its welcome, and the end.
        peer.read_to_end(&mut Vec::new()).unwrap();
        journal.audit.stop();
        let log = journal.directory.path().join("credentials.log");
        let lines = std::fs::read_to_string(log).unwrap();
        assert!(
            lines.contains(" session_closed user=alice account=1 addr="),
            "{lines}"
        );
        assert!(lines.contains(" session=7 how=failed seconds="), "{lines}");
    }

    #[test]
    fn a_session_that_was_ended_is_not_ended_again() {
        let journal = RunningJournal::start();
        let (mut open, _peer, backpressure) = begin(&journal, 8, &Arc::default());
        open.end(Ended {
            session: 8,
            cut_off: false,
            bye: None,
        });
        drop(open);
        assert!(backpressure.wait_closed(PING_AFTER));
        journal.audit.stop();
        let log = journal.directory.path().join("credentials.log");
        assert_eq!(std::fs::read_to_string(log).unwrap(), "");
    }

    #[test]
    fn a_session_that_is_turned_away_has_not_begun() {
        let journal = RunningJournal::start();
        for (number, begins) in [(9, true), (10, false)] {
            let begun = Arc::default();
            let (open, _peer, backpressure) = begin(&journal, number, &begun);
            if begins {
                let has_begun = || begun.load(Ordering::Relaxed).then_some(());
                eventually("the session", has_begun);
                drop(open);
            }
            assert!(backpressure.wait_closed(PING_AFTER));
            assert_eq!(begun.load(Ordering::Relaxed), begins);
            // Whoever logged in before is turned away from here on.
            journal.journal.log_out(journal.alice.account).unwrap();
        }
    }
}
