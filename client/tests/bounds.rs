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

use chatbox_common::testkit::client_dir::{ClientDir, end};
use chatbox_common::testkit::scripted_server::{
    AcceptedClient, CODE, PASSWORD, ScriptedServer, chat,
};
use chatbox_common::testkit::terminal::client::{SIZE, client_of};
use chatbox_common::testkit::terminal::{Screen, Transcript};
use chatbox_common::wire::message::{
    Chat, ClientMessage, History, OnlinePerson, People, Seq, ServerMessage,
};

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
    let written = String::from_utf8_lossy(&screen.bytes()).into_owned();
    let bells = written.matches('\u{7}').count();
    let most = 1 + begun.elapsed().as_secs() / 2;
    assert!((1..=most).contains(&(bells as u64)), "{bells} bells");
}

/// Answers the request for one message, and those for earlier ones with none.
fn gives(client: &mut AcceptedClient, seq: Seq, messages: Vec<Chat>) {
    loop {
        match client.hear() {
            Some(ClientMessage::History(asked)) if asked.after == Some(seq - 1) => {
                return client.page_of(asked.room, asked.request, messages);
            }
            Some(ClientMessage::History(asked)) => {
                client.page_of(asked.room, asked.request, Vec::new());
            }
            other => panic!("{other:?} instead of a request for a page"),
        }
    }
}

#[test]
fn a_message_of_thousands_of_rows_leaves_room_for_others_and_is_shown_whole_when_asked_for() {
    let (_server, mut screen, mut client) = enter();
    let rows: Vec<_> = (1..=1_500).map(|n| n.to_string()).collect();
    let long = chat(1, "mallory", &rows.join("\n"));
    client.say(&ServerMessage::Chat(long.clone()));
    client.say(&ServerMessage::Chat(chat(2, "bob", "said behind it")));
    screen.sees("… 1489 more rows (/unfold 1)");
    screen.sees("what you type is said in #lobby");
    screen.sees("said behind it");
    screen.types("/unfold 1");
    gives(&mut client, 1, vec![long]);
    screen.sees("#lobby, message 1 ");
    screen.loses("more rows");
    screen.press("\u{1b}[F");
    screen.sees_row("the last row", |row| row.ends_with(" 1500"));
    screen.press("\u{1b}");
    screen.sees("said behind it");
    screen.types("/unfold #lobby 9");
    gives(&mut client, 9, Vec::new());
    screen.sees("there is no message 9 to show");
}

fn people(request: u32, user: &str) -> ServerMessage {
    ServerMessage::People(People {
        request,
        people: vec![OnlinePerson {
            user: user.to_owned(),
            sessions: 1,
            since: 0,
        }],
        more: true,
    })
}

/// The number of the next request for people online.
fn hear_list(client: &mut AcceptedClient) -> u32 {
    match client.hear() {
        Some(ClientMessage::List(list)) => list.request,
        other => panic!("{other:?} instead of a list"),
    }
}

#[test]
fn a_server_that_has_always_more_of_the_same_is_asked_no_longer() {
    let (_server, mut screen, mut client) = enter();
    screen.types("/list");
    for user in ["alice", "bob", "bob"] {
        let request = hear_list(&mut client);
        client.say(&people(request, user));
    }
    screen.sees("… the server gives the list in a circle");
    screen.press("\u{1b}");
    screen.loses("in a circle");
    screen.types("still here");
    assert_eq!(client.hear_send().text, "still here");
}

#[test]
fn a_script_does_not_take_a_part_of_a_list_for_all_of_it() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.begin(&server, &["list"]);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    for user in ["zoe", "bob"] {
        let request = hear_list(&mut client);
        client.say(&people(request, user));
    }
    let ended = end(child);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("in a circle"), "{}", ended.err);
}

#[test]
fn a_screen_of_no_size_or_of_any_is_drawn_on() {
    let server = ScriptedServer::bind();
    let fingerprint = server.fingerprint().to_string();
    let at = (&*server.address(), &*fingerprint);
    let mut screen = Transcript::start(client_of(at, ("alice", PASSWORD, CODE), ""));
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    client.page(Vec::new());
    screen.sees("connected");
    let sizes = [(0, 0), (u16::MAX, u16::MAX), (0, 1_000), (6_000, 6_000)];
    for (seq, size) in (1..).zip(sizes) {
        let mark = screen.mark();
        screen.resize(size);
        screen.wrote(mark, "connected");
        let text = format!("drawn-on-{}x{}", size.0, size.1);
        client.say(&ServerMessage::Chat(chat(seq, "bob", &text)));
        screen.wrote(mark, &text);
    }
    screen.types("/quit");
    while let Some(ClientMessage::History(asked)) = client.hear() {
        client.page_of(asked.room, asked.request, Vec::new());
    }
    drop(client);
    assert_eq!(screen.ends().code(), Some(0));
}

/// The next request for a page of history.
fn hear_history(client: &mut AcceptedClient) -> History {
    match client.hear() {
        Some(ClientMessage::History(history)) => history,
        other => panic!("{other:?} instead of a request for a page"),
    }
}

#[test]
fn what_comes_before_a_script_has_begun_is_held_up_to_a_bound_and_then_fetched() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let wanted = [
        "tail", "--room", "#lobby", "--since", "1h", "--count", "1800",
    ];
    let child = dir.begin(&server, &wanted);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    let since = hear_history(&mut client);
    assert!(since.before_time.is_some());
    let said = |seq| chat(seq, "bob", &seq.to_string());
    for seq in 1..=1_800 {
        client.say(&ServerMessage::Chat(said(seq)));
    }
    client.pending_page(since.request, Vec::new());
    // What was not held is fetched.
    let mut fetched = 0;
    while fetched < 1_800 {
        let asked = hear_history(&mut client);
        let after = asked.after.unwrap();
        assert!(after >= 1_000, "{after}");
        fetched = (after + 200).min(1_800);
        client.pending_page(asked.request, (after + 1..=fetched).map(said).collect());
    }
    drop(client);
    let ended = end(child);
    let texts: Vec<_> = ended.out.lines().map(|line| &line[9..]).collect();
    let expected: Vec<_> = (1..=1_800)
        .map(|seq| format!("#lobby <bob> {seq}"))
        .collect();
    assert_eq!(texts, expected);
    assert_eq!(ended.code, 0, "{}", ended.err);
}
