//! Who may read and change an opened file: its owner and its mode, compared with the user that runs
//! this program.
//!
//! Asked of opened files only: a name could be another file's a moment later. Where there are no
//! such rights (not Unix) every file counts as one's own, and closed to others.

use std::fs::Metadata;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMode {
    /// The permission bits, without setuid and the like.
    pub mode: u32,
    /// Its owner is the user that runs this program.
    pub is_own: bool,
    /// Its owner is root.
    pub is_roots: bool,
}

impl FileMode {
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, PermissionsExt};
            Self {
                mode: metadata.permissions().mode() & 0o777,
                is_own: metadata.uid() == rustix::process::geteuid().as_raw(),
                is_roots: metadata.uid() == 0,
            }
        }
        #[cfg(not(unix))]
        {
            let _ = metadata;
            Self {
                mode: 0o600,
                is_own: true,
                is_roots: false,
            }
        }
    }

    /// The group or others may change it.
    #[must_use]
    pub const fn others_write(self) -> bool {
        self.mode & 0o022 != 0
    }

    /// The group or others have any access.
    #[must_use]
    pub const fn is_open_to_others(self) -> bool {
        self.mode & 0o077 != 0
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_mode_says_what_others_may() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, others_write, is_open) in [
            (0o600, false, false),
            (0o700, false, false),
            (0o644, false, true),
            (0o660, true, true),
            (0o602, true, true),
        ] {
            fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
            let found = FileMode::of(&file.as_file().metadata().unwrap());
            assert!(found.is_own && found.mode == mode);
            assert_eq!(found.others_write(), others_write, "{mode:o}");
            assert_eq!(found.is_open_to_others(), is_open, "{mode:o}");
        }
        let root = FileMode::of(&fs::metadata("/").unwrap());
        assert!(root.is_roots);
    }
}
