//! Notices that whoever reads standard output has gone, where the program only shows: a pipe says
//! so by itself, and nothing may be said for days.

use std::io;
use std::sync::mpsc::SyncSender;
#[cfg(unix)]
use std::thread;

use super::Event;

#[cfg(unix)]
pub(super) fn watch(teller: SyncSender<Event>) -> io::Result<()> {
    thread::Builder::new()
        .name("output".to_owned())
        .spawn(move || {
            if is_left() {
                // Fails only where the program ends meanwhile.
                let _ = teller.send(Event::ReaderGone);
            }
        })?;
    Ok(())
}

/// Blocks until nobody reads any more; false where that can't be noticed. A file has no reader, and
/// blocks for ever.
#[cfg(unix)]
fn is_left() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdout = io::stdout();
    loop {
        // ERR and HUP are reported without being asked for.
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) => {
                let end = PollFlags::HUP | PollFlags::ERR;
                return fds.iter().any(|fd| fd.revents().intersects(end));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
pub(super) fn watch(_: SyncSender<Event>) -> io::Result<()> {
    Ok(())
}
