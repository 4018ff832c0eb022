//! chat.log as the journal keeps it: one line for each message, after its commit.
//!
//! Lines carry the message's row number. Lines that a full disk or a sudden end kept from the file
//! are added from the database, by row number, before any new message is taken. How a line is
//! written and a half line repaired is [`ChatLog`]'s.

mod logged_rows;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chatbox_common::wire::message::{AccountId, Kind, RoomMode};
use jiff::Timestamp;

use self::logged_rows::LoggedRows;
use crate::audit::{ChatLog, Gone, Line, LogSync, Stamp, events};
use crate::store::{Message, StoreError, Unlogged};

/// Lines that are read from the database in one query: a bound of memory.
const CATCH_UP: u32 = 1000;

/// Syncs chat.log from the housekeeper's thread, so that the journal never waits for the disk.
pub struct ChatSync {
    file: LogSync,
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
        if written > self.rows.synced.load(Ordering::Acquire) {
            self.file.sync()?;
            self.rows.synced.store(written, Ordering::Release);
        }
        Ok(())
    }
}

pub struct AuditedChat {
    log: ChatLog,
    /// The last row whose line is in the file, as are all before it.
    logged: u64,
    /// The highest row that had a line when the file was opened.
    shown: u64,
    rows: Arc<Rows>,
    /// The last line's time as it was formatted: all messages of a batch have the same.
    stamp: (i64, Stamp),
    /// Lines may be missing: a write failed, or the file was only just opened.
    behind: bool,
    /// The last row whose line was in the file when it was last looked at.
    seen: u64,
    /// The file was moved or deleted, and could not be opened anew.
    is_gone: bool,
}

impl AuditedChat {
    /// Opens chat.log in `dir`. The lines that are returned belong into info.log. `mark` is the
    /// last row that the database knows to be in the file. The file's last line comes first: it may
    /// be a later row, or an earlier one after a power cut, since the journal does not wait for the
    /// disk when it writes a line. The mark counts for an empty file, whose earlier lines were
    /// moved elsewhere.
    pub fn open(dir: &Path, mark: u64) -> io::Result<(Self, Vec<Line>)> {
        // It cuts what is behind the last whole line, however much that is.
        let (log, repairs) = ChatLog::open(dir)?;
        let found = LoggedRows::read(&dir.join("chat.log"), mark)?;
        let LoggedRows {
            complete: logged,
            highest: shown,
        } = found.unwrap_or(LoggedRows {
            complete: mark,
            highest: mark,
        });
        let chat = Self {
            log,
            logged,
            shown,
            rows: Arc::default(),
            stamp: (0, stamp(0)),
            behind: true,
            seen: logged,
            is_gone: false,
        };
        Ok((chat, repairs))
    }

    #[must_use]
    pub fn syncer(&self) -> ChatSync {
        ChatSync {
            file: self.log.syncer(),
            rows: Arc::clone(&self.rows),
        }
    }

    /// Begins a new file where the one that is written was moved or deleted. What was written to a
    /// deleted one since the last look is lost with it, and is to be added to the new one. The lines
    /// belong into info.log.
    pub fn look(&mut self) -> Vec<Line> {
        match self.log.reopen_if_gone() {
            Ok(found) => {
                self.is_gone = false;
                let (gone, lines) = found.unzip();
                if gone == Some(Gone::Deleted) && self.logged > self.seen {
                    self.logged = self.seen;
                    self.behind = true;
                    // A start must not take it that the new file, or one that was moved, has them.
                    self.rows.written.fetch_min(self.seen, Ordering::AcqRel);
                    self.rows.synced.fetch_min(self.seen, Ordering::AcqRel);
                }
                self.seen = self.logged;
                lines.unwrap_or_default()
            }
            Err(error) => {
                if !self.is_gone {
                    log::error!("chat.log is gone and can't be made again: {error}");
                }
                self.is_gone = true;
                Vec::new()
            }
        }
    }

    /// The last row whose line survives a power cut.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.rows.synced.load(Ordering::Acquire)
    }

    /// Waits until the disk has all lines, and returns the last row among them: the housekeeper's
    /// last turn may have come before the last lines.
    pub fn finish(&self) -> u64 {
        match self.log.sync() {
            Ok(()) => self.rows.synced.store(self.logged, Ordering::Release),
            Err(error) => log::error!("chat.log can't be synced: {error}"),
        }
        self.synced()
    }

    #[must_use]
    pub const fn logged(&self) -> u64 {
        self.logged
    }

    /// No message that people were shown in an earlier run, and that is in the file, has a higher
    /// row.
    #[must_use]
    pub const fn shown(&self) -> u64 {
        self.shown
    }

    /// While it is true, no new message may be taken.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.behind || self.is_gone
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
        if self.is_behind() {
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
        if self.is_gone {
            return Ok(0);
        }
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
    fn promise_8_what_a_power_cut_left_of_a_file_is_completed_and_no_line_is_there_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat.log");
        let (mut chat, _) = AuditedChat::open(dir.path(), 0).unwrap();
        assert_eq!(chat.catch_up(database(0)).unwrap(), 0);
        (1..=9).for_each(|row| log(&mut chat, row));
        drop(chat);
        let whole = fs::read(&path).unwrap();
        let length = whole.len();
        let starts: Vec<_> = (1..=length).filter(|&at| whole[at - 1] == b'\n').collect();

        // The length had reached the disk, and of the bytes only the beginning.
        for zeros in [100, 300_000] {
            let mut left = whole[..starts[4] + 40].to_vec();
            left.resize(left.len() + zeros, 0);
            fs::write(&path, left).unwrap();
            let (mut chat, repairs) = AuditedChat::open(dir.path(), 3).unwrap();
            assert_eq!((chat.logged(), chat.shown(), repairs.len()), (5, 5, 1));
            assert_eq!(chat.catch_up(database(9)).unwrap(), 4);
            assert_eq!(rows(&path), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }

        // Or the end as well, and something between them not.
        let mut left = whole;
        left[starts[4] + 40..starts[6] + 40].fill(0);
        fs::write(&path, left).unwrap();
        let (mut chat, _) = AuditedChat::open(dir.path(), 3).unwrap();
        assert_eq!((chat.logged(), chat.shown()), (5, 9));
        assert_eq!(chat.catch_up(database(9)).unwrap(), 4);
        let text = fs::read_to_string(&path).unwrap();
        for row in 1..=9 {
            let line = format!("text=\"text {row} id=99\"\n");
            // Those behind the gap are written again, and say so.
            let again = format!("id={row} room=#lobby seq={row} user=alice account=1 recovered=1");
            assert!(text.contains(&line), "{row}");
            assert_eq!(text.contains(&again), row > 5, "{row}");
        }
    }

    fn log(chat: &mut AuditedChat, row: u64) {
        let one = stored(row);
        chat.append(row, "#lobby", RoomMode::Audited, &Logged::of(&one.message));
        chat.flush(row);
    }

    fn rows(path: &Path) -> Vec<u64> {
        let text = fs::read_to_string(path).unwrap();
        let row = |line: &str| line.split(" id=").nth(1)?.split(' ').next()?.parse().ok();
        text.lines().filter_map(row).collect()
    }

    #[test]
    fn what_a_deleted_file_has_lost_is_added_and_what_a_moved_one_has_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("chat.log"), dir.path().join("moved"));
        let (mut chat, _) = AuditedChat::open(dir.path(), 0).unwrap();
        let syncer = chat.syncer();
        assert_eq!(chat.catch_up(database(0)).unwrap(), 0);
        log(&mut chat, 1);
        assert_eq!(chat.look(), []);
        log(&mut chat, 2);
        fs::rename(&path, &moved).unwrap();
        log(&mut chat, 3);
        assert!(
            chat.look()[0]
                .as_str()
                .contains("log_reopened file=chat.log")
        );
        assert!(!chat.is_behind());
        log(&mut chat, 4);
        assert_eq!((rows(&moved), rows(&path)), (vec![1, 2, 3], vec![4]));
        syncer.sync().unwrap();
        assert_eq!(chat.synced(), 4);

        assert_eq!(chat.look(), []);
        fs::remove_file(&path).unwrap();
        log(&mut chat, 5);
        assert!(
            chat.look()[0]
                .as_str()
                .contains("log_deleted file=chat.log")
        );
        assert!(chat.is_behind());
        syncer.sync().unwrap();
        assert_eq!(chat.synced(), 4, "the new file has no line yet");
        assert_eq!(chat.catch_up(database(5)).unwrap(), 1);
        log(&mut chat, 6);
        assert_eq!(rows(&path), [5, 6]);
    }

    #[test]
    fn a_file_that_cannot_be_made_again_keeps_the_log_behind_until_it_can() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("log");
        fs::create_dir(&inner).unwrap();
        let (mut chat, _) = AuditedChat::open(&inner, 0).unwrap();
        assert_eq!(chat.catch_up(database(0)).unwrap(), 0);
        fs::rename(&inner, dir.path().join("moved")).unwrap();
        assert_eq!(chat.look(), []);
        assert!(chat.is_behind());
        assert_eq!(chat.catch_up(database(1)).unwrap(), 0);
        fs::create_dir(&inner).unwrap();
        assert_eq!(chat.look().len(), 1);
        assert_eq!(chat.catch_up(database(1)).unwrap(), 1);
        assert!(!chat.is_behind());
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
