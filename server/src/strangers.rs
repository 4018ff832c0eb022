//! Connections that are not logged in: how many there may be, and which of them is sent away for
//! another.
//!
//! Pure. A connection goes through *phases*, each with places of its own: those that say nothing
//! never take the places of those that have sent a handshake message, nor these the places of who
//! is logged in. Whoever comes from a network that has few places gets one (`crowd` has the rule).
//! Who resumes is nobody special until that is proved, and finds room as everybody does. Called by
//! `connections`.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use chatbox_common::limits::REGISTRATION_TIMEOUT;

use crate::crowd::{Admission, Bounds, Crowd};
use crate::event::SessionId;
use crate::networks::Networks;

/// Of all connections, this part may be silent, and as many may have sent a handshake message …
const SHARE: usize = 4;
/// … but always so many, of which one address has a quarter.
const MIN_STRANGERS: usize = 256;
/// This part may be registering …
const REGISTERING_SHARE: usize = 16;
/// … but always so many, of which one address has a quarter and one network half: it takes more than a
/// few of them to have all.
const MIN_REGISTERING: usize = 128;
/// When places are wanted, so much time has a handshake message: it comes right behind the connection,
/// and a packet that was lost is sent again after a second.
const GREETING_PATIENCE: Duration = Duration::from_secs(2);
/// And so much has all that follows: a slow machine needs some seconds for a password.
const LOGIN_PATIENCE: Duration = Duration::from_secs(10);

/// Connections that have lost their place and whose threads have not ended yet: so many are there
/// beside the cap.
pub const MAX_LEAVING: usize = 64;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its handshake message has not come whole.
    Silent,
    /// It has, and nobody has logged in.
    Greeted,
    /// A person scans a code.
    Registering,
}

struct Stranger {
    phase: Phase,
    since: Instant,
    networks: Networks,
}

/// There is no place, and nobody who would have to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPlace;

pub struct Strangers {
    all: HashMap<SessionId, Stranger>,
    silent: Crowd,
    greeted: Crowd,
    registering: Crowd,
}

impl Strangers {
    /// `cap` is of all connections, those that are logged in among them.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        let bounds = Bounds::of((cap / SHARE).max(MIN_STRANGERS));
        let registering = Bounds::of((cap / REGISTERING_SHARE).max(MIN_REGISTERING));
        Self {
            all: HashMap::new(),
            silent: Crowd::new(bounds, GREETING_PATIENCE),
            greeted: Crowd::new(bounds, LOGIN_PATIENCE),
            // A person is given the whole time.
            registering: Crowd::new(registering, REGISTRATION_TIMEOUT),
        }
    }

    const fn crowd(&mut self, phase: Phase) -> &mut Crowd {
        match phase {
            Phase::Silent => &mut self.silent,
            Phase::Greeted => &mut self.greeted,
            Phase::Registering => &mut self.registering,
        }
    }

    /// Takes in a connection that was just accepted; returns the one that has to go for it.
    /// `is_full`: all places of the server are taken.
    ///
    /// # Errors
    /// When it is refused.
    pub fn admit(
        &mut self,
        session: SessionId,
        address: IpAddr,
        is_full: bool,
        now: Instant,
    ) -> Result<Option<SessionId>, NoPlace> {
        let networks = Networks::of(address);
        let mut admission = self.silent.room_for(&networks, now);
        if is_full && admission == Admission::Free {
            admission = self.make_room(&networks, now);
        }
        let gone = self.carry_out(admission)?;
        self.put(session, networks, Phase::Silent, now);
        Ok(gone)
    }

    /// Who has to go where all places of the server are taken, in whatever phase: whoever has been in
    /// theirs for too long, or else one of the network that has most in any, and among networks that
    /// have as much one that has come less far. A network that may send none of these away must not
    /// turn to others instead: whoever is alone in a phase would be gone first.
    fn make_room(&self, newcomer: &Networks, now: Instant) -> Admission {
        let crowds = [&self.silent, &self.greeted, &self.registering];
        if let Some(overdue) = crowds.iter().find_map(|crowd| crowd.overdue(now)) {
            return Admission::InPlaceOf(overdue);
        }
        // Of equals, the last is taken.
        let largest = crowds.into_iter().rev().max_by_key(|crowd| crowd.largest());
        largest.map_or(Admission::Refused, |crowd| crowd.make_room(newcomer, now))
    }

    /// A connection comes to another phase; returns the one that has to go for it.
    ///
    /// # Errors
    /// When it is refused, and stays where it is.
    pub fn advance(
        &mut self,
        session: SessionId,
        address: IpAddr,
        phase: Phase,
        now: Instant,
    ) -> Result<Option<SessionId>, NoPlace> {
        let networks = Networks::of(address);
        let admission = self.crowd(phase).room_for(&networks, now);
        let gone = self.carry_out(admission)?;
        self.remove(session);
        self.put(session, networks, phase, now);
        Ok(gone)
    }

    fn carry_out(&mut self, admission: Admission) -> Result<Option<SessionId>, NoPlace> {
        match admission {
            Admission::Free => Ok(None),
            Admission::InPlaceOf(session) => {
                self.remove(session);
                Ok(Some(session))
            }
            Admission::Refused => Err(NoPlace),
        }
    }

    fn put(&mut self, session: SessionId, networks: Networks, phase: Phase, now: Instant) {
        self.crowd(phase).enter(&networks, session, now);
        let stranger = Stranger {
            phase,
            since: now,
            networks,
        };
        self.all.insert(session, stranger);
    }

    /// Somebody has logged in, or has left; returns whether it was a stranger.
    pub fn remove(&mut self, session: SessionId) -> bool {
        let Some(stranger) = self.all.remove(&session) else {
            return false;
        };
        self.crowd(stranger.phase)
            .leave(&stranger.networks, session, stranger.since);
        true
    }
}
