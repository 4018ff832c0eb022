//! Sockets that were full: one thread waits with epoll until they take bytes again, and sends their
//! sessions' delivery threads a job. It neither reads nor writes.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::event::epoll;

use crate::event::SessionId;

/// Registration is one-shot: one event for each [`Writable::watch`].
pub struct Writable {
    epoll: OwnedFd,
}

impl Writable {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        })
    }

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

    /// A socket that is not registered is no error: it was never full.
    pub fn forget(&self, socket: &TcpStream) {
        let _ = epoll::delete(&self.epoll, socket);
    }

    /// Passes each session whose socket takes bytes again to `ready`, until that returns false: the
    /// session's delivery thread has ended.
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
