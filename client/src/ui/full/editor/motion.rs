//! Movement in a text: from one byte offset to another, always between two grapheme clusters.
//! Pure functions of text and offset; the editor binds them to actions.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::layout::columns;

pub(super) type Motion = fn(&str, usize) -> usize;

/// The offset itself, or the next boundary if it is within a cluster.
pub(super) fn settled(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    // It fails only for a text given in chunks.
    match cursor.is_boundary(text, 0) {
        Ok(false) => right(text, at),
        _ => at,
    }
}

pub(super) fn left(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(0)
}

pub(super) fn right(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    let next = cursor.next_boundary(text, 0).ok().flatten();
    next.unwrap_or(text.len())
}

/// The end of the word at the offset, or of the next one; words are of letters and digits.
pub(super) fn word_right(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let mut clusters = rest
        .grapheme_indices(true)
        .skip_while(|(_, cluster)| !is_letter(cluster))
        .skip_while(|(_, cluster)| is_letter(cluster));
    clusters
        .next()
        .map_or(text.len(), |(offset, _)| at + offset)
}

/// The beginning of the word before the offset; words are of letters and digits.
pub(super) fn word_left(text: &str, at: usize) -> usize {
    let end = back_while(text, at, |cluster| !is_letter(cluster));
    back_while(text, end, is_letter)
}

/// The beginning of the word before the offset, words being separated by blanks; at the start of a
/// line, the end of the line before.
pub(super) fn blank_left(text: &str, at: usize) -> usize {
    let is_blank = |cluster: &str| cluster.chars().all(char::is_whitespace);
    let end = back_while(text, at, |cluster| cluster != "\n" && is_blank(cluster));
    let begin = back_while(text, end, |cluster| !is_blank(cluster));
    if begin == at { left(text, at) } else { begin }
}

pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |feed| feed + 1)
}

pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |offset| at + offset)
}

/// The end of the line; at the end already, behind the line feed, so that repeated kills go on.
pub(super) fn cut_end(text: &str, at: usize) -> usize {
    let end = line_end(text, at);
    if end == at { right(text, at) } else { end }
}

/// The start of the line; at the start already, before the line feed.
pub(super) fn cut_start(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    if start == at { left(text, at) } else { start }
}

/// The column of an offset in its line, as if no line were wrapped.
pub(super) fn column(text: &str, at: usize) -> usize {
    text.get(line_start(text, at)..at).map_or(0, columns)
}

pub(super) fn above(text: &str, at: usize, column: usize) -> Option<usize> {
    let end = line_start(text, at).checked_sub(1)?;
    Some(in_column(text, line_start(text, end), end, column))
}

pub(super) fn below(text: &str, at: usize, column: usize) -> Option<usize> {
    let end = line_end(text, at);
    let begin = end + 1;
    (end < text.len()).then(|| in_column(text, begin, line_end(text, begin), column))
}

fn in_column(text: &str, begin: usize, end: usize, column: usize) -> usize {
    let line = text.get(begin..end).unwrap_or_default();
    let mut so_far = 0;
    for (offset, cluster) in line.grapheme_indices(true) {
        so_far += columns(cluster);
        if so_far > column {
            return begin + offset;
        }
    }
    end
}

fn back_while(text: &str, at: usize, which: impl Fn(&str) -> bool) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let mut clusters = before.grapheme_indices(true).rev();
    let stop = clusters.find(|(_, cluster)| !which(cluster));
    stop.map_or(0, |(offset, cluster)| offset + cluster.len())
}

fn is_letter(cluster: &str) -> bool {
    cluster.starts_with(char::is_alphanumeric)
}
