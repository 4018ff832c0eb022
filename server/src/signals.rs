//! Signals. The first SIGINT or SIGTERM stops the server, the second ends it at once. SIGHUP reloads
//! the configuration and opens the log files anew, SIGUSR1 writes the server's state to info.log.
//! SIGUSR2, whose default ends a process, only leaves a line. SIGXFSZ leaves none, for want of a
//! place: what was written fails, and that is told like a full disk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::audit::{Line, events};
use crate::control::Control;
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

    /// Waits on a thread of its own, and calls `stop` once. What takes a while has another thread, so
    /// that a second SIGTERM ends a server whose disk does not answer.
    pub fn watch(
        self,
        stop: impl FnOnce() + Send + 'static,
        control: &Arc<Control>,
    ) -> io::Result<()> {
        let Self(mut signals) = self;
        signals.handle().add_signal(SIGINT)?;
        signals.handle().add_signal(SIGTERM)?;
        let reloads = worker("reload", control, |control| {
            // What failed is in info.log.
            let _ = control.reload(None);
        })?;
        let states = worker("state", control, Control::tell_state)?;
        let control = Arc::clone(control);
        threads::spawn("signals".to_owned(), move || {
            let mut stop = Some(stop);
            for signal in signals.forever() {
                match signal {
                    SIGHUP => ask(&reloads),
                    SIGUSR1 => ask(&states),
                    SIGUSR2 => {
                        let line = Line::of(&events::SIGNAL_IGNORED).with("signal", "SIGUSR2");
                        control.shared().audit.log_unless_full(line);
                    }
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

/// A thread that does this each time it is asked; while one waits to be done, no other does.
fn worker(name: &str, control: &Arc<Control>, work: fn(&Control)) -> io::Result<SyncSender<()>> {
    let (ask, asked) = sync_channel(1);
    let control = Arc::clone(control);
    threads::spawn(name.to_owned(), move || {
        for () in asked {
            work(&control);
        }
    })?;
    Ok(ask)
}

fn ask(worker: &SyncSender<()>) {
    // It is full where one waits already.
    let _ = worker.try_send(());
}
