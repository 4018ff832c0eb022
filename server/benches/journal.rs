//! What the journal's transactions cost: messages by ones and in batches, and a login.
//!
//! The real store on a temporary directory (`TMPDIR` chooses the disk), `durability = "normal"`.
//! The statements are those of `journal::commit` and `journal::auth`, in their order; chat.log,
//! sql.log and the queue before the journal are left out. Checkpoints run between the measured
//! transactions, since the server leaves them to another thread.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that fails may end the run"
)]

use std::time::{Duration, Instant};

use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use chatbox_common::wire::message::{AccountId, Kind, RoomRole};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

use chatbox_server::store::{
    Checkpoint, Checkpointer, Commit, Durability, LOBBY, NewAccount, NewMessage, NewToken, SqlLog,
    Store, StoreError,
};

/// Messages in a transaction; the journal takes no more than the last.
const BATCHES: [u64; 3] = [1, 64, 512];
/// Bytes of a message's text.
const TEXT: [u8; 100] = [b'x'; 100];
/// How many accounts talk in turn: the index of message ids grows in as many places.
const SENDERS: [u64; 2] = [10, ACCOUNTS];
/// Registered accounts; they log in in turn.
const ACCOUNTS: u64 = 1_000;
/// Statements between checkpoints: they keep SQLite's write-ahead log small.
const CHECKPOINT_EVERY: u64 = 4_096;
/// A token's 12 hours, in milliseconds.
const TOKEN_MS: i64 = 43_200_000;

struct Journal {
    store: Store,
    checkpointer: Checkpointer,
    /// Messages so far, which is the lobby's last number.
    messages: u64,
    logins: u64,
    since_checkpoint: u64,
    _directory: TempDir,
}

impl Journal {
    fn new() -> Self {
        let quiet = || SqlLog::new(|_| ());
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path(), Durability::Normal, quiet()).unwrap();
        let recovery: Vec<_> = (0..10).map(|n| [n; 32]).collect();
        let accounts = store.transaction(Commit::Usual, |tx| {
            for n in 0..ACCOUNTS {
                let verifier = format!("SCRAM-SHA-256$600000:{}", "x".repeat(114));
                let account = tx.create_account(&NewAccount {
                    user: &UserName::parse(&format!("member-{n}")).unwrap(),
                    verifier: &verifier,
                    recovery: &recovery,
                    created_at: 1,
                })?;
                tx.join(LOBBY, account, RoomRole::Member, 1, 1)?;
            }
            Ok(())
        });
        accounts.unwrap();
        let checkpointer = Checkpointer::open(directory.path(), quiet()).unwrap();
        Self {
            store,
            checkpointer,
            messages: 0,
            logins: 0,
            since_checkpoint: 0,
            _directory: directory,
        }
    }

    fn say(&mut self, count: u64, senders: u64) -> Duration {
        let (first, last) = (self.messages + 1, self.messages + count);
        let begin = Instant::now();
        let committed = self.store.transaction(Commit::Usual, |tx| {
            for seq in first..=last {
                let sender = seq % senders;
                let mut client_id = [sender.to_le_bytes()[0]; 16];
                client_id[8..].copy_from_slice(&seq.to_be_bytes());
                tx.insert_message(
                    seq,
                    &NewMessage {
                        room: LOBBY,
                        sender: account(sender),
                        client_id,
                        kind: Kind::Text,
                        body: &TEXT,
                        time: 1_767_225_600_000,
                    },
                )?;
            }
            tx.store_next_seq(LOBBY, last + 1)?;
            tx.set_chat_log_mark(first - 1)
        });
        let elapsed = begin.elapsed();
        committed.unwrap();
        self.messages = last;
        self.checkpoint(count);
        elapsed
    }

    fn log_in(&mut self) -> Duration {
        self.logins += 1;
        let (id, step) = (account(self.logins % ACCOUNTS), self.logins);
        let (token_id, hash) = (Secret::<16>::random(), Secret::random());
        let token = NewToken {
            id: *token_id.expose(),
            hash: &hash,
        };
        let begin = Instant::now();
        let committed = self.store.transaction(Commit::Synced, |tx| {
            tx.account_by_id(id)?.ok_or(StoreError::Missing)?;
            assert!(tx.spend_step(id, step, 1)?);
            tx.issue_resume(id, &token, TOKEN_MS)
        });
        let elapsed = begin.elapsed();
        committed.unwrap();
        self.checkpoint(5);
        elapsed
    }

    /// Checkpoints now and then; the write behind it restarts the log outside of what is measured.
    fn checkpoint(&mut self, statements: u64) {
        self.since_checkpoint += statements;
        if self.since_checkpoint >= CHECKPOINT_EVERY {
            self.since_checkpoint = 0;
            self.checkpointer.checkpoint(Checkpoint::Passive).unwrap();
            let messages = self.messages;
            let written = self
                .store
                .transaction(Commit::Usual, |tx| tx.store_next_seq(LOBBY, messages + 1));
            written.unwrap();
        }
    }
}

/// Accounts are numbered from 1.
const fn account(index: u64) -> AccountId {
    AccountId(index + 1)
}

fn commits(c: &mut Criterion) {
    let mut group = c.benchmark_group("commit");
    for senders in SENDERS {
        for count in BATCHES {
            let mut journal = Journal::new();
            group.throughput(Throughput::Elements(count));
            group.bench_function(format!("{count} messages of {senders} people"), |b| {
                b.iter_custom(|times| (0..times).map(|_| journal.say(count, senders)).sum());
            });
        }
    }
    let mut journal = Journal::new();
    group.throughput(Throughput::Elements(1));
    group.bench_function("a login, synced", |b| {
        b.iter_custom(|times| (0..times).map(|_| journal.log_in()).sum());
    });
    group.finish();
}

criterion_group! {
    name = journal;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = commits
}
criterion_main!(journal);
