//! The second factor's secret as a QR code (ISO/IEC 18004) in the characters of a terminal.
//!
//! One character shows two modules, one above the other. Knows nothing of TOTP and asks nothing of
//! the terminal: `login` passes the URI, the width and who colours the picture, and shows the
//! URI as text besides.

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// The margin of light modules around the symbol that scanners need (ISO/IEC 18004, 6.3.8).
const QUIET_ZONE: usize = 4;

/// The default attributes, then black on bright white.
const BLACK_ON_WHITE: &str = "\x1b[0;30;107m";
const DEFAULT_COLOURS: &str = "\x1b[0m";

/// Why there is no picture: the secret is shown as text only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// The terminal is too narrow: a wrapped picture cannot be scanned.
    #[error("the QR code is {needed} columns wide and this terminal has {columns}")]
    TooNarrow {
        /// Columns of the picture, quiet zone included.
        needed: usize,
        columns: usize,
    },
    /// More than the 2,953 bytes of a QR code.
    #[error("the text is too long for a QR code")]
    TooLong,
}

/// Draws `uri`, quiet zone included, in lines that end with a line feed.
///
/// With `escapes` the picture is black on white whatever the terminal's own colours are, also where
/// none are wanted: a negative is read by most but not all scanners. Without, the characters draw
/// the *light* modules, for a caller that colours them itself.
///
/// The error correction is the lowest level: a screen has no scratches, and the picture of an
/// `otpauth` URI with the names in use stays within 23 of a terminal's 24 lines. `columns` is the
/// terminal's width, `None` where there is no terminal.
pub fn render(
    uri: &str,
    columns: Option<usize>,
    escapes: bool,
) -> Result<Zeroizing<String>, QrError> {
    let code =
        QrCode::with_error_correction_level(uri, EcLevel::L).map_err(|_| QrError::TooLong)?;
    let symbol = code.width();
    let needed = symbol + 2 * QUIET_ZONE;
    if let Some(columns) = columns.filter(|columns| *columns < needed) {
        return Err(QrError::TooNarrow { needed, columns });
    }
    let modules = Zeroizing::new(
        code.into_colors()
            .into_iter()
            .map(is_dark)
            .collect::<Vec<_>>(),
    );
    let dark = |x: usize, y: usize| {
        let (x, y) = (x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE));
        match (x, y) {
            (Some(x), Some(y)) if x < symbol => modules.get(y * symbol + x) == Some(&true),
            _ => false,
        }
    };

    // Reserved whole: growing would leave copies of the secret behind, unwiped.
    let line = 3 * needed + BLACK_ON_WHITE.len() + DEFAULT_COLOURS.len() + 1;
    let mut picture = Zeroizing::new(String::with_capacity(line * needed.div_ceil(2)));
    for y in (0..needed).step_by(2) {
        if escapes {
            picture.push_str(BLACK_ON_WHITE);
        }
        for x in 0..needed {
            // With `escapes` a drawn half is dark, else it is light.
            picture.push(match (dark(x, y) == escapes, dark(x, y + 1) == escapes) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        if escapes {
            picture.push_str(DEFAULT_COLOURS);
        }
        picture.push('\n');
    }
    Ok(picture)
}

fn is_dark(module: Color) -> bool {
    module == Color::Dark
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str =
        "otpauth://totp/ChatBox:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ChatBox";

    /// Rows of modules, true for dark.
    fn modules(picture: &str, ink_is_dark: bool) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in picture.lines() {
            let inked = |half: [char; 2]| {
                line.chars()
                    .map(|c| (c == '█' || half.contains(&c)) == ink_is_dark)
                    .collect::<Vec<bool>>()
            };
            assert!(line.chars().all(|c| "█▀▄ ".contains(c)), "{line:?}");
            rows.push(inked(['▀', '▀']));
            rows.push(inked(['▄', '▄']));
        }
        rows
    }

    fn assert_shows_the_symbol(rows: &[Vec<bool>]) {
        let code = QrCode::with_error_correction_level(URI, EcLevel::L).unwrap();
        let (symbol, colors) = (code.width(), code.to_colors());
        let size = symbol + 8;
        // The height is odd: one more light row completes the last character.
        assert_eq!(rows.len(), size + 1);
        for (y, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), size);
            for (x, dark) in row.iter().enumerate() {
                let inside = (4..symbol + 4).contains(&x) && (4..symbol + 4).contains(&y);
                let expected = inside && colors[(y - 4) * symbol + x - 4] == Color::Dark;
                assert_eq!(*dark, expected, "row {y}, column {x}");
            }
        }
    }

    #[test]
    fn without_escapes_the_characters_draw_what_is_light() {
        let picture = render(URI, None, false).unwrap();
        assert!(!picture.contains('\x1b'));
        assert_shows_the_symbol(&modules(&picture, false));
    }

    #[test]
    fn with_escapes_the_characters_draw_what_is_dark_on_white() {
        let picture = render(URI, None, true).unwrap();
        let bare: String = picture
            .lines()
            .map(|line| {
                let line = line.strip_prefix(BLACK_ON_WHITE).unwrap();
                line.strip_suffix(DEFAULT_COLOURS).unwrap().to_owned() + "\n"
            })
            .collect();
        assert!(!bare.contains('\x1b'));
        assert_shows_the_symbol(&modules(&bare, true));
    }

    #[test]
    fn it_fits_a_terminal_of_80_by_24_for_all_but_the_longest_names() {
        let uri = URI.replace("alice", &"a".repeat(28));
        let picture = render(&uri, Some(80), false).unwrap();
        assert!(picture.lines().count() <= 23);
        let uri = URI.replace("alice", &"a".repeat(32));
        assert!(render(&uri, Some(80), false).is_ok());
    }

    #[test]
    fn a_narrow_terminal_is_told_the_width() {
        let needed = render(URI, None, false)
            .unwrap()
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap();
        assert!(render(URI, Some(needed), true).is_ok());
        let columns = needed - 1;
        let refused = render(URI, Some(columns), true).unwrap_err();
        assert_eq!(refused, QrError::TooNarrow { needed, columns });
        assert!(refused.to_string().contains(&format!("{needed} columns")));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(
            render(&"x".repeat(2954), None, true).unwrap_err(),
            QrError::TooLong
        );
    }
}
