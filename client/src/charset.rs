//! What a terminal reads: UTF-8, or bytes of another character set, as the locale and its name say.
//!
//! The threat: in most other sets the bytes 0x80 to 0x9F are controls, and each letter beyond
//! ASCII has some of them in UTF-8 (`Û` is C3 9B, and 9B is CSI). To such a terminal nothing but
//! ASCII is written: every output that can be a terminal is an [`Output`]. Files and pipes always
//! get UTF-8.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, IsTerminal, Stderr, Stdout, Write};
use std::sync::LazyLock;

use crate::width::columns;
use unicode_segmentation::UnicodeSegmentation;

/// Stands for each column of a character that can't be shown.
const UNKNOWN: char = '?';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    Utf8,
    /// ASCII is all that is known of it.
    Other,
}

impl Charset {
    /// That of the process's locale, unless the terminal is of a kind that is older than UTF-8: the
    /// machine's locale says nothing about what is at the end of a serial line. Elsewhere than on Unix no locale says it, and the terminal is
    /// given characters, not bytes.
    #[must_use]
    pub fn of_terminal() -> Self {
        static FOUND: LazyLock<Charset> = LazyLock::new(|| {
            let variable = |name| std::env::var_os(name);
            let [all, ctype, lang] = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
            if variable("TERM").is_some_and(|term| is_older_than_utf_8(&term)) {
                return Charset::Other;
            }
            Charset::of_locale(all.as_deref(), ctype.as_deref(), lang.as_deref())
        });
        if cfg!(unix) { *FOUND } else { Self::Utf8 }
    }

    /// UTF-8, unless the output is a terminal of another character set.
    #[must_use]
    pub fn of(output: &impl IsTerminal) -> Self {
        if output.is_terminal() {
            Self::of_terminal()
        } else {
            Self::Utf8
        }
    }

    /// From the values of `LC_ALL`, `LC_CTYPE` and `LANG`: the first that is not empty counts
    /// (POSIX, 8.2).
    fn of_locale(all: Option<&OsStr>, ctype: Option<&OsStr>, lang: Option<&OsStr>) -> Self {
        let mut variables = [all, ctype, lang].into_iter().flatten();
        let locale = variables.find(|value| !value.is_empty());
        let Some(locale) = locale.and_then(OsStr::to_str) else {
            return Self::Other;
        };
        // `language_TERRITORY.codeset@modifier`; macOS has a locale that is called `UTF-8`.
        let locale = locale.split_once('@').map_or(locale, |(name, _)| name);
        let codeset = locale.split_once('.').map_or(locale, |(_, set)| set);
        if ["UTF-8", "UTF8"]
            .iter()
            .any(|name| codeset.eq_ignore_ascii_case(name))
        {
            Self::Utf8
        } else {
            Self::Other
        }
    }

    /// The text as it is written to such a terminal, in as many columns.
    #[must_use]
    pub fn shown(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Utf8 => Cow::Borrowed(text),
            Self::Other => ascii(text),
        }
    }
}

/// Terminals of the names in terminfo that have no UTF-8 (`vt100`, also with what `-` adds), and
/// whoever takes their name. `dumb` says nothing of the kind.
fn is_older_than_utf_8(term: &OsStr) -> bool {
    let name = term.to_str().and_then(|term| term.split('-').next());
    let name = name.unwrap_or_default();
    let digits = |prefix| {
        let number: Option<&str> = name.strip_prefix(prefix);
        number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    // DEC, Wyse, Televideo, Hewlett-Packard, IBM; consoles of BSD and SCO.
    ["vt", "wy", "tvi", "hp", "ibm", "adm", "cons"]
        .into_iter()
        .any(digits)
        || matches!(name, "ansi" | "scoansi" | "wyse")
}

/// The place in an escape sequence (ECMA-48, 5.3 and 5.4). All sequences are this program's own:
/// those in texts of others were made harmless (`sanitize`).
#[derive(Debug, Default, Clone, Copy)]
enum Sequence {
    #[default]
    Outside,
    Begun,
    /// Behind CSI, before the final byte.
    Introduced,
}

impl Sequence {
    /// Whether the byte is part of a sequence.
    const fn takes(&mut self, byte: u8) -> bool {
        let (next, is_part) = match (*self, byte) {
            (_, 0x1b) => (Self::Begun, true),
            (Self::Begun, b'[') => (Self::Introduced, true),
            (Self::Begun, 0x20..=0x2f) | (Self::Introduced, 0x20..=0x3f) => (*self, true),
            (Self::Begun, 0x30..=0x7e) | (Self::Introduced, 0x40..=0x7e) => (Self::Outside, true),
            _ => (Self::Outside, false),
        };
        *self = next;
        is_part
    }
}

/// Each character in as many columns as it had.
fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    put_ascii(text, &mut Sequence::default(), &mut shown);
    Cow::Owned(shown)
}

/// Escape sequences are copied, and only the text between them is split into graphemes: a character
/// that joins the one before it would join a sequence's last byte, and remove it.
fn put_ascii(text: &str, sequence: &mut Sequence, shown: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        // A sequence is ASCII.
        let own = rest.bytes().take_while(|byte| sequence.takes(*byte));
        let (own, others) = rest.split_at(own.count());
        shown.push_str(own);
        let (between, behind) = others.split_at(others.find('\x1b').unwrap_or(others.len()));
        if between.is_ascii() {
            shown.push_str(between);
        } else {
            let clusters = between.graphemes(true);
            clusters.for_each(|cluster| put_cluster(cluster, shown));
        }
        rest = behind;
    }
}

fn put_cluster(cluster: &str, shown: &mut String) {
    match cluster {
        plain if plain.is_ascii() => shown.push_str(plain),
        "─" => shown.push('-'),
        "│" => shown.push('|'),
        "…" => shown.push('.'),
        "•" => shown.push('*'),
        "↓" => shown.push('v'),
        corner if is_box(corner) => shown.push('+'),
        other => shown.extend(std::iter::repeat_n(UNKNOWN, columns(other).max(1))),
    }
}

fn is_box(cluster: &str) -> bool {
    let mut characters = cluster.chars();
    matches!(characters.next(), Some('\u{2500}'..='\u{257f}')) && characters.next().is_none()
}

/// An output that is given whole characters, and writes them as its terminal can show them.
pub struct Output<W> {
    to: W,
    charset: Charset,
    sequence: Sequence,
}

impl<W: Write> Output<W> {
    #[must_use]
    pub const fn new(to: W, charset: Charset) -> Self {
        Self {
            to,
            charset,
            sequence: Sequence::Outside,
        }
    }

    /// As [`Charset::shown`]: the width of a text is measured on this.
    #[must_use]
    pub fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.charset.shown(text)
    }

    #[cfg(test)]
    pub fn into_inner(self) -> W {
        self.to
    }
}

#[must_use]
pub fn stdout() -> Output<Stdout> {
    let stdout = io::stdout();
    let charset = Charset::of(&stdout);
    Output::new(stdout, charset)
}

#[must_use]
pub fn stderr() -> Output<Stderr> {
    let stderr = io::stderr();
    let charset = Charset::of(&stderr);
    Output::new(stderr, charset)
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.charset == Charset::Utf8 {
            return self.to.write(bytes);
        }
        let mut shown = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            put_ascii(chunk.valid(), &mut self.sequence, &mut shown);
            shown.extend(chunk.invalid().iter().map(|_| UNKNOWN));
        }
        self.to.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_names_the_character_set() {
        use Charset::{Other, Utf8};
        for (all, ctype, lang, expected) in [
            (None, None, None, Other),
            (Some(""), Some(""), Some(""), Other),
            (None, None, Some("C.UTF-8"), Utf8),
            (None, None, Some("en_US.utf8"), Utf8),
            (None, None, Some("en_US.Utf-8"), Utf8),
            (None, None, Some("de_DE.UTF-8@euro"), Utf8),
            (None, Some("UTF-8"), None, Utf8),
            (None, None, Some("C"), Other),
            (None, None, Some("POSIX"), Other),
            (None, None, Some("en_US"), Other),
            (None, None, Some("de_DE@euro"), Other),
            (None, None, Some("C@UTF-8"), Other),
            (None, None, Some("en_US.ISO-8859-1"), Other),
            (None, None, Some("ja_JP.eucJP"), Other),
            (None, None, Some("en_US.UTF-88"), Other),
            (Some("C"), Some("C.UTF-8"), Some("C.UTF-8"), Other),
            (Some("C.UTF-8"), Some("C"), Some("C"), Utf8),
            (Some(""), Some("C"), Some("C.UTF-8"), Other),
            (Some(""), Some("C.UTF-8"), Some("C"), Utf8),
            (None, Some(""), Some("C.UTF-8"), Utf8),
        ] {
            let [one, two, three] = [all, ctype, lang].map(|value| value.map(OsStr::new));
            let found = Charset::of_locale(one, two, three);
            assert_eq!(found, expected, "{all:?} {ctype:?} {lang:?}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let no_text = OsStr::from_bytes(b"\xff.UTF-8");
            assert_eq!(Charset::of_locale(Some(no_text), None, None), Other);
        }
    }

    #[test]
    fn a_terminal_of_old_has_no_utf_8_whatever_the_locale_is() {
        for term in [
            "vt100", "vt100-am", "vt102", "vt220", "vt320-w", "vt52", "vt420", "wy60", "ansi",
            "cons25", "hp2392", "tvi950",
        ] {
            assert!(is_older_than_utf_8(OsStr::new(term)), "{term}");
        }
        for term in [
            "xterm",
            "xterm-256color",
            "screen",
            "tmux-256color",
            "linux",
            "rxvt-unicode",
            "vte",
            "vte-256color",
            "foot",
            "alacritty",
            "dumb",
            "st",
            "cygwin",
            "konsole",
            "vscode",
            "",
        ] {
            assert!(!is_older_than_utf_8(OsStr::new(term)), "{term}");
        }
    }

    #[test]
    fn every_character_becomes_ascii_of_the_same_columns() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = c.to_string();
            let shown = ascii(&text);
            if c.is_ascii() {
                assert_eq!(shown, text);
                continue;
            }
            assert!(shown.bytes().all(|b| matches!(b, b' '..=b'~')), "{c:?}");
            assert_eq!(shown.len(), columns(&text).max(1), "{c:?}");
        }
    }

    #[test]
    fn what_is_drawn_at_once_is_shown_at_once() {
        for (text, shown) in [
            ("plain\ttext\r\n", "plain\ttext\r\n"),
            ("\u{1b}[1mÛ2J\u{1b}[0m", "\u{1b}[1m?2J\u{1b}[0m"),
            ("\u{9b}2J", "?2J"),
            ("e\u{301}t\u{e9}", "?t?"),
            ("漢字", "????"),
            ("👩\u{200d}👩\u{200d}👧!", "??????!"),
            ("┌─ x ─┐│…•↓", "+- x -+|.*v"),
        ] {
            assert_eq!(ascii(text), shown);
        }
    }

    #[test]
    fn no_character_of_somebody_s_takes_the_end_of_a_sequence() {
        let joining = [
            "\u{ff9e}",
            "\u{ff9f}",
            "\u{1f3fb}",
            "\u{e33}",
            "\u{eb3}",
            "\u{301}",
        ];
        for text in joining {
            let question = "?".repeat(columns(text));
            let written = format!("\u{1b}[1m<eve> \u{1b}[0m{text}12:00\u{1b}7{text}");
            let expected = format!("\u{1b}[1m<eve> \u{1b}[0m{question}12:00\u{1b}7{question}");
            assert_eq!(ascii(&written), expected, "{text:?}");
            // Wherever it is split.
            for at in (0..written.len()).filter(|at| written.is_char_boundary(*at)) {
                let (one, two) = written.split_at(at);
                let mut output = Output::new(Vec::new(), Charset::Other);
                output.write_all(one.as_bytes()).unwrap();
                output.write_all(two.as_bytes()).unwrap();
                let shown = String::from_utf8(output.into_inner()).unwrap();
                assert_eq!(shown, expected, "{one:?} {two:?}");
            }
        }
        // An incomplete sequence takes no text with it.
        assert_eq!(ascii("\u{1b}[1é[0m"), "\u{1b}[1?[0m");
    }

    #[test]
    fn an_output_writes_what_its_character_set_has() {
        for (charset, bytes, written) in [
            (Charset::Utf8, "aÛ".as_bytes(), "aÛ".as_bytes()),
            (Charset::Other, "aÛ漢b".as_bytes(), b"a???b"),
            (Charset::Other, b"a\x9b\xc3", b"a??"),
            (Charset::Utf8, b"a\x9b", b"a\x9b"),
        ] {
            let mut output = Output::new(Vec::new(), charset);
            output.write_all(bytes).unwrap();
            output.flush().unwrap();
            assert_eq!(output.into_inner(), written, "{charset:?} {bytes:?}");
        }
        // Whatever the locale is.
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Charset::of(&file), Charset::Utf8);
    }
}
