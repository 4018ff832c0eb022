//! Conversations of two that are hidden, or not in one's list yet, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::wire::message::{
    Access, Action, ClientMessage, Direct, ErrorCode, ErrorMessage, Hide, Left, Plain, Read, Room,
    RoomId, Seq, ServerMessage,
};
use rusqlite::Connection;

fn left(client: &mut ScriptedClient) -> Left {
    client.until("a room's end", |message| match message {
        ServerMessage::Left(left) => Some(left),
        _ => None,
    })
}

/// The messages up to the answer of a ping: everything that was sent to the client before it.
fn heard(client: &mut ScriptedClient) -> Vec<ServerMessage> {
    let asked = client.ask(|request| ClientMessage::Ping(Plain { request }));
    let mut heard = Vec::new();
    client.until("a pong", |message| match message {
        ServerMessage::Pong(pong) if pong.request == asked => Some(()),
        other => {
            heard.push(other);
            None
        }
    });
    heard
}

/// `joined` of the room and the chat behind it, in the order in which they came.
fn came_back(client: &mut ScriptedClient, number: RoomId) -> (Room, Vec<(Seq, String)>) {
    let room = client.until("the conversation", |message| match message {
        ServerMessage::Joined(joined) if joined.room.room == number => Some(joined.room),
        ServerMessage::Chat(chat) if chat.room == number => panic!("before it is there: {chat:?}"),
        _ => None,
    });
    let chat = client.until("what was said", |message| match message {
        ServerMessage::Chat(chat) if chat.room == number => Some((chat.seq, chat.text)),
        _ => None,
    });
    (room, vec![chat])
}

fn listed(client: &ScriptedClient) -> Vec<String> {
    let rooms = client.welcome.as_ref().unwrap().rooms.iter();
    rooms.map(|room| room.name.clone()).collect()
}

/// Whether somebody hears from it that another one is there less than before, or something new.
fn is_of(message: &ServerMessage, number: RoomId) -> bool {
    match message {
        ServerMessage::Joined(joined) => joined.room.room == number,
        ServerMessage::Left(left) => left.room == number,
        ServerMessage::Chat(chat) => chat.room == number,
        ServerMessage::Standing(standing) => standing.room == number,
        // That both have come may be told as late as that.
        ServerMessage::Presence(presence) => {
            presence.room == number && (presence.online != 2 || !presence.left.is_empty())
        }
        _ => false,
    }
}

fn nothing_of(number: RoomId, client: &mut ScriptedClient) {
    let heard = heard(client).into_iter();
    let told: Vec<_> = heard.filter(|message| is_of(message, number)).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_hidden_conversation_is_in_no_list_of_one_s_own_until_somebody_speaks_there() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut hers, mut alice) = server.register("Alice");
    let (mut his, mut one) = server.register("Bob");
    let mut other = server.log_in(&mut his);
    let two = one.direct("Alice").unwrap().room;
    one.say_in(two, 1, "first").unwrap();
    assert_eq!(came_back(&mut alice, two).1, [(1, "first".to_owned())]);
    heard(&mut alice);

    one.hide(two, 1).unwrap();
    let told = left(&mut other);
    assert_eq!(
        (told.room, told.action, told.request),
        (two, Action::Leave, None)
    );
    // A second time it is so already, and a third session does not have it at all.
    one.hide(two, 1).unwrap();
    let third = server.log_in(&mut his);
    assert_eq!(listed(&third), ["#lobby"]);
    // Alice has it as before, and sees no difference.
    nothing_of(two, &mut alice);
    let alice = &mut server.log_in(&mut hers);
    assert_eq!(listed(alice), ["#lobby", "@Bob"]);
    let there = alice.welcome.as_ref().unwrap().rooms.iter();
    let online: Vec<_> = there.map(|room| (room.name.clone(), room.online)).collect();
    assert_eq!(online, [("#lobby".to_owned(), 2), ("@Bob".to_owned(), 2)]);

    // It outlives a restart, and its messages are there to read and to find.
    server.stop();
    server.restart();
    let mut bob = server.log_in(&mut his);
    let mut alice = server.log_in(&mut hers);
    assert_eq!(listed(&bob), ["#lobby"]);
    assert_eq!(bob.texts_with("first"), ["first"]);
    assert_eq!(
        bob.before_time(two, u64::MAX >> 1, 9)
            .unwrap()
            .messages
            .len(),
        1
    );
    alice.say_in(two, 2, "second").unwrap();
    let (room, said) = came_back(&mut bob, two);
    assert_eq!((room.name.as_str(), room.head, room.read), ("@Alice", 1, 0));
    assert_eq!(said, [(2, "second".to_owned())]);
    let later = server.log_in(&mut his);
    assert_eq!(listed(&later), ["#lobby", "@Alice"]);
    server.line(
        "info.log",
        &["conversation_hidden", "room=@Alice+Bob by=Bob"],
    );
}

#[test]
fn what_one_says_oneself_brings_it_back_as_does_asking_for_it() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut his, mut bob) = server.register("Bob");
    let two = bob.direct("Alice").unwrap().room;
    bob.say_in(two, 1, "first").unwrap();
    bob.hide(two, 1).unwrap();
    let mut other = server.log_in(&mut his);
    // The other session never had it in its list: what it says is taken all the same.
    other.say_in(two, 2, "second").unwrap();
    assert_eq!(came_back(&mut bob, two).1, [(2, "second".to_owned())]);
    alice.hide(two, 0).unwrap_err();
    alice.hide(two, 2).unwrap();
    bob.hide(two, 2).unwrap();
    heard(&mut other);
    let room = bob.direct("Alice").unwrap();
    assert_eq!((room.room, room.head), (two, 2));
    // A session of another delivery thread may be told behind the answer.
    other.until("the conversation", |message| match message {
        ServerMessage::Joined(joined) if joined.room.room == two => Some(()),
        _ => None,
    });
    // Alice, who has hidden it as well, is told nothing of that.
    nothing_of(two, &mut alice);
    bob.say_in(two, 3, "third").unwrap();
    assert_eq!(came_back(&mut alice, two).1, [(3, "third".to_owned())]);
}

#[test]
fn a_message_on_its_way_is_not_hidden_with_the_rest() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut his, mut bob) = server.register("Bob");
    let two = bob.direct("Alice").unwrap().room;
    bob.say_in(two, 1, "mine").unwrap();
    alice.say_in(two, 1, "hers, not seen yet").unwrap();
    assert_eq!(bob.hide(two, 1), Err(ErrorCode::InvalidArgument));
    assert_eq!(listed(&server.log_in(&mut his)), ["#lobby", "@Alice"]);
    // One's own messages are none that one has not seen.
    bob.say_in(two, 2, "mine again").unwrap();
    bob.hide(two, 2).unwrap();
    assert_eq!(listed(&server.log_in(&mut his)), ["#lobby"]);
}

#[test]
fn of_a_message_and_a_hiding_at_once_the_message_is_seen_whichever_comes_first() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut his, mut bob) = server.register("Bob");
    let two = bob.direct("Alice").unwrap().room;
    let (mut hidden, mut refused) = (0, 0);
    for seq in 1..=100 {
        let text = format!("line {seq}");
        // Each of the two is the first to ask in half of the rounds.
        let hide = |bob: &mut ScriptedClient| {
            bob.ask(|request| {
                ClientMessage::Hide(Hide {
                    request,
                    room: two,
                    seen: seq - 1,
                })
            })
        };
        let asked = if seq % 2 == 0 {
            let asked = hide(&mut bob);
            alice.say_in(two, seq, &text).unwrap();
            asked
        } else {
            alice.say_in(two, seq, &text).unwrap();
            hide(&mut bob)
        };
        let (mut is_there, mut is_answered, mut is_heard) = (true, false, false);
        bob.until("the answer and the message", |message| {
            match message {
                ServerMessage::Left(left) if left.room == two => {
                    is_there = false;
                    is_answered |= left.request == Some(asked);
                    hidden += 1;
                }
                ServerMessage::Error(error) if error.request == Some(asked) => {
                    assert_eq!(error.code, ErrorCode::InvalidArgument);
                    is_answered = true;
                    refused += 1;
                }
                ServerMessage::Joined(joined) if joined.room.room == two => {
                    assert_eq!(joined.room.head, seq - 1);
                    is_there = true;
                }
                ServerMessage::Chat(chat) if chat.room == two => {
                    assert_eq!((chat.seq, chat.text.as_str()), (seq, text.as_str()));
                    assert!(is_there, "a message of a room that is not there");
                    is_heard = true;
                }
                _ => {}
            }
            (is_answered && is_heard).then_some(())
        });
        assert!(is_there, "it was hidden with {text}");
    }
    assert_eq!(hidden + refused, 100);
    assert!(refused >= 50, "those that were asked behind the message");
    assert_eq!(listed(&server.log_in(&mut his)), ["#lobby", "@Alice"]);
}

#[test]
fn who_was_away_as_it_came_back_has_it_in_the_welcome_with_all_that_was_said() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let two = bob.direct("Alice").unwrap().room;
    bob.say_in(two, 1, "first").unwrap();
    bob.hide(two, 1).unwrap();
    // Of what comes nothing is there to be asked for.
    let read = bob.ask(|request| {
        ClientMessage::Read(Read {
            request,
            room: two,
            seq: 1,
        })
    });
    assert_eq!(bob.error(read).code, ErrorCode::UnknownRoom);
    let token = bob.token();
    bob.cut();
    let bob = server.resume(&token);
    assert_eq!(listed(&bob), ["#lobby"]);
    let token = bob.token();
    drop(bob);
    for text in ["second", "third"] {
        alice.say_in(two, text.len() as u64, text).unwrap();
    }
    let mut bob = server.resume(&token);
    let welcome = bob.welcome.as_ref().unwrap();
    let room = welcome.rooms.iter().find(|room| room.room == two).unwrap();
    assert_eq!((room.head, room.read, room.online), (3, 0, 2));
    let page = bob.before_time(two, u64::MAX >> 1, 9).unwrap().messages;
    let said: Vec<_> = page.iter().map(|chat| (chat.seq, &*chat.text)).collect();
    assert_eq!(said, [(1, "first"), (2, "second"), (3, "third")]);
    alice.say_in(two, 4, "fourth").unwrap();
    let next = bob.until("what is said", |message| match message {
        ServerMessage::Chat(chat) if chat.room == two => Some(chat.seq),
        _ => None,
    });
    assert_eq!(next, 4);
}

#[test]
fn only_what_two_say_is_hidden_and_only_by_them() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, _client) = server.register("Bob");
    let (_carol, mut carol) = server.register("Carol");
    let two = alice.direct("Bob").unwrap().room;
    let secret = alice.create("#secret", Access::Invited).unwrap().room;
    for room in [LOBBY, secret] {
        assert_eq!(alice.hide(room, 0), Err(ErrorCode::NotAllowed));
    }
    for room in [two, secret, RoomId(999)] {
        assert_eq!(carol.hide(room, 0), Err(ErrorCode::UnknownRoom));
    }
}

#[test]
fn a_conversation_that_others_begin_is_not_in_one_s_list_before_something_is_said() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (mut his, mut bob) = server.register("Bob");
    let two = alice.direct("Bob").unwrap().room;
    nothing_of(two, &mut bob);
    server.stop();
    server.restart();
    let bob = server.log_in(&mut his);
    assert_eq!(listed(&bob), ["#lobby"]);
    // Asked for from this side it is the same one.
    let mut bob = bob;
    assert_eq!(bob.direct("Alice").unwrap().room, two);
    assert_eq!(listed(&server.log_in(&mut his)), ["#lobby", "@Alice"]);
}

/// One conversation too many.
fn begin(client: &mut ScriptedClient, user: &str) -> ErrorMessage {
    let user = user.to_owned();
    let asked = client.ask(|request| ClientMessage::Direct(Direct { request, user }));
    let error = client.error(asked);
    assert_eq!(error.code, ErrorCode::TooManyRooms);
    error
}

#[test]
fn hidden_conversations_take_no_place_among_those_that_one_may_begin() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut hers, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    server.register("Carol");
    let two = alice.direct("Bob").unwrap().room;
    server.stop();
    // As many as one may begin, with people who are there for that alone.
    let connection = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let people = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 499) \
        INSERT INTO REGISTERED(user, password, skeleton, created_at) \
        SELECT 'p' || i, 'v', 'p' || i, 1 FROM n";
    let rooms = "INSERT INTO rooms(name, mode, access, created_by, created_at) \
        SELECT '@Alice+' || user, 'audited', 'direct', 1, 1 FROM REGISTERED WHERE user LIKE 'p%'";
    let members = "INSERT INTO members(room, account, user, joined_seq, joined_at) \
        SELECT id, 1, 'Alice', 1, 1 FROM rooms WHERE name LIKE '@Alice+p%'";
    for statement in [people, rooms, members] {
        connection.execute(statement, ()).unwrap();
    }
    drop(connection);
    server.restart();
    alice = server.log_in(&mut hers);
    let error = begin(&mut alice, "Carol");
    assert!(error.text.contains("hide one"), "{error:?}");
    alice.hide(two, 0).unwrap();
    alice.direct("Carol").unwrap();
    // Now the hidden one has no place, until another is hidden; what Bob says needs none.
    assert_eq!(alice.direct("Bob").unwrap_err(), ErrorCode::TooManyRooms);
    let said = alice.say_in(two, 1, "no place");
    assert_eq!(said.unwrap_err(), ErrorCode::TooManyRooms);
    nothing_of(two, &mut alice);
    bob = server.resume(&bob.token());
    bob.say_in(two, 1, "and still").unwrap();
    assert_eq!(came_back(&mut alice, two).1, [(1, "and still".to_owned())]);
    alice.say_in(two, 1, "no place").unwrap();
    server.line(
        "info.log",
        &["refused", "what=message", "hide one that is over"],
    );

    server.stop();
    // As many as one may ever begin, all of them hidden.
    let connection = Connection::open(server.path().join("data/chatbox.db")).unwrap();
    let more = people
        .replace("499", "4999")
        .replace("SELECT 'p'", "SELECT 'q'");
    let more = more.replace("'p'", "'q'");
    let rooms = rooms.replace("'p%'", "'q%' LIMIT 4999");
    let members = members.replace("+p%", "+q%");
    for statement in [
        &*more,
        &*rooms,
        &*members,
        "UPDATE members SET hidden = room > 1",
    ] {
        connection.execute(statement, ()).unwrap();
    }
    drop(connection);
    server.restart();
    server.register("Dave");
    alice = server.log_in(&mut hers);
    assert_eq!(listed(&alice), ["#lobby"]);
    // To hide one would help nothing.
    let error = begin(&mut alice, "Dave");
    assert!(error.text.contains("in all"), "{error:?}");
    alice.direct("Carol").unwrap();
}
