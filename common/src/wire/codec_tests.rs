use super::*;
use crate::limits::{MAX_MESSAGES_PER_RECORD, MAX_TEXT};
use crate::wire::corpus;
use crate::wire::message::{
    Access, Action, ByeReason, ErrorCode, FactorPart, Kind, Plain, RoomId, RoomMode, RoomRole, Send,
};

#[path = "kinds_tests.rs"]
mod kinds;
#[path = "message_vectors_tests.rs"]
mod vectors;

fn bytes_of<M: Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::new();
    put(message, &mut out);
    out
}

fn read_all<M: Message>(content: &[u8]) -> Vec<Result<Read<M>, Malformed>> {
    messages(content).collect()
}

fn from_client(content: &[u8]) -> Vec<Result<Read<ClientMessage>, Malformed>> {
    read_all(content)
}

/// `entries` are keys and values as raw CBOR.
fn ping_with(entries: &[&[u8]]) -> Vec<u8> {
    let count = u8::try_from(entries.len()).unwrap() + 1;
    let mut content = vec![0x82, 22, 0xb8, count, 0, 5];
    for entry in entries {
        content.extend(*entry);
    }
    content
}

const PING: ClientMessage = ClientMessage::Ping(Plain { request: 5 });

#[test]
fn every_message_comes_back() {
    for message in corpus::client() {
        let content = bytes_of(&message);
        assert_eq!(read_all(&content), [Ok(Read::Known(message))]);
    }
    for message in corpus::server() {
        let content = bytes_of(&message);
        assert_eq!(read_all(&content), [Ok(Read::Known(message))]);
    }
}

#[test]
fn a_length_is_that_of_the_bytes() {
    for message in corpus::client() {
        assert_eq!(length(&message), bytes_of(&message).len());
    }
    for message in corpus::server() {
        assert_eq!(length(&message), bytes_of(&message).len());
    }
}

#[test]
fn a_record_of_all_messages_is_read_in_order() {
    let mut content = Vec::new();
    let corpus = corpus::server();
    for message in &corpus {
        put(message, &mut content);
    }
    let expected: Vec<_> = corpus.into_iter().map(|m| Ok(Read::Known(m))).collect();
    assert_eq!(read_all(&content), expected);
}

fn no_truncation_is_taken<M: Message + std::fmt::Debug + PartialEq>(corpus: &[M]) {
    for message in corpus {
        let whole = bytes_of(message);
        for n in 1..whole.len() {
            let cut = read_all::<M>(&whole[..n]);
            assert_eq!(cut, [Err(Malformed::Truncated)], "{message:?} {n}");
        }
    }
}

#[test]
fn every_truncation_of_every_message_is_refused() {
    no_truncation_is_taken(&corpus::client());
    no_truncation_is_taken(&corpus::server());
}

/// Each change is refused or read; what is read must come back when it is written.
fn every_flip_has_an_answer<M: Message + std::fmt::Debug + PartialEq>(corpus: &[M]) {
    let (mut taken, mut refused) = (0, 0);
    for message in corpus {
        let whole = bytes_of(message);
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut changed = whole.clone();
                changed[at] = value;
                for read in messages::<M>(&changed) {
                    match read {
                        Ok(Read::Known(message)) => {
                            let again = bytes_of(&message);
                            assert_eq!(read_all(&again), [Ok(Read::Known(message))]);
                            taken += 1;
                        }
                        Ok(Read::Unknown { kind, .. }) => assert!(!M::knows(kind)),
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    assert!(taken > 1000 && refused > 1000, "{taken} {refused}");
}

#[test]
fn every_value_of_every_byte_of_every_message_has_an_answer() {
    every_flip_has_an_answer(&corpus::client());
    every_flip_has_an_answer(&corpus::server());
}

#[test]
fn every_content_of_up_to_three_bytes_has_an_answer() {
    for length in 0..=3 {
        for n in 0..1u32 << (8 * length) {
            let content = &n.to_be_bytes()[4 - length..];
            let read = from_client(content);
            assert!(
                length == 0
                    || read
                        .last()
                        .is_some_and(|last| matches!(last, Err(_) | Ok(Read::Unknown { .. })))
            );
        }
    }
}

#[test]
fn two_hundred_and_fifty_six_messages_are_taken_and_no_more() {
    let mut content = Vec::new();
    for _ in 0..MAX_MESSAGES_PER_RECORD {
        put(&PING, &mut content);
    }
    let read = from_client(&content);
    assert_eq!(read.len(), 256);
    assert!(read.iter().all(|read| *read == Ok(Read::Known(PING))));
    content.push(0);
    let read = from_client(&content);
    assert_eq!(read.len(), 257);
    assert_eq!(read[256], Err(Malformed::TooMany));
}

#[test]
fn nothing_comes_after_the_first_malformed_message() {
    let mut content = bytes_of(&PING);
    content.extend([0x82, 22, 0xa0]);
    put(&PING, &mut content);
    let mut read = messages::<ClientMessage>(&content);
    assert_eq!(read.next(), Some(Ok(Read::Known(PING))));
    assert_eq!(read.next(), Some(Err(Malformed::Field)));
    assert_eq!((read.next(), read.next()), (None, None));
}

#[test]
fn unknown_keys_are_skipped_whatever_they_hold() {
    let entries: [&[u8]; 8] = [
        &[9, 0],
        &[0x20, 0x20],
        &[10, 0x42, 1, 2],
        &[11, 0x61, b'x'],
        &[12, 0x82, 0xf5, 0xf6],
        &[13, 0xa1, 0, 0x80],
        &[0x1a, 0x7f, 0xff, 0xff, 0xff, 0xf4],
        &[0x3a, 0x7f, 0xff, 0xff, 0xff, 0xa0],
    ];
    assert_eq!(from_client(&ping_with(&entries)), [Ok(Read::Known(PING))]);
}

#[test]
fn skipped_values_are_checked_like_all_others() {
    let deep = |levels| [vec![9], vec![0x81; levels], vec![0x80]].concat();
    assert_eq!(
        from_client(&ping_with(&[&deep(5)])),
        [Ok(Read::Known(PING))]
    );
    let cases: [(&[u8], Malformed); 6] = [
        (&deep(6), Malformed::Nesting),
        (&deep(60_000), Malformed::Nesting),
        (&[9, 0xa2, 1, 0, 1, 0], Malformed::Key),
        (&[9, 0x81, 0xa2, 0x20, 0, 0x38, 0, 0], Malformed::Key),
        (&[9, 0xf9, 0, 0], Malformed::Form),
        (&[9, 0x61, 0xff], Malformed::Utf8),
    ];
    for (entry, why) in cases {
        assert_eq!(from_client(&ping_with(&[entry])), [Err(why)]);
    }
}

#[test]
fn an_unknown_type_is_named_with_its_request() {
    let unknown = |request| [Ok(Read::Unknown { kind: 64, request })];
    for (map, request) in [
        (&[0xa0][..], None),
        (&[0xa1, 0, 7], Some(7)),
        (&[0xa2, 1, 0x80, 0, 7], Some(7)),
        (&[0xa1, 0x20, 7], None),
    ] {
        let content = [&[0x82, 0x18, 64], map].concat();
        assert_eq!(from_client(&content), unknown(request), "{map:02x?}");
    }
}

/// The numbers and names of a table of docs/PROTOCOL.md.
fn documented(section: &str) -> Vec<(u8, String)> {
    let document = include_str!("../../../docs/PROTOCOL.md");
    let (_, section) = document.split_once(section).unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| {
        let mut columns = line.strip_prefix("| ")?.split(" | ");
        let number = columns.next()?.parse().ok()?;
        Some((number, columns.next()?.trim_matches('`').to_owned()))
    });
    rows.collect()
}

/// A name of Rust's as the document writes it: `UnknownRoom` is `unknown_room`.
fn in_document(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[test]
fn a_number_that_this_version_has_no_name_for_ends_no_session() {
    let (mut errors, mut reasons) = (Vec::new(), Vec::new());
    let error = |code: u8| [0x82, 0x18, 30, 0xa2, 1, 0x18, code, 2, 0x60];
    for code in 0..=255 {
        let read = read_all::<ServerMessage>(&error(code));
        let [Ok(Read::Known(ServerMessage::Error(error)))] = &read[..] else {
            panic!("{code}: {read:?}");
        };
        if error.code == ErrorCode::Other(code.into()) {
            assert_eq!(error.code.number(), u32::from(code));
        } else {
            errors.push((code, in_document(&format!("{:?}", error.code))));
        }
    }
    assert_eq!(errors, documented("\n## 14. Errors\n"));
    let bye = |reason: u8| [0x82, 0x18, 31, 0xa2, 1, 0x18, reason, 2, 0x60];
    for reason in 0..=255 {
        let read = read_all::<ServerMessage>(&bye(reason));
        let [Ok(Read::Known(ServerMessage::Bye(bye)))] = &read[..] else {
            panic!("{reason}: {read:?}");
        };
        if bye.reason != ByeReason::Other(reason.into()) {
            reasons.push((reason, in_document(&format!("{:?}", bye.reason))));
        }
    }
    assert_eq!(reasons, documented("\n## 15. The end of a connection\n"));
    // But it is a u32.
    let others: [&[u8]; 4] = [&[0x60], &[0x20], &[0xf6], &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0]];
    for (kind, other) in [30, 31]
        .into_iter()
        .flat_map(|kind| others.map(|o| (kind, o)))
    {
        let content = [&[0x82, 0x18, kind, 0xa2, 1], other, &[2, 0x60]].concat();
        let refused = read_all::<ServerMessage>(&content);
        assert_eq!(refused, [Err(Malformed::Field)], "{content:x?}");
    }
}

fn taken<T: for<'b> Decode<'b, ()>>() -> Vec<u8> {
    let number = |n: &u8| decode::<T>(&[0x18, *n]).is_ok();
    (0..=255).filter(number).collect()
}

/// How a room is kept is a promise to people, and a client must not guess who may do what there.
#[test]
fn other_lists_than_those_of_errors_and_reasons_are_closed() {
    assert_eq!(taken::<RoomMode>(), [0, 1]);
    assert_eq!(taken::<Access>(), [0, 1, 2]);
    assert_eq!(taken::<RoomRole>(), [0, 1, 2]);
    assert_eq!(taken::<Action>(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(taken::<Kind>(), [0, 1]);
    assert_eq!(taken::<FactorPart>(), [0, 1]);
}

#[test]
fn secrets_of_another_length_or_kind_are_refused() {
    let secret = |major: u8, length: u8| {
        let content = [&[major | 0x18, length][..], &vec![1; length.into()]].concat();
        decode::<Secret<32>>(&content)
    };
    assert_eq!(secret(0x40, 32).unwrap(), Secret::new([1; 32]));
    for length in (0..=64).filter(|&n| n != 32) {
        assert!(secret(0x40, length).is_err(), "{length}");
    }
    assert!(secret(0x60, 32).is_err(), "text");
    assert!(secret(0x80, 32).is_err(), "an array of numbers");
}

#[test]
fn a_text_of_the_greatest_length_costs_at_most_64_bytes_more() {
    let send = ClientMessage::Send(Send {
        request: u32::MAX,
        room: RoomId(u64::MAX),
        id: [255; 16],
        text: "x".repeat(MAX_TEXT),
        kind: Kind::Action,
    });
    let content = bytes_of(&send);
    assert!(content.len() <= MAX_TEXT + 64, "{}", content.len());
    assert_eq!(from_client(&content), [Ok(Read::Known(send))]);
}
