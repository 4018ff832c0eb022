use super::{Deferred, Work};
use crate::event::SessionId;
use crate::journal::auth;
use crate::journal::job::{AuthRequest, Change, LogIn, Part, Spend, Token};
use crate::journal::outcome::AuthOutcome;
use crate::journal::rooms::Rooms;
use crate::journal::sessions::{SessionState, Sessions};
use crate::store::testing::{account, store};
use crate::store::{AccountId, Commit, Credentials, Store};
use crate::totp_seal::SealingKey;
use chatbox_common::secret::{Secret, SecretString};

const FIRST: SessionId = 1;
const SECOND: SessionId = 2;
/// An account that nothing else is said of.
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
            rooms: Vec::new(),
            is_logged_out: false,
        };
        let mut sessions = Sessions::default();
        for _ in 0..7 {
            sessions.log_out(NOBODY, None);
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
            account: self.alice.0,
            judged_by: self.judged_by,
            spend: Spend::Recovery([code; 32]),
            token: token(code),
        })
    }

    fn change(&self, session: SessionId, part: Part) -> AuthRequest {
        AuthRequest::Change(Change {
            account: self.alice.0,
            session,
            judged_by: self.judged_by,
            part,
        })
    }

    fn log_out(&self) -> AuthRequest {
        AuthRequest::LogOut(self.alice.0)
    }

    /// What becomes of requests that share a transaction, behind seven log-outs.
    fn carry_out(&mut self, requests: &[AuthRequest]) -> Vec<AuthOutcome> {
        let work = Work {
            posts: &[],
            auth_requests: requests,
            deferred: &Deferred::default(),
            rooms: &Rooms::default(),
            sessions: &self.sessions,
            seal: &SealingKey::new(1, Secret::new([1; 32])),
            chat_log_mark: 0,
            now_ms: 1_000,
        };
        work.run(&mut self.store).unwrap().auth_outcomes
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
        accounts.sessions.log_out(accounts.alice.0, Some(FIRST)),
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
            AuthOutcome::Alone(_, Some(FIRST))
        ]
    ));
    assert_eq!(accounts.tokens(), [9]);
}
