//! Accepts connections up to the cap, and hands each to a thread. Called by the server's main
//! thread.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbox_common::channel::BUSY_LINE;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::audit::{Line, events};
use crate::clock::now_ms;
use crate::connection::Connection;
use crate::connection_threads::ConnectionThreads;
use crate::connections::Full;
use crate::networks::canonical;
use crate::shared::Shared;

/// With the 128 of std a burst of connections costs each of the rest a retry after one second.
const BACKLOG: i32 = 4096;
/// Bytes of a stalled reader's that the kernel holds beyond the outbox's bound.
const SEND_BUFFER: usize = 64 * 1024;
/// So many connections are accepted within [`PACE`], and the rest waits in the backlog: a flood of
/// connections must not take the processor from those who are logged in. A rush of logins is slower
/// by itself.
const BURST: u32 = 4;
const PACE: Duration = Duration::from_millis(1);
/// After a failed accept, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit both.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Makes [`run`] return.
pub fn shut_down(listener: &TcpListener) {
    // It fails only when the listener is shut down already.
    let _ = SockRef::from(listener).shutdown(Shutdown::Both);
}

/// Accepts until the listener is shut down.
pub fn run(listener: &TcpListener, shared: &Arc<Shared>) {
    let threads = ConnectionThreads::default();
    let (mut begun, mut taken) = (Instant::now(), 0);
    loop {
        match listener.accept() {
            Ok((socket, peer)) => {
                admit(socket, canonical(peer), shared, &threads);
                taken += 1;
                if taken == BURST {
                    // Not a wait for a peer: connections that come meanwhile stand in the backlog.
                    std::thread::sleep(PACE.saturating_sub(begun.elapsed()));
                    (begun, taken) = (Instant::now(), 0);
                }
            }
            Err(_) if shared.connections.is_stopping() => return,
            Err(error) if is_about_one_peer(&error) => {}
            Err(error) => {
                let line = Line::of(&events::ACCEPT_FAILED).with("why", error);
                shared.audit.log(line);
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// The peer went away while it waited, or a signal came.
fn is_about_one_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

fn admit(socket: TcpStream, peer: SocketAddr, shared: &Arc<Shared>, threads: &ConnectionThreads) {
    let socket = Arc::new(socket);
    let admitted = shared
        .connections
        .admit(peer, Arc::clone(&socket), now_ms());
    let (session, gone) = match admitted {
        Ok(admitted) => admitted,
        Err(Full::Stopping) => return,
        Err(Full::Cap | Full::MadeRoom) => return refuse(&socket, peer, shared),
    };
    if let Some(gone) = gone {
        shared.handshakes.give_up(gone);
    }
    let connection = Connection {
        shared: Arc::clone(shared),
        session,
        socket: Arc::clone(&socket),
        peer,
    };
    if let Err(error) = threads.take(connection) {
        log::error!("no thread for a connection: {error}");
        refuse(&socket, peer, shared);
    }
}

/// Says busy without waiting for the peer: this thread accepts for all.
fn refuse(socket: &TcpStream, peer: SocketAddr, shared: &Shared) {
    shared.note_noise(peer.ip(), "over_the_cap");
    if socket.set_nonblocking(true).is_err() {
        return;
    }
    let mut stream: &TcpStream = socket;
    // Best effort: the peer learns more from it than from a closed connection.
    let _ = stream.write_all(BUSY_LINE);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read(&mut [0; 2048]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_sends_at_once_and_hides_little_of_a_stalled_reader() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        assert!(socket.nodelay().unwrap());
        // Linux doubles the size it is given, for its own book-keeping.
        let size = SockRef::from(&socket).send_buffer_size().unwrap();
        assert!((SEND_BUFFER..=2 * SEND_BUFFER).contains(&size), "{size}");
        drop(peer);
    }
}
