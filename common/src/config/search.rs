//! Where config.toml is looked for, and whether one that only lies about there is to be trusted.
//!
//! Opens nothing: the binaries look, and say what the file system told them.

use std::fmt;
use std::path::{Path, PathBuf};

use super::FILE_NAME;

/// A place where the file may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Of the file.
    pub path: PathBuf,
    /// It lies in the user's or the system's directory for configurations. One that is only found
    /// upward from the working directory may be another person's, or another program's.
    pub is_meant: bool,
}

/// Where config.toml is looked for, in this order: upward from `start_dir`, then the user's
/// configuration, then the system's.
///
/// `xdg_config_home` counts only when absolute, as the XDG Base Directory Specification asks;
/// otherwise it is `.config` in `home`.
#[must_use]
pub fn candidates(
    start_dir: &Path,
    xdg_config_home: Option<&Path>,
    home: Option<&Path>,
) -> Vec<Candidate> {
    let user = xdg_config_home
        .filter(|dir| dir.is_absolute())
        .map(Path::to_path_buf)
        .or_else(|| home.map(|home| home.join(".config")));
    let user = user.map(|dir| dir.join("chatbox"));
    let meant: Vec<PathBuf> = user
        .into_iter()
        .chain([PathBuf::from("/etc/chatbox")])
        .collect();
    let upward = start_dir
        .ancestors()
        .filter(|dir| !dir.as_os_str().is_empty());
    let upward = upward.map(|dir| (dir, meant.iter().any(|meant| meant == dir)));
    upward
        .chain(meant.iter().map(|dir| (dir.as_path(), true)))
        .map(|(dir, is_meant)| Candidate {
            path: dir.join(FILE_NAME),
            is_meant,
        })
        .collect()
}

/// What the file system says about who may change a file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writers {
    /// The permission bits.
    pub mode: u32,
    /// The number of its owner.
    pub owner: u32,
    /// The number of its group.
    pub group: u32,
}

/// Why a file or a folder is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Its owner is neither the user nor root.
    Foreign,
    /// Others than its owner may change it.
    Writable,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "belongs to somebody else",
            Self::Writable => "may be changed by others (chmod go-w)",
        })
    }
}

impl Writers {
    /// `None` where nobody but the user with the number `user` and root may change it.
    ///
    /// A group with the user's own number is theirs alone: many systems make one for everybody, and
    /// let it write to what its user makes (umask 002). Root has none.
    #[must_use]
    pub const fn doubt(self, user: u32) -> Option<Doubt> {
        let is_private_group = self.group == user && user != 0;
        if self.owner != user && self.owner != 0 {
            return Some(Doubt::Foreign);
        }
        if self.mode & 0o002 != 0 || (self.mode & 0o020 != 0 && !is_private_group) {
            return Some(Doubt::Writable);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_looked_for_upward_then_in_the_users_then_in_the_systems_directory() {
        let upward = [("/a/b", false), ("/a", false), ("/", false)];
        for (xdg, home, user) in [
            (Some("/x"), Some("/home/u"), Some("/x/chatbox")),
            (Some("x"), Some("/home/u"), Some("/home/u/.config/chatbox")),
            (None, Some("/home/u"), Some("/home/u/.config/chatbox")),
            (None, None, None),
        ] {
            let found = candidates(Path::new("/a/b"), xdg.map(Path::new), home.map(Path::new));
            let meant = user.into_iter().chain(["/etc/chatbox"]);
            let expected = upward.into_iter().chain(meant.map(|dir| (dir, true)));
            let expected: Vec<_> = expected
                .map(|(dir, is_meant)| Candidate {
                    path: Path::new(dir).join(FILE_NAME),
                    is_meant,
                })
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_users_own_directory_is_meant_also_where_one_stands_in_it() {
        let found = candidates(Path::new("/x/chatbox"), Some(Path::new("/x")), None);
        assert!(found[0].is_meant);
        assert!(!found[1].is_meant);
    }

    #[test]
    fn a_file_is_believed_that_the_user_and_root_alone_may_change() {
        const USER: u32 = 1000;
        let doubt = |mode, owner, group| Writers { mode, owner, group }.doubt(USER);
        for (mode, owner, group, expected) in [
            (0o644, USER, 100, None),
            (0o755, 0, 0, None),
            (0o664, USER, USER, None),
            (0o664, USER, 100, Some(Doubt::Writable)),
            (0o775, 0, 100, Some(Doubt::Writable)),
            (0o666, USER, USER, Some(Doubt::Writable)),
            (0o777, 0, 0, Some(Doubt::Writable)),
            (0o600, 1001, USER, Some(Doubt::Foreign)),
        ] {
            assert_eq!(
                doubt(mode, owner, group),
                expected,
                "{mode:o} {owner} {group}"
            );
        }
        let of_root = Writers {
            mode: 0o660,
            owner: 0,
            group: 0,
        };
        assert_eq!(of_root.doubt(0), Some(Doubt::Writable), "wheel has members");
    }
}
