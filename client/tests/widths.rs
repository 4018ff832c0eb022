//! The width of what people write: the client draws each piece of a corpus, and an independent
//! terminal emulator measures it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::testkit::terminal::CTRL_U;
use chatbox_common::testkit::terminal::client::{SIZE, enter};
use unicode_width::UnicodeWidthStr;

/// Each with the columns that it takes.
const CORPUS: &[(&str, usize)] = &[
    ("plain", 5),
    ("déjà", 4),
    ("e\u{301}a\u{300}", 2),
    ("Việt", 4),
    ("漢字", 4),
    ("ひらがな", 8),
    ("ｶﾅ", 2),
    ("ｶﾞ", 2),
    ("한국어", 6),
    ("Ελλάδα", 6),
    ("Россия", 6),
    ("שלום", 4),
    ("مرحبا", 5),
    ("ไทย", 3),
    ("नमस्ते", 4),
    ("①②", 2),
    ("…—“”", 4),
    ("→ ⇒", 3),
    ("█▓░", 3),
    ("👍", 2),
    ("👍🏽", 2),
    ("❤", 1),
    ("❤\u{fe0f}", 2),
    ("☎\u{fe0f}", 2),
    ("🇫🇷", 2),
    ("1\u{fe0f}\u{20e3}", 2),
    ("👩\u{200d}👩\u{200d}👧", 2),
    ("🏳\u{fe0f}\u{200d}🌈", 2),
    ("𝔘𝔫𝔦", 3),
    ("ﷺ", 1),
];

#[test]
fn what_stands_behind_a_text_stands_where_the_emulator_says() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, _client) = server.register("alice");
    let screen = enter(&server, (80, 40), &mut account);
    let (_, mut bob) = server.register("bob");
    screen.sees("bob came");
    for (number, (text, _)) in (1..).zip(CORPUS) {
        bob.post(id(1, number), &format!("{text}|{number}|"));
    }
    screen.sees(&format!("|{}|", CORPUS.len()));
    let begin = screen.column_of("plain").unwrap();
    for (number, (text, width)) in (1..).zip(CORPUS) {
        assert_eq!(text.width(), *width, "{text:?}");
        screen.stands_in(begin + width, &format!("|{number}|"));
    }
}

#[test]
fn the_cursor_stands_behind_what_was_typed() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, _client) = server.register("alice");
    let mut screen = enter(&server, SIZE, &mut account);
    let begin = "#lobby> ".len();
    screen.cursor_is(begin, "#lobby> ");
    for (text, width) in CORPUS {
        screen.press(text);
        screen.cursor_is(begin + width, text);
        screen.press(CTRL_U);
        screen.cursor_is(begin, "");
    }
}
