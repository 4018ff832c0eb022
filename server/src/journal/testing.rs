//! What tests begin with: the journal's state or its thread, with a database, log files and a
//! delivery thread of its own.

use std::path::Path;
use std::sync::Arc;

use chatbox_common::secret::Secret;
use chatbox_common::wire::message::{AccountId, Capabilities, Kind, RoomId, RoomRole};
use tempfile::TempDir;

use super::chat_log::AuditedChat;
use super::handle::Journal;
use super::job::{Post, RoomLimits};
use super::room::RoomState;
use super::sessions::SessionState;
use super::start::start;
use super::state::JournalState;
use super::state::open::Parts;
use crate::audit::Audit;
use crate::delivery::Deliveries;
use crate::event::{Person, SessionId};
use crate::space::Space;
use crate::store::testing::account;
use crate::store::{Commit, Durability, LOBBY, SqlLog, Store};
use crate::totp_seal::SealingKey;

/// Owns Alice's account, with which each test begins: she is a member of the lobby.
fn alice(account: AccountId) -> Person {
    Person {
        account,
        user: "alice".into(),
        is_admin: false,
    }
}

/// `min_free` as in [`Space::watch`].
fn parts(dir: &Path, audit: &Audit, min_free: u64, log: SqlLog) -> (Parts, Person) {
    let mut store = Store::open(dir, Durability::Normal, log).unwrap();
    let account = account(&mut store, "alice");
    let joined = store.transaction(Commit::Usual, |tx| {
        tx.join(LOBBY, account, RoomRole::Member, 1, 0)
    });
    joined.unwrap();
    let (chat, _) = AuditedChat::open(dir, 0).unwrap();
    let (deliveries, _threads) = Deliveries::start(1, 64 * 1024, 1 << 20).unwrap();
    let parts = Parts {
        store,
        chat,
        audit: audit.clone(),
        deliveries,
        seal: Arc::new(SealingKey::new(1, Secret::new([7; 32]))),
        space: Space::watch(min_free, &[dir]).unwrap(),
        room_limits: RoomLimits {
            rooms: 100,
            rooms_per_person: 10,
        },
    };
    (parts, alice(account))
}

pub(crate) struct RunningJournal {
    /// With the database and the log files.
    pub(crate) directory: TempDir,
    pub(crate) audit: Audit,
    pub(crate) journal: Journal,
    pub(crate) alice: Person,
}

impl RunningJournal {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::start(directory.path()).unwrap();
        let (parts, alice) = parts(directory.path(), &audit, 0, SqlLog::new(|_| ()));
        let (journal, _thread) = start(parts).unwrap();
        Self {
            directory,
            audit,
            journal,
            alice,
        }
    }
}

pub(super) struct TestJournal {
    /// With the database and the log files.
    pub(super) directory: TempDir,
    pub(super) state: JournalState,
}

fn in_the_lobby(person: Person) -> SessionState {
    SessionState {
        person,
        address: "192.0.2.7:4000".parse().unwrap(),
        capabilities: Capabilities::NONE,
        rooms: vec![LOBBY],
        token: [0; 16],
        is_logged_out: false,
    }
}

/// Of a member of the lobby; it has no socket.
pub(super) const ALICES_SESSION: SessionId = 1;

impl TestJournal {
    /// `min_free` as in [`Space::watch`].
    pub(super) fn open(min_free: u64) -> Self {
        Self::open_logged(min_free, SqlLog::new(|_| ()))
    }

    /// `log` is told of each transaction.
    pub(super) fn open_logged(min_free: u64, log: SqlLog) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::start(directory.path()).unwrap();
        let (parts, person) = parts(directory.path(), &audit, min_free, log);
        let mut state = JournalState::open(parts).unwrap();
        state
            .sessions_mut()
            .begin(ALICES_SESSION, in_the_lobby(person));
        Self { directory, state }
    }

    /// Another of Alice's.
    pub(super) fn begin_session(&mut self, number: SessionId) {
        let person = self.state.sessions().get(ALICES_SESSION).unwrap();
        let session = in_the_lobby(person.person.clone());
        self.state.sessions_mut().begin(number, session);
    }

    /// The lobby under another number.
    pub(super) fn take_in_room(&mut self, id: RoomId) {
        let room = self.state.write(|tx| RoomState::load(tx, LOBBY, 0));
        self.state.take_in(id, room.unwrap().unwrap());
    }
}

/// Alice's message to the lobby whose id ends in `n`.
pub(super) fn post(n: u8, text: &str) -> Post {
    let mut id = [0; 16];
    id[15] = n;
    Post {
        session: ALICES_SESSION,
        backpressure: Arc::default(),
        request: u32::from(n),
        room: LOBBY,
        id,
        text: text.to_owned(),
        kind: Kind::Text,
    }
}
