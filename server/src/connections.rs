//! The table of connections, their addresses, and who is online; shared by all threads.
//!
//! The lock is held for a look or a change of the table, never across a call to the system, the
//! disk or another lock: there is no second lock to order it with.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chatbox_common::limits::MAX_SESSIONS;
use chatbox_common::name::UserName;
use chatbox_common::wire::{message, session};

use crate::delivery::Backpressure;
use crate::event::{Person, SessionId};
use crate::strangers::{MAX_LEAVING, NoPlace, Phase, Strangers};

struct Client {
    address: SocketAddr,
    socket: Arc<TcpStream>,
    person: Option<Person>,
    /// Where its thread may wait for the peer; a stop ends that wait.
    backpressure: Option<Arc<Backpressure>>,
    /// When it was admitted or, of a session, begun: milliseconds since 1970-01-01 UTC.
    since: u64,
    /// It made room for another: its reading is shut down, and its thread is about to end.
    is_leaving: bool,
}

/// A person who has logged in, with at most [`MAX_SESSIONS`].
struct Online {
    user: Arc<str>,
    /// Those that have not begun: it is not decided whether they will. Without others the person is not
    /// online.
    coming: u32,
    /// Those that have, in that order.
    sessions: Vec<SessionId>,
    /// When the first of them began.
    since: u64,
}

impl Online {
    fn count(&self) -> u32 {
        u32::try_from(self.sessions.len()).unwrap_or(u32::MAX)
    }

    const fn is_online(&self) -> bool {
        !self.sessions.is_empty()
    }
}

struct Table {
    clients: HashMap<SessionId, Client>,
    /// By the name in lower case: the order of `/list`.
    people: BTreeMap<String, Online>,
    /// How many of them are online.
    online: usize,
    /// Those that are not logged in, but for those that are leaving.
    strangers: Strangers,
    leaving: usize,
    next: SessionId,
    stopping: bool,
}

impl Table {
    /// A stranger has lost its place to another; returns its socket, whose reading the caller shuts
    /// down when it has given the lock back.
    fn send_away(&mut self, session: SessionId) -> Option<Arc<TcpStream>> {
        let client = self.clients.get_mut(&session)?;
        client.is_leaving = true;
        self.leaving += 1;
        Some(Arc::clone(&client.socket))
    }
}

/// In the order of these is `/list`.
fn key_of(person: &Person) -> String {
    person.user.to_ascii_lowercase()
}

/// Its thread then sees the end of the stream, and says why.
fn wake(gone: Option<&TcpStream>) {
    if let Some(socket) = gone {
        // It fails only where the socket is closed already.
        let _ = socket.shutdown(Shutdown::Read);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    Cap,
    /// It had a place, and lost it to another.
    MadeRoom,
    Stopping,
}

/// What a session may know of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub address: SocketAddr,
    /// When it began, milliseconds since 1970-01-01 UTC.
    pub since: u64,
    /// Of the same account, this one included.
    pub sessions: u32,
}

/// A session as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlineSession {
    pub session: SessionId,
    pub user: Arc<str>,
    pub address: SocketAddr,
    /// Milliseconds since 1970-01-01 UTC.
    pub since: u64,
}

/// A handle on the table. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    table: Arc<Mutex<Table>>,
    /// Notified when the last connection leaves while the server stops.
    emptied: Arc<Condvar>,
    cap: usize,
}

impl Connections {
    #[must_use]
    pub fn new(cap: usize, start: u32) -> Self {
        let table = Table {
            clients: HashMap::new(),
            people: BTreeMap::new(),
            online: 0,
            strangers: Strangers::new(cap),
            leaving: 0,
            next: session::first(start),
            stopping: false,
        };
        Self {
            table: Arc::new(Mutex::new(table)),
            emptied: Arc::default(),
            cap,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No code panics while it holds the lock; if one did, the table would still be whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a connection that was just accepted. Returns its number, and that of the stranger
    /// that has to go for it.
    ///
    /// # Errors
    /// [`Full::Cap`] when there is no room for one from this address.
    pub fn admit(
        &self,
        address: SocketAddr,
        socket: Arc<TcpStream>,
        now_ms: u64,
    ) -> Result<(SessionId, Option<SessionId>), Full> {
        let mut table = self.table();
        if table.stopping {
            return Err(Full::Stopping);
        }
        // The threads of those that leave are still there.
        if table.clients.len() >= self.cap + MAX_LEAVING {
            return Err(Full::Cap);
        }
        let is_full = table.clients.len() - table.leaving >= self.cap;
        let session = table.next + 1;
        let admitted = table
            .strangers
            .admit(session, address.ip(), is_full, Instant::now());
        let gone = admitted.map_err(|NoPlace| Full::Cap)?;
        let socket_of_gone = gone.and_then(|gone| table.send_away(gone));
        table.next = session;
        table.clients.insert(
            session,
            Client {
                address,
                socket,
                person: None,
                backpressure: None,
                since: now_ms,
                is_leaving: false,
            },
        );
        drop(table);
        wake(socket_of_gone.as_deref());
        Ok((session, gone))
    }

    /// A connection comes to another phase before its login, also back from one. Returns the
    /// stranger that has to go for it.
    ///
    /// # Errors
    /// [`Full::Cap`] when there is no room for one more in that phase from this address;
    /// [`Full::MadeRoom`] when the connection has to end.
    pub fn advance(&self, session: SessionId, to: Phase) -> Result<Option<SessionId>, Full> {
        let mut table = self.table();
        let client = table.clients.get(&session).filter(|one| !one.is_leaving);
        let address = client.ok_or(Full::MadeRoom)?.address.ip();
        let advanced = table
            .strangers
            .advance(session, address, to, Instant::now());
        let gone = advanced.map_err(|NoPlace| Full::Cap)?;
        let socket_of_gone = gone.and_then(|gone| table.send_away(gone));
        drop(table);
        wake(socket_of_gone.as_deref());
        Ok(gone)
    }

    /// A connection has proved whose it is. It makes room for nobody any more: what the journal
    /// does now spends a code or a token.
    ///
    /// # Errors
    /// [`Full::MadeRoom`] when it has to end all the same.
    pub fn proved(&self, session: SessionId) -> Result<(), Full> {
        let mut table = self.table();
        if table.clients.get(&session).is_none_or(|one| one.is_leaving) {
            return Err(Full::MadeRoom);
        }
        table.strangers.remove(session);
        Ok(())
    }

    /// Whether a connection was sent away for another: its stream then looks as if the peer had
    /// ended it.
    #[must_use]
    pub fn made_room(&self, session: SessionId) -> bool {
        let table = self.table();
        table
            .clients
            .get(&session)
            .is_some_and(|one| one.is_leaving)
    }

    /// A connection will be a session of an account: it has a place among these from now on, and nobody
    /// sees it before it has begun.
    ///
    /// # Errors
    /// [`Full::Cap`] when the account has [`MAX_SESSIONS`] already.
    pub fn log_in(
        &self,
        session: SessionId,
        person: &Person,
        backpressure: &Arc<Backpressure>,
    ) -> Result<(), Full> {
        let mut table = self.table();
        let table = &mut *table;
        if table.stopping {
            return Err(Full::Stopping);
        }
        let Some(client) = table.clients.get_mut(&session) else {
            return Err(Full::Stopping);
        };
        if client.is_leaving {
            return Err(Full::MadeRoom);
        }
        let entry = table.people.entry(key_of(person));
        let online = entry.or_insert_with(|| Online {
            user: Arc::clone(&person.user),
            coming: 0,
            sessions: Vec::with_capacity(1),
            since: 0,
        });
        if online.count() + online.coming >= MAX_SESSIONS {
            return Err(Full::Cap);
        }
        online.coming += 1;
        client.person = Some(person.clone());
        client.backpressure = Some(Arc::clone(backpressure));
        table.strangers.remove(session);
        Ok(())
    }

    /// The session of a connection that has logged in begins: its person is online. Called before the peer
    /// is told.
    pub fn begin(&self, session: SessionId, now_ms: u64) {
        let mut table = self.table();
        let table = &mut *table;
        let Some(client) = table.clients.get_mut(&session) else {
            return;
        };
        let key = client.person.as_ref().map(key_of);
        let Some(online) = key.and_then(|key| table.people.get_mut(&key)) else {
            return;
        };
        client.since = now_ms;
        if !online.is_online() {
            online.since = now_ms;
            table.online += 1;
        }
        online.coming -= 1;
        online.sessions.push(session);
    }

    pub fn remove(&self, session: SessionId) {
        let mut table = self.table();
        let Some(client) = table.clients.remove(&session) else {
            return;
        };
        if client.is_leaving {
            table.leaving -= 1;
        } else {
            table.strangers.remove(session);
        }
        let person = client.person;
        if table.stopping && table.clients.is_empty() {
            self.emptied.notify_all();
        }
        let Some(key) = person.as_ref().map(key_of) else {
            return;
        };
        let table = &mut *table;
        let Some(online) = table.people.get_mut(&key) else {
            return;
        };
        if let Some(place) = online.sessions.iter().position(|&one| one == session) {
            online.sessions.remove(place);
            table.online -= usize::from(!online.is_online());
        } else {
            online.coming -= 1;
        }
        if !online.is_online() && online.coming == 0 {
            table.people.remove(&key);
        }
    }

    /// At most `limit` people behind the name `after`, in the order of their names, and whether
    /// more follow.
    #[must_use]
    pub fn people(&self, after: Option<&str>, limit: usize) -> (Vec<message::OnlinePerson>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = after.map(str::to_ascii_lowercase);
        let from = after.map_or(Unbounded, Excluded);
        let table = self.table();
        let range = table.people.range::<String, _>((from, Unbounded));
        let mut range = range.filter(|(_, online)| online.is_online());
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

    /// Milliseconds since 1970-01-01 UTC; `None` of a person who is offline.
    #[must_use]
    pub fn online_since(&self, user: &UserName) -> Option<u64> {
        let table = self.table();
        let online = table.people.get(&user.lower());
        Some(online.filter(|online| online.is_online())?.since)
    }

    /// `None` of a connection without a session.
    #[must_use]
    pub fn standing(&self, session: SessionId) -> Option<Standing> {
        let table = self.table();
        let client = table.clients.get(&session)?;
        let online = table.people.get(&key_of(client.person.as_ref()?))?;
        online.sessions.contains(&session).then(|| Standing {
            address: client.address,
            since: client.since,
            sessions: online.count(),
        })
    }

    /// In the order of their numbers.
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

    /// All that have begun, in the order of their numbers; of one person, or of all.
    #[must_use]
    pub fn begun(&self, of: Option<&UserName>) -> Vec<OnlineSession> {
        let table = self.table();
        let of_person = |online: &Online, found: &mut Vec<OnlineSession>| {
            for &session in &online.sessions {
                if let Some(client) = table.clients.get(&session) {
                    found.push(OnlineSession {
                        session,
                        user: Arc::clone(&online.user),
                        address: client.address,
                        since: client.since,
                    });
                }
            }
        };
        let mut found = Vec::new();
        match of {
            Some(user) => {
                if let Some(online) = table.people.get(&user.lower()) {
                    of_person(online, &mut found);
                }
            }
            None => table
                .people
                .values()
                .for_each(|online| of_person(online, &mut found)),
        }
        drop(table);
        found.sort_unstable_by_key(|one| one.session);
        found
    }

    /// How many people are online, and how many connections there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let table = self.table();
        (table.online, table.clients.len())
    }

    #[must_use]
    pub const fn cap(&self) -> usize {
        self.cap
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.table().stopping
    }

    /// Admits no connection any more, and shuts down the reading of all: each connection's own
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
            // It fails only where the socket is closed already.
            let _ = socket.shutdown(Shutdown::Read);
            if let Some(backpressure) = backpressure {
                backpressure.stop();
            }
        }
    }
}

impl Connections {
    /// Waits until the last connection has left after [`Connections::stop`], and returns how many
    /// had not left in time.
    #[must_use]
    pub fn wait_empty(&self, at_most: Duration) -> usize {
        let waited = self
            .emptied
            .wait_timeout_while(self.table(), at_most, |t| !t.clients.is_empty());
        let (table, _) = waited.unwrap_or_else(PoisonError::into_inner);
        table.clients.len()
    }
}
