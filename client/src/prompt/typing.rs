//! The line that a person is typing where no screen is drawn. A terminal in line mode keeps it to
//! itself, and what arrives would be written into the middle of it: so it is kept and echoed here,
//! ended where something is shown, and shown again below.
//!
//! Edits as a terminal in line mode does and moves no cursor but to erase. Owns no modes (`modes`)
//! and reads nothing by itself: a [`TypedLines`] is read by the thread of the keyboard.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::charset::Charset;
use crate::width::columns;

/// Bytes of a line; a key beyond them rings the bell. More than a message may have, so that what is
/// too long is told and not cut.
const MAX_TYPED: usize = 64 * 1024;

const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const REPRINT: u8 = 0x12;
const KILL: u8 = 0x15;
const WORD: u8 = 0x17;
const DELETE: u8 = 0x7f;
const BELL: &str = "\u{7}";

/// Shared by who reads the keys and who writes to the terminal: a lock keeps them apart.
#[derive(Clone)]
pub struct Typing {
    line: Arc<Mutex<TypedLine>>,
    charset: Charset,
}

impl Typing {
    /// With an empty line.
    #[must_use]
    pub fn new(charset: Charset) -> Self {
        Self {
            line: Arc::default(),
            charset,
        }
    }

    fn line(&self) -> MutexGuard<'_, TypedLine> {
        // It is whole at every step, also where a thread panicked.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn echo(&self, text: &str) -> io::Result<()> {
        let mut terminal = io::stdout().lock();
        terminal.write_all(self.charset.shown(text).as_bytes())?;
        terminal.flush()
    }

    /// Has `show` write lines to the terminal, above the line that is being typed.
    ///
    /// # Errors
    /// When the output is gone.
    pub fn above(&self, show: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let line = self.line();
        if line.is_empty() {
            return show();
        }
        self.echo("\n")?;
        show()?;
        self.echo(&line.shown())
    }

    /// Forgets the line, and ends it on the terminal; true where there was one.
    pub fn drop_line(&self) -> bool {
        let mut line = self.line();
        let was_begun = !line.is_empty();
        if was_begun {
            *line = TypedLine::default();
            // Nobody is left to be told of an output that is gone.
            let _ = self.echo("\n");
        }
        was_begun
    }
}

/// Written all at once, and above the line that is being typed.
pub struct Above {
    typing: Typing,
    text: Vec<u8>,
}

impl Above {
    #[must_use]
    pub const fn new(typing: Typing) -> Self {
        Self {
            typing,
            text: Vec::new(),
        }
    }
}

impl Write for Above {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() {
            return Ok(());
        }
        self.typing.above(|| {
            let mut terminal = io::stdout().lock();
            terminal.write_all(&text)?;
            terminal.flush()
        })
    }
}

/// The lines that are typed, of a terminal that gives each key as it is pressed.
pub struct TypedLines<R> {
    keys: R,
    typing: Typing,
    /// What is read of the line that has come.
    come: io::Cursor<Vec<u8>>,
}

impl<R> TypedLines<R> {
    pub const fn new(keys: R, typing: Typing) -> Self {
        Self {
            keys,
            typing,
            come: io::Cursor::new(Vec::new()),
        }
    }
}

impl<R: Read> Read for TypedLines<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.come.read(into)?;
            if count > 0 {
                return Ok(count);
            }
            let mut key = [0];
            if self.keys.read(&mut key)? == 0 {
                return Ok(0);
            }
            let mut line = self.typing.line();
            let pressed = line.press(key[0]);
            self.typing.echo(&pressed.echo)?;
            match pressed.come {
                Some(typed) if typed.is_empty() => return Ok(0),
                Some(typed) => self.come = io::Cursor::new(typed),
                None => {}
            }
        }
    }
}

#[derive(Default)]
struct TypedLine {
    typed: Vec<u8>,
    /// Bytes at the end that are the beginning of a character.
    begun: usize,
}

/// What a key led to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pressed {
    echo: String,
    /// The line with its line feed; without one it was ended by Ctrl-D, and empty it is the end.
    come: Option<Vec<u8>>,
}

impl TypedLine {
    const fn is_empty(&self) -> bool {
        self.typed.is_empty()
    }

    fn shown(&self) -> String {
        let whole = self.typed.len() - self.begun;
        shown(self.typed.get(..whole).unwrap_or_default())
    }

    fn press(&mut self, key: u8) -> Pressed {
        let mut pressed = Pressed::default();
        match key {
            b'\n' | b'\r' => {
                pressed.echo.push('\n');
                let mut line = std::mem::take(self).typed;
                line.push(b'\n');
                pressed.come = Some(line);
            }
            END => pressed.come = Some(std::mem::take(self).typed),
            BACKSPACE | DELETE => pressed.echo = self.erase(last_character),
            WORD => pressed.echo = self.erase(last_word),
            KILL => pressed.echo = self.erase(|_| 0),
            REPRINT => pressed.echo = format!("\n{}", self.shown()),
            _ if self.typed.len() >= MAX_TYPED => pressed.echo.push_str(BELL),
            _ => {
                self.typed.push(key);
                self.begun += 1;
                pressed.echo = self.complete();
            }
        }
        pressed
    }

    /// What is new to be shown, once it is whole.
    fn complete(&mut self) -> String {
        let from = self.typed.len() - self.begun;
        let new = self.typed.get(from..).unwrap_or_default();
        match str::from_utf8(new) {
            Err(error) if error.error_len().is_none() => String::new(),
            _ => {
                let echo = shown(new);
                self.begun = 0;
                echo
            }
        }
    }

    /// Shortens the line to as many bytes as `to` says, and erases the rest where it is shown.
    fn erase(&mut self, to: impl FnOnce(&[u8]) -> usize) -> String {
        let before = columns(&self.shown());
        self.typed.truncate(to(&self.typed));
        self.begun = 0;
        let gone = before.saturating_sub(columns(&self.shown()));
        "\u{8} \u{8}".repeat(gone)
    }
}

/// Where the last character begins.
fn last_character(typed: &[u8]) -> usize {
    let is_begin = |byte: &u8| byte & 0xc0 != 0x80;
    typed.iter().rposition(is_begin).unwrap_or_default()
}

/// Where the last word begins.
fn last_word(typed: &[u8]) -> usize {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = typed.iter().rposition(|byte| !is_blank(byte)).unwrap_or(0);
    let before = typed.get(..end).unwrap_or_default();
    before.iter().rposition(is_blank).map_or(0, |at| at + 1)
}

/// A control as a terminal echoes it (`^A`); a tab, whose columns would depend on its place, as a
/// blank.
fn shown(typed: &[u8]) -> String {
    let mut shown = String::new();
    for character in String::from_utf8_lossy(typed).chars() {
        match character {
            '\t' => shown.push(' '),
            control @ '\0'..='\u{1f}' => {
                shown.push('^');
                shown.push(char::from(b'@' + u8::try_from(control).unwrap_or_default()));
            }
            // Those of C1, which terminals obey.
            control if control.is_control() => shown.push('?'),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is echoed, and the lines that came.
    fn typed(keys: &str) -> (String, Vec<String>) {
        let (mut line, mut echo, mut lines) = (TypedLine::default(), String::new(), Vec::new());
        for key in keys.bytes() {
            let pressed = line.press(key);
            echo.push_str(&pressed.echo);
            let come = pressed.come.map(|line| String::from_utf8(line).unwrap());
            lines.extend(come);
        }
        (echo, lines)
    }

    #[test]
    fn keys_are_echoed_as_they_come_and_enter_ends_the_line() {
        let (echo, lines) = typed("hé 漢\tx\u{1b}\r//two\n");
        assert_eq!(echo, "hé 漢 x^[\n//two\n");
        assert_eq!(lines, ["hé 漢\tx\u{1b}\n", "//two\n"]);
    }

    #[test]
    fn what_is_erased_leaves_as_many_columns_as_it_had() {
        for (keys, erased, line) in [
            ("ab漢\u{7f}", 2, "ab"),
            ("abé\u{8}", 1, "ab"),
            ("ab\u{1}\u{7f}", 2, "ab"),
            ("ab e\u{301}\u{7f}", 0, "ab e"),
            ("one two  \u{17}", 5, "one "),
            ("one\u{17}", 3, ""),
            ("one two\u{15}", 7, ""),
            ("\u{7f}\u{17}\u{15}", 0, ""),
        ] {
            let (echo, lines) = typed(&format!("{keys}\n"));
            assert_eq!(echo.matches("\u{8} \u{8}").count(), erased, "{keys:?}");
            assert_eq!(lines, [format!("{line}\n")], "{keys:?}");
        }
    }

    #[test]
    fn ctrl_d_ends_the_input_of_an_empty_line_and_the_line_otherwise() {
        assert_eq!(typed("\u{4}").1, [""]);
        assert_eq!(typed("hi\u{4}").1, ["hi"]);
    }

    #[test]
    fn no_key_makes_a_line_longer_than_its_bound() {
        let mut line = TypedLine::default();
        for _ in 0..MAX_TYPED {
            line.press(b'x');
        }
        assert_eq!(line.press(b'x').echo, BELL);
        assert_eq!(line.typed.len(), MAX_TYPED);
    }

    #[test]
    fn what_is_no_text_is_kept_and_shown_as_such() {
        let mut line = TypedLine::default();
        let echo: String = b"a\xffb".iter().map(|key| line.press(*key).echo).collect();
        assert_eq!(echo, "a\u{fffd}b");
        assert_eq!(line.press(b'\n').come.unwrap(), b"a\xffb\n");
    }
}
