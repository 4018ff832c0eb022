//! Another second factor, asked for in a session, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::testkit::account::{Account, step_now};
use chatbox_common::testkit::account_changes::{
    LOGIN_REFUSED, NEW, assert_token_is_dead, state, take_factor, without_password,
};
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{ByeReason, ErrorCode, FactorPart};
use rusqlite::Connection;

#[test]
fn a_stolen_session_with_a_right_code_gets_no_factor_and_locks_nobody_out() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, first) = server.register("Alice");
    let thief = without_password(&account);
    let (right, wrong) = (account.code(step_now() + 1), account.wrong_code());
    let before = state(&server);
    let mut token = first.token();
    first.cut();
    // Four failures leave a session alive, and an address has ten: the thief resumes elsewhere.
    for n in 0..6 {
        let mut client = ScriptedClient::connect_from(&server, 2 + n);
        client.say_resume(&token);
        client.enter();
        token = client.token();
        for code in [&right, &wrong, &wrong, &wrong] {
            let refused = client.new_factor(&thief, code.clone(), FactorPart::Secret);
            assert_eq!(refused.unwrap_err(), ErrorCode::LoginRefused);
        }
        client.ping();
        client.cut();
    }
    let failed = "WARN  factor_change_failed user=Alice account=1";
    server.line("credentials.log", &[failed, "reason=password"]);
    let tokens = "DELETE FROM resume_tokens WHERE state <> 'newest'";
    let database = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    database.execute(tokens, ()).unwrap();
    assert_eq!(state(&server), before);
    account.last_step = step_now() + 1;
    let code = account.code(account.last_step);
    let logged_in = ScriptedClient::connect(&server).log_in(&account, &code);
    assert_eq!(logged_in.wrong_codes, 0, "and none counts as a wrong code");
}

#[test]
fn whatever_is_wrong_with_a_factor_gets_the_same_refusal() {
    let server = ServerProcess::start("");
    let (account, mut client) = server.register("Alice");
    let (_bob, bob) = server.register("Bob");
    let before = state(&server);
    let binding = client.binding;
    let right = account.code(step_now() + 1);
    for (password, binding, code) in [
        ("wrong password", &binding, right.clone()),
        (&account.password, &binding, account.wrong_code()),
        (&account.password, &bob.binding, right),
    ] {
        let last = client.answer_challenge("Alice", password, binding).unwrap();
        let refused = client.say_factor(last.message(), code, FactorPart::RecoveryCodes);
        assert_eq!(refused.unwrap_err(), ErrorCode::LoginRefused);
    }
    for reason in ["reason=password", "reason=code", "reason=malformed"] {
        let failed = "WARN  recovery_codes_change_failed user=Alice account=1";
        server.line("credentials.log", &[failed, reason]);
    }
    assert_eq!(state(&server), before);
    let counted = "SELECT 'one' FROM REGISTERED WHERE id = 1 AND failed_codes = 1";
    eventually("one wrong code counted", || server.query(counted));
}

#[test]
fn after_twenty_wrong_codes_only_a_recovery_code_changes_anything() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, mut first) = server.register("Alice");
    let wrong = account.wrong_code();
    let recovery: Vec<_> = (0..5).map(|_| account.recovery.pop().unwrap()).collect();
    let mut sessions: Vec<_> = recovery
        .iter()
        .enumerate()
        .map(|(n, code)| {
            let mut client = ScriptedClient::connect_from(&server, 2 + u8::try_from(n).unwrap());
            client.log_in(&account, &code.text());
            client
        })
        .collect();
    for client in &mut sessions {
        for _ in 0..4 {
            let refused = client.new_factor(&account, wrong.clone(), FactorPart::Secret);
            assert_eq!(refused.unwrap_err(), ErrorCode::LoginRefused);
        }
    }
    let counted = "SELECT 'all' FROM REGISTERED WHERE failed_codes = 20";
    eventually("20 wrong codes counted", || server.query(counted));
    let right = account.code(step_now() + 1);
    let refused = first.new_factor(&account, right.clone(), FactorPart::RecoveryCodes);
    assert_eq!(refused.unwrap_err(), ErrorCode::LoginRefused);
    let change = first.new_password(&account, NEW, right);
    let refused = first.change_password(change);
    assert_eq!(refused.unwrap_err(), ErrorCode::LoginRefused);
    let code = account.recovery.pop().unwrap().text();
    let factor = first
        .new_factor(&account, code, FactorPart::RecoveryCodes)
        .unwrap();
    take_factor(&mut account, &factor);
    let code = account.recovery.pop().unwrap().text();
    let logged_in = ScriptedClient::connect(&server).log_in(&account, &code);
    assert_eq!(
        logged_in.wrong_codes, 22,
        "its owner is told at the next login"
    );
}

#[test]
fn another_secret_holds_once_it_is_confirmed_and_leaves_one_session() {
    let mut server = ServerProcess::start("");
    let (mut account, mut first) = server.register("Alice");
    let mut second = server.log_in(&mut account);
    let old_tokens = [first.token(), second.token()];
    let spent = account.recovery.pop().unwrap().text();
    let factor = first
        .new_factor(&account, spent.clone(), FactorPart::Secret)
        .unwrap();
    assert_eq!(factor.recovery.len(), 10);

    // The new factor does not hold yet, but the code is spent.
    let mut client = ScriptedClient::connect(&server);
    client.attempt("Alice", &account.password, &spent);
    assert_eq!(client.refusal(), LOGIN_REFUSED);
    let old_recovery = account.recovery.pop().unwrap().text();
    let third = {
        let mut client = ScriptedClient::connect(&server);
        client.log_in(&account, &old_recovery);
        client
    };
    let mut old = Account {
        name: account.name.clone(),
        password: account.password.clone(),
        totp: account.totp.clone(),
        recovery: std::mem::take(&mut account.recovery),
        last_step: account.last_step,
    };
    take_factor(&mut account, &factor);
    let wrong = first.confirm_factor(account.wrong_code()).unwrap_err();
    assert_eq!(wrong, ErrorCode::WrongCode);
    let recovery = account.recovery[0].text();
    let wrong = first.confirm_factor(recovery).unwrap_err();
    assert_eq!(wrong, ErrorCode::WrongCode, "a code of the secret itself");
    account.last_step = step_now();
    let code = account.code(account.last_step);
    let changed = first.confirm_factor(code.clone()).unwrap();
    assert_eq!(changed.scram, None);
    assert!((1..=12 * 3600).contains(&changed.token_seconds));
    for mut other in [
        third,
        std::mem::replace(&mut second, ScriptedClient::connect(&server)),
    ] {
        assert_eq!(other.goodbye(), ByeReason::LoggedOut);
    }
    let again = first.confirm_factor(code.clone()).unwrap_err();
    assert_eq!(again, ErrorCode::InvalidArgument);
    for event in [
        "INFO  factor_change_begun",
        "WARN  factor_change_failed",
        "INFO  factor_changed",
    ] {
        let whose = format!("{event} user=Alice account=1 addr=");
        server.line("credentials.log", &[&whose, "session=1.1"]);
    }

    server.kill();
    server.restart();
    for token in &old_tokens {
        assert_token_is_dead(&server, token);
    }
    server.resume(&first.token());
    let old_code = old.code(step_now() + 1);
    for dead in [old_code, old.recovery.pop().unwrap().text(), code] {
        let mut client = ScriptedClient::connect(&server);
        client.attempt("Alice", &account.password, &dead);
        assert_eq!(client.refusal(), LOGIN_REFUSED);
    }
    server.log_in(&mut account);
    let recovery = account.recovery.pop().unwrap().text();
    ScriptedClient::connect(&server).log_in(&account, &recovery);
}

#[test]
fn a_code_proves_no_login_and_makes_none_last_longer() {
    let server = ServerProcess::start("");
    let (mut account, mut client) = server.register("Alice");
    let end = || server.query("SELECT CAST(max(expires_at) AS TEXT) FROM resume_tokens");
    let before = end();
    let code = account.recovery.pop().unwrap().text();
    let factor = client
        .new_factor(&account, code, FactorPart::Secret)
        .unwrap();
    take_factor(&mut account, &factor);
    client.confirm_factor(account.code(step_now())).unwrap();
    assert_eq!(end(), before);
}

#[test]
fn five_wrong_first_codes_end_the_change_and_a_second_request_replaces_the_first() {
    let server = ServerProcess::start("");
    let (mut account, mut client) = server.register("Alice");
    let before = server.query("SELECT hex(totp) FROM REGISTERED");
    let mut begin = |client: &mut ScriptedClient| {
        let code = account.recovery.pop().unwrap().text();
        let factor = client
            .new_factor(&account, code, FactorPart::Secret)
            .unwrap();
        let mut account = Account {
            name: account.name.clone(),
            password: account.password.clone(),
            totp: account.totp.clone(),
            recovery: Vec::new(),
            last_step: 0,
        };
        take_factor(&mut account, &factor);
        account
    };
    let pending = begin(&mut client);
    for _ in 0..5 {
        let wrong = client.confirm_factor(pending.wrong_code()).unwrap_err();
        assert_eq!(wrong, ErrorCode::WrongCode);
    }
    let right = |account: &Account| account.code(step_now());
    let over = client.confirm_factor(right(&pending)).unwrap_err();
    assert_eq!(over, ErrorCode::InvalidArgument);

    let replaced = begin(&mut client);
    let pending = begin(&mut client);
    let wrong = client.confirm_factor(right(&replaced)).unwrap_err();
    assert_eq!(wrong, ErrorCode::WrongCode);
    let token = client.token();
    client.cut();
    let mut client = server.resume(&token);
    let gone = client.confirm_factor(right(&pending)).unwrap_err();
    assert_eq!(
        gone,
        ErrorCode::InvalidArgument,
        "it ended with its session"
    );
    assert_eq!(server.query("SELECT hex(totp) FROM REGISTERED"), before);
}

#[test]
fn other_recovery_codes_hold_at_once_and_end_no_session() {
    let server = ServerProcess::start("");
    let (mut account, mut first) = server.register("Alice");
    let mut second = server.log_in(&mut account);
    let old = account.recovery.pop().unwrap().text();
    let proof = account.recovery.pop().unwrap().text();
    let factor = first
        .new_factor(&account, proof.clone(), FactorPart::RecoveryCodes)
        .unwrap();
    assert_eq!((factor.totp.as_ref(), factor.recovery.len()), (None, 10));
    take_factor(&mut account, &factor);
    second.ping();
    server.resume(&second.token());
    for dead in [old, proof] {
        let mut client = ScriptedClient::connect(&server);
        client.attempt("Alice", &account.password, &dead);
        assert_eq!(client.refusal(), LOGIN_REFUSED);
    }
    let recovery = account.recovery.pop().unwrap().text();
    ScriptedClient::connect(&server).log_in(&account, &recovery);
    let line = [
        "INFO  recovery_codes_changed user=Alice account=1",
        "method=recovery",
    ];
    server.line("credentials.log", &line);
    let again = first.new_factor(&account, recovery, FactorPart::RecoveryCodes);
    assert_eq!(again.unwrap_err(), ErrorCode::LoginRefused, "it was spent");
}
