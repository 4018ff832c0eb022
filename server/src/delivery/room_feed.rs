//! A room as one delivery thread sees it: its members there, its latest chat for clients that
//! follow it again, and how its messages are cut into records.

use std::collections::VecDeque;
use std::sync::Arc;

use chatbox_common::wire::message::{RoomId, Seq};

use crate::event::{RoomBatch, SessionId};

/// The most bytes of chat in one record: less than the smallest outbox (16 KiB), more than any
/// message. A record holds at least one message in any case.
const RECORD_BYTES: usize = 12 * 1024;
/// The most messages of chat in one record; what remains of 256 (docs/PROTOCOL.md, section 16) is
/// for acknowledgements.
const RECORD_MESSAGES: usize = 192;
/// Bytes of a room's latest chat that are kept for sessions that follow it again.
const RECENT_BYTES: usize = 256 * 1024;
/// Bytes of latest chat that a thread keeps for all its rooms together.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// Exists while a session of this thread is in the room.
pub(super) struct RoomFeed {
    pub(super) members: Vec<SessionId>,
    pub(super) head: Seq,
    recent: VecDeque<Arc<RoomBatch>>,
    recent_bytes: usize,
}

impl RoomFeed {
    pub(super) const fn at(head: Seq) -> Self {
        Self {
            members: Vec::new(),
            head,
            recent: VecDeque::new(),
            recent_bytes: 0,
        }
    }

    /// Moves the head, and keeps the batch for sessions that follow the room again.
    pub(super) fn remember(&mut self, batch: &Arc<RoomBatch>) {
        if batch.ends.is_empty() {
            return;
        }
        self.head = batch.head();
        self.recent_bytes += batch.bytes.len();
        self.recent.push_back(Arc::clone(batch));
        while self.recent_bytes > RECENT_BYTES {
            let Some(oldest) = self.recent.pop_front() else {
                break;
            };
            self.recent_bytes -= oldest.bytes.len();
        }
    }

    /// Forgets the oldest batch if it begins with number `first`; it may have been forgotten
    /// before, for the room's own bound.
    pub(super) fn forget(&mut self, first: Seq) {
        if self
            .recent
            .front()
            .is_some_and(|oldest| oldest.first == first)
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_bytes -= oldest.bytes.len();
        }
    }

    /// The batches that hold every message after number `after`; `None` where some of these are no
    /// longer kept.
    pub(super) fn since(&self, after: Seq) -> Option<Vec<Arc<RoomBatch>>> {
        if after == self.head {
            return Some(Vec::new());
        }
        let reaches = self.recent.front().is_some_and(|b| b.first <= after + 1);
        let recent = self.recent.iter().filter(|b| b.head() > after);
        reaches.then(|| recent.cloned().collect())
    }
}

/// The latest batches of all rooms of a thread, oldest first: a server of a thousand rooms must not
/// keep a thousand times [`RECENT_BYTES`]. Batches that a room has forgotten since still count.
#[derive(Default)]
pub(super) struct RecentBytes {
    order: VecDeque<(RoomId, Seq, usize)>,
    bytes: usize,
}

impl RecentBytes {
    /// Notes a batch, and returns what is to be forgotten so that [`KEPT_BYTES`] hold.
    pub(super) fn note(&mut self, batch: &RoomBatch) -> Vec<(RoomId, Seq)> {
        self.order
            .push_back((batch.room, batch.first, batch.bytes.len()));
        self.bytes += batch.bytes.len();
        let mut forgotten = Vec::new();
        while self.bytes > KEPT_BYTES
            && let Some((room, first, bytes)) = self.order.pop_front()
        {
            self.bytes -= bytes;
            forgotten.push((room, first));
        }
        forgotten
    }
}

/// Joins consecutive batches of one room: the bytes, and where each message ends in them.
pub(super) fn merge(run: &[Arc<RoomBatch>]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::with_capacity(run.iter().map(|b| b.bytes.len()).sum());
    let mut ends = Vec::with_capacity(run.iter().map(|b| b.ends.len()).sum());
    for batch in run {
        let base = bytes.len();
        bytes.extend_from_slice(&batch.bytes);
        ends.extend(batch.ends.iter().map(|end| base + end));
    }
    (bytes, ends)
}

/// Cuts encoded messages into the contents of records, only ever between messages, leaving out the
/// first `skip`.
pub(super) fn records<'a>(bytes: &'a [u8], ends: &[usize], skip: usize) -> Vec<&'a [u8]> {
    let cut = |start, end| bytes.get(start..end).unwrap_or_default();
    let mut start = match skip {
        0 => 0,
        n => ends.get(n - 1).copied().unwrap_or(bytes.len()),
    };
    let mut records = Vec::new();
    let (mut end, mut count) = (start, 0);
    for &next in ends.iter().skip(skip) {
        if count > 0 && (next - start > RECORD_BYTES || count == RECORD_MESSAGES) {
            records.push(cut(start, end));
            (start, count) = (end, 0);
        }
        (end, count) = (next, count + 1);
    }
    if count > 0 {
        records.push(cut(start, end));
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_between_messages() {
        let ends: Vec<usize> = (1..=500).map(|n| n * 100).collect();
        let bytes: Vec<u8> = (0..50_000u32).map(|n| n.to_le_bytes()[1]).collect();
        let cut = records(&bytes, &ends, 0);
        assert_eq!(cut.concat(), bytes);
        for record in &cut {
            assert!(record.len() <= RECORD_BYTES && record.len() <= RECORD_MESSAGES * 100);
            assert_eq!(record.len() % 100, 0);
        }
        assert_eq!(records(&bytes, &ends, 499), [&bytes[49_900..]]);
        assert!(records(&bytes, &ends, 500).is_empty());
    }

    #[test]
    fn a_message_larger_than_a_record_s_aim_still_goes_whole() {
        let bytes = vec![0; 20_100];
        let cut = records(&bytes, &[20_000, 20_100], 0);
        assert_eq!(cut, [&bytes[..20_000], &bytes[20_000..]]);
    }
}
