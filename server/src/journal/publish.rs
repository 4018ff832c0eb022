//! What follows a commit, or the lack of one: who is told what, and in which order.

use std::collections::HashMap;
use std::sync::Arc;

use chatbox_common::wire::message::{
    Ack, Chat, ErrorCode, ErrorMessage, Kind, RequestId, RoomId, Seq, ServerMessage,
};

use super::chat_log::Logged;
use super::commit::{Admitted, to_store};
use super::job::{AuthRequest, Granted, Post, ReplySender, Unavailable};
use super::outcome::{AuthOutcome, Committed, PostOutcome};
use super::room::Refusal;
use super::writer::Writer;
use crate::audit::Line;
use crate::clock::now_ms;
use crate::delivery::Backpressure;
use crate::event::{self, RoomBatch, SessionId};
use crate::store::{Commit, Inserted};

/// What a message is told that could not be kept.
pub(super) const UNAVAILABLE: &str =
    "the server can't store anything just now; the message was not kept";

impl Writer {
    /// A row that the database does not take must not take the others with it.
    pub(super) fn one_by_one(
        &mut self,
        posts: Vec<Admitted>,
        auth_requests: Vec<AuthRequest>,
        answers: Vec<ReplySender<Option<Granted>>>,
    ) {
        // What is deferred could be what the database does not take; it goes first, since logins are
        // judged by it.
        self.count_failures();
        for post in posts {
            let one = std::slice::from_ref(&post);
            let now_ms = now_ms();
            match self.commit(one, &[], false, now_ms) {
                Ok(done) => self.publish(one, Vec::new(), done, now_ms),
                Err(error) => {
                    self.tell_failure("message_not_committed", &error);
                    self.give_up(one, Vec::new());
                }
            }
        }
        for (request, answer) in auth_requests.into_iter().zip(answers) {
            let now_ms = now_ms();
            match self.commit(&[], std::slice::from_ref(&request), false, now_ms) {
                Ok(done) => self.publish(&[], vec![answer], done, now_ms),
                Err(error) => {
                    self.tell_failure("login_not_committed", &error);
                    self.give_up(&[], vec![answer]);
                }
            }
        }
    }

    /// Refuses messages, but for those that were stored when they were sent before: these are
    /// acknowledged, whatever their sender may do by now.
    pub(super) fn refuse_posts(&mut self, refused: Vec<(Post, Refusal)>) {
        if refused.is_empty() {
            return;
        }
        let sender = |post: &Post| Some(self.sessions.get(&post.session)?.person.account);
        let senders: Vec<_> = refused.iter().map(|(post, _)| sender(post)).collect();
        let found = self.store.transaction(Commit::Usual, |tx| {
            let all = refused.iter().zip(&senders);
            all.map(|((post, _), sender)| match sender {
                Some(sender) => tx.sent(&to_store(post, *sender, 0)),
                None => Ok(None),
            })
            .collect::<Result<Vec<_>, _>>()
        });
        let found = found.unwrap_or_else(|error| {
            self.tell_failure("sent_messages_not_read", &error);
            Vec::new()
        });
        let mut found = found.into_iter();
        for (post, refusal) in refused {
            match found.next() {
                Some(Some(Inserted::Existing { seq, time })) => {
                    let time = u64::try_from(time).unwrap_or(0);
                    let ack = ServerMessage::Ack(Ack {
                        request: post.request,
                        seq,
                        time,
                    });
                    self.deliveries
                        .reply(post.session, &post.backpressure, &ack);
                }
                Some(_) => self.refuse_post(&post, refusal),
                // Whether it is stored is not known: the sender must ask again.
                None => self.refuse(&post, ErrorCode::Unavailable, UNAVAILABLE),
            }
        }
    }

    fn refuse_post(&self, post: &Post, (code, sentence): Refusal) {
        if let Some(session) = self.open_session(post.session)
            && code != ErrorCode::Unavailable
        {
            let line = Line::warn("refused").with("what", "message");
            let line = line.with("why", sentence);
            self.log(line, &session.person, Some(post.room));
        }
        self.refuse(post, code, sentence);
    }

    pub(super) fn give_up(&self, posts: &[Admitted], answers: Vec<ReplySender<Option<Granted>>>) {
        for admitted in posts {
            self.refuse(&admitted.post, ErrorCode::Unavailable, UNAVAILABLE);
        }
        for answer in answers {
            // Whoever asked may have gone.
            let _ = answer.send(Err(Unavailable));
        }
    }

    pub(super) fn refuse(&self, post: &Post, code: ErrorCode, sentence: &str) {
        self.refuse_request(
            post.session,
            &post.backpressure,
            post.request,
            code,
            sentence,
        );
    }

    pub(super) fn refuse_request(
        &self,
        session: SessionId,
        backpressure: &Backpressure,
        request: RequestId,
        code: ErrorCode,
        sentence: &str,
    ) {
        let error = ErrorMessage {
            request: Some(request),
            code,
            text: sentence.to_owned(),
            retry_ms: None,
        };
        let message = ServerMessage::Error(error);
        self.deliveries.reply(session, backpressure, &message);
    }

    /// After the commit: the heads move, chat.log is written, and only then anybody hears of it.
    pub(super) fn publish(
        &mut self,
        posts: &[Admitted],
        answers: Vec<ReplySender<Option<Granted>>>,
        done: Committed,
        now_ms: u64,
    ) {
        let mut batches: HashMap<RoomId, RoomBatch> = HashMap::new();
        let mut last_row = None;
        for (admitted, outcome) in posts.iter().zip(&done.posts) {
            let Some(room) = self.rooms.get(&admitted.post.room) else {
                continue;
            };
            let id = admitted.post.room;
            let batch = batches
                .entry(id)
                .or_insert_with(|| RoomBatch::after(id, room.head));
            match *outcome {
                PostOutcome::New { seq, row } => {
                    let logged = logged(admitted, seq, now_ms);
                    self.chat.append(row, &room.called, room.mode, &logged);
                    last_row = Some(row);
                    batch.push(chat(admitted, seq, now_ms));
                    batch.acks.push(ack(&admitted.post, seq, now_ms));
                }
                PostOutcome::Existing { seq, time } => {
                    batch.acks.push(ack(&admitted.post, seq, time));
                }
                PostOutcome::Conflict => {
                    let sentence = "this message id was used for another message";
                    self.refuse(&admitted.post, ErrorCode::IdConflict, sentence);
                }
            }
        }
        if let Some(row) = last_row {
            self.chat.flush(row);
        }
        for (id, head) in done.heads {
            if let Some(room) = self.rooms.get_mut(&id) {
                room.head = head;
            }
        }
        for batch in batches.into_values() {
            self.deliveries.publish(&Arc::new(batch));
        }
        for (answer, done) in answers.into_iter().zip(done.auth_outcomes) {
            let granted = match done {
                AuthOutcome::Granted(granted) => Some(granted),
                AuthOutcome::Alone(granted, session) => {
                    self.end_sessions(granted.person.account, session);
                    Some(granted)
                }
                AuthOutcome::Refused => None,
                AuthOutcome::Reused(person) => {
                    let line = Line::warn("token_reused").with("user", &person.user);
                    let line = line.with("account", person.account);
                    self.audit.credentials(line);
                    None
                }
            };
            let _ = answer.send(Ok(granted));
        }
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
