//! Reads beside the journal: pages of history and searches for sessions, accounts and tokens for
//! logins. Neither waits for the other.
//!
//! Two threads, each with a connection to the database, read pages; a session has one page in
//! flight, and of an account one is read at a time. A session's own thread does not read: what SQLite touches of a stack would stay with
//! each of them. Searches have a thread to themselves, because one that finds nothing may take
//! long, and no page waits for it; what takes too long is ended. A login's thread serves many logins one after another, so it
//! reads by itself, on one of a few connections kept for logins: no page delays a login.

mod cpu_time;
mod pages;
mod queue;
mod refusal;
mod search;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chatbox_common::auth::recovery::RECOVERY_CODES;
use chatbox_common::auth::scram::{Iterations, Verifier};
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use chatbox_common::wire::message::{
    AccountId, ErrorCode, History, Members, RequestId, Rooms, Search,
};
use subtle::Choice;

use self::cpu_time::cpu_time;
use self::queue::ReadQueue;
use self::refusal::refusal;
use crate::account_budget::AccountBudgets;
use crate::audit::Seldom;
use crate::clock::stamp;
use crate::delivery::{Backpressure, Deliveries};
use crate::event::SessionId;
use crate::prices;
use crate::store::{
    self, Account, Credentials, Reader, RecoveryHash, Snapshot, SqlLog, Status, StoreError, TokenId,
};
use crate::threads;
use crate::totp_seal::SealingKey;

/// For pages, each with a connection to the database.
const THREADS: usize = 2;
/// Accounts whose pages may wait, and as many whose searches may; the next one is told to come back.
const QUEUE: usize = 1_024;

/// To who asks for what can't be read any more.
const DAMAGED: &str = "the server can't read that: its database is damaged; tell its operator";

/// The account of a login's name as the database has it, or, for a name it does not know, the
/// decoy: the same was read and unsealed for both.
pub struct Candidate {
    pub exists: Choice,
    /// There is an account of the name, and what the database has of it can't be used: the decoy
    /// stands in its place. For the log alone.
    pub is_unreadable: bool,
    pub account: AccountId,
    /// As it was registered; of an unknown name, as it was typed.
    pub user: UserName,
    pub verifier: Verifier,
    pub totp: TotpSecret,
    /// The last TOTP step that was spent: a code is good once (RFC 6238, section 5.2).
    pub last_step: u64,
    /// Those that were spent while the clock ran ahead.
    pub ahead: Option<(u64, u64)>,
    pub wrong_codes: u32,
    /// Those that were not spent.
    pub recovery: Vec<RecoveryHash>,
    /// False of a disabled account.
    pub enabled: Choice,
    /// The account's credentials as they were read: the journal refuses the login if they have
    /// changed by then.
    pub judged_by: Credentials,
}

/// What an unknown name is compared with. Made anew at each start, so that nobody can learn it.
struct Decoy {
    account: Account,
    recovery: Vec<RecoveryHash>,
}

impl Decoy {
    fn new(iterations: Iterations, seal: &SealingKey) -> Self {
        let verifier = Verifier {
            iterations,
            salt: *Secret::random().expose(),
            stored_key: Secret::random(),
            server_key: Secret::random(),
        };
        let sealed = seal.seal(AccountId(0), &Secret::random());
        let recovery = Secret::<{ 32 * RECOVERY_CODES }>::random();
        Self {
            account: Account {
                id: AccountId(0),
                user: UserName::nobody(),
                verifier: verifier.to_text(),
                sealed_totp: sealed.map(Vec::from).unwrap_or_default(),
                last_step: 0,
                ahead: None,
                failed_codes: 0,
                status: Status::Active,
                role: store::Role::Member,
            },
            recovery: recovery.expose().as_chunks().0.to_vec(),
        }
    }
}

/// Why a look-up for a login failed; for the log, not for the peer.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("account {0} is damaged in the database: {1}")]
    Damaged(AccountId, String),
}

/// What a session asks of the readers.
pub struct PageRequest {
    pub session: SessionId,
    pub account: AccountId,
    /// Counts the session's one page in flight.
    pub backpressure: Arc<Backpressure>,
    pub query: Query,
}

pub enum Query {
    History(History),
    Rooms(Rooms),
    Members(Members),
    Whois {
        request: RequestId,
        user: UserName,
        /// Milliseconds since 1970-01-01 UTC; `None` of a person who is offline.
        online_since: Option<u64>,
    },
    Search(Search),
}

impl Query {
    const fn request(&self) -> RequestId {
        match self {
            Self::History(asked) => asked.request,
            Self::Rooms(asked) => asked.request,
            Self::Members(asked) => asked.request,
            Self::Whois { request, .. } => *request,
            Self::Search(asked) => asked.request,
        }
    }

    /// Its work is not bounded by what it brings: the account pays for what it took.
    const fn costs_time(&self) -> bool {
        match self {
            Self::Rooms(_) | Self::Search(_) => true,
            Self::History(_) | Self::Members(_) | Self::Whois { .. } => false,
        }
    }

    /// The answer where there is no such thing, and the same where the asker may not see it.
    const fn nothing(&self) -> (ErrorCode, &'static str) {
        match self {
            Self::History(_) | Self::Rooms(_) | Self::Members(_) | Self::Search(_) => {
                (ErrorCode::UnknownRoom, "there is no such room")
            }
            Self::Whois { .. } => (ErrorCode::UnknownUser, "there is nobody of this name"),
        }
    }
}

/// Connections for logins: a login that finds the first in use waits for the second.
struct Pair {
    readers: [Mutex<Reader>; 2],
}

impl Pair {
    fn read<T>(
        &self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let [one, other] = &self.readers;
        // A transaction that a panic left has been rolled back.
        let mut reader = match one.try_lock() {
            Ok(reader) => reader,
            Err(_) => other.lock().unwrap_or_else(PoisonError::into_inner),
        };
        reader.read(work)
    }
}

/// The queue has no room for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// The threads end when it is dropped.
pub struct Readers {
    pages: Arc<ReadQueue<PageRequest>>,
    searches: Arc<ReadQueue<PageRequest>>,
    logins: Pair,
    seal: Arc<SealingKey>,
    decoy: Decoy,
    /// Of accounts that can't be used: anybody may name them.
    damaged: Seldom,
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.pages.close();
        self.searches.close();
    }
}

impl Readers {
    /// Opens the connections and starts the threads.
    pub fn start(
        directory: &Path,
        log: &SqlLog,
        deliveries: &Deliveries,
        budgets: &AccountBudgets,
        seal: &Arc<SealingKey>,
        iterations: Iterations,
    ) -> Result<Self, StartError> {
        let start = |name: String, queue: &Arc<ReadQueue<PageRequest>>| {
            let worker = Worker {
                reader: Reader::open(directory, log.clone())?,
                deliveries: deliveries.clone(),
                budgets: budgets.clone(),
                unread: Seldom::default(),
                most_time: search::MOST_TIME,
            };
            let queue = Arc::clone(queue);
            threads::spawn(name, move || worker.run(&queue))?;
            Ok::<_, StartError>(())
        };
        let queue = || Arc::new(ReadQueue::new(QUEUE));
        let (pages, searches) = (queue(), queue());
        for n in 0..THREADS {
            start(format!("reader-{n}"), &pages)?;
        }
        start("searcher".to_owned(), &searches)?;
        let reader = || Reader::open(directory, log.clone()).map(Mutex::new);
        Ok(Self {
            pages,
            searches,
            logins: Pair {
                readers: [reader()?, reader()?],
            },
            seal: Arc::clone(seal),
            decoy: Decoy::new(iterations, seal),
            damaged: Seldom::default(),
        })
    }

    /// The account of a name, or the decoy for a name without one. The verifier's salt is the
    /// name's own only where the account exists.
    pub fn candidate(&self, user: &UserName) -> Result<Candidate, LookUpError> {
        // An account is read and unsealed, and the decoy is as well, whichever is used: the time must
        // not tell.
        let decoy = &self.decoy;
        let (read, recovery) = self.logins.read(|snapshot| {
            let read = snapshot.account_or_first(user)?;
            let id = read
                .as_ref()
                .map_or(decoy.account.id, |(account, _)| account.id);
            Ok((read, snapshot.recovery_codes(id)?))
        })?;
        let exists = read.as_ref().is_some_and(|(_, exists)| *exists);
        let account = read.as_ref().map_or(&decoy.account, |(account, _)| account);
        let found = unseal(&self.seal, account, recovery, exists);
        let codes = decoy.recovery.clone();
        let decoy = unseal(&self.seal, &decoy.account, codes, false).map(|decoy| Candidate {
            user: user.clone(),
            ..decoy
        });
        match found {
            Err(error) if exists => {
                // The peer is answered as if there were no such account; the operator is told.
                if self.damaged.is_time(Instant::now()) {
                    log::error!("{error}");
                }
                decoy.map(|decoy| Candidate {
                    is_unreadable: true,
                    user: account.user.clone(),
                    ..decoy
                })
            }
            Ok(known) if exists => Ok(known),
            Ok(_) | Err(_) => decoy,
        }
    }

    /// Whether an account has the name, or one that looks like it.
    pub fn is_taken(&self, user: &UserName) -> Result<bool, LookUpError> {
        Ok(self.logins.read(|snapshot| snapshot.is_taken(user))?)
    }

    /// The account of a resume token that has not expired, and what is stored of it.
    pub fn token(&self, id: &TokenId) -> Result<Option<(AccountId, [u8; 32])>, LookUpError> {
        let now = stamp();
        let found = self
            .logins
            .read(|snapshot| snapshot.resume_token(id, now))?;
        Ok(found.map(|token| (token.account, *token.hash.expose())))
    }

    /// How many rooms an account is in, of hidden ones half.
    pub fn count_rooms_of(&self, account: AccountId) -> Result<u64, LookUpError> {
        let count = |snapshot: &Snapshot<'_>| snapshot.count_memberships_of(account);
        Ok(self.logins.read(count)?)
    }

    /// Queues a page; the answer goes to the session. The caller has claimed the session's one page
    /// in flight, which the reader's thread gives back.
    ///
    /// # Errors
    /// [`TooMany`] where it will not be read; the page in flight was given back.
    pub fn page(&self, request: PageRequest) -> Result<(), TooMany> {
        let queue = match request.query {
            Query::Search(_) => &self.searches,
            Query::History(_) | Query::Rooms(_) | Query::Members(_) | Query::Whois { .. } => {
                &self.pages
            }
        };
        let backpressure = Arc::clone(&request.backpressure);
        if queue.put(request.account, request) {
            return Ok(());
        }
        backpressure.end_page();
        Err(TooMany)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a reader's thread could not be started: {0}")]
    Thread(#[from] io::Error),
}

struct Worker {
    reader: Reader,
    deliveries: Deliveries,
    budgets: AccountBudgets,
    unread: Seldom,
    /// For a search.
    most_time: Duration,
}

impl Worker {
    fn run(mut self, queue: &ReadQueue<PageRequest>) {
        while let Some(turn) = queue.take() {
            // The session has ended meanwhile.
            if !turn.asked.backpressure.is_closed() {
                self.page(&turn.asked);
            }
        }
    }

    fn page(&mut self, request: &PageRequest) {
        let begun = cpu_time();
        let read = self
            .reader
            .read_within(search::is_over(self.most_time), |snapshot| {
                match &request.query {
                    Query::History(asked) => pages::history(snapshot, request.account, asked),
                    Query::Rooms(asked) => pages::rooms(snapshot, request.account, asked).map(Some),
                    Query::Members(asked) => pages::members(snapshot, request.account, asked),
                    Query::Whois {
                        request,
                        user,
                        online_since,
                    } => pages::profile(snapshot, *request, user, *online_since),
                    Query::Search(asked) => search::search(snapshot, request.account, asked),
                }
            });
        if request.query.costs_time() {
            // Not the session's debt, which would be forgotten with it.
            let units = prices::for_time(cpu_time().saturating_sub(begun));
            let now = Instant::now();
            let _ = self.budgets.of(request.account, now).charge(units, now);
        }
        let number = request.query.request();
        let message = match read {
            Ok(Some(page)) => page,
            Ok(None) => {
                let (code, sentence) = request.query.nothing();
                refusal(number, code, sentence)
            }
            Err(error) => {
                if self.unread.is_time(Instant::now()) {
                    log::error!("a page could not be read: {error}");
                }
                let sentence = if error.is_damage() {
                    DAMAGED
                } else {
                    "that can't be read just now"
                };
                refusal(number, ErrorCode::Unavailable, sentence)
            }
        };
        let backpressure = &request.backpressure;
        backpressure.end_page();
        let bytes = self
            .deliveries
            .reply(request.session, backpressure, &message);
        backpressure.owe(bytes);
    }
}

fn unseal(
    seal: &SealingKey,
    account: &Account,
    recovery: Vec<RecoveryHash>,
    exists: bool,
) -> Result<Candidate, LookUpError> {
    let id = account.id;
    let damaged = |why: String| LookUpError::Damaged(id, why);
    let verifier = Verifier::parse(account.verifier.expose());
    let totp = seal.open(id, &account.sealed_totp);
    Ok(Candidate {
        exists: Choice::from(u8::from(exists)),
        is_unreadable: false,
        account: id,
        user: account.user.clone(),
        verifier: verifier.map_err(|error| damaged(error.to_string()))?,
        totp: TotpSecret::new(totp.map_err(|error| damaged(error.to_string()))?),
        last_step: account.last_step,
        ahead: account.ahead,
        wrong_codes: u32::try_from(account.failed_codes).unwrap_or(u32::MAX),
        recovery,
        enabled: Choice::from(u8::from(account.status == Status::Active)),
        judged_by: account.credentials(),
    })
}
