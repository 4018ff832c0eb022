//! The backend that a frame is drawn with: that of `crossterm`, which moves the cursor only where
//! two cells are no neighbours, and so trusts every character to be as wide as the table says.
//!
//! The threat: a character that the terminal draws wider shifts what follows it in the row, and
//! the sender of a message chooses where. Behind each cell that is not printable ASCII the cursor
//! is moved to where the table has it.

use std::borrow::Cow;
use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::crossterm::cursor::MoveTo;
use ratatui::layout::{Position, Size};

pub struct TerminalBackend<W: Write>(CrosstermBackend<W>);

impl<W: Write> TerminalBackend<W> {
    pub const fn new(writer: W) -> Self {
        Self(CrosstermBackend::new(writer))
    }
}

/// The cell with a cursor move behind it; without one for printable ASCII, which takes one column
/// on every terminal.
fn with_move(x: u16, y: u16, cell: &Cell) -> Cow<'_, Cell> {
    if matches!(cell.symbol().as_bytes(), [b' '..=b'~']) {
        return Cow::Borrowed(cell);
    }
    let mut moved = cell.clone();
    // The next column is right before a neighbour; before any other cell, also behind a wide one,
    // `crossterm` moves the cursor itself.
    moved.set_symbol(&format!(
        "{}{}",
        cell.symbol(),
        MoveTo(x.saturating_add(1), y)
    ));
    Cow::Owned(moved)
}

impl<W: Write> Backend for TerminalBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let cells: Vec<_> = content
            .map(|(x, y, cell)| (x, y, with_move(x, y, cell)))
            .collect();
        self.0
            .draw(cells.iter().map(|(x, y, cell)| (*x, *y, &**cell)))
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.0.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.0.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.0.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.0.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells of the second row by their columns; what ends a frame is cut off.
    fn written(cells: &[(u16, &'static str)]) -> String {
        let drawn = |cells: &[(u16, Cell)]| {
            let mut bytes = Vec::new();
            let cells = cells.iter().map(|(x, cell)| (*x, 1, cell));
            TerminalBackend::new(&mut bytes).draw(cells).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let cells: Vec<_> = cells.iter().map(|(x, s)| (*x, Cell::new(s))).collect();
        let end = drawn(&[]);
        drawn(&cells).strip_suffix(&end).unwrap().to_owned()
    }

    #[test]
    fn plain_characters_follow_each_other_without_a_move() {
        assert_eq!(
            written(&[(3, "a"), (4, " "), (5, "~"), (9, "b")]),
            "\u{1b}[2;4Ha ~\u{1b}[2;10Hb"
        );
    }

    #[test]
    fn a_move_follows_whatever_a_terminal_could_draw_wider() {
        for cluster in ["㉈", "é", "│", "ក្ក", "কা", "க\u{bbe}", "e\u{301}"] {
            assert_eq!(
                written(&[(0, "a"), (1, cluster), (2, "b"), (3, "c")]),
                format!("\u{1b}[2;1Ha{cluster}\u{1b}[2;3Hbc"),
            );
        }
        // Behind a wide one `crossterm` moves the cursor itself.
        assert_eq!(
            written(&[(0, "漢"), (2, "b")]),
            "\u{1b}[2;1H漢\u{1b}[2;2H\u{1b}[2;3Hb"
        );
        assert_eq!(written(&[(79, "㉈")]), "\u{1b}[2;80H㉈\u{1b}[2;81H");
    }
}
