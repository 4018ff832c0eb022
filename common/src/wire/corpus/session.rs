//! Types 16 to 24 of the client, 16 to 31 of the server.

use super::*;

pub fn client() -> Vec<ClientMessage> {
    use ClientMessage as C;
    let send = |text, kind| Send {
        request: 16,
        room: RoomId(1),
        id: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        text,
        kind,
    };
    let history = |after, before, limit, before_time| History {
        request: 17,
        room: RoomId(1),
        after,
        before,
        limit,
        before_time,
    };
    let list = |after| List {
        request: 19,
        after,
        limit: 100,
    };
    vec![
        C::Send(send(chat().text, Kind::Text)),
        C::Send(send(action().text, Kind::Action)),
        C::History(history(Some(41), None, 500, None)),
        C::History(history(None, Some(1 << 32), 1, None)),
        C::History(history(None, None, 50, Some(TIME))),
        C::History(history(None, None, 50, None)),
        C::Follow(Follow {
            request: 18,
            room: RoomId(1),
            after: 42,
        }),
        C::List(list(Some(text("alice")))),
        C::List(list(None)),
        C::Whoami(plain(20)),
        C::Info(plain(21)),
        C::Ping(plain(u32::MAX)),
        C::Pong(plain(23)),
        C::Bye(Bye {
            reason: ByeReason::Quit,
            text: text(""),
        }),
    ]
}

fn welcome(rooms: Vec<Room>, ignored: Vec<String>) -> Welcome {
    Welcome {
        history_id: [0xaa; 16],
        rooms,
        time: TIME,
        limits: Limits {
            messages_per_second: 5,
            text_bytes: 8192,
            page_messages: 500,
        },
        server: text("0.1.0"),
        session: 99,
        ignored,
        capabilities: None,
        predecessor: None,
    }
}

fn messages_of_rooms() -> Vec<ServerMessage> {
    use ServerMessage as S;
    let page = |messages, more, first| Page {
        request: 17,
        room: RoomId(1),
        messages,
        more,
        first,
    };
    let all_rooms = vec![rooms::lobby(), rooms::locked_room(), rooms::room_of_two()];
    vec![
        S::Welcome(welcome(vec![rooms::lobby()], Vec::new())),
        S::Welcome(welcome(all_rooms, vec![text("Carol"), text("Dave")])),
        S::Welcome(Welcome {
            capabilities: Some(Capabilities(1)),
            predecessor: Some([0xbb; 16]),
            ..welcome(vec![rooms::archived_room()], Vec::new())
        }),
        S::Chat(chat()),
        S::Chat(action()),
        S::Ack(Ack {
            request: 16,
            seq: 42,
            time: TIME,
        }),
        S::Page(page(vec![chat()], true, 3)),
        S::Page(page(Vec::new(), false, 43)),
        S::Lagged(Lagged {
            heads: vec![Head {
                room: RoomId(1),
                head: 1042,
            }],
        }),
        S::Following(Following {
            request: 18,
            room: RoomId(1),
            head: 1042,
            live: false,
        }),
        S::Presence(Presence {
            room: RoomId(1),
            joined: vec![text("Bob")],
            left: vec![text("Carol")],
            online: 2,
        }),
    ]
}

fn of_people_and_the_server() -> Vec<ServerMessage> {
    use ServerMessage as S;
    vec![
        S::People(People {
            request: 19,
            people: vec![OnlinePerson {
                user: text("Alice"),
                sessions: 2,
                since: TIME,
            }],
            more: false,
        }),
        S::You(You {
            request: 20,
            user: text("Alice"),
            account: AccountId(7),
            address: text("192.0.2.7:50000"),
            session: 99,
            since: TIME,
            sessions: 2,
        }),
        S::ServerInfo(ServerInfo {
            request: 21,
            server: text("0.1.0"),
            uptime: 86_400,
            people: 12,
            connections: 15,
            most_connections: 16_000,
        }),
    ]
}

pub fn server() -> Vec<ServerMessage> {
    use ServerMessage as S;
    let error = |request, code, sentence, retry_ms| ErrorMessage {
        request,
        code,
        text: text(sentence),
        retry_ms,
    };
    let mut messages = messages_of_rooms();
    messages.extend(of_people_and_the_server());
    messages.extend([
        S::Ping(plain(26)),
        S::Pong(plain(22)),
        S::Error(error(Some(16), ErrorCode::TooFast, "too fast", Some(200))),
        S::Error(error(None, ErrorCode::Unsupported, "unsupported", None)),
        S::Bye(Bye {
            reason: ByeReason::Shutdown,
            text: text("the server stops"),
        }),
    ]);
    messages
}
