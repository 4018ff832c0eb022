//! What follows a commit, or its failure: which sessions are told what, and in which order.

use std::collections::HashMap;
use std::sync::Arc;

use chatbox_common::wire::message::{AccountId, Chat, ErrorCode, Kind, RoomId, Seq};

use super::chat_log::Logged;
use super::commit::Admitted;
use super::hidden::bring_back;
use super::job::{Granted, NOT_KEPT, Post, ReplySender, Unavailable};
use super::outcome::{AuthOutcome, Committed, PostOutcome};
use super::room::{Refusal, RoomState, TOO_MANY_CONVERSATIONS};
use super::state::{JournalState, refuse};
use crate::audit::{Line, events};
use crate::delivery::Delivery;
use crate::event::{self, RoomBatch, SessionId};
use crate::store::TokenId;

const ID_CONFLICT: Refusal = (
    ErrorCode::IdConflict,
    "this message id was used for another message",
);

pub(super) fn give_up(
    state: &JournalState,
    posts: &[Admitted],
    answers: Vec<ReplySender<Option<Granted>>>,
) {
    for admitted in posts {
        state.refuse_post(&admitted.post, (ErrorCode::Unavailable, NOT_KEPT));
    }
    for answer in answers {
        // Fails where the connection that asked has ended.
        let _ = answer.send(Err(Unavailable));
    }
}

/// After the commit chat.log is written and the heads move; only then acknowledgements and messages
/// go to the delivery threads, and logins are answered.
pub(super) fn publish(
    state: &mut JournalState,
    posts: &[Admitted],
    answers: Vec<ReplySender<Option<Granted>>>,
    done: Committed,
    now_ms: u64,
) {
    let (chat_log, rooms, deliveries) = state.publishing();
    let mut batches: HashMap<RoomId, RoomBatch> = HashMap::new();
    let mut last_row = None;
    let mut without_place = Vec::new();
    for (admitted, outcome) in posts.iter().zip(&done.posts) {
        let Some(room) = rooms.get(admitted.post.room) else {
            continue;
        };
        let id = admitted.post.room;
        let batch = batches
            .entry(id)
            .or_insert_with(|| RoomBatch::after(id, room.head));
        match *outcome {
            PostOutcome::New { seq, row } => {
                let logged = logged(admitted, seq, now_ms);
                chat_log.append(row, &room.called, room.mode, &logged);
                last_row = Some(row);
                batch.push(chat(admitted, seq, now_ms));
                batch.acks.push(ack(&admitted.post, seq, now_ms));
            }
            PostOutcome::Existing { seq, time } => {
                batch.acks.push(ack(&admitted.post, seq, time));
            }
            PostOutcome::Conflict => {
                let Post {
                    session,
                    backpressure,
                    request,
                    ..
                } = &admitted.post;
                refuse(deliveries, *session, backpressure, *request, ID_CONFLICT);
            }
            PostOutcome::NoPlace => without_place.push(&admitted.post),
        }
    }
    if let Some(row) = last_row {
        chat_log.flush(row);
        state.committed(row);
    }
    for post in without_place {
        state.refuse_and_log(post, TOO_MANY_CONVERSATIONS);
    }
    for (id, head) in done.heads {
        // Before the head moves: what was said is the first thing that comes.
        let room = state.rooms().get(id).into_iter();
        let hidden: Vec<_> = room.flat_map(RoomState::hidden_from).collect();
        for account in hidden {
            bring_back(state, id, account, None);
        }
        if let Some(room) = state.rooms_mut().get_mut(id) {
            room.head = head;
        }
    }
    for batch in batches.into_values() {
        state.deliveries().publish(&Arc::new(batch));
    }
    answer(state, answers, done.auth_outcomes);
}

fn answer(
    state: &mut JournalState,
    answers: Vec<ReplySender<Option<Granted>>>,
    outcomes: Vec<AuthOutcome>,
) {
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        let granted = match outcome {
            AuthOutcome::Granted(granted) => Some(granted),
            AuthOutcome::Alone(granted, stays) => {
                let session = stays.map(|(session, _)| session);
                end_sessions(state, granted.person.account, session);
                if let Some((session, token)) = stays {
                    state.sessions_mut().set_token(session, token);
                }
                Some(granted)
            }
            AuthOutcome::Refused => None,
            AuthOutcome::Reused(person) => {
                let line = Line::of(&events::TOKEN_REUSED).with("user", &person.user);
                let line = line.with("account", person.account);
                state.audit().log(line);
                None
            }
        };
        let _ = answer.send(Ok(granted));
    }
}

/// Only after the commit that logs the account out; the session `but` stays.
pub(super) fn end_sessions(state: &mut JournalState, account: AccountId, but: Option<SessionId>) {
    for session in state.sessions_mut().log_out(account, but) {
        state.deliveries().send(session, Delivery::LogOut(session));
    }
}

/// Only after the commit that takes these tokens back.
pub(super) fn end_login(state: &mut JournalState, tokens: &[TokenId]) {
    for session in state.sessions_mut().end_login(tokens) {
        state.deliveries().send(session, Delivery::LogOut(session));
    }
}

fn logged(admitted: &Admitted, seq: Seq, now_ms: u64) -> Logged<'_> {
    Logged {
        seq,
        user: &admitted.person.user,
        account: admitted.person.account,
        time: i64::try_from(now_ms).unwrap_or(i64::MAX),
        body: admitted.post.text.as_bytes(),
        is_action: admitted.post.kind == Kind::Action,
    }
}

fn chat(admitted: &Admitted, seq: Seq, now_ms: u64) -> Chat {
    Chat {
        room: admitted.post.room,
        seq,
        account: admitted.person.account,
        user: admitted.person.user.to_string(),
        time: now_ms,
        text: admitted.post.text.clone(),
        kind: admitted.post.kind,
    }
}

const fn ack(post: &Post, seq: Seq, time: u64) -> event::Committed {
    event::Committed {
        session: post.session,
        request: post.request,
        seq,
        time,
    }
}
