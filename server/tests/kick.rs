//! One session that the operator ends, beside the others of its account.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::testkit::account_changes::assert_token_is_dead;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::wire::message::ByeReason;
use chatbox_common::wire::session::SessionNumber;

/// As the logs have it.
fn number(client: &ScriptedClient) -> String {
    SessionNumber(client.welcome.as_ref().unwrap().session).to_string()
}

#[test]
fn a_session_that_is_kicked_ends_alone_and_is_not_resumed() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut account, mut first) = server.register("Alice");
    let mut second = server.log_in(&mut account);
    let (token, kept) = (second.token(), first.token());
    let number = number(&second);
    let said = server.operated(&["kick", &number]);
    assert_eq!(said, format!("Session {number} of Alice has ended.\n"));
    assert_eq!(second.goodbye(), ByeReason::LoggedOut);
    assert_token_is_dead(&server, &token);
    let uid = rustix::process::getuid().as_raw();
    let line =
        format!("session_kicked by=operator uid={uid} user=Alice account=1 session={number} gid=");
    server.line("credentials.log", &["INFO  ", &line]);
    server.line(
        "credentials.log",
        &[
            "logout user=Alice",
            &format!("session={number}"),
            "how=logged_out",
        ],
    );
    first.post(id(1, 1), "still here");
    first.cut();
    let mut resumed = server.resume(&kept);
    resumed.post(id(1, 2), "and here");
    // Nor is there anything left to kick, or ever was.
    for none in [number.as_str(), "4000000.1", "1"] {
        let complaint = server.operated_in_vain(&["kick", none]);
        assert_eq!(
            complaint,
            format!("chatbox-server: no such session: {none}\n")
        );
    }
    assert_eq!(server.operate(&["kick", "alice"]).status.code(), Some(2));
    server.stop();
    let complaint = server.operated_in_vain(&["kick", &number]);
    assert!(complaint.contains("no server is running"), "{complaint}");
}

#[test]
fn the_token_that_a_change_of_the_password_gave_is_taken_back_too() {
    let server = ServerProcess::start("");
    let (mut account, mut session) = server.register("Alice");
    let code = account.recovery.pop().unwrap().text();
    let change = session.new_password(&account, "another battery, another staple", code);
    session.change_password(change).unwrap();
    let token = session.token();
    server.operated(&["kick", &number(&session)]);
    assert_eq!(session.goodbye(), ByeReason::LoggedOut);
    assert_token_is_dead(&server, &token);
}

#[test]
fn a_session_that_has_resumed_the_same_login_ends_with_it() {
    let server = ServerProcess::start(UNLIMITED);
    let (_account, mut first) = server.register("Alice");
    let mut resumed = server.resume(&first.token());
    let token = resumed.token();
    server.operated(&["kick", &number(&first)]);
    for session in [&mut first, &mut resumed] {
        assert_eq!(session.goodbye(), ByeReason::LoggedOut);
    }
    assert_token_is_dead(&server, &token);
}
