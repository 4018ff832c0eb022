//! What waits to be said: its order, its bound, and what is typed when no more is taken.

use chatbox_common::wire::message::{Direct, ErrorCode, Joined, Plain};

use std::time::Duration;

use super::*;
use crate::outgoing::MAX_WAITING;

/// Takes what waits to be sent, commands too, without an answer.
fn taken(desk: &mut Desk) -> Vec<ClientMessage> {
    let (now, mut taken) = (Instant::now(), Vec::new());
    let mut request = 5_000;
    while let Next::Send(message) = desk.app.outgoing.next(request, now) {
        desk.app.outgoing.acknowledged(request);
        request += 1;
        if let ClientMessage::Direct(Direct { request, .. }) = &message {
            desk.app.outgoing.answered(*request);
        }
        taken.push(message);
    }
    taken
}

fn direct(message: &ClientMessage) -> (u32, &str) {
    match message {
        ClientMessage::Direct(Direct { request, user }) => (*request, user),
        other => panic!("{other:?}"),
    }
}

fn welcome_again(desk: &mut Desk) {
    let rooms = vec![
        room(RoomId(1), "#lobby", Access::Open, 50),
        room(RoomId(3), "@bob", Access::Direct, 0),
    ];
    welcome_to(desk, 1, rooms);
}

fn welcome_to(desk: &mut Desk, history: u8, rooms: Vec<Room>) {
    desk.hears(ServerMessage::Welcome(Welcome {
        history_id: [history; 16],
        rooms,
        time: 0,
        limits: Limits::with_pace(0),
        server: "0".to_owned(),
        session: 2,
        ignored: Vec::new(),
        capabilities: None,
        predecessor: None,
    }));
}

fn opens(desk: &mut Desk, request: u32, number: u64, user: &str) {
    let name = format!("@{user}");
    desk.hears(ServerMessage::Joined(Joined {
        request: Some(request),
        room: room(RoomId(number), &name, Access::Direct, 0),
    }));
}

#[test]
fn what_is_said_to_one_person_keeps_its_order_through_a_lost_connection() {
    let mut desk = Desk::begin();
    for number in 1..=30 {
        desk.press(&format!("\"/msg carol {number}\" enter"));
        desk.press(&format!("\"/msg dora {number}\" enter"));
    }
    let asked = taken(&mut desk);
    let asked: Vec<_> = asked.iter().map(direct).collect();
    assert_eq!(asked.len(), 2, "one request for a conversation: {asked:?}");
    assert_eq!(desk.app.unsent(), 60);
    desk.app
        .cut_off(&chatbox_common::channel::ChannelError::CutOff)
        .unwrap();
    desk.press("\"/msg carol 31\" enter");
    desk.app.connection.keep_trying();
    welcome_again(&mut desk);
    let asked = taken(&mut desk);
    let asked: Vec<_> = asked.iter().map(direct).collect();
    let users: Vec<_> = asked.iter().map(|(_, user)| *user).collect();
    assert_eq!(users, ["carol", "dora"]);
    opens(&mut desk, asked[1].0, 8, "dora");
    // While they wait for the room, more is typed behind them.
    desk.press("\"/msg carol 32\" enter");
    opens(&mut desk, asked[0].0, 9, "carol");
    desk.press("\"/msg carol 33\" enter");
    let sent = desk.sent();
    let to = |room| {
        let texts = sent.iter().filter(|(to, _)| *to == RoomId(room));
        texts
            .map(|(_, text)| text.parse().unwrap())
            .collect::<Vec<u32>>()
    };
    assert_eq!(to(9), (1..=33).collect::<Vec<_>>());
    assert_eq!(to(8), (1..=30).collect::<Vec<_>>());
    assert_eq!(desk.app.unsent(), 0);
}

#[test]
fn a_line_said_in_a_conversation_goes_behind_what_waits_for_it() {
    let mut desk = Desk::begin();
    desk.press("\"/msg carol one\" enter");
    let asked = taken(&mut desk);
    let (request, _) = direct(&asked[0]);
    // Another session of the person has opened it, and the answer to this one is on its way.
    desk.hears(ServerMessage::Joined(Joined {
        request: None,
        room: room(RoomId(9), "@carol", Access::Direct, 0),
    }));
    desk.app.talk_in(RoomId(9)).unwrap();
    desk.press("\"two\" enter \"/me three\" enter \"/msg carol four\" enter");
    assert_eq!(desk.app.unsent(), 4);
    opens(&mut desk, request, 9, "carol");
    desk.press("\"five\" enter");
    let texts = ["one", "two", "three", "four", "five"];
    assert_eq!(desk.sent(), texts.map(|text| (RoomId(9), text.to_owned())));
}

#[test]
fn a_script_s_patience_ends_also_while_others_talk() {
    let mut desk = Desk::begin();
    desk.press("\"hello\" enter");
    desk.app.patience = Patience::new(Some(Duration::ZERO));
    // Something always comes.
    desk.app.teller.try_send(Event::Pressed).unwrap();
    let ended = desk.app.turn().unwrap_err();
    assert_eq!(ended.exit, Exit::CannotConnect);
    assert_eq!(ended.sentence, crate::words::script::TIMED_OUT);
}

#[test]
fn all_that_waits_for_a_conversation_that_is_refused_is_told_of() {
    let mut desk = Desk::begin();
    desk.press("\"/msg nobody one\" enter \"/msg nobody two\" enter");
    let asked = taken(&mut desk);
    let (request, _) = direct(&asked[0]);
    desk.is_refused(
        Some(request),
        ErrorCode::UnknownUser,
        "there is nobody of this name",
    );
    desk.shows();
    desk.sees("not sent: there is nobody of this name: one");
    desk.sees("this name: two");
    assert_eq!(desk.app.unsent(), 0);
}

#[test]
fn what_is_typed_behind_a_conversation_that_can_not_be_entered_is_not_said_elsewhere() {
    let mut desk = Desk::begin();
    desk.app
        .cut_off(&chatbox_common::channel::ChannelError::CutOff)
        .unwrap();
    desk.press("\"/dm @carol\" enter \"psst\" enter");
    desk.sees("There is no connection just now");
    desk.sees("what you type is said nowhere");
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.app.unsent(), 0);
}

#[test]
fn a_line_beyond_what_may_wait_stays_in_the_input() {
    let mut desk = Desk::begin();
    let mut typed = 0;
    // As many are taken, as many wait to be.
    while typed < 2 * MAX_WAITING {
        typed += 1;
        for key in keys(&format!("\"{typed}\" enter")) {
            desk.press.send(key).unwrap();
        }
        let _ = desk.app.teller.try_send(Event::Pressed);
        desk.app.turn().unwrap();
    }
    for key in keys("\"one too many\" enter alt-2") {
        desk.press.send(key).unwrap();
    }
    for _ in 0..3 {
        let _ = desk.app.teller.try_send(Event::Pressed);
        desk.press.send(Pressed::Redraw).unwrap();
        desk.app.turn().unwrap();
    }
    assert_eq!(desk.line(), "one too many|");
    desk.sees("Too much waits to be sent");
    assert_eq!(desk.here(), "#lobby");
    assert!(desk.app.waiting() <= MAX_WAITING, "{}", desk.app.waiting());
    // Some of it goes, and the line is taken when Enter is pressed again.
    assert_eq!(desk.sent().len(), MAX_WAITING);
    desk.shows();
    assert_eq!(desk.sent().len(), MAX_WAITING);
    desk.press("enter");
    assert_eq!(desk.sent(), [(RoomId(1), "one too many".into())]);
}

#[test]
fn what_waits_for_conversations_counts_with_what_waits_to_be_sent() {
    let mut desk = Desk::begin();
    desk.app
        .cut_off(&chatbox_common::channel::ChannelError::CutOff)
        .unwrap();
    for number in 0..MAX_WAITING + 50 {
        desk.app
            .direct("carol".to_owned(), number.to_string())
            .unwrap();
        if !desk.app.takes_lines() {
            break;
        }
    }
    assert_eq!(desk.app.waiting(), MAX_WAITING);
}

/// All rooms were told.
fn pong(desk: &mut Desk) {
    let request = desk.app.requests.find(Asked::Rooms).expect("a question");
    desk.hears(ServerMessage::Pong(Plain { request }));
}

#[test]
fn in_another_history_a_text_goes_to_the_room_that_it_was_typed_for() {
    let mut desk = Desk::begin();
    desk.press("\"to the lobby\" enter alt-3 \"to bob\" enter alt-2 \"to ops\" enter");
    assert_eq!(desk.app.unsent(), 3);
    desk.app
        .cut_off(&chatbox_common::channel::ChannelError::CutOff)
        .unwrap();
    desk.app.connection.keep_trying();
    // The numbers were given anew, and there is no #ops.
    let rooms = vec![
        room(RoomId(2), "#lobby", Access::Open, 0),
        room(RoomId(1), "@bob", Access::Direct, 0),
    ];
    welcome_to(&mut desk, 2, rooms);
    pong(&mut desk);
    desk.shows();
    desk.sees("not sent: you are not in #ops any more: to ops");
    let sent = desk.sent();
    let meant = [(RoomId(2), "to the lobby"), (RoomId(1), "to bob")];
    assert_eq!(sent, meant.map(|(room, text)| (room, text.to_owned())));
    desk.press("\"nowhere\" enter");
    assert_eq!(desk.sent(), []);
    // Numbers are those of a first login, the lobby's first.
    desk.press("alt-1 \"and here\" enter");
    assert_eq!(desk.sent(), [(RoomId(2), "and here".to_owned())]);
}

#[test]
fn in_another_history_a_room_that_follows_the_welcome_is_found_again() {
    let mut desk = Desk::begin();
    desk.press("\"to the lobby\" enter alt-2 \"to ops\" enter \"/msg carol psst\" enter");
    desk.app
        .cut_off(&chatbox_common::channel::ChannelError::CutOff)
        .unwrap();
    desk.app.connection.keep_trying();
    // Its number was that of another room.
    let rooms = || {
        vec![
            room(RoomId(2), "#lobby", Access::Open, 0),
            room(RoomId(1), "@carol", Access::Direct, 0),
        ]
    };
    welcome_to(&mut desk, 2, rooms());
    moving::press(&mut desk, "\"and more\" enter");
    assert_eq!(desk.sent(), [], "it is not known yet where");
    // The connection is lost before all rooms were told.
    desk.app
        .cut_off(&chatbox_common::channel::ChannelError::CutOff)
        .unwrap();
    let unsent = desk.app.told_unsent().unwrap();
    assert!(unsent.contains("#ops: to ops"), "{unsent}");
    desk.app.connection.keep_trying();
    welcome_to(&mut desk, 2, rooms());
    moving::press(&mut desk, "");
    assert_eq!(desk.sent(), []);
    desk.hears(ServerMessage::Joined(Joined {
        request: None,
        room: room(RoomId(9), "#ops", Access::Open, 0),
    }));
    pong(&mut desk);
    desk.shows();
    desk.sees_not("not sent");
    desk.sees_not("said nowhere");
    assert_eq!(desk.here(), "#ops");
    let sent = desk.sent();
    let meant = [
        (RoomId(2), "to the lobby"),
        (RoomId(9), "to ops"),
        (RoomId(1), "psst"),
        (RoomId(9), "and more"),
    ];
    assert_eq!(sent, meant.map(|(room, text)| (room, text.to_owned())));
}

#[test]
fn a_line_logs_in_again_also_while_rooms_of_another_history_are_being_found() {
    let mut desk = Desk::begin();
    desk.press("alt-2 \"to ops\" enter");
    desk.app
        .cut_off(&chatbox_common::channel::ChannelError::CutOff)
        .unwrap();
    desk.app.connection.keep_trying();
    let rooms = vec![room(RoomId(2), "#lobby", Access::Open, 0)];
    welcome_to(&mut desk, 2, rooms);
    assert!(desk.app.is_nowhere_yet(), "the pong is awaited");
    let enter = Intent::Line("\n".to_owned());
    assert!(desk.app.is_to_wait(&enter));
    desk.app.connection.lost();
    desk.app.tell_model(Told::Disconnected).unwrap();
    assert!(!desk.app.is_to_wait(&enter));
}
