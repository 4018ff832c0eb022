//! Gathers changes of ONLINE, of REGISTERED.online and of how far members have read, and writes
//! them in one transaction a moment later: no peer waits for them, and a crash may lose them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{AccountId, RoomId, Seq};

use crate::event::{Person, SessionId};
use crate::store::{StoreError, Tx};

/// The tables follow within this time; a connection that ends sooner is not in ONLINE.
const WRITE_BEHIND: Duration = Duration::from_millis(250);

enum OnlineRow {
    Present(SocketAddr, Option<UserName>),
    Gone,
}

#[derive(Default)]
pub(super) struct WriteBehind {
    rows: HashMap<SessionId, OnlineRow>,
    accounts: HashMap<AccountId, (SocketAddr, bool)>,
    /// The last message that a member has read.
    reads: HashMap<(AccountId, RoomId), Seq>,
    /// Connections that ONLINE has a row of.
    written: std::collections::HashSet<SessionId>,
    due: Option<Instant>,
}

impl WriteBehind {
    /// Told once a tick, so that a row that is there already is newer.
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

    pub(super) fn logged_out(&mut self, account: AccountId, address: SocketAddr, now: Instant) {
        self.accounts.insert(account, (address, false));
        self.due.get_or_insert(now + WRITE_BEHIND);
    }

    pub(super) fn has_read(&mut self, account: AccountId, room: RoomId, seq: Seq, now: Instant) {
        self.reads.insert((account, room), seq);
        self.due.get_or_insert(now + WRITE_BEHIND);
    }

    /// `None` where nothing waits to be written.
    pub(super) fn read_by(&self, account: AccountId, room: RoomId) -> Option<Seq> {
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

    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    pub(super) fn write(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for (id, row) in &self.rows {
            match row {
                OnlineRow::Present(address, user) => tx.put_online(*id, *address, user.as_ref())?,
                OnlineRow::Gone => drop(tx.drop_online(*id)?),
            }
        }
        for (account, (address, online)) in &self.accounts {
            tx.set_seen(*account, *address, *online)?;
        }
        for (&(account, room), seq) in &self.reads {
            tx.set_read(room, account, *seq)?;
        }
        Ok(())
    }

    /// What could not be written is tried again after [`WRITE_BEHIND`].
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
