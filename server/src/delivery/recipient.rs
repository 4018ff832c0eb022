//! One session as its delivery thread sees it: an outbox and the writing side of a socket.
//!
//! It decides what is sent at once, what waits, and what of live chat and notices is dropped. It
//! never waits for a socket. Called by the `worker`, which has it in its `table`.

use std::collections::HashMap;
use std::hint::black_box;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Instant;

use chatbox_common::wire::message::RoomId;
use rustix::net::SendFlags;

use super::backpressure::{Backpressure, MAX_REPLY_BYTES, reply_cost};
use super::budget::Share;
use super::job::Join;
use super::outbox::Outbox;
use super::writable::Writable;
use crate::event::SessionId;

/// The session can't go on: its socket failed, a record could not be sealed, or what it must know
/// found no room.
#[derive(Debug)]
pub(super) struct Dead;

/// What a delivery thread lends a session for one job: ten thousand sessions have no scratch space
/// of their own.
pub(super) struct Tools<'a> {
    pub(super) now: Instant,
    pub(super) writable: &'a Writable,
    pub(super) scratch: &'a mut Vec<u8>,
}

pub(super) struct Recipient {
    number: SessionId,
    socket: Arc<TcpStream>,
    outbox: Outbox,
    backpressure: Arc<Backpressure>,
    /// The [`reply_cost`]s of replies sealed since everything was last sent.
    reply_bytes: usize,
    /// The session's place among the members of each of its rooms.
    pub(super) rooms: HashMap<RoomId, usize>,
    /// Live chat was dropped, and the peer was not told yet: it is once the outbox is empty.
    pub(super) lagged: bool,
    /// A room's notice that has to wait; a newer one replaces it.
    presence: HashMap<RoomId, Arc<[u8]>>,
    /// The goodbye is in the outbox: when it has left, the session ends.
    closing: bool,
}

impl Recipient {
    pub(super) fn new(join: Join, limit: usize, share: Share) -> Self {
        Self {
            number: join.session,
            socket: join.socket,
            outbox: Outbox::new(join.sealer, limit, share),
            backpressure: join.backpressure,
            reply_bytes: 0,
            rooms: HashMap::new(),
            lagged: false,
            presence: HashMap::new(),
            closing: false,
        }
    }

    pub(super) const fn number(&self) -> SessionId {
        self.number
    }

    /// Whether it is sent live chat, in rooms where that comes live.
    pub(super) const fn takes_chat(&self) -> bool {
        !self.lagged && !self.closing
    }

    pub(super) const fn is_drained(&self) -> bool {
        self.outbox.is_empty()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.closing && self.outbox.is_empty()
    }

    /// Nothing more is accepted for this session: the goodbye is its last message.
    pub(super) const fn close(&mut self) {
        self.closing = true;
    }

    /// Sends the records of `greeting`, which were sealed before the session began, and the first
    /// of its own, with one send.
    pub(super) fn greet(
        &mut self,
        greeting: &[u8],
        welcome: &[u8],
        tools: &mut Tools,
    ) -> Result<(), Dead> {
        let cost = reply_cost(welcome.len());
        self.backpressure.reply_queued(cost);
        self.reply_bytes += cost;
        tools.scratch.clear();
        tools.scratch.extend_from_slice(greeting);
        self.seal(welcome, tools)?;
        self.send_sealed(tools)
    }

    /// Takes a reply that the backpressure has counted; it is never dropped, whatever waits.
    pub(super) fn reply(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        let cost = reply_cost(bytes.len());
        if self.closing {
            self.backpressure.replies_sent(cost);
            return Ok(());
        }
        self.reply_bytes += cost;
        self.push(bytes, tools)
    }

    /// Takes what the session must know. A session without room for it ends: its client learns
    /// everything anew when it connects again.
    pub(super) fn tell(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        if self.closing {
            Ok(())
        } else if self.outbox.claim(0, bytes.len()) {
            self.push(bytes, tools)
        } else {
            Err(Dead)
        }
    }

    /// Takes what a session should know, if it has room for it.
    pub(super) fn offer(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        if self.closing || !self.outbox.claim(0, bytes.len()) {
            return Ok(());
        }
        self.push(bytes, tools)
    }

    /// Sends what a session can do without, if nothing waits.
    pub(super) fn tell_droppable(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        if self.closing || !self.outbox.is_empty() {
            return Ok(());
        }
        self.push(bytes, tools)
    }

    /// Reads something of all that chat is sealed and sent with. Done for several sessions in a row,
    /// the processor waits for their memory once; between two sends it would wait for each anew.
    pub(super) fn prefetch(&self) {
        black_box((self.takes_chat(), self.socket.as_raw_fd()));
        self.outbox.prefetch();
    }

    /// Drops what waits to be told of a room.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.presence.remove(&room);
    }

    /// Takes a reply that the backpressure has not counted yet.
    pub(super) fn say(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        self.backpressure.reply_queued(reply_cost(bytes.len()));
        self.reply(bytes, tools)
    }

    /// Sends a room's chat, one record after the other and with one send, as long as the outbox
    /// could hold all of it. Where a record finds no room, it is dropped with all that follow,
    /// and the session has lagged. Says whether the first one was taken.
    pub(super) fn chat<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a [u8]>,
        tools: &mut Tools,
    ) -> Result<bool, Dead> {
        tools.scratch.clear();
        let mut direct = self.outbox.is_empty();
        // Replies count as sent only once the outbox is empty. Chat that always fills it again
        // would keep the session's own thread waiting for ever.
        let owed = self.reply_bytes > MAX_REPLY_BYTES / 2;
        let mut taken = false;
        for record in records {
            let mut room = !owed && self.outbox.claim(tools.scratch.len(), record.len());
            if direct && !room {
                self.send_sealed(tools)?;
                tools.scratch.clear();
                direct = self.outbox.is_empty();
                room = !owed && self.outbox.claim(0, record.len());
            }
            if !room {
                self.lagged = true;
                break;
            }
            self.seal(record, tools)?;
            taken = true;
        }
        if direct {
            self.send_sealed(tools)?;
        }
        Ok(taken)
    }

    /// Sends a room's notice, or keeps the one without names for later where something waits.
    pub(super) fn presence(
        &mut self,
        room: RoomId,
        full: &[u8],
        count: &Arc<[u8]>,
        tools: &mut Tools,
    ) -> Result<(), Dead> {
        if self.closing {
            Ok(())
        } else if self.outbox.is_empty() {
            self.push(full, tools)
        } else {
            self.presence.insert(room, Arc::clone(count));
            Ok(())
        }
    }

    pub(super) fn waiting_presence(&mut self) -> Vec<Arc<[u8]>> {
        self.presence.drain().map(|(_, notice)| notice).collect()
    }

    fn push(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        tools.scratch.clear();
        let was_empty = self.outbox.is_empty();
        self.seal(bytes, tools)?;
        if was_empty {
            self.send_sealed(tools)?;
        }
        Ok(())
    }

    fn seal(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        let sealed = self.outbox.seal(bytes, tools.now, tools.scratch);
        sealed.map_err(|error| {
            log::error!("session {}: {error}", self.number);
            Dead
        })
    }

    /// Sends what was sealed into the scratch space; the outbox keeps what the socket does not
    /// take.
    fn send_sealed(&mut self, tools: &mut Tools) -> Result<(), Dead> {
        let sent = send(&self.socket, tools.scratch)?;
        let rest = tools.scratch.get(sent..).unwrap_or_default();
        self.outbox.keep(rest);
        if rest.is_empty() {
            self.replies_left();
            Ok(())
        } else {
            self.watch(tools.writable)
        }
    }

    pub(super) fn flush(&mut self, writable: &Writable) -> Result<(), Dead> {
        let sent = send(&self.socket, self.outbox.unsent())?;
        self.outbox.sent(sent);
        if self.outbox.is_empty() {
            self.replies_left();
            Ok(())
        } else {
            self.watch(writable)
        }
    }

    fn watch(&self, writable: &Writable) -> Result<(), Dead> {
        writable.watch(&self.socket, self.number).map_err(|error| {
            log::error!(
                "session {}: watching its socket failed: {error}",
                self.number
            );
            Dead
        })
    }

    fn replies_left(&mut self) {
        if self.reply_bytes > 0 {
            self.backpressure.replies_sent(self.reply_bytes);
            self.reply_bytes = 0;
        }
    }

    /// Makes the session's own thread, which may be blocked reading the socket, end the session.
    pub(super) fn log_out(&self) {
        self.backpressure.log_out();
        // Fails where the peer has closed the socket already, which ends the reading as well.
        let _ = self.socket.shutdown(Shutdown::Read);
    }

    /// Ends the writing side; the session's own thread reads the rest.
    pub(super) fn end(self, how: Shutdown, writable: &Writable) {
        writable.forget(&self.socket);
        // Fails where the peer has closed the socket already.
        let _ = self.socket.shutdown(how);
        self.backpressure.close();
    }
}

/// Sends without waiting. Returns how many bytes the socket took.
fn send(socket: &TcpStream, bytes: &[u8]) -> Result<usize, Dead> {
    let mut sent = 0;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        match rustix::net::send(socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => sent += count,
            Err(error) => match io::Error::from(error).kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => break,
                _ => return Err(Dead),
            },
        }
    }
    Ok(sent)
}
