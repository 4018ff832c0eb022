//! The results of a transaction: for each message, each login or change, and each account that was
//! logged out. Made by `commit` and `auth`, carried out by `publish`.

use std::collections::HashMap;

use chatbox_common::wire::message::{AccountId, RoomId, Seq};

use super::job::Granted;
use super::sessions::Sessions;
use crate::event::{Person, SessionId};
use crate::store::TokenId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PostOutcome {
    /// `row` is for chat.log.
    New { seq: Seq, row: u64 },
    /// The same message was committed before.
    Existing { seq: Seq, time: u64 },
    /// Its sender used the id for another message.
    Conflict,
    /// It would bring a conversation back to its sender, who has begun as many others as there may be.
    NoPlace,
}

pub(super) enum AuthOutcome {
    Granted(Granted),
    /// It succeeded, and all sessions of the account end except for this one, which has another resume
    /// token.
    Alone(Granted, Option<(SessionId, TokenId)>),
    /// The name is taken, a code or token is spent, or the credentials have changed.
    Refused,
    /// A resume token was used that had been replaced before: two hold it, and one is a thief. Its
    /// family was deleted.
    Reused(Person),
}

/// Both lists are in the order of what was asked.
#[derive(Default)]
pub(super) struct Committed {
    pub(super) posts: Vec<PostOutcome>,
    pub(super) auth_outcomes: Vec<AuthOutcome>,
    /// Of the rooms that got messages.
    pub(super) heads: HashMap<RoomId, Seq>,
}

/// The log-outs before a transaction, and those that it has carried out so far: a request of the
/// same transaction is judged by both.
pub(super) struct LogOuts<'a> {
    sessions: &'a Sessions,
    /// All log-outs in this run of the server.
    count: u64,
    /// The accounts whose sessions ended in this transaction, except for one.
    ended: Vec<(AccountId, Option<SessionId>)>,
}

impl<'a> LogOuts<'a> {
    pub(super) const fn before(sessions: &'a Sessions) -> Self {
        Self {
            sessions,
            count: sessions.log_outs(),
            ended: Vec::new(),
        }
    }

    /// Counts a log-out: sessions let in after it go on.
    pub(super) fn note(&mut self, done: &AuthOutcome) {
        if let AuthOutcome::Alone(granted, but) = done {
            self.count += 1;
            let but = but.map(|(session, _)| session);
            self.ended.push((granted.person.account, but));
        }
    }

    /// [`Granted::after`] of a login that is let in now.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Whether a session has neither ended nor been logged out, though its own thread may not have
    /// heard of it and pass its requests on.
    pub(super) fn is_open(&self, account: AccountId, session: SessionId) -> bool {
        let ends = |&(whose, but)| whose == account && but != Some(session);
        self.sessions.open(session).is_some() && !self.ended.iter().any(ends)
    }
}
