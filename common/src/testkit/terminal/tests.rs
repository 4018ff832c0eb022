//! The driver with small programs.

use super::*;

fn shell(script: &str) -> Program {
    Program::new("/bin/sh").args(["-c", script])
}

#[test]
fn a_program_gets_no_locale_no_size_and_no_colours_from_the_tests() {
    let mut terminal = Transcript::start(shell("env").env("NO_COLOR", "1"));
    assert!(terminal.ends().success());
    let text = terminal.text();
    let variables = text.lines().filter_map(|line| line.split_once('='));
    let variables: Vec<_> = variables.filter(|(name, _)| is_telling(name)).collect();
    let expected = [("LC_ALL", "C.UTF-8"), ("NO_COLOR", "1"), ("TZ", "UTC")];
    for pair in &expected {
        assert!(variables.contains(pair), "{pair:?} in {variables:?}");
    }
    assert_eq!(variables.len(), expected.len(), "{variables:?}");
}

/// Whether a variable could change what a program writes.
fn is_telling(name: &str) -> bool {
    let names = ["COLUMNS", "LINES", "LANG", "LANGUAGE", "TZ", "COLORTERM"];
    names.contains(&name) || name.starts_with("LC_") || name.contains("COLOR")
}

#[test]
fn at_the_end_everything_was_read() {
    let mut terminal = Transcript::start(shell("seq 20000; exit 7"));
    assert_eq!(terminal.ends().code(), Some(7));
    assert!(terminal.text().ends_with("\r\n19999\r\n20000\r\n"));
}

#[test]
fn a_text_is_read_once_from_its_beginning_to_its_end() {
    let mut terminal = Transcript::start(shell("echo one two one; cat").without_echo());
    terminal.sees("one");
    assert_eq!(terminal.sees("one"), " two ");
    terminal.types("three");
    assert_eq!(terminal.sees_one_of(&["one", "three"]), 1);
    terminal.types("four\nfive");
    terminal.wrote(0, "five\r\n");
    terminal.skips();
    terminal.types("six");
    assert_eq!(terminal.sees_one_of(&["four", "five", "six"]), 2);
    terminal.press(CTRL_D);
    assert!(terminal.ends().success());
}

#[test]
fn a_screen_has_rows_and_columns_where_the_emulator_drew_them() {
    let script = "printf 'one\\n\\033[5;3Htwo\\033[H\\033[5;7H漢 four'; cat";
    let screen = Screen::start(shell(script), (20, 6));
    screen.sees("four");
    assert_eq!(screen.rows(), ["one", "", "", "", "  two 漢 four", ""]);
    assert_eq!(screen.cursor(), (13, 4));
    assert_eq!(screen.column_of("two"), Some(2));
    assert_eq!(screen.column_of("four"), Some(9));
    assert_eq!(screen.column_of("five"), None);
}

#[test]
fn a_new_size_reaches_the_program_and_the_emulator() {
    let script = "trap 'stty size' WINCH; stty size; while :; do read -r line; done";
    let mut screen = Screen::start(shell(script), (40, 10));
    screen.sees("10 40");
    screen.resize((30, 5));
    screen.sees("5 30");
    assert_eq!(screen.rows().len(), 5);
}

#[test]
fn modes_stops_and_ends_are_waited_for() {
    let mut terminal =
        Transcript::start(shell("stty -echo; read -r line; kill -STOP $$; stty echo"));
    terminal.echo_becomes(false);
    terminal.types("go on");
    terminal.stops();
    assert!(!terminal.has_echo());
    terminal.signal(Signal::CONT);
    assert!(terminal.ends().success());
    assert!(terminal.has_echo());
    assert!(!terminal.text().contains("go on"));
}
