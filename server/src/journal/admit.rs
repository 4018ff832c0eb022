//! Decides by what is in memory which messages may be committed, and refuses the others. Called by
//! the writer before each transaction.

use chatbox_common::wire::message::{Ack, ErrorCode, ServerMessage};

use super::commit::to_store;
use super::job::{NOT_KEPT, Post};
use super::room::{Refusal, UNKNOWN_ROOM};
use super::state::JournalState;
use crate::audit::events;
use crate::event::Person;
use crate::store::Inserted;

pub(super) fn admit(
    state: &mut JournalState,
    post: &Post,
    writable: bool,
    now: i64,
) -> Result<Person, Refusal> {
    // Nobody is told of the refusal.
    let session = state.sessions().open(post.session).ok_or(UNKNOWN_ROOM)?;
    let person = session.person.clone();
    let refusal = match state.finds_member(post.room, person.account) {
        Ok(true) => None,
        Ok(false) => Some(state.stranger_refusal(post.room, person.account)),
        Err(error) => Some(Err(error)),
    };
    if let Some(refusal) = refusal {
        let refusal = state.watch(&events::ROOM_NOT_READ, refusal);
        return Err(refusal.unwrap_or((ErrorCode::Unavailable, NOT_KEPT)));
    }
    let room = state.rooms().get(post.room).ok_or(UNKNOWN_ROOM)?;
    room.may_write(&person, now)?;
    if !writable {
        return Err((ErrorCode::Unavailable, NOT_KEPT));
    }
    Ok(person)
}

/// Refuses messages, but acknowledges those that were stored when they were sent before, whatever
/// their sender may do by now. A session that is to end is not told of a refusal: its message counts
/// as not acknowledged.
pub(super) fn refuse_posts(state: &mut JournalState, refused: Vec<(Post, Refusal)>) {
    if refused.is_empty() {
        return;
    }
    let sender = |post: &Post| Some(state.sessions().get(post.session)?.person.account);
    let senders: Vec<_> = refused.iter().map(|(post, _)| sender(post)).collect();
    let found = state.write(|tx| {
        let all = refused.iter().zip(&senders);
        all.map(|((post, _), sender)| match sender {
            Some(sender) => tx.sent(&to_store(post, *sender, 0)),
            None => Ok(None),
        })
        .collect::<Result<Vec<_>, _>>()
    });
    let found = state.watch(&events::SENT_MESSAGES_NOT_READ, found);
    let mut found = found.unwrap_or_default().into_iter();
    for (post, refusal) in refused {
        match found.next() {
            Some(Some(Inserted::Existing { seq, time })) => {
                let time = u64::try_from(time).unwrap_or(0);
                let ack = ServerMessage::Ack(Ack {
                    request: post.request,
                    seq,
                    time,
                });
                state
                    .deliveries()
                    .reply(post.session, &post.backpressure, &ack);
            }
            Some(_) => state.refuse_and_log(&post, refusal),
            // Whether it is stored is not known: the client must send it again.
            None => state.refuse_post(&post, (ErrorCode::Unavailable, NOT_KEPT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::RoomId;
    use rusqlite::Connection;

    use super::*;
    use crate::journal::testing::{TestJournal, post};
    use crate::store::DATABASE;

    #[test]
    fn a_room_that_cannot_be_read_is_not_one_that_is_unknown() {
        let mut journal = TestJournal::open(0);
        let mut post = post(1, "hello");
        post.room = RoomId(99);
        let other = Connection::open(journal.directory.path().join(DATABASE)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let refused = admit(&mut journal.state, &post, true, 0);
        assert_eq!(refused, Err((ErrorCode::Unavailable, NOT_KEPT)));
        other.execute_batch("ROLLBACK").unwrap();
        let refused = admit(&mut journal.state, &post, true, 0);
        assert_eq!(refused, Err(UNKNOWN_ROOM));
    }
}
