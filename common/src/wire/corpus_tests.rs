//! One message of every kind, in the order of messages.json.

use crate::secret::{Secret, SecretString};
use crate::wire::message::*;

#[path = "corpus_account_tests.rs"]
mod account;
#[path = "corpus_login_tests.rs"]
mod login;
#[path = "corpus_people_tests.rs"]
mod people;
#[path = "corpus_rooms_tests.rs"]
mod rooms;
#[path = "corpus_session_tests.rs"]
mod session;

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

fn recovery_codes() -> Vec<Secret<10>> {
    (0x70..0x7a).map(|n| Secret::new([n; 10])).collect()
}

fn chat() -> Chat {
    Chat {
        room: RoomId(1),
        seq: 42,
        account: AccountId(7),
        user: text("Alice"),
        time: TIME,
        text: text("h\u{e9}llo\n\tworld"),
        kind: Kind::Text,
    }
}

fn action() -> Chat {
    Chat {
        room: RoomId(2),
        seq: 7,
        account: AccountId(8),
        user: text("Bob"),
        time: TIME - 1,
        text: text("waves"),
        kind: Kind::Action,
    }
}

fn lobby() -> Room {
    Room {
        room: RoomId(1),
        name: text("#lobby"),
        topic: text(""),
        mode: RoomMode::Audited,
        first: 3,
        head: 42,
        online: 2,
        access: Access::Open,
        role: RoomRole::Member,
        read: 41,
        locked: None,
    }
}

fn locked_room() -> Room {
    Room {
        room: RoomId(2),
        name: text("#ops~Alice"),
        topic: text("what burns"),
        mode: RoomMode::Audited,
        first: 8,
        head: 7,
        online: 1,
        access: Access::Invited,
        role: RoomRole::Owner,
        read: 7,
        locked: Some(text("an incident")),
    }
}

fn room_of_two() -> Room {
    Room {
        room: RoomId(3),
        name: text("@Bob"),
        topic: text(""),
        mode: RoomMode::Audited,
        first: 1,
        head: 0,
        online: 2,
        access: Access::Direct,
        role: RoomRole::Member,
        read: 0,
        locked: None,
    }
}

pub fn client() -> Vec<ClientMessage> {
    [
        login::client(),
        session::client(),
        rooms::client(),
        people::client(),
        account::client(),
    ]
    .concat()
}

pub fn server() -> Vec<ServerMessage> {
    [
        login::server(),
        session::server(),
        rooms::server(),
        people::server(),
        account::server(),
    ]
    .concat()
}
