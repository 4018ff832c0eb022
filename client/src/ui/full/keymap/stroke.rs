//! A key in one normal form, however a terminal reports it, and as it is written in the
//! configuration. Knows no action.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::likeliest;
use crate::sanitize;
use crate::words::keys as words;

const MAX_FUNCTION: u8 = 24;

/// The most characters of an unknown key that an error repeats.
const MAX_SHOWN: usize = 32;

const MODIFIERS: [(&str, KeyModifiers); 3] = [
    ("ctrl", KeyModifiers::CONTROL),
    ("alt", KeyModifiers::ALT),
    ("shift", KeyModifiers::SHIFT),
];

/// In order of preference: a key with two names is written with the first, and of two names equally
/// near to a mistyped one the first is suggested.
const NAMES: [(&str, KeyCode); 16] = [
    ("enter", KeyCode::Enter),
    ("tab", KeyCode::Tab),
    ("esc", KeyCode::Esc),
    ("escape", KeyCode::Esc),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
];

/// The control characters 0x1c to 0x1f: as `crossterm` reports them with Ctrl, and as they are
/// printed on the keys.
const SIGNS: [(char, char); 4] = [('4', '\\'), ('5', ']'), ('6', '^'), ('7', '_')];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Stroke {
    pub(super) code: KeyCode,
    pub(super) modifiers: KeyModifiers,
}

impl Stroke {
    fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let (code, without) = match code {
            KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => {
                (KeyCode::BackTab, KeyModifiers::SHIFT)
            }
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => control(c),
            // The character tells of Shift already; with Alt, Shift makes no other key.
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::ALT) => {
                (KeyCode::Char(lower(c)), KeyModifiers::SHIFT)
            }
            KeyCode::BackTab | KeyCode::Char(_) => (code, KeyModifiers::SHIFT),
            _ => (code, KeyModifiers::NONE),
        };
        Self {
            code,
            modifiers: modifiers.difference(without),
        }
    }

    /// `None` for a key that is released, or held with another modifier than Ctrl, Alt and Shift.
    pub(in super::super) fn pressed(key: KeyEvent) -> Option<Self> {
        let known = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let is_known = key.kind != KeyEventKind::Release && known.contains(key.modifiers);
        is_known.then(|| Self::new(key.code, key.modifiers))
    }

    pub(super) fn text(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() && !c.is_control() => Some(c),
            _ => None,
        }
    }

    /// `None` where Shift is not held.
    pub(super) fn without_shift(self) -> Option<Self> {
        let modifiers = self.modifiers.difference(KeyModifiers::SHIFT);
        (modifiers != self.modifiers).then(|| Self::new(self.code, modifiers))
    }

    #[cfg(test)]
    pub(in super::super) fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }

    /// Parses a key as it is written in the configuration; the error is a sanitized sentence.
    pub(in super::super) fn parse(written: &str) -> Result<Self, String> {
        let lower = written.trim().to_lowercase();
        let (mut rest, mut modifiers) = (lower.as_str(), KeyModifiers::NONE);
        while let Some((modifier, behind)) = MODIFIERS.iter().find_map(|(name, modifier)| {
            let behind = rest.strip_prefix(name)?.strip_prefix('-')?;
            Some((*modifier, behind))
        }) {
            rest = behind;
            modifiers.insert(modifier);
        }
        let code = code(rest).ok_or_else(|| {
            let cut: String = lower.chars().take(MAX_SHOWN).collect();
            let meant = likeliest(rest, NAMES.iter().map(|(name, _)| *name));
            words::unknown_key(&sanitize::line(&cut), meant)
        })?;
        let commands = KeyModifiers::CONTROL | KeyModifiers::ALT;
        if matches!(code, KeyCode::Char(_))
            && modifiers.intersects(commands)
            && modifiers.contains(KeyModifiers::SHIFT)
        {
            return Err(words::is_not_told_apart(&sanitize::line(&lower)));
        }
        Ok(Self::new(code, modifiers))
    }
}

/// The key that a terminal sends for Ctrl and a character (Ctrl-I is Tab), and the modifiers that
/// it does not report.
fn control(c: char) -> (KeyCode, KeyModifiers) {
    let sign = SIGNS.iter().find(|(_, printed)| *printed == c);
    let c = sign.map_or(c, |(reported, _)| *reported);
    match lower(c) {
        'i' => (KeyCode::Tab, KeyModifiers::CONTROL),
        'm' => (KeyCode::Enter, KeyModifiers::CONTROL),
        '[' => (KeyCode::Esc, KeyModifiers::CONTROL),
        c => (KeyCode::Char(c), KeyModifiers::SHIFT),
    }
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn code(name: &str) -> Option<KeyCode> {
    let mut characters = name.chars();
    if let (Some(c), None) = (characters.next(), characters.next()) {
        return (!c.is_control()).then_some(KeyCode::Char(c));
    }
    if let Some((_, code)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*code);
    }
    let number: u8 = name.strip_prefix('f')?.parse().ok()?;
    (1..=MAX_FUNCTION)
        .contains(&number)
        .then_some(KeyCode::F(number))
}

impl fmt::Display for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_control = self.modifiers.contains(KeyModifiers::CONTROL);
        let (code, modifiers) = match self.code {
            KeyCode::BackTab => (KeyCode::Tab, self.modifiers | KeyModifiers::SHIFT),
            code => (code, self.modifiers),
        };
        for (name, modifier) in MODIFIERS {
            if modifiers.contains(modifier) {
                write!(f, "{name}-")?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, named)| *named == code) {
            return f.write_str(name);
        }
        match code {
            KeyCode::Char(c) => {
                let sign = SIGNS
                    .iter()
                    .find(|(reported, _)| is_control && *reported == c);
                write!(f, "{}", sign.map_or(c, |(_, printed)| *printed))
            }
            KeyCode::F(number) => write!(f, "f{number}"),
            // `parse` makes no other key, so that none is bound.
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Stroke> {
        Stroke::pressed(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn a_key_is_the_same_however_a_terminal_sends_it() {
        use KeyCode::{BackTab, Char, Enter, Esc, F, PageUp, Tab};
        const CTRL: KeyModifiers = KeyModifiers::CONTROL;
        const ALT: KeyModifiers = KeyModifiers::ALT;
        const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
        const NONE: KeyModifiers = KeyModifiers::NONE;
        for (code, modifiers, written) in [
            (Char('n'), CTRL, "ctrl-n"),
            (Char('N'), CTRL | SHIFT, "ctrl-n"),
            (Char('A'), ALT | SHIFT, "alt-a"),
            (Char('1'), ALT, "alt-1"),
            (Char('-'), ALT, "alt--"),
            (Char('h'), CTRL | ALT, "ctrl-alt-h"),
            (Char(' '), CTRL, "ctrl-space"),
            (Char('7'), CTRL, "ctrl-_"),
            (Char('_'), CTRL | SHIFT, "ctrl-_"),
            (Char('7'), ALT, "alt-7"),
            (Char('i'), CTRL, "tab"),
            (Char('m'), CTRL | ALT, "alt-enter"),
            (Char('['), CTRL, "esc"),
            (Esc, NONE, "esc"),
            (BackTab, SHIFT, "shift-tab"),
            (BackTab, NONE, "shift-tab"),
            (Tab, SHIFT, "shift-tab"),
            (Enter, ALT, "alt-enter"),
            (PageUp, SHIFT, "shift-pageup"),
            (F(12), NONE, "f12"),
        ] {
            let stroke = pressed(code, modifiers).unwrap();
            assert_eq!(stroke.to_string(), written);
            assert_eq!(Stroke::parse(written), Ok(stroke), "{written}");
        }
        assert_eq!(Stroke::parse(" ALT-Ctrl-H"), Stroke::parse("ctrl-alt-h"));
        assert_eq!(pressed(Char('x'), KeyModifiers::SUPER), None);
    }

    #[test]
    fn what_is_no_key_is_said() {
        for (written, said) in [
            ("", "There is no key ."),
            ("ctrl-", "There is no key ctrl-."),
            ("crtl-n", "There is no key crtl-n."),
            ("pgup", "did you mean pageup?"),
            ("ctrl-del", "did you mean delete?"),
            ("esp", "did you mean esc?"),
            ("f0", "no key f0"),
            ("f25", "no key f25"),
            ("\u{1b}", "no key \\u{1b}"),
            ("ab\u{202e}", "\\u{202e}"),
            ("ctrl-shift-n", "can't be told apart"),
            ("alt-shift-A", "can't be told apart"),
        ] {
            let sentence = Stroke::parse(written).unwrap_err();
            assert!(sentence.contains(said), "{written:?}: {sentence}");
        }
        let long = Stroke::parse(&"x".repeat(10_000)).unwrap_err();
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn a_text_is_what_is_typed_without_a_command_key() {
        for (code, modifiers, text) in [
            (KeyCode::Char('a'), KeyModifiers::NONE, Some('a')),
            (KeyCode::Char('A'), KeyModifiers::SHIFT, Some('A')),
            (KeyCode::Char('É'), KeyModifiers::SHIFT, Some('É')),
            (KeyCode::Char(' '), KeyModifiers::NONE, Some(' ')),
            (
                KeyCode::Char('\u{301}'),
                KeyModifiers::NONE,
                Some('\u{301}'),
            ),
            (KeyCode::Char(' '), KeyModifiers::CONTROL, None),
            (KeyCode::Char('a'), KeyModifiers::ALT, None),
            (KeyCode::Char('\u{1b}'), KeyModifiers::NONE, None),
            (KeyCode::Enter, KeyModifiers::NONE, None),
            (KeyCode::Tab, KeyModifiers::NONE, None),
        ] {
            let found = pressed(code, modifiers).and_then(Stroke::text);
            assert_eq!(found, text, "{code:?} {modifiers:?}");
        }
    }
}
