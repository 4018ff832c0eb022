//! What may reach a terminal. Every text that this program did not write itself (messages, names,
//! topics, a server's sentences, the contents of files) passes through here on its way to the
//! screen.
//!
//! The threat: a terminal takes orders in-band. Escape sequences move the cursor, set the title,
//! write the clipboard, end a bracketed paste; bidirectional controls show a text in another order
//! than it has; characters without width hide text in text; many combining marks on one character
//! paint over the lines above. All of it is shown, not obeyed: such a character appears as
//! `\u{1b}`, the one form used throughout, made of characters that mean nothing to a terminal.
//!
//! Knows nothing of rooms, people, width or colour. A caller that prints a text of several lines
//! marks the lines after the first (by an indentation, say), or a line feed could fake another
//! speaker.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_normalization::char::is_combining_mark;

/// Combining marks on one character. Living languages and their transcriptions need up to four or
/// five; more are cut and leave a `…`.
pub const MAX_MARKS: usize = 8;

/// In characters: a server that sends a longer name breaks its own rule.
const MAX_SHOWN_NAME: usize = 66;

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Makes a text fit for one line: line feeds and tabs are shown like every other control.
///
/// The result is at most six times as long as `input`, plus three bytes; a clean text is not
/// copied.
#[must_use]
pub fn line(input: &str) -> Cow<'_, str> {
    clean(input, |_| false, 0).0
}

/// Makes a text fit for several lines: line feeds and tabs stay as they are. The bound is that of
/// [`line()`].
#[must_use]
pub fn text(input: &str) -> Cow<'_, str> {
    text_at(input, 0).0
}

/// Makes a name fit for a line, at most [`MAX_SHOWN_NAME`] characters of it.
#[must_use]
pub fn name(input: &str) -> String {
    let short: String = input.chars().take(MAX_SHOWN_NAME).collect();
    line(&short).into_owned()
}

/// As [`text()`], and where in the result what follows the first `at` bytes of `input` begins: for
/// a cursor.
#[must_use]
pub fn text_at(input: &str, at: usize) -> (Cow<'_, str>, usize) {
    clean(input, |c| matches!(c, '\n' | '\t'), at)
}

/// Looks like a blank and is none: alone it hides that there is a text.
const BRAILLE_BLANK: char = '\u{2800}';

fn clean(input: &str, layout: fn(char) -> bool, at: usize) -> (Cow<'_, str>, usize) {
    let plain = |c: char| matches!(c, ' '..='~') || layout(c);
    if input.chars().all(plain) {
        return (Cow::Borrowed(input), at.min(input.len()));
    }
    let mut output = String::with_capacity(input.len());
    let mut previous = None;
    let mut marks = 0;
    let mut place = None;
    let mut rest = input.chars();
    let is_blank = |c: char| c.is_whitespace() || c == BRAILLE_BLANK;
    let hides = input.chars().all(is_blank);
    loop {
        if place.is_none() && input.len() - rest.as_str().len() >= at {
            place = Some(output.len());
        }
        let Some(c) = rest.next() else { break };
        if is_joiner(c) {
            // Between two characters of a script or an emoji a joiner shapes what is seen;
            // elsewhere it only hides. It is no base: the count of marks goes on across it.
            let next = rest.clone().next();
            if marks < MAX_MARKS && previous.is_some_and(shapes) && next.is_some_and(shapes) {
                output.push(c);
            } else {
                escape(&mut output, c);
            }
        } else if is_combining_mark(c) {
            if marks == 0 && previous.is_none_or(layout) {
                // A mark without a base would be drawn over what stands before the text.
                output.push('\u{25cc}');
            }
            marks += 1;
            if marks <= MAX_MARKS {
                output.push(c);
            } else if marks == MAX_MARKS + 1 {
                output.push('…');
            }
        } else {
            marks = 0;
            if is_hostile(c) && !layout(c) || hides && c == BRAILLE_BLANK {
                escape(&mut output, c);
            } else {
                output.push(c);
            }
        }
        previous = Some(c);
    }
    let place = place.unwrap_or(output.len());
    if output == input {
        return (Cow::Borrowed(input), place);
    }
    (Cow::Owned(output), place)
}

fn escape(output: &mut String, c: char) {
    // Writing to a String does not fail.
    let _ = write!(output, "\\u{{{:x}}}", u32::from(c));
}

/// A character that never reaches a terminal as it is, wherever it stands: it controls the
/// terminal, changes the order of what is seen, or may hide.
#[must_use]
pub fn is_never_bare(c: char) -> bool {
    is_hostile(c) || is_joiner(c)
}

fn is_joiner(c: char) -> bool {
    matches!(c, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER)
}

/// A character that a joiner may stand beside.
fn shapes(c: char) -> bool {
    !c.is_ascii() && !is_joiner(c) && !is_hostile(c)
}

/// Characters that control the terminal, reorder what is seen, or are not seen at all. Private and
/// unassigned ones do neither: a terminal draws a box or a picture.
fn is_hostile(c: char) -> bool {
    // C0, DEL, and C1 with its one-character forms of CSI, OSC and DCS.
    c.is_control()
        || matches!(c,
            // Soft hyphen; Arabic letter mark; Hangul fillers; Mongolian vowel separator.
            '\u{ad}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}'
            // Zero-width space (the joiners are judged by their place), direction marks.
            | '\u{200b}' | '\u{200e}'..='\u{200f}'
            // Line and paragraph separator, bidirectional embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, bidirectional isolates, deprecated controls.
            | '\u{2060}'..='\u{206f}'
            // Byte order mark, interlinear annotations.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Shorthand and musical controls; the tag characters.
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
            // Unassigned, and never to be shown (`Default_Ignorable_Code_Point`).
            | '\u{fff0}'..='\u{fff8}' | '\u{e0080}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_on_a_terminal_are_shown_and_not_obeyed() {
        for (what, attack, shown) in [
            ("title", "\u{1b}]0;root@db\u{7}", "\\u{1b}]0;root@db\\u{7}"),
            (
                "clipboard, OSC 52",
                "\u{1b}]52;c;cm0=\u{1b}\\",
                "\\u{1b}]52;c;cm0=\\u{1b}\\",
            ),
            ("clear and home", "\u{1b}[2J\u{1b}[H", "\\u{1b}[2J\\u{1b}[H"),
            ("CSI in one character", "\u{9b}2J", "\\u{9b}2J"),
            (
                "OSC in one character",
                "\u{9d}0;x\u{9c}",
                "\\u{9d}0;x\\u{9c}",
            ),
            ("DCS", "\u{90}q\u{1b}P", "\\u{90}q\\u{1b}P"),
            ("mouse on, DECSET", "\u{1b}[?1003h", "\\u{1b}[?1003h"),
            ("end of a paste", "\u{1b}[201~rm -r", "\\u{1b}[201~rm -r"),
            ("overwriting", "good\rbad ", "good\\u{d}bad "),
            ("rubbing out", "a\u{8}b\u{7f}", "a\\u{8}b\\u{7f}"),
            ("next line, C1", "a\u{85}b", "a\\u{85}b"),
            ("character set", "\u{e}lqqk\u{f}", "\\u{e}lqqk\\u{f}"),
            ("end of string", "a\0b", "a\\u{0}b"),
            ("separators", "a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            (
                "Trojan Source",
                "/*\u{202e} } \u{2066}if admin\u{2069} \u{2066}*/",
                "/*\\u{202e} } \\u{2066}if admin\\u{2069} \\u{2066}*/",
            ),
            (
                "direction marks",
                "a\u{200e}\u{200f}\u{61c}",
                "a\\u{200e}\\u{200f}\\u{61c}",
            ),
            (
                "zero width",
                "ad\u{200b}m\u{2060}i\u{feff}n",
                "ad\\u{200b}m\\u{2060}i\\u{feff}n",
            ),
            ("joiner in ASCII", "ad\u{200d}min", "ad\\u{200d}min"),
            ("tags", "ok\u{e0041}\u{e007f}", "ok\\u{e0041}\\u{e007f}"),
            (
                "unassigned and ignorable",
                "ad\u{fff0}m\u{e0fff}in",
                "ad\\u{fff0}m\\u{e0fff}in",
            ),
            ("fillers", "\u{3164}\u{115f}", "\\u{3164}\\u{115f}"),
            (
                "a text of blanks",
                "\u{2800} \u{2800}",
                "\\u{2800} \\u{2800}",
            ),
            ("byte order mark", "\u{feff}x", "\\u{feff}x"),
        ] {
            assert_eq!(line(attack), shown, "{what}");
            assert_eq!(text(attack), shown, "{what}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left_of_any_character() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let around = format!("x{c}y");
            let shown = line(&around);
            assert!(
                !shown.chars().any(|c| is_hostile(c) || is_joiner(c)),
                "{c:?}"
            );
            assert!(shown.len() <= 6 * around.len() + 3, "{c:?}");
            assert_eq!(
                line(&shown),
                shown,
                "cleaning twice is cleaning once: {c:?}"
            );
        }
    }

    #[test]
    fn a_line_stays_one_line_and_a_text_keeps_its_layout() {
        let typed = "yes\nbob: the password is x\tend";
        assert_eq!(line(typed), "yes\\u{a}bob: the password is x\\u{9}end");
        assert_eq!(text(typed), typed);
    }

    #[test]
    fn what_people_write_stays_as_it_is_and_is_not_copied() {
        for typed in [
            "",
            "plain ASCII ~ \\u{1b}",
            "déjà vu, naïve, Straße",
            "e\u{301} decomposed, Việt\u{323}",
            "⠓⠑⠇⠇⠕\u{2800}⠺",
            "שלום مرحبا привет 你好 こんにちは",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥 🇫🇷 👍🏽",
            "\u{e000} private, \u{378} unassigned",
        ] {
            assert!(
                matches!(line(typed), Cow::Borrowed(same) if same == typed),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn a_joiner_hides_nothing() {
        // At an end, doubled, beside ASCII, beside a hostile character.
        for (typed, shown) in [
            ("é\u{200d}", "é\\u{200d}"),
            ("\u{200c}é", "\\u{200c}é"),
            ("é\u{200d}\u{200d}é", "é\\u{200d}\\u{200d}é"),
            ("é\u{200d}e", "é\\u{200d}e"),
            ("é\u{200d}\u{202e}é", "é\\u{200d}\\u{202e}é"),
        ] {
            assert_eq!(line(typed), shown);
        }
    }

    #[test]
    fn a_pile_of_marks_is_cut() {
        let pile = |marks| format!("a{}b", "\u{301}".repeat(marks));
        assert_eq!(line(&pile(MAX_MARKS)), pile(MAX_MARKS));
        let cut = format!("a{}…b", "\u{301}".repeat(MAX_MARKS));
        assert_eq!(line(&pile(MAX_MARKS + 1)), cut);
        assert_eq!(line(&pile(4000)), cut);
        // A joiner between the marks does not restart their count.
        let joined = format!("é{}", "\u{301}\u{200d}".repeat(100));
        let shown = line(&joined);
        let drawn = |c| shown.chars().filter(|shown| *shown == c).count();
        assert_eq!(drawn('\u{301}'), MAX_MARKS);
        assert!(drawn('\u{200d}') < MAX_MARKS);
        assert_eq!(line(&shown), shown);
    }

    #[test]
    fn a_place_in_a_text_is_found_again_in_what_is_shown() {
        for (typed, at, before) in [
            ("plain", 3, "pla"),
            ("plain", 9, "plain"),
            ("", 0, ""),
            ("a\u{1b}b", 1, "a"),
            ("a\u{1b}b", 2, "a\\u{1b}"),
            ("a\u{1b}b", 3, "a\\u{1b}b"),
            ("می\u{200c}خ", 6, "می\u{200c}"),
            ("\u{301}b", 2, "\u{25cc}\u{301}"),
        ] {
            let (shown, place) = text_at(typed, at);
            assert_eq!(&shown[..place], before, "{typed:?} at {at}");
        }
    }

    #[test]
    fn a_mark_without_a_base_gets_one() {
        assert_eq!(line("\u{20e0}x"), "\u{25cc}\u{20e0}x");
        assert_eq!(text("a\n\u{20e0}x"), "a\n\u{25cc}\u{20e0}x");
    }
}
