//! One of the four files: lines gathered in memory and written together, so that no half line
//! stays.
//!
//! The lines go through a `simplelog::WriteLogger` of this file's own (its time, level and
//! target switched off: they stand in the line already). It drops the errors of what it
//! writes to, so [`Output`] keeps them until they are asked for.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::mem;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{LevelFilter, Log, Record};
use simplelog::{ConfigBuilder, WriteLogger};

use super::events;
use super::files::AuditFile;
use super::line::Line;

/// An audit file, and the lines that were not written yet.
pub struct LogFile {
    which: AuditFile,
    dir: PathBuf,
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
            dir: dir.to_owned(),
            logger,
            output,
        };
        Ok((file, repairs))
    }

    /// Opens the file anew where its name means another one by now, or none: it was moved or
    /// deleted. Lines that wait are written before, so that they stand where they belong. Returns
    /// what became of the earlier file, and what had to be put right in the new one.
    ///
    /// # Errors
    /// When the name can't be looked at or opened; the earlier file is kept then.
    pub fn reopen_if_gone(&self) -> io::Result<Option<(Gone, Vec<Line>)>> {
        let mut output = self.output.lock();
        let ours = output.file.metadata()?;
        match fs::metadata(self.dir.join(self.which.name())) {
            Ok(named) if is_one_file(&named, &ours) => return Ok(None),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        // What the earlier file does not take goes into the new one.
        output.flush();
        let (opened, repairs) = Output::open(&self.dir, self.which)?;
        let earlier = mem::replace(&mut output.file, opened.file);
        output.is_regular = opened.is_regular;
        if let Some(before) = output.retired.replace(earlier) {
            // Two within a second: the first one is not left unsynced.
            before.sync_data()?;
        }
        let gone = if ours.nlink() == 0 {
            Gone::Deleted
        } else {
            Gone::Moved
        };
        Ok(Some((gone, repairs)))
    }

    /// For another thread: what it syncs is always the file that is written.
    #[must_use]
    pub fn syncer(&self) -> LogSync {
        LogSync(self.output.clone())
    }

    #[must_use]
    pub const fn which(&self) -> AuditFile {
        self.which
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

    /// Waits until the disk has what was written. A device or a pipe needs no syncing.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self) -> io::Result<()> {
        let output = self.output.lock();
        if output.file.metadata()?.is_file() {
            output.file.sync_data()?;
        }
        Ok(())
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

/// What became of a file whose name means another one by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It has another name, or its name is a link that leads elsewhere now.
    Moved,
    /// With all its lines.
    Deleted,
}

impl Gone {
    /// For info.log.
    #[must_use]
    pub fn line(self, which: AuditFile) -> Line {
        let event = match self {
            Self::Moved => &events::LOG_REOPENED,
            Self::Deleted => &events::LOG_DELETED,
        };
        Line::of(event).with("file", which.name())
    }
}

fn is_one_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Syncs a [`LogFile`] without making its writer wait.
pub struct LogSync(Shared);

impl LogSync {
    /// Waits until the disk has what was written so far, also to a file that was moved since the
    /// last time. A device or a pipe needs no syncing.
    pub fn sync(&self) -> io::Result<()> {
        let (earlier, file) = {
            let mut output = self.0.lock();
            let file = output.is_regular.then(|| output.file.try_clone());
            (output.retired.take(), file.transpose()?)
        };
        let synced = earlier.map_or(Ok(()), |earlier| earlier.sync_data());
        file.map_or(Ok(()), |file| file.sync_data())?;
        synced
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
    /// No pipe and no device.
    is_regular: bool,
    /// The file before this one, until it is synced.
    retired: Option<File>,
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
            is_regular: regular,
            retired: None,
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
            Some(length) if self.is_regular => self.file.set_len(length).is_ok(),
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
mod tests;
