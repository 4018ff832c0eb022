//! The roles of text on the screen, and their styles.
//!
//! Nothing is said by colour alone: what matters has a sign or a word beside it. The colours can be
//! read on a dark background and on a light one: black, white, the greys and the yellows vanish on
//! one of them, and dark blue does on black. Names have colours of the 256, which no terminal
//! brightens in bold, and none that means something: red is what is wrong, magenta what calls.
//! No other module names a colour.

use ratatui::style::{Color, Modifier, Style};

/// The colours of names: greens, browns, blues, violets.
const HUES: [u8; 12] = [28, 33, 130, 99, 30, 100, 134, 66, 63, 94, 97, 64];
/// The styles of names: each colour, and each in bold.
pub const SHADES: usize = 2 * HUES.len();
/// A password of middling strength: an orange, since yellow vanishes on white.
const FAIR: Color = Color::Indexed(130);
const GOOD: Color = Color::Indexed(28);

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
    /// The status line while there is no connection.
    Alarm,
    /// What is wrong.
    Problem,
    /// How hard a password is to guess.
    Weak,
    Fair,
    Good,
    /// A picture to be scanned: its characters are what is light in it.
    Picture,
    /// The current room in the list.
    Here,
    /// A room with a message for the reader, and the title of a panel.
    Active,
}

/// The style that a name has where no other has it: always the same, whatever the case. Below
/// [`SHADES`].
#[must_use]
pub fn shade(name: &str) -> usize {
    // FNV-1a, 32 bits.
    let lower = name.chars().flat_map(char::to_lowercase);
    let hash = lower.fold(0x811c_9dc5_u32, |hash, c| {
        (hash ^ u32::from(c)).wrapping_mul(0x0100_0193)
    });
    // The lower bits of FNV-1a alone mix badly.
    let mixed = hash ^ (hash >> 16);
    usize::try_from(mixed).unwrap_or(0) % SHADES
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
                let hue = HUES.get(shade % HUES.len()).copied();
                let is_bold = shade >= HUES.len() || self == Self::NoColours;
                let mut style = hue.map_or(plain, |hue| colour(Color::Indexed(hue)));
                if is_bold {
                    style = style.add_modifier(Modifier::BOLD);
                }
                style
            }
            Role::Own => plain.add_modifier(Modifier::DIM | Modifier::BOLD),
            Role::Call | Role::Active => colour(Color::Magenta).add_modifier(Modifier::BOLD),
            Role::Unread => colour(Color::Red),
            Role::Found => plain.add_modifier(Modifier::REVERSED | Modifier::BOLD),
            Role::Bar | Role::Here => plain.add_modifier(Modifier::REVERSED),
            Role::Alarm => colour(Color::Red).add_modifier(Modifier::REVERSED | Modifier::BOLD),
            Role::Problem | Role::Weak => colour(Color::Red).add_modifier(Modifier::BOLD),
            Role::Fair => colour(FAIR).add_modifier(Modifier::BOLD),
            Role::Good => colour(GOOD).add_modifier(Modifier::BOLD),
            // Its colours are what it says: a negative is no code for many who scan it.
            Role::Picture => plain.fg(Color::White).bg(Color::Black),
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

    const ROLES: [Role; 15] = [
        Role::Text,
        Role::Aside,
        Role::Own,
        Role::Call,
        Role::Notice,
        Role::Unread,
        Role::Found,
        Role::Bar,
        Role::Alarm,
        Role::Here,
        Role::Active,
        Role::Problem,
        Role::Weak,
        Role::Fair,
        Role::Good,
    ];

    fn roles() -> impl Iterator<Item = Role> {
        ROLES.into_iter().chain((0..SHADES).map(Role::Name))
    }

    /// What it is in some palettes: those of VGA, GNOME (Tango) and macOS, also brightened by bold.
    fn palettes(colour: Color) -> Vec<[u8; 3]> {
        match colour {
            Color::Red => vec![
                [0xaa, 0, 0],
                [0xcc, 0, 0],
                [0xc9, 0x1b, 0],
                [0xff, 0x55, 0x55],
                [0xef, 0x29, 0x29],
                [0xff, 0x30, 0x30],
            ],
            Color::Magenta => vec![[0xaa, 0, 0xaa], [0x75, 0x50, 0x7b], [0xb2, 0, 0xb2]],
            Color::Indexed(index @ 16..=231) => {
                let level = |place: u8| match (index - 16) / place % 6 {
                    0 => 0,
                    level => 55 + 40 * level,
                };
                vec![[level(36), level(6), level(1)]]
            }
            other => panic!("{other} in an unknown palette"),
        }
    }

    #[test]
    fn all_colours_can_be_read_on_dark_and_on_light() {
        for role in roles() {
            let style = Palette::Colours.style(role);
            assert_eq!(style.bg, None, "{role:?}");
            for rgb in style.fg.map(palettes).unwrap_or_default() {
                let (on_black, on_white) = contrasts(rgb);
                assert!(
                    on_black > 2.6 && on_white > 2.6,
                    "{role:?} {on_black} {on_white}"
                );
            }
        }
    }

    #[test]
    fn no_name_has_the_colour_of_what_is_wrong_or_calls_and_no_two_shades_are_one() {
        let others: Vec<_> = ROLES
            .into_iter()
            .filter_map(|role| Palette::Colours.style(role).fg)
            .filter(|colour| matches!(colour, Color::Red | Color::Magenta))
            .collect();
        assert!(!others.is_empty());
        for one in 0..SHADES {
            let style = Palette::Colours.style(Role::Name(one));
            assert!(!others.contains(&style.fg.unwrap()), "{one}");
            for other in 0..one {
                assert_ne!(style, Palette::Colours.style(Role::Name(other)));
            }
        }
    }

    #[test]
    fn a_lost_connection_does_not_look_like_a_good_one() {
        for palette in [Palette::Colours, Palette::NoColours] {
            assert_ne!(palette.style(Role::Alarm), palette.style(Role::Bar));
        }
    }

    #[test]
    fn a_name_has_its_shade_for_ever_and_names_differ() {
        assert_eq!(shade("Alice"), shade("alice"));
        assert_ne!(shade("alice"), shade("bob"));
        let mut hit = [0; SHADES];
        for number in 0..2_400 {
            hit[shade(&format!("user{number}"))] += 1;
        }
        assert!(hit.iter().all(|count| *count > 50), "{hit:?}");
    }

    #[test]
    fn without_colours_there_are_none() {
        for role in roles() {
            let style = Palette::NoColours.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn a_picture_is_light_on_dark_whatever_is_wanted() {
        for palette in [Palette::Colours, Palette::NoColours] {
            let style = palette.style(Role::Picture);
            assert_eq!(
                (style.fg, style.bg),
                (Some(Color::White), Some(Color::Black))
            );
        }
    }
}
