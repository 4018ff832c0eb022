//! A socket in the file system: made for those alone who may use it, and reached at any path.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use chatbox_common::config::{Doubt, Writers};
use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, chownat, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 16;

/// Does something with the socket at a path that may be longer than the 107 bytes of a socket's
/// address: from its directory on.
fn at<T>(path: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    const LONGEST: usize = 107;
    if path.as_os_str().len() <= LONGEST {
        return work(path);
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    // To search it is enough: it need not be readable.
    let parent = path.parent().unwrap_or(path);
    let directory = rustix::fs::open(parent, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let short = format!("/proc/self/fd/{}", directory.as_raw_fd());
    work(&Path::new(&short).join(name))
}

/// # Errors
/// [`io::ErrorKind::NotFound`] and [`io::ErrorKind::ConnectionRefused`] where nobody listens;
/// [`io::ErrorKind::WouldBlock`] where nobody accepts within `patience`.
pub fn connect(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux waits as long for a place among those that are to be accepted.
    socket.set_write_timeout(Some(patience))?;
    at(path, |path| socket.connect(&SockAddr::unix(path)?))?;
    socket.set_write_timeout(None)?;
    Ok(OwnedFd::from(socket).into())
}

/// Why somebody else could have put a socket there, or could replace it.
///
/// # Errors
/// When its directory can't be looked at.
pub fn doubt(path: &Path) -> io::Result<Option<Doubt>> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let found = fs::metadata(directory)?;
    let writers = Writers {
        mode: found.mode(),
        owner: found.uid(),
        group: found.gid(),
    };
    // Whose it is is not asked: a command may be of another user than the server.
    Ok(writers.doubt(found.uid()))
}

/// Whether somebody listens. It does not wait where the backlog is full.
fn is_in_use(path: &Path) -> io::Result<bool> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let connected = at(path, |path| socket.connect(&SockAddr::unix(path)?));
    Ok(connected.map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |()| true))
}

/// Makes a socket, mode 0600, or 0660 for a group, from its first moment on. A socket at which
/// nobody answers is replaced: the caller holds the lock of whoever may listen there.
///
/// # Errors
/// When somebody listens there already, or the path can't be used.
pub fn bind(path: &Path, group: Option<u32>) -> anyhow::Result<UnixListener> {
    if let Some(doubt) = doubt(path)? {
        bail!("its directory {doubt}");
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            ensure!(!is_in_use(path)?, "another server listens there");
            fs::remove_file(path)?;
        }
        Ok(_) => bail!("there is something else of this name"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux gives the file the mode that the socket has when it is bound.
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    at(path, |path| socket.bind(&SockAddr::unix(path)?))?;
    if let Some(group) = group {
        chownat(
            CWD,
            path,
            None,
            Some(Gid::from_raw(group)),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .with_context(|| format!("it can't be given to the group with the number {group}"))?;
        fs::set_permissions(path, Permissions::from_mode(0o660))?;
    }
    socket.listen(BACKLOG)?;
    Ok(OwnedFd::from(socket).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_its_owners_alone_whatever_the_length_of_its_path() {
        let root = tempfile::tempdir().unwrap();
        for name in ["short".to_owned(), "long".repeat(40)] {
            let directory = root.path().join(name);
            fs::create_dir(&directory).unwrap();
            let path = directory.join("admin.sock");
            let listener = bind(&path, None).unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            connect(&path, Duration::from_secs(10)).unwrap();
            let taken = bind(&path, None).unwrap_err().to_string();
            assert_eq!(taken, "another server listens there");
            drop(listener);
            // What is left of a server that was killed.
            drop(bind(&path, None).unwrap());
            fs::remove_file(&path).unwrap();
            fs::write(&path, "a file").unwrap();
            bind(&path, None).unwrap_err();
            assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
            fs::remove_file(&path).unwrap();
            fs::set_permissions(&directory, Permissions::from_mode(0o1777)).unwrap();
            let refused = bind(&path, None).unwrap_err().to_string();
            assert!(refused.contains("may be changed by others"), "{refused}");
        }
    }
}
