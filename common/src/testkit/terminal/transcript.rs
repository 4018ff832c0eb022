//! The output as a text that is read once, from beginning to end: for programs that write line
//! after line.

use std::ops::{Deref, DerefMut};
use std::thread;

use super::{Program, Terminal, find};

pub struct Transcript {
    terminal: Terminal,
    /// In bytes.
    read: usize,
}

impl Transcript {
    /// On a terminal of 80 columns and 24 rows.
    pub fn start(program: Program) -> Self {
        Self {
            terminal: Terminal::start(program, (80, 24)),
            read: 0,
        }
    }

    /// Reads on until this was written; returns what stood before it.
    pub fn sees(&mut self, text: &str) -> String {
        let read = self.read;
        let (before, end) = self.until_bytes(|bytes| {
            let unread = &bytes[read..];
            let begin = find(unread, text).ok_or_else(|| format!("{text:?}"))?;
            let before = String::from_utf8_lossy(&unread[..begin]).into_owned();
            Ok((before, read + begin + text.len()))
        });
        self.read = end;
        before
    }

    /// Reads on until a whole line has one of these parts; says which.
    pub fn sees_one_of(&mut self, parts: &[&str]) -> usize {
        let read = self.read;
        let (which, end) = self.until_bytes(|bytes| {
            let mut end = read;
            for line in bytes[read..].split_inclusive(|byte| *byte == b'\n') {
                end += line.len();
                let which = parts.iter().position(|part| find(line, part).is_some());
                if let (Some(which), Some(b'\n')) = (which, line.last()) {
                    return Ok((which, end));
                }
            }
            Err(format!("a line with one of {parts:?}"))
        });
        self.read = end;
        which
    }

    /// Skips what was written so far.
    pub fn skips(&mut self) {
        self.read = self.mark();
    }

    /// Waits for a question. The client switches echo off before it asks: an answer may be secret.
    pub fn is_asked(&mut self, question: &str) {
        self.sees(question);
        assert!(!self.has_echo(), "echo is on at {question}");
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

impl Deref for Transcript {
    type Target = Terminal;

    fn deref(&self) -> &Terminal {
        &self.terminal
    }
}

impl DerefMut for Transcript {
    fn deref_mut(&mut self) -> &mut Terminal {
        &mut self.terminal
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the terminal\n{}", self.text());
        }
    }
}
