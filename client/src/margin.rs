//! Lines that are written, and not drawn: to a terminal without cursor moves, to a pipe or a file.
//!
//! The threat: a text of somebody's whose row looks like the line of somebody else. Our lines begin
//! in the first column; rows that follow begin behind blanks, or, where too little would be left,
//! behind a mark that no line begins with. On a terminal each row is broken here, by the most
//! columns that any terminal could take for it: where the terminal breaks it, the next row begins
//! in the first column.

use crate::width::{TAB, clusters, most, width};
use crate::wrap::wrap_for_any;

/// With fewer columns left behind a head, further rows begin behind [`MARK`].
const MIN_ROOM: usize = 16;
/// With fewer columns left behind a head, the text begins in the next row.
const MIN_FIRST: usize = 4;
/// ASCII, so that it is as wide everywhere.
const MARK: &str = "| ";

/// A text behind the head of its line, as lines that end with a line feed. `columns` is the width
/// of the terminal, `None` where there is no edge.
#[must_use]
pub fn hang(head: &str, text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        let begin = format!("\n{}", " ".repeat(width(head)));
        return format!("{head}{}\n", text.replace('\n', &begin));
    };
    let mark = mark(columns);
    let (mut lines, used) = folded(head, columns, mark);
    let room = columns.saturating_sub(used);
    let begin = if room >= MIN_ROOM && !lines.contains('\n') {
        " ".repeat(width(head))
    } else {
        mark.to_owned()
    };
    let first = if room < MIN_FIRST { 0 } else { room };
    let text = text.replace('\t', TAB);
    add_rows(&mut lines, &text, (first, columns), &begin);
    lines
}

/// The columns that every row of a text has behind such a head.
#[must_use]
pub fn room(head: &str, columns: usize) -> usize {
    let room = columns.saturating_sub(most(head));
    if room >= MIN_ROOM {
        room
    } else {
        columns.saturating_sub(MARK.len())
    }
}

/// Lines of a list, each in rows: those that follow begin further right than the line.
#[must_use]
pub fn fold(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.replace('\t', TAB);
        let blanks = line.len() - line.trim_start_matches(' ').len();
        let begin = " ".repeat((blanks + TAB.len()).min(columns / 2));
        add_rows(&mut lines, &line, (columns, columns), &begin);
    }
    lines
}

/// `first` columns are left in the first row.
fn add_rows(lines: &mut String, text: &str, (first, columns): (usize, usize), begin: &str) {
    let rest = columns.saturating_sub(begin.len());
    for (number, row) in wrap_for_any(text, first, rest).into_iter().enumerate() {
        if number > 0 {
            lines.push_str(begin);
        }
        lines.push_str(text.get(row).unwrap_or_default());
        lines.push('\n');
    }
}

/// The rows of a head, which are several where it is wider than the terminal, and the columns that
/// the last one takes.
fn folded(head: &str, columns: usize, mark: &str) -> (String, usize) {
    let mut rows = String::with_capacity(head.len());
    let mut used = 0;
    for cluster in clusters(head) {
        if used > 0 && used + cluster.most > columns {
            rows.push('\n');
            rows.push_str(mark);
            used = mark.len();
        }
        rows.push_str(cluster.text);
        used += cluster.most;
    }
    debug_assert!(used >= most(rows.rsplit('\n').next().unwrap_or_default()));
    (rows, used)
}

fn mark(columns: usize) -> &'static str {
    match columns {
        0..=2 => "",
        3..=7 => MARK.trim_end(),
        _ => MARK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "12:34:56 #lobby <alice> ";

    #[test]
    fn further_rows_begin_where_the_text_does() {
        assert_eq!(hang(HEAD, "hello", Some(60)), format!("{HEAD}hello\n"));
        let begin = " ".repeat(HEAD.len());
        assert_eq!(
            hang(HEAD, "one two\nthree", Some(HEAD.len() + 16)),
            format!("{HEAD}one two\n{begin}three\n")
        );
        assert_eq!(
            hang(HEAD, "one two three four\n", Some(HEAD.len() + 16)),
            format!("{HEAD}one two three\n{begin}four\n{begin}\n")
        );
        assert_eq!(
            hang(HEAD, "one\ttwo\nthree", None),
            format!("{HEAD}one\ttwo\n{begin}three\n")
        );
    }

    #[test]
    fn where_too_little_is_left_they_begin_behind_a_mark() {
        assert_eq!(
            hang(HEAD, "one two three", Some(30)),
            format!("{HEAD}one\n| two three\n")
        );
        assert_eq!(
            hang(HEAD, "one", Some(HEAD.len() + 1)),
            format!("{HEAD}\n| one\n")
        );
        assert_eq!(
            hang(HEAD, "one two", Some(10)),
            "12:34:56 #\n| lobby <a\n| lice> \n| one two\n"
        );
    }

    #[test]
    fn no_row_is_wider_than_any_terminal_makes_it_and_all_but_the_first_are_marked() {
        let texts = [
            format!("x{}12:34:57 #lobby <bob> I resign", " ".repeat(50)),
            "я согласен 12:34:57 #lobby <bob> нет".repeat(3),
            "👩\u{200d}👩\u{200d}👧🇫🇷㉈e\u{301}\u{301}কা…".repeat(9),
            "12:34:57 #lobby <bob> \t \u{301}x".repeat(4),
        ];
        for text in &texts {
            for columns in 3..120 {
                for lines in [
                    hang(HEAD, text, Some(columns)),
                    hang(
                        &format!("12:34:56 #{} <я> ", "ж".repeat(60)),
                        text,
                        Some(columns),
                    ),
                    fold(&format!("  {text}\n"), Some(columns)),
                ] {
                    for (number, row) in lines.lines().enumerate() {
                        assert!(most(row) <= columns, "{columns} {row:?}");
                        assert!(
                            number == 0 || row.is_empty() || row.starts_with([' ', '|']),
                            "{columns} {row:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_list_is_folded_line_by_line() {
        assert_eq!(
            fold("  #ops  audited: a topic\n  #dev\n", Some(16)),
            "  #ops  audited:\n      a topic\n  #dev\n"
        );
        assert_eq!(fold("  long line\n", None), "  long line\n");
    }
}
