//! The operator's commands, as the real binary runs them in a directory of its own.

// Marks the helpers as test code, in which clippy allows unwrap and panic.
#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use chatbox_common::auth::recovery::RecoveryCode;
use chatbox_common::channel::{self, Channel};
use chatbox_common::secret::SecretString;
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::wire::codec::{self, Read};
use chatbox_common::wire::message::{
    ClientMessage, ErrorCode, Login, LoginConfirm, Register, Resume, ServerMessage,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// A directory with a configuration, and after the first start of a server a database.
struct ServerDir(TempDir);

impl ServerDir {
    fn new() -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        fs::write(dir.path("config.toml"), "[server]\nport = 0\n").unwrap();
        dir
    }

    /// Alice has a password, a second factor and a resume token.
    fn with_alice() -> Self {
        let dir = Self::new();
        dir.serve().stop();
        let database = dir.database();
        database
            .execute_batch(
                "INSERT INTO REGISTERED(user, password, skeleton, totp, last_step, ip_port, \
                 created_at, last_login_at) VALUES('Alice', 'SCRAM-SHA-256$1:verifier', 'a11ce', \
                 x'0101', 77, '192.0.2.1:5000', 1000, 61000); \
                 INSERT INTO recovery_codes(account, hash) VALUES(1, zeroblob(32)); \
                 INSERT INTO resume_tokens(id, account, family, hash, expires_at, state) \
                 VALUES(zeroblob(16), 1, zeroblob(16), zeroblob(32), 9000000000000, 'newest');",
            )
            .unwrap();
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn database(&self) -> Connection {
        Connection::open(self.path("data/chatbox.db")).unwrap()
    }

    fn ask<T: rusqlite::types::FromSql>(&self, query: &str) -> T {
        self.database()
            .query_row(query, (), |row| row.get(0))
            .unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatbox-server"));
        command.current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs a command that must succeed; returns its standard output.
    fn fine(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let shown = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        shown
    }

    /// Runs a command that must fail with this exit code; returns its standard error.
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn serve(&self) -> ServerProcess {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = GuardedChild::spawn(&mut command);
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .map(Result::unwrap)
            .find_map(|line| Some(line.trim().strip_prefix("listening on")?.trim().to_owned()));
        ServerProcess {
            process,
            address: address.unwrap(),
        }
    }
}

struct ServerProcess {
    process: GuardedChild,
    address: String,
}

impl ServerProcess {
    fn stop(mut self) {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn without_a_database_none_is_made() {
    let dir = ServerDir::new();
    for arguments in [
        &["user", "list"][..],
        &["user", "disable", "alice"],
        &["backup", "b"],
    ] {
        let complaint = dir.refused(arguments, 1);
        assert!(complaint.contains("there is no database in"), "{complaint}");
    }
    assert!(!dir.path("data/chatbox.db").exists());
    assert!(!dir.path("b").exists());
}

#[test]
fn an_account_is_changed_shown_and_audited() {
    let dir = ServerDir::with_alice();
    let shown = dir.fine(&["user", "list"]);
    let row = "1   Alice  ok      member  no      192.0.2.1:5000  1970-01-01 00:00:01  \
               1970-01-01 00:01:01";
    assert_eq!(shown.lines().nth(1), Some(row), "{shown}");
    assert!(!shown.contains("verifier"));

    assert!(dir.fine(&["user", "disable", "ALICE"]).contains("Alice"));
    assert_eq!(dir.ask::<String>("SELECT status FROM REGISTERED"), "ko");
    assert_eq!(dir.ask::<i64>("SELECT count(*) FROM resume_tokens"), 0);
    dir.fine(&["user", "set-role", "alice", "admin"]);
    let shown = dir.fine(&["user", "list"]);
    assert!(shown.contains("Alice  ko      admin"), "{shown}");
    dir.fine(&["user", "enable", "alice"]);
    assert_eq!(dir.ask::<String>("SELECT status FROM REGISTERED"), "ok");

    let credentials = dir.read("log/credentials.log");
    for event in ["user_disabled", "role_set", "user_enabled"] {
        let line = format!(" INFO  {event} by=operator uid=");
        assert!(credentials.contains(&line), "{credentials}");
    }
    assert!(credentials.contains(" user=Alice account=1 role=admin gid="));
    assert!(dir.read("log/info.log").contains(" users_listed "));
    assert!(
        dir.read("log/sql.log")
            .contains("UPDATE REGISTERED SET role = ?2")
    );
}

#[test]
fn logging_out_takes_the_resume_tokens_and_nothing_else() {
    let dir = ServerDir::with_alice();
    dir.fine(&["user", "logout", "alice"]);
    assert_eq!(dir.ask::<i64>("SELECT count(*) FROM resume_tokens"), 0);
    assert_eq!(dir.ask::<String>("SELECT status FROM REGISTERED"), "ok");
    let credentials = dir.read("log/credentials.log");
    assert!(
        credentials.contains(" user=Alice account=1 tokens=1 gid="),
        "{credentials}"
    );
}

#[test]
fn who_does_not_exist_is_a_sentence_and_what_is_no_name_is_usage() {
    let dir = ServerDir::with_alice();
    let complaint = dir.refused(&["user", "disable", "bob"], 1);
    assert_eq!(complaint, "chatbox-server: no such user: bob\n");
    dir.refused(&["user", "disable", "\u{1b}[2J"], 2);
    dir.refused(&["user", "set-role", "alice", "king"], 2);
    assert!(
        !dir.path("log/credentials.log").exists() || dir.read("log/credentials.log").is_empty()
    );
}

#[test]
fn another_second_factor_is_shown_once_and_kept_sealed() {
    let dir = ServerDir::with_alice();
    let shown = dir.fine(&["user", "reset-2fa", "alice"]);
    let word = |start: &str| {
        let line = shown.lines().find_map(|line| line.strip_prefix(start));
        line.unwrap().trim().to_owned()
    };
    let secret = word("secret");
    assert_eq!(secret.len(), 32);
    let uri = format!("otpauth://totp/ChatBox:Alice?secret={secret}&issuer=ChatBox");
    assert_eq!(word("as URI"), uri);

    let codes: Vec<_> = shown
        .lines()
        .filter(|line| line.starts_with("         "))
        .collect();
    assert_eq!(codes.len(), 10);
    let stored = dir.ask::<i64>("SELECT count(*) FROM recovery_codes WHERE spent_at IS NULL");
    assert_eq!(stored, 10);
    for code in &codes {
        let hash = RecoveryCode::parse(code.trim()).unwrap().hash();
        let mine = "SELECT count(*) FROM recovery_codes WHERE account = 1 AND hash = ?1";
        let found = dir
            .database()
            .query_row(mine, [hash], |row| row.get::<_, i64>(0));
        assert_eq!(found.unwrap(), 1);
    }
    assert_eq!(dir.ask::<Vec<u8>>("SELECT totp FROM REGISTERED").len(), 50);
    assert_eq!(dir.ask::<i64>("SELECT last_step FROM REGISTERED"), 0);
    assert_eq!(dir.ask::<i64>("SELECT count(*) FROM resume_tokens"), 0);
    for file in ["log/credentials.log", "log/info.log", "log/sql.log"] {
        let text = dir.read(file);
        assert!(
            !text.contains(&secret) && !text.contains(codes[0].trim()),
            "{file}"
        );
    }
    assert!(
        dir.read("log/credentials.log")
            .contains(" second_factor_reset by=operator")
    );
}

#[test]
fn a_lost_sealing_key_is_not_replaced() {
    let dir = ServerDir::with_alice();
    fs::remove_file(dir.path("keys/totp_seal")).unwrap();
    let complaint = dir.refused(&["user", "reset-2fa", "alice"], 1);
    assert!(
        complaint.contains("restore it from a backup"),
        "{complaint}"
    );
    assert!(!dir.path("keys/totp_seal").exists());
    assert_eq!(dir.ask::<i64>("SELECT last_step FROM REGISTERED"), 77);
}

#[test]
fn a_copy_of_a_stopped_database_is_private_and_overwrites_nothing() {
    let dir = ServerDir::with_alice();
    dir.fine(&["backup", "copy.db"]);
    let copy = dir.path("copy.db");
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let copied = Connection::open(&copy).unwrap();
    let user: String = copied
        .query_row("SELECT user FROM REGISTERED", (), |row| row.get(0))
        .unwrap();
    assert_eq!(user, "Alice");
    let again = dir.refused(&["backup", "copy.db"], 1);
    assert!(
        again.contains("exists already and is not overwritten"),
        "{again}"
    );
    let info = dir.read("log/info.log");
    assert_eq!(info.matches(" backup_made by=operator").count(), 1);
}

#[test]
fn an_act_that_the_audit_could_not_keep_is_no_success() {
    let dir = ServerDir::with_alice();
    fs::remove_file(dir.path("log/credentials.log")).unwrap();
    symlink("/dev/full", dir.path("log/credentials.log")).unwrap();
    let complaint = dir.refused(&["user", "disable", "alice"], 1);
    assert!(
        complaint.contains("it is done, but the audit can't be written"),
        "{complaint}"
    );
    assert_eq!(dir.ask::<String>("SELECT status FROM REGISTERED"), "ko");
}

#[test]
fn beside_a_running_server_it_is_none_either() {
    let dir = ServerDir::with_alice();
    fs::remove_file(dir.path("log/credentials.log")).unwrap();
    symlink("/dev/full", dir.path("log/credentials.log")).unwrap();
    let server = dir.serve();
    for (arguments, is_done) in [
        (&["user", "disable", "alice"][..], true),
        (&["backup", "b"], false),
        (&["user", "list"], false),
        (&["user", "show", "alice"], false),
    ] {
        let complaint = dir.refused(arguments, 1);
        assert!(
            complaint.contains("the audit can't be written"),
            "{complaint}"
        );
        assert_eq!(complaint.contains("it is done"), is_done, "{complaint}");
    }
    assert_eq!(dir.ask::<String>("SELECT status FROM REGISTERED"), "ko");
    assert!(!dir.path("b").exists());
    server.stop();
}

#[test]
fn a_configuration_that_is_gone_opens_nothing_that_was_closed() {
    let dir = ServerDir::new();
    let closed = "[server]\nport = 0\nregistration = \"closed\"\n";
    fs::write(dir.path("config.toml"), closed).unwrap();
    let server = dir.serve();
    fs::rename(dir.path("config.toml"), dir.path("moved.toml")).unwrap();
    let process = rustix::process::Pid::from_child(&server.process);
    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
    chatbox_common::testkit::wait::eventually("a refusal", || {
        let info = dir.read("log/info.log");
        info.contains("ERROR reload_failed why=").then_some(())
    });
    let elsewhere = dir.path("moved.toml");
    let elsewhere = ["reload", "--config", elsewhere.to_str().unwrap()];
    let complaint = dir.refused(&elsewhere, 3);
    assert!(
        complaint.contains("the server was started with"),
        "{complaint}"
    );
    fs::rename(dir.path("moved.toml"), dir.path("config.toml")).unwrap();
    assert_eq!(dir.fine(&["reload"]), "no setting has changed\n");
    server.stop();
}

/// Sends each message after the answer to the one before; returns the answers.
fn answers(server: &ServerProcess, messages: &[ClientMessage]) -> Vec<ServerMessage> {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let (channel, _) = channel::connect(&mut stream).unwrap();
    let Channel {
        mut sender,
        mut receiver,
        ..
    } = channel;
    let mut heard = Vec::new();
    for message in messages {
        sender.send(&mut stream, message).unwrap();
        let content = loop {
            if let Some(content) = receiver.next_record().unwrap() {
                break content;
            }
            receiver.fill(&mut stream).unwrap();
        };
        heard.extend(
            codec::messages(content).map(|message| match message.unwrap() {
                Read::Known(message) => message,
                unknown @ Read::Unknown { .. } => panic!("{unknown:?}"),
            }),
        );
    }
    heard
}

#[test]
fn a_server_that_cannot_keep_its_records_lets_nobody_in() {
    let dir = ServerDir::with_alice();
    fs::remove_file(dir.path("log/sql.log")).unwrap();
    symlink("/dev/full", dir.path("log/sql.log")).unwrap();
    let mut server = dir.serve();
    // The server refuses from the moment on at which it tells its operator.
    let mut told = String::new();
    let mut complaints = BufReader::new(server.process.stderr.take().unwrap());
    complaints.read_line(&mut told).unwrap();
    assert!(
        told.contains("the audit can't be written: sql.log"),
        "{told}"
    );
    let register = ClientMessage::Register(Register {
        request: 1,
        user: "bob".to_owned(),
        invitation: None,
        capabilities: None,
    });
    let login = ClientMessage::Login(Login {
        request: 1,
        scram: "p=chatbox,,n=bob,r=AAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        capabilities: None,
    });
    let confirm = ClientMessage::LoginConfirm(LoginConfirm {
        request: 2,
        scram: "c=AAAA,r=AAAA,p=AAAA".to_owned(),
        code: SecretString::new("123456".to_owned()),
    });
    let resume = ClientMessage::Resume(Resume {
        request: 1,
        id: [0; 16],
        proof: [0; 32],
        capabilities: None,
    });
    for messages in [&[register][..], &[login, confirm], &[resume]] {
        let heard = answers(&server, messages);
        let last = heard.last().unwrap();
        assert!(
            matches!(last, ServerMessage::Error(error) if error.code == ErrorCode::Unavailable),
            "{heard:?}"
        );
    }
    server.stop();
    assert!(!dir.read("log/credentials.log").contains("login_failed"));
}
