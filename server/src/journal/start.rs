//! The journal's beginning: its state, its thread, and the way to it.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use super::handle::Journal;
use super::job::QUEUE;
use super::state::JournalState;
use super::state::open::Parts;
use super::writer::Writer;
use crate::store::StoreError;
use crate::threads;

/// Reads the rooms, adds what chat.log lacks, and starts the thread.
///
/// # Errors
/// When the database can't be read or the thread not be started.
pub fn start(parts: Parts) -> Result<(Journal, JoinHandle<()>), StartError> {
    let (queue, jobs) = mpsc::sync_channel(QUEUE);
    let connection_events = Arc::default();
    let writer = Writer::new(JournalState::open(parts)?, Arc::clone(&connection_events));
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
