//! From a socket to a session: the handshake, then a registration or a login.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Instant, SystemTime};

use anyhow::{Context, bail, ensure};
use chatbox_common::auth::scram::{ClientFirst, Iterations, Password, SaltedPassword};
use chatbox_common::auth::totp::{TotpSecret, step_of};
use chatbox_common::crypto::handshake::{ClientHandshake, MESSAGE_2_LEN, PREFACE};
use chatbox_common::crypto::record::{Opened, Opener, Rotation, Sealer};
use chatbox_common::name::UserName;
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::codec;
use chatbox_common::wire::frame::{self, LENGTH_LEN};
use chatbox_common::wire::message::{
    ClientMessage, LoggedIn, Login, LoginConfirm, Register, RegisterConfirm, ServerMessage,
};

use super::speech::Speech;
use crate::target::{MemberConnection, dial};

/// The server limits what one address may do before login, so members come from this many.
const ADDRESSES: usize = 250;

pub struct RegisteredMember {
    pub member: usize,
    name: UserName,
    /// Hashed once: PBKDF2 would be the generator's time, not the server's.
    salted: SaltedPassword,
    totp: TotpSecret,
    /// The TOTP step that the registration spent.
    last_step: u64,
}

/// A connection after its handshake, before login; its socket blocks.
pub struct Connecting {
    socket: TcpStream,
    sealer: Sealer,
    opener: Opener,
    binding: [u8; 32],
    /// Bytes of records not opened yet.
    pending: Vec<u8>,
}

fn step_now() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(step_of(since.as_secs()))
}

fn code(totp: &TotpSecret, step: u64) -> SecretString {
    SecretString::new(totp.code_at(step).expose().to_owned())
}

impl Connecting {
    pub fn open(server: SocketAddr, member: usize) -> anyhow::Result<Self> {
        let host = u8::try_from(member % ADDRESSES + 1)?;
        let mut socket = dial(server, Some(Ipv4Addr::new(127, 1, 1, host)))?;

        let (handshake, message_1) = ClientHandshake::start()?;
        let mut out = PREFACE.to_vec();
        frame::put(&message_1, &mut out)?;
        socket.write_all(&out)?;
        let mut message_2 = [0; LENGTH_LEN + MESSAGE_2_LEN];
        socket.read_exact(&mut message_2).context("the handshake")?;
        let (keys, _) = handshake.finish(&message_2[LENGTH_LEN..])?;
        let now = Instant::now();
        Ok(Self {
            socket,
            sealer: Sealer::new(keys.client_to_server, Rotation::default(), now),
            opener: Opener::new(keys.server_to_client, now),
            binding: *keys.channel_binding.as_bytes(),
            pending: Vec::new(),
        })
    }

    /// Makes an account, and closes the connection.
    pub fn register(mut self, member: usize) -> anyhow::Result<RegisteredMember> {
        let name = UserName::parse(&format!("m{member}"))?;
        self.say(&ClientMessage::Register(Register {
            request: 1,
            user: name.to_string(),
            invitation: None,
            capabilities: None,
        }))?;
        let challenge = match self.hear()? {
            ServerMessage::RegisterChallenge(challenge) => challenge,
            other => bail!("no registration: {other:?}"),
        };
        let iterations = Iterations::for_server(challenge.iterations)?;
        let password = Password::prepare(&SecretString::new(format!("password of m{member}")))?;
        let account = RegisteredMember {
            member,
            name,
            salted: SaltedPassword::derive(&password, challenge.salt, iterations),
            totp: TotpSecret::new(challenge.totp),
            last_step: step_now()?,
        };
        let verifier = account.salted.verifier();
        self.say(&ClientMessage::RegisterConfirm(RegisterConfirm {
            request: 2,
            stored_key: verifier.stored_key,
            server_key: verifier.server_key,
            code: code(&account.totp, account.last_step),
        }))?;
        self.enter()?;
        Ok(account)
    }

    /// Checks the server's proof as well.
    pub fn log_in(mut self, account: &RegisteredMember) -> anyhow::Result<MemberConnection> {
        let first = ClientFirst::new(&account.name, *Secret::random().expose());
        self.say(&ClientMessage::Login(Login {
            request: 1,
            scram: first.message().to_owned(),
            capabilities: None,
        }))?;
        let challenge = match self.hear()? {
            ServerMessage::LoginChallenge(challenge) => challenge.scram,
            other => bail!("no login: {other:?}"),
        };
        let proof = first.answer_salted(&challenge, &account.salted, &self.binding)?;
        // The registration has spent its step; the server takes the next one ahead of time.
        let step = step_now()?.max(account.last_step + 1);
        self.say(&ClientMessage::LoginConfirm(LoginConfirm {
            request: 2,
            scram: proof.message().to_owned(),
            code: code(&account.totp, step),
        }))?;
        let logged_in = self.enter()?;
        proof.verify(&logged_in.scram.context("no proof of the server's")?)?;
        self.socket.set_read_timeout(None)?;
        Ok(MemberConnection {
            socket: self.socket,
            talk: Box::new(Speech::new(self.sealer, self.opener, self.pending)),
        })
    }

    /// From `logged_in` to `welcome`, after which the member hears the lobby.
    fn enter(&mut self) -> anyhow::Result<LoggedIn> {
        let logged_in = match self.hear()? {
            ServerMessage::LoggedIn(logged_in) => logged_in,
            other => bail!("not logged in: {other:?}"),
        };
        self.sealer.begin_session();
        self.opener.begin_session();
        match self.hear()? {
            ServerMessage::Welcome(_) => Ok(logged_in),
            other => bail!("no welcome: {other:?}"),
        }
    }

    fn say(&mut self, message: &ClientMessage) -> anyhow::Result<()> {
        let (mut content, mut out) = (Vec::new(), Vec::new());
        codec::put(message, &mut content);
        self.sealer.seal(&content, Instant::now(), &mut out)?;
        Ok(self.socket.write_all(&out)?)
    }

    /// The first message of the next record. Others come with it only after `welcome`, and can be
    /// dropped: no member talks yet.
    fn hear(&mut self) -> anyhow::Result<ServerMessage> {
        loop {
            if let Some(mut record) = self.take_record() {
                let Opened::Messages(content) = self.opener.open(&mut record, Instant::now())?
                else {
                    continue;
                };
                let first = codec::messages::<ServerMessage>(content).next();
                return match first.context("an empty record")?? {
                    codec::Read::Known(message) => Ok(message),
                    codec::Read::Unknown { kind, .. } => bail!("a message of type {kind}"),
                };
            }
            let mut buffer = [0; 4096];
            let count = self.socket.read(&mut buffer)?;
            ensure!(count > 0, "the server closed the connection");
            self.pending.extend_from_slice(&buffer[..count]);
        }
    }

    fn take_record(&mut self) -> Option<Vec<u8>> {
        let length = u16::from_be_bytes(*self.pending.first_chunk()?);
        let end = LENGTH_LEN + usize::from(length);
        let record = self.pending.get(LENGTH_LEN..end)?.to_vec();
        self.pending.drain(..end);
        Some(record)
    }
}
