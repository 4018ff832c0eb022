//! One connection: handshake, login, session, goodbye, each blocking the thread it runs on.
//!
//! The thread reads, and before login it writes; afterwards the delivery thread writes. It reads
//! nothing more from a peer that does not take its replies, and it ends a peer that is silent, or
//! whose frame arrives too slowly, by deadlines that no byte can stretch.

use std::io::Read as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbox_common::channel::{self, ChannelError, Receiver, Sender};
use chatbox_common::crypto::handshake::ChannelBinding;
use chatbox_common::deadline::Deadlined;
use chatbox_common::limits::{FRAME_TIMEOUT, LOGIN_TIMEOUT, PING_AFTER, SILENCE_TIMEOUT};
use chatbox_common::wire::codec;
use chatbox_common::wire::frame::FrameBuffer;
use chatbox_common::wire::message::{Limits, Plain, ServerMessage};
use chatbox_common::wire::session::SessionNumber;

use crate::audit::{Line, events};
use crate::clock::now_ms;
use crate::commands::{Changes, Requests};
use crate::delivery::{Backpressure, Delivery};
use crate::event::SessionId;
use crate::journal::{Begin, Ended};
use crate::login::{Authenticated, Candidacy};
use crate::login_stream::{End, LoginStream};
use crate::open_session::OpenSession;
use crate::shared::Shared;
use crate::strangers::Phase;

/// For a peer to accept its goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);
/// After the goodbye so many bytes, or this long, are read and dropped: closing with unread bytes
/// sends a reset, which would destroy the goodbye.
const DRAIN_BYTES: usize = 64 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Stands in the table of connections, and leaves it when dropped.
pub struct Connection {
    pub shared: Arc<Shared>,
    pub session: SessionId,
    pub socket: Arc<TcpStream>,
    pub peer: SocketAddr,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Also where its thread panics.
        self.shared.journal.connection_ended(self.session);
        self.shared.connections.remove(self.session);
    }
}

impl Connection {
    /// From the handshake to the login; `None` where the connection has ended.
    #[must_use]
    pub fn enter(self) -> Option<Box<Session>> {
        self.shared
            .journal
            .connection_accepted(self.session, self.peer);
        let entered = match self.handshake() {
            Ok(stream) => self.login(stream),
            Err(end) => {
                self.note(&end);
                None
            }
        };
        let Some(entered) = entered else {
            self.drain();
            return None;
        };
        Some(Box::new(Session {
            connection: self,
            entered,
        }))
    }

    fn handshake(&self) -> Result<LoginStream<'_>, End> {
        let policy = self.shared.policy();
        let mut stream = Deadlined::new(&self.socket, policy.handshake);
        let respond = |message_1| {
            // Before it waits for its keys: how long that takes is not the peer's doing.
            let place = self.shared.advance(self.session, Phase::Greeted);
            place.map_err(|_| ChannelError::Busy)?;
            let (threads, peer) = (&self.shared.handshakes, self.peer.ip());
            threads.respond(self.session, peer, message_1)
        };
        let frames = FrameBuffer::with_capacity(policy.buffer_size);
        let accepted = channel::accept(&mut stream, frames, policy.rotation, respond);
        match accepted {
            Ok(channel) => Ok(LoginStream::new(&self.socket, channel, LOGIN_TIMEOUT)),
            Err(error) if error.is_timeout() => Err(self.stopped_or(End::Timeout)),
            Err(error) => {
                let end = self.stopped_or(End::Channel(error));
                if matches!(end, End::MadeRoom | End::Channel(ChannelError::Busy)) {
                    use std::io::Write;
                    let _ = stream.write_all(channel::BUSY_LINE);
                }
                Err(end)
            }
        }
    }

    /// A server that stops, or needs a place, shuts down the reading of sockets, which looks like
    /// the peer's end.
    fn stopped_or(&self, end: End) -> End {
        let connections = &self.shared.connections;
        if !end.is_cut_off() {
            end
        } else if connections.is_stopping() {
            End::Shutdown
        } else if connections.made_room(self.session) {
            End::MadeRoom
        } else {
            end
        }
    }

    /// Lets the peer log in, and begins its session.
    fn login(&self, mut stream: LoginStream<'_>) -> Option<Entered> {
        let candidacy = Candidacy {
            shared: &self.shared,
            session: self.session,
            peer: self.peer,
            socket: &self.socket,
        };
        let who = match candidacy.run(&mut stream) {
            Ok(who) => who,
            Err(end) => {
                let end = self.stopped_or(end);
                stream.say_bye(&end);
                self.note(&end);
                return None;
            }
        };
        let backpressure = Arc::new(Backpressure::default());
        let person = who.person();
        let connections = &self.shared.connections;
        if let Err(full) = connections.log_in(self.session, person, &backpressure) {
            let end = End::from(full);
            self.turned_away(&who, &end);
            stream.say_bye(&end);
            return None;
        }
        match stream.into_session() {
            Ok(opened) => {
                let open = self.begin(&who, &backpressure, opened.greeting, opened.sender);
                Some(Entered {
                    open,
                    who,
                    backpressure,
                    receiver: opened.receiver,
                    binding: opened.binding,
                })
            }
            Err(end) => {
                self.turned_away(&who, &end);
                None
            }
        }
    }

    /// Ends a login that begins no session. Nothing is left of a full one: its token would be good
    /// for hours. That of a resume belongs to a login whose other sessions may be open, and the
    /// client comes back with it.
    fn turned_away(&self, who: &Authenticated, end: &End) {
        if matches!(end, End::TooManySessions) && !who.is_resumed() {
            self.shared.journal.revoke(*who.token());
        }
        self.log_end(who, end, Duration::ZERO);
    }

    /// Counts a peer that did not log in.
    fn note(&self, end: &End) {
        if matches!(end, End::Refused) {
            // credentials.log has a line of its own.
            return;
        }
        // The count of the address has all of them.
        if let End::Store(why) = end
            && self.shared.database_trouble.is_time(Instant::now())
        {
            let line = Line::of(&events::DATABASE_UNAVAILABLE).with("why", why);
            self.shared.audit.log(line.with("addr", self.peer));
        }
        self.shared.note_noise(self.peer.ip(), end.word());
    }

    fn begin(
        &self,
        who: &Authenticated,
        backpressure: &Arc<Backpressure>,
        greeting: Vec<u8>,
        sender: Sender,
    ) -> OpenSession {
        let (connections, session) = (self.shared.connections.clone(), self.session);
        let begin = Begin {
            session,
            person: who.person().clone(),
            address: self.peer,
            socket: Arc::clone(&self.socket),
            greeting,
            sealer: sender.into_sealer(),
            backpressure: Arc::clone(backpressure),
            after: who.after(),
            token: *who.token(),
            capabilities: who.capabilities(),
            limits: Limits::with_pace(self.shared.policy().messages_per_second),
            begun: Box::new(move || connections.begin(session, now_ms())),
        };
        OpenSession::begin(&self.shared.journal, &self.shared.audit, begin)
    }

    #[inline(never)]
    fn session(&self, entered: Entered) {
        let Entered {
            mut open,
            mut who,
            backpressure,
            receiver,
            binding,
        } = entered;
        let shared = &self.shared;
        let mut requests = Requests {
            shared,
            session: self.session,
            peer: self.peer,
            who: &mut who,
            backpressure: &backpressure,
            binding: &binding,
            changes: Changes::default(),
        };
        let end = match self.read_all(receiver, &mut requests) {
            Ok(never) => match never {},
            Err(end) if end.is_cut_off() && backpressure.is_logged_out() => End::LoggedOut,
            Err(end) => self.stopped_or(end),
        };
        if matches!(end, End::Quit | End::Distrusted) {
            shared.journal.revoke(*who.token());
        }
        open.end(Ended {
            session: self.session,
            cut_off: end.is_cut_off(),
            bye: end.bye(),
        });
        if !backpressure.wait_closed(GOODBYE_TIMEOUT) {
            let session = self.session;
            shared.deliveries.send(session, Delivery::Drop(session));
        }
        self.log_end(&who, &end, open.lasted());
    }

    #[inline(never)]
    fn log_end(&self, who: &Authenticated, end: &End, lasted: Duration) {
        let is_usual = matches!(end, End::Quit | End::Shutdown | End::LoggedOut);
        let event = if is_usual || end.is_cut_off() {
            &events::LOGOUT
        } else {
            &events::SESSION_CLOSED
        };
        let mut line = Line::of(event)
            .with("user", &who.person().user)
            .with("account", who.person().account)
            .with("addr", self.peer)
            .with("session", SessionNumber(self.session))
            .with("how", end.word())
            .with("seconds", lasted.as_secs());
        if matches!(end.word(), "protocol") {
            line = line.with("why", end);
        }
        self.shared.audit.log(line);
    }

    /// Returns only when the session ends.
    #[inline(never)]
    fn read_all(
        &self,
        mut receiver: Receiver,
        requests: &mut Requests<'_>,
    ) -> Result<std::convert::Infallible, End> {
        let mut watch = Watch::new(&self.socket);
        loop {
            while let Some(content) = receiver.next_record()? {
                watch.completed();
                let mut arrived = content.len();
                for message in codec::messages(content) {
                    let message = message.map_err(ChannelError::Malformed)?;
                    requests.handle(message, std::mem::take(&mut arrived))?;
                }
            }
            let before = Instant::now();
            watch.before_read(receiver.is_partial(), before)?;
            match receiver.fill(&mut &*self.socket) {
                Ok(()) => watch.heard(),
                Err(error) if error.is_timeout() => {
                    if watch.silent()? {
                        let ping = ServerMessage::Ping(Plain { request: 0 });
                        let deliveries = &self.shared.deliveries;
                        deliveries.reply(self.session, requests.backpressure, &ping);
                    }
                }
                Err(error) => return Err(End::Channel(error)),
            }
        }
    }

    /// Reads what the peer still sends, so that closing does not reset the connection before the
    /// goodbye has arrived.
    #[inline(never)]
    fn drain(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        let mut buffer = [0; 1024];
        let mut left = DRAIN_BYTES;
        while left > 0 {
            let wait = deadline.saturating_duration_since(Instant::now());
            if wait.is_zero() || self.socket.set_read_timeout(Some(wait)).is_err() {
                return;
            }
            match (&*self.socket).read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
    }
}

/// What the login leaves to the session.
struct Entered {
    open: OpenSession,
    who: Authenticated,
    backpressure: Arc<Backpressure>,
    receiver: Receiver,
    /// Later proofs must be bound to it.
    binding: ChannelBinding,
}

pub struct Session {
    connection: Connection,
    entered: Entered,
}

impl Session {
    #[must_use]
    pub const fn number(&self) -> SessionId {
        self.connection.session
    }

    /// Runs to the end of the connection.
    ///
    /// The two calls must not be inlined into one frame: every page of a thread's stack that was
    /// ever touched stays, for each idle member.
    pub fn run(self: Box<Self>) {
        let Self {
            connection,
            entered,
        } = *self;
        connection.session(entered);
        connection.drain();
    }
}

/// The deadlines of a session's reading.
struct Watch<'a> {
    socket: &'a TcpStream,
    heard: Instant,
    /// When the frame that is not complete yet began.
    partial: Option<Instant>,
    /// The time-out that the socket has: it is set only when it changes.
    set: Option<Duration>,
    pinged: bool,
}

impl<'a> Watch<'a> {
    fn new(socket: &'a TcpStream) -> Self {
        Self {
            socket,
            heard: Instant::now(),
            partial: None,
            set: None,
            pinged: false,
        }
    }

    /// Sets the time-out of the next read: [`PING_AFTER`], or what is left for a frame that has
    /// begun.
    fn before_read(&mut self, is_partial: bool, now: Instant) -> Result<(), End> {
        let wait = if is_partial {
            let since = *self.partial.get_or_insert(now);
            let left = FRAME_TIMEOUT.saturating_sub(now.saturating_duration_since(since));
            if left.is_zero() {
                return Err(End::Timeout);
            }
            left
        } else {
            self.partial = None;
            PING_AFTER
        };
        if self.set != Some(wait) {
            let set = self.socket.set_read_timeout(Some(wait));
            set.map_err(|error| End::Channel(error.into()))?;
            self.set = Some(wait);
        }
        Ok(())
    }

    /// What follows a complete frame has a deadline of its own.
    fn completed(&mut self) {
        self.partial = None;
        self.heard();
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = false;
    }

    /// After a read that timed out: whether to send a ping.
    fn silent(&mut self) -> Result<bool, End> {
        let now = Instant::now();
        let silence = now.saturating_duration_since(self.heard);
        let frame_is_late = self
            .partial
            .is_some_and(|since| now.saturating_duration_since(since) >= FRAME_TIMEOUT);
        if silence >= SILENCE_TIMEOUT || frame_is_late {
            return Err(End::Timeout);
        }
        Ok(silence >= PING_AFTER && !std::mem::replace(&mut self.pinged, true))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn every_frame_has_a_deadline_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut watch = Watch::new(&socket);
        let start = Instant::now();
        let almost = Duration::from_secs(29);
        assert!(watch.before_read(true, start).is_ok());
        assert!(watch.before_read(true, start + almost).is_ok());
        // A peer that sends without a pause always has some frame begun.
        watch.completed();
        assert!(watch.before_read(true, start + almost).is_ok());
        assert!(watch.before_read(true, start + almost * 2).is_ok());
        let late = start + almost + FRAME_TIMEOUT;
        assert!(matches!(watch.before_read(true, late), Err(End::Timeout)));
    }
}
