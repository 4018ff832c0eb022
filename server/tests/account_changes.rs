//! Changes of one's own account from a session, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::thread;

use chatbox_common::testkit::account::{secret, step_now};
use chatbox_common::testkit::account_changes::{
    LOGIN_REFUSED, NEW, assert_token_is_dead, some_verifier, state, take_factor, without_password,
};
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id, sending};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{ByeReason, ErrorCode, FactorPart, ServerMessage};
use rusqlite::Connection;

#[test]
fn who_asks_is_told_where_they_are_logged_in_and_nobody_else_is() {
    let server = ServerProcess::start("");
    let (mut account, mut first) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let second = server.log_in(&mut account);
    let sessions = first.sessions();
    let told = sessions
        .iter()
        .map(|one| (one.session, one.address.clone()));
    let number = |client: &ScriptedClient| client.welcome.as_ref().unwrap().session;
    let own = [&first, &second].map(|client| {
        let address = client.stream.local_addr().unwrap().to_string();
        (number(client), address)
    });
    assert_eq!(told.collect::<Vec<_>>(), own);
    assert!(sessions.iter().all(|one| one.since > 1_700_000_000_000));
    assert_eq!(bob.sessions().len(), 1);
    second.cut();
    eventually("one session", || {
        (first.sessions().len() == 1).then_some(())
    });
}

#[test]
fn logging_out_ends_all_sessions_and_tokens_of_the_account_and_no_others() {
    let mut server = ServerProcess::start("");
    let (mut account, mut first) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let mut second = server.log_in(&mut account);
    let resumed = server.resume(&second.token()).token();
    // A person who comes and goes between two notices is in neither.
    first.until("alice's arrival", |message| match message {
        ServerMessage::Presence(presence) => {
            let names = presence.joined.iter();
            names.filter(|name| *name == "Alice").map(|_| ()).next()
        }
        _ => None,
    });
    let addr = format!("addr={}", first.stream.local_addr().unwrap());
    first.say_log_out();
    for client in [&mut first, &mut second] {
        assert_eq!(client.goodbye(), ByeReason::LoggedOut);
    }
    let gone = bob.until("alice's end", |message| match message {
        ServerMessage::Presence(presence) if !presence.left.is_empty() => Some(presence),
        _ => None,
    });
    assert_eq!((gone.left, gone.online), (vec!["Alice".to_owned()], 1));
    let line = ["INFO  logged_out_everywhere user=Alice account=1", &addr];
    server.line("credentials.log", &line);
    for _ in 0..2 {
        server.line("credentials.log", &["logout user=Alice", "how=logged_out"]);
    }
    // What was answered must be on the disk.
    server.kill();
    server.restart();
    for token in [&first.token(), &second.token(), &resumed] {
        assert_token_is_dead(&server, token);
    }
    server.resume(&bob.token());
    server.log_in(&mut account);
}

#[test]
fn a_session_that_reads_nothing_and_one_that_talks_are_ended_as_well() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, mut first) = server.register("Alice");
    let mut silent = server.log_in(&mut account);
    let mut talking = server.log_in(&mut account);
    let mut say = talking.stream.try_clone().unwrap();
    let frames: Vec<_> = (0..2_000)
        .map(|n| {
            let message = sending(n, id(9, n.into()), "on and on");
            let mut content = Vec::new();
            chatbox_common::wire::codec::put(&message, &mut content);
            talking.seal(&content)
        })
        .collect();
    let talk = thread::spawn(move || {
        use std::io::Write;
        // Until the server has closed the connection.
        frames.iter().all(|frame| say.write_all(frame).is_ok())
    });
    first.chat();
    first.say_log_out();
    assert_eq!(first.goodbye(), ByeReason::LoggedOut);
    let messages = || server.query("SELECT CAST(count(*) AS TEXT) FROM messages");
    let said = messages();
    assert_eq!(silent.goodbye(), ByeReason::LoggedOut);
    talk.join().unwrap();
    let offline = "SELECT 'gone' FROM REGISTERED WHERE online = 'ko'";
    eventually("nobody online", || server.query(offline));
    eventually("an empty table", || {
        let left = server.query("SELECT 'one' FROM ONLINE");
        left.is_none().then_some(())
    });
    assert_eq!(messages(), said, "nothing more was taken from them");
}

#[test]
fn another_password_is_the_only_one_and_leaves_one_session() {
    let mut server = ServerProcess::start("");
    let (mut account, mut first) = server.register("Alice");
    let mut second = server.log_in(&mut account);
    let old_tokens = [first.token(), second.token()];
    let code = account.recovery.pop().unwrap().text();
    let change = first.new_password(&account, NEW, code.clone());
    let changed = first.change_password(change).unwrap();
    assert_eq!(changed.token_seconds, 12 * 3600);
    assert_eq!(second.goodbye(), ByeReason::LoggedOut);
    eventually("one session", || {
        (first.sessions().len() == 1).then_some(())
    });
    first.post(id(1, 1), "still here");
    let addr = format!("addr={}", first.stream.local_addr().unwrap());
    let line = [
        "INFO  password_changed user=Alice account=1",
        &addr,
        "session=1.1",
        "recovery",
    ];
    server.line("credentials.log", &line);

    // What was answered must be on the disk.
    server.kill();
    server.restart();
    for token in &old_tokens {
        assert_token_is_dead(&server, token);
    }
    server.resume(&first.token());
    let mut client = ScriptedClient::connect(&server);
    let fresh = account.recovery.pop().unwrap().text();
    client.attempt("Alice", &account.password, &fresh);
    assert_eq!(client.refusal(), LOGIN_REFUSED, "the old password");
    account.password = NEW.to_owned();
    let mut client = ScriptedClient::connect(&server);
    client.attempt("Alice", NEW, &code);
    assert_eq!(client.refusal(), LOGIN_REFUSED, "a spent code");
    let logged_in = ScriptedClient::connect(&server).log_in(&account, &fresh);
    assert_eq!(logged_in.wrong_codes, 1);
}

#[test]
fn a_session_changes_its_password_again_and_again_and_its_goodbye_ends_its_token() {
    let server = ServerProcess::start("");
    let (mut account, mut client) = server.register("Alice");
    for new in [NEW, "another better horse"] {
        let code = account.recovery.pop().unwrap().text();
        let change = client.new_password(&account, new, code);
        client.change_password(change).unwrap();
        account.password = new.to_owned();
    }
    server.log_in(&mut account);
    let token = client.token();
    client.bye();
    assert_eq!(client.goodbye(), ByeReason::Quit);
    assert_token_is_dead(&server, &token);
}

#[test]
fn whatever_is_wrong_gets_the_same_refusal_and_changes_nothing() {
    let server = ServerProcess::start("");
    let (account, first) = server.register("Alice");
    let (_bob, bob) = server.register("Bob");
    let good = || account.code(step_now() + 1);
    let wrong_code = account.wrong_code();
    let spent = account.code(account.last_step);
    let before = state(&server);
    let token = first.token();
    first.cut();
    let mut reasons = Vec::new();
    let mut token = token;
    // Each from an address of its own, since an address has only 10 failures.
    for (n, what) in [
        "old",
        "code",
        "spent",
        "no code",
        "relayed",
        "not one's own",
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = ScriptedClient::connect_from(&server, 2 + u8::try_from(n).unwrap());
        client.say_resume(&token);
        client.enter();
        token = client.token();
        let mut change = client.new_password(&account, NEW, good());
        match what {
            "old" => change.old = "wrong password",
            "code" => change.code = wrong_code.clone(),
            "spent" => change.code = spent.clone(),
            "no code" => change.code = secret("what code?"),
            "relayed" => change.binding = bob.binding,
            _ => change.name = "Bob",
        }
        let refused = client.change_password(change).unwrap_err();
        assert_eq!(refused, ErrorCode::LoginRefused, "{what}");
        client.ping();
        let addr = format!("addr={}", client.stream.local_addr().unwrap());
        // Without a challenge the server does not know yet what is to be changed.
        let event = if what == "not one's own" {
            "WARN  change_failed"
        } else {
            "WARN  password_change_failed"
        };
        let event = format!("{event} user=Alice account=1");
        let line = server.line("credentials.log", &[&event, &addr]);
        reasons.push(line.split("reason=").nth(1).unwrap().to_owned());
        client.cut();
    }
    let expected = ["password", "code", "code", "code", "malformed", "malformed"];
    assert_eq!(reasons, expected);
    let counted = "SELECT 'all' FROM REGISTERED WHERE id = 1 AND failed_codes = 3";
    eventually("three wrong codes counted", || server.query(counted));
    // Each resume has made a successor and kept the predecessor, which is no change of the account.
    let tokens = "DELETE FROM resume_tokens WHERE state <> 'newest'";
    let database = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    database.execute(tokens, ()).unwrap();
    assert_eq!(state(&server), before);
    let logged_in = ScriptedClient::connect(&server).log_in(&account, &good());
    assert_eq!(logged_in.wrong_codes, 3, "its owner is told");
}

#[test]
fn a_confirmation_without_a_challenge_is_no_failure_and_a_challenge_is_good_once() {
    let server = ServerProcess::start("");
    let (account, mut client) = server.register("Alice");
    let code = account.code(step_now() + 1);
    for _ in 0..6 {
        let nothing = client.say_password_confirm("c=,r=,p=", code.clone(), some_verifier());
        assert_eq!(nothing.unwrap_err(), ErrorCode::InvalidArgument);
        let nothing = client.confirm_factor(code.clone());
        assert_eq!(nothing.unwrap_err(), ErrorCode::InvalidArgument);
        for part in [FactorPart::Secret, FactorPart::RecoveryCodes] {
            let nothing = client.say_factor("c=,r=,p=", code.clone(), part);
            assert_eq!(nothing.unwrap_err(), ErrorCode::InvalidArgument);
        }
    }
    let binding = client.binding;
    let answer = |client: &mut ScriptedClient| {
        let last = client.answer_challenge("Alice", &account.password, &binding);
        last.unwrap().message().to_owned()
    };
    // For either request, and whatever came of it.
    let part = FactorPart::RecoveryCodes;
    let scram = answer(&mut client);
    let refused = client.say_password_confirm(&scram, account.wrong_code(), some_verifier());
    assert_eq!(refused.unwrap_err(), ErrorCode::LoginRefused);
    let scram_of_factor = answer(&mut client);
    client
        .say_factor(&scram_of_factor, account.recovery[0].text(), part)
        .unwrap();
    for scram in [scram, scram_of_factor] {
        let again = client.say_password_confirm(&scram, code.clone(), some_verifier());
        assert_eq!(again.unwrap_err(), ErrorCode::InvalidArgument);
        let again = client.say_factor(&scram, code.clone(), part);
        assert_eq!(again.unwrap_err(), ErrorCode::InvalidArgument);
    }
}

#[test]
fn messages_that_break_the_profile_are_refused_and_the_session_goes_on() {
    let server = ServerProcess::start("");
    let (_account, mut client) = server.register("Alice");
    let long = "x".repeat(4_000);
    for scram in ["", "n,,n=alice,r=AAAA", "p=chatbox,,n=Alice,r=", &*long] {
        let asked = client.say_password(scram);
        let refused = client.password_challenge(asked).unwrap_err();
        assert_eq!(refused, ErrorCode::LoginRefused, "{scram:.20}");
    }
    client.ping();
}

#[test]
fn five_failures_end_the_session_and_its_token() {
    let server = ServerProcess::start("");
    let (account, mut client) = server.register("Alice");
    let wrong = account.wrong_code();
    for part in [
        FactorPart::Secret,
        FactorPart::RecoveryCodes,
        FactorPart::Secret,
    ] {
        let refused = client
            .new_factor(&account, wrong.clone(), part)
            .unwrap_err();
        assert_eq!(refused, ErrorCode::LoginRefused);
    }
    let mut change = client.new_password(&account, NEW, wrong.clone());
    change.old = "wrong password";
    let refused = client.change_password(change).unwrap_err();
    assert_eq!(refused, ErrorCode::LoginRefused);
    let token = client.token();
    let refused = client
        .new_factor(&account, wrong, FactorPart::Secret)
        .unwrap_err();
    assert_eq!(refused, ErrorCode::LoginRefused);
    assert_eq!(client.goodbye(), ByeReason::LoggedOut);
    assert_token_is_dead(&server, &token);
    let ended = ["WARN  session_closed user=Alice", "how=wrong_proofs"];
    server.line("credentials.log", &ended);
    let failed = [
        "WARN  recovery_codes_change_failed user=Alice",
        "reason=code",
    ];
    server.line("credentials.log", &failed);
}

#[test]
fn an_address_that_has_failed_ten_times_waits() {
    let server = ServerProcess::start(UNLIMITED);
    let (account, _session) = server.register("Alice");
    let stranger = without_password(&account);
    let wrong = account.wrong_code();
    let mut sessions: Vec<_> = (0..4)
        .map(|n| {
            let mut client = ScriptedClient::connect(&server);
            client.log_in(&account, &account.recovery[n].text());
            client
        })
        .collect();
    let mut answers = Vec::new();
    for n in 0..16 {
        let client = &mut sessions[n % 4];
        // Wrong codes and wrong passwords count alike.
        let account = if n % 2 == 0 { &account } else { &stranger };
        answers.push(
            client
                .new_factor(account, wrong.clone(), FactorPart::Secret)
                .unwrap_err(),
        );
    }
    let refusals = answers
        .iter()
        .filter(|code| **code == ErrorCode::LoginRefused);
    // An address gets one more every ten seconds, which a busy machine may take.
    assert!((10..16).contains(&refusals.count()), "{answers:?}");
    assert_eq!(answers.last(), Some(&ErrorCode::Busy));
    sessions[3].ping();
}

#[test]
fn of_two_changes_with_one_code_at_once_one_succeeds() {
    let server = ServerProcess::start("");
    let (mut account, first) = server.register("Alice");
    let second = server.log_in(&mut account);
    let code = account.recovery.pop().unwrap().text();
    let changes = [first, second].map(|mut client| {
        let code = code.clone();
        let binding = client.binding;
        let last = client.answer_challenge("Alice", &account.password, &binding);
        let scram = last.unwrap().message().to_owned();
        let part = FactorPart::RecoveryCodes;
        thread::spawn(move || client.say_factor(&scram, code, part).is_ok())
    });
    let won = changes.map(|change| change.join().unwrap());
    assert!(won[0] != won[1], "{won:?}");
}

#[test]
fn a_login_that_was_challenged_before_the_change_is_refused_behind_it() {
    let server = ServerProcess::start("");
    let (mut account, mut first) = server.register("Alice");
    let mut late = ScriptedClient::connect(&server);
    let binding = late.binding;
    let proof = late.prove(&account.name, &account.password, &binding);
    let code = account.recovery.pop().unwrap().text();
    let change = first.new_password(&account, NEW, code);
    first.change_password(change).unwrap();
    late.say_login(&proof, &account.recovery.pop().unwrap().text());
    assert_eq!(late.refusal(), LOGIN_REFUSED);
}

#[test]
fn whoever_comes_in_beside_a_change_does_not_stay() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut account, mut first) = server.register("Alice");
    for round in 0..20 {
        let code = account.recovery.pop().unwrap().text();
        let factor = first
            .new_factor(&account, code, FactorPart::Secret)
            .unwrap();
        take_factor(&mut account, &factor);
        // A refused resume costs its address an attempt, and `first` needs its own.
        let other = || ScriptedClient::connect_from(&server, 2 + round);
        let mut others = [other(), other(), other(), other()];
        let token = first.token();
        let resume = thread::spawn(move || {
            // All with one token: the predecessor may be used more than once.
            for client in &mut others {
                client.say_resume(&token);
            }
            for client in &mut others {
                if matches!(client.next(), ServerMessage::LoggedIn(_)) {
                    client.begin_session();
                }
                let reason = client.goodbye();
                let is_out = matches!(reason, ByeReason::LoggedOut | ByeReason::LoginRefused);
                assert!(is_out, "{reason:?}");
            }
        });
        first.confirm_factor(account.code(step_now())).unwrap();
        resume.join().unwrap();
        eventually("one session", || {
            (first.sessions().len() == 1).then_some(())
        });
    }
}

#[test]
fn what_can_not_be_recorded_is_not_done() {
    let server = ServerProcess::start_prepared("", |dir| {
        symlink("/dev/full", dir.join("log/credentials.log")).unwrap();
    });
    // The line of the registration is the first that can't be written.
    let (account, mut client) = server.register("Alice");
    eventually("the operator told", || {
        let told = fs::read_to_string(server.path().join("stderr")).unwrap();
        told.contains("the audit can't be written").then_some(())
    });
    let before = state(&server);
    let code = account.code(step_now() + 1);
    let change = client.new_password(&account, NEW, code.clone());
    let refused = client.change_password(change);
    assert_eq!(refused.unwrap_err(), ErrorCode::Unavailable);
    for part in [FactorPart::Secret, FactorPart::RecoveryCodes] {
        let refused = client.new_factor(&account, code.clone(), part);
        assert_eq!(refused.unwrap_err(), ErrorCode::Unavailable);
    }
    let asked = client.say_log_out();
    assert_eq!(client.error(asked).code, ErrorCode::Unavailable);
    assert_eq!(state(&server), before);
    client.ping();
}

#[test]
fn what_can_not_be_written_is_not_done_and_spends_nothing() {
    let server = ServerProcess::start("");
    let (account, mut client) = server.register("Alice");
    let before = state(&server);
    let code = account.code(step_now() + 1);
    let other = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let change = client.new_password(&account, NEW, code.clone());
    let refused = client.change_password(change);
    assert_eq!(refused.unwrap_err(), ErrorCode::Unavailable);
    let refused = client.new_factor(&account, code.clone(), FactorPart::RecoveryCodes);
    assert_eq!(refused.unwrap_err(), ErrorCode::Unavailable);
    let asked = client.say_log_out();
    assert_eq!(client.error(asked).code, ErrorCode::Unavailable);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(state(&server), before);
    let change = client.new_password(&account, NEW, code);
    client.change_password(change).unwrap();
}
