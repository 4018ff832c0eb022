//! A client at a terminal of its own: types lines, and keeps what it was shown, line by line.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::wait::eventually;

/// See the module.
pub struct TerminalClient {
    /// Which of the people sits here.
    pub person: usize,
    pub is_stopped: bool,
    pub missed_a_kill: bool,
    /// Where what is typed is said, as far as that is certain.
    pub current: Option<String>,
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<Vec<String>>>,
}

impl TerminalClient {
    /// Logs in, and waits until the session has begun.
    pub fn begin(
        server: &ServerProcess,
        number: usize,
        person: usize,
        account: &mut Account,
    ) -> Self {
        let home = server.path().join(format!("terminal{number}"));
        fs::create_dir_all(&home).unwrap();
        write(&home, "config.toml", "[client]\nreconnect_delay = 1\n");
        write(&home, "pass", &account.password);
        write(&home, "code", account.factor().expose());
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        // What is typed is not to be read as what is shown.
        let mut modes = tcgetattr(&ours).unwrap();
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&ours, OptionalActions::Now, &modes).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = || File::options().read(true).write(true).open(&name).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_chatbox"))
            .current_dir(&home)
            .env("HOME", &home)
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .args(["--plain", "--user", account.name.as_str()])
            .args(["--otp-file", "code", "--password-file", "pass"])
            .args(["--fingerprint", &server.fingerprint, "--server"])
            .arg(server.address.to_string())
            .args(["--config", "config.toml", "--known-hosts", "known"])
            .stdin(theirs())
            .stdout(theirs())
            .stderr(theirs())
            .spawn()
            .unwrap();
        let output = File::from(ours);
        let keyboard = output.try_clone().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&shown);
        thread::spawn(move || {
            // Reading fails once nobody has the other side open any more.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line.trim_end().to_owned());
            }
        });
        let terminal = Self {
            person,
            is_stopped: false,
            missed_a_kill: false,
            current: None,
            child,
            keyboard,
            shown,
        };
        terminal.sees(0, &["what you type is said"]);
        terminal
    }

    pub fn types(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
    }

    /// How many lines were shown.
    pub fn mark(&self) -> usize {
        self.shown.lock().unwrap().len()
    }

    /// Waits for a line with one of these in it, behind a mark; says which it was.
    pub fn sees(&self, mark: usize, parts: &[&str]) -> usize {
        let what = parts.join("\" or \"");
        eventually(&format!("\"{what}\""), || {
            let shown = self.shown.lock().unwrap();
            let mut lines = shown[mark..].iter();
            lines.find_map(|line| parts.iter().position(|part| line.contains(part)))
        })
    }

    /// Types a command, and waits for one of the answers; says which it was.
    pub fn asks(&mut self, command: &str, answers: &[&str]) -> usize {
        let mark = self.mark();
        self.types(command);
        self.sees(mark, answers)
    }

    pub fn count(&self, part: &str) -> usize {
        let shown = self.shown.lock().unwrap();
        shown.iter().filter(|line| line.contains(part)).count()
    }

    /// The messages shown: where, who and what.
    pub fn chat(&self) -> Vec<(String, String, String)> {
        let shown = self.shown.lock().unwrap();
        let chats = shown.iter().filter_map(|line| {
            let (room, rest) = line.get(9..)?.split_once(" <")?;
            let (user, text) = rest.split_once("> ")?;
            let is_room = room.starts_with(['#', '@']) && !room.contains(' ');
            is_room.then(|| (room.to_owned(), user.to_owned(), text.to_owned()))
        });
        chats.collect()
    }

    pub fn stop(&mut self) {
        self.signal(Signal::STOP);
        self.is_stopped = true;
    }

    pub fn go_on(&mut self) {
        self.signal(Signal::CONT);
        self.is_stopped = false;
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Says goodbye, and waits for the program's end.
    pub fn quit(&mut self) {
        self.types("/quit");
        let ended = eventually("a client's end", || self.child.try_wait().unwrap());
        assert_eq!(ended.code(), Some(0), "{:#?}", self.tail());
    }

    pub fn tail(&self) -> Vec<String> {
        let shown = self.shown.lock().unwrap();
        shown[shown.len().saturating_sub(30)..].to_vec()
    }
}

impl Drop for TerminalClient {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- a screen of {}\n{:#?}", self.person, self.tail());
        }
        // It has ended already where the test succeeded.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(home: &Path, name: &str, content: &str) {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(home.join(name)).unwrap();
    writeln!(file, "{content}").unwrap();
}
