//! A server that has stopped answering, and is there all the same.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use chatbox_common::testkit::scripted_server::{AcceptedClient, ScriptedServer, token};
use chatbox_common::testkit::wait::eventually;

use super::*;
use crate::address::ServerAddress;
use crate::app::silence::Silence;
use crate::session;

/// The desk has a session with a server of which a thread plays the part, and waits for nothing.
fn connected(
    plays: impl FnOnce(AcceptedClient) -> AcceptedClient + Send + 'static,
) -> (Desk, JoinHandle<AcceptedClient>) {
    let mut desk = Desk::begin();
    let server = ScriptedServer::bind();
    let address = ServerAddress::parse(&server.address()).unwrap();
    let (id, fingerprint) = (token(1), server.fingerprint());
    let thread = thread::spawn(move || {
        let mut client = server.accept();
        client.resume(1);
        plays(client)
    });
    let hour = Duration::from_secs(3600);
    let greeted = session::connect(&address, hour).unwrap();
    let entered = greeted
        .resume(&Ticket::from_parts(id, hour, fingerprint))
        .unwrap();
    desk.app.take_up(entered).unwrap();
    desk.app.silence = Silence::of(Duration::ZERO, Duration::ZERO);
    (desk, thread)
}

/// Turns the loop until the screen has the text.
fn turns_until(desk: &mut Desk, part: &str) {
    eventually(part, || {
        desk.app.time_has_come().unwrap();
        // Wakes the loop, so that a server that says nothing lets the test end.
        let _ = desk.app.teller.try_send(Event::Pressed);
        desk.app.turn().unwrap();
        desk.text().contains(part).then_some(())
    });
}

#[test]
fn a_server_that_answers_nothing_is_told_of_until_it_says_something() {
    let (go, waits) = mpsc::channel::<()>();
    let (mut desk, server) = connected(move |mut client| {
        let Some(ClientMessage::Send(_)) = client.hear() else {
            panic!("no message");
        };
        let asked = client.hear();
        assert!(matches!(asked, Some(ClientMessage::Ping(_))), "{asked:?}");
        waits.recv().unwrap();
        client.say(&ServerMessage::Pong(Plain { request: 0 }));
        client
    });
    desk.press("\"hello\" enter");
    turns_until(&mut desk, "the server does not answer  1 unsent");
    // From here on it takes long until it is told again.
    desk.app.silence.answer_slowly();
    go.send(()).unwrap();
    turns_until(&mut desk, "the server answers again");
    turns_until(&mut desk, "connected  server key checked");
    server.join().unwrap();
}

#[test]
fn a_server_that_is_away_is_tried_at_once_by_enter() {
    let mut desk = Desk::begin();
    let error = chatbox_common::channel::ChannelError::CutOff;
    desk.app.cut_off(&error).unwrap();
    desk.shows();
    desk.sees("Enter tries now");
    let is_due = |desk: &Desk| {
        let at = desk.app.connection.retry_at();
        at.expect("a next attempt") <= Instant::now()
    };
    desk.press("\"said later\" enter");
    assert!(!is_due(&desk), "a text waits");
    desk.press("enter");
    assert!(is_due(&desk));
}
