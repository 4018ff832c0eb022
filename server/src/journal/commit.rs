//! One transaction: what is written in it, and what follows from it. Pure bookkeeping around the
//! store; who is told is the writer's business.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use chatbox_common::wire::message::{Kind, RoomId as WireRoom, Seq};

use super::auth;
use super::job::{AuthRequest, Post};
use super::outcome::{Committed, LogOuts, PostOutcome};
use super::room::RoomState;
use super::sessions::SessionState;
use crate::event::{Person, SessionId};
use crate::store::{
    ACTION, AccountId, Commit, Inserted, NewMessage, RoomId, Store, StoreError, TokenId, Tx,
};
use crate::totp_seal::SealingKey;

/// A message and whose it is, as far as the journal knows its session.
pub(super) struct Admitted {
    pub(super) post: Post,
    pub(super) person: Person,
}

/// What a transaction does, and did.
pub(super) struct Work<'a> {
    pub(super) posts: &'a [Admitted],
    pub(super) auth_requests: &'a [AuthRequest],
    pub(super) deferred: &'a Deferred,
    pub(super) rooms: &'a HashMap<WireRoom, RoomState>,
    pub(super) sessions: &'a HashMap<SessionId, SessionState>,
    pub(super) seal: &'a SealingKey,
    /// How often an account was logged out before it.
    pub(super) log_outs: u64,
    pub(super) chat_log_mark: u64,
    pub(super) now_ms: u64,
}

/// Changes that nobody waits for and that must not be forgotten: kept until a commit has them.
#[derive(Default)]
pub(super) struct Deferred {
    /// Accounts whose code was wrong after a right password.
    pub(super) wrong_codes: Vec<AccountId>,
    /// Resume tokens whose families end.
    pub(super) revoked: Vec<TokenId>,
}

impl Deferred {
    pub(super) const fn is_empty(&self) -> bool {
        self.wrong_codes.is_empty() && self.revoked.is_empty()
    }
}

/// A kind's number in the database.
const fn stored_kind(kind: Kind) -> u8 {
    match kind {
        Kind::Text => 0,
        Kind::Action => ACTION,
    }
}

/// A message as the database takes it.
pub(super) fn to_store(post: &Post, sender: u64, time: i64) -> NewMessage<'_> {
    NewMessage {
        room: RoomId(post.room),
        sender: AccountId(sender),
        client_id: post.id,
        kind: stored_kind(post.kind),
        body: post.text.as_bytes(),
        time,
    }
}

impl Work<'_> {
    /// What spends a code or a token, or counts a failure, must survive a power cut.
    pub(super) const fn is_synced(&self) -> bool {
        !(self.auth_requests.is_empty() && self.deferred.is_empty())
    }

    /// Runs it as one transaction.
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
            tx.store_next_seq(RoomId(*room), head + 1)?;
        }
        for account in &self.deferred.wrong_codes {
            tx.count_wrong_code(*account)?;
        }
        for token in &self.deferred.revoked {
            tx.revoke_family(token)?;
        }
        let lobby = RoomId::LOBBY.0;
        let lobby_head = self.head(lobby, &done.heads).unwrap_or(0);
        let mut log_outs = LogOuts::before(self.sessions, self.log_outs);
        for request in self.auth_requests {
            let became = auth::carry_out(tx, request, self, &log_outs, lobby_head)?;
            log_outs.note(&became);
            done.auth_outcomes.push(became);
        }
        if !self.posts.is_empty() {
            tx.set_chat_log_mark(self.chat_log_mark)?;
        }
        Ok(done)
    }

    /// A room's last message: one of this transaction, or the last one committed.
    fn head(&self, room: WireRoom, moved: &HashMap<WireRoom, Seq>) -> Option<Seq> {
        let committed = || self.rooms.get(&room).map(|room| room.head);
        moved.get(&room).copied().or_else(committed)
    }

    fn insert(
        &self,
        tx: &Tx<'_>,
        Admitted { post, person }: &Admitted,
        heads: &mut HashMap<WireRoom, Seq>,
    ) -> Result<PostOutcome, StoreError> {
        let seq = self.head(post.room, heads).ok_or(StoreError::Missing)? + 1;
        let time = i64::try_from(self.now_ms).unwrap_or(i64::MAX);
        let inserted = tx.insert_message(seq, &to_store(post, person.account, time))?;
        Ok(match inserted {
            Inserted::New { id: row } => {
                heads.insert(post.room, seq);
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
