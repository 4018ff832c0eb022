//! What was typed, from the bytes that a terminal sends: keys, pastes, and answers to questions
//! that nobody asked.
//!
//! A key may be several bytes, and they may come one by one. ESC alone is a key, and the beginning
//! of most others: it waits a while for what follows. Pure: bytes and the time are arguments.
//!
//! The threat: what is taken for text though it is none. The rest of an arrow would be typed, the
//! lines of a paste sent one by one, the answer of a terminal said in the room. So sequences are
//! read to their end, whatever they are and however they are split, and what is no key is dropped.

mod sequence;
#[cfg(test)]
mod tests;

use std::mem;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use sequence::Meaning;

/// After so long without its next byte, the rest of a sequence is not waited for.
const GIVE_UP: Duration = Duration::from_secs(1);
/// The most bytes of parameters; what is longer is no key.
const MAX_PARAMETERS: usize = 64;
/// An answer with more bytes has probably lost its end: it is over with the first silence.
const MAX_ANSWER: usize = 65_536;
/// Of a paste, in bytes: more than is taken anywhere. What is behind it is dropped.
pub(super) const MAX_PASTE: usize = 1 << 20;
const PASTE_ENDS: &[u8] = b"\x1b[201~";
const ESC: u8 = 0x1b;
const CTRL_C: u8 = 0x03;

pub(super) enum Typed {
    Key(KeyEvent),
    /// As it was pasted: of any length, with any control character, perhaps a password.
    Paste(String),
}

/// What the next byte belongs to.
enum Begun {
    Nothing,
    /// A character of several bytes.
    Character {
        bytes: [u8; 4],
        have: usize,
        need: usize,
        with_alt: bool,
    },
    /// ESC, perhaps a second one: some terminals send that before a sequence for Alt.
    Escape {
        again: bool,
    },
    /// ESC and a byte that begins a sequence, or is a key with Alt.
    Introduced {
        by: u8,
        again: bool,
    },
    /// A sequence of CSI or SS3 up to here.
    Sequence {
        parameters: Vec<u8>,
        again: bool,
    },
    /// A function key of the Linux console: `CSI [` and a letter.
    ConsoleKey {
        again: bool,
    },
    /// The three bytes of a mouse, which is reported if another program left that on.
    Mouse {
        left: u8,
    },
    /// OSC, DCS, APC, PM or SOS: dropped up to its end.
    Answer {
        length: usize,
        escaped: bool,
    },
    Paste {
        text: Vec<u8>,
        /// The bytes of its end that were seen.
        ended: usize,
    },
}

pub(super) struct Decoder {
    begun: Begun,
    /// How long a lone ESC waits.
    escape: Duration,
    /// When the last byte came.
    at: Option<Instant>,
}

impl Decoder {
    pub(super) const fn new(escape: Duration) -> Self {
        Self {
            begun: Begun::Nothing,
            escape,
            at: None,
        }
    }

    /// When [`Decoder::expire`] is to be called, if no byte comes before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let wait = match &self.begun {
            Begun::Nothing | Begun::Paste { .. } => return None,
            Begun::Escape { .. } | Begun::Introduced { .. } => self.escape,
            Begun::Answer { length, .. } if *length > MAX_ANSWER => self.escape,
            _ => GIVE_UP,
        };
        self.at.map(|at| at + wait)
    }

    /// Whether the end of a paste is waited for.
    pub(super) const fn is_in_paste(&self) -> bool {
        matches!(self.begun, Begun::Paste { .. })
    }

    /// Takes what has waited long enough for what it is: nothing more of it comes.
    pub(super) fn expire(&mut self, now: Instant, typed: &mut Vec<Typed>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match mem::replace(&mut self.begun, Begun::Nothing) {
            Begun::Escape { again } => {
                typed.extend((0..=u8::from(again)).map(|_| escape()));
            }
            Begun::Introduced { by, again } => {
                typed.extend(again.then(escape));
                typed.push(character(char::from(by), true));
            }
            _ => {}
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8], now: Instant, typed: &mut Vec<Typed>) {
        // A paste may have lost its end, as where a terminal is reset: no key would ever be one again.
        // What comes in a paste comes with what is around it.
        let is_late = self.at.is_some_and(|at| now >= at + GIVE_UP);
        if self.is_in_paste() && bytes == [CTRL_C] && is_late {
            self.begun = Begun::Nothing;
        }
        // Whoever presses it again and again waits no longer.
        let is_pressed_in_vain = self.is_in_paste() && bytes.iter().all(|byte| *byte == CTRL_C);
        for byte in bytes {
            self.byte(*byte, typed);
        }
        if !is_pressed_in_vain {
            self.at = Some(now);
        }
    }

    fn byte(&mut self, byte: u8, typed: &mut Vec<Typed>) {
        let begun = mem::replace(&mut self.begun, Begun::Nothing);
        self.begun = match begun {
            Begun::Character {
                bytes,
                have,
                need,
                with_alt,
            } if is_continued(byte) => continued((bytes, have, need), byte, with_alt, typed),
            // Also where a character was cut off.
            Begun::Nothing | Begun::Character { .. } => first(byte, false, typed),
            Begun::Escape { again } => escaped(byte, again, typed),
            // No key has a control behind its beginning, which was cut off.
            Begun::Introduced { by: b'O', .. } | Begun::ConsoleKey { .. } | Begun::Mouse { .. }
                if byte < b' ' =>
            {
                first(byte, false, typed)
            }
            Begun::Introduced { by: b'[', again } if byte == b'[' => Begun::ConsoleKey { again },
            Begun::Introduced { by: b'O', again } if !byte.is_ascii_digit() => {
                whole(sequence::single_shift(byte), again, typed)
            }
            Begun::Introduced {
                by: b'[' | b'O',
                again,
            } => parameter(Vec::new(), byte, again, typed),
            Begun::Introduced { again, .. } => {
                typed.extend(again.then(escape));
                answer(0, byte, typed)
            }
            Begun::Sequence { parameters, again } => parameter(parameters, byte, again, typed),
            Begun::ConsoleKey { again } => whole(sequence::console_key(byte), again, typed),
            Begun::Mouse { left: 1 } => Begun::Nothing,
            Begun::Mouse { left } => Begun::Mouse { left: left - 1 },
            Begun::Answer { escaped: true, .. } if byte == b'\\' => Begun::Nothing,
            // Another sequence begins: the answer was cut off.
            Begun::Answer { escaped: true, .. } => escaped(byte, false, typed),
            Begun::Answer { length, .. } => answer(length, byte, typed),
            Begun::Paste { text, ended } => pasted(text, ended, byte, typed),
        };
    }
}

fn escape() -> Typed {
    Typed::Key(KeyCode::Esc.into())
}

fn character(c: char, with_alt: bool) -> Typed {
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::SHIFT, c.is_uppercase());
    modifiers.set(KeyModifiers::ALT, with_alt);
    Typed::Key(KeyEvent::new(KeyCode::Char(c), modifiers))
}

const fn is_continued(byte: u8) -> bool {
    matches!(byte, 0x80..=0xbf)
}

/// The first byte of a key.
fn first(byte: u8, with_alt: bool, typed: &mut Vec<Typed>) -> Begun {
    let need = match byte {
        ESC => return Begun::Escape { again: false },
        0x20..=0x7e => {
            typed.push(character(char::from(byte), with_alt));
            return Begun::Nothing;
        }
        0..=0x1f | 0x7f => {
            let mut key = sequence::control(byte);
            key.modifiers.set(KeyModifiers::ALT, with_alt);
            typed.push(Typed::Key(key));
            return Begun::Nothing;
        }
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        // No character begins so.
        0x80..=0xc1 | 0xf5..=0xff => return Begun::Nothing,
    };
    Begun::Character {
        bytes: [byte, 0, 0, 0],
        have: 1,
        need,
        with_alt,
    }
}

/// A further byte of a character, of which there are some and so many are needed.
fn continued(
    (mut bytes, have, need): ([u8; 4], usize, usize),
    byte: u8,
    with_alt: bool,
    typed: &mut Vec<Typed>,
) -> Begun {
    if let Some(place) = bytes.get_mut(have) {
        *place = byte;
    }
    let have = have + 1;
    if have < need {
        return Begun::Character {
            bytes,
            have,
            need,
            with_alt,
        };
    }
    let text = bytes
        .get(..need)
        .and_then(|bytes| str::from_utf8(bytes).ok());
    let c = text.and_then(|text| text.chars().next());
    typed.extend(c.map(|c| character(c, with_alt)));
    Begun::Nothing
}

/// The byte behind ESC, or behind two.
fn escaped(byte: u8, again: bool, typed: &mut Vec<Typed>) -> Begun {
    match byte {
        ESC => {
            typed.extend(again.then(escape));
            Begun::Escape { again: true }
        }
        b'[' | b'O' | b']' | b'P' | b'X' | b'^' | b'_' => Begun::Introduced { by: byte, again },
        _ => {
            typed.extend(again.then(escape));
            first(byte, true, typed)
        }
    }
}

/// A byte of a sequence behind CSI, up to its final one.
fn parameter(mut parameters: Vec<u8>, byte: u8, again: bool, typed: &mut Vec<Typed>) -> Begun {
    let is_number = !parameters.is_empty() && parameters.iter().all(u8::is_ascii_digit);
    match byte {
        // With a number before it, Shift and a key of rxvt.
        b'$' if is_number => whole(sequence::control_sequence(&parameters, byte), again, typed),
        0x20..=0x3f => {
            // Beyond the bound it stays longer than any key.
            if parameters.len() <= MAX_PARAMETERS {
                parameters.push(byte);
            }
            Begun::Sequence { parameters, again }
        }
        0x40..=0x7e => {
            let is_key = parameters.len() <= MAX_PARAMETERS;
            let meaning = is_key.then(|| sequence::control_sequence(&parameters, byte));
            whole(meaning.unwrap_or(Meaning::None), again, typed)
        }
        // It was cut off.
        _ => first(byte, false, typed),
    }
}

/// The end of a sequence. Where it is no key, an ESC before it was one.
fn whole(meaning: Meaning, again: bool, typed: &mut Vec<Typed>) -> Begun {
    if let Meaning::Key(mut key) = meaning {
        key.modifiers.set(
            KeyModifiers::ALT,
            again || key.modifiers.contains(KeyModifiers::ALT),
        );
        typed.push(Typed::Key(key));
        return Begun::Nothing;
    }
    typed.extend(again.then(escape));
    match meaning {
        Meaning::Paste => Begun::Paste {
            text: Vec::new(),
            ended: 0,
        },
        Meaning::Mouse => Begun::Mouse { left: 3 },
        Meaning::Key(_) | Meaning::None => Begun::Nothing,
    }
}

/// A byte of a text that a terminal answers.
fn answer(length: usize, byte: u8, typed: &mut Vec<Typed>) -> Begun {
    match byte {
        // BEL ends what xterm answers.
        0x07 => Begun::Nothing,
        ESC => Begun::Answer {
            length,
            escaped: true,
        },
        // A key: no answer has these, and nobody is to be kept from Enter and Ctrl-C.
        0..=0x1f => first(byte, false, typed),
        _ => Begun::Answer {
            length: length.saturating_add(1),
            escaped: false,
        },
    }
}

fn pasted(mut text: Vec<u8>, ended: usize, byte: u8, typed: &mut Vec<Typed>) -> Begun {
    if PASTE_ENDS.get(ended) == Some(&byte) {
        let ended = ended + 1;
        if ended < PASTE_ENDS.len() {
            return Begun::Paste { text, ended };
        }
        let text = String::from_utf8(text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        typed.push(Typed::Paste(text));
        return Begun::Nothing;
    }
    let seen = PASTE_ENDS.iter().take(ended).copied();
    let is_again = byte == ESC;
    for byte in seen.chain((!is_again).then_some(byte)) {
        if text.len() < MAX_PASTE {
            text.push(byte);
        }
    }
    Begun::Paste {
        text,
        ended: usize::from(is_again),
    }
}
