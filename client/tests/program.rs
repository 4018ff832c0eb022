//! The program itself, against a scripted server: what it says, what it shows, how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::thread;

use chatbox_common::auth::scram::Iterations;
use chatbox_common::auth::totp::{TotpSecret, step_of};
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::secret::Secret;
use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::client_dir::{ClientDir, end, enter, lines};
use chatbox_common::testkit::scripted_server::{ScriptedServer, chat, logged_in, now_ms};
use chatbox_common::wire::message::{
    ByeReason, ClientMessage, ErrorCode, Following, Head, Lagged, Plain, ServerMessage,
    SessionInfo, SessionList,
};

#[test]
fn what_is_piped_in_is_sent_shown_and_followed_by_a_goodbye() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "hello\nworld\n", &[]);
    let mut client = server.accept();
    client.log_in();
    client.welcome(2, 5);
    client.page(vec![chat(1, "bob", "one"), chat(2, "bob", "two\nlines")]);
    for (seq, text) in [(3, "hello"), (4, "world")] {
        let send = client.hear_send();
        assert_eq!((send.room, send.text.as_str()), (LOBBY, text));
        client.commit(&send, seq);
    }
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ended.err, "");
    assert_eq!(
        lines(&ended.out)[2..],
        [
            "#lobby <bob> one",
            "#lobby <bob> two",
            "             lines",
            "#lobby <alice> hello",
            "#lobby <alice> world",
        ]
    );
    let pinned = format!("{} {}\n", server.address(), server.fingerprint());
    assert_eq!(dir.known_hosts(), pinned);
}

#[test]
fn what_was_not_acknowledged_is_sent_again_with_the_same_id_after_a_cut() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "first\nsecond\n", &[]);
    let mut client = enter(&server);
    let first = client.hear_send();
    client.commit(&first, 1);
    let second = client.hear_send();
    drop(client);
    let mut client = server.accept();
    client.resume(1);
    client.welcome(1, 0);
    let mut again = client.hear();
    if let Some(ClientMessage::History(history)) = again {
        // The message was committed, and its `chat` was lost with the connection.
        assert_eq!(history.after, Some(0));
        client.pending_page(history.request, vec![chat(1, "alice", "first")]);
        again = client.hear();
    }
    let Some(ClientMessage::Send(again)) = again else {
        panic!("{again:?}");
    };
    assert_eq!((again.id, &again.text), (second.id, &second.text));
    assert_ne!(first.id, second.id);
    client.commit(&again, 2);
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let said: Vec<&str> = lines(&ended.out);
    let said: Vec<&&str> = said.iter().filter(|line| line.starts_with('#')).collect();
    assert_eq!(said, [&"#lobby <alice> first", &"#lobby <alice> second"]);
    assert!(ended.out.contains("reconnecting in 1 s"), "{}", ended.out);
}

#[test]
fn a_refused_resume_ends_a_script() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "hello\n", &[]);
    let mut client = enter(&server);
    client.hear_send();
    drop(client);
    let mut client = server.accept();
    let request = client.hear_resume(1);
    client.refuse(request, ErrorCode::LoginRefused, "no");
    client.bye(ByeReason::LoginRefused, "no");
    assert_eq!(end(child).code, 6);
}

#[test]
fn nothing_is_resumed_with_another_server() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "hello\n", &[]);
    let mut client = enter(&server);
    client.hear_send();
    let server = server.with_another_key();
    drop(client);
    server.accept().hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 5);
    assert!(ended.err.contains("HAS CHANGED"), "{}", ended.err);
}

#[test]
fn a_refused_login_shows_the_sentence_and_pins_nothing() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    dir.write("pass", "wrong horse\n");
    let child = dir.chat(&server, "", &[]);
    let mut client = server.accept();
    let answer = client.challenge();
    assert!(answer.scram.is_none());
    client.refuse(answer.request, ErrorCode::LoginRefused, "refused\u{1b}[2J");
    let ended = end(child);
    assert_eq!(ended.code, 6);
    assert_eq!(ended.err, "chatbox: refused\\u{1b}[2J\n");
    assert_eq!((ended.out.as_str(), dir.known_hosts().as_str()), ("", ""));
}

#[test]
fn a_server_that_does_not_know_the_account_is_shown_nothing_and_not_pinned() {
    for forged in [Some("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), None] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let child = dir.chat(&server, "secret plan\n", &[]);
        let mut client = server.accept();
        let request = client.challenge().request;
        let scram = forged.map(str::to_owned);
        client.let_in(logged_in(request, scram, "alice", 1));
        client.hears_no_more();
        let ended = end(child);
        assert_eq!(ended.code, 1);
        assert!(ended.err.contains("impostor"), "{}", ended.err);
        assert_eq!((ended.out.as_str(), dir.known_hosts().as_str()), ("", ""));
    }
}

#[test]
fn a_changed_key_is_refused_before_anything_is_said() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let other = Fingerprint::from_key(&[1; 32]);
    dir.write("known", &format!("{} {other}\n", server.address()));
    let child = dir.chat(&server, "", &[]);
    server.accept().hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 5);
    for shown in [other, server.fingerprint()] {
        assert!(ended.err.contains(&shown.to_string()), "{}", ended.err);
    }
}

#[test]
fn an_unknown_key_without_a_terminal_is_refused() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let address = server.address();
    let flags = [
        "--server",
        &address,
        "--user",
        "alice",
        "--otp-file",
        "code",
    ];
    let flags = [&flags[..], &["--password-file", "pass"]].concat();
    let child = dir.spawn(&flags);
    server.accept().hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 5);
    let remedy = format!("--fingerprint {}", server.fingerprint());
    assert!(ended.err.contains(&remedy), "{}", ended.err);
}

#[test]
fn somebody_registers_without_a_terminal() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let (address, fingerprint) = (server.address(), server.fingerprint().to_string());
    let who = ["--register", "--server", &address, "--user", "alice"];
    let files = ["--password-file", "pass", "--otp-file", "-"];
    let flags = [&who[..], &files, &["--fingerprint", &fingerprint]].concat();
    let mut child = dir.spawn(&flags);
    let secret = TotpSecret::new(Secret::random());
    let mut client = server.accept();
    client.register(&secret, Iterations::DEFAULT);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut shown = String::new();
    while !shown.contains("not shown again") {
        assert_ne!(out.read_line(&mut shown).unwrap(), 0, "{shown}");
    }
    assert!(shown.contains(secret.base32().expose()), "{shown}");
    assert!(!shown.contains('\u{1b}'));
    let code = secret.code_at(step_of(now_ms() / 1000));
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}\nhello", code.expose()).unwrap();
    drop(stdin);
    let Some(ClientMessage::RegisterConfirm(confirm)) = client.hear() else {
        panic!("no confirmation");
    };
    assert_eq!(confirm.code.expose(), code.expose());
    client.let_in(logged_in(confirm.request, None, "alice", 1));
    client.welcome(0, 0);
    client.page(Vec::new());
    let send = client.hear_send();
    client.commit(&send, 1);
    client.part();
    out.read_to_string(&mut shown).unwrap();
    assert!(shown.ends_with("#lobby <alice> hello\n"), "{shown}");
    assert_eq!(end(child).code, 0);
    assert!(dir.known_hosts().contains(&fingerprint));
}

#[test]
fn a_server_with_too_few_rounds_gets_nothing_made_from_the_password() {
    let few = [Iterations::LEAST, Iterations::for_server(599_999).unwrap()];
    for (iterations, way) in few.into_iter().zip(["log in", "register"]) {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let flags: &[&str] = if way == "register" {
            &["--register"]
        } else {
            &[]
        };
        let child = dir.chat(&server, "secret plan\n", flags);
        let mut client = server.accept();
        if way == "register" {
            client.register(&TotpSecret::new(Secret::random()), iterations);
        } else {
            client.say_challenge(iterations);
        }
        client.hears_no_more();
        let ended = end(child);
        assert_eq!(ended.code, 1, "{way}");
        let sentence = "fewer than 600,000";
        assert!(ended.err.contains(sentence), "{way}: {}", ended.err);
        assert_eq!((ended.out.as_str(), dir.known_hosts().as_str()), ("", ""));
    }
}

#[test]
fn a_lag_is_caught_up_and_the_room_followed_again() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "", &[]);
    let mut client = server.accept();
    client.log_in();
    // The client ends as soon as it is shown all: the lag comes before.
    client.welcome(1, 0);
    client.say(&ServerMessage::Lagged(Lagged {
        heads: vec![Head {
            room: LOBBY,
            head: 3,
        }],
    }));
    client.page(vec![chat(1, "bob", "one")]);
    client.page(vec![chat(2, "bob", "two"), chat(3, "bob", "three")]);
    let Some(ClientMessage::Follow(follow)) = client.hear() else {
        panic!("the room is not followed");
    };
    assert_eq!((follow.room, follow.after), (LOBBY, 3));
    client.say(&ServerMessage::Following(Following {
        request: follow.request,
        room: LOBBY,
        head: 3,
        live: true,
    }));
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let shown = lines(&ended.out)[2..].join(" ");
    assert_eq!(
        shown,
        "#lobby <bob> one #lobby <bob> two #lobby <bob> three"
    );
}

#[test]
fn a_ping_is_answered_with_its_number() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "hello\n", &[]);
    let mut client = enter(&server);
    let send = client.hear_send();
    client.say(&ServerMessage::Ping(Plain { request: 77 }));
    assert_eq!(
        client.hear(),
        Some(ClientMessage::Pong(Plain { request: 77 }))
    );
    client.commit(&send, 1);
    client.part();
    assert_eq!(end(child).code, 0);
}

#[test]
fn a_message_that_is_refused_for_good_is_told_and_counts_as_a_failure() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "hello\n", &[]);
    let mut client = enter(&server);
    let send = client.hear_send();
    client.refuse(send.request, ErrorCode::TextInvalid, "not this");
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 1);
    assert_eq!(ended.err, "chatbox: not sent: not this: hello\n");
}

#[test]
fn a_message_that_came_too_fast_is_sent_again() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "hello\n", &[]);
    let mut client = enter(&server);
    let first = client.hear_send();
    client.refuse(first.request, ErrorCode::TooFast, "slow down");
    let again = client.hear_send();
    assert_eq!(again.id, first.id);
    client.commit(&again, 1);
    client.part();
    let ended = end(child);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[test]
fn who_is_thrown_out_is_told_why_and_does_not_come_back() {
    for (reason, code) in [(ByeReason::Flood, 7), (ByeReason::LoggedOut, 7)] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let child = dir.chat(&server, "hello\n", &[]);
        let mut client = enter(&server);
        client.hear_send();
        client.bye(reason, "out with you");
        let ended = end(child);
        assert_eq!(ended.code, code);
        assert!(ended.err.contains("out with you"), "{}", ended.err);
    }
}

#[test]
fn whoever_reads_the_output_may_stop_reading() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let mut child = dir.chat(&server, "hello\n", &[]);
    drop(child.stdout.take());
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    while client.hear_or_end() {}
    assert_eq!(end(child).code, 0);
}

#[test]
fn what_is_missing_and_cannot_be_asked_is_a_wrong_use() {
    let dir = ClientDir::new();
    for (flags, named) in [
        (&[][..], "--user"),
        (&["--user", "alice"], "--password-file"),
        (
            &["--user", "alice", "--password-file", "pass"],
            "--otp-file",
        ),
        (&["--register"], "--user"),
    ] {
        let ended = end(dir.spawn(flags));
        assert_eq!(ended.code, 2, "{}", ended.err);
        assert!(ended.err.contains(named), "{}", ended.err);
    }
}

#[test]
fn a_configuration_with_faults_is_told_in_whole() {
    let dir = ClientDir::new();
    dir.write(
        "config.toml",
        "[client]\nserver_port = 0\nserver_adress = \"x\"\n",
    );
    let ended = end(dir.spawn(&[]));
    assert_eq!(ended.code, 3);
    for line in ["line 2", "line 3"] {
        assert!(ended.err.contains(line), "{}", ended.err);
    }
}

#[test]
fn a_server_that_is_not_there_has_its_own_code() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let address = server.address();
    drop(server);
    let flags = [
        "--server",
        &address,
        "--user",
        "alice",
        "--otp-file",
        "code",
    ];
    let flags = [&flags[..], &["--password-file", "pass"]].concat();
    let ended = end(dir.spawn(&flags));
    assert_eq!(ended.code, 4, "{}", ended.err);
    assert!(ended.err.contains(&address), "{}", ended.err);
}

#[test]
fn two_clients_have_different_message_ids() {
    let ids = [(), ()].map(|()| {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let child = dir.chat(&server, "hello\n", &[]);
        let answering = thread::spawn(move || {
            let mut client = enter(&server);
            let send = client.hear_send();
            client.commit(&send, 1);
            client.part();
            send.id
        });
        assert_eq!(end(child).code, 0);
        answering.join().unwrap()
    });
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_pipe_is_asked_for_no_secret_and_sends_nothing_instead() {
    for command in ["/password", "/2fa secret", "/2fa codes"] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let child = dir.chat(&server, &format!("{command}\na secret\n000000\n"), &[]);
        let mut client = enter(&server);
        client.part();
        let ended = end(child);
        assert_eq!(ended.code, 1);
        let told = "standard input is no terminal to ask on";
        assert!(ended.err.contains(told), "{}", ended.err);
    }
}

#[test]
fn sessions_are_shown_and_whose_is_this_one() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/sessions\n", &[]);
    let mut client = enter(&server);
    let Some(ClientMessage::Sessions(asked)) = client.hear() else {
        panic!("nobody asks for the sessions");
    };
    let session = |session, address: &str| SessionInfo {
        session,
        address: address.to_owned(),
        since: 45_296_000,
    };
    let sessions = vec![session(1, "192.0.2.1:1"), session(2, "\u{1b}[2J")];
    client.say(&ServerMessage::SessionList(SessionList {
        request: asked.request,
        sessions,
    }));
    client.part();
    let ended = end(child);
    let expected = "  session 1  192.0.2.1:1, since 12:34:56, this one\n  \
                    session 2  \\u{1b}[2J, since 12:34:56\n";
    assert!(ended.out.contains(expected), "{}", ended.out);
}

#[test]
fn who_logs_out_everywhere_has_said_all_before_and_has_succeeded() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "hello\n/logout all\nnever said\n", &[]);
    let mut client = enter(&server);
    let send = client.hear_send();
    client.commit(&send, 1);
    let asked = client.hear();
    assert!(matches!(asked, Some(ClientMessage::LogOut(_))), "{asked:?}");
    client.bye(ByeReason::LoggedOut, "out with you");
    client.hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 0);
    assert_eq!(ended.err, "chatbox: you are logged out everywhere\n");
}

#[test]
fn who_could_not_be_logged_out_everywhere_is_told_so() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/logout all\n", &[]);
    let mut client = enter(&server);
    let Some(ClientMessage::LogOut(asked)) = client.hear() else {
        panic!("nobody asks to be logged out");
    };
    client.refuse(asked.request, ErrorCode::Unavailable, "not just now");
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 1);
    assert_eq!(ended.err, "chatbox: not just now\n");
}
