//! What a transaction did: to each message, to each login, and to whose sessions.

use std::collections::HashMap;

use chatbox_common::wire::message::{AccountId, RoomId, Seq};

use super::job::Granted;
use super::sessions::Sessions;
use crate::event::{Person, SessionId};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PostOutcome {
    /// Committed under this number, in this row.
    New { seq: Seq, row: u64 },
    /// It was there already.
    Existing { seq: Seq, time: u64 },
    /// Its id was used for another message.
    Conflict,
}

/// What became of a registration, login, resume or change.
pub(super) enum AuthOutcome {
    /// It succeeded.
    Granted(Granted),
    /// It succeeded, and all sessions of the account end but this one.
    Alone(Granted, Option<SessionId>),
    /// The name is taken, or what was shown is spent.
    Refused,
    /// A resume token was used that had been replaced long ago: two have it, one is a thief. Its
    /// family is gone.
    Reused(Person),
}

/// The result of a committed transaction, in the order of what was asked.
#[derive(Default)]
pub(super) struct Committed {
    pub(super) posts: Vec<PostOutcome>,
    pub(super) auth_outcomes: Vec<AuthOutcome>,
    /// The new heads of the rooms that got messages.
    pub(super) heads: HashMap<RoomId, Seq>,
}

/// Who was logged out: before a transaction, and by what was carried out in it so far.
pub(super) struct LogOuts<'a> {
    sessions: &'a Sessions,
    /// How often an account was.
    count: u64,
    /// Whose sessions ended in it, but for which.
    ended: Vec<(AccountId, Option<SessionId>)>,
}

impl<'a> LogOuts<'a> {
    /// Those before.
    pub(super) const fn before(sessions: &'a Sessions) -> Self {
        Self {
            sessions,
            count: sessions.log_outs(),
            ended: Vec::new(),
        }
    }

    /// Takes note of what was carried out: whoever is let in behind it is not meant by it.
    pub(super) fn note(&mut self, done: &AuthOutcome) {
        if let AuthOutcome::Alone(granted, but) = done {
            self.count += 1;
            self.ended.push((granted.person.account, *but));
        }
    }

    /// What somebody is told who is let in now.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Whether a session goes on: not for the sake of whoever still reads from it.
    pub(super) fn is_open(&self, account: AccountId, session: SessionId) -> bool {
        let ends = |&(whose, but)| whose == account && but != Some(session);
        self.sessions.open(session).is_some() && !self.ended.iter().any(ends)
    }
}
