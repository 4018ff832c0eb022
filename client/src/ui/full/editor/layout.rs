//! A text in rows of a width, with its cursor. Knows nothing of what is beside it on the screen.

use unicode_segmentation::UnicodeSegmentation;

use crate::sanitize;
use crate::width::TAB;

/// Drawn for a character that is wider than the screen.
const TOO_WIDE: &str = "…";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Sanitized, and none wider than the width. At least one.
    pub rows: Vec<String>,
    /// Row and column, from 0. The column is less than the width.
    pub cursor: (usize, usize),
}

/// `cursor` is in bytes of `text`.
pub(super) fn lay_out(text: &str, cursor: usize, width: usize) -> Layout {
    let (shown, cursor) = sanitize::text_at(text, cursor);
    let mut pen = Pen {
        width: width.max(1),
        rows: vec![String::new()],
        column: 0,
    };
    let mut seen = None;
    for (begin, cluster) in shown.grapheme_indices(true) {
        let drawn = if cluster == "\t" { TAB } else { cluster };
        if begin >= cursor && seen.is_none() {
            seen = Some(pen.place(first_columns(drawn)));
        }
        match drawn {
            "\n" => pen.next_row(),
            TAB => TAB.graphemes(true).for_each(|blank| pen.draw(blank)),
            _ => pen.draw(drawn),
        }
    }
    let cursor = seen.unwrap_or_else(|| pen.place(1));
    Layout {
        rows: pen.rows,
        cursor,
    }
}

/// Of a text without line feeds, as if it were not wrapped.
pub(super) fn columns(text: &str) -> usize {
    let shown = sanitize::text(text);
    let clusters = shown.graphemes(true);
    clusters
        .map(|cluster| match cluster {
            "\t" => TAB.len(),
            _ => width(cluster),
        })
        .sum()
}

pub(super) fn width(cluster: &str) -> usize {
    crate::width::width(cluster)
}

/// The columns that must be free for the cursor before a cluster: a wide character goes to the
/// next row, and its cursor with it.
fn first_columns(drawn: &str) -> usize {
    match drawn {
        "\n" | TAB => 1,
        _ => width(drawn).max(1),
    }
}

struct Pen {
    width: usize,
    rows: Vec<String>,
    column: usize,
}

impl Pen {
    fn next_row(&mut self) {
        self.rows.push(String::new());
        self.column = 0;
    }

    fn make_room(&mut self, columns: usize) {
        if self.column > 0 && self.column + columns > self.width {
            self.next_row();
        }
    }

    /// Where a cluster of so many columns will be drawn.
    fn place(&mut self, columns: usize) -> (usize, usize) {
        self.make_room(columns);
        (self.rows.len() - 1, self.column)
    }

    fn draw(&mut self, cluster: &str) {
        let fits = width(cluster) <= self.width;
        let cluster = if fits { cluster } else { TOO_WIDE };
        self.make_room(width(cluster));
        self.column += width(cluster);
        if let Some(row) = self.rows.last_mut() {
            row.push_str(cluster);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `|` marks the cursor in the text.
    fn laid_out(marked: &str, width: usize) -> (Vec<String>, (usize, usize)) {
        let cursor = marked.find('|').unwrap();
        let Layout { rows, cursor } = lay_out(&marked.replace('|', ""), cursor, width);
        (rows, cursor)
    }

    #[test]
    fn a_text_is_wrapped_and_its_cursor_stands_where_it_goes_on() {
        for (marked, rows, cursor) in [
            ("|", &[""][..], (0, 0)),
            ("abc|", &["abc"], (0, 3)),
            ("a|bcdef", &["abcd", "ef"], (0, 1)),
            ("abcd|ef", &["abcd", "ef"], (1, 0)),
            // At the right edge, with nothing behind it.
            ("abcd|", &["abcd", ""], (1, 0)),
            ("|abcd", &["abcd"], (0, 0)),
            ("abcd|\nef", &["abcd", "", "ef"], (1, 0)),
            ("abcd\n|ef", &["abcd", "ef"], (1, 0)),
            ("ab\n|", &["ab", ""], (1, 0)),
            ("a\n\nb|", &["a", "", "b"], (2, 1)),
            // A character of two columns does not stand half in a row.
            ("abc漢|", &["abc", "漢"], (1, 2)),
            ("abc|漢", &["abc", "漢"], (1, 0)),
            ("漢漢|", &["漢漢", ""], (1, 0)),
            ("a\t|b", &["a   ", " b"], (1, 1)),
            ("a|\tb", &["a   ", " b"], (0, 1)),
            ("abcd|\t", &["abcd", "    "], (1, 0)),
        ] {
            let (laid, place) = laid_out(marked, 4);
            assert_eq!(laid, rows, "{marked:?}");
            assert_eq!(place, cursor, "{marked:?}");
        }
    }

    #[test]
    fn clusters_are_as_wide_as_they_are_drawn() {
        for (marked, cursor) in [
            ("e\u{301}|", (0, 1)),
            ("👩\u{200d}👩\u{200d}👧|", (0, 6)),
            ("❤\u{fe0f}|x", (0, 2)),
            ("🇫🇷|", (0, 2)),
            ("👍🏽|", (0, 4)),
            ("می\u{200c}|خ", (0, 2)),
            ("क\u{94d}\u{200d}ष|", (0, 2)),
        ] {
            let (rows, place) = laid_out(marked, 20);
            assert_eq!(place, cursor, "{marked:?}");
            assert_eq!(rows, [marked.replace('|', "")]);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        let (rows, cursor) = laid_out("a\u{1b}[2J|\u{202e}b", 20);
        assert_eq!(rows, ["a\\u{1b}[2J\\u{202e}b"]);
        assert_eq!(cursor, (0, 10));
        let (rows, cursor) = laid_out("a\u{200d}|", 20);
        assert_eq!((rows[0].as_str(), cursor), ("a\\u{200d}", (0, 9)));
        // An escape of several characters is wrapped like a text.
        let (rows, cursor) = laid_out("\u{9b}|", 4);
        assert_eq!((rows, cursor), (vec!["\\u{9".into(), "b}".into()], (1, 2)));
    }

    #[test]
    fn no_width_is_too_small() {
        assert_eq!(laid_out("a漢|", 1).0, ["a", "…", ""]);
        assert_eq!(
            laid_out("ab|", 0),
            (vec!["a".into(), "b".into(), String::new()], (2, 0))
        );
    }
}
