//! How much room is left on the disks that the server writes: the database's and that of the log
//! files. It knows no more of them than their directories.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

const MIB: u64 = 1024 * 1024;

/// Directories whose disks are watched. They are held open: one that is moved is watched on.
pub struct Space {
    min_free: u64,
    directories: Vec<(PathBuf, File)>,
}

/// A disk has less room than is to stay free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// On the disk.
    pub directory: PathBuf,
    /// Bytes that an unprivileged process may still write.
    pub free: u64,
    /// Bytes that are to stay free.
    pub min_free: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the disk of {} has {} MiB left, less than min_free_mib = {}",
            self.directory.display(),
            self.free / MIB,
            self.min_free / MIB
        )
    }
}

impl Space {
    /// `min_free` is in bytes.
    ///
    /// # Errors
    /// When a directory can't be opened.
    pub fn watch(min_free: u64, directories: &[&Path]) -> io::Result<Self> {
        let open = |path: &&Path| Ok((path.to_path_buf(), File::open(path)?));
        Ok(Self {
            min_free,
            directories: directories.iter().map(open).collect::<io::Result<_>>()?,
        })
    }

    #[must_use]
    pub const fn min_free(&self) -> u64 {
        self.min_free
    }

    pub const fn set_min_free(&mut self, bytes: u64) {
        self.min_free = bytes;
    }

    /// Bytes that may still be written to the fullest disk.
    #[must_use]
    pub fn free(&self) -> u64 {
        let all = self.directories.iter();
        all.map(|(_, file)| free_bytes(file)).min().unwrap_or(0)
    }

    /// The disk with the least room, where that is too little. A disk that can't be asked has none.
    #[must_use]
    pub fn shortage(&self) -> Option<Shortage> {
        let all = self.directories.iter();
        let (free, directory) = all.map(|(path, file)| (free_bytes(file), path)).min()?;
        (free < self.min_free).then(|| Shortage {
            directory: directory.clone(),
            free,
            min_free: self.min_free,
        })
    }
}

/// Bytes that may still be written to the disk of a directory.
///
/// # Errors
/// When it can't be opened.
pub fn free_in(directory: &Path) -> io::Result<u64> {
    Ok(free_bytes(&File::open(directory)?))
}

fn free_bytes(directory: &File) -> u64 {
    let disk = rustix::fs::fstatvfs(directory);
    disk.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_of_the_disks_decides() {
        let directory = tempfile::tempdir().unwrap();
        let disk = directory.path();
        // No disk at all: nothing can be written to it.
        let full = Path::new("/proc");
        let shortage =
            |min_free, paths: &[&Path]| Space::watch(min_free, paths).unwrap().shortage();
        assert_eq!(shortage(1, &[disk]), None);
        for paths in [[disk, full], [full, disk]] {
            assert_eq!(shortage(0, &paths), None);
            let found = shortage(2 * MIB, &paths).unwrap();
            assert_eq!((&*found.directory, found.free), (full, 0));
            assert_eq!(
                found.to_string(),
                "the disk of /proc has 0 MiB left, less than min_free_mib = 2"
            );
        }
        assert_eq!(&*shortage(u64::MAX, &[disk]).unwrap().directory, disk);
    }

    #[test]
    fn a_directory_that_is_moved_is_watched_on() {
        let directory = tempfile::tempdir().unwrap();
        let [before, after] = ["before", "after"].map(|name| directory.path().join(name));
        std::fs::create_dir(&before).unwrap();
        let space = Space::watch(1, &[&before]).unwrap();
        std::fs::rename(&before, after).unwrap();
        assert_eq!(space.shortage(), None);
    }
}
