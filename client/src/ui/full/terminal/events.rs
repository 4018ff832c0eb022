//! The threads that read the terminal's keys and watch for its end.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::{Pressed, Teller};

/// After so long without a key, everything typed ahead has been sent. Not zero: `crossterm` looks
/// at what it has read only if some time is left, and the system passes on a long text in parts.
const QUIET: Duration = Duration::from_millis(50);

static ALL_TOLD: AtomicBool = AtomicBool::new(true);

/// Whether every key typed so far is in the channel or was taken from it. Keys pressed at this very
/// moment come later.
pub fn is_all_told() -> bool {
    ALL_TOLD.load(Ordering::SeqCst)
}

/// The threads end with the terminal or the process; they can't be stopped.
pub(super) fn start(teller: Teller) -> io::Result<()> {
    #[cfg(unix)]
    {
        let teller = teller.clone();
        thread::Builder::new()
            .name("hang-up".to_owned())
            .spawn(move || {
                if hang_up() {
                    teller.tell(Pressed::Gone);
                }
            })?;
    }
    thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            while next().is_none_or(|pressed| tell(&teller, pressed)) {}
            ALL_TOLD.store(true, Ordering::SeqCst);
        })?;
    Ok(())
}

fn next() -> Option<Pressed> {
    // What fails here fails again in `read`, and is reported there.
    let is_more = event::poll(QUIET).unwrap_or(false);
    ALL_TOLD.store(!is_more, Ordering::SeqCst);
    let pressed = read();
    ALL_TOLD.store(false, Ordering::SeqCst);
    pressed
}

/// False if the terminal is gone or the channel has no reader any more.
fn tell(teller: &Teller, pressed: Pressed) -> bool {
    let is_gone = matches!(pressed, Pressed::Gone);
    teller.tell(pressed) && !is_gone
}

/// `None` for an event that concerns nobody.
fn read() -> Option<Pressed> {
    match event::read() {
        Ok(event) => pressed(event),
        Err(error) if error.kind() == ErrorKind::Interrupted => None,
        Err(_) => Some(Pressed::Gone),
    }
}

fn pressed(event: Event) -> Option<Pressed> {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => None,
        Event::Key(key) => Some(Pressed::Key(key)),
        // `crossterm` has read it whole already: its length is checked where it is used.
        Event::Paste(text) => Some(Pressed::Paste(text)),
        Event::Resize(..) => Some(Pressed::Redraw),
        Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

/// Blocks until the terminal is gone; false if `poll` fails. `crossterm` does not report the end of
/// the input, and would read again and again.
#[cfg(unix)]
fn hang_up() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdin = io::stdin();
    loop {
        // HUP and ERR are reported without being asked for; input would wake it for every key.
        let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
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

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;

    #[test]
    fn a_key_is_heard_once_and_a_new_size_draws_anew() {
        let mut key = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        for (kind, is_heard) in [
            (KeyEventKind::Press, true),
            (KeyEventKind::Repeat, true),
            (KeyEventKind::Release, false),
        ] {
            key.kind = kind;
            assert_eq!(pressed(Event::Key(key)).is_some(), is_heard, "{kind:?}");
        }
        let size = pressed(Event::Resize(80, 24));
        assert!(matches!(size, Some(Pressed::Redraw)));
        let paste = pressed(Event::Paste("a\nb".to_owned()));
        assert!(matches!(paste, Some(Pressed::Paste(text)) if text == "a\nb"));
        assert!(pressed(Event::FocusGained).is_none());
    }
}
