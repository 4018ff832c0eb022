//! Texts in lines that fit. Returns slices only, so that no copy of a secret is left in memory.

use crate::width::{clusters, width};

/// Lines of at most `columns`, broken at blanks where there are any.
pub fn wrap(text: &str, columns: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        wrap_line(line, columns, &mut lines);
    }
    lines
}

fn wrap_line<'t>(line: &'t str, columns: usize, lines: &mut Vec<&'t str>) {
    let mut rest = line;
    loop {
        let fits = fitting(rest, columns);
        let (head, tail) = rest.split_at_checked(fits).unwrap_or((rest, ""));
        if tail.is_empty() {
            lines.push(head);
            return;
        }
        let cut = if tail.starts_with(' ') {
            fits
        } else {
            last_blank(head).unwrap_or(fits)
        };
        let (line, next) = rest.split_at_checked(cut).unwrap_or((rest, ""));
        lines.push(line);
        rest = next.trim_start_matches(' ');
        if rest.is_empty() {
            return;
        }
    }
}

/// The last blank to break at; a blank of the indentation is none.
fn last_blank(line: &str) -> Option<usize> {
    let at = line.rfind(' ')?;
    let before = line.get(..at)?;
    (!before.trim().is_empty()).then_some(at)
}

/// How many bytes fit into `columns`: at least one cluster, or wrapping would not end.
fn fitting(text: &str, columns: usize) -> usize {
    let (mut end, mut used) = (0, 0);
    for cluster in clusters(text) {
        used += cluster.width;
        if used > columns && end > 0 {
            break;
        }
        end = cluster.end();
    }
    end
}

/// The part of `text` to show in `columns` so that the cursor, which stands behind `before`, is in
/// sight; and the cursor's column in it. `text` begins with `before`.
pub(super) fn window<'t>(text: &'t str, before: &str, columns: usize) -> (&'t str, usize) {
    let mut at = width(before);
    let mut rest = text;
    // One column is left for the cursor.
    while at >= columns.max(1) {
        let Some(first) = clusters(rest).next() else {
            break;
        };
        at = at.saturating_sub(first.width);
        rest = rest.get(first.end()..).unwrap_or_default();
    }
    (rest, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_part_at_blanks_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("onetwothree", 4), ["onet", "woth", "ree"]);
        assert_eq!(wrap("a\n\nb ", 4), ["a", "", "b "]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("  SHA256:abc", 6), ["  SHA2", "56:abc"]);
    }

    #[test]
    fn a_character_is_never_parted() {
        let family = "👩\u{200d}👩\u{200d}👧";
        assert_eq!(wrap(&family.repeat(2), 2), [family, family]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        for columns in 0..3 {
            assert_eq!(wrap("日本", columns), ["日", "本"]);
        }
    }

    #[test]
    fn every_cluster_has_the_columns_of_the_widest_terminal() {
        // Two columns joined, four side by side; one for the letter, one for its vowel sign.
        for (cluster, columns) in [("👍🏽", 4), ("কা", 2)] {
            let two = cluster.repeat(2);
            assert_eq!(wrap(&two, 2 * columns), [two.as_str()], "{cluster}");
            assert_eq!(wrap(&two, 2 * columns - 1), [cluster; 2], "{cluster}");
            let seen = window(&two, &two, 2 * columns);
            assert_eq!(seen, (cluster, columns), "{cluster}");
        }
    }

    #[test]
    fn the_cursor_is_always_in_the_window() {
        assert_eq!(window("abcdef", "", 4), ("abcdef", 0));
        assert_eq!(window("abcdef", "abcdef", 4), ("def", 3));
        assert_eq!(window("abcdef", "abcd", 4), ("bcdef", 3));
        assert_eq!(window("日本語", "日本語", 4), ("語", 2));
        assert_eq!(window("abc", "abc", 0), ("", 0));
    }
}
