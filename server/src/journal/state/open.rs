//! What the journal is given, and what it reads before it takes the first job.

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
use crate::store::{Commit, Durability, LOBBY, Store, StoreError, Tx};
use crate::totp_seal::SealingKey;

/// In place of a boot that the system has no name for.
const UNKNOWN_BOOT: &str = "unknown";

/// What an operator is told of a machine that ended while the server ran.
const CUT_OFF: &str = "the machine ended while the server ran, which may have lost the last \
    messages (durability = \"normal\"); clients fetch the history anew";

/// What the journal is made of.
pub struct Parts {
    /// The database, whose only writer the journal becomes.
    pub store: Store,
    /// chat.log.
    pub chat: AuditedChat,
    /// The other audit files.
    pub audit: Audit,
    /// The senders.
    pub deliveries: Deliveries,
    /// Seals TOTP secrets at rest.
    pub seal: Arc<SealingKey>,
    /// Below so many free bytes nothing is written.
    pub min_free: u64,
    /// How many rooms there may be.
    pub room_limits: RoomLimits,
}

/// What the first transaction found and decided.
struct Begun {
    history_id: [u8; 16],
    lobby: RoomState,
    /// The last message's row.
    kept: u64,
    /// The last run ended with the machine, and may have lost its last commits.
    cut_off: bool,
    unindexed: bool,
}

impl Begun {
    /// Must be committed before the first message is: until the server ends well, the next start
    /// finds the mark of this one.
    fn new(tx: &Tx<'_>, shown: u64, durability: Durability) -> Result<Self, StoreError> {
        let kept = tx.last_row()?;
        let boot = boot::id();
        let left = tx.running_boot()?;
        // Where the system does not tell its boots apart, each may be another.
        let cut_off = left.is_some() && (boot.is_none() || left != boot);
        if shown > kept {
            tx.skip_rows(shown)?;
        }
        if shown > kept || cut_off {
            // A power cut or an older copy: people saw messages that are gone, and chat.log may
            // have lost as much. Their clients must forget them, since the numbers will come
            // again with other texts.
            tx.renew_history_id()?;
        }
        let mark = match durability {
            Durability::Normal => Some(boot.as_deref().unwrap_or(UNKNOWN_BOOT)),
            // What it commits, the last run's with it, survives.
            Durability::Full => None,
        };
        // Nothing is written that stands there, so that a full disk does not keep a server from
        // starting again.
        if left.as_deref() != mark {
            tx.set_running_boot(mark)?;
        }
        let lobby = RoomState::load(tx, LOBBY, stamp())?;
        Ok(Self {
            history_id: tx.history_id()?,
            lobby: lobby.ok_or(StoreError::Missing)?,
            kept,
            cut_off,
            unindexed: tx.is_index_behind()?,
        })
    }
}

impl JournalState {
    /// Reads the lobby, and adds what chat.log lacks.
    pub(in crate::journal) fn open(parts: Parts) -> Result<Self, StoreError> {
        let Parts {
            mut store,
            chat,
            audit,
            deliveries,
            seal,
            min_free,
            room_limits,
        } = parts;
        let shown = chat.logged();
        let durability = store.durability();
        let begun = store.transaction(Commit::Synced, |tx| Begun::new(tx, shown, durability))?;
        let Begun {
            history_id,
            lobby,
            kept,
            cut_off,
            unindexed,
        } = begun;
        if shown > kept {
            let line = Line::of(&events::HISTORY_SHORTENED).with("logged_row", shown);
            audit.log(line.with("kept_row", kept));
        } else if cut_off {
            audit.log(Line::of(&events::HISTORY_RENEWED).with("why", CUT_OFF));
        }
        let mut rooms = Rooms::default();
        rooms.insert(LOBBY, lobby);
        let mut state = Self {
            store,
            chat,
            audit,
            deliveries,
            seal,
            min_free,
            history_id,
            low_space: false,
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
