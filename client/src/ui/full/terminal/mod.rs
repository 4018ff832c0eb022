//! The terminal while the full screen has it: raw, on the alternate screen, with bracketed pastes,
//! without line wrap, and with a mouse's wheel that is no key. It is given back when the program ends, also by a panic or a signal that
//! can be caught, and while the program is stopped.
//!
//! Owns the terminal's modes, the threads that read keys and the one that takes signals; knows no
//! room, no question and no colour. The full screen opens it, takes keys from its channel and draws
//! through [`Paper`].
//!
//! There is one terminal for a process, and one thread that reads its keys: so its state is
//! static. A frame is drawn whole under a lock or not at all, so that a terminal
//! that was given back is not drawn on.

mod backend;
#[cfg(unix)]
mod decoder;
#[cfg(unix)]
mod keyboard;
#[cfg(not(unix))]
#[path = "events.rs"]
mod keyboard;
#[cfg(unix)]
mod signals;

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::mem;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, KeyEvent};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::{Print, ResetColor, force_color_output};
use ratatui::crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};

pub use backend::TerminalBackend;

use crate::charset;
use crate::words::dialog as words;
pub use keyboard::is_all_told;

/// The most keys that wait. At the bound the keyboard thread waits, and further keys stay in the
/// terminal's own buffer.
const PRESSED: usize = 256;

/// On the alternate screen many terminals send arrows for the wheel, which would walk the history
/// of the input (xterm's private mode 1007). What the terminal did before is saved, for those that
/// can.
const SAVE_WHEEL: &str = "\x1b[?1007s";
const NO_WHEEL_KEYS: &str = "\x1b[?1007l";
/// On, as it is at first where it can't be saved, and then as it was saved.
const WHEEL_AS_BEFORE: &str = "\x1b[?1007h\x1b[?1007r";

/// What comes through the channel of the terminal: from its threads, and from tasks.
pub enum Pressed {
    /// Pressed or repeated, never released.
    Key(KeyEvent),
    /// As it was pasted: of any length, with any control character, perhaps a password.
    Paste(String),
    /// The screen has another size, or another program had it: everything is to be drawn again.
    Redraw,
    /// A signal asks the program to end.
    Interrupt,
    /// A task that is waited for has ended.
    Knock,
    Gone,
}

/// Redacted: what was typed may be a password.
impl fmt::Debug for Pressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(<redacted>)",
            Self::Paste(_) => "Paste(<redacted>)",
            Self::Redraw => "Redraw",
            Self::Interrupt => "Interrupt",
            Self::Knock => "Knock",
            Self::Gone => "Gone",
        })
    }
}

/// Whether a [`RawTerminal`] is open: the terminal is then taken again when the program continues.
static WANTED: AtomicBool = AtomicBool::new(false);
/// Whether the terminal has our modes at this moment. Locked while they change and while a frame is
/// written, so that nothing is drawn on a terminal that was given back.
static TAKEN: Mutex<bool> = Mutex::new(false);
/// One raw terminal is opened in the life of a process.
static OPENED: AtomicBool = AtomicBool::new(false);

fn taken() -> MutexGuard<'static, bool> {
    // A panic leaves no flag half written.
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

type Wake = Arc<Mutex<Option<Box<dyn Fn() + Send>>>>;

/// Sends to the reader of the channel, and wakes the loop that waits elsewhere.
#[derive(Clone)]
struct Teller {
    to: SyncSender<Pressed>,
    wake: Wake,
}

impl Teller {
    /// Blocks while the channel is full; false if it has no reader any more.
    fn tell(&self, pressed: Pressed) -> bool {
        let is_told = self.to.send(pressed).is_ok();
        self.wake();
        is_told
    }

    /// Never blocks; false if the channel is full or has no reader.
    #[cfg(unix)]
    fn try_tell(&self, pressed: Pressed) -> bool {
        let is_told = self.to.try_send(pressed).is_ok();
        self.wake();
        is_told
    }

    fn wake(&self) {
        if let Some(wake) = &*self.wake.lock().unwrap_or_else(PoisonError::into_inner) {
            wake();
        }
    }
}

/// Dropping it gives the terminal back.
pub struct RawTerminal {
    teller: Teller,
}

impl RawTerminal {
    /// Takes the terminal, and starts the threads that read keys and take signals. A lone ESC
    /// waits for `escape`: what follows within that time makes it another key.
    ///
    /// # Errors
    /// When standard input or output is no terminal or not the controlling one, it does not take
    /// the modes, the system refuses a thread or a signal handler, or it was opened before.
    pub fn open(escape: Duration) -> io::Result<(Self, Receiver<Pressed>)> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(ErrorKind::Unsupported, words::NO_TERMINAL));
        }
        if !is_controlling() {
            return Err(io::Error::new(
                ErrorKind::Unsupported,
                words::NOT_CONTROLLING,
            ));
        }
        if OPENED.swap(true, Ordering::SeqCst) {
            return Err(io::Error::new(ErrorKind::AlreadyExists, words::TAKEN));
        }
        let (to, pressed) = mpsc::sync_channel(PRESSED);
        let wake = Wake::default();
        let raw = Self {
            teller: Teller { to, wake },
        };
        restore_on_panic(raw.teller.clone());
        WANTED.store(true, Ordering::SeqCst);
        // `NO_COLOR` is judged by who paints: a picture to be scanned has its colours in any case.
        force_color_output(true);
        // Before the modes are set: a signal in between must restore them.
        #[cfg(unix)]
        {
            signals::watch(raw.teller.clone())?;
            signals::leave_background();
        }
        take(&mut taken())?;
        keyboard::start(raw.teller.clone(), escape)?;
        Ok((raw, pressed))
    }

    /// For tasks that send [`Pressed::Knock`] when they end. On a full channel the knock may be
    /// dropped: something else wakes the reader.
    pub fn sender(&self) -> SyncSender<Pressed> {
        self.teller.to.clone()
    }

    /// `wake` is called for everything that the terminal's threads send, on the thread that sends.
    pub fn wake_with(&self, wake: Box<dyn Fn() + Send>) {
        let place = self.teller.wake.lock();
        *place.unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }

    /// Never call `Terminal::clear` on it: that asks the terminal for the cursor's place, and the
    /// thread that reads keys takes the answer. `Terminal::resize` has everything drawn again as
    /// well.
    #[expect(clippy::unused_self, reason = "only an open terminal has paper")]
    pub fn terminal(&self) -> io::Result<Terminal<TerminalBackend<Paper>>> {
        Terminal::new(TerminalBackend::new(Paper::default()))
    }

    #[expect(clippy::unused_self, reason = "only an open terminal is heard")]
    pub fn ring(&self) -> io::Result<()> {
        put(b"\x07")
    }

    /// Shows these lines alone. Line wrap is on for them: what the terminal wraps itself it copies
    /// as one line. The head of each line is bold, which no text can be: a wrapped row that looks
    /// like another message has no bold head.
    #[expect(clippy::unused_self, reason = "only an open terminal has paper")]
    pub fn print(&self, lines: &[(String, String)]) -> io::Result<()> {
        let lines = lines
            .iter()
            .map(|(head, text)| format!("\x1b[1m{head}\x1b[0m{text}"));
        let lines: Vec<String> = lines.collect();
        let lines = lines.join("\r\n");
        put(format!("\x1b[0m\x1b[2J\x1b[H\x1b[?7h{lines}\x1b[?7l").as_bytes())
    }

    /// Gives the terminal back; nothing is drawn from here on, and Ctrl-C ends the program. A
    /// second call does nothing.
    #[expect(clippy::unused_self, reason = "nobody else may close it")]
    pub fn close(&self) {
        close();
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        close();
    }
}

fn close() {
    WANTED.store(false, Ordering::SeqCst);
    restore(&mut taken());
}

/// Stops the program as Ctrl-Z does; returns when it is continued, and then everything is to be
/// drawn again. Does nothing without an open terminal, or outside Unix.
pub fn suspend() {
    #[cfg(unix)]
    if WANTED.load(Ordering::SeqCst) {
        signals::stop();
    }
}

/// Sets the modes if a terminal is open and the program in the foreground: from the background this
/// would stop the program, or disturb the one in the foreground.
fn take(is_taken: &mut bool) -> io::Result<()> {
    let was_taken = mem::take(is_taken);
    if !WANTED.load(Ordering::SeqCst) || !is_in_foreground() {
        return Ok(());
    }
    // Another program may have changed the modes, and `crossterm` would take its own for set.
    disable_raw_mode()?;
    enable_raw_mode()?;
    *is_taken = true;
    // Saved twice, it would be ours.
    let save = if was_taken { "" } else { SAVE_WHEEL };
    // Without line wrap: a row that the terminal draws wider must not run into the next one.
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        DisableLineWrap,
        EnableBracketedPaste,
        Print(save),
        Print(NO_WHEEL_KEYS)
    )
}

fn restore(is_taken: &mut bool) {
    if mem::take(is_taken) {
        restore_at_once();
    }
}

fn restore_at_once() {
    // Errors are ignored: a terminal that is gone needs no modes.
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        EnableLineWrap,
        Print(WHEEL_AS_BEFORE),
        ResetColor,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

#[cfg(unix)]
fn is_in_foreground() -> bool {
    use rustix::process::getpgrp;
    use rustix::termios::tcgetpgrp;
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// Without the controlling terminal the program is never in its foreground, and nothing would be
/// drawn.
#[cfg(unix)]
fn is_controlling() -> bool {
    rustix::termios::tcgetpgrp(io::stdin()).is_ok()
}

#[cfg(not(unix))]
const fn is_in_foreground() -> bool {
    true
}

#[cfg(not(unix))]
const fn is_controlling() -> bool {
    true
}

/// Restores the terminal before the panic's message is written. The program then ends, whichever
/// thread has panicked: without the screen it could not be used.
fn restore_on_panic(teller: Teller) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if WANTED.swap(false, Ordering::SeqCst) {
            match TAKEN.try_lock() {
                Ok(mut is_taken) => restore(&mut is_taken),
                Err(TryLockError::Poisoned(error)) => restore(&mut error.into_inner()),
                // This thread itself may hold the lock: waiting could be a deadlock.
                Err(TryLockError::WouldBlock) => restore_at_once(),
            }
        }
        before(info);
        // Not by `tell`, which may block, or be what has panicked.
        let _ = teller.to.try_send(Pressed::Gone);
        if let Ok(wake) = teller.wake.try_lock()
            && let Some(wake) = &*wake
        {
            wake();
        }
    }));
}

/// Collects a frame and writes it whole on `flush`; drops it where the terminal is not taken.
#[derive(Default)]
pub struct Paper(Vec<u8>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = put(&self.0);
        self.0.clear();
        written
    }
}

/// Writes under the lock; writes nothing where the terminal is not taken.
fn put(bytes: &[u8]) -> io::Result<()> {
    let is_taken = taken();
    if !*is_taken {
        return Ok(());
    }
    let mut out = charset::stdout();
    out.write_all(bytes).and_then(|()| out.flush())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pressed_is_not_printed() {
        let pressed = Pressed::Paste("geheim".to_owned());
        assert!(!format!("{pressed:?}").contains("geheim"));
    }

    #[test]
    fn without_an_open_terminal_nothing_is_drawn_and_nothing_stops() {
        let mut paper = Paper::default();
        paper.write_all(b"frame").unwrap();
        paper.flush().unwrap();
        assert!(paper.0.is_empty());
        suspend();
        close();
    }

    #[test]
    fn who_reads_is_woken_by_what_is_told() {
        let (to, pressed) = mpsc::sync_channel(1);
        let (say, heard) = mpsc::channel();
        let teller = Teller {
            to,
            wake: Wake::default(),
        };
        let raw = RawTerminal {
            teller: teller.clone(),
        };
        raw.wake_with(Box::new(move || say.send(()).unwrap()));
        assert!(teller.tell(Pressed::Redraw));
        assert!(heard.try_recv().is_ok());
        assert!(matches!(pressed.try_recv(), Ok(Pressed::Redraw)));
        raw.sender().send(Pressed::Knock).unwrap();
        drop(pressed);
        assert!(!teller.tell(Pressed::Redraw));
    }
}
