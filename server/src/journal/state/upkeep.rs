//! What the journal does besides messages and requests: the disk's free space, lines that chat.log
//! lacks, the index, what is written behind, and notices of presence. The `writer` calls it between
//! two batches.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use chatbox_common::limits::MAX_MESSAGES_PER_RECORD;
use chatbox_common::wire::codec;
use chatbox_common::wire::message::{self, RoomId, ServerMessage};

use super::{JournalState, RETRY};
use crate::audit::{Line, events};
use crate::clock::stamp;
use crate::delivery::Delivery;
use crate::event::SessionId;
use crate::journal::index::PORTION;
use crate::journal::job::{Figures, JournalSettings};
use crate::presence::Notice;
use crate::store::Commit;

/// The most tokens deleted in one transaction, for which senders wait: each is found at another place
/// of the table and of its indexes, which makes two milliseconds among half a million.
const EXPIRED_AT_ONCE: usize = 50;
/// The most notices of presence that one turn tells, of which the delivery threads' queues hold some times
/// as many.
const NOTICES_AT_ONCE: usize = 64;

impl JournalState {
    /// When the thread must wake even if no job comes.
    pub(in crate::journal) fn next_due(&self) -> Option<Instant> {
        let now = Instant::now();
        let written = self.write_behind.due().filter(|_| self.may_try(now));
        let notice = self.rooms.next_notice().into_iter();
        notice.chain(written).chain(self.index.due(now)).min()
    }

    /// What is left is due in the next turn: who comes in to hundreds of rooms keeps no message waiting
    /// until all of them are told.
    pub(in crate::journal) fn tell_presence(&mut self, now: Instant) {
        for _ in 0..NOTICES_AT_ONCE {
            let Some((room, notice)) = self.rooms.take_notice(now) else {
                return;
            };
            let (full, count) = encode(room, notice);
            self.deliveries.broadcast(|| Delivery::Presence {
                room,
                full: Arc::clone(&full),
                count: Arc::clone(&count),
            });
        }
    }

    pub(in crate::journal) fn look_at_space(&mut self) {
        let shortage = self.space.shortage();
        let directory = shortage.as_ref().map(|shortage| &shortage.directory);
        if directory == self.short_of.as_ref() {
            return;
        }
        let min_free = self.space.min_free();
        let line = match &shortage {
            Some(shortage) => Line::of(&events::DISK_NEARLY_FULL)
                .with("min_free_bytes", min_free)
                .with("directory", shortage.directory.display())
                .with("free_bytes", shortage.free),
            None => Line::of(&events::DISK_HAS_ROOM).with("min_free_bytes", min_free),
        };
        self.audit.log(line);
        self.short_of = shortage.map(|shortage| shortage.directory);
    }

    /// Settings of which some have changed. A chat.log that was moved is not written any more; returns
    /// whether the new one has all its lines.
    pub(in crate::journal) fn take_settings(&mut self, settings: JournalSettings) -> bool {
        self.room_limits = settings.rooms;
        self.space.set_min_free(settings.min_free);
        self.look_at_space();
        self.catch_up();
        !self.chat.is_behind()
    }

    pub(in crate::journal) fn figures(&self) -> Figures {
        Figures {
            sessions: self.sessions.count(),
            rooms: self.rooms.count(),
            last_row: self.last_row,
            free: self.space.free(),
            problems: self.problems(),
        }
    }

    fn problems(&self) -> Vec<String> {
        let shortage = self.space.shortage().map(|shortage| shortage.to_string());
        let behind = "chat.log can't be written, and no message is taken until it can";
        let behind = self.chat.is_behind().then(|| behind.to_owned());
        let failures = self.recent.iter();
        let failures = failures.map(|(event, why)| format!("{event}: {why}"));
        shortage.into_iter().chain(behind).chain(failures).collect()
    }

    pub(in crate::journal) fn catch_up(&mut self) {
        for line in self.chat.look() {
            self.audit.log(line);
        }
        let now = Instant::now();
        if !self.chat.is_behind() || now < self.next_catch_up || !self.may_try(now) {
            return;
        }
        let store = std::cell::RefCell::new(&mut self.store);
        let caught = self.chat.catch_up(|after, limit| {
            let mut store = store.borrow_mut();
            store.transaction(Commit::Usual, |tx| tx.unlogged(after, limit))
        });
        self.next_catch_up = now + RETRY;
        let caught = self.watch(&events::CHAT_LOG_NOT_CAUGHT_UP, caught);
        if let Ok(lines @ 1..) = caught {
            let line = Line::of(&events::CHAT_LOG_RECOVERED).with("lines", lines);
            self.audit.log(line.with("id", self.chat.logged()));
        }
    }

    pub(in crate::journal) fn write_what_is_behind(&mut self, now: Instant) {
        if !self.write_behind.is_due(now) || !self.may_try(now) {
            return;
        }
        let write_behind = &self.write_behind;
        let written = self
            .store
            .transaction(Commit::Usual, |tx| write_behind.write(tx));
        let written = self.watch(&events::ONLINE_NOT_WRITTEN, written);
        self.tell_reads();
        self.write_behind.done(written.is_ok(), now);
    }

    fn tell_reads(&mut self) {
        for (session, bytes) in self.untold_reads() {
            self.deliveries
                .send(session, Delivery::Droppable { session, bytes });
        }
    }

    /// What the sessions of those who have read something are told, but for the one that said so, as the
    /// contents of records: one for a session, or as many as it takes where it holds no more.
    fn untold_reads(&mut self) -> Vec<(SessionId, Vec<u8>)> {
        let mut full = Vec::new();
        let mut last: HashMap<SessionId, (usize, Vec<u8>)> = HashMap::new();
        for (account, read, but) in self.write_behind.untold_reads() {
            let mut bytes = Vec::new();
            codec::put(&ServerMessage::ReadTo(read), &mut bytes);
            let sessions = self.sessions.of(account).iter();
            for &session in sessions.filter(|&&other| other != but) {
                let (count, record) = last.entry(session).or_default();
                if *count == MAX_MESSAGES_PER_RECORD {
                    full.push((session, std::mem::take(record)));
                    *count = 0;
                }
                *count += 1;
                record.extend_from_slice(&bytes);
            }
        }
        let last = last.into_iter();
        full.extend(last.map(|(session, (_, record))| (session, record)));
        full
    }

    /// Tokens that have expired are refused before they are deleted; this frees the rows of some.
    /// Says whether more may be left.
    pub(in crate::journal) fn expire_tokens(&mut self) -> bool {
        if !self.may_try(Instant::now()) {
            return true;
        }
        let at = stamp();
        let expired = self.write(|tx| tx.expire_resume(at, EXPIRED_AT_ONCE));
        let expired = self.watch(&events::TOKENS_NOT_EXPIRED, expired);
        expired.is_ok_and(|count| count == EXPIRED_AT_ONCE)
    }

    /// `is_idle` where the last batch was empty.
    pub(in crate::journal) fn index(&mut self, is_idle: bool) {
        let now = Instant::now();
        if !self.index.is_due(is_idle, now) {
            return;
        }
        if !self.may_try(now) {
            return self.index.wait(now);
        }
        // The last messages' own transactions came before their lines in chat.log.
        let mark = self.chat.synced();
        let indexed = self.write(|tx| {
            tx.set_chat_log_mark(mark)?;
            tx.index(PORTION)
        });
        match self.watch(&events::MESSAGES_NOT_INDEXED, indexed) {
            Ok(more) => self.index.done(more, now.elapsed(), Instant::now()),
            Err(_) => self.index.wait(now),
        }
    }

    /// The last transaction of a clean shutdown: the next start finds no session and no mark.
    pub(in crate::journal) fn finish(mut self) {
        // The next start must not add lines again that an operator has moved elsewhere by then.
        let mark = self.chat.finish();
        // Synced, and everything committed before with it: without the mark the next start takes it
        // that a power cut has lost nothing.
        let last = self.store.transaction(Commit::Synced, |tx| {
            tx.clear_online()?;
            tx.set_chat_log_mark(mark)?;
            tx.end_run()?;
            tx.set_running_boot(None)
        });
        if let Err(error) = last {
            let line = Line::of(&events::LAST_WRITE).with("why", error);
            self.audit.log(line);
        }
    }
}

/// The notice as a whole, and with the count alone for sessions that it reaches late.
fn encode(room: RoomId, notice: Notice) -> (Arc<[u8]>, Arc<[u8]>) {
    let mut full = Vec::new();
    let mut count = Vec::new();
    let bare = message::Presence {
        room,
        joined: Vec::new(),
        left: Vec::new(),
        online: notice.online,
    };
    codec::put(&ServerMessage::Presence(bare), &mut count);
    let whole = message::Presence {
        room,
        joined: notice.joined,
        left: notice.left,
        online: notice.online,
    };
    codec::put(&ServerMessage::Presence(whole), &mut full);
    (full.into(), count.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::journal::testing::{ALICES_SESSION, TestJournal};
    use crate::store::{LOBBY, StoreError};

    const ALICE: message::AccountId = message::AccountId(1);

    /// How many lines of info.log have each of these words. The audit ends.
    fn told<const N: usize>(journal: &TestJournal, words: [&str; N]) -> [usize; N] {
        journal.state.audit().stop();
        let text = fs::read_to_string(journal.directory.path().join("info.log")).unwrap();
        words.map(|word| text.lines().filter(|line| line.contains(word)).count())
    }

    fn read_mark(journal: &mut TestJournal) -> u64 {
        let found = journal.state.write(|tx| tx.membership(LOBBY, ALICE));
        found.unwrap().unwrap().read_seq
    }

    #[test]
    fn a_failure_is_told_once_until_the_same_succeeds() {
        let mut journal = TestJournal::open(0);
        let state = &mut journal.state;
        let mut fail = |event, error| assert!(state.watch::<()>(event, Err(error)).is_err());
        let (commit, online) = (&events::COMMIT_FAILED, &events::ONLINE_NOT_WRITTEN);
        for _ in 0..3 {
            fail(commit, StoreError::Busy);
            fail(online, StoreError::Busy);
        }
        fail(commit, StoreError::RolledBack);
        assert!(!state.may_try(Instant::now()));
        assert!(state.may_try(Instant::now() + RETRY));
        assert!(state.watch(commit, Ok(())).is_ok());
        assert!(state.watch::<()>(online, Err(StoreError::Busy)).is_err());
        assert!(state.watch::<()>(commit, Err(StoreError::Busy)).is_err());
        let [commits, onlines] = told(&journal, [" commit_failed ", " online_not_written "]);
        assert_eq!((commits, onlines), (3, 1));
    }

    #[test]
    fn however_many_rooms_are_read_each_other_session_is_told_in_one_record() {
        const ROOMS: usize = MAX_MESSAGES_PER_RECORD;
        let mut journal = TestJournal::open(0);
        journal.begin_session(2);
        journal.begin_session(3);
        let now = Instant::now();
        let mut marks_after = |rooms: usize| {
            for room in (1..=rooms as u64).map(RoomId) {
                let write_behind = journal.state.write_behind_mut();
                write_behind.has_read(ALICE, room, 7, ALICES_SESSION, now);
            }
            let told = journal.state.untold_reads().into_iter();
            let mut told: Vec<_> = told
                .map(|(session, record)| {
                    let marks = codec::messages::<ServerMessage>(&record);
                    (session, marks.filter_map(Result::ok).count())
                })
                .collect();
            told.sort_unstable();
            told
        };
        assert_eq!(marks_after(ROOMS), [(2, ROOMS), (3, ROOMS)]);
        let told = [(2, 1), (2, ROOMS), (3, 1), (3, ROOMS)];
        assert_eq!(marks_after(ROOMS + 1), told);
    }

    #[test]
    fn one_turn_tells_no_more_notices_than_messages_can_wait_for() {
        const ROOMS: u64 = 500;
        let mut journal = TestJournal::open(0);
        let now = Instant::now();
        for id in (2..2 + ROOMS).map(RoomId) {
            journal.take_in_room(id);
            journal.state.rooms_mut().come(id, &"alice".into(), now);
        }
        let due = now + crate::presence::COALESCE;
        let mut turns = 0;
        while journal.state.rooms().next_notice().is_some() {
            assert!(journal.state.next_due() <= Some(due), "the thread goes on");
            journal.state.tell_presence(due);
            turns += 1;
        }
        assert_eq!(turns, ROOMS.div_ceil(NOTICES_AT_ONCE as u64));
    }

    #[test]
    fn on_a_disk_without_room_nothing_is_written_that_nobody_waits_for() {
        let mut journal = TestJournal::open(u64::MAX);
        let now = Instant::now();
        let write_behind = journal.state.write_behind_mut();
        write_behind.has_read(ALICE, LOBBY, 7, 1, now);
        let address = "192.0.2.7:4000".parse().unwrap();
        write_behind.connection_accepted(ALICES_SESSION, address, now);
        journal.state.deferred_mut().wrong_codes.push(ALICE);
        let later = now + 2 * RETRY;
        journal.state.write_what_is_behind(later);
        journal.state.count_failures();
        assert!(journal.state.expire_tokens(), "there may be more");
        assert_eq!(read_mark(&mut journal), 0);
        assert!(!journal.state.deferred().is_empty());
        // Nor does it keep the thread awake.
        assert_eq!(journal.state.next_due(), None);
        let words = [
            "disk_nearly_full",
            "not_written",
            "not_counted",
            "not_expired",
        ];
        assert_eq!(told(&journal, words), [1, 0, 0, 0]);

        let mut journal = TestJournal::open(0);
        let write_behind = journal.state.write_behind_mut();
        write_behind.has_read(ALICE, LOBBY, 7, 1, now);
        journal.state.write_what_is_behind(later);
        assert_eq!(read_mark(&mut journal), 7);
    }
}
