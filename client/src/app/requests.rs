//! Requests under way: their numbers, what each was for, and when a page that was refused is asked
//! for again. Pure: `now` is an argument.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chatbox_common::wire::message::RequestId;

use crate::session::UNANSWERED;

/// The wait before a refused page is asked for again, if the server names none.
const PAGE_RETRY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Page,
    Follow,
    WhoAmI,
    Info,
    Sessions,
    LogOut,
    /// A step of a change of one's own account.
    Change,
    /// Something done with a room or its members.
    Room,
    /// Whether all rooms that one is in were told: the answer comes behind them.
    Membership,
    /// The same, for what was to be said in rooms of another history.
    Rooms,
    /// The message before the moment that a script begins with.
    Since,
    /// Letting somebody into a room: `done` is all that the inviter hears of it, so it is shown.
    Invite,
    /// Entering a room to talk there: what is typed next waits for the answer.
    Move,
}

#[derive(Debug, Default)]
pub(super) struct Requests {
    last: RequestId,
    asked: HashMap<RequestId, Asked>,
    /// The room or person of the last [`Asked::Move`].
    moving_to: String,
    /// When to ask again for a page that was refused; one page is under way at a time.
    page_at: Option<Instant>,
    /// Why the server could not read a page, as it was told last.
    trouble: Option<String>,
}

impl Requests {
    /// Wraps around, and passes over [`UNANSWERED`].
    pub(super) const fn upcoming(&self) -> RequestId {
        match self.last.wrapping_add(1) {
            UNANSWERED => UNANSWERED + 1,
            next => next,
        }
    }

    /// For a request whose answer is not awaited here.
    pub(super) const fn number(&mut self) -> RequestId {
        self.last = self.upcoming();
        self.last
    }

    /// For a request whose answer is awaited.
    pub(super) fn begin(&mut self, what: Asked) -> RequestId {
        let request = self.number();
        self.expect(request, what);
        request
    }

    /// Awaits the answer to a request that has its number; again, where it is sent a second time.
    pub(super) fn expect(&mut self, request: RequestId, what: Asked) {
        self.asked.insert(request, what);
    }

    /// Whether `request` is awaited and was for `what`; if so, it is awaited no longer.
    pub(super) fn is_answer(&mut self, request: RequestId, what: Asked) -> bool {
        self.asked.get(&request) == Some(&what) && self.answered(request).is_some()
    }

    /// What the request was for; `None` if its answer was not awaited.
    pub(super) fn answered(&mut self, request: RequestId) -> Option<Asked> {
        self.asked.remove(&request)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// If so, it is not known yet where the next line is to be said.
    pub(super) fn is_moving(&self) -> bool {
        self.is_waiting_for(Asked::Move)
    }

    /// The room, or `@` and the person, that is to be entered.
    pub(super) fn moving_to(&self) -> Option<&str> {
        self.is_moving().then_some(&*self.moving_to)
    }

    pub(super) fn begin_move(&mut self, to: &str) -> RequestId {
        to.clone_into(&mut self.moving_to);
        self.begin(Asked::Move)
    }

    pub(super) fn is_logging_out(&self) -> bool {
        self.is_waiting_for(Asked::LogOut)
    }

    /// Whether all rooms were told is asked.
    pub(super) fn is_finding(&self) -> bool {
        self.is_waiting_for(Asked::Rooms)
    }

    fn is_waiting_for(&self, what: Asked) -> bool {
        self.asked.values().any(|asked| *asked == what)
    }

    /// Without a `retry` of the server, for [`PAGE_RETRY`].
    pub(super) fn delay_page(&mut self, now: Instant, retry: Option<Duration>) {
        self.page_at = Some(now + retry.unwrap_or(PAGE_RETRY));
    }

    /// Whether the person has not been told that yet: it may be the answer to every attempt.
    pub(super) fn is_new_trouble(&mut self, why: &str) -> bool {
        let is_new = self.trouble.as_deref() != Some(why);
        self.trouble = Some(why.to_owned());
        is_new
    }

    pub(super) const fn page_at(&self) -> Option<Instant> {
        self.page_at
    }

    /// True once for each delay.
    pub(super) fn page_is_due(&mut self, now: Instant) -> bool {
        self.page_at.take_if(|at| *at <= now).is_some()
    }

    /// No answer comes any more. Numbers go on, so that none is used twice.
    pub(super) fn disconnected(&mut self) {
        self.asked.clear();
        self.page_at = None;
        self.trouble = None;
    }

    #[cfg(test)]
    pub(super) fn find(&self, what: Asked) -> Option<RequestId> {
        let mut all = self.asked.iter();
        all.find(|(_, asked)| **asked == what)
            .map(|(request, _)| *request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_request_has_the_number_whose_answer_nobody_minds() {
        let mut requests = Requests {
            last: RequestId::MAX,
            ..Requests::default()
        };
        assert_eq!(requests.upcoming(), 1);
        assert_eq!(requests.number(), 1);
        assert_eq!(requests.begin(Asked::Page), 2);
    }

    #[test]
    fn an_answer_counts_once_and_only_for_what_was_asked() {
        let mut requests = Requests::default();
        let request = requests.begin(Asked::Page);
        assert!(!requests.is_answer(request, Asked::Info));
        assert!(requests.is_answer(request, Asked::Page));
        assert!(!requests.is_answer(request, Asked::Page));
        assert!(requests.is_empty());
    }

    #[test]
    fn one_is_moving_until_the_room_answers_and_again_if_it_is_asked_again() {
        let mut requests = Requests::default();
        let request = requests.begin(Asked::Move);
        assert!(requests.is_moving());
        assert_eq!(requests.answered(request), Some(Asked::Move));
        assert!(!requests.is_moving());
        requests.expect(request, Asked::Move);
        assert!(requests.is_moving() && !requests.is_logging_out());
    }

    #[test]
    fn a_lost_connection_answers_nothing_and_no_number_is_used_twice() {
        let mut requests = Requests::default();
        let now = Instant::now();
        let request = requests.begin(Asked::LogOut);
        requests.delay_page(now, None);
        requests.disconnected();
        assert!(requests.is_empty() && !requests.is_logging_out());
        assert_eq!(requests.page_at(), None);
        assert!(requests.number() > request);
    }

    #[test]
    fn a_refused_page_is_asked_for_once_when_the_server_says() {
        let mut requests = Requests::default();
        let now = Instant::now();
        let retry = Duration::from_secs(9);
        requests.delay_page(now, Some(retry));
        assert!(!requests.page_is_due(now));
        assert!(requests.page_is_due(now + retry));
        assert!(!requests.page_is_due(now + retry));
        requests.delay_page(now, None);
        assert_eq!(requests.page_at(), Some(now + PAGE_RETRY));
    }
}
