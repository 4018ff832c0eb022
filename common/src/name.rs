//! Names of people and rooms: parsed once where they come in, valid ever after.

use std::fmt;

/// The longest name, in bytes (which are characters: names are ASCII).
pub const MAX_NAME: usize = 32;

/// Why a text is no name. The sentences are shown to the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or more than [`MAX_NAME`] bytes.
    #[error("a name has 1 to {MAX_NAME} characters")]
    Length,
    /// A character outside `A-Z a-z 0-9 _ - .`.
    #[error("a name is made of letters a to z, digits, '_', '-' and '.'")]
    Character,
    /// The first character is neither a letter nor a digit.
    #[error("a name begins with a letter or a digit")]
    Beginning,
    /// A room's name without its `#`.
    #[error("a room's name begins with '#'")]
    NoHash,
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > MAX_NAME {
        return Err(NameError::Length);
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    {
        return Err(NameError::Character);
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(NameError::Beginning);
    }
    Ok(())
}

/// The name of a person: 1 to 32 of ASCII letters, digits, `_ - .`, the first a letter or digit.
///
/// Kept as it was typed; [`UserName::lower`] is what the protocol computes with, and
/// [`UserName::skeleton`] what tells two people apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserName(String);

impl UserName {
    /// Checks a name and keeps its case.
    ///
    /// # Errors
    /// When the text breaks the rule above.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The decoy's name: a login under an unknown name is checked against it.
    #[must_use]
    pub fn nobody() -> Self {
        Self("nobody".to_owned())
    }

    /// The name as it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case, as it stands in SCRAM's `n=` and under the salt's HMAC.
    #[must_use]
    pub fn lower(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// What two names that look alike have in common: lower case, `i l 1` and `o 0` folded,
    /// `- _ .` dropped. Unique in the database.
    #[must_use]
    pub fn skeleton(&self) -> String {
        self.0
            .bytes()
            .filter(|b| !matches!(b, b'-' | b'_' | b'.'))
            .map(|b| match b.to_ascii_lowercase() {
                b'i' | b'l' => '1',
                b'o' => '0',
                b => char::from(b),
            })
            .collect()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a room, with its leading `#`: `#lobby`. Behind the `#` the rule of [`UserName`].
///
/// The name of an invited room ends in its maker's: `#ops~alice`. So the names of two people's
/// invited rooms never clash, and nobody learns of a hidden room because its name is taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomName(String);

impl RoomName {
    /// The room that always exists.
    pub const LOBBY: &str = "#lobby";

    /// Checks a name and keeps its case.
    ///
    /// # Errors
    /// When the text breaks the rule above.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = text.strip_prefix('#').ok_or(NameError::NoHash)?;
        match name.split_once('~') {
            Some((name, maker)) => check(name).and(check(maker))?,
            None => check(name)?,
        }
        Ok(Self(text.to_owned()))
    }

    /// The full name of an invited room that `maker` makes.
    ///
    /// # Errors
    /// [`NameError::Character`] when this name has a maker already.
    pub fn made_by(&self, maker: &UserName) -> Result<Self, NameError> {
        if self.maker().is_some() {
            return Err(NameError::Character);
        }
        Ok(Self(format!("{}~{maker}", self.0)))
    }

    /// The maker's name, of an invited room.
    #[must_use]
    pub fn maker(&self) -> Option<&str> {
        Some(self.0.split_once('~')?.1)
    }

    /// [`Self::LOBBY`], parsed.
    #[must_use]
    pub fn lobby() -> Self {
        Self(Self::LOBBY.to_owned())
    }

    /// The name with its `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for good in ["a", "alice", "Bob-2", "0x.y_z", &"n".repeat(32)] {
            assert!(UserName::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", NameError::Length),
            (&*"n".repeat(33), NameError::Length),
            ("-a", NameError::Beginning),
            (".a", NameError::Beginning),
            ("a b", NameError::Character),
            ("a\u{1b}[2J", NameError::Character),
            ("zoë", NameError::Character),
            ("a\n", NameError::Character),
        ] {
            assert_eq!(UserName::parse(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn names_that_look_alike_share_a_skeleton() {
        let skeleton = |name: &str| UserName::parse(name).unwrap().skeleton();
        assert_eq!(skeleton("Alice"), skeleton("a-1_ice."));
        assert_eq!(skeleton("b0b"), skeleton("BOB"));
        assert_ne!(skeleton("alice"), skeleton("alicia"));
    }

    #[test]
    fn a_room_needs_its_hash() {
        assert!(RoomName::parse(RoomName::LOBBY).is_ok());
        assert_eq!(RoomName::parse("lobby"), Err(NameError::NoHash));
        assert_eq!(RoomName::parse("#"), Err(NameError::Length));
    }

    #[test]
    fn a_room_that_one_is_invited_to_bears_its_maker_s_name() {
        let alice = UserName::parse("Alice").unwrap();
        let ops = RoomName::parse("#ops").unwrap();
        assert_eq!(ops.maker(), None);
        let hers = ops.made_by(&alice).unwrap();
        assert_eq!((hers.as_str(), hers.maker()), ("#ops~Alice", Some("Alice")));
        assert_eq!(RoomName::parse("#ops~Alice"), Ok(hers.clone()));
        assert_eq!(hers.made_by(&alice), Err(NameError::Character));
        for bad in ["#~alice", "#ops~", "#ops~a~b", "#ops~-a", "~alice"] {
            assert!(RoomName::parse(bad).is_err(), "{bad}");
        }
    }
}
