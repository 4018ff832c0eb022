//! Sessions begin and end between two batches.

use std::collections::HashMap;
use std::time::Instant;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    self, Bye, ByeReason, Follow, Joined, ReadTo, RoomId, Seq, ServerMessage, Welcome,
};

use super::job::{Begin, Ended, HasRead, Job, LOGGED_OUT};
use super::room::{Member, RoomState, UNKNOWN_ROOM};
use super::sessions::SessionState;
use super::writer::Writer;
use crate::clock::{now_ms, stamp};
use crate::delivery::{Delivery, Join};
use crate::event::SessionId;
use crate::store::{self, AccountId, Commit, Membership, StoreError};

/// Rooms in which nobody is online are kept in memory up to this number.
const MAX_IDLE: usize = 4096;
/// About the most bytes of rooms in a record: well below what a record holds, beside the names
/// that a welcome may have.
const ROOM_BYTES: usize = 24 * 1024;
/// What a room weighs there besides its texts.
const ROOM_OVERHEAD: usize = 96;
/// The most rooms in a record.
const MAX_ROOMS: usize = 128;

/// What somebody's session begins with.
pub(super) struct Beginning {
    rooms: Vec<Membership>,
    /// Whom they do not want to see, in the order of the names.
    ignored: Vec<String>,
}

/// That of all whose sessions begin, by account, as far as it could be read.
pub(super) type Memberships = HashMap<u64, Beginning>;

impl Writer {
    /// Reads the rooms of all who begin, in one transaction: on a busy morning many do at once.
    pub(super) fn memberships<'a>(&mut self, jobs: impl Iterator<Item = &'a Job>) -> Memberships {
        let beginners = jobs.filter_map(|job| match job {
            Job::Begin(begin) => Some(begin.person.account),
            _ => None,
        });
        let accounts: Vec<u64> = beginners.collect();
        match self.read_memberships(&accounts) {
            Ok(memberships) => memberships,
            Err(error) if error.is_unavailable() || accounts.len() == 1 => {
                self.tell_failure("sessions_not_begun", &error);
                Memberships::new()
            }
            // A row that can't be read must not keep the others out.
            Err(_) => {
                let mut all = Memberships::new();
                for account in accounts {
                    match self.read_memberships(&[account]) {
                        Ok(one) => all.extend(one),
                        Err(error) => self.tell_failure("session_not_begun", &error),
                    }
                }
                all
            }
        }
    }

    /// Reads into memory what is not there yet of the rooms of these accounts.
    fn read_memberships(&mut self, accounts: &[u64]) -> Result<Memberships, StoreError> {
        if accounts.is_empty() {
            return Ok(Memberships::new());
        }
        let known = &self.rooms;
        let now = stamp();
        let (all, new) = self.store.transaction(Commit::Usual, |tx| {
            let (mut all, mut new) = (Memberships::new(), HashMap::new());
            for &account in accounts {
                let rooms = tx.memberships_of(AccountId(account))?;
                let ignored = tx.ignored_by(AccountId(account))?.into_iter();
                for id in rooms.iter().map(|one| one.room.0) {
                    if !known.contains_key(&id)
                        && !new.contains_key(&id)
                        && let Some(room) = RoomState::load(tx, id, now)?
                    {
                        new.insert(id, room);
                    }
                }
                let beginning = Beginning {
                    ignored: ignored.map(|name| name.to_string()).collect(),
                    rooms,
                };
                all.insert(account, beginning);
            }
            Ok((all, new))
        })?;
        for (id, room) in new {
            self.take_in(id, room);
        }
        Ok(all)
    }

    /// Keeps a room that was read. What members have read and is not written yet counts.
    pub(super) fn take_in(&mut self, id: RoomId, mut room: RoomState) {
        for (&account, member) in &mut room.members {
            let read = self.write_behind.read_by(account, id);
            member.read = member.read.max(read.unwrap_or(0));
        }
        self.rooms.insert(id, room);
    }

    /// Forgets rooms in which nobody is online, those first in which nobody was for longest: they
    /// are read again when somebody comes. Some are kept, for people who come back at once.
    fn let_go(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let is_empty = room.presence.online() == 0 && id != store::RoomId::LOBBY.0;
        if is_empty && !std::mem::replace(&mut room.is_idle, true) {
            self.idle.push_back(id);
        }
        while self.idle.len() > MAX_IDLE
            && let Some(oldest) = self.idle.pop_front()
        {
            if let Some(room) = self.rooms.get_mut(&oldest) {
                room.is_idle = false;
                if room.presence.online() == 0 {
                    self.rooms.remove(&oldest);
                }
            }
        }
    }

    pub(super) fn begin(&mut self, begin: Begin, memberships: &Memberships, now: Instant) {
        if self.is_logged_out(&begin) {
            return self.turn_out(begin);
        }
        let Some(beginning) = memberships.get(&begin.person.account) else {
            // Its code is spent and its token good: a client that is told so comes again by itself.
            let sentence = "the server can't read its database just now";
            return self.turn_away(begin, ByeReason::Busy, sentence);
        };
        let account = begin.person.account;
        let mut described = Vec::new();
        let mut heads = Vec::new();
        for &membership in &beginning.rooms {
            let id = membership.room.0;
            let Some(room) = self.rooms.get_mut(&id) else {
                continue;
            };
            // A registration makes a member without a room action.
            let member = Member::from(membership);
            room.members.entry(account).or_insert(member);
            room.presence.joined(&begin.person.user, now);
            described.push(room.describe(id, &begin.person));
            heads.push((id, room.head));
        }
        let mut described = in_records(described).into_iter();
        let welcome = Welcome {
            history_id: self.history_id,
            rooms: described.next().unwrap_or_default(),
            time: now_ms(),
            limits: begin.limits.clone(),
            server: env!("CARGO_PKG_VERSION").to_owned(),
            session: begin.session,
            ignored: beginning.ignored.clone(),
        };
        self.write_behind
            .logged_in(begin.session, begin.address, &begin.person, now);
        self.accounts
            .entry(account)
            .or_default()
            .push(begin.session);
        self.sessions.insert(
            begin.session,
            SessionState {
                person: begin.person.clone(),
                address: begin.address,
                rooms: heads.iter().map(|(id, _)| *id).collect(),
                is_logged_out: false,
            },
        );
        let mut records = vec![encoded(&[ServerMessage::Welcome(welcome)])];
        records.extend(described.map(|rooms| {
            let rooms = rooms.into_iter().map(|room| {
                ServerMessage::Joined(Joined {
                    request: None,
                    room,
                })
            });
            encoded(&rooms.collect::<Vec<_>>())
        }));
        self.hand_over(begin, heads, records);
    }

    /// Says goodbye to a session in place of its welcome.
    pub(super) fn turn_away(&self, begin: Begin, reason: ByeReason, sentence: &str) {
        let session = begin.session;
        let bye = Bye {
            reason,
            text: sentence.to_owned(),
        };
        self.hand_over(begin, Vec::new(), vec![encoded(&[ServerMessage::Bye(bye)])]);
        if reason == ByeReason::LoggedOut {
            self.deliveries.send(session, Delivery::LogOut(session));
        }
        self.deliveries
            .send(session, Delivery::Close { session, bye: None });
    }

    /// Gives a session to its delivery thread, with the first things it is told.
    fn hand_over(&self, begin: Begin, rooms: Vec<(RoomId, Seq)>, welcome: Vec<Vec<u8>>) {
        let join = Join {
            session: begin.session,
            socket: begin.socket,
            greeting: begin.greeting,
            sealer: begin.sealer,
            backpressure: begin.backpressure,
            rooms,
            welcome,
        };
        self.deliveries
            .send(join.session, Delivery::Join(Box::new(join)));
    }

    /// Lets the rooms go that were read only to judge a request.
    pub(super) fn forget_visited(&mut self) {
        for id in std::mem::take(&mut self.visited) {
            self.let_go(id);
        }
    }

    /// Passes a wish to follow on, but for what one may not read: what delivery remembers of a room
    /// is not asked whose it is.
    pub(super) fn follow(&self, session: SessionId, follow: &Follow) {
        let room = self.rooms.get(&follow.room);
        let account = self.sessions.get(&session).map(|one| one.person.account);
        let first = room
            .zip(account)
            .map_or(0, |(room, account)| room.readable_from(account));
        let job = Delivery::Follow {
            session,
            request: follow.request,
            room: follow.room,
            after: follow.after.max(first.saturating_sub(1)),
        };
        self.deliveries.send(session, job);
    }

    /// Notes how far somebody has read, and tells their other sessions.
    pub(super) fn has_read(&mut self, read: &HasRead, now: Instant) {
        let HasRead {
            session,
            backpressure,
            read,
        } = read;
        let Some(account) = self.open_session(*session).map(|one| one.person.account) else {
            return;
        };
        let room = self.rooms.get_mut(&read.room);
        let Some((head, member)) =
            room.and_then(|room| Some((room.head, room.members.get_mut(&account)?)))
        else {
            let (code, sentence) = UNKNOWN_ROOM;
            return self.refuse_request(*session, backpressure, read.request, code, sentence);
        };
        let seq = read.seq.min(head);
        if seq <= member.read {
            return;
        }
        member.read = seq;
        self.write_behind.has_read(account, read.room, seq, now);
        let read = ReadTo {
            room: read.room,
            seq,
        };
        let mut bytes = Vec::new();
        codec::put(&ServerMessage::ReadTo(read), &mut bytes);
        let sessions = self.accounts.get(&account).into_iter().flatten();
        for &session in sessions.filter(|&other| other != session) {
            let bytes = bytes.clone();
            self.deliveries
                .send(session, Delivery::Droppable { session, bytes });
        }
    }

    pub(super) fn end(&mut self, ended: Ended, now: Instant) {
        let Ended {
            session,
            cut_off,
            bye,
        } = ended;
        if let Some(gone) = self.sessions.remove(&session) {
            for id in &gone.rooms {
                if let Some(room) = self.rooms.get_mut(id) {
                    room.presence.left(&gone.person.user, cut_off, now);
                }
            }
            self.forget_session(session, &gone, now);
        }
        self.deliveries
            .send(session, Delivery::Close { session, bye });
    }

    fn forget_session(&mut self, session: SessionId, gone: &SessionState, now: Instant) {
        let account = gone.person.account;
        if let Some(sessions) = self.accounts.get_mut(&account) {
            sessions.retain(|&one| one != session);
            if sessions.is_empty() {
                self.accounts.remove(&account);
                self.write_behind.logged_out(account, gone.address, now);
            }
        }
        // Not now: somebody who begins together with this end may count on them.
        self.visited.extend(&gone.rooms);
    }
}

impl Writer {
    /// Ends the sessions of an account, but for one, behind the commit that says so.
    pub(super) fn end_sessions(&mut self, account: u64, but: Option<SessionId>) {
        self.log_outs += 1;
        self.logged_out.insert(account, self.log_outs);
        let sessions = self.accounts.get(&account).into_iter().flatten();
        for &session in sessions.filter(|&&session| Some(session) != but) {
            if let Some(ended) = self.sessions.get_mut(&session) {
                ended.is_logged_out = true;
            }
            self.deliveries.send(session, Delivery::LogOut(session));
        }
    }

    /// A session that goes on. What one that was logged out sent before it heard of it is not
    /// carried out any more.
    pub(super) fn open_session(&self, session: SessionId) -> Option<&SessionState> {
        self.sessions.get(&session).filter(|one| one.is_open())
    }

    /// Whether the account of a session that begins was logged out since it was let in.
    pub(super) fn is_logged_out(&self, begin: &Begin) -> bool {
        let last = self.logged_out.get(&begin.person.account);
        last.is_some_and(|&last| last > begin.after)
    }

    /// Turns away who came in by what no longer holds.
    pub(super) fn turn_out(&self, begin: Begin) {
        self.turn_away(begin, ByeReason::LoggedOut, LOGGED_OUT);
    }
}

/// Rooms in as many parts as need records of their own.
fn in_records(rooms: Vec<message::Room>) -> Vec<Vec<message::Room>> {
    let mut parts: Vec<Vec<message::Room>> = Vec::new();
    let mut left = 0;
    for room in rooms {
        let lock = room.locked.as_ref().map_or(0, String::len);
        let weight = ROOM_OVERHEAD + room.name.len() + room.topic.len() + lock;
        match parts.last_mut() {
            Some(part) if weight <= left && part.len() < MAX_ROOMS => {
                left -= weight;
                part.push(room);
            }
            _ => {
                left = ROOM_BYTES.saturating_sub(weight);
                parts.push(vec![room]);
            }
        }
    }
    parts
}

fn encoded(messages: &[ServerMessage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        codec::put(message, &mut bytes);
    }
    bytes
}
