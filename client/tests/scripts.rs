//! What scripts do: `send`, `tail`, `list` and `whoami` against the real server, with their exit
//! codes, their profiles and the session that one leaves to the next.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{Access, ClientMessage, Kind, Plain, Send, ServerMessage};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A directory in which scripts of one person run.
struct Desk {
    directory: tempfile::TempDir,
    address: String,
    fingerprint: String,
    account: Account,
}

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new(server: &ServerProcess, name: &str) -> Self {
        let (account, client) = server.register(name);
        client.cut();
        let desk = Self {
            directory: tempfile::tempdir().unwrap(),
            address: server.address.to_string(),
            fingerprint: server.fingerprint.clone(),
            account,
        };
        desk.write("pass", &desk.account.password);
        desk.write(
            "config.toml",
            &format!(
                "[client]\nreconnect_delay = 1\n[profiles.bot]\nserver = \"{}\"\nuser = \"{}\"\n\
                 password_command = \"cat pass\"\notp_command = \"cat code\"\n",
                desk.address, desk.account.name
            ),
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(self.path(name)).unwrap();
        writeln!(file, "{content}").unwrap();
    }

    /// A command whose code has been used.
    fn stale(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatbox"));
        command
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .env_remove("XDG_STATE_HOME")
            .env_remove("XDG_DATA_HOME")
            .env("TZ", "UTC")
            .args(["--config", "config.toml", "--profile", "bot"])
            .args(["--fingerprint", &self.fingerprint])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn command(&mut self, arguments: &[&str]) -> Command {
        let code = self.account.factor();
        self.write("code", code.expose());
        self.stale(arguments)
    }

    fn start(&mut self, arguments: &[&str]) -> GuardedChild {
        GuardedChild::spawn(&mut self.command(arguments))
    }

    fn start_stale(&self, arguments: &[&str]) -> GuardedChild {
        GuardedChild::spawn(&mut self.stale(arguments))
    }

    fn run(&mut self, arguments: &[&str], input: &str) -> Ended {
        let child = self.start(arguments);
        end(child, input)
    }
}

fn end(mut child: GuardedChild, input: &str) -> Ended {
    // A program that has ended does not read its input: the test judges how it ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The lines of a running `tail`.
struct Tail {
    child: GuardedChild,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Tail {
    fn start(mut command: Command) -> Self {
        let mut child = GuardedChild::spawn(&mut command);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (read, output) = (Arc::clone(&lines), child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                read.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    fn count(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    fn waits_for(&self, count: usize) {
        eventually(&format!("{count} lines"), || {
            (self.count() >= count).then_some(())
        });
    }

    fn objects(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

#[test]
fn a_thousand_lines_arrive_in_order_through_a_restart_of_the_server() {
    let mut server = ServerProcess::start_on(free_port(), UNLIMITED);
    let (_, mut client) = server.register("maker");
    client.create("#ops", Access::Open).unwrap();
    let (mut talker, mut listener) = (Desk::new(&server, "talker"), Desk::new(&server, "listener"));
    let mut tail = Tail::start(listener.command(&[
        "tail", "--room", "#ops", "--join", "--json", "--since", "0", "--count", "1000",
    ]));
    server.line("credentials.log", &["login", "listener"]);
    let mut send = talker.start(&["send", "--room", "#ops"]);
    let mut input = send.stdin.take().unwrap();
    for number in 1..=500 {
        writeln!(input, "{number}").unwrap();
    }
    tail.waits_for(100);
    server.kill();
    server.restart();
    for number in 501..=1000 {
        writeln!(input, "{number}").unwrap();
    }
    drop(input);
    let output = send.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty());
    let status = eventually("the end of tail", || tail.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    eventually("all lines", || (tail.count() == 1000).then_some(()));
    for (number, object) in (1..).zip(tail.objects()) {
        assert_eq!(object["type"], "message");
        assert_eq!(object["room"], "#ops");
        assert_eq!(object["user"], "talker");
        assert_eq!(object["seq"], number);
        assert_eq!(object["text"], number.to_string());
    }
}

#[test]
fn each_message_is_told_with_its_number_where_that_is_wanted() {
    let server = ServerProcess::start(UNLIMITED);
    let mut desk = Desk::new(&server, "bot");
    let ended = desk.run(
        &["send", "--room", "#lobby", "--wait-ack"],
        "one\n\n/quit\n",
    );
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (0, "#lobby 1\n#lobby 2\n"),
        "{}",
        ended.err
    );
    let ended = desk.run(&["send", "--room", "#lobby", "--", "-two", "words"], "");
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{}", ended.err);
    let ended = desk.run(
        &["tail", "--room", "#lobby", "--since", "0", "--count", "3"],
        "",
    );
    let texts: Vec<&str> = ended.out.lines().map(|line| &line[9..]).collect();
    assert_eq!(
        texts,
        [
            "#lobby <bot> one",
            "#lobby <bot> /quit",
            "#lobby <bot> -two words"
        ]
    );
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn only_the_room_that_was_asked_for_is_shown_and_a_signal_is_seen_by_the_caller() {
    let server = ServerProcess::start(UNLIMITED);
    let mut desk = Desk::new(&server, "bot");
    let (_, mut bob) = server.register("bob");
    let mut tail = Tail::start(desk.command(&["tail", "--room", "#lobby", "--since", "0"]));
    server.line("credentials.log", &["login", "bot"]);
    bob.post(id(1, 1), "one");
    tail.waits_for(1);
    let alone = bob.direct("bot").unwrap().room;
    bob.ask(|request| {
        ClientMessage::Send(Send {
            request,
            room: alone,
            id: id(1, 2),
            text: "psst".to_owned(),
            kind: Kind::Text,
        })
    });
    bob.create("#other", Access::Open).unwrap();
    bob.post(id(1, 3), "two");
    tail.waits_for(2);
    assert!(tail.lines.lock().unwrap()[1].ends_with("#lobby <bob> two"));
    kill_process(Pid::from_child(&tail.child), Signal::INT).unwrap();
    let status = eventually("the end of tail", || tail.child.try_wait().unwrap());
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()));
    assert_eq!(tail.count(), 2);
}

#[test]
fn who_stops_reading_the_numbers_does_not_make_sending_a_success() {
    let server = ServerProcess::start(UNLIMITED);
    let mut desk = Desk::new(&server, "bot");
    let mut child = desk.start(&["send", "--room", "#lobby", "--wait-ack"]);
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    // The program may end before it has read all of it.
    let _ = (1..=1000).try_for_each(|number| writeln!(input, "{number}"));
    drop(input);
    let status = eventually("the end of send", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_script_speaks_to_somebody_alone_and_sees_from_a_moment_on() {
    let server = ServerProcess::start(UNLIMITED);
    let mut desk = Desk::new(&server, "bot");
    let (mut bob, mut client) = server.register("bob");
    let ended = desk.run(&["send", "--room", "@bob", "for you alone"], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let chat = client.until("the message", |message| match message {
        ServerMessage::Chat(chat) => Some(chat),
        _ => None,
    });
    assert_eq!(
        (chat.user.as_str(), chat.text.as_str()),
        ("bot", "for you alone")
    );
    client.cut();
    let code = bob.factor();
    desk.write("bobs", code.expose());
    desk.write("bobspass", &bob.password);
    let flags = [
        "--user",
        "bob",
        "--password-file",
        "bobspass",
        "--otp-file",
        "bobs",
    ];
    let wanted = [
        "tail", "--room", "@bot", "--since", "1h", "--count", "1", "--json",
    ];
    let child = desk.start_stale(&[&flags[..], &wanted].concat());
    let ended = end(child, "");
    let object: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(object["text"], "for you alone");
    assert_eq!(object["room"], "@bot");
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn who_is_there_and_who_one_is_can_be_read_by_a_program() {
    let server = ServerProcess::start(UNLIMITED);
    let mut desk = Desk::new(&server, "bot");
    let (_, _client) = server.register("alice");
    let ended = desk.run(&["list", "--json"], "");
    let mut users: Vec<String> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|object| object["user"].as_str().unwrap().to_owned())
        .collect();
    users.sort();
    assert_eq!(users, ["alice", "bot"], "{}", ended.err);
    assert_eq!(ended.code, 0);
    let ended = desk.run(&["whoami", "--json"], "");
    let object: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &object["user"]), (0, &"bot".into()));
    let ended = desk.run(&["whoami"], "");
    assert!(ended.out.contains("name      bot"), "{}", ended.out);
}

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let mut server = ServerProcess::start_on(free_port(), UNLIMITED);
    let mut desk = Desk::new(&server, "bot");
    // 1: the room does not exist; a message is too long.
    let ended = desk.run(&["send", "--room", "#nowhere", "x"], "");
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("there is no such room"), "{}", ended.err);
    let ended = desk.run(&["tail", "--room", "#nowhere"], "");
    assert_eq!(ended.code, 1, "{}", ended.err);
    let ended = desk.run(
        &["send", "--room", "#lobby"],
        &format!("{}\nok\n", "x".repeat(9_000)),
    );
    assert_eq!(ended.code, 1, "{}", ended.err);
    // 2: wrong flags, and nothing to say.
    for wrong in [
        &["send", "x"][..],
        &["send", "--room", "lobby"],
        &["send", "--room", "#lobby", ""],
    ] {
        let child = desk.start_stale(wrong);
        assert_eq!(end(child, "").code, 2, "{wrong:?}");
    }
    // 3: no such profile; a command that fails; a file that others may write.
    let mut unknown = desk.stale(&["whoami"]);
    let child = GuardedChild::spawn(unknown.args(["--profile", "bto"]));
    let ended = end(child, "");
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(ended.err.contains("bot"), "{}", ended.err);
    fs::rename(desk.path("pass"), desk.path("moved")).unwrap();
    let ended = desk.run(&["whoami"], "");
    assert_eq!(ended.code, 3, "{}", ended.err);
    fs::rename(desk.path("moved"), desk.path("pass")).unwrap();
    fs::set_permissions(desk.path("config.toml"), Permissions::from_mode(0o666)).unwrap();
    let ended = desk.run(&["whoami"], "");
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(ended.err.contains("chmod"), "{}", ended.err);
    fs::set_permissions(desk.path("config.toml"), Permissions::from_mode(0o600)).unwrap();
    // 5: another key. 6: a wrong password.
    let other = ServerProcess::start("");
    let child = desk.start_stale(&["whoami", "--server", &other.address.to_string()]);
    assert_eq!(end(child, "").code, 5);
    desk.write("pass", "not the password");
    let ended = desk.run(&["whoami"], "");
    assert_eq!(ended.code, 6, "{}", ended.err);
    // 4: nothing listens there.
    server.stop();
    let ended = desk.run(&["whoami"], "");
    assert_eq!(ended.code, 4, "{}", ended.err);
}

#[test]
fn a_kept_session_needs_neither_password_nor_code() {
    let server = ServerProcess::start(UNLIMITED);
    let mut desk = Desk::new(&server, "bot");
    let ended = desk.run(&["--keep-session", "send", "--room", "#lobby", "one"], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    fs::remove_file(desk.path("pass")).unwrap();
    for _ in 0..3 {
        let child = desk.start_stale(&["--keep-session", "whoami", "--json"]);
        let ended = end(child, "");
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.out.contains("\"user\":\"bot\""));
    }
    let sessions = desk.path(".local/state/chatbox/sessions");
    assert_eq!(mode(&sessions), 0o700);
    let mut files = fs::read_dir(&sessions)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let kept = files
        .find(|path| path.extension().is_none_or(|end| end != "lock"))
        .unwrap();
    assert_eq!(mode(&kept), 0o600);
    // Without the flag nothing of it is used.
    let child = desk.start_stale(&["whoami"]);
    assert_eq!(end(child, "").code, 3);
    // A file that others may read is refused.
    fs::set_permissions(&kept, Permissions::from_mode(0o644)).unwrap();
    let child = desk.start_stale(&["--keep-session", "whoami"]);
    let ended = end(child, "");
    assert_eq!(ended.code, 3, "{}", ended.err);
    fs::set_permissions(&kept, Permissions::from_mode(0o600)).unwrap();
    // A login whose session was ended everywhere needs both factors again.
    let mut client = ScriptedClient::connect(&server);
    let factor = desk.account.factor();
    client.log_in(&desk.account, &factor);
    client.ask(|request| ClientMessage::LogOut(Plain { request }));
    client.goodbye();
    desk.write("pass", &desk.account.password);
    let ended = desk.run(&["--keep-session", "whoami"], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("no longer good"), "{}", ended.err);
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn completions_are_made_of_the_commands_there_are() {
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef chatbox"),
        ("fish", "complete -c chatbox"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_chatbox"))
            .args(["completions", shell])
            .output()
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && out.contains(sign),
            "{shell}: {out}"
        );
        assert!(out.contains("wait-ack"), "{shell}");
    }
}

#[test]
fn a_pipe_that_asks_for_secrets_says_nothing_more() {
    let server = ServerProcess::start(UNLIMITED);
    let mut desk = Desk::new(&server, "alice");
    for command in ["/password", "/2fa codes", "/2fa", "/passwd", " /password"] {
        let input = format!("before\n{command}\nTyped-old-77\n000000\n");
        let ended = desk.run(&["--plain"], &input);
        assert_eq!(ended.code, 1, "{}", ended.err);
        let last = "Nothing more of standard input is sent.";
        assert!(ended.err.contains(last), "{}", ended.err);
        let logged = server.lines("chat.log").join("\n");
        assert!(logged.contains("before"), "{logged}");
        assert!(
            !logged.contains("Typed") && !logged.contains("000000"),
            "{logged}"
        );
    }
}
