//! The full screen: rooms, messages, the line one types in, and every question, on a terminal that
//! is the program's own for as long as it runs.
//!
//! Owns what of all that is on the screen now; `app` owns what is true. Keys come from the terminal's
//! channel and are understood here: what concerns the face alone (scrolling, searching, the line) is
//! done at once, the rest becomes an intent. What changes is drawn at most once in [`FRAME`], so that a
//! flood of messages costs frames, not keys; a key is drawn at once.

mod bars;
mod colours;
mod dialog;
mod editor;
mod face;
pub mod keymap;
mod keys;
mod paint;
#[cfg(test)]
mod paint_tests;
mod panel;
mod scrollback;
pub(crate) mod terminal;
#[cfg(test)]
pub mod test_screen;
mod wrap;
#[cfg(test)]
mod wrap_tests;

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::Backend;

use super::Intent;
use crate::charset::Charset;
use crate::words::tables::Clock;
use colours::Palette;
use dialog::Dialog;
use editor::Editor;
use keymap::Keymap;
use panel::Panel;
use scrollback::{Id, Views};
use terminal::{Paper, Pressed, RawTerminal, TerminalBackend};

/// The shortest time between two frames, unless a key was pressed.
const FRAME: Duration = Duration::from_millis(16);

/// What the keys are for, beside the line.
enum Mode {
    /// The line, and scrolling.
    Talk,
    /// Looking for words in what is shown.
    Search(ScreenSearch),
    /// Whether to quit.
    Quitting,
    /// The messages alone, for copying; the next key comes back.
    Bare,
}

/// A search in what is shown.
#[derive(Default)]
struct ScreenSearch {
    text: String,
    /// Where it was found last.
    at: Option<Id>,
    is_found: bool,
}

impl ScreenSearch {
    /// What is looked for changes, so the last place may be one of it, too.
    fn lengthen(&mut self, character: char) {
        self.text.push(character);
        self.at = self.at.map(|at| at + 1);
    }

    /// A shorter word may stand further below.
    fn shorten(&mut self) {
        self.text.pop();
        self.at = None;
    }
}

/// How the person wants it.
pub struct Wanted {
    /// How many messages are kept.
    pub scrollback: usize,
    /// Whether who is called hears a bell.
    pub bell: bool,
    /// Whether colours are wanted.
    pub colours: bool,
    /// What the terminal reads.
    pub charset: Charset,
}

/// See the module.
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub struct Full<B: Backend> {
    /// The real terminal; none in tests.
    raw_terminal: Option<RawTerminal>,
    terminal: Terminal<B>,
    pressed: Receiver<Pressed>,
    knock: SyncSender<Pressed>,
    dialog: Dialog,
    /// What was told since the last question.
    told: Vec<String>,
    /// Questions are over, and the chat is shown.
    is_talking: bool,
    /// A sheet is shown that no question followed.
    has_sheet: bool,
    keymap: Keymap,
    editor: Editor,
    views: Views,
    panel: Option<Panel>,
    mode: Mode,
    palette: Palette,
    charset: Charset,
    clock: Clock,
    has_bell: bool,
    shows_rooms: bool,
    intents: VecDeque<Intent>,
    /// Something is to be drawn; at once, if a key was pressed.
    is_dirty: bool,
    is_urgent: bool,
    rings: bool,
    drawn: Option<Instant>,
    is_closed: bool,
}

impl Full<TerminalBackend<Paper>> {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none, or it does not take the modes.
    pub fn open(wanted: &Wanted, keymap: Keymap, clock: Clock) -> io::Result<Self> {
        let (raw, pressed) = RawTerminal::open()?;
        let (terminal, knock) = (raw.terminal()?, raw.sender());
        let mut full = Self::new(terminal, (pressed, knock), wanted, keymap, clock);
        full.raw_terminal = Some(raw);
        Ok(full)
    }
}

/// What a terminal did not do, as an error of the output.
fn failed(error: impl std::error::Error) -> io::Error {
    io::Error::other(error.to_string())
}

impl<B: Backend> Full<B> {
    fn new(
        terminal: Terminal<B>,
        (pressed, knock): (Receiver<Pressed>, SyncSender<Pressed>),
        wanted: &Wanted,
        keymap: Keymap,
        clock: Clock,
    ) -> Self {
        Self {
            raw_terminal: None,
            terminal,
            pressed,
            knock,
            dialog: Dialog::new(wanted.colours),
            told: Vec::new(),
            is_talking: false,
            has_sheet: false,
            keymap,
            editor: Editor::default(),
            views: Views::new("", clock.zone(), wanted.scrollback),
            panel: None,
            mode: Mode::Talk,
            palette: if wanted.colours {
                Palette::Colours
            } else {
                Palette::NoColours
            },
            charset: wanted.charset,
            clock,
            has_bell: wanted.bell,
            shows_rooms: true,
            intents: VecDeque::new(),
            is_dirty: true,
            is_urgent: false,
            rings: false,
            drawn: None,
            is_closed: false,
        }
    }

    /// All is to be drawn anew, whatever stands there.
    fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size().map_err(failed)?;
        self.terminal.resize(size.into()).map_err(failed)?;
        (self.is_dirty, self.is_urgent) = (true, true);
        Ok(())
    }
}
