//! What a search found, as it is shown: where its words are in a message, and of a long one the rows
//! around the first. The same for every face; the words are those of the server
//! ([`chatbox_common::search`]).

use std::ops::Range;

use chatbox_common::search::Query;

use super::fold::fold;
use crate::width::clusters;

/// Rows shown before that of the first word found.
const ROWS_BEFORE: usize = 3;
const CUT: &str = "…";
/// The columns of [`CUT`] at both ends, which every terminal has for it: rows of a part of a text
/// are so much shorter.
pub const CUTS: usize = 4;

/// Where a sanitized text has the words, in whole clusters.
#[must_use]
pub fn places(text: &str, sought: &Query) -> Vec<Range<usize>> {
    let mut found = sought.places(text);
    if found.is_empty() || text.is_ascii() {
        return found;
    }
    for cluster in clusters(text) {
        let first = found.partition_point(|place| place.end <= cluster.at);
        let here = found.iter_mut().skip(first);
        for place in here.take_while(|place| place.start < cluster.end()) {
            place.start = place.start.min(cluster.at);
            place.end = place.end.max(cluster.end());
        }
    }
    // Several words may have been in one cluster.
    found.dedup_by(|next, kept| {
        let overlaps = next.start < kept.end;
        if overlaps {
            kept.end = kept.end.max(next.end);
        }
        overlaps
    });
    found
}

#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    /// The words in it.
    pub found: Vec<Range<usize>>,
    /// How many rows are not shown.
    pub hidden: usize,
}

/// As many of a text's rows as are shown of a long one, with an ellipsis where it is cut.
#[must_use]
pub fn part(text: &str, found: &[Range<usize>], rows: &[Range<usize>]) -> Part {
    let (kept, hidden) = fold(rows.len());
    let hit = found.first().map_or(0, |place| place.start);
    let hit = rows.iter().take_while(|row| row.end <= hit).count();
    let first = hit.saturating_sub(ROWS_BEFORE).min(hidden);
    let shown = rows.iter().skip(first).take(kept);
    let (mut begin, mut end) = (text.len(), 0);
    for row in shown {
        begin = begin.min(row.start);
        end = end.max(row.end);
    }
    let mut part = String::new();
    if first > 0 {
        part.push_str(CUT);
    }
    let offset = part.len();
    part.push_str(text.get(begin..end).unwrap_or_default());
    if first + kept < rows.len() {
        part.push_str(CUT);
    }
    let here = found
        .iter()
        .filter(|place| place.start < end && place.end > begin)
        .map(|place| place.start.max(begin) - begin + offset..place.end.min(end) - begin + offset);
    Part {
        found: here.collect(),
        text: part,
        hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrap::wrap;

    fn shown(text: &str, typed: &str, columns: usize) -> (String, Vec<String>, usize) {
        let found = places(text, &Query::new(typed));
        let part = part(text, &found, &wrap(text, columns, columns));
        let marked = part
            .found
            .iter()
            .map(|place| part.text[place.clone()].to_owned());
        (part.text.clone(), marked.collect(), part.hidden)
    }

    #[test]
    fn of_a_long_text_the_rows_around_the_first_word_are_shown() {
        let lines: Vec<_> = (1..=40).map(|n| format!("no{n}")).collect();
        let text = lines.join("\n");
        let range = |from: usize, to: usize| lines[from - 1..to].join("\n");
        for (typed, expected, marked) in [
            ("no20", format!("…{}…", range(17, 27)), &["no20"][..]),
            ("no2", format!("{}…", range(1, 11)), &["no2"]),
            ("no40 no4", format!("{}…", range(1, 11)), &["no4"]),
            ("no40", format!("…{}", range(30, 40)), &["no40"]),
            (
                "no38 no39",
                format!("…{}", range(30, 40)),
                &["no38", "no39"],
            ),
            ("else", format!("{}…", range(1, 11)), &[]),
        ] {
            let (text, found, hidden) = shown(&text, typed, 80);
            assert_eq!((text, hidden), (expected, 29), "{typed}");
            assert_eq!(found, marked, "{typed}");
        }
        let whole = (range(1, 12), vec!["no7".to_owned()], 0);
        assert_eq!(shown(&range(1, 12), "no7", 80), whole);
    }

    #[test]
    fn a_text_is_cut_and_marked_at_whole_clusters() {
        let family = "👩\u{200d}👩\u{200d}👧";
        for filling in [family, "ที่", "漢", "각", "e\u{301}", "कि"] {
            let text = format!("{}東京の{}", filling.repeat(300), filling.repeat(300));
            let (part, found, hidden) = shown(&text, "東京", 20);
            assert!(hidden > 0 && found == ["東京"], "{filling}");
            let inner = part.trim_matches('…');
            let rest = inner.replace(filling, "");
            assert_eq!(rest, "東京の");
            assert_eq!(part.len(), inner.len() + 2 * CUT.len());
        }
        for (text, typed, marked) in [
            ("ที่นี่", "ท", &["ที่"][..]),
            ("กำ", "ก า", &["กำ"]),
            ("각ᆨ x", "각", &["각ᆨ"]),
            ("e\u{301}te\u{301}.", "ete", &["e\u{301}te\u{301}"]),
            ("x\u{301}\u{323}x", "x", &[]),
            ("İİ ı", "ii", &["İİ"]),
            ("GROẞ groß", "groß", &["GROẞ", "groß"]),
            ("漢字漢字", "字", &["字", "字"]),
            ("1\u{fe0f}\u{20e3}2", "12", &["1\u{fe0f}\u{20e3}2"]),
            ("👩\u{200d}disk", "disk", &["disk"]),
        ] {
            assert_eq!(shown(text, typed, 80).1, marked, "{typed} in {text}");
        }
    }
}
