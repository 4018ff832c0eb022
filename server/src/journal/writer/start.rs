//! The journal's beginning: what it is given, and what it reads before it takes the first job.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use super::super::chat_log::AuditedChat;
use super::super::commit::Deferred;
use super::super::handle::Journal;
use super::super::index::Index;
use super::super::job::{QUEUE, RoomLimits};
use super::super::room::RoomState;
use super::super::write_behind::WriteBehind;
use super::Writer;
use crate::audit::{Audit, Line};
use crate::boot;
use crate::clock::stamp;
use crate::delivery::Deliveries;
use crate::store::{self, Commit, Durability, Store, StoreError, Tx};
use crate::threads;
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

/// Reads the rooms, adds what chat.log lacks, and starts the thread.
///
/// # Errors
/// When the database can't be read or the thread not be started.
pub fn start(parts: Parts) -> Result<(Journal, JoinHandle<()>), StartError> {
    let (queue, jobs) = mpsc::sync_channel(QUEUE);
    let writer = Writer::new(parts)?;
    let connection_events = Arc::clone(&writer.connection_events);
    let thread = threads::spawn("journal".to_owned(), move || writer.run(&jobs))?;
    Ok((
        Journal {
            queue,
            connection_events,
        },
        thread,
    ))
}

/// Why the journal did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread.
    #[error("the journal's thread could not be started: {0}")]
    Thread(#[from] io::Error),
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
        tx.set_running_boot(match durability {
            Durability::Normal => Some(boot.as_deref().unwrap_or(UNKNOWN_BOOT)),
            // What it commits, the last run's with it, survives.
            Durability::Full => None,
        })?;
        let lobby = RoomState::load(tx, store::RoomId::LOBBY.0, stamp())?;
        Ok(Self {
            history_id: tx.history_id()?,
            lobby: lobby.ok_or(StoreError::Missing)?,
            kept,
            cut_off,
            unindexed: tx.is_index_behind()?,
        })
    }
}

impl Writer {
    fn new(parts: Parts) -> Result<Self, StartError> {
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
            let line = Line::error("history_shortened").with("logged_row", shown);
            audit.info(line.with("kept_row", kept));
        } else if cut_off {
            audit.info(Line::warn("history_renewed").with("why", CUT_OFF));
        }
        let mut writer = Self {
            store,
            chat,
            audit,
            deliveries,
            seal,
            min_free,
            history_id,
            rooms: HashMap::from([(store::RoomId::LOBBY.0, lobby)]),
            sessions: HashMap::new(),
            accounts: HashMap::new(),
            log_outs: 0,
            logged_out: HashMap::new(),
            room_limits,
            held_up: None,
            idle: VecDeque::new(),
            visited: Vec::new(),
            write_behind: WriteBehind::default(),
            index: Index::new(unindexed, Instant::now()),
            connection_events: Arc::default(),
            deferred: Deferred::default(),
            auth_requests: VecDeque::new(),
            next_sync: Instant::now(),
            others: VecDeque::new(),
            next_session_change: Instant::now(),
            low_space: false,
            next_look: Instant::now(),
            next_expiry: Instant::now(),
        };
        writer.catch_up();
        writer.look_at_space();
        Ok(writer)
    }
}
