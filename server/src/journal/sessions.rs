//! The open sessions by number and by account, and which accounts were logged out.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use chatbox_common::wire::message::{AccountId, Capabilities, RoomId};

use crate::event::{Person, SessionId};
use crate::store::TokenId;

/// Of a login that ends there are a few: more than are ended in any moment.
const MAX_ENDED_TOKENS: usize = 65_536;

pub(super) struct SessionState {
    pub(super) person: Person,
    pub(super) address: SocketAddr,
    /// Nothing is sent that it did not announce.
    pub(super) capabilities: Capabilities,
    /// Those in which it counts as online, hidden ones in memory among them.
    pub(super) rooms: Vec<RoomId>,
    /// By which it can be resumed.
    pub(super) token: TokenId,
    /// It stays in the table until its own thread has heard of the log-out and ends it.
    pub(super) is_logged_out: bool,
}

pub(super) struct Gone {
    pub(super) session: SessionState,
    /// Its account has no other session.
    pub(super) was_last: bool,
}

#[derive(Default)]
pub(super) struct Sessions {
    by_number: HashMap<SessionId, SessionState>,
    by_account: HashMap<AccountId, Vec<SessionId>>,
    /// Log-outs of all accounts in this run of the server.
    log_outs: u64,
    /// Which of these was an account's last. It has at most one entry for each account.
    logged_out: HashMap<AccountId, u64>,
    /// Whose role was changed in this run, each to what the database has: a session that begins
    /// was let in before that, perhaps. It has at most one entry for each account.
    admins: HashMap<AccountId, bool>,
    /// Of logins that were ended while a session of them may have been about to begin, which takes
    /// moments.
    ended_tokens: HashSet<TokenId>,
}

impl Sessions {
    pub(super) fn begin(&mut self, number: SessionId, mut session: SessionState) {
        let account = session.person.account;
        if let Some(&is_admin) = self.admins.get(&account) {
            session.person.is_admin = is_admin;
        }
        self.by_account.entry(account).or_default().push(number);
        self.by_number.insert(number, session);
    }

    pub(super) fn end(&mut self, number: SessionId) -> Option<Gone> {
        let session = self.by_number.remove(&number)?;
        let account = session.person.account;
        let mut was_last = false;
        if let Some(others) = self.by_account.get_mut(&account) {
            others.retain(|&one| one != number);
            was_last = others.is_empty();
        }
        if was_last {
            self.by_account.remove(&account);
        }
        Some(Gone { session, was_last })
    }

    /// Also a session that was logged out and has not ended yet.
    pub(super) fn get(&self, number: SessionId) -> Option<&SessionState> {
        self.by_number.get(&number)
    }

    pub(super) fn user(&self, number: SessionId) -> Option<Arc<str>> {
        self.get(number).map(|one| Arc::clone(&one.person.user))
    }

    /// `None` for a session that was logged out: what its thread passes on before it hears of that
    /// must not be carried out.
    pub(super) fn open(&self, number: SessionId) -> Option<&SessionState> {
        self.get(number).filter(|session| !session.is_logged_out)
    }

    /// In the order in which the sessions began.
    pub(super) fn of(&self, account: AccountId) -> &[SessionId] {
        self.by_account.get(&account).map_or(&[], Vec::as_slice)
    }

    pub(super) fn enter(&mut self, number: SessionId, room: RoomId) {
        if let Some(session) = self.by_number.get_mut(&number) {
            session.rooms.push(room);
        }
    }

    pub(super) fn leave(&mut self, number: SessionId, room: RoomId) {
        if let Some(session) = self.by_number.get_mut(&number) {
            session.rooms.retain(|&one| one != room);
        }
    }

    /// Returns the sessions that are to end: all of the account except for `but`.
    pub(super) fn log_out(&mut self, account: AccountId, but: Option<SessionId>) -> Vec<SessionId> {
        self.log_outs += 1;
        self.logged_out.insert(account, self.log_outs);
        let all = self.of(account).iter().copied();
        let ended: Vec<_> = all.filter(|&one| Some(one) != but).collect();
        for number in &ended {
            if let Some(session) = self.by_number.get_mut(number) {
                session.is_logged_out = true;
            }
        }
        ended
    }

    /// Returns the sessions that are to end: those that have one of these tokens. One that was let in
    /// with one of them, and has not begun, is to be turned away.
    pub(super) fn end_login(&mut self, tokens: &[TokenId]) -> Vec<SessionId> {
        if self.ended_tokens.len() + tokens.len() > MAX_ENDED_TOKENS {
            self.ended_tokens.clear();
        }
        self.ended_tokens.extend(tokens);
        let mut ended = Vec::new();
        for (&number, session) in &mut self.by_number {
            if !session.is_logged_out && tokens.contains(&session.token) {
                session.is_logged_out = true;
                ended.push(number);
            }
        }
        ended
    }

    pub(super) fn is_ended(&self, token: &TokenId) -> bool {
        self.ended_tokens.contains(token)
    }

    pub(super) fn set_token(&mut self, number: SessionId, token: TokenId) {
        if let Some(session) = self.by_number.get_mut(&number) {
            session.token = token;
        }
    }

    /// For the sessions of the account that are open, and for all that begin.
    pub(super) fn set_admin(&mut self, account: AccountId, is_admin: bool) {
        self.admins.insert(account, is_admin);
        for number in self.by_account.get(&account).into_iter().flatten() {
            if let Some(session) = self.by_number.get_mut(number) {
                session.person.is_admin = is_admin;
            }
        }
    }

    /// Those that are open, each with what its client announced.
    pub(super) fn all(&self) -> impl Iterator<Item = (SessionId, Capabilities)> {
        let open = self.by_number.iter();
        let open = open.filter(|(_, session)| !session.is_logged_out);
        open.map(|(number, session)| (*number, session.capabilities))
    }

    pub(super) fn count(&self) -> usize {
        self.by_number.len()
    }

    /// To be compared by [`Sessions::is_logged_out_since`].
    pub(super) const fn log_outs(&self) -> u64 {
        self.log_outs
    }

    /// Whether an account was logged out after the number of log-outs was `log_outs`.
    pub(super) fn is_logged_out_since(&self, account: AccountId, log_outs: u64) -> bool {
        let last = self.logged_out.get(&account);
        last.is_some_and(|&last| last > log_outs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(account: AccountId) -> SessionState {
        SessionState {
            person: Person {
                account,
                user: "alice".into(),
                is_admin: false,
            },
            address: "192.0.2.7:4000".parse().unwrap(),
            capabilities: Capabilities::NONE,
            rooms: vec![RoomId(1)],
            token: [0; 16],
            is_logged_out: false,
        }
    }

    #[test]
    fn a_log_out_ends_all_sessions_but_one_and_concerns_nobody_who_comes_later() {
        let mut sessions = Sessions::default();
        for (number, account) in [(1, 7), (2, 7), (3, 8)] {
            sessions.begin(number, session(AccountId(account)));
        }
        assert_eq!(sessions.log_out(AccountId(7), Some(2)), [1]);
        assert!(sessions.open(1).is_none() && sessions.get(1).is_some());
        assert!(sessions.open(2).is_some() && sessions.open(3).is_some());
        assert!(sessions.is_logged_out_since(AccountId(7), 0));
        assert!(!sessions.is_logged_out_since(AccountId(7), sessions.log_outs()));
        assert!(!sessions.is_logged_out_since(AccountId(8), 0));
    }

    #[test]
    fn a_role_holds_at_once_and_for_a_session_that_was_let_in_before() {
        let mut sessions = Sessions::default();
        sessions.begin(1, session(AccountId(7)));
        sessions.begin(2, session(AccountId(8)));
        let is_admin = |sessions: &Sessions, number| sessions.get(number).unwrap().person.is_admin;
        for role in [true, false] {
            sessions.set_admin(AccountId(7), role);
            let let_in_before = SessionState {
                person: Person {
                    is_admin: !role,
                    ..session(AccountId(7)).person
                },
                ..session(AccountId(7))
            };
            sessions.begin(3, let_in_before);
            assert_eq!([1, 3].map(|number| is_admin(&sessions, number)), [role; 2]);
            assert!(!is_admin(&sessions, 2));
            sessions.end(3);
        }
    }

    #[test]
    fn the_last_session_of_an_account_is_known_as_such() {
        let mut sessions = Sessions::default();
        sessions.begin(1, session(AccountId(7)));
        sessions.begin(2, session(AccountId(7)));
        sessions.enter(1, RoomId(5));
        sessions.leave(1, RoomId(1));
        let first = sessions.end(1).unwrap();
        assert!(!first.was_last);
        assert_eq!(first.session.rooms, [RoomId(5)]);
        assert_eq!(sessions.of(AccountId(7)), [2]);
        assert!(sessions.end(2).unwrap().was_last);
        assert!(sessions.of(AccountId(7)).is_empty() && sessions.end(2).is_none());
    }
}
