//! What standard output can show. Found out once, by `main`; only the width is asked for again.
//! `login` and `app` go by it.

use std::ffi::OsStr;
use std::io::{IsTerminal, stdout};

use unicode_normalization::char::is_combining_mark;

use crate::charset::Charset;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Block characters make a picture for the reader: a terminal of UTF-8, and no `--plain`, which
    /// screen readers use.
    pub pictures: bool,
    /// It obeys escape sequences.
    pub escapes: bool,
    /// Colours are wanted (no `NO_COLOR`), and it obeys escape sequences.
    pub colours: bool,
    pub charset: Charset,
    /// From `COLUMNS`; `None` where that is not set.
    pub columns: Option<usize>,
}

impl Screen {
    /// `plain` is the flag.
    #[must_use]
    pub fn of_process(plain: bool) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let columns = variable("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok());
        Self {
            columns,
            ..Self::new(
                stdout().is_terminal() && !plain,
                variable("TERM").as_deref(),
                variable("NO_COLOR").is_some(),
                Charset::of(&stdout()),
            )
        }
    }

    fn new(is_screen: bool, term: Option<&OsStr>, no_colour: bool, charset: Charset) -> Self {
        let escapes = is_screen && term.is_some_and(|term| term != "dumb");
        Self {
            pictures: is_screen && charset == Charset::Utf8,
            escapes,
            colours: escapes && !no_colour,
            charset,
            columns: None,
        }
    }
}

/// In characters, at this moment; `None` where standard output is no terminal.
#[must_use]
pub fn width() -> Option<usize> {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(stdout()) {
        return Some(size.ws_col.into()).filter(|columns| *columns > 0);
    }
    None
}

/// About how many columns a terminal gives a character.
#[must_use]
pub fn columns(character: char) -> usize {
    match character {
        '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        c if is_combining_mark(c) => 0,
        // Hangul, CJK, full-width forms, pictures.
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_go_only_where_they_are_obeyed() {
        let xterm = Some(OsStr::new("xterm"));
        for (is_screen, term, no_colour, shown) in [
            (true, xterm, false, (true, true, true)),
            (true, xterm, true, (true, true, false)),
            (true, Some(OsStr::new("dumb")), false, (true, false, false)),
            (true, None, false, (true, false, false)),
            (false, xterm, false, (false, false, false)),
        ] {
            let screen = Screen::new(is_screen, term, no_colour, Charset::Utf8);
            assert_eq!(
                (screen.pictures, screen.escapes, screen.colours),
                shown,
                "{is_screen} {term:?} {no_colour}"
            );
            let screen = Screen::new(is_screen, term, no_colour, Charset::Other);
            assert_eq!(
                (screen.pictures, screen.escapes, screen.colours),
                (false, shown.1, shown.2),
                "block characters are not ASCII"
            );
        }
    }
}
