//! The form of a value in its column. rusqlite's traits can't be implemented here for the
//! protocol's types, which are another crate's, so the store has a trait of its own.

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{Access, AccountId, Kind, RoomId, RoomMode, RoomRole};
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use super::types::{Role, Status, Title};

pub(super) trait Column: Sized {
    fn put(&self) -> ToSqlOutput<'static>;

    /// A value that the program never writes is an error: the database is damaged.
    fn read(value: ValueRef<'_>) -> FromSqlResult<Self>;
}

/// Reads a column of a type that rusqlite need not know.
pub(super) fn take<T: Column>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    row.get(column).map(|FromColumn(value)| value)
}

/// Makes rusqlite name the column in the error when [`Column::read`] fails.
struct FromColumn<T>(T);

impl<T: Column> FromSql for FromColumn<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        T::read(value).map(Self)
    }
}

impl<T: Column> Column for Option<T> {
    fn put(&self) -> ToSqlOutput<'static> {
        self.as_ref()
            .map_or(ToSqlOutput::Borrowed(ValueRef::Null), Column::put)
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::read(value).map(Some),
        }
    }
}

impl Column for u64 {
    /// Saturates: nothing stored has a number beyond SQLite's range, so a number that a peer asks
    /// for beyond it finds the same as the largest.
    fn put(&self) -> ToSqlOutput<'static> {
        i64::try_from(*self).unwrap_or(i64::MAX).into()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        Self::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))
    }
}

impl Column for AccountId {
    fn put(&self) -> ToSqlOutput<'static> {
        self.0.put()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u64::read(value).map(Self)
    }
}

impl Column for RoomId {
    fn put(&self) -> ToSqlOutput<'static> {
        self.0.put()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u64::read(value).map(Self)
    }
}

impl Column for Kind {
    /// The protocol's number (docs/PROTOCOL.md, section 8).
    fn put(&self) -> ToSqlOutput<'static> {
        match self {
            Self::Text => 0,
            Self::Action => 1,
        }
        .into()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Text),
            1 => Ok(Self::Action),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

impl Column for UserName {
    fn put(&self) -> ToSqlOutput<'static> {
        self.as_str().to_owned().into()
    }

    // Checked again: the name goes to terminals.
    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).map_err(FromSqlError::other)
    }
}

impl Column for Title {
    fn put(&self) -> ToSqlOutput<'static> {
        self.to_string().into()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).map_err(FromSqlError::other)
    }
}

/// A type whose values are words in a column, and in the log.
pub trait Spelled: Copy + 'static {
    const ALL: &'static [Self];

    fn word(self) -> &'static str;
}

impl<T: Spelled> Column for T {
    fn put(&self) -> ToSqlOutput<'static> {
        self.word().into()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let found = Self::ALL.iter().find(|one| one.word() == text);
        found.copied().ok_or(FromSqlError::InvalidType)
    }
}

impl Spelled for Status {
    const ALL: &'static [Self] = &[Self::Active, Self::Disabled];

    fn word(self) -> &'static str {
        match self {
            Self::Active => "ok",
            Self::Disabled => "ko",
        }
    }
}

impl Spelled for Role {
    const ALL: &'static [Self] = &[Self::Member, Self::Admin];

    fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

impl Spelled for RoomMode {
    const ALL: &'static [Self] = &[Self::Audited, Self::Private];

    fn word(self) -> &'static str {
        match self {
            Self::Audited => "audited",
            Self::Private => "private",
        }
    }
}

impl Spelled for Access {
    const ALL: &'static [Self] = &[Self::Open, Self::Invited, Self::Direct];

    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invited => "invited",
            Self::Direct => "direct",
        }
    }
}

impl Spelled for RoomRole {
    const ALL: &'static [Self] = &[Self::Member, Self::Moderator, Self::Owner];

    fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
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
        assert_eq!(7.put(), 7_i64.into());
        assert_eq!(u64::MAX.put(), i64::MAX.into());
    }

    #[test]
    fn a_kind_stands_there_as_its_number_on_the_wire() {
        for (number, kind) in (0..).zip([Kind::Text, Kind::Action]) {
            assert_eq!(kind.put(), ToSqlOutput::from(number));
            assert_eq!(Kind::read(ValueRef::Integer(number)), Ok(kind));
            let mut bytes = Vec::new();
            minicbor::encode(kind, &mut bytes).unwrap();
            assert_eq!(minicbor::decode::<i64>(&bytes).unwrap(), number);
        }
    }

    #[test]
    fn every_word_comes_back_as_what_it_stands_for() {
        fn come_back<T: Spelled + PartialEq + std::fmt::Debug>(words: &[&str]) {
            let all: Vec<&str> = T::ALL.iter().map(|one| one.word()).collect();
            assert_eq!(all, words);
            for one in T::ALL {
                assert_eq!(T::read(one.word().into()), Ok(*one));
            }
        }
        come_back::<Status>(&["ok", "ko"]);
        come_back::<Role>(&["member", "admin"]);
        come_back::<RoomMode>(&["audited", "private"]);
        come_back::<Access>(&["open", "invited", "direct"]);
        come_back::<RoomRole>(&["member", "moderator", "owner"]);
    }

    fn is<T: Column>(row: &Row<'_>) -> rusqlite::Result<()> {
        take::<T>(row, 0).map(|_| ())
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
        assert!(damaged(one("SELECT -1", is::<u64>)));
        assert!(damaged(one("SELECT -1", is::<AccountId>)));
        assert!(damaged(one("SELECT 2", is::<Kind>)));
        assert!(damaged(one("SELECT 'x'", is::<Status>)));
        assert!(damaged(one("SELECT 'a b'", is::<UserName>)));
        assert!(damaged(one("SELECT 7", is::<Title>)));
    }
}
