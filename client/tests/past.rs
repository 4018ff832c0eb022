//! Looking for what was said, by words and by time, against a scripted server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::client_dir::{ClientDir, end, enter};
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::testkit::scripted_server::{AcceptedClient, ScriptedServer, chat, now_ms};
use chatbox_common::testkit::terminal::client::{self, SIZE};
use chatbox_common::wire::message::{
    Chat, ClientMessage, ErrorCode, ErrorMessage, Found, History, Search, ServerMessage,
};

/// 22 November 2026, 14:30 in UTC.
const HALF_PAST_TWO: u64 = 1_795_357_800_000;

/// A message of [`HALF_PAST_TWO`] and `seq` seconds.
fn said(seq: u64, text: &str) -> Chat {
    Chat {
        time: HALF_PAST_TWO + seq * 1_000,
        ..chat(seq, "bob", text)
    }
}

/// A line without its time of day; one with a date keeps it.
fn bare(line: &str) -> &str {
    let is_of_now = line.get(2..3) == Some(":");
    if is_of_now { &line[9..] } else { line }
}

fn hear_search(client: &mut AcceptedClient) -> Search {
    match client.hear() {
        Some(ClientMessage::Search(search)) => search,
        other => panic!("{other:?} instead of a search"),
    }
}

fn hear_history(client: &mut AcceptedClient) -> History {
    match client.hear() {
        Some(ClientMessage::History(history)) => history,
        other => panic!("{other:?} instead of a request for a page"),
    }
}

fn find(
    client: &mut AcceptedClient,
    search: &Search,
    messages: Vec<Chat>,
    more: bool,
    incomplete: bool,
) {
    client.say(&ServerMessage::Found(Found {
        request: search.request,
        messages,
        more,
        incomplete,
    }));
}

/// The running program, and a person who types.
struct Typing {
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Typing {
    fn new(child: &mut Child) -> Self {
        Self {
            stdin: child.stdin.take().unwrap(),
            stdout: BufReader::new(child.stdout.take().unwrap()).lines(),
        }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// All lines up to one that contains `part`.
    fn shows(&mut self, part: &str) -> Vec<String> {
        let mut shown = Vec::new();
        loop {
            let line = self.stdout.next().expect(part).unwrap();
            let is_last = line.contains(part);
            shown.push(bare(&line).to_owned());
            if is_last {
                return shown;
            }
        }
    }
}

#[test]
fn what_is_found_is_shown_as_people_read_and_a_search_goes_on() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let mut child = dir.begin(&server, &[]);
    let mut typing = Typing::new(&mut child);
    let mut client = enter(&server);
    typing.types("/search  full disk ");
    let search = hear_search(&mut client);
    assert_eq!((&*search.words, search.before), ("full disk", None));
    let newest_first = vec![said(9, "disk: full\u{1b}[2J"), said(7, "full\ndisk")];
    find(&mut client, &search, newest_first, true, true);
    typing.shows("messages with: full disk");
    let shown = typing.shows("search again in a while");
    assert_eq!(
        shown[..4],
        [
            "2026-11-22 14:30:07 #lobby <bob> full",
            "                                 disk",
            "2026-11-22 14:30:09 #lobby <bob> disk: full\\u{1b}[2J",
            "-- 2 messages found, the newest last; there are older ones: /search without words \
             shows them",
        ]
    );
    assert!(shown[4].contains("may be missing"), "{}", shown[4]);

    typing.types("/search");
    let search = hear_search(&mut client);
    let before = search.before.unwrap();
    assert_eq!(&*search.words, "full disk");
    assert_eq!((before.room, before.seq), (LOBBY, 7));
    find(
        &mut client,
        &search,
        vec![said(2, "the disk is full")],
        false,
        false,
    );
    let shown = typing.shows("1 message found");
    assert_eq!(
        shown[1],
        "2026-11-22 14:30:02 #lobby <bob> the disk is full"
    );
    assert_eq!(shown[2], "-- 1 message found");
    typing.types("/search");
    typing.shows("there are no older messages with these words");
    drop(typing.stdin);
    client.part();
    assert_eq!(end(child).code, 0);
}

#[test]
fn a_script_waits_for_what_it_searches_for() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/search nothing\n", &[]);
    let mut client = enter(&server);
    let search = hear_search(&mut client);
    // `too_fast` is temporary: the search is sent again.
    client.say(&ServerMessage::Error(ErrorMessage {
        request: Some(search.request),
        code: ErrorCode::TooFast,
        text: "too many messages".to_owned(),
        retry_ms: Some(1),
    }));
    let search = hear_search(&mut client);
    find(&mut client, &search, Vec::new(), false, false);
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let last = bare(ended.out.lines().last().unwrap());
    assert_eq!(last, "-- nothing found with: nothing");
}

#[test]
fn what_was_sought_is_in_sight_and_marked_in_the_middle_of_a_long_message() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, _) = server.register("alice");
    let (_, mut bob) = server.register("bob");
    let mut lines: Vec<_> = (1..=60).map(|n| format!("line {n}")).collect();
    lines[29] = "db-7のdiskが満杯".to_owned();
    let text = lines.join("\n");
    bob.post(id(1, 1), &text);
    assert_eq!(bob.texts_with("disk 満杯"), [text]);
    let mut alice = client::enter(&server, SIZE, &mut account);
    alice.sees("line 11");
    let mark = alice.mark();
    alice.types("/search disk 満杯");
    alice.sees("1 message found");
    alice.sees("<bob> …line 27");
    alice.sees("のdiskが満杯");
    alice.sees("… 49 more rows (/unfold #lobby 1)");
    // What stands before has another look.
    alice.wrote(mark, "mdisk");
    alice.wrote(mark, "m満");
}

#[test]
fn a_search_that_is_refused_is_told() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/search \"-\"\n", &[]);
    let mut client = enter(&server);
    let search = hear_search(&mut client);
    assert_eq!(search.words, "\"-\"", "the server says what a word is");
    let sentence = "search for at least one word";
    client.refuse(search.request, ErrorCode::InvalidArgument, sentence);
    client.part();
    let ended = end(child);
    assert_eq!(ended.err, format!("chatbox: {sentence}\n"));
}

#[test]
fn messages_before_a_moment_are_shown_apart_with_their_dates() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/history 3 before 2026-11-22 14:30:03\n", &[]);
    let mut client = enter(&server);
    let asked = hear_history(&mut client);
    let until = (asked.before_time, asked.before, asked.after, asked.limit);
    assert_eq!(until, (Some(HALF_PAST_TWO + 3_000), None, None, 3));
    // A message that comes live meanwhile keeps its place.
    client.say(&ServerMessage::Chat(chat(1, "carol", "live")));
    client.pending_page(asked.request, vec![said(1, "one"), said(2, "two")]);
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let shown: Vec<&str> = ended.out.lines().map(bare).collect();
    let (_, shown) = shown.split_at(shown.len() - 5);
    assert_eq!(
        shown,
        [
            "#lobby <carol> live",
            "-- #lobby: messages before 2026-11-22 14:30:03",
            "2026-11-22 14:30:01 #lobby <bob> one",
            "2026-11-22 14:30:02 #lobby <bob> two",
            "-- #lobby: end of the messages before 2026-11-22 14:30:03; there is nothing earlier",
        ]
    );
}

#[test]
fn a_span_is_so_long_before_now() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let before = now_ms();
    let child = dir.chat(&server, "/history before 2h\n", &[]);
    let mut client = enter(&server);
    let asked = hear_history(&mut client);
    let two_hours = 2 * 3_600_000;
    let time = asked.before_time.unwrap() + two_hours;
    assert!((before..=now_ms()).contains(&time), "{time}");
    assert_eq!(asked.limit, 20);
    client.pending_page(asked.request, Vec::new());
    client.part();
    let ended = end(child);
    let last = bare(ended.out.lines().last().unwrap());
    assert!(
        last.starts_with("-- #lobby: there is nothing before "),
        "{last}"
    );
}

#[test]
fn who_asks_for_what_the_server_cannot_read_is_told_why_and_once() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "", &[]);
    let mut client = server.accept();
    client.log_in();
    client.welcome(2, 5);
    for _ in 0..3 {
        let asked = hear_history(&mut client);
        client.say(&ServerMessage::Error(ErrorMessage {
            request: Some(asked.request),
            code: ErrorCode::Unavailable,
            text: "its database is damaged".to_owned(),
            retry_ms: Some(1),
        }));
    }
    let asked = hear_history(&mut client);
    client.pending_page(asked.request, vec![said(1, "one"), said(2, "two")]);
    client.part();
    let ended = end(child);
    let told = ended.err.matches("its database is damaged").count();
    assert_eq!(told, 1, "{}", ended.err);
    assert!(ended.out.contains("<bob> two"), "{}", ended.out);
}
