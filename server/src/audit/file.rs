//! One of the four files: lines gathered in memory and written together, so that no half line
//! stays.
//!
//! The lines go through a `simplelog::WriteLogger` of this file's own (its time, level and
//! target switched off: they stand in the line already). It drops the errors of what it
//! writes to, so [`Output`] keeps them until they are asked for.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{LevelFilter, Log, Record};
use simplelog::{ConfigBuilder, WriteLogger};

use super::events;
use super::files::AuditFile;
use super::line::Line;

/// An audit file, and the lines that were not written yet.
pub struct LogFile {
    which: AuditFile,
    logger: Box<WriteLogger<Shared>>,
    output: Shared,
}

impl LogFile {
    /// Opens or makes the file in `dir`, mode 0600. Returns lines for info.log about what had to be
    /// put right in a file that was there: a mode that let others in, or a last line that a sudden
    /// end had left unfinished.
    pub fn open(dir: &Path, which: AuditFile) -> io::Result<(Self, Vec<Line>)> {
        let (output, repairs) = Output::open(dir, which)?;
        let output = Shared(Arc::new(Mutex::new(output)));
        let config = ConfigBuilder::new()
            .set_max_level(LevelFilter::Off)
            .set_time_level(LevelFilter::Off)
            .set_thread_level(LevelFilter::Off)
            .set_target_level(LevelFilter::Off)
            .set_location_level(LevelFilter::Off)
            .build();
        let logger = WriteLogger::new(LevelFilter::Trace, config, output.clone());
        let file = Self {
            which,
            logger,
            output,
        };
        Ok((file, repairs))
    }

    /// As [`LogFile::open`], for a process beside the server that writes the file too: cutting it
    /// back after half a line would cut off what the server has written meanwhile.
    pub fn open_beside(dir: &Path, which: AuditFile) -> io::Result<(Self, Vec<Line>)> {
        let (file, repairs) = Self::open(dir, which)?;
        file.output.lock().may_cut = false;
        Ok((file, repairs))
    }

    /// The line is in memory until [`LogFile::flush`].
    pub fn append(&self, line: &Line) {
        debug_assert_eq!(line.file(), self.which, "{line:?}");
        self.logger.log(
            &Record::builder()
                .target(self.which.target())
                .level(line.level())
                .args(format_args!("{}", line.as_str()))
                .build(),
        );
    }

    /// Writes the waiting lines, with one call to the system when all goes well.
    ///
    /// # Errors
    /// When the file did not take everything. A regular file still ends with a whole line; the
    /// lines that it lacks wait for the next flush.
    pub fn flush(&self) -> io::Result<()> {
        self.logger.flush();
        self.output.lock().fault.take().map_or(Ok(()), Err)
    }

    /// In bytes.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.output.lock().waiting.len()
    }

    /// Forgets the waiting lines.
    pub fn discard(&self) {
        self.output.lock().waiting.clear();
    }
}

/// The `Write` that the logger owns and the [`LogFile`] asks for its state.
#[derive(Clone)]
struct Shared(Arc<Mutex<Output>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Output> {
        // Nothing panics while it holds the lock; a line appended by half would be worse than none.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush();
        Ok(())
    }
}

struct Output {
    file: File,
    /// A pipe or a device can't be cut, and a file that the server writes too must not be.
    may_cut: bool,
    waiting: Vec<u8>,
    /// The last failure, until [`LogFile::flush`] takes it.
    fault: Option<io::Error>,
}

fn cut_half_line(file: &mut File, length: u64) -> io::Result<()> {
    let mut end = length;
    let mut piece = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(piece.len() as u64);
        let size = usize::try_from(end - start).unwrap_or(piece.len());
        let piece = piece.get_mut(..size).unwrap_or_default();
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(piece)?;
        if let Some(last) = piece.iter().rposition(|&b| b == b'\n') {
            return file.set_len(start + last as u64 + 1);
        }
        end = start;
    }
    file.set_len(0)
}

impl Output {
    fn open(dir: &Path, which: AuditFile) -> io::Result<(Self, Vec<Line>)> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(dir.join(which.name()))?;
        let metadata = file.metadata()?;
        let regular = metadata.is_file();
        let mut repairs = Vec::new();
        let repaired = |what: &str| {
            Line::of(&events::LOG_REPAIRED)
                .with("file", which.name())
                .with("what", what)
        };
        if regular && metadata.permissions().mode() & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600))?;
            repairs.push(repaired("others could read it: mode set to 0600"));
        }
        if regular && metadata.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                if which == AuditFile::Chat {
                    // The database has the message: its line is written again, whole.
                    cut_half_line(&mut file, metadata.len())?;
                    repairs.push(repaired("its last line was unfinished: cut it"));
                } else {
                    file.write_all(b"\n")?;
                    repairs.push(repaired("its last line was unfinished: ended it"));
                }
            }
        }
        let output = Self {
            file,
            may_cut: regular,
            waiting: Vec::new(),
            fault: None,
        };
        Ok((output, repairs))
    }

    fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        // Asked each time: a rotation of logs that cuts them changes the length.
        let before = self.file.metadata().map(|metadata| metadata.len());
        let (written, result) = write_counting(&mut self.file, &self.waiting);
        match result {
            Ok(()) => self.waiting.clear(),
            Err(e) => {
                self.undo(before.ok(), written);
                self.fault = Some(e);
            }
        }
    }

    /// After `written` bytes and no more: cuts the file back, so that it ends with a whole line.
    /// Where it can't be cut, drops what was written, so that the next flush goes on behind it.
    fn undo(&mut self, before: Option<u64>, written: usize) {
        let cut = match before {
            _ if written == 0 => true,
            Some(length) if self.may_cut => self.file.set_len(length).is_ok(),
            _ => false,
        };
        if !cut {
            self.waiting.drain(..written.min(self.waiting.len()));
        }
    }
}

/// `write_all` that says how many bytes it wrote.
fn write_counting(out: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match out.write(rest) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return (written, Err(e)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use log::Level;

    use super::*;
    use crate::audit::events::{AuditEvent, key};

    const A: AuditEvent = AuditEvent::for_test("a", Level::Info, AuditFile::Chat, &[]);
    const B: AuditEvent = AuditEvent::for_test("b", Level::Error, AuditFile::Chat, &[key!(k)]);

    fn chat(dir: &Path) -> (LogFile, Vec<Line>) {
        LogFile::open(dir, AuditFile::Chat).unwrap()
    }

    fn content(dir: &Path) -> String {
        fs::read_to_string(dir.join("chat.log")).unwrap()
    }

    #[test]
    fn lines_wait_until_they_are_flushed_together() {
        let dir = tempfile::tempdir().unwrap();
        let (file, repairs) = chat(dir.path());
        let (a, b) = (Line::of(&A), Line::of(&B).with("k", "{} %s"));
        file.append(&a);
        file.append(&b);
        assert_eq!(content(dir.path()), "");
        file.flush().unwrap();
        assert_eq!(
            content(dir.path()),
            format!("{}\n{}\n", a.as_str(), b.as_str())
        );
        assert_eq!((file.waiting(), repairs), (0, vec![]));
        let mode = fs::metadata(dir.path().join("chat.log")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_was_there_is_closed_to_others_and_ends_with_a_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat.log");
        let long = "x".repeat(10_000);
        fs::write(&path, format!("whole\nhalf {long}")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let (file, repairs) = chat(dir.path());
        assert_eq!(repairs.len(), 2);
        assert!(repairs[0].as_str().contains("log_repaired file=chat.log"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let line = Line::of(&A);
        file.append(&line);
        file.flush().unwrap();
        assert_eq!(content(dir.path()), format!("whole\n{}\n", line.as_str()));
        assert_eq!(chat(dir.path()).1, vec![]);
        fs::write(&path, "half").unwrap();
        chat(dir.path());
        assert_eq!(content(dir.path()), "");

        // Nothing can write the other files' lines again: what is left of one is kept.
        let other = dir.path().join("info.log");
        fs::write(&other, "half").unwrap();
        LogFile::open(dir.path(), AuditFile::Info).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "half\n");
    }

    #[test]
    fn a_full_disk_is_reported_and_nothing_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/dev/full", dir.path().join("chat.log")).unwrap();
        let (file, _) = chat(dir.path());
        file.append(&Line::of(&A));
        let waiting = file.waiting();
        assert_eq!(
            file.flush().unwrap_err().kind(),
            ErrorKind::StorageFull,
            "the error that simplelog drops"
        );
        assert_eq!(file.waiting(), waiting);
        let other = dir.path().join("other");
        file.output.lock().file = File::create(&other).unwrap();
        file.flush().unwrap();
        assert!(fs::read_to_string(&other).unwrap().ends_with(" a\n"));
        assert_eq!(file.waiting(), 0);
    }

    #[test]
    fn half_a_line_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("chat.log"), "whole\n").unwrap();
        let (mut output, _) = Output::open(dir.path(), AuditFile::Chat).unwrap();
        output.waiting.extend_from_slice(b"next line\n");
        output.file.write_all(b"next").unwrap();
        output.undo(Some(6), 4);
        assert_eq!(content(dir.path()), "whole\n");
        output.flush();
        assert_eq!(content(dir.path()), "whole\nnext line\n");
    }

    #[test]
    fn what_cannot_be_taken_back_is_continued() {
        let dir = tempfile::tempdir().unwrap();
        let (file, _) = LogFile::open_beside(dir.path(), AuditFile::Chat).unwrap();
        let mut output = file.output.lock();
        output.waiting.extend_from_slice(b"next line\n");
        output.file.write_all(b"next").unwrap();
        output.undo(Some(0), 4);
        output.flush();
        assert_eq!(content(dir.path()), "next line\n");
    }

    #[test]
    fn a_short_write_is_counted() {
        let mut room = [0_u8; 6];
        let (written, result) = write_counting(&mut &mut room[..], b"next line");
        assert_eq!(written, 6);
        assert!(result.is_err());
        assert_eq!(write_counting(&mut io::sink(), b"next").0, 4);
    }
}
