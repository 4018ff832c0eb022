//! What the generator needs to know of a server, whatever that server speaks.

use std::net::TcpStream;

/// Bytes of every line that is said.
pub const TEXT_LEN: usize = 100;

/// A server that runs in a process of its own until it is dropped.
pub trait Target {
    /// Its process, for what the system says of it.
    fn pid(&self) -> u32;

    /// Makes a member: connected, logged in, and in the one room where all the others are.
    /// Blocks; called from several threads at once, with a different `member` each time.
    ///
    /// # Errors
    /// When the server refuses, or says what nobody expects.
    fn connect(&self, member: usize) -> anyhow::Result<Line>;

    /// How many members had best be made at once.
    fn at_once(&self) -> usize {
        16
    }

    /// Makes a member that is connected and logged in, and in no room where the protocol lets it
    /// be in none: nobody is told that it came. Otherwise as [`Target::connect`].
    ///
    /// # Errors
    /// As there.
    fn log_in(&self, member: usize) -> anyhow::Result<Line> {
        self.connect(member)
    }
}

/// One member's line to the server, from now on driven by the generator.
pub struct Line {
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
