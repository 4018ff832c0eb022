//! Reading beside the journal: pages of history and searches for sessions, accounts and tokens for
//! logins.
//!
//! Nobody here waits for the journal, nor the journal for them. Pages are read by two threads with
//! a connection to the database each, and a session has one in flight: what SQLite touches of a
//! stack would stay with every session's own. Searches have a thread to themselves: one that finds
//! nothing may take long to know it, and nobody's page waits for that. A login's thread is used by many one after another,
//! so it reads by itself, on one of a few connections that are kept for logins: no page keeps
//! anybody out.

mod pages;
mod refusal;
mod search;

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use chatbox_common::auth::recovery::RECOVERY_CODES;
use chatbox_common::auth::scram::{Iterations, Verifier};
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use chatbox_common::wire::message::{
    AccountId, ErrorCode, History, Members, RequestId, Rooms, Search,
};
use subtle::Choice;

use self::refusal::refusal;
use crate::clock::stamp;
use crate::delivery::{Backpressure, Deliveries};
use crate::event::SessionId;
use crate::store::{
    self, Account, Credentials, Reader, RecoveryHash, Snapshot, SqlLog, Status, StoreError,
    TokenId, Words,
};
use crate::threads;
use crate::totp_seal::SealingKey;

/// Threads for pages, each with a connection to the database.
const THREADS: usize = 2;
/// Pages that may wait; whoever asks then waits too.
const QUEUE: usize = 256;

/// Somebody who tries to log in, as the database knows them, or made up for a name it does not
/// know: the same was done for both.
pub struct Candidate {
    /// Whether there is such an account.
    pub exists: Choice,
    /// Number of the account.
    pub account: AccountId,
    /// Its name as it was registered; of nobody, the name that was said.
    pub user: UserName,
    /// The password's verifier.
    pub verifier: Verifier,
    /// The second factor.
    pub totp: TotpSecret,
    /// The last step that was spent.
    pub last_step: u64,
    /// Wrong codes after a right password since the last login.
    pub wrong_codes: u32,
    /// The recovery codes that are left, hashed.
    pub recovery: Vec<RecoveryHash>,
    /// Whether the account may log in.
    pub enabled: Choice,
    /// What all this is of the account at this moment.
    pub judged_by: Credentials,
}

/// What an unknown name is compared with. Made anew at each start, and never shown: nobody can
/// learn it.
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
                failed_codes: 0,
                status: Status::Active,
                role: store::Role::Member,
            },
            recovery: recovery.expose().as_chunks().0.to_vec(),
        }
    }
}

/// Why a look-up for a login failed. The peer is told nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the database holds of the account is damaged.
    #[error("account {0} is damaged in the database: {1}")]
    Damaged(AccountId, String),
}

/// A page asked for by a session.
pub struct PageRequest {
    /// Which session.
    pub session: SessionId,
    /// Whose.
    pub account: AccountId,
    /// Gives the one page in flight back.
    pub backpressure: Arc<Backpressure>,
    /// What is asked.
    pub query: Query,
}

/// What a page is asked of.
pub enum Query {
    /// A room's messages.
    History(History),
    /// The rooms there are.
    Rooms(Rooms),
    /// The members of a room.
    Members(Members),
    /// What is known of somebody.
    Whois {
        /// Number of the request.
        request: RequestId,
        /// Who.
        user: UserName,
        /// Since when they are online, if they are.
        online_since: Option<u64>,
    },
    /// The messages with some words.
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

    /// What is answered where there is no such thing, or it is not the asker's to know.
    const fn nothing(&self) -> (ErrorCode, &'static str) {
        match self {
            Self::History(_) | Self::Rooms(_) | Self::Members(_) | Self::Search(_) => {
                (ErrorCode::UnknownRoom, "there is no such room")
            }
            Self::Whois { .. } => (ErrorCode::UnknownUser, "there is nobody of this name"),
        }
    }
}

/// The connections for logins: whoever finds the first in use waits for the second.
struct Pair {
    readers: [Mutex<Reader>; 2],
}

impl Pair {
    fn read<T>(
        &self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let [one, other] = &self.readers;
        // A transaction that was left by a panic has been rolled back.
        let mut reader = match one.try_lock() {
            Ok(reader) => reader,
            Err(_) => other.lock().unwrap_or_else(PoisonError::into_inner),
        };
        reader.read(work)
    }
}

/// The way to the readers. Cheap to clone.
#[derive(Clone)]
pub struct Readers {
    pages: SyncSender<PageRequest>,
    searches: SyncSender<PageRequest>,
    logins: Arc<Pair>,
    seal: Arc<SealingKey>,
    decoy: Arc<Decoy>,
}

impl Readers {
    /// Opens the connections and starts the threads, which end when the last handle is dropped.
    ///
    /// # Errors
    /// When the database can't be opened or a thread not be started.
    pub fn start(
        directory: &Path,
        log: &SqlLog,
        deliveries: &Deliveries,
        seal: &Arc<SealingKey>,
        iterations: Iterations,
    ) -> Result<Self, StartError> {
        let start = |name: String, receiver: &Arc<Mutex<Receiver<PageRequest>>>| {
            let worker = Worker {
                reader: Reader::open(directory, log.clone())?,
                words: Words::new()?,
                deliveries: deliveries.clone(),
            };
            let receiver = Arc::clone(receiver);
            threads::spawn(name, move || worker.run(&receiver))?;
            Ok::<_, StartError>(())
        };
        let (pages, receiver) = mpsc::sync_channel(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..THREADS {
            start(format!("reader-{n}"), &receiver)?;
        }
        let (searches, receiver) = mpsc::sync_channel(QUEUE);
        start("searcher".to_owned(), &Arc::new(Mutex::new(receiver)))?;
        let reader = || Reader::open(directory, log.clone()).map(Mutex::new);
        Ok(Self {
            pages,
            searches,
            logins: Arc::new(Pair {
                readers: [reader()?, reader()?],
            }),
            seal: Arc::clone(seal),
            decoy: Arc::new(Decoy::new(iterations, seal)),
        })
    }

    /// The account of a name, as a login needs it; for a name without one, what passes for it.
    /// The verifier's salt is the name's own only where the account exists.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn candidate(&self, user: &UserName) -> Result<Candidate, LookUpError> {
        // Both the account and the decoy are read and unsealed, whichever it is to be.
        let decoy = &*self.decoy;
        let (account, recovery) = self.logins.read(|snapshot| {
            let account = snapshot.account(user)?;
            let id = account
                .as_ref()
                .map_or(decoy.account.id, |account| account.id);
            Ok((account, snapshot.recovery_codes(id)?))
        })?;
        let exists = account.is_some();
        let account = account.as_ref().unwrap_or(&decoy.account);
        let found = unseal(&self.seal, account, recovery, exists);
        let codes = decoy.recovery.clone();
        let decoy = unseal(&self.seal, &decoy.account, codes, false).map(|decoy| Candidate {
            user: user.clone(),
            ..decoy
        });
        match found {
            Err(error) => {
                // To the peer there is no such account; the operator is told.
                log::error!("{error}");
                decoy
            }
            Ok(known) if exists => Ok(known),
            Ok(_) => decoy,
        }
    }

    /// Whether a name, or one that looks like it, is somebody's.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn is_taken(&self, user: &UserName) -> Result<bool, LookUpError> {
        Ok(self.logins.read(|snapshot| snapshot.is_taken(user))?)
    }

    /// The stored form of a resume token that has not expired.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn token(&self, id: &TokenId) -> Result<Option<[u8; 32]>, LookUpError> {
        let now = stamp();
        let found = self
            .logins
            .read(|snapshot| snapshot.resume_token(id, now))?;
        Ok(found.map(|token| *token.hash.expose()))
    }

    /// Reads a page; the answer goes to the session. The caller has claimed the session's one
    /// page in flight, which is given back here.
    pub fn page(&self, request: PageRequest) {
        let queue = match request.query {
            Query::Search(_) => &self.searches,
            Query::History(_) | Query::Rooms(_) | Query::Members(_) | Query::Whois { .. } => {
                &self.pages
            }
        };
        if queue.send(request).is_err() {
            log::error!("the readers have ended; a page is lost");
        }
    }
}

/// Why the readers did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread.
    #[error("a reader's thread could not be started: {0}")]
    Thread(#[from] io::Error),
}

struct Worker {
    reader: Reader,
    words: Words,
    deliveries: Deliveries,
}

impl Worker {
    fn run(mut self, receiver: &Mutex<Receiver<PageRequest>>) {
        loop {
            let request = receiver
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            let Ok(request) = request else { return };
            self.page(&request);
        }
    }

    fn page(&mut self, request: &PageRequest) {
        let words = &self.words;
        let read = self.reader.read(|snapshot| match &request.query {
            Query::History(asked) => pages::history(snapshot, request.account, asked),
            Query::Rooms(asked) => pages::rooms(snapshot, request.account, asked).map(Some),
            Query::Members(asked) => pages::members(snapshot, request.account, asked),
            Query::Whois {
                request,
                user,
                online_since,
            } => pages::profile(snapshot, *request, user, *online_since),
            Query::Search(asked) => search::search(snapshot, words, request.account, asked),
        });
        let number = request.query.request();
        let message = match read {
            Ok(Some(page)) => page,
            Ok(None) => {
                let (code, sentence) = request.query.nothing();
                refusal(number, code, sentence)
            }
            Err(error) => {
                log::error!("a page could not be read: {error}");
                let sentence = "that can't be read just now";
                refusal(number, ErrorCode::Unavailable, sentence)
            }
        };
        request.backpressure.end_page();
        self.deliveries
            .reply(request.session, &request.backpressure, &message);
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
        account: id,
        user: account.user.clone(),
        verifier: verifier.map_err(|error| damaged(error.to_string()))?,
        totp: TotpSecret::new(totp.map_err(|error| damaged(error.to_string()))?),
        last_step: account.last_step,
        wrong_codes: u32::try_from(account.failed_codes).unwrap_or(u32::MAX),
        recovery,
        enabled: Choice::from(u8::from(account.status == Status::Active)),
        judged_by: account.credentials(),
    })
}
