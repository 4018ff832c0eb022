//! The thread that reads the terminal's keys, and hears of its end.

use std::io;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use zeroize::{Zeroize, Zeroizing};

use super::decoder::{Decoder, Typed};
use super::{Pressed, Teller};

/// After so long without a key, everything typed ahead has been sent. Not zero: the system passes
/// on a long text in parts.
const QUIET: Duration = Duration::from_millis(50);
/// The same within a paste, whose end has not come.
const QUIET_IN_PASTE: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const AT_ONCE: usize = 4_096;

static ALL_TOLD: AtomicBool = AtomicBool::new(true);

/// Whether every key typed so far is in the channel or was taken from it. Keys pressed at this very
/// moment come later.
pub fn is_all_told() -> bool {
    ALL_TOLD.load(Ordering::SeqCst)
}

enum Came {
    Some,
    /// Nothing came within the time.
    Nothing,
    Gone,
}

/// The thread ends with the terminal or the process; it can't be stopped. `escape` is how long a
/// lone ESC waits.
pub(super) fn start(teller: Teller, escape: Duration) -> io::Result<()> {
    thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            if tell_all(&teller, Decoder::new(escape)) {
                teller.tell(Pressed::Gone);
            }
            ALL_TOLD.store(true, Ordering::SeqCst);
        })?;
    Ok(())
}

/// True when the terminal is gone, false when the channel has no reader any more.
fn tell_all(teller: &Teller, mut decoder: Decoder) -> bool {
    let stdin = io::stdin();
    let mut bytes = Zeroizing::new([0; AT_ONCE]);
    let mut typed = Vec::new();
    let mut last = Instant::now();
    loop {
        let quiet_from = last + quiet(&decoder);
        let is_quiet = decoder.deadline().is_none() && Instant::now() >= quiet_from;
        if is_quiet {
            ALL_TOLD.store(true, Ordering::SeqCst);
        }
        let next = decoder.deadline().or((!is_quiet).then_some(quiet_from));
        match wait(&stdin, next) {
            Came::Nothing => decoder.expire(Instant::now(), &mut typed),
            Came::Gone => return true,
            Came::Some => {
                ALL_TOLD.store(false, Ordering::SeqCst);
                match read(&stdin, bytes.as_mut_slice()) {
                    Ok(0) => return true,
                    Ok(count) => {
                        last = Instant::now();
                        let read = bytes.get(..count).unwrap_or_default();
                        decoder.take(read, last, &mut typed);
                        bytes.as_mut_slice().zeroize();
                    }
                    Err(Errno::INTR | Errno::AGAIN) => {}
                    Err(_) => return true,
                }
            }
        }
        for typed in typed.drain(..) {
            let pressed = match typed {
                Typed::Key(key) => Pressed::Key(key),
                Typed::Paste(text) => Pressed::Paste(text),
            };
            if !teller.tell(pressed) {
                return false;
            }
        }
    }
}

fn quiet(decoder: &Decoder) -> Duration {
    if decoder.is_in_paste() {
        QUIET_IN_PASTE
    } else {
        QUIET
    }
}

/// Waits for bytes, up to this moment or for ever. The end of the terminal comes unasked.
fn wait(stdin: &io::Stdin, until: Option<Instant>) -> Came {
    let within = until.map(|until| until.saturating_duration_since(Instant::now()));
    // Beyond the range of the system's clock nothing is waited for.
    let within = within.and_then(|within| Timespec::try_from(within).ok());
    let mut fd = PollFd::new(stdin, PollFlags::IN);
    match poll(slice::from_mut(&mut fd), within.as_ref()) {
        Ok(0) | Err(Errno::INTR) => Came::Nothing,
        Ok(_) if fd.revents().contains(PollFlags::IN) => Came::Some,
        Ok(_) | Err(_) => Came::Gone,
    }
}
