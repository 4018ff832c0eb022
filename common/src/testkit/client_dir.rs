//! The client's program in a directory of its own: its files, its flags, its exit.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::account::Account;
use super::guard::GuardedChild;
use super::process::{ServerProcess, program};
use super::scripted_server::{AcceptedClient, CODE, PASSWORD, ScriptedServer};

/// Has the files that the program's flags name.
pub struct ClientDir {
    directory: tempfile::TempDir,
}

impl ClientDir {
    pub fn new() -> Self {
        let dir = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        dir.write("pass", PASSWORD);
        dir.write("code", CODE);
        dir.write("config.toml", "[client]\nreconnect_delay = 1\n");
        dir
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.path(name))
            .unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }

    pub fn known_hosts(&self) -> String {
        fs::read_to_string(self.path("known")).unwrap_or_default()
    }

    pub fn command(&self, flags: &[&str]) -> Command {
        self.command_of(&program("chatbox"), flags)
    }

    /// As [`ClientDir::command`], of another version's program.
    pub fn command_of(&self, program: &Path, flags: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_STATE_HOME")
            .env("TZ", "UTC")
            .args(["--config", "config.toml", "--known-hosts", "known"])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn spawn(&self, flags: &[&str]) -> GuardedChild {
        GuardedChild::spawn(&mut self.command(flags))
    }

    /// Starts the program with all it needs to log in as alice, and these flags.
    pub fn begin(&self, server: &ScriptedServer, flags: &[&str]) -> GuardedChild {
        let address = server.address();
        let fingerprint = server.fingerprint().to_string();
        let mut all = vec!["--server", &address, "--user", "alice"];
        all.extend(["--password-file", "pass", "--otp-file", "code"]);
        all.extend(["--fingerprint", &fingerprint]);
        all.extend(flags);
        self.spawn(&all)
    }

    /// Writes this input, then closes standard input.
    pub fn chat(&self, server: &ScriptedServer, input: &str, flags: &[&str]) -> GuardedChild {
        let mut child = self.begin(server, flags);
        // Fails where the program has ended already: the test looks at its exit.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child
    }
}

/// Somebody with an account at the server itself: their directory, and what logs them in.
pub struct Participant {
    pub dir: ClientDir,
    pub account: Account,
    flags: Vec<String>,
}

impl Participant {
    pub fn new(server: &ServerProcess, account: Account) -> Self {
        let dir = ClientDir::new();
        dir.write("pass", &account.password);
        let address = server.address.to_string();
        let (user, print) = (account.name.as_str(), &*server.fingerprint);
        let asked = ["--server", &address, "--user", user, "--fingerprint", print];
        let answered = ["--password-file", "pass", "--otp-file", "code"];
        let flags = asked.iter().chain(&answered);
        let flags = flags.copied().map(str::to_owned).collect();
        Self {
            dir,
            account,
            flags,
        }
    }

    /// With a second factor for one login.
    pub fn command(&mut self, flags: &[&str]) -> Command {
        self.command_of(&program("chatbox"), flags)
    }

    /// As [`Participant::command`], of another version's program.
    pub fn command_of(&mut self, program: &Path, flags: &[&str]) -> Command {
        let code = self.account.factor();
        self.dir.write("code", code.expose());
        let own = self.flags.iter().map(String::as_str);
        let all: Vec<&str> = flags.iter().copied().chain(own).collect();
        self.dir.command_of(program, &all)
    }

    /// Runs the program to its end, with this input.
    pub fn run_of(&mut self, program: &Path, flags: &[&str], input: &str) -> Exited {
        let mut child = GuardedChild::spawn(&mut self.command_of(program, flags));
        // Fails where the program has ended already: the test looks at its exit.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        end(child)
    }
}

pub struct Exited {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn end(child: GuardedChild) -> Exited {
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Exited {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

/// The lines of the output without their time.
pub fn lines(out: &str) -> Vec<&str> {
    out.lines().map(|line| &line[9..]).collect()
}

pub fn enter(server: &ScriptedServer) -> AcceptedClient {
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    client.page(Vec::new());
    client
}
