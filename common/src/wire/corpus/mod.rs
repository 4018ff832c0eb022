//! One message of every type, in the order of messages.json, which has their bytes.
//!
//! Whatever must hold for every type that there is, is tried with these: a test of the codec
//! compares their numbers with the decoder's, so that a new type can't be without an example. For
//! tests alone, those of server and client among them (the feature `testkit`).

#![allow(
    missing_docs,
    clippy::must_use_candidate,
    clippy::wildcard_imports,
    reason = "only tests call this, and it names every message there is"
)]

use crate::secret::{Secret, SecretString};
use crate::wire::message::*;

mod account;
mod login;
mod people;
mod rooms;
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

/// The first example of each type, behind its name.
pub fn one_of_each() -> Vec<(String, ClientMessage)> {
    let mut all: Vec<(String, ClientMessage)> = Vec::new();
    for message in client() {
        let said = format!("{message:?}");
        let name = said.split('(').next().unwrap_or_default();
        if all.iter().all(|(known, _)| known != name) {
            all.push((name.to_owned(), message));
        }
    }
    all
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
