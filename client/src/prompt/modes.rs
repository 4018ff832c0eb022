//! The modes of a terminal that is asked line by line: from before the first question is written
//! until the last one is answered it echoes nothing. The terminal would echo what is typed ahead at
//! once, whatever question it turns out to answer; so echo is not switched for each question.
//!
//! Owns the modes, and what ends or stops the program while they are set: the terminal is given
//! back as it was. Between questions keys make signals only while a task is waited for, and only
//! Ctrl-C and Ctrl-\ do. In the chat, where `typing` shows what is typed, all of them do.

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
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGUSR1, SIGUSR2, SIGXCPU,
};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, raise};

/// Switches a key off (`_POSIX_VDISABLE` on Linux).
const NO_KEY: u8 = 0;
/// For the signal thread to hear a signal that was raised.
const PATIENCE: Duration = Duration::from_secs(1);

/// Signals that end the program, whichever other thread hears them.
const ENDING: [i32; 6] = [SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU];
/// How often it is looked whether the reader of a question has set its modes.
const LOOK: Duration = Duration::from_millis(1);
/// For signals to be heard after the program was continued.
const SETTLING: Duration = Duration::from_millis(50);
/// After so long without a key, nothing that was typed ahead is still on its way.
const QUIET: Duration = Duration::from_millis(50);
/// A person who types on and on is not waited for longer.
const MOST_QUIET: Duration = Duration::from_secs(1);

/// Dropping it gives the terminal back.
pub struct Modes {
    state: Arc<State>,
    /// Gets each SIGINT that was heard and did not end the program; `None` until signals are heard.
    interrupts: Option<Receiver<()>>,
}

struct State {
    /// SIGINT and SIGTERM end the program; false while the terminal is held.
    ctrl_c_ends: Arc<AtomicBool>,
    /// The other signals of [`ENDING`] do.
    others_end: Arc<AtomicBool>,
    /// SIGCONT was heard.
    went_on: Arc<AtomicBool>,
    /// A question is being written or read.
    is_asking: AtomicBool,
    held: Mutex<Option<Held>>,
}

struct Held {
    terminal: File,
    before: Termios,
    /// The value of `ctrl_c_ends` before.
    ends: bool,
    purpose: Purpose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Questions,
    /// A task is waited for, and no question is open.
    Task,
    /// Lines of the chat are typed.
    Lines,
}

impl Held {
    /// Does nothing in the background: setting modes there would stop the program, while it holds a
    /// lock that the signal thread waits for.
    fn take(&self, is_asking: bool) -> io::Result<()> {
        if !self.is_in_foreground() {
            return Ok(());
        }
        let mut modes = self.before.clone();
        let shown = LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON;
        modes.local_modes.remove(shown);
        if self.purpose == Purpose::Questions {
            modes.local_modes.remove(LocalModes::ISIG);
        }
        if self.purpose != Purpose::Lines {
            if !is_asking {
                // Shows nothing without ICANON, and tells these modes from the reader's: see
                // `wait_for_reader`.
                modes.local_modes.insert(LocalModes::ECHONL);
            }
            // A secret that is typed ahead would be shown once the program is stopped.
            modes.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
        }
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(&self.terminal, OptionalActions::Now, &modes)?)
    }

    fn give_back(&self) {
        if self.is_in_foreground() {
            // It fails where the terminal is gone.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }

    /// Waits until the reader of the open question has set its own modes, without ECHONL: it writes
    /// the question first, and would set them behind [`Held::give_back`].
    fn wait_for_reader(&self, is_asking: &AtomicBool) {
        let end = Instant::now() + PATIENCE;
        while is_asking.load(Ordering::SeqCst)
            && Instant::now() < end
            && tcgetattr(&self.terminal)
                .is_ok_and(|modes| modes.local_modes.contains(LocalModes::ECHONL))
        {
            thread::sleep(LOOK);
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
        // It is whole at every step, also where a thread panicked.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the program, as reading would, while another process group has the terminal. Called
    /// with no lock held, and while signals still end the program, so that they do.
    fn stop_in_background(&self, terminal: &File) -> io::Result<()> {
        while !is_in_foreground(terminal) {
            self.went_on.store(false, Ordering::SeqCst);
            raise(SIGTTIN)?;
            // Signals that came while it was stopped are acted upon before it stops again.
            thread::sleep(SETTLING);
            // The system does not stop an orphaned process group: nobody could continue it.
            if !self.went_on.load(Ordering::SeqCst) {
                return Err(Errno::IO.into());
            }
        }
        Ok(())
    }

    fn hear(&self, signal: i32) {
        let held = self.held();
        match (&*held, signal) {
            // The shell has set modes of its own meanwhile.
            (Some(held), SIGCONT) => {
                // If this fails, the next read fails too, and reports it.
                let _ = held.take(self.is_asking.load(Ordering::SeqCst));
            }
            // The question's reader raised it for a key, and reports itself that it was cancelled.
            (Some(held), SIGINT) if held.purpose == Purpose::Questions => {}
            (Some(held), SIGINT | SIGTERM) if held.purpose != Purpose::Lines && held.ends => {
                held.wait_for_reader(&self.is_asking);
                held.give_back();
                end(signal);
            }
            (held, SIGTSTP) => {
                if let Some(held) = held {
                    held.give_back();
                }
                end(SIGTSTP);
            }
            (held, signal) if ENDING.contains(&signal) => {
                // The terminal may have been given back between the signal and this thread's
                // hearing it.
                if let Some(held) = held {
                    held.wait_for_reader(&self.is_asking);
                    held.give_back();
                }
                end(signal);
            }
            // Others that handle the signal act on it.
            _ => {}
        }
    }
}

/// Or stops.
fn end(signal: i32) {
    // It fails only for signals without a default action.
    let _ = emulate_default_handler(signal);
}

impl Modes {
    /// Does not touch the terminal yet.
    pub fn new(ctrl_c_ends: Arc<AtomicBool>) -> Self {
        Self {
            state: Arc::new(State {
                ctrl_c_ends,
                others_end: Arc::new(AtomicBool::new(true)),
                went_on: Arc::default(),
                is_asking: AtomicBool::new(false),
                held: Mutex::new(None),
            }),
            interrupts: None,
        }
    }

    /// Switches echo off until [`Modes::give_back`].
    pub fn hold(&mut self) -> io::Result<()> {
        if self.interrupts.is_none() {
            self.interrupts = Some(watch(&self.state)?);
        }
        let terminal = open_terminal()?;
        self.state.stop_in_background(&terminal)?;
        let mut place = self.state.held();
        if let Some(held) = &mut *place {
            if held.purpose == Purpose::Lines {
                held.purpose = Purpose::Questions;
                held.ends = self.state.ctrl_c_ends.swap(false, Ordering::SeqCst);
            }
            // Another program may have set other modes meanwhile.
            return held.take(false);
        }
        let before = tcgetattr(&terminal)?;
        // From here on the signal thread waits for the lock, and gives the terminal back.
        let ends = self.state.ctrl_c_ends.swap(false, Ordering::SeqCst);
        self.state.others_end.store(false, Ordering::SeqCst);
        let held = place.insert(Held {
            terminal,
            before,
            ends,
            purpose: Purpose::Questions,
        });
        let taken = held.take(false);
        drop(place);
        if taken.is_err() {
            self.give_back();
        }
        taken
    }

    /// Has the terminal give each key as it is pressed, and echo none, until [`Modes::give_back`]:
    /// [`Typing`](super::Typing) echoes them. Ctrl-C does what it did before. False where another
    /// program (Emacs, expect) edits lines, and has switched echo off.
    pub fn type_lines(&mut self) -> io::Result<bool> {
        self.hold()?;
        let edits = LocalModes::ICANON | LocalModes::ECHO;
        if let Some(held) = &mut *self.state.held()
            && held.before.local_modes.contains(edits)
        {
            held.purpose = Purpose::Lines;
            self.state.ctrl_c_ends.store(held.ends, Ordering::SeqCst);
            return held.take(false).map(|()| true);
        }
        self.give_back();
        Ok(false)
    }

    /// Gives the terminal back as it was; a second call does nothing.
    pub fn give_back(&self) {
        if !self.is_held() {
            return;
        }
        self.stop_in_background();
        let mut place = self.state.held();
        if let Some(held) = place.take() {
            held.give_back();
            if held.purpose != Purpose::Lines {
                self.state.ctrl_c_ends.store(held.ends, Ordering::SeqCst);
            }
            self.state.others_end.store(true, Ordering::SeqCst);
        }
    }

    pub fn is_held(&self) -> bool {
        self.state.held().is_some()
    }

    /// In the background no modes would be set at all: see [`Held::take`].
    fn stop_in_background(&self) {
        // If this fails, the next read fails too, and reports it.
        let _ = open_terminal().and_then(|terminal| self.state.stop_in_background(&terminal));
    }

    /// A task is waited for from here on, or no longer.
    pub fn wait(&self, is_busy: bool) {
        if self.is_held() {
            self.stop_in_background();
        }
        if let Some(held) = &mut *self.state.held() {
            held.purpose = if is_busy {
                Purpose::Task
            } else {
                Purpose::Questions
            };
            // If this fails, the next read fails too, and reports it.
            let _ = held.take(false);
        }
    }

    /// Runs a task that may raise SIGINT, and waits until the signal thread has heard it: heard
    /// later, it would be taken for another one.
    pub fn interruptible<T>(&self, task: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let interrupts = self.interrupts.iter();
        interrupts.for_each(|heard| while heard.try_recv().is_ok() {});
        self.state.is_asking.store(true, Ordering::SeqCst);
        let done = task();
        self.state.is_asking.store(false, Ordering::SeqCst);
        if let (Err(error), Some(heard)) = (&done, &self.interrupts)
            && error.kind() == io::ErrorKind::Interrupted
        {
            // Without the signal thread nothing hears it.
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

/// Drops what was typed on standard input, a terminal, and was not read yet; true where there was
/// anything.
pub fn discard() -> bool {
    let (terminal, end) = (io::stdin(), Instant::now() + MOST_QUIET);
    discard_while(
        || Instant::now() < end && more_comes(&terminal, QUIET),
        || throw_away(&terminal),
    )
}

/// What was typed ahead may still be on its way: a long paste, a slow line.
fn discard_while(mut more_comes: impl FnMut() -> bool, throw_away: impl Fn() -> bool) -> bool {
    let mut has_dropped = throw_away();
    while more_comes() {
        has_dropped |= throw_away();
    }
    // Also the beginning of a line, which a terminal in line mode does not report.
    throw_away() || has_dropped
}

fn throw_away(terminal: &impl AsFd) -> bool {
    // Where the system does not tell, there may be some.
    let has_some = !ioctl_fionread(terminal).is_ok_and(|bytes| bytes == 0);
    // It fails where the terminal is gone.
    let _ = tcflush(terminal, QueueSelector::IFlush);
    has_some
}

/// Whether there is something to read within this time.
fn more_comes(terminal: &impl AsFd, within: Duration) -> bool {
    let Ok(within) = Timespec::try_from(within) else {
        return false;
    };
    let mut fd = PollFd::new(terminal, PollFlags::IN);
    match poll(slice::from_mut(&mut fd), Some(&within)) {
        Ok(ready) => ready > 0 && !fd.revents().contains(PollFlags::HUP),
        Err(error) => error == Errno::INTR,
    }
}

fn watch(state: &Arc<State>) -> io::Result<Receiver<()>> {
    flag::register_conditional_default(SIGTERM, Arc::clone(&state.ctrl_c_ends))?;
    for signal in ENDING {
        flag::register_conditional_default(signal, Arc::clone(&state.others_end))?;
    }
    flag::register(SIGCONT, Arc::clone(&state.went_on))?;
    let mut signals = Signals::new(ENDING.iter().chain(&[SIGINT, SIGTERM, SIGTSTP, SIGCONT]))?;
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
        // The wait ends only for what it waits for.
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
