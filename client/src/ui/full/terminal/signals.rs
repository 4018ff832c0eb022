//! The thread that takes signals while the full screen has the terminal. In raw mode Ctrl-C, Ctrl-Z
//! and Ctrl-\ are keys: these signals come from other processes or the system.

use std::io;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use ratatui::crossterm::terminal::disable_raw_mode;
use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU, SIGUSR1, SIGUSR2,
    SIGWINCH, SIGXCPU,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, raise};

use super::{Pressed, TAKEN, Teller, WANTED, restore, take, taken};

/// How often, and how far apart, a signal that ends the program tries to lock the terminal, which
/// a thread that draws may hold.
const TRIES: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

pub(super) fn watch(teller: Teller) -> io::Result<()> {
    let mut signals = Signals::new([
        SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU,
        SIGWINCH,
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
                    // With a full channel the keys in it draw the next frame, in the new size.
                    SIGWINCH => drop(teller.try_tell(Pressed::Redraw)),
                    // A second SIGHUP is expected: both the system and the shell send one.
                    SIGHUP if is_open() && teller.try_tell(Pressed::Gone) => {}
                    // The first is a wish to quit. The second, or one that can't be told, ends the
                    // program at once.
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

/// Gives the terminal back and stops the program; returns when it is continued. Does not take the
/// terminal again: `go_on` does, on SIGCONT. Taking it twice would give it back for a moment, in
/// which a key is lost.
pub(super) fn stop() {
    restore(&mut taken());
    // Fails only for a signal that has no default action.
    let _ = emulate_default_handler(SIGTSTP);
}

/// Stops the program while it is in the background, as reading from the terminal would: the shell
/// continues only a stopped program when it gives the terminal back.
pub(super) fn leave_background() {
    let is_in_background = tcgetpgrp(io::stdin()).is_ok_and(|group| group != getpgrp());
    if is_in_background {
        // An orphaned process group, which nothing could continue, is not stopped by the system.
        let _ = raise(SIGTTOU);
    }
}

/// After SIGCONT, which may also continue the program in the background.
fn go_on() {
    if is_open() {
        leave_background();
    }
    // A terminal that fails here fails again where it is drawn on or read, and is reported there.
    let _ = take(&mut taken());
}

/// Ends the program by this signal's default action, with the terminal restored.
fn end(signal: i32) {
    match take_over() {
        Some(mut is_taken) => restore(&mut is_taken),
        // The thread that draws is blocked by a terminal that takes no output: writing to it would
        // block as well.
        None => drop(disable_raw_mode()),
    }
    // Fails only for a signal that has no default action.
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
