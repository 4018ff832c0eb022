//! A server made of the protocol's own parts that says what a test tells it to say, right or
//! wrong, on a port of the system's choice. For tests of the client.

use crate::auth::resume::{self, ResumeToken};
use crate::auth::scram::{ClientFirstMessage, Iterations, Password, ServerFirst, Verifier};
use crate::auth::totp::TotpSecret;
use crate::channel::{self, ChannelError, Receiver, Sender};
use crate::crypto::handshake::{ChannelBinding, ServerIdentity, respond};
use crate::crypto::record::Rotation;
use crate::fingerprint::Fingerprint;
use crate::secret::{Secret, SecretString};
use crate::wire::codec::{self, Read};
use crate::wire::frame::FrameBuffer;
use crate::wire::message::{
    Access, AccountId, Ack, Action, Bye, ByeReason, Chat, ClientMessage, ErrorCode, ErrorMessage,
    Joined, Kind, Left, Limits, LoggedIn, LoginChallenge, Page, RegisterChallenge, Room, RoomId,
    Send, Seq, ServerMessage, Welcome,
};
use std::collections::VecDeque;
use std::net::{TcpListener, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use super::LOBBY;
use super::wait::PATIENCE;

/// Of every account.
pub const PASSWORD: &str = "correct horse";
/// The one TOTP code that [`AcceptedClient::challenge`] takes; no secret stands behind it.
pub const CODE: &str = "123456";

pub struct ScriptedServer {
    listener: TcpListener,
    identity: ServerIdentity,
}

/// A connection whose handshake is done.
pub struct AcceptedClient {
    stream: TcpStream,
    sender: Sender,
    receiver: Receiver,
    binding: ChannelBinding,
    pending: VecDeque<ClientMessage>,
}

pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// The same for the same number, so that a test need not keep it.
pub fn token(number: u8) -> ResumeToken {
    ResumeToken {
        id: [number; 16],
        token: Secret::new([number; 32]),
    }
}

pub fn chat(seq: Seq, user: &str, text: &str) -> Chat {
    Chat {
        room: LOBBY,
        seq,
        account: AccountId(7),
        user: user.to_owned(),
        time: now_ms(),
        text: text.to_owned(),
        kind: Kind::Text,
    }
}

impl ScriptedServer {
    pub fn bind() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            identity: ServerIdentity::from_private(Secret::random()),
        }
    }

    /// As an impostor on the same address has it.
    #[must_use]
    pub fn with_another_key(self) -> Self {
        Self {
            identity: ServerIdentity::from_private(Secret::random()),
            ..self
        }
    }

    pub fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    pub fn known_hosts_line(&self) -> String {
        format!("{} {}\n", self.address(), self.fingerprint())
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::from_key(self.identity.public().as_bytes())
    }

    pub fn accept(&self) -> AcceptedClient {
        let (mut stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let channel = channel::accept(
            &mut stream,
            FrameBuffer::new(),
            Rotation::default(),
            |message_1| Ok(respond(&self.identity, &message_1)?),
        )
        .unwrap();
        AcceptedClient {
            stream,
            sender: channel.sender,
            receiver: channel.receiver,
            binding: channel.binding,
            pending: VecDeque::new(),
        }
    }
}

impl AcceptedClient {
    pub fn say(&mut self, message: &ServerMessage) {
        self.sender.send(&mut self.stream, message).unwrap();
    }

    /// The next message but for `read`; `None` when the client has closed the connection.
    pub fn hear(&mut self) -> Option<ClientMessage> {
        loop {
            match self.pending.pop_front() {
                // Clients send it at times that a script can't foresee.
                Some(ClientMessage::Read(_)) => continue,
                Some(message) => return Some(message),
                None => {}
            }
            if let Some(content) = self.receiver.next_record().unwrap() {
                for message in codec::messages(content) {
                    match message.unwrap() {
                        Read::Known(message) => self.pending.push_back(message),
                        Read::Unknown { kind, .. } => panic!("a message of type {kind}"),
                    }
                }
                continue;
            }
            match self.receiver.fill(&mut self.stream) {
                Ok(()) => {}
                Err(ChannelError::Closed) => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub fn refuse(&mut self, request: u32, code: ErrorCode, text: &str) {
        self.say(&ServerMessage::Error(ErrorMessage {
            request: Some(request),
            code,
            text: text.to_owned(),
            retry_ms: None,
        }));
    }

    /// Bob puts the person out of a room.
    pub fn kick_from(&mut self, room: RoomId) {
        self.say(&ServerMessage::Left(Left {
            request: None,
            room,
            action: Action::Kick,
            by: "bob".to_owned(),
            reason: String::new(),
        }));
    }

    pub fn bye(&mut self, reason: ByeReason, text: &str) {
        let text = text.to_owned();
        self.say(&ServerMessage::Bye(Bye { reason, text }));
    }

    /// Reads and challenges the first message of a login, and checks the second. Does not answer
    /// that one: [`AcceptedClient::let_in`] sends what this returns, whose `scram` is `None` when
    /// the password was wrong.
    pub fn challenge(&mut self) -> LoggedIn {
        self.challenge_for(CODE)
    }

    /// The same where another code is to come.
    pub fn challenge_for(&mut self, code: &str) -> LoggedIn {
        let (challenge, user) = self.say_challenge(Iterations::DEFAULT);
        let Some(ClientMessage::LoginConfirm(confirm)) = self.hear() else {
            panic!("no confirmation");
        };
        assert_eq!(confirm.code.expose(), code);
        let proof = challenge
            .check(&confirm.scram, self.binding.as_bytes())
            .unwrap();
        let scram = proof.into_server_final(1.into()).ok();
        logged_in(confirm.request, scram, &user, 1)
    }

    /// Reads the first message of a login and challenges it. Returns the user's name as well.
    pub fn say_challenge(&mut self, iterations: Iterations) -> (ServerFirst, String) {
        let Some(ClientMessage::Login(login)) = self.hear() else {
            panic!("no login");
        };
        let first = ClientFirstMessage::parse(&login.scram).unwrap();
        let user = first.user().to_string();
        let password = Password::prepare(&SecretString::new(PASSWORD.to_owned())).unwrap();
        let verifier = Verifier::derive(&password, [1; 16], iterations);
        let challenge = first.challenge(verifier, *Secret::<18>::random().expose());
        self.say(&ServerMessage::LoginChallenge(LoginChallenge {
            request: login.request,
            scram: challenge.message().to_owned(),
            time: now_ms(),
        }));
        (challenge, user)
    }

    pub fn let_in(&mut self, logged_in: LoggedIn) {
        self.say(&ServerMessage::LoggedIn(logged_in));
        self.sender.begin_session();
        self.receiver.begin_session();
    }

    pub fn log_in(&mut self) {
        let logged_in = self.challenge();
        assert!(logged_in.scram.is_some(), "the password was wrong");
        self.let_in(logged_in);
    }

    /// Reads a resume, checks it against the token of this number, and gives that of the next.
    pub fn resume(&mut self, number: u8) {
        let request = self.hear_resume(number);
        self.let_in(logged_in(request, None, "alice", number + 1));
    }

    pub fn hear_resume(&mut self, number: u8) -> u32 {
        let Some(ClientMessage::Resume(resume)) = self.hear() else {
            panic!("no resume");
        };
        let ours = token(number);
        assert_eq!(resume.id, ours.id);
        assert!(resume::check(
            &resume.proof,
            &ours.stored(),
            self.binding.as_bytes()
        ));
        resume.request
    }

    /// Reads the first message of a registration and challenges it.
    pub fn register(&mut self, secret: &TotpSecret, iterations: Iterations) {
        let Some(ClientMessage::Register(register)) = self.hear() else {
            panic!("no registration");
        };
        self.say(&ServerMessage::RegisterChallenge(RegisterChallenge {
            request: register.request,
            salt: [1; 16],
            iterations: iterations.count(),
            totp: secret.bytes().clone(),
            recovery: (0..10).map(|n| Secret::new([n; 10])).collect(),
            time: now_ms(),
        }));
    }

    pub fn welcome(&mut self, head: Seq, messages_per_second: u32) {
        self.say(&ServerMessage::Welcome(Welcome {
            history_id: [1; 16],
            rooms: vec![Room {
                head,
                read: head,
                ..Room::new(LOBBY, "#lobby")
            }],
            time: now_ms(),
            limits: Limits::with_pace(messages_per_second),
            server: "9.9".to_owned(),
            session: 1,
            ignored: Vec::new(),
            capabilities: None,
            predecessor: None,
        }));
    }

    /// Takes the client into a room without messages.
    pub fn joined(&mut self, request: Option<u32>, room: RoomId, name: &str, access: Access) {
        self.say(&ServerMessage::Joined(Joined {
            request,
            room: Room {
                access,
                ..Room::new(room, name)
            },
        }));
    }

    /// Reads a request for a page and answers it with these messages.
    pub fn page(&mut self, messages: Vec<Chat>) {
        match self.hear() {
            Some(ClientMessage::History(asked)) => {
                self.page_of(asked.room, asked.request, messages);
            }
            other => panic!("{other:?} instead of a request for a page"),
        }
    }

    /// Answers a request for a page of the lobby that the test has read itself.
    pub fn pending_page(&mut self, request: u32, messages: Vec<Chat>) {
        self.page_of(LOBBY, request, messages);
    }

    pub fn page_of(&mut self, room: RoomId, request: u32, messages: Vec<Chat>) {
        self.say(&ServerMessage::Page(Page {
            request,
            room,
            messages,
            more: false,
            first: 1,
        }));
    }

    /// Answers requests for pages with empty ones, up to the first for this room.
    pub fn page_of_next(&mut self, room: RoomId) {
        loop {
            match self.hear() {
                Some(ClientMessage::History(asked)) => {
                    self.page_of(asked.room, asked.request, Vec::new());
                    if asked.room == room {
                        return;
                    }
                }
                Some(_) => {}
                None => panic!("the client has gone"),
            }
        }
    }

    pub fn hear_send(&mut self) -> Send {
        match self.hear() {
            Some(ClientMessage::Send(send)) => send,
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// Acknowledges a message and sends it back, as to every session in the room.
    pub fn commit(&mut self, send: &Send, seq: Seq) {
        self.say(&ServerMessage::Ack(Ack {
            request: send.request,
            seq,
            time: now_ms(),
        }));
        self.say(&ServerMessage::Chat(Chat {
            kind: send.kind,
            ..chat(seq, "alice", &send.text)
        }));
    }

    pub fn part(&mut self) {
        let heard = self.hear();
        assert!(matches!(heard, Some(ClientMessage::Bye(_))), "{heard:?}");
        self.bye(ByeReason::Quit, "");
    }

    /// False at the end of the stream, be it orderly or an error: the client may have been killed.
    pub fn hear_or_end(&mut self) -> bool {
        match self.receiver.next_record() {
            Ok(Some(_)) => true,
            Ok(None) => self.receiver.fill(&mut self.stream).is_ok(),
            Err(_) => false,
        }
    }

    /// Reads up to the end of the stream, before which at most a goodbye may come.
    pub fn hears_no_more(&mut self) {
        while let Some(message) = self.hear() {
            assert!(matches!(message, ClientMessage::Bye(_)), "{message:?}");
        }
    }
}

pub fn logged_in(request: u32, scram: Option<String>, user: &str, number: u8) -> LoggedIn {
    let token = token(number);
    LoggedIn {
        request,
        scram,
        user: user.to_owned(),
        account: AccountId(7),
        token_id: token.id,
        token: token.token,
        token_seconds: 3600,
        wrong_codes: 0,
        recovery_left: None,
    }
}
