//! Actions and ignored people: the program against a scripted server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::client_dir::{ClientDir, end, enter, lines};
use chatbox_common::testkit::scripted_server::{ScriptedServer, chat};
use chatbox_common::wire::message::{
    Access, Chat, ClientMessage, Ignoring, Invited, Joined, Kind, Page, Presence, Room, RoomId,
    ServerMessage,
};

#[test]
fn whom_one_ignores_is_not_seen_and_the_order_is_kept() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.chat(&server, "hello\n", &[]);
    let mut client = server.accept();
    client.log_in();
    client.welcome(2, 0);
    client.say(&ServerMessage::Ignoring(Ignoring {
        request: None,
        user: "bob".to_owned(),
        ignored: true,
    }));
    client.page(vec![chat(1, "Bob", "@alice"), chat(2, "carol", "@alice!")]);
    client.say(&ServerMessage::Chat(chat(3, "BOB", "alice: hello")));
    client.say(&ServerMessage::Presence(Presence {
        room: LOBBY,
        joined: vec!["bob".to_owned()],
        left: vec!["carol".to_owned()],
        online: 2,
    }));
    client.say(&ServerMessage::Invited(Invited {
        name: "#ops~bob".to_owned(),
        by: "bob".to_owned(),
    }));
    client.say(&ServerMessage::Joined(Joined {
        request: None,
        room: Room {
            head: 1,
            online: 2,
            access: Access::Direct,
            ..Room::new(RoomId(2), "@bob")
        },
    }));
    let (mut send, mut answered) = (None, false);
    while send.is_none() || !answered {
        match client.hear() {
            Some(ClientMessage::History(asked)) => {
                assert_eq!(asked.room, RoomId(2));
                answered = true;
                client.say(&ServerMessage::Page(Page {
                    request: asked.request,
                    room: RoomId(2),
                    messages: vec![Chat {
                        room: RoomId(2),
                        ..chat(1, "bob", "in your ear")
                    }],
                    more: false,
                    first: 1,
                }));
            }
            Some(ClientMessage::Send(said)) => send = Some(said),
            other => panic!("{other:?}"),
        }
    }
    client.commit(&send.unwrap(), 4);
    client.part();
    let ended = end(child);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert_eq!(
        lines(&ended.out)[2..],
        [
            "-- you ignore bob from now on",
            "[you] #lobby <carol> @alice!",
            "-- carol went; 2 online in #lobby",
            "#lobby <alice> hello",
        ]
    );
}

#[test]
fn what_is_done_is_sent_as_such_and_lines_of_a_pipe_are_messages_each() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let marked = "/me waves\n\u{1b}[200~one\ntwo\n";
    let child = dir.chat(&server, marked, &[]);
    let mut client = enter(&server);
    let done = client.hear_send();
    assert_eq!((done.kind, done.text.as_str()), (Kind::Action, "waves"));
    client.commit(&done, 1);
    // The mark of a paste means nothing in a pipe.
    let said = client.hear_send();
    assert_eq!((said.kind, said.text.as_str()), (Kind::Text, "two"));
    client.commit(&said, 2);
    client.part();
    let ended = end(child);
    assert!(ended.err.contains("\\u{1b}"), "{}", ended.err);
    assert_eq!(
        lines(&ended.out)[2..],
        ["#lobby * alice waves", "#lobby <alice> two"]
    );
}
