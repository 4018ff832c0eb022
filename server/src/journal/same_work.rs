//! Tests that what is refused because there is no such room, and what is refused as if there were
//! none, take the same work: the time must not tell of rooms that one must not know of.

use std::sync::{Arc, Mutex};

use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::message::{Access, ErrorCode, RoomId, RoomRole};

use super::actions::room_request;
use super::admit::admit;
use super::job::{RoomAction, RoomRequest};
use super::room::RoomState;
use super::testing::{ALICES_SESSION, TestJournal, post};
use crate::delivery::Backpressure;
use crate::store::{NewAccount, NewRoom, RoomSetting, SqlEntry, SqlLog, Title};

/// Statements, how often each ran, and how many rows it had.
type Work = Vec<(&'static str, usize, usize)>;

/// Makes a room that Alice must not know of.
fn hidden(journal: &mut TestJournal, name: &str) -> RoomId {
    let made = journal.state.write(|tx| {
        let bob = UserName::parse("bob").unwrap();
        let bob = match tx.account(&bob)? {
            Some(account) => account.id,
            None => tx.create_account(&NewAccount {
                user: &bob,
                verifier: "v",
                recovery: &[],
                created_at: 1,
            })?,
        };
        let room = tx.create_room(&NewRoom {
            title: &Title::Room(RoomName::parse(name).unwrap()),
            topic: "",
            access: Access::Invited,
            created_by: bob,
            created_at: 1,
        })?;
        tx.join(room.unwrap(), bob, RoomRole::Owner, 1, 1)?;
        Ok(room)
    });
    made.unwrap().unwrap()
}

#[test]
fn a_hidden_room_takes_the_work_of_none_whether_or_not_it_is_in_memory() {
    let done = Arc::<Mutex<Work>>::default();
    let entries = Arc::clone(&done);
    let log = SqlLog::new(move |new: Vec<SqlEntry>| {
        let new = new.iter().map(|one| (one.statement, one.runs, one.rows));
        entries.lock().unwrap().extend(new);
    });
    let mut journal = TestJournal::open_logged(0, log);
    let (here, elsewhere) = (
        hidden(&mut journal, "#here~bob"),
        hidden(&mut journal, "#elsewhere~bob"),
    );
    let loaded = journal.state.write(|tx| RoomState::load(tx, here, 0));
    journal.state.take_in(here, loaded.unwrap().unwrap());
    assert!(journal.state.rooms().get(elsewhere).is_none());

    let mut work = |what: &dyn Fn(&mut TestJournal)| {
        done.lock().unwrap().clear();
        what(&mut journal);
        std::mem::take(&mut *done.lock().unwrap())
    };
    let send = |journal: &mut TestJournal, room| {
        let mut post = post(1, "hello");
        post.room = room;
        let refused = admit(&mut journal.state, &post, true, 0);
        assert_eq!(refused.unwrap_err().0, ErrorCode::UnknownRoom);
    };
    let topic = |journal: &mut TestJournal, room| {
        let request = RoomRequest {
            session: ALICES_SESSION,
            in_flight: Arc::new(Backpressure::default()).begin_request(),
            id: 7,
            action: RoomAction::Set(room, RoomSetting::Topic("mine".to_owned())),
        };
        room_request(&mut journal.state, &request);
    };
    let none = RoomId(here.0 ^ 1);
    let refused_text = work(&|journal| send(journal, none));
    let refused_topic = work(&|journal| topic(journal, none));
    assert!(!refused_text.is_empty() && !refused_topic.is_empty());
    for room in [here, elsewhere] {
        assert_eq!(work(&|journal| send(journal, room)), refused_text);
        assert_eq!(work(&|journal| topic(journal, room)), refused_topic);
    }
    assert!(journal.state.rooms().get(elsewhere).is_none());
}
