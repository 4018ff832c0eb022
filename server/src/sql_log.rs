//! What the store reports, as lines of sql.log. The store knows no audit and the audit no
//! statement; `server` and `admin`, which start both, join them here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::audit::{Audit, Line, events};
use crate::store::{SqlEntry, SqlLog, SqlOutcome};

/// One line for each distinct statement of a transaction, and one number for each transaction, by
/// which its lines are told to belong together.
#[must_use]
pub fn sql_log(audit: &Audit) -> SqlLog {
    let audit = audit.clone();
    let transactions = AtomicU64::new(0);
    SqlLog::new(move |entries: Vec<SqlEntry>| {
        let number = transactions.fetch_add(1, Ordering::Relaxed) + 1;
        let lines = entries.into_iter().map(|entry| {
            let line = match entry.outcome {
                SqlOutcome::Done => Line::of(&events::SQL),
                SqlOutcome::Failed(why) => Line::of(&events::SQL_FAILED).with("failed", why),
            };
            line.with("tx", number)
                .with("runs", entry.runs)
                .with("rows", entry.rows)
                .with_text("statement", entry.statement)
        });
        audit.log_together(lines.collect());
    })
}

/// Runs and rows of each statement, and apart those that failed, by why.
type Counts = BTreeMap<(&'static str, Option<&'static str>), (usize, usize)>;

/// What the readers did, added up: a peer before login can make them read, and must not fill the
/// log.
#[derive(Clone, Default)]
pub struct ReadTally(Arc<Mutex<Counts>>);

impl ReadTally {
    /// For the readers: counts what was done, and what failed.
    #[must_use]
    pub fn log(&self) -> SqlLog {
        let tally = self.clone();
        SqlLog::new(move |entries: Vec<SqlEntry>| {
            for entry in entries {
                tally.add(&entry);
            }
        })
    }

    fn add(&self, entry: &SqlEntry) {
        let failed = match entry.outcome {
            SqlOutcome::Done => None,
            SqlOutcome::Failed(why) => Some(why),
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (runs, rows) = counts.entry((entry.statement, failed)).or_default();
        *runs += entry.runs;
        *rows += entry.rows;
    }

    pub fn write(&self, audit: &Audit) {
        let counts = {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *counts)
        };
        let lines = counts
            .into_iter()
            .map(|((statement, failed), (runs, rows))| {
                let line = match failed {
                    None => Line::of(&events::SQL_READS),
                    Some(why) => Line::of(&events::SQL_FAILED).with("failed", why),
                };
                line.with("runs", runs)
                    .with("rows", rows)
                    .with_text("statement", statement)
            });
        audit.log_together(lines.collect());
    }
}
