//! Records: messages sealed with AES-256-GCM under keys that change (docs/PROTOCOL.md, section 6).
//!
//! A record is the body of one frame. Its key comes from the direction's secret `S`, its nonce is
//! the number of records under that key, its associated data the two length bytes of the frame.
//! The plaintext is laid out as in TLS 1.3 (RFC 8446, section 5.4): content, one type byte, zero
//! bytes. Replay, reordering, reflection and loss all show as a failed tag, since both ends count.
//!
//! Each direction replaces its own key: the sender says so with a key update record, then both
//! derive `S'` and forget `S`. That protects what was sent before a key is stolen, not what
//! comes after. [`Sealer`] and [`Opener`] have no lock: each belongs to one thread.

use std::collections::VecDeque;
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes256Enc;
use aes_gcm::{AesGcm, KeyInit};

use super::kdf;
use crate::secret::Secret;

/// Bytes of the authentication tag.
pub const TAG_LEN: usize = 16;
/// The longest record (the body of a frame), in bytes.
pub const MAX_RECORD: usize = u16::MAX as usize;
/// The longest record taken before login, in bytes.
pub const MAX_RECORD_BEFORE_LOGIN: usize = 4096;
/// The longest content of a record, in bytes: what remains beside the type byte and the tag.
pub const MAX_CONTENT: usize = MAX_RECORD - TAG_LEN - 1;
/// A receiver takes no more records than this under one key.
pub const MAX_RECORDS_PER_KEY: u64 = 1 << 20;
/// A receiver takes at most this many key updates in [`UPDATE_WINDOW`].
pub const MAX_UPDATES: usize = 8;
/// The time over which [`MAX_UPDATES`] counts.
pub const UPDATE_WINDOW: Duration = Duration::from_secs(10);

/// The most records that a sender seals under one key, without the update that ends it.
pub const MAX_RECORDS_SEALED: u32 = 1 << 16;
/// The most that a sender seals under one key before it replaces it, in MiB: the sum of the
/// records' lengths, padding and tags included.
pub const MAX_MIB_SEALED: u32 = 256;
/// The age at which a sender replaces its key, in minutes.
pub const MAX_KEY_MINUTES: u32 = 10;

const TYPE_MESSAGES: u8 = 1;
const TYPE_KEY_UPDATE: u8 = 2;
const PADDING_BEFORE_LOGIN: usize = 512;
const PADDING: usize = 64;

/// Before or after the login: decides padding, sizes, and whether keys may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From the handshake to `logged_in`.
    Login,
    /// After `logged_in`.
    Session,
}

impl Stage {
    /// The longest record a receiver takes, in bytes.
    #[must_use]
    pub const fn max_record(self) -> usize {
        match self {
            Self::Login => MAX_RECORD_BEFORE_LOGIN,
            Self::Session => MAX_RECORD,
        }
    }

    /// The lengths of records that a receiver takes, in bytes: the shortest has one byte beside its
    /// tag.
    #[must_use]
    pub const fn records(self) -> RangeInclusive<usize> {
        TAG_LEN + 1..=self.max_record()
    }

    const fn padding(self) -> usize {
        match self {
            Self::Login => PADDING_BEFORE_LOGIN,
            Self::Session => PADDING,
        }
    }
}

/// The limits at which a sender replaces its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    records: u64,
    bytes: u64,
    age: Duration,
}

impl Rotation {
    /// Cuts each limit down to the protocol's own; at least one record and one byte.
    #[must_use]
    pub fn new(records: u64, bytes: u64, age: Duration) -> Self {
        let most = Self::default();
        Self {
            records: records.clamp(1, most.records),
            bytes: bytes.clamp(1, most.bytes),
            age: age.min(most.age),
        }
    }
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            records: MAX_RECORDS_SEALED.into(),
            bytes: u64::from(MAX_MIB_SEALED) << 20,
            age: Duration::from_secs(60 * u64::from(MAX_KEY_MINUTES)),
        }
    }
}

/// Why nothing was sealed; [`Sealer::seal`] says what state that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The content is empty or longer than the stage allows.
    #[error("content of {0} bytes does not fit a record")]
    Size(usize),
    /// AES-GCM refused, or the counter ran out.
    #[error("the record could not be sealed")]
    Cipher,
}

/// Why a record was refused. Each ends the session; none says anything about the contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Shorter than a type byte and a tag, or longer than the stage allows.
    #[error("a record has an impossible length")]
    Length,
    /// The tag is wrong: forged, replayed, reordered, reflected, or sealed with another key.
    #[error("a record failed its authentication")]
    Authentication,
    /// Nothing but zero bytes in the plaintext.
    #[error("a record has no type")]
    NoType,
    /// A type this version does not know.
    #[error("a record has an unknown type")]
    UnknownType,
    /// A message record without content.
    #[error("a record has no content")]
    Empty,
    /// A key update before login, or one with content.
    #[error("a key update is out of place")]
    KeyUpdate,
    /// More key updates than [`MAX_UPDATES`] in [`UPDATE_WINDOW`].
    #[error("too many key updates")]
    TooManyUpdates,
    /// More than [`MAX_RECORDS_PER_KEY`] records under one key.
    #[error("a key was used for too long")]
    Exhausted,
}

/// AES-256-GCM without the key schedule of AES decryption, which GCM has no use for: 240 bytes less
/// in each direction of each session.
type Cipher = AesGcm<Aes256Enc, U12>;

/// One direction's present key.
///
/// On the heap: moving it would leave copies behind that nobody wipes. In this order, so that
/// [`Sealer::prefetch`] finds a number at either end of the cipher.
#[repr(C)]
struct Key {
    counter: u64,
    cipher: Cipher,
    epoch: u64,
    since: Instant,
    secret: Secret<32>,
}

impl Key {
    fn new(secret: Secret<32>, epoch: u64, now: Instant) -> Box<Self> {
        let key = kdf::expand(&secret, b"chatbox 1 key");
        Box::new(Self {
            counter: 0,
            cipher: Cipher::new(key.expose().into()),
            epoch,
            since: now,
            secret,
        })
    }

    fn next(&self, now: Instant) -> Box<Self> {
        let next = kdf::expand(&self.secret, b"chatbox 1 key update");
        Self::new(next, self.epoch + 1, now)
    }

    fn nonce(&self) -> [u8; 12] {
        super::nonce(self.counter)
    }
}

/// How old a direction's key is: for display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAge {
    /// 0 for the first key, then one more with every update.
    pub epoch: u64,
    /// How long the key has been in use.
    pub age: Duration,
}

/// The sending direction. Belongs to the thread that decides the order of records, since their
/// number is the nonce.
pub struct Sealer {
    key: Box<Key>,
    stage: Stage,
    rotation: Rotation,
    bytes: u64,
}

impl Sealer {
    /// Starts a direction before login, with its first secret and counter 0.
    #[must_use]
    pub fn new(secret: Secret<32>, rotation: Rotation, now: Instant) -> Self {
        Self {
            key: Key::new(secret, 0, now),
            stage: Stage::Login,
            rotation,
            bytes: 0,
        }
    }

    /// From the next record on, the sizes, padding and key updates of a session apply
    /// (docs/PROTOCOL.md, section 6.3).
    pub const fn begin_session(&mut self) {
        self.stage = Stage::Session;
    }

    /// Epoch and age of this direction's key, for display.
    #[must_use]
    pub fn key_age(&self, now: Instant) -> KeyAge {
        KeyAge {
            epoch: self.key.epoch,
            age: now.saturating_duration_since(self.key.since),
        }
    }

    /// Reads a number at either end of the cipher, so that the processor has begun to fetch it from
    /// memory when it is needed. For whoever seals one record with each of many keys.
    pub fn prefetch(&self) {
        black_box(self.key.counter ^ self.key.epoch);
    }

    /// Appends one frame with `content` (whole messages, 1 to [`MAX_CONTENT`] bytes) to `out`;
    /// before it the frame of a key update where one is due.
    ///
    /// # Errors
    /// [`SealError::Size`] leaves `out` and the key as they were; after [`SealError::Cipher`]
    /// the session is over.
    pub fn seal(
        &mut self,
        content: &[u8],
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let room = self.stage.max_record() - TAG_LEN - 1;
        if content.is_empty() || content.len() > room {
            return Err(SealError::Size(content.len()));
        }
        if self.stage == Stage::Session && self.update_is_due(now) {
            self.seal_record(&[], TYPE_KEY_UPDATE, out)?;
            self.key = self.key.next(now);
            self.bytes = 0;
        }
        self.seal_record(content, TYPE_MESSAGES, out)
    }

    fn update_is_due(&self, now: Instant) -> bool {
        self.key.counter >= self.rotation.records
            || self.bytes >= self.rotation.bytes
            || now.saturating_duration_since(self.key.since) >= self.rotation.age
    }

    fn seal_record(
        &mut self,
        content: &[u8],
        kind: u8,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let most = self.stage.max_record() - TAG_LEN;
        let padded = (content.len() + 1)
            .next_multiple_of(self.stage.padding())
            .min(most);
        let length = u16::try_from(padded + TAG_LEN)
            .map_err(|_| SealError::Size(content.len()))?
            .to_be_bytes();
        let begin = out.len();
        let body = begin + length.len();
        out.reserve(length.len() + padded + TAG_LEN);
        out.extend_from_slice(&length);
        out.extend_from_slice(content);
        out.push(kind);
        out.resize(body + padded, 0);
        let sealed = out
            .get_mut(body..)
            .ok_or(SealError::Cipher)
            .and_then(|plain| {
                self.key
                    .cipher
                    .encrypt_inout_detached(&self.key.nonce().into(), &length, plain.into())
                    .map_err(|_| SealError::Cipher)
            });
        let next = self.key.counter.checked_add(1).ok_or(SealError::Cipher);
        match sealed.and_then(|tag| next.map(|next| (tag, next))) {
            Ok((tag, next)) => {
                out.extend_from_slice(&tag);
                self.key.counter = next;
                self.bytes = self.bytes.saturating_add((padded + TAG_LEN) as u64);
                Ok(())
            }
            Err(error) => {
                // Nothing unsealed may stay where the next send would find it.
                out.truncate(begin);
                Err(error)
            }
        }
    }
}

/// An authentic record, decrypted in place.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened<'a> {
    /// One or more whole messages, back to back.
    Messages(&'a mut [u8]),
    /// The peer has replaced its key; this opener already uses the new one.
    KeyUpdate,
}

/// The receiving direction.
pub struct Opener {
    key: Box<Key>,
    stage: Stage,
    /// When the last updates came, oldest first, at most [`MAX_UPDATES`].
    updates: VecDeque<Instant>,
}

impl Opener {
    /// Starts a direction before login, with its first secret and counter 0.
    #[must_use]
    pub fn new(secret: Secret<32>, now: Instant) -> Self {
        Self {
            key: Key::new(secret, 0, now),
            stage: Stage::Login,
            updates: VecDeque::new(),
        }
    }

    /// From the next record on, the sizes, padding and key updates of a session apply
    /// (docs/PROTOCOL.md, section 6.3).
    pub const fn begin_session(&mut self) {
        self.stage = Stage::Session;
    }

    /// Whether the rules before or after login apply.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Epoch and age of this direction's key, for display.
    #[must_use]
    pub fn key_age(&self, now: Instant) -> KeyAge {
        KeyAge {
            epoch: self.key.epoch,
            age: now.saturating_duration_since(self.key.since),
        }
    }

    /// Opens the body of one frame in place.
    ///
    /// # Errors
    /// Each ends the session: the caller reads nothing more from this peer. The counter moves
    /// only with a record that was authentic.
    pub fn open<'a>(
        &mut self,
        record: &'a mut [u8],
        now: Instant,
    ) -> Result<Opened<'a>, OpenError> {
        if record.len() > self.stage.max_record() {
            return Err(OpenError::Length);
        }
        let length = u16::try_from(record.len())
            .map_err(|_| OpenError::Length)?
            .to_be_bytes();
        if self.key.counter >= MAX_RECORDS_PER_KEY {
            return Err(OpenError::Exhausted);
        }
        let (plain, tag) = record
            .split_last_chunk_mut::<TAG_LEN>()
            .filter(|(plain, _)| !plain.is_empty())
            .ok_or(OpenError::Length)?;
        self.key
            .cipher
            .decrypt_inout_detached(
                &self.key.nonce().into(),
                &length,
                (&mut *plain).into(),
                (&*tag).into(),
            )
            .map_err(|_| OpenError::Authentication)?;
        self.key.counter += 1;
        let end = plain
            .iter()
            .rposition(|&b| b != 0)
            .ok_or(OpenError::NoType)?;
        let (content, kind) = plain.split_at_mut(end);
        match kind.first() {
            Some(&TYPE_MESSAGES) if content.is_empty() => Err(OpenError::Empty),
            Some(&TYPE_MESSAGES) => Ok(Opened::Messages(content)),
            Some(&TYPE_KEY_UPDATE) => self.key_update(content, now),
            _ => Err(OpenError::UnknownType),
        }
    }

    fn key_update<'a>(&mut self, content: &[u8], now: Instant) -> Result<Opened<'a>, OpenError> {
        if self.stage == Stage::Login || !content.is_empty() {
            return Err(OpenError::KeyUpdate);
        }
        if self.updates.len() >= MAX_UPDATES {
            let oldest = self.updates.pop_front();
            if oldest.is_some_and(|t| now.saturating_duration_since(t) < UPDATE_WINDOW) {
                return Err(OpenError::TooManyUpdates);
            }
        }
        self.updates.push_back(now);
        self.key = self.key.next(now);
        Ok(Opened::KeyUpdate)
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
