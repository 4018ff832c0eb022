//! The roles of text on the screen, and their styles.
//!
//! Nothing is said by colour alone: what matters has a sign or a word beside it. The colours are
//! those of the 16-colour palette that can be read on a dark background and on a light one. Black,
//! white, the greys and the yellows vanish on one of them, and dark blue does on black. Bright
//! green and bright cyan vanish on white: green and cyan, which some terminals brighten in bold,
//! are never bold. `lines` gives the roles, `paint` asks for their styles.

use ratatui::style::{Color, Modifier, Style};

/// The styles of names: colour, and whether it is bold.
const SHADES: [(Color, bool); 10] = [
    (Color::Red, false),
    (Color::Green, false),
    (Color::Magenta, false),
    (Color::Cyan, false),
    (Color::LightBlue, false),
    (Color::LightRed, false),
    (Color::Red, true),
    (Color::Magenta, true),
    (Color::LightBlue, true),
    (Color::LightRed, true),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    Colours,
    /// Bold, dim and reversed stand in for colours.
    NoColours,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The text of a message.
    Text,
    /// Times, frames and other things that matter less.
    Aside,
    /// The name of another person, with its [`shade`].
    Name(usize),
    /// The reader's own name; in the list, a room with unread messages.
    Own,
    /// A message that names the reader.
    Call,
    Notice,
    /// The line before the first unread message.
    Unread,
    /// A match of the search.
    Found,
    /// The topic and the status line.
    Bar,
    /// The current room in the list.
    Here,
    /// A room with a message for the reader, and the title of a panel.
    Active,
}

/// An index of the name's style: always the same, whatever the case.
#[must_use]
pub fn shade(name: &str) -> usize {
    // FNV-1a, 32 bits.
    let lower = name.chars().flat_map(char::to_lowercase);
    let hash = lower.fold(0x811c_9dc5_u32, |hash, c| {
        (hash ^ u32::from(c)).wrapping_mul(0x0100_0193)
    });
    // The lower bits of FNV-1a alone mix badly.
    let mixed = hash ^ (hash >> 16);
    usize::try_from(mixed).unwrap_or(0) % SHADES.len()
}

impl Palette {
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let colour = |colour: Color| match self {
            Self::Colours => plain.fg(colour),
            Self::NoColours => plain,
        };
        match role {
            Role::Text => plain,
            Role::Aside | Role::Notice => plain.add_modifier(Modifier::DIM),
            Role::Name(shade) => {
                let (fg, is_bold) = SHADES.get(shade).copied().unwrap_or((Color::Red, false));
                let bold = if is_bold || self == Self::NoColours {
                    Modifier::BOLD
                } else {
                    Modifier::empty()
                };
                colour(fg).add_modifier(bold)
            }
            Role::Own => plain.add_modifier(Modifier::DIM | Modifier::BOLD),
            Role::Call | Role::Active => colour(Color::Magenta).add_modifier(Modifier::BOLD),
            Role::Unread => colour(Color::Red),
            Role::Found => plain.add_modifier(Modifier::REVERSED | Modifier::BOLD),
            Role::Bar | Role::Here => plain.add_modifier(Modifier::REVERSED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast with black and with white, as WCAG 2 computes it.
    fn contrasts(rgb: [u8; 3]) -> (f64, f64) {
        let linear = rgb.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        let light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        ((light + 0.05) / 0.05, 1.05 / (light + 0.05))
    }

    #[test]
    fn names_can_be_read_on_dark_and_on_light() {
        // In the palettes of VGA, GNOME (Tango) and macOS.
        let colours = [
            (Color::Red, [[0xaa, 0, 0], [0xcc, 0, 0], [0xc9, 0x1b, 0]]),
            (Color::Green, [[0, 0xaa, 0], [0x4e, 0x9a, 6], [0, 0xa6, 0]]),
            (
                Color::Magenta,
                [[0xaa, 0, 0xaa], [0x75, 0x50, 0x7b], [0xb2, 0, 0xb2]],
            ),
            (
                Color::Cyan,
                [[0, 0xaa, 0xaa], [6, 0x98, 0x9a], [0, 0xa6, 0xb2]],
            ),
            (
                Color::LightBlue,
                [[0x55, 0x55, 0xff], [0x72, 0x9f, 0xcf], [0x68, 0x71, 0xff]],
            ),
            (
                Color::LightRed,
                [[0xff, 0x55, 0x55], [0xef, 0x29, 0x29], [0xff, 0x30, 0x30]],
            ),
        ];
        for (shade, _) in SHADES {
            let (_, of_palettes) = colours.iter().find(|(colour, _)| *colour == shade).unwrap();
            for rgb in of_palettes {
                let (on_black, on_white) = contrasts(*rgb);
                assert!(
                    on_black > 2.6 && on_white > 2.6,
                    "{shade} {on_black} {on_white}"
                );
            }
        }
        let bright = [Color::Green, Color::Cyan];
        assert!(
            !SHADES
                .iter()
                .any(|(colour, bold)| *bold && bright.contains(colour))
        );
    }

    #[test]
    fn a_name_has_its_shade_for_ever_and_names_differ() {
        assert_eq!(shade("Alice"), shade("alice"));
        assert_eq!([shade("alice"), shade("bob")], [9, 8]);
        let mut hit = [0; SHADES.len()];
        for number in 0..1000 {
            hit[shade(&format!("user{number}"))] += 1;
        }
        assert!(hit.iter().all(|count| *count > 50), "{hit:?}");
    }

    #[test]
    fn without_colours_there_are_none() {
        for role in [
            Role::Text,
            Role::Aside,
            Role::Name(1),
            Role::Own,
            Role::Call,
            Role::Notice,
            Role::Unread,
            Role::Found,
            Role::Bar,
            Role::Here,
            Role::Active,
        ] {
            let style = Palette::NoColours.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
            assert_eq!(Palette::Colours.style(role).bg, None, "{role:?}");
        }
    }
}
