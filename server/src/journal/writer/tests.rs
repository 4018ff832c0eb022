//! A turn of the thread without the thread.

use chatbox_common::name::RoomName;
use chatbox_common::wire::message::{Access, RoomId};

use super::*;
use crate::delivery::Backpressure;
use crate::event::SessionId;
use crate::journal::job::{Ended, RoomAction, RoomRequest};
use crate::journal::testing::{ALICES_SESSION, TestJournal, post};
use crate::presence::LOOKS;

fn writer(journal: TestJournal) -> (tempfile::TempDir, Writer) {
    let writer = Writer::new(journal.state, Arc::default());
    (journal.directory, writer)
}

/// What [`Writer::run`] does with a batch, but for the waiting.
fn turn(writer: &mut Writer, jobs: impl IntoIterator<Item = Job>) {
    let mut batch = Batch::default();
    for job in jobs {
        batch.take(job);
    }
    let _ = writer.next_due();
    writer.transact(batch);
    writer.look_after(Instant::now());
    let _ = writer.next_due();
}

#[test]
fn a_message_costs_no_look_at_rooms_that_have_nothing_to_tell() {
    const ROOMS: u64 = 2_000;
    let mut journal = TestJournal::open(0);
    let now = Instant::now();
    for id in (2..2 + ROOMS).map(RoomId) {
        journal.take_in_room(id);
        journal.state.rooms_mut().come(id, &"alice".into(), now);
    }
    while journal.state.rooms().next_notice().is_some() {
        journal.state.tell_presence(now + crate::presence::COALESCE);
    }
    let (_directory, mut writer) = writer(journal);
    // The first turn of a run has more to look after.
    turn(&mut writer, []);
    LOOKS.set(0);
    turn(&mut writer, [Job::Post(post(1, "hello"))]);
    assert_eq!(LOOKS.get(), 0);
    assert_eq!(writer.state.rooms().head(crate::store::LOBBY), Some(1));
}

/// Alice makes a room of this name.
fn making(name: &str) -> Job {
    Job::RoomRequest(Box::new(RoomRequest {
        session: ALICES_SESSION,
        in_flight: Arc::new(Backpressure::default()).begin_request(),
        id: 1,
        action: RoomAction::Create {
            name: RoomName::parse(name).unwrap(),
            topic: String::new(),
            access: Access::Open,
        },
    }))
}

fn end(session: SessionId) -> Job {
    Job::End(Ended {
        session,
        cut_off: false,
        bye: None,
    })
}

#[test]
fn what_waits_behind_a_room_request_is_not_hurried_by_it() {
    let mut journal = TestJournal::open(0);
    for session in [2, 3] {
        journal.begin_session(session);
    }
    let (_directory, mut writer) = writer(journal);
    writer.others = [end(2), making("#one"), end(3)].into();
    let over = Instant::now();
    writer.carry_out_others(false, over);
    let is_open = |writer: &Writer, session| writer.state.sessions().open(session).is_some();
    assert!(!is_open(&writer, 2) && is_open(&writer, 3));
    let rooms = writer.state.write(|tx| tx.count_rooms()).unwrap();
    assert_eq!((rooms, writer.others.len()), (2, 1));
    writer.carry_out_others(false, over);
    assert!(is_open(&writer, 3), "the turn is over");
    writer.carry_out_others(true, over);
    assert!(!is_open(&writer, 3));
}

#[test]
fn a_room_request_overtakes_no_session_that_waits_to_begin_or_end() {
    let (_directory, mut writer) = writer(TestJournal::open(0));
    let rooms = |writer: &mut Writer| writer.state.write(|tx| tx.count_rooms()).unwrap();
    let before = rooms(&mut writer);
    turn(&mut writer, [making("#one")]);
    assert_eq!(rooms(&mut writer), before + 1);
    // It waits for its turn, which is not soon.
    writer.next_session_change = Instant::now() + EXPIRY;
    turn(&mut writer, [end(ALICES_SESSION)]);
    assert!(writer.state.sessions().open(ALICES_SESSION).is_some());
    turn(&mut writer, [making("#two")]);
    assert!(writer.state.sessions().open(ALICES_SESSION).is_none());
    assert_eq!(
        rooms(&mut writer),
        before + 1,
        "of a session that has ended"
    );
}
