//! A client that says what a test tells it to say, and keeps what the server answers.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use crate::auth::resume::ResumeToken;
use crate::channel::{self, ChannelError, Receiver};
use crate::crypto::record::Sealer;
use crate::fingerprint::Fingerprint;
use crate::wire::codec;
use crate::wire::message::{
    Ack, Bye, ByeReason, Chat, ClientMessage, ErrorCode, ErrorMessage, Follow, Following, History,
    Kind, MessageId, Page, Plain, Send, Seq, ServerMessage, Welcome,
};
use socket2::{Domain, Socket, Type};

use super::LOBBY;
use super::process::ServerProcess;
use super::wait::PATIENCE;

/// A connection behind its handshake.
pub struct ScriptedClient {
    pub stream: TcpStream,
    pub sealer: Sealer,
    receiver: Receiver,
    pub binding: [u8; 32],
    /// Messages that arrived with others and were not asked for yet.
    inbox: VecDeque<ServerMessage>,
    /// Everything heard in clear, record behind record.
    pub heard: Vec<u8>,
    /// Bytes that came over the wire behind the handshake.
    pub wire_bytes: usize,
    last_request: u32,
    pub token: Option<ResumeToken>,
    pub welcome: Option<Welcome>,
}

struct Counted<'a>(&'a TcpStream, &'a mut usize);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        *self.1 += count;
        Ok(count)
    }
}

impl ScriptedClient {
    pub fn connect(server: &ServerProcess) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        Self::over(server, stream).unwrap()
    }

    /// From 127.0.0.`host`: the server's limits of an address count apart.
    pub fn connect_from(server: &ServerProcess, host: u8) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let from = SocketAddr::from(([127, 0, 0, host], 0));
        socket.bind(&from.into()).unwrap();
        socket.connect(&server.address.into()).unwrap();
        Self::over(server, socket.into()).unwrap()
    }

    /// With a small receive buffer, so that the server notices soon when the client does not read.
    pub fn connect_narrow(server: &ServerProcess) -> Self {
        let socket = Socket::new(Domain::for_address(server.address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&server.address.into()).unwrap();
        Self::over(server, socket.into()).unwrap()
    }

    /// Shakes hands over a stream, and compares the server's key with its fingerprint.
    pub fn over(server: &ServerProcess, mut stream: TcpStream) -> Result<Self, ChannelError> {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let (channel, key) = channel::connect(&mut stream)?;
        let fingerprint = Fingerprint::from_key(key.as_bytes()).to_string();
        assert_eq!(fingerprint, server.fingerprint);
        Ok(Self {
            stream,
            sealer: channel.sender.into_sealer(),
            receiver: channel.receiver,
            binding: *channel.binding.as_bytes(),
            inbox: VecDeque::new(),
            heard: Vec::new(),
            wire_bytes: 0,
            last_request: 0,
            token: None,
            welcome: None,
        })
    }

    pub fn begin_session(&mut self) {
        self.sealer.begin_session();
        self.receiver.begin_session();
    }

    /// Seals a record without sending it.
    pub fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        let sealed = self.sealer.seal(content, Instant::now(), &mut frame);
        sealed.unwrap();
        frame
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends messages in one record.
    pub fn try_say_all(&mut self, messages: &[ClientMessage]) -> io::Result<()> {
        let mut content = Vec::new();
        for message in messages {
            codec::put(message, &mut content);
        }
        let frame = self.seal(&content);
        self.write(&frame)
    }

    pub fn say_all(&mut self, messages: &[ClientMessage]) {
        self.try_say_all(messages).unwrap();
    }

    pub fn say(&mut self, message: &ClientMessage) {
        self.say_all(std::slice::from_ref(message));
    }

    /// Sends a request and returns its number.
    pub fn ask(&mut self, make: impl FnOnce(u32) -> ClientMessage) -> u32 {
        self.last_request += 1;
        let request = self.last_request;
        self.say(&make(request));
        request
    }

    /// Says something in the lobby.
    pub fn send(&mut self, id: MessageId, text: &str) -> u32 {
        self.ask(|request| sending(request, id, text))
    }

    /// Says something in the lobby, and waits until it is committed.
    pub fn post(&mut self, id: MessageId, text: &str) -> Ack {
        let request = self.send(id, text);
        self.ack(request)
    }

    pub fn history(&mut self, after: Option<Seq>, before: Option<Seq>, limit: u32) -> u32 {
        self.ask(|request| {
            ClientMessage::History(History {
                request,
                room: LOBBY,
                after,
                before,
                limit,
                before_time: None,
            })
        })
    }

    pub fn follow(&mut self, after: Seq) -> Following {
        let asked = self.ask(|request| {
            ClientMessage::Follow(Follow {
                request,
                room: LOBBY,
                after,
            })
        });
        self.until("following", |message| match message {
            ServerMessage::Following(following) if following.request == asked => Some(following),
            _ => None,
        })
    }

    pub fn bye(&mut self) {
        self.say(&ClientMessage::Bye(Bye {
            reason: ByeReason::Quit,
            text: String::new(),
        }));
    }

    /// Ends the connection without `bye`.
    pub fn cut(self) {
        self.stream.shutdown(Shutdown::Both).unwrap();
    }

    pub fn try_next(&mut self) -> Result<ServerMessage, ChannelError> {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Ok(message);
            }
            if let Some(content) = self.receiver.next_record()? {
                self.heard.extend_from_slice(content);
                for message in codec::messages::<ServerMessage>(content) {
                    let codec::Read::Known(message) = message? else {
                        panic!("the server said something unknown");
                    };
                    self.inbox.push_back(message);
                }
            } else {
                let mut stream = Counted(&self.stream, &mut self.wire_bytes);
                self.receiver.fill(&mut stream)?;
            }
        }
    }

    pub fn next(&mut self) -> ServerMessage {
        self.try_next().unwrap()
    }

    /// The first message that `pick` takes; those before it are dropped.
    pub fn until<T>(&mut self, what: &str, mut pick: impl FnMut(ServerMessage) -> Option<T>) -> T {
        let mut passed = Vec::new();
        loop {
            match self.try_next() {
                Ok(message) => {
                    passed.push(format!("{message:.200?}"));
                    if let Some(picked) = pick(message) {
                        return picked;
                    }
                }
                Err(error) => {
                    let tail = passed.len().saturating_sub(5);
                    panic!("{error} before {what}; last heard: {:#?}", &passed[tail..]);
                }
            }
        }
    }

    pub fn ack(&mut self, of: u32) -> Ack {
        self.until("an acknowledgement", |message| match message {
            ServerMessage::Ack(ack) if ack.request == of => Some(ack),
            ServerMessage::Error(error) if error.request == Some(of) => panic!("{error:?}"),
            _ => None,
        })
    }

    pub fn chat(&mut self) -> Chat {
        self.until("chat", |message| match message {
            ServerMessage::Chat(chat) => Some(chat),
            _ => None,
        })
    }

    pub fn error(&mut self, of: u32) -> ErrorMessage {
        self.until("an error", |message| match message {
            ServerMessage::Error(error) if error.request == Some(of) => Some(error),
            _ => None,
        })
    }

    pub fn page(&mut self, of: u32) -> Page {
        self.until("a page", |message| match message {
            ServerMessage::Page(page) if page.request == of => Some(page),
            _ => None,
        })
    }

    /// Waits for the `pong`: the server has handled everything sent before it.
    pub fn ping(&mut self) {
        let asked = self.ask(|request| ClientMessage::Ping(Plain { request }));
        self.until("a pong", |message| match message {
            ServerMessage::Pong(plain) if plain.request == asked => Some(()),
            _ => None,
        });
    }

    /// All messages up to the end of the stream, which must come between two frames.
    pub fn rest(&mut self) -> Vec<ServerMessage> {
        let mut rest = Vec::new();
        loop {
            match self.try_next() {
                Ok(message) => rest.push(message),
                Err(ChannelError::Closed) => return rest,
                Err(error) => panic!("{error} after {rest:?}"),
            }
        }
    }

    /// The first message after an attempt to log in; what follows on a refusal is read as well.
    pub fn answer(&mut self) -> ServerMessage {
        let first = self.next();
        if matches!(first, ServerMessage::Error(_)) {
            self.rest();
        }
        first
    }

    /// The reason of the `bye` with which the stream ends.
    pub fn goodbye(&mut self) -> ByeReason {
        let rest = self.rest();
        match rest.last() {
            Some(ServerMessage::Bye(bye)) => bye.reason,
            _ => panic!("no goodbye: {rest:?}"),
        }
    }

    /// The refusal that ends an attempt to log in, in its two messages.
    pub fn refusal(&mut self) -> (ErrorCode, ByeReason) {
        match self.rest().as_slice() {
            [ServerMessage::Error(error), ServerMessage::Bye(bye)] => (error.code, bye.reason),
            other => panic!("no refusal: {other:?}"),
        }
    }
}

pub fn sending(request: u32, id: MessageId, text: &str) -> ClientMessage {
    ClientMessage::Send(Send {
        request,
        room: LOBBY,
        id,
        text: text.to_owned(),
        kind: Kind::Text,
    })
}

/// A message id (docs/PROTOCOL.md, section 13.3).
pub fn id(start: u64, counter: u64) -> MessageId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&start.to_be_bytes());
    id[8..].copy_from_slice(&counter.to_be_bytes());
    id
}
