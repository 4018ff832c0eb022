//! Keys through the real loop, with a screen whose text is compared. Messages of the server are put
//! where the reading thread puts them.

mod closing;
mod long;
mod moving;
mod queues;
mod search;
mod secrets;
mod silence;

use std::sync::mpsc::SyncSender;

use chatbox_common::wire::message::{
    Access, AccountId, Capabilities, Chat, ClientMessage, ErrorCode, ErrorMessage, Kind, Limits,
    Page, RequestId, Room, Seq, ServerMessage, Welcome,
};

use super::*;
use crate::cli::Cli;
use crate::prompt::Nobody;
use crate::ui::full::terminal::Pressed;
use crate::ui::full::test_screen::{TestScreen, keys};

struct Desk {
    app: App,
    screen: TestScreen,
    press: SyncSender<Pressed>,
    _home: tempfile::TempDir,
}

fn room(number: RoomId, name: &str, access: Access, head: Seq) -> Room {
    Room {
        topic: format!("about {name}"),
        head,
        online: 2,
        access,
        read: head,
        ..Room::new(number, name)
    }
}

fn said(room: RoomId, seq: Seq, user: &str, text: &str) -> Chat {
    Chat {
        room,
        seq,
        account: AccountId(7),
        user: user.to_owned(),
        time: 1_795_357_800_000 + seq * 1_000,
        text: text.to_owned(),
        kind: Kind::Text,
    }
}

impl Desk {
    /// Fifty messages are in the lobby, of which the last ten were shown.
    fn begin() -> Self {
        Self::with((80, 24), &[])
    }

    fn with(size: (u16, u16), bound: &[(&str, &str)]) -> Self {
        use clap::Parser;
        let home = tempfile::tempdir().unwrap();
        let known = home.path().join("known").display().to_string();
        let config = home.path().join("config.toml");
        std::fs::write(&config, "").unwrap();
        let config = config.display().to_string();
        let mut cli = Cli::parse_from(["chatbox", "--known-hosts", &known, "--config", &config]);
        // Nobody listens there.
        cli.server = Some(crate::address::ServerAddress::parse("127.0.0.1:1").unwrap());
        let settings = crate::config::load(&cli).unwrap();
        let login = Login::new(cli, &settings, &mut Nobody).unwrap();
        let (full, screen, press) = TestScreen::begin(size, bound);
        let clock = Clock::new(jiff::tz::TimeZone::UTC);
        let user = UserName::parse("alice").unwrap();
        let channel = mpsc::sync_channel(EVENTS);
        let mut app = App::new(login, Box::new(full), clock, &settings, &user, channel);
        app.face.back();
        app.connection.keep_trying();
        let mut desk = Self {
            app,
            screen,
            press,
            _home: home,
        };
        desk.hears(ServerMessage::Welcome(Welcome {
            history_id: [1; 16],
            rooms: vec![
                room(RoomId(1), "#lobby", Access::Open, 50),
                room(RoomId(2), "#ops", Access::Open, 0),
                room(RoomId(3), "@bob", Access::Direct, 0),
            ],
            time: 0,
            limits: Limits::with_pace(0),
            server: "0".to_owned(),
            session: 1,
            ignored: Vec::new(),
            capabilities: Some(Capabilities::own()),
            predecessor: None,
        }));
        let lobby = (41..=50).map(|seq| said(RoomId(1), seq, "bob", &format!("line {seq}")));
        desk.page(RoomId(1), lobby.collect());
        desk.page(RoomId(2), Vec::new());
        desk.page(RoomId(3), Vec::new());
        desk.shows();
        desk
    }

    fn hears(&mut self, message: ServerMessage) {
        self.app.message(message).unwrap();
    }

    fn is_refused(&mut self, request: Option<RequestId>, code: ErrorCode, text: &str) {
        self.hears(ServerMessage::Error(ErrorMessage {
            request,
            code,
            text: text.to_owned(),
            retry_ms: None,
        }));
    }

    fn hears_chat(&mut self, room: RoomId, seq: Seq, user: &str, text: &str) {
        self.hears(ServerMessage::Chat(said(room, seq, user, text)));
    }

    /// Answers the page request under way.
    fn page(&mut self, room: RoomId, messages: Vec<Chat>) {
        let asked = self.app.requests.find(Asked::Page);
        let request = asked.expect("a page was asked for");
        self.hears(ServerMessage::Page(Page {
            request,
            room,
            messages,
            more: false,
            first: 1,
        }));
    }

    /// Turns the loop until nothing is typed ahead, and then draws.
    fn shows(&mut self) -> Option<Exit> {
        loop {
            // Wakes the loop, which a full channel does as well.
            let _ = self.app.teller.try_send(Event::Pressed);
            match self.app.turn().unwrap() {
                Some(exit) => return Some(exit),
                None if self.app.typed_ahead.is_empty() => break,
                None => {}
            }
        }
        // Draws now, not after a frame's time.
        self.press.send(Pressed::Redraw).unwrap();
        let _ = self.app.teller.try_send(Event::Pressed);
        self.app.turn().unwrap()
    }

    fn press(&mut self, written: &str) -> Option<Exit> {
        for key in keys(written) {
            self.press.send(key).unwrap();
        }
        self.shows()
    }

    fn paste(&mut self, text: &str) {
        self.press.send(Pressed::Paste(text.to_owned())).unwrap();
        self.shows();
    }

    fn text(&self) -> String {
        self.screen.rows().join("\n")
    }

    fn sees(&self, part: &str) {
        assert!(
            self.text().contains(part),
            "no {part:?} in\n{}",
            self.text()
        );
    }

    fn sees_not(&self, part: &str) {
        assert!(!self.text().contains(part), "{part:?} in\n{}", self.text());
    }

    /// The input line, with the cursor as `|`.
    fn line(&self) -> String {
        let rows = self.screen.rows();
        let (x, y) = self.screen.cursor();
        let row = rows.get(usize::from(y)).cloned().unwrap_or_default() + " ";
        let begin = row.find("> ").map_or(0, |at| row[..at].chars().count() + 2);
        let mut characters: Vec<char> = row.chars().skip(begin).collect();
        let at = usize::from(x) - begin;
        while characters.len() < at {
            characters.push(' ');
        }
        characters.insert(at, '|');
        characters
            .into_iter()
            .collect::<String>()
            .trim_end()
            .to_owned()
    }

    fn here(&self) -> &str {
        self.app.model.room_name(self.app.here().unwrap())
    }

    /// Takes what waits to be sent.
    fn sent(&mut self) -> Vec<(RoomId, String)> {
        let now = Instant::now();
        let mut sent = Vec::new();
        let mut request = 1_000;
        while let Next::Send(ClientMessage::Send(send)) = self.app.outgoing.next(request, now) {
            self.app.outgoing.acknowledged(request);
            request += 1;
            sent.push((send.room, send.text));
        }
        sent
    }
}

#[test]
fn keys_of_the_line_do_what_hands_expect() {
    for (keys, line) in [
        ("\"hello world\"", "hello world|"),
        ("\"hello world\" ctrl-a", "|hello world"),
        ("\"hello world\" ctrl-a ctrl-e", "hello world|"),
        ("\"hello world\" ctrl-b ctrl-b", "hello wor|ld"),
        ("\"hello world\" left left", "hello wor|ld"),
        ("\"hello world\" ctrl-a ctrl-f right", "he|llo world"),
        ("\"hello world\" alt-b", "hello |world"),
        ("\"hello world\" alt-b alt-b alt-f", "hello| world"),
        ("\"hello world\" alt-b ctrl-k", "hello |"),
        ("\"hello world\" alt-b ctrl-u", "|world"),
        ("\"hello world\" ctrl-w", "hello |"),
        ("\"hello world\" ctrl-w ctrl-y ctrl-y", "hello worldworld|"),
        ("\"hello world\" ctrl-w ctrl-w ctrl-y", "hello world|"),
        ("\"hello\" backspace backspace", "hel|"),
        ("\"hello\" ctrl-a delete ctrl-d", "|llo"),
        ("\"hello\" home", "|hello"),
        ("\"hello\" home end", "hello|"),
        ("\"hello\" ctrl-c", "|"),
        ("\"hello\" ctrl-c up", "hello|"),
    ] {
        let mut desk = Desk::begin();
        desk.press(keys);
        assert_eq!(desk.line().trim_end(), line.trim_end(), "{keys}");
    }
}

#[test]
fn what_is_typed_is_sent_where_one_is_and_comes_back_from_the_history() {
    let mut desk = Desk::begin();
    desk.press("\"one\" enter \"two\" enter");
    assert_eq!(
        desk.sent(),
        [(RoomId(1), "one".into()), (RoomId(1), "two".into())]
    );
    desk.press("up up");
    assert_eq!(desk.line(), "one|");
    desk.press("down");
    assert_eq!(desk.line(), "two|");
    desk.press("down \"draft\" up down");
    assert_eq!(desk.line(), "draft|");
}

#[test]
fn tab_completes_names_rooms_and_commands() {
    let mut desk = Desk::begin();
    desk.hears_chat(RoomId(1), 51, "bert", "hi");
    desk.press("\"b\" tab");
    assert_eq!(desk.line(), "bert: |");
    desk.sees("[bert:]");
    desk.press("tab");
    assert_eq!(desk.line(), "bob: |");
    desk.press("shift-tab");
    assert_eq!(desk.line(), "bert: |");
    desk.press("ctrl-u \"/jo\" tab \"#o\" tab");
    assert_eq!(desk.line(), "/join #ops |");
}

#[test]
fn what_a_command_may_become_is_shown_as_one_types() {
    let mut desk = Desk::begin();
    desk.press("\"/his\"");
    desk.sees("/history [n] [before time]");
    desk.press("ctrl-u");
    desk.sees_not("/history");
}

#[test]
fn rooms_are_reached_by_number_in_turn_and_by_what_is_new() {
    let mut desk = Desk::begin();
    assert_eq!(desk.here(), "#lobby");
    for (keys, here) in [
        ("alt-2", "#ops"),
        ("alt-3", "@bob"),
        ("alt-9", "@bob"),
        ("ctrl-n", "#lobby"),
        ("ctrl-p", "@bob"),
        ("ctrl-p", "#ops"),
        ("alt-1", "#lobby"),
        ("alt-a", "#lobby"),
    ] {
        desk.press(keys);
        assert_eq!(desk.here(), here, "{keys}");
    }
    desk.hears_chat(RoomId(2), 1, "bob", "news");
    desk.shows();
    desk.press("alt-a");
    assert_eq!(desk.here(), "#ops");
    desk.sees("news");
    desk.press("alt-1");
    desk.hears_chat(RoomId(2), 2, "bob", "more news");
    desk.hears_chat(RoomId(3), 1, "bob", "for you");
    desk.press("alt-a");
    assert_eq!(desk.here(), "@bob", "who calls comes first");
    desk.press("alt-a");
    assert_eq!(desk.here(), "#ops");
    desk.press("\"here\" enter");
    assert_eq!(desk.sent(), [(RoomId(2), "here".into())]);
}

#[test]
fn what_was_typed_is_said_where_it_was_typed_however_fast_one_leaves() {
    let mut desk = Desk::begin();
    desk.press("\"for the lobby\" enter alt-2 \"for ops\" enter alt-3");
    assert_eq!(desk.here(), "@bob");
    assert_eq!(
        desk.sent(),
        [
            (RoomId(1), "for the lobby".into()),
            (RoomId(2), "for ops".into())
        ]
    );
}

#[test]
fn what_is_new_elsewhere_is_counted_and_calls() {
    let mut desk = Desk::begin();
    desk.sees("#ops");
    for seq in 1..=3 {
        desk.hears_chat(RoomId(2), seq, "bob", "news");
    }
    desk.hears_chat(RoomId(2), 4, "bob", "alice: you?");
    desk.shows();
    let row = desk.screen.rows();
    let row = row.iter().find(|row| row.contains("#ops")).unwrap();
    assert!(row.contains('4') && row.contains("@1"), "{row}");
    desk.press("alt-2");
    desk.press("alt-1");
    let row = desk.screen.rows();
    let row = row.iter().find(|row| row.contains("#ops")).unwrap();
    assert!(!row.contains("@1"), "{row}");
}

#[test]
fn scrolling_back_loads_what_was_said_before() {
    let mut desk = Desk::begin();
    desk.sees("line 50");
    desk.press("home");
    assert!(desk.app.requests.find(Asked::Page).is_some());
    desk.page(
        RoomId(1),
        (1..=40)
            .map(|seq| said(RoomId(1), seq, "bob", &format!("line {seq}")))
            .collect(),
    );
    desk.shows();
    desk.press("pageup pageup pageup pageup");
    desk.sees("line 1");
    // A message that comes while scrolled back moves nothing.
    let before = desk.text();
    desk.hears_chat(RoomId(1), 51, "bob", "line 51");
    desk.shows();
    desk.sees_not("line 51");
    assert_eq!(before.lines().nth(5), desk.text().lines().nth(5));
    desk.press("pagedown end");
    desk.sees("line 51");
}

#[test]
fn ctrl_c_clears_then_asks_and_leaves_with_a_yes() {
    let mut desk = Desk::begin();
    desk.press("\"typed\" ctrl-c");
    assert_eq!(desk.line(), "|");
    desk.press("ctrl-c");
    desk.sees("Leave");
    assert_eq!(desk.press("\"n\""), None);
    desk.sees_not("Leave");
    desk.press("ctrl-d");
    assert_eq!(desk.press("\"y\""), Some(Exit::Fine));
}

#[test]
fn a_key_pressed_before_a_question_is_seen_is_no_answer_to_it() {
    let mut desk = Desk::begin();
    desk.press
        .send(Pressed::Paste("one\ntwo".to_owned()))
        .unwrap();
    desk.press("enter");
    assert_eq!(desk.sent(), []);
    desk.sees("2 lines");
    // A terminal may give a paste in parts.
    desk.press
        .send(Pressed::Paste("\nthree".to_owned()))
        .unwrap();
    desk.press
        .send(Pressed::Paste("\nfour".to_owned()))
        .unwrap();
    desk.press("enter");
    desk.sees("4 lines");
    assert_eq!(desk.sent(), []);
    desk.press("enter");
    assert_eq!(desk.sent(), [(RoomId(1), "one\ntwo\nthree\nfour".into())]);
    for keys in ["ctrl-d \"y\"", "ctrl-c \"y\"", "ctrl-c ctrl-c"] {
        assert_eq!(desk.press(keys), None);
        desk.sees("Leave ChatBox? y/n");
        desk.press("\"n\"");
    }
}

#[test]
fn several_pasted_lines_ask_first_and_go_as_one_message() {
    let mut desk = Desk::begin();
    desk.paste("one\ntwo\n/three\n");
    desk.sees("3 lines");
    assert_eq!(desk.sent(), []);
    desk.press("enter");
    assert_eq!(desk.sent(), [(RoomId(1), "one\ntwo\n/three".into())]);
    desk.paste("one\ntwo");
    desk.press("escape \"typed\" enter");
    assert_eq!(desk.sent(), [(RoomId(1), "typed".into())]);
    desk.paste("one\ntwo");
    desk.press("\"e\"");
    desk.press("\"!\" enter");
    assert_eq!(desk.sent(), [(RoomId(1), "one\ntwo!".into())]);
    desk.paste("a line is as good as typed");
    assert_eq!(desk.line(), "a line is as good as typed|");
}

#[test]
fn another_line_is_begun_without_sending_and_the_input_grows() {
    let mut desk = Desk::begin();
    desk.press("\"one\" alt-enter \"two\"");
    desk.sees("one");
    desk.sees("two");
    desk.press("enter");
    assert_eq!(desk.sent(), [(RoomId(1), "one\ntwo".into())]);
}

#[test]
fn help_stands_above_the_messages_until_it_is_closed() {
    let mut desk = Desk::begin();
    desk.press("\"/help\" enter");
    desk.sees("/join #room");
    desk.press("pagedown pagedown pagedown");
    desk.sees("/quit");
    desk.press("escape");
    desk.sees("line 50");
    desk.sees_not("/quit");
}

#[test]
fn keys_can_be_bound_to_other_actions() {
    let mut desk = Desk::with((80, 24), &[("f5", "next-room"), ("ctrl-n", "none")]);
    desk.press("f5");
    assert_eq!(desk.here(), "#ops");
    desk.press("ctrl-n");
    assert_eq!(desk.here(), "#ops");
}

#[test]
fn the_bare_view_ends_with_any_key_and_redrawing_changes_nothing() {
    let mut desk = Desk::begin();
    let before = desk.text();
    desk.press("ctrl-l");
    assert_eq!(desk.text(), before);
    desk.press("alt-l");
    desk.press("\"x\"");
    assert_eq!(desk.text(), before, "the key only came back");
}

#[test]
fn the_topic_line_says_the_room_s_mode_at_every_width() {
    for columns in [20, 40, 80, 200] {
        let desk = Desk::with((columns, 24), &[]);
        assert!(desk.screen.rows()[0].contains("audited"), "{}", desk.text());
    }
}

#[test]
fn no_size_of_the_screen_is_a_crash() {
    for columns in 1..50 {
        for rows in [1, 2, 3, 4, 5, 6, 10, 24] {
            let mut desk = Desk::with((columns, rows), &[]);
            desk.press("\"/help\" enter \"typed and typed and typed\" pageup");
        }
    }
}
