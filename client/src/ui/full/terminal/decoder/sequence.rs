//! What the sequences of terminals mean: those of xterm, rxvt, the Linux console, and the keys that
//! are sent as `CSI u`. All others are answers, or keys that nothing is bound to.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

#[derive(Clone, Copy)]
pub(super) enum Meaning {
    Key(KeyEvent),
    /// A paste begins.
    Paste,
    /// Three bytes of a mouse follow.
    Mouse,
    None,
}

impl Meaning {
    fn of(code: Option<KeyCode>, modifiers: KeyModifiers) -> Self {
        code.map_or(Self::None, |code| Self::Key(KeyEvent::new(code, modifiers)))
    }
}

/// A control character or DEL.
pub(super) fn control(byte: u8) -> KeyEvent {
    let code = match byte {
        b'\r' => KeyCode::Enter,
        b'\t' => KeyCode::Tab,
        0x7f => KeyCode::Backspace,
        0 => return with_control(' '),
        // As `crossterm` names them: see `keymap::stroke`.
        0x1c..=0x1f => return with_control(char::from(byte - 0x1c + b'4')),
        _ => return with_control(char::from((byte | 0x60) & 0x7f)),
    };
    code.into()
}

const fn with_control(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
}

/// ESC, `O` and a byte: keys in application mode, and those of the keypad.
pub(super) fn single_shift(byte: u8) -> Meaning {
    let (code, modifiers) = match byte {
        b'a'..=b'd' => (arrow(byte.to_ascii_uppercase()), KeyModifiers::CONTROL),
        b'M' => (Some(KeyCode::Enter), KeyModifiers::NONE),
        b'I' => (Some(KeyCode::Tab), KeyModifiers::NONE),
        b'j'..=b'y' => {
            let c = char::from(byte - 0x40);
            (Some(KeyCode::Char(c)), KeyModifiers::NONE)
        }
        _ => (letter(byte), KeyModifiers::NONE),
    };
    Meaning::of(code, modifiers)
}

/// A function key of the Linux console.
pub(super) fn console_key(byte: u8) -> Meaning {
    let number = matches!(byte, b'A'..=b'E').then(|| byte - b'A' + 1);
    Meaning::of(number.map(KeyCode::F), KeyModifiers::NONE)
}

/// A sequence behind CSI: its parameters and its final byte.
pub(super) fn control_sequence(parameters: &[u8], last: u8) -> Meaning {
    let Some(numbers) = Numbers::of(parameters) else {
        return Meaning::None;
    };
    match last {
        b'~' | b'^' | b'@' | b'$' => numbered(&numbers, last),
        b'u' => {
            let code = numbers.first.and_then(char::from_u32).and_then(typed);
            numbers.key(code)
        }
        b'M' if parameters.is_empty() => Meaning::Mouse,
        b'Z' => Meaning::of(Some(KeyCode::BackTab), KeyModifiers::SHIFT),
        b'a'..=b'd' if parameters.is_empty() => {
            Meaning::of(arrow(last.to_ascii_uppercase()), KeyModifiers::SHIFT)
        }
        // With parameters it is the cursor's place.
        b'R' if !parameters.is_empty() => Meaning::None,
        // `CSI 1;5A`, and `CSI 5A` of some.
        _ => Numbers {
            modifiers: numbers.modifiers.or(numbers.first),
            ..numbers
        }
        .key(letter(last)),
    }
}

/// Numbers with `;` between them; of the second, `:` parts what happened to the key.
struct Numbers {
    first: Option<u32>,
    modifiers: Option<u32>,
    happened: Option<u32>,
    third: Option<u32>,
}

impl Numbers {
    /// `None` for what is no key's: an answer that begins with `?`, a mouse's with `<`.
    fn of(parameters: &[u8]) -> Option<Self> {
        let text = str::from_utf8(parameters).ok()?;
        if !text.chars().all(|c| matches!(c, '0'..='9' | ';' | ':')) {
            return None;
        }
        let mut all = text.split(';').map(|part| part.split(':'));
        let mut next = || {
            all.next()
                .map(|mut parts| (number(parts.next()), number(parts.next())))
        };
        let (first, second, third) = (next(), next(), next());
        Some(Self {
            first: first.and_then(|(number, _)| number),
            modifiers: second.and_then(|(number, _)| number),
            happened: second.and_then(|(_, happened)| happened),
            third: third.and_then(|(number, _)| number),
        })
    }

    fn key(&self, code: Option<KeyCode>) -> Meaning {
        const RELEASED: u32 = 3;
        let mask = self.modifiers.unwrap_or(1).saturating_sub(1);
        // Shift, Alt, Ctrl; then keys of other keyboards, and what is locked.
        let bits = [
            KeyModifiers::SHIFT,
            KeyModifiers::ALT,
            KeyModifiers::CONTROL,
        ];
        let held = bits.into_iter().enumerate();
        let held = held.filter(|(bit, _)| mask & (1 << bit) != 0);
        let mut modifiers: KeyModifiers = held.map(|(_, modifier)| modifier).collect();
        if mask & 0b11_1000 != 0 {
            modifiers.insert(KeyModifiers::SUPER);
        }
        if self.happened == Some(RELEASED) {
            return Meaning::None;
        }
        Meaning::of(code, modifiers)
    }
}

fn number(text: Option<&str>) -> Option<u32> {
    text.and_then(|text| text.parse().ok())
}

fn arrow(letter: u8) -> Option<KeyCode> {
    match letter {
        b'A' => Some(KeyCode::Up),
        b'B' => Some(KeyCode::Down),
        b'C' => Some(KeyCode::Right),
        b'D' => Some(KeyCode::Left),
        _ => None,
    }
}

fn letter(letter: u8) -> Option<KeyCode> {
    match letter {
        b'H' => Some(KeyCode::Home),
        b'F' => Some(KeyCode::End),
        b'P'..=b'S' => Some(KeyCode::F(letter - b'P' + 1)),
        _ => arrow(letter),
    }
}

/// A key that has a number: `CSI 5~`, and with the ends that rxvt has for Ctrl and Shift.
fn numbered(numbers: &Numbers, last: u8) -> Meaning {
    let code = match numbers.first {
        Some(200) if last == b'~' => return Meaning::Paste,
        // `CSI 27;5;9~`: a character with modifiers.
        Some(27) => numbers.third.and_then(char::from_u32).and_then(typed),
        Some(1 | 7) => Some(KeyCode::Home),
        Some(2) => Some(KeyCode::Insert),
        Some(3) => Some(KeyCode::Delete),
        Some(4 | 8) => Some(KeyCode::End),
        Some(5) => Some(KeyCode::PageUp),
        Some(6) => Some(KeyCode::PageDown),
        Some(number @ 11..=34) => function(number).map(KeyCode::F),
        _ => None,
    };
    match last {
        b'^' => Meaning::of(code, KeyModifiers::CONTROL),
        b'@' => Meaning::of(code, KeyModifiers::CONTROL | KeyModifiers::SHIFT),
        b'$' => Meaning::of(code, KeyModifiers::SHIFT),
        _ => numbers.key(code),
    }
}

/// The numbers of VT220's function keys have gaps where its keyboard has.
fn function(number: u32) -> Option<u8> {
    let gaps = match number {
        11..=15 => 10,
        17..=21 => 11,
        23..=26 => 12,
        28..=29 => 13,
        31..=34 => 14,
        _ => return None,
    };
    u8::try_from(number - gaps).ok()
}

/// A character of a key that is sent by its number.
fn typed(c: char) -> Option<KeyCode> {
    match c {
        '\u{1b}' => Some(KeyCode::Esc),
        '\r' => Some(KeyCode::Enter),
        '\t' => Some(KeyCode::Tab),
        '\u{7f}' | '\u{8}' => Some(KeyCode::Backspace),
        // Keys without a character: a private range.
        c if c.is_control() || matches!(c, '\u{e000}'..='\u{f8ff}') => None,
        c => Some(KeyCode::Char(c)),
    }
}
