//! One transaction: what is written in it, and what follows from it. It changes the database and
//! nothing in memory; whom to tell is decided by `publish`, after the commit.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use chatbox_common::limits::MAX_CONVERSATIONS;
use chatbox_common::wire::message::{AccountId, RoomId, Seq};

use super::auth::{self, AuthContext};
use super::job::{AuthRequest, Post};
use super::outcome::{Committed, LogOuts, PostOutcome};
use super::rooms::Rooms;
use super::sessions::Sessions;
use crate::event::Person;
use crate::store::{Commit, Inserted, LOBBY, NewMessage, Store, StoreError, TokenId, Tx};
use crate::totp_seal::SealingKey;

/// The most deferred changes of each kind that are kept while nothing can be written; further ones
/// are dropped.
const MAX_DEFERRED: usize = 10_000;

/// A message that its sender may post, as judged by `admit`.
pub(super) struct Admitted {
    pub(super) post: Post,
    pub(super) person: Person,
}

/// What a transaction does, and what it is judged by.
pub(super) struct Work<'a> {
    pub(super) posts: &'a [Admitted],
    pub(super) auth_requests: &'a [AuthRequest],
    pub(super) deferred: &'a Deferred,
    pub(super) rooms: &'a Rooms,
    pub(super) sessions: &'a Sessions,
    pub(super) seal: &'a SealingKey,
    pub(super) chat_log_mark: u64,
    pub(super) now_ms: u64,
}

/// Changes that no answer tells of: kept until a commit has them, up to [`MAX_DEFERRED`] each.
#[derive(Default)]
pub(super) struct Deferred {
    /// Accounts whose code was wrong after a right password.
    pub(super) wrong_codes: Vec<AccountId>,
    /// Resume tokens whose families end.
    pub(super) revoked: Vec<TokenId>,
}

impl Deferred {
    /// Adds up to [`MAX_DEFERRED`]: memory must not grow while a disk is full.
    pub(super) fn add(&mut self, more: Self) {
        self.wrong_codes.extend(more.wrong_codes);
        self.revoked.extend(more.revoked);
        self.wrong_codes.truncate(MAX_DEFERRED);
        self.revoked.truncate(MAX_DEFERRED);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.wrong_codes.is_empty() && self.revoked.is_empty()
    }
}

pub(super) fn to_store(post: &Post, sender: AccountId, time: i64) -> NewMessage<'_> {
    NewMessage {
        room: post.room,
        sender,
        client_id: post.id,
        kind: post.kind,
        body: post.text.as_bytes(),
        time,
    }
}

impl Work<'_> {
    /// A code or a token that was spent, and a failure that was counted, must survive a power cut.
    pub(super) const fn is_synced(&self) -> bool {
        !(self.auth_requests.is_empty() && self.deferred.is_empty())
    }

    pub(super) fn run(&self, store: &mut Store) -> Result<Committed, StoreError> {
        let commit = if self.is_synced() {
            Commit::Synced
        } else {
            Commit::Usual
        };
        store.transaction(commit, |tx| self.in_transaction(tx))
    }

    fn in_transaction(&self, tx: &Tx<'_>) -> Result<Committed, StoreError> {
        let mut done = Committed::default();
        for admitted in self.posts {
            let outcome = self.insert(tx, admitted, &mut done.heads)?;
            done.posts.push(outcome);
        }
        for (room, head) in &done.heads {
            tx.store_next_seq(*room, head + 1)?;
        }
        for account in &self.deferred.wrong_codes {
            tx.count_wrong_code(*account)?;
        }
        for token in &self.deferred.revoked {
            tx.revoke_family(token)?;
        }
        let lobby_head = self.head(LOBBY, &done.heads).unwrap_or(0);
        let mut log_outs = LogOuts::before(self.sessions);
        for request in self.auth_requests {
            let context = AuthContext {
                seal: self.seal,
                log_outs: &log_outs,
                lobby_head,
                now: self.now(),
            };
            let became = auth::carry_out(tx, request, &context)?;
            log_outs.note(&became);
            done.auth_outcomes.push(became);
        }
        if !self.posts.is_empty() {
            tx.set_chat_log_mark(self.chat_log_mark)?;
        }
        Ok(done)
    }

    fn now(&self) -> i64 {
        i64::try_from(self.now_ms).unwrap_or(i64::MAX)
    }

    fn head(&self, room: RoomId, moved: &HashMap<RoomId, Seq>) -> Option<Seq> {
        let committed = || self.rooms.head(room);
        moved.get(&room).copied().or_else(committed)
    }

    fn needs_place(&self, room: RoomId, account: AccountId) -> bool {
        let room = self.rooms.get(room);
        room.is_some_and(|room| room.needs_place_of(account))
    }

    fn insert(
        &self,
        tx: &Tx<'_>,
        Admitted { post, person }: &Admitted,
        heads: &mut HashMap<RoomId, Seq>,
    ) -> Result<PostOutcome, StoreError> {
        let seq = self.head(post.room, heads).ok_or(StoreError::Missing)? + 1;
        let message = to_store(post, person.account, self.now());
        let is_first = !heads.contains_key(&post.room);
        if is_first
            && self.needs_place(post.room, person.account)
            && tx.count_begun_by(person.account)? >= MAX_CONVERSATIONS
            // What is stored brings nothing back.
            && tx.sent(&message)?.is_none()
        {
            return Ok(PostOutcome::NoPlace);
        }
        let inserted = tx.insert_message(seq, &message)?;
        Ok(match inserted {
            Inserted::New { id: row } => {
                heads.insert(post.room, seq);
                // At once: it counts for what comes behind it.
                if is_first && self.rooms.is_hidden(post.room) {
                    tx.show(post.room)?;
                }
                PostOutcome::New { seq, row }
            }
            Inserted::Existing { seq, time } => PostOutcome::Existing {
                seq,
                time: u64::try_from(time).unwrap_or(0),
            },
            Inserted::Conflict => PostOutcome::Conflict,
        })
    }
}
