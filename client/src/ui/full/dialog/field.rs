//! One line that is typed, perhaps a secret one.
//!
//! Its bytes stand in one buffer that never grows, and are zeroed as soon as they are deleted: this
//! module leaves no copy of a secret in memory. The buffers of `crossterm`, which the keys came
//! through, can't be wiped from here.

use std::borrow::Cow;
use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;
use zeroize::{Zeroize, Zeroizing};

use crate::prompt::MAX_ANSWER;
use crate::sanitize;

/// Shown for each grapheme cluster of a secret.
const DOT: &str = "•";

/// Wiped on drop.
pub(super) struct Field {
    bytes: Zeroizing<Vec<u8>>,
    /// The bytes of the text; those behind it are zero.
    length: usize,
    /// The cursor, in bytes: never within a grapheme cluster.
    at: usize,
    is_secret: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Changed,
    Same,
    /// The text would have more than [`MAX_ANSWER`] bytes: nothing was changed.
    Full,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Field(<redacted>)")
    }
}

impl Field {
    pub(super) fn new(is_secret: bool) -> Self {
        Self {
            bytes: Zeroizing::new(vec![0; MAX_ANSWER]),
            length: 0,
            at: 0,
            is_secret,
        }
    }

    pub(super) const fn is_secret(&self) -> bool {
        self.is_secret
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn text(&self) -> &str {
        self.part(0, self.length)
    }

    fn part(&self, from: usize, to: usize) -> &str {
        // Never fails: `from` and `to` stand between characters.
        let bytes = self.bytes.get(from..to).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }

    fn before(&self) -> &str {
        self.part(0, self.at)
    }

    fn behind(&self) -> &str {
        self.part(self.at, self.length)
    }

    /// The text and the part of it before the cursor, as they are shown: sanitized, or dots.
    pub(super) fn shown(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        if self.is_secret {
            let dots = |text: &str| Cow::from(DOT.repeat(text.graphemes(true).count()));
            return (dots(self.text()), dots(self.before()));
        }
        (sanitize::line(self.text()), sanitize::line(self.before()))
    }

    pub(super) fn wipe(&mut self) {
        self.bytes.as_mut_slice().zeroize();
        (self.length, self.at) = (0, 0);
    }

    /// Inserts the first line of a paste, whole or not at all: a secret cut short would be wrong.
    pub(super) fn paste(&mut self, text: &str) -> Taken {
        let line = text.split(['\n', '\r']).next().unwrap_or_default();
        self.insert(line)
    }

    pub(super) fn insert(&mut self, text: &str) -> Taken {
        let (at, length) = (self.at, self.length);
        let (Some(end), Some(length_then)) =
            (at.checked_add(text.len()), length.checked_add(text.len()))
        else {
            return Taken::Full;
        };
        if length_then > self.bytes.len() {
            return Taken::Full;
        }
        self.bytes.copy_within(at..length, end);
        if let Some(place) = self.bytes.get_mut(at..end) {
            place.copy_from_slice(text.as_bytes());
        }
        (self.length, self.at) = (length_then, end);
        self.step_out();
        Taken::Changed
    }

    /// What was inserted or deleted may have joined two clusters into one around the cursor.
    fn step_out(&mut self) {
        let mut ends = self
            .text()
            .grapheme_indices(true)
            .map(|(at, grapheme)| at + grapheme.len());
        let end = ends.find(|end| *end >= self.at);
        self.at = end.filter(|_| self.at > 0).unwrap_or(self.at);
    }

    fn delete(&mut self, from: usize, to: usize) -> Taken {
        if from >= to || to > self.length {
            return Taken::Same;
        }
        self.bytes.copy_within(to..self.length, from);
        let length = self.length - (to - from);
        if let Some(rest) = self.bytes.get_mut(length..self.length) {
            rest.zeroize();
        }
        (self.length, self.at) = (length, from);
        self.step_out();
        Taken::Changed
    }

    /// `None` where the key is not one of the line.
    pub(super) fn press(&mut self, key: &KeyEvent) -> Option<Taken> {
        let (at, length) = (self.at, self.length);
        let taken = match (key.code, is_control(key)) {
            (KeyCode::Left, _) | (KeyCode::Char('b'), true) => self.go(self.left()),
            (KeyCode::Right, _) | (KeyCode::Char('f'), true) => self.go(self.right()),
            (KeyCode::Home, _) | (KeyCode::Char('a'), true) => self.go(0),
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => self.go(length),
            (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => self.delete(self.left(), at),
            (KeyCode::Delete, _) | (KeyCode::Char('d'), true) => self.delete(at, self.right()),
            (KeyCode::Char('u'), true) => self.delete(0, at),
            (KeyCode::Char('k'), true) => self.delete(at, length),
            (KeyCode::Char('w'), true) => self.delete(self.word(), at),
            (KeyCode::Char(typed), false) if is_text(key, typed) => {
                let mut bytes = Zeroizing::new([0; 4]);
                let text = typed.encode_utf8(bytes.as_mut_slice());
                self.insert(text)
            }
            _ => return None,
        };
        Some(taken)
    }

    const fn go(&mut self, at: usize) -> Taken {
        self.at = at;
        Taken::Same
    }

    fn left(&self) -> usize {
        let last = self.before().graphemes(true).next_back();
        self.at - last.map_or(0, str::len)
    }

    fn right(&self) -> usize {
        let next = self.behind().graphemes(true).next();
        self.at + next.map_or(0, str::len)
    }

    fn word(&self) -> usize {
        let word = self.before().trim_end();
        word.rfind(char::is_whitespace).map_or(0, |blank| {
            let blanks = word.get(blank..).and_then(|rest| rest.chars().next());
            blank + blanks.map_or(0, char::len_utf8)
        })
    }
}

/// Whether Ctrl is held; with Alt it is AltGr, which types characters.
pub(super) fn is_control(key: &KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && !key.modifiers.contains(KeyModifiers::ALT)
}

fn is_text(key: &KeyEvent, typed: char) -> bool {
    let with_alt = key.modifiers.contains(KeyModifiers::ALT);
    let is_alt_gr = with_alt && key.modifiers.contains(KeyModifiers::CONTROL);
    !typed.is_control() && (!with_alt || is_alt_gr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(is_secret: bool, text: &str) -> Field {
        let mut field = Field::new(is_secret);
        assert_eq!(field.insert(text), Taken::Changed);
        field
    }

    fn press(field: &mut Field, code: KeyCode) -> Option<Taken> {
        field.press(&KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn control(field: &mut Field, letter: char) -> Option<Taken> {
        field.press(&KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
    }

    fn seen(field: &Field) -> String {
        format!("{}|{}", field.before(), field.behind())
    }

    #[test]
    fn the_keys_of_an_editor_move_and_delete() {
        for (keys, left) in [
            ("a", "|one two  three"),
            ("ae", "one two  three|"),
            ("u", "|"),
            ("w", "one two  |"),
            ("ww", "one |"),
            ("www", "|"),
            ("wwww", "|"),
            ("bbk", "one two  thr|"),
            ("bbu", "|ee"),
            ("h", "one two  thre|"),
            ("add", "|e two  three"),
            ("affh", "o|e two  three"),
            ("ak", "|"),
        ] {
            let mut field = typed(false, "one two  three");
            for letter in keys.chars() {
                assert!(control(&mut field, letter).is_some());
            }
            assert_eq!(seen(&field), left, "{keys}");
        }
    }

    #[test]
    fn the_keys_of_a_keyboard_do_the_same() {
        let mut field = typed(false, "abc");
        for (code, left) in [
            (KeyCode::Left, "ab|c"),
            (KeyCode::Backspace, "a|c"),
            (KeyCode::Delete, "a|"),
            (KeyCode::Home, "|a"),
            (KeyCode::Backspace, "|a"),
            (KeyCode::Left, "|a"),
            (KeyCode::Char('é'), "é|a"),
            (KeyCode::End, "éa|"),
            (KeyCode::Right, "éa|"),
            (KeyCode::Delete, "éa|"),
        ] {
            assert!(press(&mut field, code).is_some());
            assert_eq!(seen(&field), left, "{code:?}");
        }
        for code in [KeyCode::Tab, KeyCode::F(1), KeyCode::Char('\u{1b}')] {
            assert_eq!(press(&mut field, code), None);
        }
    }

    #[test]
    fn what_people_see_as_one_character_is_one() {
        let family = "👩\u{200d}👩\u{200d}👧";
        let mut field = typed(false, &format!("e\u{301}{family}🇫🇷"));
        for left in [format!("e\u{301}{family}|"), "e\u{301}|".into(), "|".into()] {
            press(&mut field, KeyCode::Backspace);
            assert_eq!(seen(&field), left);
        }
        // A letter before a mark joins it: the cursor steps behind both.
        let mut field = typed(false, "\u{301}x");
        press(&mut field, KeyCode::Home);
        field.insert("e");
        assert_eq!(seen(&field), "e\u{301}|x");
    }

    #[test]
    fn a_paste_is_its_first_line_whole_or_nothing() {
        for (pasted, taken) in [
            ("one\ntwo", "one|"),
            ("one\r\ntwo", "one|"),
            ("one\rtwo", "one|"),
            ("\nx", "|"),
        ] {
            let mut field = Field::new(true);
            field.paste(pasted);
            assert_eq!(seen(&field), taken);
        }
        let mut field = typed(true, "x");
        assert_eq!(field.paste(&"y".repeat(MAX_ANSWER)), Taken::Full);
        assert_eq!(seen(&field), "x|");
        assert_eq!(field.paste(&"y".repeat(MAX_ANSWER - 1)), Taken::Changed);
        assert_eq!(press(&mut field, KeyCode::Char('z')), Some(Taken::Full));
        assert_eq!(field.text().len(), MAX_ANSWER);
    }

    #[test]
    fn a_secret_is_dots_and_nothing_else() {
        let mut field = typed(true, "ge\u{301}heim");
        press(&mut field, KeyCode::Left);
        let (text, before) = field.shown();
        assert_eq!((text.as_ref(), before.as_ref()), ("••••••", "•••••"));
        assert_eq!(format!("{field:?}"), "Field(<redacted>)");
    }

    #[test]
    fn what_is_pasted_gives_no_orders_to_the_terminal() {
        let field = typed(false, "a\u{1b}[2J\u{202e}b");
        assert_eq!(field.shown().0, "a\\u{1b}[2J\\u{202e}b");
    }

    #[test]
    fn what_is_deleted_is_wiped_at_once() {
        let rest = |field: &Field| field.bytes.iter().skip(field.length).any(|byte| *byte != 0);
        for keys in ["u", "w", "hhh", "addd", "bbbk", "affuk"] {
            let mut field = typed(true, "geheim wort");
            for letter in keys.chars() {
                control(&mut field, letter);
                assert!(!rest(&field), "{keys}");
            }
        }
        let mut field = typed(true, "geheim wort");
        let place = field.bytes.as_ptr();
        field.insert(&"x".repeat(MAX_ANSWER - field.length));
        assert_eq!(field.bytes.as_ptr(), place, "it was not copied elsewhere");
        field.wipe();
        assert!(field.bytes.iter().all(|byte| *byte == 0));
        assert_eq!((field.bytes.len(), field.text()), (MAX_ANSWER, ""));
    }
}
