//! What a server or a crowd can do without end is bounded at the client: how often it rings, how
//! much it keeps, how long it goes on asking.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::time::Instant;

use chatbox_common::testkit::scripted_server::{
    AcceptedClient, CODE, PASSWORD, ScriptedServer, chat,
};
use chatbox_common::testkit::terminal::Screen;
use chatbox_common::testkit::terminal::client::{SIZE, client_of};
use chatbox_common::wire::message::ServerMessage;

fn enter() -> (ScriptedServer, Screen, AcceptedClient) {
    let server = ScriptedServer::bind();
    let fingerprint = server.fingerprint().to_string();
    let at = (&*server.address(), &*fingerprint);
    let program = client_of(at, ("alice", PASSWORD, CODE), "");
    let screen = Screen::start(program, SIZE);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    client.page(Vec::new());
    screen.sees("you are alice");
    (server, screen, client)
}

#[test]
fn who_is_called_again_and_again_hears_one_bell_in_two_seconds() {
    let (_server, screen, mut client) = enter();
    let begun = Instant::now();
    for seq in 1..=50 {
        let text = format!("alice: call {seq}");
        client.say(&ServerMessage::Chat(chat(seq, "bob", &text)));
        screen.sees(&text);
    }
    let bells = screen.bytes().iter().filter(|byte| **byte == 7).count();
    let most = 1 + begun.elapsed().as_secs() / 2;
    assert!((1..=most).contains(&(bells as u64)), "{bells} bells");
}
