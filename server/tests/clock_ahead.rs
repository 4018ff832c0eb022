//! An account whose code was spent while the server's clock ran a day ahead, against the running
//! server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fmt::Write;
use std::process::Command;

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::testkit::account::{Account, step_now};
use chatbox_common::testkit::account_changes::NEW;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{ErrorCode, ServerMessage};
use rusqlite::Connection;

/// Steps of 30 seconds.
const DAY: u64 = 2_880;

/// Changes Alice's row while the server does not run.
fn change(server: &mut ServerProcess, set: &str) {
    server.stop();
    let database = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let statement = format!("UPDATE REGISTERED SET {set} WHERE id = 1");
    assert_eq!(database.execute(&statement, ()), Ok(1));
    drop(database);
    server.restart();
}

/// Alice, as a login leaves her for which the clock was ahead, a day after any other.
fn alice_ahead() -> (ServerProcess, Account, ScriptedClient) {
    let mut server = ServerProcess::start(UNLIMITED);
    let (account, client) = server.register("Alice");
    let ahead = step_now() + DAY + 9;
    change(
        &mut server,
        &format!("last_step = {ahead}, run_from = {ahead}"),
    );
    (server, account, client)
}

fn number(server: &ServerProcess, column: &str) -> u64 {
    let sql = format!("SELECT CAST({column} AS TEXT) FROM REGISTERED WHERE id = 1");
    server.query(&sql).unwrap().parse().unwrap()
}

/// Everything that the peer is told, and how many bytes that has on the wire.
fn told(
    server: &ServerProcess,
    name: &str,
    password: &str,
    code: &SecretString,
) -> (Vec<ServerMessage>, usize) {
    let mut client = ScriptedClient::connect(server);
    client.attempt(name, password, code);
    let challenge = client.wire_bytes;
    let rest = client.rest();
    (rest, client.wire_bytes - challenge)
}

/// A minute later, as far as Alice's codes are concerned: those of now are behind the spent ones.
fn a_minute_passes(server: &mut ServerProcess) {
    change(server, "last_step = last_step - 2");
}

#[test]
fn a_code_that_the_clock_spent_is_told_the_operator_alone_and_a_recovery_code_mends_it() {
    let (mut server, mut account, _client) = alice_ahead();
    let right = account.code(step_now());
    let refused = told(&server, "Alice", &account.password, &right);
    assert!(
        matches!(&refused.0[..], [ServerMessage::Error(error), ServerMessage::Bye(_)]
            if error.code == ErrorCode::LoginRefused)
    );
    let failed = "WARN  login_failed user=Alice";
    server.line("credentials.log", &[failed, "reason=clock"]);
    // Of another password, of nobody, of a wrong code: the peer is told the same.
    let wrong = account.wrong_code();
    assert_eq!(told(&server, "Alice", "wrong password", &right), refused);
    assert_eq!(told(&server, "Nobody", &account.password, &right), refused);
    assert_eq!(told(&server, "Alice", &account.password, &wrong), refused);
    // The last alone counts: failures are counted in their order.
    eventually("a wrong code", || {
        (number(&server, "failed_codes") > 0).then_some(())
    });
    assert_eq!(number(&server, "failed_codes"), 1);

    let recovery = account.recovery.pop().unwrap().text();
    let logged_in = ScriptedClient::connect(&server).log_in(&account, &recovery);
    assert_eq!(logged_in.wrong_codes, 1);
    assert!(number(&server, "last_step") <= step_now() + 1);
    a_minute_passes(&mut server);
    let next = account.code(step_now() + 1);
    let logged_in = ScriptedClient::connect(&server).log_in(&account, &next);
    assert_eq!(logged_in.wrong_codes, 0);
}

#[test]
fn a_change_that_the_clock_refuses_is_told_the_operator_alone_and_a_recovery_code_mends_it() {
    let (mut server, mut account, client) = alice_ahead();
    let mut client = server.resume(&client.token());
    let (right, wrong) = (account.code(step_now()), account.wrong_code());
    for (password, code, reason) in [
        (account.password.as_str(), right.clone(), "reason=clock"),
        ("wrong password", right, "reason=password"),
        (account.password.as_str(), wrong, "reason=code"),
    ] {
        let mut change = client.new_password(&account, NEW, code);
        change.old = password;
        let refused = client.change_password(change);
        assert_eq!(refused.unwrap_err(), ErrorCode::LoginRefused);
        let failed = "WARN  password_change_failed user=Alice account=1";
        server.line("credentials.log", &[failed, reason]);
    }
    eventually("a wrong code", || {
        (number(&server, "failed_codes") > 0).then_some(())
    });
    assert_eq!(number(&server, "failed_codes"), 1);

    let recovery = account.recovery.pop().unwrap().text();
    let change = client.new_password(&account, NEW, recovery);
    client.change_password(change).unwrap();
    NEW.clone_into(&mut account.password);
    a_minute_passes(&mut server);
    let next = account.code(step_now() + 1);
    ScriptedClient::connect(&server).log_in(&account, &next);
}

#[test]
fn another_second_factor_from_the_operator_leaves_nothing_of_a_clock_that_was_ahead() {
    let (mut server, mut account, _client) = alice_ahead();
    server.stop();
    let reset = Command::new(env!("CARGO_BIN_EXE_chatbox-server"))
        .arg("--config")
        .arg(server.path().join("config.toml"))
        .args(["user", "reset-2fa", "Alice"])
        .current_dir(server.path())
        .output()
        .unwrap();
    let shown = String::from_utf8(reset.stdout).unwrap();
    let mut lines = shown.lines();
    let secret = lines.find_map(|line| line.strip_prefix("secret")).unwrap();
    account.totp = TotpSecret::new(bytes_of(secret.trim()));
    server.restart();
    let code = account.code(step_now());
    ScriptedClient::connect(&server).log_in(&account, &code);
}

/// Of 32 characters of base32 (RFC 4648).
fn bytes_of(text: &str) -> Secret<20> {
    let mut bits = String::new();
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            other => panic!("{other} in {text}"),
        };
        write!(bits, "{value:05b}").unwrap();
    }
    let mut bytes = [0; 20];
    for (byte, bits) in bytes.iter_mut().zip(bits.as_bytes().chunks(8)) {
        let bits = std::str::from_utf8(bits).unwrap();
        *byte = u8::from_str_radix(bits, 2).unwrap();
    }
    Secret::new(bytes)
}
