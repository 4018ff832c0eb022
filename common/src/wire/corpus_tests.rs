//! One message of every kind, in the order of messages.json.

use crate::secret::{Secret, SecretString};
use crate::wire::message::*;

const TIME: u64 = 1_767_225_600_000;

fn text(text: &str) -> String {
    text.to_owned()
}

fn code(code: &str) -> SecretString {
    SecretString::new(code.to_owned())
}

const fn plain(request: RequestId) -> Plain {
    Plain { request }
}

fn chat() -> Chat {
    Chat {
        room: 1,
        seq: 42,
        account: 7,
        user: text("Alice"),
        time: TIME,
        text: text("h\u{e9}llo\n\tworld"),
    }
}

pub fn client() -> Vec<ClientMessage> {
    use ClientMessage as C;
    let register = |invitation| Register {
        request: 1,
        user: text("Alice"),
        invitation,
    };
    let history = |after, before, limit| History {
        request: 17,
        room: 1,
        after,
        before,
        limit,
    };
    let list = |after| List {
        request: 19,
        after,
        limit: 100,
    };
    vec![
        C::Register(register(None)),
        C::Register(register(Some(vec![1, 2, 3, 4]))),
        C::RegisterConfirm(RegisterConfirm {
            request: 2,
            stored_key: Secret::new([0x11; 32]),
            server_key: Secret::new([0x22; 32]),
            code: code("123456"),
        }),
        C::Login(Login {
            request: 3,
            scram: text("p=chatbox,,n=alice,r=rOprNGfwEbeRWgbNEkqO"),
        }),
        C::LoginConfirm(LoginConfirm {
            request: 4,
            scram: text("c=biws,r=abc,p=ZGVm"),
            code: code("654321"),
        }),
        C::Resume(Resume {
            request: 5,
            id: [0x33; 16],
            proof: [0x44; 32],
        }),
        C::Send(Send {
            request: 16,
            room: 1,
            id: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            text: chat().text,
        }),
        C::History(history(Some(41), None, 500)),
        C::History(history(None, Some(1 << 32), 1)),
        C::Follow(Follow {
            request: 18,
            room: 1,
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

fn before_login() -> Vec<ServerMessage> {
    use ServerMessage as S;
    let logged_in = |request, scram, id, token, seconds, wrong| LoggedIn {
        request,
        scram,
        user: text("Alice"),
        account: 7,
        token_id: [id; 16],
        token: Secret::new([token; 32]),
        token_seconds: seconds,
        wrong_codes: wrong,
    };
    vec![
        S::RegisterChallenge(RegisterChallenge {
            request: 1,
            salt: [0x55; 16],
            iterations: 600_000,
            totp: Secret::new([0x66; 20]),
            recovery: vec![Secret::new([0x77; 10]), Secret::new([0x78; 10])],
            time: TIME,
        }),
        S::LoginChallenge(LoginChallenge {
            request: 3,
            scram: text("r=abcdef,s=c2FsdA==,i=600000"),
            time: TIME,
        }),
        S::LoggedIn(logged_in(4, Some(text("v=ZGVm")), 0x88, 0x99, 43_200, 2)),
        S::LoggedIn(logged_in(5, None, 0x89, 0x9a, 43_199, 0)),
        S::Welcome(Welcome {
            history_id: [0xaa; 16],
            rooms: vec![Room {
                room: 1,
                name: text("#lobby"),
                topic: text(""),
                mode: RoomMode::Audited,
                first: 3,
                head: 42,
                online: 2,
            }],
            time: TIME,
            limits: Limits {
                messages_per_second: 5,
                text_bytes: 8192,
                page_messages: 500,
            },
            server: text("0.1.0"),
            session: 99,
        }),
    ]
}

fn about_people() -> Vec<ServerMessage> {
    use ServerMessage as S;
    vec![
        S::Presence(Presence {
            room: 1,
            joined: vec![text("Bob")],
            left: vec![text("Carol")],
            online: 2,
        }),
        S::People(People {
            request: 19,
            people: vec![Person {
                user: text("Alice"),
                sessions: 2,
                since: TIME,
            }],
            more: false,
        }),
        S::You(You {
            request: 20,
            user: text("Alice"),
            account: 7,
            address: text("192.0.2.7:50000"),
            session: 99,
            since: TIME,
            sessions: 2,
        }),
    ]
}

pub fn server() -> Vec<ServerMessage> {
    use ServerMessage as S;
    let page = |messages, more, first| Page {
        request: 17,
        room: 1,
        messages,
        more,
        first,
    };
    let error = |request, code, sentence, retry_ms| ErrorMessage {
        request,
        code,
        text: text(sentence),
        retry_ms,
    };
    let mut messages = before_login();
    messages.extend([
        S::Chat(chat()),
        S::Ack(Ack {
            request: 16,
            seq: 42,
            time: TIME,
        }),
        S::Page(page(vec![chat()], true, 3)),
        S::Page(page(Vec::new(), false, 43)),
        S::Lagged(Lagged {
            heads: vec![Head {
                room: 1,
                head: 1042,
            }],
        }),
        S::Following(Following {
            request: 18,
            room: 1,
            head: 1042,
            live: false,
        }),
    ]);
    messages.extend(about_people());
    messages.extend([
        S::ServerInfo(ServerInfo {
            request: 21,
            server: text("0.1.0"),
            uptime: 86_400,
            people: 12,
            connections: 15,
            most_connections: 16_000,
        }),
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
