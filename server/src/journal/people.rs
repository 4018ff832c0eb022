//! Sessions begin and end between two batches.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{Bye, ByeReason, RoomId, Seq, ServerMessage, Welcome};

use super::sessions::{Room, Session, rooms_of};
use super::writer::Writer;
use super::{Begin, Ended, Job};
use crate::clock::now_ms;
use crate::delivery::{Delivery, Join};
use crate::store::{self, Commit, StoreError};

/// The rooms of those whose sessions begin, by account, as far as they could be read.
pub(super) type Memberships = HashMap<u64, Vec<store::Room>>;

impl Writer {
    /// Reads the rooms of all who begin, in one transaction: on a busy morning many do at once.
    pub(super) fn memberships(&mut self, jobs: &VecDeque<Job>) -> Memberships {
        let beginners = jobs.iter().filter_map(|job| match job {
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

    fn read_memberships(&mut self, accounts: &[u64]) -> Result<Memberships, StoreError> {
        if accounts.is_empty() {
            return Ok(Memberships::new());
        }
        self.store.transaction(Commit::Usual, |tx| {
            let rooms = accounts.iter().map(|&id| Ok((id, rooms_of(tx, id)?)));
            rooms.collect()
        })
    }

    pub(super) fn begin(&mut self, begin: Begin, memberships: &Memberships, now: Instant) {
        let Some(rooms) = memberships.get(&begin.person.account) else {
            return self.turn_away(begin);
        };
        let account = begin.person.account;
        let mut described = Vec::new();
        let mut heads = Vec::new();
        for stored in rooms {
            let id = stored.id.0;
            let room = self.rooms.entry(id).or_insert_with(|| Room::new(stored));
            room.presence.joined(&begin.person.user, now);
            described.push(room.describe(id));
            heads.push((id, room.head));
        }
        let welcome = Welcome {
            history_id: self.history_id,
            rooms: described,
            time: now_ms(),
            limits: begin.limits.clone(),
            server: env!("CARGO_PKG_VERSION").to_owned(),
            session: begin.session,
        };
        self.behind
            .logged_in(begin.session, begin.address, &begin.person, now);
        *self.accounts.entry(account).or_default() += 1;
        self.sessions.insert(
            begin.session,
            Session {
                person: begin.person.clone(),
                address: begin.address,
                rooms: heads.iter().map(|(id, _)| *id).collect(),
            },
        );
        self.hand_over(begin, heads, &ServerMessage::Welcome(welcome));
    }

    /// Its code is spent and its token good: a client that is told so comes again by itself.
    fn turn_away(&self, begin: Begin) {
        let session = begin.session;
        let bye = Bye {
            reason: ByeReason::Busy,
            text: "the server can't read its database just now".to_owned(),
        };
        self.hand_over(begin, Vec::new(), &ServerMessage::Bye(bye));
        self.deliveries
            .send(session, Delivery::Close { session, bye: None });
    }

    /// Gives a session to its delivery thread, with the first thing it is told.
    fn hand_over(&self, begin: Begin, rooms: Vec<(RoomId, Seq)>, first: &ServerMessage) {
        let mut welcome = Vec::new();
        codec::put(first, &mut welcome);
        let join = Join {
            session: begin.session,
            socket: begin.socket,
            greeting: begin.greeting,
            sealer: begin.sealer,
            gate: begin.gate,
            rooms,
            welcome,
        };
        self.deliveries
            .send(join.session, Delivery::Join(Box::new(join)));
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
            let account = gone.person.account;
            let open = self.accounts.entry(account).or_default();
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.accounts.remove(&account);
                self.behind.logged_out(account, gone.address, now);
            }
        }
        self.deliveries
            .send(session, Delivery::Close { session, bye });
    }
}
