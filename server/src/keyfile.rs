//! The key files in `keys/`: one random key for each purpose, each in a file of its own.
//!
//! Knows bytes, lengths and modes, and nothing of what a key is for. Called at start, before a
//! connection is accepted, and by the operator's commands. A key that is missing where data depends
//! on it is never replaced by a new one: the data could not be read with it, and nobody would be
//! told why.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::new_file;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyName {
    /// The server's static X25519 key, which clients pin.
    ServerIdentity,
    /// The SCRAM salt of every name, whether or not it exists, is computed from it.
    Salt,
    /// Seals the TOTP secrets in the database.
    TotpSeal,
    /// Hashes the names that do not exist, for the log.
    NameHash,
}

impl KeyName {
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::ServerIdentity => "server_identity",
            Self::Salt => "salt",
            Self::TotpSeal => "totp_seal",
            Self::NameHash => "name_hash",
        }
    }

    /// Under which the database keeps the value that tells the key from others.
    #[must_use]
    pub fn kept_as(self) -> String {
        format!("check_{}", self.file_name())
    }

    pub const ALL: [Self; 4] = [
        Self::ServerIdentity,
        Self::Salt,
        Self::TotpSeal,
        Self::NameHash,
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// No data depends on it yet.
    MayCreate,
    /// The database was written with it.
    MustExist,
}

/// Why there is no key. The sentences name the file and the remedy, and no byte of the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error(
        "{} is missing, but the database was written with it: restore it from a backup",
        .0.display()
    )]
    Missing(PathBuf),
    /// Its mode gives the group or others any access.
    #[error(
        "{0} may be used by others (mode {mode:04o}): run chmod 600 {0}, \
         and think of the key as known to them",
        path.display()
    )]
    Mode {
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// The file has another length, or is no regular file.
    #[error(
        "{} does not hold a key of {expected} bytes: restore it from a backup",
        path.display()
    )]
    Length {
        path: PathBuf,
        /// In bytes.
        expected: usize,
    },
    /// The directory's mode lets the group or others write.
    #[error(
        "{0} may be written to by others (mode {mode:04o}): name a directory of its own for the keys \
         (`key_directory` in [security]), or run chmod 700 {0} if this is one, and see whether the \
         keys in it are yours",
        path.display()
    )]
    Directory {
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// It is a key, and not the one that the database was written with.
    #[error(
        "{} is not the key that the database was written with: restore both as they belong together",
        .0.display()
    )]
    Wrong(PathBuf),
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// As a verb of the sentence.
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

/// Refuses a directory of keys to which others may write: they could have put others there. One
/// that is not there is none.
pub fn check_directory(directory: &Path) -> Result<(), KeyFileError> {
    match mode_of(directory)? {
        Some(mode) if mode & 0o022 != 0 => Err(KeyFileError::Directory {
            path: directory.to_owned(),
            mode,
        }),
        _ => Ok(()),
    }
}

/// What has become of a directory of keys that others could enter.
#[derive(Debug, PartialEq, Eq)]
pub struct WayIn {
    /// The permission bits that it had.
    pub mode: u32,
    /// Why it still has them. The keys themselves are for their owner alone.
    pub left_open: Option<String>,
}

/// Takes the way into a directory of keys from others, unless there is something else in it: a
/// directory such as /etc is everybody's. `None` where they had none.
pub fn close_directory(directory: &Path) -> Result<Option<WayIn>, KeyFileError> {
    let Some(mode) = mode_of(directory)?.filter(|mode| mode & 0o077 != 0) else {
        return Ok(None);
    };
    let closed = match holds_anything_else(directory) {
        Ok(false) => {
            let closed = std::fs::set_permissions(directory, Permissions::from_mode(0o700));
            closed.map_err(|error| format!("it can't be closed: {error}"))
        }
        Ok(true) => Err("there are other files in it than keys".to_owned()),
        Err(error) => Err(format!("it can't be read: {error}")),
    };
    let left_open = closed.err();
    Ok(Some(WayIn { mode, left_open }))
}

/// Than what this program puts into it.
fn holds_anything_else(directory: &Path) -> io::Result<bool> {
    let others = [FINGERPRINT, ".gitignore"];
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let name = name.strip_suffix(".new").unwrap_or(&name);
        let is_key = KeyName::ALL.iter().any(|key| key.file_name() == name);
        if !is_key && !others.contains(&name) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn mode_of(directory: &Path) -> Result<Option<u32>, KeyFileError> {
    match std::fs::metadata(directory) {
        Ok(metadata) => Ok(Some(metadata.permissions().mode() & 0o7777)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("look at", directory)(error)),
    }
}

/// Whether any key is in the directory.
pub fn has_keys(directory: &Path) -> bool {
    let mut names = KeyName::ALL.iter().map(|name| name.file_name());
    names.any(|name| std::fs::symlink_metadata(directory.join(name)).is_ok())
}

/// Tells a key from others, and nothing of it: 16 bytes of a keyed hash.
pub fn check_value(key: &Secret<32>) -> Option<[u8; 16]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?;
    mac.update(b"chatbox 1 key check");
    let hash = mac.finalize().into_bytes();
    hash.first_chunk().copied()
}

/// Reads the key `name` of `N` bytes from `directory`, which must exist, or makes it from the
/// operating system's randomness, with mode 0600 and synced before it is returned.
pub fn load_or_create<const N: usize>(
    directory: &Path,
    name: KeyName,
    if_missing: IfMissing,
) -> Result<Secret<N>, KeyFileError> {
    let path = directory.join(name.file_name());
    match File::open(&path) {
        Ok(file) => load(file, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match if_missing {
            IfMissing::MayCreate => create(directory, &path),
            IfMissing::MustExist => Err(KeyFileError::Missing(path)),
        },
        Err(error) => Err(failed("open", &path)(error)),
    }
}

fn load<const N: usize>(mut file: File, path: &Path) -> Result<Secret<N>, KeyFileError> {
    let metadata = file.metadata().map_err(failed("look at", path))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    let length = || KeyFileError::Length {
        path: path.to_owned(),
        expected: N,
    };
    if !metadata.is_file() || metadata.len() != N as u64 {
        return Err(length());
    }
    let mut bytes = Zeroizing::new([0; N]);
    file.read_exact(&mut *bytes).map_err(failed("read", path))?;
    Secret::try_from(&bytes[..]).map_err(|_| length())
}

/// Written elsewhere first: half a key under its name would stop every later start.
fn create<const N: usize>(directory: &Path, path: &Path) -> Result<Secret<N>, KeyFileError> {
    let key = Secret::random();
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(key.expose())?;
            file.sync_all()
        })
        .and_then(|()| new_file::name(&temporary, path))
        .and_then(|()| File::open(directory)?.sync_all());
    if let Err(error) = written {
        // The first failure is reported.
        let _ = std::fs::remove_file(&temporary);
        return Err(failed("write", path)(error));
    }
    Ok(key)
}

/// In the key directory, for those who are to compare it: the fingerprint as people write it.
const FINGERPRINT: &str = "fingerprint";

/// Writes the fingerprint of the server's key beside it, if it is not there yet: a client of the
/// same user recognises the server by it.
pub fn note_fingerprint(directory: &Path, fingerprint: Fingerprint) -> Result<(), KeyFileError> {
    let path = directory.join(FINGERPRINT);
    let text = format!("{fingerprint}\n");
    if std::fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let temporary = directory.join("fingerprint.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)
        })
        .map_err(failed("write", &path))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    move |source| KeyFileError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(directory: &Path, if_missing: IfMissing) -> Result<Secret<32>, KeyFileError> {
        load_or_create(directory, KeyName::Salt, if_missing)
    }

    #[test]
    fn a_key_is_made_once_and_then_read() {
        let directory = tempfile::tempdir().unwrap();
        let made = load(directory.path(), IfMissing::MayCreate).unwrap();
        assert_ne!(made, Secret::new([0; 32]));
        let metadata = fs::metadata(directory.path().join("salt")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
        assert_eq!(load(directory.path(), IfMissing::MayCreate).unwrap(), made);
        assert_eq!(load(directory.path(), IfMissing::MustExist).unwrap(), made);
    }

    #[test]
    fn the_fingerprint_beside_the_key_is_that_of_the_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FINGERPRINT);
        for number in [1, 1, 2] {
            let fingerprint = Fingerprint::from_key(&[number; 32]);
            note_fingerprint(directory.path(), fingerprint).unwrap();
            let there = fs::read_to_string(&path).unwrap();
            assert_eq!(there, format!("{fingerprint}\n"));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_purpose_has_its_own_key() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!has_keys(directory.path()));
        for name in KeyName::ALL {
            load_or_create::<32>(directory.path(), name, IfMissing::MayCreate).unwrap();
            assert!(has_keys(directory.path()));
        }
        let count = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(count, KeyName::ALL.len());
    }

    #[test]
    fn a_key_that_data_depends_on_is_never_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let refusal = load(directory.path(), IfMissing::MustExist).unwrap_err();
        assert!(matches!(refusal, KeyFileError::Missing(_)));
        assert!(refusal.to_string().contains("restore it from a backup"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_key_that_others_may_use_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        load(directory.path(), IfMissing::MayCreate).unwrap();
        let path = directory.path().join("salt");
        for mode in [0o640, 0o604, 0o620, 0o611] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refusal = load(directory.path(), IfMissing::MayCreate).unwrap_err();
            assert!(matches!(refusal, KeyFileError::Mode { mode: m, .. } if m == mode));
            assert!(refusal.to_string().contains("chmod 600"));
        }
    }

    #[test]
    fn a_directory_is_closed_to_others_and_refused_where_they_could_have_changed_it() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("keys");
        check_directory(&directory).unwrap();
        assert_eq!(close_directory(&directory).unwrap(), None);
        fs::create_dir(&directory).unwrap();
        let set = |mode| fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
        for mode in [0o755, 0o750, 0o701] {
            set(mode);
            check_directory(&directory).unwrap();
            let closed = WayIn {
                mode,
                left_open: None,
            };
            assert_eq!(close_directory(&directory).unwrap(), Some(closed));
            assert_eq!(close_directory(&directory).unwrap(), None);
            // All that a start puts there.
            load_or_create::<32>(&directory, KeyName::Salt, IfMissing::MayCreate).unwrap();
            note_fingerprint(&directory, Fingerprint::from_key(&[1; 32])).unwrap();
            fs::write(directory.join(".gitignore"), "").unwrap();
            fs::write(directory.join("totp_seal.new"), "").unwrap();
        }
        let foreign = directory.join("passwd");
        for leave in [true, false] {
            set(0o755);
            if leave {
                fs::write(&foreign, "").unwrap();
            } else {
                fs::remove_file(&foreign).unwrap();
            }
            let found = close_directory(&directory).unwrap().unwrap();
            assert_eq!((found.mode, found.left_open.is_some()), (0o755, leave));
            let mode = fs::metadata(&directory).unwrap().permissions().mode();
            assert_eq!(mode & 0o777 == 0o755, leave);
        }
        for mode in [0o770, 0o702, 0o777] {
            set(mode);
            let refusal = check_directory(&directory).unwrap_err();
            assert!(refusal.to_string().contains("chmod 700"), "{refusal}");
        }
    }

    #[test]
    fn what_a_process_left_that_was_killed_while_it_made_a_key_is_no_key() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("salt.new"), "half").unwrap();
        load(directory.path(), IfMissing::MayCreate).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_check_value_tells_keys_apart() {
        let value = |byte| check_value(&Secret::new([byte; 32])).unwrap();
        assert_eq!(value(1), value(1));
        assert_ne!(value(1), value(2));
        assert_ne!(value(1), [1; 16]);
    }

    #[test]
    fn a_file_of_another_length_is_refused_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        load(directory.path(), IfMissing::MayCreate).unwrap();
        let path = directory.path().join("salt");
        for length in [0, 31, 33] {
            fs::write(&path, vec![7; length]).unwrap();
            assert!(matches!(
                load(directory.path(), IfMissing::MayCreate),
                Err(KeyFileError::Length { expected: 32, .. })
            ));
            assert_eq!(fs::read(&path).unwrap().len(), length);
        }
    }

    #[test]
    fn a_directory_in_its_place_is_no_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("salt");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(
            load(directory.path(), IfMissing::MayCreate),
            Err(KeyFileError::Length { .. })
        ));
    }
}
