//! The requests of a session: one function for each kind. Called by the session's own thread.
//!
//! None is carried out without an [`Authenticated`]. Answers go through the session's delivery
//! thread, changes through the journal, pages through the readers.

mod account;
mod factor;
mod password;
mod payment;
mod proof;
mod room_actions;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chatbox_common::crypto::handshake::ChannelBinding;
use chatbox_common::limits::{MAX_SEARCH, MAX_TEXT, PAGE_LIMIT};
use chatbox_common::wire::codec::Read;
use chatbox_common::wire::message::{
    ClientMessage, ErrorCode, ErrorMessage, History, List, Named, People, Plain, RequestId, Search,
    Send, ServerInfo, ServerMessage, You,
};

use crate::delivery::Backpressure;
use crate::event::SessionId;
use crate::journal::{FollowRequest, HasRead, Post, RoomAction, RoomRequest};
use crate::login::Authenticated;
use crate::login_stream::{End, retry_ms};
use crate::prices;
use crate::readers::{PageRequest, Query, TooMany};
use crate::shared::Shared;
pub use account::Changes;

/// When to ask again for a page that was not taken.
const READ_LATER: Duration = Duration::from_secs(1);

pub struct Requests<'a> {
    pub shared: &'a Shared,
    pub session: SessionId,
    pub peer: SocketAddr,
    pub who: &'a mut Authenticated,
    /// Shared with the session's delivery thread.
    pub backpressure: &'a Arc<Backpressure>,
    /// Proofs of changes of the account must be bound to it.
    pub binding: &'a ChannelBinding,
    pub changes: Changes,
}

impl Requests<'_> {
    /// Carries out one request, once it is paid for; an error says how the session is to end.
    /// `received` is how many bytes its record had, if it is the first in it.
    pub fn handle(&mut self, message: Read<ClientMessage>, received: usize) -> Result<(), End> {
        let price = match &message {
            Read::Known(message) => prices::price(message),
            Read::Unknown { .. } => prices::UNKNOWN,
        };
        if !self.is_paid(price, received)? {
            return Ok(());
        }
        let message = match message {
            Read::Known(message) => message,
            Read::Unknown { kind, request } => {
                let sentence = format!("messages of type {kind} are not known here");
                self.error(request, ErrorCode::Unsupported, &sentence, None);
                return Ok(());
            }
        };
        self.changes.forget_old();
        match message {
            ClientMessage::Send(send) => self.send(send),
            ClientMessage::History(history) => self.history(history),
            ClientMessage::Follow(follow) => self.shared.journal.follow(FollowRequest {
                session: self.session,
                in_flight: self.backpressure.begin_request(),
                follow,
            }),
            ClientMessage::List(list) => self.list(&list),
            ClientMessage::Whoami(plain) => self.whoami(&plain),
            ClientMessage::Info(plain) => self.info(&plain),
            ClientMessage::Ping(Plain { request }) => {
                self.reply(&ServerMessage::Pong(Plain { request }));
            }
            // Needs no answer: like any other byte, it shows that the peer is alive.
            ClientMessage::Pong(_) => {}
            ClientMessage::Bye(_) => return Err(End::Quit),
            ClientMessage::Rooms(rooms) => {
                let (request, limit) = (rooms.request, rooms.limit);
                self.page(request, limit, Query::Rooms(rooms));
            }
            ClientMessage::Members(members) => {
                let (request, limit) = (members.request, members.limit);
                self.page(request, limit, Query::Members(members));
            }
            ClientMessage::Read(read) => self.shared.journal.read(HasRead {
                session: self.session,
                in_flight: self.backpressure.begin_request(),
                read,
            }),
            ClientMessage::Whois(named) => self.whois(&named),
            ClientMessage::Search(search) => self.search(search),
            ClientMessage::Sessions(plain) => self.sessions(&plain),
            ClientMessage::LogOut(plain) => return self.log_out(&plain),
            ClientMessage::Password(password) => return self.password(&password),
            ClientMessage::PasswordConfirm(confirm) => return self.password_confirm(confirm),
            ClientMessage::Factor(factor) => return self.factor(&factor),
            ClientMessage::FactorConfirm(confirm) => self.factor_confirm(&confirm),
            ClientMessage::Register(_)
            | ClientMessage::RegisterConfirm(_)
            | ClientMessage::Login(_)
            | ClientMessage::LoginConfirm(_)
            | ClientMessage::Resume(_) => return Err(End::WrongState),
            other => return self.room_request(other),
        }
        Ok(())
    }

    /// Returns how many bytes the message has in clear.
    fn reply(&self, message: &ServerMessage) -> usize {
        self.shared
            .deliveries
            .reply(self.session, self.backpressure, message)
    }

    fn error(
        &self,
        request: Option<RequestId>,
        code: ErrorCode,
        text: &str,
        retry: Option<Duration>,
    ) {
        self.reply(&ServerMessage::Error(ErrorMessage {
            request,
            code,
            text: text.to_owned(),
            retry_ms: retry.map(retry_ms),
        }));
    }

    fn send(&self, send: Send) {
        if let Err((code, sentence)) = check_text(&send.text) {
            return self.error(Some(send.request), code, &sentence, None);
        }
        self.shared.journal.post(Post {
            session: self.session,
            backpressure: Arc::clone(self.backpressure),
            request: send.request,
            room: send.room,
            id: send.id,
            text: send.text,
            kind: send.kind,
        });
    }

    fn room_request(&self, message: ClientMessage) -> Result<(), End> {
        let Some((request, action)) = room_actions::action(message) else {
            return Err(End::WrongState);
        };
        match action {
            Ok(action) => self.journal_room_request(request, action),
            Err((code, sentence)) => self.error(Some(request), code, &sentence, None),
        }
        Ok(())
    }

    fn journal_room_request(&self, request: RequestId, action: RoomAction) {
        self.shared.journal.room_request(RoomRequest {
            session: self.session,
            in_flight: self.backpressure.begin_request(),
            id: request,
            action,
        });
    }

    fn history(&self, history: History) {
        let (request, limit) = (history.request, history.limit);
        let edges = [history.after, history.before, history.before_time];
        if edges.iter().flatten().count() > 1 {
            let sentence = "a page of messages is asked for by `after`, `before` or `before_time`";
            return self.error(Some(request), ErrorCode::InvalidArgument, sentence, None);
        }
        self.page(request, limit, Query::History(history));
    }

    fn search(&self, search: Search) {
        let (request, limit) = (search.request, search.limit);
        if search.words.len() > MAX_SEARCH {
            let sentence = format!("a search has at most {MAX_SEARCH} bytes");
            self.error(Some(request), ErrorCode::TextTooLong, &sentence, None);
        } else {
            self.page(request, limit, Query::Search(search));
        }
    }

    fn page(&self, request: RequestId, limit: u32, query: Query) {
        if !self.is_page_limit(request, limit) {
            return;
        }
        if !self.backpressure.begin_page() {
            let sentence = "the page asked for before is still under way";
            return self.error(Some(request), ErrorCode::PageInFlight, sentence, None);
        }
        let queued = self.shared.readers.page(PageRequest {
            session: self.session,
            account: self.who.person().account,
            backpressure: Arc::clone(self.backpressure),
            query,
        });
        if let Err(TooMany) = queued {
            let sentence = "the server has too much to look up just now";
            self.error(Some(request), ErrorCode::Busy, sentence, Some(READ_LATER));
        }
    }

    fn is_page_limit(&self, request: RequestId, limit: u32) -> bool {
        let good = (1..=PAGE_LIMIT).contains(&limit);
        if !good {
            let sentence = format!("a page has a limit of 1 to {PAGE_LIMIT}");
            self.error(Some(request), ErrorCode::InvalidArgument, &sentence, None);
        }
        good
    }

    fn list(&self, list: &List) {
        if !self.is_page_limit(list.request, list.limit) {
            return;
        }
        let limit = usize::try_from(list.limit).unwrap_or(0);
        let (people, more) = self.shared.connections.people(list.after.as_deref(), limit);
        let bytes = self.reply(&ServerMessage::People(People {
            request: list.request,
            people,
            more,
        }));
        self.backpressure.owe(bytes);
    }

    fn whois(&self, named: &Named) {
        match room_actions::user_name(&named.user) {
            Ok(user) => {
                let query = Query::Whois {
                    request: named.request,
                    online_since: self.shared.connections.online_since(&user),
                    user,
                };
                self.page(named.request, 1, query);
            }
            Err((code, sentence)) => self.error(Some(named.request), code, &sentence, None),
        }
    }

    fn whoami(&self, plain: &Plain) {
        let person = self.who.person();
        let Some(standing) = self.shared.connections.standing(self.session) else {
            return;
        };
        self.reply(&ServerMessage::You(You {
            request: plain.request,
            user: person.user.to_string(),
            account: person.account,
            address: standing.address.to_string(),
            session: self.session,
            since: standing.since,
            sessions: standing.sessions,
        }));
    }

    fn info(&self, plain: &Plain) {
        let (people, connections) = self.shared.connections.counts();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.reply(&ServerMessage::ServerInfo(ServerInfo {
            request: plain.request,
            server: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: self.shared.started.elapsed().as_secs(),
            people: count(people),
            connections: count(connections),
            most_connections: count(self.shared.connections.cap()),
        }));
    }
}

/// Texts are not blank, have at most [`MAX_TEXT`] bytes, and no control characters but line feed
/// and tab.
fn check_text(text: &str) -> Result<(), (ErrorCode, Cow<'static, str>)> {
    if text.len() > MAX_TEXT {
        let sentence = format!("a message has at most {MAX_TEXT} bytes");
        return Err((ErrorCode::TextTooLong, sentence.into()));
    }
    if text.trim().is_empty() {
        return Err((ErrorCode::TextInvalid, "the message is empty".into()));
    }
    if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        let sentence = "a message can't hold control characters other than line feed and tab";
        return Err((ErrorCode::TextInvalid, sentence.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_follow_the_rule() {
        for good in ["a", " a\n\tb ", &"x".repeat(MAX_TEXT), "zoë \u{1f600}"] {
            assert!(check_text(good).is_ok());
        }
        for (bad, code) in [
            ("", ErrorCode::TextInvalid),
            (" \n", ErrorCode::TextInvalid),
            ("a\rb", ErrorCode::TextInvalid),
            ("\u{1b}[2J", ErrorCode::TextInvalid),
            ("\u{9b}2J", ErrorCode::TextInvalid),
            ("\u{7f}", ErrorCode::TextInvalid),
            (&*"x".repeat(MAX_TEXT + 1), ErrorCode::TextTooLong),
        ] {
            assert_eq!(check_text(bad).unwrap_err().0, code, "{bad:?}");
        }
    }
}
