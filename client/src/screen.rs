//! What standard output can show. Found out once, by `main`; only the width is asked for again.
//! `login` and `app` go by it.

use std::ffi::OsStr;
use std::io::{IsTerminal, stderr, stdout};
#[cfg(unix)]
use std::os::fd::AsFd;

use crate::charset::Charset;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Block characters make a picture for the reader, in colours of ours: a terminal of UTF-8 that
    /// obeys escape sequences, and no `--plain`, which screen readers use.
    pub pictures: bool,
    /// It obeys escape sequences.
    pub escapes: bool,
    /// Colours are wanted (no `NO_COLOR`), and it obeys escape sequences.
    pub colours: bool,
    pub charset: Charset,
    /// From `COLUMNS`, or else the terminal's; `None` where there is no edge.
    pub columns: Option<usize>,
}

impl Screen {
    /// `plain` is the flag.
    #[must_use]
    pub fn of_process(plain: bool) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let columns = variable("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok());
        Self {
            columns: columns.or_else(width),
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
            pictures: escapes && charset == Charset::Utf8,
            escapes,
            colours: escapes && !no_colour,
            charset,
            columns: None,
        }
    }
}

/// The columns of a terminal that does not know how many it has, such as a serial line.
pub const USUAL_COLUMNS: u16 = 80;
/// The rows of such a terminal.
pub const USUAL_ROWS: u16 = 24;

/// The columns of standard output at this moment; `None` where it is no terminal.
#[must_use]
pub fn width() -> Option<usize> {
    columns(stdout())
}

/// The columns of standard error at this moment; `None` where it is no terminal.
#[must_use]
pub fn error_width() -> Option<usize> {
    columns(stderr())
}

#[cfg(unix)]
fn columns(terminal: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some(known(size.ws_col, USUAL_COLUMNS).into())
}

#[cfg(not(unix))]
const fn columns<T>(_: T) -> Option<usize> {
    None
}

/// A size, or what is usual where the terminal says 0.
#[must_use]
pub const fn known(size: u16, usual: u16) -> u16 {
    if size == 0 { usual } else { size }
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
            (true, Some(OsStr::new("dumb")), false, (false, false, false)),
            (true, None, false, (false, false, false)),
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
