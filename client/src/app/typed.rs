//! What is typed or piped in, and waits for its turn. A thread reads lines, each when it is wanted
//! and not before: so a pipe waits for the server, and a question on the terminal has the keyboard
//! to itself.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread;

use super::Event;
use super::unsent::is_text;
use crate::input::MAX_LINE;
use crate::prompt::{TypedLines, Typing};
use crate::ui::Intent;

/// Bytes that a terminal in line mode keeps of a line, with its end; the rest is dropped without
/// notice (Linux, N_TTY_BUF_SIZE).
pub(super) const MAX_TERMINAL_LINE: usize = 4_096;

/// Lines that may wait for their turn; with more, a face keeps the next one in its input line.
const MAX_AHEAD: usize = 256;

/// In the order in which it is carried out.
#[derive(Default)]
pub(super) struct TypedAhead {
    /// Lines of a pipe or a plain terminal; none where the face reads the keys.
    keyboard: Option<Keyboard>,
    ahead: VecDeque<Intent>,
    /// How many of these are texts to be said.
    texts: usize,
    /// A question was asked and its answer is judged: what stands behind so many may be answers, too.
    before_answers: Option<usize>,
}

impl TypedAhead {
    pub(super) fn read_from(&mut self, keyboard: Keyboard) {
        self.keyboard = Some(keyboard);
    }

    pub(super) fn keep(&mut self, intent: Intent) {
        self.texts += usize::from(is_text(&intent));
        self.ahead.push_back(intent);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Intent> {
        self.ahead.iter()
    }

    pub(super) const fn texts(&self) -> usize {
        self.texts
    }

    /// For further lines.
    pub(super) fn is_full(&self) -> bool {
        self.ahead.len() >= MAX_AHEAD
    }

    /// Where nothing waits, a line of the keyboard is asked for, which comes as an event.
    pub(super) fn next(&mut self) -> Option<Intent> {
        let intent = self.ahead.pop_front();
        if let (None, Some(keyboard)) = (&intent, &mut self.keyboard) {
            keyboard.want();
        }
        self.texts -= usize::from(intent.as_ref().is_some_and(is_text));
        self.one_fewer_before(0);
        intent
    }

    fn one_fewer_before(&mut self, place: usize) {
        let before = self.before_answers.as_mut();
        if let Some(before) = before.filter(|before| place < **before) {
            *before -= 1;
        }
    }

    /// Secrets were asked for: until it is known what became of them, a line may be typed by
    /// somebody who corrects themselves, and not for the room. Ends with [`Self::answers_end`].
    pub(super) fn answers_begin(&mut self) {
        self.before_answers.get_or_insert(self.ahead.len());
    }

    pub(super) const fn answers_end(&mut self) {
        self.before_answers = None;
    }

    /// Takes away the lines that may be such answers.
    pub(super) fn drop_answers(&mut self) -> Vec<Intent> {
        let Some(before) = self.before_answers else {
            return Vec::new();
        };
        let behind = self.ahead.split_off(before.min(self.ahead.len()));
        let (dropped, kept): (Vec<_>, Vec<_>) = behind.into_iter().partition(is_line);
        self.ahead.extend(kept);
        self.texts = self.ahead.iter().filter(|one| is_text(one)).count();
        dropped
    }

    /// The first that `may` go on, by its place and itself. Where there is none, a line of the
    /// keyboard is asked for.
    pub(super) fn next_that(&mut self, may: impl Fn(usize, &Intent) -> bool) -> Option<Intent> {
        let mut all = self.ahead.iter().enumerate();
        let place = all.position(|(place, intent)| may(place, intent));
        if let Some(place) = place {
            self.one_fewer_before(place);
            return self.ahead.remove(place);
        }
        let is_full = self.is_full();
        if let Some(keyboard) = self.keyboard.as_mut().filter(|_| !is_full) {
            keyboard.want();
        }
        None
    }

    /// A line of the keyboard is asked for, however much waits.
    pub(super) fn want(&mut self) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.want();
        }
    }

    pub(super) fn has_come(&mut self) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.has_come();
        }
    }

    /// Whether something that was typed waits, here or unread in the terminal.
    pub(super) fn has_more(&self) -> bool {
        let keyboard = self.keyboard.as_ref();
        // The terminal first: what its thread takes meanwhile is in its hand.
        !self.ahead.is_empty() || keyboard.is_some_and(|k| has_more() || k.has_in_hand())
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.ahead.is_empty()
    }
}

const fn is_line(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Line(_)
            | Intent::Paste(_)
            | Intent::TooLong(_)
            | Intent::Cut(_)
            | Intent::NoText(_)
    )
}

/// Standard input, on a thread that ends with it.
pub(super) struct Keyboard {
    requests: Sender<()>,
    /// A line was asked for and has not come: one at a time.
    waits: bool,
    /// The thread has begun to read a line that was typed.
    in_hand: Arc<AtomicBool>,
}

impl Keyboard {
    /// The terminal keeps the line that is typed to itself, unless `typing` has it.
    pub(super) fn start(teller: SyncSender<Event>, typing: Option<Typing>) -> io::Result<Self> {
        let (requests, wanted) = mpsc::channel();
        let in_hand = Arc::new(AtomicBool::new(false));
        let takes = Arc::clone(&in_hand);
        thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || {
                let is_terminal = io::stdin().is_terminal();
                let mut terminal = BufReader::with_capacity(1, Unbuffered);
                let lines =
                    |typing| BufReader::with_capacity(1, TypedLines::new(Unbuffered, typing));
                let mut typed = typing.map(lines);
                while wanted.recv().is_ok() {
                    let line = if is_terminal {
                        wait_for_input();
                        takes.store(true, Ordering::SeqCst);
                        match &mut typed {
                            Some(lines) => read(lines, false),
                            None => read(&mut terminal, is_terminal),
                        }
                    } else {
                        read(&mut io::stdin().lock(), is_terminal)
                    };
                    let is_end = matches!(line, Intent::End | Intent::Failed);
                    if teller.send(Event::Typed(line)).is_err() || is_end {
                        return;
                    }
                }
            })?;
        Ok(Self {
            requests,
            waits: false,
            in_hand,
        })
    }

    fn want(&mut self) {
        // Fails once the thread has ended with the input.
        if !self.waits && self.requests.send(()).is_ok() {
            self.waits = true;
        }
    }

    fn has_come(&mut self) {
        self.waits = false;
        self.in_hand.store(false, Ordering::SeqCst);
    }

    /// Also true for a line that was dropped from the terminal while it was being read.
    fn has_in_hand(&self) -> bool {
        self.in_hand.load(Ordering::SeqCst)
    }
}

/// The terminal, read without a buffer of its own: the line behind a command that asks for secrets
/// is an answer, which the question reads from the terminal, and what is typed ahead is dropped
/// there. Read byte by byte: behind a question, one read may return several lines.
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

/// Returns when a line can be read, or reading fails.
#[cfg(unix)]
fn wait_for_input() {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdin = io::stdin();
    loop {
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        if poll(&mut fds, None) != Err(rustix::io::Errno::INTR) {
            return;
        }
    }
}

#[cfg(not(unix))]
const fn wait_for_input() {}

#[cfg(unix)]
fn has_more() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    // An error counts as yes: nothing typed ahead may be taken for typed later.
    !poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready == 0)
}

/// It can't be told here, so it counts as yes.
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

/// Returns the bytes skipped, without the line feed.
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
