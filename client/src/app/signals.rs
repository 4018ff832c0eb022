//! SIGINT and SIGTERM as events of the loop, for faces that do not hear of them by themselves.

use std::io;
use std::sync::mpsc::SyncSender;
#[cfg(unix)]
use std::thread;

use super::Event;

#[cfg(unix)]
pub(super) fn watch(teller: SyncSender<Event>) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if teller.send(Event::Interrupt(signal)).is_err() {
                    return;
                }
            }
        })?;
    Ok(())
}

/// Ends the process by the signal's default action, so that its status names the signal.
#[cfg(unix)]
pub(super) fn end_by(signal: i32) {
    // Fails only for signals without a default action.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

#[cfg(not(unix))]
pub(super) const fn end_by(_: i32) {}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
pub(super) fn watch(_: SyncSender<Event>) -> io::Result<()> {
    Ok(())
}
