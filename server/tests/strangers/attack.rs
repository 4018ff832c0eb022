//! Strangers that take every place they get, and another for each that they lose.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use chatbox_common::channel;
use chatbox_common::crypto::handshake::{ClientHandshake, PREFACE};
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::wait::{PATIENCE, eventually};
use chatbox_common::wire::codec::{self, Read};
use chatbox_common::wire::frame;
use chatbox_common::wire::message::{ClientMessage, Register, ServerMessage};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

/// Of all addresses together: more than the places of a server with 1,024.
const HELD: usize = 1_280;
/// Registrations: more than may be under way.
const REGISTERING: usize = 192;

/// A connection from this address to the server on this machine.
pub fn socket_from(port: u16, from: IpAddr) -> TcpStream {
    let to: IpAddr = match from {
        IpAddr::V4(v4) if v4.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(_) => Ipv4Addr::new(10, 0, 0, 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    let socket = Socket::new(
        Domain::for_address(SocketAddr::new(from, 0)),
        Type::STREAM,
        None,
    );
    let socket = socket.unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect(&SocketAddr::new(to, port).into()).unwrap();
    socket.into()
}

/// How far the strangers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Connected,
    Handshake,
    Registering,
}

#[derive(Default)]
struct Told {
    is_over: AtomicBool,
    opened: AtomicUsize,
    lost: AtomicUsize,
}

pub struct Attack {
    told: Arc<Told>,
    thread: JoinHandle<()>,
}

impl Attack {
    /// All strangers come from one thread: it has no end before [`Attack::end`].
    pub fn begin(server: &ServerProcess, sources: &[String], until: Until) -> Self {
        raise_descriptors();
        let told = Arc::new(Told::default());
        let count = if until == Until::Registering {
            REGISTERING
        } else {
            HELD
        };
        let sources: Vec<IpAddr> = sources.iter().map(|one| one.parse().unwrap()).collect();
        let strangers = Strangers {
            port: server.address.port(),
            until,
            hello: hello(),
            told: Arc::clone(&told),
        };
        let held: Vec<_> = sources
            .into_iter()
            .cycle()
            .take(count)
            .map(|from| (from, None))
            .collect();
        let thread = thread::spawn(move || strangers.go_on(held));
        Self { told, thread }
    }

    /// Waits until some have been turned away.
    pub fn wait_until_full(&self) {
        eventually("strangers who find no room", || {
            let is_full = self.told.lost.load(Ordering::Relaxed) > 0;
            (is_full || self.thread.is_finished()).then_some(())
        });
    }

    /// How many connections the strangers opened, and how many of them they lost.
    pub fn end(self) -> (usize, usize) {
        self.told.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        (count(&self.told.opened), count(&self.told.lost))
    }
}

struct Strangers {
    port: u16,
    until: Until,
    /// Preface and message 1, the same for all.
    hello: Vec<u8>,
    told: Arc<Told>,
}

impl Strangers {
    fn go_on(&self, mut held: Vec<(IpAddr, Option<TcpStream>)>) {
        while !self.told.is_over.load(Ordering::Relaxed) {
            for (from, place) in &mut held {
                if place.as_mut().is_some_and(is_closed) {
                    self.told.lost.fetch_add(1, Ordering::Relaxed);
                    *place = None;
                }
                if place.is_none() && !self.told.is_over.load(Ordering::Relaxed) {
                    *place = self.open(*from);
                    self.told.opened.fetch_add(1, Ordering::Relaxed);
                }
            }
            thread::yield_now();
        }
    }

    fn open(&self, from: IpAddr) -> Option<TcpStream> {
        let mut socket = socket_from(self.port, from);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        match self.until {
            Until::Connected => {}
            Until::Handshake => {
                // Busy may have come already, and closed it.
                let _ = socket.write_all(&self.hello);
            }
            Until::Registering => {
                if self.register(&mut socket).is_none() {
                    self.told.lost.fetch_add(1, Ordering::Relaxed);
                    return None;
                }
            }
        }
        socket.set_nonblocking(true).unwrap();
        Some(socket)
    }

    /// Up to the challenge; `None` where the server has no place for it.
    fn register(&self, socket: &mut TcpStream) -> Option<()> {
        let (mut channel, _) = channel::connect(socket).ok()?;
        let register = ClientMessage::Register(Register {
            request: 1,
            user: format!("x{}", self.told.opened.load(Ordering::Relaxed)),
            invitation: None,
            capabilities: None,
        });
        channel.sender.send(socket, &register).ok()?;
        loop {
            if let Some(content) = channel.receiver.next_record().ok()? {
                let answer = codec::messages::<ServerMessage>(content).next()?.ok()?;
                let is_begun = matches!(answer, Read::Known(ServerMessage::RegisterChallenge(_)));
                return is_begun.then_some(());
            }
            channel.receiver.fill(socket).ok()?;
        }
    }
}

/// Also after a last word of the server.
fn is_closed(socket: &mut TcpStream) -> bool {
    loop {
        match socket.read(&mut [0; 4096]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

fn hello() -> Vec<u8> {
    let (_, message_1) = ClientHandshake::start().unwrap();
    let mut hello = PREFACE.to_vec();
    frame::put(&message_1, &mut hello).unwrap();
    hello
}

fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}
