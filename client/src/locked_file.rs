//! A file that several runs of this program may want to change: locked, written elsewhere, renamed.
//!
//! Whoever changes such a file holds a [`LockedFile`], reads what is there, and replaces it as a
//! whole: no change of another run is lost, and a reader finds the file as it was or as it is to
//! be. Reading alone needs no lock. Knows no content; asked by `known_hosts` and `saved_session`.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How often the lock is tried while another run holds it.
const TRY: Duration = Duration::from_millis(20);

/// The right to change the file at a path, until this is dropped or the process ends.
pub struct LockedFile {
    path: PathBuf,
    /// Locked until it is closed. It is a file beside the other, which is replaced under its name,
    /// and it stays there: two runs could each lock one of the same name otherwise.
    _lock: File,
}

impl LockedFile {
    /// Waits at most `patience` for `NAME.lock` beside `path`; `None` when another run has not
    /// released it by then. The directory must exist.
    pub fn hold(path: &Path, patience: Duration) -> io::Result<Option<Self>> {
        let lock = private()
            .write(true)
            .create(true)
            .truncate(false)
            .open(lock_path(path))?;
        let deadline = Instant::now() + patience;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(None),
                Err(TryLockError::WouldBlock) => thread::sleep(TRY),
            }
        }
        Ok(Some(Self {
            path: path.to_owned(),
            _lock: lock,
        }))
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a complete file with mode 0600 in the place of the one that is there.
    ///
    /// # Errors
    /// When the file was not replaced; it is as it was then.
    pub fn replace(&self, content: &[u8]) -> io::Result<()> {
        let temporary = beside(&self.path, ".new");
        // A run that was ended while it wrote left it; none writes it while this one has the lock.
        let written = remove(&temporary)
            .and_then(|()| private().write(true).create_new(true).open(&temporary))
            .and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()?;
                fs::rename(&temporary, &self.path)
            });
        if written.is_err() {
            // The first failure is reported.
            let _ = remove(&temporary);
        }
        written
    }

    pub fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}

#[must_use]
pub fn lock_path(path: &Path) -> PathBuf {
    beside(path, ".lock")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a directory, and those above it, that are their owner's alone; one that is there stays as
/// it is.
pub fn make_private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.recursive(true).create(directory)
}

/// New files are their owner's alone, and links are not followed.
#[must_use]
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // Opening a FIFO in the file's place would block; so it is opened at once, and then
        // refused.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.mode(0o600);
        options.custom_flags(flags.bits().cast_signed());
    }
    options
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_at_a_time_may_change_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let first = LockedFile::hold(&path, Duration::ZERO).unwrap().unwrap();
        assert!(LockedFile::hold(&path, Duration::ZERO).unwrap().is_none());
        drop(first);
        assert!(LockedFile::hold(&path, Duration::ZERO).unwrap().is_some());
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "before").unwrap();
        // What a run left behind that was ended while it wrote.
        fs::write(directory.path().join("file.new"), "hal").unwrap();
        let held = LockedFile::hold(&path, Duration::ZERO).unwrap().unwrap();
        held.replace(b"behind").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"behind");
        fs::create_dir(directory.path().join("file.new")).unwrap();
        assert!(held.replace(b"never").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"behind");
        held.remove().unwrap();
        held.remove().unwrap();
        assert!(!path.exists());
    }
}
