//! A terminal that draws some characters wider than the program takes them for, as real ones do. It
//! turns bytes into rows, and knows only the sequences that a full screen writes.

use unicode_width::UnicodeWidthChar;

pub struct Wider {
    size: (usize, usize),
    /// The character of each column; empty behind one that takes two.
    rows: Vec<Vec<String>>,
    at: (usize, usize),
    wraps: bool,
}

impl Wider {
    /// The screen of a terminal of this size (columns, rows) after these bytes; `None` where they
    /// end within a character or a sequence.
    pub fn shows((columns, rows): (u16, u16), bytes: &[u8]) -> Option<Self> {
        let size = (columns.into(), rows.into());
        let mut terminal = Self {
            size,
            rows: blank(size),
            at: (0, 0),
            wraps: true,
        };
        let text = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => return None,
            Err(error) => panic!("what is written is no UTF-8: {error}"),
        };
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\u{1b}' => {
                    assert_eq!(rest.next()?, '[', "an order of another kind");
                    let order = rest.as_str();
                    let end = order.find(|c| ('@'..='~').contains(&c))?;
                    terminal.obey(&order[..=end]);
                    rest = order[end + 1..].chars();
                }
                '\r' => terminal.at.0 = 0,
                '\n' => terminal.go_down(),
                c => terminal.print(c),
            }
        }
        Some(terminal)
    }

    /// Without the blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        let rows = self.rows.iter().map(|row| row.concat());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    /// The first columns of each row.
    pub fn begins(&self, columns: usize) -> Vec<String> {
        self.rows
            .iter()
            .map(|row| row[..columns].concat())
            .collect()
    }

    /// The other columns of each row, without the blanks at their ends; empty where a character
    /// before them takes the first of them.
    pub fn behind(&self, columns: usize) -> Vec<String> {
        let rows = self.rows.iter().map(|row| &row[columns..]);
        let rows = rows.map(|row| match row.first() {
            Some(first) if first.is_empty() => String::new(),
            _ => row.concat(),
        });
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    fn obey(&mut self, order: &str) {
        match order {
            "?7h" => self.wraps = true,
            "?7l" => self.wraps = false,
            "2J" | "?1049h" | "?1049l" => self.rows = blank(self.size),
            order => {
                if let Some(place) = order.strip_suffix('H') {
                    let (row, column) = place.split_once(';').unwrap_or(("1", "1"));
                    let (row, column): (usize, usize) =
                        (row.parse().unwrap(), column.parse().unwrap());
                    let (columns, rows) = self.size;
                    self.at = (column.min(columns) - 1, row.min(rows) - 1);
                }
            }
        }
    }

    fn print(&mut self, c: char) {
        let width = width(c);
        let (columns, _) = self.size;
        if width == 0 {
            let (column, row) = self.at;
            self.rows[row][column.saturating_sub(1)].push(c);
            return;
        }
        if self.at.0 + width > columns {
            if self.wraps {
                self.at.0 = 0;
                self.go_down();
            } else {
                self.at.0 = columns - width;
            }
        }
        let (column, row) = self.at;
        self.rows[row][column] = c.to_string();
        for covered in &mut self.rows[row][column + 1..column + width] {
            covered.clear();
        }
        self.at.0 += width;
    }

    fn go_down(&mut self) {
        if self.at.1 + 1 < self.size.1 {
            self.at.1 += 1;
        } else {
            self.rows.remove(0);
            self.rows.push(vec![" ".to_owned(); self.size.0]);
        }
    }
}

fn blank((columns, rows): (usize, usize)) -> Vec<Vec<String>> {
    vec![vec![" ".to_owned(); columns]; rows]
}

/// Circled numbers on squares as terminals with East Asian fonts draw them; letters and signs of
/// Bengali, Tamil and Khmer side by side, without joining them.
fn width(c: char) -> usize {
    match c {
        '\u{3248}'..='\u{324f}' => 2,
        '\u{980}'..='\u{9ff}' | '\u{b80}'..='\u{bff}' | '\u{1780}'..='\u{17ff}' => 1,
        c => c.width().unwrap_or(0),
    }
}
