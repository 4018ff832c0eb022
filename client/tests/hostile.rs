//! Texts of others reach the terminal without controls: a server puts attacks in every text that it
//! can send, and the bytes that a full screen writes are searched for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::scripted_server::{
    AcceptedClient, CODE, PASSWORD, ScriptedServer, chat,
};
use chatbox_common::testkit::terminal::client::client_of;
use chatbox_common::testkit::terminal::{PAGE_UP, Program, Screen};
use chatbox_common::wire::message::{
    Access, Action, Bye, ByeReason, Chat, ErrorCode, ErrorMessage, Invited, Kind, Left, Presence,
    RoomChanged, RoomId, RoomRole, ServerMessage, Standing,
};

/// Controls, by what a terminal would do.
const ATTACKS: &[(&str, &str)] = &[
    ("clear the screen", "\u{1b}[2J"),
    ("home", "\u{1b}[H"),
    ("move the cursor", "\u{1b}[7;77H"),
    ("up a line and over another's words", "\u{1b}[1A\u{1b}[1G"),
    ("colours", "\u{1b}[38;5;77;48;5;77m"),
    ("conceal", "\u{1b}[8m"),
    ("insert lines", "\u{1b}[77L"),
    ("scroll region", "\u{1b}[7;7r"),
    ("leave the alternate screen", "\u{1b}[?1049l"),
    ("hide the cursor", "\u{1b}[?25l"),
    ("mouse on", "\u{1b}[?1003h"),
    ("bracketed paste off", "\u{1b}[?2004l"),
    ("end of a paste", "\u{1b}[201~"),
    ("report the cursor", "\u{1b}[6n"),
    ("report the device", "\u{1b}[c"),
    ("report the terminal's name", "\u{1b}[>0q"),
    ("report the title", "\u{1b}[21t"),
    ("resize the window", "\u{1b}[8;1;1t"),
    ("print the screen", "\u{1b}[5i"),
    ("synchronized update", "\u{1b}[?2026h"),
    ("keyboard protocol", "\u{1b}[>31u"),
    ("title, BEL", "\u{1b}]0;owned\u{7}"),
    ("title, ST", "\u{1b}]2;owned\u{1b}\\"),
    ("clipboard", "\u{1b}]52;c;b3duZWQ=\u{7}"),
    ("link", "\u{1b}]8;;http://owned\u{1b}\\x\u{1b}]8;;\u{1b}\\"),
    ("notification", "\u{1b}]9;owned\u{7}"),
    ("working directory", "\u{1b}]7;file://owned\u{7}"),
    ("palette", "\u{1b}]4;1;#000000\u{7}"),
    ("palette of the Linux console", "\u{1b}]P7000000"),
    ("file to the disk", "\u{1b}]1337;File=:AAAA\u{7}"),
    ("DCS, sixel", "\u{1b}Pq#0;2;0;0;0\u{1b}\\"),
    ("DCS, request settings", "\u{1b}P$qm\u{1b}\\"),
    (
        "DCS, tmux passthrough",
        "\u{1b}Ptmux;\u{1b}\u{1b}]0;x\u{7}\u{1b}\\",
    ),
    ("APC, kitty graphics", "\u{1b}_Ga=T;AAAA\u{1b}\\"),
    ("PM", "\u{1b}^owned\u{1b}\\"),
    ("SOS", "\u{1b}Xowned\u{1b}\\"),
    ("reset", "\u{1b}c"),
    ("save and restore", "\u{1b}7\u{1b}8"),
    ("reverse line feed", "\u{1b}M"),
    ("character set", "\u{1b}(0lqqk\u{e}lqqk\u{f}"),
    ("double height", "\u{1b}#3"),
    ("screen's title", "\u{1b}kowned\u{1b}\\"),
    ("C1: CSI", "\u{9b}2J"),
    ("C1: OSC", "\u{9d}0;owned\u{9c}"),
    ("C1: DCS", "\u{90}qowned\u{9c}"),
    ("C1: APC, PM, SOS", "\u{9f}x\u{9e}x\u{98}x\u{9c}"),
    ("C1: next line, reverse line feed", "\u{85}\u{8d}"),
    ("carriage return", "good\rbad"),
    ("backspace and delete", "good\u{8}\u{8}\u{7f}bad"),
    ("vertical tab, form feed", "\u{b}\u{c}"),
    ("bell", "\u{7}\u{7}\u{7}"),
    ("enquiry", "\u{5}"),
    ("flow control", "\u{11}\u{13}"),
    ("nothing", "a\0b"),
    ("right to left override", "\u{202e}dlrow\u{202c}"),
    ("embeddings", "\u{202a}a\u{202b}b\u{202d}c"),
    ("isolates", "\u{2066}a\u{2067}b\u{2068}c\u{2069}"),
    ("direction marks", "\u{200e}\u{200f}\u{61c}"),
    ("zero width", "ad\u{200b}m\u{2060}i\u{feff}n"),
    ("joiners in ASCII", "ad\u{200d}m\u{200c}in"),
    ("line and paragraph separators", "a\u{2028}b\u{2029}c"),
    ("tags", "ok\u{e0041}\u{e007f}"),
    ("soft hyphen, fillers", "\u{ad}\u{3164}\u{115f}\u{ffa0}"),
    ("annotations", "\u{fff9}a\u{fffa}b\u{fffb}"),
];

/// Final bytes of the client's own control sequences, and the private modes it switches; of one it
/// saves and restores what it was.
const OWN_FINALS: &str = "HJKmhlABCDGdX";
const OWN_SAVED: &[&str] = &["?1007s", "?1007r"];
const OWN_MODES: &[&str] = &["?7", "?25", "?1007", "?1049", "?2004"];

const SIZE: (u16, u16) = (100, 30);

fn client(server: &ScriptedServer) -> Program {
    let fingerprint = server.fingerprint().to_string();
    client_of(
        (&server.address(), &fingerprint),
        ("alice", PASSWORD, CODE),
        "",
    )
}

fn enter() -> (ScriptedServer, Screen, AcceptedClient) {
    let server = ScriptedServer::bind();
    let screen = Screen::start(client(&server), SIZE);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    client.page(Vec::new());
    screen.sees("you are alice");
    (server, screen, client)
}

/// Controls in the output that a full screen does not need.
fn foreign_orders(bytes: &[u8]) -> Vec<String> {
    let text = str::from_utf8(bytes).expect("what is written is UTF-8");
    let mut foreign = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            let begin = rest.as_str();
            if rest.next() != Some('[') {
                foreign.push(begin.chars().take(8).collect());
                continue;
            }
            let mut sequence = String::new();
            for c in rest.by_ref() {
                sequence.push(c);
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
            // What is read while the program writes may end within an order.
            let (parameters, last) = sequence.split_at(sequence.len().saturating_sub(1));
            let is_plain = parameters.chars().all(|c| c.is_ascii_digit() || c == ';');
            let is_own = !last.is_empty()
                && OWN_FINALS.contains(last)
                && (is_plain || ("hl".contains(last) && OWN_MODES.contains(&parameters)));
            if !is_own && !OWN_SAVED.contains(&&*sequence) {
                foreign.push(sequence);
            }
        } else if (c.is_control() && !"\r\n".contains(c)) || is_invisible(c) {
            foreign.push(format!("{c:?}"));
        }
    }
    foreign
}

/// Fails where the output ends inside a character or sequence, so that the caller waits for more.
fn has_own_orders(written: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(written).map_err(|error| error.to_string())?;
    match foreign_orders(text.as_bytes()) {
        foreign if foreign.is_empty() => Ok(text),
        foreign => Err(format!("a terminal without {foreign:?}")),
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Sends the attack in every text of a session's messages.
fn attack(client: &mut AcceptedClient, number: u64, attack: &str) {
    let text = |what: &str| format!("{what}{attack}end");
    let room = RoomId(100 + number);
    let says = |seq: u64, kind: Kind| Chat {
        kind,
        ..chat(seq, &text("user"), &text("text"))
    };
    client.say(&ServerMessage::Chat(says(2 * number + 1, Kind::Text)));
    client.say(&ServerMessage::Chat(says(2 * number + 2, Kind::Action)));
    client.joined(None, room, &format!("#r{number}{attack}"), Access::Open);
    client.page_of_next(room);
    client.say(&ServerMessage::RoomChanged(RoomChanged {
        room: LOBBY,
        topic: text("topic"),
        locked: number.is_multiple_of(2).then(|| text("lock")),
        archived: None,
        by: text("by"),
    }));
    client.say(&ServerMessage::Presence(Presence {
        room: LOBBY,
        joined: vec![text("came")],
        left: vec![text("went")],
        online: 2,
    }));
    client.say(&ServerMessage::Standing(Standing {
        room: LOBBY,
        user: text("user"),
        action: Action::Mute,
        by: text("by"),
        reason: text("reason"),
        role: RoomRole::Member,
        seconds: Some(7),
    }));
    client.say(&ServerMessage::Invited(Invited {
        name: text("#room"),
        by: text("by"),
    }));
    client.say(&ServerMessage::Left(Left {
        request: None,
        room,
        action: Action::Kick,
        by: text("by"),
        reason: text("reason"),
    }));
    client.say(&ServerMessage::Error(ErrorMessage {
        request: None,
        code: ErrorCode::NotAllowed,
        text: text("error"),
        retry_ms: None,
    }));
}

#[test]
fn nothing_that_others_say_is_an_order_to_the_terminal() {
    let (_server, mut screen, mut client) = enter();
    for (number, (_, sequence)) in (0..).zip(ATTACKS) {
        attack(&mut client, number, sequence);
    }
    let last = 2 * ATTACKS.len() as u64 + 1;
    client.say(&ServerMessage::Chat(chat(last, "bob", "that was all")));
    screen.sees("that was all");
    // Scrolling back draws every message once more.
    for _ in 0..20 {
        let mark = screen.mark();
        screen.press(PAGE_UP);
        screen.draws(mark);
    }
    let text = screen.until(|| has_own_orders(screen.bytes()));
    for (what, sequence) in ATTACKS {
        assert!(!text.contains(&format!("{sequence}end")), "{what}");
    }
    // The goodbye is written after the alternate screen is left.
    let mark = screen.mark();
    client.say(&ServerMessage::Bye(Bye {
        reason: ByeReason::Other(99),
        text: ATTACKS.iter().map(|(_, sequence)| *sequence).collect(),
    }));
    screen.ends();
    screen.wrote(mark, "the server ended the session");
    assert_eq!(foreign_orders(&screen.bytes()), Vec::<String>::new());
}

#[test]
fn nobody_speaks_in_another_s_name() {
    let (_server, screen, mut client) = enter();
    client.say(&ServerMessage::Chat(chat(1, "bob", "I am bob")));
    screen.sees("I am bob");
    // The beginning of bob's line as drawn, which mallory forges.
    let real = screen.sees_row("bob's line", |row| row.contains("I am bob"));
    let begin = &real[..real.find("I am bob").unwrap()];
    let fake = begin.trim_start();
    let width = begin.chars().count();
    let texts = [
        format!("hello\n{fake}I resign"),
        format!("hello\n{begin}I resign"),
        format!("hello{}{fake}I resign", " ".repeat(100 - width - 5)),
        format!("hello {}\n{fake}I resign", "x".repeat(200)),
        format!("hello\u{2028}{fake}I resign"),
        format!("hello\r\n{fake}I resign"),
        format!("\n\n{fake}I resign"),
    ];
    for (seq, text) in (2..).zip(&texts) {
        client.say(&ServerMessage::Chat(chat(seq, "mallory", text)));
    }
    let last = 2 + texts.len() as u64;
    client.say(&ServerMessage::Chat(chat(last, "carol", "that was all")));
    screen.sees("that was all");
    screen.until_rows(|rows| {
        let is_fake = |row: &&String| row.contains("I resign") && row.starts_with(begin);
        match rows.iter().find(is_fake) {
            None => Ok(()),
            Some(fake) => Err(format!("a screen without {fake:?}")),
        }
    });
}

/// Letters whose UTF-8 has C1 controls for a terminal that reads another character set (`Û` is C3
/// 9B, and 9B is CSI), and other texts beyond ASCII.
const OTHER_CHARSETS: &[&str] = &[
    "Û2J",
    "Û7;77H",
    "Ý0;ownedÜ",
    "ÐqownedÜ",
    "ßownedÜ",
    "\u{9b}2J",
    "漢字 👩\u{200d}👩\u{200d}👧 e\u{301}",
    "┌─│…•█",
];

#[test]
fn a_terminal_that_does_not_read_utf_8_is_given_ascii_alone() {
    for (flags, (name, value)) in [
        (None, ("LC_ALL", "C")),
        (Some("--plain"), ("LC_ALL", "C")),
        (None, ("TERM", "vt100")),
        (Some("--plain"), ("TERM", "vt220")),
    ] {
        let server = ScriptedServer::bind();
        let program = client(&server).args(flags).env(name, value);
        let mut screen = Screen::start(program, SIZE);
        let mut client = server.accept();
        client.log_in();
        client.welcome(0, 0);
        client.page(Vec::new());
        screen.sees("what you type is said");
        screen.sees("UTF-8");
        for (number, text) in (0..).zip(OTHER_CHARSETS) {
            attack(&mut client, number, text);
        }
        let last = 2 * OTHER_CHARSETS.len() as u64 + 1;
        client.say(&ServerMessage::Chat(chat(last, "bob", "Û|that was all")));
        screen.sees("?|that was all");
        if flags.is_none() {
            screen.press("Û");
            screen.input_is("?");
        }
        client.say(&ServerMessage::Bye(Bye {
            reason: ByeReason::Other(99),
            text: OTHER_CHARSETS.concat(),
        }));
        screen.ends();
        screen.wrote(0, "the server ended the session");
        let written = screen.bytes();
        let other: Vec<_> = written.iter().filter(|byte| !byte.is_ascii()).collect();
        assert!(other.is_empty(), "{flags:?} {value}: {other:x?}");
        assert_eq!(foreign_orders(&written), Vec::<String>::new());
    }
}
