//! Messages and commands that were typed and are not answered: kept, paced, sent again. Pure: `now`
//! is an argument.
//!
//! A message keeps its id for as long as it waits, so that the server stores it once, even if it
//! is sent again after a cut. All are sent in the order in which they were typed, and a command
//! about rooms keeps its place between messages: the server counts both alike. A command is carried
//! out once or not at all, so a cut gives up those that wait.
//!
//! The order typed is the order stored, also where the server refuses something for now
//! (`too_fast`, `unavailable`): what is under way behind it would be taken before it. So the next one
//! goes only when the one before is answered. The pace stays below the server's limit, so that
//! piped input is hardly ever refused: what arrives early by a jitter of the network must still find
//! room in the server's bucket, hence half its burst and a little less speed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use chatbox_common::secret::Secret;
use chatbox_common::wire::message::{
    ClientMessage, ErrorCode, Kind, MessageId, RequestId, RoomId, Send,
};

/// The pause after a refusal that names none.
const RETRY: Duration = Duration::from_secs(1);
/// `app` takes no more input while so many wait.
pub const MAX_WAITING: usize = 256;

#[derive(Debug)]
enum Waiting {
    Message {
        id: MessageId,
        room: RoomId,
        text: String,
        kind: Kind,
    },
    /// A command's request; its number was given when it was typed.
    Request(RequestId, Box<ClientMessage>),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Send(ClientMessage),
    /// Nothing before this moment: ask again then.
    At(Instant),
    /// Nothing until something is typed or answered.
    Nothing,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is sent again, without the caller's help.
    ForNow {
        /// For another reason than at its last attempt.
        is_new: bool,
    },
    /// The message was given up; this is its text.
    ForGood(String),
    /// The command was given up.
    Command(Box<ClientMessage>),
    /// Nothing waits under that number.
    Unknown,
}

pub struct Outgoing {
    start: [u8; 8],
    counter: u64,
    waiting: VecDeque<Waiting>,
    /// The first of them is sent, under this number, and not answered.
    under_way: Option<RequestId>,
    interval: Duration,
    burst: u32,
    full_at: Option<Instant>,
    pause: Option<Instant>,
    /// Why the first of them was refused for now, at its last attempt.
    refused: Option<ErrorCode>,
    /// The numbers of rooms are those of another history, until [`Outgoing::readdress`].
    is_held: bool,
}

impl Outgoing {
    /// Begins with random bytes, which no other process's message ids begin with.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: *Secret::<8>::random().expose(),
            counter: 0,
            waiting: VecDeque::new(),
            under_way: None,
            interval: Duration::ZERO,
            burst: 1,
            full_at: None,
            pause: None,
            refused: None,
            is_held: false,
        }
    }

    /// Stays below the server's limit; 0 is no limit.
    pub fn set_limit(&mut self, messages_per_second: u32) {
        self.burst = (messages_per_second / 2).max(1);
        self.interval = match messages_per_second {
            0 => Duration::ZERO,
            limit => Duration::from_millis(1_050) / limit,
        };
    }

    /// How many messages are not acknowledged; commands are not counted.
    #[must_use]
    pub fn messages(&self) -> usize {
        let all = self.waiting.iter();
        all.filter(|waiting| matches!(waiting, Waiting::Message { .. }))
            .count()
    }

    /// Those messages, in the order in which they were typed.
    pub fn texts(&self) -> impl Iterator<Item = (RoomId, &str)> {
        self.waiting.iter().filter_map(|waiting| match waiting {
            Waiting::Message { room, text, .. } => Some((*room, &**text)),
            Waiting::Request(..) => None,
        })
    }

    /// How many messages and commands wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Something was sent, and its answer has not come.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    pub fn push(&mut self, room: RoomId, text: String, kind: Kind) {
        self.counter = self.counter.wrapping_add(1);
        let mut id = [0; 16];
        let bytes = self.start.into_iter().chain(self.counter.to_be_bytes());
        for (to, from) in id.iter_mut().zip(bytes) {
            *to = from;
        }
        self.waiting.push_back(Waiting::Message {
            id,
            room,
            text,
            kind,
        });
    }

    /// Takes a command's request, which has the number `request`.
    pub fn push_request(&mut self, request: RequestId, message: ClientMessage) {
        let waiting = Waiting::Request(request, Box::new(message));
        self.waiting.push_back(waiting);
    }

    /// What to send now; a message gets the number `request`.
    pub fn next(&mut self, request: RequestId, now: Instant) -> Next {
        let waits = self.is_held || self.under_way.is_some();
        let Some(first) = self.waiting.front().filter(|_| !waits) else {
            return Next::Nothing;
        };
        if let Some(pause) = self.pause.filter(|pause| *pause > now) {
            return Next::At(pause);
        }
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let room = self.interval * (self.burst - 1);
        if full_at.saturating_duration_since(now) > room {
            return Next::At(full_at.checked_sub(room).unwrap_or(full_at));
        }
        self.full_at = Some(full_at + self.interval);
        let (request, message) = match first {
            Waiting::Message {
                id,
                room,
                text,
                kind,
            } => {
                let send = Send {
                    request,
                    room: *room,
                    id: *id,
                    text: text.clone(),
                    kind: *kind,
                };
                (request, ClientMessage::Send(send))
            }
            Waiting::Request(request, message) => (*request, (**message).clone()),
        };
        self.under_way = Some(request);
        Next::Send(message)
    }

    /// The server has committed a message; returns its room, if one waited under that number.
    pub fn acknowledged(&mut self, request: RequestId) -> Option<RoomId> {
        match self.take(request)? {
            Waiting::Message { room, .. } => Some(room),
            Waiting::Request(..) => None,
        }
    }

    pub fn answered(&mut self, request: RequestId) {
        self.take(request);
    }

    pub fn refused(
        &mut self,
        request: RequestId,
        code: ErrorCode,
        retry: Option<Duration>,
        now: Instant,
    ) -> Refused {
        let again = matches!(
            code,
            ErrorCode::TooFast | ErrorCode::Unavailable | ErrorCode::Busy
        );
        if !again {
            return match self.take(request) {
                Some(Waiting::Message { text, .. }) => Refused::ForGood(text),
                Some(Waiting::Request(_, message)) => Refused::Command(message),
                None => Refused::Unknown,
            };
        }
        if self
            .under_way
            .take_if(|under_way| *under_way == request)
            .is_none()
        {
            return Refused::Unknown;
        }
        let until = now + retry.unwrap_or(RETRY);
        self.pause = Some(self.pause.map_or(until, |pause| pause.max(until)));
        let is_new = self.refused.replace(code) != Some(code);
        Refused::ForNow { is_new }
    }

    /// The connection is gone: messages that were not acknowledged are sent again on the next one.
    /// Returns how many commands were given up.
    pub fn disconnected(&mut self) -> usize {
        let commands = self.len() - self.messages();
        self.waiting
            .retain(|waiting| matches!(waiting, Waiting::Message { .. }));
        self.under_way = None;
        self.pause = None;
        commands
    }

    /// Sends nothing until [`Outgoing::readdress`].
    pub const fn hold(&mut self) {
        self.is_held = true;
    }

    /// Gives each message the number that `now` has for its room, and gives up those for which there
    /// is none; returns these.
    pub fn readdress(&mut self, now: impl Fn(RoomId) -> Option<RoomId>) -> Vec<(RoomId, String)> {
        self.is_held = false;
        let mut given_up = Vec::new();
        self.waiting.retain_mut(|waiting| {
            let Waiting::Message { room, text, .. } = waiting else {
                return true;
            };
            let Some(found) = now(*room) else {
                given_up.push((*room, std::mem::take(text)));
                return false;
            };
            *room = found;
            true
        });
        given_up
    }

    fn take(&mut self, request: RequestId) -> Option<Waiting> {
        self.under_way.take_if(|under_way| *under_way == request)?;
        self.refused = None;
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::InRoom;

    use super::*;

    fn sent(next: Next) -> Send {
        match next {
            Next::Send(ClientMessage::Send(send)) => send,
            other => panic!("{other:?}"),
        }
    }

    fn with(texts: &[&str]) -> Outgoing {
        let mut outgoing = Outgoing::new();
        for text in texts {
            outgoing.push(RoomId(1), (*text).to_owned(), Kind::Text);
        }
        outgoing
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_with_its_id_and_in_its_order() {
        let now = Instant::now();
        let mut outgoing = with(&["a", "b", "c"]);
        sent(outgoing.next(1, now));
        assert_eq!(outgoing.acknowledged(1), Some(RoomId(1)));
        assert_eq!(outgoing.acknowledged(1), None);
        let lost = sent(outgoing.next(2, now));
        assert_eq!(outgoing.disconnected(), 0);
        assert_eq!(outgoing.acknowledged(2), None, "of the lost connection");
        let again = sent(outgoing.next(3, now));
        assert_eq!((again.id, &*again.text), (lost.id, "b"));
        outgoing.acknowledged(3);
        assert_eq!(sent(outgoing.next(4, now)).text, "c");
        assert_eq!(outgoing.len(), 1);
    }

    fn leave(request: RequestId) -> ClientMessage {
        ClientMessage::Leave(InRoom {
            request,
            room: RoomId(1),
        })
    }

    #[test]
    fn a_command_keeps_its_place_and_is_not_repeated_after_a_cut() {
        let now = Instant::now();
        let mut outgoing = with(&["a"]);
        outgoing.push_request(7, leave(7));
        outgoing.push(RoomId(1), "b".into(), Kind::Text);
        sent(outgoing.next(8, now));
        assert_eq!(outgoing.next(9, now), Next::Nothing);
        outgoing.acknowledged(8);
        assert_eq!(outgoing.next(9, now), Next::Send(leave(7)));
        let wait = Some(Duration::from_millis(300));
        let refused = outgoing.refused(7, ErrorCode::TooFast, wait, now);
        assert_eq!(refused, Refused::ForNow { is_new: true });
        let later = now + Duration::from_millis(300);
        assert_eq!(outgoing.next(10, later), Next::Send(leave(7)));
        assert_eq!((outgoing.messages(), outgoing.len()), (1, 2));
        outgoing.answered(7);
        assert_eq!(sent(outgoing.next(11, later)).text, "b");
        outgoing.push_request(12, leave(12));
        assert_eq!(outgoing.disconnected(), 1);
        assert_eq!((outgoing.messages(), outgoing.len()), (1, 1));
        assert_eq!(sent(outgoing.next(13, later)).text, "b");
        outgoing.acknowledged(13);
        outgoing.push_request(14, leave(14));
        assert_eq!(outgoing.next(15, later), Next::Send(leave(14)));
        let refused = outgoing.refused(14, ErrorCode::NotAllowed, None, later);
        assert_eq!(refused, Refused::Command(Box::new(leave(14))));
    }

    #[test]
    fn nothing_later_is_sent_before_the_server_has_taken_what_it_refused_for_now() {
        let mut now = Instant::now();
        let mut outgoing = with(&["a", "b"]);
        outgoing.push_request(70, leave(70));
        outgoing.push(RoomId(2), "c".into(), Kind::Text);
        let codes = [
            ErrorCode::TooFast,
            ErrorCode::Unavailable,
            ErrorCode::Busy,
            ErrorCode::TooFast,
        ];
        let mut stored = Vec::new();
        let mut request = 100;
        // The server refuses each twice before it takes it.
        for code in codes {
            for attempt in 0..3 {
                let number = match outgoing.next(request, now) {
                    Next::Send(ClientMessage::Send(send)) => {
                        stored.push(send.text);
                        request
                    }
                    Next::Send(message) => {
                        assert_eq!(message, leave(70));
                        stored.push("leave".into());
                        70
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(outgoing.next(request + 1, now), Next::Nothing);
                if attempt == 2 {
                    outgoing.answered(number);
                } else {
                    stored.pop();
                    let refused = outgoing.refused(number, code, None, now);
                    let is_new = attempt == 0;
                    assert_eq!(refused, Refused::ForNow { is_new });
                    assert_eq!(outgoing.next(request + 1, now), Next::At(now + RETRY));
                    now += RETRY;
                }
                request += 1;
            }
        }
        assert_eq!(stored, ["a", "b", "leave", "c"]);
        assert_eq!(outgoing.len(), 0);
    }

    #[test]
    fn ids_are_a_random_beginning_and_a_counter() {
        let now = Instant::now();
        let mut outgoing = with(&["a", "a"]);
        let [a, b] = [1, 2].map(|n| {
            let sent = sent(outgoing.next(n, now));
            outgoing.acknowledged(n);
            sent.id
        });
        assert_eq!(a[..8], b[..8]);
        assert_eq!(
            (&a[8..], &b[8..]),
            (&[0, 0, 0, 0, 0, 0, 0, 1][..], {
                &[0, 0, 0, 0, 0, 0, 0, 2][..]
            })
        );
        assert_ne!(sent(with(&["a"]).next(1, now)).id, a);
    }

    #[test]
    fn the_pace_stays_below_the_limit() {
        for limit in [1, 2, 5, 100] {
            let mut now = Instant::now();
            let began = now;
            let mut outgoing = Outgoing::new();
            outgoing.set_limit(limit);
            let count = 10 * limit;
            for request in 0..count {
                outgoing.push(RoomId(1), "x".into(), Kind::Text);
                if let Next::At(at) = outgoing.next(request, now) {
                    assert!(at > now);
                    now = at;
                    sent(outgoing.next(request, now));
                }
                outgoing.acknowledged(request);
            }
            let least = Duration::from_secs(1) * (count - limit) / limit;
            assert!(now - began >= least, "{limit}: {:?}", now - began);
        }
    }

    #[test]
    fn without_a_limit_only_the_answer_is_waited_for() {
        let now = Instant::now();
        let mut outgoing = with(&["x"; 100]);
        outgoing.set_limit(0);
        for request in 0..100 {
            sent(outgoing.next(request, now));
            assert_eq!(outgoing.next(request + 1, now), Next::Nothing);
            outgoing.acknowledged(request);
        }
    }

    #[test]
    fn a_refusal_for_now_is_tried_again_when_told_and_before_what_follows() {
        let now = Instant::now();
        let wait = Duration::from_millis(300);
        let mut outgoing = with(&["a", "b"]);
        let first = sent(outgoing.next(1, now));
        let refused = outgoing.refused(1, ErrorCode::TooFast, Some(wait), now);
        assert_eq!(refused, Refused::ForNow { is_new: true });
        assert_eq!(outgoing.next(2, now), Next::At(now + wait));
        assert_eq!(sent(outgoing.next(2, now + wait)).id, first.id);
        outgoing.acknowledged(2);
        assert_eq!(sent(outgoing.next(3, now + wait)).text, "b");
    }

    #[test]
    fn a_refusal_for_good_gives_the_text_back() {
        let now = Instant::now();
        let mut outgoing = with(&["a"]);
        sent(outgoing.next(1, now));
        let refused = outgoing.refused(1, ErrorCode::UnknownRoom, None, now);
        assert_eq!(refused, Refused::ForGood("a".into()));
        assert_eq!(outgoing.len(), 0);
        let refused = outgoing.refused(1, ErrorCode::TooFast, None, now);
        assert_eq!(refused, Refused::Unknown);
    }
}
