//! One message of every type, in the order of messages.json, which has their bytes.

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
