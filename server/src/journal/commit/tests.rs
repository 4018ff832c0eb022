//! The transaction against a database, without the writer's loop.

use std::collections::BTreeSet;
use std::sync::Arc;

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::limits::MAX_CONVERSATIONS;
use chatbox_common::name::UserName;
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::message::{Access, AccountId, Capabilities, Kind, RoomId, RoomRole};

use super::{Admitted, Deferred, Work};
use crate::event::SessionId;
use crate::journal::auth;
use crate::journal::job::{AuthRequest, Change, LogIn, Part, Post, Registration, Spend, Token};
use crate::journal::outcome::{AuthOutcome, Committed, PostOutcome};
use crate::journal::room::RoomState;
use crate::journal::rooms::Rooms;
use crate::journal::sessions::{SessionState, Sessions};
use crate::store::testing::{account, store};
use crate::store::{Commit, Credentials, LOBBY, NewRoom, Store, StoreError, Title};
use crate::totp_seal::SealingKey;

const FIRST: SessionId = 1;
const SECOND: SessionId = 2;
/// An account that no test uses: its log-outs only move the count.
const NOBODY: u64 = 99;

struct Accounts {
    _directory: tempfile::TempDir,
    store: Store,
    alice: AccountId,
    judged_by: Credentials,
    sessions: Sessions,
}

impl Accounts {
    /// Alice has two sessions, and two recovery codes.
    fn new() -> Self {
        let (directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let found = store.transaction(Commit::Usual, |tx| tx.account_by_id(alice));
        let found = found.unwrap().unwrap();
        let session = || SessionState {
            person: auth::person(&found),
            address: "192.0.2.7:4000".parse().unwrap(),
            capabilities: Capabilities::NONE,
            rooms: Vec::new(),
            token: [0; 16],
            is_logged_out: false,
        };
        let mut sessions = Sessions::default();
        for _ in 0..7 {
            sessions.log_out(AccountId(NOBODY), None);
        }
        sessions.begin(FIRST, session());
        sessions.begin(SECOND, session());
        Self {
            _directory: directory,
            store,
            alice,
            judged_by: found.credentials(),
            sessions,
        }
    }

    fn log_in(&self, code: u8) -> AuthRequest {
        AuthRequest::LogIn(LogIn {
            account: self.alice,
            judged_by: self.judged_by,
            spend: Spend::Recovery([code; 32]),
            token: token(code),
        })
    }

    fn change(&self, session: SessionId, part: Part) -> AuthRequest {
        AuthRequest::Change(Change {
            account: self.alice,
            session,
            judged_by: self.judged_by,
            part,
        })
    }

    fn log_out(&self) -> AuthRequest {
        AuthRequest::LogOut(self.alice)
    }

    /// The requests share a transaction, after seven log-outs of another account.
    fn carry_out(&mut self, requests: &[AuthRequest]) -> Vec<AuthOutcome> {
        let done = self.transact(&[], requests, &Deferred::default());
        done.unwrap().auth_outcomes
    }

    fn transact(
        &mut self,
        posts: &[Admitted],
        auth_requests: &[AuthRequest],
        deferred: &Deferred,
    ) -> Result<Committed, StoreError> {
        let mut rooms = Rooms::default();
        rooms.insert(LOBBY, self.lobby());
        let of_posts: BTreeSet<_> = posts.iter().map(|admitted| admitted.post.room).collect();
        for id in of_posts.into_iter().filter(|&id| id != LOBBY) {
            if let Some(room) = self.room(id) {
                rooms.insert(id, room);
            }
        }
        let work = Work {
            posts,
            auth_requests,
            deferred,
            rooms: &rooms,
            sessions: &self.sessions,
            seal: &SealingKey::new(1, Secret::new([1; 32])),
            chat_log_mark: 5,
            now_ms: 1_000,
        };
        work.run(&mut self.store)
    }

    fn lobby(&mut self) -> RoomState {
        self.room(LOBBY).unwrap()
    }

    fn room(&mut self, id: RoomId) -> Option<RoomState> {
        let read = self
            .store
            .transaction(Commit::Usual, |tx| RoomState::load(tx, id, 1_000));
        read.unwrap()
    }

    /// Conversations that Alice has begun, the last of which she has hidden.
    fn begin(&mut self, count: u64, hidden: usize) -> Vec<RoomId> {
        let alice = self.alice;
        let begun = self.store.transaction(Commit::Usual, |tx| {
            let make = |n| {
                let name = |text: &str| UserName::parse(text).unwrap();
                let title = Title::Direct(name("alice"), name(&format!("p{n}")));
                let room = tx.create_room(&NewRoom {
                    title: &title,
                    topic: "",
                    access: Access::Direct,
                    created_by: alice,
                    created_at: 1,
                })?;
                let room = room.unwrap();
                tx.join(room, alice, RoomRole::Member, 1, 1)?;
                Ok(room)
            };
            let begun: Vec<_> = (0..count).map(make).collect::<Result<_, StoreError>>()?;
            for room in &begun[begun.len() - hidden..] {
                tx.hide(*room, alice, true)?;
            }
            Ok(begun)
        });
        begun.unwrap()
    }

    /// A message of Alice's with the client's id `[n; 16]`.
    fn post(&self, room: RoomId, n: u8, text: &str) -> Admitted {
        Admitted {
            post: Post {
                session: FIRST,
                backpressure: Arc::default(),
                request: 1,
                room,
                id: [n; 16],
                text: text.to_owned(),
                kind: Kind::Text,
            },
            person: self.sessions.get(FIRST).unwrap().person.clone(),
        }
    }

    fn tokens(&mut self) -> Vec<u8> {
        let mut is_there = |n: u8| {
            let found = self
                .store
                .transaction(Commit::Usual, |tx| tx.resume_token(&[n; 16], 1_000));
            found.unwrap().is_some()
        };
        (0..10).filter(|&n| is_there(n)).collect()
    }
}

fn token(n: u8) -> Token {
    Token {
        id: [n; 16],
        hash: Secret::new([n; 32]),
    }
}

fn password(code: u8) -> Part {
    Part::Password {
        spend: Spend::Recovery([code; 32]),
        verifier: SecretString::new("SCRAM-SHA-256$600000:c2FsdA==$c:d".to_owned()),
        successor: token(9),
    }
}

fn after(done: &AuthOutcome) -> Option<u64> {
    match done {
        AuthOutcome::Granted(granted) | AuthOutcome::Alone(granted, _) => Some(granted.after),
        AuthOutcome::Refused | AuthOutcome::Reused(_) => None,
    }
}

#[test]
fn who_logs_in_behind_a_log_out_of_the_same_transaction_is_not_meant_by_it() {
    let mut accounts = Accounts::new();
    let requests = [accounts.log_in(1), accounts.log_out(), accounts.log_in(2)];
    let done = accounts.carry_out(&requests);
    assert_eq!(
        done.iter().map(after).collect::<Vec<_>>(),
        [7, 7, 8].map(Some)
    );
    assert_eq!(accounts.tokens(), [2]);
}

#[test]
fn a_change_behind_a_log_out_of_the_same_transaction_is_refused_and_spends_nothing() {
    let mut accounts = Accounts::new();
    let requests = [
        accounts.log_out(),
        accounts.change(FIRST, password(1)),
        accounts.change(SECOND, Part::Code(Spend::Recovery([1; 32]))),
        accounts.log_in(1),
    ];
    let done = accounts.carry_out(&requests);
    assert_eq!(
        done.iter().map(after).collect::<Vec<_>>(),
        [Some(7), None, None, Some(8)]
    );
    assert_eq!(accounts.tokens(), [1]);
}

#[test]
fn a_session_that_was_logged_out_or_is_gone_changes_nothing() {
    let mut accounts = Accounts::new();
    assert_eq!(
        accounts.sessions.log_out(accounts.alice, Some(FIRST)),
        [SECOND]
    );
    let requests = [
        accounts.change(SECOND, password(1)),
        accounts.change(3, password(1)),
        accounts.change(FIRST, password(1)),
    ];
    let done = accounts.carry_out(&requests);
    assert!(matches!(
        done[..],
        [
            AuthOutcome::Refused,
            AuthOutcome::Refused,
            AuthOutcome::Alone(_, Some((FIRST, _)))
        ]
    ));
    assert_eq!(accounts.tokens(), [9]);
}

fn registration(user: &str) -> AuthRequest {
    AuthRequest::Register(Registration {
        user: UserName::parse(user).unwrap(),
        verifier: SecretString::new("SCRAM-SHA-256$600000:c2FsdA==$a:b".to_owned()),
        totp: TotpSecret::new(Secret::new([3; 20])),
        step: 30,
        recovery: vec![[3; 32]],
        token: token(8),
    })
}

#[test]
fn messages_logins_and_what_was_deferred_share_a_transaction() {
    let mut accounts = Accounts::new();
    let log_in = accounts.log_in(1);
    accounts.carry_out(&[log_in]);
    let posts = [
        accounts.post(LOBBY, 1, "first"),
        accounts.post(LOBBY, 2, "second"),
    ];
    let requests = [accounts.log_in(2), registration("bob")];
    let deferred = Deferred {
        wrong_codes: vec![accounts.alice],
        revoked: vec![token(1).id],
    };
    let done = accounts.transact(&posts, &requests, &deferred).unwrap();
    let new = |outcome: &PostOutcome| match *outcome {
        PostOutcome::New { seq, .. } => Some(seq),
        _ => None,
    };
    let numbers: Vec<_> = done.posts.iter().map(new).collect();
    assert_eq!(numbers, [Some(1), Some(2)]);
    assert_eq!(done.heads, [(LOBBY, 2)].into());
    let [AuthOutcome::Granted(alice), AuthOutcome::Granted(bob)] = &done.auth_outcomes[..] else {
        panic!("both are let in");
    };
    assert_eq!(
        alice.wrong_codes, 1,
        "logins are judged by what failed before"
    );
    let lobby = accounts.lobby();
    assert_eq!(lobby.head, 2);
    let joined = lobby.members.get(&bob.person.account).unwrap().joined;
    assert_eq!(joined, 3, "behind the messages of the same transaction");
    assert_eq!(accounts.tokens(), [2, 8]);
    let mark = accounts
        .store
        .transaction(Commit::Usual, |tx| tx.chat_log_mark());
    assert_eq!(mark.unwrap(), 5);
}

#[test]
fn a_message_sent_again_keeps_its_number_and_an_id_means_one_message() {
    let mut accounts = Accounts::new();
    let posts = [
        accounts.post(LOBBY, 1, "first"),
        accounts.post(LOBBY, 1, "first"),
        accounts.post(LOBBY, 1, "another"),
        accounts.post(LOBBY, 2, "second"),
    ];
    let first = PostOutcome::Existing {
        seq: 1,
        time: 1_000,
    };
    let done = accounts.transact(&posts, &[], &Deferred::default());
    let done = done.unwrap().posts;
    assert!(matches!(done[0], PostOutcome::New { seq: 1, .. }));
    assert_eq!(done[1..3], [first, PostOutcome::Conflict]);
    assert!(matches!(done[3], PostOutcome::New { seq: 2, .. }));
    let again = accounts.transact(&posts[..1], &[], &Deferred::default());
    let again = again.unwrap();
    assert_eq!(again.posts, [first]);
    assert!(again.heads.is_empty());
    assert_eq!(accounts.lobby().head, 2);
}

#[test]
fn what_one_says_brings_back_no_more_conversations_than_one_may_have_begun() {
    let mut accounts = Accounts::new();
    let begun = accounts.begin(MAX_CONVERSATIONS + 2, 3);
    let [.., first, second, third] = begun[..] else {
        panic!("{begun:?}");
    };
    let posts = [
        accounts.post(first, 1, "has the last place"),
        accounts.post(second, 2, "has none"),
        accounts.post(first, 3, "is there already"),
        accounts.post(second, 2, "has none"),
    ];
    let done = accounts.transact(&posts, &[], &Deferred::default());
    let done = done.unwrap();
    assert!(matches!(
        done.posts[..],
        [
            PostOutcome::New { seq: 1, .. },
            PostOutcome::NoPlace,
            PostOutcome::New { seq: 2, .. },
            PostOutcome::NoPlace
        ]
    ));
    assert_eq!(done.heads, [(first, 2)].into());
    let is_hidden = |accounts: &mut Accounts, id| {
        let alice = accounts.alice;
        accounts.room(id).unwrap().is_hidden_from(alice)
    };
    assert!(!is_hidden(&mut accounts, first));
    assert!(is_hidden(&mut accounts, second));

    // What was stored before is acknowledged, and brings nothing back.
    let alice = accounts.alice;
    let exchanged = accounts.store.transaction(Commit::Usual, |tx| {
        tx.hide(first, alice, true)?;
        tx.hide(third, alice, false)
    });
    exchanged.unwrap();
    let done = accounts.transact(&posts[..1], &[], &Deferred::default());
    let existing = PostOutcome::Existing {
        seq: 1,
        time: 1_000,
    };
    assert_eq!(done.unwrap().posts, [existing]);
    assert!(is_hidden(&mut accounts, first));
}

#[test]
fn a_transaction_that_fails_leaves_nothing_behind() {
    let mut accounts = Accounts::new();
    let posts = [
        accounts.post(LOBBY, 1, "first"),
        accounts.post(RoomId(LOBBY.0 + 1), 2, "to a room that is not in memory"),
    ];
    let deferred = Deferred {
        wrong_codes: vec![accounts.alice],
        revoked: Vec::new(),
    };
    let failed = accounts.transact(&posts, &[], &deferred);
    assert!(matches!(failed, Err(StoreError::Missing)));
    assert_eq!(accounts.lobby().head, 0);
    let log_in = accounts.log_in(1);
    let done = accounts.transact(&posts[..1], &[log_in], &Deferred::default());
    let done = done.unwrap();
    assert!(matches!(done.posts[..], [PostOutcome::New { seq: 1, .. }]));
    let [AuthOutcome::Granted(alice)] = &done.auth_outcomes[..] else {
        panic!("alice is let in");
    };
    assert_eq!(alice.wrong_codes, 0);
}

#[test]
fn only_what_spends_something_or_counts_a_failure_waits_for_the_disk() {
    let accounts = Accounts::new();
    let (nothing, rooms) = (Deferred::default(), Rooms::default());
    let wrong_code = Deferred {
        wrong_codes: vec![accounts.alice],
        revoked: Vec::new(),
    };
    let (posts, log_in) = ([accounts.post(LOBBY, 1, "first")], [accounts.log_in(1)]);
    let is_synced = |auth_requests, deferred| {
        let work = Work {
            posts: &posts,
            auth_requests,
            deferred,
            rooms: &rooms,
            sessions: &accounts.sessions,
            seal: &SealingKey::new(1, Secret::new([1; 32])),
            chat_log_mark: 0,
            now_ms: 1_000,
        };
        work.is_synced()
    };
    assert!(!is_synced(&[], &nothing));
    assert!(is_synced(&log_in, &nothing));
    assert!(is_synced(&[], &wrong_code));
}
