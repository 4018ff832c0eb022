//! What the tests of the journal's thread begin with: its state, with a database, log files and a
//! delivery thread of its own.

use std::sync::Arc;

use chatbox_common::secret::Secret;
use chatbox_common::wire::message::{Capabilities, Kind, RoomId, RoomRole};
use tempfile::TempDir;

use super::chat_log::AuditedChat;
use super::job::{Post, RoomLimits};
use super::room::RoomState;
use super::sessions::SessionState;
use super::state::JournalState;
use super::state::open::Parts;
use crate::audit::Audit;
use crate::delivery::Deliveries;
use crate::event::{Person, SessionId};
use crate::space::Space;
use crate::store::testing::account;
use crate::store::{Commit, Durability, LOBBY, SqlLog, Store};
use crate::totp_seal::SealingKey;

pub(super) struct TestJournal {
    /// With the database and the log files.
    pub(super) directory: TempDir,
    pub(super) state: JournalState,
}

/// Of a member of the lobby; it has no socket.
pub(super) const ALICES_SESSION: SessionId = 1;

impl TestJournal {
    /// `min_free` as in [`Space::watch`].
    pub(super) fn open(min_free: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path();
        let mut store = Store::open(dir, Durability::Normal, SqlLog::new(|_| ())).unwrap();
        let alice = account(&mut store, "alice");
        let joined = store.transaction(Commit::Usual, |tx| {
            tx.join(LOBBY, alice, RoomRole::Member, 1, 0)
        });
        joined.unwrap();
        let (chat, _) = AuditedChat::open(dir, 0).unwrap();
        let (deliveries, _threads) = Deliveries::start(1, 64 * 1024, 1 << 20).unwrap();
        let mut state = JournalState::open(Parts {
            store,
            chat,
            audit: Audit::start(dir).unwrap(),
            deliveries,
            seal: Arc::new(SealingKey::new(1, Secret::new([7; 32]))),
            space: Space::watch(min_free, &[dir]).unwrap(),
            room_limits: RoomLimits {
                rooms: 100,
                rooms_per_person: 10,
            },
        })
        .unwrap();
        let person = Person {
            account: alice,
            user: "alice".into(),
            is_admin: false,
        };
        state.sessions_mut().begin(
            ALICES_SESSION,
            SessionState {
                person,
                address: "192.0.2.7:4000".parse().unwrap(),
                capabilities: Capabilities::NONE,
                rooms: vec![LOBBY],
                is_logged_out: false,
            },
        );
        Self { directory, state }
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
