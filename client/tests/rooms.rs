//! Rooms other than the lobby, against a scripted server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::client_dir::{ClientDir, end, enter};
use chatbox_common::testkit::scripted_server::{
    AcceptedClient, CODE, PASSWORD, ScriptedServer, chat, now_ms,
};
use chatbox_common::testkit::terminal::Transcript;
use chatbox_common::testkit::terminal::client::client_of;
use chatbox_common::wire::message::{
    Access, Ack, Action, Chat, ClientMessage, ErrorCode, Invited, Left, Plain, RoomId, Send,
    ServerMessage,
};

const OPS: RoomId = RoomId(2);

fn hear_join(client: &mut AcceptedClient) -> u32 {
    match client.hear() {
        Some(ClientMessage::Join(join)) if join.name == "#ops" => join.request,
        other => panic!("{other:?} instead of a join"),
    }
}

/// The next `send`; requests for pages before it are answered with empty ones.
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
fn what_is_typed_behind_a_join_waits_for_it_and_is_said_there() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "in the lobby\n/join #ops\nin ops\n", &[]);
    let mut client = enter(&server);
    let first = client.hear_send();
    assert_eq!(first.room, LOBBY);
    client.commit(&first, 1);
    let request = hear_join(&mut client);
    client.joined(Some(request), OPS, "#ops", Access::Open);
    let second = hear_send(&mut client);
    assert_eq!((second.room, second.text.as_str()), (OPS, "in ops"));
    client.refuse(second.request, ErrorCode::Muted, "not for now");
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 1, "a message was refused");
    assert!(
        ended.err.contains("not sent: not for now: in ops"),
        "{}",
        ended.err
    );
    assert!(
        ended.out.contains("what you type is said in #ops"),
        "{}",
        ended.out
    );
    assert!(
        ended
            .out
            .contains("[audited] #ops, open to all: the server"),
        "{}",
        ended.out
    );
}

/// The answer to a message that was stored when it was sent before: nothing comes back of it.
fn acknowledge(client: &mut AcceptedClient, send: &Send, seq: u64) {
    client.say(&ServerMessage::Ack(Ack {
        request: send.request,
        seq,
        time: now_ms(),
    }));
}

#[test]
fn what_is_acknowledged_after_its_sender_was_put_out_is_not_told_as_unsent() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/join #ops\nstored\n", &[]);
    let mut client = enter(&server);
    let request = hear_join(&mut client);
    client.joined(Some(request), OPS, "#ops", Access::Open);
    let first = hear_send(&mut client);
    // The acknowledgement is lost, and so is the membership.
    drop(client);
    let mut client = server.accept();
    client.resume(1);
    client.welcome(0, 0);
    let again = hear_send(&mut client);
    assert_eq!((again.room, again.id), (OPS, first.id));
    acknowledge(&mut client, &again, 7);
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(!ended.err.contains("not sent"), "{}", ended.err);
}

#[test]
fn a_script_whose_text_is_acknowledged_does_not_ask_for_its_room_again() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.begin(&server, &["send", "--room", "#ops", "stored"]);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    let request = hear_join(&mut client);
    client.joined(Some(request), OPS, "#ops", Access::Open);
    let first = hear_send(&mut client);
    drop(client);
    // Where it was banned meanwhile, entering again would be refused.
    let mut client = server.accept();
    client.resume(1);
    client.welcome(0, 0);
    let again = hear_send(&mut client);
    assert_eq!((again.room, again.id), (OPS, first.id));
    acknowledge(&mut client, &again, 7);
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn a_script_that_can_t_enter_its_room_says_nothing_elsewhere() {
    for is_refused in [true, false] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let child = dir.chat(&server, "/join #ops\nfor ops alone\n", &[]);
        let mut client = enter(&server);
        let request = hear_join(&mut client);
        if is_refused {
            client.refuse(request, ErrorCode::UnknownRoom, "there is no such room");
            client.hears_no_more();
        } else {
            drop(client);
        }
        let ended = end(child);
        assert_eq!(ended.code, 1, "{}", ended.err);
        assert!(ended.err.contains("nothing more is sent"), "{}", ended.err);
    }
}

#[test]
fn a_join_that_comes_too_fast_is_tried_again() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/join #ops\nin ops\n", &[]);
    let mut client = enter(&server);
    let request = hear_join(&mut client);
    client.refuse(request, ErrorCode::TooFast, "too fast");
    let again = hear_join(&mut client);
    client.joined(Some(again), OPS, "#ops", Access::Open);
    let send = hear_send(&mut client);
    assert_eq!(send.room, OPS);
    client.refuse(send.request, ErrorCode::Locked, "locked");
    client.part();
    end(child);
}

#[test]
fn what_is_for_one_alone_is_said_once_there_is_a_place_for_it() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/dm @bob psst\nfor all\n", &[]);
    let mut client = enter(&server);
    let Some(ClientMessage::Direct(direct)) = client.hear() else {
        panic!("no conversation was asked for");
    };
    assert_eq!(direct.user, "bob");
    client.joined(Some(direct.request), OPS, "@Bob", Access::Direct);
    // Whichever was taken first.
    let mut heard = Vec::new();
    for _ in 0..2 {
        let send = hear_send(&mut client);
        heard.push((send.room, send.text.clone()));
        if send.room == OPS {
            client.refuse(send.request, ErrorCode::TextInvalid, "no");
        } else {
            client.commit(&send, 1);
        }
    }
    heard.sort();
    assert_eq!(
        heard,
        [(LOBBY, "for all".to_owned()), (OPS, "psst".to_owned())]
    );
    client.part();
    let ended = end(child);
    let audited = "[audited] @Bob, between the two of you: the server reads, keeps and logs";
    assert!(ended.out.contains(audited), "{}", ended.out);
}

#[test]
fn a_whisper_to_nobody_is_told_with_its_text() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/dm @nobody psst\n", &[]);
    let mut client = enter(&server);
    let Some(ClientMessage::Direct(direct)) = client.hear() else {
        panic!("no conversation was asked for");
    };
    client.refuse(
        direct.request,
        ErrorCode::UnknownUser,
        "there is nobody of this name",
    );
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 1);
    let told = "not sent: there is nobody of this name: psst";
    assert!(ended.err.contains(told), "{}", ended.err);
}

#[test]
fn what_a_server_says_of_rooms_does_not_reach_the_terminal_as_it_is() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/join #ops\n/leave\n", &[]);
    let mut client = enter(&server);
    let request = hear_join(&mut client);
    let hostile = "\u{1b}]0;x\u{7}\n12:00:00 #lobby <bob> me";
    client.say(&ServerMessage::Invited(Invited {
        name: hostile.to_owned(),
        by: hostile.to_owned(),
    }));
    client.joined(Some(request), OPS, hostile, Access::Invited);
    client.page(Vec::new());
    let Some(ClientMessage::Leave(leave)) = client.hear() else {
        panic!("the room is not left");
    };
    assert_eq!(leave.room, OPS);
    client.say(&ServerMessage::Left(Left {
        request: Some(leave.request),
        room: OPS,
        action: Action::Kick,
        by: hostile.to_owned(),
        reason: hostile.to_owned(),
    }));
    client.part();
    let ended = end(child);
    assert!(!ended.out.contains(['\u{1b}', '\u{7}']), "{:?}", ended.out);
    let faked = ended
        .out
        .lines()
        .any(|line| line.starts_with("12:00:00 #lobby"));
    assert!(!faked, "{}", ended.out);
}

#[test]
fn who_is_sent_out_of_a_room_does_not_go_on_talking_in_another() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "/join #ops\nfirst\nsecond\n", &[]);
    let mut client = enter(&server);
    let request = hear_join(&mut client);
    client.joined(Some(request), OPS, "#ops", Access::Open);
    // Both are there before the client reads what was typed behind the join.
    client.kick_from(OPS);
    loop {
        match client.hear() {
            Some(ClientMessage::Send(send)) => {
                assert_eq!(send.room, OPS, "said elsewhere: {}", send.text);
                client.refuse(
                    send.request,
                    ErrorCode::NotMember,
                    "you are not in this room",
                );
            }
            Some(ClientMessage::History(asked)) => {
                client.refuse(
                    asked.request,
                    ErrorCode::UnknownRoom,
                    "there is no such room",
                );
            }
            Some(ClientMessage::Bye(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    client.bye(chatbox_common::wire::message::ByeReason::Quit, "");
    let ended = end(child);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.out.contains("said nowhere"), "{}", ended.out);
    assert!(ended.err.contains("sent"), "{}", ended.err);
}

#[test]
fn what_was_meant_for_a_room_that_was_misspelt_is_not_said_in_another() {
    for command in ["/join ops", "/create", "/JOIN #a #b", "/dm"] {
        let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
        let child = dir.chat(&server, &format!("{command}\nfor ops alone\n"), &[]);
        let mut client = enter(&server);
        client.hears_no_more();
        let ended = end(child);
        assert_eq!(ended.code, 1, "{}", ended.err);
        assert!(ended.err.contains("nothing more is sent"), "{}", ended.err);
    }
}

#[test]
fn whoever_waits_for_a_room_is_told_and_helped_meanwhile() {
    let server = ScriptedServer::bind();
    let fingerprint = server.fingerprint().to_string();
    let at = (&*server.address(), &*fingerprint);
    let program = client_of(at, ("alice", PASSWORD, CODE), "").args(["--plain"]);
    let mut person = Transcript::start(program);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    client.page(Vec::new());
    person.sees("what you type is said in #lobby");
    person.types("/join #ops");
    let request = hear_join(&mut client);
    person.types("for ops");
    person.sees("what you type waits until you are in #ops");
    person.types("/help");
    person.sees("/join #room");
    client.joined(Some(request), OPS, "#ops", Access::Open);
    let send = hear_send(&mut client);
    assert_eq!((send.room, send.text.as_str()), (OPS, "for ops"));
}

#[test]
fn nothing_is_stored_before_what_was_said_earlier_and_refused_for_now() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "one\ntwo\n/leave\n", &[]);
    let mut client = enter(&server);
    let mut ids = Vec::new();
    for code in [ErrorCode::TooFast, ErrorCode::Unavailable, ErrorCode::Busy] {
        // The only one under way, again and again.
        let one = client.hear_send();
        assert_eq!(one.text, "one");
        ids.push(one.id);
        client.refuse(one.request, code, "not now");
    }
    let one = client.hear_send();
    ids.push(one.id);
    ids.dedup();
    assert_eq!((one.text.as_str(), ids.len()), ("one", 1));
    client.commit(&one, 1);
    let two = client.hear_send();
    assert_eq!(two.text, "two");
    client.refuse(two.request, ErrorCode::TooFast, "not now");
    let two = client.hear_send();
    assert_eq!(two.text, "two");
    client.commit(&two, 2);
    assert!(matches!(client.hear(), Some(ClientMessage::Leave(_))));
    drop(client);
    drop(child);
}

/// Logs a script in, up to its question whether all rooms were told; answers pages by nothing.
fn hear_ping(client: &mut AcceptedClient) -> u32 {
    client.log_in();
    client.welcome(0, 0);
    match client.hear() {
        Some(ClientMessage::Ping(ping)) => ping.request,
        other => panic!("{other:?} instead of a ping"),
    }
}

fn pong(client: &mut AcceptedClient, request: u32) {
    client.say(&ServerMessage::Pong(Plain { request }));
}

#[test]
fn whoever_only_reads_enters_no_room_unless_that_is_said() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.begin(&server, &["tail", "--room", "#ops"]);
    let mut client = server.accept();
    let request = hear_ping(&mut client);
    pong(&mut client, request);
    client.hears_no_more();
    let ended = end(child);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("you are not in #ops: --join enters it"));
    let wanted = ["tail", "--room", "#ops", "--join", "--count", "1"];
    let child = dir.begin(&server, &wanted);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    let request = hear_join(&mut client);
    client.joined(Some(request), OPS, "#ops", Access::Open);
    let said = Chat {
        room: OPS,
        ..chat(1, "bob", "hello")
    };
    client.say(&ServerMessage::Chat(said));
    while client.hear().is_some() {}
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.ends_with("#ops <bob> hello\n"), "{}", ended.out);
    assert!(ended.err.contains("you are in #ops from now on"));
}

#[test]
fn a_room_for_which_the_welcome_has_no_place_is_one_that_one_is_in() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.begin(&server, &["tail", "--room", "#ops", "--count", "1"]);
    let mut client = server.accept();
    let request = hear_ping(&mut client);
    client.joined(None, OPS, "#ops", Access::Open);
    pong(&mut client, request);
    let said = Chat {
        room: OPS,
        ..chat(1, "bob", "hello")
    };
    client.say(&ServerMessage::Chat(said));
    while client.hear().is_some() {}
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ended.err, "");
}

#[test]
fn whoever_speaks_in_a_room_enters_it_and_is_told() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.begin(&server, &["send", "--room", "#ops", "hello"]);
    let mut client = server.accept();
    client.log_in();
    client.welcome(0, 0);
    let request = hear_join(&mut client);
    client.joined(Some(request), OPS, "#ops", Access::Open);
    let send = hear_send(&mut client);
    assert_eq!(send.room, OPS);
    client.say(&ServerMessage::Ack(Ack {
        request: send.request,
        seq: 1,
        time: 0,
    }));
    client.say(&ServerMessage::Chat(Chat {
        room: OPS,
        ..chat(1, "alice", "hello")
    }));
    client.part();
    let ended = end(child);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("you are in #ops from now on"));
}
