//! Continuing a login on another connection, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::secret::Secret;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{AccountId, ByeReason, ErrorCode};

fn assert_refused(server: &ServerProcess, token: &ResumeToken) {
    let mut client = ScriptedClient::connect(server);
    client.say_resume(token);
    let refusal = (ErrorCode::LoginRefused, ByeReason::LoginRefused);
    assert_eq!(client.refusal(), refusal);
}

#[test]
fn who_was_cut_off_resumes_with_the_same_name_and_another_token() {
    let server = ServerProcess::start("");
    let (_account, first) = server.register("Alice");
    let token = first.token();
    first.cut();
    let mut second = ScriptedClient::connect(&server);
    second.say_resume(&token);
    let logged_in = second.enter();
    assert_eq!(
        (logged_in.user.as_str(), logged_in.account),
        ("Alice", AccountId(1))
    );
    assert_eq!(logged_in.scram, None);
    assert!((1..=12 * 3600).contains(&logged_in.token_seconds));
    assert_ne!(second.token(), token);
    let addr = format!("addr={}", second.stream.local_addr().unwrap());
    server.line("credentials.log", &["INFO  resume user=Alice", &addr]);
}

#[test]
fn a_token_outlives_the_server() {
    let mut server = ServerProcess::start("");
    let (_account, client) = server.register("Alice");
    let history = client.welcome.as_ref().unwrap().history_id;
    server.kill();
    server.restart();
    let again = server.resume(&client.token());
    assert_eq!(again.welcome.unwrap().history_id, history);
}

#[test]
fn the_predecessor_is_good_until_its_successor_is_used() {
    let server = ServerProcess::start("");
    let (_account, client) = server.register("Alice");
    let first = client.token();
    // As if the answer with the successor had been lost, twice.
    server.resume(&first);
    let second = server.resume(&first).token();
    let third = server.resume(&second).token();
    server.resume(&second);
    server.resume(&second);
    // A successor that was replaced before its first use is void.
    assert_refused(&server, &third);
    server.line("credentials.log", &["login_failed", "reason=resume_stale"]);
}

#[test]
fn a_token_older_than_the_predecessor_revokes_the_family() {
    let server = ServerProcess::start("");
    let (mut account, client) = server.register("Alice");
    let other_login = server.log_in(&mut account).token();
    let first = client.token();
    let second = server.resume(&first).token();
    let third = server.resume(&second).token();
    assert_refused(&server, &first);
    for token in [&first, &second, &third] {
        assert_refused(&server, token);
    }
    server.resume(&other_login);
    server.line("credentials.log", &["token_reused", "user=Alice"]);
}

#[test]
fn an_id_without_its_token_revokes_nothing() {
    let server = ServerProcess::start("");
    let (_account, client) = server.register("Alice");
    let token = client.token();
    let second = server.resume(&token).token();
    let guess = ResumeToken {
        id: token.id,
        token: Secret::random(),
    };
    let unknown = ResumeToken {
        id: [7; 16],
        token: Secret::random(),
    };
    assert_refused(&server, &guess);
    assert_refused(&server, &unknown);
    server.resume(&second);
}

#[test]
fn promise_5_a_relayed_resume_is_refused() {
    let server = ServerProcess::start("");
    let (_account, client) = server.register("Alice");
    let token = client.token();
    let victim = ScriptedClient::connect(&server);
    let mut relay = ScriptedClient::connect(&server);
    relay.say_resume_bound(&token, &victim.binding);
    let refusal = (ErrorCode::LoginRefused, ByeReason::LoginRefused);
    assert_eq!(relay.refusal(), refusal);
    server.resume(&token);
}

#[test]
fn a_goodbye_ends_the_token() {
    let server = ServerProcess::start("");
    let (_account, mut client) = server.register("Alice");
    let token = client.token();
    client.bye();
    assert_eq!(client.goodbye(), ByeReason::Quit);
    eventually("no token in the database", || {
        let left = server.query("SELECT 'one' FROM resume_tokens");
        left.is_none().then_some(())
    });
    assert_refused(&server, &token);
}

#[test]
fn those_who_come_at_once_share_what_the_disk_is_waited_for() {
    const PEOPLE: usize = 8;
    let server = ServerProcess::start("[security]\nscram_iterations = 4096\n");
    let tokens: Vec<_> = (0..PEOPLE)
        .map(|n| server.register(&format!("user{n}")).1.token())
        .collect();
    let synced = || {
        let lines = server.lines("sql.log");
        let synced = lines.iter().filter(|l| l.contains("synchronous = FULL"));
        synced.count()
    };
    let mut clients: Vec<_> = tokens
        .iter()
        .map(|_| ScriptedClient::connect(&server))
        .collect();
    let before = synced();
    for (client, token) in clients.iter_mut().zip(&tokens) {
        client.say_resume(token);
    }
    for client in &mut clients {
        client.enter();
    }
    let all = eventually("the lines of the last", || {
        let count = synced();
        (count > before).then_some(count)
    });
    assert!(all - before < PEOPLE, "{all} {before}");
}
