//! The thread that hears what the system wants while the terminal is ours. What Ctrl-C, Ctrl-Z and
//! Ctrl-\ mean on it are keys then; these signals come from elsewhere.

use std::io;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use ratatui::crossterm::terminal::disable_raw_mode;
use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU, SIGUSR1, SIGUSR2, SIGXCPU,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, raise};

use super::{Pressed, TAKEN, Teller, WANTED, restore, take, taken};

/// How often, and how far apart, a signal that ends the program tries to get the terminal from
/// whoever draws on it.
const TRIES: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

pub(super) fn watch(teller: Teller) -> io::Result<()> {
    let mut signals = Signals::new([
        SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU,
    ])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let mut was_told = false;
            for signal in signals.forever() {
                match signal {
                    SIGTSTP => {
                        stop();
                        teller.tell(Pressed::Redraw);
                    }
                    SIGCONT => {
                        go_on();
                        teller.tell(Pressed::Redraw);
                    }
                    // The system and the shell both tell of a terminal that is gone.
                    SIGHUP if is_open() && teller.try_tell(Pressed::Gone) => {}
                    // The first is an intent to quit, if there is anybody to hear it.
                    SIGINT | SIGTERM
                        if is_open() && !was_told && teller.try_tell(Pressed::Interrupt) =>
                    {
                        was_told = true;
                    }
                    _ => end(signal),
                }
            }
        })?;
    Ok(())
}

fn is_open() -> bool {
    WANTED.load(Ordering::SeqCst)
}

/// Gives the terminal back and stops the program; comes back when it goes on. The terminal is taken
/// by whoever hears of that, once: twice would give it back for a moment, in which a key is lost.
pub(super) fn stop() {
    restore(&mut taken());
    // It fails for signals without a default alone.
    let _ = emulate_default_handler(SIGTSTP);
}

/// Stops the program, as reading the terminal does, while it is somebody else's. A shell tells who
/// is stopped, and nobody else, that the terminal is theirs again.
pub(super) fn leave_background() {
    let is_in_background = tcgetpgrp(io::stdin()).is_ok_and(|group| group != getpgrp());
    if is_in_background {
        // Where nobody could continue it, the system does not stop it.
        let _ = raise(SIGTTOU);
    }
}

/// The program goes on, perhaps in the background.
fn go_on() {
    if is_open() {
        leave_background();
    }
    // What fails here fails again, and is told, where the terminal is drawn on or read.
    let _ = take(&mut taken());
}

/// Ends the program at once, by this signal.
fn end(signal: i32) {
    match take_over() {
        Some(mut is_taken) => restore(&mut is_taken),
        // Whoever draws is stuck in a terminal that takes nothing.
        None => drop(disable_raw_mode()),
    }
    // As above.
    let _ = emulate_default_handler(signal);
}

fn take_over() -> Option<MutexGuard<'static, bool>> {
    for _ in 0..TRIES {
        match TAKEN.try_lock() {
            Ok(is_taken) => return Some(is_taken),
            Err(std::sync::TryLockError::Poisoned(error)) => return Some(error.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => thread::sleep(BETWEEN_TRIES),
        }
    }
    None
}
