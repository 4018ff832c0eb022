//! The modes of a terminal that is asked line by line: from before the first question is written
//! until the last one is answered it shows nothing by itself. What is typed ahead would be shown the
//! moment it is typed, whatever question it turns out to answer; so echo is not switched with every
//! question.
//!
//! Owns the modes and what ends the program meanwhile: the terminal is given back as it was. Keys
//! make signals while something is waited for, and only Ctrl-C and Ctrl-\ do.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcgetpgrp, tcsetattr,
};
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGUSR1, SIGUSR2, SIGXCPU,
};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, raise};

/// What switches a key off (`_POSIX_VDISABLE` on Linux).
const NO_KEY: u8 = 0;
/// How long the thread that hears signals may take to hear one that was raised.
const PATIENCE: Duration = Duration::from_secs(1);

/// The signals that end the program, whoever else hears of them.
const ENDING: [i32; 6] = [SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU];
/// How long signals have to be heard after the program was continued.
const SETTLING: Duration = Duration::from_millis(50);
/// After so long without a key nothing that was typed ahead is on its way any more.
const QUIET: Duration = Duration::from_millis(50);
/// Who types on and on is not waited for longer.
const MOST_QUIET: Duration = Duration::from_secs(1);

/// See the module. Dropping it gives the terminal back.
pub struct Modes {
    state: Arc<State>,
    /// Each SIGINT that was heard and not judged to end the program. There once signals are heard.
    interrupts: Option<Receiver<()>>,
}

struct State {
    /// Whether SIGINT and SIGTERM end the program; false while the terminal is held.
    ctrl_c_ends: Arc<AtomicBool>,
    /// Whether other signals do.
    others_end: Arc<AtomicBool>,
    /// Whether the program was continued.
    went_on: Arc<AtomicBool>,
    held: Mutex<Option<Held>>,
}

struct Held {
    terminal: File,
    before: Termios,
    /// Whether SIGINT and SIGTERM ended the program before.
    ends: bool,
    /// Something is waited for, and no question is open.
    is_busy: bool,
}

impl Held {
    /// Leaves the terminal alone in the background: setting modes would stop the program here, with a
    /// lock held that whoever hears a signal waits for.
    fn take(&self) -> io::Result<()> {
        if !self.is_in_foreground() {
            return Ok(());
        }
        let mut modes = self.before.clone();
        let shown = LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON;
        modes.local_modes.remove(shown);
        if !self.is_busy {
            modes.local_modes.remove(LocalModes::ISIG);
        }
        // Whoever stops the program must find the terminal as it was.
        modes.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(&self.terminal, OptionalActions::Now, &modes)?)
    }

    /// As [`Held::take`].
    fn give_back(&self) {
        if self.is_in_foreground() {
            // A terminal that is gone needs nothing back.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }

    fn is_in_foreground(&self) -> bool {
        is_in_foreground(&self.terminal)
    }
}

fn is_in_foreground(terminal: &File) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

fn open_terminal() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/tty")
}

impl State {
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        // It is whole at every step.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the program, as reading does, while the terminal is somebody else's. Called with no lock
    /// held and with signals that end the program, so that they do.
    fn stop_in_background(&self, terminal: &File) -> io::Result<()> {
        while !is_in_foreground(terminal) {
            self.went_on.store(false, Ordering::SeqCst);
            raise(SIGTTIN)?;
            // What it was told to do while it was stopped is done before it stops again.
            thread::sleep(SETTLING);
            // Where nobody could continue it, the system does not stop it.
            if !self.went_on.load(Ordering::SeqCst) {
                return Err(Errno::IO.into());
            }
        }
        Ok(())
    }

    fn hear(&self, signal: i32) {
        let held = self.held();
        match (&*held, signal) {
            // The shell has set modes of its own.
            (Some(held), SIGCONT) => {
                // What fails here fails again where it is read.
                let _ = held.take();
            }
            // A question has made it of a key, and says itself that it was cancelled.
            (Some(held), SIGINT) if !held.is_busy => {}
            (Some(held), SIGINT | SIGTERM) if held.ends => {
                held.give_back();
                end(signal);
            }
            (held, signal) if ENDING.contains(&signal) => {
                // It may have been given back between the signal and its hearing.
                if let Some(held) = held {
                    held.give_back();
                }
                end(signal);
            }
            // Whoever else hears of it does what is to be done.
            _ => {}
        }
    }
}

fn end(signal: i32) {
    // It fails for signals without a default alone.
    let _ = emulate_default_handler(signal);
}

impl Modes {
    /// Leaves the terminal alone for now.
    pub fn new(ctrl_c_ends: Arc<AtomicBool>) -> Self {
        Self {
            state: Arc::new(State {
                ctrl_c_ends,
                others_end: Arc::new(AtomicBool::new(true)),
                went_on: Arc::default(),
                held: Mutex::new(None),
            }),
            interrupts: None,
        }
    }

    /// Has the terminal show nothing by itself, until it is given back.
    ///
    /// # Errors
    /// When there is no terminal, it does not take the modes, or signals can't be heard.
    pub fn hold(&mut self) -> io::Result<()> {
        if self.interrupts.is_none() {
            self.interrupts = Some(watch(&self.state)?);
        }
        let terminal = open_terminal()?;
        self.state.stop_in_background(&terminal)?;
        let mut place = self.state.held();
        if let Some(held) = &*place {
            // Somebody may have set other modes meanwhile.
            return held.take();
        }
        let before = tcgetattr(&terminal)?;
        // From here on a signal waits for the terminal to be held, and gives it back.
        let ends = self.state.ctrl_c_ends.swap(false, Ordering::SeqCst);
        self.state.others_end.store(false, Ordering::SeqCst);
        let held = place.insert(Held {
            terminal,
            before,
            ends,
            is_busy: false,
        });
        let taken = held.take();
        drop(place);
        if taken.is_err() {
            self.give_back();
        }
        taken
    }

    /// Gives the terminal back as it was. Again it does nothing.
    pub fn give_back(&self) {
        if !self.is_held() {
            return;
        }
        self.stop_in_background();
        let mut place = self.state.held();
        if let Some(held) = place.take() {
            held.give_back();
            self.state.ctrl_c_ends.store(held.ends, Ordering::SeqCst);
            self.state.others_end.store(true, Ordering::SeqCst);
        }
    }

    /// Whether the terminal shows nothing by itself.
    pub fn is_held(&self) -> bool {
        self.state.held().is_some()
    }

    /// Modes that can't be set in the background would never be set.
    fn stop_in_background(&self) {
        // What fails here fails again where it is read.
        let _ = open_terminal().and_then(|terminal| self.state.stop_in_background(&terminal));
    }

    /// Something is waited for, or no longer.
    pub fn wait(&self, is_busy: bool) {
        if self.is_held() {
            self.stop_in_background();
        }
        if let Some(held) = &mut *self.state.held() {
            held.is_busy = is_busy;
            // What fails here fails again where it is read.
            let _ = held.take();
        }
    }

    /// Does what may raise SIGINT, and waits until that was heard if it has: later it would be taken
    /// for another one.
    pub fn interruptible<T>(&self, task: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let interrupts = self.interrupts.iter();
        interrupts.for_each(|heard| while heard.try_recv().is_ok() {});
        let done = task();
        if let (Err(error), Some(heard)) = (&done, &self.interrupts)
            && error.kind() == io::ErrorKind::Interrupted
        {
            // Without that thread there is nobody to take it for anything.
            let _ = heard.recv_timeout(PATIENCE);
        }
        done
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Throws away what was typed on standard input, a terminal, and was not read yet; says whether
/// there was anything.
pub fn discard() -> bool {
    let (terminal, end) = (io::stdin(), Instant::now() + MOST_QUIET);
    discard_while(
        || Instant::now() < end && more_comes(&terminal, QUIET),
        || throw_away(&terminal),
    )
}

/// What was typed ahead may be on its way still: a long paste, a slow line.
fn discard_while(mut more_comes: impl FnMut() -> bool, throw_away: impl Fn() -> bool) -> bool {
    let mut has_dropped = throw_away();
    while more_comes() {
        has_dropped |= throw_away();
    }
    // The beginning of a line, of which a terminal may say nothing.
    throw_away() || has_dropped
}

fn throw_away(terminal: &impl AsFd) -> bool {
    // Where it can't be told, it is taken to be so.
    let has_some = !ioctl_fionread(terminal).is_ok_and(|bytes| bytes == 0);
    // A terminal that is gone holds nothing.
    let _ = tcflush(terminal, QueueSelector::IFlush);
    has_some
}

/// Waits until there is something to read, at most for so long.
fn more_comes(terminal: &impl AsFd, within: Duration) -> bool {
    let Ok(within) = Timespec::try_from(within) else {
        return false;
    };
    let mut fd = PollFd::new(terminal, PollFlags::IN);
    match poll(slice::from_mut(&mut fd), Some(&within)) {
        Ok(ready) => ready > 0 && !fd.revents().contains(PollFlags::HUP),
        // A signal was heard meanwhile.
        Err(error) => error == Errno::INTR,
    }
}

/// Hears signals from here on.
fn watch(state: &Arc<State>) -> io::Result<Receiver<()>> {
    flag::register_conditional_default(SIGTERM, Arc::clone(&state.ctrl_c_ends))?;
    for signal in ENDING {
        flag::register_conditional_default(signal, Arc::clone(&state.others_end))?;
    }
    flag::register(SIGCONT, Arc::clone(&state.went_on))?;
    let mut signals = Signals::new(ENDING.iter().chain(&[SIGINT, SIGTERM, SIGCONT]))?;
    let (tell, interrupts): (Sender<()>, _) = mpsc::channel();
    let state = Arc::clone(state);
    thread::Builder::new()
        .name("modes".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                state.hear(signal);
                if signal == SIGINT && tell.send(()).is_err() {
                    return;
                }
            }
        })?;
    Ok(interrupts)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Write;

    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    #[test]
    fn what_comes_while_more_comes_is_thrown_away_as_well() {
        let discards = |before: u32, coming: u32, behind: u32| {
            let (queue, mut coming) = (Cell::new(before), coming);
            let more_comes = || {
                let comes = coming > 0;
                coming -= u32::from(comes);
                queue.set(if comes { 1 } else { behind });
                comes
            };
            let has_dropped = discard_while(more_comes, || queue.take() > 0);
            assert_eq!((queue.get(), coming), (0, 0));
            has_dropped
        };
        assert!(!discards(0, 0, 0));
        assert!(discards(1, 0, 0));
        assert!(discards(0, 2, 0));
        assert!(discards(0, 0, 1));
    }

    #[test]
    fn a_terminal_says_whether_more_comes_and_holds_nothing_that_was_thrown_away() {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let mut keyboard = File::from(ours);
        // Nothing but what it waits for ends the wait.
        let long = Duration::from_secs(600);
        assert!(!more_comes(&theirs, Duration::ZERO));
        assert!(!throw_away(&theirs));
        keyboard.write_all(b"secret\n").unwrap();
        assert!(more_comes(&theirs, long));
        assert!(throw_away(&theirs));
        assert!(!more_comes(&theirs, Duration::ZERO));
        assert!(!throw_away(&theirs));
        drop(keyboard);
        assert!(!more_comes(&theirs, long), "it is gone");
    }
}
