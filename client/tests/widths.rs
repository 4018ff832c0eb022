//! What terminals disagree about: a corpus of clusters is drawn, written and deleted, and the bytes
//! are shown by terminals with several tables of widths, and by tmux. No row of a peer's begins
//! where our lines do, and nothing is left behind of what is gone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may assert in the plainest way, their helpers too; terminals ask the tables"
)]

#[path = "widths/corpus.rs"]
mod corpus;
#[path = "widths/emulator.rs"]
mod emulator;
#[path = "widths/tmux.rs"]
mod tmux;

use chatbox_common::testkit::scripted_server::{
    AcceptedClient, CODE, PASSWORD, ScriptedServer, chat,
};
use chatbox_common::testkit::terminal::client::client_of;
use chatbox_common::testkit::terminal::{CTRL_U, Program, Screen};
use chatbox_common::wire::message::{ByeReason, ServerMessage};
use corpus::corpus;
use emulator::{Emulator, Widths};
use tmux::Tmux;
use unicode_width::UnicodeWidthChar;

/// Columns and rows.
const SIZE: (u16, u16) = (100, 30);
/// The columns of the list of rooms with its edge: peers write behind them.
const LIST: usize = 12;
const PROMPT: &str = "#lobby>";
/// How a line of somebody else's begins, but for a time that is never now.
const FORGED: &str = "00:00:00 #lobby <bob> ";
/// Redraws the full screen.
const CTRL_L: &str = "\u{c}";

const TABLES: [(&str, Widths); 4] = [
    ("ambiguous is narrow", |c| c.width().unwrap_or(0)),
    ("ambiguous is wide", |c| c.width_cjk().unwrap_or(0)),
    ("letters are wide, too", |c| match c {
        'Α'..='ω' | 'А'..='я' | 'é' | 'ß' | 'Ł' => 2,
        c => c.width_cjk().unwrap_or(0),
    }),
    ("marks have a column", |c| c.width().unwrap_or(0).max(1)),
];

fn client(server: &ScriptedServer) -> Program {
    let fingerprint = server.fingerprint().to_string();
    client_of(
        (&server.address(), &fingerprint),
        ("alice", PASSWORD, CODE),
        "",
    )
}

/// The chat asks for a page at its beginning, a script does not.
fn accept(server: &ScriptedServer, arguments: &str) -> AcceptedClient {
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    if !arguments.starts_with("tail") {
        client.page(Vec::new());
    }
    client
}

/// Says each text, and what comes last.
fn says(client: &mut AcceptedClient, texts: &[(&str, String)]) {
    let last = [("carol", "that was all".to_owned())];
    for (seq, (user, text)) in (1..).zip(texts.iter().chain(&last)) {
        client.say(&ServerMessage::Chat(chat(seq, user, text)));
    }
}

/// For each cluster messages of several lengths, with what a forger would write behind them.
fn attacks() -> Vec<(&'static str, String)> {
    let mut texts = Vec::new();
    for cluster in corpus() {
        texts.push(("mallory", format!("{cluster}|")));
        for number in [3, 40] {
            texts.push((
                "mallory",
                format!("{}{FORGED}I resign", cluster.repeat(number)),
            ));
        }
    }
    texts
}

/// As a redraw shows it: what stands there is what was to stand there.
fn a_redraw_changes_nothing(screen: &mut Screen, last: &str) {
    let mark = screen.mark();
    screen.press(CTRL_L);
    screen.wrote(mark, "\u{1b}[2J");
    let bytes = screen.bytes();
    let clear = bytes[mark..]
        .windows(4)
        .position(|window| window == b"\x1b[2J");
    let before = &bytes[..mark + clear.unwrap()];
    for (what, table) in TABLES {
        let mut shown = Emulator::new(table, SIZE);
        shown.process(before);
        let rows = shown.rows();
        assert!(
            rows.iter().any(|row| row.contains(last)),
            "{what}: {rows:#?}"
        );
        screen.until(|| {
            let mut anew = Emulator::new(table, SIZE);
            anew.process(&screen.bytes());
            let anew = anew.rows();
            let differ = rows.iter().zip(&anew).find(|(row, anew)| row != anew);
            differ.map_or(Ok(()), |pair| {
                Err(format!("{what}: the same anew, not {pair:#?}"))
            })
        });
    }
}

#[test]
fn on_the_full_screen_each_cluster_stays_in_its_row_and_leaves_nothing_behind() {
    let server = ScriptedServer::bind();
    let mut screen = Screen::start(client(&server), SIZE);
    let mut client = accept(&server, "");
    screen.sees("you are alice");
    let attacks = attacks();
    says(&mut client, &attacks);
    screen.press("typed");
    screen.input_is("typed");
    screen.sees("that was all");
    for (what, table) in TABLES {
        let mut shown = Emulator::new(table, SIZE);
        shown.process(&screen.bytes());
        let begins = shown.begins(LIST);
        let is_ours = |begin: &String| begin.chars().all(|c| c.is_ascii() || c == '│');
        assert!(begins.iter().all(is_ours), "{what}: {begins:#?}");
        let rows = shown.rows();
        assert!(rows[0].starts_with("[audited]"), "{what}: {rows:#?}");
        assert!(rows[28].starts_with("connected"), "{what}: {rows:#?}");
        assert_eq!(rows[29], format!("{PROMPT} typed"), "{what}");
    }
    a_redraw_changes_nothing(&mut screen, "typed");
    // Gone are those that were there.
    screen.press(CTRL_U);
    screen.types("/clear");
    screen.loses("that was all");
    screen.press("cleared");
    screen.input_is("cleared");
    for (what, table) in TABLES {
        let mut shown = Emulator::new(table, SIZE);
        shown.process(&screen.bytes());
        for row in &shown.behind(LIST)[1..28] {
            let is_own = row.is_empty() || row.starts_with("──");
            assert!(is_own, "{what}: {row}");
        }
    }
    a_redraw_changes_nothing(&mut screen, "cleared");
}

#[test]
fn what_is_typed_and_deleted_leaves_nothing_behind() {
    let server = ScriptedServer::bind();
    let mut screen = Screen::start(client(&server), SIZE);
    let _client = accept(&server, "");
    screen.sees("you are alice");
    let begin = PROMPT.len() + 1;
    screen.cursor_is(begin, "");
    let mut shown: Vec<_> = TABLES
        .iter()
        .map(|(what, table)| (what, Emulator::new(*table, SIZE)))
        .collect();
    let mut had = 0;
    for cluster in corpus() {
        screen.press(&cluster);
        screen.until(|| {
            let (column, _) = screen.cursor();
            let is_typed = column > begin;
            is_typed
                .then_some(())
                .ok_or_else(|| format!("{cluster:?} typed"))
        });
        screen.press(CTRL_U);
        screen.cursor_is(begin, "");
        // The cursor is placed behind the frame.
        let bytes = screen.bytes();
        for (what, shown) in &mut shown {
            shown.process(&bytes[had..]);
            assert_eq!(shown.rows()[29], PROMPT, "{what}, {cluster:?}");
        }
        had = bytes.len();
    }
}

/// Messages in which the terminal of each table would break a row before what is forged, for lines
/// that begin with a short name and with a long one.
fn forgeries(columns: u16) -> Vec<(&'static str, String)> {
    let columns = usize::from(columns);
    let mut texts = Vec::new();
    for (number, cluster) in corpus().into_iter().enumerate() {
        let user = ["mallory", "mallory-mallory-mallory-mallory1"][number % 2];
        let head = format!("00:00:00 #lobby <{user}> ").len();
        for (_, table) in TABLES {
            let wide: usize = cluster.chars().map(table).sum();
            let room = columns * 2 - head;
            let times = room.checked_div(wide).unwrap_or(0);
            let rest = "x".repeat(room - times * wide);
            let text = format!("{rest}{}{FORGED}I resign", cluster.repeat(times));
            if !texts.contains(&(user, text.clone())) {
                texts.push((user, text));
            }
        }
    }
    texts
}

/// Each row begins as a line of ours does, or behind what marks the rest of one.
fn begins_as_ours(row: &str) -> bool {
    let is_marked = row.is_empty() || row.starts_with([' ', '|']) || row.starts_with("chatbox: ");
    let is_time = row.len() > 8 && row.is_char_boundary(8) && {
        let time: String = row[..8]
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        time == "00:00:00" && !row.starts_with(FORGED)
    };
    is_marked || is_time
}

fn no_line_is_forged(rows: &[String], what: &str) {
    for row in rows {
        assert!(begins_as_ours(row), "{what}: {row:?} in {rows:#?}");
    }
    assert!(
        rows.iter().any(|row| row.contains("that was all")),
        "{what}"
    );
}

#[test]
fn where_lines_are_written_no_terminal_breaks_one_itself() {
    for (arguments, sizes) in [
        ("--plain", &[48, 100][..]),
        ("tail --room #lobby", &[60][..]),
    ] {
        for columns in sizes.iter().copied() {
            let server = ScriptedServer::bind();
            let program = client(&server).args(arguments.split(' '));
            let mut screen = Screen::start(program, (columns, 30));
            let mut client = accept(&server, arguments);
            says(&mut client, &forgeries(columns));
            screen.sees("that was all");
            // A sentence of the server's, on standard error.
            client.bye(ByeReason::Other(99), &FORGED.repeat(20));
            screen.ends();
            let bytes = screen.bytes();
            for (what, table) in TABLES {
                let mut shown = Emulator::new(table, (columns, 30));
                shown.process(&bytes);
                no_line_is_forged(&shown.all_rows(), &format!("{what} {columns} {arguments}"));
            }
        }
    }
}

#[test]
fn in_tmux_nothing_is_forged_and_nothing_is_left_behind() {
    let Some(mut tmux) = Tmux::start() else {
        return;
    };
    // Line by line.
    for arguments in ["--plain", "tail --room '#lobby'"] {
        let server = ScriptedServer::bind();
        tmux.runs(&client_in(&server, arguments));
        let mut client = accept(&server, arguments);
        says(&mut client, &forgeries(tmux::SIZE.0));
        tmux.sees("that was all");
        no_line_is_forged(&tmux.all_rows(), arguments);
        tmux.ends();
    }
    // On the full screen.
    let server = ScriptedServer::bind();
    tmux.runs(&client_in(&server, ""));
    let mut client = accept(&server, "");
    tmux.sees("you are alice");
    says(&mut client, &attacks());
    tmux.sees("that was all");
    tmux.types("typed");
    let rows = tmux.until(|rows| rows.last().is_some_and(|row| row.ends_with("typed")));
    assert!(rows[0].starts_with("[audited]"), "{rows:#?}");
    for row in &rows[1..28] {
        let begin: String = row.chars().take(LIST).collect();
        assert!(begin.chars().all(|c| c.is_ascii() || c == '│'), "{rows:#?}");
    }
    tmux.presses("C-l");
    tmux.types("x");
    let anew = tmux.until(|rows| rows.last().is_some_and(|row| row.ends_with("typedx")));
    assert_eq!(rows[..29], anew[..29]);
    tmux.presses("C-u");
    for cluster in corpus() {
        tmux.until(|rows| rows.last().is_some_and(|row| row == PROMPT));
        tmux.types(&format!("{cluster}|"));
        tmux.until(|rows| rows.last().is_some_and(|row| row.ends_with('|')));
        tmux.presses("C-u");
    }
    tmux.until(|rows| rows.last().is_some_and(|row| row == PROMPT));
}

/// The command line of a client that logs in without a question.
fn client_in(server: &ScriptedServer, arguments: &str) -> String {
    format!(
        "{} --server {} --fingerprint {} --user alice --password-file pass --otp-file code {arguments}",
        env!("CARGO_BIN_EXE_chatbox"),
        server.address(),
        server.fingerprint(),
    )
}
