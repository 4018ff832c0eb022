//! What the protocol's parts cost by themselves: records, messages, proofs, the handshake.
//!
//! One thread, no socket and no file. Compare figures of one machine and one run only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that fails may end the run"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use chatbox_common::auth::scram::{
    ClientFirst, ClientFirstMessage, Iterations, NONCE_LEN, Password, SaltedPassword,
};
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::crypto::handshake::{ClientHandshake, ServerIdentity, respond};
use chatbox_common::crypto::record::{Opened, Opener, Rotation, Sealer};
use chatbox_common::name::UserName;
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::codec::{self, Message, Read};
use chatbox_common::wire::frame::LENGTH_LEN;
use chatbox_common::wire::message::{
    AccountId, Chat, ClientMessage, Kind, RoomId, Send, ServerMessage,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Lengths of record contents, in bytes.
const CONTENTS: [usize; 3] = [100, 1024, 12 * 1024];
const BATCH: u32 = 64;
/// Bytes of a message's text.
const TEXT: usize = 100;
/// Records sealed before as many are opened: 32 of the longest still fit a core's cache.
const SEALED_AHEAD: u64 = 32;
/// How far the clock advances a record: a receiver refuses more than 8 key updates in 10 seconds.
const RECORD_EVERY: Duration = Duration::from_micros(60);

fn records(c: &mut Criterion) {
    let mut group = c.benchmark_group("record");
    for length in CONTENTS {
        let content = vec![b'x'; length];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("seal {length} B"), |b| {
            let now = Instant::now();
            let mut sealer = Sealer::new(Secret::random(), Rotation::default(), now);
            sealer.begin_session();
            let mut out = Vec::new();
            b.iter(|| {
                out.clear();
                sealer.seal(black_box(&content), now, &mut out).unwrap();
                black_box(out.len())
            });
        });
        group.bench_function(format!("open {length} B"), |b| {
            let secret = Secret::random();
            let mut now = Instant::now();
            let mut sealer = Sealer::new(secret.clone(), Rotation::default(), now);
            let mut opener = Opener::new(secret, now);
            sealer.begin_session();
            opener.begin_session();
            b.iter_batched_ref(
                || {
                    now += RECORD_EVERY;
                    let mut out = Vec::new();
                    sealer.seal(&content, now, &mut out).unwrap();
                    (out, now)
                },
                |(frames, now)| open(&mut opener, frames, *now),
                BatchSize::NumIterations(SEALED_AHEAD),
            );
        });
    }
    group.finish();
}

/// Carries out a key update in front of the record. Returns the content's length in bytes.
fn open(opener: &mut Opener, mut frames: &mut [u8], now: Instant) -> usize {
    loop {
        let (length, rest) = frames.split_at_mut(LENGTH_LEN);
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let (record, behind) = rest.split_at_mut(length);
        match opener.open(record, now).unwrap() {
            Opened::Messages(content) => return content.len(),
            Opened::KeyUpdate => frames = behind,
        }
    }
}

fn chat(seq: u64) -> ServerMessage {
    ServerMessage::Chat(Chat {
        room: RoomId(1),
        seq,
        account: AccountId(4_711),
        user: "somebody".to_owned(),
        time: 1_767_225_600_000 + seq,
        text: "x".repeat(TEXT),
        kind: Kind::Text,
    })
}

fn send(request: u32) -> ClientMessage {
    ClientMessage::Send(Send {
        request,
        room: RoomId(1),
        id: [7; 16],
        text: "x".repeat(TEXT),
        kind: Kind::Text,
    })
}

/// Returns the number of messages of known types.
fn decode<M: Message>(content: &[u8]) -> usize {
    codec::messages::<M>(content)
        .map(Result::unwrap)
        .filter(|read| matches!(black_box(read), Read::Known(_)))
        .count()
}

fn messages(c: &mut Criterion) {
    let mut group = c.benchmark_group("message");
    for count in [1, BATCH] {
        let chats: Vec<_> = (1..=count).map(|seq| chat(seq.into())).collect();
        let (mut shown, mut sent, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for (request, chat) in (1..).zip(&chats) {
            codec::put(chat, &mut shown);
            codec::put(&send(request), &mut sent);
        }
        group.throughput(Throughput::Elements(count.into()));
        group.bench_function(format!("encode chat, {count}"), |b| {
            b.iter(|| {
                out.clear();
                for chat in black_box(&chats) {
                    codec::put(chat, &mut out);
                }
                black_box(out.len())
            });
        });
        group.bench_function(format!("decode chat, {count}"), |b| {
            b.iter(|| decode::<ServerMessage>(black_box(&shown)));
        });
        group.bench_function(format!("decode send, {count}"), |b| {
            b.iter(|| decode::<ClientMessage>(black_box(&sent)));
        });
    }
    group.finish();
}

fn proofs(c: &mut Criterion) {
    let user = UserName::parse("somebody").unwrap();
    let password = Password::prepare(&SecretString::new("correct horse".to_owned())).unwrap();
    let salted = SaltedPassword::derive(&password, [1; 16], Iterations::LEAST);
    let (verifier, binding) = (salted.verifier(), [3; 32]);
    let first = ClientFirst::new(&user, [1; NONCE_LEN]);
    let first_message = first.message().to_owned();
    // With fixed nonces the same proof is right for every challenge.
    let challenge = || {
        ClientFirstMessage::parse(black_box(&first_message))
            .unwrap()
            .challenge(verifier.clone(), [2; NONCE_LEN])
    };
    let last = first
        .answer_salted(challenge().message(), &salted, &binding)
        .unwrap();
    let mut group = c.benchmark_group("proof");
    group.bench_function("SCRAM, the server's challenge", |b| b.iter(challenge));
    group.bench_function("SCRAM, the server's check", |b| {
        b.iter_batched(
            challenge,
            |challenge| {
                let proof = challenge
                    .check(black_box(last.message()), &binding)
                    .unwrap();
                proof.into_server_final(1.into()).unwrap()
            },
            BatchSize::SmallInput,
        );
    });

    let totp = TotpSecret::new(Secret::random());
    let step = 58_907_520;
    let code = totp.code_at(step);
    group.bench_function("TOTP, a code", |b| {
        b.iter(|| totp.code_at(black_box(step)));
    });
    group.bench_function("TOTP, the check of a code", |b| {
        b.iter(|| totp.matching_step(black_box(&code), step));
    });
    group.finish();
}

fn handshake(c: &mut Criterion) {
    let identity = ServerIdentity::from_private(Secret::random());
    let (_, message_1) = ClientHandshake::start().unwrap();
    let mut group = c.benchmark_group("handshake");
    group.bench_function("the server's side", |b| {
        b.iter(|| respond(&identity, black_box(&message_1)).unwrap());
    });
    group.bench_function("the client's side", |b| {
        b.iter_custom(|count| {
            let mut taken = Duration::ZERO;
            for _ in 0..count {
                let begin = Instant::now();
                let (client, message_1) = ClientHandshake::start().unwrap();
                taken += begin.elapsed();
                let (message_2, _) = respond(&identity, &message_1).unwrap();
                let begin = Instant::now();
                black_box(client.finish(&message_2).unwrap());
                taken += begin.elapsed();
            }
            taken
        });
    });
    group.finish();
}

criterion_group! {
    name = protocol;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = records, messages, proofs, handshake
}
criterion_main!(protocol);
