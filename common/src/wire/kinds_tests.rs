//! The type numbers: which there are, in the decoder, in the corpus and in one table here.

use std::collections::BTreeSet;

use super::*;

/// Type numbers of both directions that anything here tries.
const KINDS: std::ops::Range<u32> = 0..1000;

/// No wildcard here: a new message does not compile until it has its number, and then fails
/// below until it is in the corpus.
pub const fn client_kind(message: &ClientMessage) -> u32 {
    use ClientMessage as C;
    match message {
        C::Register(_) => 1,
        C::RegisterConfirm(_) => 2,
        C::Login(_) => 3,
        C::LoginConfirm(_) => 4,
        C::Resume(_) => 5,
        C::Send(_) => 16,
        C::History(_) => 17,
        C::Follow(_) => 18,
        C::List(_) => 19,
        C::Whoami(_) => 20,
        C::Info(_) => 21,
        C::Ping(_) => 22,
        C::Pong(_) => 23,
        C::Bye(_) => 24,
        C::Rooms(_) => 25,
        C::Create(_) => 26,
        C::Join(_) => 27,
        C::Leave(_) => 28,
        C::SetTopic(_) => 29,
        C::Invite(_) => 30,
        C::Members(_) => 31,
        C::Direct(_) => 32,
        C::Read(_) => 33,
        C::Moderate(_) => 34,
        C::Lock(_) => 35,
        C::Whois(_) => 36,
        C::Ignore(_) => 37,
        C::Search(_) => 38,
        C::Sessions(_) => 39,
        C::LogOut(_) => 40,
        C::Password(_) => 41,
        C::PasswordConfirm(_) => 42,
        C::Factor(_) => 43,
        C::FactorConfirm(_) => 44,
    }
}

pub const fn server_kind(message: &ServerMessage) -> u32 {
    use ServerMessage as S;
    match message {
        S::RegisterChallenge(_) => 1,
        S::LoginChallenge(_) => 2,
        S::LoggedIn(_) => 3,
        S::Welcome(_) => 16,
        S::Chat(_) => 17,
        S::Ack(_) => 18,
        S::Page(_) => 19,
        S::Lagged(_) => 20,
        S::Following(_) => 21,
        S::Presence(_) => 22,
        S::People(_) => 23,
        S::You(_) => 24,
        S::ServerInfo(_) => 25,
        S::Ping(_) => 26,
        S::Pong(_) => 27,
        S::Error(_) => 30,
        S::Bye(_) => 31,
        S::Done(_) => 32,
        S::Joined(_) => 33,
        S::Left(_) => 34,
        S::RoomChanged(_) => 35,
        S::Standing(_) => 36,
        S::RoomList(_) => 37,
        S::MemberList(_) => 38,
        S::Invited(_) => 39,
        S::ReadTo(_) => 40,
        S::Profile(_) => 41,
        S::Ignoring(_) => 42,
        S::Found(_) => 43,
        S::SessionList(_) => 44,
        S::PasswordChallenge(_) => 45,
        S::NewFactor(_) => 46,
        S::Changed(_) => 47,
    }
}

/// The numbers for which the decoder itself has a message.
fn decodable<M: Message>() -> BTreeSet<u32> {
    KINDS
        .filter(|kind| {
            let mut content = Vec::new();
            let mut encoder = Encoder::new(&mut content);
            encoder.array(2).unwrap().u32(*kind).unwrap();
            encoder.map(0).unwrap();
            !decode::<M>(&content).is_err_and(|error| error.is_unknown_variant())
        })
        .collect()
}

#[test]
fn the_known_numbers_are_those_of_the_decoder_and_of_the_corpus() {
    let known: BTreeSet<_> = KINDS.filter(|&kind| ClientMessage::knows(kind)).collect();
    assert_eq!(known, decodable::<ClientMessage>());
    let corpus = corpus::client();
    assert_eq!(known, corpus.iter().map(client_kind).collect());

    let known: BTreeSet<_> = KINDS.filter(|&kind| ServerMessage::knows(kind)).collect();
    assert_eq!(known, decodable::<ServerMessage>());
    let corpus = corpus::server();
    assert_eq!(known, corpus.iter().map(server_kind).collect());
}

#[test]
fn the_numbers_kept_for_end_to_end_encryption_are_unknown() {
    for kind in 64..=95 {
        assert!(!ClientMessage::knows(kind) && !ServerMessage::knows(kind));
    }
}
