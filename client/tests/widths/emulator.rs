//! A terminal that goes by a table of its own for how wide a character is, as real ones do, and
//! joins nothing: each character has its cells, and marks stand on the cell before. It knows only
//! the sequences that the client writes.

use std::collections::VecDeque;

/// The columns that a terminal gives a character.
pub type Widths = fn(char) -> usize;

#[derive(Clone, PartialEq, Eq)]
enum Glyph {
    /// With the marks on it.
    Text(String),
    /// The second column of a wide character.
    Covered,
}

pub struct Emulator {
    table: Widths,
    size: (usize, usize),
    rows: VecDeque<Vec<Glyph>>,
    /// The rows that were pushed out at the top.
    past: Vec<String>,
    at: (usize, usize),
    /// The last column was written: the next character wraps.
    is_full: bool,
    wraps: bool,
    /// The beginning of a character or a sequence.
    begun: Vec<u8>,
}

impl Emulator {
    /// `size` is columns and rows.
    pub fn new(table: Widths, (columns, rows): (u16, u16)) -> Self {
        let size = (columns.into(), rows.into());
        Self {
            table,
            size,
            rows: blank(size),
            past: Vec::new(),
            at: (0, 0),
            is_full: false,
            wraps: true,
            begun: Vec::new(),
        }
    }

    pub fn process(&mut self, bytes: &[u8]) {
        self.begun.extend_from_slice(bytes);
        let begun = std::mem::take(&mut self.begun);
        let whole = match str::from_utf8(&begun) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                str::from_utf8(&begun[..error.valid_up_to()]).unwrap()
            }
            Err(error) => panic!("what is written is no UTF-8: {error}"),
        };
        let mut rest = whole;
        while let Some(c) = rest.chars().next() {
            if c == '\u{1b}' {
                let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) else {
                    break;
                };
                let order = rest[1..=end]
                    .strip_prefix('[')
                    .expect("an order of another kind");
                self.obey(order);
                rest = &rest[end + 1..];
                continue;
            }
            match c {
                '\r' => self.go(0, self.at.1),
                '\n' => self.go_down(),
                '\u{7}' => {}
                c => self.print(c),
            }
            rest = &rest[c.len_utf8()..];
        }
        self.begun = begun[whole.len() - rest.len()..].to_vec();
    }

    /// Without the blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        self.rows.iter().map(|row| text(row)).collect()
    }

    /// Those that were pushed out as well.
    pub fn all_rows(&self) -> Vec<String> {
        self.past.iter().cloned().chain(self.rows()).collect()
    }

    /// What stands in the first columns of each row.
    pub fn begins(&self, columns: usize) -> Vec<String> {
        let rows = self.rows.iter();
        rows.map(|row| shown(&row[..columns])).collect()
    }

    /// The other columns of each row, without the blanks at their ends; empty where a character
    /// before them takes the first of them.
    pub fn behind(&self, columns: usize) -> Vec<String> {
        let rows = self.rows.iter().map(|row| &row[columns..]);
        rows.map(|row| match row.first() {
            Some(Glyph::Covered) => String::new(),
            _ => text(row),
        })
        .collect()
    }

    fn obey(&mut self, order: &str) {
        match order {
            "?7h" => self.wraps = true,
            "?7l" => self.wraps = false,
            "2J" | "?1049h" | "?1049l" => self.rows = blank(self.size),
            "K" => {
                for column in self.at.0..self.size.0 {
                    self.put(column, self.at.1, Glyph::Text(" ".to_owned()));
                }
            }
            order => {
                if let Some(place) = order.strip_suffix('H') {
                    let (row, column) = place.split_once(';').unwrap_or(("1", "1"));
                    let (row, column): (usize, usize) =
                        (row.parse().unwrap(), column.parse().unwrap());
                    self.go(column - 1, row - 1);
                } else {
                    assert!(order.ends_with(['m', 'h', 'l', 's', 'r']), "{order}");
                }
            }
        }
    }

    fn go(&mut self, column: usize, row: usize) {
        let (columns, rows) = self.size;
        self.at = (column.min(columns - 1), row.min(rows - 1));
        self.is_full = false;
    }

    fn print(&mut self, c: char) {
        let wide = (self.table)(c);
        let (columns, _) = self.size;
        if wide == 0 {
            self.add(c);
            return;
        }
        if self.is_full || self.at.0 + wide > columns {
            if self.wraps {
                self.at.0 = 0;
                self.go_down();
            } else {
                self.at.0 = columns - wide;
            }
        }
        let (column, row) = self.at;
        self.put(column, row, Glyph::Text(c.to_string()));
        for covered in column + 1..column + wide {
            self.put(covered, row, Glyph::Covered);
        }
        let next = column + wide;
        self.at.0 = next.min(columns - 1);
        self.is_full = next == columns;
    }

    /// Puts a mark on the character before the cursor.
    fn add(&mut self, mark: char) {
        let (column, row) = self.at;
        let end = if self.is_full { column + 1 } else { column };
        let before = self.rows[row][..end].iter_mut().rev();
        for held in before {
            if let Glyph::Text(text) = held {
                text.push(mark);
                return;
            }
        }
    }

    /// What is left of a wide character that is written over is blank.
    fn put(&mut self, column: usize, row: usize, held: Glyph) {
        let row = &mut self.rows[row];
        if held != Glyph::Covered && row[column] == Glyph::Covered {
            let before = row[..column]
                .iter()
                .rposition(|held| *held != Glyph::Covered);
            row[before.unwrap_or(0)..column].fill(Glyph::Text(" ".to_owned()));
        }
        for covered in &mut row[column + 1..] {
            if *covered != Glyph::Covered {
                break;
            }
            *covered = Glyph::Text(" ".to_owned());
        }
        row[column] = held;
    }

    fn go_down(&mut self) {
        self.is_full = false;
        if self.at.1 + 1 < self.size.1 {
            self.at.1 += 1;
            return;
        }
        let first = self.rows.pop_front().unwrap();
        self.past.push(text(&first));
        self.rows.push_back(blank_row(self.size.0));
    }
}

fn blank((columns, rows): (usize, usize)) -> VecDeque<Vec<Glyph>> {
    (0..rows).map(|_| blank_row(columns)).collect()
}

fn blank_row(columns: usize) -> Vec<Glyph> {
    vec![Glyph::Text(" ".to_owned()); columns]
}

fn shown(row: &[Glyph]) -> String {
    let texts = row.iter().map(|held| match held {
        Glyph::Text(text) => text.as_str(),
        Glyph::Covered => "",
    });
    texts.collect()
}

fn text(row: &[Glyph]) -> String {
    shown(row).trim_end().to_owned()
}
