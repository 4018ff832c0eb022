//! The full screen: rooms, messages, the line one types in, and every question, on a terminal that
//! is the program's own for as long as it runs.
//!
//! Owns what of all that is on the screen now; `app` owns what is true. Keys come from the terminal's
//! channel and are understood here: what concerns the face alone (scrolling, searching, the line) is
//! done at once, the rest becomes an intent. `frames` says when it is drawn.

mod bars;
mod colours;
mod dialog;
mod editor;
mod face;
mod frames;
pub mod keymap;
mod keys;
mod paint;
#[cfg(test)]
mod paint_tests;
mod panel;
mod questions;
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

use ratatui::Terminal;
use ratatui::backend::Backend;

use super::Intent;
use crate::charset::Charset;
use crate::words::tables::Clock;
use colours::Palette;
use dialog::Dialog;
use editor::Editor;
use frames::Frames;
use keymap::Keymap;
use panel::Panel;
use questions::Questions;
use scrollback::{Id, Views};
use terminal::{Paper, Pressed, RawTerminal, TerminalBackend};

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
    questions: Questions,
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
    frames: Frames,
    rings: bool,
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
            questions: Questions::default(),
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
            frames: Frames::new(),
            rings: false,
            is_closed: false,
        }
    }

    /// All is to be drawn anew, whatever stands there.
    fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size().map_err(failed)?;
        self.terminal.resize(size.into()).map_err(failed)?;
        self.frames.hurry();
        Ok(())
    }
}
