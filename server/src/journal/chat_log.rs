//! chat.log as the journal keeps it: one line for each message, after its commit.
//!
//! Lines carry the message's row number. Lines that a full disk or a sudden end kept from the file
//! are added from the database, by row number, before any new message is taken. How a line is
//! written and a half line repaired is [`ChatLog`]'s.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chatbox_common::wire::message::{AccountId, Kind, RoomMode};
use jiff::Timestamp;

use crate::audit::{ChatLog, Line, Stamp, events};
use crate::store::{Message, StoreError, Unlogged};

/// Bytes of the file's end that hold at least one whole line: a text of 8 KiB in its longest
/// escaped form, and the line's other fields.
const TAIL: u64 = 256 * 1024;
/// Lines that are read from the database in one query: a bound of memory.
const CATCH_UP: u32 = 1000;

/// Syncs chat.log from the housekeeper's thread, so that the journal never waits for the disk.
pub struct ChatSync {
    file: Option<File>,
    rows: Arc<Rows>,
}

#[derive(Default)]
struct Rows {
    /// The last row whose line was written since the start.
    written: AtomicU64,
    /// The last row whose line survives a power cut.
    synced: AtomicU64,
}

impl ChatSync {
    /// Waits until the disk has the lines written so far.
    pub fn sync(&self) -> io::Result<()> {
        let written = self.rows.written.load(Ordering::Acquire);
        if written > self.rows.synced.load(Ordering::Acquire)
            && let Some(file) = &self.file
        {
            file.sync_data()?;
            self.rows.synced.store(written, Ordering::Release);
        }
        Ok(())
    }
}

pub struct AuditedChat {
    log: ChatLog,
    /// The last row whose line is in the file.
    logged: u64,
    rows: Arc<Rows>,
    /// The last line's time as it was formatted: all messages of a batch have the same.
    stamp: (i64, Stamp),
    /// Lines may be missing: a write failed, or the file was only just opened.
    behind: bool,
}

impl AuditedChat {
    /// Opens chat.log in `dir`. The lines that are returned belong into info.log. `mark` is the
    /// last row that the database knows to be in the file. The file's last line comes first: it may
    /// be a later row, or an earlier one after a power cut, since the journal does not wait for the
    /// disk when it writes a line. The mark counts for an empty file, whose earlier lines were
    /// moved elsewhere.
    pub fn open(dir: &Path, mark: u64) -> io::Result<(Self, Vec<Line>)> {
        // Before `ChatLog::open` repairs the file: half a line at its end does not count.
        let last = last_row(&dir.join("chat.log"))?;
        let (log, repairs) = ChatLog::open(dir)?;
        let chat = Self {
            log,
            logged: last.unwrap_or(mark),
            rows: Arc::default(),
            stamp: (0, stamp(0)),
            behind: true,
        };
        Ok((chat, repairs))
    }

    /// `dir` is the file's directory. A device or a pipe needs no syncing.
    pub fn syncer(&self, dir: &Path) -> io::Result<ChatSync> {
        let file = File::open(dir.join("chat.log"))?;
        let regular = file.metadata()?.is_file();
        Ok(ChatSync {
            file: regular.then_some(file),
            rows: Arc::clone(&self.rows),
        })
    }

    /// The last row whose line survives a power cut.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.rows.synced.load(Ordering::Acquire)
    }

    #[must_use]
    pub const fn logged(&self) -> u64 {
        self.logged
    }

    /// While it is true, no new message may be taken.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.behind
    }

    /// Adds a committed message to the batch; nothing is written before [`AuditedChat::flush`].
    pub fn append(&mut self, row: u64, room: &str, mode: RoomMode, message: &Logged<'_>) {
        self.add(row, room, mode, message, false);
    }

    fn add(&mut self, row: u64, room: &str, mode: RoomMode, message: &Logged<'_>, recovered: bool) {
        if self.stamp.0 != message.time {
            self.stamp = (message.time, stamp(message.time));
        }
        let stamp = &self.stamp.1;
        self.log
            .append(&line(stamp, row, room, mode, message, recovered));
    }

    /// Writes the batch, whose last row is `last`. After a failure the lines are dropped here, and
    /// [`AuditedChat::catch_up`] adds them.
    pub fn flush(&mut self, last: u64) {
        if self.behind {
            // A later line must not stand where an earlier one is missing.
            return self.log.discard();
        }
        match self.log.flush() {
            Ok(()) => self.moved(last),
            Err(error) => {
                log::error!("chat.log can't be written: {error}; no message is taken until it can");
                self.log.discard();
                self.behind = true;
            }
        }
    }

    fn moved(&mut self, row: u64) {
        self.logged = row;
        self.rows.written.store(row, Ordering::Release);
    }

    /// Adds the missing lines from the database, as far as the file takes them. Returns how many
    /// were added.
    ///
    /// # Errors
    /// The database's. A file that still can't be written is no error; it stays behind.
    pub fn catch_up(
        &mut self,
        read: impl Fn(u64, u32) -> Result<Vec<Unlogged>, StoreError>,
    ) -> Result<usize, StoreError> {
        let mut added = 0;
        loop {
            let missing = read(self.logged, CATCH_UP)?;
            let Some(last) = missing.last().map(|one| one.message.id) else {
                // Whether the file takes lines again, the next flush finds out.
                self.behind = false;
                return Ok(added);
            };
            for one in &missing {
                let message = Logged::of(&one.message);
                let row = one.message.id;
                self.add(row, &one.title.to_string(), one.mode, &message, true);
            }
            if self.log.flush().is_err() {
                self.log.discard();
                return Ok(added);
            }
            added += missing.len();
            self.moved(last);
        }
    }
}

pub struct Logged<'a> {
    pub seq: u64,
    pub user: &'a str,
    pub account: AccountId,
    /// Milliseconds since 1970-01-01 UTC.
    pub time: i64,
    /// The text, or sealed bytes in a private room, of which only the length is logged.
    pub body: &'a [u8],
    pub is_action: bool,
}

impl<'a> Logged<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            seq: message.seq,
            user: message.sender_name.as_str(),
            account: message.sender,
            time: message.time,
            body: &message.body,
            is_action: message.kind == Kind::Action,
        }
    }
}

fn stamp(time: i64) -> Stamp {
    Stamp::of(Timestamp::from_millisecond(time).unwrap_or_default())
}

fn line(
    stamp: &Stamp,
    row: u64,
    room: &str,
    mode: RoomMode,
    message: &Logged<'_>,
    recovered: bool,
) -> Line {
    let mut line = Line::at(stamp, &events::MESSAGE)
        .with("id", row)
        .with("room", room)
        .with("seq", message.seq)
        .with("user", message.user)
        .with("account", message.account);
    if recovered {
        line = line.with("recovered", 1);
    }
    if message.is_action {
        line = line.with("kind", "action");
    }
    match mode {
        RoomMode::Audited => line.with_text("text", &String::from_utf8_lossy(message.body)),
        RoomMode::Private => line.with("bytes", message.body.len()),
    }
}

/// The row number in the last whole line; `None` without one, and for a device or a pipe.
fn last_row(path: &Path) -> io::Result<Option<u64>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|&b| b == b'\n').unwrap_or(0);
    let tail = String::from_utf8_lossy(tail.get(..whole).unwrap_or_default()).into_owned();
    Ok(tail.lines().rev().find_map(|line| {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        // The row is the fourth word, before anything that a user has typed.
        let id = words.nth(3)?.strip_prefix("id=")?;
        id.parse().ok()
    }))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use chatbox_common::name::{RoomName, UserName};
    use chatbox_common::wire::message::AccountId;

    use super::*;
    use crate::store::Title;

    fn stored(row: u64) -> Unlogged {
        Unlogged {
            title: Title::Room(RoomName::lobby()),
            mode: RoomMode::Audited,
            message: Message {
                id: row,
                seq: row,
                sender: AccountId(1),
                sender_name: UserName::parse("alice").unwrap(),
                device: 0,
                kind: Kind::Text,
                body: format!("text {row} id=99").into_bytes(),
                time: 0,
                epoch: None,
            },
        }
    }

    /// Answers as a database with so many messages does.
    fn database(rows: u64) -> impl Fn(u64, u32) -> Result<Vec<Unlogged>, StoreError> {
        move |after, limit| {
            let end = rows.min(after + u64::from(limit));
            Ok((after + 1..=end).map(stored).collect())
        }
    }

    #[test]
    fn promise_8_lines_that_a_sudden_end_kept_back_are_added_once() {
        let dir = tempfile::tempdir().unwrap();
        let (mut chat, _) = AuditedChat::open(dir.path(), 0).unwrap();
        assert_eq!(chat.catch_up(database(0)).unwrap(), 0);
        assert!(!chat.is_behind());
        for row in 1..=2 {
            let one = stored(row);
            let message = Logged::of(&one.message);
            chat.append(row, "#lobby", RoomMode::Audited, &message);
        }
        chat.flush(2);
        drop(chat);
        let path = dir.path().join("chat.log");
        // The third line was half written when the server was killed.
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        write!(file, "1970-01-01T00:00:00.000Z INFO  message id=3 room=#lo").unwrap();
        drop(file);

        let (mut chat, repairs) = AuditedChat::open(dir.path(), 1).unwrap();
        assert_eq!(repairs.len(), 1);
        assert_eq!(chat.logged(), 2);
        assert_eq!(chat.catch_up(database(4)).unwrap(), 2);
        let text = fs::read_to_string(&path).unwrap();
        let whole = |row: u64| {
            let mark = format!("message id={row} ");
            let lines = text
                .lines()
                .filter(|l| l.contains(&mark) && l.contains("text="));
            lines.count()
        };
        assert_eq!((1..=4).map(whole).collect::<Vec<_>>(), [1, 1, 1, 1]);
        assert_eq!(text.matches("recovered=1").count(), 2);
        for mark in [0, 9] {
            assert_eq!(AuditedChat::open(dir.path(), mark).unwrap().0.logged(), 4);
        }
        fs::write(&path, "").unwrap();
        assert_eq!(AuditedChat::open(dir.path(), 9).unwrap().0.logged(), 9);
    }

    #[test]
    fn a_file_that_takes_nothing_keeps_the_log_behind_until_it_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat.log");
        symlink("/dev/full", &path).unwrap();
        let (mut chat, _) = AuditedChat::open(dir.path(), 0).unwrap();
        let asked = Cell::new(0);
        let read = |after, limit| {
            asked.set(asked.get() + 1);
            database(1)(after, limit)
        };
        assert_eq!(chat.catch_up(read).unwrap(), 0);
        assert!(chat.is_behind());
        assert_eq!((chat.logged(), asked.get()), (0, 1));
    }
}
