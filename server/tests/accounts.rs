//! Registration and login, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::net::TcpStream;

use chatbox_common::name::UserName;
use chatbox_common::testkit::account::{Account, secret, step_now};
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{AccountId, ByeReason, ErrorCode, ServerMessage};

const REFUSED: (ErrorCode, ByeReason) = (ErrorCode::LoginRefused, ByeReason::LoginRefused);

/// What a refused login receives after its challenge: the content, its bytes on the wire, and the
/// client's address.
fn refused(
    server: &ServerProcess,
    name: &str,
    password: &str,
    code: &str,
) -> (Vec<u8>, usize, String) {
    let mut client = ScriptedClient::connect(server);
    let binding = client.binding;
    let proof = client.prove(&UserName::parse(name).unwrap(), password, &binding);
    client.heard.clear();
    client.wire_bytes = 0;
    client.say_login(&proof, &secret(code));
    assert_eq!(client.refusal(), REFUSED);
    let address = client.stream.local_addr().unwrap().to_string();
    (client.heard, client.wire_bytes, address)
}

fn online(server: &ServerProcess) -> Vec<(String, Option<String>)> {
    let database = server.database();
    let mut found = database
        .prepare("SELECT status, user FROM ONLINE ORDER BY client_id")
        .unwrap();
    let rows = found.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn who_registers_is_in_and_logs_in_again_with_a_code() {
    let server = ServerProcess::start("");
    let (mut account, first) = server.register("Alice");
    let welcome = first.welcome.as_ref().unwrap();
    assert_eq!(welcome.rooms[0].name, "#lobby");
    assert_eq!((welcome.rooms[0].head, welcome.rooms[0].first), (0, 1));
    assert_eq!(welcome.limits.messages_per_second, 5);

    let mut second = ScriptedClient::connect(&server);
    let code = account.factor();
    // Names are compared without regard to case.
    account.name = UserName::parse("aLICE").unwrap();
    let logged_in = second.log_in(&account, &code);
    assert_eq!(
        (logged_in.user.as_str(), logged_in.account),
        ("Alice", AccountId(1))
    );
    assert_eq!(logged_in.token_seconds, 12 * 3600);
    assert_eq!(logged_in.wrong_codes, 0);

    let address = second.stream.local_addr().unwrap().to_string();
    let addr = format!("addr={address}");
    server.line("credentials.log", &["INFO  registered user=Alice"]);
    server.line(
        "credentials.log",
        &["INFO  login user=Alice", &addr, "method=totp"],
    );
}

#[test]
fn an_ipv4_peer_of_an_ipv6_listener_is_logged_as_what_it_is() {
    let server = ServerProcess::start("[server]\naddress = \"::\"\n");
    let stream = TcpStream::connect(("127.0.0.1", server.address.port())).unwrap();
    let address = stream.local_addr().unwrap().to_string();
    let mut client = ScriptedClient::over(&server, stream).unwrap();
    let binding = client.binding;
    let proof = client.prove(
        &UserName::parse("nobody").unwrap(),
        "any password",
        &binding,
    );
    client.say_login(&proof, &secret("000000"));
    assert_eq!(client.refusal(), REFUSED);
    let addr = format!(" addr={address} ");
    server.line("credentials.log", &["login_failed", &addr]);
}

#[test]
fn the_tables_say_who_is_there() {
    let mut server = ServerProcess::start("");
    let silent = ScriptedClient::connect(&server);
    let (_, mut alice) = server.register("Alice");
    let rows = [
        ("anonymous".to_owned(), None),
        ("online".to_owned(), Some("Alice".to_owned())),
    ];
    eventually("two rows in ONLINE", || {
        (online(&server) == rows).then_some(())
    });
    let address = alice.stream.local_addr().unwrap().to_string();
    let registered = "SELECT ip_port || ' ' || status || ' ' || online FROM REGISTERED";
    assert_eq!(server.query(registered), Some(format!("{address} ok ok")));
    let verifier = server.query("SELECT password FROM REGISTERED").unwrap();
    assert!(verifier.starts_with("SCRAM-SHA-256$600000:"), "{verifier}");

    alice.bye();
    assert_eq!(alice.goodbye(), ByeReason::Quit);
    eventually("one row in ONLINE", || {
        (online(&server) == rows[..1]).then_some(())
    });
    let gone = Some(format!("{address} ok ko"));
    eventually("REGISTERED.online = ko", || {
        (server.query(registered) == gone).then_some(())
    });

    server.kill();
    drop(silent);
    server.restart();
    assert_eq!(online(&server), []);
}

#[test]
fn promise_7_every_refused_login_looks_the_same() {
    let server = ServerProcess::start("");
    let (account, _session) = server.register("Alice");
    let right = account.password.clone();
    let wrong_code = account.wrong_code().expose().to_owned();
    let code = account.code(step_now() + 1).expose().to_owned();
    let spent = account.code(account.last_step).expose().to_owned();
    let stranger = "Canary-2f6b";

    let attempts = [
        ("Alice", "wrong password", &*code, "user=Alice", "password"),
        ("Alice", &right, &wrong_code, "user=Alice", "code"),
        ("Alice", &right, &spent, "user=Alice", "code"),
        ("Alice", &right, "not even a code", "user=Alice", "code"),
        (stranger, &right, &code, "user=? name_hash=", "no_such_user"),
    ];
    let mut heard = Vec::new();
    for (name, password, code, user, reason) in attempts {
        let (content, wire, address) = refused(&server, name, password, code);
        let addr = format!("addr={address}");
        let reason = format!("reason={reason}");
        let line = server.line("credentials.log", &["login_failed", &addr, &reason]);
        assert!(line.contains(user), "{line}");
        heard.push((content, wire));
    }
    assert!(heard.iter().all(|one| *one == heard[0]), "{heard:?}");
    for file in ["credentials.log", "info.log", "sql.log"] {
        let text = server.lines(file).join("\n").to_lowercase();
        assert!(!text.contains("canary-2f6b"), "{file}");
    }
    // One name has one hash, so that the operator can count the attempts on it.
    refused(&server, stranger, &right, &code);
    let hashes = eventually("two lines with a hash", || {
        let hash = |line: &String| {
            line.split(" name_hash=")
                .nth(1)?
                .get(..16)
                .map(str::to_owned)
        };
        let hashes: Vec<_> = server
            .lines("credentials.log")
            .iter()
            .filter_map(hash)
            .collect();
        (hashes.len() == 2).then_some(hashes)
    });
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn a_code_is_spent_once() {
    let server = ServerProcess::start("");
    let (mut account, _session) = server.register("Alice");
    let code = account.factor();
    ScriptedClient::connect(&server).log_in(&account, &code);
    let mut again = ScriptedClient::connect(&server);
    again.attempt("Alice", &account.password, &code);
    assert_eq!(again.refusal(), REFUSED);
    let recovery = account.recovery.pop().unwrap().text();
    let logged_in = ScriptedClient::connect(&server).log_in(&account, &recovery);
    assert_eq!(logged_in.wrong_codes, 1, "its owner is told");
}

#[test]
fn of_two_logins_with_one_code_at_once_one_succeeds() {
    let server = ServerProcess::start("");
    let (mut account, _session) = server.register("Alice");
    let code = account.factor();
    let mut clients = [
        ScriptedClient::connect(&server),
        ScriptedClient::connect(&server),
    ];
    let proofs = clients.each_mut().map(|client| {
        let binding = client.binding;
        client.prove(&account.name, &account.password, &binding)
    });
    for (client, proof) in clients.iter_mut().zip(&proofs) {
        client.say_login(proof, &code);
    }
    let won = clients
        .each_mut()
        .map(|client| matches!(client.next(), ServerMessage::LoggedIn(_)));
    assert!(won[0] != won[1], "{won:?}");
}

#[test]
fn a_recovery_code_works_once() {
    let server = ServerProcess::start("");
    let (mut account, _session) = server.register("Alice");
    let code = account.recovery.pop().unwrap().text();
    ScriptedClient::connect(&server).log_in(&account, &code);
    server.line("credentials.log", &["login user=Alice", "method=recovery"]);
    let mut again = ScriptedClient::connect(&server);
    again.attempt("Alice", &account.password, &code);
    assert_eq!(again.refusal(), REFUSED);
}

#[test]
fn after_twenty_wrong_codes_only_a_recovery_code_is_taken() {
    let server = ServerProcess::start("");
    let (mut account, _session) = server.register("Alice");
    let wrong = account.wrong_code();
    // A single address would have to wait before it has failed 20 times.
    let fail = |account: &Account, code, host| {
        let mut client = ScriptedClient::connect_from(&server, host);
        client.attempt("Alice", &account.password, code);
        assert_eq!(client.refusal(), REFUSED);
    };
    for n in 0..20 {
        fail(&account, &wrong, 2 + n / 5);
    }
    let counted = "SELECT 'all' FROM REGISTERED WHERE failed_codes = 20";
    eventually("20 wrong codes counted", || server.query(counted));
    fail(&account, &account.code(step_now() + 1), 7);
    let recovery = account.recovery.pop().unwrap().text();
    let logged_in = ScriptedClient::connect(&server).log_in(&account, &recovery);
    assert_eq!(logged_in.wrong_codes, 21);
    let code = account.factor();
    assert_eq!(
        ScriptedClient::connect(&server)
            .log_in(&account, &code)
            .wrong_codes,
        0
    );
}

#[test]
fn ten_wrong_passwords_make_an_address_wait() {
    let mut server = ServerProcess::start("");
    let (account, _session) = server.register("Alice");
    let code = account.wrong_code();
    let refusals = (0..).take_while(|_| {
        let mut client = ScriptedClient::connect(&server);
        client.attempt("Alice", "wrong password", &code);
        let rest = client.rest();
        let ServerMessage::Error(error) = &rest[0] else {
            panic!("{rest:?}");
        };
        if error.code == ErrorCode::Busy {
            assert!(error.retry_ms.is_some_and(|ms| ms <= 10_000), "{error:?}");
        }
        error.code == ErrorCode::LoginRefused
    });
    // An address gets one more every ten seconds, which a busy machine may take.
    let refusals = refusals.count();
    assert!((10..20).contains(&refusals), "{refusals}");
    // Further attempts of the address are counted, not logged one by one.
    server.stop();
    server.line(
        "info.log",
        &["never_logged_in", "addr=127.0.0.1", "last=throttled"],
    );
}

#[test]
fn promise_5_a_relayed_login_is_refused() {
    let server = ServerProcess::start("");
    let (mut account, _session) = server.register("Alice");
    let code = account.factor();
    // A man in the middle has a channel of his own with each side.
    let victim = ScriptedClient::connect(&server);
    let mut relay = ScriptedClient::connect(&server);
    let proof = relay.prove(&account.name, &account.password, &victim.binding);
    relay.say_login(&proof, &code);
    assert_eq!(relay.refusal(), REFUSED);
    // The attempt has spent nothing.
    ScriptedClient::connect(&server).log_in(&account, &code);
}

#[test]
fn names_that_look_alike_are_one_name() {
    let server = ServerProcess::start("");
    let (_account, _session) = server.register("Alice");
    let mut client = ScriptedClient::connect(&server);
    for taken in ["alice", "A1ice", "a-l-i-c-e", "AIice"] {
        let asked = client.say_register(taken);
        assert_eq!(client.error(asked).code, ErrorCode::NameTaken, "{taken}");
    }
    let mut client = ScriptedClient::connect(&server);
    for invalid in ["-x", "a b", "x\u{1b}[2J", &"x".repeat(33)] {
        let asked = client.say_register(invalid);
        assert_eq!(
            client.error(asked).code,
            ErrorCode::InvalidName,
            "{invalid}"
        );
    }
    client.register("Alicia", "correct horse battery");
}

#[test]
fn a_connection_may_begin_five_registrations() {
    let server = ServerProcess::start("");
    let mut client = ScriptedClient::connect(&server);
    for _ in 0..5 {
        let asked = client.say_register("not a name");
        assert_eq!(client.error(asked).code, ErrorCode::InvalidName);
    }
    client.say_register("alice");
    assert_eq!(client.goodbye(), ByeReason::LoginRefused);
}

#[test]
fn of_two_registrations_of_a_name_the_faster_one_gets_it() {
    let server = ServerProcess::start("");
    let mut slow = ScriptedClient::connect(&server);
    slow.say_register("Alice");
    let challenge = slow.challenge();
    let (_account, _session) = server.register("Alice");
    let code = Account::new("Alice", "another password", &challenge).factor();
    let asked = slow.say_confirm(&challenge, "another password", code);
    assert_eq!(slow.error(asked).code, ErrorCode::NameTaken);
    slow.register("Bob", "another password");
}

#[test]
fn the_first_code_of_a_registration_may_be_tried_again() {
    let server = ServerProcess::start("");
    let mut client = ScriptedClient::connect(&server);
    client.say_register("Alice");
    let challenge = client.challenge();
    let mut account = Account::new("Alice", "correct horse battery", &challenge);
    for _ in 0..4 {
        let asked = client.say_confirm(&challenge, &account.password, account.wrong_code());
        assert_eq!(client.error(asked).code, ErrorCode::WrongCode);
    }
    let code = account.factor();
    client.say_confirm(&challenge, &account.password, code);
    assert_eq!(client.enter().user, "Alice");
}

#[test]
fn five_wrong_first_codes_end_a_registration() {
    let server = ServerProcess::start("");
    let mut client = ScriptedClient::connect(&server);
    client.say_register("Alice");
    let challenge = client.challenge();
    let account = Account::new("Alice", "correct horse battery", &challenge);
    for _ in 0..5 {
        let asked = client.say_confirm(&challenge, &account.password, account.wrong_code());
        assert_eq!(client.error(asked).code, ErrorCode::WrongCode);
    }
    assert_eq!(client.goodbye(), ByeReason::LoginRefused);
    server.line("credentials.log", &["registration_refused", "reason=code"]);
    assert_eq!(server.query("SELECT user FROM REGISTERED"), None);
}

#[test]
fn a_closed_server_registers_nobody() {
    let server = ServerProcess::start("[server]\nregistration = \"closed\"\n");
    let mut client = ScriptedClient::connect(&server);
    let asked = client.say_register("Alice");
    assert_eq!(client.error(asked).code, ErrorCode::RegistrationClosed);
}

#[test]
fn an_address_has_a_quarter_of_the_registrations_under_way() {
    let server = ServerProcess::start("[server]\nmax_connections = 1024\n");
    let begin = || {
        let mut client = ScriptedClient::connect(&server);
        client.say_register("Alice");
        let is_begun = match client.next() {
            ServerMessage::RegisterChallenge(_) => true,
            ServerMessage::Error(error) if error.code == ErrorCode::Busy => false,
            other => panic!("{other:?}"),
        };
        (client, is_begun)
    };
    let mut under_way: Vec<_> = (0..32).map(|_| begin()).collect();
    assert!(under_way.iter().all(|(_, is_begun)| *is_begun));
    let (mut refused, is_begun) = begin();
    assert!(!is_begun);
    // Its connection goes on, and other addresses have places.
    let asked = refused.say_register("Alice");
    assert_eq!(refused.error(asked).code, ErrorCode::Busy);
    let mut elsewhere = ScriptedClient::connect_from(&server, 2);
    elsewhere.register("Bob", "correct horse battery");
    under_way.pop().unwrap().0.cut();
    eventually("the place of who left", || begin().1.then_some(()));
}
