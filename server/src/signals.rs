//! SIGINT and SIGTERM: the first stops the server, the second ends it at once.

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Waits on a thread of its own; `stop` is called once.
///
/// # Errors
/// When the handlers or the thread can't be set up.
pub fn watch(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let mut stop = Some(stop);
            for _ in signals.forever() {
                match stop.take() {
                    Some(stop) => stop(),
                    None => std::process::exit(1),
                }
            }
        })?;
    Ok(())
}
