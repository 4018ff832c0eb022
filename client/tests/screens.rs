//! What the screens look like: each is made with the real server and the real client on a
//! pseudo-terminal, and compared with its text in docs/screens/. Where they are meant to change,
//! `CHATBOX_SCREENS=write cargo test --test screens` writes them anew, to be read and committed.
//!
//! What differs from run to run is masked with as many characters: times, ports, fingerprints,
//! secrets, the picture.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, iter, thread};

use chatbox_common::testkit::account::step_now;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::testkit::terminal::client::{
    PASSWORD, SIZE, enter, secret_on, start, stranger,
};
use chatbox_common::testkit::terminal::{CTRL_C, CTRL_U, ESCAPE, PAGE_UP, Screen};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{Access, ClientMessage, Kind, Search, Send, ServerMessage};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/screens/{name}.txt"))
}

/// Waits until a screen is the stored one; or stores it, where that is asked for.
fn compare(name: &str, screen: &Screen) {
    if std::env::var_os("CHATBOX_SCREENS").is_some_and(|wish| wish == "write") {
        // Without a stored screen nothing tells when the screen is complete.
        thread::sleep(Duration::from_secs(1));
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), masked_text(&screen.rows())).unwrap();
        return;
    }
    let kept = fs::read_to_string(path(name)).unwrap_or_default();
    screen.until_rows(|rows| {
        let text = masked_text(rows);
        let is_kept = text == kept;
        is_kept.then_some(()).ok_or_else(|| {
            let rows = difference(&kept, &text);
            format!("the screen {name} of docs/screens; it is\n{text}\nand differs in\n{rows}")
        })
    });
}

/// The rows in which a screen differs from the stored one.
fn difference(kept: &str, text: &str) -> String {
    let count = kept.lines().count().max(text.lines().count());
    let rows = |text: &str| -> Vec<String> {
        let rows = text.lines().map(str::to_owned);
        rows.chain(iter::repeat(String::new()))
            .take(count)
            .collect()
    };
    let pairs = rows(kept).into_iter().zip(rows(text));
    let other = pairs.filter(|(kept, row)| kept != row);
    let other: Vec<String> = other
        .map(|(kept, row)| format!("- {kept}\n+ {row}"))
        .collect();
    other.join("\n")
}

/// Without what differs from run to run, and without the blank rows at the end.
fn masked_text(rows: &[String]) -> String {
    let rows: Vec<String> = rows.iter().map(|row| masked(row)).collect();
    rows.join("\n").trim_end_matches('\n').to_owned() + "\n"
}

/// Without what differs from run to run; columns stay where they are, except behind names of days,
/// whose lengths differ.
fn masked(row: &str) -> String {
    let is_block = |c: &char| "█▀▄".contains(*c);
    let mut cells: Vec<char> = row.chars().collect();
    if let (Some(first), Some(last)) = (
        cells.iter().position(is_block),
        cells.iter().rposition(is_block),
    ) {
        cells[first..=last].fill('▒');
    }
    mask_digits(&mut cells, "dddd-dd-dd");
    mask_digits(&mut cells, "dd:dd:dd");
    mask_digits(&mut cells, "dd:dd");
    let masked: String = cells.into_iter().collect();
    if let Some((begin, _)) = DAYS.iter().find_map(|day| masked.split_once(day)) {
        return format!("{begin}<day>");
    }
    let words = masked.split(' ').map(mask);
    words.collect::<Vec<_>>().join(" ")
}

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Makes zeros of the digits that stand where a pattern has a `d`, unless they belong to a word.
fn mask_digits(cells: &mut [char], pattern: &str) {
    let pattern: Vec<char> = pattern.chars().collect();
    let fits = |(cell, wanted): (&char, &char)| match wanted {
        'd' => cell.is_ascii_digit(),
        other => cell == other,
    };
    for begin in 0..cells.len().saturating_sub(pattern.len() - 1) {
        let is_inside = begin > 0 && cells[begin - 1].is_alphanumeric();
        let place = &mut cells[begin..begin + pattern.len()];
        if !is_inside && place.iter().zip(&pattern).all(fits) {
            let digits = place.iter_mut().filter(|cell| cell.is_ascii_digit());
            digits.for_each(|digit| *digit = '0');
        }
    }
}

/// Masks a word that differs from run to run.
fn mask(word: &str) -> String {
    let hidden = |c: char| if c.is_ascii_alphanumeric() { '*' } else { c };
    let hide = |text: &str| text.chars().map(hidden).collect::<String>();
    let is_base32 = |text: &str| text.chars().all(|c| matches!(c, 'A'..='Z' | '2'..='7'));
    if let Some((begin, fingerprint)) = word.split_once("SHA256:") {
        let hidden = fingerprint.chars().map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '+' | '/' => '*',
            other => other,
        });
        return format!("{begin}SHA256:{}", hidden.collect::<String>());
    }
    if let Some((begin, port)) = word.split_once("127.0.0.1:") {
        return format!("{begin}127.0.0.1:{}", hide(port));
    }
    // The secret in a link, wherever the edge of the screen breaks that.
    let (before, end) = word.split_at(word.find('&').unwrap_or(word.len()));
    if let Some((begin, secret)) = before.split_once("secret=") {
        return format!("{begin}secret={}{end}", hide(secret));
    }
    if !end.is_empty() && is_base32(before) {
        return format!("{}{end}", hide(before));
    }
    // A fingerprint that the edge of the screen cuts.
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/".contains(c);
    if word.len() == 19 && word.chars().all(is_base64) {
        return "*".repeat(19);
    }
    let is_code = word.len() == 19 && word.matches('-').count() == 3;
    let is_group = (word.len() == 4 || word.len() > 16) && is_base32(word);
    if is_code || is_group {
        return hide(word);
    }
    word.to_owned()
}

/// Says something in the lobby as `client`, and waits until its last word is seen.
fn said(client: &mut ScriptedClient, number: u64, text: &str, screen: &Screen) {
    client.post(id(1, number), text);
    screen.sees(text.rsplit(' ').next().unwrap());
}

#[test]
fn the_way_in_looks_like_this() {
    let server = ServerProcess::start(UNLIMITED);
    let mut ann = start(&server);
    ann.sees("1) Register");
    compare("menu", &ann);
    ann.press("1");
    ann.sees("Name:");
    // The name is so long that the picture has one size, whatever the secret is.
    ann.types("alexandra");
    ann.sees("New password");
    ann.press("password1");
    ann.sees("•••••••••");
    ann.sees("lists of common passwords");
    compare("registration-weak", &ann);
    ann.press(CTRL_U);
    ann.types(PASSWORD);
    ann.sees("The same again:");
    ann.types(PASSWORD);
    ann.sees("Code shown there:");
    compare("registration", &ann);
    let secret = secret_on(&mut ann);
    ann.press(&PAGE_UP.repeat(10));
    ann.sees("Name:");
    compare("registration-above", &ann);
    ann.types(secret.code_at(step_now()).expose());
    ann.sees("you are alexandra");
    ann.types("/quit");
    ann.ends();
    let mut ann = start(&server);
    ann.sees("1) Register");
    ann.press("2");
    ann.sees("Name:");
    ann.types("alexandra");
    ann.sees("Password:");
    ann.types(PASSWORD);
    ann.sees("Code:");
    ann.press("123456");
    ann.sees("Code: ••••••");
    compare("login", &ann);
}

#[test]
fn the_way_to_somebody_elses_server_looks_like_this() {
    let server = ServerProcess::start(UNLIMITED);
    let mut ann = Screen::start(stranger(&server), SIZE);
    ann.sees("1) Register");
    compare("menu-stranger", &ann);
    ann.press("1");
    ann.sees("(SHA256:...):");
    compare("fingerprint", &ann);
    let mut ann = Screen::start(stranger(&server), SIZE);
    ann.sees("1) Register");
    ann.press("2");
    ann.sees("Type yes to go on:");
    compare("host-key", &ann);
}

#[test]
fn the_chat_looks_like_this() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, mut client) = server.register("alice");
    let ops = client.create("#ops", Access::Open).unwrap().room;
    client
        .topic(ops, "deployments, and what they break")
        .unwrap();
    client.cut();
    let mut alice = enter(&server, SIZE, &mut account);
    let (_, mut bob) = server.register("bob");
    alice.sees("bob came; 2 online");
    let (_, mut carol) = server.register("carol");
    alice.sees("carol came; 3 online");
    let alone = bob.direct("alice").unwrap().room;
    bob.ask(|request| {
        ClientMessage::Send(Send {
            request,
            room: alone,
            id: id(7, 1),
            text: "are you there?".to_owned(),
            kind: Kind::Text,
        })
    });
    alice.sees("3 @bob");
    said(&mut bob, 1, "good morning", &alice);
    let link = "https://status.example/incidents/2026-11-23?view=full";
    said(
        &mut carol,
        1,
        &format!("morning! see {link} for the night"),
        &alice,
    );
    said(&mut bob, 2, "alice: can you look at the database?", &alice);
    alice.types("on it");
    alice.sees("<alice> on it");
    let text =
        "two lines\nof one message, 漢字 and \u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467} family";
    said(&mut carol, 2, text, &alice);
    compare("chat", &alice);
    alice.press("/hi");
    alice.sees("/history [n]");
    compare("typing-a-command", &alice);
    alice.press(CTRL_U);
    alice.types("/help");
    alice.sees("/join #room");
    compare("help", &alice);
    alice.press(ESCAPE);
    alice.loses("/join #room");
    alice.press("\u{12}data");
    alice.sees("search: data");
    compare("search", &alice);
    alice.press(ESCAPE);
    alice.loses("search:");
    alice.press("\u{1b}2");
    alice.sees("deployments");
    compare("chat-ops", &alice);
    alice.press("\u{1b}1");
    alice.sees("good morning");
    alice.resize((40, 10));
    alice.sees("family");
    compare("chat-40x10", &alice);
    alice.resize((200, 60));
    alice.sees("good morning");
    compare("chat-200x60", &alice);
    alice.resize((18, 4));
    alice.sees("too");
    compare("too-small", &alice);
    alice.resize((80, 24));
    alice.sees("good morning");
    alice.press(CTRL_C);
    alice.sees("y/n");
    compare("leaving", &alice);
    alice.press("n");
    // The index follows the messages a little later.
    eventually("both messages in the index", || {
        carol.ask(|request| {
            ClientMessage::Search(Search {
                request,
                words: "morning".to_owned(),
                before: None,
                limit: 10,
            })
        });
        let found = carol.until("what was found", |message| match message {
            ServerMessage::Found(found) => Some(found.messages.len()),
            _ => None,
        });
        (found == 2).then_some(())
    });
    alice.types("/search morning");
    alice.sees("2 messages found");
    compare("search-server", &alice);
}
