//! What is typed while a room is to be entered.

use chatbox_common::wire::message::Joined;

use super::*;

/// Turns the loop a few times, whatever waits.
fn turns(desk: &mut Desk) {
    for _ in 0..6 {
        let _ = desk.app.teller.try_send(Event::Pressed);
        desk.press.send(Pressed::Redraw).unwrap();
        assert_eq!(desk.app.turn().unwrap(), None);
    }
}

fn press(desk: &mut Desk, written: &str) {
    for key in keys(written) {
        desk.press.send(key).unwrap();
    }
    turns(desk);
}

/// Asks for a room, which the server does not answer.
fn begin() -> Desk {
    let mut desk = Desk::begin();
    desk.app.join("#new".to_owned()).unwrap();
    let next = desk.app.outgoing.next(1_000, Instant::now());
    assert!(matches!(next, Next::Send(ClientMessage::Join(_))));
    turns(&mut desk);
    desk.sees("entering #new…");
    desk
}

#[test]
fn a_room_that_is_not_entered_yet_keeps_nobody_from_help() {
    let mut desk = begin();
    press(&mut desk, "\"for the new one\" enter \"/help\" enter");
    desk.sees("/join #room");
    press(&mut desk, "escape");
    desk.sees("1 unsent");
    assert_eq!(desk.app.outgoing.messages(), 0, "it waits for the room");
    let request = desk.app.requests.find(Asked::Move);
    desk.hears(ServerMessage::Joined(Joined {
        request,
        room: room(RoomId(9), "#new", Access::Open, 0),
    }));
    desk.shows();
    desk.sees_not("entering");
    assert_eq!(desk.sent(), [(RoomId(9), "for the new one".into())]);
}

#[test]
fn who_quits_while_a_room_is_to_be_entered_leaves_nothing_behind_that_was_typed_before() {
    let mut desk = begin();
    press(&mut desk, "\"for the new one\" enter \"/quit\" enter");
    assert!(!desk.app.quitting.is_under_way());
    let mut desk = begin();
    assert_eq!(desk.press("\"/quit\" enter"), Some(Exit::Fine));
}
