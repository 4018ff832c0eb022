//! A program to be started on a terminal, with a directory and an environment of its own: what
//! the tests themselves were given must not change what it does.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::Arc;

use rustix::termios::LocalModes;
use tempfile::TempDir;

use super::Terminal;
use super::pty::Pty;
use super::recording::Recording;
use crate::testkit::guard::GuardedChild;

/// What the machine needs, and what coverage and backtraces need: no locale, colours or size.
const INHERITED: [&str; 5] = [
    "PATH",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
    "RUST_BACKTRACE",
];

pub struct Program {
    command: Command,
    home: TempDir,
    echo: bool,
}

impl Program {
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let home = tempfile::tempdir().unwrap();
        // `setsid --ctty` of util-linux makes the terminal the controlling one: the client asks for
        // passwords there.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(path);
        command.env_clear();
        command.envs(INHERITED.iter().filter_map(|name| {
            let value = std::env::var_os(name)?;
            Some((name, value))
        }));
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("TZ", "UTC");
        command.env("HOME", home.path());
        command.current_dir(home.path());
        Self {
            command,
            home,
            echo: true,
        }
    }

    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Puts a file of mode 0600 into the directory.
    pub fn file(self, name: &str, content: &str) -> Self {
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(self.home.path().join(name)).unwrap();
        writeln!(file, "{content}").unwrap();
        self
    }

    /// Switches echo off, so that what a test types is not taken for output.
    pub fn without_echo(mut self) -> Self {
        self.echo = false;
        self
    }

    /// `size` is columns and rows.
    pub(super) fn start(mut self, size: (u16, u16)) -> Terminal {
        let pty = Pty::open(size);
        if !self.echo {
            pty.set_modes(pty.modes() - LocalModes::ECHO);
        }
        let command = self.command.stdin(pty.theirs()).stdout(pty.theirs());
        let child = GuardedChild::spawn(command.stderr(pty.theirs()));
        let recording = Arc::new(Recording::new(size));
        Recording::keep(&recording, pty.reader());
        Terminal {
            child,
            pty,
            recording,
            _home: self.home,
        }
        // The command is dropped here, and with it this process's copies of the program's end: the
        // recording is over once nobody has that open.
    }
}
