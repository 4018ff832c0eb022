//! What there is of one account, page by page: for the operator who hands it to the person.

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{Access, AccountId, Kind, RoomRole};

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::Snapshot;
use super::statement::statements;
use super::types::Title;

/// A room that the account is or was something in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRoom {
    pub title: Title,
    pub access: Access,
    pub role: RoomRole,
    /// Milliseconds since 1970, as all times here.
    pub joined_at: i64,
    /// The number of the last message that was read.
    pub read_seq: u64,
    pub is_hidden: bool,
}

/// A ban, a mute or an invitation that the account got or gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSanction {
    /// `ban`, `mute` or `invitation`.
    pub what: String,
    pub room: Title,
    /// Whom it concerns.
    pub user: UserName,
    pub made_by: UserName,
    pub made_at: i64,
    pub ends_at: Option<i64>,
    /// Of an invitation there is none.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnMessage {
    /// The client's, by which pages are told apart.
    pub client_id: [u8; 16],
    pub room: Title,
    pub seq: u64,
    pub time: i64,
    pub kind: Kind,
    pub body: Vec<u8>,
}

statements! {
    const ROOMS = "SELECT r.name, r.access, m.role, m.joined_at, m.read_seq, m.hidden \
        FROM members m JOIN rooms r ON r.id = m.room WHERE m.account = ?1 \
        AND NOT (r.access = 'direct' AND r.next_seq = 1 AND r.created_by IS NOT ?1)";
    const MADE = "SELECT name FROM rooms WHERE created_by = ?1";
    const TOKENS = "SELECT expires_at FROM resume_tokens \
        WHERE account = ?1 AND state = 'newest' AND expires_at > ?2";
    const IGNORED = "SELECT a.user, i.made_at FROM ignores i JOIN REGISTERED a ON a.id = i.ignored \
        WHERE i.account = ?1";
    const SANCTIONS = "SELECT s.what, r.name, a.user, b.user, s.made_at, s.ends_at, s.reason FROM \
        (SELECT 'ban' AS what, room, account, made_by, made_at, NULL AS ends_at, reason FROM bans \
        UNION ALL SELECT 'mute', room, account, made_by, made_at, ends_at, reason FROM mutes \
        UNION ALL SELECT 'invitation', room, account, made_by, made_at, NULL, NULL \
        FROM room_invitations) s \
        JOIN rooms r ON r.id = s.room JOIN REGISTERED a ON a.id = s.account \
        JOIN REGISTERED b ON b.id = s.made_by WHERE s.account = ?1 OR s.made_by = ?1"
        walks "all bans, mutes and invitations, for the operator alone and on no writer's connection";
    const MESSAGES = "SELECT m.client_id, r.name, m.seq, m.time, m.kind, m.body \
        FROM messages m JOIN rooms r ON r.id = m.room \
        WHERE m.sender = ?1 AND m.client_id > ?2 ORDER BY m.client_id LIMIT ?3";
}

impl Snapshot<'_> {
    /// Conversations of two among them, but for those that somebody else has begun and in which nothing
    /// was said: they are not this account's to know of.
    ///
    /// # Errors
    /// SQLite's.
    pub fn own_rooms(&self, account: AccountId) -> Result<Vec<OwnRoom>, StoreError> {
        self.all(ROOMS, [account.put()], |row| {
            Ok(OwnRoom {
                title: take(row, 0)?,
                access: take(row, 1)?,
                role: take(row, 2)?,
                joined_at: row.get(3)?,
                read_seq: take(row, 4)?,
                is_hidden: row.get(5)?,
            })
        })
    }

    /// The rooms and conversations that an account has made.
    ///
    /// # Errors
    /// SQLite's.
    pub fn rooms_made_by(&self, account: AccountId) -> Result<Vec<Title>, StoreError> {
        self.all(MADE, [account.put()], |row| take(row, 0))
    }

    /// When the logins of an account that can be resumed end.
    ///
    /// # Errors
    /// SQLite's.
    pub fn logins_of(&self, account: AccountId, now: i64) -> Result<Vec<i64>, StoreError> {
        self.all(TOKENS, (account.put(), now), |row| row.get(0))
    }

    /// Whom an account ignores, and since when.
    ///
    /// # Errors
    /// SQLite's.
    pub fn ignores_of(&self, account: AccountId) -> Result<Vec<(UserName, i64)>, StoreError> {
        self.all(IGNORED, [account.put()], |row| {
            Ok((take(row, 0)?, row.get(1)?))
        })
    }

    /// # Errors
    /// SQLite's.
    pub fn sanctions_of(&self, account: AccountId) -> Result<Vec<OwnSanction>, StoreError> {
        self.all(SANCTIONS, [account.put()], |row| {
            Ok(OwnSanction {
                what: row.get(0)?,
                room: take(row, 1)?,
                user: take(row, 2)?,
                made_by: take(row, 3)?,
                made_at: row.get(4)?,
                ends_at: row.get(5)?,
                reason: row.get(6)?,
            })
        })
    }

    /// Messages of an account behind one with this id of its client, in the order of these ids: those
    /// of one run of a client in the order of time, the runs in none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn messages_of(
        &self,
        account: AccountId,
        after: &[u8],
        limit: u32,
    ) -> Result<Vec<OwnMessage>, StoreError> {
        self.all(MESSAGES, (account.put(), after, limit), |row| {
            Ok(OwnMessage {
                client_id: row.get(0)?,
                room: take(row, 1)?,
                seq: take(row, 2)?,
                time: row.get(3)?,
                kind: take(row, 4)?,
                body: row.get(5)?,
            })
        })
    }
}
