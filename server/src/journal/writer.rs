//! The journal's thread: takes what waits, commits, logs, tells.

mod start;

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chatbox_common::wire::message::{ErrorCode, RoomId};

use super::batch::{Batch, pace};
use super::begin_end::Memberships;
use super::chat_log::AuditedChat;
use super::commit::{Admitted, Deferred, Work};
use super::handle::connection_events;
use super::index::Index;
use super::job::{AuthRequest, ConnectionEvent, Granted, Job, Post, ReplySender, RoomLimits};
use super::outcome::Committed;
use super::publish::UNAVAILABLE;
use super::room::{Refusal, RoomState, UNKNOWN_ROOM};
use super::sessions::{SessionState, encode};
use super::write_behind::WriteBehind;
use crate::audit::{Audit, Line};
use crate::clock::{now_ms, stamp};
use crate::delivery::{Deliveries, Delivery};
use crate::event::{Person, SessionId};
use crate::store::{Commit, Store, StoreError};
use crate::totp_seal::SealingKey;
pub use start::{Parts, start};

/// The most logins of one transaction: they cost more than messages, which go first.
const MAX_AUTH_REQUESTS: usize = 64;
/// Transactions that wait for the disk keep this distance. A login that comes alone is not kept
/// waiting; on a busy morning many share a sync, and messages go on without one in between.
const SYNC_PACE: Duration = Duration::from_millis(20);
/// Those who come and go do so this far apart, or together. Who comes alone does at once, and no
/// message waits for it.
const SESSION_PACE: Duration = Duration::from_millis(4);
/// How often the thread looks at the disk, and after itself when nothing happens.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// Changes that are deferred are counted no further than this while nothing can be written.
const MAX_DEFERRED: usize = 10_000;
/// How often expired tokens are deleted.
const EXPIRY: Duration = Duration::from_secs(600);

pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) chat: AuditedChat,
    pub(super) audit: Audit,
    pub(super) deliveries: Deliveries,
    pub(super) seal: Arc<SealingKey>,
    pub(super) min_free: u64,
    pub(super) history_id: [u8; 16],
    pub(super) rooms: HashMap<RoomId, RoomState>,
    pub(super) sessions: HashMap<SessionId, SessionState>,
    /// Open sessions by account.
    pub(super) accounts: HashMap<u64, Vec<SessionId>>,
    /// How often an account was logged out in this run.
    pub(super) log_outs: u64,
    /// Which of these was an account's last.
    pub(super) logged_out: HashMap<u64, u64>,
    pub(super) room_limits: RoomLimits,
    /// A message that waits for the room requests before it.
    held_up: Option<Job>,
    /// Rooms in memory in which nobody is online, the longest so first.
    pub(super) idle: VecDeque<RoomId>,
    /// Rooms that were read for a room action, and may be let go behind it.
    pub(super) visited: Vec<RoomId>,
    pub(super) write_behind: WriteBehind,
    pub(super) index: Index,
    connection_events: Arc<Mutex<Vec<ConnectionEvent>>>,
    pub(super) deferred: Deferred,
    /// Logins that wait for a transaction that is synced, and who waits for them.
    auth_requests: VecDeque<(AuthRequest, ReplySender<Option<Granted>>)>,
    /// Before this no login is committed.
    next_sync: Instant,
    /// Sessions that begin and end, and what else waits for those before it, in their order.
    others: VecDeque<Job>,
    /// Before this none of them does.
    next_session_change: Instant,
    /// The disk has too little room, as of the last look.
    pub(super) low_space: bool,
    /// When to look at the disk and at chat.log again.
    pub(super) next_look: Instant,
    pub(super) next_expiry: Instant,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut next_begin = Instant::now();
        // Who talks alone has nobody to share with, and is not kept waiting.
        let mut alone = None;
        loop {
            let mut batch = Batch::default();
            let wait = self.next_due().saturating_duration_since(Instant::now());
            let first = self
                .held_up
                .take()
                .map_or_else(|| jobs.recv_timeout(wait), Ok);
            match first {
                Ok(first) => {
                    let mut room = batch.take(first);
                    if alone.is_none() || batch.sole_sender() != alone {
                        let pause = next_begin.saturating_duration_since(Instant::now());
                        // Not a wait for a job: jobs that come meanwhile are what it is for.
                        std::thread::sleep(pause);
                    }
                    self.deliveries.wait_for_slowest();
                    while room && let Ok(next) = jobs.try_recv() {
                        if batch.holds_up(&next) {
                            self.held_up = Some(next);
                            break;
                        }
                        room = batch.take(next);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => batch.stop = true,
            }
            let stop = batch.stop;
            let is_idle = batch.jobs == 0;
            // A room action is dear already: what waits behind it is not to wait longer.
            let is_dear = batch.room_requests && batch.posts.is_empty();
            if !(is_idle || is_dear) {
                next_begin = Instant::now() + pace(batch.posts.len());
            }
            alone = batch.sole_sender();
            self.transact(batch);
            self.look_after(Instant::now());
            if stop {
                return self.finish();
            }
            self.index(is_idle);
        }
    }

    /// When the thread must look after something even if no job comes.
    fn next_due(&self) -> Instant {
        let presence = self
            .rooms
            .values()
            .filter_map(|room| room.presence.next_due());
        let sync = (!self.auth_requests.is_empty()).then_some(self.next_sync);
        let session_change = (!self.others.is_empty()).then_some(self.next_session_change);
        let due = presence
            .chain(self.write_behind.due())
            .chain(self.index.due(Instant::now()))
            .chain(sync)
            .chain(session_change)
            .min();
        let tick = Instant::now() + TICK;
        due.map_or(tick, |due| due.min(tick))
    }

    fn look_after(&mut self, now: Instant) {
        for (id, room) in &mut self.rooms {
            if let Some(notice) = room.presence.take(now) {
                let (full, count) = encode(*id, notice);
                self.deliveries.broadcast(|| Delivery::Presence {
                    room: *id,
                    full: Arc::clone(&full),
                    count: Arc::clone(&count),
                });
            }
        }
        if now >= self.next_look {
            self.next_look = now + TICK;
            self.look_at_space();
            self.catch_up();
            self.count_failures();
            for event in std::mem::take(&mut *connection_events(&self.connection_events)) {
                match event {
                    ConnectionEvent::Accepted(id, address) => {
                        self.write_behind.connection_accepted(id, address, now);
                    }
                    ConnectionEvent::Ended(id) => self.write_behind.connection_ended(id, now),
                }
            }
        }
        if self.write_behind.is_due(now) {
            let write_behind = &self.write_behind;
            let written = self
                .store
                .transaction(Commit::Usual, |tx| write_behind.write(tx));
            if let Err(error) = &written {
                self.tell_failure("online_not_written", error);
            }
            self.write_behind.done(written.is_ok(), now);
        }
        if now >= self.next_expiry {
            self.next_expiry = now + EXPIRY;
            let at = stamp();
            let expired = self
                .store
                .transaction(Commit::Usual, |tx| tx.expire_resume(at));
            if let Err(error) = expired {
                self.tell_failure("tokens_not_expired", &error);
            }
        }
    }

    /// Nobody is online any more.
    fn finish(mut self) {
        // Synced, and with it everything before: only then a later power cut can take nothing.
        let last = self.store.transaction(Commit::Synced, |tx| {
            tx.clear_online()?;
            tx.set_running_boot(None)
        });
        if let Err(error) = last {
            self.tell_failure("last_write", &error);
        }
    }

    pub(super) fn tell_failure(&self, event: &'static str, error: &StoreError) {
        self.audit.info(Line::error(event).with("why", error));
    }

    fn look_at_space(&mut self) {
        let low = self.store.check_space(self.min_free).is_err();
        if low != self.low_space {
            self.low_space = low;
            let line = if low {
                Line::error("disk_nearly_full")
            } else {
                Line::info("disk_has_room")
            };
            self.audit.info(line.with("min_free_bytes", self.min_free));
        }
    }

    /// Commits what is deferred and found no login to go with.
    pub(super) fn count_failures(&mut self) {
        if !self.deferred.is_empty()
            && !self.low_space
            && let Err(error) = self.commit(&[], &[], true, now_ms())
        {
            self.tell_failure("failures_not_counted", &error);
            if !error.is_unavailable() {
                self.deferred = Deferred::default();
            }
        }
    }

    fn catch_up(&mut self) {
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
            Ok(lines) => self.audit.info(
                Line::warn("chat_log_recovered")
                    .with("lines", lines)
                    .with("id", self.chat.logged()),
            ),
            Err(error) => self.tell_failure("chat_log_not_caught_up", &error),
        }
    }

    /// Commits what was taken, and tells everybody concerned.
    fn transact(&mut self, batch: Batch) {
        let writable = !self.low_space && !self.chat.is_behind();
        let now = stamp();
        let mut posts = Vec::with_capacity(batch.posts.len());
        let mut refused = Vec::new();
        for post in batch.posts {
            self.look_for_room(&post);
            match self.admit(&post, writable, now) {
                Ok(person) => posts.push(Admitted { post, person }),
                Err(refusal) => refused.push((post, refusal)),
            }
        }
        self.refuse_posts(refused);
        self.auth_requests.extend(batch.auth_requests);
        self.defer(batch.deferred);
        // Whoever says goodbye is answered once the tokens are gone.
        let says_goodbye = !self.deferred.revoked.is_empty();
        let count = if batch.stop {
            self.auth_requests.len()
        } else if says_goodbye || Instant::now() >= self.next_sync {
            self.auth_requests.len().min(MAX_AUTH_REQUESTS)
        } else {
            0
        };
        let (auth_requests, mut answers): (Vec<_>, Vec<_>) =
            self.auth_requests.drain(..count).unzip();
        let with_deferred = says_goodbye || batch.stop || !auth_requests.is_empty();
        if !posts.is_empty()
            || !auth_requests.is_empty()
            || (with_deferred && !self.deferred.is_empty())
        {
            let now_ms = now_ms();
            match self.commit(&posts, &auth_requests, with_deferred, now_ms) {
                Ok(done) => self.publish(&posts, answers, done, now_ms),
                Err(error) => {
                    self.tell_failure("commit_failed", &error);
                    if error.is_unavailable() {
                        // It would be so for those who wait for their turn as well.
                        answers.extend(self.auth_requests.drain(..).map(|(_, answer)| answer));
                        self.give_up(&posts, answers);
                    } else {
                        self.one_by_one(posts, auth_requests, answers);
                    }
                }
            }
        }
        self.forget_visited();
        self.others.extend(batch.others);
        if batch.stop
            || batch.room_requests
            || (!self.others.is_empty() && Instant::now() >= self.next_session_change)
        {
            let mut others = std::mem::take(&mut self.others);
            while !others.is_empty() {
                // A room action may change who belongs where: what was read before it would not hold.
                let run = others
                    .iter()
                    .take_while(|job| !matches!(job, Job::RoomRequest(_)));
                let count = run.clone().count();
                let memberships = self.memberships(run);
                for job in others.drain(..count) {
                    self.other(job, &memberships);
                }
                if let Some(Job::RoomRequest(request)) = others.pop_front() {
                    self.room_request(&request);
                }
            }
            self.forget_visited();
            self.next_session_change = Instant::now() + SESSION_PACE;
        }
    }

    /// A room that is not in memory is not the sender's: read, so that the refusal is the right
    /// one whoever else is online.
    fn look_for_room(&mut self, post: &Post) {
        if !self.rooms.contains_key(&post.room)
            && self.open_session(post.session).is_some()
            && let Err(error) = self.room(post.room)
        {
            self.tell_failure("room_not_read", &error);
        }
    }

    fn admit(&self, post: &Post, writable: bool, now: i64) -> Result<Person, Refusal> {
        // One that has ended has nobody to be told.
        let session = self.open_session(post.session).ok_or(UNKNOWN_ROOM)?;
        let room = self.rooms.get(&post.room).ok_or(UNKNOWN_ROOM)?;
        room.may_write(&session.person, now)?;
        if !writable {
            return Err((ErrorCode::Unavailable, UNAVAILABLE));
        }
        Ok(session.person.clone())
    }

    /// Adds to what is deferred, up to a bound: memory must not grow while a disk is full.
    fn defer(&mut self, more: Deferred) {
        self.deferred.wrong_codes.extend(more.wrong_codes);
        self.deferred.revoked.extend(more.revoked);
        self.deferred.wrong_codes.truncate(MAX_DEFERRED);
        self.deferred.revoked.truncate(MAX_DEFERRED);
    }

    /// Commits messages and logins, and what is deferred, if it is to be.
    pub(super) fn commit(
        &mut self,
        posts: &[Admitted],
        auth_requests: &[AuthRequest],
        with_deferred: bool,
        now_ms: u64,
    ) -> Result<Committed, StoreError> {
        let nothing = Deferred::default();
        let work = Work {
            posts,
            auth_requests,
            deferred: if with_deferred {
                &self.deferred
            } else {
                &nothing
            },
            rooms: &self.rooms,
            sessions: &self.sessions,
            seal: &self.seal,
            log_outs: self.log_outs,
            chat_log_mark: self.chat.synced(),
            now_ms,
        };
        let done = if self.low_space {
            Err(StoreError::Full)
        } else {
            work.run(&mut self.store)
        };
        // What only failures caused must not be felt by those who log in: it would tell which
        // failure had the right password.
        if !auth_requests.is_empty() {
            self.next_sync = Instant::now() + SYNC_PACE;
        }
        if with_deferred && done.is_ok() {
            self.deferred = nothing;
        }
        if done.as_ref().is_ok_and(|done| !done.heads.is_empty()) {
            self.index.grew(posts.len(), Instant::now());
        }
        done
    }

    fn other(&mut self, job: Job, memberships: &Memberships) {
        let now = Instant::now();
        match job {
            Job::Begin(begin) => self.begin(*begin, memberships, now),
            Job::End(ended) => self.end(ended, now),
            Job::Follow(session, follow) => self.follow(session, &follow),
            Job::Read(read) => self.has_read(&read, now),
            // Taken already.
            Job::Post(_)
            | Job::Auth(..)
            | Job::RoomRequest(_)
            | Job::WrongCode(_)
            | Job::Revoke(_)
            | Job::Stop => {}
        }
    }
}
