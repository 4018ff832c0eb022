//! An address that does not answer, as a host behind a firewall that drops what comes: no
//! connection to it is made, and none is refused.

use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::net::listen;

/// A listener with no room for another connection: Linux drops the first packet of each.
pub struct SilentAddress {
    listener: TcpListener,
    /// Takes the one place that there is.
    _waiting: TcpStream,
}

impl SilentAddress {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listen(&listener, 0).unwrap();
        let waiting = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Self {
            listener,
            _waiting: waiting,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}
