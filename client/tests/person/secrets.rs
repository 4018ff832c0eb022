//! What is typed as an answer is neither shown nor said, whenever it is typed and whatever becomes
//! of the question.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use chatbox_common::testkit::terminal::{CTRL_U, Program, Signal};
use chatbox_common::testkit::wait::eventually;
use rustix::process::{Pid, kill_process};

use super::*;

#[test]
fn secrets_typed_in_vain_are_said_to_nobody() {
    let mut server = ServerProcess::start_on(free_port(), "");
    let mut alice = start(&server);
    registers(&mut alice, "alice");
    server.kill();
    alice.sees("reconnecting in");
    // All at once, and then as they are asked for.
    let answers = "Typed-old-77\nTyped-better-horse-78\nTyped-better-horse-78\n000000";
    alice.types(&format!("/password\n{answers}\n/password\n{answers}"));
    alice.sees("There is no connection just now: nothing was changed");
    alice.sees("There is no connection just now: nothing was changed");
    alice.types("/2fa codes");
    alice.sees("Password:");
    alice.types("Typed-old-77");
    alice.sees("Code:");
    alice.types("000000");
    alice.sees("There is no connection just now: nothing was changed");
    alice.types("/2fa codes");
    alice.sees("Password:");
    alice.types("\x03Typed-old-77\n000000");
    alice.sees("cancelled: nothing was changed");
    alice.sees("What you typed ahead was thrown away");
    server.restart();
    alice.sees("-- connected again");
    alice.types("/password");
    alice.sees("Old password:");
    alice.types("Typed-old-77");
    alice.sees("New password");
    alice.types("\x03Typed-better-horse-78\n000000");
    alice.sees("cancelled: nothing was changed");
    alice.sees("What you typed ahead was thrown away");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
    server.line("chat.log", &["hello"]);
    let logged = server.lines("chat.log").join("\n");
    assert!(
        !logged.contains("Typed") && !logged.contains("000000"),
        "{logged}"
    );
}

/// A server that answers nothing until it goes on.
fn stopped() -> (ServerProcess, impl Fn()) {
    let server = ServerProcess::start("");
    let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    (server, move || kill_process(pid, Signal::CONT).unwrap())
}

#[test]
fn a_password_typed_before_there_is_any_question_is_not_shown() {
    let (server, go_on) = stopped();
    let mut alice = start(&server);
    alice.echo_becomes(false);
    assert_eq!(alice.text(), "", "nothing was asked yet");
    alice.types(&format!("1\nalice\n{PASSWORD}\n{PASSWORD}"));
    go_on();
    // Also while keys are computed from the password.
    alice.sees("?secret=");
    assert!(!alice.has_echo());
    let secret = secret_of(&alice.sees("&issuer=ChatBox"));
    alice.is_asked("Code shown there:");
    alice.types(secret.code_at(step_now()).expose());
    alice.sees("you are alice");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    assert!(!alice.text().contains(PASSWORD), "it was shown");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn a_password_typed_at_once_is_not_shown_by_scripts_either() {
    let (server, go_on) = stopped();
    let scripts: [&[&str]; 4] = [
        &["send", "--room", "#lobby", "hello"],
        &["tail", "--room", "#lobby"],
        &["list"],
        &["whoami"],
    ];
    let all = scripts.map(|script| {
        let program = client(&server).args(script.iter().copied());
        let program = program.args(["--user", "alice", "--fingerprint", &server.fingerprint]);
        let mut person = Transcript::start(program);
        // Before there is any question: the server has not answered yet.
        person.echo_becomes(false);
        person.types(PASSWORD);
        person.types("123456");
        person
    });
    go_on();
    for mut person in all {
        // There is no such account: the menu comes.
        person.is_asked("1) Register  2) Log in");
        person.types("q");
        person.ends();
        assert!(!person.text().contains(PASSWORD), "{}", person.text());
        person.echo_becomes(true);
    }
}

#[test]
fn the_terminal_shows_keys_again_whatever_ends_the_questions() {
    let (server, go_on) = stopped();
    let mut person = start(&server);
    is_kept_waiting(&person);
    person.press(CTRL_C);
    assert_eq!(
        person.ends().signal(),
        Some(2),
        "Ctrl-C while it is connecting"
    );
    person.echo_becomes(true);
    for signal in [Signal::TERM, Signal::INT] {
        let mut person = start(&server);
        is_kept_waiting(&person);
        person.signal(signal);
        assert_eq!(person.ends().signal(), Some(signal.as_raw()));
        person.echo_becomes(true);
    }
    go_on();
    for signal in [
        Signal::TERM,
        Signal::HUP,
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::XCPU,
    ] {
        let mut person = start(&server);
        person.is_asked("1) Register  2) Log in");
        person.signal(signal);
        assert_eq!(person.ends().signal(), Some(signal.as_raw()));
        person.echo_becomes(true);
    }
    for key in [CTRL_C, CTRL_D, "q"] {
        let mut person = start(&server);
        person.is_asked("1) Register  2) Log in");
        person.types(key);
        assert_eq!(person.ends().code(), Some(0));
        person.echo_becomes(true);
    }
}

#[test]
fn a_question_that_was_stopped_goes_on_without_echo() {
    let server = ServerProcess::start("");
    let mut person = start(&server);
    person.is_asked("1) Register  2) Log in");
    person.signal(Signal::STOP);
    person.stops();
    // As a shell does.
    let modes = person.modes() | LocalModes::ECHO | LocalModes::ICANON;
    person.set_modes(modes);
    person.signal(Signal::CONT);
    person.echo_becomes(false);
    person.types("2");
    person.is_asked("Name:");
    person.types("alice");
    person.is_asked("Password:");
    person.types(PASSWORD);
    person.is_asked("Code:");
    assert!(!person.text().contains(PASSWORD), "it was shown");
}

/// What is typed in the chat is shown, and taken back again.
fn shows_keys(person: &mut Transcript) {
    person.press("seen");
    person.sees("seen");
    person.press(CTRL_U);
    person.sees("\u{8} \u{8}");
}

#[test]
fn questions_in_the_chat_are_asked_without_echo_and_the_chat_has_it_again() {
    let server = ServerProcess::start("");
    let mut alice = start(&server);
    registers(&mut alice, "alice");
    shows_keys(&mut alice);
    alice.types("/password");
    alice.is_asked("Old password:");
    alice.types(&format!("{PASSWORD}\nTyped-better-horse-78"));
    alice.is_asked("The same again:");
    alice.types("Typed-better-horse-78");
    alice.is_asked("Code:");
    alice.types("000000");
    alice.sees("refused: the password or the code is wrong");
    shows_keys(&mut alice);
    alice.types("/2fa codes");
    alice.is_asked("Password:");
    alice.press(CTRL_C);
    alice.sees("cancelled: nothing was changed");
    shows_keys(&mut alice);
    for password in [PASSWORD, "Typed-better-horse-78"] {
        assert!(!alice.text().contains(password), "it was shown");
    }
    alice.press(CTRL_C);
    assert_eq!(alice.ends().code(), Some(0));
    alice.echo_becomes(true);
}

/// The state of a process (proc_pid_stat(5)); `None` once it is gone.
fn state(pid: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Kills a process that the test may leave behind.
struct LeftBehind(Pid);

impl Drop for LeftBehind {
    fn drop(&mut self) {
        // Where the test succeeded the process has ended, and its shell may not have waited for it
        // yet.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[test]
fn a_question_in_the_background_waits_stopped_and_ends_when_it_is_told_to() {
    // A shell that gives each of its jobs a group of its own, and keeps the terminal.
    let script = "\"$0\" --plain --server 127.0.0.1:1 & echo \"began $!.\"; read ended";
    let shell = Program::new("sh").args(["-mc", script, env!("CARGO_BIN_EXE_chatbox")]);
    let mut shell = Transcript::start(shell);
    shell.sees("began ");
    let pid = shell.sees(".");
    let process = Pid::from_raw(pid.parse().unwrap()).unwrap();
    let ended = LeftBehind(process);
    let stops = || {
        let is_stopped = || (state(&pid) == Some('T')).then_some(());
        eventually("a program that is stopped", is_stopped);
    };
    stops();
    // As `bg` does; it stops again.
    kill_process(process, Signal::CONT).unwrap();
    stops();
    // As `kill` of a shell does with a job.
    kill_process(process, Signal::TERM).unwrap();
    eventually("its end", || {
        // If it hears SIGTERM late, it has stopped once more.
        kill_process(process, Signal::CONT).unwrap();
        matches!(state(&pid), None | Some('Z' | 'X')).then_some(())
    });
    // Before its shell has waited for it: the number can't be another process's.
    drop(ended);
    shell.types("");
    assert_eq!(shell.ends().code(), Some(0));
}
