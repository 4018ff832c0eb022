//! Secrets from files: the first line of a file, a FIFO or standard input, never an argument.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::path::{Path, PathBuf};

use chatbox_common::secret::SecretString;
use zeroize::Zeroizing;

use super::MAX_ANSWER;

/// Why a file gave no secret. A sentence for the person.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The group or others may read or change the file.
    #[error("{0} is open to other users (mode {mode:03o}): do 'chmod 600' on it first", path.display())]
    Exposed {
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// `-` while standard input is a terminal, which would echo what is typed.
    #[error("'-' reads from a pipe; at a terminal leave the flag out to be asked without echo")]
    WouldEcho,
    #[error("the first line of {} is empty", .0.display())]
    Empty(PathBuf),
    /// More than [`MAX_ANSWER`] bytes.
    #[error("the first line of {} has more than {MAX_ANSWER} bytes", .0.display())]
    TooLong(PathBuf),
    #[error("the first line of {} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
}

/// Reads a secret from the first line of a file or FIFO, or of standard input when `path` is `-`;
/// what follows the line is left unread there, for the next secret and for the chat.
///
/// A regular file must be closed to group and others, as ssh demands of its keys.
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretFileError> {
    if path == Path::new("-") {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(SecretFileError::WouldEcho);
        }
        return first_line(&mut stdin.lock(), Path::new("standard input"));
    }
    let failed = |source| SecretFileError::Read {
        path: path.to_owned(),
        source,
    };
    // The mode is that of the opened file: its name could be another's a moment later.
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_file() && mode & 0o077 != 0 {
            return Err(SecretFileError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
    }
    #[cfg(not(unix))]
    drop(metadata);
    first_line(&mut file, path)
}

/// Reads byte by byte into a buffer that never grows: nothing behind the line is consumed, and no
/// copy of the secret is left in memory.
pub(crate) fn first_line(
    source: &mut impl Read,
    path: &Path,
) -> Result<SecretString, SecretFileError> {
    // A secret of the full length may be followed by a carriage return.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_ANSWER + 1));
    let mut byte = Zeroizing::new([0]);
    loop {
        match source.read(byte.as_mut_slice()) {
            Ok(0) => break,
            Ok(_) if *byte == *b"\n" => break,
            Ok(_) if line.len() > MAX_ANSWER => {
                return Err(SecretFileError::TooLong(path.to_owned()));
            }
            Ok(_) => line.extend_from_slice(byte.as_slice()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(SecretFileError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        }
    }
    let secret = line.strip_suffix(b"\r").unwrap_or(&line);
    if secret.is_empty() {
        return Err(SecretFileError::Empty(path.to_owned()));
    }
    if secret.len() > MAX_ANSWER {
        return Err(SecretFileError::TooLong(path.to_owned()));
    }
    let text = str::from_utf8(secret).map_err(|_| SecretFileError::NotUtf8(path.to_owned()))?;
    Ok(SecretString::new(text.to_owned()))
}

#[cfg(test)]
mod tests;
