//! A pseudo-terminal: one end for the test, in the place of a person, the other for the program.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use rustix::io::ioctl_fionread;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

pub(super) struct Pty {
    ours: File,
    theirs: PathBuf,
}

impl Pty {
    /// `size` is columns and rows.
    pub(super) fn open(size: (u16, u16)) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let pty = Self {
            ours: ours.into(),
            theirs: theirs.into(),
        };
        pty.resize(size);
        pty
    }

    pub(super) fn theirs(&self) -> File {
        let mut options = File::options();
        options.read(true).write(true).open(&self.theirs).unwrap()
    }

    pub(super) fn reader(&self) -> File {
        self.ours.try_clone().unwrap()
    }

    pub(super) fn write(&mut self, keys: &[u8]) {
        self.ours.write_all(keys).unwrap();
    }

    /// The bytes of keys that no program has read yet.
    pub(super) fn unread(&self) -> u64 {
        ioctl_fionread(self.theirs()).unwrap()
    }

    pub(super) fn resize(&self, (columns, rows): (u16, u16)) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.ours, size).unwrap();
    }

    pub(super) fn modes(&self) -> LocalModes {
        tcgetattr(&self.ours).unwrap().local_modes
    }

    pub(super) fn set_modes(&self, modes: LocalModes) {
        let mut all = tcgetattr(&self.ours).unwrap();
        all.local_modes = modes;
        tcsetattr(&self.ours, OptionalActions::Now, &all).unwrap();
    }
}
