//! tmux, a terminal in a terminal with tables of its own, driven by its commands.

use std::fs;
use std::process::{Command, Output, Stdio};

use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::scripted_server::{CODE, PASSWORD};
use chatbox_common::testkit::wait::eventually;
use tempfile::TempDir;

/// Columns and rows.
pub const SIZE: (u16, u16) = (100, 30);

pub struct Tmux {
    /// The server of a socket of its own.
    _server: GuardedChild,
    home: TempDir,
}

impl Tmux {
    /// `None` where there is no tmux: a program that a test may lack, unless `CHATBOX_REQUIRE=1`
    /// says that it must not.
    pub fn start() -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            let is_required = std::env::var_os("CHATBOX_REQUIRE").is_some_and(|wish| wish == "1");
            assert!(!is_required, "there is no tmux");
            eprintln!("There is no tmux: how the client looks in it was not tried.");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("pass"), format!("{PASSWORD}\n")).unwrap();
        fs::write(home.path().join("code"), format!("{CODE}\n")).unwrap();
        fs::write(home.path().join("config.toml"), "[client]\n").unwrap();
        for secret in ["pass", "code"] {
            use std::os::unix::fs::PermissionsExt;
            let path = home.path().join(secret);
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let mut command = command(&home);
        command.arg("-D").stdin(Stdio::null());
        let server = GuardedChild::spawn(&mut command);
        let tmux = Self {
            _server: server,
            home,
        };
        // Before the first session: it is a window's from its beginning.
        let history = ["set-option", "-g", "history-limit", "1000000"];
        eventually("tmux to run", || {
            tmux.asks(&history).status.success().then_some(())
        });
        tmux.does(&["set-option", "-g", "status", "off"]);
        Some(tmux)
    }

    fn asks(&self, arguments: &[&str]) -> Output {
        command(&self.home).args(arguments).output().unwrap()
    }

    fn does(&self, arguments: &[&str]) -> String {
        let output = self.asks(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command line in a session, the one there is.
    pub fn runs(&mut self, line: &str) {
        let (columns, rows) = (SIZE.0.to_string(), SIZE.1.to_string());
        let shell = format!("exec {line}");
        self.does(&["new-session", "-d", "-x", &columns, "-y", &rows, &shell]);
    }

    pub fn ends(&mut self) {
        self.does(&["kill-session"]);
    }

    pub fn types(&self, text: &str) {
        self.does(&["send-keys", "-l", text]);
    }

    /// A key as tmux names it.
    pub fn presses(&self, key: &str) {
        self.does(&["send-keys", key]);
    }

    /// The rows on the screen, without the blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        lines(&self.does(&["capture-pane", "-p"]))
    }

    /// Those that were pushed out as well.
    pub fn all_rows(&self) -> Vec<String> {
        lines(&self.does(&["capture-pane", "-p", "-S", "-"]))
    }

    pub fn until(&self, are_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        eventually("the screen of tmux", || {
            let rows = self.rows();
            are_so(&rows).then_some(rows)
        })
    }

    pub fn sees(&self, text: &str) {
        self.until(|rows| rows.iter().any(|row| row.contains(text)));
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|row| row.trim_end().to_owned()).collect()
}

fn command(home: &TempDir) -> Command {
    let mut command = Command::new("tmux");
    command.arg("-u").arg("-S").arg(home.path().join("tmux"));
    command.args(["-f", "/dev/null"]);
    command.current_dir(home.path());
    for name in ["TMUX", "LC_ALL", "COLUMNS", "NO_COLOR"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").env("HOME", home.path());
    command.env("TZ", "UTC").env("SHELL", "/bin/sh");
    command
}
