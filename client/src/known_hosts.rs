//! Which server has which key: the file of pinned fingerprints.
//!
//! A line is `host:port SHA256:<base64>`; empty lines and lines that begin with `#` are comments.
//! A line that can't be read is kept, and reported by its number. Knows no socket and asks nobody:
//! `login::host_key` looks up, lets `trust` decide, and remembers a key only once the server has
//! proved on that very channel that it knows the account (its SCRAM signature).

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chatbox_common::fingerprint::Fingerprint;

use crate::address::ServerAddress;
use crate::locked_file::{self, LockedFile};

/// In bytes; a larger file is refused. Room for some ten thousand servers.
const MAX_FILE: u64 = 1 << 20;

/// How long to wait for another client that pins a key; it holds the lock for some milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the file could not be used. A sentence for the person.
#[derive(Debug, thiserror::Error)]
pub enum KnownHostsError {
    /// It exists and can't be read.
    #[error("cannot read the known servers in {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// More than 1 MiB.
    #[error("{} is larger than 1 MiB and cannot be a list of known servers", .0.display())]
    TooLarge(PathBuf),
    /// Its former content is still there.
    #[error("cannot write the known servers to {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// Another program has not released its lock in time.
    #[error(
        "another program holds {}, so the key of {server} was not written down",
        locked_file::lock_path(path).display()
    )]
    Busy {
        path: PathBuf,
        server: ServerAddress,
    },
    /// Another key is pinned for this server, which is never replaced.
    #[error("line {line} of {} has another key for {server}, which is not replaced", path.display())]
    Conflict {
        path: PathBuf,
        server: ServerAddress,
        /// From 1.
        line: usize,
    },
    /// A line about this server is neither an entry nor a comment, and may have meant another key.
    #[error(
        "line {line} of {} is about {server} and cannot be read: mend or delete it, or the key is \
         asked about each time",
        path.display()
    )]
    Damaged {
        path: PathBuf,
        server: ServerAddress,
        /// From 1.
        line: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// This key is pinned.
    Known,
    /// No line is about this server.
    New,
    /// Another key is pinned.
    Changed {
        /// The pinned one.
        expected: Fingerprint,
        /// From 1.
        line: usize,
    },
    /// A line about this server can't be read. If it were ignored, a changed key would look like a
    /// new one.
    Damaged {
        /// From 1.
        line: usize,
    },
}

/// Neither an entry nor a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// From 1.
    pub number: usize,
    /// Where that much can be read.
    pub server: Option<ServerAddress>,
}

struct Entry {
    number: usize,
    server: ServerAddress,
    fingerprint: Fingerprint,
}

/// The pinned keys, as the file had them when it was last read.
pub struct KnownHosts {
    path: PathBuf,
    content: Vec<u8>,
    entries: Vec<Entry>,
    bad_lines: Vec<BadLine>,
}

impl KnownHosts {
    /// Reads the file; one that does not exist is empty. Lines that can't be understood are no
    /// error: see [`KnownHosts::bad_lines`].
    pub fn open(path: PathBuf) -> Result<Self, KnownHostsError> {
        let content = read(&path)?;
        let mut hosts = Self {
            path,
            content,
            entries: Vec::new(),
            bad_lines: Vec::new(),
        };
        for (index, line) in hosts.content.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            match parse_line(line) {
                HostLine::Entry(server, fingerprint) => hosts.entries.push(Entry {
                    number,
                    server,
                    fingerprint,
                }),
                HostLine::Bad(server) => hosts.bad_lines.push(BadLine { number, server }),
                HostLine::Comment => {}
            }
        }
        Ok(hosts)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// To warn the person about.
    #[must_use]
    pub fn bad_lines(&self) -> &[BadLine] {
        &self.bad_lines
    }

    /// Several keys may be pinned for a server (while its operator replaces one by another); one
    /// match is enough.
    #[must_use]
    pub fn lookup(&self, server: &ServerAddress, presented: Fingerprint) -> Status {
        let mut pinned = self.entries.iter().filter(|entry| entry.server == *server);
        if pinned.clone().any(|entry| entry.fingerprint == presented) {
            return Status::Known;
        }
        if let Some(entry) = pinned.next() {
            return Status::Changed {
                expected: entry.fingerprint,
                line: entry.number,
            };
        }
        let damaged = |bad: &&BadLine| bad.server.as_ref() == Some(server);
        match self.bad_lines.iter().find(damaged) {
            Some(bad) => Status::Damaged { line: bad.number },
            None => Status::New,
        }
    }

    /// Pins a key by a new line at the end; everything else in the file stays as it is.
    ///
    /// The file is locked and read again first, so that what other clients pin meanwhile is kept,
    /// and replaced in one step by a complete file with mode 0600.
    ///
    /// # Errors
    /// Also when the file by now has another key for this server, or a line about it that can't be
    /// read.
    pub fn remember(
        &mut self,
        server: &ServerAddress,
        fingerprint: Fingerprint,
    ) -> Result<(), KnownHostsError> {
        let path = || self.path.clone();
        let failed = |source| KnownHostsError::Write {
            path: path(),
            source,
        };
        let Some(locked) = lock(&self.path).map_err(failed)? else {
            return Err(KnownHostsError::Busy {
                path: path(),
                server: server.clone(),
            });
        };
        let current = Self::open(path())?;
        match current.lookup(server, fingerprint) {
            Status::Known => {}
            Status::New => {
                let mut content = current.content;
                if content.last().is_some_and(|byte| *byte != b'\n') {
                    content.push(b'\n');
                }
                content.extend_from_slice(format!("{server} {fingerprint}\n").as_bytes());
                locked.replace(&content).map_err(failed)?;
            }
            Status::Changed { line, .. } => {
                return Err(KnownHostsError::Conflict {
                    path: path(),
                    server: server.clone(),
                    line,
                });
            }
            Status::Damaged { line } => {
                return Err(KnownHostsError::Damaged {
                    path: path(),
                    server: server.clone(),
                    line,
                });
            }
        }
        *self = Self::open(path())?;
        Ok(())
    }
}

/// Makes the directory if need be. A symbolic link is followed, so that a file kept elsewhere stays
/// there, and all who write it take the same lock.
fn lock(path: &Path) -> io::Result<Option<LockedFile>> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(parent) = target.parent().filter(|parent| *parent != Path::new("")) {
        locked_file::make_private_directory(parent)?;
    }
    LockedFile::hold(&target, PATIENCE)
}

/// From the values of `XDG_DATA_HOME` and `HOME`; `None` when neither is an absolute path (the XDG
/// specification ignores a relative one).
#[must_use]
pub fn default_path(xdg_data_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|p| p.is_absolute());
    absolute(xdg_data_home)
        .or_else(|| absolute(home).map(|home| home.join(".local/share")))
        .map(|data| data.join("chatbox/known_hosts"))
}

enum HostLine {
    Entry(ServerAddress, Fingerprint),
    Comment,
    Bad(Option<ServerAddress>),
}

fn parse_line(line: &[u8]) -> HostLine {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let Some(first) = words.next().filter(|word| !word.starts_with('#')) else {
        return HostLine::Comment;
    };
    let server = ServerAddress::parse(first).ok();
    let fingerprint = words.next().map(Fingerprint::parse);
    match (server, fingerprint, words.next()) {
        (Some(server), Some(Ok(fingerprint)), None) => HostLine::Entry(server, fingerprint),
        (server, ..) => HostLine::Bad(server),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KnownHostsError> {
    let failed = |source| KnownHostsError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(failed)?,
    };
    let mut content = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > MAX_FILE {
        return Err(KnownHostsError::TooLarge(path.to_owned()));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn server(text: &str) -> ServerAddress {
        ServerAddress::parse(text).unwrap()
    }

    fn key(number: u8) -> Fingerprint {
        Fingerprint::from_key(&[number; 32])
    }

    fn file_with(content: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        fs::write(&path, content).unwrap();
        (directory, path)
    }

    #[test]
    fn a_key_is_known_new_or_changed() {
        let content = format!("# ours\n\nchat:1 {}\n[::1]:7878\t{}\n", key(1), key(2));
        let (_directory, path) = file_with(&content);
        let hosts = KnownHosts::open(path).unwrap();
        assert!(hosts.bad_lines().is_empty());
        assert_eq!(hosts.lookup(&server("CHAT:1"), key(1)), Status::Known);
        assert_eq!(hosts.lookup(&server("[0::1]"), key(2)), Status::Known);
        assert_eq!(hosts.lookup(&server("chat:2"), key(1)), Status::New);
        assert_eq!(
            hosts.lookup(&server("chat:1"), key(2)),
            Status::Changed {
                expected: key(1),
                line: 3
            }
        );
    }

    #[test]
    fn a_server_may_have_two_pinned_keys() {
        let (_directory, path) = file_with(&format!("chat {}\nchat {}\n", key(1), key(2)));
        let hosts = KnownHosts::open(path).unwrap();
        for pinned in [key(1), key(2)] {
            assert_eq!(hosts.lookup(&server("chat"), pinned), Status::Known);
        }
    }

    #[test]
    fn bad_lines_are_named_and_do_not_make_a_changed_key_look_new() {
        let content = format!(
            "chat:1 SHA256:short\nnonsense nonsense nonsense\nother:1 {0}\n::1 {0}\nchat:2 {0} x\n",
            key(1)
        );
        let (_directory, path) = file_with(&content);
        let hosts = KnownHosts::open(path).unwrap();
        let numbers: Vec<usize> = hosts.bad_lines().iter().map(|bad| bad.number).collect();
        assert_eq!(numbers, [1, 2, 4, 5]);
        for (about, line) in [("chat:1", 1), ("chat:2", 5)] {
            assert_eq!(
                hosts.lookup(&server(about), key(1)),
                Status::Damaged { line }
            );
        }
        assert_eq!(hosts.lookup(&server("other:1"), key(1)), Status::Known);
        assert_eq!(hosts.lookup(&server("chat:3"), key(1)), Status::New);
    }

    #[test]
    fn remembering_adds_a_line_and_keeps_every_other_byte() {
        // No line feed at the end, a line that is not UTF-8, a comment, a carriage return.
        let before = b"# kept\n\xff\xfe?\r\nchat:9 nonsense";
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        fs::write(&path, before).unwrap();
        let mut hosts = KnownHosts::open(path.clone()).unwrap();
        for _ in 0..2 {
            hosts.remember(&server("chat"), key(1)).unwrap();
            assert_eq!(hosts.lookup(&server("chat"), key(1)), Status::Known);
            let line = format!("\nchat:7878 {}\n", key(1));
            assert_eq!(fs::read(&path).unwrap(), [before, line.as_bytes()].concat());
        }
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            2,
            "its lock"
        );
    }

    #[test]
    fn what_another_client_pinned_meanwhile_is_kept() {
        let (_directory, path) = file_with("");
        let mut ours = KnownHosts::open(path.clone()).unwrap();
        let mut theirs = KnownHosts::open(path).unwrap();
        theirs.remember(&server("a"), key(1)).unwrap();
        ours.remember(&server("b"), key(2)).unwrap();
        assert_eq!(ours.lookup(&server("a"), key(1)), Status::Known);
        assert!(matches!(
            theirs.remember(&server("b"), key(3)),
            Err(KnownHostsError::Conflict { line: 2, .. })
        ));
        theirs = KnownHosts::open(theirs.path().to_owned()).unwrap();
        assert_eq!(theirs.lookup(&server("b"), key(2)), Status::Known);
    }

    #[test]
    fn no_pin_is_lost_of_many_clients_that_pin_at_once() {
        const CLIENTS: u8 = 4;
        const PINS: u8 = 12;
        let (_directory, path) = file_with("# kept\n");
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let mut hosts = KnownHosts::open(path.clone()).unwrap();
                thread::spawn(move || {
                    for pin in 0..PINS {
                        let server = server(&format!("server-{client}-{pin}"));
                        hosts.remember(&server, key(pin)).unwrap();
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        let hosts = KnownHosts::open(path).unwrap();
        assert_eq!(hosts.entries.len(), usize::from(CLIENTS * PINS));
        assert!(hosts.content.starts_with(b"# kept\n") && hosts.bad_lines().is_empty());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_is_no_other_key() {
        let (_directory, path) = file_with("# kept\nchat:1 SHA256:short\n");
        let mut hosts = KnownHosts::open(path.clone()).unwrap();
        let refused = hosts.remember(&server("chat:1"), key(1)).unwrap_err();
        assert!(matches!(refused, KnownHostsError::Damaged { line: 2, .. }));
        let sentence = refused.to_string();
        assert!(sentence.contains("line 2 of "), "{sentence}");
        assert!(sentence.contains("cannot be read"), "{sentence}");
        assert!(!sentence.contains("another key"), "{sentence}");
        assert_eq!(fs::read(&path).unwrap(), hosts.content);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_kept_elsewhere_stays_there() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = directory.path().join("dotfiles/known_hosts");
        fs::create_dir(elsewhere.parent().unwrap()).unwrap();
        fs::write(&elsewhere, "").unwrap();
        let path = directory.path().join("known_hosts");
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let mut hosts = KnownHosts::open(path.clone()).unwrap();
        hosts.remember(&server("chat"), key(1)).unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::read(&elsewhere).unwrap(), hosts.content);
        assert!(locked_file::lock_path(&elsewhere).exists());
    }

    #[test]
    fn a_first_pin_makes_the_directory_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("share/chatbox/known_hosts");
        let mut hosts = KnownHosts::open(path.clone()).unwrap();
        hosts.remember(&server("chat"), key(1)).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let blocked = directory.path().join("file/known_hosts");
        let mut hosts = KnownHosts::open(blocked).unwrap();
        fs::write(directory.path().join("file"), "in the way").unwrap();
        assert!(hosts.remember(&server("chat"), key(1)).is_err());
        assert_eq!(hosts.lookup(&server("chat"), key(1)), Status::New);
    }

    #[test]
    fn a_huge_file_is_refused() {
        let (_directory, path) = file_with(&"#".repeat((1 << 20) + 1));
        assert!(matches!(
            KnownHosts::open(path),
            Err(KnownHostsError::TooLarge(_))
        ));
    }

    #[test]
    fn the_default_path_follows_the_xdg_specification() {
        let path = |data: Option<&str>, home: Option<&str>| {
            default_path(data.map(OsString::from), home.map(OsString::from))
        };
        let in_home = Some(PathBuf::from("/home/a/.local/share/chatbox/known_hosts"));
        assert_eq!(
            path(Some("/data"), Some("/home/a")),
            Some(PathBuf::from("/data/chatbox/known_hosts"))
        );
        assert_eq!(path(None, Some("/home/a")), in_home);
        assert_eq!(path(Some("relative"), Some("/home/a")), in_home);
        assert_eq!(path(Some(""), Some("")), None);
        assert_eq!(path(None, None), None);
    }
}
