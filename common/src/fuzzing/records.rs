use std::collections::VecDeque;
use std::time::{Duration, Instant};

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use super::Choices;
use crate::crypto::record::{
    MAX_CONTENT, MAX_RECORD, MAX_UPDATES, OpenError, Opened, Opener, Rotation, SealError, Sealer,
    Stage, TAG_LEN, UPDATE_WINDOW,
};
use crate::secret::Secret;
use crate::wire::frame::LENGTH_LEN;

const SECRET: [u8; 32] = [0x5e; 32];

/// A direction, as the network and as the peer may treat it.
pub fn records(data: &[u8]) {
    let mut choices = Choices::new(data);
    if choices.flag() {
        from_the_peer(choices);
    } else {
        on_the_network(choices);
    }
}

/// What is sealed comes out as it was, in padded sizes. What is changed, cut, sent again or made up
/// on the way does not, and leaves the opener as it was.
fn on_the_network(mut choices: Choices<'_>) {
    let mut now = Instant::now();
    let rotation = Rotation::new(
        choices.byte().into(),
        u64::from(choices.short()),
        Duration::from_secs(600),
    );
    let mut sealer = Sealer::new(Secret::new(SECRET), rotation, now);
    let mut opener = Opener::new(Secret::new(SECRET), now);
    let mut before = Vec::new();
    while !choices.is_done() {
        match choices.byte() % 8 {
            0 => {
                sealer.begin_session();
                opener.begin_session();
            }
            1 => now += Duration::from_secs(choices.short().into()),
            2 => assert_refused(&mut opener, choices.text().as_bytes(), now),
            _ => {
                let content = vec![choices.byte(); choices.short().into()];
                let mut out = Vec::new();
                if let Err(error) = sealer.seal(&content, now, &mut out) {
                    let most = opener.stage().max_record() - TAG_LEN - 1;
                    assert_eq!(error, SealError::Size(content.len()));
                    assert!(content.is_empty() || content.len() > most);
                    assert!(out.is_empty());
                    continue;
                }
                let mut frames = frames(&out);
                let message = frames.pop().unwrap();
                for update in frames {
                    match opener.open(&mut update.clone(), now) {
                        Ok(got) => assert_eq!(got, Opened::KeyUpdate),
                        Err(error) => return assert_eq!(error, OpenError::TooManyUpdates),
                    }
                }
                assert_padded(&message, content.len(), opener.stage());
                assert_refused(&mut opener, &changed(&message, &mut choices), now);
                assert_refused(&mut opener, &before, now);
                let mut received = message.clone();
                let got = opener.open(&mut received, now).unwrap();
                assert_eq!(got, Opened::Messages(&mut content.clone()));
                before = message;
            }
        }
    }
}

/// A peer that holds the key and lays out what it seals as it likes.
fn from_the_peer(mut choices: Choices<'_>) {
    let mut now = Instant::now();
    let mut opener = Opener::new(Secret::new(SECRET), now);
    let mut secret = SECRET;
    let mut counter = 0_u64;
    let mut updates: VecDeque<Instant> = VecDeque::new();
    while !choices.is_done() {
        now += Duration::from_secs(choices.byte().into());
        if choices.flag() {
            opener.begin_session();
        }
        let length = choices.byte();
        let mut plain = choices.bytes(length.into()).to_vec();
        plain.resize(plain.len() + usize::from(choices.byte()), 0);
        let mut record = forged(&secret, counter, &plain);
        let stage = opener.stage();
        let got = opener.open(&mut record, now);
        if plain.is_empty() {
            assert_eq!(got, Err(OpenError::Length));
            continue;
        }
        counter += 1;
        let kind = plain.iter().rposition(|byte| *byte != 0);
        let Some(kind) = kind else {
            assert_eq!(got, Err(OpenError::NoType));
            continue;
        };
        let (content, kind) = (&mut plain[..kind].to_vec(), plain[kind]);
        while updates.len() >= MAX_UPDATES && now - updates[0] >= UPDATE_WINDOW {
            updates.pop_front();
        }
        let expected = match kind {
            1 if content.is_empty() => Err(OpenError::Empty),
            1 => Ok(Opened::Messages(content)),
            2 if stage == Stage::Login || !content.is_empty() => Err(OpenError::KeyUpdate),
            // The session is over.
            2 if updates.len() >= MAX_UPDATES => {
                return assert_eq!(got, Err(OpenError::TooManyUpdates));
            }
            2 => {
                updates.push_back(now);
                secret = expanded(&secret, b"chatbox 1 key update");
                counter = 0;
                Ok(Opened::KeyUpdate)
            }
            _ => Err(OpenError::UnknownType),
        };
        assert_eq!(got, expected);
    }
}

fn assert_refused(opener: &mut Opener, record: &[u8], now: Instant) {
    let mut record = record.to_vec();
    let got = opener.open(&mut record, now);
    let refused = [OpenError::Length, OpenError::Authentication];
    assert!(got.is_err_and(|error| refused.contains(&error)));
}

fn assert_padded(record: &[u8], content: usize, stage: Stage) {
    let padding = match stage {
        Stage::Login => 512,
        Stage::Session => 64,
    };
    let plain = record.len() - TAG_LEN;
    assert!(plain > content && plain <= content + padding);
    assert!(plain.is_multiple_of(padding) || record.len() == stage.max_record());
    assert!(content <= MAX_CONTENT && record.len() <= MAX_RECORD);
}

/// Another record than this one.
fn changed(record: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut other = record.to_vec();
    let at = usize::from(choices.short()) % record.len();
    match choices.byte() {
        0 => other.truncate(at),
        1 => other.push(0),
        bits => other[at] ^= bits,
    }
    other
}

fn frames(mut out: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = out.split_first_chunk::<LENGTH_LEN>() {
        let (frame, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        frames.push(frame.to_vec());
        out = rest;
    }
    frames
}

/// Sealed as docs/PROTOCOL.md, section 6, says, without the engine.
fn forged(secret: &[u8; 32], counter: u64, plain: &[u8]) -> Vec<u8> {
    let key = expanded(secret, b"chatbox 1 key");
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    let length = u16::try_from(plain.len() + TAG_LEN).unwrap().to_be_bytes();
    let mut record = plain.to_vec();
    let tag = Aes256Gcm::new(&key.into())
        .encrypt_inout_detached(&nonce.into(), &length, record.as_mut_slice().into())
        .unwrap();
    record.extend_from_slice(&tag);
    record
}

fn expanded(secret: &[u8; 32], info: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let hkdf = Hkdf::<Sha256>::from_prk(secret).unwrap();
    hkdf.expand(info, &mut key).unwrap();
    key
}
