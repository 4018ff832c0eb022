//! chat.log, which belongs to the journal: its lines are written after the commit, once for each
//! batch.

use std::io;
use std::path::Path;

use super::file::{Gone, LogFile, LogSync};
use super::files::AuditFile;
use super::line::Line;

pub struct ChatLog(LogFile);

impl ChatLog {
    /// Opens or makes chat.log in `dir`. The lines it returns belong into info.log.
    pub fn open(dir: &Path) -> io::Result<(Self, Vec<Line>)> {
        let (file, repairs) = LogFile::open(dir, AuditFile::Chat)?;
        Ok((Self(file), repairs))
    }

    pub fn append(&mut self, line: &Line) {
        debug_assert!(line.is_complete(), "{line:?}");
        self.0.append(line);
    }

    /// Writes the batch at once.
    ///
    /// # Errors
    /// When the file did not take it all. No half line stays; the lines that the file lacks wait
    /// for the next flush.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    /// Opens the file anew where it was moved or deleted. The lines belong into info.log.
    ///
    /// # Errors
    /// When it can't be; what is written goes to the earlier file, which may be one without a name.
    pub fn reopen_if_gone(&mut self) -> io::Result<Option<(Gone, Vec<Line>)>> {
        let found = self.0.reopen_if_gone()?;
        Ok(found.map(|(gone, mut repairs)| {
            repairs.insert(0, gone.line(AuditFile::Chat));
            (gone, repairs)
        }))
    }

    /// For the thread that syncs the file.
    #[must_use]
    pub fn syncer(&self) -> LogSync {
        self.0.syncer()
    }

    /// Waits until the disk has what was written. A device or a pipe needs no syncing.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }

    /// Forgets the lines that were not written, where the caller will append them again from the
    /// database: memory must not grow while a disk is full.
    pub fn discard(&mut self) {
        self.0.discard();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::audit::events;

    #[test]
    fn a_batch_that_failed_can_be_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat.log");
        symlink("/dev/full", &path).unwrap();
        let (mut log, _) = ChatLog::open(dir.path()).unwrap();
        let line = Line::of(&events::MESSAGE)
            .with("id", 1)
            .with("room", "#lobby");
        let line = line.with("seq", 1).with("user", "alice").with("account", 1);
        log.append(&line.with_text("text", "hello"));
        assert!(log.flush().is_err());
        log.discard();
        assert!(log.flush().is_ok());
        assert!(fs::metadata(&path).unwrap().len() == 0);
    }
}
