//! What is typed or piped in, and waits for its turn. A thread reads lines, each when it is wanted
//! and not before: so a pipe waits for the server, and a question on the terminal has the keyboard
//! to itself.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal, Read};
use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread;

use super::Event;
use crate::input::MAX_LINE;
use crate::ui::Intent;

/// What a terminal keeps of a typed line, with its end; the rest is dropped without a word
/// (Linux, N_TTY_BUF_SIZE).
pub(super) const MAX_TERMINAL_LINE: usize = 4_096;

/// What is typed, in the order in which it is carried out.
#[derive(Default)]
pub(super) struct TypedAhead {
    /// Lines of a pipe or a plain terminal.
    keyboard: Option<Keyboard>,
    /// What was typed and has to wait for what was typed before.
    ahead: VecDeque<Intent>,
}

impl TypedAhead {
    /// Takes lines from there as well.
    pub(super) fn read_from(&mut self, keyboard: Keyboard) {
        self.keyboard = Some(keyboard);
    }

    /// Keeps what was typed until it is its turn.
    pub(super) fn keep(&mut self, intent: Intent) {
        self.ahead.push_back(intent);
    }

    /// What is to be carried out now. Where nothing waits, a line is wanted of the keyboard, which
    /// is an event of its own when it comes.
    pub(super) fn next(&mut self) -> Option<Intent> {
        let intent = self.ahead.pop_front();
        if let (None, Some(keyboard)) = (&intent, &mut self.keyboard) {
            keyboard.want();
        }
        intent
    }

    /// A line of the keyboard has come.
    pub(super) const fn has_come(&mut self) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.has_come();
        }
    }

    /// Whether something was typed that waits, here or unread.
    pub(super) fn has_more(&self) -> bool {
        !self.ahead.is_empty() || (self.keyboard.is_some() && has_more())
    }

    /// Whether nothing waits here.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.ahead.is_empty()
    }
}

/// The keyboard, or what stands in its place.
pub(super) struct Keyboard {
    requests: Sender<()>,
    /// A line was wanted and has not come yet.
    waits: bool,
}

impl Keyboard {
    /// Starts the thread.
    pub(super) fn start(teller: SyncSender<Event>) -> io::Result<Self> {
        let (requests, wanted) = mpsc::channel();
        thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || {
                let is_terminal = io::stdin().is_terminal();
                let mut terminal = BufReader::with_capacity(1, Unbuffered);
                while wanted.recv().is_ok() {
                    let typed = if is_terminal {
                        read(&mut terminal, is_terminal)
                    } else {
                        read(&mut io::stdin().lock(), is_terminal)
                    };
                    let is_end = matches!(typed, Intent::End | Intent::Failed);
                    if teller.send(Event::Typed(typed)).is_err() || is_end {
                        return;
                    }
                }
            })?;
        Ok(Self {
            requests,
            waits: false,
        })
    }

    /// Wants a line, if none is under way.
    fn want(&mut self) {
        // After the end of the input nobody asks for lines any more.
        if !self.waits && self.requests.send(()).is_ok() {
            self.waits = true;
        }
    }

    /// A line has come.
    const fn has_come(&mut self) {
        self.waits = false;
    }
}

/// The terminal, of which no more is taken than what is read: the line behind a command that asks
/// for secrets is the answer, which the question reads by itself, and what is thrown away must be
/// where it is looked for. A question may leave several lines behind it as if they were one.
struct Unbuffered;

impl Read for Unbuffered {
    #[cfg(unix)]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(io::stdin(), into)?)
    }

    #[cfg(not(unix))]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        io::stdin().lock().read(into)
    }
}

/// Whether something was typed that was not read yet.
#[cfg(unix)]
fn has_more() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    // Where it can't be told, it is taken to be so.
    !poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready == 0)
}

/// Where it can't be told, it is taken to be so.
#[cfg(not(unix))]
const fn has_more() -> bool {
    true
}

fn read(source: &mut impl BufRead, is_terminal: bool) -> Intent {
    let mut line = Vec::new();
    let most = MAX_LINE as u64 + 1;
    match source.by_ref().take(most).read_until(b'\n', &mut line) {
        Ok(0) => return Intent::End,
        Ok(_) => {}
        Err(_) => return Intent::Failed,
    }
    if line.len() > MAX_LINE {
        let size = match line.strip_suffix(b"\n") {
            Some(line) => line.len(),
            None => line.len() + skip_line(source),
        };
        return Intent::TooLong(size);
    }
    if is_terminal && line.len() >= MAX_TERMINAL_LINE {
        return Intent::Cut(String::from_utf8_lossy(&line).into_owned());
    }
    String::from_utf8(line).map_or_else(
        |error| Intent::NoText(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Intent::Line,
    )
}

/// Says how many bytes it had before its end.
fn skip_line(source: &mut impl BufRead) -> usize {
    let mut skipped = 0;
    loop {
        let (length, end) = match source.fill_buf() {
            Ok([]) => return skipped,
            Ok(bytes) => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at, 1),
                None => (bytes.len(), 0),
            },
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return skipped,
        };
        source.consume(length + end);
        skipped += length;
        if end > 0 {
            return skipped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatbox_common::limits::MAX_TEXT;

    fn all(mut source: &[u8]) -> Vec<Intent> {
        let mut all = Vec::new();
        while all.last() != Some(&Intent::End) {
            all.push(read(&mut source, false));
        }
        all
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_needs_no_end() {
        let line = |text: &str| Intent::Line(text.to_owned());
        assert_eq!(
            all(b"a\n\nb"),
            [line("a\n"), line("\n"), line("b"), Intent::End]
        );
        assert_eq!(all(b""), [Intent::End]);
    }

    #[test]
    fn a_line_without_bound_is_skipped_whole() {
        let fits = format!("//{}\r\n", "x".repeat(MAX_TEXT - 1));
        assert_eq!(fits.len(), MAX_LINE);
        let long = format!("{}\n{fits}", "x".repeat(100_000));
        assert_eq!(
            all(long.as_bytes()),
            [
                Intent::TooLong(100_000),
                Intent::Line(fits.clone()),
                Intent::End
            ]
        );
        let just_over = format!("x{fits}y\n");
        assert_eq!(
            all(just_over.as_bytes()),
            [
                Intent::TooLong(fits.len()),
                Intent::Line("y\n".to_owned()),
                Intent::End
            ]
        );
    }

    #[test]
    fn a_line_that_a_terminal_has_cut_is_not_taken_for_whole() {
        let typed = |length| format!("{}\n", "x".repeat(length));
        let (whole, cut) = (typed(4_094), typed(4_095));
        assert_eq!(read(&mut cut.as_bytes(), true), Intent::Cut(cut.clone()));
        assert_eq!(read(&mut cut.as_bytes(), false), Intent::Line(cut.clone()));
        assert_eq!(
            read(&mut whole.as_bytes(), true),
            Intent::Line(whole.clone())
        );
    }

    #[test]
    fn what_is_no_text_is_not_taken_for_one() {
        let read = Intent::NoText("/passw\u{fffd}rd\n".to_owned());
        assert_eq!(all(b"/passw\xffrd\n"), [read, Intent::End]);
    }
}
