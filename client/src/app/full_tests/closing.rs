//! `/close`: a conversation goes out of the list, and comes back.

use chatbox_common::wire::message::{Action, ErrorCode, Hide, Joined, Left, RequestId};

use super::moving::press;
use super::*;
use crate::input::Target;

const LOBBY: RoomId = RoomId(1);
const OPS: RoomId = RoomId(2);
const BOB: RoomId = RoomId(3);

/// In a conversation of which two messages are shown.
fn begin() -> Desk {
    let mut desk = Desk::begin();
    for (seq, text) in [(1, "have you seen it"), (2, "well?")] {
        desk.hears_chat(BOB, seq, "bob", text);
    }
    desk.press("alt-3");
    desk.sees("have you seen it");
    desk
}

/// Where one is; the server's answer is still to come.
fn close(desk: &mut Desk) -> Hide {
    desk.app.close(&Target::Here).unwrap();
    match desk.app.outgoing.next(1_000, Instant::now()) {
        Next::Send(ClientMessage::Hide(hide)) => hide,
        other => panic!("{other:?}"),
    }
}

fn of(name: &str) -> Target {
    Target::Room(name.to_owned())
}

fn left(request: Option<RequestId>, room: RoomId) -> ServerMessage {
    ServerMessage::Left(Left {
        request,
        room,
        action: Action::Leave,
        by: "alice".to_owned(),
        reason: String::new(),
    })
}

#[test]
fn what_is_unread_and_counted_in_the_list_is_closed_with_the_rest() {
    let mut desk = Desk::begin();
    let mut bob = room(BOB, "@bob", Access::Direct, 7);
    bob.read = 4;
    desk.hears(ServerMessage::Left(Left {
        request: None,
        room: BOB,
        action: Action::Leave,
        by: "alice".to_owned(),
        reason: String::new(),
    }));
    desk.hears(ServerMessage::Joined(Joined {
        request: None,
        room: bob,
    }));
    desk.app.close(&of("@bob")).unwrap();
    let sent = desk.app.outgoing.next(1_000, Instant::now());
    let Next::Send(ClientMessage::Hide(hide)) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!((hide.room, hide.seen), (BOB, 7));
}

#[test]
fn a_conversation_is_closed_and_comes_back_with_what_is_said_in_it() {
    let mut desk = begin();
    let hide = close(&mut desk);
    press(&mut desk, "\"for the lobby\" enter");
    assert_eq!(desk.here(), "@bob", "until the server has answered");
    assert_eq!((hide.room, hide.seen), (BOB, 2));
    desk.hears(left(Some(hide.request), BOB));
    desk.shows();
    assert_eq!(desk.here(), "#lobby");
    desk.sees("@bob is closed until somebody speaks there");
    assert_eq!(desk.sent(), [(LOBBY, "for the lobby".into())]);
    desk.press("alt-3");
    assert_eq!(desk.here(), "#lobby", "there is no third room");

    desk.hears(ServerMessage::Joined(Joined {
        request: None,
        room: room(BOB, "@bob", Access::Direct, 2),
    }));
    desk.hears_chat(BOB, 3, "bob", "one more thing");
    desk.shows();
    assert_eq!(
        desk.here(),
        "#lobby",
        "nobody is moved by what another says"
    );
    desk.press("alt-3");
    assert_eq!(desk.here(), "@bob");
    let all = ["have you seen it", "well?", "one more thing"];
    for said in all {
        assert_eq!(desk.text().matches(said).count(), 1, "{}", desk.text());
    }
}

#[test]
fn a_room_is_left_not_closed() {
    let mut desk = Desk::begin();
    desk.press("alt-2");
    for target in [Target::Here, of("#lobby"), of("@nobody")] {
        desk.app.close(&target).unwrap();
    }
    desk.shows();
    for told in [
        "#ops is a room, which /leave leaves",
        "#lobby is a room",
        "no such room",
    ] {
        desk.sees(told);
    }
    let next = desk.app.outgoing.next(1_000, Instant::now());
    assert_eq!(next, Next::Nothing, "nothing is asked");
    desk.press("\"still here\" enter");
    assert_eq!(desk.sent(), [(OPS, "still here".into())]);
}

#[test]
fn behind_the_last_one_that_is_closed_nothing_is_said_anywhere() {
    let mut desk = begin();
    for room in [LOBBY, OPS] {
        desk.hears(left(None, room));
    }
    let hide = close(&mut desk);
    desk.hears(left(Some(hide.request), BOB));
    desk.shows();
    desk.sees("@bob is closed");
    desk.sees("what you type is said nowhere");
    desk.press("\"to nobody\" enter");
    assert_eq!(desk.sent(), []);
    // What is typed does not wait for ever.
    desk.sees("you are in no room");
    assert_eq!(desk.press("\"/quit\" enter"), Some(Exit::Fine));
}

#[test]
fn a_conversation_stays_where_something_new_was_said_meanwhile() {
    let mut desk = begin();
    let hide = close(&mut desk);
    desk.hears_chat(BOB, 3, "bob", "wait");
    desk.is_refused(
        Some(hide.request),
        ErrorCode::InvalidArgument,
        "something new was said there, so it stays",
    );
    desk.shows();
    desk.sees("something new was said there, so it stays");
    desk.sees("wait");
    desk.press("\"all right\" enter");
    assert_eq!(desk.sent(), [(BOB, "all right".into())]);
    // Now it is seen.
    assert_eq!(close(&mut desk).seen, 3);
}

#[test]
fn what_another_session_closes_is_not_talked_in_by_accident() {
    let mut desk = begin();
    desk.press("\"half a\"");
    desk.hears(left(None, BOB));
    desk.shows();
    desk.sees("@bob is closed");
    desk.sees("what you type is said nowhere");
    desk.press("\" line\" enter");
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.app.here(), None);
}

#[test]
fn who_is_sent_out_of_where_they_look_reads_why() {
    let mut desk = Desk::begin();
    desk.press("alt-2");
    desk.hears(ServerMessage::Left(Left {
        request: None,
        room: OPS,
        action: Action::Kick,
        by: "bob".to_owned(),
        reason: "too loud".to_owned(),
    }));
    desk.shows();
    desk.sees("too loud");
    desk.sees("what you type is said nowhere");
}

#[test]
fn what_is_typed_for_a_conversation_that_closes_meanwhile_is_said_nowhere() {
    let mut desk = begin();
    let hide = close(&mut desk);
    // Still in the list, so one goes back there, and what follows is meant for it.
    press(&mut desk, "alt-3 \"the key is under the mat\" enter");
    desk.hears(left(Some(hide.request), BOB));
    desk.shows();
    desk.sees("you are not in that room any more");
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.app.here(), None);
}
