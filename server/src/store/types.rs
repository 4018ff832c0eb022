//! Small types that several tables share.

use std::fmt;

use chatbox_common::name::{NameError, RoomName, UserName};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    Disabled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Member,
    Admin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Title {
    Room(RoomName),
    /// A conversation of two, the user with the lower account number first: `@alice+bob`.
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

    /// How a member sees it: a conversation of two bears the name of the other, `@bob`.
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
