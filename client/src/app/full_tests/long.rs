//! Messages that are higher than a screen.

use chatbox_common::wire::message::{Found, Ignoring};

use super::*;

fn lines(count: usize) -> String {
    let lines: Vec<_> = (1..=count).map(|n| format!("row {n}")).collect();
    lines.join("\n")
}

/// With no page under way.
fn begin() -> Desk {
    let mut desk = Desk::begin();
    let older = (1..=40).map(|seq| said(RoomId(1), seq, "bob", &format!("line {seq}")));
    desk.page(RoomId(1), older.collect());
    desk.shows();
    desk
}

#[test]
fn one_message_pushes_no_other_out_of_sight() {
    let mut desk = begin();
    desk.hears_chat(RoomId(1), 51, "mallory", &lines(4_000));
    desk.hears_chat(RoomId(1), 52, "bob", "said behind it");
    desk.shows();
    desk.sees("line 50");
    desk.sees("row 11");
    desk.sees("… 3989 more rows (/unfold 51)");
    desk.sees("said behind it");
    desk.press("pageup");
    desk.sees("line 45");
    desk.press("pagedown ctrl-r \"row 99\"");
    desk.sees("… 3989 more rows");
}

#[test]
fn one_message_pushes_no_other_out_of_what_was_found() {
    let mut desk = begin();
    let sought = Some("row".to_owned());
    desk.app.tell_model(Told::Find(sought)).unwrap();
    let request = desk.app.requests.find(Asked::Page).unwrap();
    desk.hears(ServerMessage::Found(Found {
        request,
        messages: vec![
            said(RoomId(2), 9, "mallory", &"row ".repeat(2_000)),
            said(RoomId(3), 8, "mallory", &lines(3_000)),
            said(RoomId(1), 7, "bob", "the row that is sought"),
        ],
        more: false,
        incomplete: false,
    }));
    desk.shows();
    desk.press("home");
    desk.sees("the row that is sought");
    desk.sees("… 2989 more rows (/unfold @bob 8)");
    desk.press("end");
    desk.sees("(/unfold #ops 9)");
}

#[test]
fn what_can_be_no_message_s_number_is_not_looked_for() {
    for wrong in ["/unfold", "/unfold x", "/unfold 0", "/unfold bob 7"] {
        let mut desk = begin();
        desk.press(&format!("\"{wrong}\" enter"));
        desk.sees("Usage: /unfold [#room] number");
    }
}

#[test]
fn everybody_whom_one_ignores_is_listed_however_many() {
    let mut desk = begin();
    for number in 1..=500 {
        desk.hears(ServerMessage::Ignoring(Ignoring {
            request: None,
            user: format!("somebody{number:03}"),
            ignored: true,
        }));
    }
    desk.press("\"/ignore\" enter");
    desk.sees("Whom you ignore");
    desk.sees("somebody001");
    desk.press("end");
    desk.sees("somebody500");
}
