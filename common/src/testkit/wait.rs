//! Waiting for what must come, and failing with its name where it does not.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
pub(super) const POLL: Duration = Duration::from_millis(5);

/// Looks until there is something to see.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(POLL);
    }
}
