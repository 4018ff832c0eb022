//! The small types the tables share.

use std::fmt;

use chatbox_common::name::{NameError, RoomName, UserName};

/// Whether an account may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may.
    Active,
    /// An administrator has disabled it.
    Disabled,
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Talk.
    Member,
    /// Talk and administer.
    Admin,
}

/// What a room is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Title {
    /// By its name.
    Room(RoomName),
    /// By the two whom it was made for: `@alice+bob`.
    Direct(UserName, UserName),
}

impl Title {
    pub(super) fn parse(text: &str) -> Result<Self, NameError> {
        let Some(two) = text.strip_prefix('@') else {
            return RoomName::parse(text).map(Self::Room);
        };
        let (one, other) = two.split_once('+').ok_or(NameError::Character)?;
        Ok(Self::Direct(UserName::parse(one)?, UserName::parse(other)?))
    }

    /// What somebody in it calls it: a room of two bears the name of the other, `@bob`.
    #[must_use]
    pub fn seen_by(&self, user: &str) -> String {
        match self {
            Self::Room(name) => name.to_string(),
            Self::Direct(one, other) if one.as_str().eq_ignore_ascii_case(user) => {
                format!("@{other}")
            }
            Self::Direct(one, _) => format!("@{one}"),
        }
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(name) => write!(f, "{name}"),
            Self::Direct(one, other) => write!(f, "@{one}+{other}"),
        }
    }
}
