//! What is typed while a room is to be entered.

use chatbox_common::wire::message::{Action, Capabilities, ErrorCode, Joined, Left};

use super::*;

/// Turns the loop a few times, whatever waits.
fn turns(desk: &mut Desk) {
    for _ in 0..6 {
        let _ = desk.app.teller.try_send(Event::Pressed);
        desk.press.send(Pressed::Redraw).unwrap();
        assert_eq!(desk.app.turn().unwrap(), None);
    }
}

pub(super) fn press(desk: &mut Desk, written: &str) {
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

/// The server refuses the room.
fn refused(desk: &mut Desk) {
    let request = desk.app.requests.find(Asked::Move);
    desk.is_refused(request, ErrorCode::UnknownRoom, "there is no such room");
    desk.shows();
    desk.sees("there is no such room");
}

#[test]
fn a_line_that_is_begun_for_a_room_that_is_refused_is_not_said_in_another() {
    let mut desk = begin();
    press(&mut desk, "\"for the new\"");
    refused(&mut desk);
    desk.sees("what you type is said nowhere");
    assert_eq!(desk.line(), "for the new|");
    desk.press("\" one\" enter");
    desk.sees("Nothing was sent");
    // So it is with a paste that waits to be confirmed.
    let mut desk = begin();
    desk.press
        .send(Pressed::Paste("for\nthe new".to_owned()))
        .unwrap();
    turns(&mut desk);
    refused(&mut desk);
    desk.press("enter");
    desk.sees("Nothing was sent");
    // With nothing begun the person stays where they are.
    let mut desk = begin();
    refused(&mut desk);
    desk.press("\"still here\" enter");
    assert_eq!(desk.sent(), [(RoomId(1), "still here".into())]);
}

#[test]
fn who_quits_while_a_room_is_to_be_entered_leaves_nothing_behind_that_was_typed_before() {
    let mut desk = begin();
    press(&mut desk, "\"for the new one\" enter \"/quit\" enter");
    assert!(!desk.app.quitting.is_under_way());
    let mut desk = begin();
    assert_eq!(desk.press("\"/quit\" enter"), Some(Exit::Fine));
}

#[test]
fn a_room_keeps_its_number_whatever_rooms_come_and_go() {
    let mut desk = Desk::begin();
    let enters = |desk: &mut Desk, number: u64, called: &str, access| {
        desk.hears(ServerMessage::Joined(Joined {
            request: None,
            room: room(RoomId(number), called, access, 0),
        }));
    };
    enters(&mut desk, 4, "#alpha", Access::Open);
    enters(&mut desk, 5, "@alan", Access::Direct);
    desk.shows();
    for (row, listed) in [
        (1, "1 #lobby"),
        (2, "2 #ops"),
        (3, "3 @bob"),
        (4, "4 #alpha"),
        (5, "5 @alan"),
    ] {
        assert!(
            desk.screen.rows()[row].starts_with(listed),
            "{}",
            desk.text()
        );
    }
    for (keys, here) in [
        ("alt-2", "#ops"),
        ("alt-4", "#alpha"),
        ("ctrl-n", "@alan"),
        ("alt-3", "@bob"),
    ] {
        desk.press(keys);
        assert_eq!(desk.here(), here, "{keys}");
    }
    // One is left, another one takes its number, and all others keep theirs.
    desk.hears(ServerMessage::Left(Left {
        request: None,
        room: RoomId(2),
        action: Action::Leave,
        by: "alice".to_owned(),
        reason: String::new(),
    }));
    desk.press("alt-2");
    assert_eq!(desk.here(), "@bob", "nobody has that number");
    enters(&mut desk, 6, "#beta", Access::Open);
    desk.press("alt-2");
    assert_eq!(desk.here(), "#beta");
    desk.press("alt-4");
    assert_eq!(desk.here(), "#alpha");
    // Through a lost connection, too, where another session has entered a room.
    desk.app.tell_model(Told::Disconnected).unwrap();
    let rooms = [(1, "#lobby"), (6, "#beta"), (4, "#alpha"), (7, "#aardvark")];
    desk.hears(ServerMessage::Welcome(Welcome {
        history_id: [1; 16],
        rooms: rooms
            .map(|(number, called)| room(RoomId(number), called, Access::Open, 50))
            .into(),
        time: 0,
        limits: Limits::with_pace(0),
        server: "0".to_owned(),
        session: 2,
        ignored: Vec::new(),
        capabilities: Some(Capabilities::NONE),
        predecessor: None,
    }));
    for (keys, here) in [
        ("alt-1", "#lobby"),
        ("alt-2", "#beta"),
        ("alt-3", "#aardvark"),
        ("alt-4", "#alpha"),
    ] {
        desk.press(keys);
        assert_eq!(desk.here(), here, "{keys}");
    }
}
