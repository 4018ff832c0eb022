//! What the generator needs to know of a server, whatever that server speaks.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Bytes of every line that is said.
pub const TEXT_LEN: usize = 100;
/// A server that says nothing for so long has failed; one that is busy with the joins of others
/// may be slow to answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a member's kernel takes, as much as Linux lets everybody ask for. Left to itself it begins
/// with a window of 64 KiB, and segments on loopback are as large: the window opens so rarely that
/// a line stands still for 40 ms and more, whoever serves.
const RECEIVE_BUFFER: usize = 208 * 1024;

/// Connects a member's socket, from an address of its own where one is given.
///
/// # Errors
/// When the server does not answer.
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

/// A server that runs in a process of its own until it is dropped.
pub trait ServerUnderTest {
    /// Its process, for what the system says of it.
    fn pid(&self) -> u32;

    /// Makes a member: connected, logged in, and in the one room where all the others are.
    /// Blocks; called from several threads at once, with a different `member` each time.
    ///
    /// # Errors
    /// When the server refuses, or says what nobody expects.
    fn connect(&self, member: usize) -> anyhow::Result<MemberConnection>;

    /// How many of so many members had best be made at once.
    fn at_once(&self, _members: usize) -> usize {
        16
    }

    /// Makes a member that is connected and logged in, and in no room where the protocol lets it
    /// be in none: nobody is told that it came. Otherwise as [`ServerUnderTest::connect`].
    ///
    /// # Errors
    /// As there.
    fn log_in(&self, member: usize) -> anyhow::Result<MemberConnection> {
        self.connect(member)
    }
}

/// One member's connection to the server, from now on driven by the generator.
pub struct MemberConnection {
    /// The socket, still blocking.
    pub socket: TcpStream,
    /// What is spoken over it.
    pub talk: Box<dyn Talk + Send>,
}

/// A member's side of a protocol, without the socket.
pub trait Talk {
    /// Takes bytes from the socket, and hands on the text of every chat line that is complete.
    /// Keeps what is not complete. What the server must be answered goes to `out`.
    ///
    /// # Errors
    /// When the server says goodbye, or what is no protocol.
    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> anyhow::Result<()>;

    /// Appends to `out` the bytes that say these texts, each of [`TEXT_LEN`] bytes.
    ///
    /// # Errors
    /// When they can't be sealed.
    fn say(&mut self, texts: &[&str], out: &mut Vec<u8>) -> anyhow::Result<()>;
}

/// What a member heard.
pub enum Heard<'a> {
    /// A chat line; with its number in the room where the protocol has one.
    Text(&'a [u8], Option<u64>),
    /// The server held chat back from this member.
    Lagged,
}
