//! What every connection's thread needs: the ways to the other threads, and what never changes
//! while the server runs.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatbox_common::auth::scram::{Iterations, salt_for};
use chatbox_common::crypto::record::Rotation;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::audit::{Audit, Line, Noise, events};
use crate::connections::Connections;
use crate::delivery::Deliveries;
use crate::handshakes::HandshakeThreads;
use crate::journal::Journal;
use crate::rate_limit::{AddressBudget, PendingRegistrations, network};
use crate::readers::Readers;

/// See the module.
pub struct Shared {
    /// The table of connections.
    pub connections: Connections,
    /// The one writer.
    pub journal: Journal,
    /// The readers of pages and accounts.
    pub readers: Readers,
    /// The senders.
    pub deliveries: Deliveries,
    /// The key computations of handshakes.
    pub handshakes: HandshakeThreads,
    /// The three audit files that are not the journal's.
    pub audit: Audit,
    /// Peers that never log in.
    pub noise: Mutex<Noise>,
    /// Login failures by address.
    pub logins: Mutex<AddressBudget>,
    /// Registrations by address.
    pub registrations: Mutex<AddressBudget>,
    /// Registrations under way.
    pub pending: PendingRegistrations,
    /// Secrets of this server.
    pub secrets: Secrets,
    /// What the configuration says.
    pub policy: Policy,
    /// When the server started.
    pub started: Instant,
}

/// Secrets from the key files.
pub struct Secrets {
    /// Makes the salts of passwords.
    pub salt: Secret<32>,
    /// Makes the hashes of names that do not exist, for the log.
    pub name_hash: Secret<32>,
}

/// What the configuration says about connections.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Whether anybody may register.
    pub registration_open: bool,
    /// Messages a second and session, 0 for no limit.
    pub messages_per_second: u32,
    /// When keys change.
    pub rotation: Rotation,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// What a connection's reading buffer holds while nothing is pending, in bytes.
    pub buffer_size: usize,
    /// Iterations of PBKDF2 for every password in the database.
    pub iterations: Iterations,
}

impl Shared {
    /// The salt of a name, whether or not it exists.
    #[must_use]
    pub fn salt(&self, user: &UserName) -> [u8; 16] {
        salt_for(&self.secrets.salt, user)
    }

    /// What stands in the log for a name that does not exist: 8 bytes of a keyed hash, in
    /// hexadecimal. People type passwords where a name belongs.
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

    /// Charges an address with an attempt to log in.
    ///
    /// # Errors
    /// With the time until the next attempt, when it has none left.
    pub fn charge_login(&self, address: IpAddr) -> Result<(), Duration> {
        // The guard ends with the statement: nothing that waits ever holds it.
        locked(&self.logins).charge(address, Instant::now())
    }

    /// Gives an attempt back that was right.
    pub fn refund_login(&self, address: IpAddr) {
        locked(&self.logins).refund(address, Instant::now());
    }

    /// Charges an address with a registration. Whoever is on this machine is not counted.
    ///
    /// # Errors
    /// With the time until the next one, when it has none left.
    pub fn charge_registration(&self, address: IpAddr) -> Result<(), Duration> {
        if address.to_canonical().is_loopback() {
            return Ok(());
        }
        locked(&self.registrations).charge(address, Instant::now())
    }

    /// Counts a peer that did not log in.
    pub fn note_noise(&self, address: IpAddr, what: &'static str) {
        locked(&self.noise).note(network(address), what, Instant::now());
    }

    /// Writes what was counted: all of it, or what has been gathered for long enough.
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
            let line = match summary.address {
                Some(address) => line.with("addr", address),
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
