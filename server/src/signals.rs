//! Signals. The first SIGINT or SIGTERM stops the server, the second ends it at once. SIGHUP,
//! SIGUSR1 and SIGUSR2, whose default ends a process, only leave a line: an operator's habit, or a
//! terminal that is closed, must not end a chat.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

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
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
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
