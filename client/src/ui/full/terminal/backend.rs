//! The backend that a frame is drawn with. It writes by `crossterm`'s, which moves the cursor only
//! where two cells are no neighbours, and so trusts every cluster to be as wide as the table says.
//!
//! The threat: a cluster that the terminal draws wider shifts what follows it in the row, and the
//! sender of a message chooses where. One that the terminal holds as several characters, or draws
//! narrower, leaves some of them, or of what was there before, when it is replaced. So behind each
//! cluster that is not sure (`width::is_sure`) the cursor is moved to where the table has it, and a
//! row that has or had such a cluster is cleared and written whole when any of it changes.

use std::cell::Cell as Shared;
use std::collections::BTreeMap;
use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::{Cell, CellWidth};
use ratatui::crossterm::cursor::MoveTo;
use ratatui::crossterm::queue;
use ratatui::crossterm::terminal::{Clear, ClearType as Cleared};
use ratatui::layout::{Position, Size};

use crate::screen::{USUAL_COLUMNS, USUAL_ROWS, known};
use crate::width::is_sure;

pub struct TerminalBackend<W: Write> {
    to: CrosstermBackend<W>,
    /// What stands in the rows that were written since the screen was cleared.
    rows: BTreeMap<u16, ShownRow>,
    /// Of the screen, as it was last asked for.
    columns: Shared<u16>,
}

/// The cells of a row from its first column on; behind them the row is blank.
#[derive(Default)]
struct ShownRow {
    cells: Vec<Cell>,
    /// It has a cluster that is not sure.
    is_unsure: bool,
}

impl ShownRow {
    /// Also blanks the cells that the cluster covers, as the buffers of `ratatui` have them.
    fn put(&mut self, x: u16, cell: &Cell) {
        let (begin, wide) = (usize::from(x), columns(cell));
        if self.cells.len() < begin + wide {
            self.cells.resize(begin + wide, Cell::EMPTY);
        }
        let covered = self.cells.iter_mut().skip(begin).take(wide);
        for (at, place) in covered.enumerate() {
            *place = if at == 0 { cell.clone() } else { blank(cell) };
        }
    }

    fn judge(&mut self) {
        self.is_unsure = self.cells.iter().any(|cell| !is_sure(cell.symbol()));
    }

    fn fill(&mut self, columns: u16) {
        if self.cells.len() < columns.into() {
            self.cells.resize(columns.into(), Cell::EMPTY);
        }
    }

    /// Its cells by their columns, without those that others cover.
    fn each(&self) -> impl Iterator<Item = (u16, &Cell)> {
        let mut next = 0;
        let cells = self.cells.iter().enumerate();
        cells.filter_map(move |(x, cell)| {
            if x < next {
                return None;
            }
            next = x + columns(cell);
            Some((u16::try_from(x).ok()?, cell))
        })
    }
}

/// A cell for each place is kept twice, and whoever has the other end of a pseudo-terminal says how
/// many there are, up to 65,535 by 65,535. What is beyond stays empty.
const MOST: Size = Size::new(1_024, 512);

/// The part of the screen that is drawn on. What a serial line doesn't know is taken for what is
/// usual.
fn drawable(told: Size) -> Size {
    Size {
        width: known(told.width, USUAL_COLUMNS).min(MOST.width),
        height: known(told.height, USUAL_ROWS).min(MOST.height),
    }
}

fn columns(cell: &Cell) -> usize {
    usize::from(cell.cell_width()).max(1)
}

/// A blank in the style of a cell.
fn blank(cell: &Cell) -> Cell {
    let mut blank = Cell::EMPTY;
    blank.set_style(cell.style());
    blank
}

/// Adds a cell as it is written: a cluster that is not sure with a move behind it, and on several
/// columns, of which it may take fewer, only after these were blanked in its style.
fn add(written: &mut Vec<(u16, u16, Cell)>, (x, y): (u16, u16), cell: &Cell) {
    if is_sure(cell.symbol()) {
        written.push((x, y, cell.clone()));
        return;
    }
    let wide = u16::try_from(columns(cell)).unwrap_or(u16::MAX);
    let end = x.saturating_add(wide);
    if wide > 1 {
        written.extend((x..end).map(|x| (x, y, blank(cell))));
    }
    let mut moved = cell.clone();
    moved.set_symbol(&format!("{}{}", cell.symbol(), MoveTo(end, y)));
    written.push((x, y, moved));
}

impl<W: Write> TerminalBackend<W> {
    pub const fn new(writer: W) -> Self {
        Self {
            to: CrosstermBackend::new(writer),
            rows: BTreeMap::new(),
            columns: Shared::new(0),
        }
    }
}

impl<W: Write> Backend for TerminalBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut changes: BTreeMap<u16, Vec<(u16, &Cell)>> = BTreeMap::new();
        for (x, y, cell) in content {
            changes.entry(y).or_default().push((x, cell));
        }
        let mut written = Vec::new();
        for (y, changes) in changes {
            let row = self.rows.entry(y).or_default();
            let was_unsure = row.is_unsure;
            for (x, cell) in &changes {
                row.put(*x, cell);
            }
            row.judge();
            if was_unsure || row.is_unsure {
                queue!(self.to, MoveTo(0, y), Clear(Cleared::UntilNewLine))?;
                row.fill(self.columns.get());
                for (x, cell) in row.each() {
                    add(&mut written, (x, y), cell);
                }
            } else {
                written.extend(changes.into_iter().map(|(x, cell)| (x, y, cell.clone())));
            }
        }
        self.to
            .draw(written.iter().map(|(x, y, cell)| (*x, *y, cell)))
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.to.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.to.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.to.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.to.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.rows.clear();
        self.to.clear()
    }

    /// Of the regions, `ratatui` asks for the whole screen alone while it has all of it.
    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        if matches!(region, ClearType::All) {
            self.rows.clear();
        }
        self.to.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        let size = drawable(self.to.size()?);
        self.columns.set(size.width);
        Ok(size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let size = self.to.window_size()?;
        Ok(WindowSize {
            columns_rows: drawable(size.columns_rows),
            ..size
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.to)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use ratatui::buffer::CellDiffOption;
    use ratatui::style::{Modifier, Style};

    use super::*;
    use crate::width::width;

    fn cell(cluster: &str) -> Cell {
        let mut cell = Cell::EMPTY;
        let wide = u16::try_from(width(cluster)).unwrap();
        cell.set_symbol(cluster);
        cell.set_diff_option(CellDiffOption::ForcedWidth(NonZeroU16::new(wide).unwrap()));
        cell
    }

    /// What each frame of cells in the second row writes, after what is before it; what ends a
    /// frame is cut off.
    fn written(frames: &[&[(u16, Cell)]]) -> String {
        let mut end = Vec::new();
        TerminalBackend::new(&mut end).draw([].into_iter()).unwrap();
        let mut bytes = Vec::new();
        let mut backend = TerminalBackend::new(&mut bytes);
        for frame in frames {
            let cells = frame.iter().map(|(x, cell)| (*x, 1, cell));
            backend.draw(cells).unwrap();
        }
        let written = String::from_utf8(bytes).unwrap();
        let end = String::from_utf8(end).unwrap();
        let frames: Vec<_> = written.split(&end).collect();
        frames[frames.len() - 2].to_owned()
    }

    fn frame(cells: &[(u16, &str)]) -> Vec<(u16, Cell)> {
        cells.iter().map(|(x, symbol)| (*x, cell(symbol))).collect()
    }

    #[test]
    fn a_size_that_no_terminal_has_is_not_believed() {
        for (told, drawn) in [
            ((80, 24), (80, 24)),
            ((1, 1), (1, 1)),
            ((0, 0), (80, 24)),
            ((0, 50), (80, 50)),
            ((132, 0), (132, 24)),
            ((u16::MAX, u16::MAX), (1_024, 512)),
            ((6_000, 40), (1_024, 40)),
        ] {
            let told: Size = told.into();
            assert_eq!(drawable(told), drawn.into(), "{told:?}");
        }
    }

    #[test]
    fn plain_characters_follow_each_other_without_a_move() {
        assert_eq!(
            written(&[&frame(&[(3, "a"), (4, " "), (5, "~"), (9, "b")])]),
            "\u{1b}[2;4Ha ~\u{1b}[2;10Hb"
        );
        assert_eq!(
            written(&[&frame(&[(0, "漢"), (2, "b")])]),
            "\u{1b}[2;1H漢\u{1b}[2;3Hb"
        );
    }

    #[test]
    fn a_move_follows_whatever_a_terminal_could_draw_wider() {
        for cluster in ["é", "│", "e\u{301}", "ж", "❤"] {
            assert_eq!(
                written(&[&frame(&[(0, "a"), (1, cluster), (2, "b"), (3, "c")])]),
                format!("\u{1b}[2;1H\u{1b}[K\u{1b}[2;1Ha{cluster}\u{1b}[2;3Hbc"),
            );
        }
    }

    #[test]
    fn a_cluster_stands_on_columns_that_were_cleared() {
        for cluster in ["🇫🇷", "㉈", "ক্ক", "কা", "க\u{bbe}", "❤\u{fe0f}", "👍🏽"]
        {
            let wide = width(cluster);
            let (blanks, next) = (" ".repeat(wide), wide + 1);
            assert_eq!(
                written(&[&frame(&[(0, cluster), (wide.try_into().unwrap(), "b")])]),
                format!(
                    "\u{1b}[2;1H\u{1b}[K\u{1b}[2;1H{blanks}\u{1b}[2;1H{cluster}\u{1b}[2;{next}H\
                     \u{1b}[2;{next}Hb"
                ),
                "{cluster}"
            );
        }
    }

    #[test]
    fn a_row_with_a_cluster_that_is_not_sure_is_written_whole_when_any_of_it_changes() {
        let first = frame(&[(0, "a"), (1, "é"), (2, "漢"), (4, "b")]);
        let whole = "\u{1b}[2;1H\u{1b}[K\u{1b}[2;1Haé\u{1b}[2;3H漢\u{1b}[2;5H";
        assert_eq!(written(&[&first]), format!("{whole}b"));
        assert_eq!(
            written(&[&first, &frame(&[(4, "x")])]),
            format!("{whole}x"),
            "something behind it"
        );
        assert_eq!(
            written(&[&first, &frame(&[(1, "e")])]),
            "\u{1b}[2;1H\u{1b}[K\u{1b}[2;1Hae漢\u{1b}[2;5Hb",
            "when it goes"
        );
        assert_eq!(
            written(&[&first, &frame(&[(1, "e")]), &frame(&[(4, "x")])]),
            "\u{1b}[2;5Hx",
            "when it is gone"
        );
        assert_eq!(
            written(&[&first, &frame(&[(2, "x"), (3, "y")])]),
            "\u{1b}[2;1H\u{1b}[K\u{1b}[2;1Haé\u{1b}[2;3Hxyb",
        );
    }

    #[test]
    fn a_style_that_blanks_show_is_under_the_cluster_and_not_behind_the_row() {
        let mut bar = cell("🇫🇷");
        bar.set_style(Style::new().add_modifier(Modifier::REVERSED));
        let shown = written(&[&[(0, bar)]]);
        let (cleared, drawn) = shown.split_once("\u{1b}[K").unwrap();
        assert_eq!(cleared, "\u{1b}[2;1H");
        assert!(
            drawn.contains("\u{1b}[7m  \u{1b}[2;1H🇫🇷\u{1b}[2;3H"),
            "{drawn:?}"
        );
    }

    #[test]
    fn after_the_screen_was_cleared_nothing_is_known_of_it() {
        let mut bytes = Vec::new();
        let mut backend = TerminalBackend::new(&mut bytes);
        let (accent, plain) = (cell("é"), cell("x"));
        backend.draw([(0, 0, &accent)].into_iter()).unwrap();
        backend.clear_region(ClearType::All).unwrap();
        backend.draw([(3, 0, &plain)].into_iter()).unwrap();
        let written = String::from_utf8(bytes).unwrap();
        let (_, behind) = written.split_once("\u{1b}[2J").unwrap();
        assert!(
            !behind.contains("\u{1b}[K") && !behind.contains('é'),
            "{behind:?}"
        );
    }
}
