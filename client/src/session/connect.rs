//! From an address to an encrypted channel, and the requests on it before login.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbox_common::channel::{self, Channel};
use chatbox_common::deadline::Deadlined;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::limits::LOGIN_TIMEOUT;
use chatbox_common::wire::codec::{self, Read as Message};
use chatbox_common::wire::message::{
    Bye, ByeReason, ClientMessage, ErrorMessage, RequestId, ServerMessage,
};

use super::SessionError;
use super::bounds::bound;
use super::dial::dial;
use crate::address::ServerAddress;
use crate::words::login as words;

/// A little less than a server gives: this client reports the time-out, rather than a closed
/// connection.
const LOGIN: Duration = LOGIN_TIMEOUT.saturating_sub(Duration::from_secs(2));
/// For a goodbye whose answer is not waited for.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// A finished handshake: the server has proved to own a key, which nobody has decided to trust yet.
pub struct Greeted {
    pub(super) socket: Arc<TcpStream>,
    pub(super) channel: Channel,
    pub(super) deadline: Instant,
    pending: VecDeque<ServerMessage>,
    requests: RequestId,
    fingerprint: Fingerprint,
    is_believed: bool,
}

/// Connects within `timeout`, the name's resolution and the handshake included. Every address of the
/// host is tried, the next one beside one that does not answer.
pub fn connect(server: &ServerAddress, timeout: Duration) -> Result<Greeted, SessionError> {
    let deadline = Instant::now() + timeout;
    let socket = dial(server, deadline)?;
    let failed = |source| SessionError::Handshake {
        server: server.clone(),
        source,
    };
    let io_failed = |error: io::Error| failed(error.into());
    socket.set_nodelay(true).map_err(io_failed)?;
    let mut stream = Deadlined::until(&socket, deadline);
    let (channel, key) = channel::connect(&mut stream).map_err(|error| {
        if error.is_timeout() {
            SessionError::Timeout
        } else {
            failed(error)
        }
    })?;
    Ok(Greeted {
        socket: Arc::new(socket),
        channel,
        deadline: Instant::now() + LOGIN,
        pending: VecDeque::new(),
        requests: 0,
        fingerprint: Fingerprint::from_key(key.as_bytes()),
        is_believed: false,
    })
}

impl Greeted {
    /// Of the key that the server proved to have.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The key is pinned, or the person had it from the operator. Until this is called nothing that
    /// the server says before it has proved itself is told: it may be an impostor, who would like
    /// to choose the words that a person reads at this moment.
    pub const fn believe(&mut self) {
        self.is_believed = true;
    }

    #[must_use]
    pub const fn is_believed(&self) -> bool {
        self.is_believed
    }

    /// Says goodbye instead of logging in.
    pub fn leave(mut self) {
        self.deadline = Instant::now() + GOODBYE_TIMEOUT;
        let bye = Bye {
            reason: ByeReason::Quit,
            text: String::new(),
        };
        // A server that does not take the goodbye loses nothing.
        let _ = self.say(&ClientMessage::Bye(bye));
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    pub(super) const fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        self.requests
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask(&mut self, request: &ClientMessage) -> Result<ServerMessage, SessionError> {
        self.say(request)?;
        match self.hear()? {
            ServerMessage::Error(ErrorMessage {
                code,
                text,
                retry_ms,
                ..
            }) => Err(SessionError::Refused {
                code,
                sentence: self.told(text, words::unproven_refusal(code)),
                retry: retry_ms.map(|ms| Duration::from_millis(ms.into())),
            }),
            ServerMessage::Bye(Bye { reason, text }) => Err(SessionError::Goodbye {
                reason,
                sentence: self.told(text, words::unproven_goodbye(reason)),
            }),
            answer => Ok(answer),
        }
    }

    fn told(&self, theirs: String, ours: &str) -> String {
        if self.is_believed {
            return theirs;
        }
        ours.to_owned()
    }

    /// The record of the last answer has more messages, which that of a login must not have.
    pub(super) fn has_heard_more(&self) -> bool {
        !self.pending.is_empty()
    }

    fn say(&mut self, message: &ClientMessage) -> Result<(), SessionError> {
        let mut stream = Deadlined::until(&self.socket, self.deadline);
        Ok(self.channel.sender.send(&mut stream, message)?)
    }

    fn hear(&mut self) -> Result<ServerMessage, SessionError> {
        let mut stream = Deadlined::until(&self.socket, self.deadline);
        let receiver = &mut self.channel.receiver;
        loop {
            if let Some(message) = self.pending.pop_front() {
                return Ok(message);
            }
            if let Some(content) = receiver.next_record()? {
                for message in codec::messages(content) {
                    // Messages of an unknown type are ignored (docs/PROTOCOL.md, 17).
                    if let Message::Known(mut message) =
                        message.map_err(|_| SessionError::Protocol)?
                    {
                        bound(&mut message);
                        self.pending.push_back(message);
                    }
                }
            } else {
                receiver.fill(&mut stream)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    use chatbox_common::channel::{BUSY_LINE, ChannelError};
    use chatbox_common::name::UserName;
    use chatbox_common::testkit::scripted_server::ScriptedServer;
    use chatbox_common::wire::message::ErrorCode;

    use super::*;

    fn listener() -> (TcpListener, ServerAddress) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        (listener, ServerAddress::parse(&address).unwrap())
    }

    /// The error of a connection to a peer that says only `line`.
    fn connected_to(line: &'static [u8]) -> ChannelError {
        let (listener, server) = listener();
        let peer = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            socket.write_all(line).unwrap();
            // Closing with unread bytes would reset the connection before `line` has arrived.
            let _ = socket.shutdown(Shutdown::Write);
            let _ = io::copy(&mut socket, &mut io::sink());
        });
        let error = connect(&server, Duration::from_secs(10)).err();
        peer.join().unwrap();
        match error {
            Some(SessionError::Handshake { source, .. }) => source,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        let (_listener, server) = listener();
        let error = connect(&server, Duration::from_secs(1)).err();
        assert!(matches!(error, Some(SessionError::Timeout)), "{error:?}");
    }

    #[test]
    fn a_refusal_line_is_told_from_a_handshake() {
        assert!(matches!(connected_to(BUSY_LINE), ChannelError::Busy));
        assert!(matches!(
            connected_to(b"CHATBOX/2\n"),
            ChannelError::Version(2)
        ));
        assert!(matches!(
            connected_to(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            ChannelError::NotChatBox
        ));
        assert!(matches!(connected_to(b""), ChannelError::Closed));
    }

    #[test]
    fn what_is_heard_before_a_login_has_its_bounds_too() {
        let server = ScriptedServer::bind();
        let address = ServerAddress::parse(&server.address()).unwrap();
        let peer = thread::spawn(move || {
            let mut client = server.accept();
            assert!(matches!(client.hear(), Some(ClientMessage::Login(_))));
            client.refuse(1, ErrorCode::Busy, &"no\n".repeat(1_000));
        });
        let mut greeted = connect(&address, Duration::from_secs(10)).unwrap();
        greeted.believe();
        let error = greeted.log_in(&UserName::parse("alice").unwrap()).err();
        peer.join().unwrap();
        let Some(SessionError::Refused { sentence, .. }) = error else {
            panic!("{error:?}");
        };
        assert!(sentence.len() <= 1_024 && !sentence.contains('\n'));
    }

    #[test]
    fn a_server_that_is_busy_says_when_it_wants_to_be_asked_again() {
        let server = ScriptedServer::bind();
        let address = ServerAddress::parse(&server.address()).unwrap();
        let peer = thread::spawn(move || {
            let mut client = server.accept();
            assert!(matches!(client.hear(), Some(ClientMessage::Login(_))));
            client.say(&ServerMessage::Error(ErrorMessage {
                request: Some(1),
                code: ErrorCode::Busy,
                text: "come back".to_owned(),
                retry_ms: Some(7_000),
            }));
        });
        let greeted = connect(&address, Duration::from_secs(10)).unwrap();
        let error = greeted.log_in(&UserName::parse("alice").unwrap()).err();
        peer.join().unwrap();
        assert_eq!(error.unwrap().retry(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn an_address_that_nobody_listens_on_is_told() {
        let (listener, server) = listener();
        drop(listener);
        let error = connect(&server, Duration::from_secs(10)).err();
        assert!(matches!(error, Some(SessionError::Connect { .. })));
    }
}
