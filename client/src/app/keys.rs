//! A line as it is typed on a terminal that passes every key on at once. Pure: bytes go in, what is
//! to be seen of them and finished lines come out.
//!
//! Why not leave it to the terminal: it would show the marks that a paste begins and ends with,
//! let a person rub out half of one that they can't see, and keep no more than 4,095 bytes of a
//! line. What is pasted is shown here as it comes, and sent when Enter is pressed: several lines
//! are one message.

use unicode_normalization::char::is_combining_mark;

use super::typed::{MAX_LINE, Typed};
use crate::sanitize;
use crate::screen::columns;

const BEGINS_A_PASTE: &[u8] = b"200";
const ENDS_A_PASTE: &[u8] = b"\x1b[201~";
/// The longest sequence of a key that is looked at; of a longer one only the end counts.
const MAX_SEQUENCE: usize = 16;

const END_OF_INPUT: u8 = 0x04;
const RUB_OUT: [u8; 2] = [0x08, 0x7f];
const RUB_OUT_LINE: u8 = 0x15;
const RUB_OUT_WORD: u8 = 0x17;
const ESCAPE: u8 = 0x1b;

/// What the next byte belongs to.
#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// An escape was seen.
    Escape,
    /// The rest of a key's sequence, so far.
    Sequence(Vec<u8>),
    /// The last byte of a short sequence.
    Last,
    /// A paste, of whose ending mark so many bytes were seen.
    Paste(usize),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Keys {
    state: State,
    line: String,
    /// The bytes of a character that has not ended.
    partial: Vec<u8>,
    /// So many bytes came when the line was full.
    beyond: usize,
    /// Something came that is no UTF-8.
    is_no_text: bool,
    /// The line began with a paste.
    is_pasted: bool,
}

impl Keys {
    /// Takes a byte; puts what is to be seen of it behind `echo`, and says what it finished.
    pub(super) fn take(&mut self, byte: u8, echo: &mut String) -> Option<Typed> {
        match std::mem::take(&mut self.state) {
            State::Text => return self.key(byte, echo),
            State::Escape => match byte {
                b'[' => self.state = State::Sequence(Vec::new()),
                b'O' => self.state = State::Last,
                // An escape alone, and a key or a letter of more than a byte behind it.
                0..b' ' | 0x80.. => return self.key(byte, echo),
                _ => {}
            },
            State::Last if byte < b' ' => return self.key(byte, echo),
            State::Last => {}
            State::Sequence(mut so_far) => match byte {
                b'~' if so_far == BEGINS_A_PASTE => {
                    self.is_pasted |= self.line.is_empty();
                    self.state = State::Paste(0);
                }
                b'@'..=b'~' => {}
                b' '..b'@' => {
                    if so_far.len() < MAX_SEQUENCE {
                        so_far.push(byte);
                    }
                    self.state = State::Sequence(so_far);
                }
                _ => return self.key(byte, echo),
            },
            State::Paste(seen) => self.pasted(seen, byte, echo),
        }
        None
    }

    fn key(&mut self, byte: u8, echo: &mut String) -> Option<Typed> {
        match byte {
            ESCAPE => self.state = State::Escape,
            b'\n' | b'\r' => {
                echo.push('\n');
                return Some(self.finish());
            }
            END_OF_INPUT if self.line.is_empty() => return Some(Typed::End),
            RUB_OUT_LINE => {
                *self = Self::default();
                echo.push_str("\r\x1b[K");
            }
            RUB_OUT_WORD => {
                self.rub_out_while(char::is_whitespace, echo);
                self.rub_out_while(|c| !c.is_whitespace(), echo);
            }
            _ if RUB_OUT.contains(&byte) => self.rub_out(echo),
            0..b' ' if byte != b'\t' => {}
            _ => self.text(byte, echo),
        }
        None
    }

    fn pasted(&mut self, seen: usize, byte: u8, echo: &mut String) {
        let seen = match ENDS_A_PASTE.get(seen) {
            Some(next) if *next == byte => seen + 1,
            _ => {
                // It was no mark after all.
                for &byte in ENDS_A_PASTE.iter().take(seen) {
                    self.text(byte, echo);
                }
                if byte == ESCAPE {
                    1
                } else {
                    self.text(byte, echo);
                    0
                }
            }
        };
        if seen < ENDS_A_PASTE.len() {
            self.state = State::Paste(seen);
        }
    }

    /// A byte of the text itself.
    fn text(&mut self, byte: u8, echo: &mut String) {
        self.partial.push(byte);
        match str::from_utf8(&self.partial) {
            Ok(text) => {
                let character = text.chars().next();
                self.partial.clear();
                if let Some(character) = character {
                    self.put(character, echo);
                }
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                self.is_no_text = true;
                self.partial.clear();
                echo.push(char::REPLACEMENT_CHARACTER);
                if byte.is_ascii() {
                    self.put(byte.into(), echo);
                }
            }
        }
    }

    fn put(&mut self, character: char, echo: &mut String) {
        if self.line.len() + character.len_utf8() > MAX_LINE || self.beyond > 0 {
            self.beyond += character.len_utf8();
            return;
        }
        self.line.push(character);
        echo.push_str(&shown(character));
    }

    fn rub_out_while(&mut self, which: fn(char) -> bool, echo: &mut String) {
        while self.line.ends_with(|c| c != '\n' && which(c)) {
            self.rub_out(echo);
        }
    }

    /// Rubs the last character out, with the marks above it. Lines before this one stay.
    fn rub_out(&mut self, echo: &mut String) {
        while self.line.ends_with(|c| c != '\n')
            && let Some(character) = self.line.pop()
        {
            let columns = shown(character).chars().map(columns).sum();
            (0..columns).for_each(|_| echo.push_str("\x08 \x08"));
            if columns > 0 {
                break;
            }
        }
        self.is_pasted &= !self.line.is_empty();
    }

    fn finish(&mut self) -> Typed {
        let Self {
            line,
            beyond,
            is_no_text,
            is_pasted,
            partial,
            ..
        } = std::mem::take(self);
        if beyond > 0 {
            Typed::TooLong(line.len() + beyond)
        } else if is_no_text || !partial.is_empty() {
            Typed::NoText
        } else if is_pasted {
            Typed::Pasted(line)
        } else {
            Typed::Line(line)
        }
    }
}

/// A character as it is shown where it is typed.
fn shown(character: char) -> String {
    match character {
        '\n' => "\n".to_owned(),
        '\t' => "    ".to_owned(),
        // A mark belongs to what stands before it.
        c if is_combining_mark(c) => c.to_string(),
        c => sanitize::line(c.encode_utf8(&mut [0; 4])).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::MAX_TEXT;

    /// What came of these bytes, and what was seen of them.
    fn typed(bytes: &[u8]) -> (Vec<Typed>, String) {
        let (mut keys, mut echo) = (Keys::default(), String::new());
        let all = bytes.iter().filter_map(|byte| keys.take(*byte, &mut echo));
        (all.collect(), echo)
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.to_owned())
    }

    fn pasted(text: &str) -> Typed {
        Typed::Pasted(text.to_owned())
    }

    #[test]
    fn what_is_typed_is_shown_and_comes_with_enter() {
        let (all, echo) = typed("hé \u{1f600}\tyou\n\nb\r".as_bytes());
        assert_eq!(all, [line("hé \u{1f600}\tyou"), line(""), line("b")]);
        assert_eq!(echo, "hé \u{1f600}    you\n\nb\n");
    }

    #[test]
    fn a_key_behind_an_escape_is_not_lost() {
        let (all, _) = typed("\u{1b}é\none\u{1b}O\ntwo\n".as_bytes());
        assert_eq!(all, [line("é"), line("one"), line("two")]);
    }

    #[test]
    fn what_turns_the_direction_of_writing_is_shown_and_not_obeyed() {
        let (all, echo) = typed("\u{1b}[200~a\u{202e}b\u{1b}[201~\n".as_bytes());
        assert_eq!(all, [pasted("a\u{202e}b")]);
        assert_eq!(echo, "a\\u{202e}b\n");
    }

    #[test]
    fn a_paste_of_several_lines_is_one_and_its_marks_are_not_seen() {
        let (all, echo) = typed(b"\x1b[200~one\n/two\n\nthree\x1b[201~\n");
        assert_eq!(all, [pasted("one\n/two\n\nthree")]);
        assert_eq!(echo, "one\n/two\n\nthree\n");
        // It waits for Enter, however it ends.
        let (all, _) = typed(b"\x1b[200~one\ntwo\n\x1b[201~");
        assert_eq!(all, []);
    }

    #[test]
    fn what_was_typed_around_a_paste_is_part_of_the_message() {
        let (all, _) = typed(b"see: \x1b[200~a\nb\x1b[201~ ok\n");
        assert_eq!(all, [line("see: a\nb ok")], "a command stays one");
        let (all, _) = typed(b"\x1b[200~a\nb\x1b[201~ and \x1b[200~c\nd\x1b[201~\n");
        assert_eq!(all, [pasted("a\nb and c\nd")]);
    }

    #[test]
    fn a_paste_can_hold_what_looks_like_a_mark() {
        let (all, echo) = typed(b"\x1b[200~a\x1b[201\x1b[20\x1b\x1b[201~\n");
        assert_eq!(all, [pasted("a\x1b[201\x1b[20\x1b")]);
        assert!(!echo.contains('\x1b'), "{echo:?}");
        let (all, _) = typed(b"\x1b[200~a\x1b[200~b\x1b[201~\n");
        assert_eq!(all, [pasted("a\x1b[200~b")]);
    }

    #[test]
    fn a_paste_without_bound_is_refused_with_its_size() {
        let mut bytes = b"\x1b[200~".to_vec();
        bytes.extend(b"0123456789\n".repeat(100_000));
        bytes.extend(b"\x1b[201~\nhello\n");
        let (all, echo) = typed(&bytes);
        assert_eq!(all, [Typed::TooLong(1_100_000), line("hello")]);
        assert!(echo.len() < MAX_LINE + 10);
        let fits = format!("\x1b[200~{}\x1b[201~\n", "x".repeat(MAX_TEXT));
        assert_eq!(typed(fits.as_bytes()).0, [pasted(&"x".repeat(MAX_TEXT))]);
    }

    #[test]
    fn what_is_rubbed_out_is_gone_from_line_and_screen() {
        let gone = "\x08 \x08";
        for (bytes, text, echo) in [
            ("ab\x7f\x08\x7fc\n", "c", format!("ab{gone}{gone}c\n")),
            ("漢\x7f\n", "", format!("漢{gone}{gone}\n")),
            (
                "e\u{301}x\x7f\x7f\n",
                "",
                format!("e\u{301}x{gone}{gone}\n"),
            ),
            (
                "one two  \x17\n",
                "one ",
                format!("one two  {}\n", gone.repeat(5)),
            ),
            (
                "wrong\x15right\n",
                "right",
                "wrong\r\x1b[Kright\n".to_owned(),
            ),
        ] {
            assert_eq!(
                typed(bytes.as_bytes()),
                (vec![line(text)], echo),
                "{bytes:?}"
            );
        }
        // The lines of a paste that are above stay, or go all together.
        let paste = "\x1b[200~a\nb\x1b[201~";
        let (all, _) = typed(format!("{paste}\x7f\x7f\x7f\x17c\n").as_bytes());
        assert_eq!(all, [pasted("a\nc")]);
        let (all, _) = typed(format!("{paste}\x15/quit\n").as_bytes());
        assert_eq!(all, [line("/quit")]);
    }

    #[test]
    fn keys_without_a_meaning_here_leave_nothing_behind() {
        for key in [
            "\x1b[A",
            "\x1b[1;5D",
            "\x1bOP",
            "\x1b[3~",
            "\x1bx",
            "\x01",
            "\x0c",
        ] {
            let (all, echo) = typed(format!("a{key}b\n").as_bytes());
            assert_eq!((all, echo.as_str()), (vec![line("ab")], "ab\n"), "{key:?}");
        }
        let (all, _) = typed(b"\x1b\nb\n\x1b[\nc\n");
        assert_eq!(all, [line(""), line("b"), line(""), line("c")]);
    }

    #[test]
    fn the_end_of_the_input_is_typed_on_an_empty_line_alone() {
        assert_eq!(typed(b"a\x04b\n\x04").0, [line("ab"), Typed::End]);
    }

    #[test]
    fn what_is_no_text_is_not_taken_for_one() {
        for bytes in [
            &b"a\xff\n"[..],
            b"a\xc3\n",
            b"\xe2\x82x\n",
            b"\x1b[200~\xff\nb\x1b[201~\n",
        ] {
            assert_eq!(typed(bytes).0, [Typed::NoText], "{bytes:?}");
        }
    }
}
