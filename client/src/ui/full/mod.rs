//! The full screen: rooms, messages, the input line and every question, on a terminal that is the
//! program's own for as long as it runs.
//!
//! Owns what is on the screen; `app` owns the model. Keys come from the terminal's channel: what
//! concerns the face alone (scrolling, searching, the line) is done at once, the rest becomes an
//! intent. `frames` says when it is drawn.

mod asking;
mod bars;
mod colours;
pub mod dialog;
pub mod draw;
pub mod editor;
mod excerpt;
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

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::Backend;

use super::Intent;
use super::bell::Bell;
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

/// What a key goes to.
enum Mode {
    /// To the input line, and to scrolling.
    Talk,
    Search(ScreenSearch),
    /// To the question whether to quit.
    Quitting,
    /// The messages are alone on the screen, for copying; any key ends that.
    Bare,
}

#[derive(Default)]
struct ScreenSearch {
    text: String,
    at: Option<Id>,
    is_found: bool,
}

impl ScreenSearch {
    /// The entry found last may hold the longer text, too: the search begins with it again.
    fn lengthen(&mut self, by: &str) {
        self.text.push_str(by);
        self.at = self.at.map(|at| at + 1);
    }

    /// Nothing is sought yet, or it was found.
    const fn is_content(&self) -> bool {
        self.is_found || self.text.is_empty()
    }

    /// Newer entries may hold the shorter text: the search begins at the end again.
    fn shorten(&mut self) {
        self.text.pop();
        self.at = None;
    }
}

/// The person's settings.
pub struct Wanted {
    /// How many entries are kept of all rooms together.
    pub scrollback: usize,
    /// Whether a message that names the person rings the bell.
    pub bell: bool,
    pub colours: bool,
    /// How long a lone ESC waits for what follows.
    pub escape: Duration,
    /// That of the terminal.
    pub charset: Charset,
}

pub struct Full<B: Backend> {
    /// None in tests, which draw on a `TestScreen`.
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
    bell: Bell,
    is_closed: bool,
}

impl Full<TerminalBackend<Paper>> {
    /// Takes the terminal, which can be done once in the life of a process.
    pub fn open(wanted: &Wanted, keymap: Keymap, clock: Clock) -> io::Result<Self> {
        let (raw, pressed) = RawTerminal::open(wanted.escape)?;
        let (terminal, knock) = (raw.terminal()?, raw.sender());
        let mut full = Self::new(terminal, (pressed, knock), wanted, keymap, clock);
        full.raw_terminal = Some(raw);
        Ok(full)
    }
}

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
        let palette = if wanted.colours {
            Palette::Colours
        } else {
            Palette::NoColours
        };
        Self {
            raw_terminal: None,
            terminal,
            pressed,
            knock,
            dialog: Dialog::new(palette),
            questions: Questions::default(),
            keymap,
            editor: Editor::default(),
            views: Views::new("", clock.zone(), wanted.scrollback),
            panel: None,
            mode: Mode::Talk,
            palette,
            charset: wanted.charset,
            clock,
            has_bell: wanted.bell,
            shows_rooms: true,
            intents: VecDeque::new(),
            frames: Frames::new(),
            bell: Bell::default(),
            is_closed: false,
        }
    }

    /// Has everything drawn again, whatever the terminal shows. By `resize`: `Terminal::clear` asks
    /// the terminal for the cursor's place, and the thread that reads keys would take the answer.
    fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size().map_err(failed)?;
        self.terminal.resize(size.into()).map_err(failed)?;
        self.frames.hurry();
        Ok(())
    }
}
