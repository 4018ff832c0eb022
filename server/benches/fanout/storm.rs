//! Hostile peers, in a process of their own at the lowest priority, while members talk.
//!
//! It ends by itself after a time or a number of attempts, and never logs in. Every peer comes
//! from an address other than the members', so that it uses up no limit of theirs.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chatbox_common::auth::scram::ClientFirst;
use chatbox_common::channel::{self, Channel, ChannelError, Receiver};
use chatbox_common::crypto::handshake::PREFACE;
use chatbox_common::deadline::Deadlined;
use chatbox_common::name::UserName;
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::wire::codec::{self, Read as Message};
use chatbox_common::wire::message::{ClientMessage, Login, LoginConfirm, ServerMessage};
use rustix::process::setpriority_process;
use socket2::{Domain, Socket, Type};

/// The bench's first argument when it is to be a storm; a kind, an address and seconds follow.
pub const FLAG: &str = "--storm";

const MAX_ATTEMPTS: u64 = 1_000_000;
/// Peers that attack at once.
const THREADS: u64 = 8;
/// Peers that send half a preface, in all threads together.
const HALF_OPEN: u64 = 1_000;
/// The lowest priority: the attack gets only processor time that neither server nor generator
/// uses, as if it came from another machine.
const NICE: i32 = 19;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Connect and close.
    Connect,
    /// Shake hands and close.
    Handshake,
    /// Shake hands, and log in with an unknown name and a wrong password.
    Login,
    /// A thousand at once send half a preface and wait for the server's deadline.
    HalfOpen,
}

impl Attack {
    pub const ALL: [Self; 4] = [Self::Connect, Self::Handshake, Self::Login, Self::HalfOpen];

    /// On the command line and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Handshake => "handshake",
            Self::Login => "login",
            Self::HalfOpen => "halfopen",
        }
    }
}

/// Ends when it is dropped.
pub struct Storm(GuardedChild);

pub fn spawn(kind: Attack, address: SocketAddr, duration: Duration) -> anyhow::Result<Storm> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([FLAG, kind.name(), &address.to_string()])
        .arg(duration.as_secs_f64().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    Ok(Storm(GuardedChild::spawn(&mut command)))
}

impl Storm {
    /// Waits for its end; returns the number of attempts. Fails when the server was gone.
    pub fn finish(mut self) -> anyhow::Result<u64> {
        let mut line = String::new();
        if let Some(output) = self.0.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        line.trim().parse().context("the storm failed")
    }
}

/// Runs the attack that the arguments behind [`FLAG`] name, and prints the number of attempts.
pub fn serve(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut next = || arguments.next().context("a kind, an address, seconds");
    let name = next()?;
    let kind = Attack::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = kind.with_context(|| format!("no kind of storm: {name}"))?;
    let (address, seconds) = (next()?.parse()?, next()?.parse()?);
    let attempts = run(kind, address, Duration::try_from_secs_f64(seconds)?)?;
    println!("{attempts}");
    Ok(())
}

/// Attacks from this process, and lowers its priority for good. Returns the number of attempts.
/// Fails when the server no longer listens.
pub fn run(kind: Attack, address: SocketAddr, duration: Duration) -> anyhow::Result<u64> {
    setpriority_process(None, NICE)?;
    let storm = Front {
        address,
        end: Instant::now() + duration,
        attempts: AtomicU64::new(0),
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| storm.blow(kind)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            let ended = thread.join();
            ended.map_err(|_| anyhow!("a thread of the storm panicked"))?
        })
    })?;
    Ok(storm.attempts.into_inner().min(MAX_ATTEMPTS))
}

struct Front {
    address: SocketAddr,
    end: Instant,
    attempts: AtomicU64,
}

impl Front {
    fn blow(&self, kind: Attack) -> anyhow::Result<()> {
        while let Some((number, socket)) = self.next_peer()? {
            // The server may do with such a peer what it likes.
            let _ = match kind {
                Attack::Connect => Ok(()),
                Attack::Handshake => self.shake_hands(&socket).map(drop),
                Attack::Login => self.claim_to_be_somebody(&socket, number),
                Attack::HalfOpen => {
                    self.hold_some(socket)?;
                    Ok(())
                }
            };
        }
        Ok(())
    }

    /// A new connection and its number; `None` when the attack is over.
    fn next_peer(&self) -> anyhow::Result<Option<(u64, TcpStream)>> {
        loop {
            let left = self.end.saturating_duration_since(Instant::now());
            let number = self.attempts.fetch_add(1, Ordering::Relaxed);
            if left.is_zero() || number >= MAX_ATTEMPTS {
                self.attempts.fetch_sub(1, Ordering::Relaxed);
                return Ok(None);
            }
            match connect(self.address, number, left) {
                Ok(socket) => return Ok(Some((number, socket))),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    return Err(error).context("the server does not listen any more");
                }
                // Out of ports or descriptors, or the server's backlog is full: tries again.
                Err(_) => {}
            }
        }
    }

    fn shake_hands(&self, socket: &TcpStream) -> Result<Channel, ChannelError> {
        let (channel, _) = channel::connect(&mut Deadlined::until(socket, self.end))?;
        Ok(channel)
    }

    /// A whole login with a made-up proof, which saves the cost of PBKDF2.
    fn claim_to_be_somebody(&self, socket: &TcpStream, number: u64) -> Result<(), ChannelError> {
        let mut channel = self.shake_hands(socket)?;
        let mut stream = Deadlined::until(socket, self.end);
        let Ok(name) = UserName::parse(&format!("nobody{number}")) else {
            return Ok(());
        };
        let first = ClientFirst::new(&name, *Secret::random().expose());
        let login = ClientMessage::Login(Login {
            request: 1,
            scram: first.message().to_owned(),
            capabilities: None,
        });
        channel.sender.send(&mut stream, &login)?;
        let answer = next_message(&mut channel.receiver, &mut stream)?;
        let Some(ServerMessage::LoginChallenge(challenge)) = answer else {
            return Ok(());
        };

        let nonce = challenge.scram.split(',').next().unwrap_or_default();
        let mut header = b"p=chatbox,,".to_vec();
        header.extend_from_slice(channel.binding.as_bytes());
        let (header, proof) = (STANDARD.encode(header), STANDARD.encode([7; 32]));
        let confirm = ClientMessage::LoginConfirm(LoginConfirm {
            request: 2,
            scram: format!("c={header},{nonce},p={proof}"),
            code: SecretString::new("123456".to_owned()),
        });
        channel.sender.send(&mut stream, &confirm)?;
        next_message(&mut channel.receiver, &mut stream)?;
        Ok(())
    }

    /// A thread's share of [`HALF_OPEN`]; returns when the server has closed the last of them.
    fn hold_some(&self, first: TcpStream) -> anyhow::Result<()> {
        let mut held = vec![first];
        while held.len() < (HALF_OPEN / THREADS) as usize {
            let Some((_, socket)) = self.next_peer()? else {
                break;
            };
            held.push(socket);
        }
        let half = PREFACE.split_at(PREFACE.len() / 2).0;
        for mut socket in &held {
            let _ = socket.write_all(half);
        }
        for socket in &held {
            let _ = Deadlined::until(socket, self.end).read(&mut [0; 1]);
        }
        Ok(())
    }
}

/// The server's next message; `None` for an unknown type.
fn next_message(
    receiver: &mut Receiver,
    stream: &mut impl Read,
) -> Result<Option<ServerMessage>, ChannelError> {
    loop {
        if let Some(content) = receiver.next_record()? {
            let message = codec::messages(content).next().transpose()?;
            return Ok(match message {
                Some(Message::Known(message)) => Some(message),
                _ => None,
            });
        }
        receiver.fill(stream)?;
    }
}

/// Connects from one of 62,500 addresses, so that no limit of an address ends the attack.
fn connect(address: SocketAddr, number: u64, within: Duration) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let digit = |of: u64| u8::try_from(of % 250 + 1).unwrap_or(1);
    let from = SocketAddr::from(([127, 77, digit(number / 250), digit(number)], 0));
    socket.bind(&from.into())?;
    socket.connect_timeout(&address.into(), within)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}
