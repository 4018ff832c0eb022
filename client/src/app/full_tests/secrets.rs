//! Whatever becomes of a command that asks for secrets: what was typed as an answer is sent to no
//! room and kept in no history of lines.

use chatbox_common::wire::message::ErrorCode;

use super::*;

/// The old password, the new one twice, a code.
const ANSWERS: &str = "\"Typed-old-77\" enter \"Typed-better-horse-78\" enter \
     \"Typed-better-horse-78\" enter \"000000\" enter";

/// Nothing that was typed is said, neither now nor when the line it may stand in is sent.
fn nothing_was_said(desk: &mut Desk) {
    assert_eq!(desk.sent(), []);
    assert!(desk.app.typed_ahead.is_empty());
    assert_eq!(desk.line(), "|");
    desk.press("up");
    assert!(!desk.line().contains("Typed"), "{}", desk.line());
    desk.press("ctrl-u \"hello\" enter");
    assert_eq!(desk.sent(), [(RoomId(1), "hello".into())]);
}

#[test]
fn secrets_typed_while_there_is_no_connection_are_said_to_nobody() {
    for command in ["/password", "/PASSWORD"] {
        let mut desk = Desk::begin();
        desk.app.tell_model(Told::Disconnected).unwrap();
        desk.press(&format!("\"{command}\" enter {ANSWERS}"));
        desk.sees("There is no connection just now: nothing was changed");
        assert!(desk.app.changing.is_none());
        nothing_was_said(&mut desk);
    }
    for command in ["/2fa secret", "/2fa codes"] {
        let mut desk = Desk::begin();
        desk.app.tell_model(Told::Disconnected).unwrap();
        desk.press(&format!(
            "\"{command}\" enter \"Typed-old-77\" enter \"000000\" enter"
        ));
        desk.sees("nothing was changed");
        nothing_was_said(&mut desk);
    }
}

#[test]
fn secrets_typed_by_somebody_who_is_logged_out_are_said_to_nobody() {
    let mut desk = Desk::begin();
    desk.app.connection.lost();
    desk.app.tell_model(Told::Disconnected).unwrap();
    desk.press(&format!("\"/password\" enter {ANSWERS}"));
    desk.sees("the login could not be continued");
    assert_eq!(desk.sent(), []);
    assert!(desk.app.typed_ahead.is_empty());
}

#[test]
fn answers_typed_at_once_behind_the_enter_that_logs_in_again_are_said_to_nobody() {
    let mut desk = Desk::begin();
    desk.app.connection.lost();
    desk.app.tell_model(Told::Disconnected).unwrap();
    desk.press("enter \"Typed-old-77\" enter \"000000\" enter \"Typed-behind-77\" enter");
    desk.sees("cannot connect to");
    assert_eq!(desk.sent(), []);
    assert!(desk.app.typed_ahead.is_empty());
    assert_eq!(desk.line(), "|");
    desk.press("up");
    assert_eq!(desk.line(), "|");
}

#[test]
fn another_code_typed_before_the_first_one_is_refused_is_said_to_nobody() {
    let mut desk = Desk::begin();
    desk.press("\"/2fa secret\" enter \"Typed-old-77\" enter \"000000\" enter");
    let request = desk.app.requests.find(Asked::Change).unwrap();
    desk.app.await_first_code();
    for key in keys("\"Typed-behind-77\" enter") {
        desk.press.send(key).unwrap();
    }
    desk.app.teller.send(Event::Pressed).unwrap();
    desk.app.turn().unwrap();
    assert_eq!(desk.app.typed_ahead.texts(), 1);
    for key in keys("escape") {
        desk.press.send(key).unwrap();
    }
    desk.is_refused(Some(request), ErrorCode::WrongCode, "wrong code");
    desk.shows();
    desk.sees("What you typed ahead was thrown away");
    assert!(desk.app.changing.is_none());
    nothing_was_said(&mut desk);
}

#[test]
fn secrets_typed_while_a_change_is_under_way_are_said_to_nobody() {
    let mut desk = Desk::begin();
    desk.press(&format!("\"/password\" enter {ANSWERS}"));
    assert!(desk.app.changing.is_some());
    desk.press("\"/2fa codes\" enter \"Typed-old-77\" enter \"000000\" enter");
    desk.sees("A change is under way: nothing was changed");
    assert!(
        desk.app.changing.is_some(),
        "the one that is under way goes on"
    );
    desk.app.forget_change().unwrap();
    nothing_was_said(&mut desk);
}

#[test]
fn what_was_typed_ahead_of_questions_that_are_cancelled_is_said_to_nobody() {
    for (command, key) in [
        ("/password", "ctrl-c"),
        ("/password", "ctrl-d"),
        ("/2fa secret", "escape"),
    ] {
        for before in ["", "\"Typed-old-77\" enter"] {
            let mut desk = Desk::begin();
            desk.press(&format!(
                "\"{command}\" enter {before} {key} \"Typed-behind-77\" enter \"000000\" enter"
            ));
            desk.sees("cancelled: nothing was changed");
            desk.sees("What you typed ahead was thrown away");
            while desk.app.quitting.takes_interrupt() {}
            nothing_was_said(&mut desk);
        }
    }
}

#[test]
fn what_was_typed_behind_a_command_that_asks_for_nothing_by_mistake_is_said_to_nobody() {
    for command in [
        "/password now",
        "/2fa",
        "/passwd",
        "/pasword",
        "/passwordnow",
        " /password",
        " /2fa codes",
        "/pwd",
        "/otp",
        "/login alice Typed-old-77",
        "/password Typed-old-77\" alt-enter \"Typed-78",
        " /password Typed-old-77\" alt-enter \"Typed-78",
    ] {
        let mut desk = Desk::begin();
        desk.press(&format!("\"{command}\" enter {ANSWERS}"));
        desk.sees("What you typed ahead was thrown away");
        nothing_was_said(&mut desk);
    }
}

#[test]
fn a_pasted_block_that_begins_like_a_question_is_no_text_and_what_follows_it_is_dropped() {
    for block in [
        "/password\nTyped-old-77\nTyped-78",
        " /2fa codes\nTyped-old-77",
    ] {
        let mut desk = Desk::begin();
        desk.paste(block);
        desk.press(&format!("enter {ANSWERS}"));
        desk.sees("What you typed ahead was thrown away");
        nothing_was_said(&mut desk);
    }
}

#[test]
fn what_was_typed_behind_a_change_that_is_refused_is_said_to_nobody() {
    let mut desk = Desk::begin();
    desk.press(&format!("\"/password\" enter {ANSWERS}"));
    let request = desk.app.requests.find(Asked::Change);
    for key in keys("\"Typed-behind-77\" enter") {
        desk.press.send(key).unwrap();
    }
    desk.is_refused(request, ErrorCode::Busy, "later");
    desk.shows();
    desk.sees("What you typed ahead was thrown away");
    nothing_was_said(&mut desk);
}

#[test]
fn what_was_typed_behind_a_command_that_is_no_text_is_said_to_nobody() {
    let read = || "/passw\u{fffd}rd\n".to_owned();
    for line in [Intent::NoText(read()), Intent::Cut(read())] {
        let mut desk = Desk::begin();
        for key in keys(ANSWERS) {
            desk.press.send(key).unwrap();
        }
        desk.app.carry_out(line).unwrap();
        desk.shows();
        desk.sees("What you typed ahead was thrown away");
        nothing_was_said(&mut desk);
    }
}

#[test]
fn a_password_typed_behind_its_command_is_in_no_line_that_comes_back() {
    for (command, key) in [
        ("/password", "enter"),
        ("/password", "ctrl-c"),
        ("/passwd", "enter"),
        (" /password", "ctrl-c"),
    ] {
        let mut desk = Desk::begin();
        desk.press(&format!("\"{command} Typed-old-77 Typed-78\" {key}"));
        nothing_was_said(&mut desk);
    }
}

/// Sends keys, and turns the loop until they are taken.
fn takes(desk: &mut Desk, written: &str) {
    for key in keys(written) {
        desk.press.send(key).unwrap();
    }
    desk.app.teller.send(Event::Pressed).unwrap();
    desk.app.turn().unwrap();
}

fn refuses_the_change(desk: &mut Desk) {
    let request = desk.app.requests.find(Asked::Change);
    desk.is_refused(request, ErrorCode::Busy, "later");
    desk.shows();
}

#[test]
fn a_correction_typed_before_another_attempt_in_vain_is_said_to_nobody() {
    let mut desk = Desk::begin();
    desk.press(&format!("\"/password\" enter {ANSWERS}"));
    takes(&mut desk, "\"Typed-behind-77\" enter");
    takes(
        &mut desk,
        "\"/2fa codes\" enter \"Typed-old-77\" enter \"000000\" enter",
    );
    assert_eq!(desk.app.typed_ahead.texts(), 1);
    refuses_the_change(&mut desk);
    desk.sees("What you typed ahead was thrown away");
    nothing_was_said(&mut desk);
}

#[test]
fn a_correction_that_is_begun_or_pasted_as_the_refusal_comes_is_said_to_nobody() {
    for (begun, paste) in [("\"Typed-o\"", ""), ("", "Typed-1\nTyped-2")] {
        let mut desk = Desk::begin();
        desk.press(&format!("\"/password\" enter {ANSWERS}"));
        takes(&mut desk, begun);
        if !paste.is_empty() {
            desk.press.send(Pressed::Paste(paste.to_owned())).unwrap();
            takes(&mut desk, "");
        }
        assert!(desk.app.face.has_begun_a_line());
        refuses_the_change(&mut desk);
        desk.sees("What you typed ahead was thrown away");
        nothing_was_said(&mut desk);
    }
}

#[test]
fn what_is_typed_after_a_change_has_ended_is_no_answer_of_it() {
    let mut desk = Desk::begin();
    desk.press("\"/2fa codes\" enter \"Typed-old-77\" enter \"000000\" enter");
    refuses_the_change(&mut desk);
    desk.app.join("#new".to_owned()).unwrap();
    takes(&mut desk, "\"hello there\" enter");
    takes(&mut desk, "\"/password now\" enter");
    assert_eq!(desk.app.typed_ahead.texts(), 1, "it waits for the room");
}
