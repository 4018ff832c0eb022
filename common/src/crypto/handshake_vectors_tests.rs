use serde_json::Value;

use super::*;
use crate::test_vectors::{Vectors, array, bytes, number, text, unhex};

fn start(case: &Value) -> (ClientHandshake, Vec<u8>) {
    let seed = Secret::new(array(case, "mlkem_seed"));
    ClientHandshake::start_with(seed, Some(&array(case, "client_ephemeral"))).unwrap()
}

fn reply(case: &Value, message_1: &[u8]) -> Result<(Vec<u8>, SessionKeys), HandshakeError> {
    let server = ServerIdentity::from_private(Secret::new(array(case, "server_private")));
    let randomness = Secret::new(array(case, "encapsulation_randomness"));
    let ephemeral = array(case, "server_ephemeral");
    respond_with(&server, message_1, &randomness, Some(&ephemeral))
}

fn changed(mut message: Vec<u8>, change: &Value) -> Vec<u8> {
    if change["cut"].is_u64() {
        message.truncate(number(change, "cut"));
    } else if change["append"].is_string() {
        message.extend(bytes(change, "append"));
    } else {
        let (at, new) = (number(change, "at"), bytes(change, "bytes"));
        message[at..at + new.len()].copy_from_slice(&new);
    }
    message
}

#[test]
fn the_published_handshakes_are_what_the_engine_makes() {
    let mut file = Vectors::load("handshake.json");
    let preface = unhex(text(file.top(), "preface"));
    assert_eq!(preface, PREFACE);
    for case in file.cases("cases") {
        let (state, message_1) = start(&case);
        file.same_bytes(&case, "message_1", &message_1);
        let (message_2, keys) = reply(&case, &message_1).unwrap();
        file.same_bytes(&case, "message_2", &message_2);
        let (client_keys, server) = state.finish(&message_2).unwrap();
        assert_eq!(all(&client_keys), all(&keys));
        file.same_bytes(&case, "server_public", server.as_bytes());
        let [to_server, to_client, binding] = all(&keys);
        file.same_bytes(&case, "client_to_server", &to_server);
        file.same_bytes(&case, "server_to_client", &to_client);
        file.same_bytes(&case, "channel_binding", &binding);
    }
    file.finish();
}

#[test]
fn the_steps_between_are_as_published() {
    let mut file = Vectors::load("handshake.json");
    for case in file.cases("cases") {
        let ephemeral = array(&case, "server_ephemeral");
        let mut noise = builder(Suite::default(), Some(&ephemeral))
            .unwrap()
            .local_private_key(&bytes(&case, "server_private"))
            .unwrap()
            .build_responder()
            .unwrap();
        let mut key = [0; ENCAPSULATION_KEY_LEN];
        noise
            .read_message(&bytes(&case, "message_1"), &mut key)
            .unwrap();
        let randomness = array(&case, "encapsulation_randomness");
        let (ciphertext, shared) = mlkem768::encapsulate(&key.into(), randomness);
        let mut message_2 = [0; MESSAGE_2_LEN];
        noise
            .write_message(ciphertext.as_slice(), &mut message_2)
            .unwrap();
        let (first, second) = noise.dangerously_get_raw_split();
        let hash = noise.get_handshake_hash();
        file.same_bytes(&case, "handshake_hash", hash);
        file.same_bytes(&case, "split_1", &first);
        file.same_bytes(&case, "split_2", &second);
        file.same_bytes(&case, "mlkem_shared_secret", &shared);
        let prk = kdf::extract(hash, &[first, second, shared].concat());
        file.same_bytes(&case, "prk", prk.expose());
    }
    file.finish();
}

#[test]
fn the_published_refusals_are_refused_for_the_published_reason() {
    let mut file = Vectors::load("handshake.json");
    let cases = file.cases("cases");
    for refused in file.cases("refused") {
        let case = &cases[number(&refused, "case")];
        let (state, message_1) = start(case);
        let (by, error) = if number(&refused, "message") == 1 {
            match reply(case, &changed(message_1, &refused["change"])) {
                Err(error) => ("server", Some(error)),
                Ok((message_2, _)) => ("client", state.finish(&message_2).err()),
            }
        } else {
            let (message_2, _) = reply(case, &message_1).unwrap();
            let message_2 = changed(message_2, &refused["change"]);
            ("client", state.finish(&message_2).err())
        };
        file.same(&refused, "refused_by", text(&refused, "refused_by"), by);
        let error = error.map_or("no error".to_owned(), |error| format!("{error:?}"));
        file.same(&refused, "error", text(&refused, "error"), &error);
    }
    file.finish();
}

#[test]
fn alices_public_key_is_that_of_rfc_7748() {
    let mut file = Vectors::load("primitives.json");
    let case = file.top()["x25519"].clone();
    let alice = ServerIdentity::from_private(Secret::new(array(&case, "private")));
    file.same_bytes(&case, "public", alice.public().as_bytes());
    file.finish();
}

#[test]
fn ml_kem_768_is_that_of_nists_acvp() {
    let mut file = Vectors::load("primitives.json");
    let case = file.top()["ml_kem_768"]["key_generation"].clone();
    let pair = mlkem768::generate_key_pair(array(&case, "seed"));
    file.same_bytes(&case, "encapsulation_key", pair.pk());

    let case = file.top()["ml_kem_768"]["encapsulation"].clone();
    let key = array::<ENCAPSULATION_KEY_LEN>(&case, "encapsulation_key").into();
    assert!(mlkem768::validate_public_key(&key));
    let (ciphertext, shared) = mlkem768::encapsulate(&key, array(&case, "randomness"));
    file.same_bytes(&case, "ciphertext", ciphertext.as_slice());
    file.same_bytes(&case, "shared_secret", &shared);
    file.finish();
}

#[test]
fn the_noise_library_makes_cacophonys_nx() {
    let mut file = Vectors::load("primitives.json");
    let case = file.top()["noise_nx"].clone();
    let prologue = bytes(&case, "prologue");
    let private = bytes(&case, "responder_static");
    let ephemerals = [
        bytes(&case, "initiator_ephemeral"),
        bytes(&case, "responder_ephemeral"),
    ];
    let builder = |ephemeral| {
        Builder::with_resolver(NOISE_PROTOCOL.parse().unwrap(), Box::new(Suite::default()))
            .prologue(&prologue)
            .unwrap()
            .fixed_ephemeral_key_for_testing_only(ephemeral)
    };
    let mut initiator = builder(&ephemerals[0]).build_initiator().unwrap();
    let mut responder = builder(&ephemerals[1])
        .local_private_key(&private)
        .unwrap()
        .build_responder()
        .unwrap();
    let messages = case["messages"].as_array().unwrap().clone();
    assert_eq!(messages.len(), 2);
    for (n, message) in messages.iter().enumerate() {
        let (from, to) = match n {
            0 => (&mut initiator, &mut responder),
            _ => (&mut responder, &mut initiator),
        };
        let (mut sent, mut read) = ([0; 256], [0; 256]);
        let length = from
            .write_message(&bytes(message, "payload"), &mut sent)
            .unwrap();
        file.same_bytes(message, "ciphertext", &sent[..length]);
        let length = to.read_message(&sent[..length], &mut read).unwrap();
        file.same_bytes(message, "payload", &read[..length]);
    }
    file.same_bytes(&case, "handshake_hash", initiator.get_handshake_hash());
    file.same_bytes(&case, "handshake_hash", responder.get_handshake_hash());
    file.finish();
}
