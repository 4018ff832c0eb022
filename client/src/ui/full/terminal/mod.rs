//! The terminal itself, while the screen is ours: raw, on the alternate screen, pastes marked, rows
//! never continued by the terminal. It is given back when the program ends, by a panic or a signal that
//! can be heard as well, and while the program is stopped.
//!
//! Owns the terminal's modes, the thread that reads keys and the one that hears signals; knows no
//! room, no question and no colour. Opened by whoever joins the face of a full screen; dialogs and
//! views get keys from its channel and draw through [`Paper`].
//!
//! There is one terminal for a process, as there is one reader of its keys in `crossterm`: so its
//! state is the module's. A frame is drawn whole under a lock or not at all, so that a terminal
//! that was given back is not drawn on.

mod backend;
mod keyboard;
#[cfg(unix)]
mod signals;

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use ratatui::Terminal;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, KeyEvent};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};

pub use backend::TerminalBackend;

use crate::charset;
use crate::words::dialog as words;
pub use keyboard::is_all_told;

/// Keys that may wait. Who types on while nobody reads fills the terminal's own buffer next.
const PRESSED: usize = 256;

/// What came from the terminal, or from whoever wants to be heard where it is waited for.
pub enum Pressed {
    /// A key, down or held.
    Key(KeyEvent),
    /// What was pasted, as it is; perhaps long, perhaps a password.
    Paste(String),
    /// The screen has another size or was somebody else's: all of it is to be drawn anew.
    Redraw,
    /// The system wants the program to end.
    Interrupt,
    /// Something that was waited for has happened.
    Knock,
    /// The terminal is gone.
    Gone,
}

/// What was typed may be a password.
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

/// Whether somebody wants the terminal, now or once the program goes on.
static WANTED: AtomicBool = AtomicBool::new(false);
/// Whether it is ours at this moment. Held while a frame is written.
static TAKEN: Mutex<bool> = Mutex::new(false);
/// There is one raw terminal in a process's life.
static OPENED: AtomicBool = AtomicBool::new(false);

fn taken() -> MutexGuard<'static, bool> {
    // A flag is whole at every step.
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

type Wake = Arc<Mutex<Option<Box<dyn Fn() + Send>>>>;

/// The way to whoever reads keys.
#[derive(Clone)]
struct Teller {
    to: SyncSender<Pressed>,
    wake: Wake,
}

impl Teller {
    /// Waits where there is no room; false if nobody reads any more.
    fn tell(&self, pressed: Pressed) -> bool {
        let is_told = self.to.send(pressed).is_ok();
        self.wake();
        is_told
    }

    /// False if nobody reads, or not at this moment.
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

/// See the module. Dropping it gives the terminal back.
pub struct RawTerminal {
    teller: Teller,
}

impl RawTerminal {
    /// Takes the terminal, and starts to read its keys.
    ///
    /// # Errors
    /// When standard input or output is no terminal or not the controlling one, it does not take
    /// the modes, the system refuses a thread or a signal handler, or it was taken before.
    pub fn open() -> io::Result<(Self, Receiver<Pressed>)> {
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
        // Before the modes are taken: a signal that comes between must give them back.
        #[cfg(unix)]
        {
            signals::watch(raw.teller.clone())?;
            signals::leave_background();
        }
        take(&mut taken())?;
        keyboard::start(raw.teller.clone())?;
        Ok((raw, pressed))
    }

    /// For whoever has something done elsewhere that [`Pressed::Knock`]s in the end. A knock on a
    /// full channel may be dropped: what is in it makes the reader look, too.
    pub fn sender(&self) -> SyncSender<Pressed> {
        self.teller.to.clone()
    }

    /// Has `wake` called, from whichever thread, whenever something was pressed.
    pub fn wake_with(&self, wake: Box<dyn Fn() + Send>) {
        let place = self.teller.wake.lock();
        *place.unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }

    /// What to draw on. Whoever draws never calls `Terminal::clear`, which asks the terminal where
    /// the cursor is and gets no answer beside the thread that reads keys; `Terminal::resize` has
    /// everything drawn anew as well.
    ///
    /// # Errors
    /// When the size of the terminal can't be told.
    #[expect(clippy::unused_self, reason = "only an open terminal has paper")]
    pub fn terminal(&self) -> io::Result<Terminal<TerminalBackend<Paper>>> {
        Terminal::new(TerminalBackend::new(Paper::default()))
    }

    /// Rings the bell.
    ///
    /// # Errors
    /// When the terminal does not take it.
    #[expect(clippy::unused_self, reason = "only an open terminal is heard")]
    pub fn ring(&self) -> io::Result<()> {
        put(b"\x07")
    }

    /// Shows lines and nothing else, written as any program would write them: those that are wider
    /// than the terminal it wraps itself, and so knows that they are one. What stands before a text
    /// is bold, as nothing that somebody says can be: a row that the terminal begins is no line.
    ///
    /// # Errors
    /// When the terminal does not take it.
    #[expect(clippy::unused_self, reason = "only an open terminal has paper")]
    pub fn print(&self, lines: &[(String, String)]) -> io::Result<()> {
        let lines = lines
            .iter()
            .map(|(head, text)| format!("\x1b[1m{head}\x1b[0m{text}"));
        let lines: Vec<String> = lines.collect();
        let lines = lines.join("\r\n");
        put(format!("\x1b[0m\x1b[2J\x1b[H\x1b[?7h{lines}\x1b[?7l").as_bytes())
    }

    /// Gives the terminal back; nothing is drawn from here on, and Ctrl-C ends the program. Again
    /// it does nothing.
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

/// The person stops the program by its key (Ctrl-Z); comes back when it goes on, and then all is to
/// be drawn anew. Without an open terminal, and where programs are not stopped, nothing happens.
pub fn suspend() {
    #[cfg(unix)]
    if WANTED.load(Ordering::SeqCst) {
        signals::stop();
    }
}

/// Takes the terminal if it is wanted and ours to take: out of the background, setting its modes
/// would stop the program or disturb whoever is in the foreground.
fn take(is_taken: &mut bool) -> io::Result<()> {
    *is_taken = false;
    if !WANTED.load(Ordering::SeqCst) || !is_in_foreground() {
        return Ok(());
    }
    // Somebody may have set other modes meanwhile; `crossterm` would believe its own are set.
    disable_raw_mode()?;
    enable_raw_mode()?;
    *is_taken = true;
    // A row that is drawn wider than it is must not go on over the next one.
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        DisableLineWrap,
        EnableBracketedPaste
    )
}

fn restore(is_taken: &mut bool) {
    if std::mem::take(is_taken) {
        restore_at_once();
    }
}

fn restore_at_once() {
    // A terminal that is gone needs nothing back.
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        EnableLineWrap,
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

/// Whether one can be in the foreground of it at all: nothing would ever be drawn otherwise.
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

/// A panic's message is read on a terminal that is as it was. The program then ends, whichever
/// thread it was: nobody could see what it does.
fn restore_on_panic(teller: Teller) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if WANTED.swap(false, Ordering::SeqCst) {
            match TAKEN.try_lock() {
                Ok(mut is_taken) => restore(&mut is_taken),
                Err(TryLockError::Poisoned(error)) => restore(&mut error.into_inner()),
                // Perhaps this very thread was drawing: waiting for it could last for ever.
                Err(TryLockError::WouldBlock) => restore_at_once(),
            }
        }
        before(info);
        // Not by `tell`, which may wait or be what panicked.
        let _ = teller.to.try_send(Pressed::Gone);
        if let Ok(wake) = teller.wake.try_lock()
            && let Some(wake) = &*wake
        {
            wake();
        }
    }));
}

/// The terminal to draw on: a frame gathers here and is written at once, or is dropped where the
/// terminal is not ours at the moment.
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

/// Writes whole what is not longer than a frame, where the terminal is ours at the moment.
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
