use super::*;

#[path = "rotation_tests.rs"]
mod rotation;
#[path = "record_vectors_tests.rs"]
mod vectors;

const SECRET: [u8; 32] = [0x5e; 32];
const TAG_AND_TYPE: usize = TAG_LEN + 1;

fn pair(stage: Stage) -> (Sealer, Opener) {
    let now = Instant::now();
    let mut sealer = Sealer::new(Secret::new(SECRET), Rotation::default(), now);
    let mut opener = Opener::new(Secret::new(SECRET), now);
    if stage == Stage::Session {
        sealer.begin_session();
        opener.begin_session();
    }
    (sealer, opener)
}

fn seal(sealer: &mut Sealer, content: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    sealer.seal(content, Instant::now(), &mut frame).unwrap();
    frame
}

/// The one record in a frame, after its length was checked.
fn body(frame: &[u8]) -> Vec<u8> {
    let (length, body) = frame.split_at(2);
    assert_eq!(
        usize::from(u16::from_be_bytes([length[0], length[1]])),
        body.len()
    );
    body.to_vec()
}

/// A record of any plaintext under the present key of a sealer.
fn forge(sealer: &mut Sealer, plain: &[u8]) -> Vec<u8> {
    let length = u16::try_from(plain.len() + TAG_LEN).unwrap().to_be_bytes();
    let mut record = plain.to_vec();
    let nonce = sealer.key.nonce();
    let tag = sealer
        .key
        .cipher
        .encrypt_inout_detached(&nonce.into(), &length, record.as_mut_slice().into())
        .unwrap();
    sealer.key.counter += 1;
    record.extend_from_slice(&tag);
    record
}

fn open(opener: &mut Opener, record: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
    let mut record = record.to_vec();
    opener
        .open(&mut record, Instant::now())
        .map(|got| match got {
            Opened::Messages(content) => Some(content.to_vec()),
            Opened::KeyUpdate => None,
        })
}

#[test]
fn contents_come_back_at_every_step_of_the_padding() {
    let cases = [
        (Stage::Login, 1, 512),
        (Stage::Login, 510, 512),
        (Stage::Login, 511, 512),
        (Stage::Login, 512, 1024),
        (Stage::Login, 4079, 4080),
        (Stage::Session, 1, 64),
        (Stage::Session, 62, 64),
        (Stage::Session, 63, 64),
        (Stage::Session, 64, 128),
        (Stage::Session, 511, 512),
        (Stage::Session, 512, 576),
        (Stage::Session, 65_471, 65_472),
        (Stage::Session, 65_472, 65_519),
        (Stage::Session, MAX_CONTENT, 65_519),
    ];
    for (stage, size, padded) in cases {
        let (mut sealer, mut opener) = pair(stage);
        let content: Vec<u8> = (0..size).map(|n| u8::try_from(n % 256).unwrap()).collect();
        let record = body(&seal(&mut sealer, &content));
        assert_eq!(record.len(), padded + TAG_LEN, "{stage:?} {size}");
        assert_eq!(open(&mut opener, &record), Ok(Some(content)), "{size}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_everything_as_it_was() {
    for (stage, most) in [(Stage::Login, 4079), (Stage::Session, MAX_CONTENT)] {
        let (mut sealer, mut opener) = pair(stage);
        let mut out = vec![1, 2, 3];
        for size in [0, most + 1, 100_000] {
            let refused = sealer.seal(&vec![7; size], Instant::now(), &mut out);
            assert_eq!(refused, Err(SealError::Size(size)));
            assert_eq!((&out[..], sealer.key.counter), (&[1, 2, 3][..], 0));
        }
        sealer.seal(b"next", Instant::now(), &mut out).unwrap();
        assert_eq!(out[..3], [1, 2, 3]);
        let got = open(&mut opener, &body(&out[3..]));
        assert_eq!(got, Ok(Some(b"next".to_vec())));
    }
}

#[test]
fn a_counter_that_ran_out_seals_nothing() {
    let (mut sealer, _) = pair(Stage::Login);
    sealer.key.counter = u64::MAX;
    let mut out = vec![9];
    let refused = sealer.seal(b"never in clear", Instant::now(), &mut out);
    assert_eq!(refused, Err(SealError::Cipher));
    assert_eq!(out, [9]);
}

#[test]
fn every_truncation_is_refused_and_the_record_still_opens() {
    let (mut sealer, mut opener) = pair(Stage::Session);
    let record = body(&seal(&mut sealer, b"whole or not at all"));
    for n in 0..record.len() {
        let why = match n {
            0..TAG_AND_TYPE => OpenError::Length,
            _ => OpenError::Authentication,
        };
        assert_eq!(open(&mut opener, &record[..n]), Err(why), "{n}");
    }
    let longer = [&record[..], &[0]].concat();
    let refused = open(&mut opener, &longer);
    assert_eq!(refused, Err(OpenError::Authentication));
    assert!(open(&mut opener, &record).is_ok());
}

#[test]
fn every_flipped_bit_is_refused_and_the_record_still_opens() {
    let (mut sealer, mut opener) = pair(Stage::Session);
    let record = body(&seal(&mut sealer, b"as it was said"));
    for at in 0..record.len() {
        for bit in 0..8 {
            let mut changed = record.clone();
            changed[at] ^= 1 << bit;
            let refused = open(&mut opener, &changed);
            assert_eq!(refused, Err(OpenError::Authentication), "{at} {bit}");
        }
    }
    let got = open(&mut opener, &record);
    assert_eq!(got, Ok(Some(b"as it was said".to_vec())));
}

#[test]
fn replay_reordering_and_loss_are_refused() {
    let (mut sealer, mut opener) = pair(Stage::Session);
    let records: Vec<_> = [&b"one"[..], b"two", b"three"]
        .map(|content| body(&seal(&mut sealer, content)))
        .into();
    let refused = Err(OpenError::Authentication);
    assert_eq!(open(&mut opener, &records[1]), refused, "before its turn");
    assert!(open(&mut opener, &records[0]).is_ok());
    assert_eq!(open(&mut opener, &records[0]), refused, "again");
    assert_eq!(open(&mut opener, &records[2]), refused, "one is missing");
    assert!(open(&mut opener, &records[1]).is_ok());
    assert!(open(&mut opener, &records[2]).is_ok());
}

#[test]
fn a_record_reflected_to_its_sender_is_refused() {
    let now = Instant::now();
    let (to_server, to_client) = (Secret::new([1; 32]), Secret::new([2; 32]));
    let mut client_sends = Sealer::new(to_server.clone(), Rotation::default(), now);
    let mut client_hears = Opener::new(to_client, now);
    let mut server_hears = Opener::new(to_server, now);
    let record = body(&seal(&mut client_sends, b"hello"));
    let refused = open(&mut client_hears, &record);
    assert_eq!(refused, Err(OpenError::Authentication));
    assert!(open(&mut server_hears, &record).is_ok());
}

#[test]
fn the_length_is_authenticated() {
    let (mut sealer, mut opener) = pair(Stage::Session);
    let plain = [&b"x\x01"[..], &[0; 62]].concat();
    for length in [[0, 0], [0, 64], [80, 0], [1, 80]] {
        let mut record = plain.clone();
        let tag = sealer
            .key
            .cipher
            .encrypt_inout_detached(&[0; 12].into(), &length, record.as_mut_slice().into())
            .unwrap();
        record.extend_from_slice(&tag);
        let refused = open(&mut opener, &record);
        assert_eq!(refused, Err(OpenError::Authentication), "{length:?}");
    }
    let right = forge(&mut sealer, &plain);
    assert_eq!(open(&mut opener, &right), Ok(Some(b"x".to_vec())));
}

#[test]
fn the_nonce_is_four_zero_bytes_and_the_counter() {
    let (mut sealer, _) = pair(Stage::Session);
    assert_eq!(sealer.key.nonce(), [0; 12]);
    sealer.key.counter = 0x0102_0304_0506_0708;
    assert_eq!(sealer.key.nonce(), [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn content_may_end_in_zero_bytes() {
    let (mut sealer, mut opener) = pair(Stage::Session);
    for content in [&[0][..], &[0; 63], &[0; 64], &[1, 0, 0]] {
        let record = body(&seal(&mut sealer, content));
        assert_eq!(open(&mut opener, &record), Ok(Some(content.to_vec())));
    }
}

#[test]
fn an_impossible_plaintext_is_refused() {
    let cases: [(&[u8], OpenError); 10] = [
        (&[0], OpenError::NoType),
        (&[0; 64], OpenError::NoType),
        (&[1], OpenError::Empty),
        (&[1, 0, 0, 0], OpenError::Empty),
        (&[b'x', 3], OpenError::UnknownType),
        (&[b'x', 255, 0], OpenError::UnknownType),
        (&[4, 0, 0], OpenError::UnknownType),
        (&[b'x', 2, 0], OpenError::KeyUpdate),
        (&[0, 2, 0], OpenError::KeyUpdate),
        (&[1, 2], OpenError::KeyUpdate),
    ];
    for (plain, why) in cases {
        let (mut sealer, mut opener) = pair(Stage::Session);
        let record = forge(&mut sealer, plain);
        assert_eq!(open(&mut opener, &record), Err(why), "{plain:?}");
    }
}

#[test]
fn a_receiver_takes_any_padding() {
    for stage in [Stage::Login, Stage::Session] {
        let (mut sealer, mut opener) = pair(stage);
        for zeros in [0, 1, 63, 64, 100, 511, 4000] {
            let plain = [&b"hi\x01"[..], &vec![0; zeros]].concat();
            let record = forge(&mut sealer, &plain);
            let got = open(&mut opener, &record);
            assert_eq!(got, Ok(Some(b"hi".to_vec())), "{stage:?} {zeros}");
        }
    }
}

#[test]
fn before_login_a_record_has_at_most_4096_bytes_and_changes_no_key() {
    let (mut sealer, mut opener) = pair(Stage::Login);
    let longest = forge(&mut sealer, &[&[1; 4079][..], &[1]].concat());
    assert_eq!(longest.len(), MAX_RECORD_BEFORE_LOGIN);
    assert!(open(&mut opener, &longest).is_ok());
    let longer = forge(&mut sealer, &[&[1; 4080][..], &[1]].concat());
    assert_eq!(open(&mut opener, &longer), Err(OpenError::Length));
    // The same record is valid once the login is done.
    opener.begin_session();
    assert_eq!(opener.stage(), Stage::Session);
    assert!(open(&mut opener, &longer).is_ok());

    let (mut sealer, mut opener) = pair(Stage::Login);
    let update = forge(&mut sealer, &[2, 0, 0]);
    assert_eq!(open(&mut opener, &update), Err(OpenError::KeyUpdate));
    assert_eq!(opener.key_age(Instant::now()).epoch, 0);
}

#[test]
fn a_record_of_the_largest_length_is_taken_and_no_longer_one() {
    let (mut sealer, mut opener) = pair(Stage::Session);
    let plain = [&vec![b'x'; MAX_CONTENT][..], &[1]].concat();
    let record = forge(&mut sealer, &plain);
    assert_eq!(record.len(), MAX_RECORD);
    assert!(open(&mut opener, &record).is_ok());
    let refused = open(&mut opener, &vec![0; MAX_RECORD + 1]);
    assert_eq!(refused, Err(OpenError::Length));
}
