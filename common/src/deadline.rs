//! A socket with an absolute deadline, which a peer that sends byte by byte can't extend.
//!
//! Server and client use it until the login is done. They choose the deadline, and decide what
//! follows when it has passed.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Each read and write sets the socket's own time-out to what is left of the deadline, and fails
/// with [`io::ErrorKind::TimedOut`] when nothing is.
pub struct Deadlined<'a> {
    socket: &'a TcpStream,
    deadline: Instant,
}

impl<'a> Deadlined<'a> {
    /// The deadline is this long from now.
    #[must_use]
    pub fn new(socket: &'a TcpStream, within: Duration) -> Self {
        Self::until(socket, Instant::now() + within)
    }

    /// The deadline is this moment.
    #[must_use]
    pub const fn until(socket: &'a TcpStream, deadline: Instant) -> Self {
        Self { socket, deadline }
    }

    /// Moves the deadline to this long from now.
    pub fn extend(&mut self, within: Duration) {
        self.deadline = Instant::now() + within;
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(left)
    }
}

impl Read for Deadlined<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        self.socket.read(buffer)
    }
}

impl Write for Deadlined<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_has_passed_its_deadline_neither_reads_nor_writes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        far.write_all(b"waiting").unwrap();
        let mut late = Deadlined::new(&near, Duration::ZERO);
        let mut buffer = [0; 7];
        let kind = late.read(&mut buffer).unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::TimedOut);
        assert_eq!(late.write(b"x").unwrap_err().kind(), kind);
        late.extend(Duration::from_secs(20));
        late.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"waiting");
    }
}
