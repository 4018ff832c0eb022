//! Starts the journal: its state, its thread, and the [`Journal`] by which others reach it.

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

/// Commits this run's first transaction and adds what chat.log lacks, before the first job is
/// taken.
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

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the journal's thread could not be started: {0}")]
    Thread(#[from] io::Error),
}
