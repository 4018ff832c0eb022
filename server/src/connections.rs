//! The table of connections: `Arc<Mutex<…>>` over connections, their addresses, and who is online.
//!
//! The lock is held for a look or a change of the table, never across a system call, the disk or
//! another lock. There is no second lock to order it with.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatbox_common::limits::MAX_SESSIONS;
use chatbox_common::name::UserName;
use chatbox_common::wire::message;

use crate::delivery::Backpressure;
use crate::event::{Person, SessionId};
use crate::rate_limit::network;

/// One address may hold this part of all connections before it logs in …
const STRANGERS_SHARE: usize = 16;
/// … but always so many.
const MIN_STRANGERS: usize = 64;

/// One connection.
struct Client {
    address: SocketAddr,
    socket: Arc<TcpStream>,
    person: Option<Person>,
    /// Where its thread may wait for the peer.
    backpressure: Option<Arc<Backpressure>>,
    /// Since when it is what it is, milliseconds since 1970-01-01 UTC.
    since: u64,
}

/// Somebody who is online, in however many sessions.
struct Online {
    user: Arc<str>,
    /// At most [`MAX_SESSIONS`], in the order in which they were logged in.
    sessions: Vec<SessionId>,
    since: u64,
}

impl Online {
    fn count(&self) -> u32 {
        u32::try_from(self.sessions.len()).unwrap_or(u32::MAX)
    }
}

#[derive(Default)]
struct Table {
    clients: HashMap<SessionId, Client>,
    /// By the name in lower case: the order of `/list`.
    people: BTreeMap<String, Online>,
    /// Connections that are nobody's yet, by network.
    anonymous: HashMap<IpAddr, usize>,
    next: SessionId,
    stopping: bool,
}

impl Table {
    /// One connection less from this address that is nobody's.
    fn no_stranger(&mut self, address: SocketAddr) {
        let network = network(address.ip());
        if let Some(count) = self.anonymous.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.anonymous.remove(&network);
            }
        }
    }
}

/// Why a connection was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The cap is reached.
    Cap,
    /// The server stops.
    Stopping,
}

/// What one session's owner may know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The peer's address.
    pub address: SocketAddr,
    /// Since when it is logged in, milliseconds since 1970-01-01 UTC.
    pub since: u64,
    /// Sessions of the same account.
    pub sessions: u32,
}

/// The table, shared by all threads.
#[derive(Clone)]
pub struct Connections {
    table: Arc<Mutex<Table>>,
    /// Told when a connection leaves while the server stops.
    emptied: Arc<Condvar>,
    cap: usize,
}

impl Connections {
    /// An empty table that takes `cap` connections.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self {
            table: Arc::default(),
            emptied: Arc::default(),
            cap,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No code panics while it holds the lock; should one, the table is still a table.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn admit(
        &self,
        address: SocketAddr,
        socket: Arc<TcpStream>,
        now_ms: u64,
    ) -> Result<SessionId, Full> {
        let mut table = self.table();
        if table.stopping {
            return Err(Full::Stopping);
        }
        if table.clients.len() >= self.cap {
            return Err(Full::Cap);
        }
        let strangers = table.anonymous.entry(network(address.ip())).or_default();
        if *strangers >= (self.cap / STRANGERS_SHARE).max(MIN_STRANGERS) {
            return Err(Full::Cap);
        }
        *strangers += 1;
        table.next += 1;
        let session = table.next;
        table.clients.insert(
            session,
            Client {
                address,
                socket,
                person: None,
                backpressure: None,
                since: now_ms,
            },
        );
        Ok(session)
    }

    /// A connection has become somebody's session.
    ///
    /// # Errors
    /// When the server stops, or the account has [`MAX_SESSIONS`] already.
    pub fn log_in(
        &self,
        session: SessionId,
        person: &Person,
        backpressure: &Arc<Backpressure>,
        now_ms: u64,
    ) -> Result<(), Full> {
        let mut table = self.table();
        let table = &mut *table;
        if table.stopping {
            return Err(Full::Stopping);
        }
        let Some(client) = table.clients.get_mut(&session) else {
            return Err(Full::Stopping);
        };
        let entry = table.people.entry(person.user.to_ascii_lowercase());
        let online = entry.or_insert_with(|| Online {
            user: Arc::clone(&person.user),
            sessions: Vec::with_capacity(1),
            since: now_ms,
        });
        if online.count() >= MAX_SESSIONS {
            return Err(Full::Cap);
        }
        online.sessions.push(session);
        client.person = Some(person.clone());
        client.backpressure = Some(Arc::clone(backpressure));
        client.since = now_ms;
        let address = client.address;
        table.no_stranger(address);
        Ok(())
    }

    /// A connection has ended.
    pub fn remove(&self, session: SessionId) {
        let mut table = self.table();
        let Some(client) = table.clients.remove(&session) else {
            return;
        };
        if client.person.is_none() {
            table.no_stranger(client.address);
        }
        let person = client.person;
        if table.stopping && table.clients.is_empty() {
            self.emptied.notify_all();
        }
        let Some(key) = person.map(|person| person.user.to_ascii_lowercase()) else {
            return;
        };
        if let Some(online) = table.people.get_mut(&key) {
            online.sessions.retain(|&one| one != session);
            if online.sessions.is_empty() {
                table.people.remove(&key);
            }
        }
    }

    /// People online after a name, in the order of their names, and whether more follow.
    #[must_use]
    pub fn people(&self, after: Option<&str>, limit: usize) -> (Vec<message::OnlinePerson>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = after.map(str::to_ascii_lowercase);
        let from = after.map_or(Unbounded, Excluded);
        let table = self.table();
        let mut range = table.people.range::<String, _>((from, Unbounded));
        let people = range.by_ref().take(limit);
        let people = people
            .map(|(_, online)| message::OnlinePerson {
                user: online.user.to_string(),
                sessions: online.count(),
                since: online.since,
            })
            .collect();
        (people, range.next().is_some())
    }

    /// Since when somebody is online, milliseconds since 1970-01-01 UTC; `None` when they are not.
    #[must_use]
    pub fn online_since(&self, user: &UserName) -> Option<u64> {
        let table = self.table();
        table.people.get(&user.lower()).map(|online| online.since)
    }

    /// What a logged-in session may know of itself.
    #[must_use]
    pub fn standing(&self, session: SessionId) -> Option<Standing> {
        let table = self.table();
        let client = table.clients.get(&session)?;
        let key = client.person.as_ref()?.user.to_ascii_lowercase();
        Some(Standing {
            address: client.address,
            since: client.since,
            sessions: table.people.get(&key).map_or(0, Online::count),
        })
    }

    /// The sessions of somebody, by number.
    #[must_use]
    pub fn sessions(&self, user: &str) -> Vec<message::SessionInfo> {
        let table = self.table();
        let online = table.people.get(&user.to_ascii_lowercase());
        let numbers = online.into_iter().flat_map(|online| &online.sessions);
        let mut sessions: Vec<_> = numbers
            .filter_map(|number| Some((*number, table.clients.get(number)?)))
            .map(|(session, client)| message::SessionInfo {
                session,
                address: client.address.to_string(),
                since: client.since,
            })
            .collect();
        sessions.sort_unstable_by_key(|one| one.session);
        sessions
    }

    /// People online, and connections.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let table = self.table();
        (table.people.len(), table.clients.len())
    }

    /// The most connections taken.
    #[must_use]
    pub const fn cap(&self) -> usize {
        self.cap
    }

    /// Whether the server stops.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.table().stopping
    }

    /// Takes nobody in any more, and ends the reading of all that are in: each connection's own
    /// thread then says goodbye.
    pub fn stop(&self) {
        let clients: Vec<(Arc<TcpStream>, Option<Arc<Backpressure>>)> = {
            let mut table = self.table();
            table.stopping = true;
            let clients = table.clients.values();
            clients
                .map(|client| (Arc::clone(&client.socket), client.backpressure.clone()))
                .collect()
        };
        for (socket, backpressure) in clients {
            // A socket that is closed already needs no end.
            let _ = socket.shutdown(Shutdown::Read);
            if let Some(backpressure) = backpressure {
                backpressure.stop();
            }
        }
    }
}

impl Connections {
    /// Waits until the last connection has left after [`Connections::stop`]; says how many had not in
    /// time.
    #[must_use]
    pub fn wait_empty(&self, at_most: Duration) -> usize {
        let waited = self
            .emptied
            .wait_timeout_while(self.table(), at_most, |t| !t.clients.is_empty());
        let (table, _) = waited.unwrap_or_else(PoisonError::into_inner);
        table.clients.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use chatbox_common::wire::message::AccountId;

    use super::*;

    fn socket() -> (Arc<TcpStream>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (Arc::new(TcpStream::connect(address).unwrap()), address)
    }

    fn person(account: AccountId, user: &str) -> Person {
        Person {
            account,
            user: user.into(),
            is_admin: false,
        }
    }

    #[test]
    fn people_are_listed_once_in_the_order_of_their_names() {
        let connections = Connections::new(10);
        let (socket, address) = socket();
        let mut sessions = Vec::new();
        for (account, user) in [(1, "bob"), (2, "Alice"), (1, "bob"), (3, "carol")] {
            let id = connections.admit(address, Arc::clone(&socket), 5).unwrap();
            connections
                .log_in(id, &person(AccountId(account), user), &Arc::default(), 7)
                .unwrap();
            sessions.push(id);
        }
        let names = |after, limit| {
            let (people, more) = connections.people(after, limit);
            let names: Vec<_> = people
                .iter()
                .map(|p| (p.user.clone(), p.sessions))
                .collect();
            (names, more)
        };
        assert_eq!(
            names(None, 2),
            (vec![("Alice".into(), 1), ("bob".into(), 2)], true)
        );
        assert_eq!(names(Some("BOB"), 9), (vec![("carol".into(), 1)], false));
        let bobs = |connections: &Connections| -> Vec<_> {
            let sessions = connections.sessions("BOB").into_iter();
            sessions.map(|one| (one.session, one.address)).collect()
        };
        let at = |n: usize| (sessions[n], address.to_string());
        assert_eq!(bobs(&connections), [at(0), at(2)]);
        connections.remove(sessions[0]);
        assert_eq!(connections.standing(sessions[2]).unwrap().sessions, 1);
        assert_eq!(bobs(&connections), [at(2)]);
        assert_eq!(connections.sessions("nobody"), []);
        connections.remove(sessions[2]);
        assert_eq!(names(None, 9).0.len(), 2);
        assert_eq!(connections.counts(), (2, 2));
    }

    #[test]
    fn the_cap_and_the_stop_are_kept() {
        let connections = Connections::new(1);
        let (socket, address) = socket();
        let first = connections.admit(address, Arc::clone(&socket), 0).unwrap();
        let again = connections.admit(address, Arc::clone(&socket), 0);
        assert_eq!(again, Err(Full::Cap));
        connections.remove(first);
        connections.stop();
        assert_eq!(connections.admit(address, socket, 0), Err(Full::Stopping));
        let late = connections.log_in(first, &person(AccountId(1), "late"), &Arc::default(), 0);
        assert_eq!(late, Err(Full::Stopping));
    }

    #[test]
    fn an_account_has_a_bounded_number_of_sessions() {
        let connections = Connections::new(100);
        let (socket, address) = socket();
        let join = |account: AccountId, user| {
            let id = connections.admit(address, Arc::clone(&socket), 0).unwrap();
            connections.log_in(id, &person(account, user), &Arc::default(), 0)
        };
        for _ in 0..MAX_SESSIONS {
            join(AccountId(1), "alice").unwrap();
        }
        assert_eq!(join(AccountId(1), "alice"), Err(Full::Cap));
        assert_eq!(join(AccountId(2), "bob"), Ok(()));
    }
}
