//! The output as a terminal shows it, by an emulator that is not the client's own code (`vt100`).

use std::cell::RefCell;
use std::fmt::Write;
use std::num::NonZeroU16;
use std::ops::{Deref, DerefMut};
use std::thread;

use super::recording::{Had, RecordedEvent};
use super::{Program, Terminal};

pub struct Screen {
    terminal: Terminal,
    emulator: RefCell<Emulator>,
}

struct Emulator {
    parser: vt100::Parser,
    had: Had,
}

impl Screen {
    /// `size` is columns and rows.
    pub fn start(program: Program, size: (u16, u16)) -> Self {
        let (rows, columns) = cells(size);
        Self {
            terminal: Terminal::start(program, size),
            emulator: RefCell::new(Emulator {
                parser: vt100::Parser::new(rows, columns, 0),
                had: Had::default(),
            }),
        }
    }

    fn look<T>(&self, at: impl FnOnce(&vt100::Screen) -> T) -> T {
        let Emulator { parser, had } = &mut *self.emulator.borrow_mut();
        self.terminal.recording.replay(had, |event| match event {
            RecordedEvent::Bytes(bytes) => parser.process(bytes),
            RecordedEvent::Size(size) => {
                let (rows, columns) = cells(size);
                parser.screen_mut().set_size(rows, columns);
            }
        });
        at(parser.screen())
    }

    /// The rows, without the blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        self.look(|screen| {
            let (_, columns) = screen.size();
            let rows = screen.rows(0, columns.get());
            rows.map(|row| row.trim_end().to_owned()).collect()
        })
    }

    pub fn text(&self) -> String {
        self.rows().join("\n")
    }

    /// Where the cursor is (column, row), from 0.
    pub fn cursor(&self) -> (usize, usize) {
        let (row, column) = self.look(vt100::Screen::cursor_position);
        (column.into(), row.into())
    }

    /// Counted in cells, of which a wide character has two.
    pub fn column_of(&self, text: &str) -> Option<usize> {
        self.look(|screen| {
            let (rows, columns) = screen.size();
            (0..rows.get()).find_map(|row| {
                (0..columns.get()).find_map(|column| {
                    // A wide character's second cell is no beginning.
                    screen
                        .cell(row, column)
                        .filter(|cell| cell.has_contents())?;
                    let cells = (column..columns.get()).filter_map(|at| screen.cell(row, at));
                    let rest: String = cells.map(vt100::Cell::contents).collect();
                    rest.starts_with(text).then_some(column.into())
                })
            })
        })
    }

    /// Calls `look` until it succeeds; its error says what is still missing.
    pub fn until_rows<T>(&self, mut look: impl FnMut(&[String]) -> Result<T, String>) -> T {
        self.until(|| look(&self.rows()))
    }

    /// Waits until the screen shows this.
    pub fn sees(&self, text: &str) {
        self.until_rows(|rows| {
            let is_seen = rows.join("\n").contains(text);
            is_seen
                .then_some(())
                .ok_or_else(|| format!("{text:?} on the screen"))
        });
    }

    /// Waits until the screen shows this no longer.
    pub fn loses(&self, text: &str) {
        self.until_rows(|rows| {
            let is_lost = !rows.join("\n").contains(text);
            is_lost
                .then_some(())
                .ok_or_else(|| format!("a screen without {text:?}"))
        });
    }

    /// Waits for a row for which `is_one` holds.
    pub fn sees_row(&self, what: &str, is_one: impl Fn(&str) -> bool) -> String {
        self.until_rows(|rows| {
            let found = rows.iter().find(|row| is_one(row));
            found.cloned().ok_or_else(|| what.to_owned())
        })
    }

    /// Waits until a text begins in this column.
    pub fn stands_in(&self, column: usize, text: &str) {
        self.until(|| match self.column_of(text) {
            Some(found) if found == column => Ok(()),
            found => Err(format!("{text:?} in column {column}, not {found:?}")),
        });
    }

    /// Waits until the cursor is in this column, behind what was typed.
    pub fn cursor_is(&self, column: usize, typed: &str) {
        self.until(|| match self.cursor() {
            (found, _) if found == column => Ok(()),
            (found, _) => Err(format!(
                "the cursor in column {column} behind {typed:?}, not {found}"
            )),
        });
    }

    /// Waits until this stands behind the prompt (`> `) of the last row.
    pub fn input_is(&self, typed: &str) {
        self.until_rows(|rows| {
            let last = rows.last().map_or("", String::as_str);
            match last.split_once('>') {
                Some((_, input)) if input.strip_prefix(' ').unwrap_or_default() == typed => Ok(()),
                _ => Err(format!("{typed:?} in the last row, not {last:?}")),
            }
        });
    }
}

/// The emulator's order is rows, columns.
fn cells((columns, rows): (u16, u16)) -> (NonZeroU16, NonZeroU16) {
    (
        NonZeroU16::new(rows).unwrap(),
        NonZeroU16::new(columns).unwrap(),
    )
}

impl Deref for Screen {
    type Target = Terminal;

    fn deref(&self) -> &Terminal {
        &self.terminal
    }
}

impl DerefMut for Screen {
    fn deref_mut(&mut self) -> &mut Terminal {
        &mut self.terminal
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut report = String::from("--- the screen\n");
            for row in self.rows() {
                let _ = writeln!(report, "|{row}");
            }
            eprintln!("{report}");
        }
    }
}
