//! The wall clock, in the unit of the protocol and the database.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 UTC.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// [`now_ms`] as the database keeps it.
#[must_use]
pub fn stamp() -> i64 {
    i64::try_from(now_ms()).unwrap_or(i64::MAX)
}
