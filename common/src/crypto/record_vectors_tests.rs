use super::*;
use crate::test_vectors::{Vectors, array, bytes, number, text, unhex};

fn stage_of(case: &serde_json::Value) -> Stage {
    match text(case, "stage") {
        "Login" => Stage::Login,
        "Session" => Stage::Session,
        other => panic!("{other}"),
    }
}

#[test]
fn the_published_sequences_are_what_a_sealer_makes_and_an_opener_opens() {
    let mut file = Vectors::load("records.json");
    for sequence in file.cases("sequences") {
        let now = Instant::now();
        let epochs = sequence["epochs"].as_array().unwrap();
        let secret = Secret::new(array(&epochs[0], "secret"));
        let records = u64::try_from(number(&sequence, "rotation_records")).unwrap();
        let rotation = Rotation::new(records, u64::MAX, Duration::MAX);
        let mut sealer = Sealer::new(secret.clone(), rotation, now);
        let mut opener = Opener::new(secret, now);
        // A sealer emits a key update together with the record behind it.
        let mut update = Vec::new();
        for record in sequence["records"].as_array().unwrap() {
            if stage_of(record) == Stage::Session {
                sealer.begin_session();
                opener.begin_session();
            }
            let epoch = &epochs[number(record, "epoch")];
            file.same_bytes(epoch, "secret", opener.key.secret.expose());
            let key = kdf::expand(&opener.key.secret, b"chatbox 1 key");
            file.same_bytes(epoch, "key", key.expose());
            let counter = u64::try_from(number(record, "counter")).unwrap();
            assert_eq!(opener.key.counter, counter, "{record}");

            let (content, frame) = (bytes(record, "content"), bytes(record, "frame"));
            let plain = content.len() + 1 + number(record, "padding");
            assert_eq!(frame.len(), 2 + plain + TAG_LEN, "{record}");
            let got = open(&mut opener, &body(&frame)).unwrap();
            if number(record, "type") == 2 {
                assert_eq!(got, None);
                update = frame;
                continue;
            }
            assert_eq!(got.as_ref(), Some(&content));
            let mut made = Vec::new();
            sealer.seal(&content, now, &mut made).unwrap();
            let made = made.strip_prefix(&update[..]).unwrap_or(&made);
            file.same_bytes(record, "frame", made);
            update.clear();
        }
    }
    file.finish();
}

#[test]
fn the_published_records_of_other_senders_are_taken() {
    let mut file = Vectors::load("records.json");
    for case in file.cases("accepted") {
        let mut opener = opener_for(&case);
        let got = match open(&mut opener, &body(&bytes(&case, "frame"))) {
            Ok(Some(content)) => {
                file.same_bytes(&case, "content", &content);
                "Messages".to_owned()
            }
            Ok(None) => "KeyUpdate".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        file.same(&case, "opens", text(&case, "opens"), &got);
    }
    file.finish();
}

#[test]
fn the_published_refusals_are_refused_for_the_published_reason() {
    let mut file = Vectors::load("records.json");
    for case in file.cases("refused") {
        let mut opener = opener_for(&case);
        for before in case["before"].as_array().unwrap() {
            let frame = unhex(before.as_str().unwrap());
            assert!(open(&mut opener, &body(&frame)).is_ok(), "{case}");
        }
        let error = match open(&mut opener, &body(&bytes(&case, "frame"))) {
            Ok(_) => "no error".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        file.same(&case, "error", text(&case, "error"), &error);
    }
    file.finish();
}

fn opener_for(case: &serde_json::Value) -> Opener {
    let mut opener = Opener::new(Secret::new(array(case, "secret")), Instant::now());
    if stage_of(case) == Stage::Session {
        opener.begin_session();
    }
    opener
}

#[test]
fn aes_256_gcm_is_that_of_nists_cavp() {
    let mut file = Vectors::load("primitives.json");
    for case in file.cases("aes_256_gcm") {
        let cipher = Cipher::new(&array::<32>(&case, "key").into());
        let nonce = array::<12>(&case, "nonce");
        let data = bytes(&case, "associated_data");
        let mut text = bytes(&case, "plaintext");
        let tag = cipher
            .encrypt_inout_detached(&nonce.into(), &data, text.as_mut_slice().into())
            .unwrap();
        file.same_bytes(&case, "ciphertext", &text);
        file.same_bytes(&case, "tag", &tag);
        cipher
            .decrypt_inout_detached(&nonce.into(), &data, text.as_mut_slice().into(), &tag)
            .unwrap();
        file.same_bytes(&case, "plaintext", &text);
    }
    file.finish();
}
