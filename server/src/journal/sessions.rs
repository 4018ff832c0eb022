//! Who is in which room, as the journal orders it, and the ONLINE table written behind.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbox_common::name::UserName;
use chatbox_common::wire::codec;
use chatbox_common::wire::message::{self, RoomId, Seq, ServerMessage};

use crate::event::{Person, SessionId};
use crate::presence::Notice;
use crate::store::{AccountId, StoreError, Tx};

/// The ONLINE table follows what happens within this time; who comes and goes faster is not in it.
pub(super) const WRITE_BEHIND: Duration = Duration::from_millis(250);

/// A session as the journal has it in memory.
pub(super) struct SessionState {
    pub(super) person: Person,
    pub(super) address: SocketAddr,
    pub(super) rooms: Vec<RoomId>,
    /// Its account was: it is only here until its own thread has heard of it.
    pub(super) is_logged_out: bool,
}

impl SessionState {
    pub(super) const fn is_open(&self) -> bool {
        !self.is_logged_out
    }
}

/// A notice in its two forms: whole, and with the count alone.
pub(super) fn encode(room: RoomId, notice: Notice) -> (Arc<[u8]>, Arc<[u8]>) {
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

/// What the ONLINE table is to say of a connection.
enum OnlineRow {
    Present(SocketAddr, Option<UserName>),
    Gone,
}

/// Changes of ONLINE and of REGISTERED.online that wait to be written.
#[derive(Default)]
pub(super) struct WriteBehind {
    rows: HashMap<SessionId, OnlineRow>,
    accounts: HashMap<u64, (SocketAddr, bool)>,
    /// How far people have read, by account and room.
    reads: HashMap<(u64, RoomId), Seq>,
    /// Connections that the table has.
    written: std::collections::HashSet<SessionId>,
    due: Option<Instant>,
}

impl WriteBehind {
    /// A connection was accepted; what is known of it already is newer, since this is told late.
    pub(super) fn connection_accepted(&mut self, id: SessionId, address: SocketAddr, now: Instant) {
        if !self.written.contains(&id) {
            self.rows
                .entry(id)
                .or_insert(OnlineRow::Present(address, None));
            self.due = Some(now);
        }
    }

    pub(super) fn logged_in(
        &mut self,
        id: SessionId,
        address: SocketAddr,
        person: &Person,
        now: Instant,
    ) {
        let user = UserName::parse(&person.user).ok();
        self.set(id, OnlineRow::Present(address, user), now);
        self.accounts.insert(person.account, (address, true));
    }

    /// The last session of an account has ended.
    pub(super) fn logged_out(&mut self, account: u64, address: SocketAddr, now: Instant) {
        self.accounts.insert(account, (address, false));
        self.due.get_or_insert(now + WRITE_BEHIND);
    }

    pub(super) fn has_read(&mut self, account: u64, room: RoomId, seq: Seq, now: Instant) {
        self.reads.insert((account, room), seq);
        self.due.get_or_insert(now + WRITE_BEHIND);
    }

    /// How far somebody has read, where that is not written yet.
    pub(super) fn read_by(&self, account: u64, room: RoomId) -> Option<Seq> {
        self.reads.get(&(account, room)).copied()
    }

    pub(super) fn connection_ended(&mut self, id: SessionId, now: Instant) {
        if self.written.contains(&id) {
            self.set(id, OnlineRow::Gone, now);
        } else {
            self.rows.remove(&id);
        }
    }

    fn set(&mut self, id: SessionId, row: OnlineRow, now: Instant) {
        self.rows.insert(id, row);
        self.due.get_or_insert(now + WRITE_BEHIND);
    }

    /// When something is to be written.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it is time.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Writes it all.
    pub(super) fn write(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for (id, row) in &self.rows {
            match row {
                OnlineRow::Present(address, user) => tx.put_online(*id, *address, user.as_ref())?,
                OnlineRow::Gone => drop(tx.drop_online(*id)?),
            }
        }
        for (account, (address, online)) in &self.accounts {
            tx.set_seen(AccountId(*account), *address, *online)?;
        }
        for (&(account, room), seq) in &self.reads {
            tx.set_read(crate::store::RoomId(room), AccountId(account), *seq)?;
        }
        Ok(())
    }

    /// It was written, or could not be: then it is tried again a moment later.
    pub(super) fn done(&mut self, written: bool, now: Instant) {
        if !written {
            self.due = Some(now + WRITE_BEHIND);
            return;
        }
        for (id, row) in self.rows.drain() {
            match row {
                OnlineRow::Present(..) => self.written.insert(id),
                OnlineRow::Gone => self.written.remove(&id),
            };
        }
        self.accounts.clear();
        self.reads.clear();
        self.due = None;
    }
}
