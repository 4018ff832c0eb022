//! What the threads of all connections share: the handles on the other threads, and what holds for
//! all of them.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatbox_common::auth::scram::{Iterations, salt_for};
use chatbox_common::config::{Config, Registration};
use chatbox_common::crypto::record::Rotation;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::account_budget::AccountBudgets;
use crate::audit::{Audit, Line, Noise, Seldom, events};
use crate::connections::{Connections, Full};
use crate::delivery::Deliveries;
use crate::event::SessionId;
use crate::faults::Faults;
use crate::handshakes::HandshakeThreads;
use crate::journal::Journal;
use crate::networks::Networks;
use crate::rate_limit::AddressBudget;
use crate::readers::Readers;
use crate::strangers::Phase;

pub struct Shared {
    pub connections: Connections,
    /// The only writer of the database.
    pub journal: Journal,
    pub readers: Readers,
    pub deliveries: Deliveries,
    /// Compute the keys of handshakes, which no connection's thread does itself.
    pub handshakes: HandshakeThreads,
    /// sql.log, info.log and credentials.log; chat.log is the journal's.
    pub audit: Audit,
    /// Peers that never logged in, counted by address.
    pub noise: Mutex<Noise>,
    /// Told of by the housekeeper.
    pub faults: Faults,
    /// Of attempts that failed because of the database.
    pub database_trouble: Seldom,
    /// What each account may still have done, in all of its sessions.
    pub budgets: AccountBudgets,
    /// Failed logins by address.
    pub logins: Mutex<AddressBudget>,
    /// Resumes by address, until they succeed.
    pub resumes: Mutex<AddressBudget>,
    /// Registrations by address.
    pub registrations: Mutex<AddressBudget>,
    pub secrets: Secrets,
    /// A reload changes it.
    pub policy: Mutex<Policy>,
    pub started: Instant,
}

pub struct Secrets {
    /// From which the SCRAM salts are computed.
    pub salt: Secret<32>,
    /// Under which names that do not exist are hashed for the log.
    pub name_hash: Secret<32>,
}

#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub registration_open: bool,
    /// Per second and account; 0 is no limit.
    pub messages_per_second: u32,
    /// When a direction replaces its key (PROTOCOL.md, section 6.4).
    pub rotation: Rotation,
    /// The deadline of a handshake.
    pub handshake: Duration,
    /// Bytes that a connection's reading buffer holds while nothing is pending.
    pub buffer_size: usize,
    /// PBKDF2's, the same for every password in the database.
    pub iterations: Iterations,
}

impl Policy {
    #[must_use]
    pub fn of(config: &Config, iterations: Iterations) -> Self {
        Self {
            registration_open: config.server.registration == Registration::Open,
            messages_per_second: config.security.max_messages_per_sec,
            rotation: Rotation::new(
                config.security.rotation_records,
                config.security.rotation_bytes,
                config.security.rotation_age,
            ),
            handshake: config.network.connection_timeout,
            buffer_size: config.network.buffer_size,
            iterations,
        }
    }
}

/// An address has paid for an attempt. A line of credentials.log on what failed takes one, so that
/// nobody fills the log for nothing.
#[derive(Debug)]
#[must_use = "an attempt that did not fail is given back, or kept on purpose"]
pub struct Charged(());

impl Shared {
    /// As it is now.
    #[must_use]
    pub fn policy(&self) -> Policy {
        *locked(&self.policy)
    }

    pub fn set_policy(&self, policy: Policy) {
        *locked(&self.policy) = policy;
    }

    /// The same for each call, whether or not the name exists: the salt of a login's challenge does
    /// not tell.
    #[must_use]
    pub fn salt(&self, user: &UserName) -> [u8; 16] {
        salt_for(&self.secrets.salt, user)
    }

    /// Stands in the log for a name that does not exist, because people type passwords where a name
    /// belongs: 8 bytes of a keyed hash, in hexadecimal.
    #[must_use]
    pub fn name_hash(&self, user: &UserName) -> String {
        use std::fmt::Write;
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secrets.name_hash.expose()) else {
            return String::new();
        };
        mac.update(user.lower().as_bytes());
        let mut text = String::with_capacity(16);
        for byte in mac.finalize().into_bytes().iter().take(8) {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Charges an address with an attempt to log in, or says how long until it has another.
    pub fn charge_login(&self, address: IpAddr) -> Result<Charged, Duration> {
        // The guard ends with the statement: nobody waits for anything while holding it.
        locked(&self.logins).charge(address, Instant::now())?;
        Ok(Charged(()))
    }

    /// Gives the charge of a right attempt back.
    pub fn refund_login(&self, address: IpAddr, _: Charged) {
        locked(&self.logins).refund(address, Instant::now());
    }

    /// Charges an address with a resume, or says how long until it has another.
    pub fn charge_resume(&self, address: IpAddr) -> Result<(), Duration> {
        locked(&self.resumes).charge(address, Instant::now())
    }

    /// Gives the charge of a resume back that has succeeded, or that its account is to pay for later.
    pub fn refund_resume(&self, address: IpAddr) {
        locked(&self.resumes).refund(address, Instant::now());
    }

    /// Charges an address with a registration, or says how long until the next one. A peer on this
    /// machine pays only where it is refused ([`Shared::charge_refused_registration`]).
    pub fn charge_registration(&self, address: IpAddr) -> Result<Option<Charged>, Duration> {
        if address.to_canonical().is_loopback() {
            return Ok(None);
        }
        self.charge_refused_registration(address).map(Some)
    }

    /// Charges any address.
    pub fn charge_refused_registration(&self, address: IpAddr) -> Result<Charged, Duration> {
        locked(&self.registrations).charge(address, Instant::now())?;
        Ok(Charged(()))
    }

    /// A connection comes to another phase before its login; whoever has to go for it goes.
    ///
    /// # Errors
    /// Those of [`Connections::advance`].
    pub fn advance(&self, session: SessionId, to: Phase) -> Result<(), Full> {
        let gone = self.connections.advance(session, to)?;
        if let Some(gone) = gone {
            self.handshakes.give_up(gone);
        }
        Ok(())
    }

    pub fn note_noise(&self, address: IpAddr, what: &'static str) {
        locked(&self.noise).note(&Networks::of(address), what, Instant::now());
    }

    /// Writes all counts (at the end), or those whose window is over.
    pub fn write_noise(&self, all: bool) {
        let summaries = {
            let mut noise = locked(&self.noise);
            if all {
                noise.rest()
            } else {
                noise.due(Instant::now())
            }
        };
        for summary in summaries {
            let line = Line::of(&events::NEVER_LOGGED_IN);
            let line = match summary.network {
                Some(network) => line.with("addr", network),
                None => line.with("addr", "others"),
            };
            let line = line.with("count", summary.count);
            self.audit.log(line.with("last", summary.last));
        }
    }
}

/// Takes a lock under which no code panics.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
