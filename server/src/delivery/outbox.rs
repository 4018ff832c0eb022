//! What one session still has to be sent: the sealer, the sealed bytes and their bound.
//!
//! The [`Outbox`] is told what was sent and says what to send next; sockets are the caller's. It
//! belongs to one delivery thread, which is what makes the order of sealing the order of the
//! stream. An idle session holds no buffer here: what a socket takes at once is sealed into the
//! caller's scratch space.

use std::time::Instant;

use chatbox_common::crypto::record::{SealError, Sealer};

use super::budget::{FLOOR, Share};

/// Bytes of frame length, type byte, padding, tag, and a key update that may come before.
const OVERHEAD: usize = 256;

/// What is allocated, and held of the share, for so many bytes: in steps of [`FLOOR`], so that it
/// is never much more than what waits.
const fn room_for(bytes: usize) -> usize {
    bytes.next_multiple_of(FLOOR)
}

pub struct Outbox {
    sealer: Sealer,
    waiting: Vec<u8>,
    sent: usize,
    limit: usize,
    share: Share,
}

impl Outbox {
    /// Takes chat up to `limit` bytes, as far as its `share` of the budget allows.
    #[must_use]
    pub const fn new(sealer: Sealer, limit: usize, share: Share) -> Self {
        Self {
            sealer,
            waiting: Vec::new(),
            sent: 0,
            limit,
            share,
        }
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sent == self.waiting.len()
    }

    /// Begins to fetch what sealing needs; see [`Sealer::prefetch`].
    pub fn prefetch(&self) {
        self.sealer.prefetch();
    }

    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        self.waiting.get(self.sent..).unwrap_or_default()
    }

    /// Claims room for chat of `length` bytes in clear, behind `ahead` bytes that are sealed into
    /// the scratch space and not sent yet. Chat that gets none is dropped before it is sealed, so
    /// that the record numbers have no gaps.
    pub fn claim(&mut self, ahead: usize, length: usize) -> bool {
        let more = ahead + length + OVERHEAD;
        if self.unsent().len() + more > self.limit {
            return false;
        }
        self.share.hold(room_for(self.waiting.len() + more))
    }

    /// Seals behind what waits, or behind what `scratch` holds where nothing does: then the caller
    /// sends it and hands back what the socket did not take with [`Outbox::keep`].
    ///
    /// # Errors
    /// Those of the sealer. The session is over then.
    pub fn seal(
        &mut self,
        content: &[u8],
        now: Instant,
        scratch: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        if self.is_empty() {
            self.sealer.seal(content, now, scratch)
        } else {
            let room = room_for(self.waiting.len() + content.len() + OVERHEAD);
            self.waiting.reserve_exact(room - self.waiting.len());
            self.sealer.seal(content, now, &mut self.waiting)
        }
    }

    /// Takes over sealed bytes that the socket did not take. Only where [`Outbox::is_empty`].
    pub fn keep(&mut self, rest: &[u8]) {
        debug_assert!(self.is_empty(), "what waits goes first");
        self.waiting.clear();
        self.sent = 0;
        self.waiting.extend_from_slice(rest);
        self.share.settle(self.waiting.capacity());
    }

    pub fn sent(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.waiting.len());
        if self.is_empty() {
            // Freed, not kept: ten thousand idle sessions would keep as many buffers.
            self.waiting = Vec::new();
            self.sent = 0;
        } else if self.sent >= self.waiting.len() / 2 {
            // A reader that is always a little behind never empties the buffer, which would grow
            // without end.
            self.waiting.drain(..self.sent);
            self.waiting.shrink_to(room_for(self.waiting.len()));
            self.sent = 0;
        }
        self.share.settle(self.waiting.capacity());
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::crypto::record::Rotation;
    use chatbox_common::secret::Secret;

    use super::*;
    use crate::delivery::backpressure::reply_cost;
    use crate::delivery::budget::Budget;

    const LIMIT: usize = 256 * 1024;

    fn outbox() -> Outbox {
        let now = Instant::now();
        let mut sealer = Sealer::new(Secret::new([7; 32]), Rotation::default(), now);
        sealer.begin_session();
        Outbox::new(sealer, LIMIT, Share::of(&Budget::new(1 << 30)))
    }

    #[test]
    fn a_reader_that_is_always_a_little_behind_costs_no_more_than_the_bound() {
        let mut outbox = outbox();
        let (now, mut scratch) = (Instant::now(), Vec::new());
        outbox.seal(&[1; 1000], now, &mut scratch).unwrap();
        outbox.keep(&scratch);
        for _ in 0..10_000 {
            assert!(outbox.claim(0, 1000));
            outbox.seal(&[1; 1000], now, &mut scratch).unwrap();
            outbox.sent(1042);
        }
        assert!(!outbox.is_empty());
        assert!(outbox.waiting.capacity() <= 2 * LIMIT);
    }

    #[test]
    fn what_is_allocated_is_held_and_given_back_with_the_memory() {
        let mut outbox = outbox();
        let (now, mut scratch) = (Instant::now(), Vec::new());
        outbox.seal(&[1; 1000], now, &mut scratch).unwrap();
        outbox.keep(&scratch);
        while outbox.claim(0, 1000) {
            outbox.seal(&[1; 1000], now, &mut scratch).unwrap();
            assert!(outbox.waiting.capacity() <= outbox.share.held());
        }
        assert!(outbox.unsent().len() > LIMIT - 2000);
        assert!(outbox.share.held() <= LIMIT + FLOOR);
        // All but a byte: a reader that never takes the last one must not keep the buffer large.
        outbox.sent(outbox.unsent().len() - 1);
        assert!(outbox.waiting.capacity() <= FLOOR);
        assert_eq!(outbox.share.held(), FLOOR);
    }

    #[test]
    fn what_was_sent_in_pieces_is_the_stream_as_it_was_sealed() {
        let (now, mut scratch) = (Instant::now(), Vec::new());
        let (mut whole, mut expected) = (outbox(), Vec::new());
        let mut outbox = outbox();
        let mut stream = Vec::new();
        for n in 0..200 {
            let content = vec![n; 1 + usize::from(n) * 7];
            whole.seal(&content, now, &mut expected).unwrap();
            if outbox.is_empty() {
                scratch.clear();
                outbox.seal(&content, now, &mut scratch).unwrap();
                outbox.keep(&scratch);
            } else {
                outbox.seal(&content, now, &mut scratch).unwrap();
            }
            let count = (usize::from(n) * 37 % 900).min(outbox.unsent().len());
            stream.extend_from_slice(&outbox.unsent()[..count]);
            outbox.sent(count);
        }
        stream.extend_from_slice(outbox.unsent());
        assert!(stream == expected);
    }

    #[test]
    fn a_reply_counts_as_much_as_its_record_has_bytes() {
        for length in [1, 5, 62, 63, 64, 65, 127, 128, 1000, 32_768] {
            let mut record = Vec::new();
            let sealed = outbox().seal(&vec![1; length], Instant::now(), &mut record);
            sealed.unwrap();
            assert_eq!(record.len(), reply_cost(length), "{length}");
        }
    }
}
