//! Which messages a chat.log that was there has, as a start needs to know it. Called by
//! [`AuditedChat::open`](super::AuditedChat::open), once.
//!
//! A power cut may leave a file whose end is longer than what reached the disk: bytes of value 0
//! stand for the rest. Behind the last line they are cut with it; between lines they make one that
//! can't be read, in whose place are others that the file lacks.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes of the file's end that hold at least one whole line: a text of 8 KiB in its longest
/// escaped form, and the line's other fields.
const TAIL: u64 = 256 * 1024;
/// Bytes of the end beyond which lines are not looked at: more than is written between two syncs.
const MOST: u64 = 64 * 1024 * 1024;

/// Rows of the database that have a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoggedRows {
    /// None up to this one is missing.
    pub(super) complete: u64,
    pub(super) highest: u64,
}

impl LoggedRows {
    /// In a file that ends with a whole line. `None` without a line, and for a device or a pipe.
    /// Rows up to `mark` are known to have lines that a power cut can't take; they may stand in a
    /// file that was moved away.
    pub(super) fn read(path: &Path, mark: u64) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let mut size = TAIL;
        loop {
            let start = metadata.len().saturating_sub(size);
            let mut end = Vec::new();
            file.seek(SeekFrom::Start(start))?;
            Read::by_ref(&mut file).take(size).read_to_end(&mut end)?;
            let end = String::from_utf8_lossy(&end);
            // The end may begin in the middle of a line, with words that somebody has typed.
            let lines = end.lines().skip(usize::from(start > 0));
            let rows: Vec<Option<u64>> = lines.map(row).collect();
            let first = rows.iter().flatten().next();
            let is_enough = first.is_some_and(|&row| row <= mark.saturating_add(1));
            if is_enough || start == 0 || size >= MOST {
                return Ok(Self::of(&rows, mark));
            }
            size *= 4;
        }
    }

    /// `None` in `rows` is a line that can't be read.
    fn of(rows: &[Option<u64>], mark: u64) -> Option<Self> {
        let (mut complete, mut highest) = (None, 0);
        let mut is_broken = false;
        for row in rows {
            let Some(row) = *row else {
                is_broken = true;
                continue;
            };
            // Numbers that are left out without such a line were never given to a message.
            let known = highest.max(mark);
            if std::mem::take(&mut is_broken) && row > known.saturating_add(1) {
                complete = complete.or(Some(known));
            }
            highest = highest.max(row);
        }
        (highest > 0).then(|| Self {
            complete: complete.unwrap_or(highest),
            highest,
        })
    }
}

/// The number in a line. It is the fourth word, before anything that a user has typed.
fn row(line: &str) -> Option<u64> {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let is_message = words.nth(2) == Some("message") && !line.contains('\0');
    let id = words.next()?.strip_prefix("id=")?;
    id.parse().ok().filter(|_| is_message)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(row: u64, text: &str) -> String {
        format!("1970-01-01T00:00:00.000Z INFO  message id={row} room=#lobby text=\"{text}\"\n")
    }

    fn lines(rows: std::ops::RangeInclusive<u64>) -> String {
        rows.map(|row| line(row, "x")).collect()
    }

    fn found(text: &str, mark: u64) -> Option<(u64, u64)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chat.log");
        fs::write(&path, text).unwrap();
        let found = LoggedRows::read(&path, mark).unwrap();
        found.map(|found| (found.complete, found.highest))
    }

    #[test]
    fn the_last_line_names_the_last_row() {
        assert_eq!(found("", 7), None);
        assert_eq!(found(&lines(1..=3), 0), Some((3, 3)));
        // After a power cut, or of an older database.
        assert_eq!(found(&lines(1..=3), 9), Some((3, 3)));
        // Rows that no message was given, behind ones that are lost with the database's end.
        assert_eq!(found(&(lines(1..=3) + &lines(7..=8)), 2), Some((8, 8)));
    }

    #[test]
    fn words_that_somebody_typed_are_no_row() {
        let typed = "a b c id=99 ".repeat(40_000);
        let typed = line(1, &typed);
        assert!(typed.len() as u64 > TAIL);
        assert_eq!(found(&typed, 1), Some((1, 1)));
        assert_eq!(
            found(&(typed + "what an operator noted\n"), 1),
            Some((1, 1))
        );
    }

    #[test]
    fn lines_in_whose_place_there_is_nothing_are_missing() {
        let hole = "\0".repeat(300_000);
        for cut in ["", " INFO  message id=5 room=#lobby\n"] {
            let text = lines(1..=3) + &hole + cut + &lines(6..=8);
            assert_eq!(found(&text, 0), Some((3, 8)), "{cut}");
            assert_eq!(found(&text, 2), Some((3, 8)), "{cut}");
            // Their lines are somewhere else, since they were synced.
            assert_eq!(found(&text, 4), Some((4, 8)), "{cut}");
            assert_eq!(found(&text, 7), Some((8, 8)), "{cut}");
        }
    }

    #[test]
    fn a_line_that_somebody_put_between_two_is_no_gap() {
        let text = lines(1..=3) + "what an operator noted\n" + &lines(4..=5);
        assert_eq!(found(&text, 0), Some((5, 5)));
    }

    #[test]
    fn as_much_is_read_as_is_not_known_to_be_there() {
        let text = lines(1..=3) + "\0\n" + &lines(5..=9_999);
        assert!(text.len() as u64 > 2 * TAIL);
        assert_eq!(found(&text, 2), Some((3, 9_999)));
        assert_eq!(found(&text, 9_000), Some((9_999, 9_999)));
    }
}
