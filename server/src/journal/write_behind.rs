//! Gathers changes of ONLINE, of REGISTERED.online and of how far members have read, and writes
//! them in one transaction a moment later: no peer waits for them, and a crash may lose them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{AccountId, ReadTo, RoomId, Seq};

use crate::event::{Person, SessionId};
use crate::store::{StoreError, Tx};

/// The tables follow within this time; a connection that ends sooner is not in ONLINE.
const WRITE_BEHIND: Duration = Duration::from_millis(250);

enum OnlineRow {
    Present(SocketAddr, Option<UserName>),
    Gone,
}

/// How far a member has read a room.
struct ReadMark {
    seq: Seq,
    /// The session that said so last; `None` when the account's others have been told.
    untold: Option<SessionId>,
}

#[derive(Default)]
pub(super) struct WriteBehind {
    rows: HashMap<SessionId, OnlineRow>,
    accounts: HashMap<AccountId, (SocketAddr, bool)>,
    reads: HashMap<(AccountId, RoomId), ReadMark>,
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

    pub(super) fn has_read(
        &mut self,
        account: AccountId,
        room: RoomId,
        seq: Seq,
        session: SessionId,
        now: Instant,
    ) {
        let mark = ReadMark {
            seq,
            untold: Some(session),
        };
        self.reads.insert((account, room), mark);
        self.due.get_or_insert(now + WRITE_BEHIND);
    }

    /// Marks of which the account's other sessions were not told, each once, with the session that
    /// knows it: however often one says how far one has read, it is told no oftener than written.
    pub(super) fn untold_reads(&mut self) -> Vec<(AccountId, ReadTo, SessionId)> {
        let reads = self.reads.iter_mut();
        let untold = reads.filter_map(|(&(account, room), mark)| {
            let session = mark.untold.take()?;
            let seq = mark.seq;
            Some((account, ReadTo { room, seq }, session))
        });
        untold.collect()
    }

    /// `None` where nothing waits to be written.
    pub(super) fn read_by(&self, account: AccountId, room: RoomId) -> Option<Seq> {
        self.reads.get(&(account, room)).map(|mark| mark.seq)
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
        for (&(account, room), mark) in &self.reads {
            tx.set_read(room, account, mark.seq)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_one_has_read_is_told_once_however_often_it_is_said() {
        let mut behind = WriteBehind::default();
        let (alice, bob) = (AccountId(1), AccountId(2));
        let (here, there) = (RoomId(1), RoomId(2));
        let now = Instant::now();
        for seq in 1..=100 {
            behind.has_read(alice, here, seq, 7, now);
        }
        behind.has_read(alice, here, 101, 8, now);
        behind.has_read(alice, there, 5, 7, now);
        behind.has_read(bob, here, 3, 9, now);
        let mut told = behind.untold_reads();
        told.sort_by_key(|(account, read, _)| (*account, read.room));
        let mark = |room, seq| ReadTo { room, seq };
        assert_eq!(
            told,
            [
                (alice, mark(here, 101), 8),
                (alice, mark(there, 5), 7),
                (bob, mark(here, 3), 9)
            ]
        );
        // A mark that could not be written is kept, and is no news.
        behind.done(false, now);
        assert_eq!(behind.untold_reads(), []);
        assert_eq!(behind.read_by(alice, here), Some(101));
    }
}
