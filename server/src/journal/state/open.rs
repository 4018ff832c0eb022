//! What the journal is given, and what it reads before it takes the first job.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::JournalState;
use crate::audit::{Audit, Line, events};
use crate::boot;
use crate::clock::stamp;
use crate::delivery::Deliveries;
use crate::journal::chat_log::AuditedChat;
use crate::journal::commit::Deferred;
use crate::journal::index::Index;
use crate::journal::job::RoomLimits;
use crate::journal::room::RoomState;
use crate::journal::rooms::Rooms;
use crate::journal::sessions::Sessions;
use crate::journal::write_behind::WriteBehind;
use crate::space::Space;
use crate::store::{Commit, Durability, LOBBY, Store, StoreError, Tx};
use crate::totp_seal::SealingKey;

/// Stands for this boot where the system gives it no id.
const UNKNOWN_BOOT: &str = "unknown";

const CUT_OFF: &str = "the machine ended while the server ran, which may have lost the last \
    messages (durability = \"normal\"); clients discard what is gone";

const FROM_COPY: &str = "the database is a copy that was put back, as of the moment when it was \
    made; clients discard what they hold";

pub struct Parts {
    /// The journal becomes its only writer.
    pub store: Store,
    pub chat: AuditedChat,
    pub audit: Audit,
    pub deliveries: Deliveries,
    pub seal: Arc<SealingKey>,
    /// Without it no message, login or room action is committed.
    pub space: Space,
    pub room_limits: RoomLimits,
}

struct Begun {
    history_id: [u8; 16],
    predecessor: Option<[u8; 16]>,
    lobby: RoomState,
    /// The highest row number that a message was given.
    kept: u64,
    /// The last run ended with a crash or power cut of the machine, and may have lost its last
    /// commits.
    cut_off: bool,
    is_from_copy: bool,
    unindexed: bool,
}

impl Begun {
    /// Must be committed before the first message is: unless the server is shut down cleanly, the
    /// next start finds the mark of this run. `shown` is the highest row in chat.log.
    fn new(tx: &Tx<'_>, shown: u64, durability: Durability) -> Result<Self, StoreError> {
        let kept = tx.last_row()?;
        let boot = boot::id();
        let left = tx.running_boot()?;
        // Without an id of the boot, it may be another than the last run's.
        let cut_off = left.is_some() && (boot.is_none() || left != boot);
        if shown > kept {
            tx.skip_rows(shown)?;
        }
        let is_from_copy = tx.begin_from_copy()?;
        if !is_from_copy && (shown > kept || cut_off) {
            // A power cut or an older copy: clients show messages that are gone, of which chat.log
            // may have lost the lines as well. They must discard them, since the numbers will be
            // given to other messages; what is left is the same as it was.
            tx.continue_history()?;
        }
        let mark = match durability {
            Durability::Normal => Some(boot.as_deref().unwrap_or(UNKNOWN_BOOT)),
            // This run's commits survive a power cut, and the first of them secures the last run's.
            Durability::Full => None,
        };
        // A mark that is there already is not written again, so that a full disk does not keep the
        // server from starting.
        if left.as_deref() != mark {
            tx.set_running_boot(mark)?;
        }
        let lobby = RoomState::load(tx, LOBBY, stamp())?;
        Ok(Self {
            history_id: tx.history_id()?,
            predecessor: tx.predecessor()?,
            lobby: lobby.ok_or(StoreError::Missing)?,
            kept,
            cut_off,
            is_from_copy,
            unindexed: tx.is_index_behind()?,
        })
    }
}

impl JournalState {
    /// Commits [`Begun`], reads the lobby, and adds to chat.log what it lacks.
    pub(in crate::journal) fn open(parts: Parts) -> Result<Self, StoreError> {
        let Parts {
            mut store,
            chat,
            audit,
            deliveries,
            seal,
            space,
            room_limits,
        } = parts;
        let shown = chat.shown();
        let durability = store.durability();
        let begun = store.transaction(Commit::Synced, |tx| Begun::new(tx, shown, durability))?;
        let Begun {
            history_id,
            predecessor,
            lobby,
            kept,
            cut_off,
            is_from_copy,
            unindexed,
        } = begun;
        if shown > kept {
            let line = Line::of(&events::HISTORY_SHORTENED).with("logged_row", shown);
            audit.log(line.with("kept_row", kept));
        } else if cut_off {
            audit.log(Line::of(&events::HISTORY_RENEWED).with("why", CUT_OFF));
        } else if is_from_copy {
            audit.log(Line::of(&events::HISTORY_RENEWED).with("why", FROM_COPY));
        }
        let mut rooms = Rooms::default();
        rooms.insert(LOBBY, lobby);
        let mut state = Self {
            store,
            chat,
            audit,
            deliveries,
            seal,
            space,
            history_id,
            predecessor,
            short_of: None,
            failures: HashMap::new(),
            recent: BTreeMap::new(),
            last_row: kept.max(shown),
            next_try: Instant::now(),
            next_catch_up: Instant::now(),
            room_limits,
            rooms,
            sessions: Sessions::default(),
            write_behind: WriteBehind::default(),
            index: Index::new(unindexed, Instant::now()),
            deferred: Deferred::default(),
            next_sync: Instant::now(),
        };
        state.catch_up();
        state.look_at_space();
        Ok(state)
    }
}
