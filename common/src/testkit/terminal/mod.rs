//! A program at a terminal of its own: keys go in, and what it writes is kept and looked at.
//!
//! | module | holds |
//! |---|---|
//! | `pty` | the pseudo-terminal: its size, its modes |
//! | `program` | what is started on it, with its variables and its directory |
//! | `recording` | the bytes that came out of it, and the one way to wait for something in them |
//! | this one | the driver: keys, size, signals, the program's end |
//! | `transcript` | a view: the bytes as a text that is read once, from its beginning to its end |
//! | `screen` | a view: the cells that a terminal emulator (the crate `vt100`) makes of the bytes |
//! | [`client`] | the client's program on it, and a person who registers or logs in there |

pub mod client;
mod program;
mod pty;
mod recording;
mod screen;
#[cfg(test)]
mod tests;
mod transcript;

use std::process::ExitStatus;
use std::sync::Arc;

pub use program::Program;
pub use rustix::process::Signal;
pub use rustix::termios::LocalModes;
pub use screen::Screen;
pub use transcript::Transcript;

use pty::Pty;
use recording::Recording;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};
use tempfile::TempDir;

use super::guard::GuardedChild;

// Keys, as the bytes that a terminal sends for them.
pub const ENTER: &str = "\r";
pub const ESCAPE: &str = "\u{1b}";
pub const CTRL_C: &str = "\u{3}";
pub const CTRL_D: &str = "\u{4}";
pub const CTRL_U: &str = "\u{15}";
pub const CTRL_Z: &str = "\u{1a}";
pub const PAGE_UP: &str = "\u{1b}[5~";

pub struct Terminal {
    child: GuardedChild,
    pty: Pty,
    recording: Arc<Recording>,
    _home: TempDir,
}

impl Terminal {
    /// `size` is columns and rows.
    pub fn start(program: Program, size: (u16, u16)) -> Self {
        program.start(size)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `keys` are the bytes that a terminal sends for them.
    pub fn press(&mut self, keys: &str) {
        self.pty.write(keys.as_bytes());
    }

    pub fn types(&mut self, line: &str) {
        self.press(line);
        self.press(ENTER);
    }

    /// Presses keys, and waits until the program has read them: what is pressed next comes behind.
    pub fn press_alone(&mut self, keys: &str) {
        self.press(keys);
        self.until(|| match self.pty.unread() {
            0 => Ok(()),
            unread => Err(format!("{unread} bytes of {keys:?} read")),
        });
    }

    /// Pastes a text between the marks of bracketed paste.
    pub fn pastes(&mut self, text: &str) {
        let text = text.replace('\n', ENTER);
        self.press(&format!("\u{1b}[200~{text}\u{1b}[201~"));
    }

    /// Changes the size (columns, rows). The system tells the program by SIGWINCH.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.recording.resize(size);
        self.pty.resize(size);
    }

    pub fn modes(&self) -> LocalModes {
        self.pty.modes()
    }

    /// Sets the modes behind the program's back, as a shell does.
    pub fn set_modes(&mut self, modes: LocalModes) {
        self.pty.set_modes(modes);
    }

    pub fn has_echo(&self) -> bool {
        self.modes().contains(LocalModes::ECHO)
    }

    pub fn echo_becomes(&self, expected: bool) {
        let what = format!("echo to be {expected}");
        self.modes_become(&what, |modes| modes.contains(LocalModes::ECHO) == expected);
    }

    pub fn modes_become(&self, what: &str, are_such: impl Fn(LocalModes) -> bool) {
        self.until(|| match self.modes() {
            modes if are_such(modes) => Ok(()),
            modes => Err(format!("{what}: the modes are {modes:?}")),
        });
    }

    /// All output from the beginning.
    pub fn bytes(&self) -> Vec<u8> {
        self.recording.look(<[u8]>::to_vec)
    }

    /// A place in the output: the number of bytes so far.
    pub fn mark(&self) -> usize {
        self.recording.look(<[u8]>::len)
    }

    pub fn wrote(&self, mark: usize, text: &str) {
        self.until_bytes(|bytes| match find(&bytes[mark..], text) {
            Some(_) => Ok(()),
            None => Err(format!("{text:?} written behind byte {mark}")),
        });
    }

    /// Waits until anything was written behind a mark.
    pub fn draws(&self, mark: usize) {
        self.until_bytes(|bytes| match bytes.len() {
            length if length > mark => Ok(()),
            _ => Err(format!("anything written behind byte {mark}")),
        });
    }

    /// Calls `look` until it succeeds; its error says what is still missing.
    pub fn until<T>(&self, look: impl FnMut() -> Result<T, String>) -> T {
        self.recording.until(look)
    }

    fn until_bytes<T>(&self, mut look: impl FnMut(&[u8]) -> Result<T, String>) -> T {
        self.until(|| self.recording.look(&mut look))
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the program has stopped: a SIGCONT before the stop would have no effect.
    pub fn stops(&self) {
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let program = Pid::from_child(&self.child);
        self.until(|| match waitid(WaitId::Pid(program), stopped).unwrap() {
            Some(status) if status.stopped() => Ok(()),
            _ => Err("the program's stop".to_owned()),
        });
    }

    /// Waits for the program's end, and until all its output is recorded.
    pub fn ends(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = self.recording.until(|| match child.try_wait().unwrap() {
            Some(status) => Ok(status),
            None => Err("the program's end".to_owned()),
        });
        self.recording.until_over();
        status
    }
}

fn find(bytes: &[u8], text: &str) -> Option<usize> {
    bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes())
}
