//! What every connection's thread needs: the ways to the other threads, and what never changes
//! while the server runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatbox_common::auth::scram::{Iterations, salt_for};
use chatbox_common::crypto::record::Rotation;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::audit::{Audit, Noise};
use crate::delivery::Deliveries;
use crate::hub::Hub;
use crate::journal::Journal;
use crate::keys::KeyThreads;
use crate::readers::Readers;
use crate::throttle::{LoginBudget, PendingRegistrations};

/// See the module.
pub struct Shared {
    /// The client table.
    pub hub: Hub,
    /// The one writer.
    pub journal: Journal,
    /// The readers of pages and accounts.
    pub readers: Readers,
    /// The senders.
    pub deliveries: Deliveries,
    /// The key computations of handshakes.
    pub keys: KeyThreads,
    /// The three audit files that are not the journal's.
    pub audit: Audit,
    /// Peers that never log in.
    pub noise: Mutex<Noise>,
    /// Login failures by address.
    pub logins: Mutex<LoginBudget>,
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

    /// The login failures. Held for a look-up, never across anything that waits.
    pub fn logins(&self) -> MutexGuard<'_, LoginBudget> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peers that never logged in. Held for a note, never across anything that waits.
    pub fn noise(&self) -> MutexGuard<'_, Noise> {
        self.noise.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
