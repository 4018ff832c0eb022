//! A person at a terminal, line by line (`--plain`): the program on a pseudo-terminal, whose output
//! is read back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

#[path = "person/lines.rs"]
mod lines;
#[path = "person/secrets.rs"]
mod secrets;

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::testkit::account::step_now;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::testkit::terminal::client::{PASSWORD, client, secret_of};
use chatbox_common::testkit::terminal::{CTRL_C, CTRL_D, LocalModes, Transcript};

fn start(server: &ServerProcess) -> Transcript {
    start_in("C.UTF-8", server)
}

fn start_in(locale: &str, server: &ServerProcess) -> Transcript {
    let program = client(server).args(["--plain"]).env("LC_ALL", locale);
    Transcript::start(program)
}

/// Waits until a task is waited for between questions: keys make signals again.
fn is_kept_waiting(person: &Transcript) {
    person.modes_become("a wait that Ctrl-C ends", |modes| {
        modes.contains(LocalModes::ISIG) && !modes.contains(LocalModes::ECHO)
    });
}

/// Registers a person, up to the lobby.
fn registers(person: &mut Transcript, name: &str) -> TotpSecret {
    registers_by_code(person, name).0
}

/// The same; also returns the code that the registration used.
fn registers_by_code(person: &mut Transcript, name: &str) -> (TotpSecret, String) {
    person.is_asked("1) Register  2) Log in");
    person.types("1");
    person.is_asked("Name:");
    person.types(name);
    person.is_asked("New password");
    person.types(PASSWORD);
    person.is_asked("The same again:");
    person.types(PASSWORD);
    person.sees("?secret=");
    let base32 = person.sees("&issuer=ChatBox");
    person.is_asked("Code shown there:");
    let secret = secret_of(&base32);
    let code = secret.code_at(step_now()).expose().to_owned();
    person.types(&code);
    person.sees(&format!("you are {name}"));
    (secret, code)
}

/// Logs a person in, up to the lobby.
fn logs_in(person: &mut Transcript, name: &str, password: &str, code: &str) {
    person.is_asked("1) Register  2) Log in");
    person.types("2");
    person.is_asked("Name:");
    person.types(name);
    person.is_asked("Password:");
    person.types(password);
    person.is_asked("Code:");
    person.types(code);
    person.sees(&format!("you are {name}"));
}

fn recovery_codes(sheet: &str) -> Vec<String> {
    let codes = sheet.lines().map(str::trim);
    let codes = codes.filter(|code| code.len() == 19 && code.matches('-').count() == 3);
    codes.map(str::to_owned).collect()
}

#[test]
fn a_name_that_is_taken_is_told_before_a_password_is_typed_for_it() {
    let server = ServerProcess::start(UNLIMITED);
    let (_, _client) = server.register("alice");
    let mut person = start(&server);
    person.is_asked("1) Register  2) Log in");
    person.types("1");
    person.is_asked("Name:");
    person.types("Alice");
    person.sees("taken");
    person.is_asked("1) Register  2) Log in");
    person.types("1");
    person.sees("Name [Alice]:");
    person.types("bob");
    person.is_asked("New password");
    assert_eq!(person.text().matches("New password").count(), 1);
    // Whoever thinks better of it leaves no name behind.
    person.press(CTRL_D);
    person.is_asked("1) Register  2) Log in");
    server.register("bob");
    person.types("q");
    assert_eq!(person.ends().code(), Some(0));
}

#[test]
fn two_people_register_and_talk_and_one_leaves() {
    let server = ServerProcess::start("");
    let mut alice = start(&server);
    registers(&mut alice, "alice");
    let mut bob = start(&server);
    registers(&mut bob, "bob");
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
    assert!(!bob.text().contains(PASSWORD), "a password is never echoed");
    alice.types(":quit");
    assert_eq!(alice.ends().code(), Some(0));
    // A screen reader could not read it: no cursor is moved, nothing is drawn twice.
    for screen in [alice.text(), bob.text()] {
        let stray = |c: &char| c.is_control() && !"\r\n\t".contains(*c);
        assert_eq!(screen.chars().find(stray), None, "{screen:?}");
        assert!(!screen.replace("\r\n", "").contains('\r'), "{screen:?}");
    }
}

#[test]
fn who_is_named_is_called_and_who_is_ignored_is_not_seen() {
    let server = ServerProcess::start("");
    let mut alice = start(&server);
    registers(&mut alice, "Alice");
    let mut bob = start(&server);
    registers(&mut bob, "bob");
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
    let (hers, his) = (alice.text(), bob.text());
    assert!(!hers.contains("can you hear me?"));
    assert!(!his.contains("ignore") && !his.contains("[you]"));
}

#[test]
fn a_refused_login_says_the_same_whatever_was_wrong_and_returns_to_the_menu() {
    let server = ServerProcess::start("");
    let mut person = start(&server);
    let secret = registers(&mut person, "alice");
    person.types("/quit");
    assert_eq!(person.ends().code(), Some(0));
    let mut person = start(&server);
    let right = secret.code_at(step_now() + 1).expose().to_owned();
    let mut heard = Vec::new();
    for (name, password, code) in [
        ("alice", "wrong password", right.as_str()),
        ("alice", PASSWORD, "000000"),
        ("nobody", PASSWORD, right.as_str()),
    ] {
        person.sees("1) Register  2) Log in");
        person.types("2");
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
    // What helps is told above the menu.
    person.sees("a recovery code does in its place");
    person.sees("1) Register  2) Log in");
    person.types("q");
    assert_eq!(person.ends().code(), Some(0));
}

#[test]
fn a_person_changes_their_password_while_others_talk() {
    let mut server = ServerProcess::start_on(free_port(), "");
    let mut alice = start(&server);
    let (secret, first_code) = registers_by_code(&mut alice, "alice");
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
    // The registration has used its code; the client knows that without asking the server.
    alice.sees("Code:");
    alice.types(&first_code);
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
        assert!(!alice.text().contains(password), "a secret is never echoed");
    }
    server.line("credentials.log", &["INFO  password_changed user=alice"]);
    // The login goes on by the token that came with the change.
    server.kill();
    alice.sees("reconnecting in");
    alice.types("/password");
    alice.sees("There is no connection just now");
    alice.sees("Old password:");
    alice.press(CTRL_C);
    alice.sees("cancelled: nothing was changed");
    server.restart();
    alice.sees("-- connected again");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn who_cancels_a_question_goes_on_talking() {
    let server = ServerProcess::start("");
    let mut alice = start(&server);
    registers(&mut alice, "alice");
    for (command, question, key) in [
        ("/password", "Old password:", CTRL_C),
        ("/password", "Old password:", CTRL_D),
        ("/2fa secret", "Password:", CTRL_C),
        ("/2fa codes", "Password:", CTRL_D),
    ] {
        alice.types(command);
        alice.sees(question);
        alice.press(key);
        alice.sees("cancelled: nothing was changed");
        alice.types("still here");
        alice.sees("#lobby <alice> still here");
    }
    alice.press(CTRL_C);
    assert_eq!(
        alice.ends().code(),
        Some(0),
        "with nothing asked it is the end"
    );
}

#[test]
fn a_person_gets_another_second_factor_and_their_other_sessions_end() {
    let server = ServerProcess::start("");
    let mut alice = start(&server);
    registers(&mut alice, "alice");
    let recovery = recovery_codes(&alice.text());
    assert_eq!(recovery.len(), 10);
    let mut elsewhere = start(&server);
    logs_in(&mut elsewhere, "alice", PASSWORD, &recovery[9]);
    assert!(
        elsewhere
            .text()
            .contains("that recovery code is spent, 9 are left")
    );

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
    let mut alice = start(&server);
    registers(&mut alice, "alice");
    // The answer is typed before the question comes.
    alice.press("/password\nTyped-ahead-77\n");
    alice.sees("Old password:");
    alice.press(CTRL_C);
    alice.sees("nothing was changed");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    // The terminal itself has echoed it when it was typed.
    let shown = alice.text();
    assert!(!shown.contains("<alice> Typed-ahead"), "{shown}");
    let logged = server.lines("chat.log").join("\n");
    assert!(!logged.contains("Typed-ahead"), "{logged}");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn what_was_typed_ahead_for_a_room_that_is_closed_is_not_said_in_another() {
    let server = ServerProcess::start("");
    let mut alice = start(&server);
    registers(&mut alice, "alice");
    alice.press("/join #inner\nfor the inner circle\n");
    alice.sees("there is no such room");
    alice.sees("what you type is said nowhere");
    alice.sees("Nothing was sent");
    alice.types("/join #lobby");
    alice.sees("what you type is said in #lobby");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    // A person whose next room does not exist stays in the present one.
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
    let mut alice = start_in("C", &server);
    alice.sees("the terminal's character set is not UTF-8");
    alice.sees("1) Register  2) Log in");
    // The program itself echoes what is typed at a question.
    alice.types("Û");
    alice.sees("> ?");
    registers(&mut alice, "alice");
    let (_, mut bob) = server.register("bob");
    bob.post(id(1, 1), "Û2J 漢");
    alice.sees("<bob> ?2J ??");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
    assert!(alice.bytes().is_ascii());
}
