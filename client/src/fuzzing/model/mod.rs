//! A server that keeps to the protocol, and one that does not.

mod hostile;
mod lawful;

use chatbox_common::fuzzing::Choices;
use chatbox_common::wire::codec::{self, Read};
use chatbox_common::wire::message::{
    AccountId, Chat, Kind, Page, Room, RoomId, Seq, ServerMessage, Welcome,
};

/// What a server says, and what a person wants meanwhile.
pub fn model(data: &[u8]) {
    let mut choices = Choices::new(data);
    if choices.flag() {
        hostile::show_each_once(choices);
    } else {
        lawful::show_all(choices);
    }
}

fn chat(room: RoomId, seq: Seq, user: &str, text: &str) -> Chat {
    Chat {
        room,
        seq,
        account: AccountId(7),
        user: user.to_owned(),
        time: 0,
        text: text.to_owned(),
        kind: Kind::Text,
    }
}

fn page(room: RoomId, messages: Vec<Chat>, more: bool) -> Page {
    Page {
        request: 0,
        room,
        messages,
        more,
        first: 1,
    }
}

/// As a server of version 0.1 says it: what later ones add is not there.
fn welcome(rooms: Vec<Room>) -> Welcome {
    const BYTES: &[u8] = b"\x82\x10\xa7\x01\x50\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\
        \xaa\xaa\xaa\x02\x80\x03\x00\x04\xa3\x00\x05\x01\x19\x20\x00\x02\x19\x01\xf4\x05\x60\x06\x01\
        \x07\x80";
    match codec::messages(BYTES).next() {
        Some(Ok(Read::Known(ServerMessage::Welcome(welcome)))) => Welcome { rooms, ..welcome },
        other => panic!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::testkit::random::SeededRandom;

    use super::*;

    #[test]
    fn whatever_happens_every_message_is_shown_once_and_in_order() {
        for seed in 0..300 {
            let mut random = SeededRandom::new(seed);
            let bytes = (0..1600).map(|_| u8::try_from(random.below(256)).unwrap());
            lawful::show_all(Choices::new(&bytes.collect::<Vec<_>>()));
        }
    }
}
