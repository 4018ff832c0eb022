//! What the store reports, as lines of sql.log.
//!
//! The store knows no audit and the audit no statement; whoever starts both joins them here.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::audit::{Audit, Line};
use crate::store::{Outcome, SqlEntry, SqlLog};

/// A log for a store that writes into `audit`: one line for each distinct statement of a
/// transaction, and one number for each transaction, which keeps its lines together.
#[must_use]
pub fn sql_trail(audit: &Audit) -> SqlLog {
    let audit = audit.clone();
    let transactions = AtomicU64::new(0);
    SqlLog::new(move |entries: Vec<SqlEntry>| {
        let number = transactions.fetch_add(1, Ordering::Relaxed) + 1;
        for entry in entries {
            let line = match entry.outcome {
                Outcome::Done => Line::info("sql"),
                Outcome::Failed(why) => Line::error("sql").with("failed", why),
            };
            audit.sql(
                line.with("tx", number)
                    .with("runs", entry.runs)
                    .with("rows", entry.rows)
                    .with_text("statement", entry.statement),
            );
        }
    })
}
