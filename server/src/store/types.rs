//! The small types the tables share, and how they stand in a column.

use std::fmt;

use chatbox_common::name::{NameError, RoomName, UserName};
use chatbox_common::wire::message;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};

/// The number of an account, from 1; never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u64);

/// The number of a room, from 1; never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u64);

impl RoomId {
    /// `#lobby`, made with the database.
    pub const LOBBY: Self = Self(1);
}

/// Whether an account may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may: `ok` in the table.
    Active,
    /// An administrator has disabled it: `ko` in the table.
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

/// What the server sees of a room's messages. Fixed when the room is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomMode {
    /// The text, which chat.log has too.
    Audited,
    /// Sealed bytes.
    Private,
}

/// Who may come into a room. Fixed when the room is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Whoever was invited.
    Invited,
    /// The two whom it was made for.
    Direct,
}

impl Access {
    /// As it stands in the table and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invited => "invited",
            Self::Direct => "direct",
        }
    }

    /// The first message that a member may read who joined at `joined_seq`, where retention has
    /// left those from `first_kept` on.
    #[must_use]
    pub fn first_readable(self, first_kept: u64, joined_seq: u64) -> u64 {
        match self {
            Self::Invited => first_kept.max(joined_seq),
            Self::Open | Self::Direct => first_kept,
        }
    }
}

impl From<Access> for message::Access {
    fn from(access: Access) -> Self {
        match access {
            Access::Open => Self::Open,
            Access::Invited => Self::Invited,
            Access::Direct => Self::Direct,
        }
    }
}

impl From<RoomMode> for message::RoomMode {
    fn from(mode: RoomMode) -> Self {
        match mode {
            RoomMode::Audited => Self::Audited,
            RoomMode::Private => Self::Private,
        }
    }
}

impl From<RoomRole> for message::RoomRole {
    fn from(role: RoomRole) -> Self {
        match role {
            RoomRole::Member => Self::Member,
            RoomRole::Moderator => Self::Moderator,
            RoomRole::Owner => Self::Owner,
        }
    }
}

/// What a member may do in a room, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoomRole {
    /// Read, write, leave.
    Member,
    /// And look after the others.
    Moderator,
    /// And make moderators.
    Owner,
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
    fn parse(text: &str) -> Result<Self, NameError> {
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

/// A number as SQLite keeps it. Beyond its range lies nothing that was ever stored, so what a
/// peer asks for out there may as well be its end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that the program only ever writes unsigned.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// The name of a person, checked again: it goes to screens.
pub(super) fn user_name(row: &Row<'_>, column: usize) -> rusqlite::Result<UserName> {
    UserName::parse(row.get_ref(column)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// What a room is called, checked again.
pub(super) fn title(row: &Row<'_>, column: usize) -> rusqlite::Result<Title> {
    Title::parse(row.get_ref(column)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

impl ToSql for AccountId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(signed(self.0).into())
    }
}

impl FromSql for AccountId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        id(value).map(Self)
    }
}

impl ToSql for RoomId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(signed(self.0).into())
    }
}

impl FromSql for RoomId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        id(value).map(Self)
    }
}

fn id(value: ValueRef<'_>) -> FromSqlResult<u64> {
    let number = value.as_i64()?;
    u64::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))
}

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Active => "ok",
            Self::Disabled => "ko",
        }
        .into())
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "ok" => Ok(Self::Active),
            "ko" => Ok(Self::Disabled),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl ToSql for Role {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
        .into())
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "member" => Ok(Self::Member),
            "admin" => Ok(Self::Admin),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl ToSql for RoomMode {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Audited => "audited",
            Self::Private => "private",
        }
        .into())
    }
}

impl ToSql for Access {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for Access {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "open" => Ok(Self::Open),
            "invited" => Ok(Self::Invited),
            "direct" => Ok(Self::Direct),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl ToSql for RoomRole {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
        .into())
    }
}

impl FromSql for RoomRole {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "member" => Ok(Self::Member),
            "moderator" => Ok(Self::Moderator),
            "owner" => Ok(Self::Owner),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl FromSql for RoomMode {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "audited" => Ok(Self::Audited),
            "private" => Ok(Self::Private),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::StoreError;

    #[test]
    fn a_number_beyond_sqlite_is_its_largest() {
        assert_eq!(signed(7), 7);
        assert_eq!(signed(u64::MAX), i64::MAX);
    }

    #[test]
    fn what_the_program_never_writes_is_damage() {
        let connection = Connection::open_in_memory().unwrap();
        let damaged = |result: rusqlite::Result<()>| {
            matches!(
                StoreError::from(result.unwrap_err()),
                StoreError::Corrupt(_)
            )
        };
        let one = |query, read: fn(&Row<'_>) -> rusqlite::Result<()>| {
            connection.query_row(query, (), read)
        };
        assert!(damaged(one("SELECT -1", |r| unsigned(r, 0).map(|_| ()))));
        assert!(damaged(one("SELECT -1", |r| r
            .get(0)
            .map(|AccountId(_)| ()))));
        assert!(damaged(one("SELECT 'x'", |r| r.get(0).map(|_: Status| ()))));
        assert!(damaged(one("SELECT 'a b'", |r| user_name(r, 0).map(|_| ()))));
        assert!(damaged(one("SELECT 7", |r| title(r, 0).map(|_| ()))));
    }
}
