//! What a command shows, so that it gives the terminal no orders: topics and reasons are of people,
//! and a database may have been tampered with.

use std::fmt::Write as _;
use std::io::{self, Write};

use zeroize::Zeroizing;

/// Bytes of a line that is kept without growing: longer than any with a secret in it.
const LONG: usize = 1024;
/// They have a width, and no picture.
const BLANKS: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// Writes whole lines. A character that can't be seen, or that the locale has no letter for, is
/// written as `\uXXXX`, which is the same character to who reads JSON.
pub struct Printable<W> {
    out: W,
    is_utf8: bool,
    /// What has come of the last line. It may be a secret that is shown once.
    line: Zeroizing<Vec<u8>>,
}

impl<W: Write> Printable<W> {
    pub fn new(out: W, is_utf8: bool) -> Self {
        Self {
            out,
            is_utf8,
            line: Zeroizing::new(Vec::with_capacity(LONG)),
        }
    }

    fn put_line(&mut self) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.line);
        let mut shown = Zeroizing::new(String::with_capacity(6 * text.len()));
        for c in text.chars() {
            if c == '\n' || (self.is_shown(c)) {
                shown.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        }
        self.line.clear();
        self.out.write_all(shown.as_bytes())
    }

    fn is_shown(&self, c: char) -> bool {
        match c {
            ' '..='~' => true,
            _ => self.is_utf8 && !is_unseen(c),
        }
    }
}

/// What `escape_debug` escapes: controls, formats, what has no picture. Combining marks are not among
/// them.
fn is_unseen(c: char) -> bool {
    // Behind another character, so that a mark is not escaped for standing alone.
    let pair: String = ['a', c].iter().collect();
    BLANKS.contains(&c) || pair.escape_debug().nth(1) == Some('\\')
}

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
            self.line.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let (line, _) = bytes.split_at(end + 1);
        self.line.extend_from_slice(line);
        self.put_line()?;
        Ok(line.len())
    }

    /// Also of a line that has not ended.
    fn flush(&mut self) -> io::Result<()> {
        self.put_line()?;
        self.out.flush()
    }
}

/// Whether the locale's character set is UTF-8 (POSIX, 8.2: the first of these that is set).
pub fn is_utf8_locale() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let said = names
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty());
    said.is_some_and(|value| {
        let value = value.to_string_lossy().to_ascii_lowercase();
        value.ends_with("utf-8") || value.ends_with("utf8") || value.contains("utf-8@")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, is_utf8: bool) -> String {
        let mut out = Vec::new();
        let mut printable = Printable::new(&mut out, is_utf8);
        // However it is cut.
        for byte in text.as_bytes() {
            printable.write_all(&[*byte]).unwrap();
        }
        printable.flush().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_gives_orders_or_cannot_be_seen_is_escaped_and_nothing_else() {
        let plain = "ID  NAME \"x\" \\ ~\nfärbt e\u{301} 日本 🚒\n";
        assert_eq!(shown(plain, true), plain);
        for (text, escaped) in [
            ("\u{1b}[2J\r\t\u{7f}", "\\u001b[2J\\u000d\\u0009\\u007f"),
            ("a\u{202e}b\u{200b}\u{9b}", "a\\u202eb\\u200b\\u009b"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(shown(text, true), escaped);
        }
        // In other character sets, `Û` may be an order.
        assert_eq!(shown("Û2J ok\n", false), "\\u00db2J ok\n");
    }

    #[test]
    fn json_is_the_same_to_who_reads_it() {
        let value = serde_json::json!({"topic": "a\u{202e}\u{9b}\u{1b}\"\\ 🚒\u{e0041}"});
        for is_utf8 in [true, false] {
            let line = shown(&format!("{value}\n"), is_utf8);
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&line).unwrap(),
                value
            );
        }
    }
}
