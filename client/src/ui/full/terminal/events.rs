//! Stands for `keyboard` where this program can't read a terminal's bytes (not Unix): `crossterm`
//! reads its events there, which are keys already.

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

/// The thread ends with the terminal or the process; it can't be stopped. No ESC waits: keys are
/// whole.
pub(super) fn start(teller: Teller, _: Duration) -> io::Result<()> {
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
