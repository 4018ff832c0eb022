//! Who may read and change an opened file: its owner and its mode, compared with the user that runs
//! this program.
//!
//! Asked of opened files: a name could be another file's a moment later. Where there are no such
//! rights (not Unix) every file counts as one's own, and closed to others.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

use chatbox_common::config::Doubt;

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

/// Why a file that was opened at `path` is not to be believed: others could have changed it or put
/// it there. The sentence names the file or the folder.
pub fn doubt(file: &File, path: &Path) -> io::Result<Option<String>> {
    if let Some(doubt) = of_one(&file.metadata()?) {
        return Ok(Some(format!("{} {doubt}", path.display())));
    }
    // Where the name is a link, both folders decide what it means.
    let target = fs::canonicalize(path)?;
    for folder in [path.parent(), target.parent()].into_iter().flatten() {
        let folder = if folder == Path::new("") {
            Path::new(".")
        } else {
            folder
        };
        if let Some(doubt) = of_one(&fs::metadata(folder)?) {
            return Ok(Some(format!("{} {doubt}", folder.display())));
        }
    }
    Ok(None)
}

#[cfg(unix)]
fn of_one(metadata: &Metadata) -> Option<Doubt> {
    use std::os::unix::fs::MetadataExt;
    let writers = chatbox_common::config::Writers {
        mode: metadata.mode(),
        owner: metadata.uid(),
        group: metadata.gid(),
    };
    writers.doubt(rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
const fn of_one(_: &Metadata) -> Option<Doubt> {
    None
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
    #[test]
    fn a_file_is_believed_where_nobody_else_may_change_it_or_its_folders() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str, mode| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
            folder
        };
        let (closed, open) = (folder("closed", 0o755), folder("open", 0o777));
        let told = |path: &Path| doubt(&File::open(path).unwrap(), path).unwrap();
        let write = |path: &Path, mode| {
            fs::write(path, "").unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        let (good, loose, planted) = (closed.join("a"), closed.join("b"), open.join("a"));
        write(&good, 0o644);
        write(&loose, 0o666);
        write(&planted, 0o600);
        let link = closed.join("link");
        std::os::unix::fs::symlink(&planted, &link).unwrap();
        assert_eq!(told(&good), None);
        assert!(told(&loose).unwrap().starts_with(loose.to_str().unwrap()));
        for path in [&planted, &link] {
            let told = told(path).unwrap();
            assert!(
                told.ends_with("/open may be changed by others (chmod go-w)"),
                "{told}"
            );
        }
    }
}
