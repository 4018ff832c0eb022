//! What a read is measured by.

use std::time::Duration;

/// That the calling thread has used. Nobody pays for what others have the processors do meanwhile.
pub(super) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
