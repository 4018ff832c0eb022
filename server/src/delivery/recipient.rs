//! One session as its delivery thread sees it: an outbox and the writing side of a socket.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use chatbox_common::wire::message::RoomId;
use rustix::net::SendFlags;

use super::budget::Share;
use super::job::Join;
use super::outbox::{Backpressure, MAX_REPLY_BYTES, Outbox, reply_cost};
use super::writable::Writable;
use crate::event::SessionId;

/// A session that can't go on: its socket failed, or a record could not be made.
#[derive(Debug)]
pub(super) struct Dead;

/// What a delivery thread lends its sessions for a moment.
pub(super) struct Tools<'a> {
    pub(super) now: Instant,
    pub(super) writable: &'a Writable,
    pub(super) scratch: &'a mut Vec<u8>,
}

/// See the module.
pub(super) struct Recipient {
    number: SessionId,
    socket: Arc<TcpStream>,
    outbox: Outbox,
    backpressure: Arc<Backpressure>,
    /// What the replies cost that entered the outbox and have not all left it.
    reply_bytes: usize,
    /// Rooms, and whether their messages come live.
    pub(super) rooms: HashMap<RoomId, bool>,
    /// Live chat was dropped, and the peer does not know yet.
    pub(super) lagged: bool,
    /// A room's notice that had no room; a newer one replaces it.
    presence: HashMap<RoomId, Arc<[u8]>>,
    /// The goodbye is in the outbox: when it has left, the session ends.
    closing: bool,
}

impl Recipient {
    pub(super) fn new(join: Join, limit: usize, share: Share) -> Self {
        let rooms = join.rooms.into_iter().map(|(room, _)| (room, true));
        Self {
            number: join.session,
            socket: join.socket,
            outbox: Outbox::new(join.sealer, limit, share),
            backpressure: join.backpressure,
            reply_bytes: 0,
            rooms: rooms.collect(),
            lagged: false,
            presence: HashMap::new(),
            closing: false,
        }
    }

    /// Whether a room's messages go to this session now.
    pub(super) fn is_live(&self, room: RoomId) -> bool {
        !self.lagged && !self.closing && self.rooms.get(&room) == Some(&true)
    }

    /// Whether everything was sent.
    pub(super) const fn is_drained(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether the goodbye was said and sent.
    pub(super) const fn is_over(&self) -> bool {
        self.closing && self.outbox.is_empty()
    }

    /// From now on nothing more is accepted for this session.
    pub(super) const fn close(&mut self) {
        self.closing = true;
    }

    /// Sends the first records of a session: those that were sealed before it began, and one of
    /// its own.
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

    /// Sends a reply that the backpressure has counted: whatever waits, it is never dropped.
    pub(super) fn reply(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        let cost = reply_cost(bytes.len());
        if self.closing {
            self.backpressure.replies_sent(cost);
            return Ok(());
        }
        self.reply_bytes += cost;
        self.push(bytes, tools)
    }

    /// Sends what the session must know. One that has no place for it any more ends: its client
    /// learns everything anew when it comes back.
    pub(super) fn tell(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        if self.closing {
            Ok(())
        } else if self.outbox.claim(0, bytes.len()) {
            self.push(bytes, tools)
        } else {
            Err(Dead)
        }
    }

    /// Sends what a session can do without, if it keeps up.
    pub(super) fn tell_droppable(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Dead> {
        if self.closing || !self.outbox.is_empty() {
            return Ok(());
        }
        self.push(bytes, tools)
    }

    /// It is no longer in a room.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.rooms.remove(&room);
        self.presence.remove(&room);
    }

    /// Sends a reply that the backpressure has not counted yet.
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
        // Chat must not keep the replies from ever leaving: their reader waits for them.
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

    /// Sends a room's notice, or keeps one without names for later where something waits.
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

    /// Takes the notices that waited.
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

    /// Sends what waits, now that the socket takes bytes again.
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

    /// Has its own thread end it: that reads nothing more, and says goodbye.
    pub(super) fn log_out(&self) {
        self.backpressure.log_out();
        // A socket that is closed already needs no end.
        let _ = self.socket.shutdown(Shutdown::Read);
    }

    /// The session's end at this side: its own thread hears of it and reads the rest.
    pub(super) fn end(self, how: Shutdown, writable: &Writable) {
        writable.forget(&self.socket);
        // A peer that is gone already makes this fail, which is what it was for.
        let _ = self.socket.shutdown(how);
        self.backpressure.close();
    }
}

/// Sends without waiting, and says how much the socket took.
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
