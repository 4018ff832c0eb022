//! What an address fails at costs it one of its attempts, and leaves a line in credentials.log only
//! where it was paid for. Against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::time::Instant;

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::limits::{LOGIN_FAILURES, LOGIN_REFILL, REGISTRATIONS, RESUMES};
use chatbox_common::secret::Secret;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{
    ByeReason, ClientMessage, ErrorCode, FactorConfirm, FactorPart, Login, Password,
};

use rusqlite::Connection;

const QUICK: &str = "[security]\nscram_iterations = 4096\n";

/// Logs in until the address has no attempts left; says how often it was refused before.
fn exhaust(server: &ServerProcess, host: u8, say: impl Fn(&mut ScriptedClient)) -> u32 {
    for refused in 0..=2 * LOGIN_FAILURES {
        let mut client = ScriptedClient::connect_from(server, host);
        say(&mut client);
        match client.refusal() {
            (ErrorCode::LoginRefused, ByeReason::LoginRefused) => {}
            (ErrorCode::Busy, ByeReason::LoginRefused) => return refused,
            other => panic!("{other:?}"),
        }
    }
    panic!("never told to wait");
}

fn malformed_login(client: &mut ScriptedClient) {
    client.ask(|request| {
        let scram = "n,,n=alice,r=x".to_owned();
        ClientMessage::Login(Login {
            request,
            scram,
            capabilities: None,
        })
    });
}

fn unknown_token(client: &mut ScriptedClient) {
    client.say_resume(&ResumeToken {
        id: [7; 16],
        token: Secret::random(),
    });
}

/// An address is refused as often as it has attempts, and each time is a line with this reason.
fn assert_each_is_paid_for(
    server: &ServerProcess,
    host: u8,
    reason: &str,
    say: impl Fn(&mut ScriptedClient),
) {
    let start = Instant::now();
    let refused = exhaust(server, host, say);
    let refilled = start.elapsed().as_secs() / LOGIN_REFILL.as_secs();
    let most = LOGIN_FAILURES + u32::try_from(refilled).unwrap();
    assert!((LOGIN_FAILURES..=most).contains(&refused), "{refused}");
    let reason = format!("reason={reason}");
    eventually("a line for each refusal", || {
        let lines = server.lines("credentials.log").into_iter();
        let lines = lines.filter(|line| line.ends_with(&reason)).count();
        assert!(lines <= refused as usize, "{lines}");
        (lines == refused as usize).then_some(())
    });
}

#[test]
fn a_login_of_the_wrong_form_costs_its_address_an_attempt_and_is_a_line_as_long_as_it_has_one() {
    let mut server = ServerProcess::start(QUICK);
    assert_each_is_paid_for(&server, 2, "malformed", malformed_login);
    assert_each_is_paid_for(&server, 3, "resume", unknown_token);
    assert_eq!(server.stop().code(), Some(0));
    for host in ["127.0.0.2", "127.0.0.3"] {
        let parts = ["never_logged_in", host, "count=1 last=throttled"];
        server.line("info.log", &parts);
    }
}

#[test]
fn a_stale_resume_is_a_line_only_where_its_address_pays_for_it() {
    let server = ServerProcess::start(QUICK);
    let (_account, alice) = server.register("Alice");
    let first = alice.token();
    let second = server.resume(&first).token();
    drop(server.resume(&second));
    exhaust(&server, 2, malformed_login);
    let mut thief = ScriptedClient::connect_from(&server, 2);
    thief.say_resume(&first);
    let refusal = (ErrorCode::Busy, ByeReason::LoginRefused);
    assert_eq!(thief.refusal(), refusal);
    server.line("credentials.log", &["token_reused user=Alice"]);
    let text = server.lines("credentials.log").concat();
    assert!(!text.contains("resume_stale"), "{text}");
}

#[test]
fn resumes_that_come_to_nothing_are_an_address_s_and_no_right_one_is_counted() {
    let server = ServerProcess::start(QUICK);
    let (_account, alice) = server.register("Alice");
    let mut token = alice.token();
    drop(alice);
    // Refused by the address's attempts to log in, from the eleventh on, and at last as a resume.
    let attempts = (1..3 * RESUMES).find(|_| {
        let mut thief = ScriptedClient::connect_from(&server, 2);
        unknown_token(&mut thief);
        thief.refusal() == (ErrorCode::Busy, ByeReason::Busy)
    });
    assert!(
        attempts.is_some_and(|attempts| attempts > RESUMES),
        "{attempts:?}"
    );
    for _ in 0..5 {
        token = server.resume(&token).token();
    }
}

#[test]
fn what_is_proved_wrong_in_a_session_costs_the_address_an_attempt_as_well() {
    let server = ServerProcess::start("");
    let (mut account, first) = server.register("Alice");
    let token = first.token();
    drop(first);
    let mut alice = ScriptedClient::connect_from(&server, 2);
    alice.say_resume(&token);
    alice.enter();
    let code = account.factor();
    alice
        .new_factor(&account, code, FactorPart::Secret)
        .unwrap();
    exhaust(&server, 2, malformed_login);
    let wrong = account.wrong_code();
    let confirm = |request| {
        ClientMessage::FactorConfirm(FactorConfirm {
            request,
            code: wrong,
        })
    };
    let scram = format!("n,,n={},r=x", account.name.lower());
    let password = |request| ClientMessage::Password(Password { request, scram });
    for asked in [alice.ask(confirm), alice.ask(password)] {
        let error = alice.error(asked);
        assert_eq!(error.code, ErrorCode::Busy);
        assert!(error.retry_ms.is_some(), "{error:?}");
    }
    alice.bye();
    server.line("credentials.log", &["logout user=Alice", "how=quit"]);
    let text = server.lines("credentials.log").concat();
    for event in ["change_failed", "factor_change_failed"] {
        assert!(!text.contains(event), "{text}");
    }
}

#[test]
fn on_this_machine_too_a_refused_registration_is_a_line_only_where_it_is_paid_for() {
    let server = ServerProcess::start(QUICK);
    drop(server.register("Alice"));
    let mut told = 0;
    let busy = 'peers: loop {
        assert!(told < 2 * REGISTRATIONS, "never told to wait");
        let mut client = ScriptedClient::connect(&server);
        for _ in 0..5 {
            let asked = client.say_register("alice");
            match client.error(asked).code {
                ErrorCode::NameTaken => told += 1,
                code => break 'peers code,
            }
        }
        client.bye();
        client.rest();
    };
    assert_eq!(busy, ErrorCode::Busy);
    // One more where the test takes longer than a minute.
    assert!((REGISTRATIONS..REGISTRATIONS + 3).contains(&told), "{told}");
    drop(server.register("Bob"));
    eventually("a line for each", || {
        let lines = server.lines("credentials.log").into_iter();
        let lines = lines.filter(|line| line.contains("registration_refused"));
        (lines.count() == told as usize).then_some(())
    });
}

#[test]
fn a_database_that_cannot_be_read_is_told_once_however_many_ask() {
    const PEERS: usize = 40;
    let mut server = ServerProcess::start(QUICK);
    let (_account, alice) = server.register("Alice");
    let token = alice.token();
    drop(alice);
    let other = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    other
        .execute_batch("ALTER TABLE resume_tokens RENAME TO gone")
        .unwrap();
    for _ in 0..PEERS {
        let mut peer = ScriptedClient::connect(&server);
        peer.say_resume(&token);
        assert_eq!(peer.goodbye(), ByeReason::Busy);
    }
    other
        .execute_batch("ALTER TABLE gone RENAME TO resume_tokens")
        .unwrap();
    drop(server.resume(&token));
    assert_eq!(server.stop().code(), Some(0));
    let count = |file: &str, words: &str| {
        let lines = server.lines(file).into_iter();
        lines.filter(|line| line.contains(words)).count()
    };
    assert_eq!(count("info.log", " database_unavailable "), 1);
    // Each is counted.
    let parts = ["never_logged_in", &format!("count={PEERS} last=database")];
    server.line("info.log", &parts);
    // One a second.
    let failures = count("sql.log", " sql failed=");
    assert!((1..PEERS / 2).contains(&failures), "{failures}");
}
