use super::*;

#[path = "handshake_vectors_tests.rs"]
mod vectors;

const SEED: [u8; 64] = [7; 64];
const EPHEMERAL: [u8; 32] = [8; 32];
const Q: u16 = 3329;

fn identity(byte: u8) -> ServerIdentity {
    ServerIdentity::from_private(Secret::new([byte; 32]))
}

/// Makes the same message 1 every time.
fn client() -> (ClientHandshake, Vec<u8>) {
    ClientHandshake::start_with(Secret::new(SEED), Some(&EPHEMERAL)).unwrap()
}

fn answer(message_1: &[u8]) -> (Vec<u8>, SessionKeys) {
    respond_with(
        &identity(1),
        message_1,
        &Secret::new([9; 32]),
        Some(&[10; 32]),
    )
    .unwrap()
}

fn all(keys: &SessionKeys) -> [[u8; 32]; 3] {
    [
        *keys.client_to_server.expose(),
        *keys.server_to_client.expose(),
        *keys.channel_binding.as_bytes(),
    ]
}

/// Sets coefficient `n` of the encapsulation key in message 1: 12 bits each, little end first.
fn with_coefficient(message_1: &[u8], n: usize, value: u16) -> Vec<u8> {
    let mut message = message_1.to_vec();
    let at = 32 + n / 2 * 3;
    let three = &mut message[at..at + 3];
    let [low, high] = value.to_le_bytes();
    if n.is_multiple_of(2) {
        three[0] = low;
        three[1] = three[1] & 0xf0 | high;
    } else {
        three[1] = three[1] & 0x0f | low << 4;
        three[2] = low >> 4 | high << 4;
    }
    message
}

#[test]
fn both_ends_have_the_same_keys_and_the_client_the_servers_key() {
    let server = identity(1);
    let (state, message_1) = ClientHandshake::start().unwrap();
    assert_eq!(message_1.len(), MESSAGE_1_LEN);
    let (message_2, server_keys) = respond(&server, &message_1).unwrap();
    assert_eq!(message_2.len(), MESSAGE_2_LEN);
    let (client_keys, key) = state.finish(&message_2).unwrap();
    assert_eq!(all(&client_keys), all(&server_keys));
    assert_eq!(key, *server.public());
}

#[test]
fn no_two_handshakes_share_a_key() {
    let mut seen = Vec::new();
    for _ in 0..8 {
        let (state, message_1) = ClientHandshake::start().unwrap();
        let (message_2, _) = respond(&identity(1), &message_1).unwrap();
        seen.extend(all(&state.finish(&message_2).unwrap().0));
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((count, seen.len()), (24, 24));
}

#[test]
fn another_server_shows_another_key() {
    let key = |byte| {
        let (state, message_1) = ClientHandshake::start().unwrap();
        let (message_2, _) = respond(&identity(byte), &message_1).unwrap();
        state.finish(&message_2).unwrap().1
    };
    assert_eq!(key(1), key(1));
    assert_eq!(key(1), *identity(1).public());
    assert_ne!(key(1), key(2));
}

#[test]
fn each_of_the_five_inputs_changes_all_three_keys() {
    let run = |private, seed, client_e, randomness, server_e| {
        let (_, message_1) =
            ClientHandshake::start_with(Secret::new([seed; 64]), Some(&[client_e; 32])).unwrap();
        let randomness = Secret::new([randomness; 32]);
        let server = identity(private);
        all(
            &respond_with(&server, &message_1, &randomness, Some(&[server_e; 32]))
                .unwrap()
                .1,
        )
    };
    let first = run(1, 2, 3, 4, 5);
    assert_eq!(first, run(1, 2, 3, 4, 5), "nothing else goes in");
    for other in [
        run(9, 2, 3, 4, 5),
        run(1, 9, 3, 4, 5),
        run(1, 2, 9, 4, 5),
        run(1, 2, 3, 9, 5),
        run(1, 2, 3, 4, 9),
    ] {
        assert!(first.iter().zip(other).all(|(a, b)| *a != b));
    }
}

#[test]
fn every_other_length_of_message_1_is_refused() {
    let (_, message_1) = client();
    for n in 0..MESSAGE_1_LEN {
        let refused = respond(&identity(1), &message_1[..n]).err();
        assert_eq!(refused, Some(HandshakeError::Length), "{n}");
    }
    let longer = [&message_1[..], &[0]].concat();
    let refused = respond(&identity(1), &longer).err();
    assert_eq!(refused, Some(HandshakeError::Length));
    assert!(respond(&identity(1), &message_1).is_ok());
}

#[test]
fn every_other_length_of_message_2_is_refused() {
    let (message_2, _) = answer(&client().1);
    for n in 0..MESSAGE_2_LEN {
        let refused = client().0.finish(&message_2[..n]).err();
        assert_eq!(refused, Some(HandshakeError::Length), "{n}");
    }
    let refused = client().0.finish(&[&message_2[..], &[0]].concat()).err();
    assert_eq!(refused, Some(HandshakeError::Length));
    assert!(client().0.finish(&message_2).is_ok());
}

#[test]
fn every_flipped_byte_of_message_2_is_refused() {
    let (message_2, _) = answer(&client().1);
    for at in 0..MESSAGE_2_LEN {
        for bit in [0x01, 0x80] {
            let mut changed = message_2.clone();
            changed[at] ^= bit;
            let refused = client().0.finish(&changed).err();
            assert_eq!(refused, Some(HandshakeError::Noise), "{at} {bit:#x}");
        }
    }
}

#[test]
fn every_flipped_byte_of_message_1_is_refused_by_one_of_the_two() {
    let (_, message_1) = client();
    let untouched = all(&answer(&message_1).1);
    let (mut by_server, mut by_client) = (0, 0);
    for at in 0..MESSAGE_1_LEN {
        for bit in [0x01, 0x80] {
            let mut changed = message_1.clone();
            changed[at] ^= bit;
            match respond_with(
                &identity(1),
                &changed,
                &Secret::new([9; 32]),
                Some(&[10; 32]),
            ) {
                Err(error) => {
                    assert_eq!(error, HandshakeError::EncapsulationKey, "{at} {bit:#x}");
                    by_server += 1;
                }
                Ok((message_2, keys)) => {
                    let differ = all(&keys).iter().zip(untouched).all(|(a, b)| *a != b);
                    assert!(differ, "{at} {bit:#x}");
                    let refused = client().0.finish(&message_2).err();
                    assert_eq!(refused, Some(HandshakeError::Noise), "{at} {bit:#x}");
                    by_client += 1;
                }
            }
        }
    }
    assert!(by_server > 0 && by_client > 0, "{by_server} {by_client}");
}

#[test]
fn a_coefficient_of_3329_or_more_is_refused_and_3328_is_not() {
    let (_, message_1) = client();
    for n in [0, 1, 2, 255, 256, 511, 512, 766, 767] {
        for value in [Q, Q + 1, 4095] {
            let refused = respond(&identity(1), &with_coefficient(&message_1, n, value)).err();
            assert_eq!(
                refused,
                Some(HandshakeError::EncapsulationKey),
                "{n} {value}"
            );
        }
        for value in [0, Q - 1] {
            assert!(respond(&identity(1), &with_coefficient(&message_1, n, value)).is_ok());
        }
    }
}

#[test]
fn the_answer_to_another_client_is_refused() {
    let (message_2, _) = answer(&client().1);
    let (fresh, _) = ClientHandshake::start().unwrap();
    assert_eq!(fresh.finish(&message_2).err(), Some(HandshakeError::Noise));
    // The same X25519 key and only another ML-KEM key: the transcript covers both.
    let (other, _) = ClientHandshake::start_with(Secret::new([99; 64]), Some(&EPHEMERAL)).unwrap();
    assert_eq!(other.finish(&message_2).err(), Some(HandshakeError::Noise));
}

#[test]
fn another_preface_is_another_transcript() {
    // A peer that took the preface for another version's can't come to the same keys.
    let params: snow::params::NoiseParams = NOISE_PROTOCOL.parse().unwrap();
    let (state, message_1) = client();
    let mut noise = Builder::with_resolver(params, Box::new(Suite::default()))
        .prologue(b"CHATBOX/2\n")
        .unwrap()
        .local_private_key(&[1; 32])
        .unwrap()
        .build_responder()
        .unwrap();
    noise
        .read_message(&message_1, &mut [0; MESSAGE_1_LEN])
        .unwrap();
    let mut message_2 = vec![0; MESSAGE_2_LEN];
    let written = noise
        .write_message(&[0; CIPHERTEXT_LEN], &mut message_2)
        .unwrap();
    assert_eq!(written, MESSAGE_2_LEN);
    assert_eq!(state.finish(&message_2).err(), Some(HandshakeError::Noise));
}

#[test]
fn nothing_secret_is_printed() {
    let (_, keys) = answer(&client().1);
    let shown = format!("{keys:?} {:?}", identity(0x41));
    assert!(shown.contains("<redacted>"));
    assert!(
        !shown.contains("41, 41") && !shown.contains("4141"),
        "{shown}"
    );
    for key in all(&keys) {
        assert!(!shown.contains(&format!("{:?}", &key[..4]).replace(['[', ']'], "")));
    }
}
