//! A client at a terminal of its own, whose output is kept line by line.

use std::ops::{Deref, DerefMut};

use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::terminal::{Signal, Transcript};

use chatbox_common::testkit::terminal::client::client_with;

pub struct TerminalClient {
    /// Index of the person at it.
    pub person: usize,
    pub is_stopped: bool,
    pub missed_a_kill: bool,
    /// The room in which typed lines are said, while that is certain.
    pub current: Option<String>,
    transcript: Transcript,
}

impl TerminalClient {
    /// Logs in, and waits until the session has begun.
    pub fn begin(server: &ServerProcess, person: usize, account: &mut Account) -> Self {
        // An echo of what is typed would be read as what is shown.
        let program = client_with(server, account, "").without_echo();
        let mut transcript = Transcript::start(program.args(["--plain"]));
        transcript.sees("what you type is said");
        Self {
            person,
            is_stopped: false,
            missed_a_kill: false,
            current: None,
            transcript,
        }
    }

    /// Types a command, and returns the place of the answer that came.
    pub fn asks(&mut self, command: &str, answers: &[&str]) -> usize {
        self.skips();
        self.types(command);
        self.sees_one_of(answers)
    }

    /// The messages shown: room, sender and text.
    pub fn chat(&self) -> Vec<(String, String, String)> {
        let text = self.text();
        let chats = text.lines().filter_map(|line| {
            let line = line.trim_start_matches('\u{7}');
            let (room, rest) = line.get(9..)?.split_once(" <")?;
            let room = room.strip_prefix("[direct] ").unwrap_or(room);
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

    pub fn quit(&mut self) {
        self.types("/quit");
        assert_eq!(self.ends().code(), Some(0), "{:#?}", self.tail());
    }

    pub fn tail(&self) -> Vec<String> {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(30)..];
        tail.iter().copied().map(str::to_owned).collect()
    }
}

impl Deref for TerminalClient {
    type Target = Transcript;

    fn deref(&self) -> &Transcript {
        &self.transcript
    }
}

impl DerefMut for TerminalClient {
    fn deref_mut(&mut self) -> &mut Transcript {
        &mut self.transcript
    }
}
