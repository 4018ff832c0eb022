//! The state of the connection to the server: whether there is one, what continues the login, and
//! when that is tried again. Opens no connection and tells the person nothing; `reconnect` does.

use std::time::{Duration, Instant};

use chatbox_common::channel::ChannelError;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::wire::message::{Capabilities, Changed, ClientMessage};

use crate::backoff::Backoff;
use crate::session::{Link, Ticket};
use crate::ui::Way;

/// A server's word keeps nobody away for longer than this. It tells the last of an account's sessions
/// no later moment, unless they are in thousands of rooms each.
const LONGEST_TOLD: Duration = Duration::from_secs(300);

enum LinkState {
    Up(Box<Link>),
    /// Until the next attempt, at that moment.
    Down(Instant),
    Trying,
    /// Only a login helps; the person is asked to press Enter for it. Also the state before the
    /// first link, and between the loss of one and [`Connection::pause`].
    LoggedOut,
}

/// Holds the ticket whenever the login can be continued and no attempt has taken it.
pub(super) struct Connection {
    state: LinkState,
    ticket: Option<Ticket>,
    backoff: Backoff,
    /// Why there is no link, as a script was told last: it is told once, and not with each attempt.
    told: String,
    /// Counts the links: what an older one still delivers is not heard.
    number: u64,
    session: u64,
    /// What the server announced.
    capabilities: Capabilities,
}

impl Connection {
    /// `first_pause` is the wait before the first attempt to connect again.
    pub(super) const fn new(first_pause: Duration) -> Self {
        Self {
            state: LinkState::LoggedOut,
            ticket: None,
            backoff: Backoff::new(first_pause),
            told: String::new(),
            number: 0,
            session: 0,
            capabilities: Capabilities::NONE,
        }
    }

    pub(super) const fn next_number(&self) -> u64 {
        self.number + 1
    }

    pub(super) fn take_up(&mut self, link: Link, ticket: Ticket) {
        self.number = self.next_number();
        self.ticket = Some(ticket);
        self.state = LinkState::Up(Box::new(link));
    }

    /// The server has let this client in: the next pause is a first one.
    pub(super) fn welcomed(&mut self, session: u64, capabilities: Capabilities) {
        self.backoff.reset();
        self.told.clear();
        self.session = session;
        self.capabilities = capabilities;
    }

    /// Whether the server understands this message.
    pub(super) fn is_known(&self, message: &ClientMessage) -> bool {
        message.needs().is_none_or(|one| self.capabilities.has(one))
    }

    pub(super) const fn session(&self) -> u64 {
        self.session
    }

    pub(super) const fn link(&self) -> Option<&Link> {
        match &self.state {
            LinkState::Up(link) => Some(link),
            LinkState::Down(_) | LinkState::Trying | LinkState::LoggedOut => None,
        }
    }

    /// Of the last link, where there is none now.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn is_up(&self) -> bool {
        self.link().is_some()
    }

    pub(super) const fn is_logged_out(&self) -> bool {
        matches!(self.state, LinkState::LoggedOut)
    }

    /// Whether what link `number` delivers counts: the queue may still hold events of one that was
    /// lost.
    pub(super) const fn hears(&self, number: u64) -> bool {
        self.number == number && self.is_up()
    }

    /// Without a link the message is dropped.
    pub(super) fn send(&self, message: ClientMessage) -> Result<(), ChannelError> {
        self.link().map_or(Ok(()), |link| link.send(message))
    }

    pub(super) fn note_new_key(&mut self, epoch: u64) {
        if let LinkState::Up(link) = &mut self.state {
            link.note_new_key(epoch);
        }
    }

    /// Of the key of the server that gave the ticket.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        self.ticket.as_ref().map(|ticket| ticket.fingerprint)
    }

    /// The link is gone; [`Self::pause`] or [`Self::log_out`] follows.
    pub(super) fn lost(&mut self) {
        self.state = LinkState::LoggedOut;
    }

    /// Whether `why` is not what was told last, since the server last let this client in.
    pub(super) fn is_news(&mut self, why: &str) -> bool {
        let is_news = self.told != why;
        why.clone_into(&mut self.told);
        is_news
    }

    /// Pauses since the server last let this client in.
    pub(super) const fn attempts(&self) -> u32 {
        self.backoff.attempts()
    }

    /// Sets and returns the wait before the next attempt. `random` spreads the clients that lost
    /// the server at the same moment. Nobody comes before the moment that a server has `told`: of
    /// the sessions of an account it tells each one of its own (docs/PROTOCOL.md, section 12).
    pub(super) fn pause(&mut self, now: Instant, random: u32, told: Option<Duration>) -> Duration {
        let told = told.unwrap_or_default().min(LONGEST_TOLD);
        let pause = self.backoff.next(random).max(told);
        self.state = LinkState::Down(now + pause);
        pause
    }

    /// The next attempt is due at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        if let LinkState::Down(at) = &mut self.state {
            *at = now.min(*at);
        }
    }

    pub(super) const fn retry_at(&self) -> Option<Instant> {
        match self.state {
            LinkState::Down(at) => Some(at),
            LinkState::Up(_) | LinkState::Trying | LinkState::LoggedOut => None,
        }
    }

    /// Takes the ticket, so that one attempt at a time has it. `None` when the login can't be
    /// continued: there is no ticket, or its time has passed.
    pub(super) fn begin_attempt(&mut self, now: Instant) -> Option<Ticket> {
        let ticket = self.ticket.take_if(|ticket| !ticket.is_over(now))?;
        self.state = LinkState::Trying;
        Some(ticket)
    }

    /// The attempt failed, and its ticket is still good.
    pub(super) fn give_back(&mut self, ticket: Ticket) {
        self.ticket = Some(ticket);
    }

    /// The login is made anew, and no ticket is left.
    pub(super) fn begin_login(&mut self) {
        self.ticket = None;
        self.state = LinkState::Trying;
    }

    /// The login can't be continued, only made anew.
    pub(super) fn log_out(&mut self) {
        self.ticket = None;
        self.state = LinkState::LoggedOut;
    }

    /// The change has revoked the ticket; its answer brought the next one.
    pub(super) fn renew(&mut self, changed: Changed) {
        if let Some(fingerprint) = self.fingerprint() {
            self.ticket = Some(Ticket::renewed(changed, fingerprint));
        }
    }

    pub(super) fn way(&self) -> Way {
        match (&self.state, &self.ticket) {
            (LinkState::Up(link), Some(ticket)) => Way::Up {
                fingerprint: ticket.fingerprint,
                epoch: link.key_ages().0.epoch,
            },
            (LinkState::Down(at), _) => Way::Down(*at),
            (LinkState::Trying, _) => Way::Connecting,
            (LinkState::LoggedOut | LinkState::Up(_), _) => Way::LoggedOut,
        }
    }

    /// Keeps a test from trying to connect.
    #[cfg(test)]
    pub(super) fn keep_trying(&mut self) {
        self.state = LinkState::Trying;
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::auth::resume::ResumeToken;
    use chatbox_common::secret::Secret;

    use super::*;

    const FIRST: Duration = Duration::from_secs(4);

    fn ticket(left: Duration) -> Ticket {
        let (id, token) = ([1; 16], Secret::random());
        let fingerprint = Fingerprint::from_key(&[7; 32]);
        Ticket::from_parts(ResumeToken { id, token }, left, fingerprint)
    }

    #[test]
    fn the_next_attempt_is_due_after_the_pause_and_not_while_one_is_under_way() {
        let mut connection = Connection::new(FIRST);
        connection.give_back(ticket(Duration::from_secs(60)));
        let now = Instant::now();
        let pause = connection.pause(now, 0, None);
        assert_eq!(connection.retry_at(), Some(now + pause));
        assert_eq!(connection.way(), Way::Down(now + pause));
        connection.hurry(now);
        assert_eq!(connection.retry_at(), Some(now));
        assert!(connection.begin_attempt(now + pause).is_some());
        assert_eq!(connection.retry_at(), None);
        assert_eq!(connection.way(), Way::Connecting);
        connection.hurry(now);
        assert_eq!(connection.way(), Way::Connecting);
    }

    #[test]
    fn a_ticket_is_with_one_attempt_at_a_time_and_comes_back_from_it() {
        let mut connection = Connection::new(FIRST);
        connection.give_back(ticket(Duration::from_secs(60)));
        let now = Instant::now();
        let taken = connection.begin_attempt(now).unwrap();
        assert!(connection.begin_attempt(now).is_none());
        connection.give_back(taken);
        assert!(connection.begin_attempt(now).is_some());
    }

    #[test]
    fn a_login_whose_time_has_passed_is_not_continued() {
        let mut connection = Connection::new(FIRST);
        connection.give_back(ticket(Duration::from_secs(1)));
        let later = Instant::now() + Duration::from_secs(2);
        assert!(connection.begin_attempt(later).is_none());
        connection.log_out();
        assert!(connection.is_logged_out());
        assert_eq!(connection.fingerprint(), None);
    }

    #[test]
    fn pauses_are_counted_until_the_server_lets_one_in() {
        let mut connection = Connection::new(FIRST);
        let now = Instant::now();
        let first = connection.pause(now, 0, None);
        assert!(connection.pause(now, 0, None) > first);
        assert_eq!(connection.attempts(), 2);
        connection.welcomed(12, Capabilities::NONE);
        assert_eq!((connection.attempts(), connection.session()), (0, 12));
        assert_eq!(connection.pause(now, 0, None), first);
    }

    #[test]
    fn nobody_comes_back_before_a_server_wants_it_nor_is_kept_away_for_ever() {
        let now = Instant::now();
        let (mut alone, mut connection) = (Connection::new(FIRST), Connection::new(FIRST));
        for told in [0, 7_000, 20_000, 0, u32::MAX] {
            let told = Duration::from_millis(told.into());
            let own = alone.pause(now, 0, None);
            let pause = connection.pause(now, 0, Some(told));
            assert_eq!(pause, own.max(told).min(LONGEST_TOLD));
            assert_eq!(connection.retry_at(), Some(now + pause));
            assert_eq!(connection.attempts(), alone.attempts());
        }
    }

    #[test]
    fn without_a_link_nothing_is_heard_and_what_is_said_is_lost_in_silence() {
        let mut connection = Connection::new(FIRST);
        assert!(!connection.hears(connection.number()));
        assert_eq!(connection.next_number(), 1);
        let request = 0;
        let ping = chatbox_common::wire::message::Plain { request };
        assert!(connection.send(ClientMessage::Ping(ping)).is_ok());
        connection.note_new_key(3);
        connection.lost();
        assert_eq!(connection.way(), Way::LoggedOut);
    }
}
