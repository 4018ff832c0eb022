//! What the journal's thread owns: the database, the audit files, the way to the delivery threads,
//! and in memory the rooms and sessions by which requests are judged.
//!
//! The fields are private to this module and its parts: `open` makes them, `upkeep` does the work
//! besides messages and requests. The `writer`, the room actions and `begin_end` call the methods.

pub(super) mod open;
mod upkeep;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbox_common::wire::message::{
    AccountId, ErrorCode, ErrorMessage, RequestId, RoomId, ServerMessage,
};

use super::chat_log::AuditedChat;
use super::commit::{Admitted, Deferred, Work};
use super::index::Index;
use super::job::{AuthRequest, Post, RoomLimits};
use super::outcome::Committed;
use super::room::{NOT_MEMBER, Refusal, RoomState, UNKNOWN_ROOM};
use super::rooms::Rooms;
use super::sessions::Sessions;
use super::write_behind::WriteBehind;
use crate::audit::events::{self, AuditEvent};
use crate::audit::{Audit, Line};
use crate::clock::{now_ms, stamp};
use crate::delivery::{Backpressure, Deliveries};
use crate::event::{Person, SessionId};
use crate::operator::{self, Operator, OperatorAction};
use crate::space::Space;
use crate::store::{Commit, Store, StoreError, Tx};
use crate::totp_seal::SealingKey;

/// Transactions that wait for the disk keep this distance. A login that comes alone does not wait;
/// of many, all that come meanwhile share a sync, and messages are committed without one in
/// between.
const SYNC_PACE: Duration = Duration::from_millis(20);

/// After a failure, nothing that nobody waits for is written for so long.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct JournalState {
    store: Store,
    chat: AuditedChat,
    audit: Audit,
    deliveries: Deliveries,
    seal: Arc<SealingKey>,
    space: Space,
    /// The directory whose disk has too little room, as of the last
    /// [`JournalState::look_at_space`].
    short_of: Option<PathBuf>,
    /// The events of failures that were told, each with why, and that nothing has succeeded since.
    failures: HashMap<&'static str, String>,
    /// What has failed since anything succeeded, whatever that was: the database is not well.
    recent: BTreeMap<&'static str, String>,
    /// The row of the last message that was committed.
    last_row: u64,
    /// Nothing is written that nobody waits for before.
    next_try: Instant,
    /// What chat.log lacks is not tried again before.
    next_catch_up: Instant,
    history_id: [u8; 16],
    predecessor: Option<[u8; 16]>,
    room_limits: RoomLimits,
    rooms: Rooms,
    sessions: Sessions,
    write_behind: WriteBehind,
    index: Index,
    deferred: Deferred,
    /// No login is committed before.
    next_sync: Instant,
}

impl JournalState {
    pub(super) const fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    pub(super) const fn rooms_mut(&mut self) -> &mut Rooms {
        &mut self.rooms
    }

    pub(super) const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub(super) const fn sessions_mut(&mut self) -> &mut Sessions {
        &mut self.sessions
    }

    pub(super) const fn write_behind_mut(&mut self) -> &mut WriteBehind {
        &mut self.write_behind
    }

    pub(super) const fn deferred(&self) -> &Deferred {
        &self.deferred
    }

    pub(super) const fn deferred_mut(&mut self) -> &mut Deferred {
        &mut self.deferred
    }

    pub(super) const fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    pub(super) const fn audit(&self) -> &Audit {
        &self.audit
    }

    pub(super) const fn history_id(&self) -> [u8; 16] {
        self.history_id
    }

    /// The history that this one continues.
    pub(super) const fn predecessor(&self) -> Option<[u8; 16]> {
        self.predecessor
    }

    pub(super) const fn room_limits(&self) -> RoomLimits {
        self.room_limits
    }

    pub(super) const fn committed(&mut self, row: u64) {
        self.last_row = row;
    }

    pub(super) const fn next_sync(&self) -> Instant {
        self.next_sync
    }

    pub(super) const fn has_low_space(&self) -> bool {
        self.short_of.is_some()
    }

    /// chat.log must lack no line before a new message is taken.
    pub(super) const fn takes_messages(&self) -> bool {
        !self.has_low_space() && !self.chat.is_behind()
    }

    /// All at once, for the loop that writes chat.log and fills the batches for delivery.
    pub(super) const fn publishing(&mut self) -> (&mut AuditedChat, &Rooms, &Deliveries) {
        (&mut self.chat, &self.rooms, &self.deliveries)
    }

    /// Commits as messages are committed: synced only with `durability = "full"`.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.store.transaction(Commit::Usual, work)
    }

    /// Commits what the operator does; it survives a power cut.
    pub(super) fn operate(
        &mut self,
        operator: Operator,
        action: &OperatorAction,
    ) -> Result<Result<operator::Done, operator::OperatorRefusal>, StoreError> {
        let context = operator::Context {
            operator,
            seal: Some(&self.seal),
            rooms: self.room_limits.rooms,
            session: match action {
                OperatorAction::EndSession(session) => self
                    .sessions
                    .open(*session)
                    .map(|session| (session.person.clone(), session.token)),
                _ => None,
            },
        };
        let act = |tx: &Tx<'_>| operator::carry_out(tx, action, &context);
        self.store.transaction(Commit::Synced, act)
    }

    /// As [`JournalState::write`], for work that asks which rooms are in memory.
    pub(super) fn read_beside_rooms<T>(
        &mut self,
        work: impl FnOnce(&Tx<'_>, &Rooms) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let rooms = &self.rooms;
        self.store.transaction(Commit::Usual, |tx| work(tx, rooms))
    }

    /// Fails without an attempt while the disk is nearly full. Deferred changes are kept until a
    /// commit has them.
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
            chat_log_mark: self.chat.synced(),
            now_ms,
        };
        let done = if self.has_low_space() {
            Err(StoreError::Full)
        } else {
            work.run(&mut self.store)
        };
        // A sync that only failures caused must not delay logins: the delay would tell which
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

    /// Commits the deferred changes that no login has taken along. What the database refuses for
    /// good is dropped, or it would keep all later ones from being counted.
    pub(super) fn count_failures(&mut self) {
        if self.deferred.is_empty() || !self.may_try(Instant::now()) {
            return;
        }
        let counted = self.commit(&[], &[], true, now_ms());
        let counted = self.watch(&events::FAILURES_NOT_COUNTED, counted);
        if counted.is_err_and(|error| !error.is_unavailable()) {
            self.deferred = Deferred::default();
        }
    }

    /// Reads the room into memory where it is not there yet; `None` where there is no such room.
    pub(super) fn room(&mut self, id: RoomId) -> Result<Option<&mut RoomState>, StoreError> {
        if !self.rooms.contains(id) {
            let now = stamp();
            let read = self.write(|tx| RoomState::load(tx, id, now))?;
            let Some(room) = read else { return Ok(None) };
            self.take_in(id, room);
            self.rooms.visit(id);
        }
        Ok(self.rooms.get_mut(id))
    }

    /// The refusal for an account that is in no such room. The database is asked, whether or not the
    /// room is in memory: neither the refusal nor its time depends on whether a hidden room exists,
    /// or on who is online there.
    pub(super) fn stranger_refusal(
        &mut self,
        room: RoomId,
        account: AccountId,
    ) -> Result<Refusal, StoreError> {
        let is_seen = self.write(|tx| tx.is_room_seen_by(room, account))?;
        Ok(if is_seen { NOT_MEMBER } else { UNKNOWN_ROOM })
    }

    /// Rooms with a member online are in memory.
    pub(super) fn is_member(&self, room: RoomId, account: AccountId) -> bool {
        let room = self.rooms.get(room);
        room.is_some_and(|room| room.members.contains_key(&account))
    }

    /// As [`JournalState::is_member`], for rooms that may not be in memory since the account has
    /// hidden them: there they are then. The database is asked for every other room, as in
    /// [`JournalState::stranger_refusal`].
    pub(super) fn finds_member(
        &mut self,
        room: RoomId,
        account: AccountId,
    ) -> Result<bool, StoreError> {
        if self.is_member(room, account) {
            return Ok(true);
        }
        if self.write(|tx| tx.membership(room, account))?.is_none() {
            return Ok(false);
        }
        Ok(self.room(room)?.is_some())
    }

    /// Keeps a room that was read from the database, with the marks of what members have read that
    /// are not written yet. Who has hidden it and is online is there for the other one: hiding is
    /// nobody else's business.
    pub(super) fn take_in(&mut self, id: RoomId, mut room: RoomState) {
        for (&account, member) in &mut room.members {
            let read = self.write_behind.read_by(account, id);
            member.read = member.read.max(read.unwrap_or(0));
        }
        let hidden_from: Vec<_> = room.hidden_from().collect();
        self.rooms.insert(id, room);
        let now = Instant::now();
        for account in hidden_from {
            for session in self.sessions.of(account).to_vec() {
                if let Some(user) = self.sessions.user(session) {
                    self.rooms.come(id, &user, now);
                    self.rooms.is_told_of(id, &user);
                    self.sessions.enter(session, id);
                }
            }
        }
    }

    /// Passes an outcome on, and tells a failure: the next one that is like it only once the same
    /// has succeeded. What is tried again and again, or asked for by many, must not fill the disk
    /// that has no room for it. That the disk is nearly full has an event of its own.
    pub(super) fn watch<T>(
        &mut self,
        event: &'static AuditEvent,
        outcome: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &outcome {
            Ok(_) => {
                self.failures.remove(event.name());
                self.recent.clear();
            }
            Err(StoreError::Full) if self.has_low_space() => {}
            Err(error) => {
                if error.is_unavailable() {
                    self.next_try = Instant::now() + RETRY;
                }
                let why = error.to_string();
                self.recent.insert(event.name(), why.clone());
                if self.failures.get(event.name()) != Some(&why) {
                    self.audit.log(Line::of(event).with("why", &why));
                    self.failures.insert(event.name(), why);
                }
            }
        }
        outcome
    }

    /// Whether to write what nobody waits for: not on a disk that is nearly full, and not at once
    /// after something could not be written.
    pub(super) fn may_try(&self, now: Instant) -> bool {
        !self.has_low_space() && now >= self.next_try
    }

    /// `room` must be in memory to be named in the line.
    pub(super) fn log(&self, line: Line, who: &Person, room: Option<RoomId>) {
        let room = room.and_then(|id| self.rooms.get(id));
        let line = match room {
            Some(room) => line.with("room", &room.title),
            None => line,
        };
        let line = line.with("by", &who.user).with("account", who.account);
        self.audit.log(line);
    }

    pub(super) fn refuse_post(&self, post: &Post, refusal: Refusal) {
        self.refuse(post.session, &post.backpressure, post.request, refusal);
    }

    /// A session that is to end is not told: its message counts as not acknowledged.
    pub(super) fn refuse_and_log(&self, post: &Post, (code, sentence): Refusal) {
        let Some(session) = self.sessions.open(post.session) else {
            return;
        };
        if code != ErrorCode::Unavailable {
            let line = Line::of(&events::REFUSED).with("what", "message");
            let line = line.with("why", sentence);
            self.log(line, &session.person, Some(post.room));
        }
        self.refuse_post(post, (code, sentence));
    }

    /// With a code that the session's client knows.
    pub(super) fn refuse(
        &self,
        session: SessionId,
        backpressure: &Backpressure,
        request: RequestId,
        (code, sentence): Refusal,
    ) {
        let announced = self.sessions.get(session).map(|one| one.capabilities);
        let code = code.known_to(announced.unwrap_or_default());
        let refusal = (code, sentence);
        refuse(&self.deliveries, session, backpressure, request, refusal);
    }
}

/// Only with a code that every client knows.
pub(super) fn refuse(
    deliveries: &Deliveries,
    session: SessionId,
    backpressure: &Backpressure,
    request: RequestId,
    (code, sentence): Refusal,
) {
    let error = ErrorMessage {
        request: Some(request),
        code,
        text: sentence.to_owned(),
        retry_ms: None,
    };
    deliveries.reply(session, backpressure, &ServerMessage::Error(error));
}
