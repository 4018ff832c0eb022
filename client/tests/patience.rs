//! What a script does while the server is away, refuses it, or answers nothing; and when whoever
//! reads it has gone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::io::{BufRead, BufReader, Write};

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::client_dir::{ClientDir, end};
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::scripted_server::{AcceptedClient, ScriptedServer, chat, now_ms};
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{
    Ack, ByeReason, ClientMessage, ErrorCode, Limits, Room, Send, Seq, ServerMessage, Welcome,
};

/// Its codes come from a command, one after the other.
fn start(dir: &ClientDir, server: &ScriptedServer, script: &[&str]) -> GuardedChild {
    let fingerprint = server.fingerprint().to_string();
    start_knowing(
        dir,
        server,
        &[&["--fingerprint", &fingerprint], script].concat(),
    )
}

fn start_knowing(dir: &ClientDir, server: &ScriptedServer, rest: &[&str]) -> GuardedChild {
    dir.write("codes", "111111\n222222\n333333\n444444\n");
    let profile = format!(
        "[client]\nreconnect_delay = 1\n[profiles.bot]\nserver = \"{}\"\nuser = \"alice\"\n\
         password_command = \"cat pass\"\notp_command = \"head -n 1 codes; sed -i 1d codes\"\n",
        server.address()
    );
    dir.write("config.toml", &profile);
    dir.spawn(&[&["--profile", "bot"], rest].concat())
}

fn log_in(server: &ScriptedServer, code: &str) -> AcceptedClient {
    let mut client = server.accept();
    let logged_in = client.challenge_for(code);
    client.let_in(logged_in);
    client.welcome(0, 0);
    client
}

/// As a server refuses before login.
fn refuse(client: &mut AcceptedClient, request: u32, code: ErrorCode) {
    client.refuse(request, code, "refused for the test");
    client.bye(ByeReason::LoginRefused, "");
}

fn refuse_login(server: &ScriptedServer, code: &str, why: ErrorCode) {
    let mut client = server.accept();
    let request = client.challenge_for(code).request;
    refuse(&mut client, request, why);
}

fn refuse_resume(server: &ScriptedServer) {
    let mut client = server.accept();
    let request = client.hear_resume(1);
    refuse(&mut client, request, ErrorCode::LoginRefused);
}

fn hear_send(client: &mut AcceptedClient) -> Send {
    loop {
        match client.hear() {
            Some(ClientMessage::Send(send)) => return send,
            Some(ClientMessage::History(asked)) => {
                client.page_of(asked.room, asked.request, Vec::new());
            }
            other => panic!("{other:?} instead of a message"),
        }
    }
}

#[test]
fn a_script_whose_login_can_not_be_continued_logs_in_again_by_itself() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = start(&dir, &server, &["send", "--room", "#lobby", "the text"]);
    let mut client = log_in(&server, "111111");
    let first = hear_send(&mut client);
    drop(client);
    refuse_resume(&server);
    // What passes by itself, and a code that another script has just used.
    refuse_login(&server, "222222", ErrorCode::Unavailable);
    refuse_login(&server, "333333", ErrorCode::LoginRefused);
    let mut client = log_in(&server, "444444");
    let again = hear_send(&mut client);
    assert_eq!((again.id, &*again.text), (first.id, "the text"));
    client.commit(&again, 1);
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.err.contains("connection lost, reconnecting in 1 s"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("logged in again"), "{}", ended.err);
}

#[test]
fn a_script_whose_login_has_run_out_logs_in_again_by_itself() {
    let sending: &[&str] = &["send", "--room", "#lobby", "the text"];
    let tailing: &[&str] = &["tail", "--room", "#lobby", "--count", "1"];
    for script in [sending, tailing] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let child = start(&dir, &server, script);
        let mut client = server.accept();
        let mut logged_in = client.challenge_for("111111");
        logged_in.token_seconds = 0;
        client.let_in(logged_in);
        client.welcome(0, 0);
        let sent = (script == sending).then(|| hear_send(&mut client));
        drop(client);
        // No resume is tried.
        let mut client = log_in(&server, "222222");
        if let Some(sent) = sent {
            let again = hear_send(&mut client);
            assert_eq!((again.id, &*again.text), (sent.id, "the text"));
            client.commit(&again, 1);
        } else {
            client.say(&ServerMessage::Chat(chat(1, "bob", "a line")));
        }
        client.part();
        let ended = end(child);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.err.contains("logged in again"), "{}", ended.err);
        assert_eq!(ended.out.contains("<bob> a line"), script == tailing);
    }
}

#[test]
fn a_script_whose_password_is_refused_again_and_again_ends() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = start(&dir, &server, &["tail", "--room", "#lobby"]);
    drop(log_in(&server, "111111"));
    refuse_resume(&server);
    refuse_login(&server, "222222", ErrorCode::LoginRefused);
    refuse_login(&server, "333333", ErrorCode::LoginRefused);
    let ended = end(child);
    assert_eq!(ended.code, 6, "{}", ended.err);
    assert!(ended.err.contains("login refused"), "{}", ended.err);
}

#[test]
fn a_script_shows_its_password_to_no_other_server() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = start(&dir, &server, &["tail", "--room", "#lobby"]);
    drop(log_in(&server, "111111"));
    refuse_resume(&server);
    let server = server.with_another_key();
    server.accept().hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 5, "{}", ended.err);
    assert!(ended.err.contains("HAS CHANGED"), "{}", ended.err);
}

#[test]
fn a_script_goes_on_with_a_server_whose_key_was_replaced_and_pinned_meanwhile() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    dir.write("known", &server.known_hosts_line());
    let child = start_knowing(&dir, &server, &["send", "--room", "#lobby", "the text"]);
    let mut client = log_in(&server, "111111");
    let first = hear_send(&mut client);
    let server = server.with_another_key();
    dir.write("known", &server.known_hosts_line());
    drop(client);
    server.accept().hears_no_more();
    let mut client = log_in(&server, "222222");
    let again = hear_send(&mut client);
    assert_eq!((again.id, &*again.text), (first.id, "the text"));
    client.commit(&again, 1);
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn a_server_that_takes_nobody_just_now_has_not_refused_the_login() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = start(&dir, &server, &["send", "--room", "#lobby", "the text"]);
    refuse_login(&server, "111111", ErrorCode::Unavailable);
    let ended = end(child);
    assert_eq!(ended.code, 4, "{}", ended.err);
}

#[test]
fn a_script_gives_up_when_nothing_is_acknowledged_for_as_long_as_it_may_take() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let wanted = ["send", "--room", "#lobby", "--timeout", "2s", "the text"];
    let child = start(&dir, &server, &wanted);
    let mut client = log_in(&server, "111111");
    hear_send(&mut client);
    let ended = end(child);
    assert_eq!(ended.code, 4, "{}", ended.err);
    assert!(ended.err.contains("as --timeout allows"), "{}", ended.err);
    assert!(ended.err.contains("#lobby: the text"), "{}", ended.err);
}

#[test]
fn a_script_says_once_why_it_waits() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let wanted = ["send", "--room", "#lobby", "--timeout", "6s", "the text"];
    let child = start(&dir, &server, &wanted);
    let mut client = log_in(&server, "111111");
    hear_send(&mut client);
    drop(server);
    drop(client);
    let ended = end(child);
    assert_eq!(ended.code, 4, "{}", ended.err);
    assert_eq!(
        ended.err.matches("connection lost").count(),
        1,
        "{}",
        ended.err
    );
    assert_eq!(
        ended.err.matches("cannot connect").count(),
        1,
        "{}",
        ended.err
    );
}

#[test]
fn tail_ends_when_nobody_reads_it_any_more() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let mut child = start(&dir, &server, &["tail", "--room", "#lobby"]);
    let mut client = log_in(&server, "111111");
    drop(child.stdout.take());
    // Nothing is said, and the server does not end it.
    let status = eventually("the end of tail", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    while client.hear().is_some() {}
}

#[test]
fn tail_has_written_what_came_before_that_which_ends_it() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let wanted = ["tail", "--room", "#lobby", "--since", "10m"];
    let child = start(&dir, &server, &wanted);
    let mut client = server.accept();
    let logged_in = client.challenge_for("111111");
    client.let_in(logged_in);
    client.welcome(1, 0);
    let Some(ClientMessage::History(asked)) = client.hear() else {
        panic!("no question for the moment");
    };
    // While the answer is under way.
    client.say(&ServerMessage::Chat(chat(2, "bob", "the last words")));
    client.kick_from(LOBBY);
    client.pending_page(asked.request, vec![chat(1, "bob", "long ago")]);
    client.hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("sent you out of"), "{}", ended.err);
    assert!(ended.out.contains("<bob> the last words"), "{}", ended.out);
}

/// As a server does whose history is another one; `kept` messages are also in the one before, which
/// it continues if that is named.
fn welcome_to(client: &mut AcceptedClient, history: u8, before: Option<u8>, kept: Seq, head: Seq) {
    client.say(&ServerMessage::Welcome(Welcome {
        history_id: [history; 16],
        rooms: vec![Room {
            head,
            read: head,
            kept: before.map(|_| kept),
            ..Room::new(LOBBY, "#lobby")
        }],
        time: now_ms(),
        limits: Limits::with_pace(0),
        server: "9.9".to_owned(),
        session: 2,
        ignored: Vec::new(),
        capabilities: None,
        predecessor: before.map(|number| [number; 16]),
    }));
}

#[test]
fn a_message_that_the_server_has_acknowledged_and_lost_makes_sending_no_success() {
    let lost = "the server has lost the messages from 1 on";
    let other = "the server has another history now";
    for (is_seen, history, before, kept, told) in [
        // Whether or not it came back before the cut.
        (true, 2, Some(1), 0, Some(lost)),
        (false, 2, Some(1), 0, Some(lost)),
        (false, 2, None, 0, Some(other)),
        // Two cuts in a row.
        (true, 3, Some(2), 0, Some(other)),
        // It was put back to an earlier state, and has kept its id.
        (false, 1, None, 0, Some(other)),
        // Only what others have said is lost.
        (true, 2, Some(1), 1, None),
        (true, 1, None, 1, None),
    ] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let mut child = start(&dir, &server, &["send", "--wait-ack", "--room", "#lobby"]);
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut client = log_in(&server, "111111");
        writeln!(input, "one").unwrap();
        let one = hear_send(&mut client);
        if is_seen {
            client.commit(&one, 1);
        } else {
            client.say(&ServerMessage::Ack(Ack {
                request: one.request,
                seq: 1,
                time: 0,
            }));
        }
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "#lobby 1\n");
        drop(client);
        let mut client = server.accept();
        client.resume(1);
        welcome_to(&mut client, history, before, kept, kept);
        writeln!(input, "two").unwrap();
        drop(input);
        let two = hear_send(&mut client);
        client.commit(&two, kept + 1);
        client.part();
        let ended = end(child);
        let wanted = i32::from(told.is_some());
        assert_eq!(ended.code, wanted, "{history} {before:?}: {}", ended.err);
        for sentence in [lost, other] {
            let count = usize::from(told == Some(sentence));
            let found = ended.err.matches(sentence).count();
            assert_eq!(found, count, "{sentence}: {}", ended.err);
        }
    }
}
