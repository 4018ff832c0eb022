//! A person at a full screen: the program on a pseudo-terminal, whose screen an emulator reads
//! back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use chatbox_common::testkit::account::step_now;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::testkit::terminal::client::{
    PASSWORD, SIZE, client, client_with, enter, registers, start,
};
use chatbox_common::testkit::terminal::{
    CTRL_C, CTRL_U, CTRL_Z, ENTER, ESCAPE, LocalModes, PAGE_UP, Screen, Signal, Transcript,
};
use chatbox_common::testkit::wait::eventually;

/// These give the terminal back.
const NO_PASTES: &str = "\u{1b}[?2004l";
const NO_SCREEN: &str = "\u{1b}[?1049l";
const AUTOWRAP: &str = "\u{1b}[?7h";
const WHEEL: &str = "\u{1b}[?1007h\u{1b}[?1007r";
/// Written when the full screen begins.
const NO_AUTOWRAP: &str = "\u{1b}[?7l";

/// Waits until the terminal has both line editing and echo, or neither.
fn edits_lines(screen: &Screen, expected: bool) {
    let both = LocalModes::ICANON | LocalModes::ECHO;
    let wanted = if expected { both } else { LocalModes::empty() };
    let what = format!("lines edited by the terminal: {expected}");
    screen.modes_become(&what, |modes| modes & both == wanted);
}

#[test]
fn two_people_register_and_talk_and_one_leaves() {
    let server = ServerProcess::start("");
    let mut alice = start(&server);
    registers(&mut alice, "alice");
    let mut bob = start(&server);
    registers(&mut bob, "bob");
    alice.sees("bob came; 2 online in #lobby");
    bob.types("hello alice");
    alice.sees("<bob> hello alice");
    alice.types("hello \u{1f600} bob");
    bob.sees("<alice> hello \u{1f600} bob");
    bob.types("/nonsense");
    bob.sees("There is no command /nonsense");
    bob.types("/quit");
    alice.sees("bob went; 1 online in #lobby");
    assert_eq!(bob.ends().code(), Some(0));
    alice.types(":quit");
    assert_eq!(alice.ends().code(), Some(0));
    for screen in [&alice, &bob] {
        let shown = String::from_utf8_lossy(&screen.bytes()).into_owned();
        assert!(!shown.contains(PASSWORD), "a password is never shown");
        assert!(shown.contains(NO_PASTES) && shown.contains(NO_SCREEN));
        assert!(shown.rfind(AUTOWRAP) > shown.rfind(NO_AUTOWRAP));
        assert!(shown.rfind(WHEEL) > shown.rfind("\u{1b}[?1007l"));
    }
}

#[test]
fn several_pasted_lines_are_one_message_and_no_command() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, client) = server.register("alice");
    client.cut();
    let (_, mut bob) = server.register("bob");
    let mut alice = enter(&server, SIZE, &mut account);
    let fifty: Vec<String> = (1..=50).map(|n| format!("/line {n}")).collect();
    alice.pastes(&fifty.join("\n"));
    alice.sees("50 lines");
    alice.sees("Enter sends");
    alice.press(ENTER);
    let chat = bob.chat();
    assert_eq!(chat.text, fifty.join("\n"));
    alice.pastes(&"0123456789\n".repeat(1_000));
    alice.sees("8192");
    alice.pastes("one line is as good as typed");
    alice.press(ENTER);
    assert_eq!(bob.chat().text, "one line is as good as typed");
    alice.pastes("never\nsent");
    alice.sees("2 lines");
    alice.sees("Esc forgets");
    alice.press(ESCAPE);
    alice.loses("2 lines");
    // An Enter right behind the paste, in the same write, is no answer.
    alice.press("\u{1b}[200~not\ryet\u{1b}[201~\r");
    alice.sees("Esc forgets");
    alice.press(ESCAPE);
    alice.loses("2 lines");
    alice.types("after all");
    assert_eq!(bob.chat().text, "after all");
    alice.pastes("/quit\n");
    alice.press(ENTER);
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn keys_that_come_byte_by_byte_are_what_they_are_at_once() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, client) = server.register("alice");
    client.cut();
    let (_, mut bob) = server.register("bob");
    let config = "[client]\nescape_ms = 5000\n";
    let program = client_with(&server, &mut account, "").file("config.toml", config);
    let mut alice = Screen::start(program, SIZE);
    alice.sees("connected");
    let press_slowly = |alice: &mut Screen, keys: &str| {
        let bytes = keys.chars().map(String::from);
        bytes.for_each(|byte| alice.press_alone(&byte));
    };
    // Alt-Enter, arrows, an answer of the terminal's, and a paste of commands.
    press_slowly(
        &mut alice,
        "one\u{1b}\rtwo\u{1b}[D\u{1b}[1;5Dthe \u{1b}]11;rgb:0/0/0\u{1b}\\\u{1b}[F!\r",
    );
    assert_eq!(bob.chat().text, "one\nthe two!");
    press_slowly(&mut alice, "\u{1b}[200~/quit\r/quit\u{1b}[201~");
    alice.sees("Esc forgets");
    alice.press(ENTER);
    assert_eq!(bob.chat().text, "/quit\n/quit");
    alice.loses("2 lines");
    // The wait ends, and it is a key by itself.
    alice.pastes("never\nsent");
    alice.sees("Esc forgets");
    alice.press(ESCAPE);
    alice.loses("2 lines");
}

#[test]
fn a_terminal_that_does_not_know_its_size_is_taken_for_a_usual_one() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, client) = server.register("alice");
    client.cut();
    let (_, mut bob) = server.register("bob");
    let mut alice = Transcript::start(client_with(&server, &mut account, ""));
    alice.sees("connected");
    // A serial line; a session begins there as it goes on.
    let mark = alice.mark();
    alice.resize((0, 0));
    alice.wrote(mark, "\u{1b}[2J");
    alice.wrote(mark, "\u{1b}[24;1H");
    alice.wrote(mark, "#lobby>");
    let mark = alice.mark();
    alice.press("here");
    alice.wrote(mark, "here");
    alice.press(ENTER);
    assert_eq!(bob.chat().text, "here");
    alice.press(CTRL_U);
    alice.types("/quit");
    alice.ends();
    // Line by line, too.
    let program = client_with(&server, &mut account, "").args(["--plain"]);
    let mut alice = Transcript::start(program);
    alice.sees("what you type is said in #lobby");
    alice.resize((0, 0));
    let head = "00:00:00 #lobby <bob> ".len();
    let row = "x".repeat(80 - head);
    bob.post(id(1, 1), &format!("{row}y"));
    alice.sees(&format!("#lobby <bob> {row}\r\n{}y\r\n", " ".repeat(head)));
}

#[test]
fn the_terminal_is_given_back_whatever_ends_the_program() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, _client) = server.register("alice");
    let mut alice = enter(&server, SIZE, &mut account);
    edits_lines(&alice, false);
    alice.wrote(0, NO_AUTOWRAP);
    alice.wrote(0, "\u{1b}[?1007s\u{1b}[?1007l");
    let mark = alice.mark();
    alice.signal(Signal::TSTP);
    alice.wrote(mark, AUTOWRAP);
    alice.wrote(mark, NO_SCREEN);
    edits_lines(&alice, true);
    alice.stops();
    let mark = alice.mark();
    alice.signal(Signal::CONT);
    alice.wrote(mark, "\u{1b}[?1049h");
    alice.wrote(mark, NO_AUTOWRAP);
    edits_lines(&alice, false);
    alice.sees("#lobby");
    let mark = alice.mark();
    alice.press(CTRL_Z);
    alice.wrote(mark, AUTOWRAP);
    alice.wrote(mark, NO_SCREEN);
    edits_lines(&alice, true);
    alice.stops();
    alice.signal(Signal::CONT);
    edits_lines(&alice, false);
    alice.types("still here");
    alice.sees("<alice> still here");
    // Continued without a stop, it has the terminal still, and saves nothing of its own.
    let mark = alice.mark();
    alice.signal(Signal::CONT);
    alice.wrote(mark, "\u{1b}[?1007l");
    let again = alice.bytes().split_off(mark);
    assert!(!String::from_utf8_lossy(&again).contains("\u{1b}[?1007s"));
    for signal in [
        Signal::TERM,
        Signal::INT,
        Signal::QUIT,
        Signal::HUP,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::XCPU,
    ] {
        let mark = alice.mark();
        alice.signal(signal);
        alice.ends();
        alice.wrote(mark, NO_PASTES);
        alice.wrote(mark, AUTOWRAP);
        alice.wrote(mark, WHEEL);
        alice.wrote(mark, NO_SCREEN);
        edits_lines(&alice, true);
        alice = enter(&server, SIZE, &mut account);
    }
    // In the middle of a question, too: one of the chat, and the first of all.
    alice.types("/password");
    alice.sees("Old password:");
    let mark = alice.mark();
    alice.signal(Signal::TERM);
    assert_eq!(alice.ends().code(), Some(0));
    alice.wrote(mark, AUTOWRAP);
    alice.wrote(mark, NO_SCREEN);
    let mut menu = start(&server);
    menu.sees("1) Register");
    let mark = menu.mark();
    menu.signal(Signal::TERM);
    menu.ends();
    menu.wrote(mark, AUTOWRAP);
    menu.wrote(mark, NO_SCREEN);
    edits_lines(&menu, true);
}

#[test]
fn the_terminal_continues_rows_in_the_view_for_copying_alone() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, _client) = server.register("alice");
    let mut alice = enter(&server, SIZE, &mut account);
    let (long, mark) = ("x".repeat(90), alice.mark());
    alice.types(&long);
    alice.sees("<alice> xxx");
    alice.press("\u{1b}l");
    alice.wrote(mark, &format!("<alice> \u{1b}[0m{long}{NO_AUTOWRAP}"));
    let written = String::from_utf8_lossy(&alice.bytes()).into_owned();
    assert_eq!(written.matches(AUTOWRAP).count(), 1);
    let (_, shown) = written.split_once(AUTOWRAP).unwrap();
    assert!(shown.contains(&long), "it is on before the lines");
}

#[test]
fn keys_reach_the_rooms_the_history_and_what_was_said_before() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, mut client) = server.register("alice");
    let (_, mut bob) = server.register("bob");
    for number in 1..=200 {
        bob.post(id(1, number), &format!("line {number}"));
    }
    client
        .create("#ops", chatbox_common::wire::message::Access::Open)
        .unwrap();
    let mut alice = enter(&server, SIZE, &mut account);
    alice.sees("line 200");
    alice.press("\u{1b}2");
    alice.types("in ops");
    alice.sees("<alice> in ops");
    alice.press("\u{10}");
    alice.sees("line 200");
    // Older messages are loaded while the person scrolls.
    alice.press(PAGE_UP);
    alice.loses("line 200");
    for _ in 0..30 {
        alice.press(PAGE_UP);
    }
    eventually("the first message", || {
        alice.press(PAGE_UP);
        alice
            .rows()
            .iter()
            .any(|row| row.ends_with("line 1"))
            .then_some(())
    });
    alice.press("\u{1b}[F");
    alice.sees("line 200");
    alice.press("hello wrold\u{17}world\u{1}oh, \u{5}!");
    alice.sees("> oh, hello world!");
    alice.press(CTRL_C);
    alice.loses("oh, hello world!");
    alice.press("\u{1b}[A");
    alice.sees("> oh, hello world!");
    alice.press("\u{15}bo\t");
    alice.sees("> bob:");
    alice.press(CTRL_U);
    alice.resize((100, 30));
    alice.sees("line 199");
    alice.resize((15, 4));
    alice.sees("too");
    alice.resize((80, 24));
    alice.sees("line 200");
    alice.press(CTRL_C);
    alice.sees("y/n");
    alice.press("y");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn a_person_changes_their_password_while_others_talk() {
    let mut server = ServerProcess::start_on(free_port(), "");
    let mut alice = start(&server);
    let secret = registers(&mut alice, "alice");
    let (_bob, mut bob) = server.register("bob");
    // The answer is typed before the question comes.
    alice.press("/password\rTyped-ahead-77\r");
    alice.sees("New password");
    bob.post(id(1, 1), "said meanwhile");
    alice.press(ESCAPE);
    alice.sees("nothing was changed");
    alice.sees("said meanwhile");
    alice.types("/password");
    alice.sees("Old password:");
    alice.types(PASSWORD);
    alice.sees("New password");
    alice.types("Canary-better-horse-78");
    alice.sees("The same again:");
    alice.types("Canary-better-horse-78");
    alice.sees("Code:");
    let code = secret.code_at(step_now() + 1);
    alice.types(code.expose());
    alice.sees("your password is changed");
    alice.types("still here");
    alice.sees("<alice> still here");
    // Continued without a stop, it has the terminal still, and saves nothing of its own.
    let mark = alice.mark();
    alice.signal(Signal::CONT);
    alice.wrote(mark, "\u{1b}[?1007l");
    let again = alice.bytes().split_off(mark);
    assert!(!String::from_utf8_lossy(&again).contains("\u{1b}[?1007s"));
    server.line("credentials.log", &["INFO  password_changed user=alice"]);
    let shown = String::from_utf8_lossy(&alice.bytes()).into_owned();
    for secret in [PASSWORD, "Canary-better-horse-78", "Typed-ahead-77"] {
        assert!(!shown.contains(secret), "a secret is never shown");
    }
    assert!(!server.lines("chat.log").join("\n").contains("Typed-ahead"));
    // Keys work while the server is away, and what is typed then is kept.
    server.kill();
    alice.sees("reconnecting in");
    alice.types("said to nobody yet");
    alice.sees("kept, and sent once there is a connection again");
    server.restart();
    alice.sees("<alice> said to nobody yet");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn without_colours_there_are_none() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, _client) = server.register("alice");
    let (_, mut bob) = server.register("bob");
    let program = client_with(&server, &mut account, "").env("NO_COLOR", "1");
    let mut alice = Screen::start(program, SIZE);
    bob.post(id(1, 1), "alice: look");
    alice.sees("alice: look");
    alice.types("/help");
    alice.sees("/join");
    let shown = String::from_utf8_lossy(&alice.bytes()).into_owned();
    for order in shown.split("\u{1b}[").skip(1) {
        let Some((numbers, _)) = order.split_once('m') else {
            continue;
        };
        if !numbers.chars().all(|c| c.is_ascii_digit() || c == ';') {
            continue;
        }
        for number in numbers.split(';').filter_map(|n| n.parse::<u32>().ok()) {
            let is_colour = matches!(number, 30..=38 | 40..=48 | 90..=107);
            assert!(!is_colour, "{numbers}");
        }
    }
}

#[test]
fn without_colours_the_code_is_still_dark_on_light() {
    let server = ServerProcess::start(UNLIMITED);
    let mut alice = Screen::start(client(&server).env("NO_COLOR", "1"), (100, 40));
    registers(&mut alice, "alice");
    // Its characters are what is light: white on black.
    alice.wrote(0, "\u{1b}[38;5;15;48;5;0m\u{2588}");
}

#[test]
fn what_was_typed_ahead_of_questions_that_are_cancelled_is_said_to_nobody() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, _client) = server.register("alice");
    let mut alice = enter(&server, SIZE, &mut account);
    // More than is read at once.
    let behind = "Typed-behind-77\r".repeat(100);
    for _ in 0..3 {
        alice.types("/password");
        alice.sees("Old password:");
        alice.press(&format!("{CTRL_C}{behind}"));
        alice.sees("cancelled: nothing was changed");
        alice.sees("What you typed ahead was thrown away");
        alice.types("/clear");
        alice.loses("cancelled");
    }
    alice.types("hello");
    alice.sees("<alice> hello");
    let logged = server.lines("chat.log").join("\n");
    assert!(!logged.contains("Typed"), "{logged}");
}

#[test]
fn whoever_has_no_utf_8_registers_with_the_secret_as_text() {
    let server = ServerProcess::start(UNLIMITED);
    for (name, size) in [("alice", (120, 60)), ("bob", (80, 24))] {
        let mut screen = Screen::start(client(&server).env("LC_ALL", "C"), size);
        screen.sees("+-");
        screen.sees("try LC_ALL=C.UTF-8");
        registers(&mut screen, name);
        screen.types("/quit");
        assert_eq!(screen.ends().code(), Some(0));
        assert!(screen.bytes().is_ascii());
    }
}

#[test]
fn a_terminal_of_another_session_is_not_taken() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::fs::File;

    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = || File::options().read(true).write(true).open(&name).unwrap();
    let home = tempfile::tempdir().unwrap();
    // Without `--ctty` the program has no controlling terminal.
    let mut child = std::process::Command::new("setsid")
        .args([
            "--wait",
            env!("CARGO_BIN_EXE_chatbox"),
            "--server",
            "127.0.0.1:1",
        ])
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path())
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8")
        .stdin(theirs())
        .stdout(theirs())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let ended = eventually("its end", || child.try_wait().unwrap());
    let told = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(!ended.success());
    assert!(
        told.contains("standard input is not the controlling terminal"),
        "{told}"
    );
}

#[test]
fn one_key_does_not_leave_the_menu_for_a_shell_that_a_password_is_typed_to() {
    let server = ServerProcess::start("");
    let mut menu = start(&server);
    for leaves in [ESCAPE, "q"] {
        menu.sees("1) Register");
        menu.press(leaves);
        menu.sees("Leave ChatBox?");
        menu.sees("any other key: stay");
        // The beginning of a password; the rest goes to the menu, which knows none of it.
        menu.press("Hunter");
        menu.loses("Leave ChatBox?");
        menu.sees("1) Register");
    }
    menu.press(ESCAPE);
    menu.sees("any other key: stay");
    menu.press(ENTER);
    menu.loses("Leave ChatBox?");
    menu.press("q");
    menu.sees("any other key: stay");
    menu.press("y");
    assert_eq!(menu.ends().code(), Some(0));
    let mut menu = start(&server);
    menu.sees("1) Register");
    menu.press(CTRL_C);
    assert_eq!(menu.ends().code(), Some(0));
}
