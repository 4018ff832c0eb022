//! A person at a terminal, line by line (`--plain`): the program on a pseudo-terminal, with what it
//! shows read back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

#[path = "person/secrets.rs"]
mod secrets;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use chatbox_common::testkit::account::step_now;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::testkit::wait::eventually;

const PASSWORD: &str = "Canary-correct-horse-77";

/// The program on a terminal of its own.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// How much of the screen earlier looks have seen.
    seen: usize,
    /// The code with which somebody registered here.
    first_code: String,
    _home: tempfile::TempDir,
}

impl Terminal {
    fn start(server: &ServerProcess) -> Self {
        Self::start_in("C.UTF-8", server)
    }

    /// The same in another locale than one of UTF-8.
    fn start_in(locale: &str, server: &ServerProcess) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = || File::options().read(true).write(true).open(&name).unwrap();
        let home = tempfile::tempdir().unwrap();
        let config = "[client]\nreconnect_delay = 1\n";
        fs::write(home.path().join("config.toml"), config).unwrap();
        // `setsid --ctty` makes it the controlling terminal, at which passwords are asked for.
        let child = Command::new("setsid")
            .args([
                "--ctty",
                "--wait",
                env!("CARGO_BIN_EXE_chatbox"),
                "--plain",
                "--server",
            ])
            .arg(server.address.to_string())
            .current_dir(home.path())
            .env("XDG_DATA_HOME", home.path())
            .env("HOME", home.path())
            .env("TERM", "xterm")
            .env("LC_ALL", locale)
            .env_remove("NO_COLOR")
            .stdin(theirs())
            .stdout(theirs())
            .stderr(theirs())
            .spawn()
            .expect("setsid of util-linux starts the program");
        let mut output = File::from(ours);
        let keyboard = output.try_clone().unwrap();
        let screen = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails once nobody has the other side open any more.
            while let Ok(count) = output.read(&mut bytes) {
                shown.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self {
            child,
            keyboard,
            screen,
            seen: 0,
            first_code: String::new(),
            _home: home,
        }
    }

    /// Waits until the screen shows this behind what was seen before; returns what came before it.
    fn sees(&mut self, text: &str) -> String {
        let seen = self.seen;
        let (before, end) = eventually(text, || {
            let screen = self.screen.lock().unwrap();
            let unseen = &screen[seen..];
            let at = unseen
                .windows(text.len())
                .position(|w| w == text.as_bytes())?;
            Some((unseen[..at].to_vec(), seen + at + text.len()))
        });
        self.seen = end;
        String::from_utf8_lossy(&before).into_owned()
    }

    fn types(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
    }

    /// Waits for a question; it is not seen before the terminal shows nothing by itself.
    fn is_asked(&mut self, question: &str) {
        self.sees(question);
        assert!(!self.shows_keys(), "echo is on at {question}");
    }

    /// Whether the terminal itself shows what is typed.
    fn shows_keys(&self) -> bool {
        let modes = tcgetattr(&self.keyboard).unwrap();
        modes.local_modes.contains(LocalModes::ECHO)
    }

    /// Waits until it does, or no longer does.
    fn will_show_keys(&self, expected: bool) {
        eventually(&format!("echo is {expected}"), || {
            (self.shows_keys() == expected).then_some(())
        });
    }

    /// Waits until something is waited for in the middle of questions: keys make signals again.
    fn is_kept_waiting(&self) {
        eventually("a wait that Ctrl-C ends", || {
            let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
            let waits = modes.contains(LocalModes::ISIG) && !modes.contains(LocalModes::ECHO);
            waits.then_some(())
        });
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Registers somebody, up to the lobby.
    fn registers(&mut self, name: &str) -> TotpSecret {
        self.is_asked("1) Register  2) Log in");
        self.types("1");
        self.is_asked("Type yes to go on:");
        self.types("yes");
        self.is_asked("Name:");
        self.types(name);
        self.is_asked("New password");
        self.types(PASSWORD);
        self.is_asked("The same again:");
        self.types(PASSWORD);
        self.sees("?secret=");
        let base32 = self.sees("&issuer=ChatBox");
        self.is_asked("Code shown there:");
        let secret = secret_of(&base32);
        let code = secret.code_at(step_now()).expose().to_owned();
        self.types(&code);
        self.first_code = code;
        self.sees(&format!("you are {name}"));
        secret
    }

    /// Logs somebody in, up to the lobby.
    fn logs_in(&mut self, name: &str, password: &str, code: &str) {
        self.is_asked("1) Register  2) Log in");
        self.types("2");
        self.is_asked("Type yes to go on:");
        self.types("yes");
        self.is_asked("Name:");
        self.types(name);
        self.is_asked("Password:");
        self.types(password);
        self.is_asked("Code:");
        self.types(code);
        self.sees(&format!("you are {name}"));
    }

    /// Everything that was ever shown.
    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits for the program's end.
    fn ends(&mut self) -> ExitStatus {
        eventually("the program's end", || self.child.try_wait().unwrap())
    }
}

fn secret_of(base32: &str) -> TotpSecret {
    let bytes = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, base32).unwrap();
    TotpSecret::new(Secret::try_from(&bytes[..]).unwrap())
}

/// The recovery codes on a sheet.
fn recovery_codes(sheet: &str) -> Vec<String> {
    let codes = sheet.lines().map(str::trim);
    let codes = codes.filter(|code| code.len() == 19 && code.matches('-').count() == 3);
    codes.map(str::to_owned).collect()
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the screen\n{}", self.shown());
        }
        // It has ended already where the test succeeded.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_people_register_and_talk_and_one_leaves() {
    let server = ServerProcess::start("");
    let mut alice = Terminal::start(&server);
    alice.registers("alice");
    let mut bob = Terminal::start(&server);
    bob.registers("bob");
    alice.sees("-- bob came; 2 online in #lobby");
    bob.types("hello alice");
    alice.sees("#lobby <bob> hello alice");
    alice.types("hello \u{1f600} bob");
    bob.sees("#lobby <alice> hello \u{1f600} bob");
    bob.types("/nonsense");
    bob.sees("There is no command /nonsense");
    bob.types("/quit");
    alice.sees("-- bob went; 1 online in #lobby");
    assert_eq!(bob.ends().code(), Some(0));
    assert!(
        !bob.shown().contains(PASSWORD),
        "a password is never echoed"
    );
    alice.types(":quit");
    assert_eq!(alice.ends().code(), Some(0));
    // What a voice can't read is not there: no cursor is moved, nothing is drawn twice.
    for screen in [alice.shown(), bob.shown()] {
        let stray = |c: &char| c.is_control() && !"\r\n\t".contains(*c);
        assert_eq!(screen.chars().find(stray), None, "{screen:?}");
        assert!(!screen.replace("\r\n", "").contains('\r'), "{screen:?}");
    }
}

#[test]
fn who_is_named_is_called_and_who_is_ignored_is_not_seen() {
    let server = ServerProcess::start("");
    let mut alice = Terminal::start(&server);
    alice.registers("Alice");
    let mut bob = Terminal::start(&server);
    bob.registers("bob");
    bob.types("alice: lunch?");
    alice.sees("[you] #lobby <bob> alice: lunch?\r\n");
    bob.types("/me waves at @ALICE.");
    alice.sees("[you] #lobby * bob waves at @ALICE.\r\n");
    alice.types("/whois bbo");
    alice.sees("there is nobody of this name; did you mean @bob?");
    alice.types("/whois @bob");
    alice.sees("  bob: online since 2");
    alice.sees("last login 2");

    alice.types("/ignore @bob");
    alice.sees("you ignore bob from now on");
    bob.types("@alice can you hear me?");
    bob.sees("#lobby <bob> @alice can you hear me?");
    alice.types("/ignore");
    alice.sees("-- you ignore bob");
    alice.types("/unignore bob");
    alice.sees("you no longer ignore bob");
    bob.types("and now?");
    alice.sees("#lobby <bob> and now?");
    let (hers, his) = (alice.shown(), bob.shown());
    assert!(!hers.contains("can you hear me?"));
    assert!(!his.contains("ignore") && !his.contains("[you]"));
}

#[test]
fn a_refused_login_says_the_same_whatever_was_wrong_and_returns_to_the_menu() {
    let server = ServerProcess::start("");
    let mut person = Terminal::start(&server);
    let secret = person.registers("alice");
    person.types("/quit");
    assert_eq!(person.ends().code(), Some(0));
    let mut person = Terminal::start(&server);
    let right = secret.code_at(step_now() + 1).expose().to_owned();
    let mut heard = Vec::new();
    for (name, password, code) in [
        ("alice", "wrong password", right.as_str()),
        ("alice", PASSWORD, "000000"),
        ("nobody", PASSWORD, right.as_str()),
    ] {
        person.sees("1) Register  2) Log in");
        person.types("2");
        if heard.is_empty() {
            person.sees("Type yes to go on:");
            person.types("yes");
        }
        person.sees("Name");
        person.sees(":");
        person.types(name);
        person.sees("Password:");
        person.types(password);
        person.sees("Code:");
        person.types(code);
        person.sees("chatbox: ");
        heard.push(person.sees("\n"));
    }
    assert!(heard.iter().all(|words| *words == heard[0]), "{heard:?}");
    person.sees("1) Register  2) Log in");
    person.types("q");
    assert_eq!(person.ends().code(), Some(0));
}

#[test]
fn a_person_changes_their_password_while_others_talk() {
    let mut server = ServerProcess::start_on(free_port(), "");
    let mut alice = Terminal::start(&server);
    let secret = alice.registers("alice");
    let (_bob, mut bob) = server.register("bob");
    alice.types("/password");
    alice.sees("Old password:");
    bob.post(id(1, 1), "said meanwhile");
    alice.types(PASSWORD);
    alice.sees("New password");
    alice.types("short");
    alice.sees("at least 8 characters");
    alice.sees("New password");
    alice.types(PASSWORD);
    alice.sees("The same again:");
    alice.types(PASSWORD);
    alice.sees("that is the old one");
    alice.sees("New password");
    alice.types("Canary-better-horse-78");
    alice.sees("The same again:");
    alice.types("Canary-better-horse-78");
    // What it registered with is used; that is known without asking.
    alice.sees("Code:");
    alice.types(&alice.first_code.clone());
    alice.sees("the code of this moment is used; next in");
    alice.sees("Code:");
    let code = secret.code_at(step_now() + 1).expose().to_owned();
    alice.types(&code);
    // In the order in which it came.
    alice.sees("#lobby <bob> said meanwhile");
    alice.sees("-- your password is changed; your other sessions have ended");
    alice.types("still here");
    alice.sees("#lobby <alice> still here");
    alice.types("/sessions");
    alice.sees("session ");
    alice.sees("  127.0.0.1:");
    alice.sees(", this one");
    for password in [PASSWORD, "Canary-better-horse-78", &code] {
        assert!(
            !alice.shown().contains(password),
            "a secret is never echoed"
        );
    }
    server.line("credentials.log", &["INFO  password_changed user=alice"]);
    // The login goes on by the token that came with the change.
    server.kill();
    alice.sees("reconnecting in");
    alice.types("/password");
    alice.sees("There is no connection just now");
    alice.sees("Old password:");
    alice.keyboard.write_all(b"\x03").unwrap();
    alice.sees("cancelled: nothing was changed");
    server.restart();
    alice.sees("-- connected again");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn who_cancels_a_question_goes_on_talking() {
    let server = ServerProcess::start("");
    let mut alice = Terminal::start(&server);
    alice.registers("alice");
    let (ctrl_c, ctrl_d) = (b"\x03", b"\x04");
    for (command, question, key) in [
        ("/password", "Old password:", ctrl_c),
        ("/password", "Old password:", ctrl_d),
        ("/2fa secret", "Password:", ctrl_c),
        ("/2fa codes", "Password:", ctrl_d),
    ] {
        alice.types(command);
        alice.sees(question);
        alice.keyboard.write_all(key).unwrap();
        alice.sees("cancelled: nothing was changed");
        alice.types("still here");
        alice.sees("#lobby <alice> still here");
    }
    alice.keyboard.write_all(ctrl_c).unwrap();
    assert_eq!(
        alice.ends().code(),
        Some(0),
        "with nothing asked it is the end"
    );
}

#[test]
fn a_person_gets_another_second_factor_and_their_other_sessions_end() {
    let server = ServerProcess::start("");
    let mut alice = Terminal::start(&server);
    let old = alice.registers("alice");
    let mut elsewhere = Terminal::start(&server);
    let code = old.code_at(step_now() + 1).expose().to_owned();
    elsewhere.logs_in("alice", PASSWORD, &code);
    let shown = alice.shown();
    let recovery = recovery_codes(&shown);
    assert_eq!(recovery.len(), 10);

    alice.types("/2fa codes");
    alice.sees("Password:");
    alice.types("not the password");
    alice.sees("Code:");
    alice.types(&recovery[0]);
    alice.sees("refused: the password or the code is wrong");
    alice.types("/2fa codes");
    alice.sees("Password:");
    alice.types(PASSWORD);
    alice.sees("Code:");
    alice.types("000000");
    alice.sees("refused: the password or the code is wrong");
    alice.types("/2fa codes");
    alice.sees("Password:");
    alice.types(PASSWORD);
    alice.sees("Code:");
    alice.types(&recovery[0]);
    let sheet = alice.sees("these recovery codes hold from now on");
    let recovery = recovery_codes(&sheet);
    assert_eq!(recovery.len(), 10);
    elsewhere.types("still here");
    alice.sees("#lobby <alice> still here");

    alice.types("/2fa secret");
    alice.sees("Password:");
    alice.types(PASSWORD);
    alice.sees("Code:");
    alice.types(&recovery[0]);
    alice.sees("?secret=");
    let new = secret_of(&alice.sees("&issuer=ChatBox"));
    alice.sees("Code shown there:");
    let step = step_now();
    let wrong = (0..).map(|n| format!("{n:06}"));
    let is_wrong = |code: &String| (step - 3..=step + 3).all(|s| new.code_at(s).expose() != code);
    alice.types(&wrong.into_iter().find(is_wrong).unwrap());
    alice.sees("the code is not right");
    alice.sees("Code shown there:");
    let code = new.code_at(step_now()).expose().to_owned();
    alice.types(&code);
    alice.sees("-- your second factor is changed; your other sessions have ended");
    elsewhere.sees("you are logged out");
    assert_eq!(elsewhere.ends().code(), Some(7));

    // The first code of the new secret is used as well.
    alice.types("/2fa codes");
    alice.sees("Password:");
    alice.types(PASSWORD);
    alice.sees("Code:");
    alice.types(&code);
    alice.sees("the code of this moment is used; next in");
    alice.sees("Code:");
    alice.types(new.code_at(step_now() + 1).expose());
    alice.sees("these recovery codes hold from now on");
    alice.types("/logout all");
    alice.sees("you are logged out everywhere");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn a_password_typed_before_it_was_asked_for_is_said_to_nobody() {
    let server = ServerProcess::start("");
    let mut alice = Terminal::start(&server);
    alice.registers("alice");
    // All of it is there before the question.
    alice
        .keyboard
        .write_all(b"/password\nTyped-ahead-77\n")
        .unwrap();
    alice.sees("Old password:");
    alice.keyboard.write_all(b"\x03").unwrap();
    alice.sees("nothing was changed");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    // The terminal itself has shown it when it was typed.
    let shown = alice.shown();
    assert!(!shown.contains("<alice> Typed-ahead"), "{shown}");
    let logged = server.lines("chat.log").join("\n");
    assert!(!logged.contains("Typed-ahead"), "{logged}");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn what_was_typed_ahead_for_a_room_that_is_closed_is_not_said_in_another() {
    let server = ServerProcess::start("");
    let mut alice = Terminal::start(&server);
    alice.registers("alice");
    alice
        .keyboard
        .write_all(b"/join #inner\nfor the inner circle\n")
        .unwrap();
    alice.sees("there is no such room");
    alice.sees("what you type is said nowhere");
    alice.sees("Nothing was sent");
    alice.types("/join #lobby");
    alice.sees("what you type is said in #lobby");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    // Who looks before going on stays where they were.
    alice.types("/join #tpyo");
    alice.sees("there is no such room");
    alice.types("still here");
    alice.sees("#lobby <alice> still here");
    let logged = server.lines("chat.log").join("\n");
    assert!(!logged.contains("circle"), "{logged}");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn whoever_has_no_utf_8_is_asked_and_shown_everything_in_ascii() {
    let server = ServerProcess::start(UNLIMITED);
    let mut alice = Terminal::start_in("C", &server);
    alice.sees("the locale's character set is not UTF-8");
    alice.sees("1) Register  2) Log in");
    // What is typed at a question is shown by the program itself.
    alice.types("Û");
    alice.sees("> ?");
    alice.registers("alice");
    let (_, mut bob) = server.register("bob");
    bob.post(id(1, 1), "Û2J 漢");
    alice.sees("<bob> ?2J ??");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
    assert!(alice.screen.lock().unwrap().is_ascii());
}
