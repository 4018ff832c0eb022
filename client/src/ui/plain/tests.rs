use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chatbox_common::wire::message::{AccountId, OnlinePerson, Profile};
use jiff::tz::TimeZone;

use super::*;
use crate::charset::Charset;
use crate::width::most;

fn plain(width: fn() -> Option<usize>) -> Plain<Vec<u8>> {
    let terminal = Terminal::open(Arc::new(AtomicBool::new(true))).unwrap();
    let clock = Clock::new(TimeZone::UTC);
    let screen = Screen {
        charset: Charset::Utf8,
        ..Screen::of_process(true)
    };
    Plain::new(Vec::new(), clock, terminal, screen, width, false)
}

fn shown(show: impl FnOnce(&mut Plain<Vec<u8>>)) -> String {
    let mut face = plain(|| None);
    show(&mut face);
    String::from_utf8(face.out.into_inner()).unwrap()
}

fn chat(user: &str, text: &str) -> Chat {
    Chat {
        room: RoomId(1),
        seq: 1,
        account: AccountId(1),
        user: user.into(),
        time: 1_767_225_600_000 + 45_296_000,
        text: text.into(),
        kind: Kind::Text,
    }
}

#[test]
fn a_message_is_a_line_with_time_room_and_name() {
    let line = shown(|face| {
        face.chat("#lobby", &chat("alice", "hello"), Mention::No)
            .unwrap();
    });
    assert_eq!(line, "12:34:56 #lobby <alice> hello\n");
}

#[test]
fn what_somebody_does_begins_with_a_star_and_nobody_else_can_write_that() {
    let action = |user: &str, text: &str| Chat {
        kind: Kind::Action,
        ..chat(user, text)
    };
    let line = shown(|face| {
        let did = action("alice", "waves\n12:34:57 #lobby * bob waves");
        face.chat("#lobby", &did, Mention::No).unwrap();
        let said = chat("bob", "* alice waves");
        face.chat("#lobby", &said, Mention::No).unwrap();
    });
    let indent = " ".repeat("12:34:56 #lobby * alice ".len());
    assert_eq!(
        line,
        format!(
            "12:34:56 #lobby * alice waves\n{indent}12:34:57 #lobby * bob waves\n\
             12:34:56 #lobby <bob> * alice waves\n"
        )
    );
}

#[test]
fn a_message_that_names_one_says_so() {
    for (mention, told) in [
        (Mention::No, "12:34:56 #lobby <bob> alice: hi\n"),
        (Mention::Earlier, "12:34:56 [you] #lobby <bob> alice: hi\n"),
        (Mention::Now, "12:34:56 [you] #lobby <bob> alice: hi\n"),
        (Mention::Alone, "12:34:56 [direct] #lobby <bob> alice: hi\n"),
    ] {
        let line = shown(|face| {
            face.chat("#lobby", &chat("bob", "alice: hi"), mention)
                .unwrap();
        });
        assert_eq!(line, told);
    }
}

#[test]
fn a_message_of_some_day_bears_its_date() {
    let line = shown(|face| {
        let hello = chat("alice", "one\ntwo\u{1b}[2J");
        face.dated("#lobby", &hello, &Query::default()).unwrap();
        let mut wave = chat("bob", "waves");
        wave.kind = Kind::Action;
        wave.time = u64::MAX;
        face.dated("#lobby", &wave, &Query::default()).unwrap();
    });
    let begin = "2026-01-01 12:34:56 #lobby <alice> ";
    let indent = " ".repeat(begin.len());
    let last = "at an unknown time #lobby * bob waves\n";
    assert_eq!(line, format!("{begin}one\n{indent}two\\u{{1b}}[2J\n{last}"));
}

#[test]
fn further_lines_are_indented_so_that_nobody_else_seems_to_speak() {
    let text = "one\n12:34:57 #lobby <bob> two\n";
    let line = shown(|face| {
        face.chat("#lobby", &chat("alice", text), Mention::No)
            .unwrap();
    });
    let indent = " ".repeat("12:34:56 #lobby <alice> ".len());
    assert_eq!(
        line,
        format!("12:34:56 #lobby <alice> one\n{indent}12:34:57 #lobby <bob> two\n{indent}\n")
    );
}

#[test]
fn nothing_said_begins_where_another_s_line_does() {
    let mut face = plain(|| Some(60));
    let text = format!("hi{}12:34:57 #lobby <bob> 界", " ".repeat(34));
    face.chat("#lobby", &chat("alice", &text), Mention::No)
        .unwrap();
    let shown = String::from_utf8(face.out.into_inner()).unwrap();
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines.len() > 1, "{shown}");
    for line in &lines {
        let wide: usize = most(line);
        assert!(wide <= 60, "{line}");
    }
    let indent = " ".repeat("12:34:56 #lobby <alice> ".len());
    assert!(
        lines[1..].iter().all(|line| line.starts_with(&indent)),
        "{shown}"
    );
}

#[test]
fn no_topic_and_no_sentence_of_a_server_s_begins_a_row_as_a_line_does() {
    let mut face = plain(|| Some(60));
    let forged = "12:34:57 #lobby <bob> I resign ".repeat(9);
    face.listing(Listing::Profile(&Profile {
        request: 1,
        user: forged.clone(),
        is_admin: false,
        online_since: None,
        last_login: None,
        registered: 0,
    }))
    .unwrap();
    face.lines("", &format!("  #ops  a topic: {forged}\n"))
        .unwrap();
    face.notice(None, &forged).unwrap();
    let shown = String::from_utf8(face.out.into_inner()).unwrap();
    let is_fake = |row: &str| row.starts_with("12:34:57") || most(row) > 60;
    assert!(!shown.lines().any(is_fake), "{shown}");
}

#[test]
fn nothing_from_the_network_reaches_the_terminal_as_an_order() {
    let hostile = "\u{1b}]0;x\u{7}\n";
    let line = shown(|face| {
        face.chat(hostile, &chat(hostile, hostile), Mention::Now)
            .unwrap();
        face.notice(None, hostile).unwrap();
        let person = OnlinePerson {
            user: hostile.into(),
            sessions: 2,
            since: u64::MAX,
        };
        face.listing(Listing::People(&[person])).unwrap();
    });
    assert!(!line.contains(['\u{1b}', '\u{7}']), "{line:?}");
    assert_eq!(line.lines().count(), 5, "{line:?}");
}

#[test]
fn a_notice_bears_the_time() {
    let line = shown(|face| face.notice(None, "gone").unwrap());
    assert_eq!(line.len(), "12:34:56 -- gone\n".len());
    assert!(line.ends_with(" -- gone\n"), "{line}");
}

#[test]
fn where_a_row_ends_is_measured_on_what_a_terminal_of_ascii_shows() {
    let mut face = plain(|| Some(44));
    face.out = Output::new(Vec::new(), Charset::Other);
    let chat = chat("bób", &format!("{}Û", "✅".repeat(10)));
    face.chat("#lobby", &chat, Mention::No).unwrap();
    let indent = " ".repeat(22);
    assert_eq!(
        String::from_utf8(face.out.into_inner()).unwrap(),
        format!("12:34:56 #lobby <b?b> {}\n", "?".repeat(21))
    );
    let mut face = plain(|| Some(40));
    face.out = Output::new(Vec::new(), Charset::Other);
    face.chat("#lobby", &chat, Mention::No).unwrap();
    assert_eq!(
        String::from_utf8(face.out.into_inner()).unwrap(),
        format!("12:34:56 #lobby <b?b> {}\n{indent}???\n", "?".repeat(18))
    );
}

#[test]
fn a_long_message_is_folded_on_a_terminal_and_whole_for_a_program() {
    let text: Vec<_> = (1..=40).map(|n| n.to_string()).collect();
    let long = chat("alice", &text.join("\n"));
    let show = |face: &mut Plain<Vec<u8>>| {
        face.chat("#lobby", &long, Mention::No).unwrap();
        face.dated("#lobby", &long, &Query::default()).unwrap();
    };
    let mut face = plain(|| Some(80));
    show(&mut face);
    let screen = String::from_utf8(face.out.into_inner()).unwrap();
    let lines: Vec<_> = screen.lines().collect();
    assert_eq!(lines.len(), 24, "{screen}");
    for told in [lines[11], lines[23]] {
        assert_eq!(told, "    … 29 more rows (/unfold #lobby 1)");
    }
    assert_eq!(shown(show).lines().count(), 80);
    let mut face = plain(|| Some(80));
    face.dated("#lobby", &long, &Query::new("20")).unwrap();
    let screen = String::from_utf8(face.out.into_inner()).unwrap();
    let lines: Vec<_> = screen.lines().map(str::trim_start).collect();
    let head = "2026-01-01 12:34:56 #lobby <alice> ";
    assert_eq!(lines[0], format!("{head}…17"));
    assert_eq!(lines[1..4], ["18", "19", "20"]);
    assert_eq!(lines[10..], ["27…", "… 29 more rows (/unfold #lobby 1)"]);
    let mut face = plain(|| None);
    face.dated("#lobby", &long, &Query::new("20")).unwrap();
    let piped = String::from_utf8(face.out.into_inner()).unwrap();
    assert_eq!(piped.lines().count(), 40);
    let mut face = plain(|| Some(80));
    face.whole("#lobby", &long).unwrap();
    let screen = String::from_utf8(face.out.into_inner()).unwrap();
    assert_eq!(screen.lines().count(), 40);
}
