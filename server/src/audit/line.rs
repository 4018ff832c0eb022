//! One event as one line.
//!
//! ```text
//! 2026-11-22T22:03:11.123Z INFO  login user=alice addr=192.0.2.7:40312
//! ```
//!
//! UTC with milliseconds, the level in five columns, the event, then `key=value` pairs, each
//! behind one space. Events and keys are words of this program; values may come from a peer, and
//! nothing in them can end the line, begin a pair, or reorder what a terminal shows: `\` and `"`
//! stand as `\\` and `\"`, line feed, carriage return and tab as `\n`, `\r`, `\t`, and every other
//! character that controls or hides as `\u{hex}`. A value that is empty or holds white space or
//! `=` stands in quotes. What was cut is counted at the value's end: `\+17` means 17 more bytes.
//! No escaped value contains `\+` otherwise.
//!
//! Programs that read lines must accept keys they do not know: more may be appended at a line's
//! end.

use std::fmt::{self, Display, Write};

use chatbox_common::limits::MAX_TEXT;
use jiff::Timestamp;
use log::Level;

use super::events::{AuditEvent, EventKey, key};
use super::files::AuditFile;

/// In bytes before escaping; what is longer is cut.
pub const MAX_VALUE: usize = 256;

const DIAGNOSTIC_KEYS: [EventKey; 2] = [key!(from), key!(text)];

/// A time as lines write it: formatted once for all the lines that share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(String);

impl Stamp {
    /// In UTC with milliseconds.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        Self(format!("{time:.3}"))
    }
}

/// An escaped line, without its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    level: Level,
    file: AuditFile,
    text: String,
    /// The event's keys behind the last one that was appended.
    expected: &'static [EventKey],
}

impl Line {
    #[must_use]
    pub fn of(event: &AuditEvent) -> Self {
        Self::at(&Stamp::of(Timestamp::now()), event)
    }

    /// An event of another time, such as a message's.
    #[must_use]
    pub fn at(time: &Stamp, event: &AuditEvent) -> Self {
        let text = beginning(time, event.level(), event.name());
        Self {
            level: event.level(),
            file: event.file(),
            text,
            expected: event.keys(),
        }
    }

    /// A line of the macros of `log`, which is no event.
    #[must_use]
    pub fn diagnostic(level: Level, from: &str, text: impl Display) -> Self {
        let now = Stamp::of(Timestamp::now());
        let line = Self {
            level,
            file: AuditFile::Info,
            text: beginning(&now, level, "diagnostic"),
            expected: &DIAGNOSTIC_KEYS,
        };
        line.with("from", from).with("text", text)
    }

    /// Appends the event's next pair; of the value at most [`MAX_VALUE`] bytes are kept.
    #[must_use]
    pub fn with(self, key: &'static str, value: impl Display) -> Self {
        self.pair(key, &value, MAX_VALUE)
    }

    /// Appends a pair whose value is a message or a statement; at most [`MAX_TEXT`] bytes are kept,
    /// which is the whole of every message.
    #[must_use]
    pub fn with_text(self, key: &'static str, text: &str) -> Self {
        self.pair(key, &text, MAX_TEXT)
    }

    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    #[must_use]
    pub fn file(&self) -> AuditFile {
        self.file
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether no key is missing; known in a debug build only.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.expected.iter().any(|key| key.is_always_there)
    }

    /// Whether the event has this key behind those that were appended, with none left out that is
    /// always there.
    fn expects(&mut self, key: &str) -> bool {
        while let Some((next, rest)) = self.expected.split_first() {
            self.expected = rest;
            if next.name == key {
                return true;
            }
            if next.is_always_there {
                return false;
            }
        }
        false
    }

    fn pair(mut self, key: &'static str, value: &dyn Display, limit: usize) -> Self {
        debug_assert!(
            self.expects(key),
            "the event has no {key} here: {}",
            self.text
        );
        let _ = write!(self.text, " {key}=");
        let start = self.text.len();
        let mut escaper = Escaper {
            out: &mut self.text,
            left: limit,
            cut: 0,
            quote: false,
        };
        let _ = write!(escaper, "{value}");
        let Escaper { cut, quote, .. } = escaper;
        if cut > 0 {
            let _ = write!(self.text, "\\+{cut}");
        }
        if quote || self.text.len() == start {
            self.text.insert(start, '"');
            self.text.push('"');
        }
        self
    }
}

fn beginning(time: &Stamp, level: Level, event: &str) -> String {
    let mut text = String::with_capacity(256);
    let _ = write!(text, "{} {level:<5} {event}", time.0);
    text
}

/// Takes a value piece by piece, so that no copy of it is made before it is bounded.
struct Escaper<'a> {
    out: &'a mut String,
    /// Bytes that may still be taken.
    left: usize,
    /// Bytes that were cut off behind those.
    cut: usize,
    quote: bool,
}

impl Write for Escaper<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let mut rest = piece;
        while self.cut == 0 {
            let plain = rest.bytes().take_while(|&b| is_plain(b)).count();
            let (plain, others) = rest.split_at(plain.min(self.left));
            self.left -= plain.len();
            self.quote |= plain.bytes().any(|b| b == b' ' || b == b'=');
            self.out.push_str(plain);
            rest = others;
            let Some(c) = rest.chars().next() else {
                return Ok(());
            };
            if c.len_utf8() > self.left {
                break;
            }
            self.left -= c.len_utf8();
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\\' | '"' => self.out.extend(['\\', c]),
                c if misleads(c) => write!(self.out, "\\u{{{:x}}}", u32::from(c))?,
                c => {
                    self.quote |= c.is_whitespace();
                    self.out.push(c);
                }
            }
        }
        self.cut += rest.len();
        Ok(())
    }
}

/// A byte that needs no escaping, though perhaps quotes.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'"'
}

/// Characters that control a terminal, break or reorder a line, or can't be seen: the control
/// characters and Unicode's Default_Ignorable_Code_Point and line separators. The variation
/// selectors U+FE00 to U+FE0F stay, because ordinary emoji are written with them.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::events;

    const E: AuditEvent = AuditEvent::for_test("e", Level::Info, AuditFile::Info, &[key!(v)]);

    fn value(line: &Line) -> &str {
        line.as_str().split_once(" v=").unwrap().1
    }

    fn escaped(text: &str) -> String {
        value(&Line::of(&E).with_text("v", text)).to_owned()
    }

    /// The way back that the module's description gives.
    fn unescaped(value: &str) -> String {
        let inner = value.strip_prefix('"');
        let mut rest = inner.map_or(value, |inner| inner.strip_suffix('"').unwrap());
        let mut text = String::new();
        while let Some((before, after)) = rest.split_once('\\') {
            text.push_str(before);
            let c = after.chars().next().unwrap();
            rest = &after[1..];
            match c {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'u' => {
                    let (hex, tail) = rest[1..].split_once('}').unwrap();
                    text.push(char::from_u32(u32::from_str_radix(hex, 16).unwrap()).unwrap());
                    rest = tail;
                }
                c => text.push(c),
            }
        }
        text + rest
    }

    #[test]
    fn a_line_is_time_level_event_and_pairs() {
        let time: Timestamp = "2026-11-22T22:03:11.1239Z".parse().unwrap();
        let keys = &[key!(user), key!(addr)];
        let login = AuditEvent::for_test("login", Level::Info, AuditFile::Credentials, keys);
        let line = Line::at(&Stamp::of(time), &login)
            .with("user", "alice")
            .with("addr", "192.0.2.7:1");
        assert_eq!(
            line.as_str(),
            "2026-11-22T22:03:11.123Z INFO  login user=alice addr=192.0.2.7:1"
        );
        let x = AuditEvent::for_test("x", Level::Error, AuditFile::Info, &[]);
        let line = Line::at(&Stamp::of(Timestamp::UNIX_EPOCH), &x);
        assert_eq!(line.as_str(), "1970-01-01T00:00:00.000Z ERROR x");
    }

    #[cfg(debug_assertions)]
    #[test]
    fn a_key_may_be_missing_only_where_the_event_says_so() {
        let begun = || Line::of(&events::LOGIN_FAILED).with("user", "?");
        let end = |line: Line| {
            line.with("addr", 1)
                .with("session", 2)
                .with("reason", "code")
        };
        for line in [begun(), begun().with("name_hash", "00")] {
            assert!(!line.is_complete());
            assert!(end(line).is_complete());
        }
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "the event has no session here")]
    fn no_key_that_is_always_there_is_passed_over() {
        let _ = Line::of(&events::LOGIN)
            .with("user", "alice")
            .with("session", 7);
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "the event has no password here")]
    fn no_key_is_written_that_the_event_does_not_have() {
        let _ = Line::of(&events::LOGIN).with("password", "x");
    }

    #[test]
    fn whatever_was_typed_is_one_line_and_can_be_read_back() {
        let every_kind = [
            '\0',
            '\x07',
            '\x08',
            '\t',
            '\n',
            '\x0b',
            '\r',
            '\x1b',
            ' ',
            '"',
            '=',
            '\\',
            'a',
            'n',
            'u',
            '{',
            '}',
            '+',
            '\x7f',
            '\u{85}',
            '\u{9b}',
            '\u{a0}',
            'é',
            '\u{200b}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '字',
            '😀',
            '\u{fe0f}',
            '\u{e0001}',
        ];
        for a in every_kind {
            for b in every_kind {
                for c in ['x', '\\', '"', ' '] {
                    let text: String = [a, b, c].iter().collect();
                    let escaped = escaped(&text);
                    assert_eq!(unescaped(&escaped), text, "{escaped}");
                    assert!(!escaped.contains(misleads), "{escaped:?}");
                }
            }
        }
    }

    #[test]
    fn nobody_can_forge_a_pair_or_an_event() {
        assert_eq!(escaped("a b"), r#""a b""#);
        assert_eq!(escaped(""), r#""""#);
        assert_eq!(escaped("x mac=0"), r#""x mac=0""#);
        assert_eq!(escaped("x\" mac=0"), r#""x\" mac=0""#);
        assert_eq!(escaped("\"x"), r#"\"x"#);
        assert_eq!(escaped("x\nERROR"), r"x\nERROR");
        assert_eq!(escaped("\u{202e}x\u{9b}"), r"\u{202e}x\u{9b}");
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let line = Line::of(&E).with("v", "é".repeat(MAX_VALUE));
        let kept = "é".repeat(MAX_VALUE / 2);
        assert_eq!(value(&line), format!("{kept}\\+{MAX_VALUE}"));
        let line = Line::of(&E).with("v", format!("{}é", "a".repeat(MAX_VALUE - 1)));
        assert!(value(&line).ends_with("a\\+2"), "half a character is none");
        assert_eq!(escaped("\\+17"), r"\\+17");
    }

    #[test]
    fn the_text_of_a_message_is_kept_whole() {
        let text = "x".repeat(MAX_TEXT);
        assert_eq!(escaped(&text), text);
        assert!(escaped(&(text + "yz")).ends_with("x\\+2"));
    }
}
