//! A client at a terminal of its own, which keeps what it was shown line by line.

use std::ops::{Deref, DerefMut};

use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::terminal::{Signal, Transcript};

use chatbox_common::testkit::terminal::client::client_with;

/// See the module.
pub struct TerminalClient {
    /// Which of the people sits here.
    pub person: usize,
    pub is_stopped: bool,
    pub missed_a_kill: bool,
    /// Where what is typed is said, as far as that is certain.
    pub current: Option<String>,
    transcript: Transcript,
}

impl TerminalClient {
    /// Logs in, and waits until the session has begun.
    pub fn begin(server: &ServerProcess, person: usize, account: &mut Account) -> Self {
        // What is typed is not to be read as what is shown.
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

    /// Types a command, and waits for one of the answers; says which it was.
    pub fn asks(&mut self, command: &str, answers: &[&str]) -> usize {
        self.skips();
        self.types(command);
        self.sees_one_of(answers)
    }

    /// The messages shown: where, who and what.
    pub fn chat(&self) -> Vec<(String, String, String)> {
        let text = self.text();
        let chats = text.lines().filter_map(|line| {
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

    /// Says goodbye, and waits for the program's end.
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
