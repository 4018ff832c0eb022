//! Sockets that were full: one thread waits until they take more, and says so.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::event::{Timespec, epoll};

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

    /// Waits for events and passes their sessions to `ready` until it returns false. It looks
    /// around at least once a second, so that it ends when there is nobody left to tell.
    ///
    /// # Errors
    /// When epoll fails, which it does not do on a valid descriptor.
    pub fn run(&self, mut ready: impl FnMut(Option<SessionId>) -> bool) -> io::Result<()> {
        let second = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            match epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                Some(&second),
            ) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if !ready(None) {
                return Ok(());
            }
            for event in &events {
                if !ready(Some(event.data.u64())) {
                    return Ok(());
                }
            }
        }
    }
}
