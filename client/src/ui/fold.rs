//! How much of a text is shown where it is one of many: a message may be thousands of rows high, and
//! would push all others out of sight. `/unfold` shows the rest.

use crate::words::screen as words;

/// A text of more rows is folded: a last row says how many are hidden.
pub const MOST_ROWS: usize = 12;
/// Before what tells of hidden lines, which thus begins like no message.
const INDENT: &str = "    ";

/// How many of so many rows are shown, and how many are hidden behind the row that tells of them.
#[must_use]
pub const fn fold(rows: usize) -> (usize, usize) {
    if rows <= MOST_ROWS {
        return (rows, 0);
    }
    (MOST_ROWS - 1, rows - (MOST_ROWS - 1))
}

/// Folds lines that end with a line feed, where each is a row; `write` makes such lines of what tells
/// of those hidden.
#[must_use]
pub fn fold_lines(lines: String, write: impl FnOnce(String) -> String, command: &str) -> String {
    let (kept, hidden) = fold(lines.matches('\n').count());
    if hidden == 0 {
        return lines;
    }
    let mut short: String = lines.split_inclusive('\n').take(kept).collect();
    short.push_str(&write(told(hidden, command)));
    short
}

/// The line that tells of hidden ones.
#[must_use]
pub fn told(hidden: usize, command: &str) -> String {
    format!("{INDENT}{}\n", words::folded(hidden, Some(command)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_no_more_than_its_rows_and_none_is_lost_from_the_count() {
        assert_eq!(fold(0), (0, 0));
        assert_eq!(fold(12), (12, 0));
        assert_eq!(fold(13), (11, 2));
        assert_eq!(fold(8_190), (11, 8_179));
    }
}
