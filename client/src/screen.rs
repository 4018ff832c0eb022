//! What standard output can show. Found out once, by `main`, but for its width, which changes;
//! `login` and `app` go by it.

use std::ffi::OsStr;
use std::io::{IsTerminal, stdout};

use unicode_normalization::char::is_combining_mark;

use crate::charset::Charset;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Whether pictures made of block characters say anything to whoever is there.
    pub pictures: bool,
    /// Whether it obeys escape sequences.
    pub escapes: bool,
    /// Whether colours are wanted; only where it obeys escape sequences.
    pub colours: bool,
    /// What it reads.
    pub charset: Charset,
    /// Its width in characters, if it is known.
    pub columns: Option<usize>,
}

impl Screen {
    /// What there is, and what the person wants of it; `plain` is the flag.
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

/// The width of the terminal that standard output is at this moment; nothing where it is none.
#[must_use]
pub fn width() -> Option<usize> {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(stdout()) {
        return Some(size.ws_col.into()).filter(|columns| *columns > 0);
    }
    None
}

/// How many columns a terminal gives a character, about.
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
