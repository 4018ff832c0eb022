//! Waiting for a condition; the test fails with its name where it does not come true.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for anything before it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const POLL: Duration = Duration::from_millis(5);

/// Polls `look`; panics with `what` after [`PATIENCE`].
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
