//! The generator's view of a server, whatever protocol that speaks.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Bytes of every text.
pub const TEXT_LEN: usize = 100;
/// A server that sends nothing for this long has failed; it may be slow to answer while it
/// announces the joins of other members.
const PATIENCE: Duration = Duration::from_secs(120);
/// A member's receive buffer: the most that Linux grants without privileges. By default a window
/// begins with 64 KiB, and segments on loopback are as large: the window opens so rarely that
/// a connection stalls for 40 ms and more, with every server.
const RECEIVE_BUFFER: usize = 208 * 1024;

pub fn dial(server: SocketAddr, from: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(from) = from {
        socket.bind(&SocketAddr::from((from, 0)).into())?;
    }
    socket.connect(&server.into())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// A server that runs in a process of its own until this is dropped.
pub trait ServerUnderTest {
    fn pid(&self) -> u32;

    /// Makes a member: connected, logged in, and in the one room where all the others are.
    /// Blocks; called from several threads at once, with a different `member` each time.
    fn connect(&self, member: usize) -> anyhow::Result<MemberConnection>;

    /// How many of `members` connect at once.
    fn at_once(&self, _members: usize) -> usize {
        16
    }

    /// Makes a member that is connected and logged in, and in no room where the protocol allows
    /// that, so that no other member is told. Otherwise as [`ServerUnderTest::connect`].
    fn log_in(&self, member: usize) -> anyhow::Result<MemberConnection> {
        self.connect(member)
    }
}

/// A member's connection, to be handed to the generator.
pub struct MemberConnection {
    /// Still blocking.
    pub socket: TcpStream,
    pub talk: Box<dyn Talk + Send>,
}

/// A member's end of a protocol, without the socket.
pub trait Talk {
    /// Takes bytes from the socket, passes on the text of every complete chat message, and keeps
    /// what is incomplete. Appends answers to the server to `out`.
    ///
    /// # Errors
    /// When the server refuses, ends the session, or breaks the protocol.
    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> anyhow::Result<()>;

    /// Appends to `out` the bytes that say these texts, each of [`TEXT_LEN`] bytes.
    fn say(&mut self, texts: &[&str], out: &mut Vec<u8>) -> anyhow::Result<()>;
}

pub enum Heard<'a> {
    /// A chat message; with its number in the room where the protocol has one.
    Text(&'a [u8], Option<u64>),
    /// The server held chat back from this member.
    Lagged,
}
