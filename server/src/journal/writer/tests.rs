//! A turn of the thread without the thread.

use chatbox_common::wire::message::RoomId;

use super::*;
use crate::journal::testing::{TestJournal, post};
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
    journal.state.tell_presence(now + crate::presence::COALESCE);
    let (_directory, mut writer) = writer(journal);
    // The first turn of a run has more to look after.
    turn(&mut writer, []);
    LOOKS.set(0);
    turn(&mut writer, [Job::Post(post(1, "hello"))]);
    assert_eq!(LOOKS.get(), 0);
    assert_eq!(writer.state.rooms().head(crate::store::LOBBY), Some(1));
}
