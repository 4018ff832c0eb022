//! Compares `is_known` with the decoder and the corpus, so that no number is missing in one.

use std::collections::BTreeSet;

use super::*;

/// All numbers tried here; more than any in use.
const KINDS: std::ops::Range<u32> = 0..1000;

fn kind<M: Message>(message: &M) -> u32 {
    let mut content = Vec::new();
    put(message, &mut content);
    let mut decoder = Decoder::new(&content);
    decoder.array().unwrap();
    decoder.u32().unwrap()
}

/// Any other error than an unknown variant means that the decoder has the number.
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
    assert_eq!(known, corpus.iter().map(kind).collect());
    assert_eq!(known.len(), corpus::one_of_each().len());

    let known: BTreeSet<_> = KINDS.filter(|&kind| ServerMessage::knows(kind)).collect();
    assert_eq!(known, decodable::<ServerMessage>());
    let corpus = corpus::server();
    assert_eq!(known, corpus.iter().map(kind).collect());
}

#[test]
fn the_numbers_kept_for_end_to_end_encryption_are_unknown() {
    for kind in 64..=95 {
        assert!(!ClientMessage::knows(kind) && !ServerMessage::knows(kind));
    }
}
