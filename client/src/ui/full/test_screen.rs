//! A screen for tests, shared by the face that draws on it and the test that reads it; and keys.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::mpsc::{self, SyncSender};
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Size};

use super::keymap::Stroke;
use super::terminal::Pressed;
use super::{Clock, Full, Keymap, Wanted};
use crate::charset::Charset;

#[derive(Clone)]
pub struct TestScreen(Rc<RefCell<TestBackend>>);

impl TestScreen {
    /// A face on a screen of this size, the screen, and the sender of its keys.
    pub fn begin(
        (columns, rows): (u16, u16),
        keys: &[(&str, &str)],
    ) -> (Full<Self>, Self, SyncSender<Pressed>) {
        let screen = Self(Rc::new(RefCell::new(TestBackend::new(columns, rows))));
        let (press, pressed) = mpsc::sync_channel(1_024);
        let keys: Vec<_> = keys
            .iter()
            .map(|(key, action)| ((*key).to_owned(), (*action).to_owned()))
            .collect();
        let keymap = Keymap::with(&keys).unwrap();
        let wanted = Wanted {
            scrollback: 10_000,
            bell: true,
            colours: true,
            escape: Duration::from_millis(50),
            charset: Charset::Utf8,
        };
        let terminal = Terminal::new(screen.clone()).unwrap();
        let clock = Clock::new(TimeZone::UTC);
        let knock = press.clone();
        let full = Full::new(terminal, (pressed, knock), &wanted, keymap, clock);
        (full, screen, press)
    }

    /// Without the blanks at the ends of rows.
    pub fn rows(&self) -> Vec<String> {
        let backend = self.0.borrow();
        let buffer = backend.buffer();
        (0..buffer.area.height)
            .map(|y| {
                let mut row = String::new();
                let mut skip = 0;
                for x in 0..buffer.area.width {
                    let symbol = buffer[(x, y)].symbol();
                    if skip == 0 {
                        row.push_str(symbol);
                        skip = crate::width::width(symbol).max(1);
                    }
                    skip -= 1;
                }
                row.trim_end().to_owned()
            })
            .collect()
    }

    pub fn cursor(&self) -> (u16, u16) {
        let Position { x, y } = self.0.borrow_mut().get_cursor_position().unwrap();
        (x, y)
    }
}

/// Keys as in the configuration (`ctrl-a`) and texts (`"text"`), separated by blanks.
pub fn keys(written: &str) -> Vec<Pressed> {
    let mut all = Vec::new();
    let mut rest = written.trim_start();
    while !rest.is_empty() {
        if let Some(text) = rest.strip_prefix('"') {
            let (text, behind) = text.split_once('"').unwrap();
            all.extend(
                text.chars()
                    .map(|c| Pressed::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))),
            );
            rest = behind.trim_start();
            continue;
        }
        let (key, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        all.push(Pressed::Key(Stroke::parse(key).unwrap().event()));
        rest = behind.trim_start();
    }
    all
}

impl Backend for TestScreen {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.0.borrow_mut().draw(content)
    }

    fn hide_cursor(&mut self) -> Result<(), Self::Error> {
        self.0.borrow_mut().hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Self::Error> {
        self.0.borrow_mut().show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, Self::Error> {
        self.0.borrow_mut().get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Self::Error> {
        self.0.borrow_mut().set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), Self::Error> {
        self.0.borrow_mut().clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), Self::Error> {
        self.0.borrow_mut().clear_region(clear_type)
    }

    fn size(&self) -> Result<Size, Self::Error> {
        self.0.borrow().size()
    }

    fn window_size(&mut self) -> Result<WindowSize, Self::Error> {
        self.0.borrow_mut().window_size()
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.borrow_mut().flush()
    }
}
