//! Sockets that were full: one thread waits until they take more, and says so.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::event::epoll;

use crate::event::SessionId;

/// The epoll instance behind it all. Registration is one-shot: one event for each `watch`.
pub struct Writable {
    epoll: OwnedFd,
}

impl Writable {
    /// # Errors
    /// When the system has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        })
    }

    /// Wants one event for this session as soon as its socket takes bytes again.
    ///
    /// # Errors
    /// When the system refuses; the session can't be served any more then.
    pub fn watch(&self, socket: &TcpStream, session: SessionId) -> io::Result<()> {
        let data = epoll::EventData::new_u64(session);
        let flags = epoll::EventFlags::OUT | epoll::EventFlags::ONESHOT;
        match epoll::modify(&self.epoll, socket, data, flags) {
            Err(rustix::io::Errno::NOENT) => epoll::add(&self.epoll, socket, data, flags)?,
            other => other?,
        }
        Ok(())
    }

    /// Wants nothing more about this socket. Not being registered is no fault.
    pub fn forget(&self, socket: &TcpStream) {
        let _ = epoll::delete(&self.epoll, socket);
    }

    /// Waits for events and passes their sessions to `ready`, until that says that nobody is
    /// left to tell.
    ///
    /// # Errors
    /// When epoll fails, which it does not do on a valid descriptor.
    pub fn run(&self, mut ready: impl FnMut(SessionId) -> bool) -> io::Result<()> {
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, spare, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                if !ready(event.data.u64()) {
                    return Ok(());
                }
            }
        }
    }
}
