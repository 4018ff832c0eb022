//! Signals. The first SIGINT or SIGTERM stops the server, the second ends it at once. SIGHUP,
//! SIGUSR1 and SIGUSR2, whose default ends a process, only leave a line: an operator's habit, or a
//! terminal that is closed, must not end a chat. SIGXFSZ leaves none, for want of a place: what was
//! written fails, and that is told like a full disk.

use std::io;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::threads;

/// From here on what would make a file larger than the system's limit for this process (`ulimit -f`)
/// fails with EFBIG; by default it ends the process without a word.
pub fn survive_file_size_limit() -> io::Result<()> {
    // A handler is all it takes; nobody asks whether there was a signal.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(|_| ())
}

/// Handlers that are set up while nothing acts on the signals yet.
pub struct Expected(Signals);

impl Expected {
    /// From here on no signal but SIGINT and SIGTERM ends the process.
    pub fn new() -> io::Result<Self> {
        Signals::new([SIGHUP, SIGUSR1, SIGUSR2]).map(Self)
    }

    /// Waits on a thread of its own: calls `stop` once, and `ignored` with the name of each signal
    /// that does nothing.
    pub fn watch(
        self,
        stop: impl FnOnce() + Send + 'static,
        ignored: impl Fn(&'static str) + Send + 'static,
    ) -> io::Result<()> {
        let Self(mut signals) = self;
        signals.handle().add_signal(SIGINT)?;
        signals.handle().add_signal(SIGTERM)?;
        threads::spawn("signals".to_owned(), move || {
            let mut stop = Some(stop);
            for signal in signals.forever() {
                match signal {
                    SIGHUP => ignored("SIGHUP"),
                    SIGUSR1 => ignored("SIGUSR1"),
                    SIGUSR2 => ignored("SIGUSR2"),
                    _ => match stop.take() {
                        Some(stop) => stop(),
                        None => std::process::exit(1),
                    },
                }
            }
        })?;
        Ok(())
    }
}
