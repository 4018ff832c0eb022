//! What the journal does besides messages and requests: the disk's free space, lines that chat.log
//! lacks, the index, what is written behind, and notices of presence. The `writer` calls it between
//! two batches.

use std::sync::Arc;
use std::time::Instant;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{self, RoomId, ServerMessage};

use super::JournalState;
use crate::audit::{Line, events};
use crate::clock::stamp;
use crate::delivery::Delivery;
use crate::journal::index::PORTION;
use crate::presence::Notice;
use crate::store::Commit;

/// The most tokens deleted in one transaction: about a millisecond's work, which senders wait for.
const EXPIRED_AT_ONCE: usize = 100;

impl JournalState {
    /// When the thread must wake even if no job comes.
    pub(in crate::journal) fn next_due(&self) -> Option<Instant> {
        let notice = self.rooms.next_notice().into_iter();
        notice
            .chain(self.write_behind.due())
            .chain(self.index.due(Instant::now()))
            .min()
    }

    pub(in crate::journal) fn tell_presence(&mut self, now: Instant) {
        while let Some((room, notice)) = self.rooms.take_notice(now) {
            let (full, count) = encode(room, notice);
            self.deliveries.broadcast(|| Delivery::Presence {
                room,
                full: Arc::clone(&full),
                count: Arc::clone(&count),
            });
        }
    }

    pub(in crate::journal) fn look_at_space(&mut self) {
        let low = self.store.check_space(self.min_free).is_err();
        if low != self.low_space {
            self.low_space = low;
            let event = if low {
                &events::DISK_NEARLY_FULL
            } else {
                &events::DISK_HAS_ROOM
            };
            let line = Line::of(event).with("min_free_bytes", self.min_free);
            self.audit.log(line);
        }
    }

    pub(in crate::journal) fn catch_up(&mut self) {
        for line in self.chat.look() {
            self.audit.log(line);
        }
        if !self.chat.is_behind() {
            return;
        }
        let store = std::cell::RefCell::new(&mut self.store);
        let caught = self.chat.catch_up(|after, limit| {
            let mut store = store.borrow_mut();
            store.transaction(Commit::Usual, |tx| tx.unlogged(after, limit))
        });
        match caught {
            Ok(0) => {}
            Ok(lines) => self.audit.log(
                Line::of(&events::CHAT_LOG_RECOVERED)
                    .with("lines", lines)
                    .with("id", self.chat.logged()),
            ),
            Err(error) => self.tell_failure(&events::CHAT_LOG_NOT_CAUGHT_UP, &error),
        }
    }

    pub(in crate::journal) fn write_what_is_behind(&mut self, now: Instant) {
        if !self.write_behind.is_due(now) {
            return;
        }
        let write_behind = &self.write_behind;
        let written = self
            .store
            .transaction(Commit::Usual, |tx| write_behind.write(tx));
        if let Err(error) = &written {
            self.tell_failure(&events::ONLINE_NOT_WRITTEN, error);
        }
        self.write_behind.done(written.is_ok(), now);
    }

    /// Tokens that have expired are refused before they are deleted; this frees the rows of some.
    /// Says whether more may be left.
    pub(in crate::journal) fn expire_tokens(&mut self) -> bool {
        let at = stamp();
        match self.write(|tx| tx.expire_resume(at, EXPIRED_AT_ONCE)) {
            Ok(count) => count == EXPIRED_AT_ONCE,
            Err(error) => {
                self.tell_failure(&events::TOKENS_NOT_EXPIRED, &error);
                false
            }
        }
    }

    /// `is_idle` where the last batch was empty.
    pub(in crate::journal) fn index(&mut self, is_idle: bool) {
        let now = Instant::now();
        if !self.index.is_due(is_idle, now) {
            return;
        }
        if self.low_space {
            return self.index.wait_for_space(now);
        }
        match self.write(|tx| tx.index(PORTION)) {
            Ok(more) => self.index.done(more, now.elapsed(), Instant::now()),
            Err(error) => {
                if self.index.failed(now) {
                    self.tell_failure(&events::MESSAGES_NOT_INDEXED, &error);
                }
            }
        }
    }

    /// The last transaction of a clean shutdown: the next start finds no session and no mark.
    pub(in crate::journal) fn finish(mut self) {
        // Synced, and everything committed before with it: without the mark the next start takes it
        // that a power cut has lost nothing.
        let last = self.store.transaction(Commit::Synced, |tx| {
            tx.clear_online()?;
            tx.set_running_boot(None)
        });
        if let Err(error) = last {
            self.tell_failure(&events::LAST_WRITE, &error);
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
