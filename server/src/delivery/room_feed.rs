//! A room as one delivery thread sees it: its members there, its latest chat for clients that
//! follow it again, and how its messages are cut into records.

use std::collections::{BTreeMap, VecDeque};
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
/// Bytes of memory that a thread gives to the latest chat of all its rooms together: a server of a
/// thousand rooms must not keep a thousand times [`RECENT_BYTES`].
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// A session in a room.
pub(super) struct MemberSession {
    /// The session's place in the thread's table.
    pub(super) session: usize,
    pub(super) number: SessionId,
    /// Behind which message everything in the room comes live, or has come; `None` where nothing
    /// does.
    pub(super) live_from: Option<Seq>,
}

/// Exists while a session of this thread is in the room.
pub(super) struct RoomFeed {
    pub(super) members: Vec<MemberSession>,
    pub(super) head: Seq,
    /// Each with its place in [`KeptChat`].
    recent: VecDeque<(u64, Arc<RoomBatch>)>,
    /// Of encoded messages.
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

    /// Moves the head, and keeps the batch for sessions that follow the room again. One without
    /// messages has nothing for them.
    pub(super) fn remember(&mut self, batch: &Arc<RoomBatch>, kept: &mut KeptChat) {
        if batch.ends.is_empty() {
            return;
        }
        self.head = batch.head();
        self.recent_bytes += batch.bytes.len();
        self.recent.push_back((kept.add(batch), Arc::clone(batch)));
        while self.recent_bytes > RECENT_BYTES && self.forget_oldest(kept) {}
    }

    /// False where nothing was left.
    pub(super) fn forget_oldest(&mut self, kept: &mut KeptChat) -> bool {
        let Some((place, oldest)) = self.recent.pop_front() else {
            return false;
        };
        self.recent_bytes -= oldest.bytes.len();
        kept.take_out(place, &oldest);
        true
    }

    /// The batches that hold every message after number `after`; `None` where some of these are no
    /// longer kept.
    pub(super) fn since(&self, after: Seq) -> Option<Vec<Arc<RoomBatch>>> {
        if after == self.head {
            return Some(Vec::new());
        }
        let (_, oldest) = self.recent.front()?;
        let recent = self.recent.iter().map(|(_, batch)| batch);
        (oldest.first <= after + 1).then(|| recent.filter(|b| b.head() > after).cloned().collect())
    }
}

/// What all rooms of a thread keep together, oldest first: exactly the batches in their
/// [`RoomFeed`]s, each of which adds and takes out its own.
#[derive(Default)]
pub(super) struct KeptChat {
    order: BTreeMap<u64, RoomId>,
    next: u64,
    /// Of memory.
    bytes: usize,
}

impl KeptChat {
    /// Returns the batch's place.
    fn add(&mut self, batch: &RoomBatch) -> u64 {
        self.next += 1;
        self.order.insert(self.next, batch.room);
        self.bytes += batch.memory();
        self.next
    }

    fn take_out(&mut self, place: u64, batch: &RoomBatch) {
        if self.order.remove(&place).is_some() {
            self.bytes -= batch.memory();
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.order.len()
    }

    /// The room that has the oldest batch, while there is more than [`KEPT_BYTES`] of them.
    pub(super) fn excess(&self) -> Option<RoomId> {
        let oldest = self.order.first_key_value().map(|(_, room)| *room);
        oldest.filter(|_| self.bytes > KEPT_BYTES)
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
pub(super) mod tests {
    use chatbox_common::wire::message::{AccountId, Chat, Kind};

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

    pub fn batch(room: u64, head: Seq, texts: &[usize]) -> Arc<RoomBatch> {
        let mut batch = RoomBatch::after(RoomId(room), head);
        for (seq, length) in (head + 1..).zip(texts) {
            batch.push(Chat {
                room: batch.room,
                seq,
                account: AccountId(1),
                user: "alice".to_owned(),
                time: 0,
                text: "x".repeat(*length),
                kind: Kind::Text,
            });
        }
        Arc::new(batch)
    }

    /// What rooms keep, by another count.
    fn kept(rooms: &[&RoomFeed]) -> (usize, usize) {
        let batches = rooms.iter().flat_map(|room| &room.recent);
        let memory = batches.clone().map(|(_, batch)| batch.memory()).sum();
        (batches.count(), memory)
    }

    #[test]
    fn what_is_counted_is_what_the_rooms_keep() {
        let mut kept_chat = KeptChat::default();
        let mut rooms = [RoomFeed::at(0), RoomFeed::at(0)];
        let counted = |kept_chat: &KeptChat| (kept_chat.order.len(), kept_chat.bytes);
        // The first room forgets its own oldest ones again and again.
        for seq in 0..100 {
            rooms[0].remember(&batch(1, seq, &[8_000]), &mut kept_chat);
            assert!(rooms[0].recent_bytes <= RECENT_BYTES);
        }
        rooms[1].remember(&batch(2, 0, &[1, 2, 3]), &mut kept_chat);
        assert_eq!(counted(&kept_chat), kept(&[&rooms[0], &rooms[1]]));
        assert!(counted(&kept_chat).0 < 100);
        while rooms[0].forget_oldest(&mut kept_chat) {}
        assert_eq!(counted(&kept_chat), kept(&[&rooms[1]]));
        while rooms[1].forget_oldest(&mut kept_chat) {}
        assert_eq!(counted(&kept_chat), (0, 0));
    }

    #[test]
    fn a_batch_without_messages_is_not_kept() {
        let mut kept_chat = KeptChat::default();
        let mut room = RoomFeed::at(7);
        room.remember(&batch(1, 7, &[]), &mut kept_chat);
        assert_eq!((kept_chat.order.len(), kept(&[&room]).0), (0, 0));
        assert_eq!(
            (room.head, room.since(7).map(|all| all.len())),
            (7, Some(0))
        );
    }

    #[test]
    fn beyond_the_bound_the_oldest_go_first_whatever_their_room() {
        let mut kept_chat = KeptChat::default();
        let mut rooms = std::collections::HashMap::new();
        let mut heads = [0; 40];
        // Each room stays below its own bound.
        for n in 0..1_000 {
            let id = n * 7 % 40;
            let room = rooms.entry(RoomId(id as u64)).or_insert(RoomFeed::at(0));
            room.remember(&batch(id as u64, heads[id], &[8_000]), &mut kept_chat);
            heads[id] += 1;
            while let Some(oldest) = kept_chat.excess() {
                assert!(
                    rooms
                        .get_mut(&oldest)
                        .unwrap()
                        .forget_oldest(&mut kept_chat)
                );
            }
            assert!(kept_chat.bytes <= KEPT_BYTES);
        }
        assert!(kept_chat.bytes > KEPT_BYTES - 20_000);
        let first = kept_chat.order.first_key_value().map(|(place, _)| *place);
        let oldest = rooms.values().filter_map(|room| room.recent.front());
        assert_eq!(oldest.map(|(place, _)| *place).min(), first);
    }
}
