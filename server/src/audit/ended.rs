//! What the ends of the files tell a start of the runs before it: when the last line was written, and
//! which start was the last one in which somebody had a session.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;

use super::files::AuditFile;

/// Bytes at a file's end that hold a whole line.
const TAIL: u64 = 256 * 1024;
/// `2026-11-22T22:03:11.123Z`
const STAMP: usize = 24;

/// The latest time of a line at the end of any of the four files, as it stands there.
pub fn last_moment(dir: &Path) -> Option<String> {
    use AuditFile::{Chat, Credentials, Info, Sql};
    let ends = [Sql, Info, Credentials, Chat].map(|file| of_file(&dir.join(file.name())));
    // In this form the order of the texts is that of the times.
    ends.into_iter().flatten().max()
}

/// The start in the last number of a session, as `session=3.17` has it.
pub fn last_start(dir: &Path) -> Option<u32> {
    let tail = tail(&dir.join(AuditFile::Credentials.name()))?;
    let start = |word: &str| {
        let (start, _) = word.strip_prefix("session=")?.split_once('.')?;
        start.parse().ok()
    };
    let mut lines = tail.lines().rev();
    lines.find_map(|line| line.split(' ').find_map(start))
}

fn of_file(path: &Path) -> Option<String> {
    let tail = tail(path)?;
    let stamps = tail.lines().rev().filter_map(|line| line.get(..STAMP));
    stamps
        .map(str::to_owned)
        .find(|stamp| stamp.ends_with('Z') && stamp.parse::<Timestamp>().is_ok())
}

fn tail(path: &Path) -> Option<String> {
    // Of a device or a pipe nothing is read: it would wait.
    let length = path.metadata().ok().filter(Metadata::is_file)?.len();
    let mut file = File::open(path).ok()?;
    let begin = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(begin)).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).ok()?;
    Some(String::from_utf8_lossy(&tail).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_latest_line_of_any_file_counts() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last_moment(dir.path()), None);
        let write = |name, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("info.log", "2026-11-22T22:03:11.123Z INFO  started\n");
        write("sql.log", "");
        let found = last_moment(dir.path());
        assert_eq!(found.as_deref(), Some("2026-11-22T22:03:11.123Z"));
        let long = "x".repeat(100_000);
        write(
            "chat.log",
            &format!("2026-11-23T00:00:00.000Z INFO  message text={long}\nhalf a line é"),
        );
        let found = last_moment(dir.path());
        assert_eq!(found.as_deref(), Some("2026-11-23T00:00:00.000Z"));
    }

    #[test]
    fn the_last_session_names_the_last_start() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last_start(dir.path()), None);
        let write = |text: &str| fs::write(dir.path().join("credentials.log"), text).unwrap();
        write("2026-11-22T22:03:11.123Z INFO  login user=a session=6 method=totp\n");
        assert_eq!(last_start(dir.path()), None, "of an earlier version");
        write(
            "2026-11-22T22:03:11.123Z INFO  login user=a session=12.3 method=totp\n\
             2026-11-22T22:03:11.124Z INFO  session_closed user=a session=9.3 why=\"session=99.1\"\n\
             2026-11-22T22:03:11.124Z INFO  user_disabled by=operator user=a\n\
             2026-11-22T22:03:11.125Z INFO  login user=b sess",
        );
        assert_eq!(last_start(dir.path()), Some(9));
    }
}
